"""The four series of the overview: done, failed, queued, running, with their newest figures and the time axis."""

from typing import Final

from tui.present import formatting
from tui.present.overview.view import OverviewView
from tui.present.styled import Line, Piece, Token
from tui.present.wall.placed_line import PlacedLine
from tui.present.wall.series import (
    MIN_FAILED_TOP,
    Bars,
    any_of,
    greatest,
    level_top,
    series,
    summed,
    top_of,
)
from tui.store.findings.board import Line as Series

_SERIES_AT: Final = 20
_MIN_SERIES_AT: Final = 19
_BETWEEN: Final = 3
"""Free cells between a figure and its series."""

_NAMES: Final = ("done", "failed", "queued", "running")
_CELL_COUNTS: Final = (60, 30, 20, 15, 12, 10, 6)
"""How many cells an hour may have, so that each is whole minutes."""


def four_series(view: OverviewView, limit: int, *, has_axis: bool = True) -> list[Line]:
    """Return the lines of the series, and that of the axis, in at most `limit` cells."""
    room = limit - _MIN_SERIES_AT
    wanted = view.lines.span.count
    cells = next((count for count in _CELL_COUNTS if count <= room and wanted % count == 0), min(room, wanted))
    if cells < _CELL_COUNTS[-1]:
        cells = 0
    at = max(_MIN_SERIES_AT, min(limit - cells, _SERIES_AT))
    all_four = view.lines.done, view.lines.failed, view.lines.queued, view.lines.running
    lines = [_line(view, name, data, at, cells) for name, data in zip(_NAMES, all_four, strict=True)]
    return [*lines, _axis(view, at, cells)] if has_axis else lines


def _line(view: OverviewView, name: str, data: Series, at: int, cells: int) -> Line:
    line = PlacedLine()
    line.put(0, (Piece(name, Token.FAINT),))
    line.right(at - _BETWEEN, (_figure(view, name, data),))
    if cells:
        line.put(at, _bars(view, name, data, cells))
    return line.line(line.width)


def _bars(view: OverviewView, name: str, data: Series, cells: int) -> Line:
    is_rate = name in {"done", "failed"}
    shown = (summed if is_rate else greatest)(data.cells, cells)
    is_failed = name == "failed"
    top = top_of(shown, MIN_FAILED_TOP) if is_failed else top_of(shown) if is_rate else level_top(shown, data.normal)
    bars = Bars(
        top,
        Token.ROSE if is_failed else Token.GUIDE if view.is_stale else Token.SPARK,
        Token.ROSE if is_failed else Token.AMBER,
        unknown=Token.AMBER if view.is_stale else Token.GUIDE,
    )
    abnormal = () if view.is_stale or not data.is_abnormal else any_of(data.is_abnormal, cells)
    return series(shown, bars, view.look, abnormal)


def _figure(view: OverviewView, name: str, data: Series) -> Piece:
    """Return the newest figure: not known is `·`, an old level has `~`, an old rate is not shown."""
    is_rate = name in {"done", "failed"}
    if data.now is None:
        return Piece(formatting.NONE, Token.FAINT)
    number = formatting.count(round(data.now))
    if view.is_stale:
        return Piece("" if is_rate else f"{number}~", Token.MUTED)
    if is_rate and 0 < data.now < 1:
        number = f"{data.now:.1f}"
    text = f"{number}/min" if is_rate else number
    is_abnormal = bool(data.is_abnormal) and data.is_abnormal[-1]
    if name == "failed":
        return Piece(text, Token.ROSE if data.now else Token.MUTED, is_bold=bool(data.now))
    return Piece(text, Token.AMBER if is_abnormal and name != "done" else Token.TEXT)


def _axis(view: OverviewView, at: int, cells: int) -> Line:
    if not cells:
        return ()
    line, start = PlacedLine(), view.lines.span.start.astimezone(view.now.tzinfo)
    line.put(at, (Piece(formatting.time_of_day(start, view.now), Token.FAINT),))
    line.right(at + cells, (Piece("now", Token.FAINT),))
    return line.line(at + cells)
