"""Stacks as Node prints them, and failures that no task throws itself.

The executor's frames and the messages of internal failures are recorded (103-149, 241-249, 724-728). A task's own
frames are in its module.
"""

import json

from tui.emulator.simulation.failure import Failure, FailureKind
from tui.emulator.simulation.script import Call, Json, Script, Step, Work

MAX_FRAMES = 10
"""Node's `Error.stackTraceLimit`: a deeper stack is cut."""

_CORE = "file:///app/node_modules/@trigger.dev/core/src/v3"

_EXECUTOR = (
    f"_tracer.startActiveSpan.attributes ({_CORE}/workers/taskExecutor.ts:431:18)",
    f"{_CORE}/tracer.ts:135:18",
    f"{_CORE}/workers/taskExecutor.ts:426:14",
    f"_RunTimelineMetricsAPI.measureMetric ({_CORE}/runTimelineMetrics/index.ts:67:22)",
    f"{_CORE}/workers/taskExecutor.ts:190:26",
    f"tryCatch ({_CORE}/tryCatch.ts:10:18)",
    f"executeTask ({_CORE}/workers/taskExecutor.ts:179:40)",
    f"tryCatch ({_CORE}/tryCatch.ts:10:18)",
    f"{_CORE}/workers/taskExecutor.ts:393:33",
)
"""The frames below a `run` function that has awaited something."""

TICKS = "processTicksAndRejections (node:internal/process/task_queues:104:5)"

STRIPE = (
    "Error.generate (file:///app/node_modules/stripe/src/Error.ts:33:16)",
    "res.toJSON.then.StripeAPIError.message (file:///app/node_modules/stripe/src/RequestSender.ts:113:31)",
    TICKS,
)
STRIPE_CONNECTION = (
    "file:///app/node_modules/stripe/src/RequestSender.ts:558:17",
    TICKS,
    "async StripeResource.makeRequest (file:///app/node_modules/stripe/src/StripeResource.ts:196:14)",
)
FETCH = (
    "node:internal/deps/undici/undici:13510:13",
    TICKS,
)
UNDICI = (
    "TLSSocket.onHttpSocketEnd (file:///app/node_modules/undici/lib/dispatcher/client-h1.js:875:22)",
    "TLSSocket.emit (node:events:530:35)",
    "endReadableNT (node:internal/streams/readable:1698:12)",
    TICKS,
)
PG = (
    "Parser.parseErrorMessage (file:///app/node_modules/pg-protocol/src/parser.ts:369:69)",
    "Parser.handlePacket (file:///app/node_modules/pg-protocol/src/parser.ts:187:21)",
    "Parser.parse (file:///app/node_modules/pg-protocol/src/parser.ts:102:30)",
    "Socket.<anonymous> (file:///app/node_modules/pg-protocol/src/index.ts:7:48)",
    "Socket.emit (node:events:518:28)",
    "addChunk (node:internal/streams/readable:561:12)",
    TICKS,
)
SMTP = (
    "SMTPConnection._formatError (file:///app/node_modules/nodemailer/lib/smtp-connection/index.js:809:19)",
    "SMTPConnection._actionRCPT (file:///app/node_modules/nodemailer/lib/smtp-connection/index.js:1674:28)",
    "SMTPConnection._processResponse (file:///app/node_modules/nodemailer/lib/smtp-connection/index.js:993:20)",
    "TLSSocket.SMTPConnection._onSocketData (file:///app/node_modules/nodemailer/lib/smtp-connection/index.js:774:14)",
    "TLSSocket.emit (node:events:518:28)",
    TICKS,
)
S3 = (
    "throwDefaultError (file:///app/node_modules/@smithy/smithy-client/dist-es/default-error-handler.js:8:22)",
    "de_CommandError (file:///app/node_modules/@aws-sdk/client-s3/dist-es/protocols/Aws_restXml.js:3181:20)",
    TICKS,
    "async file:///app/node_modules/@smithy/middleware-serde/dist-es/deserializerMiddleware.js:5:24",
)
TIMERS = (
    "listOnTimeout (node:internal/timers:685:17)",
    "processTimers (node:internal/timers:618:7)",
)
JSON_PARSE = ("JSON.parse (<anonymous>)",)


def own(function: str, file: str, line: int, column: int, *, is_async: bool = True) -> str:
    """A frame of the company's code: `file` is like `trigger/payments.ts` or `lib/stripe.ts`."""
    return f"{'async ' if is_async else ''}{function} (file:///app/src/{file}:{line}:{column})"


def stack(*frames: str) -> str:
    """The frames, innermost first, with the executor's below them. At most ten, in the form of `Failure.stack`.

    Node knows the awaiting function only after a function was resumed. So where plain and awaited calls meet, the first
    `async` frame is still a plain call, and Node shows the continuation below it.
    """
    lines: list[str] = []
    is_continued = False
    for frame in frames:
        bare = frame.removeprefix("async ")
        if is_continued or bare.startswith("Promise."):
            lines.append(frame)
            is_continued = True
        elif bare == frame:
            lines.append(frame)
            is_continued = frame == TICKS
        else:
            lines += (bare, TICKS)
            is_continued = True
    return bare_stack(*lines, *_EXECUTOR)


def bare_stack(*frames: str) -> str:
    """A stack without the executor's frames, for timers and streams."""
    return "\n".join(f"    at {frame}" for frame in frames[:MAX_FRAMES])


def error(message: str, trace: str, name: str = "Error", *, cause: str = "") -> Failure:
    """An Error, or an error class of the platform or a library.

    A failure whose message differs from run to run needs a `cause`. Any other is its own cause, as in all functions
    here.
    """
    return Failure(FailureKind.ERROR, message, name, trace, cause or _constant(message, trace))


def custom(name: str, message: str, trace: str, *, cause: str = "") -> Failure:
    """An error class of the company's own code."""
    return Failure(FailureKind.CUSTOM, message, name, trace, cause or _constant(message, trace))


def abort(message: str, trace: str, *, cause: str = "") -> Failure:
    """`AbortTaskRunError`, which prevents further attempts (recording 107)."""
    return Failure(FailureKind.ABORT, message, "AbortTaskRunError", trace, cause or _constant(message, trace))


def bad_deploy(message: str, trace: str, name: str = "TypeError") -> Failure:
    """The error that a bad version makes its task throw at each attempt."""
    return Failure(FailureKind.BAD_DEPLOY, message, name, trace, _constant(message, trace))


def thrown_text(message: str, cause: str) -> Failure:
    """A thrown string."""
    return Failure(FailureKind.STRING, message, cause=cause)


def thrown_object(value: Json, cause: str) -> Failure:
    """A thrown object, which the SDK keeps as JSON."""
    return Failure(FailureKind.OBJECT, json.dumps(value, separators=(",", ":"), ensure_ascii=False), cause=cause)


def _constant(message: str, trace: str) -> str:
    """The cause of a failure whose message and stack are the same in each run."""
    return f"{message} @ {trace.partition('/src/')[2].partition(':')[0]}"


def crash(code: int = 1, signal: str = "null") -> Failure:
    """The process exited (recording 109)."""
    message = f"Process exited with code {code} after signal {signal}."
    return Failure(FailureKind.CRASH, message, cause=message)


def timed_out(seconds: int) -> Failure:
    """The run computed for longer than its `maxDuration` (recording 111)."""
    return Failure(FailureKind.TIMEOUT, f"Run exceeded maximum compute time (maxDuration) of {seconds} seconds")


def uncaught(message: str, *frames: str, cause: str) -> Failure:
    """An error thrown outside of every awaited promise (recordings 284, 726)."""
    return Failure(FailureKind.UNCAUGHT, message, "", bare_stack(*frames), cause)


OUT_OF_MEMORY = Failure(
    FailureKind.OUT_OF_MEMORY,
    "Your run was terminated due to exceeding the machine's memory limit. Try increasing the machine preset in your "
    "task options or replay using a larger machine.",
)
WORKER_LOST = Failure(
    FailureKind.STALLED,
    "Run timed out after 5 minutes due to missing heartbeats (sent every 30s). Check if your `trigger.dev dev` CLI is "
    "still running, or if CPU-heavy work is blocking the main thread.",
)
"""The message of recording 724."""

SYSTEM_FAILURE = Failure(FailureKind.SYSTEM, "runner lost")
"""The message of recording 725a."""


def broken(call: Call, *steps: Step) -> Script:
    """An attempt of a bad version: it executes `steps`, then throws the new error."""
    return Script((Work(60 + int(call.random.random() * 120), steps),), throws=call.bug)
