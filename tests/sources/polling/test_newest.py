"""Which runs of page one are new, and after which page no new run can follow."""

from tests.support.domain.patches import at, patch_of
from tui.api.runs import ListPage
from tui.domain.run import Cursor
from tui.sync.lists import NewestRuns


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
