"""The tree of a run's spans, against what the world says that the run did.

Longer than a module should be: one list of what a trace may show of each kind of run.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.emulator.recorded_runs import new_world
from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.simulation.failure import Failure, FailureKind
from tui.emulator.simulation.new_run import NewRun
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import Call, Child, Item, Log, Script, SetMetadata, Span, Start, Task, Wait, Work
from tui.emulator.simulation.statuses import Status
from tui.emulator.traces.spans import FIRST_LAG_MS
from tui.emulator.traces.spans import TraceSpan as Node
from tui.emulator.traces.tree import trace_id_of, trace_of
from tui.emulator.world import DemoTasks, World

START_MS = 1_795_528_000_000
SEEN_MS = 1_200
"""So long after a run's end its trace is complete."""

BOOM = Failure(FailureKind.ERROR, "boom", "Error", "    at run (file:///app/src/a.ts:1:2)")
LOST = Failure(FailureKind.STALLED, "the worker did not answer")


def world_of(*items: Item, environment: Environment = DEVELOPMENT, **more: Any) -> World:
    """A world with a task `main` of these items, and a `leaf` that works for 300 ms, or fails if it is told to."""
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
    """Let time pass in steps of 10 ms until that is so."""
    for _ in range(100_000):
        if happened():
            return
        world.advance(world.now_ms + 10)
    raise AssertionError("it never happened")


def lived(world: World, **more: Any) -> Run:
    """A run that is over for so long that everything about it is known."""
    run = triggered(world, **more)
    until(world, lambda: run.status.is_final)
    world.advance(world.now_ms + SEEN_MS)
    return run


def seen(world: World, run: Run, **more: Any) -> Node:
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


def words(span: Node) -> list[str]:
    """The messages of a span's children, without the engine's."""
    return [child.message for child in span.children if child.level != "DEBUG"]


def engine(span: Node) -> list[str]:
    return [child.message for child in span.children if child.level == "DEBUG"]


# --- time


def test_a_run_has_no_trace_in_its_first_moments() -> None:
    world = world_of(Work(1000))
    run = triggered(world)
    world.advance(START_MS + FIRST_LAG_MS - 1)
    assert trace_of(run, world.now_ms, world.environment) is None
    world.advance(START_MS + FIRST_LAG_MS)
    own = seen(world, run)
    assert (own.message, own.is_partial, own.duration_ns, own.parent_id) == ("main", True, 0, None)
    assert own.started_ms < run.created_ms


def test_spans_of_a_worker_come_in_late_and_in_order() -> None:
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


def test_an_attempt_whose_process_is_not_up_has_no_span() -> None:
    world = world_of(Work(1000))
    run = triggered(world)
    until(world, lambda: run.attempts)
    world.cancel(run)
    world.advance(world.now_ms + SEEN_MS)
    own = seen(world, run)
    assert words(own) == []
    assert own.is_cancelled
    assert not own.is_error


def test_steps_are_spread_over_the_work_in_order() -> None:
    inner = (Log("INFO", "in"), Span("half", 0.5))
    work = Work(1000, (Log("INFO", "first"), Span("span", 0.4, inner), Log("WARN", "last")))
    world = world_of(Work(100), work, Work(50))
    run = lived(world)
    own, began_ms = seen(world, run), run.attempts[0].started_ms
    assert words(named(own, "run()")) == ["first", "span", "last"]
    starts = {span.message: span.started_ms - began_ms for span in walk(own)}
    assert (starts["first"], starts["span"], starts["last"]) == (100, 300, 900)
    # Half of the span's 400 ms is free: inside it a part of that comes first, so that it can be seen empty.
    assert (starts["in"], starts["half"]) == (366, 433)
    assert named(own, "span").duration_ns // 1_000_000 == 400
    assert named(own, "half").duration_ns // 1_000_000 == 200
    assert named(own, "first").duration_ns == 0


def test_in_flight_only_what_began_is_there_and_is_open() -> None:
    world = world_of(Work(10_000, (Span("early", 0.5, (Span("inner", 1.0),)), Span("late", 0.5))))
    run = triggered(world)
    world.advance(START_MS + 3000)
    own = seen(world, run)
    assert words(named(own, "run()")) == ["early"]
    for span in (own, named(own, "Attempt 1")):
        assert (span.is_partial, span.duration_ns) == (True, 0)
    for message in ("run()", "early", "inner"):
        span = named(own, message)
        assert span.is_partial
        assert 0 < span.duration_ns < 1_000_000


def test_attempts_and_their_functions_enclose_the_work() -> None:
    world = world_of(Work(400), throws=BOOM, max_attempts=2)
    run = lived(world)
    own = seen(world, run)
    assert words(own) == ["Attempt 1", "Retry #1 delay", "Attempt 2"]
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


def test_a_planned_wait_is_final_as_soon_as_it_is_there() -> None:
    world = world_of(Work(100), throws=BOOM, max_attempts=2)
    run = triggered(world)
    until(world, lambda: run.attempts and run.attempts[0].retry_at_ms)
    world.advance(world.now_ms + 640)
    assert len(run.attempts) == 1
    delay, retry_at_ms = named(seen(world, run), "Retry #1 delay"), run.attempts[0].retry_at_ms
    assert not delay.is_partial
    assert retry_at_ms is not None
    assert round(delay.started_ms + delay.duration_ns / 1e6) == retry_at_ms > world.now_ms


def test_only_the_first_attempt_has_a_cold_start() -> None:
    world = world_of(Work(100), throws=BOOM, max_attempts=2)
    own = seen(world, lived(world))
    events = [event for event in named(own, "Attempt 1").events if event["name"] == "trigger.dev/start"]
    names = [event["properties"]["event"] for event in events]
    assert names == ["dequeue", "create_attempt", "fork", "bootstrap", "import"]
    assert events[-1]["properties"]["file"] == "src/trigger/main.ts"
    assert events[-1]["properties"]["entryPoint"].endswith("/src/trigger/main.mjs")
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    assert [event["name"] for event in named(own, "Attempt 2").events] == ["exception"]


# --- pauses and other runs


def test_what_comes_last_is_no_longer_than_what_encloses_it() -> None:
    for last in (Wait(900), Start((Child("leaf"),)), Start((Child("leaf"),), is_awaited=True)):
        world = world_of(Work(50), last)
        function = named(seen(world, lived(world), own_spans_only=True), "run()")
        (pause,) = (child for child in function.children if child.level != "DEBUG")
        fine_ms = 1
        ended_ms = [span.started_ms + span.duration_ns // 1_000_000 for span in (pause, function)]
        assert ended_ms[0] <= ended_ms[1] + fine_ms


def test_waits_and_what_comes_after_them_are_where_they_were() -> None:
    items = (Work(50), Wait(2000), Work(100, (Log("INFO", "between"),)), Wait(7000), Work(80, (Log("INFO", "end"),)))
    for environment in (DEVELOPMENT, PRODUCTION):
        world = world_of(*items, environment=environment)
        run = lived(world)
        own, attempt = seen(world, run), run.attempts[0]
        function = named(own, "run()")
        assert words(function) == ["wait.for()", "between", "wait.for()", "end"]
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
        # A suspended run is there again a moment after its time is over.
        assert took_ms[1] == 7000 if environment is DEVELOPMENT else 7150 <= took_ms[1] < 7240
        suspended = [message for message in engine(own) if "SUSPENDED" in message]
        assert len(suspended) == environment.suspends
        assert any(message.startswith("run:") for message in engine(own)) is (environment is DEVELOPMENT)


def test_what_a_resumed_run_does_is_where_it_will_be_in_the_end() -> None:
    world = world_of(Wait(7000), Work(3000, (Log("INFO", "again"),)), environment=PRODUCTION)
    run = triggered(world)
    world.advance(START_MS + 9500)
    assert run.status is Status.EXECUTING
    in_flight = named(seen(world, run), "again").started_ms
    until(world, lambda: run.status.is_final)
    world.advance(world.now_ms + SEEN_MS)
    assert named(seen(world, run), "again").started_ms == in_flight


@pytest.mark.parametrize("is_batch", [False, True])
def test_awaited_children_are_in_the_tree_and_others_are_not(is_batch: bool) -> None:
    children = (Child("leaf"), Child("leaf")) if is_batch else (Child("leaf"),)
    world = world_of(Start(children, is_awaited=True, is_batch=is_batch), Start(children, is_batch=is_batch))
    run = lived(world)
    own, (awaited, fired) = seen(world, run), run.attempts[0].blocks
    prefix = "batchTrigger" if is_batch else "trigger"
    assert words(named(own, f"{prefix}AndWait()")) == [child.task_id for child in awaited.runs]
    assert words(named(own, f"{prefix}()")) == []
    assert {span.run for span in walk(own)} == {run, *awaited.runs}
    for child in awaited.runs:
        assert trace_id_of(child) == trace_id_of(run)
        asked = seen(world, child)
        assert (asked.message, asked.run) == ("leaf", child)
        assert asked.parent_id == named(own, f"{prefix}AndWait()").id
        assert {span.id for span in walk(asked)} < {span.id for span in walk(own)}
    for child in fired.runs:
        assert trace_id_of(child) != trace_id_of(run)
        assert seen(world, child).parent_id is None
    assert {span.run for span in walk(seen(world, run, own_spans_only=True))} == {run}


def test_a_span_tells_what_it_started_once_it_is_over() -> None:
    batch = Start((Child("leaf"), Child("leaf")), is_awaited=True, is_batch=True)
    world = world_of(Start((Child("leaf"),), is_awaited=True), batch)
    run = triggered(world)
    until(world, lambda: run.attempts and run.attempts[0].blocks)
    world.advance(world.now_ms + 600)
    open_span = named(seen(world, run), "triggerAndWait()")
    assert (open_span.is_partial, open_span.properties) == (True, {})
    assert open_span.triggered == run.attempts[0].blocks[0].runs
    until(world, lambda: run.status.is_final)
    world.advance(world.now_ms + SEEN_MS)
    own, blocks = seen(world, run), run.attempts[0].blocks
    assert named(own, "triggerAndWait()").properties == {"runId": blocks[0].runs[0].id}
    assert named(own, "batchTriggerAndWait()").properties == {"batchId": blocks[1].batch_id, "runCount": 2}


def test_a_failed_child_ends_the_attempt_that_needs_it() -> None:
    start = Start((Child("leaf", "fail"),), is_awaited=True, must_succeed=True)
    world = world_of(Work(5), start, Work(100, (Log("INFO", "never"),)), max_attempts=1)
    run = lived(world)
    own = seen(world, run, own_spans_only=True)
    assert words(named(own, "Attempt 1")) == ["run()"]
    assert words(named(own, "Attempt 1").children[0]) == ["triggerAndWait()"]
    exception = named(own, "Attempt 1").events[-1]["properties"]["exception"]
    assert exception["type"] == "SubtaskUnwrapError"
    assert exception["message"] == "Error in leaf: boom"


def test_rows_after_the_end_of_the_asked_run_are_cut_off() -> None:
    world = world_of(Start((Child("leaf"),), is_awaited=True))
    run = lived(world)
    (child,) = run.children
    assert [message for message in engine(seen(world, child)) if "FINISHED" in message] == []
    below = named(seen(world, run), "leaf")
    assert [message for message in engine(below) if "FINISHED" in message] == [
        "[engine] FINISHED - Task completed successfully"
    ]


# --- ends


def test_canceling_closes_what_is_open_and_lets_nothing_begin() -> None:
    hook = (Log("WARN", "onCancel hook ran"),)
    cut_span = Span("cut", 0.5, (Log("INFO", "in"),), failure=BOOM)
    work = Work(8000, (Span("done", 0.1), cut_span, Log("INFO", "never"), Span("nor this", 0.1)))
    world = world_of(work, cancel_hook=hook)
    run = triggered(world)
    until(world, lambda: run.attempts and world.now_ms > run.attempts[0].started_ms + 3000)
    world.cancel(run)
    world.advance(world.now_ms + 60_000)
    own = seen(world, run)
    assert words(named(own, "Attempt 1")) == ["run()", "onCancel()"]
    assert words(named(own, "run()")) == ["done", "cut"]
    assert words(named(own, "onCancel()")) == ["onCancel hook ran"]
    cut = [span.message for span in walk(own) if span.is_cancelled]
    assert cut == ["main", "Attempt 1", "run()", "cut"]
    assert not any(span.is_partial or span.is_error for span in walk(own))
    assert "[engine] PENDING_CANCEL - Run was cancelled" in engine(own)


def test_canceling_a_parent_cancels_the_spans_of_its_children() -> None:
    world = world_of(Start((Child("main"),), is_awaited=True))
    run = triggered(world)
    world.advance(START_MS + 4000)
    world.cancel(run)
    world.advance(world.now_ms + SEEN_MS)
    own = seen(world, run)
    spans = [span for span in walk(own) if span.level != "DEBUG"]
    assert len({span.run for span in spans}) > 3
    assert all(span.is_cancelled and not span.is_partial for span in spans)


def test_a_canceled_child_logs_nothing_more_while_its_parent_goes_on() -> None:
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
    below = named(seen(world, run), "slow")
    assert below.is_cancelled
    assert words(named(below, "run()")) == ["0", "1", "2", "3"]


KINDS = [FailureKind.CRASH, FailureKind.OUT_OF_MEMORY, FailureKind.TIMEOUT, FailureKind.UNCAUGHT, FailureKind.SYSTEM]


@pytest.mark.parametrize("kind", [*KINDS, FailureKind.STALLED])
def test_internal_failures_leave_the_attempt_open_for_ever(kind: FailureKind) -> None:
    failure = Failure(kind, "gone")
    world = world_of(Work(500, (Log("INFO", "here"), Span("closed", 0.5))), throws=failure)
    run = lived(world)
    own = seen(world, run)
    assert (own.is_error, own.is_partial, own.events) == (True, False, [])
    assert own.properties == {"error": failure.in_span()}
    for message in ("Attempt 1", "run()"):
        span = named(own, message)
        assert (span.is_error, span.is_partial, span.is_cancelled) == (False, True, False)
        assert not [event for event in span.events if event["name"] == "exception"]
    assert words(named(own, "run()")) == ["here", "closed"]
    assert not named(own, "closed").is_partial


def test_a_run_canceled_while_its_worker_is_lost_is_canceled() -> None:
    world = world_of(Work(100), throws=LOST)
    run = triggered(world)
    world.advance(START_MS + 60_000)
    assert seen(world, run).is_partial
    world.cancel(run)
    world.advance(world.now_ms + SEEN_MS)
    own = seen(world, run)
    assert [span.is_cancelled for span in walk(own) if span.level != "DEBUG"] == [True, True, True]
    assert own.properties == {}


def test_a_run_canceled_in_a_backoff_keeps_its_failed_attempt() -> None:
    world = world_of(Work(100), throws=BOOM)
    run = triggered(world)
    until(world, lambda: run.attempts and run.attempts[0].retry_at_ms)
    world.cancel(run)
    world.advance(world.now_ms + SEEN_MS)
    own = seen(world, run)
    assert own.is_cancelled
    assert (named(own, "Attempt 1").is_error, named(own, "Attempt 1").is_cancelled) == (True, False)


def test_an_error_handled_inside_a_span_marks_that_span_only() -> None:
    world = world_of(Work(100, (Span("outer", 1.0, (Span("inner", 0.5, attributes={"a": 1}, failure=BOOM),)),)))
    own = seen(world, lived(world))
    assert [span.message for span in walk(own) if span.is_error] == ["inner"]
    inner = named(own, "inner")
    assert inner.properties == {"a": 1, "error": BOOM.in_span()}
    assert [event["name"] for event in inner.events] == ["exception"]


# --- odd runs


@pytest.mark.parametrize(
    ("more", "status", "rows"),
    [
        ({"delay_ms": 60_000}, Status.DELAYED, []),
        ({"task_id": "nobody-knows"}, Status.PENDING_VERSION, ["QUEUED - Run was QUEUED", "RUN_CREATED - No worker"]),
    ],
)
def test_runs_that_nobody_took_have_their_own_span_only(more: Any, status: Status, rows: list[str]) -> None:
    world = world_of(Work(100))
    run = triggered(world, **more)
    world.advance(START_MS + 5000)
    assert run.status is status
    own = seen(world, run)
    assert own.is_partial
    assert words(own) == []
    assert [message.startswith(f"[engine] {row}") for message, row in zip(engine(own), rows, strict=True)] == [
        True for _ in rows
    ]


def test_a_queued_run_has_its_own_span_until_it_expires_or_is_canceled() -> None:
    world = world_of(Work(100))
    world.pause(world.queues.named("task/main"), is_paused=True)
    expiring, canceled, delayed = (triggered(world, **more) for more in ({"ttl": "5s"}, {}, {"delay_ms": 60_000}))
    world.advance(START_MS + 1000)
    assert [seen(world, run).is_partial for run in (expiring, canceled)] == [True, True]
    world.cancel(canceled)
    world.cancel(delayed)
    world.advance(START_MS + 7000)
    for run in (canceled, delayed):
        own = seen(world, run)
        assert (own.is_cancelled, own.is_error, own.properties, words(own)) == (True, False, {}, [])
    own = seen(world, expiring)
    assert (own.is_cancelled, own.is_error, words(own)) == (False, True, [])
    assert own.properties["error"] == {"message": "Run expired because the TTL (5s) was reached"}


def test_a_run_with_a_script_of_its_own_shows_it() -> None:
    script = Script((Work(500, (Log("INFO", "mine"),)), Wait(100)), throws=BOOM)
    world = world_of()
    run = lived(world, task_id="unknown", script=script, starts_ms=START_MS + 1000, max_attempts=2)
    own = seen(world, run)
    assert words(own) == ["Attempt 1", "Retry #1 delay", "Attempt 2"]
    assert [words(span) for span in walk(own) if span.message == "run()"] == [["mine", "wait.for()"]] * 2
    assert named(own, "Attempt 1").events[4]["properties"]["file"] == "src/trigger/unknown.ts"


def test_progress_and_an_empty_batch_need_no_runs() -> None:
    world = world_of(SetMetadata({"a": 1}), Start((), is_awaited=True, is_batch=True), Work(10))
    own = seen(world, lived(world))
    assert words(named(own, "run()")) == ["batchTriggerAndWait()"]


def test_what_does_not_fit_a_message_is_fetched_and_stored() -> None:
    text = "x" * 600_000
    world = World(
        DemoTasks([Task("main", lambda call: Script((Work(50),), output=call.payload), "a.ts")]), start_ms=START_MS
    )
    own = seen(world, lived(world, payload=text))
    attempt = named(own, "Attempt 1")
    assert words(attempt) == ["store.downloadPayload", "run()", "store.uploadOutput"]
    assert [span.started_ms for span in attempt.children] == sorted(span.started_ms for span in attempt.children)


# --- always

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
def test_a_trace_only_grows_and_hangs_together(
    asked: tuple[str, Any], is_deployed: bool, steps_ms: list[int], canceled_ms: int | None
) -> None:
    world = new_world(is_deployed=is_deployed)
    run, _ = world.trigger(NewRun(task_id=asked[0], payload=asked[1]))
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
    assert list(map(told, walk(seen(world, run)))) == list(map(told, walk(seen(world, run))))


def told(span: Node) -> tuple[Any, ...]:
    return (span.id, span.parent_id, span.message, span.started_ms, span.duration_ns, span.events, span.properties)


@pytest.mark.parametrize(("task", "payload"), TASKS)
def test_soon_after_the_end_everything_is_there(task: str, payload: Any) -> None:
    world = new_world()
    run, _ = world.trigger(NewRun(task_id=task, payload=payload))
    until(world, lambda: run.status.is_final)
    soon = trace_of(run, (run.finished_ms or 0) + SEEN_MS, world.environment)
    late = trace_of(run, (run.finished_ms or 0) + 86_400_000, world.environment)
    assert soon is not None
    assert late is not None
    assert list(map(told, walk(soon))) == list(map(told, walk(late)))
    assert not soon.is_partial
