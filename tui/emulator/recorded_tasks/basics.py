"""`src/trigger/basics.ts`: tasks that log, wait and return values.

Messages, levels, attributes, metadata and outputs are those of recordings 100-119, 220-230, 240-254, 272-279, 313 and
700-708.
"""

from tui.emulator.recorded_tasks.payloads import duration_ms, is_set, number, text
from tui.emulator.recorded_tasks.stacks import HANDLED_IN_SPAN, thrown_at
from tui.emulator.simulation.failure import Failure, FailureKind
from tui.emulator.simulation.script import AddTags, Call, Item, Json, Log, Script, SetMetadata, Span, Task, Wait, Work

FILE = "src/trigger/basics.ts"

LOST_S = 120
"""The worker of a recorded `slow` run of exactly this length was killed (recording 147), and is here too."""

FLUSH_MS = 1000
"""The SDK sends changed metadata this often (recordings 700-708)."""

MAX_STEPS = 1000

LOST = Failure(
    FailureKind.STALLED,
    "Run timed out after 5 minutes due to missing heartbeats (sent every 30s). Check if your `trigger.dev dev` CLI is"
    " still running, or if CPU-heavy work is blocking the main thread.",
)
NASTY = Failure(
    FailureKind.ERROR,
    "boom \x1b[41mANSI\x1b[0m 日本語 🚀\nsecond line of message\r\n\tthird\x07 \u202ereversed\u202c NUL-like \x01 end",
    "Error",
    thrown_at("basics.ts:59:24"),
)
HANDLED = Failure(FailureKind.ERROR, "handled inside a span", "Error", HANDLED_IN_SPAN)
LOGGED = Failure(FailureKind.ERROR, "only logged, not thrown", "Error", thrown_at("basics.ts:28:41"))

LINES = Work(
    5,
    (
        Log("INFO", "log line"),
        Log(
            "INFO",
            "info line",
            {"user": {"id": "u_1", "roles": ["admin", "ops"], "active": True}, "count": 3, "ratio": 0.25},
        ),
        Log("WARN", "warn line", {"disk": "91%"}),
        Log(
            "ERROR",
            "error line",
            {"error": {"name": LOGGED.name, "message": LOGGED.message, "stack": LOGGED.stack_trace}},
        ),
    ),
)
CONSOLE = Work(
    2,
    (
        Log("INFO", "console.log line { from: 'console' }"),
        Log("ERROR", "console.error line"),
    ),
)
SPANS = Work(
    965,
    (
        Span(
            "outer span",
            1.0,
            (
                Span("inner span A", 0.42, (Log("INFO", "inside inner A"),)),
                Span("inner span B", 0.21, (Span("innermost span", 1.0, (Log("WARN", "deep warning"),)),)),
                Span("failing span", 0.07, failure=HANDLED),
            ),
            {"outer": {"attr": "yes"}},
        ),
    ),
)
HOSTILE = Work(
    7,
    (
        Log(
            "INFO",
            "ansi \x1b[31mRED\x1b[0m \x1b]0;title\x07 \x1b[2J\x1b[H bell\x07 end",
            {
                "esc\x1b[1mkey": "val\x1b[7mue",
                "nl": "line1\nline2\r\nline3",
                "tab": "a\tb",
                "cr": "visible\rhidden",
                "bs": "abc\b\b\bXYZ",
            },
        ),
        Log(
            "WARN",
            "emoji 🚀👩\u200d👩\u200d👧\u200d👦🇫🇷 e\u0301 combining, CJK 日本語のテキスト, RTL مرحبا بالعالم, "
            "zero\u200bwidth, bidi \u202egnp.exe\u202c, BOM \ufeff, surrogate pair 𝒳, C1 \x9b31m csi",
        ),
    ),
)
HOSTILE_LABEL = "\x1b[32mgreen\x1b[0m 日本語 🚀"


def _hello_world(call: Call) -> Script:
    if text(call.payload, "c", "") == "TASK_EXECUTION_FAILED":
        # In recording 149 the runner was killed by hand.
        return Script((Work(300),), throws=Failure(FailureKind.SYSTEM, "runner lost"))
    output = {
        "message": f"Hello, {text(call.payload, 'name', 'world')}!",
        "at": "2026-01-02T03:04:05.678Z",
        "n": 42,
        "nested": {"list": [1, 2, 3], "none": None},
    }
    return Script((Work(2, (Log("INFO", "saying hello"),)), Work(13)), output=output)


def _returns_string(_: Call) -> Script:
    return Script((Work(34),), output="just a string")


def _returns_nothing(_: Call) -> Script:
    return Script((Work(13),))


def _nasty_text(call: Call) -> Script:
    items = (HOSTILE, SetMetadata({"label": HOSTILE_LABEL}), Work(19))
    if is_set(call.payload, "fail"):
        return Script(items, throws=NASTY)
    output = {
        "echo": call.payload,
        "ansi": "\x1b[35mmagenta\x1b[0m",
        "c1": "\x9b31m",
        "osc8": "\x1b]8;;http://example.com\x07link\x1b]8;;\x07",
    }
    return Script(items, output=output)


def _logs_nested(_: Call) -> Script:
    return Script((LINES, Work(205), CONSOLE, SPANS), output="ok")


def _wait_for(call: Call) -> Script:
    return Script(
        (
            Work(1, (Log("INFO", "before wait"),)),
            Work(5),
            Wait(duration_ms(call.payload, "seconds", 12, unit_ms=1000)),
            Work(1, (Log("INFO", "after wait"),)),
            Work(5),
        ),
        output="done",
    )


def _wait_token(_: Call) -> Script:
    # No run of it is recorded, only its queue. Its token is never completed.
    return Script((Wait(600_000),))


def _slow(call: Call) -> Script:
    ms = duration_ms(call.payload, "seconds", 10, unit_ms=1000)
    if ms == LOST_S * 1000:
        return Script((Work(1500),), throws=LOST)
    return Script((Work(ms),))


def _single_file_job(call: Call) -> Script:
    return Script((Work(duration_ms(call.payload, "seconds", 1, unit_ms=1000) + 10),))


def _build_report(_: Call) -> Script:
    return Script((Work(510),), output={"rows": 10})


def _tagged(_: Call) -> Script:
    return Script((AddTags(("added-in-run",)), Work(110)), output="tagged")


def _big_io(call: Call) -> Script:
    return Script((Work(455),), output=call.payload)


def big_payload(rows: int) -> Json:
    """The payload of `big-io`: 2,400 rows are the 300 KB of recording 118, 4,800 exceed the 512 KB of recording 119."""
    return {"rows": [{"i": i, "text": "lorem ipsum dolor sit amet " * 4} for i in range(rows)]}


def _progress_counter(call: Call) -> Script:
    steps = int(min(max(number(call.payload, "steps", 10), 0), MAX_STEPS))
    ms = duration_ms(call.payload, "ms", 500)
    log = [f"step {step}" for step in range(1, steps + 1)]
    items: list[Item] = []
    now_ms = 0
    for step in range(1, steps + 1):
        step_ms = step * ms
        items += (Work(step_ms - now_ms), Work(0, (Log("INFO", f"step {step} of {steps}"),)))
        now_ms = step_ms
        flush_ms = -(-step_ms // FLUSH_MS) * FLUSH_MS
        if step < steps and flush_ms < step_ms + ms:
            items += (Work(flush_ms - step_ms), SetMetadata(_counted(step, steps, log)))
            now_ms = flush_ms
    items += (Work(15), SetMetadata({**_counted(steps, steps, log), "status": "done"}), Work(17))
    return Script(tuple(items), output={"steps": steps})


def _counted(done: int, steps: int, log: list[str]) -> dict[str, Json]:
    percent = int(100 * done / steps + 0.5) if steps else 100
    return {
        "status": "starting",
        "progress": done,
        "total": steps,
        "percent": percent,
        "ticks": done,
        "log": log[:done],
    }


BASICS: tuple[Task, ...] = (
    Task("hello-world", _hello_world, FILE),
    Task("returns-string", _returns_string, FILE),
    Task("returns-nothing", _returns_nothing, FILE),
    Task("nasty-text", _nasty_text, FILE, max_attempts=1),
    Task("logs-nested", _logs_nested, FILE),
    Task("wait-for", _wait_for, FILE),
    Task("wait-token", _wait_token, FILE),
    Task("slow", _slow, FILE, cancel_hook=(Log("WARN", "onCancel hook ran"),)),
    Task("single-file-job", _single_file_job, FILE, queue="single-file"),
    Task("build-report", _build_report, FILE, queue="reports", machine="small-2x"),
    Task("tagged", _tagged, FILE),
    Task("big-io", _big_io, FILE),
    Task("progress-counter", _progress_counter, FILE),
)
