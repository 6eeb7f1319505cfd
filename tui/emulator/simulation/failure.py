"""Failures of runs: their kinds, and the form of one failure in each part of the API.

`demo_tasks` and `recorded_tasks` say which task fails how. The forms are recorded: REST `error` (100-149), trace events
and span details (240-286), and the stored form in TRQL and the realtime feed (717-728, 839).
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any


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
