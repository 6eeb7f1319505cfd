"""How runs come to a worker: they line up in their queues, are handed out, expire, or wait for a deployment.

What lives here: the queue's side of a run's life. What a worker does with it is `attempts`' matter.
"""

from collections.abc import Callable, Mapping

from tui.emulator.simulation.agenda import Agenda
from tui.emulator.simulation.changes import Changes
from tui.emulator.simulation.failure import Failure
from tui.emulator.simulation.queues import Queue, Queues
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.vocabulary import Word

BUG_EVERY = 4
"""A bug of a bad deploy meets one run in so many of its task: the others do not come that way."""


class Dispatch:
    """Hands runs out. `taken`, `restored` and `expired` are told of those that a worker took for the first or a next
    attempt, that it took after a suspension, and that nobody took in time.
    """

    def __init__(
        self,
        changes: Changes,
        queues: Queues,
        *,
        taken: Callable[[Run], None],
        restored: Callable[[Run], None],
        expired: Callable[[Run], None],
    ) -> None:
        self.version = ""
        """What is out now; "" while there is no deployment."""
        self._agenda: Agenda = changes.agenda
        self._changes = changes
        self._queues = queues
        self._taken = taken
        self._restored = restored
        self._expired = expired
        self.bugs: Mapping[str, Failure] = {}
        self._undeployed: dict[int, Run] = {}
        """Those that no worker could take, by number."""

    def deploy(self, version: str, bugs: Mapping[str, Failure]) -> None:
        """That version is out from now on: what waited for it goes back to its queue (wire/README.md §2)."""
        self.version, self.bugs = version, dict(bugs)
        for run in [run for run in self._undeployed.values() if run.task is not None]:
            del self._undeployed[run.number]
            self.enqueue(run, run.turn)

    def enqueue(self, run: Run, turn: int) -> None:
        """It waits for a worker from now on, if it is still as it was in that turn."""
        if run.turn != turn:
            return
        run.queued_ms = self._agenda.now_ms
        self._changes.to(run, Word.QUEUED)
        self.line_up(run)

    def line_up(self, run: Run) -> None:
        """Put it at the end of its queue."""
        queue = self._queues.named(run.queue)
        queue.waiting[run.number] = run
        self.serve(queue)
        if run.number in queue.waiting and run.ttl_ms and not run.attempts:
            self._agenda.at((run.queued_ms or run.created_ms) + run.ttl_ms, self._expire, run, run.turn)

    def serve(self, queue: Queue) -> None:
        """Hand out as many of its runs as it has room for."""
        while queue.has_room and queue.waiting:
            _, run = queue.waiting.popitem(last=False)
            queue.running += 1
            run.has_slot = True
            if run.status is Word.WAITING:
                self._agenda.after(60 + run.seed % 90, self._restore, run, run.turn)
            else:
                self._agenda.after(18 + run.seed % 47, self._take, run, run.turn)

    def leave(self, run: Run) -> None:
        """It needs its place among those that run no more."""
        if run.has_slot:
            run.has_slot = False
            queue = self._queues.named(run.queue)
            queue.running -= 1
            self.serve(queue)

    def line_up_first(self, run: Run) -> None:
        """Put a suspended run before all others of its queue."""
        queue = self._queues.named(run.queue)
        queue.waiting[run.number] = run
        queue.waiting.move_to_end(run.number, last=False)
        self.serve(queue)

    def line_up_later(self, run: Run, ms: int) -> None:
        """Put it in its queue, which does not hand it out before that moment."""
        self._queues.named(run.queue).backing_off[run.number] = run
        self._agenda.at(ms, self._line_up_again, run, run.turn)

    def forget(self, run: Run) -> None:
        """It waits for nothing any more."""
        queue = self._queues.named(run.queue)
        queue.waiting.pop(run.number, None)
        queue.backing_off.pop(run.number, None)
        self._undeployed.pop(run.number, None)

    def plan(self, run: Run, ms: int) -> None:
        """A worker takes it at that moment, whatever its queue says."""
        self._agenda.at(ms, self._take, run, run.turn)

    def _line_up_again(self, run: Run, turn: int) -> None:
        if run.turn == turn:
            del self._queues.named(run.queue).backing_off[run.number]
            self.line_up(run)

    def _restore(self, run: Run, turn: int) -> None:
        if run.turn == turn:
            self._restored(run)

    def _expire(self, run: Run, turn: int) -> None:
        if run.turn == turn and run.status is Word.QUEUED and not run.has_slot:
            del self._queues.named(run.queue).waiting[run.number]
            self._expired(run)

    def _take(self, run: Run, turn: int) -> None:
        if run.turn != turn:
            return
        if run.given_script is None and (run.task is None or not self.version):
            self._changes.to(run, Word.PENDING_VERSION)
            self._undeployed[run.number] = run
            self.leave(run)
            return
        if run.started_ms is None:
            run.started_ms = self._agenda.now_ms
            run.version = self.version
            run.bug = self.bugs.get(run.task_id) if run.seed % BUG_EVERY == 0 else None
            self._changes.ledger.versioned(run)
        self._taken(run)
