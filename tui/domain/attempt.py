"""An attempt to execute a run, the history of a run's attempts, and the wait of its code."""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from tui.domain.errors.error import RunError
from tui.domain.ids import RunId, SpanId, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

# `Wait`: what a run's code waits for: time, a token, input, or other runs.
#
# In a development environment a waiting run keeps the status EXECUTING. Only its trace shows the wait, see
# `domain.trace`.


_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) (second|minute|hour|day|week)s?\Z")
_UNITS_S: Final = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_MAX_DURATION: Final = timedelta(days=3_650)


class WaitKind(StrEnum):
    """The event that ends a wait."""

    TIME = "time"
    TOKEN = "token"  # noqa: S105  a word, not a secret
    RUNS = "runs"
    INPUT = "input"


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait that was open when the run's trace was read.

    * `subject`: what the code waits for, by kind. TIME: the duration in the SDK's words, or the time at which the wait
      ends. TOKEN: the token's id. INPUT: the stream. RUNS: their task. None if only `/trace` was read, which lacks it.
    * `runs`: the runs that the code waits for, from the trace or from the run's detail.
    * `open_count`: the number of `runs` that had not ended.
    * `task`: the task of `runs`, if all have the same.
    """

    kind: WaitKind
    since: datetime
    span_id: SpanId
    subject: Raw | None = None
    runs: tuple[RunId, ...] = ()
    open_count: int = 0
    task: TaskId | None = None

    @property
    def duration(self) -> timedelta | None:
        """The total duration of a wait for time; None if `subject` is not a duration."""
        match = _DURATION.match(self.subject) if self.kind is WaitKind.TIME and self.subject is not None else None
        if match is None:
            return None
        return timedelta(seconds=min(float(match[1]) * _UNITS_S[match[2]], _MAX_DURATION.total_seconds()))

    @property
    def until(self) -> datetime | None:
        """The time at which the wait ends, if the code called `wait.until()`."""
        if self.kind is not WaitKind.TIME or self.subject is None:
            return None
        try:
            moment = datetime.fromisoformat(self.subject)
        except ValueError:
            return None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return min(max(moment, self.since), self.since + _MAX_DURATION)

    def is_over(self, now: datetime) -> bool:
        """Return whether the wait must have ended by `now`."""
        ends_at = self.until if self.duration is None else self.since + self.duration
        return ends_at is not None and now >= ends_at


# An attempt to execute a run, and the history of a run's attempts.
#
# `domain.trace` rebuilds them from a trace.


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
        return None if self.started_at is None or self.completed_at is None else self.completed_at - self.started_at


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
        has_all = all(each.number == index and each.id is not None for index, each in enumerate(self.attempts, 1))
        return has_all and not self.missing and not self.is_trace_gone
