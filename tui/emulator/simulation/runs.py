"""The records of a run: its options, statuses, attempts, waits and cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from random import Random

from tui.emulator.environment import Environment
from tui.emulator.simulation.script import NOTHING, Call, Failure, FailureKind, Json, Script, Task

# The statuses of a run, each with its word in every part of the API, and the `is…` flags derived from it.
#
# The table follows tests/wire/recordings/README.md §2. It does not use `domain.run`, so that a mistake there cannot
# hide in the emulator. The flags are wrong where the server's are.


class Status(Enum):
    """A status. `rest` with the version header, `legacy` without, `database` in realtime and spans, `title` in TRQL."""

    DELAYED = ("DELAYED", "DELAYED", "DELAYED", "Delayed")
    QUEUED = ("QUEUED", "QUEUED", "PENDING", "Queued")
    PENDING_VERSION = ("PENDING_VERSION", "PENDING_VERSION", "PENDING_VERSION", "Pending version")
    DEQUEUED = ("DEQUEUED", "EXECUTING", "DEQUEUED", "Dequeued")
    EXECUTING = ("EXECUTING", "EXECUTING", "EXECUTING", "Executing")
    WAITING = ("WAITING", "FROZEN", "WAITING_TO_RESUME", "Waiting")
    COMPLETED = ("COMPLETED", "COMPLETED", "COMPLETED_SUCCESSFULLY", "Completed")
    FAILED = ("FAILED", "FAILED", "COMPLETED_WITH_ERRORS", "Failed")
    CANCELED = ("CANCELED", "CANCELED", "CANCELED", "Canceled")
    CRASHED = ("CRASHED", "CRASHED", "CRASHED", "Crashed")
    SYSTEM_FAILURE = ("SYSTEM_FAILURE", "SYSTEM_FAILURE", "SYSTEM_FAILURE", "System failure")
    EXPIRED = ("EXPIRED", "EXPIRED", "EXPIRED", "Expired")
    TIMED_OUT = ("TIMED_OUT", "TIMED_OUT", "TIMED_OUT", "Timed out")

    def __init__(self, rest: str, legacy: str, database: str, title: str) -> None:
        self.rest = rest
        self.legacy = legacy
        self.database = database
        self.title = title

    # Members are singletons, so identity suffices; Enum's own hash looks the name up each time.
    __hash__ = object.__hash__

    @property
    def is_final(self) -> bool:
        """Whether the run is over."""
        return self in FINAL

    def in_rest(self, *, is_versioned: bool) -> str:
        """The word in a REST response."""
        return self.rest if is_versioned else self.legacy

    def flags(self, *, is_versioned: bool) -> dict[str, bool]:
        """The seven booleans that a REST row derives from the status (recordings 100-149)."""
        is_frozen = self is Status.WAITING and not is_versioned
        return {
            "isQueued": self in _QUEUED,
            "isExecuting": self in _EXECUTING or is_frozen,
            "isCompleted": self in _COMPLETED,
            "isFailed": self in _FAILED,
            "isSuccess": self is Status.COMPLETED,
            "isCancelled": self is Status.CANCELED,
            "isWaiting": self is Status.WAITING and is_versioned,
        }


_QUEUED = frozenset({Status.DELAYED, Status.QUEUED, Status.PENDING_VERSION})
_EXECUTING = frozenset({Status.DEQUEUED, Status.EXECUTING})
_FAILED = frozenset({Status.FAILED, Status.CANCELED, Status.CRASHED, Status.SYSTEM_FAILURE})
_COMPLETED = _FAILED | {Status.COMPLETED}
FINAL = _COMPLETED | {Status.EXPIRED, Status.TIMED_OUT}
LIVE = frozenset(Status) - FINAL

FILTER_STATUSES: dict[str, tuple[Status, ...]] = {
    **{status.rest: (status,) for status in Status},
    "WAITING_FOR_DEPLOY": (Status.PENDING_VERSION,),
    "FROZEN": (Status.WAITING,),
    "REATTEMPTING": (),
    "INTERRUPTED": (),
}
"""The words that `filter[status]` accepts, of both vocabularies, with their statuses (recordings 043-046, 051)."""


# The records of a run, its attempts and its waits.
#
# A world keeps a hundred thousand runs, so a record holds only what cannot be computed again. Payload, logs, spans and
# output are computed from the task's script on request. Times are epoch milliseconds.


ABSENT = object()
"""The trigger had no payload, so the task generates one."""


@dataclass(slots=True, eq=False)
class Block:
    """A period in which an attempt waited, for time (`runs` is empty) or for the runs that it started.

    A trigger without a wait has one of some milliseconds, because the trace shows when it was called.
    """

    started_ms: int
    ended_ms: int | None = None
    runs: tuple["Run", ...] = field(default=(), repr=False)
    batch_id: str = ""


@dataclass(slots=True, eq=False)
class Attempt:
    """One attempt. A worker dequeued the run at `dequeued_ms` and called the task at `started_ms`."""

    number: int
    dequeued_ms: int
    started_ms: int
    ended_ms: int | None = None
    blocks: list[Block] = field(default_factory=list)
    failure: Failure | None = None
    retry_at_ms: int | None = None
    is_cancelled: bool = False


@dataclass(slots=True, eq=False)
class Run:
    """One run. `task` is None for an identifier without a task; `seed` determines its payload and its scripts."""

    number: int
    id: str
    task_id: str
    task: Task | None
    seed: int
    created_ms: int
    updated_ms: int
    status: Status
    queue: str
    function: str = "trigger"
    parent: "Run | None" = field(default=None, repr=False)
    root: "Run | None" = field(default=None, repr=False)
    tags: tuple[str, ...] = ()
    given_payload: Json = ABSENT
    metadata: Mapping[str, Json] | None = None
    delay_until_ms: int | None = None
    ttl: str = ""
    ttl_ms: int | None = None
    idempotency_key: str = ""
    key_name: str = ""
    """The text that the SDK hashed into the idempotency key."""
    batch_id: str = ""
    machine: str = "small-1x"
    concurrency_key: str = ""
    is_test: bool = False
    max_attempts: int = 1
    queued_ms: int | None = None
    started_ms: int | None = None
    finished_ms: int | None = None
    version: str = ""
    attempts: tuple[Attempt, ...] = ()
    children: tuple["Run", ...] = field(default=(), repr=False)
    usage_ms: int = 0
    failure: Failure | None = None
    bug: Failure | None = None
    """The error that a bad deployment makes the run throw."""
    given_script: Script | None = None
    listed_status: Status | None = None
    """The status that lists show; None before they show the run."""
    is_copy_scheduled: bool = False
    """Whether the agenda has an event that copies its latest changes to the lists."""
    key_expires_ms: int | None = None
    """When the idempotency key may be used for another run; None means never."""
    has_slot: bool = False
    """Whether it counts as running in its queue."""
    schedule_id: str = ""
    """The schedule that started the run."""
    due_ms: int | None = None
    """The due time of the schedule, which the API shows as its creation: it may lie in the future."""
    turn: int = 0
    """Counts status changes. A scheduled event is void once the turn at which it was scheduled has passed."""

    @property
    def shown_created_ms(self) -> int:
        """The creation as the API shows it."""
        return self.created_ms if self.due_ms is None else self.due_ms

    @property
    def depth(self) -> int:
        """The number of ancestors."""
        depth, parent = 0, self.parent
        while parent is not None:
            depth, parent = depth + 1, parent.parent
        return depth

    @property
    def shown_key(self) -> str:
        """The idempotency key as the API shows it."""
        return self.key_name or self.idempotency_key

    @property
    def label(self) -> FailureKind | None:
        """The true kind of its failure."""
        return self.failure.kind if self.failure else None

    @property
    def cause(self) -> str | None:
        """What made it fail: two runs with the same cause failed for the same reason."""
        return (self.failure.cause or self.failure.kind.value) if self.failure else None

    def payload(self) -> Json:
        """The payload that the task is called with."""
        if self.given_payload is not ABSENT:
            return self.given_payload
        return self.task.payload(Random(self.seed)) if self.task else None

    def script(self, attempt: int) -> Script:
        """The script of an attempt, the same at each call."""
        if self.given_script is not None:
            return self.given_script
        if self.task is None:
            return Script()
        call = Call(self.payload(), attempt, Random(self.seed * 31 + attempt), self.bug, self.version)
        return self.task.script(call)

    def output(self) -> Json:
        """The output of a completed run, or `NOTHING`."""
        if self.status is not Status.COMPLETED or not self.attempts:
            return NOTHING
        return self.script(self.attempts[-1].number).output


# The cost of a run: compute time by machine, and a fee for each run, in US cents.
#
# The prices are those of the real service. Development runs cost nothing, because they run on the developer's machine
# (recordings 100-149).


INVOCATION_CENTS = 0.0025

CENTS_PER_S = {
    "micro": 0.00169,
    "small-1x": 0.00338,
    "small-2x": 0.00675,
    "medium-1x": 0.0085,
    "medium-2x": 0.017,
    "large-1x": 0.034,
    "large-2x": 0.068,
}


def compute_cents(run: Run, environment: Environment) -> float:
    """`costInCents` of a run so far."""
    if environment.type == "DEVELOPMENT":
        return 0
    return CENTS_PER_S.get(run.machine, CENTS_PER_S["small-1x"]) * run.usage_ms / 1000


def invocation_cents(environment: Environment) -> float:
    """`baseCostInCents` of any run in an environment."""
    return 0 if environment.type == "DEVELOPMENT" else INVOCATION_CENTS


# The state that users give an error group: unresolved, resolved or ignored.
#
# A state changes only through the API. A resolved group whose runs fail again stays resolved, and an ignored one stays
# ignored when its time is over (recordings 2701, 2705).


UNRESOLVED = "unresolved"
RESOLVED = "resolved"
IGNORED = "ignored"
WORDS = (UNRESOLVED, RESOLVED, IGNORED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorState:
    """The state of one error group. `by` is the id of the user, None for a secret key; times are epoch milliseconds.

    `rate` and `total` are the occurrences a minute and in all that would end an ignored state.
    """

    word: str = UNRESOLVED
    at_ms: int | None = None
    by: str | None = None
    version: str | None = None
    until_ms: int | None = None
    reason: str | None = None
    rate: int | None = None
    total: int | None = None


# The options of a new run, and the parsing of durations.
#
# `routes.runs` reads them from the body of a request; `lifecycle` creates the run.


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """The options of a new run. `delay_ms` counts from now. At `starts_ms` a worker takes it, whatever its queue's
    limit.

    `id` and `script` are for tests that control every moment. `schedule_id` is the schedule that starts the run.
    It waits until `due_ms`, which is its `createdAt`.
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
    schedule_id: str = ""
    due_ms: int | None = None


@dataclass(frozen=True, slots=True)
class OldRun:
    """A run that was triggered `age_ms` before the world's start. With `cancel_after_ms` a user canceled it.

    One that `is_live` at the start belongs only to a world in which runs start by themselves. `error_state` returns
    what people did about its error before a time in epoch milliseconds, the end of the history. One that `is_extra`
    comes on top of the history.
    """

    age_ms: int
    new: NewRun
    cancel_after_ms: int | None = None
    is_live: bool = False
    error_state: Callable[[int], ErrorState] | None = None
    is_extra: bool = False


_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_MAX_DIGITS = 12


@lru_cache(maxsize=256)
def duration_ms(text: str) -> int | None:
    """Parse a duration like `10m`, `1h30m` or `5s`; None for any other text."""
    total, number = 0, ""
    for letter in text:
        if letter.isascii() and letter.isdigit():
            number += letter
        elif letter in _UNITS_MS and 0 < len(number) <= _MAX_DIGITS:
            total, number = total + int(number) * _UNITS_MS[letter], ""
        else:
            return None
    return None if number or not total else total
