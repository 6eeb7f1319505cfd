"""Every list ends, whatever cursors and rows a server sends."""

from hypothesis import given
from hypothesis import strategies as st

from tui.domain.run import Cursor
from tui.sync.budget import MAX_STALE_PAGES, Paging

PAGES = st.lists(st.tuples(st.sets(st.integers(0, 5)), st.integers(0, 9)), min_size=1, max_size=4)


@given(PAGES, st.booleans())
def test_every_circle_of_pages_ends_and_is_called_endless(circle: list[tuple[set[int], int]], is_new: bool) -> None:
    paging = Paging()
    for number in range(1_000):
        ids, cursor = circle[number % len(circle)]
        paging.add(ids, Cursor(f"{number}" if is_new else f"{cursor}"))
        if paging.is_done:
            break
    assert paging.is_endless
    assert number <= MAX_STALE_PAGES + len({each for ids, _ in circle for each in ids}) + 1


@given(st.lists(st.integers(0, MAX_STALE_PAGES - 1), min_size=1, max_size=30))
def test_a_list_with_few_empty_pages_is_read_to_its_end(empty_counts: list[int]) -> None:
    """Between two empty pages there are as many with rows."""
    paging, number = Paging(), 0
    for empty_count in empty_counts:
        for ids in [{("row", number, at)} for at in range(empty_count)] + [set[object]()] * empty_count:
            assert not paging.is_done
            number += 1
            paging.add(ids, Cursor(str(number)))
    assert not paging.is_endless
    paging.add([], None)
    assert (paging.is_done, paging.is_endless) == (True, False)


def test_a_list_of_too_many_pages_ends() -> None:
    paging = Paging(max_pages=3)
    for number in range(3):
        assert not paging.is_done
        paging.add([number], Cursor(str(number)))
    assert paging.is_endless
