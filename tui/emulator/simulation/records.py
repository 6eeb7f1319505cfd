"""What an environment has beside its runs: queues, schedules, deployments and waitpoint tokens."""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from tui.emulator.simulation.ledger import Agenda
from tui.emulator.simulation.names import base36, cuid, digest, iso_time, queue_id, waitpoint_id
from tui.emulator.simulation.runs import Block, Run
from tui.emulator.simulation.script import NOTHING, Json, Task, Wait

# Queues: their limits, their waiting and running runs, and whether they are paused.
#
# A task has a queue of its own, stored as `task/<id>`. Custom queues have a bare name (tests/wire/recordings/README.md
# §3, §7).


OWN = "task/"


@dataclass(slots=True, eq=False)
class Queue:
    """One queue. `limit` is None for a queue without a limit of its own."""

    name: str
    id: str
    limit: int | None = None
    is_paused: bool = False
    running: int = 0
    waiting: OrderedDict[int, Run] = field(default_factory=OrderedDict)
    """Waiting runs by number, the next one first. Suspended runs that may continue wait here too, before all others."""

    backing_off: dict[int, Run] = field(default_factory=dict)
    """Runs whose next attempt is not due yet."""

    handed: dict[int, Run] = field(default_factory=dict)
    """Runs by number that hold a slot and that no worker has taken yet: the queues API counts them nowhere."""

    @property
    def is_custom(self) -> bool:
        """Whether tasks share it, rather than one task owning it."""
        return not self.name.startswith(OWN)

    @property
    def shown_name(self) -> str:
        """The name in the queues API, where a task's own queue has the task's name."""
        return self.name.removeprefix(OWN)

    @property
    def has_room(self) -> bool:
        """Whether a run may be dequeued now."""
        return not self.is_paused and (self.limit is None or self.running < self.limit)


class Queues:
    """All queues of an environment, created when they are first named."""

    def __init__(self, seed: int, limits: dict[str, int]) -> None:
        self.is_v2 = False
        """Whether queues are shown as newer servers show them: without limits, which are in a list of their own."""
        self._seed = seed
        self._limits = limits
        self._queues: dict[str, Queue] = {}

    def named(self, name: str) -> Queue:
        """The queue with that stored name."""
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = Queue(name, queue_id(self._seed, name), self._limits.get(name))
        return queue

    def find(self, key: str, kind: str) -> Queue | None:
        """Find a queue by `kind`: "id", "task" (the task's id) or "custom" (the name). None for a queue that was never
        named.
        """
        if kind == "id":
            return next((queue for queue in self._queues.values() if queue.id == key), None)
        return self._queues.get(f"{OWN}{key}" if kind == "task" else key)

    def all(self) -> list[Queue]:
        """All queues, ordered by the name that is shown."""
        return sorted(self._queues.values(), key=lambda queue: (queue.shown_name, queue.name))


# The schedules of an environment: when each is due, the runs that it starts, and the payload that it passes to them.
#
# A schedule that is not active fires no run. Source: tests/wire/recordings/README.md §12 (recordings 1241, 1242, 2800).


UPCOMING: Final = 10
TIME_ZONE: Final = "UTC"

MAX_SPREAD_MS: Final = 8_000
"""The server announces each schedule's runs for a fixed time after they are due, below this one."""

EARLY_MS: Final = 6_300
"""A scheduled run exists so long before its due time, its `createdAt` (tests/wire/recordings/README.md §12)."""

_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
_NOON: Final = 12
_ID_LENGTH: Final = 21


@dataclass(slots=True, eq=False)
class Schedule:
    """One schedule: it starts a run of `task` once in each period of the task, which are counted from the epoch."""

    task: Task
    id: str
    is_active: bool = True
    silent_from_ms: int | None = None
    """From this due time on it starts no run, although it is active: what a server does whose scheduler is broken."""

    given_spread_ms: int | None = None
    """`spread_ms`, if a story chooses it."""

    turn: int = 0
    """Counts activations. An event is void once the turn at which it was planned has passed."""

    @property
    def period_ms(self) -> int:
        return (self.task.every_s or 60) * 1000

    def next_ms(self, now_ms: int) -> int | None:
        """The first due time after now; None while it is not active."""
        phase_ms = self.task.phase_s * 1000
        return ((now_ms - phase_ms) // self.period_ms + 1) * self.period_ms + phase_ms if self.is_active else None

    @property
    def spread_ms(self) -> int:
        """How long after a due time its run is announced (recordings 1099 and 2801: always the same)."""
        return digest("spread", self.id) % MAX_SPREAD_MS if self.given_spread_ms is None else self.given_spread_ms

    def is_silent(self, due_ms: int) -> bool:
        """Whether it starts no run at that due time."""
        return self.silent_from_ms is not None and due_ms >= self.silent_from_ms


class Schedules:
    """All schedules of an environment, one for each task with a period. `fire` creates a run for a due time."""

    def __init__(self, tasks: Sequence[Task], agenda: Agenda, fire: Callable[[Task, int], object]) -> None:
        self._agenda = agenda
        self._fire = fire
        self._all = [Schedule(task, schedule_id(task)) for task in tasks if task.every_s]

    def begin(self) -> None:
        """Plan the next run of each active schedule."""
        for schedule in self._all:
            self._plan(schedule)

    def newest_first(self) -> list[Schedule]:
        return self._all[::-1]

    def activate(self, schedule: Schedule, *, is_active: bool) -> None:
        """Activate or deactivate a schedule. No change means that nothing happens."""
        if schedule.is_active is not is_active:
            schedule.is_active = is_active
            schedule.turn += 1
            self._plan(schedule)

    def silence(self, task_id: str, from_ms: int, spread_ms: int) -> None:
        """Start no run of this task from a due time on. `spread_ms` is how long after it the run is announced."""
        schedule = next((each for each in self._all if each.task.id == task_id), None)
        if schedule is not None:
            schedule.silent_from_ms, schedule.given_spread_ms = from_ms, spread_ms

    def deactivate_all(self) -> None:
        for schedule in self._all:
            self.activate(schedule, is_active=False)

    def _plan(self, schedule: Schedule) -> None:
        self._plan_after(schedule, self._agenda.now_ms)

    def _plan_after(self, schedule: Schedule, after_ms: int) -> None:
        due_ms = schedule.next_ms(after_ms)
        if due_ms is not None:
            early_ms = max(due_ms - EARLY_MS, self._agenda.now_ms)
            self._agenda.at(early_ms, self._start_run, schedule, schedule.turn, due_ms)

    def _start_run(self, schedule: Schedule, turn: int, due_ms: int) -> None:
        if schedule.turn == turn:
            if not schedule.is_silent(due_ms):
                self._fire(schedule.task, due_ms)
            self._plan_after(schedule, due_ms)


def schedule_of(task: Task) -> dict[str, Json]:
    """The `schedule` object in the detail of a scheduled run."""
    return {
        "id": schedule_id(task),
        "externalId": task.id,
        "deduplicationKey": deduplication_key(task),
        "generator": generator_of(task),
    }


def deduplication_key(task: Task) -> str:
    return f"{task.id}-schedule"


def generator_of(task: Task) -> dict[str, Json]:
    """The cron expression of a task's schedule, and its description."""
    expression, words = _cron(task.every_s or 60, task.phase_s)
    return {"type": "CRON", "expression": expression, "description": words}


def schedule_id(task: Task) -> str:
    """The id of a task's schedule, like `sched_rmvpuj863t5sge5st3832`."""
    return _schedule_id(task.id)


@lru_cache
def _schedule_id(task_id: str) -> str:
    return f"sched_{base36(digest('schedule', task_id, size=16), _ID_LENGTH)}"


def schedule_payload(task: Task, at_ms: int) -> dict[str, Json]:
    """The payload of a run that the schedule starts at that time."""
    period_ms = (task.every_s or 60) * 1000
    return {
        "scheduleId": schedule_id(task),
        "type": "IMPERATIVE",
        "timestamp": iso_time(at_ms),
        "lastTimestamp": iso_time(at_ms - period_ms),
        "externalId": task.id,
        "timezone": TIME_ZONE,
        "upcoming": [iso_time(at_ms + turn * period_ms) for turn in range(1, UPCOMING + 1)],
    }


def _cron(every_s: int, phase_s: int) -> tuple[str, str]:
    """The cron expression of a period that is due so long after its beginning, and its description."""
    hour, minute = divmod(phase_s // 60, 60)
    if every_s % _DAY_S == 0:
        return f"{minute} {hour} * * *", f"At {hour % 12 or 12:02}:{minute:02} {'PM' if hour >= _NOON else 'AM'}"
    if every_s % _HOUR_S == 0:
        hours = every_s // _HOUR_S
        if minute:
            return f"{minute} * * * *", f"At {minute} minutes past the hour"
        return ("0 * * * *", "Every hour") if hours == 1 else (f"0 */{hours} * * *", f"Every {hours} hours")
    minutes = max(1, every_s // 60)
    return ("* * * * *", "Every minute") if minutes == 1 else (f"*/{minutes} * * * *", f"Every {minutes} minutes")


# The deployments of an environment, as its API lists them.
#
# A development environment has none: its versions are those of a worker on somebody's machine.


MAX_DEPLOYMENTS = 1_000
"""The oldest deployment goes above this number."""

_CODE_LENGTH = 8
_BUILD_MS = (25_000, 70_000)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One version, which runs use from `deployed_ms` on."""

    number: int
    id: str
    short_code: str
    version: str
    created_ms: int
    deployed_ms: int


class Deployments:
    """The newest deployments of an environment, the oldest first."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._count = 0
        self._all: deque[Deployment] = deque(maxlen=MAX_DEPLOYMENTS)

    def add(self, version: str, deployed_ms: int) -> None:
        """Record that a version was deployed, unless it is already. "" means that the deployed one was removed."""
        if not version:
            self._all.clear()
            return
        if self._all and self._all[-1].version == version:
            return
        self._count += 1
        chance = digest(self._seed, "deployment", self._count, size=16)
        build_ms = _BUILD_MS[0] + chance % (_BUILD_MS[1] - _BUILD_MS[0])
        key, code = base36(chance, _ID_LENGTH), base36(chance >> 64, _CODE_LENGTH)
        self._all.append(
            Deployment(self._count, f"deployment_{key}", code, version, deployed_ms - build_ms, deployed_ms)
        )

    def newest_first(self) -> list[Deployment]:
        return list(reversed(self._all))


# The waitpoint tokens of an environment: what runs wait for until a person or a service completes it.
#
# A token is WAITING, COMPLETED or TIMED_OUT. Source: tests/wire/recordings/README.md §13 (recordings 1100-1106, 2820).


STATUSES = ("WAITING", "COMPLETED", "TIMED_OUT")
TOKENS_MACHINE = "en7d"
MAX_TOKENS = 10_000
"""Above this number the oldest token goes whose wait is over."""


@dataclass(slots=True, eq=False)
class WaitpointToken:
    """One token. `callback_hash` is a secret: whoever knows the address may complete the token without a key.

    `resume` continues the run that waits for it, None for one without a run. `output` completed it.
    """

    number: int
    id: str
    callback_hash: str
    created_ms: int
    timeout_ms: int | None
    tags: tuple[str, ...]
    idempotency_key: str = ""
    """The idempotency key of the request that made the token; "" without one."""
    resume: Callable[[], None] | None = None
    completed_ms: int | None = None
    is_timed_out: bool = False
    output: Json = NOTHING

    @property
    def status(self) -> str:
        if self.completed_ms is None:
            return "WAITING"
        return "TIMED_OUT" if self.is_timed_out else "COMPLETED"


class Tokens:
    """All tokens of an environment, numbered in the order of their creation."""

    def __init__(self, agenda: Agenda, seed: int) -> None:
        self._agenda = agenda
        self._seed = seed
        self._created = 0
        self._by_id: OrderedDict[str, WaitpointToken] = OrderedDict()

    def newest_first(self) -> list[WaitpointToken]:
        return list(reversed(self._by_id.values()))

    def find(self, token_id: str) -> WaitpointToken | None:
        return self._by_id.get(token_id)

    def wait(self, run: Run, wait: Wait, resume: Callable[[Run, Block], None]) -> None:
        """Create the token that a run waits for from now on, in the last block of its last attempt.

        Somebody completes it after `wait.ms` unless it times out first. Then `resume` continues the run. The token of a
        run that has ended meanwhile stays WAITING until it times out, as on the real server.
        """
        attempt = run.attempts[-1]
        block = attempt.blocks[-1]
        token_id = waitpoint_id(run.seed, pause_path(attempt.number, len(attempt.blocks) - 1))
        token = self._add(token_id, wait.timeout_ms, wait.tags)
        token.resume = lambda: resume(run, block)
        if wait.ms < wait.timeout_ms:
            self._agenda.after(wait.ms, self._approve, token, run)

    def create(self, timeout_ms: int | None, tags: tuple[str, ...], key: str) -> tuple[WaitpointToken, bool]:
        """Create a token for which no run waits, or find the one with the same key. The second value says which."""
        known = next((token for token in self._by_id.values() if key and token.idempotency_key == key), None)
        if known is not None:
            return known, True
        counter = self._created + 1
        chance = digest(self._seed, "token", counter)
        token = self._add(f"waitpoint_{cuid(self._agenda.now_ms, counter, TOKENS_MACHINE, chance)}", timeout_ms, tags)
        token.idempotency_key = key
        return token, False

    def complete(self, token: WaitpointToken, output: Json) -> None:
        """Complete a token and continue the run that waits for it. Nothing happens once its wait is over."""
        if token.completed_ms is None:
            token.output = output
            self._end(token)

    def _approve(self, token: WaitpointToken, run: Run) -> None:
        if not run.status.is_final:
            self.complete(token, {"approved": True})

    def _add(self, token_id: str, timeout_ms: int | None, tags: tuple[str, ...]) -> WaitpointToken:
        self._created += 1
        now_ms = self._agenda.now_ms
        token = self._by_id[token_id] = WaitpointToken(
            self._created,
            token_id,
            f"{digest('callback', self._seed, token_id, size=32):064x}",
            now_ms,
            None if timeout_ms is None else now_ms + timeout_ms,
            tags,
        )
        if timeout_ms is not None:
            self._agenda.after(timeout_ms, self._time_out, token)
        if len(self._by_id) > MAX_TOKENS:
            self._drop_one()
        return token

    def _time_out(self, token: WaitpointToken) -> None:
        if token.completed_ms is None:
            token.is_timed_out = True
            self._end(token)

    def _end(self, token: WaitpointToken) -> None:
        token.completed_ms = self._agenda.now_ms
        if token.resume is not None:
            token.resume()
            token.resume = None

    def _drop_one(self) -> None:
        over = next((token for token in self._by_id.values() if token.completed_ms is not None), None)
        if over is not None:
            del self._by_id[over.id]


def pause_path(attempt: int, index: int) -> str:
    """The place of a pause in its run: the number of the attempt, and how many pauses came before it there."""
    return f"{attempt}/pause/{index}"
