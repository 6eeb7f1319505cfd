"""Draws the bars of a waterfall, to half a cell, with log marks, on the grid of the time axis."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from tui.domain.traces.extent import Extents, SpanState
from tui.domain.traces.row_tree import RowTree
from tui.domain.traces.waterfall import SpanKind, Waterfall
from tui.present.styled import Line, Piece, Token
from tui.present.waterfall.axis import Tick, TimeWindow
from tui.present.waterfall.look import SpanLook

MIN_MARKED_CELLS: Final = 3
"""A shorter bar has no log marks: they would hide it."""

GRID: Final = "┆"
UNKNOWN_END: Final = "░"
LOG: Final = "•"
_BAR: Final = "━"
_QUEUED: Final = "╌"
_LOG_TOKENS: Final = {"ERROR": Token.ROSE, "WARN": Token.AMBER}
_LOG_RANKS: Final = {Token.BRIGHT: 0, Token.AMBER: 1, Token.ROSE: 2}


class Scale(NamedTuple):
    """The window of time, the cells that it takes, the cells of its ticks, and now."""

    window: TimeWindow
    width: int
    ticks: tuple[int, ...]
    now: int

    @classmethod
    def of(cls, window: TimeWindow, width: int, found: Sequence[Tick], now: int) -> "Scale":
        """Make a scale with the cells of some ticks."""
        return cls(window, width, tuple(tick.cell for tick in found), now)


class _Cells:
    """The characters and colours of one bar's line."""

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        # Free cells have the colour of the grid, so that they are one piece with it.
        self._cells: list[tuple[str, Token]] = [(" ", Token.LINE)] * scale.width
        for cell in scale.ticks:
            if 0 <= cell < scale.width:
                self._cells[cell] = (GRID, Token.LINE)

    def draw(self, begin: int, end: int, character: str, token: Token) -> tuple[int, int]:
        """Draw a bar, at least half a cell long. Return its cells: the first, and the one after the last."""
        width = self._scale.width
        start = self._scale.window.half_cells(begin, width)
        stop = max(self._scale.window.half_cells(end, width), start + 1)
        if start == 2 * width:  # a bar of no length at the end of the window
            start, stop = start - 1, stop - 1
        if stop <= 0 or start >= 2 * width:
            return 0, 0
        start, stop = max(start, 0), min(stop, 2 * width)
        first, last = start // 2, -(-stop // 2)
        for cell in range(first, last):
            shown = character
            if character == _BAR:
                shown = "╺" if 2 * cell < start else "╸" if 2 * cell + 2 > stop else _BAR
            self._cells[cell] = shown, token
        return first, last

    def fill_unknown(self, first: int, after: int) -> None:
        """Fill whole cells behind an unknown end, at least one: the first one outside at the right is moved inside."""
        width = self._scale.width
        if after <= 0 or first > width:
            return
        first = min(max(first, 0), width - 1)
        for cell in range(first, min(max(after, first + 1), width)):
            self._cells[cell] = UNKNOWN_END, Token.GUIDE

    def mark(self, cell: int, token: Token) -> None:
        """Put a log mark on a cell; the more severe one stays."""
        shown, before = self._cells[cell]
        if shown != LOG or _LOG_RANKS[token] > _LOG_RANKS[before]:
            self._cells[cell] = LOG, token

    def line(self) -> Line:
        """Return the cells as pieces of one colour each."""
        return tuple(
            Piece("".join(character for character, _ in group), token)
            for token, group in groupby(self._cells, key=lambda cell: cell[1])
        )


def bar_line(waterfall: Waterfall, extents: Extents, tree: RowTree, index: int, look: SpanLook, scale: Scale) -> Line:
    """Return the bar of a span in exactly `scale.width` cells.

    The time in the queue is dashed. Where the end is not known, the bar ends with its last sign, and `░` reaches to the
    latest moment at which the span can have ended.
    """
    cells = _Cells(scale)
    begin, end = waterfall.starts[index], extents.end(index, scale.now)
    is_unknown = extents.states[index] is SpanState.UNKNOWN
    shown_end = max(extents.seen[index], begin) if is_unknown else end
    started = min(_started(waterfall, index, shown_end), shown_end)
    if started > begin:
        cells.draw(begin, started, _QUEUED, Token.FAINT)
    first = last = 0
    if started < shown_end or started <= begin:
        first, last = cells.draw(max(begin, started), shown_end, look.bar, look.bar_token)
    if is_unknown:
        after = max(-(-scale.window.half_cells(shown_end, scale.width) // 2), last)
        cells.fill_unknown(after, -(-scale.window.half_cells(end, scale.width) // 2))
    if last - first >= MIN_MARKED_CELLS:
        _draw_logs(cells, waterfall, tree.logs.get(index, ()), scale, (first, last))
    return cells.line()


def _started(waterfall: Waterfall, index: int, end: int) -> int:
    """Return when a run left the queue: never, if it has no spans but the engine's. Other spans were in no queue."""
    if waterfall.kinds[index] is not SpanKind.RUN:
        return waterfall.starts[index]
    has_begun = index in waterfall.logs or any(
        waterfall.kinds[each] is not SpanKind.ENGINE for each in waterfall.below[index]
    )
    return waterfall.dequeued.get(index, waterfall.starts[index] if has_begun else end)


def _draw_logs(cells: _Cells, waterfall: Waterfall, logs: Iterable[int], scale: Scale, bar: tuple[int, int]) -> None:
    """Draw log marks inside a bar; one at its begin is moved by a cell, so that the begin stays visible."""
    first, last = bar
    for log in logs:
        cell = scale.window.cell(waterfall.starts[log], scale.width)
        if 0 <= cell < scale.width and first - 1 <= cell <= last:
            token = _LOG_TOKENS.get(waterfall.spans[log].level, Token.BRIGHT)
            cells.mark(min(max(cell, first + 1), last - 1), token)
