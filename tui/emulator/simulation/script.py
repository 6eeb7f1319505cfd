"""Scripts: what a task does in one attempt, as data, and how it fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from random import Random
from typing import Any

# Failures of runs: their kinds, and the form of one failure in each part of the API.
#
# `demo_tasks` and `recorded_tasks` say which task fails how. The forms are recorded: REST `error` (100-149), trace
# events and span details (240-286), and the stored form in TRQL and the realtime feed (717-728, 839).


class FailureKind(StrEnum):
    """The true kind of a failure. Tests read it as the label of a run."""

    ERROR = "error"
    CUSTOM = "custom-error"
    STRING = "thrown-string"
    OBJECT = "thrown-object"
    ABORT = "abort"
    CHILD = "child-failed"
    BAD_DEPLOY = "bad-deploy"
    UNCAUGHT = "uncaught"
    CRASH = "crash"
    OUT_OF_MEMORY = "out-of-memory"
    TIMEOUT = "max-duration"
    STALLED = "worker-lost"
    SYSTEM = "system-failure"
    CANCELED = "canceled"
    EXPIRED = "expired"


CODES = {
    FailureKind.UNCAUGHT: "TASK_RUN_UNCAUGHT_EXCEPTION",
    FailureKind.CRASH: "TASK_PROCESS_EXITED_WITH_NON_ZERO_CODE",
    FailureKind.OUT_OF_MEMORY: "TASK_PROCESS_OOM_KILLED",
    FailureKind.TIMEOUT: "MAX_DURATION_EXCEEDED",
    FailureKind.STALLED: "TASK_RUN_STALLED_EXECUTING",
    FailureKind.SYSTEM: "TASK_EXECUTION_FAILED",
}
"""Internal errors. REST returns only these codes, and the attempt's spans stay open (tests/wire/recordings/README.md
§4, §5).
"""

NEVER_RETRIED = frozenset({*CODES, FailureKind.ABORT, FailureKind.CANCELED, FailureKind.EXPIRED})

FINGERPRINT_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure. `stack` holds the frames as Node prints them, without a headline; "" for none.

    `name` is the class of an Error, "" for any other thrown value. `cause` names what went wrong, whatever ids, numbers
    and places the message and the stack contain. No part of the API shows it: tests measure groups of failures by it.
    """

    kind: FailureKind
    message: str
    name: str = ""
    stack: str = ""
    cause: str = ""

    @property
    def is_internal(self) -> bool:
        """Whether the process or the platform failed rather than the task's function."""
        return self.kind in CODES

    @property
    def stack_trace(self) -> str:
        """The headline and the frames, like `Error.stack`; "" without frames."""
        headline = f"{self.name or 'Error'}: {self.message}"
        return f"{headline}\n{self.stack}" if self.stack else ""

    @property
    def fingerprint(self) -> str:
        """The server's hash of the error's kind and message. It does not depend on the class, the stack or the task."""
        stored = self.stored()
        text = f"{stored['type']}:{stored.get('message') or stored.get('raw', '')}:"
        return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:FINGERPRINT_DIGITS]

    def in_rest(self) -> dict[str, Any]:
        """`error` of a run detail. An internal failure has only its code."""
        if self.is_internal:
            return {"message": f"trigger.dev internal error ({CODES[self.kind]})"}
        return _without_empty(name=self.name, message=self.message, stackTrace=self.stack_trace)

    def stored(self) -> dict[str, Any]:
        """The form in TRQL's `error` column and in the realtime feed."""
        if self.kind is FailureKind.STRING:
            return {"raw": self.message, "type": "STRING_ERROR"}
        if self.kind is FailureKind.OBJECT:
            return {"raw": self.message, "type": "CUSTOM_ERROR"}
        if self.is_internal:
            return _without_empty(
                code=CODES[self.kind], message=self.message, stackTrace=self.stack_trace, type="INTERNAL_ERROR"
            )
        if self.kind in {FailureKind.CANCELED, FailureKind.EXPIRED}:
            return {"raw": self.message, "type": "STRING_ERROR"}
        return _without_empty(message=self.message, name=self.name, stackTrace=self.stack_trace, type="BUILT_IN_ERROR")

    def in_exception(self) -> dict[str, Any]:
        """`properties.exception` of the event on each span that the error passed through."""
        return _without_empty(type=self.name, message=self.message, stacktrace=self.stack_trace)

    def in_span(self) -> dict[str, Any]:
        """`properties.error` in the detail of each span that the error passed through."""
        if self.is_internal:
            return _without_empty(
                message=f"{CODES[self.kind]}: {self.message}", name="Internal error", stackTrace=self.stack_trace
            )
        return _without_empty(message=self.message, name=self.name, stackTrace=self.stack_trace)


def _without_empty(**fields: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value}


CANCELED = Failure(FailureKind.CANCELED, "Canceled by user")


def expired(ttl: str) -> Failure:
    """The failure of a run that no worker dequeued within its TTL."""
    return Failure(FailureKind.EXPIRED, f"Run expired because the TTL ({ttl}) was reached")


# Scripts: what a task does in one attempt, as data. `demo_tasks` and `recorded_tasks` define their tasks with them.
#
# A script is a pure function of the run and the attempt (`Call`). The simulation executes it once, and the trace is
# computed from it again on request, so nothing of it has to be stored.


Json = Any
"""A JSON value: payloads, outputs and metadata consist of them."""


@dataclass(frozen=True, slots=True)
class Log:
    """A log line. `level` is DEBUG, LOG, INFO, WARN or ERROR; `attributes` appear in the detail of its span."""

    level: str
    message: str
    attributes: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A `logger.trace` span, or with an `icon` one of the SDK's own spans.

    `share` is its part of the enclosing time.
    """

    message: str
    share: float
    steps: tuple["Step", ...] = ()
    attributes: Mapping[str, Json] | None = None
    failure: Failure | None = None
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Lines:
    """Many log lines, which only a trace computes: `line` returns each by its number, from `first` on."""

    count: int
    line: Callable[[int], Log]
    first: int = 0


Step = Log | Span | Lines
"""Steps appear in the trace only. The steps of a `Work` are spread over its time, in order."""


@dataclass(frozen=True, slots=True)
class Work:
    """Computing for this long, with the log lines and spans that it writes."""

    ms: int
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """`wait.for`, or `wait.forToken` for a token that somebody completes after this long, unless it times out first.

    The run costs nothing meanwhile. A deployed run is suspended during a long wait. `tags` are the token's.
    """

    ms: int
    is_token: bool = False
    timeout_ms: int = 600_000
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Child:
    """A run to start."""

    task: str
    payload: Json = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """Start other runs: `trigger`, `triggerAndWait` (`is_awaited`), or a batch of either (`is_batch`).

    With `must_succeed` the result is unwrapped, so a failed child fails this run.
    """

    children: tuple[Child, ...]
    is_awaited: bool = False
    is_batch: bool = False
    must_succeed: bool = False

    @property
    def function(self) -> str:
        """The name of the SDK's function: `triggerFunction` of the children."""
        name = "batchTrigger" if self.is_batch else "trigger"
        return f"{name}AndWait" if self.is_awaited else name


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """`metadata.set`: set these keys of the run's metadata."""

    values: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class AddTags:
    """`tags.add`: add tags to the run."""

    tags: tuple[str, ...]


Item = Work | Wait | Start | SetMetadata | AddTags

NOTHING = object()
"""The output of a task that returns nothing. (An output of None is `null`.)"""


@dataclass(frozen=True, slots=True)
class Script:
    """One attempt: its items in order, and its end, either `throws` or `output`."""

    items: tuple[Item, ...] = ()
    output: Json = NOTHING
    throws: Failure | None = None


@dataclass(slots=True)
class Call:
    """The arguments of a script. `bug` is the error of a bad deployment, `version` the deployed one."""

    payload: Json
    attempt: int
    random: Random
    bug: Failure | None = None
    version: str = ""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays before attempt 2, 3, …: `first_ms`, then `factor` times longer each, at most `max_ms`."""

    first_ms: int = 1000
    factor: float = 2.0
    max_ms: int = 30_000

    def delay_ms(self, failed_attempts: int) -> int:
        """The delay after this many failed attempts (1, 2, …), before jitter."""
        return int(min(self.max_ms, self.first_ms * self.factor ** (failed_attempts - 1)))


def no_payload(_: Random) -> Json:
    """The payload of a task without one."""
    return None


def no_tags(_: Random) -> tuple[str, ...]:
    """The tags of a task without any."""
    return ()


@dataclass(frozen=True, slots=True)
class Task:
    """One task.

    `weight` is how often it is triggered from outside, relative to other tasks; 0 means only by other tasks or the API.
    `file` is the path of its source, for stacks and start events. `queue` is the name of a custom queue, "" for its
    own. A scheduled task has a period `every_s` instead of a weight; they are due `phase_s`, whole minutes, after the
    beginning of each period.
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
    phase_s: int = 0
    cancel_hook: tuple[Step, ...] = ()
