"""A span of a trace, as the server knows it at one moment.

What lives here: the value, how it looks, and when the server comes to know of it; which spans a run has is said in
`trace`, how they are told in `trace_answers`. Spans come in late, in batches: a new one 150 to 600 ms after it began,
and its end as long after it ended (wire/README.md §9, recordings 762 and 764).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tui.emulator.rest.rows import iso_time
from tui.emulator.simulation.failure import Failure
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import Json

FIRST_LAG_MS = 200
"""A run younger than that has no trace yet (recordings 215, 762)."""

LAG_MS = 150
BATCH_MS = 450
"""So often the spans of a run are sent."""

NS_PER_MS = 1_000_000
NOISE_NS = 256
"""Times are floats of nanoseconds on the server, so that they are multiples of this (wire/README.md §5)."""

OPEN_NS = 58_624
"""What the worker tells as the duration of a span that is still open, at least (recordings 220-223)."""

ENGINE_NS = 100

Style = Mapping[str, Any]

TASK: Style = {"icon": "task", "variant": "primary"}
ATTEMPT: Style = {"icon": "attempt", "variant": "cold"}
FUNCTION: Style = {"icon": "task-fn-run"}
HOOK: Style = {"icon": "task-hook-onCancel"}
DELAY: Style = {"icon": "play"}
TRACE: Style = {"icon": "trace"}
TRIGGER: Style = {"icon": "trigger"}
DOWNLOAD: Style = {"icon": "cloud-download"}
UPLOAD: Style = {"icon": "cloud-upload"}
LOGS: Mapping[str, Style] = {level: {"icon": level.lower()} for level in ("DEBUG", "INFO", "WARN", "ERROR")}


@dataclass(slots=True, eq=False)
class TraceSpan:
    """One span, or one line of the log. `attempt` is the number of the attempt that it belongs to.

    `duration_ns` is in nanoseconds. `triggered`: the runs that it started. `is_waitpoint`: it waits for time.
    """

    id: str
    parent_id: str | None
    run: Run
    message: str
    started_ms: int
    style: Style = field(default_factory=lambda: TRACE)
    attempt: int | None = None
    level: str = "TRACE"
    duration_ns: int = 0
    is_partial: bool = False
    is_error: bool = False
    is_cancelled: bool = False
    is_waitpoint: bool = False
    properties: Mapping[str, Json] = field(default_factory=dict)
    triggered: tuple[Run, ...] = ()
    events: list[dict[str, Any]] = field(default_factory=list)
    children: list["TraceSpan"] = field(default_factory=list)

    def fail(self, failure: Failure) -> None:
        """Let its detail tell what went wrong."""
        self.is_error = True
        error = {key: text.replace("\0", "") for key, text in failure.in_span().items()}
        self.properties = {**self.properties, "error": error}

    def throw(self, failure: Failure, at_ms: int) -> None:
        """Let it have been passed by what was thrown then."""
        self.fail(failure)
        exception = {key: text.replace("\0", "") for key, text in failure.in_exception().items()}
        self.events.append({"name": "exception", "time": iso_time(at_ms), "properties": {"exception": exception}})


@dataclass(frozen=True, slots=True)
class TraceView:
    """What can be seen at `now_ms`. No row that is later than `last_ms` is: there the asked run was over."""

    now_ms: int
    last_ms: int | None = None

    def add_row(self, parent: TraceSpan, span: TraceSpan) -> None:
        """Hang what takes no time (a log line, a row of the engine) under its parent, if it is known by now."""
        is_late = self.last_ms is not None and span.started_ms > self.last_ms
        if self._has_received(span, span.started_ms) and not is_late:
            parent.children.append(span)

    def add_span(
        self,
        parent: TraceSpan | None,
        span: TraceSpan,
        ended_ms: int | None,
        *,
        cancelled_ms: int | None = None,
        failure: Failure | None = None,
    ) -> bool:
        """Hang a span under its parent if its begin is known by now, and close it if its end is.

        `ended_ms` None: it is never closed. `cancelled_ms`: when what it belongs to was canceled, which closes what is
        still open and lets nothing begin. `failure`: what ended it. Gives whether it is there.
        """
        if parent is None:
            is_known = self.now_ms - span.run.created_ms >= FIRST_LAG_MS
        else:
            is_known = self._has_received(span, span.started_ms)
        if not is_known or (cancelled_ms is not None and span.started_ms > cancelled_ms):
            return False
        if parent is not None:
            parent.children.append(span)
        if cancelled_ms is not None and (ended_ms is None or ended_ms > cancelled_ms):
            ended_ms, span.is_cancelled = cancelled_ms, True
        if ended_ms is not None and self._has_received(span, ended_ms):
            _close(span, ended_ms, None if span.is_cancelled else failure)
        else:
            _leave_open(span)
        return True

    def _has_received(self, span: TraceSpan, ms: int) -> bool:
        """Whether the batch with what happened to that span then has come in."""
        # The platform and the worker send their own.
        is_platforms = span.style is TASK or span.style is DELAY or span.duration_ns == ENGINE_NS
        beat = span.run.seed // BATCH_MS if is_platforms else span.run.seed
        return ms + LAG_MS + -(ms + beat) % BATCH_MS <= self.now_ms


def _close(span: TraceSpan, ended_ms: int, failure: Failure | None) -> None:
    span.duration_ns = duration_ns(span.started_ms, ended_ms)
    if not span.is_cancelled and span.style is not TASK:
        # The worker's clock is finer than the milliseconds of the world.
        span.duration_ns += int(span.id[-3:], 16) * 200 // NOISE_NS * NOISE_NS
    if failure is not None:
        span.throw(failure, ended_ms)


def _leave_open(span: TraceSpan) -> None:
    span.is_partial, span.is_cancelled = True, False
    if span.style is not TASK and span.style is not ATTEMPT:
        span.duration_ns = OPEN_NS + int(span.id[-2:], 16) * NOISE_NS


def duration_ns(started_ms: int, ended_ms: int) -> int:
    """The nanoseconds between two times: a difference of floats, so that 946 ms are 946000128 ns (recording 241)."""
    return max(0, int(float(ended_ms * NS_PER_MS) - float(started_ms * NS_PER_MS)))
