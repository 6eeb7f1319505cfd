"""The runs that the recordings speak of, and how each of them comes to be.

What lives here: for the last eight characters of a recorded id, a function that makes the same run in a scene and
gives its id. Payloads, tags and options are read from the recorded details wherever there is one.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from tests.emulator.contract.scene import KEYS, Scene
from tests.support.recordings import recordings
from tui.emulator.recorded_tasks.basics import big_payload

Maker = Callable[[Scene], str]
MAKERS: dict[str, Maker] = {}

TOLD = {
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
"""Runs without a recorded detail: the task and payload that their other recordings tell."""

TAGS = {"kdvpbw9g": ["rt-demo"], "7vdmvax1": ["seq-fail"], "i1v3pmbe": ["seq-tree"]}
"""The tags of those that have some."""


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
    """The run that stands for the recorded one."""
    end = recorded_id[-8:]
    if end in MAKERS:
        return MAKERS[end](scene)
    if end in TOLD:
        task, payload = TOLD[end]
        options: dict[str, Any] = {"tags": TAGS[end]} if end in TAGS else {}
        return scene.trigger(task, payload, **options)
    return as_told(scene, end)


def as_told(scene: Scene, end: str, **more: Any) -> str:
    """Triggered as its recorded detail says: payload, tags, ttl, key."""
    trql_time = details()[end]
    options: dict[str, Any] = {"tags": trql_time["tags"]} if trql_time["tags"] else {}
    if "idempotencyKey" in trql_time:
        options["idempotencyKey"] = trql_time["idempotencyKey"]
    if trql_time["isTest"]:
        options["test"] = True
    if "ttl" not in trql_time:
        # Deployed: the recorded development environment gives every run ten minutes.
        scene.key = KEYS["prod"]
    if trql_time.get("ttl") not in {None, "10m"}:
        options["ttl"] = trql_time["ttl"]
    payload = trql_time.get("payload")
    if trql_time["taskIdentifier"] == "big-io":
        # The recorded payload is cut, or is behind an address: so many rows are as large.
        payload = big_payload(4800 if "payloadPresignedUrl" in trql_time else 2400)
    return scene.trigger(trql_time["taskIdentifier"], payload, **(options | more))


@maker("9prjc3la")
def delayed(scene: Scene) -> str:
    return as_told(scene, "9prjc3la", delay="2h")


@maker("su9fg2ow")
def queued(scene: Scene) -> str:
    return behind_another(scene, "su9fg2ow")


def behind_another(scene: Scene, end: str) -> str:
    scene.trigger("single-file-job", {"seconds": 20})
    scene.advance(1)
    return as_told(scene, end)


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
    run_id = as_told(scene, "fa33if4d")
    scene.advance(2)
    scene.ask("POST", f"/api/v2/runs/{run_id}/cancel", body={})
    return run_id


@maker("b6pdmrcb")
def in_a_paused_queue(scene: Scene) -> str:
    scene.ask("POST", "/api/v1/queues/single-file/pause", body={"type": "custom", "action": "pause"})
    return as_told(scene, "b6pdmrcb")


@maker("cmzaty8j")
def without_a_deployment(scene: Scene) -> str:
    scene.world("prod").lifecycle.deploy("", {})
    return as_told(scene, "cmzaty8j")


@maker("9zrvx3ez")
def replayed(scene: Scene) -> str:
    first = scene.trigger("hello-world", {"name": "Grace"})
    answer = scene.ask("POST", f"/api/v1/runs/{first}/replay", body={})
    run_id: str = answer.json()["id"]
    return run_id


@maker("zf62hivb")
def canceled_parent(scene: Scene) -> str:
    run_id = as_told(scene, "zf62hivb")
    for _ in range(600):
        scene.advance(0.05)
        run = scene.world().find(run_id)
        assert run is not None
        if sum(not child.status.is_final for child in run.children) == 5:
            break
    scene.advance(0.3)
    scene.ask("POST", f"/api/v2/runs/{run_id}/cancel", body={})
    return run_id


def below(scene: Scene, task: str, function: str, payload: Any, parent: str) -> str:
    """A descendant of a pipeline: of that task, started that way, with that payload."""
    root_id = as_told(scene, "cmx6srqz")
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
