"""Parts of `sync/lists.py`: new runs of page one, and comparisons with what the feed covers."""

from itertools import count
from types import SimpleNamespace
from typing import Any

from tests.support.domain.patches import at, patch_of
from tui.api.runs import ListPage
from tui.domain.filters import RunFilters
from tui.domain.run import Cursor, RunId
from tui.domain.update import RunsRead
from tui.store.store import Store
from tui.sync.lists import FEED_DELAY, MIN_WINDOW_PAGES, Coverage, NewestRuns, RereadQueue


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


def compare_change(coverage: Coverage, *, changed_s: float, now_s: float) -> None:
    """A list read at `now_s` shows a change that the store does not have."""
    coverage.compare([patch_of("run_a", "EXECUTING", created=5, updated=changed_s)], Store(), at(now_s))


def test_change_is_missed_only_after_the_feeds_delay() -> None:
    coverage = Coverage()
    coverage.start(at(-100), at(0))
    reported_by_s = 10 + FEED_DELAY.total_seconds()
    compare_change(coverage, changed_s=10, now_s=reported_by_s)
    assert coverage.take_comparison() == (1, 0)
    compare_change(coverage, changed_s=10, now_s=reported_by_s + 0.001)
    assert coverage.take_comparison() == (1, 1)
    assert coverage.take_comparison() == (0, 0)


async def test_window_of_a_run_between_two_milliseconds_ends() -> None:
    """The server reads the end of a window in whole milliseconds, so that other runs may fill its first pages."""
    store, numbers = Store(), count()
    store.apply(RunsRead((patch_of("run_a", "EXECUTING", created=5.0004),)))

    async def read(_: RunFilters, *, size: int, **__: object) -> ListPage:
        patches = tuple(patch_of(f"run_{next(numbers)}", created=5.001) for _ in range(size))
        return ListPage(patches, at(9), Cursor(patches[-1].id))

    pages: Any = SimpleNamespace(store=store, read=read)
    queue = RereadQueue(pages, RunFilters(), lambda _: True)
    queue.add([RunId("run_a")])
    await queue.read(9, max_single_reads=0)
    assert next(numbers) == 10 * MIN_WINDOW_PAGES
