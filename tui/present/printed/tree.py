"""The tree that `tree` prints: guides, one run a line, whole ids, any depth and width."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from tui.domain.run import Run
from tui.domain.tree import RunTree, TreeNode
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.columns import short_id, took
from tui.present.status import StatusStyle, style_of, style_of_status
from tui.present.styled import ELLIPSIS, Line, Piece, Token, fit, joined, line_width, wrap

_STEP: Final = 3  # The cells of one level.
_MAX_LEVELS: Final = 40  # The deepest level that is drawn. Deeper chains stay readable, and drawing them stays linear.
_MIN_LEFT: Final = 24
_MIN_TASK: Final = 14  # Of the left part, with the glyph.
_WORD: Final = 15
_GAP: Final = 2


@dataclass(frozen=True, slots=True)
class _Row:
    """A node with its guides and its columns."""

    node: TreeNode
    style: StatusStyle
    guides: str
    columns: tuple[Line, ...]


def tree_lines(tree: RunTree, *, now: datetime, width: int | None) -> list[Line]:
    """Return the tree in lines of at most `width` cells (None: no limit). `▌` marks the current run.

    In a narrow terminal the status words are dropped first, then the durations, then the ids are shortened. Guides that
    are too long lose their first levels. The last lines say what is missing.
    """
    rows = [_row(node, guides, now) for node, guides in _guided(tree.root)]
    limits = [max(line_width(row.columns[index]) for row in rows) for index in range(3)]
    limits[0] = min(limits[0], _WORD)
    if width is not None:
        rows, limits = _narrowed(rows, limits, width)
    left = None if width is None else width - sum(limit + _GAP for limit in limits if limit)
    lefts = [_left(row, tree.current, left) for row in rows]
    left = max(map(line_width, lefts)) if left is None else min(left, max(map(line_width, lefts)))
    lines = [
        joined([fit(head, left), *(_column(row, index, limit) for index, limit in enumerate(limits) if limit)])
        for row, head in zip(rows, lefts, strict=True)
    ]
    if tree.missing:
        text = f"Not fully loaded: {'; '.join(tree.missing)}."
        lines += [(Piece(row, Token.MUTED),) for row in wrap(text, width or 10_000)]
    return lines


def _guided(root: TreeNode) -> Iterator[tuple[TreeNode, str]]:
    """Yield each node with its guides. Guides of a deep node lose their first levels."""
    pending = [(root, "", "")]
    while pending:
        node, above, own = pending.pop()
        yield node, above + own
        inner = above if not own else above + ("│  " if own[0] == "├" else "   ")
        inner = guide_tail(inner, _STEP * _MAX_LEVELS)
        for index, child in enumerate(reversed(node.children)):
            pending.append((child, inner, "├─ " if index else "└─ "))


def _row(node: TreeNode, guides: str, now: datetime) -> _Row:
    run = node.run
    style = style_of(run) if run is not None and run.state is not None else style_of_status(node.status)
    ran = formatting.duration(node_took(node, run, now))
    return _Row(node, style, guides, ((style.name,), (Piece(ran, style.row.took),), (Piece(node.id, style.row.rest),)))


def node_took(node: TreeNode, run: Run | None, until: datetime) -> timedelta | None:
    """Return how long the run of a node took, or has run until now. `run` is its newest known state.

    For a run whose detail was not read, the times come from a query or a trace.
    """
    if run is not None and run.state is not None:
        return took(run, until)
    if node.times is None:
        return None
    return node.times.took(until, is_final=node.status is None or node.status.canonical.is_final)


def _narrowed(rows: list[_Row], limits: list[int], width: int) -> tuple[list[_Row], list[int]]:
    for index in range(2):
        if width - sum(limit + _GAP for limit in limits if limit) < _MIN_LEFT:
            limits[index] = 0
    if width - limits[2] - _GAP < _MIN_LEFT:
        rows = [
            _Row(row.node, row.style, row.guides, (*row.columns[:2], short_id(row.node.id, row.style.row.rest)))
            for row in rows
        ]
        limits[2] = max(line_width(row.columns[2]) for row in rows)
    return rows, limits


def _column(row: _Row, index: int, limit: int) -> Line:
    return fit(row.columns[index], limit, "right" if index == 1 else "left")


def _left(row: _Row, current: str, limit: int | None) -> Line:
    """Return mark, guides, task, tags and attempts. The task stays visible at any depth."""
    mark = Piece("▌ ", Token.ACCENT) if row.node.id == current else Piece("  ")
    task: Line = (row.style.mark, Piece(" "), Piece(row.node.task or formatting.NONE, row.style.row.task))
    guides = row.guides
    if limit is not None:
        # A cut guide shows its depth, since all lines below the cut start alike.
        room = limit - line_width((mark,)) - min(line_width(task), _MIN_TASK)
        guides = guide_tail(guides, room, f"{row.node.depth}{ELLIPSIS}")
    return (mark, Piece(guides, Token.GUIDE), *task, *_remark(row))


def guide_tail(guides: str, room: int, mark: str = ELLIPSIS, *, step: int = _STEP) -> str:
    """Return the last levels of the guides, each `step` cells, behind `mark` if levels were cut; at least one level."""
    if len(guides) <= room:
        return guides
    levels = max((room - len(mark)) // step, 1)
    return mark + guides[-levels * step :]


def _remark(row: _Row) -> Line:
    run = row.node.run
    if run is None:
        return ()
    parts = [*(run.state.tags if run.state else ())]
    attempt = run.attempt_count or 0
    words_of = "  ".join([*parts, *([f"attempt {attempt}"] if attempt > 1 else [])])
    return (Piece(f"  {words_of}", Token.FAINT),) if words_of else ()
