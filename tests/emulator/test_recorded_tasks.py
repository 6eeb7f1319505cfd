"""The tasks of the recordings, triggered with the recorded payloads, against what was recorded of them.

The tests compare values: attempts, errors, outputs, metadata, children. `tests/emulator/test_contract.py` compares
traces, and the shape of responses. Times may differ from the recorded ones, which come from an idle machine.
"""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.emulator.recorded_runs import (
    LONG_MS,
    NASTY,
    PAYLOADS,
    START_MS,
    as_recorded,
    body,
    finished,
    new_world,
)
from tui.emulator.recorded_tasks import RECORDED_LIMITS, RECORDED_TASKS, big_payload
from tui.emulator.simulation.runs import NewRun, Status
from tui.emulator.simulation.script import NOTHING, Call, FailureKind, Wait, Work
from tui.emulator.world import DemoTasks, World

# --- details

FINAL = ["100", "101", "102", "103", "104", "105", "107", "108", "109", "111", "112", "114", "115", "116", "117"]
FAMILY = ["141", "145", "313", "411", "147"]
CHILDREN = ["142", "143", "144"]


@pytest.mark.parametrize("number", [*FINAL, *FAMILY, *CHILDREN])
def test_run_ends_as_recorded(number: str) -> None:
    run, row = as_recorded(number)
    assert run.status.rest == row["status"]
    assert len(run.attempts) == row["attemptCount"]
    assert run.output() == row.get("output", NOTHING)
    assert run.metadata == row.get("metadata")
    assert list(run.tags) == row["tags"]
    assert (run.failure.in_rest() if run.failure else None) == row.get("error")


@pytest.mark.parametrize("number", ["146", "149"])
def test_deployed_run_ends_as_recorded(number: str) -> None:
    run, row = as_recorded(number, is_deployed=True)
    assert run.status.rest == row["status"]
    assert run.output() == row.get("output", NOTHING)
    assert (run.failure.in_rest() if run.failure else None) == row.get("error")


@pytest.mark.parametrize("number", ["103", "109", "111", "117", "143", "144", "149", "313"])
def test_run_computes_about_as_long_as_recorded(number: str) -> None:
    run, row = as_recorded(number, is_deployed=number == "149")
    assert run.usage_ms == pytest.approx(row["durationMs"], rel=0.15)


@pytest.mark.parametrize("number", ["141", "142", "145"])
def test_children_are_as_recorded(number: str) -> None:
    run, row = as_recorded(number)
    recorded = [
        (child["taskIdentifier"], child["status"], child["triggerFunction"], "batchId" in child, tuple(child["tags"]))
        for child in sorted(row["relatedRuns"]["children"], key=lambda child: child["createdAt"])
    ]
    assert [
        (child.task_id, child.status.rest, child.function, bool(child.batch_id), child.tags) for child in run.children
    ] == recorded


def test_tree_has_the_recorded_payloads_and_outputs() -> None:
    run, _ = as_recorded("141")
    middle, *batch, last = run.children
    assert [child.payload() for child in batch] == [{"n": n, "fail": n == 3, "ms": 1200} for n in range(1, 6)]
    assert batch[2].payload() == body("144")["payload"]
    assert middle.payload() == body("142")["payload"]
    assert middle.output() == body("142")["output"]
    assert middle.children[1].payload() == body("143")["payload"]
    assert middle.children[1].output() == body("143")["output"]
    assert middle.children[1].depth == body("143")["depth"]
    assert middle.children[1].root is run
    assert last.output() == {"n": 99, "squared": 9801}
    strict, _ = as_recorded("145")
    assert strict.children[0].payload() == {"n": 7, "fail": True}


def test_tree_has_the_runs_of_the_recorded_query() -> None:
    run, _ = as_recorded("141")
    below = [*run.children, *(child for middle in run.children for child in middle.children)]
    recorded = [(row["depth"], row["task_identifier"], row["status"]) for row in body("834")["results"]]
    assert sorted((child.depth, child.task_id, child.status.title) for child in below) == sorted(recorded)


def test_canceled_pipeline_has_the_recorded_children() -> None:
    row = body("431")
    world = new_world()
    run, _ = world.trigger(NewRun(task_id="pipeline", payload=row["payload"], tags=tuple(row["tags"])))
    world.advance(START_MS + 6000)
    world.cancel(run)
    world.advance(START_MS + LONG_MS)
    recorded = sorted((child["taskIdentifier"], child["status"]) for child in row["relatedRuns"]["children"])
    assert sorted((child.task_id, child.status.rest) for child in run.children) == recorded
    assert run.metadata == row["metadata"]


def test_large_run_is_like_the_recorded_ones() -> None:
    kilobyte = 1024
    inline, offloaded = big_payload(2400), big_payload(4800)
    assert inline["rows"][:20] == body("118")["payload"]["rows"][:20]
    assert 280 * kilobyte < len(json.dumps(inline, separators=(",", ":"))) < 320 * kilobyte
    assert len(json.dumps(offloaded, separators=(",", ":"))) > 512 * kilobyte
    for payload in (inline, offloaded):
        assert len(json.dumps(finished("big-io", payload).output())) > 128 * kilobyte


# --- live runs


@pytest.mark.parametrize(
    ("number", "after_ms", "is_deployed"),
    [("130", 1200, False), ("137", 5000, False), ("122", 10_000, True), ("120", 2600, False), ("140", 3000, False)],
)
def test_live_run_is_in_the_recorded_state(number: str, after_ms: int, is_deployed: bool) -> None:
    row = body(number)
    world = new_world(is_deployed=is_deployed)
    run, _ = world.trigger(NewRun(task_id=row["taskIdentifier"], payload=row["payload"]))
    world.advance(START_MS + after_ms)
    assert run.status.rest == row["status"]
    assert len(run.attempts) == row["attemptCount"]
    assert run.metadata == row.get("metadata")


def test_limited_queue_runs_one_job_at_a_time() -> None:
    row = body("132")
    world = new_world()
    first, _ = world.trigger(NewRun(task_id="single-file-job", payload={"seconds": 25}))
    second, _ = world.trigger(NewRun(task_id="single-file-job", payload=row["payload"], ttl=row["ttl"]))
    third, _ = world.trigger(NewRun(task_id="single-file-job", payload=body("125")["payload"]))
    world.advance(START_MS + 2000)
    assert [run.status for run in (first, second, third)] == [Status.EXECUTING, Status.QUEUED, Status.QUEUED]
    world.advance(START_MS + LONG_MS)
    assert [run.status for run in (first, second, third)] == [Status.COMPLETED, Status.EXPIRED, Status.COMPLETED]
    assert second.failure
    assert second.failure.in_rest() == row["error"]


def test_metadata_is_sent_once_a_second() -> None:
    recorded: list[Any] = []
    for number in ("701", "702", "703", "704", "705", "706"):
        text = body(number)[0]["value"]["metadata"]
        recorded.append(json.loads(text) if text else None)
    world = new_world()
    run, _ = world.trigger(NewRun(task_id="progress-counter", payload={"steps": 6, "ms": 800}))
    seen: list[Any] = [None]
    while not run.status.is_final:
        world.advance(world.now_ms + 50)
        if run.metadata != seen[-1]:
            seen.append(run.metadata)
    assert seen == recorded


# --- errors


def error_of(task_id: str, payload: Any, *, is_deployed: bool = False) -> Any:
    run = finished(task_id, payload, is_deployed=is_deployed)
    assert run.failure
    return run.failure.stored()


@pytest.mark.parametrize("number", ["717", "724", "725", "725a", "727", "728"])
def test_stored_error_is_as_recorded(number: str) -> None:
    row = body(number)[0]["value"]
    stored = error_of(row["taskIdentifier"], json.loads(row["payload"]), is_deployed=number == "725a")
    assert stored == json.loads(row["error"])


@pytest.mark.parametrize("index", range(8))
def test_error_of_a_query_is_as_recorded(index: int) -> None:
    row = body("839")["results"][index]
    recorded = json.loads(row["error"])
    task_id = row["queue"].removeprefix("task/")
    payload = {"n": 7, "fail": True} if "leaf 7" in row["error"] else PAYLOADS.get(task_id)
    run = finished(task_id, payload)
    assert run.failure
    assert run.failure.stored() == recorded
    assert (len(run.attempts), run.machine, run.queue) == (
        row["attempt_count"],
        row["machine"],
        row["queue"],
    )
    assert run.status.title == row["status"]


@pytest.mark.parametrize("index", range(12))
def test_each_recorded_error_group_has_its_task(index: int) -> None:
    row = body("620")["data"][index]
    task_id, message = row["taskIdentifier"], row["errorMessage"]
    payload = {"n": 7, "fail": True} if message.startswith("leaf 7") else PAYLOADS.get(task_id)
    stored = error_of(task_id, payload)
    assert stored.get("message", stored.get("raw")) == message
    failure = finished(task_id, payload).failure
    assert failure is not None
    assert failure.fingerprint == row["fingerprint"]
    assert stored.get("code", stored.get("name", "Error")) == row["errorType"]


# --- the list of tasks


def test_queues_are_as_recorded() -> None:
    recorded = {(queue["name"], queue["type"], queue["concurrencyLimit"]) for queue in body("614")["data"]}
    queues = new_world().queues.all()
    assert {(queue.shown_name, "custom" if queue.is_custom else "task", queue.limit) for queue in queues} == recorded


def test_files_are_as_recorded() -> None:
    worker = body("817")["worker"]
    recorded = {task["slug"]: task["filePath"] for task in worker["tasks"]}
    files = {task.id: task.file for task in RECORDED_TASKS}
    # It was added after that recording.
    assert files.pop("fail-slow-retry") == "src/trigger/errors.ts"
    assert files == recorded


def test_machine_is_as_recorded() -> None:
    small_2x = {row["taskIdentifier"] for row in body("039")["data"]}
    assert {task.id for task in RECORDED_TASKS if task.machine == "small-2x"} == small_2x


def test_recorded_tasks_never_run_on_their_own() -> None:
    world = World(DemoTasks(RECORDED_TASKS, limits=RECORDED_LIMITS), start_ms=START_MS, rate_per_s=50)
    world.advance(START_MS + 60_000)
    assert len(world.ledger) == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["name", "c", "customer", "n", "fail", "ms", "seconds", "steps"])
ANY_PAYLOAD = JSON | st.dictionaries(KEYS, JSON | st.just(10**400), max_size=8)


@settings(deadline=None)
@given(st.sampled_from(RECORDED_TASKS), ANY_PAYLOAD, st.integers(1, 3))
def test_any_payload_makes_an_executable_script(task: Any, payload: Any, attempt: int) -> None:
    script = task.script(Call(payload, attempt, None))  # type: ignore[arg-type]  # none of them uses random numbers
    assert all(item.ms >= 0 for item in script.items if isinstance(item, Work | Wait))
    if script.output is not NOTHING and task.id not in {"big-io", NASTY}:
        json.dumps(script.output, allow_nan=False)


def test_labels_name_the_true_kind() -> None:
    kinds = {
        "fail-cause": FailureKind.CUSTOM,
        "fail-object": FailureKind.OBJECT,
        "fail-abort": FailureKind.ABORT,
        "pipeline-strict": FailureKind.CHILD,
        "crash-uncaught": FailureKind.UNCAUGHT,
        "crash-exit": FailureKind.CRASH,
        "max-duration": FailureKind.TIMEOUT,
    }
    assert {task_id: finished(task_id, None).label for task_id in kinds} == kinds


# --- retry delays


@pytest.mark.parametrize(
    ("number", "payload"), [("212", {}), ("238", {"n": 3, "fail": True}), ("241", {}), ("242", None), ("246", None)]
)
def test_retry_delays_are_near_the_recorded_ones(number: str, payload: Any) -> None:
    root = body(number)["trace"]["rootSpan"]
    run = finished(root["data"]["message"], payload)
    delays = [child for child in root["children"] if child["data"]["message"].startswith("Retry #")]
    recorded_ms = [
        node["data"]["duration"] / 1e6 for node in sorted(delays, key=lambda node: node["data"]["startTime"])
    ]
    waits_ms = [
        attempt.retry_at_ms - attempt.ended_ms for attempt in run.attempts if attempt.retry_at_ms and attempt.ended_ms
    ]
    assert waits_ms == [pytest.approx(ms, rel=0.3) for ms in recorded_ms]
