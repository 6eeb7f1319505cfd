"""Measures the largest trace that a server sends, from bytes to spans, attempts and tree, and one stack."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.perf.figure import Figure
from tests.support.domain.recorded import decode_trace
from tests.support.slices import result_of
from tui.api.traces import MAX_EVENT_ROWS, event_slices
from tui.domain.error import parse_stack
from tui.domain.run import Precision, Run, RunId, State, parse_status
from tui.domain.text import Raw
from tui.domain.trace import attempts_of
from tui.domain.tree import build_tree, rows_of_trace

SPANS = 5_000  # the server cuts there
CHILDREN = 20
ROUNDS = 7
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
STACK = "Error: boom\n" + "\n".join(
    f"    at step{number} (file:///app/{folder}/charge.ts:{number}1:45)"
    for number, folder in enumerate(["src/trigger"] * 4 + ["node_modules/@trigger.dev/core/src/v3"] * 6)
)


class _Writer:
    """Builds the spans of one trace, up to a number."""

    def __init__(self) -> None:
        self.written = 0

    def node(self, run_id: str, message: str, children: list[Any], **data: Any) -> dict[str, Any]:
        self.written += 1
        at = (START + timedelta(milliseconds=self.written)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        flags = {"isError": False, "isPartial": False, "isCancelled": False}
        base = {"message": message, "duration": 415704576, "startTime": at, "level": "TRACE", "events": []}
        return {"id": f"{self.written:016x}", "runId": run_id, "data": base | flags | data, "children": children}

    def run(self, run_id: str, levels: int) -> dict[str, Any]:
        """Build a run with a failed attempt, and a second one with child runs and logs."""
        thrown = {"exception": {"type": "Error", "message": "boom", "stacktrace": STACK}}
        failed = {"isError": True, "events": [{"name": "exception", "properties": thrown}]}
        logs = [self.node(run_id, f"log line {number}", [], level="INFO", duration=0) for number in range(4)]
        below = [self.run(f"{run_id}{number:02}", levels - 1) for number in range(CHILDREN if levels else 0)]
        wait = self.node(run_id, "batchTriggerAndWait()", below)
        first = self.node(run_id, "Attempt 1", [self.node(run_id, "run()", [], **failed)], attemptNumber=1, **failed)
        delay = self.node(run_id, "Retry #1 delay", [])
        second = self.node(run_id, "Attempt 2", [self.node(run_id, "run()", [*logs, wait])], attemptNumber=2)
        return self.node(run_id, "charge-card", [first, delay, second])


def body() -> bytes:
    """Return a response of `/trace` with three levels of runs and 5,000 spans."""
    writer = _Writer()
    root = writer.run("run_", 2)
    logs = root["children"][2]["children"][0]["children"]
    while writer.written < SPANS:
        logs.append(writer.node("run_", "another log line", [], level="INFO", duration=0))
    if writer.written != SPANS:
        raise AssertionError(f"{writer.written} spans are too many")
    return json.dumps({"trace": {"traceId": "t", "rootSpan": root, "isTruncated": True}}).encode()


def event(number: int, **more: Any) -> dict[str, Any]:
    """Return one row of `/events`, a log line by default."""
    return {
        "spanId": f"{number:016x}",
        "parentId": f"{2:016x}",
        "runId": "run_cmwwvwwyg02e5en7d9b3ipmae",
        "message": f"synthetic line {number}",
        "style": {"icon": "info"},
        "events": [],
        "startTime": "1795657166537000000",
        "duration": 0,
        "isError": False,
        "isPartial": False,
        "isCancelled": False,
        "kind": "UNSPECIFIED",
        "attemptNumber": 1,
        "level": "INFO",
    } | more


def events_body() -> bytes:
    """Return a response of `/events` with the server's maximum of rows."""
    own = event(1, level="TRACE", parentId=None, attemptNumber=None, message="logs")
    attempt = event(2, level="TRACE", parentId=own["spanId"], message="Attempt 1")
    lines = (event(number) for number in range(3, MAX_EVENT_ROWS))
    return json.dumps({"events": [own, attempt, *lines]}, separators=(",", ":")).encode()


def slices_ms(answer: bytes) -> list[float]:
    """Return the time of each slice of decoding."""
    run_id, taken = RunId("run_cmwwvwwyg02e5en7d9b3ipmae"), []
    if result_of(event_slices(answer, run_id)) is None:
        raise AssertionError("the events were not understood")
    began = time.perf_counter()
    for _ in event_slices(answer, run_id):
        now = time.perf_counter()
        taken.append((now - began) * 1000)
        began = now
    return taken


def measure() -> Iterator[Figure]:
    """Return the best of several rounds, since the machine has other work."""
    answer = body()
    status = parse_status("COMPLETED")
    run = Run(RunId("run_"), state=State(START, Precision.DETAIL, status), attempt_count=2)

    def whole() -> None:
        trace = decode_trace(answer)
        history = attempts_of(run, trace)
        tree = build_tree(run.id, rows_of_trace(trace.root), {run.id: run})
        if len(history.attempts) != 2 or len(tree.root.children) != CHILDREN:
            raise AssertionError("the trace was not understood")

    yield Figure("trace of 5,000 spans into attempts and tree", _best_ms(whole), "ms", 150)
    yield Figure("  of it JSON alone", _best_ms(lambda: json.loads(answer)), "ms")
    yield Figure("  size of the answer", len(answer) / 1_000_000, "MB")
    events = events_body()
    rounds = [slices_ms(events) for _ in range(ROUNDS)]
    yield Figure("events of 25,000 rows into attempts", min(map(sum, rounds)), "ms", 400)
    yield Figure("  of it the longest stretch in one piece", min(map(max, rounds)), "ms", 10)
    yield Figure("  size of the answer", len(events) / 1_000_000, "MB")
    yield Figure("stack of ten frames", _best_ms(lambda: parse_stack(Raw(STACK))), "ms")


def _best_ms(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best * 1000
