"""`/emulator/world`, compared with the world itself in every number and field."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.emulator.server import EmulatorServer, run_emulator
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import DEVELOPMENT, PRODUCTION
from tui.emulator.rows import iso_time
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import FailureKind
from tui.emulator.stories import tell
from tui.emulator.world import World

HISTORY = 1200


@pytest.fixture(scope="module")
def api() -> Iterator[EmulatorServer]:
    with run_emulator(COMPANY, history=HISTORY, rate_per_s=5.0) as server:
        server.advance(120)
        yield server


def read_world(api: EmulatorServer, **query: Any) -> Any:
    answer = api.client.get(f"{api.url}/emulator/world", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def fields(run: Run) -> dict[str, Any]:
    """The expected fields of a run."""
    return {
        "id": run.id,
        "taskIdentifier": run.task_id,
        "status": run.status.rest,
        "label": None if run.label is None else run.label.value,
        "cause": run.cause,
        "version": run.version or None,
        "createdAt": iso_time(run.shown_created_ms),
        "updatedAt": iso_time(run.updated_ms),
        "finishedAt": iso_time(run.finished_ms or 0) if run.status.is_final else None,
        "attemptCount": len(run.attempts),
        "depth": len(list(ancestors(run))),
        "parent": run.parent.id if run.parent else None,
        "root": next(reversed(list(ancestors(run))), None),
        "tags": list(run.tags),
    }


def ancestors(run: Run) -> Iterator[str]:
    while run.parent is not None:
        run = run.parent
        yield run.id


@pytest.mark.parametrize("slug", ["dev", "prod"])
def test_world_route_agrees_with_the_ledger(api: EmulatorServer, slug: str) -> None:
    truth = read_world(api, environment=slug, limit="all")
    runs = list(api.world(slug).ledger)
    assert truth["environment"] == slug
    assert truth["now"] == iso_time(api.time[0])
    assert truth["count"] == len(runs) == len(truth["runs"])
    assert truth["runs"] == [fields(run) for run in reversed(runs)]
    assert truth["statuses"] == dict(Counter(run["status"] for run in truth["runs"]))
    assert truth["labels"] == dict(Counter(run["label"] for run in truth["runs"] if run["label"]))
    assert list(truth["statuses"]) == sorted(truth["statuses"])
    assert set(truth["labels"]) <= {kind.value for kind in FailureKind}
    assert {"COMPLETED", "FAILED", "EXECUTING"} <= truth["statuses"].keys()
    assert max(run["depth"] for run in truth["runs"]) >= 3


def test_every_failure_has_a_label(api: EmulatorServer) -> None:
    for run in read_world(api, limit="all")["runs"]:
        if run["status"] in {"FAILED", "CRASHED", "TIMED_OUT", "SYSTEM_FAILURE"}:
            assert run["label"]


def test_runs_of_a_story_have_its_name_as_label() -> None:
    with run_emulator(rate_per_s=0.0) as api:
        company, story = tell("stuck-run", 0, api.time[0], 0.0)
        api.emulator.put(World(company, start_ms=api.time[0], story=story))
        truth = read_world(api, limit="all")
        assert truth["labels"] == {"stuck-run": 1}
        (stuck,) = [run for run in truth["runs"] if run["label"] == "stuck-run"]
        assert (stuck["taskIdentifier"], stuck["status"]) == ("import-catalog", "EXECUTING")


def test_limit_sets_the_number_of_runs(api: EmulatorServer) -> None:
    everything = read_world(api, limit="all")
    assert len(read_world(api)["runs"]) == 1000 < everything["count"]
    for limit in (0, 1, 25, 999_999_999):
        some = read_world(api, limit=limit)
        assert some["runs"] == everything["runs"][:limit]
        # The counts cover all runs.
        assert (some["count"], some["statuses"], some["labels"]) == (
            everything["count"],
            everything["statuses"],
            everything["labels"],
        )


@pytest.mark.parametrize(
    "query",
    [
        {"environment": "staging"},
        {"environment": ""},
        {"limit": "-1"},
        {"limit": "many"},
        {"limit": ""},
        {"limit": "1.5"},
        {"limit": "²"},
        {"limit": "1" * 5000},
    ],
)
def test_invalid_parameters_get_a_helpful_error(api: EmulatorServer, query: dict[str, str]) -> None:
    answer = api.client.get(f"{api.url}/emulator/world", params=query)
    error = "expected environment=dev|prod and limit=<number>|all"
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_world_route_is_ahead_of_lists(api: EmulatorServer) -> None:
    run_id = api.trigger("send-email", options={"tags": ["\ud83d".encode("utf-8", "replace").decode(), "new"]})
    newest = read_world(api, limit=1)["runs"][0]
    assert (newest["id"], newest["status"], newest["tags"]) == (run_id, "QUEUED", ["?", "new"])
    listed = api.get("/api/v1/runs", params={"page[size]": 1}).json()["data"]
    assert listed[0]["id"] != run_id
    assert api.ask("POST", f"/api/v2/runs/{run_id}/cancel").status_code == 200
    assert read_world(api, limit=1)["runs"][0]["status"] == "CANCELED"


def test_list_agrees_with_world_after_the_delay() -> None:
    with run_emulator(COMPANY, history=300, rate_per_s=5.0) as api:
        for environment in (DEVELOPMENT, PRODUCTION):
            api.advance(30)
            truth = {run["id"]: run for run in read_world(api, environment=environment.slug, limit="all")["runs"]}
            old = {run_id for run_id, run in truth.items() if run["updatedAt"] < iso_time(api.time[0] - 1000)}
            assert len(old) > 250
            cursor: dict[str, str] = {}
            rows: list[Any] = []
            while True:
                page = api.get(
                    "/api/v1/runs", params={"page[size]": 100, **cursor}, key=environment.key, headers=VERSIONED
                )
                rows += page.json()["data"]
                subscription = page.json()["pagination"].get("next")
                if subscription is None:
                    break
                cursor = {"page[after]": subscription}
            listed = {row["id"]: row for row in rows}
            assert old <= listed.keys() <= truth.keys()
            for run_id in old:
                row, run = listed[run_id], truth[run_id]
                assert {name: row.get(name) for name in SHARED} == {name: run[name] for name in SHARED}


VERSIONED = {"x-trigger-api-version": "2025-07-16"}
SHARED = ("taskIdentifier", "status", "version", "createdAt", "updatedAt", "finishedAt", "depth", "tags")


def test_control_needs_no_key_and_counts_nothing(api: EmulatorServer) -> None:
    before = int(api.get("/api/v1/runs").headers["x-ratelimit-remaining"])
    for _ in range(3):
        read_world(api, limit=0)
    answer = api.client.get(f"{api.url}/emulator/world", params={"limit": 0})
    assert "x-ratelimit-limit" not in answer.headers
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert int(api.get("/api/v1/runs").headers["x-ratelimit-remaining"]) == before - 1
    assert api.client.post(f"{api.url}/emulator/world").status_code == 404


def test_same_seed_returns_the_same_world() -> None:
    def all_of(seed: int) -> bytes:
        with run_emulator(COMPANY, history=200, seed=seed) as api:
            return api.client.get(f"{api.url}/emulator/world?limit=all").content

    assert all_of(3) == all_of(3)
    assert json.loads(all_of(3))["runs"][0]["id"] != json.loads(all_of(4))["runs"][0]["id"]


def test_storm_lets_runs_fail_with_one_cause(api: EmulatorServer) -> None:
    answer = api.client.post(f"{api.url}/emulator/storm", json={"runs": 90, "seconds": 6, "environment": "prod"})
    assert answer.json() == {"environment": "prod", "runs": 90, "seconds": 6}
    api.advance(9)
    runs = [run for run in read_world(api, environment="prod")["runs"] if "source:storm" in run["tags"]]
    assert Counter((run["status"], run["cause"]) for run in runs) == {("FAILED", "14 UNAVAILABLE"): 90}
    times = sorted(run["createdAt"] for run in runs)
    assert len(set(times)) == 90


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'{"runs": 0}', b'{"runs": true}', b'{"seconds": "1"}', b'{"environment": 1}']
)
def test_bad_storm_is_refused(api: EmulatorServer, body: bytes) -> None:
    answer = api.client.post(f"{api.url}/emulator/storm", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("expected runs from 1 to 20000")
