"""A run as the server keeps it, and an attempt of it.

What lives here: the records, and nothing that happens to them (`lifecycle`). A hundred thousand of them are kept, so
they hold what cannot be computed anew: payload, logs, spans and output are played from the task's script when asked.
Times are epoch milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from tui.emulator.simulation.failure import Failure, FailureKind
from tui.emulator.simulation.script import NOTHING, Call, Json, Script, Task
from tui.emulator.simulation.statuses import Status

ABSENT = object()
"""No payload was handed over: the task makes its own."""


@dataclass(slots=True, eq=False)
class Block:
    """A stretch in which an attempt waited: for time (`runs` empty) or for the runs that it started.

    Fire-and-forget triggers have one too, of some milliseconds: the trace shows when they were made.
    """

    started_ms: int
    ended_ms: int | None = None
    runs: tuple["Run", ...] = field(default=(), repr=False)
    batch_id: str = ""


@dataclass(slots=True, eq=False)
class Attempt:
    """One attempt. `started_ms` is when the worker began, `dequeued_ms` when it took the run."""

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
    """One run. `task` is None for an identifier that no worker knows; `seed` makes its payload and its scripts."""

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
    """What its idempotency key was made from; the SDK sends a hash of that."""
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
    given_script: Script | None = None
    listed_status: Status | None = None
    is_copying: bool = False
    key_expires_ms: int | None = None
    """When its idempotency key may be used for another run; None: never."""
    has_slot: bool = False
    schedule_id: str = ""
    """Of the schedule that started it."""
    turn: int = 0

    @property
    def depth(self) -> int:
        """How far below its root."""
        depth, parent = 0, self.parent
        while parent is not None:
            depth, parent = depth + 1, parent.parent
        return depth

    @property
    def shown_key(self) -> str:
        """The idempotency key as everybody is told it."""
        return self.key_name or self.idempotency_key

    @property
    def label(self) -> FailureKind | None:
        """The true kind of its failure."""
        return self.failure.kind if self.failure else None

    def payload(self) -> Json:
        """What it was triggered with."""
        if self.given_payload is not ABSENT:
            return self.given_payload
        return self.task.payload(Random(self.seed)) if self.task else None

    def script(self, attempt: int) -> Script:
        """What that attempt does: the same at each call."""
        if self.given_script is not None:
            return self.given_script
        if self.task is None:
            return Script()
        return self.task.script(Call(self.payload(), attempt, Random(self.seed * 31 + attempt), self.bug))

    def output(self) -> Json:
        """What it returned, or `NOTHING`: only a completed run has an output."""
        if self.status is not Status.COMPLETED or not self.attempts:
            return NOTHING
        return self.script(self.attempts[-1].number).output
