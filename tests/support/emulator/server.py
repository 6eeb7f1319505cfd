"""An emulator on a port whose clock the test owns, with raw requests and live polls."""

import http.client
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.emulator.small_world import COMPANY, START_MS
from tui.emulator.access import sign_token
from tui.emulator.environment import API_VERSION, DEVELOPMENT, PRODUCTION, Environment
from tui.emulator.server.application import application
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.server.serving import serve_in_thread
from tui.emulator.world import DemoTasks, World

PATIENCE_S = 20.0
ELECTRIC = {"x-trigger-api-version": API_VERSION, "x-trigger-electric-version": "1.0.0-beta.1"}
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of `http:`. A context of their own would read the machine's certificates, which takes 8 ms."""

LAST_CHUNK = b"0\r\n\r\n"


@dataclass
class EmulatorServer:
    """The server as its clients see it. `emulator` is its state, `time` is epoch milliseconds."""

    url: str
    emulator: Emulator
    client: httpx2.Client
    time: list[int]
    answering: "RequestCounter"

    def ask(self, method: str, path: str, *, key: str | None = DEVELOPMENT.key, **more: Any) -> httpx2.Response:
        """Send a request over a kept connection. A `key` of None sends no header, one with a space the whole header."""
        return self.client.request(method, self.url + path, headers=headers(key, more.pop("headers", {})), **more)

    def get(self, path: str, **more: Any) -> httpx2.Response:
        return self.ask("GET", path, **more)

    def trigger(self, task: str = "slow", **body: Any) -> str:
        answer = self.ask("POST", f"/api/v1/tasks/{task}/trigger", json=body)
        assert answer.status_code == 200, answer.text
        run_id: str = answer.json()["id"]
        return run_id

    def running(self) -> str:
        """Trigger a run that stays live, advance the clock until lists show it, and return its id."""
        run_id = self.trigger("slow")
        self.advance(2)
        return run_id

    def status(self, run_id: str) -> str:
        status: str = self.get(f"/api/v3/runs/{run_id}", headers={"x-trigger-api-version": API_VERSION}).json()[
            "status"
        ]
        return status

    def faults(self, *specs: Any) -> None:
        """Replace all faults."""
        answer = self.client.post(f"{self.url}/emulator/faults", json={"faults": list(specs)})
        assert answer.status_code == 200, answer.text

    def advance(self, seconds: float) -> None:
        self.time[0] += round(seconds * 1000)

    def world(self, slug: str = "dev") -> World:
        world = self.emulator._slots[slug].world
        assert world is not None
        return world

    def token(self, *scopes: str, valid_s: float = 3600, environment: Environment = DEVELOPMENT) -> str:
        now_s = self.time[0] / 1000
        return sign_token(environment, list(scopes), issued_s=now_s, expires_s=now_s + valid_s)

    @contextmanager
    def socket(self, path: str = "", **more: Any) -> Iterator[socket.socket]:
        """Send a request on a connection of its own, without reading the response."""
        with closing(socket.create_connection(self.address, PATIENCE_S)) as connection:
            if path:
                connection.sendall(request(path, **more))
            yield connection

    @contextmanager
    def live(self, path: str, *, key: str = DEVELOPMENT.key, **more: str) -> Iterator["PendingRequest"]:
        """Send a request for the realtime feed on a connection of its own."""
        held = self.emulator.feeds.held
        with closing(http.client.HTTPConnection(*self.address, timeout=PATIENCE_S)) as connection:
            connection.request("GET", path, headers=headers(key, ELECTRIC | more))
            live = PendingRequest(connection)
            ends_s = time.monotonic() + PATIENCE_S
            while self.emulator.feeds.held == held and not live.is_answered():
                assert time.monotonic() < ends_s
            yield live

    def settle(self, seconds: float = 0.0) -> int:
        """Advance the clock. Returns how many polls are still held."""
        self.advance(seconds)
        return self.emulator.feeds.settle()

    def advance_to_response(self) -> int:
        """Advance the clock until a response comes, and return the milliseconds until then."""
        feeds, started_ms = self.emulator.feeds, self.time[0]
        held = feeds.held
        while feeds.settle() == held:
            due_ms = feeds.next_due_ms()
            assert due_ms is not None
            self.time[0] = max(self.time[0], due_ms)
        return self.time[0] - started_ms

    @property
    def address(self) -> tuple[str, int]:
        url = httpx2.URL(self.url)
        assert url.port is not None
        return url.host, url.port


@dataclass
class PendingRequest:
    """A request whose response the test reads later."""

    connection: http.client.HTTPConnection

    def is_answered(self) -> bool:
        """Whether a part of the response has come, or the connection is closed."""
        return bool(select.select([self.connection.sock], [], [], 0.001)[0])

    def answer(self) -> "LiveResponse":
        """Wait for the response."""
        response = self.connection.getresponse()
        body = response.read()
        return LiveResponse(response.status, dict(response.getheaders()), json.loads(body))

    def is_closed(self) -> bool:
        """Wait, and return whether the connection ends without a response."""
        try:
            self.connection.getresponse().read()
        except (http.client.HTTPException, ConnectionError):
            return True
        return False


@dataclass
class LiveResponse:
    """A response with its `messages`."""

    status: int
    headers: dict[str, str]
    messages: Any

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """The operation, run id and status of each row."""
        rows = [message for message in self.messages if "value" in message]
        result = [(row["headers"]["operation"], row["value"]["friendlyId"], row["value"]["status"]) for row in rows]
        return sorted(result)

    @property
    def next(self) -> str:
        """The query string of the next live request."""
        return f"live=true&offset={self.headers['electric-offset']}&handle={self.headers['electric-handle']}"


def headers(key: str | None, more: dict[str, str]) -> dict[str, str]:
    given = {} if key is None else {"authorization": key if " " in key else f"Bearer {key}"}
    return given | more


def request(path: str, method: str = "GET", *, key: str = DEVELOPMENT.key, more: str = "") -> bytes:
    """Return the bytes of a request."""
    return f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n{more}\r\n".encode("latin-1")


def read_all(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Read the status and the body of a chunked response."""
    received = b""
    while not received.endswith(LAST_CHUNK):
        chunk = connection.recv(65536)
        assert chunk, received
        received += chunk
    head, _, rest = received.partition(b"\r\n\r\n")
    assert b"chunked" in head, head
    body = b""
    while rest != LAST_CHUNK:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return int(head.split()[1]), body


def read_truncated(connection: socket.socket) -> bytes:
    """Read the only chunk of a truncated response."""
    received = b""
    while True:
        chunk = connection.recv(65536)
        assert chunk, received
        received += chunk
        size, line, content = received.partition(b"\r\n\r\n")[2].partition(b"\r\n")
        if line and len(content) == int(size, 16) + 2:
            return content.removesuffix(b"\r\n")


def is_waiting(connection: socket.socket) -> bool:
    """Whether the connection is open and has received nothing."""
    connection.setblocking(False)
    try:
        return bool(connection.recv(1)) and False
    except BlockingIOError:
        return True
    finally:
        connection.settimeout(PATIENCE_S)


@dataclass
class RequestCounter:
    """Counts the requests that the application is still answering."""

    application: ASGIApp
    count: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._add(1)
        try:
            await self.application(scope, receive, send)
        finally:
            self._add(-1)

    def wait_for(self, count: int) -> None:
        """Wait until this many requests are in flight."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.count == count, PATIENCE_S), self.count

    def _add(self, count: int) -> None:
        with self._changed:
            self.count += count
            self._changed.notify_all()


@contextmanager
def run_emulator(company: DemoTasks = COMPANY, *, is_ticking: bool = False, **options: Any) -> Iterator[EmulatorServer]:
    """Start an emulator. Unless the options say otherwise, it creates no runs of its own."""
    time = [START_MS]
    emulator = Emulator(company, Options(**{"rate_per_s": 0, "history": 0, **options}), lambda: time[0])
    answering = RequestCounter(application(emulator))
    with (
        serve_in_thread(answering, emulator, is_ticking=is_ticking) as url,
        httpx2.Client(timeout=PATIENCE_S, verify=NO_TLS, trust_env=False, follow_redirects=False) as client,
    ):
        yield EmulatorServer(url, emulator, client, time, answering)


__all__ = ["DEVELOPMENT", "PRODUCTION", "EmulatorServer", "run_emulator"]
