"""`src/trigger/errors.ts`: tasks that fail in different ways, most of them with any payload.

Messages, attempts and backoffs are those of recordings 103-111, 137, 241-249, 284 and 839. Durations are those of an
idle machine; some recorded ones (242, 245, 246) come from a busy one and are longer.
"""

from tui.emulator.recorded_tasks.payloads import text
from tui.emulator.recorded_tasks.stacks import CHARGE, SECOND_BUILD, TIMER, thrown_at
from tui.emulator.simulation.failure import Failure, FailureKind
from tui.emulator.simulation.script import Backoff, Call, Log, Script, Task, Work

FILE = "src/trigger/errors.ts"

MAX_DURATION_S = 5

_ABORT = Failure(FailureKind.ABORT, "no point in retrying this", "AbortTaskRunError", thrown_at("errors.ts:37:76"))
_ONCE = Failure(FailureKind.ERROR, "first attempt always fails", "RangeError", thrown_at("errors.ts:40:73"))
_STRING = Failure(FailureKind.STRING, "a plain string was thrown")
_OBJECT = Failure(FailureKind.OBJECT, '{"code":42,"reason":"object thrown"}')
_EXIT = Failure(FailureKind.CRASH, "Process exited with code 1 after signal null.")
_UNCAUGHT = Failure(FailureKind.UNCAUGHT, "thrown outside of the task promise", stack=TIMER)
_TIMEOUT = Failure(FailureKind.TIMEOUT, f"Run exceeded maximum compute time (maxDuration) of {MAX_DURATION_S} seconds")


def _fail_retry(call: Call) -> Script:
    message = f"Upstream returned 503 on attempt {call.attempt}: service unavailable"
    return Script(
        (Work(2, (Log("INFO", f"attempt {call.attempt} starting"),)), Work(417)),
        throws=Failure(FailureKind.ERROR, message, "Error", CHARGE),
    )


def _fail_slow_retry(call: Call) -> Script:
    message = f"slow retry demo, attempt {call.attempt}"
    return Script(
        (Work(970),),
        throws=Failure(FailureKind.ERROR, message, "Error", thrown_at("errors.ts:45:248", SECOND_BUILD)),
    )


def _fail_cause(call: Call) -> Script:
    # No part of the API shows the causes of the error or its own fields (recording 104).
    message = f"Card was declined for customer {text(call.payload, 'customer', 'cus_123')}"
    return Script(
        (Work(420),),
        throws=Failure(FailureKind.CUSTOM, message, "PaymentDeclinedError", thrown_at("errors.ts:31:13")),
    )


def _fail_once(call: Call) -> Script:
    if call.attempt == 1:
        return Script((Work(410),), throws=_ONCE)
    return Script((Work(53),), output={"recovered": True, "attempt": call.attempt})


def _fail_string(_: Call) -> Script:
    return Script((Work(12),), throws=_STRING)


def _fail_object(_: Call) -> Script:
    return Script((Work(48),), throws=_OBJECT)


def _fail_abort(_: Call) -> Script:
    return Script((Work(420),), throws=_ABORT)


def _crash_exit(_: Call) -> Script:
    # The server learns of the process's end a second later (recording 247).
    return Script((Work(20, (Log("WARN", "about to exit the process"),)), Work(980)), throws=_EXIT)


def _crash_uncaught(_: Call) -> Script:
    return Script((Work(300),), throws=_UNCAUGHT)


def _max_duration(_: Call) -> Script:
    return Script((Work(MAX_DURATION_S * 1000),), throws=_TIMEOUT)


ERRORS: tuple[Task, ...] = (
    Task("fail-retry", _fail_retry, FILE),
    Task("fail-slow-retry", _fail_slow_retry, FILE, max_attempts=2, backoff=Backoff(40_000, max_ms=40_000)),
    Task("fail-cause", _fail_cause, FILE, max_attempts=2, backoff=Backoff(170)),
    Task("fail-once", _fail_once, FILE),
    Task("fail-string", _fail_string, FILE, max_attempts=1),
    Task("fail-object", _fail_object, FILE, max_attempts=1),
    Task("fail-abort", _fail_abort, FILE),
    Task("crash-exit", _crash_exit, FILE),
    Task("crash-uncaught", _crash_uncaught, FILE),
    Task("max-duration", _max_duration, FILE),
)
