"""How far page one of the list has come: what is news, and where nothing that is news can follow."""

from tests.support.domain.patches import at, patch_of
from tui.domain.ids import Cursor
from tui.sources.polling.newest import LIST_DELAY, NewestRuns
from tui.wire.runs import ListPage

DELAY_S = LIST_DELAY.total_seconds()


def page_of(*created_s: float, read_s: float = 1000) -> ListPage:
    """A page of runs that are named by their creation, with another behind it."""
    patches = tuple(patch_of(f"run_{second}", created=second) for second in created_s)
    return ListPage(patches, at(read_s), Cursor("next"))


def test_before_anything_was_met_nothing_is_past() -> None:
    edge = NewestRuns()
    assert edge.take(page_of(10, 9)) == 2
    assert not edge.is_past(page_of(10, 9))


def test_a_page_that_reaches_what_was_met_is_past_though_it_has_news() -> None:
    edge = NewestRuns()
    edge.take(page_of(10, 9))
    edge.advance()
    page = page_of(12, 11, 10, 10 - DELAY_S)
    assert edge.take(page) == 2
    assert edge.is_past(page)


def test_a_page_that_ends_where_a_late_run_may_still_show_up_is_not_past() -> None:
    edge = NewestRuns()
    edge.take(page_of(10, 9))
    edge.advance()
    assert not edge.is_past(page_of(12, 11, 10.1 - DELAY_S))
    assert not edge.is_past(ListPage((), at(1000), Cursor("next")))


def test_a_server_whose_clock_is_set_back_has_news_again() -> None:
    edge = NewestRuns()
    edge.take(page_of(700, 699, read_s=700))
    edge.advance()
    assert edge.take(page_of(700, 699, 101, 100, read_s=102)) == 0
    edge.advance()
    assert edge.take(page_of(700, 699, 103, 102, 101, 100, read_s=104)) == 2


def test_a_run_that_is_created_in_the_future_hides_no_news() -> None:
    edge = NewestRuns()
    edge.take(page_of(5000, 99, read_s=100))
    edge.advance()
    assert edge.take(page_of(5000, 101, 99, read_s=102)) == 1
