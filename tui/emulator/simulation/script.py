"""What a task does in one attempt, as data: the vocabulary in which `company` and `reference` write their tasks.

What lives here: the items of a script, the steps that show in its trace, the task. A script is a pure function of
the run and the attempt (`Call`), so it is played once by the simulation and again, later, when somebody asks for the
trace: nothing of it has to be kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tui.emulator.simulation.failure import Failure

Json = Any
"""A JSON value: what payloads, outputs and metadata are made of."""


@dataclass(frozen=True, slots=True)
class Log:
    """A line of the log. `level` is DEBUG, INFO, WARN or ERROR; `attributes` show in the detail of its span."""

    level: str
    message: str
    attributes: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A `logger.trace` of the task, or with an `icon` one of the SDK's own.

    `share` is its part of the time of what encloses it.
    """

    message: str
    share: float
    steps: tuple["Step", ...] = ()
    attributes: Mapping[str, Json] | None = None
    failure: Failure | None = None
    icon: str = ""


Step = Log | Span
"""What shows in a trace and takes no decision. Steps of a `Work` are spread over its time, in order."""


@dataclass(frozen=True, slots=True)
class Work:
    """So many milliseconds of computing, and what they show."""

    ms: int
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """`wait.for`, or `wait.forToken` for a token that comes, or times out, after so long.

    The run costs nothing meanwhile; a deployed one is suspended when it is long.
    """

    ms: int
    is_token: bool = False


@dataclass(frozen=True, slots=True)
class Child:
    """One run to start."""

    task: str
    payload: Json = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """Start other runs: `trigger`, `triggerAndWait` (`is_awaited`), or a batch of either (`is_batch`).

    `must_succeed`: the result is unwrapped, so that a failed child fails this run.
    """

    children: tuple[Child, ...]
    is_awaited: bool = False
    is_batch: bool = False
    must_succeed: bool = False

    @property
    def function(self) -> str:
        """The name of the SDK's function, which the children tell as `triggerFunction`."""
        name = "batchTrigger" if self.is_batch else "trigger"
        return f"{name}AndWait" if self.is_awaited else name


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """`metadata.set`: these keys of the run's metadata change now."""

    values: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class AddTags:
    """`tags.add`: the run gets more tags."""

    tags: tuple[str, ...]


Item = Work | Wait | Start | SetMetadata | AddTags

NOTHING = object()
"""The output of a task that returns nothing (an output of None is `null`)."""


@dataclass(frozen=True, slots=True)
class Script:
    """One attempt: its items in order, and how it ends: with `throws`, or else with `output`."""

    items: tuple[Item, ...] = ()
    output: Json = NOTHING
    throws: Failure | None = None


@dataclass(slots=True)
class Call:
    """What a task's function is called with. `bug` is what a bad deploy makes it throw, if it does."""

    payload: Json
    attempt: int
    random: Random
    bug: Failure | None = None


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before attempt 2, 3, …: `first_ms`, then `factor` times more, at most `most_ms`."""

    first_ms: int = 1000
    factor: float = 2.0
    most_ms: int = 30_000

    def delay_ms(self, failed_attempts: int) -> int:
        """The wait after so many failed attempts (1, 2, …), before any jitter."""
        return int(min(self.most_ms, self.first_ms * self.factor ** (failed_attempts - 1)))


def no_payload(_: Random) -> Json:
    """The payload of a task that takes none."""
    return None


def no_tags(_: Random) -> tuple[str, ...]:
    """The tags of a task that sets none."""
    return ()


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the company.

    `weight`: how often it is triggered from outside, compared with the others (0: only by others, or by the API).
    `file`: where its source is, for stacks and start events. `queue`: a custom queue's name, "" for its own.
    `every_s`: a schedule's period instead of a weight.
    """

    id: str
    script: Callable[[Call], Script]
    file: str
    weight: float = 0.0
    payload: Callable[[Random], Json] = no_payload
    tags: Callable[[Random], tuple[str, ...]] = no_tags
    queue: str = ""
    machine: str = "small-1x"
    max_attempts: int = 3
    backoff: Backoff = field(default_factory=Backoff)
    ttl: str = ""
    delay_ms: Callable[[Random], int] | None = None
    every_s: int = 0
    cancel_hook: tuple[Step, ...] = ()
