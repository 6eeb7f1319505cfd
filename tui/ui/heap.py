"""Gives free memory back to the system: soon after a pane has left a large log or trace, and now and then.

Answers of the server and dialogs that have come and gone leave holes in the heap, some 2 MB after ten minutes.
"""

from typing import Final

from tui.sources.clock import Clock

LARGE: Final = 2_000
"""Lines or spans. Fewer leave too little behind."""

TRIM_AFTER_S: Final = 1.0
"""The next run is on the screen by then."""


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
