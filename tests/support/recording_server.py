"""A real HTTP server on a loopback port that answers with the recorded responses of Trigger.dev.

Use `with RecordingsApi() as api:` or the fixture `recordings_api`:

    api.url                              its address, `http://127.0.0.1:<port>`
    api.requests                         the received requests, in order
    api.answer(*answers, path=…)         use these answers from now on, one per request, the last one repeatedly
    api.release()                        close the connections of hanging requests

A request gets the recording with the same method, path and query (or TRQL), if necessary regardless of `page[size]`
and of the period. Among several recordings a success comes first, then the same presence of the version header, then
the lowest number. A list with other parameters is an empty page (recording 049). Anything else is a 404.

An answer is the number of a recording ("103"), a `Reply`, a `Fault`, or a function from a `ReceivedRequest` to one of
these. `path` is the exact path of the request line, None every path. The latest matching `answer` is used. Recorded
headers are sent too, so the `Date` is that of the recording; a `Reply` without a date has `RECORDED_DATE`.

The server supports keep-alive, gzip and TLS, and works as a proxy for any host (`GET http://host/path`).
"""

import gzip
import json
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.support.recordings import as_bytes, recording, recordings

RECORDED_DATE = "Tue, 24 Nov 2026 14:05:00 GMT"
MAX_HANG_S = 30.0
"""A test that forgets to release hanging requests fails after this time."""

DRIBBLE_S = 0.02
"""Time between two bytes of an endless response, shorter than any read timeout."""


@dataclass(frozen=True)
class ReceivedRequest:
    """A request of the tested client."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Headers by their lower-case names."""

    body: bytes
    target: str
    """The target of the request line, undecoded."""

    connection: str
    """The address of the client, which is different for each connection."""

    @property
    def json(self) -> Any:
        """The decoded body, None if it is empty."""
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Reply:
    """A response: bytes and texts are sent unchanged, other bodies as JSON.

    `is_packed`: send the body unchanged, but declare it as gzip.
    """

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    is_packed: bool = False


class Fault(Enum):
    """Ways to fail a request."""

    CLOSE = "the connection is closed without an answer"
    RESET = "the connection is reset"
    HANG = "no response until `release()`"
    GARBAGE = "bytes that are not HTTP"
    DRIBBLE = "a byte now and then until `release()`"
    HALF = "a body that ends before its Content-Length"
    BAD_RECORD = "unencrypted bytes on a TLS connection"


PlainAnswer = str | Reply | Fault
Answer = PlainAnswer | Callable[[ReceivedRequest], PlainAnswer]


class RecordingsApi:
    """The server, which runs in its own threads while it is entered."""

    def __init__(self, certificate: str | None = None) -> None:
        """`certificate` is the path of a PEM file with a certificate and its key. With it, the server speaks TLS."""
        self.requests: list[ReceivedRequest] = []
        self._overrides: list[tuple[str, str | None, list[Answer]]] = []
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(self)
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            scheme = "https"
        self.port: int = self._server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="recordings")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()

    def answer(self, *answers: Answer, method: str = "GET", path: str | None = None) -> None:
        """Use these answers for requests with this method and path, one per request, the last one repeatedly."""
        if not answers:
            raise ValueError("no answer given")
        self._overrides.append((method, path, list(answers)))

    def release(self) -> None:
        """Close the connections of hanging requests, now and later."""
        self._released.set()

    def wait_released(self, timeout_s: float = MAX_HANG_S) -> bool:
        """Block until `release()` or the timeout. Return whether it was released."""
        return self._released.wait(timeout_s)

    def take_answer(self, request: ReceivedRequest) -> Reply | Fault:
        """Record a request, and choose its answer."""
        with self._lock:
            self.requests.append(request)
            answer = self._overridden(request)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, str):
            return _replay(answer)
        return _recorded(request) if answer is None else answer

    def _overridden(self, request: ReceivedRequest) -> Answer | None:
        for method, path, answers in reversed(self._overrides):
            if method == request.method and path in {None, request.path}:
                return answers.pop(0) if len(answers) > 1 else answers[0]
        return None


@dataclass(frozen=True)
class _Known:
    name: str
    path: str
    query: dict[str, str]
    trql: str | None
    status: int
    is_versioned: bool


@cache
def _known() -> dict[str, list[_Known]]:
    """Return the recordings by method."""
    by_method: dict[str, list[_Known]] = {}
    for name, parsed in recordings():
        if (request := parsed.get("request")) is not None:
            known = _Known(
                name,
                request["path"],
                {key: str(value) for key, value in request["query"].items()},
                _trql(request["body"]),
                parsed["response"]["status"],
                "x-trigger-api-version" in request["headers"],
            )
            by_method.setdefault(request["method"], []).append(known)
    return by_method


def _recorded(request: ReceivedRequest) -> Reply:
    trql = _trql(request.json) if request.path == "/api/v1/query" else None
    is_versioned = "x-trigger-api-version" in request.headers
    known = [one for one in _known().get(request.method, ()) if one.path == request.path and one.trql == trql]
    same = [one for one in known if one.query == request.query]
    same = same or [one for one in known if _sizeless(one.query) == _sizeless(request.query)]
    same = same or [one for one in known if _windowless(one.query) == _windowless(request.query)]
    same = same or [one for one in known if _windowless(_sizeless(one.query)) == _windowless(_sizeless(request.query))]
    if same:
        best = min(same, key=lambda one: (one.status >= 400, one.is_versioned != is_versioned, one.name))
        return _replay(best.name)
    if known and request.path == "/api/v1/runs":
        return _replay("049")
    return Reply(404, {"error": "Not found"})


def _windowless(query: dict[str, str]) -> dict[str, str]:
    """Remove the period, which the client always sends and most recordings lack."""
    return {key: value for key, value in query.items() if not key.startswith("filter[createdAt]")}


def _sizeless(query: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in query.items() if key != "page[size]"}


def _trql(body: Any) -> str | None:
    query = body.get("query") if isinstance(body, dict) else None
    return query if isinstance(query, str) else None


def _replay(number: str) -> Reply:
    response = recording(number)["response"]
    return Reply(response["status"], response["body"], response["headers"])


_NOT_SENT = frozenset({"transfer-encoding", "content-length", "content-encoding", "connection", "vary", "etag"})


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, api: RecordingsApi) -> None:
        self.api = api
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def opened(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.discard(connection)

    def close_connections(self) -> None:
        """Close kept-alive connections, so that their threads can be joined."""
        with self._open_lock:
            for connection in self._open:
                with suppress(OSError):  # closed by the client
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: some tests disconnect on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes. With Nagle's algorithm the second one would wait for the client.
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        self.server.opened(self.request)
        super().setup()

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.closed(self.request)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the standard library's
        """Print nothing."""

    def _respond(self) -> None:
        # `self.path` has leading slashes folded. The request line has the original target.
        target = self.requestline.split(" ")[1]
        parts = urlsplit(target)
        request = ReceivedRequest(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("content-length", 0))),
            target=target,
            connection=f"{self.client_address[0]}:{self.client_address[1]}",
        )
        answer = self.server.api.take_answer(request)
        if isinstance(answer, Fault):
            self._fail(answer)
        else:
            self._send(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_CONNECT = _respond  # noqa: N815  the names are the standard library's

    def _send(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else as_bytes(reply.body)
        headers = {name.lower(): value for name, value in reply.headers.items() if name.lower() not in _NOT_SENT}
        headers.setdefault("date", RECORDED_DATE)
        headers.setdefault("content-type", "application/json; charset=utf-8")
        if body and (reply.is_packed or "gzip" in self.headers.get("accept-encoding", "")):
            body = body if reply.is_packed else gzip.compress(body, 1)
            headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(body))
        self._write(reply.status, headers.items(), b"" if self.command == "HEAD" else body)

    def _write(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, fault: Fault) -> None:
        self.close_connection = True
        match fault:
            case Fault.CLOSE:
                pass
            case Fault.HANG:
                self.server.api.wait_released()
            case Fault.RESET:
                # A linger time of zero makes close() send RST instead of FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.rfile.close()
                self.wfile.close()
                self.connection.close()
            case Fault.GARBAGE:
                self.wfile.write(b"\x16\x03\x01 what is this?\r\n\r\n")
            case Fault.DRIBBLE:
                self._write(200, [("content-length", "1000000")], b"")
                for _ in range(1_000_000):
                    self.wfile.write(b" ")
                    if self.server.api.wait_released(DRIBBLE_S):
                        break
            case Fault.BAD_RECORD:
                os.write(self.connection.fileno(), b"no record of TLS at all")
            case Fault.HALF:
                self._write(200, [("content-length", "1000"), ("content-type", "application/json")], b'{"data": [')
