"""The list without its drawing: cursor, window, marks."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import at, patch_of
from tui.domain.run import RunId
from tui.domain.update import RunGone, RunsRead
from tui.features.runs.model import END, Item, RunListModel
from tui.store.changes import CREATED, ORDERS, STATUS, Changes, Order
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


def test_list_follows_until_a_key_moves_the_cursor() -> None:
    listed = Listed()
    listed.fill(8)
    assert (listed.rows.cursor, listed.rows.window[0]) == (None, run(8))
    listed.read((9, "QUEUED"))
    assert (listed.rows.cursor, listed.rows.window[0], listed.rows.new_count) == (None, run(9), 0)
    listed.rows.move(1)
    assert listed.rows.cursor == run(9)


def test_new_runs_are_counted_below_a_fixed_cursor() -> None:
    listed = Listed()
    listed.fill(8)
    for _ in range(3):
        listed.rows.move(1)
    listed.read((9, "QUEUED"), (10, "QUEUED"))
    assert (listed.cursor_line, listed.rows.cursor, listed.rows.new_count) == (2, run(6), 2)
    listed.rows.move(-3)
    assert (listed.rows.cursor, listed.rows.new_count) == (run(9), 1)
    listed.rows.move(-1)
    assert (listed.rows.cursor, listed.rows.new_count) == (run(10), 0)
    listed.rows.move(-1)
    assert listed.rows.cursor is None


def test_hidden_new_runs_are_not_counted() -> None:
    listed = Listed()
    listed.fill(8)
    listed.rows.to_bottom()
    listed.read((9, "QUEUED"), (10, "FAILED"), (11, "FAILED"))
    listed.rows.set_view(View(listed.store, parse_filter("status:failed")))
    listed.rows.set_view(View(listed.store))
    assert listed.rows.new_count == 0  # it follows: the cursor's run was not shown
    listed.rows.to_bottom()
    listed.read((12, "QUEUED"), (13, "COMPLETED"))
    listed.rows.set_view(View(listed.store, parse_filter("status:completed")))
    assert (listed.rows.new_count, listed.rows.window[-1]) == (1, run(1))


def test_run_from_the_future_hides_no_new_run() -> None:
    """A scheduled run is created at its due time, and may be listed before."""
    listed = Listed(height=2)
    listed.fill(5)
    early = patch_of("run_900", "QUEUED", created=900, updated=5, read=6)
    listed.rows.on_changes(listed.store.apply(RunsRead((early,))))
    listed.rows.move(3)
    listed.read((6, "QUEUED"), (7, "QUEUED"))
    assert listed.rows.new_count == 2


def test_history_runs_are_not_new() -> None:
    listed = Listed()
    listed.read((50, "COMPLETED"), (51, "COMPLETED"))
    listed.rows.move(1)
    listed.read(*((number, "COMPLETED") for number in range(40)))
    assert (listed.rows.new_count, listed.cursor_line) == (0, 0)


def test_departed_run_stays_until_the_cursor_moves() -> None:
    listed = Listed("status:live")
    listed.fill(6, "EXECUTING")
    listed.rows.move(2)
    listed.read((5, "COMPLETED"))
    assert (listed.rows.cursor, listed.rows.is_departed(listed.rows.cursor), listed.cursor_line) == (run(5), True, 1)
    assert len(listed.rows) == 6
    listed.rows.move(1)
    assert (listed.rows.cursor, len(listed.rows), listed.rows.is_departed(listed.rows.cursor)) == (run(4), 5, False)
    assert run(5) not in listed.rows.window


def test_run_that_matches_again_is_not_departed() -> None:
    listed = Listed("status:live")
    listed.fill(3, "QUEUED")
    listed.rows.move(1)
    listed.read((3, "COMPLETED"))
    assert listed.rows.is_departed(listed.rows.cursor)
    listed.rows.move(-1)
    assert (listed.rows.cursor, len(listed.rows)) == (None, 2)


def test_cursor_follows_a_run_that_moves() -> None:
    listed = Listed()
    listed.rows.set_view(View(listed.store, order=STATUS))
    listed.fill(20, "QUEUED")
    listed.rows.to_bottom()
    cursor, line = listed.rows.cursor, listed.cursor_line
    listed.read((1, "FAILED"))
    assert cursor == run(1) == listed.rows.cursor
    assert (line, listed.cursor_line) == (4, 0)  # it is the first of all now: there is nothing above to show


def test_range_is_marked_from_the_last_mark() -> None:
    listed = Listed()
    listed.fill(8)
    listed.rows.move(2)
    listed.rows.toggle_mark()
    listed.rows.move(3)
    listed.rows.mark_range()
    assert list(listed.rows.marked_runs) == [run(7), run(6), run(5), run(4)]
    listed.rows.mark_all()
    assert len(listed.rows.marks) == 8
    listed.rows.mark_all()
    assert len(listed.rows.marks) == 0


def test_hidden_marks_are_counted_apart() -> None:
    listed = Listed()
    listed.fill(4, "QUEUED")
    listed.read((2, "FAILED"))
    listed.rows.mark_all()
    listed.rows.set_view(View(listed.store, parse_filter("status:failed")))
    assert (list(listed.rows.marked_runs), len(listed.rows.marks)) == ([run(2)], 4)


def test_model_counts_hidden_marks() -> None:
    listed = Listed()
    listed.fill(4, "QUEUED")
    listed.read((2, "FAILED"))
    listed.rows.mark_all()
    assert listed.rows.marks.hidden_count == 0
    listed.rows.set_view(View(listed.store, parse_filter("status:failed")))
    assert listed.rows.marks.hidden_count == 3
    listed.read((2, "COMPLETED"), (3, "FAILED"))
    assert list(listed.rows.marked_runs) == [run(3)]
    assert (len(listed.rows.marks), listed.rows.marks.hidden_count) == (4, 3)
    listed.rows.marks.clear_shown()
    assert (len(listed.rows.marks), listed.rows.marks.hidden_count) == (3, 3)


@pytest.mark.parametrize("needle", ["status:failed", "status:queued", "nothing-like-this"])
def test_second_mark_all_clears_every_mark(needle: str) -> None:
    listed = Listed()
    listed.fill(6, "QUEUED")
    listed.read((2, "FAILED"))
    listed.rows.mark_all()
    listed.rows.set_view(View(listed.store, parse_filter(needle)))
    listed.rows.mark_all()
    listed.read((7, "FAILED"), (8, "QUEUED"))
    listed.rows.mark_all()
    assert (len(listed.rows.marks), listed.rows.marks.hidden_count) == (0, 0)
    listed.rows.set_view(View(listed.store))
    listed.rows.mark_all()
    assert len(listed.rows.marks) == 8


def test_x_finds_errors_in_both_directions() -> None:
    listed = Listed()
    listed.fill(30)
    listed.read((3, "FAILED"), (20, "CRASHED"))
    assert listed.rows.to_failed(1)
    assert listed.rows.cursor == run(20)
    assert listed.rows.to_failed(1)
    assert listed.rows.cursor == run(3)
    assert not listed.rows.to_failed(1)
    assert listed.rows.to_failed(-1)
    assert listed.rows.cursor == run(20)


def test_next_failed_scans_among_many_errors() -> None:
    listed = Listed()
    listed.fill(600, "FAILED")
    listed.read((300, "COMPLETED"))
    listed.rows.go_to(run(301))
    assert listed.rows.to_failed(1)
    assert listed.rows.cursor == run(299)


def test_shorter_period_removes_runs_and_cursor() -> None:
    listed = Listed()
    listed.fill(8)
    listed.rows.set_view(View(listed.store, since=at(0)))
    listed.rows.to_bottom()
    listed.rows.set_since(at(5))
    assert (listed.rows.window, listed.rows.cursor) == ([run(8), run(7), run(6), run(5)], None)


def test_cursor_keeps_its_line_when_the_period_grows() -> None:
    listed = Listed(height=4)
    listed.read(*((number, "FAILED" if number < 5 else "COMPLETED") for number in range(1, 9)))
    listed.rows.set_view(View(listed.store, order=STATUS, since=at(5)))
    listed.rows.go_to(run(6))
    line = listed.cursor_line
    listed.rows.set_since(at(1))
    assert (listed.rows.cursor, listed.cursor_line) == (run(6), line)
    assert len(listed.rows) == 8
    assert listed.rows.to_failed(-1)


def test_gap_has_a_line_that_the_cursor_skips() -> None:
    listed = Listed()
    listed.fill(8)
    listed.rows.show_gaps([gap(6)])
    assert listed.rows.window == [run(8), run(7), gap(6), run(6), run(5)]
    seen = []
    for _ in range(4):
        listed.rows.move(1)
        seen.append((listed.rows.cursor, listed.cursor_line))
    assert seen == [(run(8), 0), (run(7), 1), (run(6), 3), (run(5), 4)]
    listed.rows.to_line(2)
    assert listed.rows.cursor == run(5)
    listed.rows.move(-2)
    assert (listed.rows.cursor, listed.cursor_line) == (run(7), 1)
    listed.rows.toggle_mark()
    listed.rows.to_bottom()
    listed.rows.mark_range()
    assert list(listed.rows.marked_runs) == [run(number) for number in range(7, 0, -1)]


def test_cursor_keeps_its_line_when_a_gap_appears() -> None:
    listed = Listed()
    listed.fill(8)
    listed.rows.go_to(run(6))
    assert listed.cursor_line == 2
    listed.rows.show_gaps([gap(7), gap(8)])
    assert (listed.rows.cursor, listed.cursor_line) == (run(6), 2)
    assert listed.rows.window == [gap(7), run(7), run(6), run(5), run(4)]
    listed.rows.show_gaps([gap(8)])
    assert listed.rows.window == [run(8), run(7), run(6), run(5), run(4)]
    listed.rows.move(-2)
    assert listed.rows.window == [gap(8), run(8), run(7), run(6), run(5)]


def test_gap_line_needs_creation_order_and_the_period() -> None:
    listed = Listed()
    listed.rows.show_gaps([gap(3)])
    assert (listed.rows.gaps, listed.rows.window) == ([], [])
    listed.fill(4)
    assert listed.rows.window == [run(4), gap(3), run(3), run(2), run(1)]
    listed.rows.set_view(View(listed.store, order=STATUS))
    assert (listed.rows.gaps, len(listed.rows)) == ([], 4)
    listed.rows.set_view(View(listed.store, parse_filter("run_004")))
    assert listed.rows.window == [run(4), gap(3)]
    listed.rows.to_bottom()
    assert listed.rows.cursor == run(4)
    listed.rows.set_view(View(listed.store, since=at(0)))
    listed.rows.set_since(at(3.5))
    assert listed.rows.window == [run(4)]


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


def test_changes_before_the_first_size_are_harmless() -> None:
    listed = Listed(height=0)
    listed.fill(3)
    assert listed.rows.window == []
    listed.rows.on_changes(Changes())
    listed.rows.resize(2)
    assert listed.rows.window == [run(3), run(2)]
