"""The time axis of a waterfall: the window of time that is shown, its ticks, and their labels. Times are µs."""

from typing import Final, NamedTuple

from tui.domain.traces.extent import Extents

MIN_WINDOW_US: Final = 1_000
"""The shortest window: times have a precision of a millisecond."""

_MS: Final = 1_000
_SECOND: Final = 1_000_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

_MIN_TICK_CELLS: Final = 6
_LABEL_GAP: Final = 3
_STEPS: Final = (
    *(mantissa * 10**power for power in range(2, 6) for mantissa in (1, 2, 4, 5)),
    *(seconds * _SECOND for seconds in (1, 2, 4, 5, 10, 15, 20, 30)),
    *(minutes * _MINUTE for minutes in (1, 2, 4, 5, 10, 15, 20, 30)),
    *(hours * _HOUR for hours in (1, 2, 4, 6, 12)),
    *(mantissa * 10**power * _DAY for power in range(7) for mantissa in (1, 2, 4, 5)),
)  # fmt: skip


class TimeWindow(NamedTuple):
    """The time that is shown, from `first` to `last`, in µs since the root's start."""

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


class Tick(NamedTuple):
    """A line of the time grid, at a cell, with its label."""

    cell: int
    label: str


def whole_window(extents: Extents, now: int) -> TimeWindow:
    """Return the window of the whole trace.

    While the run is live it reaches beyond now and grows in steps, so that bars do not move with every second.
    """
    first, last = min(extents.first, 0), max(extents.last, extents.first + MIN_WINDOW_US)
    if not extents.is_live:
        return TimeWindow(first, last)
    length = max(last, now) - first
    step = max(1 << max(length.bit_length() - 4, 0), 1)
    return TimeWindow(first, first + -(-length // step) * step)


def zoomed(window: TimeWindow, whole: TimeWindow, *, step: int, around: int) -> TimeWindow:
    """Return a window of half the length (1) or twice the length (-1), in the whole one, with a moment in its middle.

    The moment is moved into the whole window first.
    """
    length = window.length // 2 if step > 0 else window.length * 2
    length = max(min(length, whole.length), MIN_WINDOW_US)
    middle = min(max(around, whole.first), whole.last)
    return _inside(middle - length // 2, length, whole)


def panned(window: TimeWindow, whole: TimeWindow, *, step: int) -> TimeWindow:
    """Return the window moved by a quarter of its length to earlier (-1) or later (1) times."""
    return _inside(window.first + step * (window.length // 4), window.length, whole)


def _inside(first: int, length: int, whole: TimeWindow) -> TimeWindow:
    first = max(min(first, whole.first + whole.length - length), whole.first)
    return TimeWindow(first, first + length)


def ticks(window: TimeWindow, width: int) -> list[Tick]:
    """Return the ticks of a window in `width` cells, so far apart that no label meets the next one."""
    if width < _MIN_TICK_CELLS:
        return []
    longest = max(len(label(window.first)), len(label(window.last)))
    for step in _STEPS:
        cells = step * width / window.length
        if cells < _MIN_TICK_CELLS:
            continue
        first = -(-window.first // step) * step
        moments = range(first, window.first + window.length + 1, step)
        found = [Tick(window.cell(moment, width), label(moment)) for moment in moments]
        longest = max((len(tick.label) for tick in found), default=0)
        if cells >= longest + _LABEL_GAP:
            return [tick for tick in found if tick.cell + len(tick.label) <= width or tick.cell == 0]
    return []


def label(moment: int) -> str:
    """Return a time since the root's start: `0s` `250ms` `1.5s` `1m30s` `2h` `3d12h`; before it with `-`."""
    sign, us = ("-" if moment < 0 else ""), abs(moment)
    if us < _SECOND:
        return f"{sign}{us / _MS:g}ms" if us else "0s"
    days, rest = divmod(us, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    seconds = f"{rest // _SECOND}.{rest % _SECOND:06}".rstrip("0").rstrip(".")
    parts = ((f"{days:,}", "d"), (str(hours), "h"), (str(minutes), "m"), (seconds, "s"))
    return sign + "".join(number + unit for number, unit in parts if number != "0")
