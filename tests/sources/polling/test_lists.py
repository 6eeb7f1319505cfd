"""Parts of `sync/lists.py`: new runs of page one, comparisons, what a feed covers, and re-reads."""

import itertools
from datetime import timedelta
from typing import Any, cast

import pytest

from tests.support.domain.patches import at, patch_of, run_of
from tui.api.errors import ApiError, RateLimited, ServerFault
from tui.api.runs import ListPage
from tui.domain.filters import RunFilters
from tui.domain.run import Cursor, Fixed, RunId, TaskId
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead
from tui.store.store import Store
from tui.sync.budget import Priority
from tui.sync.lists import (
    FEED_DELAY,
    RECONCILE_EVERY_S,
    SETTLING_S,
    Coverage,
    Density,
    NewestRuns,
    PageReader,
    Reconciliation,
    ReportedRuns,
    RereadQueue,
    is_incomplete,
)

# --- new runs


def page_of(*created_s: float, read_s: float = 1000) -> ListPage:
    """A page of runs that are named after their creation times, with a next page."""
    patches = tuple(patch_of(f"run_{second}", created=second) for second in created_s)
    return ListPage(patches, at(read_s), Cursor("next"))


def test_runs_are_new_after_the_servers_clock_is_set_back() -> None:
    newest = NewestRuns()
    newest.add(page_of(700, 699, read_s=700))
    newest.commit()
    assert newest.add(page_of(700, 699, 101, 100, read_s=102)) == 0
    newest.commit()
    assert newest.add(page_of(700, 699, 103, 102, 101, 100, read_s=104)) == 2


def test_run_created_in_the_future_hides_no_new_run() -> None:
    newest = NewestRuns()
    newest.add(page_of(5000, 99, read_s=100))
    newest.commit()
    assert newest.add(page_of(5000, 101, 99, read_s=102)) == 1


# --- comparisons with the feed

NOW_S = 100.0


def after_start() -> Reconciliation:
    """A plan right after the feed started, with both comparisons due."""
    plan = Reconciliation()
    plan.plan(1, NOW_S)
    return plan


def quiet() -> Reconciliation:
    """A plan after the comparisons of the start are done, with one of the usual ones."""
    plan = after_start()
    plan.finish()
    plan.finish()
    plan.plan(1, NOW_S)
    return plan


def due_s(plan: Reconciliation) -> list[float]:
    """Return when comparisons are due, to half a second."""
    found: list[float] = []
    for half in range(200):
        while plan.is_due(NOW_S + half / 2):
            found.append(half / 2)
            plan.finish()
    return found


def test_feed_is_compared_twice_after_its_start() -> None:
    assert due_s(after_start()) == [0, SETTLING_S]


def test_comparisons_repeat_at_an_interval() -> None:
    plan = quiet()
    plan.plan(1, NOW_S + 5)
    assert due_s(plan) == [RECONCILE_EVERY_S]


@pytest.mark.parametrize("is_requested", [True, False], ids=["refresh", "feed restart"])
def test_comparison_starts_again_after_a_refresh_or_restart(is_requested: bool) -> None:
    plan = after_start()
    plan.is_running = True
    if is_requested:
        plan.request()
    plan.plan(1 if is_requested else 2, NOW_S + 1)
    assert not plan.is_running
    assert due_s(plan) == [1, 1 + SETTLING_S]


def test_counts_that_differ_twice_start_a_comparison() -> None:
    plan = quiet()
    plan.compare_counts(is_equal=False, now_s=NOW_S + 10)
    assert not plan.is_due(NOW_S + 10)
    plan.compare_counts(is_equal=False, now_s=NOW_S + 20)
    assert due_s(plan) == [20, RECONCILE_EVERY_S]


# --- what the feed covers

HOUR_S = 3600.0


def created(number: int) -> RunPatch:
    return RunPatch(RunId(f"run_{number}"), at(number), created_at=at(number))


def compare_change(coverage: Coverage, *, changed_s: float, now_s: float) -> None:
    """A list read at `now_s` shows a change that the store does not have."""
    coverage.compare([patch_of("run_a", "EXECUTING", created=5, updated=changed_s)], Store(), at(now_s))


def test_feed_covers_no_run_older_than_a_day() -> None:
    coverage = Coverage()
    coverage.start(at(0) - timedelta(hours=24), at(0))
    ten_hours_old = at(-10 * HOUR_S)
    assert coverage.covers(ten_hours_old, at(HOUR_S))
    assert not coverage.covers(ten_hours_old, at(14 * HOUR_S))
    assert not coverage.covers(at(-25 * HOUR_S), at(0))


def test_new_run_displaces_the_oldest_reported_run() -> None:
    reported = ReportedRuns(3)
    reported.add(map(created, (5, 3, 4)))
    assert reported.since == at(3)
    reported.add([created(6)])
    assert reported.since == at(4)
    reported.add([created(1), created(6)])
    assert reported.since == at(4)


def test_unreadable_rows_take_places_of_reported_runs() -> None:
    reported = ReportedRuns(3)
    reported.add(map(created, (5, 4)), unreadable_count=1)
    assert reported.since == at(4)
    # More rows than places: only the newest readable run is reported for certain.
    reported = ReportedRuns(3)
    reported.add(map(created, (5, 4)), unreadable_count=9)
    assert reported.since == at(5)


def test_feed_that_reports_no_change_is_silent() -> None:
    coverage = Coverage()
    coverage.start(at(-HOUR_S), at(0))

    def is_silent_after(now_s: float, *, is_reported: bool = False, is_changed: bool = True) -> bool:
        if is_reported:
            coverage.record_change()
        compare_change(coverage, changed_s=now_s - 10 if is_changed else -10, now_s=now_s)
        coverage.take_comparison()
        return coverage.is_silent

    # Between the misses, the feed reported a change, or nothing changed.
    assert not is_silent_after(30)
    assert not is_silent_after(60, is_reported=True)
    assert not is_silent_after(90)
    assert not is_silent_after(120, is_changed=False)
    assert not is_silent_after(150)
    assert is_silent_after(180)
    coverage.stop()
    coverage.start(at(-HOUR_S), at(200))
    assert not coverage.is_silent


def test_change_is_missed_only_after_the_feeds_delay() -> None:
    coverage = Coverage()
    coverage.start(at(-100), at(0))
    reported_by_s = 10 + FEED_DELAY.total_seconds()
    compare_change(coverage, changed_s=10, now_s=reported_by_s)
    assert coverage.take_comparison() == (1, 0)
    compare_change(coverage, changed_s=10, now_s=reported_by_s + 0.001)
    assert coverage.take_comparison() == (1, 1)
    assert coverage.take_comparison() == (0, 0)


def test_incomplete_run_needs_the_list_after_its_delay() -> None:
    coverage = Coverage()
    coverage.mark_incomplete(RunId("run_a"), at(10))
    assert not coverage.needs_list(at(11))
    assert coverage.take_incomplete(at(11)) == []
    assert coverage.needs_list(at(13))
    assert coverage.take_incomplete(at(13)) == [RunId("run_a")]
    assert not coverage.needs_list(at(13))


def test_started_run_without_a_version_is_incomplete() -> None:
    def is_incomplete_as(word: str, version: str | None, **state: Any) -> bool:
        fixed = Fixed(depth=0, version=None if version is None else Raw(version))
        return is_incomplete(run_of("run_a", word, fixed=fixed, state=state))

    assert not is_incomplete_as("QUEUED", None)
    assert is_incomplete_as("EXECUTING", None, started_at=at(1))
    assert not is_incomplete_as("EXECUTING", "1", started_at=at(1))


# --- runs of unknown outcome


class EmptyPages:
    """A page reader whose list shows no run, and whose single reads fail. `read_ids` are the runs read by id."""

    def __init__(self, run_ids: list[RunId]) -> None:
        self.store = Store()
        self.store.apply(RunsRead(tuple(patch_of(run_id, created=n) for n, run_id in enumerate(run_ids))))
        self.fetcher = self
        self.request_count = 0
        self.read_at = at(0)
        self.read_ids: list[RunId] = []
        self.failure: ApiError = ServerFault("it cannot be read", 500)

    async def read(self, *_: object, **__: object) -> ListPage:
        return ListPage((), at(0), None)

    async def fetch_run(self, run_id: RunId, _: Priority) -> None:
        self.read_ids.append(run_id)
        raise self.failure


class EndlessPages(EmptyPages):
    """Empty pages without end."""

    def __init__(self, run_ids: list[RunId]) -> None:
        super().__init__(run_ids)
        self._cursors = itertools.count()

    async def read(self, *_: object, **__: object) -> ListPage:
        return ListPage((), at(0), Cursor(str(next(self._cursors))))


class FullPages(EmptyPages):
    """A list of all runs of `created_s`, of which the store knows some, and whose single reads succeed."""

    def __init__(self, created_s: dict[str, float], known: list[RunId]) -> None:
        super().__init__([])
        self.read_at = at(max(created_s.values()) + 1)
        rows = [patch_of(run_id, created=second) for run_id, second in created_s.items()]
        self.store.apply(RunsRead(tuple(patch_of(run_id, created=created_s[run_id]) for run_id in known)))
        self._rows = sorted(rows, key=lambda row: (created_s[row.id], row.id), reverse=True)
        self.gone: set[RunId] = set()
        self.page_count = 0

    async def read(self, *args: object, **options: object) -> ListPage:
        filters, first, size = cast("RunFilters", args[0]), int(str(options["after"] or 0)), int(str(options["size"]))
        since, until = filters.created_from, filters.created_to
        assert since is not None
        assert until is not None
        moments = {row.id: row.created_at for row in self._rows if row.id not in self.gone}
        rows = [row for row in self._rows if since <= (moments.get(row.id) or at(-1e6)) <= until]
        self.page_count += 1
        following = Cursor(str(first + size)) if len(rows) > first + size else None
        return ListPage(tuple(rows[first : first + size]), self.read_at, following)

    async def fetch_run(self, run_id: RunId, _: Priority) -> None:
        self.read_ids.append(run_id)


def queue_of(pages: EmptyPages) -> RereadQueue:
    return RereadQueue(cast("PageReader", pages), RunFilters(), lambda run_id: run_id in pages.store.live())


async def test_two_runs_of_a_crowded_millisecond_are_read_by_id() -> None:
    two = [RunId("run_0300"), RunId("run_0400")]
    pages = FullPages({f"run_{n:04d}": 50 for n in range(1_000)}, two)
    queue = queue_of(pages)
    queue.add(two)
    await queue.read(8)
    assert queue.is_empty
    assert pages.read_ids == two
    assert pages.page_count == 3


async def test_runs_behind_endless_empty_pages_are_read_by_id() -> None:
    hidden = [RunId(f"run_{n}") for n in range(3)]
    pages = EndlessPages(hidden)
    queue = queue_of(pages)
    queue.add(hidden)
    await queue.read(8)
    assert queue.is_empty
    assert pages.read_ids == hidden


async def test_run_is_read_again_after_a_429() -> None:
    hidden = RunId("run_hidden")
    pages = EmptyPages([hidden])
    queue = queue_of(pages)
    queue.add([hidden])
    pages.failure = RateLimited("429", timedelta(seconds=5))
    with pytest.raises(RateLimited):
        await queue.read(3)
    pages.failure = ServerFault("it cannot be read", 500)
    await queue.read(3)
    assert pages.read_ids == [hidden, hidden]
    assert queue.is_empty


def test_density_spreads_ranks_until_it_has_decayed() -> None:
    density, task, hour = Density(), TaskId("send-email"), timedelta(hours=1)
    assert density.rank(None, 7, hour) == 7
    density.record(None, 100, timedelta(seconds=10))
    assert density.rank(None, 7, hour) == 36_000
    assert density.rank(None, 50_000, hour) == 50_000
    assert density.rank(task, 7, hour) == 7
    density.decay()
    assert density.rank(None, 7, hour) == 18_000
    for _ in range(20):
        density.decay()
    assert density.rank(None, 7, hour) == 7
