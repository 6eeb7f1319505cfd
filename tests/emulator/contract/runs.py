"""The recorded runs, and how each of them is created in a scene.

A function for the last eight characters of a recorded id creates the same run and returns its id. Payloads, tags and
options come from the recorded details where they exist.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from tests.emulator.contract.later_logs import LATER_LOGS
from tests.emulator.contract.scene import KEYS, Scene
from tests.support.recordings import recordings
from tui.emulator.world import DemoTasks, World

Maker = Callable[[Scene, str], str]
"""Creates the run of a recorded one, which is named by the end of its id."""

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


def big_payload(rows: int) -> Any:
    """The payload of `big-io`: 2,400 rows are the 300 KB of recording 118, 4,800 exceed the 512 KB of recording 119."""
    return {"rows": [{"i": i, "text": "lorem ipsum dolor sit amet " * 4} for i in range(rows)]}


def maker(*ends: str) -> Callable[[Maker], Maker]:
    def register(function: Maker) -> Maker:
        MAKERS.update(dict.fromkeys(ends, function))
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
    if end in TASKS:
        task, payload = TASKS[end]
        options: dict[str, Any] = {"tags": TAGS[end]} if end in TAGS else {}
        return scene.trigger(task, payload, **options)
    return MAKERS.get(end, as_recorded)(scene, end)


def as_recorded(scene: Scene, end: str, **more: Any) -> str:
    """Trigger with the payload, tags, TTL and key of the recorded detail."""
    detail = details()[end]
    options: dict[str, Any] = {"tags": detail["tags"]} if detail["tags"] else {}
    if "idempotencyKey" in detail:
        options["idempotencyKey"] = detail["idempotencyKey"]
    if detail["isTest"]:
        options["test"] = True
    if "ttl" not in detail:
        # A deployed run, because the recorded development environment gives every run a TTL of ten minutes.
        scene.key = KEYS["prod"]
    if detail.get("ttl") not in {None, "10m"}:
        options["ttl"] = detail["ttl"]
    payload = detail.get("payload")
    if detail["taskIdentifier"] == "big-io":
        # The recorded payload is cut or behind a URL; this many rows are as large.
        payload = big_payload(4800 if "payloadPresignedUrl" in detail else 2400)
    return scene.trigger(detail["taskIdentifier"], payload, **(options | more))


def canceled(scene: Scene, run_id: str) -> str:
    scene.ask("POST", f"/api/v2/runs/{run_id}/cancel", body={})
    return run_id


@maker("9prjc3la")
def delayed(scene: Scene, end: str) -> str:
    return as_recorded(scene, end, delay="2h")


@maker("su9fg2ow", "0svqvji6")
def behind_another(scene: Scene, end: str) -> str:
    scene.trigger("single-file-job", {"seconds": 20})
    scene.advance(1)
    return as_recorded(scene, end)


@maker("qczvu2cr")
def canceled_in_the_queue(scene: Scene, end: str) -> str:
    run_id = behind_another(scene, end)
    scene.advance(0.8)
    return canceled(scene, run_id)


@maker("fa33if4d")
def canceled_at_work(scene: Scene, end: str) -> str:
    run_id = as_recorded(scene, end)
    scene.advance(2)
    return canceled(scene, run_id)


@maker("b6pdmrcb")
def in_a_paused_queue(scene: Scene, end: str) -> str:
    scene.ask("POST", "/api/v1/queues/single-file/pause", body={"type": "custom", "action": "pause"})
    return as_recorded(scene, end)


@maker("cmzaty8j")
def without_a_deployment(scene: Scene, end: str) -> str:
    scene.world("prod").lifecycle.deploy("", {})
    return as_recorded(scene, end)


@maker("9zrvx3ez")
def replayed(scene: Scene, _: str) -> str:
    first = scene.trigger("hello-world", {"name": "Grace"})
    run_id: str = scene.ask("POST", f"/api/v1/runs/{first}/replay", body={}).json()["id"]
    return run_id


@maker("zf62hivb")
def canceled_parent(scene: Scene, end: str) -> str:
    run_id = as_recorded(scene, end)
    while sum(not child.status.is_final for child in scene.world().ledger.by_id[run_id].children) != 5:
        scene.advance(0.05)
    scene.advance(0.3)
    return canceled(scene, run_id)


@maker("u3kzt7ih")
def logs_of_the_later_project(scene: Scene, _: str) -> str:
    # Another task of the same name than that of the first recordings.
    scene.emulator.put(World(DemoTasks((LATER_LOGS,)), start_ms=scene.time[0]))
    return scene.trigger("logs-nested", {})


@maker("n014y7fy", "mh0r5ulr", "mephwg2w")
def descendant(scene: Scene, end: str) -> str:
    """The descendant of a pipeline with the recorded task, trigger function, payload and parent."""
    detail = details()[end]
    parent = detail["relatedRuns"]["parent"]["taskIdentifier"]
    wanted = (detail["taskIdentifier"], detail["triggerFunction"], detail["payload"], parent)
    as_recorded(scene, "cmx6srqz")
    for _ in range(600):
        scene.advance(0.1)
        for run in scene.world().ledger:
            if run.parent is not None and (run.task_id, run.function, run.payload(), run.parent.task_id) == wanted:
                return run.id
    raise LookupError(f"no {wanted} below a pipeline")
