"""The limits and refusals of traces, events and span details, and what the client reads from them.

`tests/emulator/test_contract.py` compares these responses with every recording.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.domain.recorded import decode_trace
from tests.support.emulator.recorded_runs import NASTY, PAYLOADS, new_world
from tests.support.emulator.small_world import ask, refused
from tests.support.recordings import as_bytes, recording
from tui.api.runs import decode_run
from tui.api.traces import decode_span
from tui.domain.run import AttemptStatus
from tui.domain.run import Run as ReadRun
from tui.domain.trace import attempts_of, needs_root_error, span_of_run
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.routes import traces
from tui.emulator.routes.traces import TRACE_ROWS, attributes, events_answer, span_answer, trace_answer
from tui.emulator.rows import detail
from tui.emulator.simulation.names import span_id
from tui.emulator.simulation.runs import NewRun, Run, Status
from tui.emulator.simulation.script import Child, Failure, FailureKind, Log, Script, Start, Task, Work
from tui.emulator.world import DemoTasks, World
from tui.store.merge import merge


def started(world: World, task: str, payload: Any = None, **more: Any) -> Run:
    return world.trigger(NewRun(task_id=task, payload=payload, **more))[0]


def finished_run(task: str, payload: Any = None, **more: Any) -> tuple[World, Run]:
    """A world with a run that ended long ago."""
    world = new_world(**more)
    run = started(world, task, payload)
    world.advance(world.now_ms + 400_000)
    assert run.status.is_final
    return world, run


def cut(world: World, run: Run, rows: int = TRACE_ROWS) -> Any:
    answer = trace_answer(run, world.now_ms, world.environment, rows=rows)
    assert answer is not None
    return answer["trace"]


def trace(world: World, run: Run) -> Any:
    return ask(traces.trace, world, id=run.id).body


def events(world: World, run: Run) -> Any:
    return ask(traces.events, world, id=run.id).body


def span(world: World, run: Run, key: str) -> Any:
    return ask(traces.span, world, id=run.id, span=key).body


def walk(node: Any) -> Any:
    yield node
    for child in node["children"]:
        yield from walk(child)


def find(node: Any, *messages: str) -> Any:
    """The node at that path of messages."""
    for message in messages:
        node = next(child for child in node["children"] if child["data"]["message"] == message)
    return node


FINISHED: dict[str, tuple[str, Any]] = {
    "234": ("pipeline", {"ms": 1200}),
    "240": ("hello-world", {"name": "Grace"}),
    "241": ("fail-retry", PAYLOADS["fail-retry"]),
    "242": ("fail-cause", PAYLOADS["fail-cause"]),
    "243": ("fail-string", None),
    "245": ("fail-abort", None),
    "246": ("fail-once", None),
    "247": ("crash-exit", None),
    "249": ("max-duration", None),
    "250": ("logs-nested", {"x": 1}),
    "251": (NASTY, None),
    "253": ("wait-for", {"seconds": 12}),
}


def test_trace_of_a_descendant_is_rooted_there() -> None:
    world, run = finished_run(*FINISHED["234"])
    whole = trace(world, run)
    middle = find(whole["trace"]["rootSpan"], "Attempt 1", "run()", "triggerAndWait()", "middle")
    grandchild = find(middle, "Attempt 1", "run()", "batchTriggerAndWait()", "leaf")
    batch = find(whole["trace"]["rootSpan"], "Attempt 1", "run()", "batchTriggerAndWait()")
    failed = next(child for child in batch["children"] if child["data"]["isError"])
    for node in (middle, grandchild, failed):
        requested = ask(traces.trace, world, id=node["runId"]).body
        assert requested["trace"]["traceId"] == whole["trace"]["traceId"]
        assert requested["trace"]["rootSpan"]["parentId"] == node["parentId"]
    assert {event["runId"] for event in events(world, run)["events"]} == {run.id}


# --- span details


def test_span_detail_agrees_with_its_node_in_the_trace() -> None:
    world, run = finished_run(*FINISHED["241"])
    node = find(trace(world, run)["trace"]["rootSpan"], "Attempt 1", "run()")
    detail_of_span = span(world, run, node["id"])
    assert detail_of_span["runId"] == run.id
    assert detail_of_span["parentId"] == node["parentId"]
    assert detail_of_span["durationMs"] == node["data"]["duration"] / 1e6


def test_retry_delay_span_has_its_end() -> None:
    world, run = finished_run("fail-retry")
    node = find(trace(world, run)["trace"]["rootSpan"], "Retry #1 delay")
    detail_at = span(world, run, node["id"])["properties"]["retryAt"]
    at_ms = run.attempts[0].retry_at_ms
    assert at_ms is not None
    expected = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    assert detail_at == f"{expected}000"


def test_span_detail_covers_the_whole_trace_only() -> None:
    world, run = finished_run(*FINISHED["234"])
    middle = find(trace(world, run)["trace"]["rootSpan"], "Attempt 1", "run()", "triggerAndWait()", "middle")
    (child,) = [each for each in run.children if each.id == middle["runId"]]
    for key in (span_id(run.seed, ""), middle["id"]):
        for asking in (run, child):
            assert span(world, asking, key)["runId"] == asking.id
    (fired,) = [each for each in run.children if each.function == "trigger"]
    assert refused(traces.span, world, id=run.id, span=span_id(fired.seed, "")).body == {"error": "Span not found"}


def test_span_lists_at_most_fifty_runs() -> None:
    batch = Start(tuple(Child("leaf", n) for n in range(60)), is_awaited=True, is_batch=True)
    tasks = [Task("main", lambda _: Script((batch,)), "a.ts"), Task("leaf", lambda _: Script((Work(10),)), "a.ts")]
    world = World(DemoTasks(tasks), start_ms=1_795_528_000_000)
    run = started(world, "main")
    world.advance(world.now_ms + 60_000)
    node = find(trace(world, run)["trace"]["rootSpan"], "Attempt 1", "run()", "batchTriggerAndWait()")
    listed_runs = span(world, run, node["id"])["triggeredRuns"]
    assert [each["runId"] for each in listed_runs] == [child.id for child in run.children[:50]]
    assert len(node["children"]) == 60


def test_attributes_are_as_the_event_store_returns_them() -> None:
    given = {
        "z": 1,
        "a": {"y": None, "x": [1, None, {"d": None}], "empty": {}},
        "none": None,
        "all gone": {"x": None},
        "when": "2026-11-24T13:43:48.172Z",
        "whole": "2026-11-24T13:43:48Z",
        "no date": "2026-11-24T13:43:48.172Z or so",
        "user.id": 7,
        "user.name": "Ada",
        "list": [],
        "no": False,
        "zero": 0,
        "text": "",
    }
    answer = attributes(given)
    assert answer == {
        "a": {"x": [1, None, {}]},
        "list": [],
        "no": False,
        "no date": "2026-11-24T13:43:48.172Z or so",
        "text": "",
        "user": {"id": 7, "name": "Ada"},
        "when": "2026-11-24 13:43:48.172000000",
        "whole": "2026-11-24 13:43:48.000000000",
        "z": 1,
        "zero": 0,
    }
    assert list(answer) == sorted(answer)


# --- limits and refusals


def many_logs() -> tuple[World, Run]:
    logs = tuple(Log("INFO", f"{n}") for n in range(300))
    tasks = [Task("main", lambda _: Script((Work(3000, logs),)), "a.ts")]
    world = World(DemoTasks(tasks), start_ms=1_795_528_000_000)
    run = started(world, "main")
    world.advance(world.now_ms + 20_000)
    return world, run


def stored_rows(node: Any) -> int:
    """The stored rows of one node: the start and end of what takes time, and its events."""
    data = node["data"]
    is_span = data["level"] == "TRACE" and not data["isPartial"]
    return 1 + is_span + len(data["events"])


def test_truncated_trace_has_ends_without_exceptions() -> None:
    logs = tuple(Log("INFO", f"{n}") for n in range(300))
    failure = Failure(FailureKind.ERROR, "Upstream returned 503", "Error", "    at run (a.ts:1:2)")
    tasks = [Task("main", lambda _: Script((Work(3000, logs),), throws=failure), "a.ts", max_attempts=2)]
    world = World(DemoTasks(tasks), start_ms=1_795_528_000_000)
    run = started(world, "main")
    world.advance(world.now_ms + 60_000)
    first = find(cut(world, run, 250)["rootSpan"], "Attempt 1")
    assert (first["data"]["isError"], first["data"]["isPartial"]) == (True, False)
    assert [event["name"] for event in first["data"]["events"]].count("exception") == 0
    assert "Attempt 2" not in json.dumps(cut(world, run, 250))
    whole = [event for event in events(world, run)["events"] if event["message"].startswith("Attempt")]
    assert [event["events"][-1]["name"] for event in whole] == ["exception"] * 2


def test_long_trace_is_marked_as_truncated() -> None:
    world, run = many_logs()
    whole, part = cut(world, run), cut(world, run, 100)
    starts = sorted(node["data"]["startTime"] for node in walk(whole["rootSpan"]))
    assert (whole["isTruncated"], part["isTruncated"]) == (False, True)
    found = sorted(node["data"]["startTime"] for node in walk(part["rootSpan"]))
    assert found == starts[: len(found)]
    assert sum(map(stored_rows, walk(part["rootSpan"]))) == 100


def test_trace_at_the_limit_is_complete() -> None:
    world, run = many_logs()
    rows = sum(map(stored_rows, walk(cut(world, run)["rootSpan"])))
    assert cut(world, run, rows)["isTruncated"] is False
    assert cut(world, run, rows - 1)["isTruncated"] is True


def test_long_events_are_cut_without_notice() -> None:
    world, run = many_logs()
    whole = events(world, run)
    part = events_answer(run, world.now_ms, DEVELOPMENT, rows=50)["events"]
    assert [event["spanId"] for event in part] == [event["spanId"] for event in whole["events"][: len(part)]]
    rows = sum(1 + (event["level"] == "TRACE" and not event["isPartial"]) + len(event["events"]) for event in part)
    assert (len(part) < 50, rows) == (True, 50)
    assert all(event["level"] != "DEBUG" for event in whole["events"])


def test_new_run_has_no_trace_and_no_events() -> None:
    world = new_world()
    run = started(world, "hello-world")
    answer, recorded = refused(traces.trace, world, id=run.id), recording("215")["response"]
    assert (answer.status, answer.body, dict(answer.headers)) == (recorded["status"], recorded["body"], {})
    assert events(world, run) == {"events": []}
    assert refused(traces.span, world, id=run.id, span=span_id(run.seed, "")).status == 404


# --- the client


def read(world: World, run: Run) -> ReadRun:
    listed_run = detail(run, world.environment, lambda _, part: f"https://store/{part}", is_versioned=True)
    return merge(None, decode_run(as_bytes(listed_run), datetime(2026, 11, 24, 15, tzinfo=UTC)).patch)


def near(time: datetime | None, ms: int | None) -> bool:
    if time is None or ms is None:
        return time is None and ms is None
    return abs(time - datetime.fromtimestamp(ms / 1000, UTC)) <= timedelta(milliseconds=5)


@pytest.mark.parametrize("number", [number for number in FINISHED if number not in {"240", "251"}])
def test_client_reads_the_true_attempts(number: str) -> None:
    world, run = finished_run(*FINISHED[number])
    tree, known = decode_trace(as_bytes(trace(world, run))), read(world, run)
    root_error = None
    root = span_of_run(tree, known.id)
    assert root is not None
    if needs_root_error(known, tree):
        root_error = decode_span(as_bytes(span(world, run, root.id))).error
        assert root_error is not None
    found = attempts_of(known, tree, root_error).attempts
    assert [attempt.number for attempt in found] == [attempt.number for attempt in run.attempts]
    for attempt, true in zip(found, run.attempts, strict=True):
        assert attempt.status is (AttemptStatus.FAILED if true.failure else AttemptStatus.COMPLETED)
        assert near(attempt.started_at, true.started_ms)
        assert near(attempt.completed_at, true.ended_ms)
        assert (attempt.error is None) is (true.failure is None)
        if attempt.error is not None and true.failure is not None:
            assert true.failure.message in str(attempt.error)


def test_client_reads_childrens_attempts_from_root_trace() -> None:
    world, run = finished_run(*FINISHED["234"])
    tree = decode_trace(as_bytes(trace(world, run)))
    awaited = [child for child in run.children if child.function != "trigger"]
    assert len(awaited) == 6
    for child in awaited:
        found = attempts_of(read(world, child), tree).attempts
        assert [attempt.number for attempt in found] == [attempt.number for attempt in child.attempts]
        assert all(near(each.started_at, true.started_ms) for each, true in zip(found, child.attempts, strict=True))


def test_responses_are_json() -> None:
    world, run = finished_run(NASTY)
    for answer in (trace(world, run), events(world, run), span(world, run, span_id(run.seed, ""))):
        assert json.loads(json.dumps(answer)) == answer


def test_detail_is_none_for_an_unknown_span() -> None:
    world = new_world()
    run = started(world, "hello-world")
    key = span_id(run.seed, "1")
    assert span_answer(run, key, world.now_ms, world.environment) is None
    world.advance(world.now_ms + 3000)
    assert span(world, run, key)["message"] == "Attempt 1"


@pytest.mark.parametrize("environment", [DEVELOPMENT, PRODUCTION], ids=lambda each: each.slug)
def test_client_reads_the_true_attempts_of_a_company(environment: Environment) -> None:
    world = World(COMPANY, start_ms=1_795_528_000_000, environment=environment, rate_per_s=8, history=40, seed=4)
    for _ in range(25):
        world.advance(world.now_ms + 500)
        live = [run for run in world.ledger if not run.status.is_final]
        if live:
            world.cancel(live[len(live) // 2])
    world.advance(world.now_ms + 1)
    over = [run for run in world.ledger if run.finished_ms is not None and run.finished_ms < world.now_ms - 1200]
    assert len(over) > 80
    for run in over:
        tree = decode_trace(as_bytes(trace(world, run)))
        known = read(world, run)
        root = span_of_run(tree, known.id)
        assert root is not None
        root_error = decode_span(as_bytes(span(world, run, root.id))).error if needs_root_error(known, tree) else None
        found = attempts_of(known, tree, root_error).attempts
        assert [attempt.number for attempt in found] == [attempt.number for attempt in run.attempts]
        for attempt, true in zip(found, run.attempts, strict=True):
            is_cut = true.is_cancelled or (true.ended_ms is None and run.status is Status.CANCELED)
            ended_badly = AttemptStatus.FAILED if true.failure else AttemptStatus.COMPLETED
            assert attempt.status is (AttemptStatus.CANCELED if is_cut else ended_badly)
            assert near(attempt.completed_at, true.ended_ms or run.finished_ms)
            message = None if true.failure is None else true.failure.message.replace("\0", "")
            assert (None if attempt.error is None else attempt.error.message) == message
