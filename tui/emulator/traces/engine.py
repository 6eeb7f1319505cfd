"""What the platform itself writes into the trace of a run: rows of level DEBUG, which are noise to everybody else.

What lives here: which of them there are, and when, with the words of recordings 210-241. They are told by `/trace`
only, and no client should need them.
"""

from dataclasses import dataclass

from tui.emulator.environment import Environment
from tui.emulator.simulation.attempts import LONG_BACKOFF_MS, RESTORED_MS, SUSPENDED_FROM_MS
from tui.emulator.simulation.names import span_id
from tui.emulator.simulation.runs import Attempt, Block
from tui.emulator.simulation.script import Start, Wait
from tui.emulator.simulation.vocabulary import Word
from tui.emulator.traces.spans import ENGINE_NS, Sight, TraceSpan
from tui.emulator.traces.steps import Pause

SUSPENDING_MS = 180
"""A run is suspended so long after it began to wait (recording 226)."""

TAKEN = "[engine] PENDING_EXECUTING - Run was dequeued for execution"


@dataclass(frozen=True, slots=True)
class Engine:
    """Hangs the rows that can be seen under a run's own span; a development worker makes some of its own."""

    sight: Sight
    environment: Environment

    def queued(self, own: TraceSpan) -> None:
        """What happened before the first attempt."""
        run = own.run
        if run.queued_ms is not None:
            self._row(own, run.queued_ms + 6, "[engine] QUEUED - Run was QUEUED")
        if run.status is Word.PENDING_VERSION:
            internal = run.id.removeprefix("run_")
            self._row(own, run.updated_ms, f"[engine] RUN_CREATED - No worker found for run: {internal}")
        if run.started_ms is not None and not run.attempts:
            self._row(own, run.started_ms, TAKEN)

    def taken(self, own: TraceSpan, attempt: Attempt) -> None:
        """A worker has the run, unless it never gave it back: after a short wait it goes on."""
        before = own.run.attempts[attempt.number - 2] if attempt.number > 1 else None
        if before is None or before.retry_at_ms != attempt.dequeued_ms:
            self._row(own, attempt.dequeued_ms, TAKEN)

    def created(self, own: TraceSpan, attempt: Attempt) -> None:
        """There is an attempt."""
        self._subscription(own, attempt.dequeued_ms + 24, "subscribe")
        self._row(own, attempt.dequeued_ms + 30, "[engine] EXECUTING - Attempt created, starting execution")

    def failed(self, own: TraceSpan, failed_ms: int, retry_at_ms: int) -> None:
        """There will be another one."""
        if retry_at_ms - failed_ms < LONG_BACKOFF_MS:
            message = "[engine] EXECUTING - Attempt failed with a short delay, starting a new attempt"
            self._row(own, failed_ms + 37, message)
        else:
            self._row(own, failed_ms + 54, "[engine] QUEUED - Requeued the run after a failure")
            self._subscription(own, failed_ms + 91, "unsubscribe")

    def blocked(self, own: TraceSpan, pause: Pause, block: Block) -> None:
        """It waits, and goes on."""
        if isinstance(pause, Start) and not pause.is_awaited:
            return
        message = "[engine] EXECUTING_WITH_WAITPOINTS - Run was blocked by a waitpoint."
        self._row(own, block.started_ms + 20, message)
        is_suspended = self.is_suspended(pause, block)
        if is_suspended:
            message = "[engine] SUSPENDED - Run was suspended after creating a checkpoint."
            self._row(own, block.started_ms + SUSPENDING_MS, message)
        if block.ended_ms is not None:
            message = TAKEN if is_suspended else "[engine] EXECUTING - Run was continued, whilst still executing."
            self._row(own, block.ended_ms - (RESTORED_MS if is_suspended else 0), message)

    def is_suspended(self, pause: Pause, block: Block) -> bool:
        """Whether the run leaves its worker meanwhile."""
        if not self.environment.suspends:
            return False
        if isinstance(pause, Wait):
            return pause.ms >= SUSPENDED_FROM_MS
        until_ms = self.sight.now_ms if block.ended_ms is None else block.ended_ms
        return pause.is_awaited and until_ms - block.started_ms >= SUSPENDING_MS

    def over(self, own: TraceSpan, ended_ms: int) -> None:
        """It ended. Only who waits for it sees most of this: a run's own trace ends with the run."""
        run = own.run
        if not run.attempts:
            return
        if run.status is Word.CANCELED:
            self._row(own, ended_ms, "[engine] PENDING_CANCEL - Run was cancelled")
            return
        words = "Task completed successfully" if run.status is Word.COMPLETED else "Run failed"
        self._row(own, ended_ms + 5, f"[engine] FINISHED - {words}")
        self._subscription(own, ended_ms + 28, "unsubscribe")

    def _subscription(self, own: TraceSpan, at_ms: int, word: str) -> None:
        if self.environment.type == "DEVELOPMENT":
            self._row(own, at_ms, f"run:{word} received by platform")

    def _row(self, own: TraceSpan, at_ms: int, message: str) -> None:
        key = span_id(own.run.seed, f"{message}/{at_ms}")
        row = TraceSpan(key, own.id, own.run, message, at_ms, level="DEBUG", duration_ns=ENGINE_NS)
        self.sight.show(own, row)
