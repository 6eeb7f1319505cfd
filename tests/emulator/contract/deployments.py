"""Cases of deployments and of the metrics of queues, and the content of their responses."""

from typing import Any

import httpx2

from tests.emulator.contract.cases import again, case
from tests.emulator.contract.scene import KEYS, START_MS, Scene

VERSION = "20261124.1"
CONTENTS = {"824", "827"}


@case("820", "1080")
def no_deployments(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    return again(scene, request)


@case("1082")
def no_deployments_of_production(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    scene.world("prod").lifecycle.deploy("", {})
    return again(scene, request, key=KEYS["prod"])


def deployed(scene: Scene) -> str:
    """Deploy a version and return the id of its deployment."""
    scene.world("prod").lifecycle.deploy("", {})
    scene.world("prod").lifecycle.deploy(VERSION, {})
    found: str = scene.ask("GET", "/api/v1/deployments", key=KEYS["prod"]).json()["data"][0]["id"]
    scene.emulator.limiter.forget()
    return found


@case("823", "824")
def deployments(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    deployed(scene)
    return again(scene, request, key=KEYS["prod"])


@case("827")
def one_deployment(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    return again(scene, request, path=f"/api/v1/deployments/{deployed(scene)}", key=KEYS["prod"])


@case("1063", "1166")
def queue_metrics(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    queue = "single-file" if request["query"]["type"] == "custom" else "hello-world"
    path = request["path"].replace("serial-queue", queue).replace("/ok/", f"/{queue}/")
    answer = again(scene, request, path=path)
    body = answer.json()
    assert body["from"] < body["to"]
    assert START_MS // body["bucketIntervalMs"] * body["bucketIntervalMs"] <= START_MS
    return answer


@case("1061", "1062", "1067", "1070", "1071", "1072")
def queues_later(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    path, body = request["path"], request["body"]
    if "/queue_" in path:
        queue = scene.ask("GET", "/api/v1/queues/single-file", query={"type": "custom"}).json()
        path = f"/api/v1/queues/{queue['id']}/pause"
    path = path.replace("serial-queue", "single-file").replace("/queues/ok", "/queues/hello-world")
    return again(scene, request, path=path, body=body)


def content(body: dict[str, Any]) -> Any:
    """Deployments without ids, times and tasks."""
    names = ("version", "runtime", "runtimeVersion", "status", "git", "imagePlatform", "commitSHA", "canceledReason")
    return [{name: row[name] for name in names if name in row} for row in body.get("data", [body])]


def metrics(body: dict[str, Any]) -> Any:
    """The metrics of a queue without its name and times."""
    return {name: value for name, value in body.items() if name not in {"queue", "from", "to"}} | {
        "is a task's": body["queue"].startswith("task/")
    }
