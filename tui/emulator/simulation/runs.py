"""The records of a run, its attempts and its waits.

A world keeps a hundred thousand runs, so a record holds only what cannot be computed again. Payload, logs, spans and
output are computed from the task's script on request. Times are epoch milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from tui.emulator.simulation.failure import Failure, FailureKind
from tui.emulator.simulation.script import NOTHING, Call, Json, Script, Task
from tui.emulator.simulation.statuses import Status

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
