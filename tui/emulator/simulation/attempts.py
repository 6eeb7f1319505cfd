"""How a run proceeds: it waits in its queue, then a worker executes its attempts."""

from collections.abc import Callable, Mapping
from random import Random
from typing import assert_never

from tui.emulator.environment import Environment
from tui.emulator.simulation.ledger import Agenda, Changes
from tui.emulator.simulation.names import MACHINE, cuid, digest
from tui.emulator.simulation.records import Queue, Queues, Tokens
from tui.emulator.simulation.runs import Attempt, Block, NewRun, Run, Status
from tui.emulator.simulation.script import (
    NEVER_RETRIED,
    AddTags,
    Failure,
    FailureKind,
    Script,
    SetMetadata,
    Start,
    Wait,
    Work,
)

# The queue's side of a run: it waits, is dequeued, expires, or waits for a deployment.
#
# The worker's side, below, continues when a worker has the run.


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


# The worker's side of a run: its attempts, which execute the task's script item by item.
#
# The queue's side brings runs to a worker; `lifecycle` handles what happens from outside.


LONG_BACKOFF_MS = 30_000
"""From this backoff on, a run waits for its next attempt in its queue (tests/wire/recordings/README.md §2)."""

SUSPENDED_FROM_MS = 5_000
"""A deployed run is suspended during a wait of at least this length."""

SUSPENDED_AFTER_MS = 180
"""A waiting run is suspended this long after its wait began (recording 226)."""

RESTORED_MS = 90
"""A suspended run executes this long after a worker dequeued it again."""

TRIGGER_MS = 24
"""How long a trigger without a wait takes."""

STALLED_MS = 300_000
"""The server gives up a run whose worker sent no heartbeat for this long."""


class Attempts:
    """Executes attempts. `create` creates the runs that a script starts, `tag` adds tags to a run."""

    def __init__(
        self,
        environment: Environment,
        changes: Changes,
        dispatch: Dispatch,
        *,
        seed: int,
        tokens: Tokens,
        create: Callable[[NewRun], Run],
        tag: Callable[[Run, tuple[str, ...]], int],
    ) -> None:
        self._environment = environment
        self._agenda = changes.agenda
        self._changes = changes
        self._dispatch = dispatch
        self._seed = seed
        self._tokens = tokens
        self._create = create
        self._tag = tag
        self._executing: dict[int, tuple[Script, int]] = {}
        """For each executing run, the script of its attempt and the index of the next item."""

    def start_next(self, run: Run) -> None:
        """Start the next attempt of a dequeued run."""
        if run.given_script is not None:
            self._start_function(run, self._changes.set_status(run, Status.EXECUTING), self._agenda.now_ms)
            return
        turn = self._changes.set_status(run, Status.DEQUEUED)
        self._agenda.after(30 + run.seed % 61, self._start_attempt, run, turn, self._agenda.now_ms)

    def resume(self, run: Run) -> None:
        """Continue a run after a suspension."""
        turn = self._changes.set_status(run, Status.DEQUEUED)
        self._agenda.after(RESTORED_MS, self._resume_function, run, turn)

    def cancel(self, run: Run) -> None:
        """End the current attempt of a canceled run."""
        self._executing.pop(run.number, None)
        if run.attempts and run.attempts[-1].ended_ms is None:
            attempt = run.attempts[-1]
            attempt.ended_ms, attempt.is_cancelled = self._agenda.now_ms, True

    def finish(self, run: Run, status: Status) -> None:
        """End a run, and resume its parent if that waits for it."""
        run.finished_ms = self._agenda.now_ms
        self._changes.set_status(run, status)
        self.resume_parent(run)

    def resume_parent(self, child: Run) -> None:
        """Resume the parent of a finished run if it waits for no other run."""
        parent = child.parent
        if parent is None or parent.status.is_final or not parent.attempts:
            return
        blocks = parent.attempts[-1].blocks
        if not blocks or child not in blocks[-1].runs or not all(run.status.is_final for run in blocks[-1].runs):
            return
        block = blocks[-1]
        script, at = self._executing.get(parent.number, (Script(), 0))
        item = script.items[at - 1] if at else None
        if not isinstance(item, Start) or not item.is_awaited:
            return
        failed_child = next((run for run in block.runs if run.status is not Status.COMPLETED), None)
        if item.must_succeed and failed_child is not None:
            self._executing[parent.number] = (Script(script.items[:at], throws=child_failed(failed_child)), at)
        self._agenda.after(12 + parent.seed % 25, self._end_wait, parent, block)

    def _start_attempt(self, run: Run, turn: int, dequeued_ms: int) -> None:
        """Create the attempt and start the worker's process."""
        if run.turn == turn:
            turn = self._changes.set_status(run, Status.EXECUTING)
            run.attempts = (*run.attempts, Attempt(len(run.attempts) + 1, dequeued_ms, self._agenda.now_ms))
            self._agenda.after(120 + run.seed % 263, self._start_function, run, turn, dequeued_ms)

    def _start_function(self, run: Run, turn: int, dequeued_ms: int) -> None:
        if run.turn != turn:
            return
        now_ms = self._agenda.now_ms
        if not run.attempts or run.attempts[-1].ended_ms is not None:
            run.attempts = (*run.attempts, Attempt(len(run.attempts) + 1, dequeued_ms, now_ms))
        run.attempts[-1].started_ms = now_ms
        self._executing[run.number] = (run.script(run.attempts[-1].number), 0)
        self._execute_items(run, turn)

    def _execute_items(self, run: Run, turn: int) -> None:
        """Execute items of the script up to one that takes time."""
        if run.turn != turn:
            return
        script, at = self._executing[run.number]
        while at < len(script.items):
            item = script.items[at]
            at += 1
            self._executing[run.number] = (script, at)
            match item:
                case Work(ms=ms):
                    self._agenda.after(ms, self._execute_items, run, turn)
                    return
                case Wait():
                    self._wait(run, item)
                    return
                case Start():
                    self._trigger_runs(run, item)
                    return
                case SetMetadata(values=values):
                    run.metadata = {**(run.metadata or {}), **values}
                    self._changes.touch(run)
                case AddTags(tags=tags):
                    self._tag(run, tags)
                case _:
                    assert_never(item)
        self._end_attempt(run, script)

    def _wait(self, run: Run, wait: Wait) -> None:
        block = Block(self._agenda.now_ms)
        run.attempts[-1].blocks.append(block)
        is_suspended = self._environment.suspends and wait.ms >= SUSPENDED_FROM_MS
        if is_suspended:
            self._agenda.after(SUSPENDED_AFTER_MS, self._suspend, run, run.turn, block)
        if wait.is_token:
            self._tokens.wait(run, wait, self._end_wait)
        elif is_suspended:
            self._agenda.after(wait.ms, self._end_wait, run, block)
        else:
            self._agenda.after(wait.ms, self._continue, run, run.turn, block)

    def _suspend(self, run: Run, turn: int, block: Block) -> None:
        """Suspend a run, unless its wait is over already."""
        if run.turn == turn and block.ended_ms is None:
            self._changes.set_status(run, Status.WAITING)
            self._dispatch.release_slot(run)

    def _end_wait(self, run: Run, block: Block) -> None:
        """A wait is over: a suspended run joins its queue again, any other run continues."""
        if run.status is Status.WAITING:
            self._dispatch.prepend(run)
        elif not run.status.is_final:
            self._continue(run, run.turn, block)

    def _resume_function(self, run: Run, turn: int) -> None:
        if run.turn == turn:
            run.attempts[-1].blocks[-1].ended_ms = self._agenda.now_ms
            self._execute_items(run, self._changes.set_status(run, Status.EXECUTING))

    def _continue(self, run: Run, turn: int, block: Block) -> None:
        if run.turn == turn:
            block.ended_ms = self._agenda.now_ms
            self._execute_items(run, turn)

    def _trigger_runs(self, run: Run, start: Start) -> None:
        block = Block(self._agenda.now_ms)
        if start.is_batch:
            chance = digest(self._seed, "batch", run.number, len(run.attempts[-1].blocks))
            block.batch_id = f"batch_{cuid(self._agenda.now_ms, run.number, MACHINE, chance)}"
        run.attempts[-1].blocks.append(block)
        block.runs = tuple(
            self._create(
                NewRun(
                    task_id=child.task,
                    payload=child.payload,
                    tags=child.tags,
                    function=start.function,
                    batch_id=block.batch_id,
                    parent=run,
                )
            )
            for child in start.children
        )
        if not start.is_awaited or not block.runs:
            self._agenda.after(TRIGGER_MS, self._continue, run, run.turn, block)
        elif self._environment.suspends:
            self._agenda.after(SUSPENDED_AFTER_MS, self._suspend, run, run.turn, block)

    def _end_attempt(self, run: Run, script: Script) -> None:
        """End the attempt: complete the run, retry it or fail it."""
        now_ms = self._agenda.now_ms
        attempt = run.attempts[-1]
        attempt.failure = failure = script.throws
        del self._executing[run.number]
        if failure is not None and failure.kind is FailureKind.STALLED:
            # The worker is lost. Nothing happens until the server misses its heartbeats.
            self._agenda.after(STALLED_MS, self._finish_failed, run, run.turn, failure)
            return
        attempt.ended_ms = now_ms
        if failure is None or not failure.is_internal or failure.kind is FailureKind.SYSTEM:
            blocked_ms = sum((block.ended_ms or now_ms) - block.started_ms for block in attempt.blocks)
            run.usage_ms += max(0, now_ms - attempt.started_ms - blocked_ms)
        if failure is None:
            self.finish(run, Status.COMPLETED)
            self._dispatch.release_slot(run)
        elif failure.kind in NEVER_RETRIED or attempt.number >= run.max_attempts:
            self._finish_failed(run, run.turn, failure)
        else:
            self._retry(run, attempt)

    def _retry(self, run: Run, attempt: Attempt) -> None:
        delay_ms = retry_delay_ms(run, attempt)
        attempt.retry_at_ms = self._agenda.now_ms + delay_ms
        if delay_ms < LONG_BACKOFF_MS:
            self._changes.touch(run)
            self._agenda.at(attempt.retry_at_ms + 30, self._start_attempt, run, run.turn, attempt.retry_at_ms)
            return
        self._changes.set_status(run, Status.QUEUED)
        self._dispatch.release_slot(run)
        self._dispatch.append_at(run, attempt.retry_at_ms)

    def _finish_failed(self, run: Run, turn: int, failure: Failure) -> None:
        if run.turn != turn:
            return
        run.failure = failure
        self.finish(run, final_status(failure, self._environment))
        self._dispatch.release_slot(run)


def retry_delay_ms(run: Run, failed: Attempt) -> int:
    """The delay before the next attempt, with the SDK's jitter."""
    delay_ms = run.task.backoff.delay_ms(failed.number) if run.task else 1000
    return int(delay_ms * (0.85 + 0.3 * Random(run.seed + failed.number).random()))


def final_status(failure: Failure, environment: Environment) -> Status:
    """The status in which a failure ends a run (tests/wire/recordings/README.md §2; a lost worker: recording 147)."""
    match failure.kind:
        case FailureKind.CRASH | FailureKind.OUT_OF_MEMORY:
            return Status.CRASHED
        case FailureKind.TIMEOUT:
            return Status.TIMED_OUT
        case FailureKind.SYSTEM:
            return Status.SYSTEM_FAILURE
        case FailureKind.STALLED if environment.type == "DEVELOPMENT":
            return Status.CANCELED
        case _:
            return Status.FAILED


def child_failed(child: Run) -> Failure:
    """The error that the unwrapped result of a failed child throws (recording 145)."""
    message = child.failure.in_rest()["message"] if child.failure else "unknown"
    cause = message if child.failure is None or child.failure.is_internal else child.cause
    return Failure(
        FailureKind.CHILD,
        f"Error in {child.task_id}: {message}",
        "SubtaskUnwrapError",
        "    at file:///app/node_modules/@trigger.dev/core/src/v3/types/tasks.ts:82:15\n"
        "    at processTicksAndRejections (node:internal/process/task_queues:104:5)",
        f"{child.task_id} failed: {cause}",
    )
