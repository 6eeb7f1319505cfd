"""The faults of the server: each does what a test asks for, to the requests that it names, until it ends."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

import httpx2
import psutil
import pytest

from tests.support.emulator.server import DEVELOPMENT, PATIENCE_S, EmulatorServer, run_emulator
from tui.emulator.environment import API_VERSION
from tui.emulator.server.child import PortTaken, listen

LIST = "/api/v1/runs"
FEED = "/realtime/v1/runs"
MOMENT_S = 0.1


@pytest.fixture
def api() -> Iterator[EmulatorServer]:
    with run_emulator() as api:
        yield api


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


def next_poll(answer: httpx2.Response) -> dict[str, str]:
    headers = answer.headers
    return {"offset": headers["electric-offset"], "handle": headers["electric-handle"], "live": "true"}


HEADERS = {"x-trigger-api-version": API_VERSION, "x-trigger-electric-version": "1.0.0-beta.1"}


def snapshot(api: EmulatorServer, **more: str) -> httpx2.Response:
    return api.get(FEED, params={"offset": "-1", **more}, headers=HEADERS)


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
