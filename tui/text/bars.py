"""Draws series of numbers as bars of one or two rows. A cell that is not known is `░`, a zero is a dot.

Bars use at most 7 eighths of their row, or 15 of two rows, so that stacked series never touch.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from tui.text.status import NO_BAR
from tui.text.styled import Line, Token, painted

T = TypeVar("T")
N = TypeVar("N", int, float)
Cells = Sequence[float | None]
"""One number a cell of time, oldest first, None where it is not known."""


class BarLook(NamedTuple):
    """`is_ascii`: only ASCII characters. `is_colorless`: shapes must stand for colours."""

    is_ascii: bool = False
    is_colorless: bool = False


UNICODE: Final = BarLook()

EIGHTHS: Final = "▁▂▃▄▅▆▇█"
ASCII_EIGHTHS: Final = ".::||###"
UNKNOWN_CELL: Final = "░"
ONE_ROW: Final = 7
TWO_ROWS: Final = 15

_FULL: Final = 8


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


def series(cells: Cells, bars: Bars, look: BarLook = UNICODE, is_abnormal: Sequence[bool] = ()) -> Line:
    """Return one row of bars, a cell each."""
    return _drawn(cells, bars, look, is_abnormal)[1]


def two_row_series(cells: Cells, bars: Bars, look: BarLook, is_abnormal: Sequence[bool] = ()) -> tuple[Line, Line]:
    """Return the upper and the lower row of bars that are 15 eighths high."""
    return _drawn(cells, bars._replace(eighths=TWO_ROWS), look, is_abnormal)


def _drawn(cells: Cells, bars: Bars, look: BarLook, is_abnormal: Sequence[bool]) -> tuple[Line, Line]:
    signs = ASCII_EIGHTHS if look.is_ascii else EIGHTHS
    upper: list[tuple[str, Token]] = []
    lower: list[tuple[str, Token]] = []
    for index, value in enumerate(cells):
        is_marked = index < len(is_abnormal) and is_abnormal[index]
        token = bars.abnormal_token if is_marked else bars.token
        # Rounded up so that a single run is visible.
        height = max(1, min(bars.eighths, -int(-max(value or 0, 0) * bars.eighths // bars.top)))
        upper.append((signs[height - _FULL - 1] if height > _FULL else " ", token))
        if value is None:
            lower.append(("?" if look.is_ascii else UNKNOWN_CELL, bars.unknown))
        elif value <= 0:
            lower.append((" " if look.is_ascii else NO_BAR, Token.LINE))
        elif look.is_colorless and bars.has_failure_marks and is_marked:
            lower.append(("x" if look.is_ascii else "✗", token))
        else:
            lower.append((signs[min(height, _FULL) - 1], token))
    return painted(upper, bars.repeat), painted(lower, bars.repeat)


def summed(cells: Sequence[N | None], count: int) -> Sequence[N | None]:
    """Return the cells in at most `count` cells, each the sum of as many neighbours. The last cell stays the last."""
    return _merged(cells, count, sum)


def greatest(cells: Sequence[N | None], count: int) -> Sequence[N | None]:
    """Return the cells in at most `count` cells, each the greatest of as many neighbours."""
    return _merged(cells, count, max)


def any_of(flags: Sequence[bool], count: int) -> Sequence[bool]:
    """Return flags in at most `count` cells, each true if one of as many neighbours is."""
    return [any(each) for each in _neighbours(flags, count)]


def top_of(cells: Cells, least: float = 1) -> float:
    """Return the number that fills a bar: the greatest of the series, or more."""
    return max([least, *(value for value in cells if value is not None)])


def _neighbours(values: Sequence[T], count: int) -> list[Sequence[T]]:
    """Return the values in at most `count` parts of as many neighbours. The first part may have fewer."""
    size = -(-len(values) // max(1, count)) or 1
    first = len(values) % size
    rest = [values[start : start + size] for start in range(first, len(values), size)]
    return [values[:first], *rest] if first else rest


def _merged(cells: Sequence[N | None], count: int, merge: Callable[[list[N]], N]) -> Sequence[N | None]:
    known = ([value for value in part if value is not None] for part in _neighbours(cells, count))
    return [merge(part) if part else None for part in known]
