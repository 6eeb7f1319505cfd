"""Tests of the health report: its numbers are those of the runs, and it is trusted only where a week is known."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.emulator.contract.scene import START_MS, Scene
from tests.emulator.contract.scene import scenes as recorded_scenes
from tui.emulator.environment import DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.recorded_tasks import RECORDED_TASKS
from tui.emulator.simulation.new_run import NewRun, OldRun
from tui.emulator.simulation.statuses import Status
from tui.emulator.world import DemoTasks, World

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
PATH = "/api/v1/reports/health"
FAILED = {Status.FAILED, Status.CRASHED, Status.TIMED_OUT, Status.SYSTEM_FAILURE}


@pytest.fixture(scope="module")
def server() -> Iterator[Scene]:
    with recorded_scenes() as scene:
        yield scene


@pytest.fixture
def scene(server: Scene) -> Scene:
    server.reset()
    return server


def put(scene: Scene, environment: Environment, *ages_ms: int) -> World:
    """A world with a run of each age, every third of which fails."""
    old = [
        OldRun(age_ms, NewRun(task_id="leaf", payload={"n": number, "ms": 400 + number, "fail": number % 3 == 0}))
        for number, age_ms in enumerate(ages_ms)
    ]
    world = World(DemoTasks(RECORDED_TASKS), start_ms=START_MS, environment=environment, old_runs=old)
    scene.emulator.put(world)
    return world


def report(scene: Scene, environment: Environment = PRODUCTION, **query: str) -> dict[str, Any]:
    answer = scene.ask("GET", PATH, query={"format": "json", **query}, key=environment.key)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize(
    ("environment", "days", "runs", "is_trusted", "why"),
    [
        (PRODUCTION, range(1, 7), 10, True, None),
        (PRODUCTION, range(1, 7), 9, False, "baseline_absent"),
        (PRODUCTION, range(1, 6), 10, False, "baseline_absent"),
        (PRODUCTION, range(3, 13), 10, False, "baseline_absent"),
        (DEVELOPMENT, range(1, 7), 10, False, "telemetry_absent"),
    ],
)
def test_normals_of_a_week_are_trusted_in_production(
    scene: Scene, environment: Environment, days: range, runs: int, is_trusted: bool, why: str | None
) -> None:
    put(scene, environment, *(day * DAY_MS + number * 1000 for day in days for number in range(1, runs + 1)))
    facts = report(scene, environment)["facts"]
    assert (facts["trustworthy"], facts.get("untrustworthyReason")) == (is_trusted, why)


def test_metrics_are_those_of_the_runs(scene: Scene) -> None:
    ages = [*(day * DAY_MS + 60_000 for day in range(1, 7)), *(minute * 60_000 for minute in range(1, 31))]
    world = put(scene, PRODUCTION, *ages)
    body = report(scene)
    found = {each["id"]: each for each in body["metrics"]}
    recent = [run for run in world.ledger if run.created_ms >= world.now_ms - HOUR_MS]
    everything = list(world.ledger)
    assert found["triggered"]["value"] == pytest.approx(len(recent) / 60)
    assert found["triggered"]["normal"] == pytest.approx(len(everything) / (7 * 24 * 60))
    for name, runs in (("value", recent), ("normal", everything)):
        failed = sum(run.status in FAILED for run in runs)
        assert found["failures"][name] == pytest.approx(failed / len(runs))
    assert found["triggered"]["annotation"]["code"] == "spike_mult"
    assert body["summary"]["severity"] == "warn"
    # A shorter window is another report.
    shorter = {each["id"]: each for each in report(scene, period="15m")["metrics"]}
    count = sum(run.created_ms >= world.now_ms - HOUR_MS / 4 for run in world.ledger)
    assert shorter["triggered"]["value"] == pytest.approx(count / 15)


def test_report_without_runs_has_no_normals(scene: Scene) -> None:
    put(scene, PRODUCTION)
    body = report(scene, period="nonsense")
    assert body["period"] == "last 1h"
    assert {each["id"] for each in body["metrics"] if each.get("normal")} == set()
    assert scene.ask("GET", PATH, key=PRODUCTION.key).headers["content-type"] == "text/markdown; charset=utf-8"


def test_report_needs_the_right_to_query(scene: Scene) -> None:
    assert scene.ask("GET", PATH, key=scene.token("read:runs")).status_code == 403
    assert scene.ask("GET", PATH, key=scene.token("read:query")).status_code == 200
    assert scene.ask("GET", "/api/v1/reports/health/x").status_code == 404


def test_report_does_not_count_as_a_query(scene: Scene) -> None:
    gate = scene.emulator.gate
    with gate, gate, gate:
        assert report(scene)["title"] == "health"
        assert scene.ask("POST", "/api/v1/query", body={"query": "SELECT 1 AS a FROM runs"}).status_code == 429
