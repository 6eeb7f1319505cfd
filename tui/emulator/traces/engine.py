"""The rows that the platform itself writes into a trace, at level DEBUG. Only `/trace` returns them.

No client should need them. Their texts are those of recordings 210-241.
"""

from dataclasses import dataclass

from tui.emulator.environment import Environment
from tui.emulator.simulation.attempts import LONG_BACKOFF_MS, RESTORED_MS, SUSPENDED_AFTER_MS, SUSPENDED_FROM_MS
from tui.emulator.simulation.names import span_id
from tui.emulator.simulation.runs import Attempt, Block
from tui.emulator.simulation.script import Start, Wait
from tui.emulator.simulation.statuses import Status
from tui.emulator.traces.spans import ENGINE_NS, TraceSpan, TraceView
from tui.emulator.traces.steps import Pause

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
