"""An attempt to execute a run, and the history of a run's attempts.

`domain.traces.attempts_of_trace` rebuilds them from a trace.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from tui.domain.errors.error import RunError
from tui.domain.ids import SpanId
from tui.domain.wait import Wait
from tui.lazy_dataclass import dataclass


class AttemptStatus(StrEnum):
    """The attempt statuses of the run schema."""

    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt.

    * `number`: counts from 1.
    * `id`: the id of its span, None if the trace has no span for the attempt.
    * `completed_at`: None while the attempt runs, or if its end is not known.
    * `retry_delay`: the delay before the next attempt, if one was planned.
    """

    number: int
    status: AttemptStatus
    id: SpanId | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: RunError | None = None
    retry_delay: timedelta | None = None

    @property
    def duration(self) -> timedelta | None:
        """The time from start to end; None while the attempt runs, or if either time is not known."""
        if self.started_at is None or self.completed_at is None:
            return None
        return self.completed_at - self.started_at


@dataclass(frozen=True, slots=True)
class AttemptHistory:
    """The attempts of a run in order, and the planned retry.

    * `retry_at`: when the planned retry starts; None: none is planned, or the trace does not show it yet.
    * `is_trace_gone`: the server no longer has the trace, so that earlier attempts are lost.
    * `missing`: a sentence on which part of the trace was truncated or could not be read; empty if none was.
    * `wait`: the wait that was open when the trace was read. `Run.wait` returns it only while it may still be open.
    """

    attempts: tuple[Attempt, ...] = ()
    retry_at: datetime | None = None
    is_trace_gone: bool = False
    missing: str = ""
    wait: Wait | None = None

    @property
    def is_complete(self) -> bool:
        """Whether no attempt is missing, and each was read from its own span."""
        numbers = [attempt.number for attempt in self.attempts]
        has_all = numbers == list(range(1, len(numbers) + 1)) and all(
            attempt.id is not None for attempt in self.attempts
        )
        return has_all and not self.missing and not self.is_trace_gone
