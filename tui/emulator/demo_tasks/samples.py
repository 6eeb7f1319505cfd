"""Sample data, stacks as Node prints them, and errors as tasks log them."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from random import Random
from typing import TypeVar

from tui.emulator.recorded_tasks import SECOND_BUILD
from tui.emulator.recorded_tasks import stack as bare_stack
from tui.emulator.simulation.names import digest
from tui.emulator.simulation.script import (
    AddTags,
    Call,
    Failure,
    FailureKind,
    Item,
    Json,
    Log,
    Script,
    Span,
    Step,
    Work,
)

# Sample data for payloads, and functions that draw from it.
#
# A draw costs a fraction of a microsecond, because a history of a hundred thousand runs makes millions of them.


T = TypeVar("T")

FIRST_NAMES = ("ada", "bruno", "chen", "dilara", "emeka", "freya", "grace", "hugo", "ines", "jonas", "kemal", "lucia")
LAST_NAMES = ("okafor", "lindqvist", "moreau", "tanaka", "schmidt", "rossi", "haddad", "novak", "silva", "murphy")
DOMAINS = ("example.com", "northwind.test", "globex.test", "initech.test", "umbrella.example")
CURRENCIES = ("eur", "usd", "gbp", "sek", "jpy")
COUNTRIES = ("de", "fr", "gb", "jp", "se", "us")
PLANS = ("free", "starter", "pro", "enterprise")
LOCALES = ("en", "de", "fr", "ja", "ar", "pt-BR")
SOURCES = ("checkout", "subscription", "api", "backoffice")
REGIONS = ("eu-central-1", "us-east-1", "ap-northeast-1")

CUSTOMERS = 2_000
MAX_TAG_UNITS = 128


def pick(random: Random, pool: Sequence[T]) -> T:
    return pool[int(random.random() * len(pool))]


def between(random: Random, low: int, high: int) -> int:
    """A whole number from `low` up to but not including `high`."""
    return low + int(random.random() * (high - low))


def skewed_ms(random: Random, low_ms: int, high_ms: int) -> int:
    """A duration that is mostly near `low_ms` and sometimes near `high_ms`. The mean is a quarter of the way up."""
    return low_ms + int(random.random() ** 3 * (high_ms - low_ms))


def customer(random: Random) -> str:
    """Like `cus_1042`. Some customers are much more frequent than others."""
    return f"cus_{1000 + int(random.random() ** 2 * CUSTOMERS)}"


def address(random: Random) -> str:
    """Like `ada.okafor@example.com`."""
    return f"{pick(random, FIRST_NAMES)}.{pick(random, LAST_NAMES)}@{pick(random, DOMAINS)}"


def order_tags(random: Random) -> tuple[str, ...]:
    """Like `source:checkout`, sometimes with `priority:high`."""
    source = f"source:{pick(random, SOURCES)}"
    return (source, "priority:high") if random.random() < 0.1 else (source,)


def of_customer(payload: Json) -> AddTags:
    """The first step of a task: it tags the run with its customer, like `customer:cus_1042`."""
    return AddTags((f"customer:{payload['customer']}"[:MAX_TAG_UNITS],))


def region_tags(random: Random) -> tuple[str, ...]:
    """Like `region:us-east-1`, or none."""
    return (f"region:{pick(random, REGIONS)}",) if random.random() < 0.7 else ()


# Stacks as Node prints them, and failures that no task throws itself.
#
# The executor's frames and the messages of internal failures are those of recordings 103-149, 241-249 and 724-728. A
# task's own frames are defined with it.


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
FETCH = ("node:internal/deps/undici/undici:13510:13", TICKS)
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
TIMERS = ("listOnTimeout (node:internal/timers:685:17)", "processTimers (node:internal/timers:618:7)")
JSON_PARSE = ("JSON.parse (<anonymous>)",)


def own(function: str, file: str, line: int, column: int, *, is_async: bool = True) -> str:
    """A frame of the company's code: `file` is like `trigger/payments.ts` or `lib/stripe.ts`."""
    return f"{'async ' if is_async else ''}{function} (file:///app/src/{file}:{line}:{column})"


def stack(*frames: str) -> str:
    """The frames, innermost first, with the executor's below them. At most ten, in the form of `Failure.stack`.

    The first frame marked `async` ran before anything was resumed: Node prints it without `async`, and its continuation
    (`processTicksAndRejections`) below it. All further frames keep their `async`.
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
    return bare_stack(*lines, *SECOND_BUILD)


def error(message: str, trace: str, name: str = "Error", *, cause: str = "") -> Failure:
    """An Error, or an error class of the platform or a library.

    `cause` is the label by which tests group failures. Pass one if the message differs from run to run; otherwise it is
    made from the message and the trace. The same holds for all functions here.
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
SYSTEM_FAILURE = Failure(FailureKind.SYSTEM, "runner lost")
"""The message of recording 725a."""


def broken(call: Call, *steps: Step) -> Script:
    """An attempt of a bad version: it executes `steps`, then throws the new error."""
    return Script((Work(60 + int(call.random.random() * 120), steps),), throws=call.bug)


# Stacks as a deployed version prints them: each build moves lines, and some run from another folder.
#
# Tasks define their stacks as the first build printed them.


FIRST_ROOT = "file:///app/"
ROOTS = (FIRST_ROOT, FIRST_ROOT, FIRST_ROOT, FIRST_ROOT, "/app/", "file:///usr/src/app/", "file:///Users/mei/acme/")
"""The folders of a build, the usual one several times."""

MAX_CACHED_STACKS = 4_096
_OWN = re.compile(r"(?<=/app/)src/([\w./-]+):(\d+):(\d+)")


def as_built(script: Script, version: str) -> Script:
    """The script with the stacks of a version's build; unchanged without a failure or a version."""
    if script.throws is None or not script.throws.stack or not version:
        return script
    built = replace(script.throws, stack=_stack_of_build(script.throws.stack, version))
    return replace(script, throws=built, items=tuple(_item(item, script.throws, built) for item in script.items))


def _item(item: Item, failure: Failure, built: Failure) -> Item:
    if not isinstance(item, Work):
        return item
    return replace(item, steps=tuple(_step(step, failure, built) for step in item.steps))


def _step(step: Step, failure: Failure, built: Failure) -> Step:
    """The step. A span that the failure passed through has the same stack as the attempt, and so has a logged error."""
    if isinstance(step, Log) and step.attributes:
        return replace(step, attributes=_logged(step.attributes, failure.stack_trace, built.stack_trace))
    if not isinstance(step, Span):
        return step
    steps = tuple(_step(inner, failure, built) for inner in step.steps)
    return replace(step, steps=steps, failure=built if step.failure is failure else step.failure)


def _logged(value: Json, old: str, new: str) -> Json:
    """The attributes with the other stack."""
    if isinstance(value, Mapping):
        return {key: _logged(inner, old, new) for key, inner in value.items()}
    return new if isinstance(value, str) and value == old else value


@lru_cache(MAX_CACHED_STACKS)
def _stack_of_build(stack: str, version: str) -> str:
    def moved(found: re.Match[str]) -> str:
        shift = digest(version, found[1])
        return f"src/{found[1]}:{int(found[2]) + shift % 9}:{int(found[3]) + shift // 9 % 5}"

    return _OWN.sub(moved, stack).replace(FIRST_ROOT, ROOTS[digest(version, "root") % len(ROOTS)])


# Errors with their causes, as tasks log them: printed by `console.error`, and in the attributes of a log line.


CAUSES = """\
CheckoutError: order 218403 could not be paid
    at payOrder (file:///app/src/lib/checkout.ts:41:11)
    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)
    at async run (file:///app/src/trigger/examples.ts:24:11) {
  orderId: 218403,
  [cause]: TypeError: fetch failed
      at node:internal/deps/undici/undici:13510:13
      at process.processTicksAndRejections (node:internal/process/task_queues:105:5)
      at async postJson (file:///app/src/lib/http.ts:23:20) {
    [cause]: Error: connect ECONNREFUSED 10.0.3.7:443
        at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1634:16) {
      errno: -111,
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: '10.0.3.7',
      port: 443
    }
  }
}"""
"""An error with its causes, as `console.error` prints it."""

AGGREGATE = """\
AggregateError: All promises were rejected
    at async quoteAll (file:///app/src/lib/carriers.ts:57:18)
    at async Promise.all (index 3)
    at async run (file:///app/src/trigger/examples.ts:31:22) {
  [errors]: [
    Error: carrier dhl: 503 Service Unavailable
        at quote (file:///app/src/lib/carriers.ts:33:13)
        at async quoteAll (file:///app/src/lib/carriers.ts:55:9),
    RangeError: carrier ups: weight 71.5 kg is above 70 kg
        at new Parcel (file:///app/src/lib/parcel.ts:12:11)
        at eval (eval at compile (file:///app/src/lib/rules.ts:8:10), <anonymous>:1:7)
        at Array.map (<anonymous>)
  ]
}"""


def as_attributes(failure: Failure) -> Json:
    """An error with two causes in the attributes of a log line."""
    refused = {"name": "Error", "message": "connect ECONNREFUSED 10.0.3.7:443", "code": "ECONNREFUSED", "errno": -111}
    fetch = {"name": "TypeError", "message": "fetch failed", "stack": _FETCH_STACK, "cause": refused}
    return {"error": {"name": failure.name, "message": failure.message, "stack": failure.stack_trace, "cause": fetch}}


_FETCH_STACK = (
    "TypeError: fetch failed\n"
    "    at node:internal/deps/undici/undici:13510:13\n"
    "    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)\n"
    "    at async postJson (file:///app/src/lib/http.ts:23:20)"
)
