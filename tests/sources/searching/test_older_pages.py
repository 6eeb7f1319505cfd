"""How far a search has read the runs that are older than the list."""

from dataclasses import replace

from tests.support.domain.patches import at, patch_of
from tui.api.runs import ListPage
from tui.domain.filters import SEARCH_PERIOD, RunFilters
from tui.domain.run import Cursor
from tui.domain.update import HistoryRead
from tui.store.server_filter import SearchPlan
from tui.sync.search import OVERLAP, OlderPages, SearchScope

NOW = at(0)
SCOPE = SearchScope(SearchPlan(), RunFilters(), since=at(-1000))
CUT = HistoryRead(at(-100), 500, is_complete=True, is_cut=True)
WHOLE = replace(CUT, is_cut=False)


def page_of(*created_s: float, is_last: bool = False) -> ListPage:
    rows = tuple(patch_of(f"run_{second}", created=second) for second in created_s)
    return ListPage(rows, NOW, None if is_last else Cursor(str(created_s)))


def test_older_pages_start_where_a_cut_history_stopped() -> None:
    older = OlderPages(SCOPE, CUT, NOW)
    assert older.reached == CUT.reached
    assert older.filters.created_to == CUT.reached + OVERLAP
    assert older.filters.created_from == NOW - SEARCH_PERIOD


def test_older_pages_start_behind_the_period_of_a_whole_list() -> None:
    assert OlderPages(SCOPE, WHOLE, NOW).reached == SCOPE.since
    assert OlderPages(SCOPE, None, NOW).reached == SCOPE.since


def test_older_pages_of_a_plain_search_end_with_the_period() -> None:
    assert OlderPages(replace(SCOPE, is_plain=True), CUT, NOW).filters.created_from == SCOPE.since


def test_older_pages_reach_their_oldest_run() -> None:
    older = OlderPages(SCOPE, CUT, NOW)
    older.add(page_of(-150, -200))
    assert (older.reached, older.is_at_end) == (at(-200), False)
    older.add(page_of(-300, is_last=True))
    assert (older.reached, older.is_at_end) == (NOW - SEARCH_PERIOD, True)


def test_repeated_cursor_ends_the_older_pages() -> None:
    older = OlderPages(SCOPE, CUT, NOW)
    older.add(page_of(-150))
    assert not older.paging.is_done
    older.add(page_of(-150))
    assert older.paging.is_endless
    assert (older.reached, older.is_at_end) == (at(-150), False)


def test_older_pages_extend_a_cut_history() -> None:
    older = OlderPages(SCOPE, CUT, NOW)
    page = page_of(-150, -200)
    older.add(page)
    assert older.extend(CUT, page) == HistoryRead(at(-200), 502, is_complete=True, is_cut=True)
    page = page_of(-900, -1500)
    older.add(page)
    assert older.extend(CUT, page) == HistoryRead(SCOPE.since, 502, is_complete=True, is_cut=False)


def test_older_pages_of_other_filters_extend_no_history() -> None:
    older = OlderPages(replace(SCOPE, followed=RunFilters(tags=("a",))), CUT, NOW)
    page = page_of(-150)
    older.add(page)
    assert older.extend(CUT, page) is None
