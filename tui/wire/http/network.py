"""The sockets of httpcore, on asyncio's transports."""

import asyncio
import os
import select
import socket
import ssl
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import Context
from itertools import zip_longest
from threading import Thread
from typing import Any, Final, TypeAlias

from tui.wire.http.core import httpcore

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
