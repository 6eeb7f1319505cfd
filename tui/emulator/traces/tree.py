"""Builds the trace of a run: the tree of its spans and of the descendants that it waits for.

The tree is computed from scripts and blocks and never stored: the same run at the same time has the same trace. `spans`
decides when the server knows a span; `steps` and `engine` build the parts. Source: tests/wire/recordings/README.md §5
and §6, recordings 210-292.
"""

from tui.emulator.environment import Environment
from tui.emulator.rest.rows import OUTPUT_INLINE_BYTES, PAYLOAD_INLINE_BYTES, is_large, iso_time
from tui.emulator.simulation.failure import FailureKind
from tui.emulator.simulation.names import span_id, trace_id
from tui.emulator.simulation.records.waitpoints import pause_path
from tui.emulator.simulation.runs import Attempt, Block, Run
from tui.emulator.simulation.script import NOTHING, Script, Start
from tui.emulator.simulation.statuses import Status
from tui.emulator.traces.engine import Engine
from tui.emulator.traces.spans import (
    ATTEMPT,
    DELAY,
    DOWNLOAD,
    FUNCTION,
    HOOK,
    TASK,
    UPLOAD,
    TraceSpan,
    TraceView,
    duration_ns,
)
from tui.emulator.traces.steps import (
    Pause,
    add_steps,
    is_thrown,
    pause_span,
    split_at_pauses,
    start_events,
    started_properties,
)

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
            self._pause(run_span, function, pause, block, _pause_path(attempt, index), done_ms)
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
                return span_id(run.parent.seed, _pause_path(attempt, index))
    return None


def _pause_path(attempt: Attempt, index: int) -> str:
    return pause_path(attempt.number, index)
