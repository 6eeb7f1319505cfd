"""Draws a few numbers as bars, one cell each: the runs of each minute, which the store counts.

A cell has two colours, so a bar can show its failures and its height only if it fills the cell. A bar with a few
failures therefore fills its cell, its lowest eighth is rose, and the grey above separates a tall bar from a low one.
"""

from collections.abc import Sequence
from typing import Final

from tui.present.styled import Line, Piece, Token
from tui.store.activity import Minute

_BARS: Final = " ▁▂▃▄▅▆▇█"
_EIGHTHS: Final = len(_BARS) - 1
_FOOT: Final = _BARS[1]
_FAILED: Final = "✗"

_TALL_FROM: Final = 6
"""In eighths."""


def spark(minutes: Sequence[Minute], *, by_shape: bool = False) -> Line:
    """Draw a bar for each minute against the greatest of them; a minute without runs is blank.

    A bar is grey, and its lowest eighth is rose when some of its runs failed. It is rose as a whole only when more than
    half of them failed. `by_shape` draws a minute with failures as `✗`, in bold when most failed: for screens without
    colours.
    """
    highest = max((minute.run_count for minute in minutes), default=0)
    return tuple(_by_shape(minute, highest) if by_shape else _by_colour(minute, highest) for minute in minutes)


def _by_colour(minute: Minute, highest: int) -> Piece:
    height = _height(minute, highest)
    if not minute.failed_count:
        return Piece(_BARS[height], Token.SPARK)
    if _has_mostly_failed(minute):
        return Piece(_BARS[height], Token.ROSE)
    return Piece(_FOOT, Token.TALL_FOOT if height >= _TALL_FROM else Token.LOW_FOOT)


def _by_shape(minute: Minute, highest: int) -> Piece:
    if minute.failed_count:
        return Piece(_FAILED, Token.ROSE, is_bold=_has_mostly_failed(minute))
    return Piece(_BARS[_height(minute, highest)], Token.SPARK)


def _has_mostly_failed(minute: Minute) -> bool:
    return minute.failed_count * 2 > minute.run_count


def _height(minute: Minute, highest: int) -> int:
    """In eighths, rounded up: a minute with one run is not a minute without."""
    return -(-minute.run_count * _EIGHTHS // highest) if highest else 0
