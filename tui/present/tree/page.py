"""The columns of the tree pane and the line of each row.

`shape` computes the tree, `fold` its visible rows, and `notes` the sentences below them.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple, assert_never

from tui.domain.run import Run
from tui.present import formatting
from tui.present.actions.row_actions import GoToRun, Row, RowAction, ToggleFold
from tui.present.columns import GAP, Now, short_id, time_in_queue
from tui.present.detail.origin import origin_words
from tui.present.detail.waiting import waiting_words
from tui.present.printed.tree import guide_tail, node_took
from tui.present.status import STATUS_STYLES
from tui.present.styled import ELLIPSIS, Line, Piece, Token, first_line, fit, line_width
from tui.present.tree.fold import STEP, Branch
from tui.present.tree.roll_up import RollUp
from tui.present.tree.shape import BatchGroup, SiblingGroup, TreeEntry, TreeRun

ALONE: Final = "no runs above or below it"

EDGE: Final = 1
_ID: Final = 11
_TIME: Final = 7
_COUNTS: Final = (4, 4, 5, 5)
_BEFORE_TOOK: Final = 3
_FAILED_ONLY: Final = 5
_MIN_TASK: Final = 14  # With the glyph.
_MAX_LEFT: Final = 104  # In a wider column the reader loses the row on the way to the numbers.
_MIN_REMARK: Final = 6
_FOR_ALONE: Final = 12  # Leaves room for the remark that the run is alone.
_ROOMY: Final = 44  # A wider left part also has room for the origin of a run, which matters less than its tags.


class Columns(NamedTuple):
    """The columns at one width. `left` is the width of everything left of them, `counts` are those of the roll-up."""

    left: int
    counts: tuple[int, ...]
    has_took: bool = True
    has_queued: bool = False
    has_id: bool = False

    @property
    def is_roomy(self) -> bool:
        """Whether there is room for the less important remarks."""
        return self.left >= _ROOMY


def columns_for(width: int, *, is_alone: bool = False) -> Columns:
    """Return the columns that fit into `width` cells.

    The time in the queue and the id are dropped first, then every count except failures. A run that `is_alone` has no
    counts.
    """
    for wanted, has_took, has_queued, has_id, least in (
        (_COUNTS, True, True, True, 52),
        (_COUNTS, True, False, True, 30),
        (_COUNTS, True, False, False, 28),
        ((_FAILED_ONLY,), True, False, False, 16),
    ):
        counts = () if is_alone else wanted
        left = width - _right_width(counts, has_took=has_took, has_queued=has_queued, has_id=has_id)
        if left >= least + _FOR_ALONE * is_alone:
            return Columns(min(left, _MAX_LEFT), counts, has_took, has_queued, has_id)
    return Columns(max(width - EDGE, 1), (), has_took=False)


def _right_width(counts: tuple[int, ...], *, has_took: bool, has_queued: bool, has_id: bool) -> int:
    cells = EDGE + (GAP + sum(counts) + len(counts) - 1) * bool(counts)
    cells += (_BEFORE_TOOK + _TIME) * has_took
    return cells + (GAP + _TIME) * has_queued + (GAP + _ID) * has_id


def head(columns: Columns) -> Line:
    """Return the line of titles above the rows."""

    def title(text: str, width: int = 0) -> Piece:
        return Piece(text.rjust(width), Token.FAINT)

    line = [*fit((Piece("  "), title("run")), columns.left)]
    if columns.counts:
        is_whole = len(columns.counts) > 1
        room = sum(columns.counts) + len(columns.counts) - 1
        line += [Piece(" " * GAP), *fit((title("below it" if is_whole else "below"),), room)]
    if columns.has_took:
        line.append(title("took", _BEFORE_TOOK + _TIME))
    if columns.has_queued:
        line.append(title("queued", GAP + _TIME))
    if columns.has_id:
        line += [Piece(" " * GAP), title("id")]
    return tuple(line)


def row(branch: Branch, columns: Columns, now: Now, *, is_current: bool = False, is_alone: bool = False) -> Row:
    """Return the row of one branch. Enter goes to a run, and folds or unfolds a group."""
    entry, item = branch.entry, branch.entry.item
    action: RowAction = ToggleFold(entry.key)
    match item:
        case TreeRun():
            action = GoToRun(item.node.id)
            name = _run_name(item, is_current=is_current)
            remark = ALONE if is_alone else _remark(item, branch, now, is_roomy=columns.is_roomy)
            right = _run_times(item, columns, now)
        case BatchGroup():
            name, remark = _batch_name(item), _batch_remark(entry)
            right = _batch_times(entry, columns, now)
        case SiblingGroup():
            name, remark = (Piece(f"{formatting.count(item.size)} {item.word}", Token.MUTED),), item.task or ""
            right = ()
        case _:
            assert_never(item)
    left: Line = (*_guides(branch, columns.left, name), *name)
    left = (*left, *_remark_line(remark, columns.left - line_width(left)))
    return Row((*fit(left, columns.left), *_counts(entry.below, columns), *right), entry.key, action)


def _remark_line(remark: str, room: int) -> Line:
    """Return the remark behind a name, or nothing if only its first letters would fit."""
    line: Line = (Piece(" " * GAP), Piece(remark, Token.FAINT)) if remark else ()
    return line if line_width(line) <= room or room >= GAP + _MIN_REMARK else ()


def _guides(branch: Branch, room: int, name: Line) -> Line:
    mark = {None: "─ " if branch.depth else "  ", True: "▾ ", False: "▸ "}[branch.is_open]
    # A cut guide shows its depth, since all rows below the cut start alike.
    free = max(room - len(mark) - min(line_width(name), _MIN_TASK), STEP)
    guides = guide_tail(branch.guides, free, f"{branch.depth}{ELLIPSIS}", step=STEP)
    return (Piece(guides, Token.GUIDE), Piece(mark, Token.GUIDE if branch.is_open is None else Token.MUTED))


def _run_name(tree_run: TreeRun, *, is_current: bool) -> Line:
    style = tree_run.style
    return (style.mark, Piece(" "), Piece(tree_run.node.task or formatting.NONE, style.row.task, is_bold=is_current))


def _remark(tree_run: TreeRun, branch: Branch, now: Now, *, is_roomy: bool) -> str:
    """Return the text that distinguishes a run from its siblings: origin, wait, tags, attempt, error."""
    run = tree_run.run
    if run is None:
        return ""
    state, attempt = run.state, run.attempt_count or 0
    parts: list[str] = list(_origin(run, branch)) if is_roomy else []
    if (waiting := waiting_words(run, now)) and not _is_wait_over(run, branch.entry.below):
        parts.append(waiting)
    if state is not None and state.tags:
        parts.append("  ".join(state.tags))
    if run.is_waiting_to_retry:
        parts.append(f"waits to retry after attempt {attempt}")
    elif attempt > 1:
        parts.append(f"attempt {attempt} of {attempt}" if run.status.is_failed else f"attempt {attempt}")
    error = run.error_value
    if tree_run.style.is_bold and error is not None and (message := first_line(error.message)):
        parts.append(message)
    if state is not None and state.delayed_until is not None and not run.is_final and state.delayed_until > now.at:
        parts.append(f"starts in {formatting.duration(state.delayed_until - now.at, in_minutes=now.in_minutes)}")
    if run.is_gone:
        parts.append("gone from the server")
    return " · ".join(parts)


def _is_wait_over(run: Run, below: RollUp) -> bool:
    """Return whether all awaited runs have ended since the trace was read, so that its wait no longer applies."""
    awaited = 0 if run.wait is None else len(run.wait.runs)
    return 0 < awaited <= below.failed + below.completed and not below.active + below.queued


def _origin(run: Run, branch: Branch) -> Iterator[str]:
    """Yield the origin of a run. The row of the batch or of the group already says that siblings came from one call."""
    function, origin = run.fixed.trigger_function or "", origin_words(run.fixed)
    if origin and not origin.startswith("batch"):
        yield origin
    if function and branch.entry.parent is not None and not function.endswith("AndWait"):
        yield "not awaited"


def _run_times(tree_run: TreeRun, columns: Columns, now: Now) -> Line:
    tokens = tree_run.style.row
    line: list[Piece] = []
    if columns.has_took:
        line.append(Piece(_took(tree_run, now).rjust(_BEFORE_TOOK + _TIME), tokens.took))
    if columns.has_queued:
        text, is_waiting = _queued(tree_run, now)
        line.append(Piece(text.rjust(GAP + _TIME), tokens.took if is_waiting else Token.FAINT))
    if columns.has_id:
        line += [Piece(" " * GAP), *short_id(tree_run.node.id, tokens.rest)]
    return tuple(line)


def _took(tree_run: TreeRun, now: Now) -> str:
    """Return the duration of a run; blank before its start."""
    started_at, is_final = tree_run.started_at, tree_run.is_final
    if started_at is None and tree_run.has_times and not is_final:
        return ""
    lasted = node_took(tree_run.node, tree_run.run, now.frozen_at or now.at)
    return now.duration(lasted, is_running=not is_final)


def _queued(tree_run: TreeRun, now: Now) -> tuple[str, bool]:
    """Return how long a run was queued, or still is."""
    run = tree_run.run
    if run is None or run.state is None:
        times, is_final = tree_run.node.times, tree_run.is_final
        if times is None or times.created_at is None or (times.started_at is None and is_final):
            return "", False
        until = times.started_at or now.frozen_at or now.at
        is_waiting = times.started_at is None
        return now.duration(until - times.created_at, is_running=is_waiting), is_waiting
    if run.state.started_at is not None:
        return formatting.duration(time_in_queue(run, run.state.started_at)), False
    waited = None if run.is_final else time_in_queue(run, now.frozen_at or now.at)
    if waited is None or waited < timedelta():
        return "", not run.is_final
    return now.duration(waited), True


def _batch_name(batch: BatchGroup) -> Line:
    size = formatting.count(batch.size)
    return (Piece(f"batch of {size}" if batch.is_whole else f"{formatting.plural(batch.size, 'run')} of a batch"),)


def _batch_remark(entry: TreeEntry) -> str:
    functions = {run.fixed.trigger_function for run in _runs_of(entry)} - {None}
    return f"{functions.pop()}()" if len(functions) == 1 else ""


def _batch_times(entry: TreeEntry, columns: Columns, now: Now) -> Line:
    """Return the time from the first start in the batch to its last end, or to now."""
    if not columns.has_took:
        return ()
    states = [run.state for run in _runs_of(entry) if run.state is not None]
    starts = [state.started_at for state in states if state.started_at is not None]
    ends = [state.finished_at for state in states if state.finished_at is not None]
    batch = entry.item
    if not starts or not isinstance(batch, BatchGroup) or len(states) < batch.size:
        return (Piece(formatting.NONE.rjust(_BEFORE_TOOK + _TIME), Token.MUTED),)
    is_final = len(ends) == len(states)
    until: datetime = max(ends) if is_final else now.frozen_at or now.at
    text = now.duration(until - min(starts), is_running=not is_final)
    return (Piece(text.rjust(_BEFORE_TOOK + _TIME), Token.MUTED),)


def _runs_of(entry: TreeEntry) -> list[Run]:
    """Return the runs of a batch, including those inside a group of siblings."""
    members = [
        member
        for child in entry.children
        for member in (child.children if isinstance(child.item, SiblingGroup) else (child,))
    ]
    return [member.item.run for member in members if isinstance(member.item, TreeRun) and member.item.run is not None]


def _counts(below: RollUp, columns: Columns) -> Line:
    """Return `✗4 E6 Q13 ✓192`, each count in its column. A zero is blank."""
    if not columns.counts:
        return ()
    cells = (
        ((Piece(f"✗{_short(below.failed)}", Token.ROSE, is_bold=True),), below.failed),
        ((Piece(f"E{_short(below.active)}", Token.BLUE),), below.active),
        ((Piece(f"Q{_short(below.queued)}", Token.MUTED),), below.queued),
        ((STATUS_STYLES["Completed"].mark, Piece(_short(below.completed), Token.MUTED)), below.completed),
    )
    line = [Piece(" ")]
    for (cell, count), width in zip(cells, columns.counts, strict=False):
        line += [Piece(" "), *fit(cell if count else (), width, "right")]
    return tuple(line)


def _short(count: int) -> str:
    return f"{count}" if count < 1000 else f"{count // 1000}k"
