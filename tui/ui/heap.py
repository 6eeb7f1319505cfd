"""Keeps collections of garbage away from what must not wait, and gives free memory back to the system.

That happens soon after a pane has left a large log or trace, and now and then: answers of the server and dialogs that
have come and gone leave holes in the heap, some 2 MB after ten minutes.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tui.sources.clock import Clock

LARGE: Final = 2_000
"""Lines or spans. Fewer leave too little behind."""

TRIM_AFTER_S: Final = 1.0
"""The next run is on the screen by then."""


@contextmanager
def no_collections() -> Iterator[None]:
    """Pause the garbage collector. A collection that becomes due meanwhile runs afterwards."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def trim_soon(clock: Clock, dropped: int) -> None:
    """Trim the heap, if that many lines or spans were dropped."""
    if dropped >= LARGE:
        clock.call_later(TRIM_AFTER_S, trim)


def trim() -> None:
    """Return the free pages of the heap, which takes a tenth of a millisecond to two. Only glibc can do that."""
    try:
        import ctypes  # noqa: PLC0415  not needed before

        malloc_trim = ctypes.CDLL(None).malloc_trim
    except (ImportError, AttributeError, OSError, TypeError):
        return
    malloc_trim(0)
