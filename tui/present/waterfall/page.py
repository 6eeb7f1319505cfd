"""The rows of the waterfall: names as a tree, `→` on the longest path, durations, and bars on one time axis."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from tui.domain.traces.extent import Extents, SpanState
from tui.domain.traces.row_tree import RowTree
from tui.domain.traces.waterfall import ROOT, RowKey, Waterfall
from tui.present import formatting
from tui.present.columns import Now
from tui.present.printed.tree import guide_tail
from tui.present.styled import ELLIPSIS, Line, Piece, Token, cut, fit, line_width
from tui.present.tree.fold import MAX_LEVELS, STEP
from tui.present.waterfall.axis import Tick
from tui.present.waterfall.bars import Scale, bar_line
from tui.present.waterfall.look import SpanLook, note_of

_TOOK: Final = 7
_BEFORE_BAR: Final = 3
_ARROW: Final = 2
_EDGE: Final = 1
_MIN_NAME: Final = 8
_NOTE_FROM: Final = 60
"""From this width of the name column on, names have a remark."""

# The cells up to the end of the durations, by the width of the page; in between they grow evenly.
_LEFT: Final = ((40, 22), (80, 35), (120, 47), (200, 78))


class WaterfallColumns(NamedTuple):
    """The columns at one width, in cells of the page without its gutter."""

    name: int
    bar: int

    @property
    def bar_start(self) -> int:
        """The first cell of the bars."""
        return self.name + _ARROW + _TOOK + _BEFORE_BAR

    @property
    def has_notes(self) -> bool:
        """Whether names have a remark."""
        return self.name >= _NOTE_FROM


class ShownSpan(NamedTuple):
    """One visible row: the index of a span, the guides that lead to it, and its depth.

    `is_open` is None if nothing is below it.
    """

    span: int
    guides: str
    depth: int
    is_open: bool | None


def columns_for(width: int, gutter: int) -> WaterfallColumns:
    """Return the columns of a page of `width` cells behind a gutter."""
    whole = width + gutter
    pairs = pairwise(_LEFT)
    low, high = next((pair for pair in pairs if whole <= pair[1][0]), (_LEFT[-2], _LEFT[-1]))
    part = min(max(whole, low[0]), high[0]) - low[0]
    left = low[1] + part * (high[1] - low[1]) // (high[0] - low[0])
    name = max(min(left, whole - 10) - gutter - _TOOK - _ARROW, 1)
    return WaterfallColumns(name, max(width - name - _ARROW - _TOOK - _BEFORE_BAR - _EDGE, 0))


def shown_spans(waterfall: Waterfall, tree: RowTree, folded: Collection[RowKey]) -> list[ShownSpan]:
    """Return the visible rows in order. Linear, and never recursive."""
    rows: list[ShownSpan] = []
    keys, below = waterfall.keys, tree.below
    pending: list[tuple[int, str, str, int]] = [(ROOT, "", "", 0)]
    while pending:
        index, above, own, depth = pending.pop()
        children = below[index]
        is_open = keys[index] not in folded if children else None
        rows.append(ShownSpan(index, above + own, depth, is_open))
        if not is_open:
            continue
        inner = above if not own else above + ("│ " if own[0] == "├" else "  ")
        if len(inner) > STEP * MAX_LEVELS:
            inner = guide_tail(inner, STEP * MAX_LEVELS, step=STEP)
        pending.extend(
            (child, inner, "├─" if place else "└─", depth + 1) for place, child in enumerate(reversed(children))
        )
    return rows


def axis_line(columns: WaterfallColumns, found: Sequence[Tick]) -> Line:
    """Return the labels of the time axis, behind the cells of names and durations."""
    text = ""
    for tick in found:
        text = text.ljust(tick.cell) + tick.label
    return (Piece(" " * columns.bar_start), *cut((Piece(text, Token.FAINT),), columns.bar))


class RowParts(NamedTuple):
    """What a row is drawn from, besides its place in the tree."""

    waterfall: Waterfall
    extents: Extents
    tree: RowTree
    path: Collection[int]
    columns: WaterfallColumns
    scale: Scale
    now: Now


def row_line(shown: ShownSpan, look: SpanLook, parts: RowParts, *, is_bold: bool = False) -> Line:
    """Return the row of one span. `is_bold`: its name stands out."""
    columns, index = parts.columns, shown.span
    name: Line = (Piece(look.name, Token.BRIGHT if is_bold else look.name_token, is_bold=is_bold),)
    if look.style is not None:
        name = (look.style.mark, Piece(" "), *name)
    left: Line = (*_guides(shown, columns.name, name), *name)
    if columns.has_notes and (note := note_of(parts.waterfall, index, parts.tree.calls.get(index))):
        left = (*left, Piece("  "), Piece(note, Token.FAINT))
    arrow = Piece(" →" if index in parts.path else "  ", Token.TEXT)
    took = Piece(took_text(parts, index).rjust(_TOOK)[:_TOOK], look.took_token)
    bar = bar_line(parts.waterfall, parts.extents, parts.tree, index, look, parts.scale)
    return (*fit(left, columns.name), arrow, took, Piece(" " * _BEFORE_BAR), *bar)


def took_text(parts: RowParts, index: int) -> str:
    """Return how long a span took, or has taken until now; `·` if its end is not known."""
    state = parts.extents.states[index]
    if state is SpanState.UNKNOWN:
        return formatting.NONE
    us = parts.extents.end(index, parts.scale.now) - parts.waterfall.starts[index]
    return parts.now.duration(timedelta(microseconds=us), is_running=state is SpanState.RUNNING)


def _guides(shown: ShownSpan, room: int, name: Line) -> Line:
    mark = {None: "─ " if shown.depth else "  ", True: "▾ ", False: "▸ "}[shown.is_open]
    # A cut guide shows its depth, since all rows below the cut start alike.
    free = max(room - len(mark) - min(line_width(name), max(_MIN_NAME, room // 2)), STEP)
    guides = guide_tail(shown.guides, free, f"{shown.depth}{ELLIPSIS}", step=STEP)
    return (Piece(guides, Token.GUIDE), Piece(mark, Token.GUIDE if shown.is_open is None else Token.MUTED))


_COLORED_LEGEND: Final = (
    ("━━", Token.GREEN, "done", "done"),
    ("━━", Token.BLUE, "running", "running"),
    ("━━", Token.ROSE, "failed", "failed"),
)
_COLORLESS_LEGEND: Final = ("━━", Token.TEXT, "at work", "at work")
_LEGEND: Final = (
    ("╌╌", Token.FAINT, "queued or waiting to retry", "waits"),
    ("•", Token.BRIGHT, "log line", "log"),
    ("→", Token.TEXT, "longest path", "longest path"),
)
_UNKNOWN_LEGEND: Final = ("░", Token.GUIDE, "end not known", "no end")
_BATCH_LEGEND: Final = ("──", Token.MUTED, "waiting for runs", "for runs")


def legend(width: int, *, has_unknown: bool, has_batch: bool, has_colors: bool = True) -> Line:
    """Return what the marks mean, in short words where the long ones do not fit; empty if nothing fits.

    Without colours one bar looks like the other, and the glyph in front of the name says how a span ended.
    """
    work = _COLORED_LEGEND if has_colors else (_COLORLESS_LEGEND,)
    marks = [*work, _LEGEND[0], *((_BATCH_LEGEND,) * has_batch), *((_UNKNOWN_LEGEND,) * has_unknown), *_LEGEND[1:]]
    for is_short in (False, True):
        line: list[Piece] = []
        for mark, token, long_word, short_word in marks:
            if line:
                line.append(Piece("  " if is_short else "   "))
            line += [
                Piece(mark[:1] if is_short else mark, token),
                Piece(f" {short_word if is_short else long_word}", Token.FAINT),
            ]
        if line_width(tuple(line)) <= width:
            return tuple(line)
    return ()
