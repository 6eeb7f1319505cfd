"""One try to run a task, and the history of tries of a run.

What lives here: the values. How they are rebuilt from a trace is in `domain.attempts_of_trace`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tui.domain.error import RunError
from tui.domain.ids import SpanId
from tui.domain.wait import Wait


class AttemptStatus(StrEnum):
    """The words of the run schema's attempts."""

    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. `id` is its span's (None where no span of it is left, or none came yet); `number` counts from 1.

    `completed_at` is None while it runs; `retry_delay` is the wait that was planned after it, if any.
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
        """How long it ran, or None while it runs or when a time is not known."""
        if self.started_at is None or self.completed_at is None:
            return None
        return self.completed_at - self.started_at


@dataclass(frozen=True, slots=True)
class AttemptHistory:
    """The attempts of a run in order, and what is known about the next one.

    `next_at` is when a planned retry starts (None when none is planned or its plan is not written yet);
    `is_trace_gone` says that the server has no trace of the run left, so that earlier attempts are lost; `missing`
    says in words what was cut or could not be read, so that later attempts may be lost, and is empty otherwise.
    `wait` is what the last attempt waited for when its trace was read; see `Run.wait` for whether it still does.
    """

    attempts: tuple[Attempt, ...] = ()
    next_at: datetime | None = None
    is_trace_gone: bool = False
    missing: str = ""
    wait: Wait | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every attempt that was begun is here, from its own span."""
        numbers = [attempt.number for attempt in self.attempts]
        has_all = numbers == list(range(1, len(numbers) + 1)) and all(
            attempt.id is not None for attempt in self.attempts
        )
        return has_all and not self.missing and not self.is_trace_gone
