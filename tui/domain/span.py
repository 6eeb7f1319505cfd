"""The trace of a run as a tree of spans.

What lives here: the values and the walk over them. Decoding is in `wire`, meaning in `domain.attempts_of_trace`
and `domain.tree`. Source: wire/README.md §5.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tui.domain.error import RunError
from tui.domain.ids import RunId, SpanId, TraceId
from tui.domain.text import Raw


@dataclass(frozen=True, slots=True)
class Span:
    """One span or log line of a trace.

    `message` is its name (a task id on a run's own span, `Attempt 2` on an attempt); `duration` is zero while it
    `is_partial`; `level` is TRACE for spans, DEBUG for engine noise, else a log level; `exception` is the last
    event named `exception`; `attempt_number` is given on attempts and all below them.
    """

    id: SpanId
    run_id: RunId
    message: Raw
    started_at: datetime
    duration: timedelta
    level: str
    is_error: bool = False
    is_partial: bool = False
    is_cancelled: bool = False
    attempt_number: int | None = None
    exception: RunError | None = None
    children: tuple["Span", ...] = field(default=(), repr=False)

    @property
    def ended_at(self) -> datetime | None:
        """When it ended, or None while it is open."""
        return None if self.is_partial else self.started_at + self.duration

    def walk(self) -> Iterator["Span"]:
        """This span and all below it, parents first, in the server's order; never recursive."""
        pending = [self]
        while pending:
            span = pending.pop()
            yield span
            pending.extend(reversed(span.children))


@dataclass(frozen=True, slots=True)
class Trace:
    """The answer of `/trace`: the asked run's own span at the root. `is_truncated`: the server cut it at 5,000 rows."""

    id: TraceId
    root: Span
    is_truncated: bool = False
