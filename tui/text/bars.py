"""Bars of numbers, and the time axis that bars of spans stand on."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

from tui.text.status import NO_BAR
from tui.text.styled import Line, Piece, Token, painted

# Draws series of numbers as bars of one or two rows. A cell that is not known is `░`, a zero is a dot.
#
# Bars use at most 7 eighths of their row, or 15 of two rows, so that stacked series never touch.


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

    * `top`: the number whose bar is `eighths` high.
    * `token`: the colour, `abnormal_token` that of the cells for which `is_abnormal` is true.
    * `eighths`: the greatest height.
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
    """Return the cells in at most `count` cells, each the sum of as many neighbours. The first may be of fewer."""
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


# A time axis of cells: a window of time, labels of round times, and bars drawn to half a cell. Times are in µs.


MIN_WINDOW_US: Final = 1_000
"""The shortest window: times have a precision of a millisecond."""

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US

BAR: Final = "━"
DASH: Final = "╌"


class TimeWindow(NamedTuple):
    """The time that is shown, from `first` to `last`."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """The length of the window, at least MIN_WINDOW_US."""
        return max(self.last - self.first, MIN_WINDOW_US)

    def half_cells(self, moment: int, width: int) -> int:
        """Return how many half cells of `width` cells lie before a moment. Negative or too many: outside."""
        return (2 * (moment - self.first) * width * 2 + self.length) // (2 * self.length)

    def cell(self, moment: int, width: int) -> int:
        """Return the cell of a moment."""
        return (moment - self.first) * width // self.length


def label(moment: int) -> str:
    """Return a time since the zero of an axis: `0s` `250ms` `1.5s` `1m30s` `2h` `3d12h`; before it with `-`."""
    sign, us = ("-" if moment < 0 else ""), abs(moment)
    if us < SECOND_US:
        return f"{sign}{us / 1_000:g}ms" if us else "0s"
    days, rest = divmod(us, DAY_US)
    hours, rest = divmod(rest, HOUR_US)
    minutes, rest = divmod(rest, MINUTE_US)
    seconds = f"{rest // SECOND_US}.{rest % SECOND_US:06}".rstrip("0").rstrip(".")
    parts = ((f"{days:,}", "d"), (str(hours), "h"), (str(minutes), "m"), (seconds, "s"))
    return sign + "".join(number + unit for number, unit in parts if number != "0")


# The ticks of an axis, at round times.


_MIN_TICK_CELLS: Final = 6
_LABEL_GAP: Final = 3
_STEPS: Final = (
    *(mantissa * 10**power for power in range(2, 6) for mantissa in (1, 2, 4, 5)),
    *(seconds * SECOND_US for seconds in (1, 2, 4, 5, 10, 15, 20, 30)),
    *(minutes * MINUTE_US for minutes in (1, 2, 4, 5, 10, 15, 20, 30)),
    *(hours * HOUR_US for hours in (1, 2, 4, 6, 12)),
    *(mantissa * 10**power * DAY_US for power in range(7) for mantissa in (1, 2, 4, 5)),
)  # fmt: skip


class Tick(NamedTuple):
    """A line of the time grid, at a cell, with its label."""

    cell: int
    label: str


def ticks(window: TimeWindow, width: int, least_cells: int = _MIN_TICK_CELLS) -> list[Tick]:
    """Return the ticks of a window in `width` cells, so far apart that no label meets the next one."""
    if width < least_cells:
        return []
    for step in _STEPS:
        cells = step * width / window.length
        if cells < least_cells:
            continue
        first = -(-window.first // step) * step
        moments = range(first, window.first + window.length + 1, step)
        found = [Tick(window.cell(moment, width), label(moment)) for moment in moments]
        longest = max((len(tick.label) for tick in found), default=0)
        if cells >= longest + _LABEL_GAP:
            return [tick for tick in found if tick.cell + len(tick.label) <= width or tick.cell == 0]
    return []


def tick_labels(shown: Iterable[Tick]) -> Line:
    """Return the labels of ticks, each from its cell on."""
    text = ""
    for cell, words in shown:
        text = text.ljust(cell) + words
    return (Piece(text, Token.FAINT),)


def round_up(length: int) -> int:
    """Return the next round time, so that an axis that goes on keeps its length for a while."""
    return next((step for step in _STEPS if step >= length), length)


class BarCells:
    """The characters and colours of one line of bars. A later bar covers an earlier one."""

    def __init__(self, width: int, blank: Token = Token.TEXT, marked: Iterable[int] = (), mark: str = "") -> None:
        self.cells: list[tuple[str, Token]] = [(" ", blank)] * width
        for cell in marked:
            if 0 <= cell < width:
                self.cells[cell] = mark, blank

    def draw(self, start: int, stop: int, character: str, token: Token) -> tuple[int, int]:
        """Draw a bar between two half cells as far as they are inside.

        Return its cells: the first, and the one after the last.
        """
        start, stop = max(start, 0), min(stop, 2 * len(self.cells))
        if stop <= start:
            return 0, 0
        first, last = start // 2, -(-stop // 2)
        self.cells[first:last] = [(character, token)] * (last - first)
        if character == BAR and start % 2:
            self.cells[first] = "╺", token
        if character == BAR and stop % 2:
            self.cells[last - 1] = "╸", token
        return first, last

    def line(self) -> Line:
        """Return the cells as pieces of one colour each."""
        return painted(self.cells)
