"""Parts of `sync/lists.py`: new runs of page one, and comparisons with what the feed covers."""

from tests.support.domain.patches import at, patch_of
from tui.api.runs import ListPage
from tui.domain.run import Cursor
from tui.store.store import Store
from tui.sync.lists import (
    FEED_DELAY,
    Coverage,
    NewestRuns,
)


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
