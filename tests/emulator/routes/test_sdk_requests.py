"""What the official SDK sends, sent again: each answer has what the SDK demands of it.

The requests, and the shapes of the answers, were written down by `python -m tests.sdk --record`, which runs the SDK
itself. Ids and times are names in braces there; here they are those of another world.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from jsonschema import Draft202012Validator

from tests.emulator.contract.scene import START_MS, Scene, scenes
from tests.support.recordings import recordings
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import API_VERSION, DEVELOPMENT
from tui.emulator.simulation.failure import FailureKind
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.statuses import Status
from tui.emulator.world import World

TOLD: dict[str, Any] = json.loads((Path(__file__).parent / "sdk_requests.json").read_bytes())
HOUR_MS = 3_600_000
LATER_MS = 5_000
"""How long after its making a triggered report has started others, and is not over."""

LISTED_MS = 2_000
"""What is older is in all lists."""

CUT = "cut from this recording"
"""Stands in a recording for the rest of a long list."""


@dataclass(frozen=True)
class Place:
    """A server, and what the names in the requests stand for on it."""

    scene: Scene
    names: Mapping[str, str]

    def send(self, asked: Mapping[str, Any]) -> httpx.Response:
        """The request of the SDK, with the ids of this place."""
        text = json.dumps(asked)
        for name, value in self.names.items():
            text = text.replace(f"{{{name}}}", value)
        request = json.loads(text)
        return self.scene.ask(
            request["method"],
            request["path"],
            query=request["query"],
            headers=asked.get("headers", TOLD["headers"]),
            body=None if request["body"] is None else json.dumps(request["body"]),
            key=self.scene.token("read:runs") if asked.get("is_public") else None,
        )


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with scenes() as scene:
        world = World(COMPANY, start_ms=START_MS, rate_per_s=5, history=300)
        scene.emulator.put(world)
        scene.time[0] = START_MS
        triggered = {
            "delayed": scene.trigger("heartbeat", delay="1h"),
            "keyed": scene.trigger("heartbeat", idempotencyKey="k"),
            "executing": scene.trigger("generate-report", {"report": 1}),
        }
        scene.advance(LATER_MS / 1000)
        world.advance(scene.time[0])
        yield Place(scene, names_in(scene, world) | triggered)


def names_in(scene: Scene, world: World) -> dict[str, str]:
    """One of each kind of run, and what belongs to them."""

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
    return Draft202012Validator(TOLD["shapes"][answer], format_checker=Draft202012Validator.FORMAT_CHECKER)


def complaints(answer: str, body: Any) -> list[str]:
    """What the SDK has against a body."""
    return [f"{error.json_path}: {error.message}" for error in validator(answer).iter_errors(body)]


@pytest.mark.parametrize("asked", TOLD["requests"], ids=lambda asked: re.sub(r"\W+", "-", asked["call"]))
def test_a_request_of_the_sdk(place: Place, asked: Mapping[str, Any]) -> None:
    place.scene.emulator.limiter.forget()
    answer = place.send(asked)
    assert answer.status_code == asked["status"], answer.text
    if asked["status"] != 200:
        # The SDK makes the text of its error from this.
        assert isinstance(answer.json()["error"], str)
        return
    body = answer.json()
    assert complaints(asked["answer"], body) == []
    if asked["answer"] == "list":
        assert bool(body["data"]) is ("nothing" not in asked["call"])
    if asked["answer"] == "trigger":
        assert answer.headers["x-trigger-jwt"].count(".") == 2


def test_every_name_in_a_request_is_known(place: Place) -> None:
    asked = json.dumps([{key: each[key] for key in ("path", "query")} for each in TOLD["requests"]])
    assert set(re.findall(r"\{(\w+)\}", asked)) == set(place.names)


def test_the_shapes_are_those_of_the_real_server() -> None:
    """Answers of the recorded server would pass too: the shapes ask for nothing that the truth has not."""
    paths = {
        r"/api/v1/runs$": "list",
        r"/api/v3/runs/[^/]+$": "run",
        r"/api/v1/runs/[^/]+/trace$": "trace",
        r"/api/v1/runs/[^/]+/spans/\w+$": "span",
        r"/api/v1/tasks/[^/]+/trigger$": "trigger",
        r"/api/v1/queues$": "queues",
        r"/api/v1/query$": "query",
        r"/realtime/v1/": "feed",
    }
    met = set()
    for name, parsed in recordings():
        request, response = parsed.get("request", {}), parsed.get("response", {})
        answer = next((each for pattern, each in paths.items() if re.match(pattern, request.get("path", ""))), None)
        # Without the header, statuses are the words of old.
        is_versioned = request.get("headers", {}).get("x-trigger-api-version") == API_VERSION
        if answer is None or response["status"] != 200 or not (is_versioned or answer not in {"list", "run"}):
            continue
        if CUT not in json.dumps(response["body"]):
            met.add(answer)
            assert complaints(answer, response["body"]) == [], name
    assert met == set(paths.values())


def test_a_body_without_a_field_is_complained_of(place: Place) -> None:
    body = place.scene.ask("GET", f"/api/v3/runs/{place.names['completed']}", headers=TOLD["headers"]).json()
    assert complaints("run", body) == []
    assert complaints("run", {**body, "createdAt": None}) != []
    del body["relatedRuns"]
    assert complaints("run", body) == ["$: 'relatedRuns' is a required property"]


def test_a_token_that_the_sdk_has_signed() -> None:
    claims = jwt.decode(TOLD["token"], options={"verify_signature": False})
    assert claims["sub"] == DEVELOPMENT.id
    with scenes() as scene:
        scene.time[0] = claims["iat"] * 1000
        scene.emulator.put(World(COMPANY, start_ms=scene.time[0]))
        assert scene.ask("GET", "/api/v1/runs", key=TOLD["token"]).status_code == 200
        assert scene.ask("POST", "/api/v2/runs/run_x/cancel", key=TOLD["token"]).status_code == 403
        scene.advance(claims["exp"] - claims["iat"])
        answer = scene.ask("GET", "/api/v1/runs", key=TOLD["token"])
        assert (answer.status_code, answer.json()) == (401, {"error": "Public Access Token is invalid"})


def test_a_trigger_that_is_sent_again_makes_no_second_run() -> None:
    headers = {**TOLD["headers"], "x-trigger-request-idempotency-key": "8f4c1f0e-1a1c-4d6f-9c3c-2f6c0d1a7e55"}
    path, body = "/api/v1/tasks/heartbeat/trigger", {"options": {"delay": "1h"}}
    with scenes() as scene:
        scene.emulator.put(World(COMPANY, start_ms=START_MS))
        fault = {"kind": "lost-answer", "times": 1}
        scene.client.post(f"{scene.url}/emulator/faults", json={"faults": [fault]}).raise_for_status()
        with pytest.raises(httpx.RemoteProtocolError):
            scene.ask("POST", path, headers=headers, body=body)
        (made,) = scene.world().ledger
        answer = scene.ask("POST", path, headers=headers, body=body)
        assert answer.json() == {"id": made.id, "isCached": False}
        assert json.loads(answer.headers["x-trigger-jwt-claims"])["scopes"][0] == f"read:runs:{made.id}"
        assert list(scene.world().ledger) == [made]
        headers["x-trigger-request-idempotency-key"] = "another"
        assert scene.ask("POST", path, headers=headers, body=body).json()["id"] != made.id


def test_a_task_with_a_slash_in_its_id() -> None:
    with scenes() as scene:
        scene.emulator.put(World(COMPANY, start_ms=START_MS))
        answer = scene.ask("POST", "/api/v1/tasks/team%2Ftask/trigger", body={})
        told = scene.ask("GET", f"/api/v3/runs/{answer.json()['id']}").json()
        assert told["taskIdentifier"] == "team/task"
