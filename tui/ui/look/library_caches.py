"""Keeps the caches of Textual and Rich small, for a monitor that is open for days.

They remember halves of texts, widths of texts and places of widgets, up to 16,384 each. Nearly none of these comes
back: ages and ids make new texts all the time. So the caches grow for hours, by some 5 MB, and give nothing back.
"""

from collections.abc import Sequence
from typing import Any, Final

from rich.cells import cached_cell_len
from rich.segment import Segment
from textual.geometry import Region

MAX_ENTRIES: Final = 500
"""What a frame uses again is far less. A cache with more entries is emptied."""

CHECK_INTERVAL_S: Final = 10.0
"""While a user moves on a busy server, a cache has a thousand new entries by then, and in half a minute 4,000."""

GROWING: Final[Sequence[Any]] = (
    # There is no public name for the first one, which takes most of the memory.
    Segment._split_cells,  # noqa: SLF001
    cached_cell_len,
    Region.__contains__,
    Region.grow,
    Region.shrink,
    Region.intersection,
    Region.union,
)
"""The caches whose keys are texts and places."""


def empty_large_caches() -> None:
    """Empty every cache that has grown beyond `MAX_ENTRIES`. What the next frame needs is computed again."""
    for cache in GROWING:
        if cache.cache_info().currsize > MAX_ENTRIES:
            cache.cache_clear()
