"""Decides whether fetched data about a run may be outdated. Pure: `SelectionLoader` fetches it again."""

from collections.abc import Callable
from typing import Final

from tui.domain.attempt import AttemptStatus
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import EXECUTING_FAMILY, RunStatus
from tui.domain.traces.span import Span
from tui.domain.tree import TreeNode
from tui.store.changes import Changes

MAY_WAIT: Final = EXECUTING_FAMILY | {RunStatus.WAITING_TO_RESUME}
"""The statuses in which the code of a run may run or wait. Only the trace says which."""


def is_live(known: Run | None, node: TreeNode) -> bool:
    """Return whether a run of a tree may still change. `known` is the run in the store."""
    if known is not None and known.state is not None:
        return not known.is_final
    return node.status is not None and not node.status.canonical.is_final


def is_trace_behind(run: Run) -> bool:
    """Return whether the run has ended and its attempts do not show that yet."""
    if not run.is_final or run.attempts is None:
        return False
    history = run.attempts[1]
    if not history.attempts:
        return bool(run.attempt_count) and not history.is_trace_gone
    return history.attempts[-1].status is AttemptStatus.EXECUTING


def is_trace_open(run: Run | None, root: Span) -> bool:
    """Return whether the run has ended and its trace does not show that yet."""
    return root.is_partial and run is not None and run.is_final


def is_alone(run: Run) -> bool:
    """Return whether the run is final and has no parent. Its children are in the store."""
    return run.is_final and run.children_read_at is not None and run.fixed.depth == 0 and not run.fixed.root_id


def has_lost_a_wait(run: Run, changes: Changes, known: Callable[[RunId], Run | None]) -> bool:
    """Return whether a child has ended for which the run waited when its trace was read."""
    wait = run.wait
    return wait is not None and any(
        (child := known(run_id)) is not None and child.is_final for run_id in wait.runs if run_id in changes.changed
    )
