"""Tasks that show what a client must handle: each way to end, every part of a log, hostile text."""

from collections.abc import Callable, Mapping
from random import Random

from tui.emulator.demo_tasks.samples import (
    AGGREGATE,
    CAUSES,
    FETCH,
    LOCALES,
    OUT_OF_MEMORY,
    PG,
    SYSTEM_FAILURE,
    TIMERS,
    as_attributes,
    between,
    crash,
    custom,
    error,
    own,
    pick,
    skewed_ms,
    stack,
    thrown_text,
    timed_out,
    uncaught,
)
from tui.emulator.recorded_tasks import LOST
from tui.emulator.simulation.runs import IGNORED, RESOLVED, ErrorState, NewRun, OldRun
from tui.emulator.simulation.script import (
    AddTags,
    Backoff,
    Call,
    Child,
    Failure,
    Item,
    Json,
    Lines,
    Log,
    Script,
    SetMetadata,
    Span,
    Start,
    Task,
    Wait,
    Work,
)

# `src/trigger/examples.ts`: one run of each way to end, a run with every part of a log and a trace, and a long log.
#
# Each history has exactly these runs, so that each of them can be shown and tested.


EXAMPLE_FILE = "src/trigger/examples.ts"
EXAMPLE_QUEUE = "examples"
LONG_LOG_LINES = 30_000
"""More than `/events` and `/trace` return."""

MAX_S = 5
_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_RUN = own("run", "trigger/examples.ts", 24, 11)

# --- a run with every part of a log and a trace

_CART = {
    "order": 218_403,
    "customer": {"id": "cus_1042", "vip": False, "address": {"country": "de", "zip": "10115", "lines": ["c/o Müller"]}},
    "lines": [{"sku": "SKU-00042", "qty": 2, "price": 19.9}, {"sku": "SKU-07919", "qty": 1, "price": None}],
    "flags": [],
}
_UNPAID = custom(
    "CheckoutError", "order 218403 could not be paid", stack(*FETCH, own("payOrder", "lib/checkout.ts", 41, 11), _RUN)
)
_HANDLED = error("lock timeout", stack(*PG, own("reserve", "lib/stock.ts", 19, 7), _RUN), "error")

_CHECKING = (
    Log("DEBUG", "feature flags", {"flags": {"newTax": True, "quotes": {"parallel": 4, "timeoutMs": 2_500}}}),
    Log("LOG", "checking the cart { lines: 2 }"),
    Span(
        "check cart",
        0.7,
        (
            Log("INFO", "2 lines, 1 customer", _CART),
            Span("check stock", 0.5, (Log("WARN", "SKU-07919 has no price", {"sku": "SKU-07919"}),)),
            Span("reserve stock", 0.2, failure=_HANDLED),
        ),
        {"cart": {"lines": 2, "total": 59.7}, "cached": False},
    ),
)
_QUOTING = (
    Span(
        "quote carriers",
        0.9,
        (
            Span("quote dhl", 0.25, (Log("INFO", "GET https://api.carrier.test/quotes?weight=3.2"),)),
            Span("quote ups", 0.4, (Log("ERROR", AGGREGATE), Log("DEBUG", "giving up on ups"))),
            Span("quote gls", 0.15),
        ),
        {"carriers": ["dhl", "ups", "gls"]},
    ),
    Log("INFO", "cheapest is gls: 4.90 eur", {"carrier": "gls", "price": 4.9, "options": [[1, 2], {"express": False}]}),
)


def _checkout(call: Call) -> Script:
    tagging = AddTags(("customer:cus_1042",))
    if call.attempt == 1:
        charging = Span("charge card", 0.6, (Log("INFO", "POST /v1/charges"),), failure=_UNPAID)
        lines = (charging, Log("ERROR", "order 218403 could not be paid", as_attributes(_UNPAID)), Log("ERROR", CAUSES))
        return Script((tagging, Work(900, _CHECKING), Work(700, lines)), throws=_UNPAID)
    parts = tuple(Child("example-part", {"part": part}, ("example",)) for part in range(1, 4))
    return Script(
        (
            SetMetadata({"status": "checking", "progress": 0}),
            Work(900, _CHECKING),
            Wait(3_000),
            Work(1_400, _QUOTING),
            SetMetadata({"status": "waiting for parts", "progress": 50}),
            Start(parts, is_awaited=True, is_batch=True),
            Work(200, (Log("INFO", "2 of 3 parts are ready"),)),
            Wait(8_000, is_token=True, tags=("fraud-check",)),
            Start((Child("log-usage", {"meter": "orders", "units": 1}),)),
            Work(300, (Log("LOG", "order 218403 is done"),)),
            SetMetadata({"status": "done", "progress": 100}),
        ),
        {"order": 218_403, "total": 59.7, "carrier": "gls"},
    )


_NO_PART = error(
    "part 2 is out of stock", stack(own("pick", "lib/stock.ts", 33, 9), own("run", "trigger/examples.ts", 61, 5))
)


def _any_part(random: Random) -> Json:
    return {"part": between(random, 1, 4)}


def _part(call: Call) -> Script:
    part = call.payload["part"]
    picking = Span("pick", 0.8, (Log("INFO", f"picking part {part}"),), failure=_NO_PART if part == 2 else None)
    return Script((Work(600 + 900 * part, (picking,)),), {"part": part}, _NO_PART if part == 2 else None)


# --- a long log

_LEVELS = ((1_000, "ERROR"), (97, "WARN"), (5, "DEBUG"))


def _line(number: int) -> Log:
    level = next((level for every, level in _LEVELS if number % every == every - 1), "INFO")
    return Log(level, f"row {number + 1} of {LONG_LOG_LINES}: sku SKU-{number * 7919 % 100_000:05d} copied")


_CUT = error(
    f"stopped after {LONG_LOG_LINES} rows",
    stack(own("copyRows", "lib/copy.ts", 77, 13), own("run", "trigger/examples.ts", 90, 5)),
)


def _long_log(_: Call) -> Script:
    copying = Span("copy rows", 0.99, (Lines(LONG_LOG_LINES, _line),))
    return Script((Work(180_000, (copying,)), Work(500, (Log("ERROR", "the last line"),))), throws=_CUT)


# --- a log that grows

LIVE_S = 1_800
"""How long it grows, by a line a second."""


def _step(number: int) -> Log:
    level = {9: "WARN", 29: "ERROR"}.get(number % 30, "DEBUG" if number % 3 == 0 else "INFO")
    return Log(level, f"heartbeat {number + 1}: {number * 37 % 211} messages in the queue", {"step": number + 1})


def _live_log(_: Call) -> Script:
    minutes = LIVE_S // 60
    items: list[Item] = [SetMetadata({"status": "listening", "total": minutes})]
    for minute in range(minutes):
        lines = Lines(60, _step, first=60 * minute)
        items += [Work(60_000, (Span(f"minute {minute + 1}", 0.999, (lines,)),)), SetMetadata({"progress": minute + 1})]
    return Script(tuple(items), {"minutes": minutes})


# --- one run of each way to end


def _ending(ms: int, message: str, failure: Failure | None = None) -> Callable[[Call], Script]:
    work = Work(ms, (Log("INFO", message),))
    return lambda _: Script((work,), throws=failure)


_UNCAUGHT = uncaught(
    "thrown in a timer",
    "Timeout._onTimeout (file:///app/src/trigger/examples.ts:105:19)",
    *TIMERS,
    cause="thrown in a timer",
)

EXAMPLE_TASKS = (
    Task("example-checkout", _checkout, EXAMPLE_FILE, backoff=Backoff(first_ms=4_000)),
    Task("example-part", _part, EXAMPLE_FILE, payload=_any_part, max_attempts=1),
    Task("example-long-log", _long_log, EXAMPLE_FILE, max_attempts=1),
    Task("example-live-log", _live_log, EXAMPLE_FILE, max_attempts=1),
    Task("example-thrown", _ending(400, "about to throw", _UNPAID), EXAMPLE_FILE, max_attempts=2),
    Task("example-uncaught", _ending(400, "a timer is set", _UNCAUGHT), EXAMPLE_FILE),
    Task("example-crash", _ending(900, "about to exit", crash()), EXAMPLE_FILE),
    Task("example-timeout", _ending(MAX_S * 1000, "working for too long", timed_out(MAX_S)), EXAMPLE_FILE),
    Task("example-out-of-memory", _ending(2_500, "memory is at 97 %", OUT_OF_MEMORY), EXAMPLE_FILE, machine="micro"),
    Task("example-lost-worker", _ending(700, "the worker is about to go away", LOST), EXAMPLE_FILE),
    Task("example-system-failure", _ending(300, "the runner is about to go away", SYSTEM_FAILURE), EXAMPLE_FILE),
    Task("example-canceled", _ending(600_000, "working until canceled"), EXAMPLE_FILE, queue=EXAMPLE_QUEUE),
    Task("example-expired", _ending(100, "never runs"), EXAMPLE_FILE, queue=EXAMPLE_QUEUE, ttl="10s"),
)

_LIVE = "example-live-log"
_YESTERDAY_MIN = 30 * 60

_AGES_MIN = (
    ("example-thrown", _YESTERDAY_MIN),
    ("example-timeout", _YESTERDAY_MIN - 1),
    ("example-crash", _YESTERDAY_MIN - 2),
    ("example-out-of-memory", _YESTERDAY_MIN - 3),
    ("example-lost-worker", 24),
    ("example-canceled", 18),
    ("example-expired", 17),
    ("example-long-log", 15),
    ("example-system-failure", 13),
    ("example-out-of-memory", 12),
    ("example-timeout", 11),
    ("example-crash", 10),
    ("example-uncaught", 9),
    ("example-thrown", 8),
    ("example-checkout", 7),
    (_LIVE, 1),
)
"""How many minutes before the start of a world each is triggered. Those with a state also failed the day before."""

_CANCELED_AFTER_MS = 2 * _MINUTE_MS

EXAMPLES = tuple(
    OldRun(
        minutes * _MINUTE_MS,
        NewRun(task_id=task_id, payload={"example": task_id}, tags=("example",)),
        _CANCELED_AFTER_MS if task_id == "example-canceled" else None,
        is_live=task_id == _LIVE,
    )
    for task_id, minutes in _AGES_MIN
)

ERROR_STATES: Mapping[str, Callable[[int], ErrorState]] = {
    "example-thrown": lambda now_ms: ErrorState(word=RESOLVED, at_ms=now_ms - 30 * _MINUTE_MS),
    "example-out-of-memory": lambda now_ms: ErrorState(word=RESOLVED, at_ms=now_ms - 2 * _MINUTE_MS),
    "example-timeout": lambda now_ms: ErrorState(
        word=IGNORED, at_ms=now_ms - 3 * _MINUTE_MS, until_ms=now_ms + _DAY_MS, reason="waits for a larger machine"
    ),
    "example-crash": lambda now_ms: ErrorState(
        word=IGNORED, at_ms=now_ms - 9 * _MINUTE_MS, until_ms=now_ms - 4 * _MINUTE_MS, reason="exits on purpose"
    ),
}
"""By task, what people did about its error before the end of a history, in epoch milliseconds: one was resolved and
failed again, one was resolved, one is ignored, and one was ignored for a time that is over.
"""


# `src/trigger/moderation.ts`: a task whose runs have hostile text in payload, tags, logs, metadata, error and output.
#
# The server returns such text unchanged (recordings 112, 251, 279, 839), so a client has to sanitise it.


HOSTILE_FILE = "src/trigger/moderation.ts"

TEXTS = (
    "ansi \x1b[31mRED\x1b[0m \x1b]0;title\x07 \x1b[2J\x1b[H bell\x07 end",
    "link \x1b]8;;http://example.com\x07click\x1b]8;;\x07 and \x1b]8;;file:///etc/passwd\x1b\\file\x1b]8;;\x1b\\",
    "clipboard \x1b]52;c;cm0gLXJmIH4vCg==\x07 paste me",
    "visible\rhidden, abc\b\b\bXYZ, form\ffeed, v\x0btab",
    "C1 \x9b31mcsi\x9b0m \x9d0;title\x9c \x85 next \x90dcs\x9c",
    "bidi \u202egnp.exe\u202c \u2066isolate\u2069 \u200fמה\u200e مرحبا بالعالم",
    "zero\u200bwidth\u200c \u2060joiner\ufeffBOM soft\u00adhyphen",
    "🚀👩‍👩‍👧‍👦🇫🇷👍🏽 ❤️ 1️⃣ 𝒳",
    "combining e\u0301 " + "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349" * 4,
    "日本語のテキスト 中文 한국어 ｆｕｌｌｗｉｄｔｈ ภาษาไทย हिन्दी",
    "line one\nline two\r\nline three\n\n\tindented\u2028separator\u2029paragraph",
    "NUL-like \x01\x02\x7f \\u0000 ␀ %00 \ufffd \ufffe",
    "\x1b[?1049h\x1b[?1000h\x1b[6n\x1bc\x1b(0lqk\x1b(B \x1bP+q544e\x1b\\ \x1b_Ga=T;AAAA\x1b\\",
    "markup [bold red]x[/] [link=file:///etc/passwd]y[/link] {curly} %s $(reboot) `id` <b>html</b>",
    "long " + "abcdefghij 日本語 " * 900,
)
"""One text for each kind of trouble: escape sequences, control characters, bidi overrides, markup, length and so on."""

SHORT_TEXTS = tuple(text[:100] for text in TEXTS)
"""Short enough for JSON keys, and for tags, which the server limits to 128 characters."""

_THROWN = stack(own("classify", "lib/moderation.ts", 33, 11), own("run", "trigger/moderation.ts", 21, 18))


def _comment(random: Random) -> Json:
    comment = {
        "comment": between(random, 100_000, 1_000_000),
        "author": pick(random, SHORT_TEXTS),
        "text": pick(random, TEXTS),
        "locale": pick(random, LOCALES),
    }
    comment[pick(random, SHORT_TEXTS)] = None
    return comment


def _comment_tags(random: Random) -> tuple[str, ...]:
    return "comments", pick(random, SHORT_TEXTS)


def _moderate_comment(call: Call) -> Script:
    random, comment = call.random, call.payload
    number, text = comment["comment"], comment["text"]
    key, other = pick(random, SHORT_TEXTS), pick(random, TEXTS)
    work = Work(
        skewed_ms(random, 150, 2_200),
        (
            Log("INFO", f"comment {number}: {text}", {key: other, "nested": {"list": [text, 1, None], key: {}}}),
            Span(f"classify {key}", 0.5, (Log("WARN", other),), {key: key, "scores": [0.1, 0.7]}),
            Log("ERROR", f"console.error {key}"),
        ),
    )
    outcome = number % 100
    if outcome < 5:
        name, cause = f"Moderation{key[:12]}Error", f"{SHORT_TEXTS.index(key)} cannot classify {TEXTS.index(other)}"
        return Script((work,), throws=custom(name, f"cannot classify: {other[:900]}", _THROWN, cause=cause))
    if outcome < 8:
        return Script((work,), throws=thrown_text(f"rejected: {other[:900]}", f"rejected {TEXTS.index(other)}"))
    usage = Start((Child("log-usage", {"meter": key, "units": 1}, (key,)),))
    return Script(
        (SetMetadata({"status": key, key: {"label": other[:200]}}), work, AddTags((pick(random, SHORT_TEXTS),)), usage),
        {"verdict": "spam" if outcome < 40 else "ham", "echo": text, key: [other]},
    )


HOSTILE_TASKS = (
    Task(
        "moderate-comment",
        _moderate_comment,
        HOSTILE_FILE,
        weight=2,
        payload=_comment,
        tags=_comment_tags,
        max_attempts=2,
    ),
)
