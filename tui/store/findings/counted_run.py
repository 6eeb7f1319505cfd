"""`CountedRun`: what the own counts need to know of a run, as a pure function of it."""

from datetime import datetime
from typing import Final, NamedTuple

from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import EXECUTING_FAMILY, FAILED, RunStatus
from tui.domain.text import Raw

MINUTE_S: Final = 60
SCHEDULED: Final = "SCHEDULED"


class Outcome(NamedTuple):
    """How a run ended. `message` is that of its error, None where it is not known."""

    ended_s: float
    run_id: RunId
    is_failed: bool
    version: Raw | None
    message: Raw | None


class CountedRun(NamedTuple):
    """The minutes since the epoch in which a run was created, started and ended, each None if it was not.

    * `outcome`: None while the run is live, and if it was canceled or expired.
    * `took_s`: how long a run that completed took.
    * `queued_s`: since when it waits in its queue. A run that waits to retry does not.
    * `is_executing`: it has started and holds a place in its queue.
    """

    run_id: RunId
    task: TaskId
    created: int | None
    started: int | None
    ended: int | None
    outcome: Outcome | None
    took_s: float | None
    queued_s: float | None
    is_executing: bool
    scheduled_s: float | None


def counted(run: Run | None) -> CountedRun | None:
    """Return what counts of a run; None if it is not known well enough."""
    if run is None or run.state is None or run.is_gone:
        return None
    state, fixed, status = run.state, run.fixed, run.status
    if fixed.task is None:
        return None
    created_s, existed_s = _seconds(run.created_at), _seconds(run.existed_at)
    started_s = _seconds(state.started_at)
    ended_s = outcome = took_s = queued_s = None
    if status.is_final:
        ended_s = (state.finished_at or state.expired_at or state.updated_at).timestamp()
        is_failed = status in FAILED
        if is_failed or status is RunStatus.COMPLETED_SUCCESSFULLY:
            message = None if run.error_value is None else run.error_value.message
            outcome = Outcome(ended_s, run.id, is_failed, fixed.version, message)
            took_s = None if is_failed or started_s is None else ended_s - started_s
    elif status is RunStatus.QUEUED and not run.attempt_count and started_s is None:
        queued_s = max(created_s or 0.0, _seconds(state.delayed_until) or 0.0) or None
    return CountedRun(
        run.id,
        fixed.task,
        _minute(existed_s),
        _minute(started_s),
        _minute(ended_s),
        outcome,
        took_s,
        queued_s,
        status in EXECUTING_FAMILY,
        created_s if fixed.task_kind == SCHEDULED else None,
    )


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _minute(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds // MINUTE_S)
