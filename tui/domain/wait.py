"""`Wait`: what a run's code waits for: time, a token, input, or other runs.

In a development environment a waiting run keeps the status EXECUTING. Only its trace shows the wait, see
`wait_of_trace`.
"""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from tui.domain.ids import RunId, SpanId, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

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
