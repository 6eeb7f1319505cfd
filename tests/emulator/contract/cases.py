"""One case for each recording that is not about a single run: it brings the scene into the recorded state and sends the
recorded request.

Only ids, times and cursors of a request are replaced.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx2

from tests.emulator.contract import window
from tests.emulator.contract.mixes import busy, quiet, shared_quiet, waiting
from tests.emulator.contract.runs import details, make
from tests.emulator.contract.scene import KEYS, START_MS, Scene
from tests.support.recordings import recording, recordings
from tui.emulator.simulation.runs import NewRun

Case = Callable[[Scene, dict[str, Any]], httpx2.Response]
Content = Callable[[Any], Any]
CASES: dict[str, Case] = {}
LISTS: set[str] = set()
"""The cases whose response is a page of runs."""

CONTENTS: dict[str, Content] = {}
"""By case, the function that reduces a response to the content that must equal the recorded one."""


def case(*numbers: str, is_list: bool = False, content: Content | None = None) -> Callable[[Case], Case]:
    def register(function: Case) -> Case:
        for number in numbers:
            assert number not in CASES
            CASES[number] = function
            if is_list:
                LISTS.add(number)
            if content is not None:
                CONTENTS[number] = content
        return function

    return register


@cache
def _requests() -> list[tuple[str, Any]]:
    """The name and the request of every recording."""
    return [(name, parsed.get("request")) for name, parsed in recordings()]


def recording_of(request: dict[str, Any]) -> dict[str, Any]:
    """The recorded response to a recorded request."""
    name = next(name for name, recorded in _requests() if recorded == request)
    answer: dict[str, Any] = recording(name)["response"]
    return answer


def again(scene: Scene, request: dict[str, Any], **changes: Any) -> httpx2.Response:
    """Send the recorded request. `changes` replace parts of it; `query` is added."""
    query = {**request["query"], **changes.pop("query", {})}
    changed = {"headers": request["headers"], "body": request["body"]} | changes
    method, path = changed.pop("method", request["method"]), changed.pop("path", request["path"])
    return scene.ask(method, path, query=query, **changed)


def replay(
    *numbers: str,
    given: Callable[[Scene], object] = lambda _: None,
    is_list: bool = False,
    content: Content | None = None,
    **changes: Any,
) -> None:
    """Send these recorded requests again, `given` a state of the scene. `changes` replace parts of each."""

    @case(*numbers, is_list=is_list, content=content)
    def ask(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
        given(scene)
        return again(scene, request, **changes)


def aged(scene: Scene) -> None:
    """A world with runs of 0 to 40 days that lists and queries all know."""
    scene.aged = scene.aged or window.aged_world()
    scene.emulator.put(scene.aged)


def undeployed(scene: Scene) -> None:
    """Production before its first deployment."""
    scene.world("prod").lifecycle.deploy("", {})


def with_paused_queue(scene: Scene) -> None:
    scene.ask("POST", "/api/v1/queues/single-file/pause", body={"type": "custom", "action": "pause"})
    scene.trigger("single-file-job", {"seconds": 1})


# --- requests that are sent as they are

LISTED = (*range(10, 12), *range(14, 17), *range(20, 31), *range(36, 55), 56, 57, 514)
QUERIED = (*range(1110, 1113), *range(1114, 1118), 1119, *range(2640, 2674), *range(2676, 2695), *range(2900, 2916))

replay(*(f"{number:03}" for number in LISTED), is_list=True, given=shared_quiet)
replay("055", is_list=True, key=KEYS["prod"])
replay("058", "059", is_list=True, given=waiting)
replay("061", "063", is_list=True, given=busy)
replay("380", "382", "383", "384", "404", "414", "802", "920", "921", "922", "924", "926")
replay("385", given=undeployed, key=KEYS["prod"])
replay("600", "601", "602", "603", "605", "606", "609", "613", "614")
replay("607", "608", given=with_paused_queue)
replay("831", "832", "833", "835", "836", "837", "839", "840", "841", "2630", "2631", given=shared_quiet)
replay(*map(str, QUERIED), given=shared_quiet)
replay("900", "902", "903", "904", key="tr_dev_wrong")
replay("901", "923", key="")
replay("908", key="Basic dHJfZGV2X2VtdWxhdG9yOg==")
replay("814", key="tr_pat_0123456789abcdef")

# --- lists


@case("012", "013", "017", "018", "019", is_list=True)
def list_by_cursor(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    shared_quiet(scene)
    first = scene.ask("GET", "/api/v1/runs", query={"page[size]": 5}).json()
    after = first["pagination"]["next"]
    second = scene.ask("GET", "/api/v1/runs", query={"page[size]": 5, "page[after]": after}).json()
    real = {"page[after]": after, "page[before]": second["pagination"]["previous"]}
    ours = {}
    for name, value in request["query"].items():
        if name in real and str(value).startswith("ey"):
            ours[name] = real[name]
        elif name in real and str(value).startswith("run_"):
            ours[name] = first["data"][-1]["id"]
    return again(scene, request, query=ours)


@case("031", is_list=True)
def list_of_a_version(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    shared_quiet(scene)
    return again(scene, request, query={"filter[version]": scene.world().lifecycle.dispatch.version})


@case("032", "033", "034", is_list=True)
def list_of_a_time(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    shared_quiet(scene)
    ours: dict[str, Any] = {}
    if "033" in str(request) or "filter[createdAt][to]" in request["query"]:
        ours = {"filter[createdAt][from]": START_MS, "filter[createdAt][to]": START_MS + 600_000}
    elif "filter[createdAt][from]" in request["query"]:
        ours = {"filter[createdAt][from]": datetime.fromtimestamp(START_MS / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    return again(scene, request, query=ours)


@case("035", is_list=True)
def list_of_a_batch(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    shared_quiet(scene)
    batch = next(run.batch_id for run in scene.world().ledger if run.batch_id and run.depth == 1)
    return again(scene, request, query={"filter[batch]": batch})


@case("060", is_list=True)
def list_of_many(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    world = scene.world()
    for number in range(1100):
        world.trigger(NewRun(task_id="hello-world", payload={"name": str(number)}, delay_ms=3_600_000))
    scene.advance(5)
    return again(scene, request)


@case(*(str(n) for n in range(2600, 2612)), is_list=True)
def list_of_a_window(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    aged(scene)
    recorded = recording_of(request)
    ours = {
        name: window.moved(value, recorded)
        for name, value in request["query"].items()
        if name.endswith(("[from]", "[to]"))
    }
    return again(scene, request, query=ours)


@case(*(str(n) for n in range(2613, 2623)))
def query_of_a_window(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    aged(scene)
    body = dict(request["body"])
    if "from" in body:
        body["from"] = window.moved(body["from"], recording_of(request))
    return again(scene, request, body=body)


# --- unknown runs, and one of another environment


@case("150", "151", "290", "291", "292", "305", "403", "413", "927")
def unknown(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    path = request["path"]
    if "/spans/" in path:
        run_id = make(scene, details()["ybhtw9lx"]["id"])
        scene.advance(10)
        path = f"/api/v1/runs/{run_id}/spans/{path.rsplit('/', 1)[1]}"
    return again(scene, request, path=path)


@case("152")
def of_another_environment(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    run_id = make(scene, details()["ybhtw9lx"]["id"])
    return again(scene, request, path=f"/api/v3/runs/{run_id}", key=KEYS["prod"])


# --- triggers, queues and queries


@case("381")
def trigger_again(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    again(scene, request)
    scene.advance(5)
    return again(scene, request)


@case("604")
def queue_by_id(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    queue = scene.ask("GET", "/api/v1/queues/hello-world", query={"type": "task"}).json()
    return again(scene, request, path=f"/api/v1/queues/{queue['id']}")


@case("610", "612")
def batch(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    make(scene, details()["cmx6srqz"]["id"])
    scene.advance(60)
    batch_id = next(run.batch_id for run in scene.world().ledger if run.batch_id and run.depth == 1)
    recorded_id = request["path"].split("/")[4]
    return again(scene, request, path=request["path"].replace(recorded_id, batch_id))


@case("2674")
def query_of_all_columns(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    shared_quiet(scene)
    world = scene.world()
    batch_id = "batch_cmwwxqwx2075aen7dha93tbg7"
    for task_id in ("hello-world", "no-such-task"):
        world.trigger(NewRun(task_id=task_id, payload={"name": "Ada"}, batch_id=batch_id))
    scene.advance(20)
    trql = request["body"]["query"].replace("batch_id is not null", f"batch_id = '{batch_id}'")
    return again(scene, request, body={**request["body"], "query": trql})


@case("2675")
def fourth_query(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    shared_quiet(scene)
    gate = scene.emulator.gate
    with gate, gate, gate:
        return again(scene, request, body={"query": "select count() as n from runs"})


@case("834")
def query_of_a_tree(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    root = make(scene, details()["cmx6srqz"]["id"])
    scene.advance(60)
    trql = request["body"]["query"].replace(details()["cmx6srqz"]["id"], root)
    return again(scene, request, body={**request["body"], "query": trql})


@case("950")
def query_without_analytics(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    body = recording("950")["response"]["body"]
    fault(scene, kind="error", status=400, body=body, route="query")
    return again(scene, request)


# --- public tokens


def with_token(scene: Scene, request: dict[str, Any], scopes: Iterable[str], **token: Any) -> httpx2.Response:
    run_id = make(scene, details()["ybhtw9lx"]["id"])
    scene.advance(10)
    path = request["path"]
    if "/runs/run_" in path:
        parts = path.split("/")
        parts[4] = run_id
        path = "/".join(parts)
    return again(
        scene, request, path=path, key=scene.token(*(each.replace("<id>", run_id) for each in scopes), **token)
    )


@case("910")
def token_of_one_run(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    run_id = make(scene, details()["ybhtw9lx"]["id"])
    scene.advance(5)
    scene.ask("POST", f"/api/v1/runs/{run_id}/tags", body={"tags": ["added-later"]})
    key = scene.token(f"read:runs:{run_id}")
    return again(scene, request, path=f"/api/v3/runs/{run_id}", key=key)


@case("913", is_list=True)
def token_of_all_runs(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    quiet(scene)
    return with_token(scene, request, ["read:runs"])


def replay_with_token(*numbers: str, scopes: Iterable[str] = ("read:runs",), **token: Any) -> None:
    @case(*numbers)
    def ask(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
        return with_token(scene, request, scopes, **token)


replay_with_token("911", "912", scopes=["read:runs:run_another"])
replay_with_token("914", "918")
replay_with_token("915", expires_in_s=-1)
replay_with_token("916", key="tr_dev_another_key_of_enough_length")


# --- faults


@case("925")
def bad_json(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    # The recording used the bulk route, which is not served. Another route that takes a body stands in.
    return again(scene, request, path="/api/v1/tasks/hello-world/trigger", body="{not json")


@case("930", "931")
def rate_limited(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    run_id = make(scene, details()["ybhtw9lx"]["id"])
    fault(scene, kind="rate-limit", most=5, refill=5)
    for _ in range(5):
        scene.ask("GET", "/api/v1/runs")
    path = f"/api/v2/runs/{run_id}/cancel" if "cancel" in request["path"] else request["path"]
    return again(scene, request, path=path)


@case("940", "941", "942", "945", "946", "948")
def out_of_order(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    run_id = make(scene, details()["ybhtw9lx"]["id"])
    fault(scene, kind="error", status=500)
    return again(scene, request, path=request["path"].replace(details()["ybhtw9lx"]["id"], run_id))


@case("947")
def analytics_out_of_order(scene: Scene, request: dict[str, Any]) -> httpx2.Response:
    run_id = make(scene, details()["ybhtw9lx"]["id"])
    scene.advance(10)
    scene.ask("POST", f"/api/v1/runs/{run_id}/tags", body={"tags": ["added-later"]})
    fault(scene, kind="error", status=500, route=["list", "trace"])
    return again(scene, request, path=f"/api/v3/runs/{run_id}")


def fault(scene: Scene, **spec: Any) -> None:
    """Turn on one fault through the control route."""
    answer = scene.client.post(f"{scene.url}/emulator/faults", json={"faults": [spec]})
    assert answer.status_code == 200, answer.text
