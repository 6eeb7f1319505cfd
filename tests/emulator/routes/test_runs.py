"""One run and the actions on it: responses and errors as recorded, and their effects."""

import base64
import json
from typing import Any

import jwt
import pytest

from tests.support.emulator.small_world import START_MS, a_world, ask, later, refused, shape, started
from tests.support.recordings import recording
from tui.emulator.environment import DEVELOPMENT, PRODUCTION
from tui.emulator.exchange import ApiResponse
from tui.emulator.routes import runs
from tui.emulator.simulation.runs import Run, Status
from tui.emulator.world import World

HEADERS = ("x-should-retry", "x-trigger-jwt-claims")


def matches(answer: ApiResponse, number: str) -> bool:
    """Whether the response has the recorded status, body and relevant headers."""
    recorded = recording(number)["response"]
    expected_headers = {name: recorded["headers"].get(name) for name in HEADERS}
    mine = {name: answer.headers.get(name) for name in HEADERS}
    return (answer.status, answer.body, mine) == (recorded["status"], recorded["body"], expected_headers)


# --- reading


@pytest.mark.parametrize(("number", "run_id"), [("150", "run_doesnotexist00000000000"), ("151", "not-a-run-id")])
def test_unknown_run_is_404(number: str, run_id: str) -> None:
    assert matches(refused(runs.detail, a_world(), id=run_id), number)


def test_run_of_another_environment_is_404() -> None:
    run = started(a_world(), "hello")
    assert matches(refused(runs.detail, a_world(PRODUCTION), id=run.id), "152")


def test_version_header_changes_the_statuses() -> None:
    world = a_world(PRODUCTION)
    run = started(world, "sleep", 5000)
    assert ask(runs.detail, world, id=run.id).body["status"] == "WAITING"
    assert ask(runs.detail, world, id=run.id, is_versioned=False).body["status"] == "FROZEN"


def test_result_exists_only_for_canceled_runs() -> None:
    world = a_world()
    executing, done, canceled = started(world, "slow"), started(world, "hello"), started(world, "slow", 2000)
    assert matches(refused(runs.result, world, id=executing.id), "300")
    assert matches(refused(runs.result, world, id=done.id), "301")
    assert matches(refused(runs.result, world, id="run_doesnotexist00000000000"), "305")
    world.cancel(canceled)
    answer = ask(runs.result, world, id=canceled.id)
    assert shape(answer.body) == shape(recording("303")["response"]["body"])
    assert answer.body["error"] == recording("303")["response"]["body"]["error"]


def test_metadata_is_a_json_text() -> None:
    world = a_world()
    run = started(world, "progress", 1000)
    answer = ask(runs.metadata, world, id=run.id)
    assert shape(answer.body) == shape(recording("310")["response"]["body"])
    assert json.loads(answer.body["metadata"]) == {"percent": 50}
    assert matches(ask(runs.metadata, world, id=started(world, "hello").id), "312")
    assert refused(runs.metadata, world, id="run_x").status == 404


# --- cancel, replay, reschedule, tags


def test_cancel_returns_the_same_in_any_state() -> None:
    world = a_world()
    queued, executing, done = started(world, "single"), started(world, "slow"), started(world, "hello", 3000)
    for run in (queued, executing, done, executing):
        answer = ask(runs.cancel, world, id=run.id, body=b"")
        assert (answer.status, answer.body) == (200, {"id": run.id})
    assert (queued.status, executing.status, done.status) == (Status.CANCELED, Status.CANCELED, Status.COMPLETED)
    # Invalid JSON is not read.
    assert ask(runs.cancel, world, id=done.id, body=b"{not json").status == 200
    assert matches(refused(runs.cancel, world, id="run_doesnotexist00000000000"), "403")


def test_cancel_also_cancels_the_children() -> None:
    world = a_world()
    parent = started(world, "pipeline")
    while len(parent.children) < 4:
        later(world, 10)
    alive = [child for child in parent.children if not child.status.is_final]
    assert len(alive) == 3
    ask(runs.cancel, world, id=parent.id)
    assert {child.status for child in alive} == {Status.CANCELED}
    assert shape(ask(runs.detail, world, id=parent.id).body["error"]) == shape(
        recording("431")["response"]["body"]["error"]
    )


def test_replay_creates_a_run_with_the_same_payload() -> None:
    world = a_world()
    run = started(world, "hello", 2000, payload={"name": "Grace"}, tags=("a",))
    answer = ask(runs.replay, world, id=run.id)
    assert shape(answer.body) == shape(recording("410")["response"]["body"])
    later(world, 2000)
    again = ask(runs.detail, world, id=answer.body["id"]).body
    assert (again["payload"], again["tags"], again["status"]) == ({"name": "Grace"}, ["a"], "COMPLETED")
    assert again["id"] != run.id
    assert shape(again) == shape(ask(runs.detail, world, id=run.id).body)
    executing = started(world, "slow", 1000)
    assert ask(runs.replay, world, id=executing.id).body["id"] != executing.id
    assert matches(refused(runs.replay, world, id="run_doesnotexist00000000000"), "413")


def test_reschedule_moves_a_delayed_run() -> None:
    world = a_world()
    run = started(world, "hello", delay_ms=60_000, payload={"name": "Later"}, tags=("later",))
    answer = ask(runs.reschedule, world, id=run.id, body={"delay": "3h"})
    assert shape(answer.body) == shape(recording("420")["response"]["body"])
    assert run.delay_until_ms == START_MS + 3 * 3_600_000
    ask(runs.reschedule, world, id=run.id, body={"delay": "2026-11-24T14:00:00.000Z"})
    assert ask(runs.detail, world, id=run.id).body["delayedUntil"] == "2026-11-24T14:00:00.000Z"
    assert refused(runs.reschedule, world, id=run.id, body={"delay": "soon"}).status == 422
    assert refused(runs.reschedule, world, id=run.id, body={}).status == 400
    assert refused(runs.reschedule, world, id="run_x", body={"delay": "3h"}).status == 404
    done = started(world, "hello", 2000)
    assert refused(runs.reschedule, world, id=done.id, body={"delay": "3h"}).status == 422


def test_tags_are_added_up_to_ten() -> None:
    world = a_world()
    run = started(world, "hello", 2000, tags=("t0",))
    assert matches(ask(runs.add_tags, world, id=run.id, body={"tags": ["added-later"]}), "421")
    assert ask(runs.add_tags, world, id=run.id, body={"tags": "t0"}).body == {"message": "No new tags to add"}
    assert run.tags == ("t0", "added-later")
    many = {"tags": [f"n{n}" for n in range(9)]}
    assert refused(runs.add_tags, world, id=run.id, body=many).status == 422
    assert run.tags == ("t0", "added-later")
    assert refused(runs.add_tags, world, id=run.id, body={}).status == 400
    assert refused(runs.add_tags, world, id=run.id, body={"tags": ["x" * 129]}).status == 400
    later(world, 2000)
    found = ask(runs.list_runs, world, {"filter[tag]": "added-later"}).body["data"]
    assert [row["id"] for row in found] == [run.id]


# --- trigger


def trigger(world: World, body: Any, task: str = "hello") -> ApiResponse:
    return ask(runs.trigger, world, body=body, task=task)


def triggered(world: World, body: Any, task: str = "hello") -> Run:
    found = world.find(trigger(world, body, task).body["id"])
    assert found is not None
    return found


def test_trigger_returns_a_token_for_the_run() -> None:
    world = a_world()
    answer = trigger(world, recording("380")["request"]["body"])
    recorded = recording("380")["response"]
    assert shape(answer.body) == shape(recorded["body"])
    assert answer.body["isCached"] is False
    run_id = answer.body["id"]
    claims = json.loads(answer.headers["x-trigger-jwt-claims"])
    assert shape(claims) == shape(json.loads(recorded["headers"]["x-trigger-jwt-claims"]))
    assert claims["scopes"] == [f"read:runs:{run_id}", f"write:inputStreams:{run_id}"]
    token = answer.headers["x-trigger-jwt"]
    assert token.split(".")[0] == recorded["headers"]["x-trigger-jwt"].split(".")[0]
    # The library warns about keys as short as ours when it verifies the signature itself.
    token_claims = jwt.decode(token, options={"verify_signature": False})
    assert {name: token_claims[name] for name in claims} == claims
    assert (token_claims["iss"], token_claims["aud"]) == ("https://id.trigger.dev", "https://api.trigger.dev")
    assert token_claims["exp"] == START_MS // 1000 + 3600
    text, _, signature = token.rpartition(".")
    key = DEVELOPMENT.key.encode()
    expected = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(text.encode(), key)
    assert base64.urlsafe_b64decode(signature + "=") == expected


def test_triggered_run_executes_its_task() -> None:
    world = a_world()
    run = triggered(world, recording("380")["request"]["body"])
    later(world, 2000)
    detail = ask(runs.detail, world, id=run.id).body
    assert (detail["status"], detail["payload"], detail["tags"]) == ("COMPLETED", {"name": "wire"}, ["wire"])
    assert detail["triggerFunction"] == "trigger"


@pytest.mark.parametrize("number", ["383", "384"])
def test_invalid_triggers_are_refused_as_recorded(number: str) -> None:
    world = a_world()
    assert matches(refused(runs.trigger, world, body=recording(number)["request"]["body"], task="hello"), number)
    assert len(world.ledger) == 0


def test_idempotency_key_is_valid_until_it_expires() -> None:
    world = a_world()
    body = recording("381")["request"]["body"]
    run = triggered(world, body)
    later(world, 3_599_000)
    again = trigger(world, body)
    assert shape(again.body) == shape(recording("381")["response"]["body"])
    assert again.body == {"id": run.id, "isCached": True}
    assert trigger(world, body, "fail").body["isCached"] is False
    later(world, 1_000)
    new = trigger(world, body)
    assert new.body["isCached"] is False
    assert new.body["id"] != run.id
    assert "idempotencyKey" not in ask(runs.detail, world, id=run.id).body
    forever = triggered(world, {"options": {"idempotencyKey": "k"}})
    later(world, 29 * 86_400_000)
    assert trigger(world, {"options": {"idempotencyKey": "k"}}).body == {"id": forever.id, "isCached": True}
