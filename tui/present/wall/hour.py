"""The four series of the wall: done, failed, queued, running, on one axis, with their figures and the deploy."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from tui.domain.findings.facts import FactSource
from tui.present import formatting
from tui.present.styled import Line, Piece, Token, line_width
from tui.present.wall import series as bars
from tui.present.wall.ages import aged
from tui.present.wall.blocks import BlockRow, WallView
from tui.present.wall.placed_line import PlacedLine
from tui.present.wall.rules import block_rule, span_words, time_marks
from tui.store.findings.board import FourLines
from tui.store.findings.board import Line as Series

_NARROW_SERIES_AT: Final = 19
_NARROW_VALUE_END: Final = 17
_WIDE_SERIES_AT: Final = 14
_TALL_SERIES_AT: Final = 13
_FIGURE_ENDS: Final = (9, 20, 31, 42)
"""Where the figures end, in cells from the end of the series."""

WIDE: Final = 110


class HourForm(NamedTuple):
    """How the series stand: the width, one or two rows each, and whether a row below them marks the deploy."""

    width: int
    is_tall: bool = False
    has_deploy: bool = False

    @property
    def rows(self) -> int:
        """The rows of the block with its rule."""
        return 1 + (8 if self.is_tall else 4) + self.has_deploy


class _Named(NamedTuple):
    name: str
    line: Series
    is_level: bool
    is_rate: bool


def hour_block(view: WallView, form: HourForm) -> list[BlockRow]:
    """Return the block of the four series."""
    lines, width = view.board.lines, form.width
    is_wide = width >= WIDE
    at = (_TALL_SERIES_AT if form.is_tall else _WIDE_SERIES_AT) if is_wide else _NARROW_SERIES_AT
    room = width - at - (_FIGURE_ENDS[1] + 1 if is_wide else 1)
    cells = min(lines.span.count, room)
    repeat = max(1, (width - at - _FIGURE_ENDS[3] - 3) // cells) if is_wide else 1
    repeat = min(repeat, 2)
    end = at + cells * repeat
    span = span_words(lines.span, cells, view.now, is_earlier=view.is_earlier)
    ends = [end + form.is_tall + each for each in _FIGURE_ENDS if end + each < width - 1] if is_wide else []
    heads = list(zip(ends, ("now", span if len(span) < 11 else "in all", "normal", "last 24h"), strict=False))
    old = (FactSource.NORMALS, None) if len(ends) > 2 else ()
    title = aged((Piece(span, Token.TEXT),), view, *old)
    marks = time_marks(lines.span, at, cells, repeat, view.now)
    rows = [block_rule(title, width, view.look, marks=marks, heads=heads, is_stale=view.is_stale)]
    for each in _named(lines):
        rows += _series_rows(each, view, _Placing(at, cells, repeat, ends), form)
    if form.has_deploy:
        rows.append(_deploy_row(lines, view.now, _Placing(at, cells, repeat, ends), form))
    return [BlockRow(row) for row in rows]


class _Placing(NamedTuple):
    at: int
    cells: int
    repeat: int
    ends: Sequence[int]


def _named(lines: FourLines) -> tuple[_Named, ...]:
    return (
        _Named("done", lines.done, is_level=False, is_rate=True),
        _Named("failed", lines.failed, is_level=False, is_rate=True),
        _Named("queued", lines.queued, is_level=True, is_rate=False),
        _Named("running", lines.running, is_level=True, is_rate=False),
    )


def _series_rows(each: _Named, view: WallView, placing: _Placing, form: HourForm) -> list[Line]:
    is_failed = each.name == "failed"
    cells = each.line.cells[-placing.cells :]
    abnormal = () if view.is_stale else each.line.is_abnormal[-placing.cells :]
    top = bars.level_top(cells, each.line.normal) if each.is_level else bars.top_of(cells)
    look = bars.Bars(
        bars.top_of(cells, bars.MIN_FAILED_TOP) if is_failed else top,
        Token.ROSE if is_failed else Token.GUIDE if view.is_stale else Token.SPARK,
        Token.ROSE if is_failed else Token.AMBER,
        unknown=Token.AMBER if view.is_stale else Token.GUIDE,
        repeat=placing.repeat,
    )
    drawn = (
        bars.two_row_series(cells, look, view.look, abnormal)
        if form.is_tall
        else (bars.series(cells, look, view.look, abnormal),)
    )
    rows = [PlacedLine() for _ in drawn]
    last = rows[-1]
    last.put(2, (Piece(each.name, Token.FAINT),))
    now = _now(each, view)
    if not placing.ends:
        last.right(_NARROW_VALUE_END, (now,))
    for row, bar in zip(rows, drawn, strict=True):
        row.put(placing.at, bar)
    if placing.ends and not view.is_stale:
        figures = (now, *_totals(each))
        for end, piece in zip(placing.ends, figures, strict=False):
            last.right(end, (piece,))
    elif placing.ends:
        last.right(placing.ends[0], (now,))
    return [row.line(form.width) for row in rows]


def _now(each: _Named, view: WallView) -> Piece:
    """Return the newest figure: amber and rose where it is not normal, `~` and grey where it is old."""
    number = each.line.now
    if view.is_stale:
        text = "" if each.is_rate or number is None else f"{formatting.count(round(number))}~"
        return Piece(text, Token.MUTED)
    if number is None:
        return Piece(formatting.NONE, Token.FAINT)
    text = formatting.count(round(number))
    if each.is_rate:
        text = f"{_rate(number)}/min" if number else ""
    is_abnormal = bool(each.line.is_abnormal) and each.line.is_abnormal[-1]
    token = Token.BRIGHT
    if each.name == "failed" and number:
        token = Token.ROSE
    elif is_abnormal and each.name != "done":
        token = Token.AMBER
    return Piece(text, token, is_bold=token in {Token.ROSE, Token.AMBER})


def _rate(number: float) -> str:
    return f"{number:.1f}" if 0 < number < 1 else formatting.count(round(number))


def _totals(each: _Named) -> tuple[Piece, ...]:
    line, max_word = each.line, "max " if each.is_level else ""
    values = (line.in_span, None if line.normal is None else round(line.normal), line.last_day)
    return tuple(
        Piece(
            formatting.NONE if value is None else f"{max_word}{formatting.count(value)}",
            Token.FAINT if value is None else Token.TEXT if index == 0 else Token.MUTED,
        )
        for index, value in enumerate(values)
    )


def _deploy_row(lines: FourLines, now: datetime, placing: _Placing, form: HourForm) -> Line:
    """Return the marks of the deploys below their cells. The newest one is named."""
    row = PlacedLine()
    first = lines.span.start + (lines.span.count - placing.cells) * lines.span.cell
    newest = max(lines.deployments, key=lambda each: each.deployed_at, default=None)
    for deployment in sorted(lines.deployments, key=lambda each: each.deployed_at):
        cell = (deployment.deployed_at - first) // lines.span.cell
        if not 0 <= cell < placing.cells:
            continue
        x = placing.at + cell * placing.repeat
        mark = Piece("┆", Token.GUIDE)
        words = f"{deployment.version} deployed"
        if form.is_tall:
            words += f" {formatting.time_of_day(deployment.deployed_at, now)}"
        name: Line = (Piece(words, Token.FAINT),) if deployment is newest else ()
        is_left = x + 1 + line_width(name) > form.width
        if is_left and x - line_width(name) >= row.width:
            row.put(x - line_width(name), (*name, mark))
        elif x >= row.width:
            row.put(x, (mark, *name), form.width - x)
    return row.line(form.width)
