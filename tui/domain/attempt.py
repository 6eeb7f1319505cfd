"""An attempt to execute a run, and the history of a run's attempts.

`domain.attempts_of_trace` rebuilds them from a trace.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tui.domain.error import RunError
from tui.domain.ids import SpanId
from tui.domain.wait import Wait


class AttemptStatus(StrEnum):
    """The attempt statuses of the run schema."""

    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. `number` counts from 1. `id` is the id of its span, None if the trace has no span of it.

    `completed_at` is None while the attempt runs, or if its end is not known. `retry_delay` is the delay before the
    next attempt, if one was planned.
    """

    number: int
    status: AttemptStatus
    id: SpanId | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: RunError | None = None
    retry_delay: timedelta | None = None

    @property
    def took(self) -> timedelta | None:
        """The duration, or None while the attempt runs or if a time is not known."""
        if self.started_at is None or self.completed_at is None:
            return None
        return self.completed_at - self.started_at


@dataclass(frozen=True, slots=True)
class AttemptHistory:
    """The attempts of a run in order, and the planned retry.

    `next_at` is when the planned retry starts; None: none is planned, or the trace does not show it yet.
    `is_trace_gone`: the server no longer has the trace, so that earlier attempts are lost. `missing` explains in words
    which part of the trace was cut or could not be read; empty if none was. `wait` is the wait that was open when the
    trace was read; `Run.wait` says whether it still is.
    """

    attempts: tuple[Attempt, ...] = ()
    next_at: datetime | None = None
    is_trace_gone: bool = False
    missing: str = ""
    wait: Wait | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every attempt that started is here and was read from its own span."""
        numbers = [attempt.number for attempt in self.attempts]
        has_all = numbers == list(range(1, len(numbers) + 1)) and all(
            attempt.id is not None for attempt in self.attempts
        )
        return has_all and not self.missing and not self.is_trace_gone
