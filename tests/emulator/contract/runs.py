"""The recorded runs, and how each of them is created in a scene.

A function for the last eight characters of a recorded id creates the same run and returns its id. Payloads, tags and
options come from the recorded details where they exist.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from tests.emulator.contract.scene import KEYS, Scene
from tests.support.recordings import recordings
from tui.emulator.recorded_tasks import LATER_LOGS, big_payload
from tui.emulator.world import DemoTasks, World

Maker = Callable[[Scene], str]
MAKERS: dict[str, Maker] = {}

TASKS = {
    "75urpv94": ("logs-nested", None),
    "9utbcg7x": ("logs-nested", None),
    "7qzvihnt": ("wait-for", {"seconds": 12}),
    "ij0ga25y": ("crash-uncaught", None),
    "5forb445": ("slow", {"seconds": 60}),
    "eg13n7bd": ("slow", {"seconds": 60}),
    "kdvpbw9g": ("progress-counter", {"steps": 6, "ms": 800}),
    "7vdmvax1": ("fail-retry", {"order": "seq"}),
    "i1v3pmbe": ("pipeline", {"ms": 600}),
    "n3d7mohw": ("hello-world", {"name": "trace"}),
    "7x8uj5iz": ("chatty-retry", None),
}
"""Runs without a recorded detail: the task and payload from their other recordings."""

TAGS = {"kdvpbw9g": ["rt-demo"], "7vdmvax1": ["seq-fail"], "i1v3pmbe": ["seq-tree"]}
"""The tags of runs without a recorded detail."""


def maker(*ids: str) -> Callable[[Maker], Maker]:
    def register(function: Maker) -> Maker:
        for each in ids:
            MAKERS[each] = function
        return function

    return register


@cache
def details() -> dict[str, dict[str, Any]]:
    """The first recorded detail of each run, by the end of its id."""
    found: dict[str, dict[str, Any]] = {}
    for _, parsed in recordings():
        body = parsed.get("response", {}).get("body")
        if isinstance(body, dict) and "attemptCount" in body:
            found.setdefault(body["id"][-8:], body)
    return found


def make(scene: Scene, recorded_id: str) -> str:
    """Create the run that stands for the recorded one."""
    end = recorded_id[-8:]
    if end in MAKERS:
        return MAKERS[end](scene)
    if end in TASKS:
        task, payload = TASKS[end]
        options: dict[str, Any] = {"tags": TAGS[end]} if end in TAGS else {}
        return scene.trigger(task, payload, **options)
    return as_recorded(scene, end)


def as_recorded(scene: Scene, end: str, **more: Any) -> str:
    """Trigger with the payload, tags, TTL and key of the recorded detail."""
    trql_time = details()[end]
    options: dict[str, Any] = {"tags": trql_time["tags"]} if trql_time["tags"] else {}
    if "idempotencyKey" in trql_time:
        options["idempotencyKey"] = trql_time["idempotencyKey"]
    if trql_time["isTest"]:
        options["test"] = True
    if "ttl" not in trql_time:
        # A deployed run, because the recorded development environment gives every run a TTL of ten minutes.
        scene.key = KEYS["prod"]
    if trql_time.get("ttl") not in {None, "10m"}:
        options["ttl"] = trql_time["ttl"]
    payload = trql_time.get("payload")
    if trql_time["taskIdentifier"] == "big-io":
        # The recorded payload is cut or behind a URL; this many rows are as large.
        payload = big_payload(4800 if "payloadPresignedUrl" in trql_time else 2400)
    return scene.trigger(trql_time["taskIdentifier"], payload, **(options | more))


@maker("9prjc3la")
def delayed(scene: Scene) -> str:
    return as_recorded(scene, "9prjc3la", delay="2h")


@maker("su9fg2ow")
def queued(scene: Scene) -> str:
    return behind_another(scene, "su9fg2ow")


def behind_another(scene: Scene, end: str) -> str:
    scene.trigger("single-file-job", {"seconds": 20})
    scene.advance(1)
    return as_recorded(scene, end)


@maker("0svqvji6")
def expiring(scene: Scene) -> str:
    return behind_another(scene, "0svqvji6")


@maker("qczvu2cr")
def canceled_in_the_queue(scene: Scene) -> str:
    run_id = behind_another(scene, "qczvu2cr")
    scene.advance(0.8)
    scene.ask("POST", f"/api/v2/runs/{run_id}/cancel", body={})
    return run_id


@maker("fa33if4d")
def canceled_at_work(scene: Scene) -> str:
    run_id = as_recorded(scene, "fa33if4d")
    scene.advance(2)
    scene.ask("POST", f"/api/v2/runs/{run_id}/cancel", body={})
    return run_id


@maker("b6pdmrcb")
def in_a_paused_queue(scene: Scene) -> str:
    scene.ask("POST", "/api/v1/queues/single-file/pause", body={"type": "custom", "action": "pause"})
    return as_recorded(scene, "b6pdmrcb")


@maker("cmzaty8j")
def without_a_deployment(scene: Scene) -> str:
    scene.world("prod").lifecycle.deploy("", {})
    return as_recorded(scene, "cmzaty8j")


@maker("9zrvx3ez")
def replayed(scene: Scene) -> str:
    first = scene.trigger("hello-world", {"name": "Grace"})
    answer = scene.ask("POST", f"/api/v1/runs/{first}/replay", body={})
    run_id: str = answer.json()["id"]
    return run_id


@maker("zf62hivb")
def canceled_parent(scene: Scene) -> str:
    run_id = as_recorded(scene, "zf62hivb")
    for _ in range(600):
        scene.advance(0.05)
        run = scene.world().find(run_id)
        assert run is not None
        if sum(not child.status.is_final for child in run.children) == 5:
            break
    scene.advance(0.3)
    scene.ask("POST", f"/api/v2/runs/{run_id}/cancel", body={})
    return run_id


@maker("u3kzt7ih")
def logs_of_the_later_project(scene: Scene) -> str:
    # Another task of the same name than that of the first recordings.
    scene.emulator.put(World(DemoTasks((LATER_LOGS,)), start_ms=scene.time[0]))
    return scene.trigger("logs-nested", {})


def below(scene: Scene, task: str, function: str, payload: Any, parent: str) -> str:
    """A descendant of a pipeline with that task, trigger function and payload."""
    root_id = as_recorded(scene, "cmx6srqz")
    for _ in range(600):
        scene.advance(0.1)
        root = scene.world().find(root_id)
        assert root is not None
        family = [root]
        for run in family:
            family.extend(run.children)
        for run in family:
            is_it = run.task_id == task and run.function == function and run.payload() == payload
            if is_it and run.parent is not None and run.parent.task_id == parent:
                return run.id
    raise LookupError(f"no {task} started by {function} with {payload} below a pipeline")


@maker("n014y7fy")
def middle(scene: Scene) -> str:
    return below(scene, "middle", "triggerAndWait", details()["n014y7fy"]["payload"], "pipeline")


@maker("mh0r5ulr")
def grandchild(scene: Scene) -> str:
    trql_time = details()["mh0r5ulr"]
    return below(scene, "leaf", trql_time["triggerFunction"], trql_time["payload"], "middle")


@maker("mephwg2w")
def failing_batch_child(scene: Scene) -> str:
    trql_time = details()["mephwg2w"]
    return below(scene, "leaf", trql_time["triggerFunction"], trql_time["payload"], "pipeline")
