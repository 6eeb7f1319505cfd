"""Who may call what: the status and the rate limit of each route for each kind of key.

Source: tests/wire/recordings/RIGHTS.md.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import pytest

from tests.emulator.contract.scene import Scene, scenes
from tests.support.recordings import FOLDER
from tui.emulator.environment import DEVELOPMENT

FULL = (
    *(f"read:{kind}" for kind in ("runs", "tags", "batch", "queues", "schedules", "errors", "query", "waitpoints")),
    "read:deployments",
    "read:tasks",
    "write:runs",
)
TOKENS: Mapping[str, tuple[str, ...]] = {
    "HS256 read:runs": ("read:runs",),
    "HS256 full": FULL,
    "HS256 read:all": ("read:all",),
    "HS256 read:all write:all": ("read:all", "write:all"),
    "HS256 *:all": ("*:all",),
    "HS256 admin": ("admin",),
    "HS256 read (bare)": ("read",),
    "HS256 no scopes": (),
}
NOT_SERVED = ("bulk-action", "deployments/latest", "query schema", "reports", "whoami v2")
WAITPOINTS = "/api/v1/waitpoints/tokens"
Ask = tuple[str, str, Mapping[str, Any], Any]


def rows() -> dict[str, dict[str, str]]:
    """For each route the cell of each kind of key."""
    lines = [line for line in (FOLDER / "RIGHTS.md").read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    names, *found = (row for row in cells if row[0] != "---")
    return {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in found}


ROWS = {route: cells for route, cells in rows().items() if not route.startswith(NOT_SERVED)}


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with scenes() as scene:
        scene.reset()
        yield scene


def get(path: str, **query: Any) -> Ask:
    return "GET", path, query, None


@pytest.fixture(scope="module")
def requests(scene: Scene) -> dict[str, Ask]:
    """The request of each route: method, path, query and body."""
    run = scene.trigger("leaf", {"n": 1, "ms": 5, "fail": True}, tags=["a"])
    scene.trigger("pipeline", {})
    scene.advance(60)
    trace = scene.ask("GET", f"/api/v1/runs/{run}/trace").json()["trace"]
    batch = next(each.batch_id for each in scene.world().ledger if each.batch_id and each.root is not None)
    error = scene.ask("GET", "/api/v1/errors").json()["data"][0]["id"]
    token = scene.ask("POST", WAITPOINTS, body={}).json()["id"]
    return {
        "runs list": get("/api/v1/runs"),
        "runs list, filter task": get("/api/v1/runs", **{"filter[taskIdentifier]": "leaf"}),
        "run detail": get(f"/api/v3/runs/{run}"),
        "trace": get(f"/api/v1/runs/{run}/trace"),
        "events": get(f"/api/v1/runs/{run}/events"),
        "span": get(f"/api/v1/runs/{run}/spans/{trace['rootSpan']['id']}"),
        "queues list": get("/api/v1/queues"),
        "queue detail": get("/api/v1/queues/leaf", type="task"),
        "queue metrics": get("/api/v1/queues/leaf/metrics", type="task"),
        "errors list": get("/api/v1/errors"),
        "error detail": get(f"/api/v1/errors/{error}"),
        "error resolve": ("POST", f"/api/v1/errors/{error}/resolve", {}, {}),
        "schedule detail": get(f"/api/v1/schedules/{scene.ask('GET', '/api/v1/schedules').json()['data'][0]['id']}"),
        "waitpoint token detail": get(f"{WAITPOINTS}/{token}"),
        "query": ("POST", "/api/v1/query", {}, {"query": "SELECT count() AS n FROM runs"}),
        "schedules list": get("/api/v1/schedules"),
        "waitpoints/tokens list": get(WAITPOINTS),
        "deployments list": get("/api/v1/deployments"),
        "whoami v1": get("/api/v1/whoami"),
        "run result": get(f"/api/v1/runs/{run}/result"),
        "batch v1": get(f"/api/v1/batches/{batch}"),
        "batch v2": get(f"/api/v2/batches/{batch}"),
        "realtime run": get(f"/realtime/v1/runs/{run}", offset=-1),
        "realtime runs, tag": get("/realtime/v1/runs", offset=-1, tags="a"),
        "realtime batch": get(f"/realtime/v1/batches/{batch}", offset=-1),
        "cancel (finished run)": ("POST", f"/api/v2/runs/{run}/cancel", {}, {}),
        "replay": ("POST", f"/api/v1/runs/{run}/replay", {}, {}),
        "trigger": ("POST", "/api/v1/tasks/leaf/trigger", {}, {"payload": {}}),
        "queue pause (resume)": ("POST", "/api/v1/queues/leaf/pause", {}, {"type": "task", "action": "resume"}),
    }


@pytest.mark.parametrize("route", ROWS)
def test_key_may_call_what_was_recorded(scene: Scene, requests: Mapping[str, Ask], route: str) -> None:
    method, path, query, body = requests[route]
    found = {}
    for kind in ROWS[route]:
        scopes = TOKENS.get(kind)
        key = DEVELOPMENT.key if kind == "dev secret key" else "tr_pat_0123456789abcdef"
        scene.emulator.limiter.forget()
        answer = scene.ask(method, path, query=query, body=body, key=key if scopes is None else scene.token(*scopes))
        found[kind] = f"{answer.status_code}/{answer.headers.get('x-ratelimit-limit', '-')}"
        assert is_explained(answer)
    assert found == ROWS[route]


def test_token_is_completed_with_its_own_key_and_continues_its_run(scene: Scene) -> None:
    run = scene.trigger("approval", {})
    made = scene.ask("POST", WAITPOINTS, body={"idempotencyKey": "a"})
    again = scene.ask("POST", WAITPOINTS, body={"idempotencyKey": "a"}).json()
    assert (made.json()["id"], made.json()["isCached"], again["isCached"]) == (again["id"], False, True)
    scene.advance(5)
    (waits, *_) = (row["id"] for row in scene.ask("GET", WAITPOINTS).json()["data"] if row["tags"] == ["approval"])
    own, body = made.headers["x-trigger-jwt"], {"data": {"n": 1}}
    asked = ((waits, own), (again["id"], own), (waits, None))
    answers = [scene.ask("POST", f"{WAITPOINTS}/{token}/complete", body=body, key=key) for token, key in asked]
    statuses = [answer.status_code for answer in answers]
    scene.advance(3)
    assert statuses == [403, 200, 200]
    assert scene.ask("GET", f"/api/v3/runs/{run}").json()["status"] == "COMPLETED"
    assert scene.ask("GET", f"{WAITPOINTS}/{waits}").json()["output"] == '{"n":1}'


def is_explained(answer: httpx2.Response) -> bool:
    """Whether a refusal has the recorded text."""
    texts = {401: ("Invalid API key", "Invalid or Missing API key"), 403: ("Unauthorized",)}
    return answer.status_code not in texts or answer.json()["error"] in texts[answer.status_code]
