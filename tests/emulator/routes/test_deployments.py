"""Tests that the listed deployments are the versions of the runs, and of their rights and limits."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.emulator.contract.scene import START_MS, Scene
from tests.emulator.contract.scene import scenes as recorded_scenes
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.environment import DEVELOPMENT, PRODUCTION
from tui.emulator.world import World

PATH = "/api/v1/deployments"


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with recorded_scenes() as scene:
        for environment in (PRODUCTION, DEVELOPMENT):
            scene.emulator.put(World(COMPANY, start_ms=START_MS, environment=environment, rate_per_s=2, history=200))
        yield scene


def test_runs_use_the_version_that_was_deployed_last(scene: Scene) -> None:
    rows = scene.ask("GET", PATH, query={"page[size]": 100}, key=PRODUCTION.key).json()["data"]
    deployed = [(datetime.fromisoformat(row["deployedAt"]).timestamp() * 1000, row["version"]) for row in rows]
    assert deployed == sorted(deployed, reverse=True)
    assert len(deployed) > 2
    started = [run for run in scene.world("prod").ledger if run.started_ms is not None]
    assert len(started) > 100
    for run in started:
        assert run.started_ms is not None
        assert run.version == next(version for at_ms, version in deployed if round(at_ms) <= run.started_ms)
    assert scene.ask("GET", f"{PATH}/current", key=PRODUCTION.key).json()["version"] == deployed[0][1]


def test_development_lists_no_deployment(scene: Scene) -> None:
    assert scene.ask("GET", PATH).json() == {"data": [], "pagination": {}}


def test_deployments_count_against_a_limit_of_their_own(scene: Scene) -> None:
    key = scene.token("read:deployments")
    first, other = scene.ask("GET", PATH, key=key), scene.ask("GET", "/api/v1/runs", key=key)
    again = scene.ask("GET", PATH, key=key)
    assert [each.headers["x-ratelimit-limit"] for each in (first, other, again)] == ["1500", "60", "1500"]
    assert int(again.headers["x-ratelimit-remaining"]) == int(first.headers["x-ratelimit-remaining"]) - 1


@pytest.mark.parametrize(("scope", "status"), [("read:queues", 200), ("read:all", 200), ("read:runs", 403)])
def test_public_token_needs_a_scope_for_a_queue(scene: Scene, scope: str, status: int) -> None:
    for path in ("/api/v1/queues/email", "/api/v1/queues/email/metrics"):
        assert scene.ask("GET", path, query={"type": "custom"}, key=scene.token(scope)).status_code == status
    assert scene.ask("GET", "/api/v1/queues", key=scene.token(scope)).status_code == 401


@pytest.mark.parametrize("period", ["", "soon", "0s", "999999999999w", "-1h", "31d"])
def test_unreadable_period_of_metrics_is_an_hour(scene: Scene, period: str) -> None:
    query = {"type": "custom", "period": period}
    body = scene.ask("GET", "/api/v1/queues/email/metrics", query=query).json()
    assert (body["period"], body["bucketIntervalMs"]) == ("1h", 300_000)
