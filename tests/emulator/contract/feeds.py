"""The cases of the realtime feed, and the parts of its rows that must be as recorded.

A live request is answered by advancing the scene's time (`Scene.poll`).
"""

from collections.abc import Iterator
from typing import Any

import httpx2

from tests.emulator.contract.cases import again, case, fault, replay, replay_with_token
from tests.emulator.contract.mixes import busy, shared_quiet
from tests.emulator.contract.runs import details, make
from tests.emulator.contract.scene import VERSIONED, Scene
from tests.support.recordings import recording
from tui.emulator.simulation.runs import NewRun

SNAPSHOT = {"offset": "-1"}
UP_TO_DATE = {"headers": {"control": "up-to-date"}}
OLD_NAMES = {"electric-shape-id": "electric-handle", "electric-chunk-last-offset": "electric-offset"}
ALWAYS_DIFFERENT = {"id", "friendlyId", "costInCents", "baseCostInCents"}
HEADERS = {**VERSIONED, "x-trigger-electric-version": "1.0.0-beta.1"}
MOMENTS = ("createdAt", "updatedAt", "startedAt", "delayUntil", "queuedAt", "expiredAt", "completedAt")
STEPS_S = (0.05,) * 60


def rows_of(body: Any) -> list[dict[str, Any]]:
    """The messages with a row."""
    return [message for message in body if isinstance(message, dict) and "value" in message]


def content(body: Any) -> Any:
    """The rows without ids, times, the length of the work, and the order of tags. It keeps which times are set."""
    return [
        {"operation": row["headers"]["operation"], "value": dict(_values(row["value"]))} for row in rows_of(body)
    ] + [message for message in body if "value" not in message]


def statuses(body: Any) -> list[tuple[str, str]]:
    """The operation and the status of each row."""
    return sorted((row["headers"]["operation"], row["value"]["status"]) for row in rows_of(body))


def _values(value: dict[str, str | None]) -> Iterator[tuple[str, Any]]:
    for name, text in value.items():
        if name in MOMENTS or (name in {"output", "payload"} and value.get(f"{name}Type") == "application/store"):
            yield name, text is not None
        elif name == "usageDurationMs":
            yield name, text != "0"
        elif name == "baseCostInCents" and value.get("startedAt") is None:
            yield name, text  # only a run that has started costs more
        elif name == "runTags" and text is not None:
            yield name, sorted(text[1:-1].split(","))
        elif name not in ALWAYS_DIFFERENT:
            yield name, text


def path_of(request: dict[str, Any], run_id: str) -> str:
    path: str = request["path"]
    return "/".join([*path.split("/")[:4], run_id])


def next_query(answer: httpx2.Response) -> dict[str, str]:
    """The query of the client's next request."""
    headers = {OLD_NAMES.get(name, name): value for name, value in answer.headers.items()}
    query = {"offset": headers["electric-offset"], "handle": headers["electric-handle"], "live": "true"}
    return query | ({"cursor": headers["electric-cursor"]} if "electric-cursor" in headers else {})


# --- one run


def first_at(scene: Scene, request: dict[str, Any], path: str, status: str) -> httpx2.Response:
    """The snapshot of a run when it has just reached that status."""
    for step_s in STEPS_S:
        answer = again(scene, request, path=path, query=SNAPSHOT)
        if rows_of(answer.json())[0]["value"]["status"] == status:
            return answer
        scene.advance(step_s)
    raise LookupError(f"never {status}")


@case("700", "701", "702", "703", "704", "705", "706", "708", "709", content=content)
def progress(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    path = path_of(request, make(scene, request["path"]))
    answer = first_at(scene, request, path, "DEQUEUED")
    # One row may combine progress that the other feed sent in two, so only the final progress is comparable.
    expected = int(request["query"].get("offset", "-1").partition("_")[2] or 0)
    for _ in range(min(expected, 5)):
        answer = scene.poll(path, next_query(answer), request["headers"])
    while expected > 5 and rows_of(answer.json())[0]["value"]["completedAt"] is None:
        answer = scene.poll(path, next_query(answer), request["headers"])
    return scene.poll(path, next_query(answer), request["headers"]) if expected > 6 else answer


@case("710", "711", "713", "714", "715", content=content)
def at_the_end(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    run_id = make(scene, request["path"])
    scene.advance(60)
    handle = request["query"].get("handle", "")
    ours = {"handle": f"run-{run_id.removeprefix('run_')}"} if handle.startswith("run-") else {}
    answer = again(scene, request, path=path_of(request, run_id), query=ours)
    if handle:
        assert answer.headers["electric-handle"] == (ours.get("handle") or handle)
    return answer


@case("712", content=content)
def old_offset(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    run_id = make(scene, request["path"])
    scene.advance(60)
    began_ms = scene.time[0]
    handle = {"handle": f"run-{run_id.removeprefix('run_')}"}
    answer = scene.poll(path_of(request, run_id), request["query"] | handle, request["headers"])
    assert 17_000 <= scene.time[0] - began_ms <= 23_000
    return answer


@case("717", "718", "719", "720", "724", "725", "725a", "727", "728", content=content)
def a_finished_run(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    run_id = make(scene, request["path"])
    scene.advance(400)
    return again(scene, request, path=path_of(request, run_id), key=scene.key)


@case("721", "722", "723", content=content)
def a_waiting_run(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    run_id = make(scene, request["path"])
    scene.advance(5)
    return again(scene, request, path=path_of(request, run_id), key=scene.key)


replay("716", "742")
replay("905", key="tr_dev_wrong")
replay("906", key="")
replay_with_token("917", scopes=["read:runs:<id>"])


@case("932")
def while_rate_limited(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    run_id = make(scene, request["path"])
    scene.advance(5)
    scene.ask("POST", f"/api/v1/runs/{run_id}/tags", body={"tags": ["added-later"]})
    fault(scene, kind="rate-limit", most=0)
    assert scene.ask("GET", "/api/v1/runs").status_code == 429
    return again(scene, request, path=path_of(request, run_id))


@case("943", "949")
def out_of_order(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    run_id = make(scene, details()["ybhtw9lx"]["id"])
    fault(scene, kind="error", status=500)
    path = request["path"]
    return again(scene, request, path=path if path.endswith("/runs") else path_of(request, run_id))


# --- many runs


replay("730", "731", "732", "733", "734", "735", "736", "737", "738", "738b", "740", given=shared_quiet)
replay("751", given=busy)


@case("750")
def more_than_a_thousand(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    for _ in range(1100):
        scene.world().trigger(NewRun(task_id="hello-world", tags=("cap-test",), delay_ms=3_600_000))
    answer = again(scene, request)
    newest = [run.id for run in scene.world().ledger][-1000:]
    assert sorted(row["value"]["friendlyId"] for row in rows_of(answer.json())) == sorted(newest)
    return answer


@case("741")
def batch(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    make(scene, details()["cmx6srqz"]["id"])
    scene.advance(60)
    batch_id = next(run.batch_id for run in scene.world().ledger if run.batch_id and run.depth == 1)
    return again(scene, request, path=f"/realtime/v1/batches/{batch_id}")


@case("739")
def nothing_happens(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    shared_quiet(scene)
    shape = shape_of(request)
    answer = again(scene, request, query=SNAPSHOT | {"live": "false"})
    offset_ms, began_ms = answer.headers["electric-offset"].partition("_")[0], scene.time[0]
    answer = scene.poll(request["path"], shape | next_query(answer), request["headers"])
    assert 17_000 <= scene.time[0] - began_ms <= 23_000
    assert answer.headers["electric-offset"] == f"{offset_ms}_{answer.headers['electric-cursor']}"
    return answer


FOLLOWED = {"39": (1, 27), "41": (1, 27), "43": (2, 17), "45": (3, 0), "47": (4, 3)}
"""How many responses the recorded feed had received, by the number in the offset of the last request, and the first
seed to try: earlier ones are known to differ.
"""

FOLLOWED_STATUSES = ("PENDING", "EXECUTING", "COMPLETED_SUCCESSFULLY", "PENDING")


@case("743", "744", "745", "746", "747", content=statuses)
def follow(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    """One run comes and ends, then another comes. The end of a window decides which short states are sent."""
    expected, first = FOLLOWED[request["query"]["offset"].partition("_")[2]]
    for tries in sorted(range(200), key=lambda tries: tries != first):
        scene.reset(tries)
        scene.advance(tries * 0.007)
        if (answer := followed(scene, request, expected)) is not None:
            return answer
    raise LookupError("no response has the recorded status")


def followed(scene: Scene, request: dict[str, Any], expected: int) -> httpx2.Response | None:
    """The last of these many responses, if it has the recorded status."""
    shape = shape_of(request)
    answer = again(scene, request, query=SNAPSHOT | {"live": "false"})
    scene.trigger("hello-world", {"name": "RT"}, tags=["rt-tag"])
    status = ""
    for _ in range(min(expected, 3)):
        answer = scene.poll(request["path"], shape | next_query(answer), request["headers"])
        status = rows_of(answer.json())[0]["value"]["status"]
        if status == FOLLOWED_STATUSES[2]:
            break
    if expected == 4:
        # Late in the next window, so that no worker takes the run before that window ends.
        scene.advance(0.2)
        scene.trigger("hello-world", {"name": "burst"}, tags=["burst"])
        answer = scene.poll(request["path"], shape | next_query(answer), request["headers"])
        status = rows_of(answer.json())[0]["value"]["status"]
    return answer if status == FOLLOWED_STATUSES[expected - 1] and len(rows_of(answer.json())) == 1 else None


def shape_of(request: dict[str, Any]) -> dict[str, Any]:
    """The part of the query that a client repeats with every poll."""
    return {name: request["query"][name] for name in ("createdAt", "tags", "skipColumns") if name in request["query"]}


# --- sequences


def polls(number: str) -> list[dict[str, Any]]:
    """The recorded requests and responses of a sequence."""
    found: list[dict[str, Any]] = recording(number)["polls"]
    return found


def followed_run(scene: Scene, recorded: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a run from its start until its feed has nothing more to send."""
    run_id = make(scene, recorded[0]["request"]["path"])
    path = f"/realtime/v1/runs/{run_id}"
    answer = scene.ask("GET", path, query=SNAPSHOT, headers=HEADERS)
    trql_time = []
    while rows := rows_of(answer.json()):
        trql_time += rows
        answer = scene.poll(path, next_query(answer), HEADERS)
    return trql_time


def followed_tree(scene: Scene, recorded: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that the environment's feed sends for a run and its descendants."""
    shape = shape_of(recorded[0]["request"])
    answer = scene.ask("GET", "/realtime/v1/runs", query=shape | SNAPSHOT, headers=HEADERS)
    make(scene, rows_of(recorded[1]["response"]["body"])[0]["value"]["friendlyId"])
    trql_time = []
    while rows := rows_of((answer := scene.poll("/realtime/v1/runs", shape | next_query(answer), HEADERS)).json()):
        trql_time += rows
    return trql_time


def story_of_a_run(rows: list[dict[str, Any]]) -> list[Any]:
    """The new facts in each row. The end of a window decides whether a dequeue is among them."""
    story: list[Any] = []
    worked = -1
    for row in rows:
        value = row["value"]
        if value["status"] != "DEQUEUED":
            has_worked = int(value["usageDurationMs"]) > worked
            story.append((row["headers"]["operation"], value["status"], has_worked, value["error"]))
            worked = int(value["usageDurationMs"])
    return story


def story_of_a_tree(rows: list[dict[str, Any]]) -> list[Any]:
    """For each run: its task, that it was inserted once, and how it ended."""
    trql_time: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        trql_time.setdefault(row["value"]["id"], []).append(row)
    return sorted(
        (
            each[-1]["value"]["taskIdentifier"],
            each[-1]["value"]["status"],
            [row["headers"]["operation"] for row in each][:2],
            {row["headers"]["operation"] for row in each[1:]} <= {"update"},
        )
        for each in trql_time.values()
    )
