"""`src/trigger/tasks.ts` of a later project: tasks that wait, log endlessly, or run on a schedule.

Source: tests/wire/recordings/README.md (recordings 1005, 1011, 1230-1242).
"""

from tui.emulator.recorded_tasks.payloads import duration_ms, number
from tui.emulator.recorded_tasks.stacks import FIRST_BUILD, SECOND_BUILD, thrown_at
from tui.emulator.simulation.failure import Failure, FailureKind
from tui.emulator.simulation.script import Backoff, Call, Child, Log, Script, SetMetadata, Span, Start, Task, Wait, Work

FILE = "src/trigger/tasks.ts"

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


def _tree_mid(call: Call) -> Script:
    return Script((Work(6), Start((Child("tree-leaf", call.payload),), is_awaited=True), Work(5)))


def _tree_leaf(call: Call) -> Script:
    return Script((Work(duration_ms(call.payload, "ms", 100)),))


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
    Task("approval", _approval, FILE),
    Task("tree-root", _tree_root, FILE),
    Task("tree-mid", _tree_mid, FILE),
    Task("tree-leaf", _tree_leaf, FILE),
    Task("parent-of-long", _parent_of_long, FILE),
    Task("sleeper", _sleeper, FILE),
    Task("chatty-retry", _chatty_retry, FILE, backoff=Backoff(first_ms=450, factor=1.0)),
    Task("nightly-report", _nightly_report, FILE),
)
