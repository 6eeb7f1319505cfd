"""Cases of what an environment has beside its runs: queues, schedules, tokens and deployments."""

import re
from collections.abc import Callable
from typing import Any

import httpx2

from tests.emulator.contract.cases import again, case, recording_of, replay, undeployed
from tests.emulator.contract.scene import KEYS, SCHEDULED_TASKS, START_MS, UNSCHEDULED_TASKS, Scene
from tui.emulator.simulation.records import schedule_id
from tui.emulator.simulation.script import Task
from tui.emulator.world import DemoTasks, World

DAILY, EVERY_MINUTE = SCHEDULED_TASKS
RUNS_AFTER_S = 130
"""After this time the schedule of every minute has fired twice."""

WAITED_FOR_S = 5
VERSION = "20261124.1"
TOKENS = "/api/v1/waitpoints/tokens"

# --- queues


def metrics(body: dict[str, Any]) -> Any:
    """The metrics of a queue without its name and times."""
    return {name: value for name, value in body.items() if name not in {"queue", "from", "to"}} | {
        "is a task's": body["queue"].startswith("task/"),
        "has a period": body["from"] < body["to"],
    }


@case("1063", "1166", content=metrics)
def queue_metrics(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    queue = "single-file" if request["query"]["type"] == "custom" else "hello-world"
    return again(scene, request, path=request["path"].replace("serial-queue", queue).replace("/ok/", f"/{queue}/"))


@case("1061", "1062", "1067", "1070", "1071", "1072")
def queues_later(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    path = request["path"]
    if "/queue_" in path:
        queue = scene.ask("GET", "/api/v1/queues/single-file", query={"type": "custom"}).json()
        path = f"/api/v1/queues/{queue['id']}/pause"
    return again(scene, request, path=path.replace("serial-queue", "single-file").replace("/ok", "/hello-world"))


# --- schedules


def scheduled(scene: Scene, *tasks: Task) -> None:
    """A world with the schedules of these tasks. Nothing runs by itself in a scene, so the API activates them."""
    scene.emulator.put(World(DemoTasks((*UNSCHEDULED_TASKS, *tasks)), start_ms=START_MS))
    for task in tasks:
        path = f"/api/v1/schedules/{schedule_id(task)}"
        scene.ask("POST", f"{path}/activate")
        scene.ask("POST", f"{path}/deactivate")
        assert scene.ask("GET", path).json()["nextRun"] is None
        assert scene.ask("POST", f"{path}/activate").json()["active"]


def fired(scene: Scene) -> str:
    """Let the schedule of every minute fire twice. Returns its id."""
    scheduled(scene, *SCHEDULED_TASKS)
    scene.advance(RUNS_AFTER_S)
    return schedule_id(EVERY_MINUTE)


def schedules(body: dict[str, Any]) -> Any:
    """Schedules without ids, names and time zones; of the next run only the distance to the next minute."""
    return [
        {
            "type": row["type"],
            "active": row["active"],
            "is due": (row["nextRun"] or "")[17:],
            "is announced": row["nextRunEffectiveAt"] is not None and row["nextRunEffectiveAt"] >= row["nextRun"],
            "is of every minute": row["generator"]["expression"] == "* * * * *",
        }
        for row in body.get("data", [body])
    ]


replay("1099", given=lambda scene: scheduled(scene, DAILY), content=schedules)
replay("2800", given=lambda scene: scheduled(scene, *SCHEDULED_TASKS), content=schedules)
replay("822", given=scheduled)
replay("1083", "2804", given=fired, is_list=True)
replay("2802", "2805")


@case("1095", "1098", "2801", "2803", content=schedules)
def one_schedule(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    scheduled(scene, *SCHEDULED_TASKS)
    parts = request["path"].split("/")
    is_daily = recording_of(request)["body"]["generator"]["expression"] != "* * * * *"
    parts[4] = schedule_id(DAILY if is_daily else EVERY_MINUTE)
    return again(scene, request, path="/".join(parts))


@case("1241")
def scheduled_run(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    rows = scene.ask("GET", "/api/v1/runs", query={"filter[schedule]": fired(scene)}).json()["data"]
    return again(scene, request, path=f"/api/v3/runs/{rows[0]['id']}")


@case("1242", is_list=True)
def runs_of_a_schedule(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    answer = again(scene, request, query={"filter[schedule]": fired(scene)})
    assert [row["taskKind"] for row in answer.json()["data"]] == ["SCHEDULED"] * 2
    return answer


# --- tokens


def created(scene: Scene, **body: Any) -> str:
    """Create a token and return its id."""
    answer = scene.ask("POST", TOKENS, body=body)
    assert answer.status_code == 200, answer.text
    token_id: str = answer.json()["id"]
    return token_id


def approval(scene: Scene) -> str:
    """A token that times out after ten minutes."""
    return created(scene, timeout="10m", tags=["approval"])


def with_key(scene: Scene) -> str:
    return created(scene, timeout="10s", tags=["rec2-timeout"], idempotencyKey="rec2-tk-1")


def waited_for(scene: Scene) -> None:
    scene.trigger("approval", {})
    scene.advance(WAITED_FOR_S)


def completed(scene: Scene) -> None:
    for _ in range(2):
        scene.ask("POST", f"{TOKENS}/{approval(scene)}/complete", body={"data": {"approved": True}})


def timed_out(scene: Scene) -> str:
    """Let tokens time out, the last one with a key."""
    approval(scene)
    scene.advance(600)
    token_id = with_key(scene)
    scene.advance(20)
    return token_id


def tokens(body: dict[str, Any]) -> Any:
    """Tokens without ids, secrets and times."""
    names = ("status", "type", "tags", "outputIsError", "success", "isCached")
    return [
        {name: row[name] for name in names if name in row}
        | {
            "output": re.sub(r"\d", "9", row.get("output", "")),
            "key": row.get("idempotencyKey") if row.get("userProvidedIdempotencyKey", "status" in row) else None,
            "address": re.sub(r"^\w+://[^/]+|waitpoint_\w+|\w+$", "…", row.get("url", "")),
        }
        for row in body.get("data", [body])
    ]


replay("1105", "1106", given=approval, content=tokens)
replay("2820", given=waited_for, content=tokens)
replay("2821", given=completed, content=tokens)
replay("2822", given=timed_out, content=tokens)
replay("2823", "2828", "2829", "2830")
replay("1101", "2827", content=tokens)


def replay_one(*numbers: str, given: Callable[[Scene], str]) -> None:
    """Replay these requests for one token that is made here."""

    @case(*numbers, content=tokens)
    def ask(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
        return again(scene, request, path=re.sub(r"waitpoint_\w+", given(scene), request["path"]))


replay_one("1100", "1103", given=approval)
replay_one("2824", given=with_key)
replay_one("2825", "2826", given=timed_out)

# --- deployments


def deployed(scene: Scene) -> str:
    """Deploy a version and return the id of its deployment."""
    undeployed(scene)
    scene.world("prod").lifecycle.deploy(VERSION, {})
    return scene.world("prod").lifecycle.deployments.newest_first()[0].id


def deployments(body: dict[str, Any]) -> Any:
    """Deployments without ids, times and tasks."""
    names = ("version", "runtime", "runtimeVersion", "status", "git", "imagePlatform", "commitSHA", "canceledReason")
    return [{name: row[name] for name in names if name in row} for row in body.get("data", [body])]


replay("820", "1080")
replay("1082", given=undeployed, key=KEYS["prod"])
replay("823", given=deployed, key=KEYS["prod"])
replay("824", given=deployed, key=KEYS["prod"], content=deployments)
replay("826", given=deployed, key=KEYS["prod"], content=deployments)


@case("827", content=deployments)
def one_deployment(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    return again(scene, request, path=f"/api/v1/deployments/{deployed(scene)}", key=KEYS["prod"])
