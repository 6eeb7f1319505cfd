"""Connections: httpcore on asyncio's transports, addresses, proxies, pools."""

import asyncio
import os
import select
import socket
import ssl
import sys
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext, suppress
from contextvars import Context
from dataclasses import field
from ipaddress import AddressValueError, IPv4Address
from itertools import zip_longest
from threading import Thread
from types import SimpleNamespace, TracebackType
from typing import Any, Final, Self, TypeAlias, TypeVar
from urllib.parse import quote, unquote, urljoin, urlsplit

import httpcore as httpcore  # noqa: PLC0414  imported by the other modules from here
from httpcore import _synchronization

from tui.lazy_dataclass import dataclass

# TCP options that make the kernel close a connection whose peer has vanished, as after a power cut.
#
# Without them, a request on a persistent connection waits for its own timeout of half a minute.


DEAD_AFTER_S: Final = 10
"""The kernel closes a connection when data or keep-alive probes are unacknowledged for this long."""

_IDLE_S: Final = 4
_PROBE_EVERY_S: Final = 2
_PROBES: Final = 3

_OPTIONS: Final = (
    ("TCP_KEEPIDLE", _IDLE_S),
    ("TCP_KEEPALIVE", _IDLE_S),  # its name on macOS
    ("TCP_KEEPINTVL", _PROBE_EVERY_S),
    ("TCP_KEEPCNT", _PROBES),
    ("TCP_USER_TIMEOUT", DEAD_AFTER_S * 1000),
)


def detect_dead_peer(connection: Any) -> None:
    """Set the keep-alive options that this system has. Anything that is not a TCP socket stays as it is."""
    with suppress(OSError, AttributeError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS:
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


# httpcore, with the locks of asyncio.
#
# httpcore takes its locks from anyio, since it also runs on trio. anyio's half for asyncio costs 12 ms of each start
# and 1.7 MB. httpcore uses four names of it, each of which is one of asyncio's own.


T = TypeVar("T")


class _FailAfter:
    """`asyncio.timeout` for a `with` without `async`: it awaits nothing when it is entered or left."""

    def __init__(self, delay_s: float | None) -> None:
        self._timeout = asyncio.timeout(delay_s)

    def __enter__(self) -> None:
        _result(self._timeout.__aenter__())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return _result(self._timeout.__aexit__(kind, error, trace))


def _result(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that awaits nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it awaits something")


_synchronization.anyio = SimpleNamespace(  # type: ignore[assignment, attr-defined]
    Lock=asyncio.Lock,
    Event=asyncio.Event,
    fail_after=_FailAfter,
    # A scope shields from cancellations by another scope of anyio alone, and there is none.
    CancelScope=lambda **_: nullcontext(),
)


# The sockets of httpcore, on asyncio's transports.


HAPPY_EYEBALLS_S: Final = 0.25
"""The next address of a host is tried beside one that does not answer for so long (RFC 8305 §5)."""

MAX_BUFFERED_BYTES: Final = 256 * 1024
"""The transport stops reading while this much was received and not read."""


_SocketAddress: TypeAlias = tuple[Any, ...]
_Address: TypeAlias = tuple[int, _SocketAddress]
"""The family of an address, and the address."""


class AsyncioBackend(httpcore.AsyncNetworkBackend):
    """Opens the connections of a pool."""

    def __init__(self) -> None:
        self._lookups: dict[tuple[str, int], Future[Sequence[_Address]]] = {}
        """The lookups of names that have not ended."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's signature
        *_: Any,
        **__: Any,
    ) -> httpcore.AsyncNetworkStream:
        """Connect. The other arguments of httpcore are for pools that have a local address or options."""
        loop = asyncio.get_running_loop()
        with _translated(httpcore.ConnectTimeout, httpcore.ConnectError):
            async with asyncio.timeout(timeout):
                connection = await _connected(await self._addresses(host, port))
                transport, stream = await loop.create_connection(_Stream, sock=connection)
        _read_alone(transport)
        return stream

    async def _addresses(self, host: str, port: int) -> Sequence[_Address]:
        """Return the addresses of a host. A lookup that hangs is shared by later calls.

        It has a thread of its own: the program does not wait for that one when it ends.
        """
        for family in (socket.AF_INET, socket.AF_INET6):
            with suppress(OSError):
                socket.inet_pton(family, host)
                return [(family, (host, port))]
        lookup = self._lookups.get((host, port))
        if lookup is None:
            lookup = Future()
            lookup.set_running_or_notify_cancel()
            Thread(target=_look_up, args=(lookup, host, port), name="name lookup", daemon=True).start()
            self._lookups[host, port] = lookup
            lookup.add_done_callback(lambda _: self._lookups.pop((host, port), None))
        return await asyncio.wrap_future(lookup)


def _look_up(lookup: "Future[Sequence[_Address]]", host: str, port: int) -> None:
    """Find the addresses of a host, those of both families in turn. Another thread calls this."""
    try:
        # As bytes: for a text, Python loads the codec idna, which rejects what is no name in its own words.
        found = socket.getaddrinfo(host.encode(), port, type=socket.SOCK_STREAM)
        addresses = [(family, address) for family, _, _, _, address in found]
        first = [each for each in addresses if each[0] == addresses[0][0]]
        second = [each for each in addresses if each[0] != addresses[0][0]]
        lookup.set_result([each for pair in zip_longest(first, second) for each in pair if each is not None])
    except Exception as error:  # noqa: BLE001  the caller raises it
        lookup.set_exception(error)


async def _connected(addresses: Sequence[_Address]) -> socket.socket:
    """Connect to the first address that answers. Raises the OSError of the last one that failed.

    `loop.create_connection` does the same, but leaks a socket when it is canceled (Python 3.11).
    """
    if len(addresses) == 1:
        return await _connect(*addresses[0])
    connected: list[socket.socket] = []
    failures = [OSError("the host has no address")]
    try:
        await _race(addresses, connected, failures)
    except BaseException:
        _close(connected)
        raise
    _close(connected[1:])
    if not connected:
        raise failures[-1]
    return connected[0]


async def _race(addresses: Sequence[_Address], connected: list[socket.socket], failures: list[OSError]) -> None:
    """Try one address after the other, each beside those that have not answered, until one has."""

    async def attempt(family: int, address: _SocketAddress) -> None:
        try:
            connected.append(await _connect(family, address))
        except OSError as error:
            failures.append(error)

    async with asyncio.TaskGroup() as attempts:
        running: set[asyncio.Task[None]] = set()
        for family, address in addresses:
            running.add(attempts.create_task(attempt(family, address), name="connect"))
            _, running = await asyncio.wait(running, timeout=HAPPY_EYEBALLS_S, return_when=asyncio.FIRST_COMPLETED)
            if connected:
                break
        while running and not connected:
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            task.cancel()


async def _connect(family: int, address: _SocketAddress) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection


def _close(connections: Iterable[socket.socket]) -> None:
    for each in connections:
        each.close()


class _Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection. It is read all the time, so that its end is known before the next request."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = bytearray()
        self._is_ended = False
        self._failure: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._is_full = self._is_held = False

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._use(transport)

    def _use(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        # `write` returns once the kernel has everything. With 0, asyncio pauses each second write over TLS, although it
        # is sent as a whole, until the server says something. To the head of a POST, it says nothing.
        transport.set_write_buffer_limits(high=1, low=0)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > MAX_BUFFERED_BYTES and not self._is_held:
            self._is_held = True
            self._transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> None:
        self._is_ended = True
        _wake(self._reader)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_ended, self._failure = True, exc
        _wake(self._reader)
        self.resume_writing()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        _wake(self._writer)

    # --- httpcore's side

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        with _translated(httpcore.ReadTimeout, httpcore.ReadError):
            if not self._received and not self._is_ended:
                self._reader = asyncio.get_running_loop().create_future()
                try:
                    async with asyncio.timeout(timeout):
                        await self._reader
                finally:
                    self._reader = None
            if not self._received and self._failure is not None:
                raise self._failure
        data = bytes(self._received[:max_bytes])
        del self._received[:max_bytes]
        if self._is_held and len(self._received) <= MAX_BUFFERED_BYTES // 2:
            self._is_held = False
            if not self._is_ended:
                Context().run(self._transport.resume_reading)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        if not buffer:
            return
        with _translated(httpcore.WriteTimeout, httpcore.WriteError):
            self._check_open()
            self._transport.write(buffer)
            if self._is_full:
                self._writer = asyncio.get_running_loop().create_future()
                try:
                    async with asyncio.timeout(timeout):
                        await self._writer
                finally:
                    self._writer = None
                self._check_open()

    def _check_open(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")

    def _check_empty(self) -> None:
        """Raise ConnectionError for data before TLS, which would be read as if it came through TLS."""
        if self._received:
            raise ConnectionError("the other side sent data before TLS")

    async def aclose(self) -> None:
        self._transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        try:
            with _translated(httpcore.ConnectTimeout, httpcore.ConnectError):
                async with asyncio.timeout(timeout):
                    self._check_open()
                    self._check_empty()
                    socket_transport = self._transport
                    name = server_hostname and server_hostname.strip("[]")  # behind a proxy, IPv6 has brackets
                    transport = await asyncio.get_running_loop().start_tls(
                        self._transport, self, ssl_context, server_hostname=name
                    )
                    if transport is not None:
                        self._use(transport)
                    _read_alone(socket_transport)
                    self._check_open()
        except BaseException:
            await self.aclose()
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self._is_ended or bool(self._received) or self._is_readable()
        return self._transport.get_extra_info(info)

    def _is_readable(self) -> bool:
        """Return whether the kernel has bytes, or the end, that the loop has not seen yet."""
        connection = self._transport.get_extra_info("socket")
        if self._transport.is_closing() or connection is None or connection.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))


def _read_alone(transport: asyncio.Transport) -> None:
    """Go on to read a socket in an empty context.

    asyncio gives a reader the context of the task that starts it. Textual has the dialog that asked in there, which
    would stay in memory until the connection ends.
    """
    if transport.is_reading():
        transport.pause_reading()
        Context().run(transport.resume_reading)


def _wake(waiter: "asyncio.Future[None] | None") -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


@contextmanager
def _translated(timeout: type[httpcore.TimeoutException], failure: type[httpcore.NetworkError]) -> Iterator[None]:
    """Raise httpcore's exceptions in place of asyncio's. Errors of TLS behind the handshake stay."""
    try:
        yield
    except ssl.SSLError as error:
        if failure is httpcore.ConnectError:
            raise failure(str(error)) from error
        raise
    except TimeoutError as error:
        # The kernel's timeout of a dead peer has a number, asyncio's has none.
        raise (timeout if error.errno is None else failure)(_text(error)) from error
    except OSError as error:
        raise failure(_text(error)) from error


def _text(error: OSError) -> str:
    """Return the system's words. asyncio puts the address in their place."""
    number = error.errno
    return os.strerror(number) if number is not None and number > 0 else error.strerror or str(error)


# Reads the addresses of requests, and encodes characters that may not stand in them.


MAX_CHARS: Final = 65_536

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SAFE_IN_PATHS: Final = "!$%&'()*+,/:;=@[\\]^|"
"""Only other characters are encoded: not `%`, since a part is encoded already, and none more than needed, since the
signature of a presigned address is about the text."""

_SAFE_IN_QUERIES: Final = _SAFE_IN_PATHS + "?`{}"
_NOT_IN_HOSTS: Final = frozenset(' "<>\\^`{|}%')


class InvalidUrl(ValueError):
    """The text is no address that a request could go to."""


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """An address. All parts are ASCII; `host` is in lower case, an IPv6 address without its brackets.

    `port` is None for the usual one of the scheme. `user` is the part before the host, `name:password`.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    query: str = ""
    fragment: str = ""
    user: str = field(default="", repr=False)

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse an address. Raises `InvalidUrl`."""
        if len(text) > MAX_CHARS or any(char.isascii() and not char.isprintable() for char in text):
            raise InvalidUrl("the address is too long, or has a control character")
        try:
            parts = urlsplit(text)
            host, port = _host(parts.hostname or ""), parts.port
            path = quote(_without_dots(parts.path), _SAFE_IN_PATHS)
            query, fragment = quote(parts.query, _SAFE_IN_QUERIES), quote(parts.fragment, _SAFE_IN_QUERIES)
        except ValueError:  # UnicodeError too: lone surrogates, which JSON may hold
            raise InvalidUrl("the address cannot be read") from None
        port = None if port == _DEFAULT_PORTS.get(parts.scheme) else port
        return cls(parts.scheme, host, port, path, query, fragment, parts.netloc.rpartition("@")[0])

    def with_query(self, query: str) -> "HttpUrl":
        """Return the address with another query, which is encoded already."""
        return HttpUrl(self.scheme, self.host, self.port, self.path, query)

    def join(self, reference: str) -> "HttpUrl":
        """Return the address that a reference of the server leads to. Raises `InvalidUrl`."""
        try:
            return HttpUrl.of(urljoin(str(self), reference))
        except ValueError:
            raise InvalidUrl("the address cannot be read") from None

    @property
    def bracketed_host(self) -> str:
        """The host as it stands in an address: IPv6 has brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def netloc(self) -> str:
        """Host and port, as in the header `Host`."""
        return self.bracketed_host if self.port is None else f"{self.bracketed_host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def target(self) -> str:
        """Path and query, as in the first line of a request."""
        return f"{self.path or '/'}?{self.query}" if self.query else self.path or "/"

    def __str__(self) -> str:
        """Return the address without user and fragment."""
        return f"{self.origin}{self.path}" + (f"?{self.query}" if self.query else "")


def _host(host: str) -> str:
    """Return a host in ASCII. Raises ValueError."""
    if not host.isascii():
        import idna  # noqa: PLC0415  most hosts are ASCII

        return idna.encode(host).decode("ascii")  # its errors are UnicodeErrors
    if ":" not in host and not _NOT_IN_HOSTS.isdisjoint(host):
        raise InvalidUrl("the host has a character that no host has")
    if host.count(".") == 3 and host.replace(".", "").isdigit():
        try:
            IPv4Address(host)
        except AddressValueError:
            raise InvalidUrl("the host is not an IPv4 address") from None
    return host


def _without_dots(path: str) -> str:
    """Return a path without the segments `.` and `..` (RFC 3986 §5.2.4)."""
    segments = path.split("/")
    if "." not in segments and ".." not in segments:
        return path
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            if kept and kept != [""]:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)


# Makes the pools of connections, and reads the certificate authorities that they trust.


KEEP_ALIVE_S: Final = 60.0
"""Connections that were idle for longer are not reused: the server closes them after 65 s
(tests/wire/recordings/README.md §10).
"""

MAX_CONNECTIONS: Final = 20
"""Open connections: more than the sources use at a time, so that hung reads never delay a user's action."""


def read_authorities() -> ssl.SSLContext:
    """Read the authorities of `SSL_CERT_FILE` or `SSL_CERT_DIR`, otherwise those of certifi. Takes 10 ms.

    Raises OSError.
    """
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    import certifi  # noqa: PLC0415  not needed without TLS

    return ssl.create_default_context(cafile=certifi.where())


def new_pool(proxy: HttpUrl | None, trust: ssl.SSLContext | None) -> httpcore.AsyncConnectionPool:
    """Return a pool that connects directly, or through a proxy. `trust` is None for addresses without TLS."""
    return httpcore.AsyncConnectionPool(
        ssl_context=trust,
        proxy=None if proxy is None else _proxy(proxy, trust),
        max_connections=MAX_CONNECTIONS,
        max_keepalive_connections=MAX_CONNECTIONS,
        keepalive_expiry=KEEP_ALIVE_S,
        network_backend=AsyncioBackend(),
    )


def _proxy(proxy: HttpUrl, trust: ssl.SSLContext | None) -> httpcore.Proxy:
    name, _, password = proxy.user.partition(":")
    return httpcore.Proxy(
        httpcore.URL(scheme=proxy.scheme, host=proxy.host, port=proxy.port, target="/"),
        auth=(unquote(name).encode(), unquote(password).encode()) if proxy.user else None,
        ssl_context=trust if proxy.scheme == "https" else None,
    )


# Which proxy a request goes through: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case.


SCHEMES: Final = frozenset({"http", "https", "socks5", "socks5h"})
_HAS_SYSTEM_SETTINGS: Final = sys.platform in {"darwin", "win32"}


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies by the scheme of the request."""

    by_scheme: Mapping[str, str] = field(repr=False)  # has passwords

    @classmethod
    def of_environment(cls) -> Self:
        """Read the environment."""
        if not _HAS_SYSTEM_SETTINGS and not any(name.lower().endswith("_proxy") for name in os.environ):
            return cls({})
        from urllib.request import getproxies  # noqa: PLC0415  4 ms, for those who have a proxy

        return cls(getproxies())

    def for_url(self, url: HttpUrl) -> HttpUrl | None:
        """Return the proxy for an address, None if there is none. Raises `InvalidUrl` for one that cannot be used."""
        text = self.by_scheme.get(url.scheme) or self.by_scheme.get("all")
        if not text or self._is_excepted(url):
            return None
        proxy = HttpUrl.of(text if "://" in text else f"http://{text}")
        if proxy.scheme not in SCHEMES or not proxy.host:
            raise InvalidUrl(f"a proxy is of the form http://host:port, or has one of {', '.join(sorted(SCHEMES))}")
        return proxy

    def _is_excepted(self, url: HttpUrl) -> bool:
        """Whether `NO_PROXY` names the host, one above it, or `*`. IPv6 addresses may have their brackets."""
        from urllib.request import proxy_bypass  # noqa: PLC0415  not needed without a proxy

        return any(proxy_bypass(host) for host in (url.host, url.netloc, "*"))
