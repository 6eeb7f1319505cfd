"""Tests that the listed schedules are those that start runs."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.emulator.contract.scene import Scene
from tests.emulator.contract.scene import scenes as recorded_scenes
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.simulation.records import EARLY_MS
from tui.emulator.world import World

START_MS = 1_795_528_000_000


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with recorded_scenes() as scene:
        scene.time[0] = START_MS
        scene.emulator.put(World(COMPANY, start_ms=START_MS, rate_per_s=0.2))
        yield scene


def epoch_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def test_schedule_starts_its_run_when_it_says(scene: Scene) -> None:
    rows = scene.ask("GET", "/api/v1/schedules").json()["data"]
    soonest = min(rows, key=lambda row: row["nextRun"])
    due_ms = epoch_ms(soonest["nextRun"])
    assert due_ms > scene.time[0]
    wanted = {"filter[schedule]": soonest["id"]}
    scene.time[0] = due_ms - EARLY_MS - 1
    before = len(scene.ask("GET", "/api/v1/runs", query=wanted).json()["data"])
    scene.advance(2)
    runs = scene.ask("GET", "/api/v1/runs", query=wanted).json()["data"]
    assert len(runs) == before + 1
    assert runs[0]["createdAt"] == soonest["nextRun"], "in the future"
    assert runs[0]["taskIdentifier"] == soonest["task"]
    scene.time[0] = due_ms - 1
    (run,) = scene.ask("GET", "/api/v1/runs", query=wanted | {"page[size]": "1"}).json()["data"]
    assert (run["id"], run["status"], run.get("startedAt")) == (runs[0]["id"], "QUEUED", None)
    scene.advance(5)
    (run,) = scene.ask("GET", "/api/v1/runs", query=wanted | {"page[size]": "1"}).json()["data"]
    assert epoch_ms(run["startedAt"]) >= due_ms
    again = scene.ask("GET", f"/api/v1/schedules/{soonest['id']}").json()
    assert epoch_ms(again["nextRun"]) == due_ms + 300_000


def test_deactivated_schedule_starts_no_run(scene: Scene) -> None:
    row = next(row for row in scene.ask("GET", "/api/v1/schedules").json()["data"] if "rates" in row["task"])
    path, wanted = f"/api/v1/schedules/{row['id']}", {"filter[schedule]": row["id"]}
    assert scene.ask("POST", f"{path}/deactivate").json()["nextRun"] is None
    before = scene.ask("GET", "/api/v1/runs", query=wanted).json()["data"]
    scene.advance(900)
    assert scene.ask("GET", "/api/v1/runs", query=wanted).json()["data"] == before
    # Activated twice, it fires once at each due time.
    scene.ask("POST", f"{path}/activate")
    scene.ask("POST", f"{path}/activate")
    scene.advance(301)
    assert len(scene.ask("GET", "/api/v1/runs", query=wanted).json()["data"]) == len(before) + 1


def test_silent_schedule_is_active_and_starts_no_run(scene: Scene) -> None:
    world = scene.world()
    schedule = world.schedules.of_task("refresh-exchange-rates")
    assert schedule is not None
    schedule.silent_from_ms = world.now_ms
    before = len(world.ledger.with_field("schedule", schedule.id))
    scene.advance(700)
    world = scene.world()
    assert len(world.ledger.with_field("schedule", schedule.id)) == before
    assert scene.ask("GET", f"/api/v1/schedules/{schedule.id}").json()["active"]


def test_pages_of_schedules_are_numbered(scene: Scene) -> None:
    everything = [row["id"] for row in scene.ask("GET", "/api/v1/schedules").json()["data"]]
    second = scene.ask("GET", "/api/v1/schedules", query={"page": 2, "perPage": 1}).json()
    assert [row["id"] for row in second["data"]] == everything[1:2]
    assert second["pagination"] == {"currentPage": 2, "totalPages": len(everything), "count": len(everything)}
    assert scene.ask("GET", "/api/v1/schedules", query={"page": 0}).status_code == 400


def test_public_token_may_not_read_schedules(scene: Scene) -> None:
    key = scene.token("read:all", "read:schedules", "admin")
    assert scene.ask("GET", "/api/v1/schedules", key=key).status_code == 401
