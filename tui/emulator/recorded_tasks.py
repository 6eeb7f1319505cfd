"""The tasks of the recordings, so that tests can compare the emulator's responses with recorded ones.

They run only when the API or another of them triggers them. The comment above a group of tasks names their source file
in the recorded project. With a recorded payload a task behaves as recorded. Unrecorded parts, like the output of `slow`
and the attributes of most log lines, are left out.
"""

from collections.abc import Mapping

from tui.emulator.simulation.script import (
    AddTags,
    Backoff,
    Call,
    Child,
    Failure,
    FailureKind,
    Item,
    Json,
    Log,
    Script,
    SetMetadata,
    Span,
    Start,
    Task,
    Wait,
    Work,
)

# Reads fields from payloads that any client may have sent.
#
# A missing field, or one of another type, gets its default, because a script never fails by itself.


DAY_S = 86_400
MAX_NUMBER = 1e15
"""A greater number, such as infinity, counts as missing."""


def number(payload: Json, key: str, default: float) -> float:
    """A number in the payload."""
    value = payload.get(key) if isinstance(payload, dict) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and -MAX_NUMBER <= value <= MAX_NUMBER:
        return value
    return default


def duration_ms(payload: Json, key: str, default: float, *, unit_ms: int = 1) -> int:
    """A duration in the payload, in milliseconds and at most a day. `unit_ms` is the unit of the payload."""
    return int(min(max(number(payload, key, default), 0) * unit_ms, DAY_S * 1000))


def text(payload: Json, key: str, default: str) -> str:
    """A text in the payload."""
    value = payload.get(key) if isinstance(payload, dict) else None
    return value if isinstance(value, str) else default


def is_set(payload: Json, key: str) -> bool:
    """Whether the field is `true`."""
    return isinstance(payload, dict) and payload.get(key) is True


# The stacks of the recorded errors, frame by frame as Node printed them.
#
# Below the frames of the task's own code stand those of the platform that called it. They differ between the
# recordings, because the project was built twice, with different log levels: `FIRST_BUILD` and `SECOND_BUILD`.


_SOURCE = "file:///app/src/trigger"
_CORE = "file:///app/node_modules/@trigger.dev/core/src/v3"
_OPENTELEMETRY = "file:///app/node_modules/@opentelemetry"
_HOOKS = f"{_OPENTELEMETRY}/context-async-hooks/src"

FIRST_BUILD = (
    f"_tracer.startActiveSpan.attributes ({_CORE}/workers/taskExecutor.ts:431:24)",
    f"{_CORE}/tracer.ts:135:24",
    "AsyncLocalStorage.run (node:internal/async_local_storage/async_context_frame:65:14)",
    f"AsyncLocalStorageContextManager.with ({_HOOKS}/AsyncLocalStorageContextManager.ts:30:36)",
    f"_ContextAPI.with ({_OPENTELEMETRY}/api/src/api/context.ts:68:38)",
    f"Tracer.startActiveSpan ({_OPENTELEMETRY}/sdk-trace-base/src/Tracer.ts:246:24)",
    f"TriggerTracer.startActiveSpan ({_CORE}/tracer.ts:79:24)",
    f"{_CORE}/workers/taskExecutor.ts:426:33",
    f"_RunTimelineMetricsAPI.measureMetric ({_CORE}/runTimelineMetrics/index.ts:67:28)",
)
"""The platform's frames in recordings 104, 107, 246, 274, 839."""

SECOND_BUILD = (
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
"""The platform's frames in recordings 144, 212, 278, 839."""

MAX_FRAMES = 10
"""Node's default for `Error.stackTraceLimit`."""


def stack(*frames: str) -> str:
    """The first `MAX_FRAMES` frames, innermost first, one a line."""
    return "\n".join(f"    at {frame}" for frame in frames[:MAX_FRAMES])


def thrown_at(position: str, build: tuple[str, ...] = FIRST_BUILD) -> str:
    """The stack of an error thrown in a task's `run` function. `position` is like `errors.ts:31:13`."""
    return stack(f"run ({_SOURCE}/{position})", *build)


HANDLED_IN_SPAN = stack(
    f"{_SOURCE}/basics.ts:38:85",
    f"{_CORE}/tracer.ts:135:18",
    f"{_SOURCE}/basics.ts:38:13",
    f"{_CORE}/tracer.ts:135:18",
    f"run ({_SOURCE}/basics.ts:31:5)",
    *SECOND_BUILD,
)
"""Recording 278: an error thrown inside two nested spans."""

CHARGE = stack(
    f"{_SOURCE}/errors.ts:20:29",
    f"frame ({_SOURCE}/errors.ts:9:22)",
    *(
        frame
        for step in range(1, 5)
        for frame in (f"chargeStep{step} ({_SOURCE}/errors.ts:11:45)", f"frame ({_SOURCE}/errors.ts:12:10)")
    ),
)
"""Recording 103: an error thrown so deep in the task's own calls that their frames fill the stack."""

TIMER = stack(
    f"Timeout._onTimeout ({_SOURCE}/errors.ts:43:130)",
    "listOnTimeout (node:internal/timers:685:17)",
    "processTimers (node:internal/timers:618:7)",
)
"""Recording 284: an error thrown in a timer, outside of the task's promise."""


# `src/trigger/basics.ts`: tasks that log, wait and return values.
#
# Messages, levels, attributes, metadata and outputs are those of recordings 100-119, 220-230, 240-254, 272-279, 313 and
# 700-708.


BASICS_FILE = "src/trigger/basics.ts"

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
CONSOLE = Work(2, (Log("INFO", "console.log line { from: 'console' }"), Log("ERROR", "console.error line")))
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
    Task("hello-world", _hello_world, BASICS_FILE),
    Task("returns-string", lambda _: Script((Work(34),), output="just a string"), BASICS_FILE),
    Task("returns-nothing", lambda _: Script((Work(13),)), BASICS_FILE),
    Task("nasty-text", _nasty_text, BASICS_FILE, max_attempts=1),
    Task("logs-nested", _logs_nested, BASICS_FILE),
    Task("wait-for", _wait_for, BASICS_FILE),
    Task("wait-token", _wait_token, BASICS_FILE),
    Task("slow", _slow, BASICS_FILE, cancel_hook=(Log("WARN", "onCancel hook ran"),)),
    Task("single-file-job", _single_file_job, BASICS_FILE, queue="single-file"),
    Task("build-report", _build_report, BASICS_FILE, queue="reports", machine="small-2x"),
    Task("tagged", lambda _: Script((AddTags(("added-in-run",)), Work(110)), output="tagged"), BASICS_FILE),
    Task("big-io", lambda call: Script((Work(455),), output=call.payload), BASICS_FILE),
    Task("progress-counter", _progress_counter, BASICS_FILE),
)


# `src/trigger/errors.ts`: tasks that fail in different ways, most of them with any payload.
#
# Messages, attempts and backoffs are those of recordings 103-111, 137, 241-249, 284 and 839. Durations are those of an
# idle machine; some recorded ones (242, 245, 246) come from a busy one and are longer.


ERRORS_FILE = "src/trigger/errors.ts"

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
        (Work(970),), throws=Failure(FailureKind.ERROR, message, "Error", thrown_at("errors.ts:45:248", SECOND_BUILD))
    )


def _fail_cause(call: Call) -> Script:
    # No part of the API shows the causes of the error or its own fields (recording 104).
    message = f"Card was declined for customer {text(call.payload, 'customer', 'cus_123')}"
    return Script(
        (Work(420),), throws=Failure(FailureKind.CUSTOM, message, "PaymentDeclinedError", thrown_at("errors.ts:31:13"))
    )


def _fail_once(call: Call) -> Script:
    if call.attempt == 1:
        return Script((Work(410),), throws=_ONCE)
    return Script((Work(53),), output={"recovered": True, "attempt": call.attempt})


def _crash_exit(_: Call) -> Script:
    # The server learns of the process's end a second later (recording 247).
    return Script((Work(20, (Log("WARN", "about to exit the process"),)), Work(980)), throws=_EXIT)


ERRORS: tuple[Task, ...] = (
    Task("fail-retry", _fail_retry, ERRORS_FILE),
    Task("fail-slow-retry", _fail_slow_retry, ERRORS_FILE, max_attempts=2, backoff=Backoff(40_000, max_ms=40_000)),
    Task("fail-cause", _fail_cause, ERRORS_FILE, max_attempts=2, backoff=Backoff(170)),
    Task("fail-once", _fail_once, ERRORS_FILE),
    Task("fail-string", lambda _: Script((Work(12),), throws=_STRING), ERRORS_FILE, max_attempts=1),
    Task("fail-object", lambda _: Script((Work(48),), throws=_OBJECT), ERRORS_FILE, max_attempts=1),
    Task("fail-abort", lambda _: Script((Work(420),), throws=_ABORT), ERRORS_FILE),
    Task("crash-exit", _crash_exit, ERRORS_FILE),
    Task("crash-uncaught", lambda _: Script((Work(300),), throws=_UNCAUGHT), ERRORS_FILE),
    Task("max-duration", lambda _: Script((Work(MAX_DURATION_S * 1000),), throws=_TIMEOUT), ERRORS_FILE),
)


# `src/trigger/tree.ts`: tasks that start each other, two levels deep.
#
# Children, payloads and order are those of recordings 140-145, 233-239 and 730. A script does not know how its children
# ended, so it returns the recorded output.


TREE_FILE = "src/trigger/tree.ts"

LEAF_MS = 600
BATCH_MS = 800
"""How long a leaf of `pipeline`'s batch works by default (recording 760)."""

OVERHEAD_MS = 9
THROWING_MS = 240
"""What an attempt takes besides the leaf's own time. A failing one is slow because the worker reads source maps."""

FAILING = 3


def _leaf(call: Call) -> Script:
    n = number(call.payload, "n", 0)
    ms = duration_ms(call.payload, "ms", LEAF_MS)
    if not is_set(call.payload, "fail"):
        return Script((Work(ms + OVERHEAD_MS),), output={"n": n, "squared": n * n})
    failure = Failure(
        FailureKind.ERROR, f"leaf {n} failed on purpose", "Error", thrown_at("tree.ts:3:225", SECOND_BUILD)
    )
    return Script((Work(ms + THROWING_MS),), throws=failure)


def _middle(call: Call) -> Script:
    n = number(call.payload, "n", 1)
    # The batch's second payload exists, but its content is not recorded.
    batch = (Child("leaf", {"n": n * 10}), Child("leaf", {"n": n * 10 + 1}))
    return Script(
        (
            Work(2, (Log("INFO", "middle working"),)),
            Work(5),
            Start((Child("leaf", {"n": n}),), is_awaited=True),
            Work(2),
            Start(batch, is_awaited=True, is_batch=True),
            Work(2),
        ),
        output={"leaf": {"n": n, "squared": n * n}, "batch": len(batch)},
    )


def _pipeline(call: Call) -> Script:
    ms = duration_ms(call.payload, "ms", BATCH_MS)
    batch = tuple(Child("leaf", {"n": n, "fail": n == FAILING, "ms": ms}) for n in range(1, 6))
    return Script(
        (
            SetMetadata({"middles": 1}),
            Work(5),
            Start((Child("middle", {"n": 1}, ("child-of-pipeline",)),), is_awaited=True),
            Work(2),
            Start(batch, is_awaited=True, is_batch=True),
            Work(2),
            Start((Child("leaf", {"n": 99}),)),
            Work(3),
        ),
        output={"middleOk": True, "ok": 4, "failed": 1},
    )


def _pipeline_strict(_: Call) -> Script:
    return Script((Work(8), Start((Child("leaf", {"n": 7, "fail": True}),), is_awaited=True, must_succeed=True)))


TREE: tuple[Task, ...] = (
    Task("leaf", _leaf, TREE_FILE, max_attempts=2, backoff=Backoff(480)),
    Task("middle", _middle, TREE_FILE),
    Task("pipeline", _pipeline, TREE_FILE),
    Task("pipeline-strict", _pipeline_strict, TREE_FILE, max_attempts=1),
)


# `src/trigger/tasks.ts` of a later project: tasks that wait, log endlessly, or run on a schedule.
#
# Source: tests/wire/recordings/README.md (recordings 1005, 1011, 1230-1242).


LATER_FILE = "src/trigger/tasks.ts"

CREATED_TOKEN = Work(386, (Span("wait.createToken()", 1.0, icon="wait-token"),))
TOKEN_TIMEOUT_MS = 600_000
NEVER_MS = 10 * 365 * 86_400_000
"""Nobody completes the token. It times out, unless a request completes it."""

_LINES = {1: 5_600}
_FEW_LINES = 20
_CHATTY_MS = 17_800
_MAX_CHILDREN = 100
_LATER_NODE = tuple(frame.replace("frame:65:14", "frame:63:14") for frame in FIRST_BUILD)


def _approval(_: Call) -> Script:
    return Script(
        (CREATED_TOKEN, Wait(NEVER_MS, is_token=True, timeout_ms=TOKEN_TIMEOUT_MS, tags=("approval",)), Work(5)),
        output="approved",
    )


def _tree_root(call: Call) -> Script:
    mids = (
        Start((Child("tree-mid", call.payload, tags=(f"mid-{turn}",)),), is_awaited=True, must_succeed=True)
        for turn in range(3)
    )
    return Script((Work(3), *mids, Work(5)))


def _parent_of_long(call: Call) -> Script:
    count = int(min(max(number(call.payload, "n", 2), 0), _MAX_CHILDREN))
    children = tuple(Child("sleeper", call.payload) for _ in range(count))
    return Script((Work(3), Start(children, is_awaited=True, is_batch=True), Work(5)))


def _sleeper(call: Call) -> Script:
    seconds = duration_ms(call.payload, "seconds", 1, unit_ms=1000) // 1000
    steps = ((Work(1000), SetMetadata({"progress": second})) for second in range(1, seconds + 1))
    return Script(tuple(item for step in steps for item in step))


def _chatty_retry(call: Call) -> Script:
    count, ms = _LINES.get(call.attempt, _FEW_LINES), _CHATTY_MS if call.attempt in _LINES else 6
    lines = tuple(Log("INFO", f"attempt {call.attempt} line {line}") for line in range(count))
    below = SECOND_BUILD if call.attempt in _LINES else _LATER_NODE
    failure = Failure(
        FailureKind.ERROR, f"chatty attempt {call.attempt} failed", "Error", thrown_at("tasks.ts:75:9", below)
    )
    return Script((Work(ms, lines),), throws=failure)


def _nightly_report(call: Call) -> Script:
    at = call.payload.get("timestamp") if isinstance(call.payload, dict) else None
    return Script((Work(7),), output={"at": at})


WAITING: tuple[Task, ...] = (
    Task("approval", _approval, LATER_FILE),
    Task("tree-root", _tree_root, LATER_FILE),
    Task(
        "tree-mid",
        lambda call: Script((Work(6), Start((Child("tree-leaf", call.payload),), is_awaited=True), Work(5))),
        LATER_FILE,
    ),
    Task("tree-leaf", lambda call: Script((Work(duration_ms(call.payload, "ms", 100)),)), LATER_FILE),
    Task("parent-of-long", _parent_of_long, LATER_FILE),
    Task("sleeper", _sleeper, LATER_FILE),
    Task("chatty-retry", _chatty_retry, LATER_FILE, backoff=Backoff(first_ms=450, factor=1.0)),
    Task("nightly-report", _nightly_report, LATER_FILE),
)


RECORDED_TASKS: tuple[Task, ...] = (*BASICS, *ERRORS, *TREE)
"""The tasks that recordings 614 and 817 list."""

LATER_RECORDED_TASKS: tuple[Task, ...] = WAITING
"""The tasks in recordings 1000 and up."""

RECORDED_LIMITS: Mapping[str, int] = {"single-file": 1, "reports": 5}
"""The queues with a limit (recording 614)."""
