"""Draws the number of runs of each minute as a bar of one cell, for the header. The store counts them.

A cell has only two colours, so a bar with a rose foot cannot leave the top of its cell empty. A bar with a few failures
therefore fills its cell: the lowest eighth is rose, and a stronger or fainter grey above it says how tall the bar is.
"""

from collections.abc import Sequence
from typing import Final

from tui.present.styled import Line, Piece, Token
from tui.store.activity import Minute

_BARS: Final = " ▁▂▃▄▅▆▇█"
_EIGHTHS: Final = len(_BARS) - 1
_FOOT: Final = _BARS[1]
_FAILED: Final = "✗"

_MIN_TALL_EIGHTHS: Final = 6


def spark(minutes: Sequence[Minute], *, by_shape: bool = False) -> Line:
    """Draw a bar for each minute, scaled to the highest. A minute without runs is blank.

    A bar is grey, has a rose foot if some of its runs failed, and is all rose if more than half of them failed.
    `by_shape` is for screens without colours: a minute with failures is `✗`, in bold if more than half failed.
    """
    highest = max((minute.run_count for minute in minutes), default=0)
    return tuple(_by_shape(minute, highest) if by_shape else _by_colour(minute, highest) for minute in minutes)


def _by_colour(minute: Minute, highest: int) -> Piece:
    height = _height(minute, highest)
    if not minute.failed_count:
        return Piece(_BARS[height], Token.SPARK)
    if _has_mostly_failed(minute):
        return Piece(_BARS[height], Token.ROSE)
    return Piece(_FOOT, Token.TALL_FOOT if height >= _MIN_TALL_EIGHTHS else Token.LOW_FOOT)


def _by_shape(minute: Minute, highest: int) -> Piece:
    if minute.failed_count:
        return Piece(_FAILED, Token.ROSE, is_bold=_has_mostly_failed(minute))
    return Piece(_BARS[_height(minute, highest)], Token.SPARK)


def _has_mostly_failed(minute: Minute) -> bool:
    return minute.failed_count * 2 > minute.run_count


def _height(minute: Minute, highest: int) -> int:
    """Return the height in eighths, rounded up so that even a single run is visible."""
    return -(-minute.run_count * _EIGHTHS // highest) if highest else 0
