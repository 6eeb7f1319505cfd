"""The rows of a run in REST: their keys, the order of the keys, and absent keys, as recorded."""

from typing import Any

import pytest

from tests.support.emulator.small_world import LARGE, START_MS, a_world, later, shape, started
from tests.support.recordings import recording
from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.rows import OUTPUT_INLINE_BYTES, detail, is_large, iso_time, list_row, related_row
from tui.emulator.simulation.runs import Run, Status
from tui.emulator.world import World

FREE = {"payload", "output", "metadata", "relatedRuns", "tags"}
"""Their content is the task's, or compared separately."""


def in_full(run: Run, world: World, *, is_versioned: bool = True) -> dict[str, Any]:
    def presign(run: Run, part: str) -> str:
        return f"https://store/{run.id}/{part}"

    return detail(run, world.environment, presign, is_versioned=is_versioned)


def frame(row: dict[str, Any]) -> Any:
    return shape({key: None if key in FREE else value for key, value in row.items()})


def body(number: str) -> Any:
    return recording(number)["response"]["body"]


def state(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row.get(key) for key in row if key.startswith("is") or key in {"status", "attemptCount", "durationMs"}}


@pytest.mark.parametrize(
    ("number", "task", "after_ms", "more"),
    [
        ("100", "hello", 2000, {"payload": {"name": "Grace"}}),
        ("101", "nothing", 2000, {"payload": None}),
        ("102", "text", 2000, {"payload": None}),
        ("103", "fail", 10_000, {"tags": ("billing",)}),
        ("109", "crash", 2000, {}),
        ("111", "timeout", 2000, {}),
        ("115", "hello", 2000, {"idempotency_key": "order-42"}),
        ("116", "hello", 2000, {"is_test": True}),
        ("120", "progress", 1000, {}),
        ("124", "hello", 1000, {"delay_ms": 7_200_000, "tags": ("later",)}),
        ("137", "slow-retry", 2000, {}),
    ],
)
def test_detail_has_the_recorded_keys(number: str, task: str, after_ms: int, more: dict[str, Any]) -> None:
    world = a_world()
    run = started(world, task, after_ms, **more)
    recorded = body(number)
    row = in_full(run, world)
    assert frame(row) == frame(recorded)
    assert {key: value for key, value in state(row).items() if key != "durationMs"} == {
        key: value for key, value in state(recorded).items() if key != "durationMs"
    }
    assert row["relatedRuns"] == {"children": []}
    assert row["attempts"] == []


@pytest.mark.parametrize(
    ("number", "is_versioned"), [("122", True), ("123", False), ("139", True), ("139u", False), ("146", True)]
)
def test_production_detail_has_the_recorded_keys(number: str, is_versioned: bool) -> None:
    world = a_world(PRODUCTION)
    recorded = body(number)
    run = started(world, "sleep", payload={"seconds": 20}, tags=("prod-wait",))
    expected = {"122": Status.WAITING, "123": Status.WAITING, "146": Status.COMPLETED}.get(number, Status.DEQUEUED)
    for _ in range(3000):
        if run.status is expected and (expected is not Status.DEQUEUED or not run.attempts):
            break
        later(world, 10)
    row = in_full(run, world, is_versioned=is_versioned)
    assert frame(row) == frame(recorded)
    assert row["status"] == recorded["status"]
    assert {key: row[key] for key in row if key.startswith("is")} == {
        key: recorded[key] for key in recorded if key.startswith("is")
    }


def test_queued_run_expires_or_is_canceled() -> None:
    world = a_world()
    started(world, "single", 1000)
    queued = started(world, "single", 100, tags=("queued-demo",))
    assert frame(in_full(queued, world)) == frame(body("125"))
    expired = started(world, "single", 6000, ttl="5s")
    assert frame(in_full(expired, world)) == frame(body("132"))
    assert in_full(expired, world)["error"] == body("132")["error"]
    world.cancel(queued)
    assert frame(in_full(queued, world)) == frame(body("127"))
    # Lists have a finish time even then.
    assert "finishedAt" in list_row(queued, world.environment, is_versioned=True)
    later(world, 1000)
    assert "finishedAt" in in_full(queued, world)


def test_canceled_run_has_the_recorded_keys() -> None:
    world = a_world()
    run = started(world, "slow", 1000)
    world.cancel(run)
    row = in_full(run, world)
    assert frame(row) == frame(body("129"))
    assert row["error"] == {"message": "Canceled by user"}


def test_run_of_an_unknown_task_has_the_recorded_keys() -> None:
    world = a_world(PRODUCTION)
    run = started(world, "no-such-task", 1000, payload={"name": "prod"})
    assert frame(in_full(run, world)) == frame(body("134"))
    assert in_full(run, world)["status"] == "PENDING_VERSION"
    assert in_full(run, world, is_versioned=False)["status"] == body("135")["status"]


def test_error_has_no_nul() -> None:
    world = a_world()
    row = in_full(started(world, "fail", 10_000), world)
    assert row["error"]["message"] == "Upstream returned 503"
    assert row["error"]["stackTrace"].startswith("Error: Upstream returned 503\n    at run (file:")


def test_related_runs_have_the_recorded_keys() -> None:
    world = a_world()
    root = started(world, "pipeline", 20_000)
    row = in_full(root, world)
    middle, *leaves = row["relatedRuns"]["children"]
    recorded = {row["taskIdentifier"]: row for row in body("141")["relatedRuns"]["children"]}
    assert list(row["relatedRuns"]) == list(body("141")["relatedRuns"])
    assert frame(middle) == frame(recorded["middle"])
    in_batch = next(row for row in body("141")["relatedRuns"]["children"] if "batchId" in row)
    assert [frame(leaf) for leaf in leaves] == [frame(in_batch)] * 3

    grandchild = root.children[0].children[0]
    relatives = in_full(grandchild, world)["relatedRuns"]
    assert list(relatives) == ["root", "parent", "children"]
    assert frame(relatives["root"]) == frame(body("143")["relatedRuns"]["root"])
    assert relatives["root"]["id"] == root.id
    assert relatives["root"]["metadata"] == {"middles": 1}
    assert relatives["parent"]["id"] == root.children[0].id
    assert relatives["children"] == []
    assert in_full(grandchild, world)["depth"] == 2
    batched = in_full(root.children[1], world)
    assert (batched["triggerFunction"], batched["batchId"]) == ("batchTriggerAndWait", root.children[1].batch_id)


def recorded_row(number: str, status: str) -> dict[str, Any]:
    rows = body(number)["data"]
    return next(row for row in rows if row["status"] == status and "metadata" not in row)


@pytest.mark.parametrize(
    ("number", "status", "task", "after_ms", "more"),
    [
        ("011", "COMPLETED", "hello", 2000, {}),
        ("020", "FAILED", "fail", 10_000, {}),
        ("024", "DELAYED", "hello", 1000, {"delay_ms": 7_200_000, "tags": ("later",)}),
        ("063", "EXECUTING", "slow", 2000, {}),
    ],
)
def test_row_has_the_recorded_keys(number: str, status: str, task: str, after_ms: int, more: dict[str, Any]) -> None:
    world = a_world()
    run = started(world, task, after_ms, **more)
    row = list_row(run, world.environment, is_versioned=True)
    assert row["status"] == status
    assert frame(row) == frame(recorded_row(number, status))


def test_row_with_idempotency_key_and_metadata() -> None:
    world = a_world()
    keyed = list_row(started(world, "hello", 2000, idempotency_key="k"), DEVELOPMENT, is_versioned=True)
    recorded = next(row for row in body("014")["data"] if "idempotencyKey" in row)
    assert frame(keyed) == frame(recorded)
    hostile = {"\x1b[31m": ["\u202e", "\x00", {"deep": None}]}
    row = list_row(started(world, "hello", 2000, metadata=hostile), DEVELOPMENT, is_versioned=True)
    recorded = next(row for row in body("014")["data"] if "metadata" in row)
    assert frame(row) == frame(recorded)
    assert row["metadata"] == hostile


def test_only_development_has_a_user() -> None:
    def env(environment: Environment) -> Any:
        world = a_world(environment)
        return list_row(started(world, "hello"), environment, is_versioned=True)["env"]

    assert list(env(DEVELOPMENT)) == list(body("011")["data"][0]["env"])
    assert list(env(PRODUCTION)) == list(body("058")["data"][0]["env"])


def test_costs_depend_on_machine_and_environment() -> None:
    world = a_world(PRODUCTION)
    run = started(world, "hello", 2000)
    row = related_row(run, PRODUCTION, is_versioned=True)
    assert row["costInCents"] > 0
    assert row["baseCostInCents"] > 0
    delayed = related_row(started(world, "hello", delay_ms=10_000), PRODUCTION, is_versioned=True)
    assert (delayed["costInCents"], delayed["baseCostInCents"]) == (0, 0)


def test_large_values_have_a_url_instead() -> None:
    world = a_world()
    run = started(world, "big", 2000, payload={"rows": [LARGE] * 3})
    row = in_full(run, world)
    assert frame(row) == frame(body("119"))
    assert row["payloadPresignedUrl"] == f"https://store/{run.id}/payload"
    inline = in_full(started(world, "hello", payload={"rows": LARGE}), world)
    assert inline["payload"] == {"rows": LARGE}


def test_sizes_count_bytes_of_json_without_spaces() -> None:
    inside = "é" * (OUTPUT_INLINE_BYTES // 2 - 1)
    assert not is_large(inside, OUTPUT_INLINE_BYTES)
    assert is_large(inside + "x", OUTPUT_INLINE_BYTES)
    assert not is_large(None, 0)


def test_times_are_formatted_in_iso() -> None:
    assert iso_time(START_MS + 7) == "2026-11-24T13:46:40.007Z"
