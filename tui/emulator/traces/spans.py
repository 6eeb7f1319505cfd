"""A span of a trace, as the server knows it at one moment.

Spans reach the server late and in batches: a new one 150 to 600 ms after its start, its end as long after that. Source:
tests/wire/recordings/README.md §9, recordings 762 and 764.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tui.emulator.rest.rows import iso_time
from tui.emulator.simulation.failure import Failure
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import Json

FIRST_LAG_MS = 200
"""A younger run has no trace yet (recordings 215, 762)."""

LAG_MS = 150
BATCH_MS = 450
"""The worker sends spans this often."""

NS_PER_MS = 1_000_000
NOISE_NS = 256
"""The server stores nanoseconds as floats, so they are multiples of this (tests/wire/recordings/README.md §5)."""

OPEN_NS = 58_624
"""The minimum duration that the worker reports for an open span (recordings 220-223)."""

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
LOGS: Mapping[str, Style] = {
    **{level: {"icon": level.lower()} for level in ("DEBUG", "INFO", "WARN", "ERROR")},
    # No recorded line has this level, since the SDK sends `logger.log` as INFO. Its icon is assumed to be the same.
    "LOG": {"icon": "info"},
}


@dataclass(slots=True, eq=False)
class TraceSpan:
    """One span or one log line. `attempt` is the number of its attempt.

    `triggered` are the runs that it started. `is_waitpoint` marks a wait for time or a token.
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

    @property
    def is_engines(self) -> bool:
        """Whether the platform wrote the row."""
        return self.duration_ns == ENGINE_NS and self.level == "DEBUG"

    def fail(self, failure: Failure) -> None:
        """Mark the span as failed, with the error in its detail."""
        self.is_error = True
        error = {key: text.replace("\0", "") for key, text in failure.in_span().items()}
        self.properties = {**self.properties, "error": error}

    def throw(self, failure: Failure, at_ms: int) -> None:
        """Mark the span as failed, with the exception as an event."""
        self.fail(failure)
        exception = {key: text.replace("\0", "") for key, text in failure.in_exception().items()}
        self.events.append({"name": "exception", "time": iso_time(at_ms), "properties": {"exception": exception}})


@dataclass(frozen=True, slots=True)
class TraceView:
    """The part of a trace that is visible at `now_ms`. Rows after `last_ms`, the end of the run, never are."""

    now_ms: int
    last_ms: int | None = None

    def add_row(self, parent: TraceSpan, span: TraceSpan) -> None:
        """Add a row without a duration (a log line, an engine row) to its parent, if the server knows it by now."""
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
        """Add a span to its parent if the server knows its start, and close it if the server knows its end.

        `ended_ms` is None for a span that is never closed. At `cancelled_ms` a cancel closed what was open and let
        nothing start. `failure` ended the span. Returns whether the span was added.
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
        """Whether the server has received the batch with this moment of the span."""
        # The platform and the worker send separate batches.
        is_platforms = span.style is TASK or span.style is DELAY or span.duration_ns == ENGINE_NS
        beat = span.run.seed // BATCH_MS if is_platforms else span.run.seed
        return ms + LAG_MS + -(ms + beat) % BATCH_MS <= self.now_ms


def _close(span: TraceSpan, ended_ms: int, failure: Failure | None) -> None:
    span.duration_ns = duration_ns(span.started_ms, ended_ms)
    if not span.is_cancelled and span.style is not TASK:
        # The worker's clock is more precise than the world's milliseconds.
        span.duration_ns += int(span.id[-3:], 16) * 200 // NOISE_NS * NOISE_NS
    if failure is not None:
        span.throw(failure, ended_ms)


def _leave_open(span: TraceSpan) -> None:
    span.is_partial, span.is_cancelled = True, False
    if span.style is not TASK and span.style is not ATTEMPT:
        span.duration_ns = OPEN_NS + int(span.id[-2:], 16) * NOISE_NS


def duration_ns(started_ms: int, ended_ms: int) -> int:
    """The nanoseconds between two times: a difference of floats, so 946 ms are 946000128 ns (recording 241)."""
    return max(0, int(float(ended_ms * NS_PER_MS) - float(started_ms * NS_PER_MS)))
