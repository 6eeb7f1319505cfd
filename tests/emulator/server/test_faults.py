"""Every kind of fault on a real connection, and invalid specs."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from random import Random
from typing import Any

import httpx2
import pytest

from tests.support.emulator.server import (
    EmulatorServer,
    is_waiting,
    read_all,
    read_answer,
    read_truncated,
    request,
    run_emulator,
)
from tests.support.recordings import recording
from tui.emulator.environment import DEVELOPMENT, PRODUCTION
from tui.emulator.routes.table import NAMES
from tui.emulator.server.faults import KINDS, BadFault, Faults

LIST = "/api/v1/runs"
QUERY = {"query": "SELECT run_id, status FROM runs"}


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with run_emulator() as api:
        yield api


@pytest.fixture
def api(server: EmulatorServer) -> Iterator[EmulatorServer]:
    yield server
    server.faults()
    server.answering.wait_for(0)
    server.emulator.limiter.forget()


def set_raw(api: EmulatorServer, body: bytes) -> httpx2.Response:
    return api.client.post(f"{api.url}/emulator/faults", content=body)


# --- invalid specs


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (None, "latency, error, hang"),
        ("hang", "latency, error, hang"),
        ([], "latency, error, hang"),
        ({}, "latency, error, hang"),
        ({"kind": "slow"}, "latency, error, hang"),
        ({"kind": ["hang"]}, "latency, error, hang"),
        ({"kind": {}}, "latency, error, hang"),
        ({"kind": "hang", "ms": 5}, "hang has no field 'ms'; its fields: environment, route, share, times"),
        ({"kind": "stale", "route": "list"}, "stale has no field 'route'; its fields: none"),
        ({"kind": "refuse", "times": 1}, "has no field 'times'"),
        ({"kind": "rate-limit", "most": 1, "share": 0.5}, "has no field 'share'"),
        ({"kind": "clock-skew", "seconds": 1, "environment": "dev"}, "has no field 'environment'"),
        ({"kind": "latency"}, "latency needs 'ms'"),
        ({"kind": "clock-skew"}, "clock-skew needs 'seconds'"),
        ({"kind": "rate-limit"}, "rate-limit needs 'most'"),
        ({"kind": "latency", "ms": -1}, "ms must be a number between 0 and 3600000"),
        ({"kind": "latency", "ms": "800"}, "ms must be a number"),
        ({"kind": "latency", "ms": True}, "ms must be a number"),
        ({"kind": "latency", "ms": None}, "ms must be a number"),
        ({"kind": "latency", "ms": 1e300}, "ms must be a number"),
        ({"kind": "latency", "ms": 1, "jitter_ms": -5}, "jitter_ms must be a number"),
        ({"kind": "clock-skew", "seconds": 1e12}, "seconds must be a number"),
        ({"kind": "rate-limit", "most": 1.5}, "most must be a whole number"),
        ({"kind": "error", "status": 200}, "status must be a whole number between 400 and 599"),
        ({"kind": "error", "status": 600}, "status must be a whole number"),
        ({"kind": "error", "status": 500.5}, "status must be a whole number"),
        ({"kind": "hang", "share": 1.5}, "share must be a number between 0 and 1"),
        ({"kind": "hang", "share": None}, "share must be a number"),
        ({"kind": "hang", "times": 0}, "times must be a whole number"),
        ({"kind": "hang", "times": 1.5}, "times must be a whole number"),
        ({"kind": "hang", "route": "lists"}, "unknown route 'lists'; the routes: "),
        ({"kind": "hang", "route": ["list", "nope"]}, "unknown route 'nope'; the routes: "),
        ({"kind": "hang", "route": 5}, "unknown route 5"),
        ({"kind": "hang", "route": {"list": 1}}, "unknown route {'list': 1}"),
        ({"kind": "hang", "route": [["list"]]}, "unknown route ['list']"),
        ({"kind": "hang", "environment": "staging"}, "unknown environment 'staging'; the environments: dev, prod"),
        ({"kind": "hang", "environment": ["dev"]}, "unknown environment ['dev']"),
    ],
)
def test_invalid_spec_gets_a_helpful_error(api: EmulatorServer, spec: Any, error: str) -> None:
    api.faults({"kind": "error", "status": 503})
    answer = set_raw(api, json.dumps({"faults": [{"kind": "close"}, spec]}).encode())
    assert answer.status_code == 400
    assert error in answer.json()["error"]
    # Nothing has changed.
    assert api.get(LIST).status_code == 503
    assert api.client.get(f"{api.url}/emulator/faults").json()["faults"] == [{"kind": "error", "status": 503}]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"faults": [{"kind": "latency", "ms": NaN}]}'])
def test_body_that_is_not_json_is_refused(api: EmulatorServer, body: bytes) -> None:
    answer = set_raw(api, body)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize("body", [b"{}", b"5", b'"hang"', b'{"faults": {"kind": "hang"}}', b"null"])
def test_body_without_a_list_is_refused(api: EmulatorServer, body: bytes) -> None:
    answer = set_raw(api, body)
    assert (answer.status_code, answer.json()["error"]) == (400, 'the body must be {"faults": [...]}')


def test_faults_are_listed_replaced_and_removed(api: EmulatorServer) -> None:
    url = f"{api.url}/emulator/faults"
    assert api.client.get(url).json() == {"faults": [], "routes": sorted(NAMES)}
    api.faults({"kind": "error"}, {"kind": "stale"})
    assert [fault["kind"] for fault in api.client.get(url).json()["faults"]] == ["error", "stale"]
    api.faults({"kind": "error", "status": 404})
    assert api.get(LIST).status_code == 404
    assert api.client.delete(url).json()["faults"] == []
    assert api.get(LIST).status_code == 200
    assert api.client.put(url).status_code == 404


def test_every_kind_can_be_set(api: EmulatorServer) -> None:
    needed = {
        "latency": {"ms": 0},
        "clock-skew": {"seconds": 1},
        "rate-limit": {"most": 5},
        "realtime-limit": {"most": 2},
    }
    api.faults(*({"kind": kind, **needed.get(kind, {})} for kind in KINDS))
    listed = api.client.get(f"{api.url}/emulator/faults").json()["faults"]
    assert [fault["kind"] for fault in listed] == list(KINDS)


# --- affected requests


def a_set(*specs: Any, seed: int = 0) -> Faults:
    faults = Faults(Random(seed), ["dev", "prod"], lambda: None)
    faults.set(specs, NAMES)
    return faults


def test_share_of_requests_follows_from_the_seed() -> None:
    def struck(seed: int) -> list[int]:
        faults = a_set({"kind": "error", "share": 0.3}, seed=seed)
        return [len(faults.select("list", "dev")) for _ in range(2000)]

    assert struck(1) == struck(1)
    assert struck(1) != struck(2)
    assert 500 < sum(struck(1)) < 700
    assert not any(a_set({"kind": "error", "share": 0}).select("list", "dev") for _ in range(100))
    assert all(a_set({"kind": "error", "share": 1}).select("list", "dev") for _ in range(100))


def test_times_counts_affected_requests() -> None:
    faults = a_set({"kind": "error", "times": 2, "route": ["list", "trace"], "environment": "prod"})
    requests = [
        ("list", "dev"),
        ("detail", "prod"),
        ("trace", "prod"),
        ("", "prod"),
        ("list", "prod"),
        ("list", "prod"),
    ]
    assert [len(faults.select(*each)) for each in requests] == [0, 0, 1, 0, 1, 0]


def test_list_with_an_invalid_spec_changes_nothing() -> None:
    calls: list[int] = []
    faults = Faults(Random(0), ["dev"], lambda: calls.append(1))
    faults.set([{"kind": "hang"}], NAMES)
    with pytest.raises(BadFault):
        faults.set([{"kind": "close"}, {"kind": "nope"}], NAMES)
    (hang,) = faults.select("list", "dev")
    assert (len(calls), hang.kind, hang.ended.is_set()) == (1, "hang", False)
    faults.set([], NAMES)
    assert hang.ended.is_set()


# --- errors


@pytest.mark.parametrize("status", [*range(400, 430), 451, 499, *range(500, 512), 520, 599])
def test_error_replaces_the_response(api: EmulatorServer, status: int) -> None:
    api.faults({"kind": "error", "status": status})
    answer = api.get(LIST)
    assert answer.status_code == status
    assert answer.headers["x-ratelimit-limit"] == "750"
    if status in {502, 503, 504}:
        assert answer.headers["content-type"] == "text/html"
        assert str(status) in answer.text
    else:
        assert set(answer.json()) >= {"error"}


def test_error_422_asks_for_a_narrower_window(api: EmulatorServer) -> None:
    api.faults({"kind": "error", "status": 422, "route": "list"})
    answer = api.get(LIST)
    assert answer.status_code == 422
    assert "narrow the time window" in answer.json()["error"]


def test_error_is_500_by_default(api: EmulatorServer) -> None:
    api.faults({"kind": "error"})
    recorded = recording("940")["response"]
    answer = api.get(LIST)
    assert (answer.status_code, answer.json()) == (recorded["status"], recorded["body"])


@pytest.mark.parametrize("body", [{"message": "no", "n": [1, None]}, [], None, 5, "<html>\N{SNOWMAN}</html>", "\ud83d"])
def test_error_with_a_body_of_its_own(api: EmulatorServer, body: Any) -> None:
    set_raw(api, json.dumps({"faults": [{"kind": "error", "status": 500, "body": body}]}).encode())
    answer = api.get(LIST)
    assert answer.status_code == 500
    if isinstance(body, str):
        assert answer.text == body.encode("utf-8", "replace").decode()
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    else:
        assert answer.json() == body


def test_error_is_limited_to_routes_and_environment(api: EmulatorServer) -> None:
    run_id = api.running()
    api.faults({"kind": "error", "status": 503, "route": ["detail", "cancel"], "environment": "dev"})
    assert api.get(f"/api/v3/runs/{run_id}").status_code == 503
    assert api.ask("POST", f"/api/v2/runs/{run_id}/cancel").status_code == 503
    assert api.get(LIST).status_code == 200
    assert api.get(f"/api/v1/runs/{run_id}/trace").status_code == 200
    assert api.get(f"/api/v3/runs/{run_id}", key=PRODUCTION.key).status_code == 404
    api.faults({"kind": "error", "status": 503, "route": "detail", "times": 2})
    responses = [api.get(f"/api/v3/runs/{run_id}").status_code for _ in range(3)]
    assert responses == [503, 503, 200]
    # A request that was answered with an error had no effect.
    assert api.status(run_id) == "EXECUTING"


def test_error_affects_a_share_of_requests(api: EmulatorServer) -> None:
    api.faults({"kind": "error", "status": 500, "share": 0.5})
    statuses = [api.get(LIST, params={"page[size]": 1}).status_code for _ in range(60)]
    assert {200, 500} == set(statuses)


def test_fault_affects_unknown_keys_and_routes_too(api: EmulatorServer) -> None:
    api.faults({"kind": "close"})
    for path, key in ((LIST, "tr_dev_other"), ("/api/v1/nope", DEVELOPMENT.key)):
        with pytest.raises(httpx2.RemoteProtocolError):
            api.get(path, key=key)
    # A request without a key is refused earlier.
    assert api.get(LIST, key=None).status_code == 401


# --- time


def test_latency_comes_before_other_faults(api: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("tui.emulator.server.application.anyio.sleep", wait)
    api.faults({"kind": "error", "status": 503, "route": "detail"}, {"kind": "latency", "ms": 800})
    assert api.get(LIST).status_code == 200
    assert api.get("/api/v3/runs/run_x").status_code == 503
    assert waited == [0.8, 0.8]
    api.faults({"kind": "latency", "ms": 800, "jitter_ms": 200})
    for _ in range(50):
        api.get(LIST)
    jittered = waited[2:]
    assert all(0.6 <= seconds <= 1.0 for seconds in jittered)
    assert min(jittered) < 0.7
    assert max(jittered) > 0.9


def test_latency_delays_the_response(api: EmulatorServer) -> None:
    api.faults({"kind": "latency", "ms": 100})
    assert api.get(LIST).elapsed.total_seconds() >= 0.1


def test_negative_latency_is_none(api: EmulatorServer) -> None:
    api.faults({"kind": "latency", "ms": 0, "jitter_ms": 0.001})
    assert [api.get(LIST).status_code for _ in range(10)] == [200] * 10


def test_clock_skew_changes_only_the_date(api: EmulatorServer) -> None:
    def date_ms(answer: httpx2.Response) -> int:
        return int(parsedate_to_datetime(answer.headers["date"]).timestamp()) * 1000

    run_id = api.running()
    created = api.get(f"/api/v3/runs/{run_id}").json()["createdAt"]
    for seconds in (600, -7200.5, 1_000_000_000, -1_000_000_000):
        api.faults({"kind": "clock-skew", "seconds": seconds})
        for path in (LIST, "/api/v1/nope", "/api/v1/runs/"):
            off_ms = date_ms(api.get(path)) - api.time[0]
            assert abs(off_ms - seconds * 1000) < 2000
        assert api.get(f"/api/v3/runs/{run_id}").json()["createdAt"] == created
    api.faults()
    assert abs(date_ms(api.get(LIST)) - api.time[0]) < 1000


def test_stale_world_stands_still(api: EmulatorServer) -> None:
    queued = api.running()
    api.faults({"kind": "stale"})
    before = [api.get(path).json() for path in (LIST, f"/api/v3/runs/{queued}", f"/api/v1/runs/{queued}/trace")]
    api.advance(600)
    # Changing other faults does not affect this one.
    api.faults({"kind": "stale"}, {"kind": "clock-skew", "seconds": 1})
    after = [api.get(path).json() for path in (LIST, f"/api/v3/runs/{queued}", f"/api/v1/runs/{queued}/trace")]
    assert after == before
    assert before[1]["status"] == "EXECUTING"
    rows = api.ask("POST", "/api/v1/query", json=QUERY).json()["results"]
    assert {"run_id": queued, "status": "Executing"} in rows
    # Requests still take effect.
    new = api.trigger("slow")
    assert api.get(f"/api/v3/runs/{new}").json()["createdAt"] == iso(api, -600)
    api.faults()
    for run_id in (queued, new):
        assert api.status(run_id) == "COMPLETED"
    assert new in {row["id"] for row in api.get(LIST).json()["data"]}


def test_halted_world_stands_still_with_lists_up_to_date(api: EmulatorServer) -> None:
    queued = api.running()
    api.advance(10)
    new = api.trigger("slow")
    assert new not in {row["id"] for row in api.get(LIST).json()["data"]}
    api.faults({"kind": "halt"})
    rows = {row["id"]: row["status"] for row in api.get(LIST).json()["data"]}
    assert [rows[run_id] for run_id in (queued, new)] == [api.status(run_id) for run_id in (queued, new)]
    assert api.status(queued) != api.status(new) == "QUEUED"
    answers = [api.get(LIST).json(), api.client.get(f"{api.url}/emulator/world").json()]
    api.advance(600)
    assert [api.get(LIST).json(), api.client.get(f"{api.url}/emulator/world").json()] == answers
    rows = api.ask("POST", "/api/v1/query", json=QUERY).json()["results"]
    assert {row["run_id"] for row in rows} >= {queued, new}
    later = api.trigger("slow")
    api.faults({"kind": "halt"}, {"kind": "clock-skew", "seconds": 1})
    assert later not in {row["id"] for row in api.get(LIST).json()["data"]}
    api.faults()
    assert [api.status(run_id) for run_id in (queued, new)] == ["COMPLETED", "COMPLETED"]
    assert {row["status"] for row in api.get(LIST).json()["data"]} == {"COMPLETED"}


def test_late_counts_are_old(api: EmulatorServer) -> None:
    def counted() -> int:
        answer = api.ask("POST", "/api/v1/query", json={"query": "SELECT count() AS n FROM runs"})
        number: int = answer.json()["results"][0]["n"]
        return number

    before = counted()
    api.faults({"kind": "late-counts", "seconds": 20})
    api.trigger("slow")
    api.advance(10)
    assert counted() == before
    api.advance(11)
    assert counted() == before + 1
    api.trigger("slow")
    api.advance(10)
    assert counted() == before + 1
    api.faults()
    assert counted() == before + 2


def test_queries_of_all_keys_share_three_places(api: EmulatorServer) -> None:
    """The rate limit has room, and no header says when to try again."""
    api.ask("POST", "/api/v1/query", json=QUERY, key=PRODUCTION.key)  # makes the world
    api.faults({"kind": "slow-queries", "seconds": 0.5})
    keys = [DEVELOPMENT.key, PRODUCTION.key] * 2
    with ThreadPoolExecutor(len(keys)) as pool:
        answers = list(pool.map(lambda key: api.ask("POST", "/api/v1/query", json=QUERY, key=key), keys))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json() == recording("2675")["response"]["body"]
    assert "retry-after" not in refused.headers
    assert int(refused.headers["x-ratelimit-remaining"]) > 0
    api.faults()
    assert api.ask("POST", "/api/v1/query", json=QUERY).status_code == 200


def iso(api: EmulatorServer, seconds: float) -> str:
    from tui.emulator.rows import iso_time

    return iso_time(api.time[0] + round(seconds * 1000))


def test_stale_begins_at_the_fault_without_any_request() -> None:
    with run_emulator() as api:
        api.trigger("slow")
        api.advance(30)
        api.faults({"kind": "stale"})
        api.advance(3000)
        # No request had arrived since, and none at all in production.
        assert api.client.get(f"{api.url}/emulator/world").json()["now"] == iso(api, -3000)
        assert api.client.get(f"{api.url}/emulator/world?environment=prod").json()["now"] == iso(api, -3000)
        api.faults()
        assert api.client.get(f"{api.url}/emulator/world?environment=prod").json()["now"] == iso(api, 0)


# --- the rate limit


def test_rate_limit_replaces_the_limit(api: EmulatorServer) -> None:
    api.get(LIST)
    api.faults({"kind": "rate-limit", "most": 2, "refill": 1})
    answers = [api.get(LIST) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    refused, recorded = answers[2], recording("930")["response"]
    assert refused.headers["content-type"] == recorded["headers"]["content-type"]
    assert "retry-after" not in refused.headers
    assert [refused.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "reset")] == [
        "2",
        "0",
        str(api.time[0] + 10_000),
    ]
    assert refused.json().keys() == recorded["body"].keys()
    assert refused.json()["secondsUntilReset"] == 10
    # Each token has a bucket of its own, and public tokens have the same limit by the minute.
    assert api.get(LIST, key=PRODUCTION.key).status_code == 200
    token = api.token("read:runs")
    assert [api.get(LIST, key=token).status_code for _ in range(3)] == [200, 200, 429]
    # A refused request has no effect.
    before = len(api.world().ledger)
    assert api.ask("POST", "/api/v1/tasks/slow/trigger", json={}).status_code == 429
    assert len(api.world().ledger) == before
    api.advance(10)
    assert [api.get(LIST).status_code for _ in range(2)] == [200, 429]
    api.faults()
    assert api.get(LIST).headers["x-ratelimit-remaining"] == "749"


def test_rate_limit_of_zero_and_without_refill(api: EmulatorServer) -> None:
    api.faults({"kind": "rate-limit", "most": 0})
    assert api.get(LIST).status_code == 429
    api.advance(600)
    assert api.get(LIST).status_code == 429
    api.faults({"kind": "rate-limit", "most": 1})
    assert [api.get(LIST).status_code for _ in range(2)] == [200, 429]
    # The same limit again fills nothing; another limit fills all buckets.
    api.faults({"kind": "rate-limit", "most": 1}, {"kind": "clock-skew", "seconds": 1})
    assert api.get(LIST).status_code == 429
    api.faults({"kind": "rate-limit", "most": 3, "refill": 0})
    assert [api.get(LIST).status_code for _ in range(4)] == [200, 200, 200, 429]
    api.advance(60)
    assert api.get(LIST).status_code == 429


# --- sockets


def test_close_closes_the_connection(api: EmulatorServer) -> None:
    run_id = api.running()
    api.faults({"kind": "close", "route": "cancel"})
    with pytest.raises(httpx2.RemoteProtocolError):
        api.ask("POST", f"/api/v2/runs/{run_id}/cancel")
    api.answering.wait_for(0)
    assert api.status(run_id) == "EXECUTING"
    with api.socket(f"/api/v2/runs/{run_id}/cancel", method="POST") as connection:
        assert read_all(connection) == b""


def test_lost_answer_takes_effect(api: EmulatorServer) -> None:
    run_id = api.running()
    before = len(api.world().ledger)
    api.faults({"kind": "lost-answer", "route": ["cancel", "trigger", "replay"], "times": 3})
    for path in (f"/api/v2/runs/{run_id}/cancel", "/api/v1/tasks/hello/trigger", f"/api/v1/runs/{run_id}/replay"):
        with pytest.raises(httpx2.RemoteProtocolError):
            api.ask("POST", path, json={})
    assert api.status(run_id) == "CANCELED"
    assert len(api.world().ledger) == before + 2


def test_cut_closes_in_the_middle_of_the_response(api: EmulatorServer) -> None:
    for _ in range(3):
        api.trigger()
    api.advance(2)
    server_fault = api.get(LIST).content
    api.faults({"kind": "cut"})
    with pytest.raises(httpx2.RemoteProtocolError):
        api.get(LIST)
    with api.socket(LIST) as connection:
        received = read_all(connection)
    head, _, rest = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    size, _, half = rest.partition(b"\r\n")
    assert 0 < int(size, 16) < len(server_fault)
    assert server_fault.startswith(half.removesuffix(b"\r\n"))
    assert not received.endswith(b"0\r\n\r\n")


def test_cut_takes_effect_and_cuts_empty_responses(api: EmulatorServer) -> None:
    run_id = api.running()
    api.faults({"kind": "cut"})
    with pytest.raises(httpx2.RemoteProtocolError):
        api.ask("POST", f"/api/v2/runs/{run_id}/cancel")
    with api.socket(LIST, method="HEAD") as connection:
        assert read_all(connection).startswith(b"HTTP/1.1 200")
    api.faults()
    assert api.status(run_id) == "CANCELED"


def test_half_open_sends_half_and_stays_open(api: EmulatorServer) -> None:
    api.trigger()
    api.advance(2)
    server_fault = api.get(LIST).content
    api.faults({"kind": "half-open", "times": 1})
    with api.socket(LIST) as connection:
        assert server_fault.startswith(read_truncated(connection))
        # Other requests are answered meanwhile, and the faults have changed.
        api.faults()
        assert api.get(LIST).status_code == 200
        api.answering.wait_for(1)
        assert is_waiting(connection)
    # The client disconnected, and nothing of it is left.
    api.answering.wait_for(0)


def test_hang_ends_when_the_faults_change(api: EmulatorServer) -> None:
    run_id = api.running()
    api.faults({"kind": "hang", "route": "cancel"})
    with (
        api.socket(f"/api/v2/runs/{run_id}/cancel", method="POST") as first,
        api.socket(f"/api/v2/runs/{run_id}/cancel", method="POST", more="content-length: 5\r\n") as second,
    ):
        api.answering.wait_for(2)
        assert api.status(run_id) == "EXECUTING"
        assert is_waiting(first)
        assert is_waiting(second)
        api.faults()
        assert (read_all(first), read_all(second)) == (b"", b"")
    api.answering.wait_for(0)
    # It had no effect.
    assert api.status(run_id) == "EXECUTING"


def test_hang_ends_when_the_client_disconnects(api: EmulatorServer) -> None:
    api.faults({"kind": "hang"})
    with api.socket(LIST), api.socket(LIST):
        api.answering.wait_for(2)
    api.answering.wait_for(0)


def test_refuse_resets_only_new_connections(api: EmulatorServer) -> None:
    with api.socket() as before:
        assert api.get(LIST).status_code == 200
        # This connection was accepted before and keeps working.
        api.faults({"kind": "refuse"})
        before.sendall(request(LIST))
        assert read_answer(before)[0] == 200
        with httpx2.Client(trust_env=False) as stranger, pytest.raises(httpx2.TransportError):
            stranger.get(api.url + LIST)
        with pytest.raises(ConnectionError), api.socket(LIST) as connection:
            connection.recv(1)
        assert api.get(LIST).status_code == 200
    api.faults()
    with httpx2.Client(trust_env=False) as stranger:
        assert stranger.get(api.url + LIST).status_code == 401


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_refuse_accepts_the_request_that_ends_it(api: EmulatorServer, method: str) -> None:
    api.faults({"kind": "refuse"})
    for _ in range(3):
        with httpx2.Client(trust_env=False) as stranger:
            with pytest.raises(httpx2.TransportError):
                stranger.get(api.url + LIST)
            body = {"faults": [{"kind": "refuse"}]}
            assert stranger.post(f"{api.url}/emulator/faults", json=body).status_code == 200
            with pytest.raises(httpx2.TransportError):
                stranger.get(api.url + LIST)  # on the connection that was let through
    with httpx2.Client(trust_env=False) as stranger:
        ending: Any = None if method == "DELETE" else {"faults": []}
        assert stranger.request(method, f"{api.url}/emulator/faults", json=ending).status_code == 200
        assert stranger.get(api.url + LIST).status_code == 401


def test_refuse_accepts_a_control_request_in_pieces(api: EmulatorServer) -> None:
    api.faults({"kind": "refuse"})
    with api.socket() as connection:
        for piece in (b"DEL", b"ETE /emul", b"ator/faults HT", b"TP/1.1\r\nhost: x\r", b"\n\r\n"):
            connection.sendall(piece)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    with api.socket(LIST) as connection:
        assert read_answer(connection)[0] == 200


def test_refuse_resets_a_silent_connection(api: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.emulator.server.faults.SILENCE_S", 0.05)
    api.faults({"kind": "refuse"})
    with pytest.raises(ConnectionError), api.socket() as connection:
        connection.recv(1)


# --- several faults, and unaffected requests


def test_several_faults_at_once(api: EmulatorServer) -> None:
    run_id = api.running()
    api.faults(
        {"kind": "lost-answer", "route": "cancel", "times": 1},
        {"kind": "error", "status": 502, "route": "list", "times": 1},
        {"kind": "latency", "ms": 1},
        {"kind": "clock-skew", "seconds": 600},
        {"kind": "rate-limit", "most": 4, "refill": 4},
    )
    with pytest.raises(httpx2.RemoteProtocolError):
        api.ask("POST", f"/api/v2/runs/{run_id}/cancel")
    answers = [api.get(LIST), api.get(LIST), api.get(f"/api/v3/runs/{run_id}"), api.get(LIST)]
    assert [answer.status_code for answer in answers] == [502, 200, 200, 429]
    assert answers[2].json()["status"] == "CANCELED"
    assert all(
        parsedate_to_datetime(answer.headers["date"]).timestamp() >= api.time[0] // 1000 + 600 for answer in answers
    )


def test_lost_error_has_no_effect(api: EmulatorServer) -> None:
    run_id = api.running()
    api.faults({"kind": "error"}, {"kind": "lost-answer"})
    with pytest.raises(httpx2.RemoteProtocolError):
        api.ask("POST", f"/api/v2/runs/{run_id}/cancel")
    api.faults()
    assert api.status(run_id) == "EXECUTING"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_fault_affects_the_control_routes(api: EmulatorServer, kind: str) -> None:
    needed = {"latency": {"ms": 60_000}, "clock-skew": {"seconds": 600}}
    needed |= {limit: {"most": 0} for limit in ("rate-limit", "realtime-limit")}
    api.faults({"kind": kind, **needed.get(kind, {})})
    assert api.client.get(f"{api.url}/emulator/world").status_code == 200
    assert api.client.get(f"{api.url}/emulator/faults").status_code == 200
    assert "/emulator/world" in api.client.get(f"{api.url}/emulator/nope").json()["error"]


def test_affected_request_logs_no_error(api: EmulatorServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for kind in ("close", "cut", "lost-answer"):
        api.faults({"kind": kind})
        with pytest.raises(httpx2.RemoteProtocolError):
            api.get(LIST)
    api.faults({"kind": "hang"})
    with api.socket(LIST):
        api.answering.wait_for(1)
    api.answering.wait_for(0)
    assert [record for record in caplog.records if record.name.startswith(("tui", "uvicorn", "asyncio"))] == []
