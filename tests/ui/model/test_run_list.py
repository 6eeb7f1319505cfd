"""The list without its drawing: cursor, window, marks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import at, patch_of
from tui.domain.run import RunId
from tui.domain.update import RunGone, RunsRead
from tui.features.runs.model import END, Item, ListQuery, RunListModel, shows_only_failures
from tui.store.changes import CREATED, ORDERS, Order
from tui.store.filter import parse_filter
from tui.store.freshness import Gap
from tui.store.store import Store
from tui.store.view import View

HEIGHT = 5


@dataclass
class Listed:
    """Rows over a store."""

    text: str = ""
    height: int = HEIGHT
    max_runs: int = 1000
    store: Store = field(init=False)
    rows: RunListModel = field(init=False)
    number: int = 0

    def __post_init__(self) -> None:
        self.store = Store(max_runs=self.max_runs)
        self.rows = RunListModel(self.store, View(self.store, parse_filter(self.text)), self.height)

    def read(self, *runs: tuple[int, str]) -> None:
        """Runs by number and status; the number is when it was created."""
        self.number += 1
        patches = tuple(
            patch_of(f"run_{number:03d}", word, created=number, updated=1000 + self.number, read=1000 + self.number)
            for number, word in runs
        )
        self.rows.on_changes(self.store.apply(RunsRead(patches)))

    def fill(self, count: int, word: str = "COMPLETED") -> None:
        self.read(*((number, word) for number in range(1, count + 1)))

    @property
    def cursor_line(self) -> int | None:
        rows = self.rows
        return None if rows.cursor is None else rows.window.index(rows.cursor)


def run(number: int) -> RunId:
    return RunId(f"run_{number:03d}")


def gap(until: int) -> Gap:
    """A gap that ended when the run of that number was created."""
    return Gap(at(until - 0.5), at(until))


def test_run_from_the_future_hides_no_new_run() -> None:
    """A scheduled run is created at its due time, and may be listed before."""
    listed = Listed(height=2)
    listed.fill(5)
    early = patch_of("run_900", "QUEUED", created=900, updated=5, read=6)
    listed.rows.on_changes(listed.store.apply(RunsRead((early,))))
    listed.rows.move(3)
    listed.read((6, "QUEUED"), (7, "QUEUED"))
    assert listed.rows.new_count == 2


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("", False),
        ("status:failed", True),
        ("status:crashed task:x", True),
        ("status:completed,crashed", False),
        ("-status:failed", False),
        ("group:8db75cb3 task:x", True),
        ("-group:8db75cb3", False),
    ],
)
def test_filters_that_leave_only_failures_are_known(text: str, is_so: bool) -> None:
    assert shows_only_failures(ListQuery(timedelta(days=1), text)) is is_so


words = st.sampled_from(["QUEUED", "EXECUTING", "COMPLETED", "FAILED"])
Step = Callable[[Listed], bool]
"""Does something; returns whether it happens elsewhere, not by a key of the list."""


def _by_key(do: Callable[[RunListModel], object]) -> Step:
    def step(listed: Listed) -> bool:
        do(listed.rows)
        return False

    return step


def _elsewhere(do: Callable[[Listed], None]) -> Step:
    def step(listed: Listed) -> bool:
        do(listed)
        return True

    return step


def _gone(number: int) -> Step:
    return _elsewhere(
        lambda listed: listed.rows.on_changes(listed.store.apply(RunGone(run(number), at(listed.number))))
    )


def _show(view: tuple[str, Order]) -> Step:
    def step(listed: Listed) -> bool:
        listed.rows.set_view(View(listed.store, parse_filter(view[0]), view[1]))
        return False

    return step


def _gaps(untils: list[int]) -> Step:
    return _elsewhere(lambda listed: listed.rows.show_gaps([gap(until) for until in sorted(untils)]))


reads = st.lists(st.tuples(st.integers(0, 30), words), min_size=1, max_size=4)
steps: st.SearchStrategy[Step] = st.one_of(
    reads.map(lambda runs: _elsewhere(lambda listed: listed.read(*runs))),
    st.integers(0, 30).map(_gone),
    st.lists(st.integers(0, 31), max_size=3, unique=True).map(_gaps),
    st.booleans().map(lambda has_end: _elsewhere(lambda listed: listed.rows.show_end(has_end=has_end))),
    st.integers(-7, 7).map(lambda lines: _by_key(lambda rows: rows.move(lines))),
    st.sampled_from([-1, 1]).map(lambda lines: _by_key(lambda rows: rows.step(lines))),
    st.integers(1, 9).map(lambda height: _by_key(lambda rows: rows.resize(height))),
    st.sampled_from([-1, 1]).map(lambda step: _by_key(lambda rows: rows.to_failed(step))),
    st.sampled_from(
        [
            RunListModel.to_top,
            RunListModel.to_bottom,
            RunListModel.toggle_mark,
            RunListModel.mark_all,
            RunListModel.mark_range,
        ]
    ).map(_by_key),
    st.tuples(st.sampled_from(["", "status:live", "status:failed"]), st.sampled_from(ORDERS)).map(_show),
)


def lines_of(listed: Listed) -> list[Item]:
    """The whole list, made from nothing: the runs, and each gap above the first run that is not newer than its end."""
    rows = listed.rows
    run_ids = set(rows.view.slice(0, len(rows.view))) | ({rows.cursor} if rows.is_departed(rows.cursor) else set())
    runs = sorted((run for run_id in run_ids if run_id and (run := listed.store.get(run_id))), key=rows.view.order.key)
    lines: list[Item] = [run.id for run in runs]
    for each in reversed(rows._gaps if rows.view.order is CREATED and runs else ()):
        older = [run.id for run in runs if run.created_at is not None and run.created_at <= each.until]
        lines.insert(lines.index(older[0]) if older else len(lines), each)
    return [*lines, END] if rows._has_end else lines


@given(st.lists(steps, max_size=25))
def test_window_equals_a_list_made_from_nothing(plan: list[Step]) -> None:
    listed = Listed(max_runs=25)
    rows = listed.rows
    for step in plan:
        cursor, line, was_at_end = rows.cursor, listed.cursor_line, rows.is_at_end
        if step(listed):
            is_end_gone = was_at_end and not rows.is_at_end
            assert rows.cursor == cursor or is_end_gone  # what happens elsewhere never takes the cursor to another run
            has_room = 0 < rows.top < len(rows) - len(rows.window)
            if has_room and rows.view.order is CREATED and cursor is not None and cursor in listed.store:
                assert listed.cursor_line == line
        if not rows.is_departed(rows.cursor) or (rows.cursor in listed.store and rows.view.order is CREATED):
            lines_now = lines_of(listed)
            assert rows.window == lines_now[rows.top : rows.top + rows.height]
            assert len(rows) == len(lines_now)
        assert rows.cursor_item is None or rows.cursor_item in rows.window
        assert not rows.is_at_end or (rows._has_end and rows.cursor is None)
        assert all(mark in listed.store for mark in rows.marks)
