"""Whether what was read of a run may have become untrue since. Pure; when to read again is `ui.selection`'s."""

from collections.abc import Callable
from typing import Final

from tui.domain.attempt import AttemptStatus
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import EXECUTING_FAMILY, RunStatus
from tui.domain.tree import TreeNode
from tui.store.changes import Changes

MAY_WAIT: Final = EXECUTING_FAMILY | {RunStatus.WAITING_TO_RESUME}
"""In these statuses code may run as well as wait."""


def is_live(known: Run | None, node: TreeNode) -> bool:
    """Whether a run of a tree may still change."""
    if known is not None and known.state is not None:
        return not known.is_final
    return node.status is not None and not node.status.canonical.is_final


def is_trace_behind(run: Run) -> bool:
    """Whether the run has ended and its attempts do not know it yet."""
    if not run.is_final or run.attempts is None:
        return False
    history = run.attempts[1]
    if not history.attempts:
        return bool(run.attempt_count) and not history.is_trace_gone
    return history.attempts[-1].status is AttemptStatus.EXECUTING


def is_alone(run: Run) -> bool:
    """Whether a read of the finished run said that nothing is above it; what is below it, the store tells."""
    return run.is_final and run.children_read_at is not None and run.fixed.depth == 0 and not run.fixed.root_id


def has_lost_a_wait(run: Run, changes: Changes, known: Callable[[RunId], Run | None]) -> bool:
    """Whether a child ended for which the run waits, as far as its trace told."""
    wait = run.wait
    return wait is not None and any(
        (child := known(run_id)) is not None and child.is_final for run_id in wait.runs if run_id in changes.changed
    )
