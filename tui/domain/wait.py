"""What the code of a run waits for: time, a token, input, or other runs.

A waiting run of a development environment keeps the status EXECUTING: only its trace tells (`wait_of_trace`).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from tui.domain.ids import RunId, SpanId, TaskId
from tui.domain.text import Raw

_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) (second|minute|hour|day|week)s?\Z")
_UNITS_S: Final = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_LONGEST: Final = timedelta(days=3_650)


class WaitKind(StrEnum):
    """What can end a wait."""

    TIME = "time"
    TOKEN = "token"  # noqa: S105  a word, not a secret
    RUNS = "runs"
    INPUT = "input"


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait of a run that was open when its trace was read.

    `about` is what stands beside the span's name: the duration in the SDK's words or the moment that ends the wait, the
    token's id, the stream of the input, or the task of the runs; None where only a trace was read, which lacks it.
    `runs` are those that the trace shows below the span, or the run's detail where no trace was read; `open_count` of
    them had not ended; `task` is theirs where all have the same.
    """

    kind: WaitKind
    since: datetime
    span_id: SpanId
    about: Raw | None = None
    runs: tuple[RunId, ...] = ()
    open_count: int = 0
    task: TaskId | None = None

    @property
    def duration(self) -> timedelta | None:
        """How long a wait for time lasts in all; None where that is not told, or told in other words."""
        match = _DURATION.match(self.about) if self.kind is WaitKind.TIME and self.about is not None else None
        if match is None:
            return None
        return timedelta(seconds=min(float(match[1]) * _UNITS_S[match[2]], _LONGEST.total_seconds()))

    @property
    def until(self) -> datetime | None:
        """The moment that ends a wait for time, where the code named one (`wait.until()`)."""
        if self.kind is not WaitKind.TIME or self.about is None:
            return None
        try:
            moment = datetime.fromisoformat(self.about)
        except ValueError:
            return None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return min(max(moment, self.since), self.since + _LONGEST)

    def is_over(self, now: datetime) -> bool:
        """Whether it surely ended since the trace was read."""
        ends_at = self.until if self.duration is None else self.since + self.duration
        return ends_at is not None and now >= ends_at
