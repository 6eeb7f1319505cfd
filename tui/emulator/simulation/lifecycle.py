"""Creates runs and applies the actions of users: cancel, add tags, reschedule.

It connects the two halves of `attempts`: a run waits in its queue, then a worker executes it. `World` calls it
for requests to the API, and `arrivals` for the triggers, schedules and deployments of the simulated company.
Source: tests/wire/recordings/README.md §2, §4 and §5.
"""

from collections.abc import Mapping

from tui.emulator.environment import Environment
from tui.emulator.simulation.attempts import Attempts, Dispatch
from tui.emulator.simulation.ledger import Agenda, Changes, Ledger
from tui.emulator.simulation.names import MACHINE, cuid, digest
from tui.emulator.simulation.records import OWN, Deployments, Queues, Tokens
from tui.emulator.simulation.runs import NewRun, Run, Status, duration_ms
from tui.emulator.simulation.script import CANCELED, Failure, Task, expired

MAX_TAGS = 10

SET_FINISHED_MS = 90
"""A queued run gets its finish time this long after it was canceled."""


class Lifecycle:
    """Creates and changes runs. `seed` determines the id of each run and its own seed, which determines its course."""

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
        self.created_count = 0
        """Runs created since the history began."""
        self._older_count = 0
        self._has_begun = False
        self._environment = environment
        self._seed = seed
        self.changes = Changes(agenda, ledger, lag_ms)
        """While the history is simulated, it copies nothing to the lists."""
        self.dispatch = Dispatch(
            self.changes, queues, on_dequeue=self._on_dequeue, on_restore=self._on_restore, on_expire=self._on_expire
        )
        self.deployments = Deployments(seed)
        self.tokens = Tokens(agenda, seed)
        """The waitpoint tokens, which belong to waiting runs."""
        self._attempts = Attempts(
            environment,
            self.changes,
            self.dispatch,
            seed=seed,
            tokens=self.tokens,
            create=self.create,
            tag=self.add_tags,
        )

    def begin(self) -> None:
        """Begin the history. `created_count` starts again at 0."""
        self._older_count, self.created_count, self._has_begun = self.created_count, 0, True

    def deploy(self, version: str, bugs: Mapping[str, Failure], *, bug_every: int | None = None) -> None:
        """Deploy a version. `bugs` maps a task id to the error that some runs of the task throw (`Dispatch.deploy`)."""
        self.dispatch.deploy(version, bugs, bug_every=bug_every)
        self.deployments.add(version, self.agenda.now_ms)

    def create(self, new: NewRun) -> Run:
        """Create a run and schedule its next event."""
        run = self._new_run(new)
        if run.parent is not None:
            run.parent.children = (*run.parent.children, run)
        self.ledger.add(run)
        self.changes.publish(run)
        if new.starts_ms is not None:
            run.queued_ms = run.created_ms
            self.dispatch.start_at(run, new.starts_ms)
        elif new.due_ms is not None and new.due_ms > self.agenda.now_ms:
            run.queued_ms = run.created_ms
            self.dispatch.append_at(run, new.due_ms)
        elif new.delay_ms > 0:
            run.status = Status.DELAYED
            run.delay_until_ms = run.created_ms + new.delay_ms
            self.agenda.at(run.delay_until_ms, self.dispatch.enqueue, run, run.turn)
        else:
            self.dispatch.enqueue(run, run.turn)
        return run

    def _new_run(self, new: NewRun) -> Run:
        now_ms = self.agenda.now_ms
        self.created_count += 1
        number = self._older_count + self.created_count
        # Counted from the beginning of the history, so that the number of older runs does not change the later seeds.
        seed = digest(self._seed, "run" if self._has_begun else "old run", self.created_count)
        task = self.tasks.get(new.task_id)
        parent = new.parent
        ttl = self._environment.ttl if new.ttl is None else new.ttl
        if new.ttl is None and task is not None and task.ttl:
            ttl = task.ttl
        return Run(
            number=number,
            id=new.id or f"run_{cuid(now_ms, self.created_count, MACHINE, seed)}",
            task_id=new.task_id,
            task=task,
            seed=seed,
            created_ms=now_ms,
            updated_ms=now_ms,
            status=Status.QUEUED,
            queue=new.queue or (task.queue if task else "") or f"{OWN}{new.task_id}",
            function=new.function,
            parent=parent,
            root=None if parent is None else parent.root or parent,
            tags=new.tags,
            given_payload=new.payload,
            metadata=new.metadata,
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
            due_ms=new.due_ms,
        )

    def cancel(self, run: Run) -> None:
        """Cancel a run and its live descendants. A finished run stays unchanged."""
        if run.status.is_final:
            return
        was_queued = run.status is Status.QUEUED and not run.attempts
        run.failure = CANCELED
        self.dispatch.remove(run)
        self._attempts.cancel(run)
        self.changes.set_status(run, Status.CANCELED)
        for child in run.children:
            self.cancel(child)
        if was_queued:
            # The run is CANCELED at once; the server sets its finish time a moment later (recordings 127, 021).
            self.agenda.after(SET_FINISHED_MS, self._set_finished, run, self.agenda.now_ms)
        else:
            self._set_finished(run, self.agenda.now_ms)
        self._attempts.resume_parent(run)
        self.dispatch.release_slot(run)

    def add_tags(self, run: Run, tags: tuple[str, ...]) -> int:
        """Add tags, or none if the run would have more than `MAX_TAGS`. Returns how many were added."""
        new = tuple(dict.fromkeys(tag for tag in tags if tag not in run.tags))
        if len(run.tags) + len(new) > MAX_TAGS:
            return 0
        if new:
            self.ledger.tag(run, (*run.tags, *new))
            self.changes.touch(run)
        return len(new)

    def reschedule(self, run: Run, delay_ms: int) -> bool:
        """Reschedule a delayed run. Returns False for any other run."""
        if run.status is not Status.DELAYED:
            return False
        run.delay_until_ms = self.agenda.now_ms + delay_ms
        turn = self.changes.set_status(run, Status.DELAYED)
        self.agenda.at(run.delay_until_ms, self.dispatch.enqueue, run, turn)
        return True

    def _set_finished(self, run: Run, ms: int) -> None:
        run.finished_ms = ms
        # Only lists get this change: `updatedAt` stays the same, and the feed sends nothing (recording 731).
        self.changes.copy_later(run)

    def _on_dequeue(self, run: Run) -> None:
        self._attempts.start_next(run)

    def _on_restore(self, run: Run) -> None:
        self._attempts.resume(run)

    def _on_expire(self, run: Run) -> None:
        run.failure = expired(run.ttl)
        self._attempts.finish(run, Status.EXPIRED)
