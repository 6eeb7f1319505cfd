"""The tree of a run's spans, compared with the run's true history."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.emulator.recorded_runs import new_world
from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.simulation.runs import NewRun, Run, Status
from tui.emulator.simulation.script import (
    Call,
    Child,
    Failure,
    FailureKind,
    Item,
    Log,
    Script,
    SetMetadata,
    Span,
    Start,
    Task,
    Wait,
    Work,
)
from tui.emulator.traces import FIRST_LAG_MS, trace_id_of, trace_of
from tui.emulator.traces import TraceSpan as Node
from tui.emulator.world import DemoTasks, World

START_MS = 1_795_528_000_000
COMPLETE_MS = 1_200
"""This long after a run's end its trace is complete."""

BOOM = Failure(FailureKind.ERROR, "boom", "Error", "    at run (file:///app/src/a.ts:1:2)")
LOST = Failure(FailureKind.STALLED, "the worker did not answer")


def world_of(*items: Item, environment: Environment = DEVELOPMENT, **more: Any) -> World:
    """A world with a task `main` of these items, and a `leaf` that works for 300 ms or fails on request."""
    throws = more.pop("throws", None)

    def leaf(call: Call) -> Script:
        return Script((Work(300, (Log("INFO", "leafing"),)),), throws=BOOM if call.payload == "fail" else None)

    tasks = [
        Task("main", lambda _: Script(items, throws=throws), "src/trigger/main.ts", **more),
        Task("leaf", leaf, "src/trigger/leaf.ts", max_attempts=1),
    ]
    return World(DemoTasks(tasks), start_ms=START_MS, environment=environment)


def triggered(world: World, **more: Any) -> Run:
    return world.trigger(NewRun(**({"task_id": "main"} | more)))[0]


def until(world: World, happened: Callable[[], Any]) -> None:
    """Advance in steps of 10 ms until the condition holds."""
    for _ in range(100_000):
        if happened():
            return
        world.advance(world.now_ms + 10)
    raise AssertionError("it never happened")


def finished_run(world: World, **more: Any) -> Run:
    """A run that ended so long ago that everything about it is known."""
    run = triggered(world, **more)
    until(world, lambda: run.status.is_final)
    world.advance(world.now_ms + COMPLETE_MS)
    return run


def trace_at(world: World, run: Run, **more: Any) -> Node:
    own = trace_of(run, world.now_ms, world.environment, **more)
    assert own is not None
    return own


def walk(span: Node) -> Iterator[Node]:
    yield span
    for child in span.children:
        yield from walk(child)


def named(span: Node, message: str) -> Node:
    found = [each for each in walk(span) if each.message == message]
    assert len(found) == 1, [each.message for each in walk(span)]
    return found[0]


def messages(span: Node) -> list[str]:
    """The messages of a span's children, without engine rows."""
    return [child.message for child in span.children if child.level != "DEBUG"]


def engine(span: Node) -> list[str]:
    return [child.message for child in span.children if child.level == "DEBUG"]


# --- time


def test_run_has_no_trace_at_first() -> None:
    world = world_of(Work(1000))
    run = triggered(world)
    world.advance(START_MS + FIRST_LAG_MS - 1)
    assert trace_of(run, world.now_ms, world.environment) is None
    world.advance(START_MS + FIRST_LAG_MS)
    own = trace_at(world, run)
    assert (own.message, own.is_partial, own.duration_ns, own.parent_id) == ("main", True, 0, None)
    assert own.started_ms < run.created_ms


def test_worker_spans_arrive_late_and_in_order() -> None:
    world = world_of(*(Work(100, (Log("INFO", f"{n}"),)) for n in range(20)))
    run = triggered(world)
    counts = set()
    for _ in range(300):
        world.advance(world.now_ms + 10)
        own = trace_of(run, world.now_ms, world.environment)
        logs = [span for span in walk(own) if span.level == "INFO"] if own else []
        assert [span.message for span in logs] == [f"{n}" for n in range(len(logs))]
        assert all(world.now_ms - span.started_ms >= 150 for span in logs)
        began_ms = run.attempts[0].started_ms if run.attempts else world.now_ms
        assert len(logs) >= (world.now_ms - 600 - began_ms) // 100
        counts.add(len(logs))
    assert len(counts) > 3
    # They come in batches of four or five.
    assert len(counts) < 10


def test_attempt_without_a_process_has_no_span() -> None:
    world = world_of(Work(1000))
    run = triggered(world)
    until(world, lambda: run.attempts)
    world.cancel(run)
    world.advance(world.now_ms + COMPLETE_MS)
    own = trace_at(world, run)
    assert messages(own) == []
    assert own.is_cancelled
    assert not own.is_error


def test_steps_are_spread_over_the_work_in_order() -> None:
    inner = (Log("INFO", "in"), Span("half", 0.5))
    work = Work(1000, (Log("INFO", "first"), Span("span", 0.4, inner), Log("WARN", "last")))
    world = world_of(Work(100), work, Work(50))
    run = finished_run(world)
    own, began_ms = trace_at(world, run), run.attempts[0].started_ms
    assert messages(named(own, "run()")) == ["first", "span", "last"]
    starts = {span.message: span.started_ms - began_ms for span in walk(own)}
    assert (starts["first"], starts["span"], starts["last"]) == (100, 300, 900)
    # Half of the span's 400 ms is free. A part of that comes first, so the span can be seen empty.
    assert (starts["in"], starts["half"]) == (366, 433)
    assert named(own, "span").duration_ns // 1_000_000 == 400
    assert named(own, "half").duration_ns // 1_000_000 == 200
    assert named(own, "first").duration_ns == 0


def test_live_run_has_open_spans_of_what_started() -> None:
    world = world_of(Work(10_000, (Span("early", 0.5, (Span("inner", 1.0),)), Span("late", 0.5))))
    run = triggered(world)
    world.advance(START_MS + 3000)
    own = trace_at(world, run)
    assert messages(named(own, "run()")) == ["early"]
    for span in (own, named(own, "Attempt 1")):
        assert (span.is_partial, span.duration_ns) == (True, 0)
    for message in ("run()", "early", "inner"):
        span = named(own, message)
        assert span.is_partial
        assert 0 < span.duration_ns < 1_000_000


def test_attempts_and_functions_enclose_the_work() -> None:
    world = world_of(Work(400), throws=BOOM, max_attempts=2)
    run = finished_run(world)
    own = trace_at(world, run)
    assert messages(own) == ["Attempt 1", "Retry #1 delay", "Attempt 2"]
    assert round(own.duration_ns / 1e6) == (run.finished_ms or 0) - own.started_ms
    for attempt in run.attempts:
        span = named(own, f"Attempt {attempt.number}")
        assert span.started_ms <= attempt.started_ms
        assert span.started_ms + span.duration_ns // 1_000_000 == attempt.ended_ms
        (function,) = span.children
        assert (function.message, function.started_ms) == ("run()", attempt.started_ms)
        assert function.duration_ns < span.duration_ns
        for each in (span, function):
            assert (each.is_error, each.is_partial, each.attempt) == (True, False, attempt.number)
            assert each.events[-1]["properties"] == {"exception": BOOM.in_exception()}
            assert each.properties == {"error": BOOM.in_span()}
    assert own.properties == {"error": BOOM.in_span()}
    assert own.events == []


def test_planned_delay_has_its_final_duration() -> None:
    world = world_of(Work(100), throws=BOOM, max_attempts=2)
    run = triggered(world)
    until(world, lambda: run.attempts and run.attempts[0].retry_at_ms)
    world.advance(world.now_ms + 640)
    assert len(run.attempts) == 1
    delay, retry_at_ms = named(trace_at(world, run), "Retry #1 delay"), run.attempts[0].retry_at_ms
    assert not delay.is_partial
    assert retry_at_ms is not None
    assert round(delay.started_ms + delay.duration_ns / 1e6) == retry_at_ms > world.now_ms


def test_only_the_first_attempt_has_a_cold_start() -> None:
    world = world_of(Work(100), throws=BOOM, max_attempts=2)
    own = trace_at(world, finished_run(world))
    events = [event for event in named(own, "Attempt 1").events if event["name"] == "trigger.dev/start"]
    names = [event["properties"]["event"] for event in events]
    assert names == ["dequeue", "create_attempt", "fork", "bootstrap", "import"]
    assert events[-1]["properties"]["file"] == "src/trigger/main.ts"
    assert events[-1]["properties"]["entryPoint"].endswith("/src/trigger/main.mjs")
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    assert [event["name"] for event in named(own, "Attempt 2").events] == ["exception"]


# --- pauses and other runs


def test_last_span_ends_within_its_parent() -> None:
    for last in (Wait(900), Start((Child("leaf"),)), Start((Child("leaf"),), is_awaited=True)):
        world = world_of(Work(50), last)
        function = named(trace_at(world, finished_run(world), own_spans_only=True), "run()")
        (pause,) = (child for child in function.children if child.level != "DEBUG")
        fine_ms = 1
        ended_ms = [span.started_ms + span.duration_ns // 1_000_000 for span in (pause, function)]
        assert ended_ms[0] <= ended_ms[1] + fine_ms


def test_waits_and_later_work_keep_their_times() -> None:
    items = (Work(50), Wait(2000), Work(100, (Log("INFO", "between"),)), Wait(7000), Work(80, (Log("INFO", "end"),)))
    for environment in (DEVELOPMENT, PRODUCTION):
        world = world_of(*items, environment=environment)
        run = finished_run(world)
        own, attempt = trace_at(world, run), run.attempts[0]
        function = named(own, "run()")
        assert messages(function) == ["wait.for()", "between", "wait.for()", "end"]
        starts = [child.started_ms for child in function.children]
        assert attempt.ended_ms is not None
        assert starts == [
            attempt.blocks[0].started_ms,
            attempt.blocks[1].started_ms - 100,
            attempt.blocks[1].started_ms,
            attempt.ended_ms - 80,
        ]
        took_ms = [child.duration_ns // 1_000_000 for child in function.children if child.is_waitpoint]
        assert took_ms[0] == 2000
        # A suspended run resumes a moment after its wait is over.
        assert took_ms[1] == 7000 if environment is DEVELOPMENT else 7150 <= took_ms[1] < 7240
        suspended = [message for message in engine(own) if "SUSPENDED" in message]
        assert len(suspended) == environment.suspends
        assert any(message.startswith("run:") for message in engine(own)) is (environment is DEVELOPMENT)


def test_resumed_work_keeps_its_position() -> None:
    world = world_of(Wait(7000), Work(3000, (Log("INFO", "again"),)), environment=PRODUCTION)
    run = triggered(world)
    world.advance(START_MS + 9500)
    assert run.status is Status.EXECUTING
    in_flight = named(trace_at(world, run), "again").started_ms
    until(world, lambda: run.status.is_final)
    world.advance(world.now_ms + COMPLETE_MS)
    assert named(trace_at(world, run), "again").started_ms == in_flight


@pytest.mark.parametrize("is_batch", [False, True])
def test_only_awaited_children_are_in_the_tree(is_batch: bool) -> None:
    children = (Child("leaf"), Child("leaf")) if is_batch else (Child("leaf"),)
    world = world_of(Start(children, is_awaited=True, is_batch=is_batch), Start(children, is_batch=is_batch))
    run = finished_run(world)
    own, (awaited, fired) = trace_at(world, run), run.attempts[0].blocks
    prefix = "batchTrigger" if is_batch else "trigger"
    assert messages(named(own, f"{prefix}AndWait()")) == [child.task_id for child in awaited.runs]
    assert messages(named(own, f"{prefix}()")) == []
    assert {span.run for span in walk(own)} == {run, *awaited.runs}
    for child in awaited.runs:
        assert trace_id_of(child) == trace_id_of(run)
        requested = trace_at(world, child)
        assert (requested.message, requested.run) == ("leaf", child)
        assert requested.parent_id == named(own, f"{prefix}AndWait()").id
        assert {span.id for span in walk(requested)} < {span.id for span in walk(own)}
    for child in fired.runs:
        assert trace_id_of(child) != trace_id_of(run)
        assert trace_at(world, child).parent_id is None
    assert {span.run for span in walk(trace_at(world, run, own_spans_only=True))} == {run}


def test_finished_span_names_the_runs_it_started() -> None:
    batch = Start((Child("leaf"), Child("leaf")), is_awaited=True, is_batch=True)
    world = world_of(Start((Child("leaf"),), is_awaited=True), batch)
    run = triggered(world)
    until(world, lambda: run.attempts and run.attempts[0].blocks)
    world.advance(world.now_ms + 600)
    open_span = named(trace_at(world, run), "triggerAndWait()")
    assert (open_span.is_partial, open_span.properties) == (True, {})
    assert open_span.triggered == run.attempts[0].blocks[0].runs
    until(world, lambda: run.status.is_final)
    world.advance(world.now_ms + COMPLETE_MS)
    own, blocks = trace_at(world, run), run.attempts[0].blocks
    assert named(own, "triggerAndWait()").properties == {"runId": blocks[0].runs[0].id}
    assert named(own, "batchTriggerAndWait()").properties == {"batchId": blocks[1].batch_id, "runCount": 2}


def test_failed_child_ends_the_attempt_that_needs_it() -> None:
    start = Start((Child("leaf", "fail"),), is_awaited=True, must_succeed=True)
    world = world_of(Work(5), start, Work(100, (Log("INFO", "never"),)), max_attempts=1)
    run = finished_run(world)
    own = trace_at(world, run, own_spans_only=True)
    assert messages(named(own, "Attempt 1")) == ["run()"]
    assert messages(named(own, "Attempt 1").children[0]) == ["triggerAndWait()"]
    exception = named(own, "Attempt 1").events[-1]["properties"]["exception"]
    assert exception["type"] == "SubtaskUnwrapError"
    assert exception["message"] == "Error in leaf: boom"


def test_rows_after_the_end_of_the_run_are_cut() -> None:
    world = world_of(Start((Child("leaf"),), is_awaited=True))
    run = finished_run(world)
    (child,) = run.children
    assert [message for message in engine(trace_at(world, child)) if "FINISHED" in message] == []
    below = named(trace_at(world, run), "leaf")
    assert [message for message in engine(below) if "FINISHED" in message] == [
        "[engine] FINISHED - Task completed successfully"
    ]


# --- ends


def test_cancel_closes_open_spans_and_starts_none() -> None:
    hook = (Log("WARN", "onCancel hook ran"),)
    cut_span = Span("cut", 0.5, (Log("INFO", "in"),), failure=BOOM)
    work = Work(8000, (Span("done", 0.1), cut_span, Log("INFO", "never"), Span("nor this", 0.1)))
    world = world_of(work, cancel_hook=hook)
    run = triggered(world)
    until(world, lambda: run.attempts and world.now_ms > run.attempts[0].started_ms + 3000)
    world.cancel(run)
    world.advance(world.now_ms + 60_000)
    own = trace_at(world, run)
    assert messages(named(own, "Attempt 1")) == ["run()", "onCancel()"]
    assert messages(named(own, "run()")) == ["done", "cut"]
    assert messages(named(own, "onCancel()")) == ["onCancel hook ran"]
    cut = [span.message for span in walk(own) if span.is_cancelled]
    assert cut == ["main", "Attempt 1", "run()", "cut"]
    assert not any(span.is_partial or span.is_error for span in walk(own))
    assert "[engine] PENDING_CANCEL - Run was cancelled" in engine(own)


def test_cancel_of_a_parent_cancels_childrens_spans() -> None:
    world = world_of(Start((Child("main"),), is_awaited=True))
    run = triggered(world)
    world.advance(START_MS + 4000)
    world.cancel(run)
    world.advance(world.now_ms + COMPLETE_MS)
    own = trace_at(world, run)
    spans = [span for span in walk(own) if span.level != "DEBUG"]
    assert len({span.run for span in spans}) > 3
    assert all(span.is_cancelled and not span.is_partial for span in spans)


def test_canceled_child_logs_nothing_more() -> None:
    logs = tuple(Log("INFO", f"{n}") for n in range(8))
    slow = Task("slow", lambda _: Script((Work(8000, logs),)), "a.ts")
    main = Task("main", lambda _: Script((Start((Child("slow"),), is_awaited=True), Work(30_000))), "a.ts")
    world = World(DemoTasks([main, slow]), start_ms=START_MS)
    run = triggered(world)
    until(world, lambda: run.children and run.children[0].attempts)
    (child,) = run.children
    world.advance(child.attempts[0].started_ms + 3500)
    world.cancel(child)
    world.advance(world.now_ms + 20_000)
    assert not run.status.is_final
    below = named(trace_at(world, run), "slow")
    assert below.is_cancelled
    assert messages(named(below, "run()")) == ["0", "1", "2", "3"]


KINDS = [FailureKind.CRASH, FailureKind.OUT_OF_MEMORY, FailureKind.TIMEOUT, FailureKind.UNCAUGHT, FailureKind.SYSTEM]


@pytest.mark.parametrize("kind", [*KINDS, FailureKind.STALLED])
def test_internal_failure_leaves_the_attempt_open(kind: FailureKind) -> None:
    failure = Failure(kind, "gone")
    world = world_of(Work(500, (Log("INFO", "here"), Span("closed", 0.5))), throws=failure)
    run = finished_run(world)
    own = trace_at(world, run)
    assert (own.is_error, own.is_partial, own.events) == (True, False, [])
    assert own.properties == {"error": failure.in_span()}
    for message in ("Attempt 1", "run()"):
        span = named(own, message)
        assert (span.is_error, span.is_partial, span.is_cancelled) == (False, True, False)
        assert not [event for event in span.events if event["name"] == "exception"]
    assert messages(named(own, "run()")) == ["here", "closed"]
    assert not named(own, "closed").is_partial


def test_run_with_a_lost_worker_can_be_canceled() -> None:
    world = world_of(Work(100), throws=LOST)
    run = triggered(world)
    world.advance(START_MS + 60_000)
    assert trace_at(world, run).is_partial
    world.cancel(run)
    world.advance(world.now_ms + COMPLETE_MS)
    own = trace_at(world, run)
    assert [span.is_cancelled for span in walk(own) if span.level != "DEBUG"] == [True, True, True]
    assert own.properties == {}


def test_run_canceled_in_a_backoff_keeps_its_attempt() -> None:
    world = world_of(Work(100), throws=BOOM)
    run = triggered(world)
    until(world, lambda: run.attempts and run.attempts[0].retry_at_ms)
    world.cancel(run)
    world.advance(world.now_ms + COMPLETE_MS)
    own = trace_at(world, run)
    assert own.is_cancelled
    assert (named(own, "Attempt 1").is_error, named(own, "Attempt 1").is_cancelled) == (True, False)


def test_handled_error_marks_only_its_span() -> None:
    world = world_of(Work(100, (Span("outer", 1.0, (Span("inner", 0.5, attributes={"a": 1}, failure=BOOM),)),)))
    own = trace_at(world, finished_run(world))
    assert [span.message for span in walk(own) if span.is_error] == ["inner"]
    inner = named(own, "inner")
    assert inner.properties == {"a": 1, "error": BOOM.in_span()}
    assert [event["name"] for event in inner.events] == ["exception"]


# --- unusual runs


@pytest.mark.parametrize(
    ("more", "status", "rows"),
    [
        ({"delay_ms": 60_000}, Status.DELAYED, []),
        ({"task_id": "nobody-knows"}, Status.PENDING_VERSION, ["QUEUED - Run was QUEUED", "RUN_CREATED - No worker"]),
    ],
)
def test_runs_without_an_attempt_have_only_their_own_span(more: Any, status: Status, rows: list[str]) -> None:
    world = world_of(Work(100))
    run = triggered(world, **more)
    world.advance(START_MS + 5000)
    assert run.status is status
    own = trace_at(world, run)
    assert own.is_partial
    assert messages(own) == []
    assert [message.startswith(f"[engine] {row}") for message, row in zip(engine(own), rows, strict=True)] == [
        True for _ in rows
    ]


def test_queued_run_has_only_its_own_span() -> None:
    world = world_of(Work(100))
    world.pause(world.queues.named("task/main"), is_paused=True)
    expiring, canceled, delayed = (triggered(world, **more) for more in ({"ttl": "5s"}, {}, {"delay_ms": 60_000}))
    world.advance(START_MS + 1000)
    assert [trace_at(world, run).is_partial for run in (expiring, canceled)] == [True, True]
    world.cancel(canceled)
    world.cancel(delayed)
    world.advance(START_MS + 7000)
    for run in (canceled, delayed):
        own = trace_at(world, run)
        assert (own.is_cancelled, own.is_error, own.properties, messages(own)) == (True, False, {}, [])
    own = trace_at(world, expiring)
    assert (own.is_cancelled, own.is_error, messages(own)) == (False, True, [])
    assert own.properties["error"] == {"message": "Run expired because the TTL (5s) was reached"}


def test_run_with_a_given_script_shows_it() -> None:
    script = Script((Work(500, (Log("INFO", "mine"),)), Wait(100)), throws=BOOM)
    world = world_of()
    run = finished_run(world, task_id="unknown", script=script, starts_ms=START_MS + 1000, max_attempts=2)
    own = trace_at(world, run)
    assert messages(own) == ["Attempt 1", "Retry #1 delay", "Attempt 2"]
    assert [messages(span) for span in walk(own) if span.message == "run()"] == [["mine", "wait.for()"]] * 2
    assert named(own, "Attempt 1").events[4]["properties"]["file"] == "src/trigger/unknown.ts"


def test_empty_batch_has_no_runs() -> None:
    world = world_of(SetMetadata({"a": 1}), Start((), is_awaited=True, is_batch=True), Work(10))
    own = trace_at(world, finished_run(world))
    assert messages(named(own, "run()")) == ["batchTriggerAndWait()"]


def test_large_values_are_downloaded_and_uploaded() -> None:
    text = "x" * 600_000
    world = World(
        DemoTasks([Task("main", lambda call: Script((Work(50),), output=call.payload), "a.ts")]), start_ms=START_MS
    )
    own = trace_at(world, finished_run(world, payload=text))
    attempt = named(own, "Attempt 1")
    assert messages(attempt) == ["store.downloadPayload", "run()", "store.uploadOutput"]
    assert [span.started_ms for span in attempt.children] == sorted(span.started_ms for span in attempt.children)


# --- invariants

TASKS: list[tuple[str, Any]] = [
    ("pipeline", {"ms": 700}),
    ("pipeline-strict", None),
    ("middle", {"n": 1}),
    ("fail-retry", None),
    ("fail-once", None),
    ("crash-exit", None),
    ("logs-nested", None),
    ("progress-counter", {"steps": 5, "ms": 300}),
    ("wait-for", {"seconds": 6}),
    ("slow", {"seconds": 3}),
]


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(TASKS),
    st.booleans(),
    st.lists(st.integers(50, 2500), min_size=2, max_size=8),
    st.none() | st.integers(300, 6000),
)
def test_trace_only_grows_and_stays_connected(
    requested: tuple[str, Any], is_deployed: bool, steps_ms: list[int], canceled_ms: int | None
) -> None:
    world = new_world(is_deployed=is_deployed)
    run, _ = world.trigger(NewRun(task_id=requested[0], payload=requested[1]))
    start_ms = world.now_ms
    before: dict[str, Node] = {}
    for step_ms in [*steps_ms, 400_000]:
        if canceled_ms is not None and world.now_ms <= start_ms + canceled_ms < world.now_ms + step_ms:
            world.advance(start_ms + canceled_ms)
            world.cancel(run)
        world.advance(world.now_ms + step_ms)
        own = trace_of(run, world.now_ms, world.environment)
        spans = list(walk(own)) if own else []
        now = {span.id: span for span in spans}
        assert len(now) == len(spans)
        for span in spans:
            assert all(child.parent_id == span.id for child in span.children)
            assert all(child.started_ms >= span.started_ms for child in span.children)
            assert span is own or span.started_ms + 150 <= world.now_ms
        for key, span in before.items():
            assert key in now
            assert span.is_partial or not now[key].is_partial
            assert (now[key].message, now[key].run) == (span.message, span.run)
            assert now[key].started_ms == span.started_ms
        before = now
    assert run.status.is_final
    assert list(map(facts_of, walk(trace_at(world, run)))) == list(map(facts_of, walk(trace_at(world, run))))


def facts_of(span: Node) -> tuple[Any, ...]:
    return (span.id, span.parent_id, span.message, span.started_ms, span.duration_ns, span.events, span.properties)


@pytest.mark.parametrize(("task", "payload"), TASKS)
def test_trace_is_complete_soon_after_the_end(task: str, payload: Any) -> None:
    world = new_world()
    run, _ = world.trigger(NewRun(task_id=task, payload=payload))
    until(world, lambda: run.status.is_final)
    soon = trace_of(run, (run.finished_ms or 0) + COMPLETE_MS, world.environment)
    late = trace_of(run, (run.finished_ms or 0) + 86_400_000, world.environment)
    assert soon is not None
    assert late is not None
    assert list(map(facts_of, walk(soon))) == list(map(facts_of, walk(late)))
    assert not soon.is_partial
