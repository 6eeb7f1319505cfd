"""The caches of Textual and Rich stay small."""

from rich.segment import Segment
from textual.geometry import Region

from tui.kit.speed import GROWING, MAX_ENTRIES, empty_large_caches


def test_large_cache_is_emptied_and_works_on() -> None:
    for number in range(MAX_ENTRIES + 1):
        Segment(f"🙂 run {number}").split_cells(3)
        Region(number, 0, 1, 1).union(Region(0, number, 1, 1))
    assert max(cache.cache_info().currsize for cache in GROWING) > MAX_ENTRIES
    empty_large_caches()
    assert all(cache.cache_info().currsize <= MAX_ENTRIES for cache in GROWING)
    assert Segment("🙂 run 7").split_cells(3) == (Segment("🙂 "), Segment("run 7"))


def test_small_cache_is_kept() -> None:
    empty_large_caches()
    Segment._split_cells.cache_clear()
    Segment("🙂 a text").split_cells(1)
    empty_large_caches()
    assert Segment._split_cells.cache_info().currsize == 1
