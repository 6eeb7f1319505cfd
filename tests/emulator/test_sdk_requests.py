"""Replays the requests of the official SDK: each response satisfies the SDK's own validation.

`python -m tests.sdk --record` runs the SDK and records its requests and the shapes of its responses. Ids and times are
names in braces there, replaced by those of another world here.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from jsonschema import Draft202012Validator

from tests.emulator.contract.scene import START_MS, Scene, scenes
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import DEVELOPMENT
from tui.emulator.simulation.runs import Run, Status
from tui.emulator.simulation.script import FailureKind
from tui.emulator.world import World

EXPECTED: dict[str, Any] = json.loads((Path(__file__).parent / "sdk_requests.json").read_bytes())
HOUR_MS = 3_600_000
LATER_MS = 5_000
"""A report triggered this long ago has started others and is still live."""

LISTED_MS = 2_000
"""Older runs are in all lists."""


@dataclass(frozen=True)
class SdkServer:
    """A server, and the values of the names in the requests."""

    scene: Scene
    names: Mapping[str, str]

    def send(self, sdk_request: Mapping[str, Any]) -> httpx2.Response:
        """Send a request of the SDK with the ids of this server."""
        text = json.dumps(sdk_request)
        for name, value in self.names.items():
            text = text.replace(f"{{{name}}}", value)
        request = json.loads(text)
        return self.scene.ask(
            request["method"],
            request["path"],
            query=request["query"],
            headers=sdk_request.get("headers", EXPECTED["headers"]),
            body=None if request["body"] is None else json.dumps(request["body"]),
            key=self.scene.token("read:runs") if sdk_request.get("is_public") else None,
        )


@pytest.fixture(scope="module")
def sdk_server() -> Iterator[SdkServer]:
    with scenes() as scene:
        world = World(COMPANY, start_ms=START_MS, rate_per_s=5, history=300, seed=1)
        scene.emulator.put(world)
        scene.time[0] = START_MS
        triggered = {
            "delayed": scene.trigger("heartbeat", delay="1h"),
            "keyed": scene.trigger("heartbeat", idempotencyKey="k"),
            "executing": scene.trigger("generate-report", {"report": 1}),
        }
        scene.advance(LATER_MS / 1000)
        world.advance(scene.time[0])
        yield SdkServer(scene, names_in(scene, world) | triggered)


def names_in(scene: Scene, world: World) -> dict[str, str]:
    """One run of each kind, with the values that belong to it."""

    def one(status: Status, task: str, label: FailureKind | None = None) -> Run:
        return next(r for r in world.ledger if (r.status, r.task_id, r.label) == (status, task, label) and r.attempts)

    completed = one(Status.COMPLETED, "crm-sync")
    failed = next(run for run in world.ledger if run.label in {FailureKind.ERROR, FailureKind.CUSTOM})
    child = next(run for run in world.ledger if run.batch_id)
    assert child.parent is not None
    listing = {"page[size]": 10, "filter[createdAt][to]": START_MS - LISTED_MS}
    first = scene.ask("GET", "/api/v1/runs", query=listing).json()
    second = scene.ask("GET", "/api/v1/runs", query={**listing, "page[after]": first["pagination"]["next"]}).json()
    trace = scene.ask("GET", f"/api/v1/runs/{failed.id}/trace").json()
    replayed = scene.ask("POST", f"/api/v1/runs/{completed.id}/replay").json()
    return {
        "completed": completed.id,
        "failed": failed.id,
        "child": child.id,
        "parent": child.parent.id,
        "batch": child.batch_id,
        "replayed": replayed["id"],
        "span": trace["trace"]["rootSpan"]["id"],
        "next": first["pagination"]["next"],
        "previous": second["pagination"]["previous"],
        "tag": next(run.tags[0] for run in world.ledger if run.tags),
        "tag_of_now": "tagged-1795528000000",
        "version": completed.version,
        "queue": world.queues.named("webhooks").id,
        "now_ms": str(START_MS - LISTED_MS),
        "hour_ago_ms": str(START_MS - HOUR_MS),
    }


@cache
def validator(answer: str) -> Draft202012Validator:
    return Draft202012Validator(EXPECTED["shapes"][answer], format_checker=Draft202012Validator.FORMAT_CHECKER)


def complaints(answer: str, body: Any) -> list[str]:
    """The validation errors of the SDK for a body."""
    return [f"{error.json_path}: {error.message}" for error in validator(answer).iter_errors(body)]


@pytest.mark.parametrize(
    "sdk_request", EXPECTED["requests"], ids=lambda sdk_request: re.sub(r"\W+", "-", sdk_request["call"])
)
def test_sdk_request_gets_a_valid_response(sdk_server: SdkServer, sdk_request: Mapping[str, Any]) -> None:
    sdk_server.scene.emulator.limiter.forget()
    answer = sdk_server.send(sdk_request)
    assert answer.status_code == sdk_request["status"], answer.text
    if sdk_request["status"] != 200:
        # The SDK builds the text of its error from this.
        assert isinstance(answer.json()["error"], str)
        return
    body = answer.json()
    assert complaints(sdk_request["answer"], body) == []
    if sdk_request["answer"] == "list":
        assert bool(body["data"]) is ("nothing" not in sdk_request["call"])
    if sdk_request["answer"] == "trigger":
        assert answer.headers["x-trigger-jwt"].count(".") == 2


def test_token_signed_by_the_sdk_is_valid() -> None:
    claims = jwt.decode(EXPECTED["token"], options={"verify_signature": False})
    assert claims["sub"] == DEVELOPMENT.id
    with scenes() as scene:
        scene.time[0] = claims["iat"] * 1000
        scene.emulator.put(World(COMPANY, start_ms=scene.time[0]))
        assert scene.ask("GET", "/api/v1/runs", key=EXPECTED["token"]).status_code == 200
        assert scene.ask("POST", "/api/v2/runs/run_x/cancel", key=EXPECTED["token"]).status_code == 403
        scene.advance(claims["exp"] - claims["iat"])
        answer = scene.ask("GET", "/api/v1/runs", key=EXPECTED["token"])
        assert (answer.status_code, answer.json()) == (401, {"error": "Public Access Token is invalid"})


def test_repeated_trigger_creates_no_second_run() -> None:
    headers = {**EXPECTED["headers"], "x-trigger-request-idempotency-key": "8f4c1f0e-1a1c-4d6f-9c3c-2f6c0d1a7e55"}
    path, body = "/api/v1/tasks/heartbeat/trigger", {"options": {"delay": "1h"}}
    with scenes() as scene:
        scene.emulator.put(World(COMPANY, start_ms=START_MS))
        fault = {"kind": "lost-answer", "times": 1}
        scene.client.post(f"{scene.url}/emulator/faults", json={"faults": [fault]}).raise_for_status()
        with pytest.raises(httpx2.RemoteProtocolError):
            scene.ask("POST", path, headers=headers, body=body)
        (made,) = scene.world().ledger
        answer = scene.ask("POST", path, headers=headers, body=body)
        assert answer.json() == {"id": made.id, "isCached": False}
        assert json.loads(answer.headers["x-trigger-jwt-claims"])["scopes"][0] == f"read:runs:{made.id}"
        assert list(scene.world().ledger) == [made]
        headers["x-trigger-request-idempotency-key"] = "another"
        assert scene.ask("POST", path, headers=headers, body=body).json()["id"] != made.id
