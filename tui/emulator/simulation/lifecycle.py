"""Creates runs and applies actions from outside: cancel, add tags, reschedule.

It connects the two sides of a run: `dispatch` (its queue) and `attempts` (its worker). `arrivals` decides when runs are
created. Statuses and their effects follow tests/wire/recordings/README.md §2, §4 and §5.
"""

from collections.abc import Mapping

from tui.emulator.environment import Environment
from tui.emulator.simulation.agenda import Agenda
from tui.emulator.simulation.attempts import Attempts
from tui.emulator.simulation.changes import ChangeLog, Changes
from tui.emulator.simulation.dispatch import Dispatch
from tui.emulator.simulation.failure import CANCELED, Failure, expired
from tui.emulator.simulation.ledger import Ledger
from tui.emulator.simulation.names import MACHINE, cuid, digest
from tui.emulator.simulation.new_run import NewRun, duration_ms
from tui.emulator.simulation.queues import OWN, Queue, Queues
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import Task
from tui.emulator.simulation.statuses import Status

MAX_TAGS = 10


class Lifecycle:
    """Creates and changes runs. `seed` determines their ids and everything that follows from them."""

    def __init__(
        self,
        environment: Environment,
        tasks: Mapping[str, Task],
        agenda: Agenda,
        ledger: Ledger,
        queues: Queues,
        *,
        seed: int,
        lag_ms: tuple[int, int],
    ) -> None:
        self.tasks = tasks
        self.agenda = agenda
        self.ledger = ledger
        self.queues = queues
        self.created = 0
        """The number of runs created since the history began."""
        self._older = 0
        self._is_begun = False
        self._environment = environment
        self._seed = seed
        self._changes = Changes(agenda, ledger, lag_ms)
        self._dispatch = Dispatch(
            self._changes, queues, on_dequeue=self._on_dequeue, on_restore=self._on_restore, on_expire=self._on_expire
        )
        self._attempts = Attempts(
            environment, self._changes, self._dispatch, seed=seed, create=self.create, tag=self.add_tags
        )

    @property
    def log(self) -> ChangeLog:
        """The changes of the last half minute."""
        return self._changes.log

    @property
    def version(self) -> str:
        """The deployed version; "" before the first deployment."""
        return self._dispatch.version

    @property
    def bugs(self) -> Mapping[str, Failure]:
        """The error that the deployed version makes some runs of a task throw."""
        return self._dispatch.bugs

    def begin(self) -> None:
        """Begin the history: runs created before do not count."""
        self._older, self.created, self._is_begun = self.created, 0, True

    def deploy(self, version: str, bugs: Mapping[str, Failure]) -> None:
        """Deploy a version. `bugs` maps a task to the error that some of its runs throw."""
        self._dispatch.deploy(version, bugs)

    def dequeue_runs(self, queue: Queue) -> None:
        """Dequeue as many runs as the queue's limit allows."""
        self._dispatch.dequeue_runs(queue)

    def copy_from_now_on(self) -> None:
        """From now on, let lists follow each change. Before, while the history is built, they see nothing."""
        self._changes.is_copying = True

    def create(self, new: NewRun) -> Run:
        """Create a run and schedule its next event."""
        run = self._new_run(new)
        if run.parent is not None:
            run.parent.children = (*run.parent.children, run)
        self.ledger.add(run)
        self._changes.publish(run)
        if new.starts_ms is not None:
            run.queued_ms = run.created_ms
            self._dispatch.start_at(run, new.starts_ms)
        elif new.delay_ms > 0:
            run.status = Status.DELAYED
            run.delay_until_ms = run.created_ms + new.delay_ms
            self.agenda.at(run.delay_until_ms, self._dispatch.enqueue, run, run.turn)
        else:
            self._dispatch.enqueue(run, run.turn)
        return run

    def _new_run(self, new: NewRun) -> Run:
        now_ms = self.agenda.now_ms
        self.created += 1
        number = self._older + self.created
        # Old runs have no effect on the seeds of later ones.
        seed = digest(self._seed, "run" if self._is_begun else "old run", self.created)
        task = self.tasks.get(new.task_id)
        parent = new.parent
        ttl = self._environment.ttl if new.ttl is None else new.ttl
        if new.ttl is None and task is not None and task.ttl:
            ttl = task.ttl
        return Run(
            number,
            new.id or f"run_{cuid(now_ms, self.created, MACHINE, seed)}",
            new.task_id,
            task,
            seed,
            now_ms,
            now_ms,
            Status.QUEUED,
            new.queue or (task.queue if task else "") or f"{OWN}{new.task_id}",
            new.function,
            parent,
            None if parent is None else parent.root or parent,
            new.tags,
            new.payload,
            new.metadata,
            ttl=ttl,
            ttl_ms=duration_ms(ttl),
            idempotency_key=new.idempotency_key,
            key_name=new.key_name,
            batch_id=new.batch_id,
            machine=new.machine or (task.machine if task else "small-1x"),
            concurrency_key=new.concurrency_key,
            is_test=new.is_test,
            max_attempts=new.max_attempts or (task.max_attempts if task else 1),
            given_script=new.script,
            schedule_id=new.schedule_id,
        )

    def cancel(self, run: Run) -> None:
        """Cancel a run and its live descendants. A finished run stays unchanged."""
        if run.status.is_final:
            return
        was_queued = run.status is Status.QUEUED and not run.attempts
        run.failure = CANCELED
        self._dispatch.remove(run)
        self._attempts.cancel(run)
        self._changes.set_status(run, Status.CANCELED)
        for child in run.children:
            self.cancel(child)
        if was_queued:
            # Recordings 127 and 021: the row is CANCELED at once, its finish time comes a moment later.
            self.agenda.after(90, self._close, run, self.agenda.now_ms)
        else:
            self._close(run, self.agenda.now_ms)
        self._attempts.resume_parent(run)
        self._dispatch.release_slot(run)

    def add_tags(self, run: Run, tags: tuple[str, ...]) -> int:
        """Add tags, up to ten in all. Returns how many were new."""
        new = tuple(dict.fromkeys(tag for tag in tags if tag not in run.tags))
        if len(run.tags) + len(new) > MAX_TAGS:
            return 0
        if new:
            self.ledger.tag(run, (*run.tags, *new))
            self._changes.touch(run)
        return len(new)

    def reschedule(self, run: Run, delay_ms: int) -> bool:
        """Reschedule a delayed run. Returns False for any other run."""
        if run.status is not Status.DELAYED:
            return False
        run.delay_until_ms = self.agenda.now_ms + delay_ms
        turn = self._changes.set_status(run, Status.DELAYED)
        self.agenda.at(run.delay_until_ms, self._dispatch.enqueue, run, turn)
        return True

    def _close(self, run: Run, ms: int) -> None:
        run.finished_ms = ms
        # The row itself does not change: its `updatedAt` stays, and the feed sends nothing (recording 731).
        self._changes.copy_later(run)

    def _on_dequeue(self, run: Run) -> None:
        self._attempts.start_next(run)

    def _on_restore(self, run: Run) -> None:
        self._attempts.resume(run)

    def _on_expire(self, run: Run) -> None:
        run.failure = expired(run.ttl)
        self._attempts.finish(run, Status.EXPIRED)
