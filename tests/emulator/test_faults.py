"""The faults of the server: each does what a test asks for, to the requests that it names, until it ends."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import psutil
import pytest

from tests.support.emulator.server import DEVELOPMENT, PATIENCE_S, PRODUCTION, EmulatorServer, run_emulator
from tui.emulator.environment import API_VERSION
from tui.emulator.server.child import PortTaken, listen
from tui.emulator.server.faults import KINDS

LIST = "/api/v1/runs"
FEED = "/realtime/v1/runs"
MOMENT_S = 0.1
COUNT = {"query": "SELECT count() AS n FROM runs"}
NEEDED: dict[str, dict[str, int]] = {
    "latency": {"ms": 60_000},
    "clock-skew": {"seconds": 600},
    "rate-limit": {"most": 0},
    "realtime-limit": {"most": 0},
}


@pytest.fixture
def api() -> Iterator[EmulatorServer]:
    with run_emulator() as api:
        yield api


def running(api: EmulatorServer) -> str:
    """Trigger a run that stays live, and advance the clock until lists show it."""
    run_id = api.trigger()
    api.advance(2)
    return run_id


def status(api: EmulatorServer, run_id: str) -> str:
    run = api.world().find(run_id)
    assert run is not None
    return run.status.rest


def counted(api: EmulatorServer) -> int:
    number: int = api.ask("POST", "/api/v1/query", body=COUNT).json()["results"][0]["n"]
    return number


@contextmanager
def raw(api: EmulatorServer, path: str = "", method: str = "GET") -> Iterator[socket.socket]:
    """Send a request on a connection of its own, without reading the response."""
    address = httpx2.URL(api.url)
    with closing(socket.create_connection((address.host, address.port), PATIENCE_S)) as connection:
        if path:
            head = f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {DEVELOPMENT.key}\r\n\r\n"
            connection.sendall(head.encode())
        yield connection


def read(connection: socket.socket, patience_s: float = PATIENCE_S) -> tuple[bytes, bool]:
    """Read until the other side closes, or sends nothing for so long. Returns also whether it closed."""
    connection.settimeout(patience_s)
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except TimeoutError:
        return received, False
    return received, True


# --- setting faults


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (5, "an object with one of these kinds: latency, error, "),
        ({"kind": "explode"}, "one of these kinds"),
        ({"kind": "latency"}, "latency needs 'ms'"),
        ({"kind": "latency", "ms": True}, "ms must be a number between 0 and 3600000"),
        ({"kind": "error", "status": 399}, "status must be a whole number between 400 and 599"),
        ({"kind": "error", "times": 1.5}, "times must be a whole number"),
        ({"kind": "hang", "route": "nowhere"}, "unknown route 'nowhere'; the routes: "),
        ({"kind": "hang", "environment": "staging"}, "unknown environment 'staging'; the environments: dev, prod"),
        ({"kind": "stale", "times": 1}, "stale has no field 'times'; its fields: none"),
    ],
)
def test_invalid_spec_is_explained_and_changes_nothing(api: EmulatorServer, spec: Any, error: str) -> None:
    before = {"kind": "error", "status": 503}
    api.faults(before)
    control = f"{api.url}/emulator/faults"
    answer = api.client.post(control, json={"faults": [{"kind": "hang"}, spec]})
    assert answer.status_code == 400
    assert error in answer.json()["error"]
    for body in (b"{", b"\xff", b"[" * 100_000, b"{}", b"5"):
        assert api.client.post(control, content=body).status_code == 400
    assert api.client.get(control).json()["faults"] == [before]
    assert api.get(LIST).status_code == 503
    assert api.client.delete(control).json()["faults"] == []
    assert api.get(LIST).status_code == 200


def test_no_fault_affects_the_control_routes(api: EmulatorServer) -> None:
    for kind in KINDS:
        api.faults({"kind": kind, **NEEDED.get(kind, {})})
        assert api.client.get(f"{api.url}/emulator/world").status_code == 200
        assert "/emulator/world" in api.client.get(f"{api.url}/emulator/nope").json()["error"]
        assert api.client.get(f"{api.url}/emulator/faults").json()["faults"][0]["kind"] == kind


# --- responses


def test_error_affects_the_named_requests(api: EmulatorServer) -> None:
    run_id = running(api)
    path = f"/api/v3/runs/{run_id}"
    api.faults({"kind": "error", "status": 503, "route": ["detail", "cancel"], "environment": "dev"})
    assert [api.get(each).status_code for each in (path, LIST, f"{LIST}/{run_id}/trace")] == [503, 200, 200]
    assert api.ask("POST", f"/api/v2/runs/{run_id}/cancel").status_code == 503
    assert api.get(path, key=PRODUCTION.key).status_code == 404
    # A request that was answered with an error had no effect.
    assert status(api, run_id) == "EXECUTING"
    api.faults({"kind": "error", "route": "detail", "times": 2})
    assert [api.get(path).status_code for _ in range(3)] == [500, 500, 200]
    api.faults({"kind": "error", "share": 0.5})
    assert {api.get(LIST).status_code for _ in range(40)} == {200, 500}
    for body in ({"message": "no", "n": [1, None]}, None, "<html>\N{SNOWMAN}</html>"):
        api.faults({"kind": "error", "status": 418, "body": body})
        answer = api.get(LIST)
        assert (answer.status_code, answer.text if isinstance(body, str) else answer.json()) == (418, body)
    api.faults({"kind": "error", "status": 422})
    assert "narrow the time window" in api.get(LIST).json()["error"]


def test_time_stands_still_or_is_wrong(api: EmulatorServer) -> None:
    run_id = running(api)
    for kind in ("stale", "halt"):
        new = api.trigger()
        api.faults({"kind": kind})
        # Lists and queries catch up at once under `halt` alone.
        is_listed = new in {row["id"] for row in api.get(LIST).json()["data"]}
        assert is_listed is (kind == "halt")
        before = api.client.get(f"{api.url}/emulator/world").json()
        api.advance(600)
        assert api.client.get(f"{api.url}/emulator/world").json() == before
        later = api.trigger()
        assert api.get(f"/api/v3/runs/{later}").status_code == 200
        api.faults()
        assert [status(api, each) for each in (run_id, new, later)] == ["COMPLETED"] * 3
    api.faults({"kind": "cached"})
    kept = api.get(LIST).json()
    api.trigger()
    api.advance(5)
    assert api.get(LIST).json() == kept
    api.faults({"kind": "clock-skew", "seconds": -600})
    assert parsedate_to_datetime(api.get(LIST).headers["date"]).timestamp() == api.time[0] // 1000 - 600
    count = counted(api)
    api.faults({"kind": "late-counts", "seconds": 20})
    api.trigger()
    api.advance(10)
    assert counted(api) == count
    api.advance(11)
    assert counted(api) == count + 1


# --- connections


@pytest.mark.parametrize(
    ("kind", "is_done"), [("close", False), ("hang", False), ("lost-answer", True), ("cut", True), ("half-open", True)]
)
def test_broken_connection_takes_effect_or_not(api: EmulatorServer, kind: str, is_done: bool) -> None:
    run_id, whoami = running(api), "/api/v1/whoami"
    whole = api.get(whoami).content
    api.faults({"kind": kind, "route": ["cancel", "whoami"]})
    is_open = kind in {"hang", "half-open"}
    with raw(api, f"/api/v2/runs/{run_id}/cancel", "POST") as cancel, raw(api, whoami) as reading:
        answers = [read(each, MOMENT_S if is_open else PATIENCE_S) for each in (cancel, reading)]
        assert {is_closed for _, is_closed in answers} == {not is_open}
        # Other requests are answered meanwhile. A request hangs until its fault ends; half an answer stays half.
        assert api.get(LIST).status_code == 200
        api.faults()
        assert not is_open or read(cancel, MOMENT_S) == (b"", kind == "hang")
    assert (status(api, run_id) == "CANCELED") is is_done
    half = answers[1][0].partition(b"\r\n\r\n")[2].partition(b"\r\n")[2].removesuffix(b"\r\n")
    assert half == (whole[: len(whole) // 2] if kind in {"cut", "half-open"} else b"")


# --- the realtime feed


def next_poll(answer: httpx2.Response) -> dict[str, str]:
    headers = answer.headers
    return {"offset": headers["electric-offset"], "handle": headers["electric-handle"], "live": "true"}


HEADERS = {"x-trigger-api-version": API_VERSION, "x-trigger-electric-version": "1.0.0-beta.1"}


def snapshot(api: EmulatorServer, **more: str) -> httpx2.Response:
    return api.get(FEED, params={"offset": "-1", **more}, headers=HEADERS)


# --- serving


def test_server_stops_with_clients_connected_and_leaves_nothing() -> None:
    """Idle, in the middle of a request, hanging, held: no client keeps the server, and all see it end."""
    threads, files = set(threading.enumerate()), psutil.Process().num_fds()
    with ExitStack() as clients:
        with run_emulator() as api:
            run_id = api.trigger()
            query = next_poll(snapshot(api))
            api.faults({"kind": "hang", "route": "list"}, {"kind": "half-open", "route": "detail"})
            held = f"{FEED}?offset={query['offset']}&handle={query['handle']}&live=true"
            left = [clients.enter_context(raw(api, path)) for path in ("", LIST, f"/api/v3/runs/{run_id}", held)]
            assert read(left[1], MOMENT_S) == (b"", False)
            port = httpx2.URL(api.url).port
            assert port is not None
            with pytest.raises(PortTaken, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
                listen(port)
        for connection in left:
            with suppress(ConnectionResetError):
                read(connection)
    with listen(port) as again:
        assert again.getsockname()[0] == "127.0.0.1"
    assert set(threading.enumerate()) <= threads
    assert psutil.Process().num_fds() <= files
