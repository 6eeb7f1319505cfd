"""Cases of schedules, and the content of their responses."""

from typing import Any

import httpx2

from tests.emulator.contract.cases import again, case
from tests.emulator.contract.scene import SCHEDULED_TASKS, START_MS, UNSCHEDULED_TASKS, Scene
from tui.emulator.simulation.records import schedule_id
from tui.emulator.world import DemoTasks, World

DAILY, EVERY_MINUTE = SCHEDULED_TASKS
RUNS_AFTER_S = 130
"""After this time the schedule of every minute has fired twice."""

CONTENTS = {"1099", "2800"}


def activated(scene: Scene) -> None:
    """Activate the schedules: nothing runs by itself in a scene."""
    schedules = scene.world().schedules
    for schedule in schedules.newest_first():
        schedules.activate(schedule, is_active=True)


def fired(scene: Scene) -> str:
    """Let the schedule of every minute fire twice. Returns its id."""
    activated(scene)
    scene.advance(RUNS_AFTER_S)
    return schedule_id(EVERY_MINUTE)


@case("1099")
def one_listed_schedule(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    scene.emulator.put(World(DemoTasks((*UNSCHEDULED_TASKS, DAILY)), start_ms=START_MS))
    activated(scene)
    return again(scene, request)


@case("2800")
def schedules(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    activated(scene)
    return again(scene, request)


@case("822")
def no_schedules(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    scene.emulator.put(World(DemoTasks(UNSCHEDULED_TASKS), start_ms=START_MS))
    return again(scene, request)


@case("1241")
def scheduled_run(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    rows = scene.ask("GET", "/api/v1/runs", query={"filter[schedule]": fired(scene)}).json()["data"]
    return again(scene, request, path=f"/api/v3/runs/{rows[0]['id']}")


@case("1242", is_list=True)
def runs_of_a_schedule(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    answer = again(scene, request, query={"filter[schedule]": fired(scene)})
    rows = answer.json()["data"]
    assert {row["taskKind"] for row in rows} == {"SCHEDULED"}
    assert len(rows) == 2
    return answer


@case("1083", "2804", is_list=True)
def runs_of_another_schedule(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    fired(scene)
    return again(scene, request)


@case("2805")
def query_of_schedules(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    return again(scene, request)


def content(body: dict[str, Any]) -> Any:
    """Schedules without ids, names and time zones; of the next run only the distance to the next minute."""
    return [
        {
            "type": row["type"],
            "active": row["active"],
            "is due": (row["nextRun"] or "")[17:],
            "is announced": row["nextRunEffectiveAt"] is not None and row["nextRunEffectiveAt"] >= row["nextRun"],
            "is of every minute": row["generator"]["expression"] == "* * * * *",
        }
        for row in body["data"]
    ]
