"""The queue's side of a run: it waits, is dequeued, expires, or waits for a deployment.

`attempts` continues when a worker has the run.
"""

from collections.abc import Callable, Mapping

from tui.emulator.simulation.agenda import Agenda
from tui.emulator.simulation.changes import Changes
from tui.emulator.simulation.failure import Failure
from tui.emulator.simulation.queues import Queue, Queues
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.statuses import Status

BUG_EVERY = 4
"""A bug of a bad deployment affects one run in this many of its task, at random."""


class Dispatch:
    """Hands runs to workers, and calls back when a run leaves its queue.

    `on_dequeue`: a worker takes the run for an attempt. `on_restore`: a worker takes it after a suspension.
    `on_expire`: no worker took it within its TTL.
    """

    def __init__(
        self,
        changes: Changes,
        queues: Queues,
        *,
        on_dequeue: Callable[[Run], None],
        on_restore: Callable[[Run], None],
        on_expire: Callable[[Run], None],
    ) -> None:
        self.version = ""
        """The deployed version; "" before the first deployment."""
        self.has_worker = True
        self.is_paused = False
        """Whether the environment is paused: no queue hands a run to a worker."""
        self._agenda: Agenda = changes.agenda
        self._changes = changes
        self._queues = queues
        self._on_dequeue = on_dequeue
        self._on_restore = on_restore
        self._on_expire = on_expire
        self.bugs: Mapping[str, Failure] = {}
        self._bug_every: int | None = None
        self._buggy_starts = 0
        self._pending_version: dict[int, Run] = {}
        """Runs that no worker could execute, by number."""

    def deploy(self, version: str, bugs: Mapping[str, Failure], *, bug_every: int | None = None) -> None:
        """Deploy a version, and put the runs that waited for one back into their queues.

        With `bug_every` the bugs affect not random runs but, of those that start, each one whose turn it is.

        Source: tests/wire/recordings/README.md §2.
        """
        self.version, self.bugs, self._bug_every, self._buggy_starts = version, dict(bugs), bug_every, 0
        for run in [run for run in self._pending_version.values() if run.task is not None]:
            del self._pending_version[run.number]
            self.enqueue(run, run.turn)

    def enqueue(self, run: Run, turn: int) -> None:
        """Put a run into its queue, unless its turn has changed."""
        if run.turn != turn:
            return
        run.queued_ms = self._agenda.now_ms
        self._changes.set_status(run, Status.QUEUED)
        self.append(run)

    def append(self, run: Run) -> None:
        """Put a run at the end of its queue."""
        queue = self._queues.named(run.queue)
        queue.waiting[run.number] = run
        self.dequeue_runs(queue)
        is_taken = run.number not in queue.waiting and self.has_worker
        if not is_taken and run.ttl_ms and not run.attempts:
            self._agenda.at((run.queued_ms or run.created_ms) + run.ttl_ms, self._expire, run, run.turn)

    def dequeue_runs(self, queue: Queue) -> None:
        """Dequeue as many runs as the queue's limit allows."""
        while queue.has_room and queue.waiting and not self.is_paused:
            _, run = queue.waiting.popitem(last=False)
            queue.running += 1
            run.has_slot = True
            queue.handed[run.number] = run
            if self.has_worker:
                self._take(run)

    def set_worker(self, *, has_worker: bool) -> None:
        """Let the workers go away, or come back: then they take the runs that were handed to them."""
        if has_worker and not self.has_worker:
            for queue in self._queues.all():
                for run in list(queue.handed.values()):
                    self._take(run)
        self.has_worker = has_worker

    def set_paused(self, *, is_paused: bool) -> None:
        """Pause the environment, or resume it."""
        self.is_paused = is_paused
        for queue in self._queues.all():
            self.dequeue_runs(queue)

    def _take(self, run: Run) -> None:
        if run.status is Status.WAITING:
            self._agenda.after(60 + run.seed % 90, self._restore, run, run.turn)
        else:
            self._agenda.after(18 + run.seed % 47, self._dequeue, run, run.turn)

    def _is_left(self, run: Run, turn: int) -> bool:
        """Return whether a run stays where it is: its turn has changed, or no worker takes it."""
        if run.turn != turn or (run.has_slot and not self.has_worker):
            return True
        self._queues.named(run.queue).handed.pop(run.number, None)
        return False

    def release_slot(self, run: Run) -> None:
        """Free the run's slot in its queue."""
        if run.has_slot:
            run.has_slot = False
            queue = self._queues.named(run.queue)
            queue.handed.pop(run.number, None)
            queue.running -= 1
            self.dequeue_runs(queue)

    def prepend(self, run: Run) -> None:
        """Put a suspended run at the front of its queue."""
        queue = self._queues.named(run.queue)
        queue.waiting[run.number] = run
        queue.waiting.move_to_end(run.number, last=False)
        self.dequeue_runs(queue)

    def append_at(self, run: Run, ms: int) -> None:
        """Put a run into its queue, to be dequeued no earlier than that time."""
        self._queues.named(run.queue).backing_off[run.number] = run
        self._agenda.at(ms, self._append_due, run, run.turn)

    def remove(self, run: Run) -> None:
        """Remove a run from its queue."""
        queue = self._queues.named(run.queue)
        queue.waiting.pop(run.number, None)
        queue.backing_off.pop(run.number, None)
        self._pending_version.pop(run.number, None)

    def start_at(self, run: Run, ms: int) -> None:
        """Dequeue the run at that time, whatever its queue's limit says."""
        self._agenda.at(ms, self._dequeue, run, run.turn)

    def _append_due(self, run: Run, turn: int) -> None:
        if run.turn == turn:
            del self._queues.named(run.queue).backing_off[run.number]
            self.append(run)

    def _restore(self, run: Run, turn: int) -> None:
        if not self._is_left(run, turn):
            self._on_restore(run)

    def _expire(self, run: Run, turn: int) -> None:
        queue = self._queues.named(run.queue)
        if run.turn == turn and run.status is Status.QUEUED and (not run.has_slot or run.number in queue.handed):
            queue.waiting.pop(run.number, None)
            self._on_expire(run)
            self.release_slot(run)

    def _dequeue(self, run: Run, turn: int) -> None:
        if self._is_left(run, turn):
            return
        if run.given_script is None and (run.task is None or not self.version):
            self._changes.set_status(run, Status.PENDING_VERSION)
            self._pending_version[run.number] = run
            self.release_slot(run)
            return
        if run.started_ms is None:
            run.started_ms = self._agenda.now_ms
            run.version = self.version
            run.bug = self._bug_of(run)
            self._changes.ledger.index_version(run)
        self._on_dequeue(run)

    def _bug_of(self, run: Run) -> Failure | None:
        """Return the error that the deployed version makes a run throw that starts now."""
        bug = self.bugs.get(run.task_id)
        if bug is None or self._bug_every is None:
            return bug if run.seed % BUG_EVERY == 0 else None
        self._buggy_starts += 1
        return bug if self._buggy_starts % self._bug_every == 0 else None
