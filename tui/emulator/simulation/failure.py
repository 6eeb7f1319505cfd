"""How a run can fail: the kinds, and how one failure is spelled in each part of the API.

What lives here: values only. Which task fails how is said in `company` and `reference`. The spellings are those of
the recordings: REST `error` (100-149), trace events and span details (240-286), the stored form that TRQL and the
realtime feed tell (717-728, 839).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FailureKind(StrEnum):
    """What truly went wrong; tests read it as the label of a run."""

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
"""Internal errors: REST tells only these codes, and the attempt's spans are never closed (wire/README.md §4, §5)."""

NEVER_RETRIED = frozenset({*CODES, FailureKind.ABORT, FailureKind.CANCELED, FailureKind.EXPIRED})


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure: what was thrown, with `stack` as Node prints its frames (no headline; "" = none).

    `name` is the class of an Error, "" for anything else that was thrown.
    """

    kind: FailureKind
    message: str
    name: str = ""
    stack: str = ""

    @property
    def is_internal(self) -> bool:
        """Whether the process or the platform failed, rather than the task's function."""
        return self.kind in CODES

    @property
    def stack_trace(self) -> str:
        """The headline and the frames, as `Error.stack` is; "" where nothing has one."""
        headline = f"{self.name or 'Error'}: {self.message}"
        return f"{headline}\n{self.stack}" if self.stack else ""

    def in_rest(self) -> dict[str, Any]:
        """`error` of a run detail: an internal failure tells its code only."""
        if self.is_internal:
            return {"message": f"trigger.dev internal error ({CODES[self.kind]})"}
        return _present(name=self.name, message=self.message, stackTrace=self.stack_trace)

    def stored(self) -> dict[str, Any]:
        """The form that TRQL's `error` column and the realtime feed tell."""
        if self.kind is FailureKind.STRING:
            return {"raw": self.message, "type": "STRING_ERROR"}
        if self.kind is FailureKind.OBJECT:
            return {"raw": self.message, "type": "CUSTOM_ERROR"}
        if self.is_internal:
            return _present(
                code=CODES[self.kind], message=self.message, stackTrace=self.stack_trace, type="INTERNAL_ERROR"
            )
        if self.kind in {FailureKind.CANCELED, FailureKind.EXPIRED}:
            return {"raw": self.message, "type": "STRING_ERROR"}
        return _present(message=self.message, name=self.name, stackTrace=self.stack_trace, type="BUILT_IN_ERROR")

    def in_exception(self) -> dict[str, Any]:
        """`properties.exception` of the event on the spans that it passed."""
        return _present(type=self.name, message=self.message, stacktrace=self.stack_trace)

    def in_span(self) -> dict[str, Any]:
        """`properties.error` of the detail of a span that it passed."""
        if self.is_internal:
            return _present(
                message=f"{CODES[self.kind]}: {self.message}", name="Internal error", stackTrace=self.stack_trace
            )
        return _present(message=self.message, name=self.name, stackTrace=self.stack_trace)


def _present(**fields: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value}


CANCELED = Failure(FailureKind.CANCELED, "Canceled by user")


def expired(ttl: str) -> Failure:
    """The end of a run that nobody took within its time to live."""
    return Failure(FailureKind.EXPIRED, f"Run expired because the TTL ({ttl}) was reached")
