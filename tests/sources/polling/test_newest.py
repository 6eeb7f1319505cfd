"""Which runs of page one are new, and after which page no new run can follow."""

from tests.support.domain.patches import at, patch_of
from tui.api.runs import ListPage
from tui.domain.run import Cursor
from tui.sync.lists import LIST_DELAY, NewestRuns

DELAY_S = LIST_DELAY.total_seconds()


def page_of(*created_s: float, read_s: float = 1000) -> ListPage:
    """A page of runs that are named after their creation times, with a next page."""
    patches = tuple(patch_of(f"run_{second}", created=second) for second in created_s)
    return ListPage(patches, at(read_s), Cursor("next"))


def test_first_page_is_not_past_the_new_runs() -> None:
    newest = NewestRuns()
    assert newest.add(page_of(10, 9)) == 2
    assert not newest.is_past(page_of(10, 9))


def test_page_with_known_runs_is_past_the_new_ones() -> None:
    newest = NewestRuns()
    newest.add(page_of(10, 9))
    newest.commit()
    page = page_of(12, 11, 10, 10 - DELAY_S)
    assert newest.add(page) == 2
    assert newest.is_past(page)


def test_page_is_not_past_where_late_runs_may_appear() -> None:
    newest = NewestRuns()
    newest.add(page_of(10, 9))
    newest.commit()
    assert not newest.is_past(page_of(12, 11, 10.1 - DELAY_S))
    assert not newest.is_past(ListPage((), at(1000), Cursor("next")))


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
