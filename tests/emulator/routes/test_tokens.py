"""Tests of waitpoint tokens: they belong to runs, and completing one continues its run."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.emulator.contract.scene import START_MS, VERSIONED, Scene
from tests.emulator.contract.scene import scenes as recorded_scenes
from tui.emulator.demo_tasks.content import POST_TASKS as TASKS
from tui.emulator.environment import DEVELOPMENT, PRODUCTION
from tui.emulator.simulation.runs import NewRun, Status
from tui.emulator.world import DemoTasks, World

PATH = "/api/v1/waitpoints/tokens"


@pytest.fixture(scope="module")
def server() -> Iterator[Scene]:
    with recorded_scenes() as scene:
        yield scene


@pytest.fixture
def scene(server: Scene) -> Scene:
    server.reset()
    return server


def waiting(scene: Scene) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = scene.ask("GET", PATH, query={"filter[status]": "WAITING"}).json()["data"]
    return rows


def approval(scene: Scene) -> tuple[str, str]:
    """A run that waits, and its token."""
    run_id = scene.trigger("approval", {})
    scene.advance(5)
    return run_id, waiting(scene)[0]["id"]


def status(scene: Scene, run_id: str) -> str:
    text: str = scene.ask("GET", f"/api/v3/runs/{run_id}", headers=VERSIONED).json()["status"]
    return text


def test_open_span_names_the_token_of_its_run(scene: Scene) -> None:
    run_id, token_id = approval(scene)
    events = scene.ask("GET", f"/api/v1/runs/{run_id}/events").json()["events"]
    span = next(event for event in events if event["message"] == "wait.forToken()")
    assert span["style"]["accessory"]["items"][0]["text"] == token_id
    detail = scene.ask("GET", f"/api/v1/runs/{run_id}/spans/{span['spanId']}").json()
    assert detail["properties"]["id"] == token_id
    assert span["isPartial"]


@pytest.mark.parametrize("environment", [DEVELOPMENT, PRODUCTION], ids=["dev", "prod"])
def test_completed_token_continues_its_run_once(scene: Scene, environment: Any) -> None:
    scene.key = environment.key
    run_id, token_id = approval(scene)
    assert status(scene, run_id) == ("WAITING" if environment.suspends else "EXECUTING")
    body = {"data": {"approved": False}}
    for _ in range(2):
        assert scene.ask("POST", f"{PATH}/{token_id}/complete", body=body).json() == {"success": True}
    scene.advance(3)
    detail = scene.ask("GET", f"/api/v3/runs/{run_id}").json()
    assert (detail["status"], detail["attemptCount"]) == ("COMPLETED", 1)
    assert scene.ask("GET", f"{PATH}/{token_id}").json()["output"] == '{"approved":false}'
    updated = detail["updatedAt"]
    scene.advance(700)
    assert scene.ask("GET", f"/api/v3/runs/{run_id}").json()["updatedAt"] == updated
    assert scene.ask("GET", f"{PATH}/{token_id}").json()["status"] == "COMPLETED"


def test_token_that_times_out_continues_its_run(scene: Scene) -> None:
    run_id, token_id = approval(scene)
    scene.advance(590)
    assert status(scene, run_id) == "EXECUTING"
    scene.advance(10)
    assert status(scene, run_id) == "COMPLETED"
    assert scene.ask("GET", f"{PATH}/{token_id}").json()["status"] == "TIMED_OUT"


def test_token_of_a_canceled_run_waits_until_its_timeout(scene: Scene) -> None:
    run_id, token_id = approval(scene)
    scene.ask("POST", f"/api/v2/runs/{run_id}/cancel")
    assert waiting(scene)[0]["id"] == token_id
    scene.advance(601)
    assert waiting(scene) == []
    assert status(scene, run_id) == "CANCELED"


def test_tokens_are_paged_and_filtered(scene: Scene) -> None:
    made = [
        scene.ask("POST", PATH, body={"timeout": "1h", "tags": [f"n{number % 2}"]}).json()["id"] for number in range(5)
    ]
    newest = made[::-1]
    first = scene.ask("GET", PATH, query={"page[size]": 2}).json()
    second = scene.ask("GET", PATH, query={"page[size]": 2, "page[after]": first["pagination"]["next"]}).json()
    assert [row["id"] for row in (*first["data"], *second["data"])] == newest[:4]
    back = scene.ask("GET", PATH, query={"page[size]": 2, "page[before]": second["pagination"]["previous"]}).json()
    assert back["data"] == first["data"]
    last = scene.ask("GET", PATH, query={"page[after]": second["pagination"]["next"]}).json()
    assert ([row["id"] for row in last["data"]], "next" in last["pagination"]) == (newest[4:], False)
    tagged = scene.ask("GET", PATH, query={"filter[tags]": "n1"}).json()["data"]
    assert [row["id"] for row in tagged] == [newest[1], newest[3]]


@pytest.mark.parametrize("timeout", ["999999999999w", "+275000-01-01", "9" * 400, "", 10, None, {"a": 1}, "-5m"])
def test_unreadable_or_endless_timeout_is_none(scene: Scene, timeout: Any) -> None:
    created = scene.ask("POST", PATH, body={"timeout": timeout})
    assert created.status_code == 200
    detail = scene.ask("GET", f"{PATH}/{created.json()['id']}").json()
    assert (detail["status"], detail.get("timeoutAt")) == ("WAITING", None)
    assert len(waiting(scene)) == 1


def test_same_key_finds_the_same_token(scene: Scene) -> None:
    first, again = (scene.ask("POST", PATH, body={"idempotencyKey": "k"}).json() for _ in range(2))
    assert (first["id"], first["isCached"], again["isCached"]) == (again["id"], False, True)


@pytest.mark.parametrize("cursor", ["garbage", "dA==", "dDE=" * 9, "t1", "dDk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ=="])
def test_unreadable_cursor_gives_a_page(scene: Scene, cursor: str) -> None:
    scene.ask("POST", PATH, body={})
    assert scene.ask("GET", PATH, query={"page[after]": cursor}).status_code == 200


def test_only_its_own_public_token_may_complete_a_token(scene: Scene) -> None:
    created = scene.ask("POST", PATH, body={"timeout": "1h"})
    own, path = created.headers["x-trigger-jwt"], f"{PATH}/{created.json()['id']}/complete"
    assert scene.ask("POST", path, body={}, key=scene.token("read:all", "write:waitpoints:another")).status_code == 403
    assert scene.ask("GET", PATH, key=scene.token("read:all", "admin")).status_code == 401
    assert scene.ask("POST", path, body={}, key=own).status_code == 200
    assert scene.ask("POST", f"{PATH}/waitpoint_unknown/complete", body={}).status_code == 404


def test_posts_wait_for_a_person_and_are_approved(scene: Scene) -> None:
    tasks = tuple(replace(task, weight=1) for task in TASKS)
    world = World(DemoTasks(tasks), start_ms=START_MS, rate_per_s=1, history=60)
    scene.emulator.put(world)
    rows = waiting(scene)
    assert {row["tags"][0] for row in rows} <= {"legal-approval", "editor-approval"}
    # Each run with an open wait has one token that waits, and no other token does.
    open_runs = [run for run in world.ledger if run.attempts and run.attempts[-1].blocks]
    open_runs = [run for run in open_runs if run.attempts[-1].blocks[-1].ended_ms is None]
    assert len(rows) == len(open_runs) > 0
    scene.advance(60)
    left = {row["id"] for row in waiting(scene)}
    assert left.isdisjoint(row["id"] for row in rows)


def test_token_of_a_canceled_run_goes_on_waiting() -> None:
    world = World(DemoTasks(TASKS), start_ms=0)
    world.lifecycle.deploy("1", {})
    run, _ = world.trigger(NewRun(task_id="publish-post", payload={"post": 1, "approval": "legal-approval"}))
    world.advance(3_000)
    (token,) = world.tokens.newest_first()
    world.cancel(run)
    world.advance(120_000)
    assert (run.status, token.status) == (Status.CANCELED, "WAITING")
