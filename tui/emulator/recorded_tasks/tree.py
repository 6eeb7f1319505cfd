"""`src/trigger/tree.ts`: tasks that start each other, two levels deep.

Children, payloads and order are those of recordings 140-145, 233-239 and 730. A script does not know how its children
ended, so it returns the recorded output.
"""

from tui.emulator.recorded_tasks.payloads import duration_ms, is_set, number
from tui.emulator.recorded_tasks.stacks import SECOND_BUILD, thrown_at
from tui.emulator.simulation.failure import Failure, FailureKind
from tui.emulator.simulation.script import Backoff, Call, Child, Log, Script, SetMetadata, Start, Task, Work

FILE = "src/trigger/tree.ts"

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
    return Script(
        (
            Work(8),
            Start((Child("leaf", {"n": 7, "fail": True}),), is_awaited=True, must_succeed=True),
        ),
    )


TREE: tuple[Task, ...] = (
    Task("leaf", _leaf, FILE, max_attempts=2, backoff=Backoff(480)),
    Task("middle", _middle, FILE),
    Task("pipeline", _pipeline, FILE),
    Task("pipeline-strict", _pipeline_strict, FILE, max_attempts=1),
)
