"""An HTTP proxy on loopback that can change every byte of a response.

It speaks HTTP/1.1 with keep-alive, over TLS if it has a certificate. A `Rewriter` gets the request and the upstream's
response, and returns another response or a `Script` of raw bytes and breaks. When a client disconnects, the request
upstream ends too, so that no held poll of the feed is left.
"""

import gzip
import os
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.hostile.response_fields import kind_of

PATIENCE_S = 30.0
DRIP_S = 0.002
MAX_HEAD_BYTES = 256 * 1024
_HOP_BY_HOP = frozenset({b"transfer-encoding", b"content-length", b"content-encoding", b"connection"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived. `number` counts the requests of one proxy from 0."""

    number: int
    method: str
    target: str
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def kind(self) -> str:
        return kind_of(self.method, self.target)

    @property
    def is_live_poll(self) -> bool:
        return "live=true" in self.target


@dataclass(slots=True)
class Response:
    """A complete response, uncompressed."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def bytes(self) -> bytes:
        """Return the response as it is sent."""
        head = [b"HTTP/1.1 %d Hostile" % self.status]
        head += [name + b": " + value for name, value in self.headers if name.lower() not in _HOP_BY_HOP]
        head += [b"content-length: %d" % len(self.body)]
        return b"\r\n".join(head) + b"\r\n\r\n" + self.body


class Break(Enum):
    """Steps of a script other than bytes."""

    CLOSE = "close the connection"
    RESET = "reset the connection"
    HANG = "send nothing until the proxy ends"
    DRIP = "send the rest byte by byte"


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that bypass TLS: broken records and alerts."""

    data: bytes


Script = tuple[bytes | Break | Raw, ...]
Rewriter = Callable[[Request, Response], "Response | Script"]
Early = Callable[[Request], "Response | Script | None"]
Greet = Callable[[socket.socket], bool]
"""Runs on a new connection before TLS and HTTP. Returns whether these follow."""


def unchanged(request: Request, response: Response) -> Response:
    """Return the response as it is."""
    return response


def forward(request: Request) -> None:
    """Forward the request."""


@dataclass
class Proxy:
    """A proxy for the server at `upstream`. `rewrite` may be replaced at any time; `requests` has the requests so far.

    `early` may respond instead of the upstream.
    """

    upstream: str
    certificate: ssl.SSLContext | None = None
    rewrite: Rewriter = unchanged
    early: Early = forward
    greet: Greet | None = None
    live_polls_wait: bool = True
    """False: a live poll of the feed is forwarded as a request for all rows, which returns at once."""

    requests: list[Request] = field(default_factory=list)
    bugs: list[Exception] = field(default_factory=list)
    """Exceptions of the proxy itself."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'http' if self.certificate is None else 'https'}://127.0.0.1:{self.port}"
        self._ended, self._wake = socket.socketpair()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._accepting = threading.Thread(target=self._accept, name="hostile proxy", daemon=True)
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake.close()
        self._accepting.join(PATIENCE_S)
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(PATIENCE_S)
        self._listener.close()
        self._ended.close()
        if self.bugs and error is None:
            raise self.bugs[0]

    def calm(self) -> None:
        """Forget the requests, and stop all changes."""
        self.rewrite, self.early, self.live_polls_wait = unchanged, forward, True
        self.requests.clear()

    @property
    def is_over(self) -> bool:
        """Whether the proxy has ended."""
        return bool(select.select([self._ended], [], [], 0)[0])

    def _accept(self) -> None:
        while True:
            ready, _, _ = select.select([self._listener, self._ended], [], [])
            if self._ended in ready:
                return
            connection, _ = self._listener.accept()
            thread = threading.Thread(target=self._serve, args=(connection,), name="hostile connection", daemon=True)
            with self._lock:
                self._threads.add(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(PATIENCE_S)
            if self.greet is not None and not self.greet(connection):
                return
            if self.certificate is not None:
                connection = self.certificate.wrap_socket(connection, server_side=True)
            _Connection(self, connection).serve()
        except OSError:
            pass  # clients disconnect in half of the cases
        except Exception as bug:  # noqa: BLE001  `__exit__` raises it
            self.bugs.append(bug)
        finally:
            with suppress(OSError):
                connection.close()
            with self._lock:
                self._threads.discard(threading.current_thread())

    def record(self, method: str, target: str, headers: dict[bytes, bytes], body: bytes) -> Request:
        """Record a request."""
        with self._lock:
            request = Request(len(self.requests), method, target, headers, body)
            self.requests.append(request)
        return request

    def wait(self, *sockets: socket.socket, within_s: float | None = PATIENCE_S) -> list[socket.socket]:
        """Wait until a socket is readable. Raises OSError when the proxy ends."""
        pending: list[socket.socket] = [each for each in sockets if isinstance(each, ssl.SSLSocket) and each.pending()]
        if pending:
            return pending
        ready, _, _ = select.select([*sockets, self._ended], [], [], within_s)
        if self._ended in ready:
            raise OSError("the proxy has ended")
        return ready


class _Connection:
    """A connection of a client, with one upstream connection for each request."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._buffer = b""

    def serve(self) -> None:
        """Respond until one side closes."""
        while (request := self._read()) is not None:
            reply = self._proxy.early(request)
            if reply is None:
                reply = self._proxy.rewrite(request, self._forward(request))
            if not self._send(reply):
                return

    def _read(self) -> Request | None:
        while b"\r\n\r\n" not in self._buffer:
            self._proxy.wait(self._client, within_s=None)
            chunk = self._client.recv(65536)
            if not chunk or len(self._buffer) > MAX_HEAD_BYTES:
                return None
            self._buffer += chunk
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *rest = head.split(b"\r\n")
        method, target, _ = first.decode("latin-1").split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in rest)}
        length = int(headers.get(b"content-length", b"0"))
        while len(self._buffer) < length:
            self._proxy.wait(self._client)
            chunk = self._client.recv(65536)
            if not chunk:
                return None
            self._buffer += chunk
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return self._proxy.record(method, target, headers, body)

    def _forward(self, request: Request) -> Response:
        """Forward a request over a new connection. Raises OSError if the client disconnects meanwhile."""
        place = urlsplit(self._proxy.upstream)
        target = request.target
        if request.is_live_poll and not self._proxy.live_polls_wait:
            target = f"{target.partition('?')[0]}?offset=-1"
        kept = [
            (name, value) for name, value in request.headers.items() if name not in _HOP_BY_HOP | {b"accept-encoding"}
        ]
        kept += [(b"content-length", b"%d" % len(request.body)), (b"connection", b"close")]
        head = f"{request.method} {target} HTTP/1.1\r\n".encode("latin-1")
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in kept)
        with socket.create_connection((place.hostname, place.port), PATIENCE_S) as upstream:
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            upstream.sendall(head + lines + b"\r\n" + request.body)
            return _parse(b"".join(self._chunks(upstream)), is_head=request.method == "HEAD")

    def _chunks(self, upstream: socket.socket) -> Iterator[bytes]:
        while True:
            ready = self._proxy.wait(upstream, self._client, within_s=None)
            if upstream in ready:
                chunk = upstream.recv(65536)
                if not chunk:
                    return
                yield chunk
            elif not self._client.recv(65536):  # clients of this suite do not pipeline requests
                raise OSError("the client has gone")

    def _send(self, reply: Response | Script) -> bool:
        """Send the response. Return whether the connection stays open."""
        if isinstance(reply, Response):
            self._client.sendall(reply.bytes())
            return True
        is_dripping = False
        for part in reply:
            match part:
                case bytes():
                    self._write(part, is_dripping=is_dripping)
                case Raw():
                    os.write(self._client.fileno(), part.data)
                case Break.DRIP:
                    is_dripping = True
                case Break.HANG:
                    with suppress(OSError):
                        while self._proxy.wait(self._client, within_s=None) and self._client.recv(65536):
                            pass
                    return False
                case Break.RESET:
                    self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return False
                case Break.CLOSE:
                    with suppress(OSError):
                        self._client.shutdown(socket.SHUT_WR)
                    return False
        return True

    def _write(self, part: bytes, *, is_dripping: bool) -> None:
        if not is_dripping:
            self._client.sendall(part)
            return
        for byte in part:
            self._client.sendall(bytes([byte]))
            self._proxy.wait(self._client, within_s=DRIP_S)


def _parse(raw: bytes, *, is_head: bool) -> Response:
    """Parse and decompress the upstream's response. Raises OSError if it is incomplete."""
    head, gap, rest = raw.partition(b"\r\n\r\n")
    if not gap:
        raise OSError("no response")
    first, *lines = head.split(b"\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    by_name = {name.lower(): value for name, value in headers}
    body = _unchunked(rest) if by_name.get(b"transfer-encoding") == b"chunked" and not is_head else rest
    if by_name.get(b"content-encoding") == b"gzip" and body:
        body = gzip.decompress(body)
    return Response(int(first.split()[1]), [each for each in headers if each[0].lower() not in _HOP_BY_HOP], body)


def _unchunked(rest: bytes) -> bytes:
    chunks = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            break
        chunks.append(rest[:length])
        rest = rest[length + 2 :]
    return b"".join(chunks)
