"""What happens to one run from its creation to its end: the server's and the worker's side of it.

What lives here: the transitions, each an event of the agenda. Which runs are created when is `arrivals`' matter, and
what a task does its script's. The statuses, and what each leaves behind, are those of wire/README.md §2, §4 and §5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tui.emulator.agenda import Agenda
from tui.emulator.environment import Environment
from tui.emulator.failure import CANCELED, NEVER_RETRIED, Failure, FailureKind, expired
from tui.emulator.ledger import Ledger
from tui.emulator.names import cuid, digest
from tui.emulator.queues import OWN, Queue, Queues
from tui.emulator.runs import ABSENT, Attempt, Block, Run
from tui.emulator.script import Json, Label, Progress, Script, Start, Task, Wait, Work
from tui.emulator.vocabulary import Word

LONG_BACKOFF_MS = 30_000
"""From here on a run that waits for its next attempt goes back to its queue (wire/README.md §2)."""

SUSPENDED_FROM_MS = 5_000
RESTORED_MS = 90
"""A suspended run executes so long after a worker took it again."""

TRIGGER_MS = 24
STALLED_MS = 300_000
BUG_EVERY = 4
"""A bug of a bad deploy meets one run in so many of its task: the others do not come that way."""

MACHINE = "9f7d"
TAGS_MOST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What a trigger asks for. `delay_ms` is from now; `starts_ms`: a worker takes it then, whatever the queue says.

    `id` and `script` are for fleets whose every moment is set.
    """

    task_id: str
    payload: Json = ABSENT
    tags: tuple[str, ...] = ()
    queue: str = ""
    delay_ms: int = 0
    ttl: str | None = None
    idempotency_key: str = ""
    key_name: str = ""
    batch_id: str = ""
    machine: str = ""
    concurrency_key: str = ""
    metadata: Mapping[str, Json] | None = None
    is_test: bool = False
    max_attempts: int | None = None
    function: str = "trigger"
    parent: Run | None = None
    id: str = ""
    script: Script | None = None
    starts_ms: int | None = None


class Lifecycle:
    """Moves runs on. `version_of` tells the version that a worker has now, "" while there is no deployment."""

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
        self.environment = environment
        self.tasks = tasks
        self.agenda = agenda
        self.ledger = ledger
        self.queues = queues
        self.version = ""
        self.bugs: dict[str, Failure] = {}
        """What the version that is out now makes a task throw."""
        self.is_copying = False
        """Whether lists follow run by run; not while the history is made, which is copied as a whole."""
        self._seed = seed
        self._lag_ms = lag_ms
        self.created = 0
        """How many runs there ever were."""
        self._playing: dict[int, tuple[Script, int]] = {}
        """Of the runs that execute: the script of their attempt, and which item comes next."""
        self._undeployed: dict[int, Run] = {}
        """Those that no worker could take, by number."""

    # --- creation

    def create(self, new: NewRun) -> Run:
        """Make a run, and plan what follows."""
        now_ms = self.agenda.now_ms
        self.created += 1
        number = self.created
        seed = digest(self._seed, "run", number)
        task = self.tasks.get(new.task_id)
        parent = new.parent
        ttl = self.environment.ttl if new.ttl is None else new.ttl
        if new.ttl is None and task is not None and task.ttl:
            ttl = task.ttl
        run = Run(
            number,
            new.id or f"run_{cuid(now_ms, number, MACHINE, seed)}",
            new.task_id,
            task,
            seed,
            now_ms,
            now_ms,
            Word.QUEUED,
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
        )
        if parent is not None:
            parent.children = (*parent.children, run)
        self.ledger.add(run)
        self._copy_later(run)
        if new.starts_ms is not None:
            run.queued_ms = now_ms
            self.agenda.at(new.starts_ms, self._take, run, run.turn)
        elif new.delay_ms > 0:
            run.status = Word.DELAYED
            run.delay_until_ms = now_ms + new.delay_ms
            self.agenda.at(run.delay_until_ms, self._enqueue, run, run.turn)
        else:
            self._enqueue(run, run.turn)
        return run

    def deploy(self, version: str, bugs: Mapping[str, Failure]) -> None:
        """That version is out from now on: what waited for it goes back to its queue (wire/README.md §2)."""
        self.version, self.bugs = version, dict(bugs)
        for run in [run for run in self._undeployed.values() if run.task is not None]:
            del self._undeployed[run.number]
            self._enqueue(run, run.turn)

    # --- the queue

    def _enqueue(self, run: Run, turn: int) -> None:
        if run.turn != turn:
            return
        run.queued_ms = self.agenda.now_ms
        self._to(run, Word.QUEUED)
        self._line_up(run)

    def _line_up(self, run: Run) -> None:
        queue = self.queues.named(run.queue)
        queue.waiting[run.number] = run
        self.serve(queue)
        if run.number in queue.waiting and run.ttl_ms and not run.attempts:
            self.agenda.at((run.queued_ms or run.created_ms) + run.ttl_ms, self._expire, run, run.turn)

    def serve(self, queue: Queue) -> None:
        """Hand out as many of its runs as it has room for."""
        while queue.has_room and queue.waiting:
            _, run = queue.waiting.popitem(last=False)
            queue.running += 1
            run.has_slot = True
            if run.status is Word.WAITING:
                self.agenda.after(60 + run.seed % 90, self._resume, run, run.turn)
            else:
                self.agenda.after(18 + run.seed % 47, self._take, run, run.turn)

    def _leave(self, run: Run) -> None:
        if run.has_slot:
            run.has_slot = False
            queue = self.queues.named(run.queue)
            queue.running -= 1
            self.serve(queue)

    def _expire(self, run: Run, turn: int) -> None:
        if run.turn == turn and run.status is Word.QUEUED and not run.has_slot:
            del self.queues.named(run.queue).waiting[run.number]
            run.failure = expired(run.ttl)
            self._finish(run, Word.EXPIRED)

    def _take(self, run: Run, turn: int) -> None:
        """A worker takes it."""
        if run.turn != turn:
            return
        if run.given_script is None and (run.task is None or not self.version):
            self._to(run, Word.PENDING_VERSION)
            self._undeployed[run.number] = run
            self._leave(run)
            return
        if run.started_ms is None:
            run.started_ms = self.agenda.now_ms
            run.version = self.version
            run.bug = self.bugs.get(run.task_id) if run.seed % BUG_EVERY == 0 else None
            self.ledger.versioned(run)
        if run.given_script is not None:
            self._begin(run, self._to(run, Word.EXECUTING), self.agenda.now_ms)
            return
        turn = self._to(run, Word.DEQUEUED)
        self.agenda.after(30 + run.seed % 61, self._execute, run, turn, self.agenda.now_ms)

    def _execute(self, run: Run, turn: int, dequeued_ms: int) -> None:
        """The attempt exists, and the worker's process starts up."""
        if run.turn == turn:
            turn = self._to(run, Word.EXECUTING)
            run.attempts = (*run.attempts, Attempt(len(run.attempts) + 1, dequeued_ms, self.agenda.now_ms))
            self.agenda.after(120 + run.seed % 263, self._begin, run, turn, dequeued_ms)

    # --- an attempt

    def _begin(self, run: Run, turn: int, dequeued_ms: int) -> None:
        if run.turn != turn:
            return
        now_ms = self.agenda.now_ms
        if not run.attempts or run.attempts[-1].ended_ms is not None:
            run.attempts = (*run.attempts, Attempt(len(run.attempts) + 1, dequeued_ms, now_ms))
        run.attempts[-1].started_ms = now_ms
        self._playing[run.number] = (run.script(run.attempts[-1].number), 0)
        self._play(run, turn)

    def _play(self, run: Run, turn: int) -> None:
        """Do the next items of the script, until one takes time."""
        if run.turn != turn:
            return
        script, at = self._playing[run.number]
        while at < len(script.items):
            item = script.items[at]
            at += 1
            self._playing[run.number] = (script, at)
            match item:
                case Work(ms=ms):
                    self.agenda.after(ms, self._play, run, turn)
                    return
                case Wait(ms=ms):
                    self._wait(run, ms)
                    return
                case Start():
                    self._start(run, item)
                    return
                case Progress(values=values):
                    run.metadata = {**(run.metadata or {}), **values}
                    self._touch(run)
                case Label(tags=tags):
                    self.add_tags(run, tags)
        self._end(run, script)

    def _wait(self, run: Run, ms: int) -> None:
        block = Block(self.agenda.now_ms)
        run.attempts[-1].blocks.append(block)
        if self.environment.suspends and ms >= SUSPENDED_FROM_MS:
            self.agenda.after(180, self._suspend, run, run.turn)
            self.agenda.after(ms, self._waited, run, block)
        else:
            self.agenda.after(ms, self._go_on, run, run.turn, block)

    def _suspend(self, run: Run, turn: int) -> None:
        if run.turn == turn:
            self._to(run, Word.WAITING)
            self._leave(run)

    def _waited(self, run: Run, block: Block) -> None:
        """What a run waited for is there: a suspended one needs a place in its queue again, and a worker."""
        if run.status is Word.WAITING:
            queue = self.queues.named(run.queue)
            queue.waiting[run.number] = run
            queue.waiting.move_to_end(run.number, last=False)
            self.serve(queue)
        elif not run.status.is_final:
            self._go_on(run, run.turn, block)

    def _resume(self, run: Run, turn: int) -> None:
        if run.turn == turn:
            turn = self._to(run, Word.DEQUEUED)
            self.agenda.after(RESTORED_MS, self._resumed, run, turn)

    def _resumed(self, run: Run, turn: int) -> None:
        if run.turn == turn:
            run.attempts[-1].blocks[-1].ended_ms = self.agenda.now_ms
            self._play(run, self._to(run, Word.EXECUTING))

    def _go_on(self, run: Run, turn: int, block: Block) -> None:
        if run.turn == turn:
            block.ended_ms = self.agenda.now_ms
            self._play(run, turn)

    def _start(self, run: Run, start: Start) -> None:
        block = Block(self.agenda.now_ms)
        if start.is_batch:
            chance = digest(self._seed, "batch", run.number, len(run.attempts[-1].blocks))
            block.batch_id = f"batch_{cuid(self.agenda.now_ms, run.number, MACHINE, chance)}"
        run.attempts[-1].blocks.append(block)
        block.runs = tuple(
            self.create(
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
            self.agenda.after(TRIGGER_MS, self._go_on, run, run.turn, block)
        elif self.environment.suspends:
            self.agenda.after(180, self._suspend_for, run, run.turn, block)

    def _suspend_for(self, run: Run, turn: int, block: Block) -> None:
        if block.ended_ms is None:
            self._suspend(run, turn)

    def _child_ended(self, parent: Run, child: Run) -> None:
        if parent.status.is_final or not parent.attempts:
            return
        blocks = parent.attempts[-1].blocks
        if blocks and child in blocks[-1].runs and all(run.status.is_final for run in blocks[-1].runs):
            block = blocks[-1]
            script, at = self._playing.get(parent.number, (Script(), 0))
            item = script.items[at - 1] if at else None
            if not isinstance(item, Start) or not item.is_awaited:
                return
            if item.must_succeed:
                lost = next((run for run in block.runs if run.status is not Word.COMPLETED), None)
                if lost is not None:
                    self._playing[parent.number] = (Script(script.items[:at], throws=child_failed(lost)), at)
            self.agenda.after(12 + parent.seed % 25, self._waited, parent, block)

    def _end(self, run: Run, script: Script) -> None:
        """The attempt is over."""
        now_ms = self.agenda.now_ms
        attempt = run.attempts[-1]
        attempt.failure = failure = script.throws
        del self._playing[run.number]
        if failure is not None and failure.kind is FailureKind.STALLED:
            # Its worker is gone: nothing happens until the server misses the heartbeats.
            self.agenda.after(STALLED_MS, self._finish_failed, run, run.turn, failure)
            return
        attempt.ended_ms = now_ms
        if failure is None or not failure.is_internal or failure.kind is FailureKind.SYSTEM:
            blocked_ms = sum((block.ended_ms or now_ms) - block.started_ms for block in attempt.blocks)
            run.usage_ms += max(0, now_ms - attempt.started_ms - blocked_ms)
        if failure is None:
            self._finish(run, Word.COMPLETED)
            self._leave(run)
        elif failure.kind in NEVER_RETRIED or attempt.number >= run.max_attempts:
            self._finish_failed(run, run.turn, failure)
        else:
            self._retry(run, attempt)

    def _retry(self, run: Run, attempt: Attempt) -> None:
        task = run.task
        delay_ms = task.backoff.delay_ms(attempt.number) if task else 1000
        delay_ms = int(delay_ms * (0.85 + 0.3 * Random(run.seed + attempt.number).random()))
        attempt.retry_at_ms = self.agenda.now_ms + delay_ms
        if delay_ms < LONG_BACKOFF_MS:
            self._touch(run)
            self.agenda.at(attempt.retry_at_ms + 30, self._execute, run, run.turn, attempt.retry_at_ms)
            return
        turn = self._to(run, Word.QUEUED)
        self._leave(run)
        self.agenda.at(attempt.retry_at_ms, self._line_up_again, run, turn)

    def _line_up_again(self, run: Run, turn: int) -> None:
        if run.turn == turn:
            self._line_up(run)

    def _finish_failed(self, run: Run, turn: int, failure: Failure) -> None:
        if run.turn != turn:
            return
        run.failure = failure
        match failure.kind:
            case FailureKind.CRASH | FailureKind.OUT_OF_MEMORY:
                word = Word.CRASHED
            case FailureKind.TIMEOUT:
                word = Word.TIMED_OUT
            case FailureKind.SYSTEM:
                word = Word.SYSTEM_FAILURE
            case FailureKind.STALLED if self.environment.type == "DEVELOPMENT":
                word = Word.CANCELED
            case _:
                word = Word.FAILED
        self._finish(run, word)
        self._leave(run)

    def _finish(self, run: Run, word: Word) -> None:
        run.finished_ms = self.agenda.now_ms
        self._to(run, word)
        if run.parent is not None:
            self._child_ended(run.parent, run)

    # --- from outside

    def cancel(self, run: Run) -> None:
        """Cancel it and everything alive below it; a finished run stays as it is."""
        if run.status.is_final:
            return
        was_queued = run.status is Word.QUEUED and not run.attempts
        run.failure = CANCELED
        self.queues.named(run.queue).waiting.pop(run.number, None)
        self._undeployed.pop(run.number, None)
        if run.attempts and run.attempts[-1].ended_ms is None:
            attempt = run.attempts[-1]
            attempt.ended_ms, attempt.is_cancelled = self.agenda.now_ms, True
        self._playing.pop(run.number, None)
        self._to(run, Word.CANCELED)
        for child in run.children:
            self.cancel(child)
        if was_queued:
            # Recordings 127 and 021: the row is CANCELED at once, its finish time comes a moment later.
            self.agenda.after(90, self._close, run, self.agenda.now_ms)
        else:
            self._close(run, self.agenda.now_ms)
        if run.parent is not None:
            self._child_ended(run.parent, run)
        self._leave(run)

    def _close(self, run: Run, ms: int) -> None:
        run.finished_ms = ms
        self._copy_later(run)

    def add_tags(self, run: Run, tags: tuple[str, ...]) -> int:
        """Give it more tags, up to ten; gives how many were new."""
        new = tuple(dict.fromkeys(tag for tag in tags if tag not in run.tags))
        if len(run.tags) + len(new) > TAGS_MOST:
            return 0
        if new:
            self.ledger.tag(run, (*run.tags, *new))
            self._touch(run)
        return len(new)

    def reschedule(self, run: Run, delay_ms: int) -> bool:
        """Move the time of a delayed run; False for any other."""
        if run.status is not Word.DELAYED:
            return False
        run.delay_until_ms = self.agenda.now_ms + delay_ms
        turn = self._to(run, Word.DELAYED)
        self.agenda.at(run.delay_until_ms, self._enqueue, run, turn)
        return True

    # --- change

    def _to(self, run: Run, word: Word) -> int:
        """Give it a status; whatever was planned for it before is void. Gives the new turn."""
        run.status = word
        run.turn += 1
        self._touch(run)
        return run.turn

    def _touch(self, run: Run) -> None:
        run.updated_ms = self.agenda.now_ms
        self._copy_later(run)

    def _copy_later(self, run: Run) -> None:
        if self.is_copying and not run.is_copying:
            run.is_copying = True
            low, high = self._lag_ms
            self.agenda.after(low + run.seed % (high - low + 1), self._copy, run)

    def _copy(self, run: Run) -> None:
        run.is_copying = False
        if run.number in self.ledger.by_number:
            self.ledger.copy(run)


def child_failed(child: Run) -> Failure:
    """What the unwrapped result of a failed child throws (recording 145)."""
    message = child.failure.in_rest()["message"] if child.failure else "unknown"
    return Failure(
        FailureKind.CHILD,
        f"Error in {child.task_id}: {message}",
        "SubtaskUnwrapError",
        "    at file:///app/node_modules/@trigger.dev/core/src/v3/types/tasks.ts:82:15\n"
        "    at processTicksAndRejections (node:internal/process/task_queues:104:5)",
    )


_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DIGITS_MOST = 12


def duration_ms(text: str) -> int | None:
    """The time of `10m`, `1h30m`, `5s` …; None where it is none."""
    total, number = 0, ""
    for letter in text:
        if letter.isascii() and letter.isdigit():
            number += letter
        elif letter in _UNITS_MS and 0 < len(number) <= _DIGITS_MOST:
            total, number = total + int(number) * _UNITS_MS[letter], ""
        else:
            return None
    return None if number or not total else total
