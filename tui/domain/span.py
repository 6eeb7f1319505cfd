"""The trace of a run as a tree of spans.

What lives here: the values and the walk over them. Decoding is in `wire`, meaning in `domain.attempts_of_trace`
and `domain.tree`. Source: wire/README.md §5.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tui.domain.error import RunError
from tui.domain.ids import RunId, SpanId, TaskId, TraceId
from tui.domain.run import Json
from tui.domain.status import Status
from tui.domain.text import Raw


@dataclass(frozen=True, slots=True)
class Span:
    """One span or log line of a trace.

    `message` is its name (a task id on a run's own span, `Attempt 2` on an attempt); `duration` is zero while it
    `is_partial`; `level` is TRACE for spans, DEBUG for engine noise, else a log level; `exception` is the last
    event named `exception`; `attempt_number` is given on attempts and all below them. `about` is what stands beside
    the name, which only `/events` tells: the token, the duration or the task that a span waits for.
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
    about: Raw | None = None

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


@dataclass(frozen=True, slots=True)
class Events:
    """The answer of `/events`, as far as attempts need it: the run's own span, None where it did not come.

    `may_be_cut`: as many rows may have come as the server sends at most, and what happened later is missing.
    """

    root: Span | None
    may_be_cut: bool = False


def span_of_run(trace: Trace, run_id: RunId) -> Span | None:
    """The span under which everything of one run hangs, in its own trace or in that of a run above it, or None.

    It is the only span of the run whose parent is another run's (recordings 234, 236), so the first that a walk meets.
    """
    return next((span for span in trace.root.walk() if span.run_id == run_id), None)


@dataclass(frozen=True, slots=True)
class TriggeredRun:
    """A run that a span made. `status` is in the database's words, and no word about the run's own `updated_at`."""

    id: RunId
    task: TaskId | None = None
    status: Status | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SpanDetail:
    """The answer about one span: what `/trace` leaves out of it.

    `run_id` echoes the asked id, not the span's owner (recordings 281-283); `error` has the true text of a crash on a
    run's own span (269, 284, 285); `properties` are the attributes of a log line; `triggered` is cut at 50 runs.
    """

    id: SpanId
    run_id: RunId
    message: Raw
    error: RunError | None = None
    properties: dict[str, Json] = field(default_factory=dict)
    triggered: tuple[TriggeredRun, ...] = ()
