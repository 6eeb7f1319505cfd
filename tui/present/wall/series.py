"""Draws series of numbers as bars of one or two rows. A cell that is not known is `░`, a zero is a dot.

Bars use at most 7 eighths of their row, or 15 of two rows, so that stacked series never touch.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from tui.present.ascii import NO_BAR
from tui.present.styled import Line, Piece, Token
from tui.present.wall.look import WallLook
from tui.store.findings.board import Cells

EIGHTHS: Final = "▁▂▃▄▅▆▇█"
ASCII_EIGHTHS: Final = ".::||###"
UNKNOWN_CELL: Final = "░"
ONE_ROW: Final = 7
TASK_ROW: Final = 6
TWO_ROWS: Final = 15

_FULL: Final = 8
_ASCII_UNKNOWN: Final = "?"
_FAILED: Final = "✗"
_ASCII_FAILED: Final = "x"

MIN_FAILED_TOP: Final = 7
"""The scale of failures: up to so many, one more failure is one more eighth."""

QUIET_SHARE: Final = 3
"""A level that stays at its normal fills at most one in so many eighths, so that a calm hour looks calm."""

MIN_LEVEL_TOP: Final = 10.0
"""The least scale of a level, so that two queued runs do not fill a bar."""


class Bars(NamedTuple):
    """How the bars of a series look.

    * `top`: the number that fills a bar.
    * `token`: the colour, `abnormal_token` that of the cells for which `is_abnormal` is true.
    * `eighths`: the height of the greatest bar.
    * `unknown`: the colour of cells that are not known.
    * `repeat`: the cells on screen for each cell of time.
    * `has_failure_marks`: without colours, an abnormal cell is `✗`.
    """

    top: float
    token: Token = Token.SPARK
    abnormal_token: Token = Token.AMBER
    eighths: int = ONE_ROW
    unknown: Token = Token.GUIDE
    repeat: int = 1
    has_failure_marks: bool = False


def series(cells: Cells, bars: Bars, look: WallLook, is_abnormal: Sequence[bool] = ()) -> Line:
    """Return one row of bars, a cell each."""
    painted = [_cell(value, index, bars, look, is_abnormal) for index, value in enumerate(cells)]
    return _joined(painted, bars.repeat)


def two_row_series(cells: Cells, bars: Bars, look: WallLook, is_abnormal: Sequence[bool] = ()) -> tuple[Line, Line]:
    """Return the upper and the lower row of bars that are 15 eighths high."""
    upper: list[tuple[str, Token]] = []
    lower: list[tuple[str, Token]] = []
    signs = _signs(look)
    for index, value in enumerate(cells):
        height = _height(value, bars.top, TWO_ROWS)
        if not height:
            upper.append((" ", Token.TEXT))
            lower.append(_cell(value, index, bars, look, is_abnormal))
            continue
        token = _token(index, bars, is_abnormal)
        upper.append((signs[height - _FULL - 1], token) if height > _FULL else (" ", Token.TEXT))
        lower.append((signs[min(height, _FULL) - 1], token))
    return _joined(upper, bars.repeat), _joined(lower, bars.repeat)


def summed(cells: Cells, count: int) -> Cells:
    """Return the cells in at most `count` cells, each the sum of as many neighbours. The last cell stays the last."""
    return _merged(cells, count, sum)


def greatest(cells: Cells, count: int) -> Cells:
    """Return the cells in at most `count` cells, each the greatest of as many neighbours."""
    return _merged(cells, count, max)


def any_of(flags: Sequence[bool], count: int) -> Sequence[bool]:
    """Return flags in at most `count` cells, each true if one of as many neighbours is."""
    size = -(-len(flags) // max(1, count)) or 1
    first = len(flags) % size
    starts = [0, *range(first, len(flags), size)] if first else range(0, len(flags), size)
    return [any(flags[start : (first if start < first else start + size)]) for start in starts]


def top_of(cells: Cells, least: float = 1) -> float:
    """Return the number that fills a bar: the greatest of the series, or more."""
    return max([least, *(value for value in cells if value is not None)])


def level_top(cells: Cells, normal: float | None) -> float:
    """Return the same for a level: a level that is normal stays low."""
    return top_of(cells, max(MIN_LEVEL_TOP, QUIET_SHARE * (normal or 0)))


def _merged(cells: Cells, count: int, merge: Callable[[list[int]], int]) -> Cells:
    size = -(-len(cells) // max(1, count)) or 1
    first = len(cells) % size
    starts = [0, *range(first, len(cells), size)] if first else range(0, len(cells), size)
    merged: list[int | None] = []
    for start in starts:
        known = [value for value in cells[start : (first if start < first else start + size)] if value is not None]
        merged.append(merge(known) if known else None)
    return merged


def _cell(value: int | None, index: int, bars: Bars, look: WallLook, is_abnormal: Sequence[bool]) -> tuple[str, Token]:
    if value is None:
        return _ASCII_UNKNOWN if look.is_ascii else UNKNOWN_CELL, bars.unknown
    if value <= 0:
        return " " if look.is_ascii else NO_BAR, Token.LINE
    token = _token(index, bars, is_abnormal)
    if look.is_colorless and bars.has_failure_marks and token is bars.abnormal_token:
        return _ASCII_FAILED if look.is_ascii else _FAILED, token
    return _signs(look)[_height(value, bars.top, bars.eighths) - 1], token


def _token(index: int, bars: Bars, is_abnormal: Sequence[bool]) -> Token:
    return bars.abnormal_token if index < len(is_abnormal) and is_abnormal[index] else bars.token


def _signs(look: WallLook) -> str:
    return ASCII_EIGHTHS if look.is_ascii else EIGHTHS


def _height(value: int | None, top: float, eighths: int) -> int:
    """Return the height in eighths, rounded up so that a single run is visible."""
    return 0 if not value or value < 0 else max(1, min(eighths, -int(-value * eighths // top)))


def _joined(painted: list[tuple[str, Token]], repeat: int) -> Line:
    return tuple(
        Piece("".join(sign * repeat for sign, _ in cells), token)
        for token, cells in groupby(painted, key=lambda cell: cell[1])
    )
