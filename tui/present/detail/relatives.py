"""The root, the parent and the children of a run: a line each, with a summary of the children by status."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Final

from rich.cells import cell_len

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.actions.row_actions import GoToRun, Row, ToggleFold
from tui.present.columns import Now, short_id, took
from tui.present.detail.facts import MIN_VALUE_CELLS, label_piece
from tui.present.status import StatusStyle, style_of
from tui.present.styled import Line, Piece, Token, cut, fit, line_width, pad
from tui.present.text_block import LABEL, labelled

_MAX_TASK_CELLS: Final = 24
_ID_CELLS: Final = 11
_DURATION_CELLS: Final = 7
_FOLDED_FROM: Final = 10
"""More children than this with one status fold into one row."""

_FAILED_SHOWN: Final = 50
"""The failed children that keep a row of their own while their group is folded."""


@dataclass(frozen=True, slots=True)
class Relatives:
    """The related runs that the store knows. `children` is None until they have been read."""

    root: Run | None = None
    parent: Run | None = None
    children: Sequence[Run] | None = None


def children_by_status(children: Iterable[Run]) -> dict[StatusStyle, list[Run]]:
    """Group the children by status: failed groups first, then live ones, then the rest."""
    groups: dict[StatusStyle, list[Run]] = {}
    for child in children:
        groups.setdefault(style_of(child), []).append(child)
    order = sorted(groups, key=lambda style: (not style.is_bold, groups[style][0].is_final))
    return {style: groups[style] for style in order}


def children_summary(groups: dict[StatusStyle, list[Run]], limit: int) -> list[Line]:
    """Return how many children there are in each status, in lines of at most `limit` cells."""
    if not groups:
        return labelled("children", [(Piece("none", Token.FAINT),)], limit)
    parts: list[Line] = [(Piece(formatting.count(sum(map(len, groups.values())))),)]
    parts += [
        (style.mark, Piece(f" {formatting.count(len(runs))} ", Token.MUTED), style.name)
        for style, runs in groups.items()
    ]
    return labelled("children", parts, limit)


def ancestor_rows(run: Run, around: Relatives, now: Now, limit: int, unread: str = formatting.NOT_READ) -> list[Row]:
    """Return a row for the root and one for the parent. A parent that is the root has one row.

    Before the run was read, its depth says which of them it has. Their rows, with the word
    `unread`, keep the place, so that nothing moves then.
    """
    rows: list[Row] = []
    if run.body is None and run.fixed.parent_id is None and run.fixed.depth:
        labels = ("root", "parent") if run.fixed.depth > 1 else ("parent",)
        return [Row((label_piece(label), Piece(unread, Token.FAINT)), (label, None)) for label in labels]
    task_cells = _task_cells([around.root, around.parent], limit)
    fixed = run.fixed
    if fixed.root_id is not None and fixed.root_id != fixed.parent_id:
        rows.append(_relative_row("root", fixed.root_id, around.root, now, task_cells, limit))
    if fixed.parent_id is not None:
        rows.append(_relative_row("parent", fixed.parent_id, around.parent, now, task_cells, limit))
    return rows


def child_rows(around: Relatives, now: Now, limit: int, unfolded: frozenset[Hashable]) -> list[Row]:
    """Return the summary of the children, then a row for each child or for each folded group.

    A group of more than ten children folds unless its key is in `unfolded`. Of a failed group, fifty stay visible.
    """
    if around.children is None:
        return []
    groups = children_by_status(around.children)
    rows = [Row(line, ("children", index)) for index, line in enumerate(children_summary(groups, limit))]
    task_cells = _task_cells(around.children, limit)
    for style, runs in groups.items():
        rows += _group_rows(style, runs, now, task_cells, limit, unfolded)
    return rows


def _task_cells(runs: Iterable[Run | None], limit: int) -> int:
    """Return a width for the task names at which the ids line up, with each other and with the facts above."""
    widest = max((cell_len(run.fixed.task or formatting.NONE) for run in runs if run is not None), default=0)
    return max(1, min(max(widest, MIN_VALUE_CELLS - 4), _MAX_TASK_CELLS, limit - LABEL - 15))


def _relative_row(label: str, run_id: RunId, run: Run | None, now: Now, task_cells: int, limit: int) -> Row:
    action = GoToRun(run_id)
    if run is None:
        return Row((label_piece(label), *cut((Piece(run_id),), limit - LABEL)), (label, run_id), action)
    style = style_of(run)
    name = fit((Piece(run.fixed.task or formatting.NONE, style.row.task),), task_cells)
    elapsed = took(run, now.frozen_at or now.at)
    duration = Piece(now.duration(elapsed, is_running=not run.is_final), style.row.took)
    run_id_cells = fit(short_id(run_id, Token.FAINT), _ID_CELLS)
    line = (label_piece(label), style.mark, Piece(" "), *name, Piece("  "), *run_id_cells)
    longer = (*line, Piece("  "), *pad((duration,), _DURATION_CELLS, "right"))
    return Row(cut(longer if line_width(longer) <= limit else line, limit), (label, run_id), action)


def _group_rows(
    style: StatusStyle, runs: Sequence[Run], now: Now, task_cells: int, limit: int, unfolded: frozenset[Hashable]
) -> list[Row]:
    key: Hashable = ("children", style.word)
    is_unfolded = key in unfolded
    shown = len(runs)
    if not is_unfolded and len(runs) > _FOLDED_FROM:
        shown = _FAILED_SHOWN if style.is_bold else 0
    rows = [_relative_row("", run.id, run, now, task_cells, limit) for run in runs[:shown]]
    if len(runs) <= _FOLDED_FROM or (shown >= len(runs) and not is_unfolded):
        return rows
    is_rest = 0 < shown < len(runs)
    count = formatting.count(len(runs) - shown if is_rest else len(runs))
    head: Line = (
        label_piece(""),
        Piece("▾ " if is_unfolded else "▸ ", Token.FAINT),
        style.mark,
        Piece(f" {count}{' more' if is_rest else ''} ", Token.MUTED),
        style.name,
    )
    fold_row = Row(cut(head, limit), key, ToggleFold(key))
    return [*rows, fold_row] if is_rest else [fold_row, *rows]
