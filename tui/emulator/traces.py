"""Traces: the tree of spans of a run, computed from its scripts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tui.emulator.environment import Environment
from tui.emulator.rows import OUTPUT_INLINE_BYTES, PAYLOAD_INLINE_BYTES, is_large
from tui.emulator.simulation.attempts import LONG_BACKOFF_MS, RESTORED_MS, SUSPENDED_AFTER_MS, SUSPENDED_FROM_MS
from tui.emulator.simulation.names import iso_time, span_id, trace_id, waitpoint_id
from tui.emulator.simulation.records import pause_path
from tui.emulator.simulation.runs import Attempt, Block, Run, Status
from tui.emulator.simulation.script import (
    NOTHING,
    Failure,
    FailureKind,
    Json,
    Lines,
    Log,
    Script,
    Span,
    Start,
    Step,
    Wait,
    Work,
)

# A span of a trace, as the server knows it at one moment.
#
# Spans reach the server late and in batches: a new one 150 to 600 ms after its start, its end as long after that.
# Source: tests/wire/recordings/README.md §9, recordings 762 and 764.


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


# Turns the items of a script into spans: work into log lines and spans, waits into the SDK's own spans.
#
# The tree below knows when an attempt reached an item. Source: tests/wire/recordings/README.md (recordings
# 220-223, 234, 235, 250, 253).


Pause = Wait | Start

_UNITS = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000))
_PHASES = (("dequeue", 0.0, 0.0), ("create_attempt", 0.03, 0.3), ("fork", 0.34, 0.55), ("bootstrap", 0.9, 0.07))
"""The phases of a cold start: the start and the length of each, as parts of the whole (recordings 225, 261)."""


def split_at_pauses(script: Script) -> Iterator[tuple[list[Work], Pause | None]]:
    """The work before each pause, with that pause; the last one has none. Items that no trace shows are left out."""
    works: list[Work] = []
    for item in script.items:
        if isinstance(item, Work):
            works.append(item)
        elif isinstance(item, Wait | Start):
            yield works, item
            works = []
    yield works, None


def add_steps(
    view: TraceView,
    parent: TraceSpan,
    steps: Sequence[Step],
    path: str,
    started_ms: float,
    ms: float,
    *,
    cancelled_ms: int | None = None,
    is_nested: bool = False,
) -> None:
    """Spread steps over `ms` milliseconds in order, and add the visible ones to `parent`.

    The time that the spans leave free is divided equally after the steps; inside a span also before the first one
    (recordings 220, 250). `path` determines their ids.
    """
    if not steps:
        return
    run = parent.run
    shown = _spelled_out_lines(steps)
    free = max(0.0, 1.0 - sum(step.share for step in shown if isinstance(step, Span)))
    gap_ms = ms * free / (len(shown) + is_nested)
    started_ms += gap_ms if is_nested else 0.0
    for index, step in enumerate(shown):
        key, at_ms = f"{path}.{index}", int(started_ms)
        span = TraceSpan(span_id(run.seed, key), parent.id, run, step.message, at_ms, attempt=parent.attempt)
        if step.attributes:
            span.properties = step.attributes
        if isinstance(step, Log):
            span.level, span.style, span.is_error = step.level, LOGS[step.level], step.level == "ERROR"
            if cancelled_ms is None or at_ms <= cancelled_ms:
                view.add_row(parent, span)
        else:
            if step.icon:
                span.style = {"icon": step.icon}
            span_ms = ms * step.share
            ended_ms = int(started_ms + span_ms)
            if view.add_span(parent, span, ended_ms, cancelled_ms=cancelled_ms, failure=step.failure):
                add_steps(view, span, step.steps, key, started_ms, span_ms, cancelled_ms=cancelled_ms, is_nested=True)
            started_ms += span_ms
        started_ms += gap_ms


def _spelled_out_lines(steps: Sequence[Step]) -> list[Log | Span]:
    found: list[Log | Span] = []
    for step in steps:
        found.extend(map(step.line, range(step.first, step.first + step.count)) if isinstance(step, Lines) else (step,))
    return found


def pause_span(parent: TraceSpan, pause: Pause, block: Block, path: str) -> TraceSpan:
    """The span of a pause, which began with its block."""
    run = parent.run
    key = span_id(run.seed, path)
    token = waitpoint_id(run.seed, path) if isinstance(pause, Wait) and pause.is_token else ""
    style: Style = TRIGGER
    if isinstance(pause, Wait):
        name = "wait.forToken()" if token else "wait.for()"
        style = {"icon": "wait", **_accessory(token or _spelled_out(pause.ms))}
    else:
        name = f"{pause.function}()"
        if pause.is_awaited:
            style = {**TRIGGER, **_accessory(pause.children[0].task if pause.children else "")}
    span = TraceSpan(key, parent.id, run, name, block.started_ms, style, parent.attempt)
    span.is_waitpoint, span.triggered = isinstance(pause, Wait), block.runs
    if token:
        span.properties = {"id": token}
    return span


def started_properties(block: Block) -> dict[str, Json]:
    """The properties of a span that started runs, once it ended (recordings 281-283)."""
    if block.batch_id:
        return {"batchId": block.batch_id, "runCount": len(block.runs)}
    return {"runId": block.runs[0].id} if block.runs else {}


def is_thrown(pause: Pause, block: Block) -> bool:
    """Whether a failed child ended the attempt at this pause."""
    if not isinstance(pause, Start) or not pause.is_awaited or not pause.must_succeed:
        return False
    return any(run.status is not Status.COMPLETED for run in block.runs)


def start_events(run: Run, attempt: Attempt, started_ms: int) -> list[dict[str, Json]]:
    """The events of a cold start that ended at `started_ms`; durations in milliseconds (recordings 225, 261)."""
    file = run.task.file if run.task is not None else f"src/trigger/{run.task_id}.ts"
    dequeued_ms = attempt.dequeued_ms
    whole_ms = max(0, started_ms - dequeued_ms)
    events: list[tuple[float, dict[str, Json]]] = [
        (at, {"duration": int(whole_ms * share), "event": name}) for name, at, share in _PHASES
    ]
    entry = f"/app/.trigger/tmp/build-AbC123/{file.removesuffix('.ts')}.mjs"
    last = {"entryPoint": entry, "file": file, "duration": int(whole_ms * 0.02), "event": "import"}
    return [
        {"name": "trigger.dev/start", "time": iso_time(dequeued_ms + int(whole_ms * at)), "properties": properties}
        for at, properties in (*events, (0.97, last))
    ]


def _accessory(text: str) -> Style:
    return {"accessory": {"items": [{"text": text, "variant": "normal"}], "style": "codepath"}}


def _spelled_out(ms: int) -> str:
    """`12 seconds`, `1 minute`: in the largest unit without a remainder."""
    unit, unit_ms = next(((name, size) for name, size in _UNITS if ms and ms % size == 0), ("second", 1000))
    count = ms / unit_ms
    return f"{count:g} {unit}{'' if count == 1 else 's'}"


# The rows that the platform itself writes into a trace, at level DEBUG. Only `/trace` returns them.
#
# No client should need them. Their texts are those of recordings 210-241.


DEQUEUED = "[engine] PENDING_EXECUTING - Run was dequeued for execution"


@dataclass(frozen=True, slots=True)
class Engine:
    """Adds the engine's rows to the span of a run. A development worker adds some of its own."""

    view: TraceView
    environment: Environment

    def queued(self, run_span: TraceSpan) -> None:
        """Rows before the first attempt."""
        run = run_span.run
        if run.queued_ms is not None:
            self._row(run_span, run.queued_ms + 6, "[engine] QUEUED - Run was QUEUED")
        if run.status is Status.PENDING_VERSION:
            internal = run.id.removeprefix("run_")
            self._row(run_span, run.updated_ms, f"[engine] RUN_CREATED - No worker found for run: {internal}")
        if run.started_ms is not None and not run.attempts:
            self._row(run_span, run.started_ms, DEQUEUED)

    def dequeued(self, run_span: TraceSpan, attempt: Attempt) -> None:
        """A worker dequeued the run. After a short backoff it still has the run, so there is no row."""
        before = run_span.run.attempts[attempt.number - 2] if attempt.number > 1 else None
        if before is None or before.retry_at_ms != attempt.dequeued_ms:
            self._row(run_span, attempt.dequeued_ms, DEQUEUED)

    def attempt_created(self, run_span: TraceSpan, attempt: Attempt) -> None:
        """The attempt exists."""
        self._subscription(run_span, attempt.dequeued_ms + 24, "subscribe")
        self._row(run_span, attempt.dequeued_ms + 30, "[engine] EXECUTING - Attempt created, starting execution")

    def attempt_failed(self, run_span: TraceSpan, failed_ms: int, retry_at_ms: int) -> None:
        """The attempt failed and another one will follow."""
        if retry_at_ms - failed_ms < LONG_BACKOFF_MS:
            message = "[engine] EXECUTING - Attempt failed with a short delay, starting a new attempt"
            self._row(run_span, failed_ms + 37, message)
        else:
            self._row(run_span, failed_ms + 54, "[engine] QUEUED - Requeued the run after a failure")
            self._subscription(run_span, failed_ms + 91, "unsubscribe")

    def blocked(self, run_span: TraceSpan, pause: Pause, block: Block) -> None:
        """The run waited for time, a token or other runs, and continued."""
        if isinstance(pause, Start) and not pause.is_awaited:
            return
        message = "[engine] EXECUTING_WITH_WAITPOINTS - Run was blocked by a waitpoint."
        self._row(run_span, block.started_ms + 20, message)
        is_suspended = self.is_suspended(pause, block)
        if is_suspended:
            message = "[engine] SUSPENDED - Run was suspended after creating a checkpoint."
            self._row(run_span, block.started_ms + SUSPENDED_AFTER_MS, message)
        if block.ended_ms is not None:
            message = DEQUEUED if is_suspended else "[engine] EXECUTING - Run was continued, whilst still executing."
            self._row(run_span, block.ended_ms - (RESTORED_MS if is_suspended else 0), message)

    def is_suspended(self, pause: Pause, block: Block) -> bool:
        """Whether the run leaves its worker during the wait."""
        if not self.environment.suspends:
            return False
        if isinstance(pause, Wait):
            return pause.ms >= SUSPENDED_FROM_MS
        until_ms = self.view.now_ms if block.ended_ms is None else block.ended_ms
        return pause.is_awaited and until_ms - block.started_ms >= SUSPENDED_AFTER_MS

    def finished(self, run_span: TraceSpan, ended_ms: int) -> None:
        """The run ended. Its own trace ends at that moment, so most of these rows appear only in the trace of a parent
        that waited for it.
        """
        run = run_span.run
        if not run.attempts:
            return
        if run.status is Status.CANCELED:
            self._row(run_span, ended_ms, "[engine] PENDING_CANCEL - Run was cancelled")
            return
        words = "Task completed successfully" if run.status is Status.COMPLETED else "Run failed"
        self._row(run_span, ended_ms + 5, f"[engine] FINISHED - {words}")
        self._subscription(run_span, ended_ms + 28, "unsubscribe")

    def _subscription(self, run_span: TraceSpan, at_ms: int, word: str) -> None:
        if self.environment.type == "DEVELOPMENT":
            self._row(run_span, at_ms, f"run:{word} received by platform")

    def _row(self, run_span: TraceSpan, at_ms: int, message: str) -> None:
        key = span_id(run_span.run.seed, f"{message}/{at_ms}")
        row = TraceSpan(key, run_span.id, run_span.run, message, at_ms, level="DEBUG", duration_ns=ENGINE_NS)
        self.view.add_row(run_span, row)


# Builds the trace of a run: the tree of its spans and of the descendants that it waits for.
#
# The tree is computed from scripts and blocks and never stored: the same run at the same time has the same trace.
# Source: tests/wire/recordings/README.md §5 and §6, recordings 210-292.


BEFORE_CREATED_MS = 3
"""A run's own span starts this long before its row exists (recordings 240 and 100)."""

WARM_MS = 4
DONE_MS = 2
"""An attempt takes some time of its own before and after `run()` (recording 241)."""

DOWNLOAD_MS = 60
HOOK_MS = 5
DELAYED_MS = 25
UP_FROM_MS = 100
RECORD_MS = 30
"""Times of `attempts`: an attempt has a record this long after it was dequeued, and its process starts later."""


def trace_of(run: Run, now_ms: int, environment: Environment, *, own_spans_only: bool = False) -> TraceSpan | None:
    """The run's own span with everything below it, as the server knows them at `now_ms`; None while it knows none.

    With `own_spans_only`, spans of other runs are left out.
    """
    last_ms = _ended_ms(run) if run.status.is_final else None
    return _TraceBuilder(TraceView(now_ms, last_ms), environment, own_spans_only=own_spans_only).run(run, None)


def trace_root(run: Run) -> Run:
    """The run that owns the trace: the run itself, or the topmost run that waits for it (recordings 234-237, 256)."""
    while run.parent is not None and _is_awaited(run):
        run = run.parent
    return run


def trace_id_of(run: Run) -> str:
    """The id of the trace that contains the run."""
    return trace_id(trace_root(run).seed)


class _TraceBuilder:
    """Adds the visible spans, run by run."""

    def __init__(self, view: TraceView, environment: Environment, *, own_spans_only: bool) -> None:
        self._view = view
        self._engine = Engine(view, environment)
        self._own_spans_only = own_spans_only

    def run(self, run: Run, parent: TraceSpan | None) -> TraceSpan | None:
        """Add a run's own span and everything below it."""
        parent_id = _parent_id(run) if parent is None else parent.id
        started_ms = run.created_ms - (0 if _is_awaited(run) else BEFORE_CREATED_MS)
        run_span = TraceSpan(span_id(run.seed, ""), parent_id, run, run.task_id, started_ms, TASK)
        is_final = run.status.is_final
        if not self._view.add_span(parent, run_span, _ended_ms(run) if is_final else None):
            return None
        if not run_span.is_partial and run.status is not Status.COMPLETED:
            run_span.is_cancelled = run.status is Status.CANCELED
            if run.failure is not None and run.failure.kind is not FailureKind.CANCELED:
                run_span.fail(run.failure)
        self._engine.queued(run_span)
        for attempt in run.attempts:
            self._attempt(run_span, attempt)
        if is_final:
            self._engine.finished(run_span, _ended_ms(run))
        return run_span

    def _attempt(self, run_span: TraceSpan, attempt: Attempt) -> None:
        run, number = run_span.run, attempt.number
        is_first = number == 1
        self._engine.dequeued(run_span, attempt)
        if not is_first:
            self._engine.attempt_created(run_span, attempt)
        download_ms = DOWNLOAD_MS if is_large(run.payload(), PAYLOAD_INLINE_BYTES) else 0
        started_ms = attempt.started_ms - WARM_MS - download_ms
        key = span_id(run.seed, f"{number}")
        span = TraceSpan(key, run_span.id, run, f"Attempt {number}", started_ms, ATTEMPT, number)
        is_there = _is_up(attempt) and self._view.add_span(
            run_span, span, _closed_ms(attempt), cancelled_ms=_cancelled_ms(attempt), failure=attempt.failure
        )
        if is_first:
            # A cold start counts from the dequeue, so the attempt's span comes before this row (recording 240).
            self._engine.attempt_created(run_span, attempt)
        if is_there:
            if is_first:
                span.events[:0] = start_events(run, attempt, started_ms)
            if download_ms:
                part = _child_span(span, "store.downloadPayload", attempt.started_ms - download_ms)
                part.style = DOWNLOAD
                self._view.add_span(span, part, attempt.started_ms)
            self._add_function(run_span, span, attempt)
        self._delay(run_span, attempt)

    def _add_function(self, run_span: TraceSpan, span: TraceSpan, attempt: Attempt) -> None:
        """Add `run()` and what follows it."""
        run, closed_ms, cancelled_ms = run_span.run, _closed_ms(attempt), _cancelled_ms(attempt)
        function = _child_span(span, "run()", attempt.started_ms)
        function.style = FUNCTION
        done_ms = None if closed_ms is None else max(attempt.started_ms, closed_ms - DONE_MS)
        script = run.script(attempt.number)
        if self._view.add_span(span, function, done_ms, cancelled_ms=cancelled_ms, failure=attempt.failure):
            self._add_items(run_span, function, script, attempt, done_ms)
        hook = run.task.cancel_hook if run.task is not None else ()
        if hook and cancelled_ms is not None:
            part = _child_span(span, "onCancel()", cancelled_ms)
            part.style = HOOK
            if self._view.add_span(span, part, cancelled_ms + HOOK_MS):
                add_steps(self._view, part, hook, f"{attempt.number}/hook", cancelled_ms, 0)
        is_done = run.status is Status.COMPLETED and attempt is run.attempts[-1]
        output = None if script.output is NOTHING else script.output
        if is_done and closed_ms is not None and is_large(output, OUTPUT_INLINE_BYTES):
            part = _child_span(span, "store.uploadOutput", closed_ms - 1)
            part.style = UPLOAD
            self._view.add_span(span, part, closed_ms)

    def _delay(self, run_span: TraceSpan, attempt: Attempt) -> None:
        """Add the delay before the next attempt. Its duration is final as soon as it is planned (recording 241)."""
        failed_ms, retry_at_ms = attempt.ended_ms, attempt.retry_at_ms
        if failed_ms is None or retry_at_ms is None:
            return
        name = f"Retry #{attempt.number} delay"
        started_ms = min(failed_ms + DELAYED_MS, retry_at_ms)
        span = TraceSpan(span_id(run_span.run.seed, name), run_span.id, run_span.run, name, started_ms, DELAY)
        span.duration_ns = duration_ns(started_ms, retry_at_ms)
        span.properties = {"retryAt": iso_time(retry_at_ms)}
        self._view.add_row(run_span, span)
        self._engine.attempt_failed(run_span, failed_ms, retry_at_ms)

    def _add_items(
        self, run_span: TraceSpan, function: TraceSpan, script: Script, attempt: Attempt, done_ms: int | None
    ) -> None:
        """Add the items that the attempt reached. None is longer than `run()`."""
        cancelled_ms = _cancelled_ms(attempt)
        at_ms = attempt.started_ms
        for index, (works, pause) in enumerate(split_at_pauses(script)):
            block = attempt.blocks[index] if index < len(attempt.blocks) else None
            for item_index, work in enumerate(works):
                path = f"{attempt.number}/{index}.{item_index}"
                add_steps(self._view, function, work.steps, path, at_ms, work.ms, cancelled_ms=cancelled_ms)
                at_ms += work.ms
            if pause is None or block is None:
                return
            self._pause(run_span, function, pause, block, pause_path(attempt.number, index), done_ms)
            if block.ended_ms is None or is_thrown(pause, block):
                return
            at_ms = block.ended_ms

    def _pause(
        self, run_span: TraceSpan, function: TraceSpan, pause: Pause, block: Block, path: str, done_ms: int | None
    ) -> None:
        attempt = run_span.run.attempts[(function.attempt or 1) - 1]
        span = pause_span(function, pause, block, path)
        ended_ms = block.ended_ms if block.ended_ms is None or done_ms is None else min(block.ended_ms, done_ms)
        is_there = self._view.add_span(function, span, ended_ms, cancelled_ms=_cancelled_ms(attempt))
        self._engine.blocked(run_span, pause, block)
        if is_there and isinstance(pause, Start):
            if not span.is_partial:
                span.properties = started_properties(block)
            if pause.is_awaited and not self._own_spans_only:
                for child in block.runs:
                    self.run(child, span)


def _child_span(span: TraceSpan, message: str, started_ms: int) -> TraceSpan:
    key = span_id(span.run.seed, f"{span.attempt}/{message}")
    return TraceSpan(key, span.id, span.run, message, started_ms, attempt=span.attempt)


def _is_up(attempt: Attempt) -> bool:
    """Whether its process started to run the task. Before that, `started_ms` is the time of its record."""
    return not RECORD_MS <= attempt.started_ms - attempt.dequeued_ms < UP_FROM_MS


def _closed_ms(attempt: Attempt) -> int | None:
    """When its spans were closed; None after an internal failure, which ends the process (recordings 247, 249)."""
    is_lost = attempt.failure is not None and attempt.failure.is_internal
    return None if is_lost or attempt.is_cancelled else attempt.ended_ms


def _cancelled_ms(attempt: Attempt) -> int | None:
    return attempt.ended_ms if attempt.is_cancelled else None


def _is_awaited(run: Run) -> bool:
    return run.function.endswith("AndWait")


def _ended_ms(run: Run) -> int:
    return run.updated_ms if run.finished_ms is None else run.finished_ms


def _parent_id(run: Run) -> str | None:
    """The id of the span that started the run and waits for it."""
    if run.parent is None or not _is_awaited(run):
        return None
    for attempt in run.parent.attempts:
        for index, block in enumerate(attempt.blocks):
            if run in block.runs:
                return span_id(run.parent.seed, pause_path(attempt.number, index))
    return None
