"""Connections over real sockets: names and addresses, TLS within TLS, memory, and abandoned requests.

Each cursor move abandons some, and none may use up the connections of a program that runs for days.
"""

import asyncio
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.raw_server import CERTIFICATE, over_tls, read_head, serving, tls_server
from tests.support.wire.requests import NOW
from tui.api.connection import MAX_CONNECTIONS, HttpConnection, HttpRequest, Timeouts
from tui.api.errors import Unreachable

HOST = "127.0.0.1"
HERE = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhere"


def connection(**timeouts: float) -> aclosing[HttpConnection]:
    return aclosing(HttpConnection(headers={}, clock=lambda: NOW, timeouts=Timeouts(**timeouts)))


def send(url: str, method: str = "GET", json: Any = None, **timeouts: float) -> bytes:
    """Send a request over a new connection, and return the body of the response."""

    async def scenario() -> bytes:
        async with connection(**timeouts) as new:
            return (await new.send(HttpRequest(url, json=json), label=f"{method} /")).body

    return asyncio.run(scenario())


def answer(connection: socket.socket) -> None:
    read_head(connection)
    connection.sendall(HERE)


def test_body_that_the_server_does_not_take_times_out() -> None:
    done = threading.Event()
    with serving(lambda _: done.wait(100)) as port, pytest.raises(Unreachable, match=r"not be sent within") as caught:
        try:
            send(f"http://{HOST}:{port}/", "POST", "x" * 20_000_000, write_s=0.05)
        finally:
            done.set()
    assert caught.value.may_have_arrived


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has many addresses of the loopback interface")
@pytest.mark.parametrize("first", ["refuses", "is silent"])
def test_second_address_is_tried(monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    addresses = ("127.0.0.2", HOST)
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]
    with serving(answer) as port, ExitStack() as silent:
        if first == "is silent":
            silent.enter_context(socket.create_server((addresses[0], port), backlog=0))
            for _ in range(4):
                filling = silent.enter_context(socket.socket())
                filling.setblocking(False)
                with suppress(BlockingIOError):
                    filling.connect((addresses[0], port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        assert send(f"http://two.example:{port}/", connect_s=2.0) == b"here"


async def test_name_lookup_that_hangs_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    release, hosts = threading.Event(), list[bytes]()

    def hang(host: bytes, *_: object, **__: object) -> None:
        hosts.append(host)
        release.wait(100)
        raise OSError(0, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    async with connection(connect_s=0.01) as new:
        for _ in range(3):
            with pytest.raises(Unreachable, match=r"no connection in 0\.01 s"):
                await new.send(HttpRequest("https://slow.example/"), label="GET /")
    assert hosts == [b"slow.example"]
    release.set()


@pytest.mark.parametrize(
    "url",
    ["http://[::g]", "http://a:b", "http://1.2.3.400", "http://a/\n", "http://a/\ud800", "http://\ud800/", "http:/a",
     "http://" + "a" * 65_536, "http://xn--a.é..example"],
)  # fmt: skip
def test_address_that_cannot_be_requested_is_never_sent(url: str) -> None:
    with pytest.raises(Unreachable) as caught:
        send(url)
    assert not caught.value.may_have_arrived


def test_tunnel_leads_through_a_proxy_with_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS to the server within TLS to the proxy."""
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)

    def tunnel(connection: socket.socket) -> None:
        assert b"CONNECT" in read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with socket.create_connection((HOST, origin)) as onward:
            threading.Thread(target=pump, args=(onward, connection), daemon=True).start()
            pump(connection, onward)

    with serving(over_tls(answer)) as origin, serving(over_tls(tunnel)) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"https://{HOST}:{port}")
        assert send(f"https://{HOST}:{origin}/") == b"here"


def test_data_before_tls_is_no_response_through_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sits before the proxy could otherwise answer in the name of the server."""
    forged = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged"
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)

    def forge(connection: socket.socket) -> None:
        read_head(connection)
        head = b"HTTP/1.1 200 OK\r\n\r\n"
        connection.sendall(head + bytes(65_536 - len(head)) + forged)  # httpcore2 reads 65,536 bytes at once
        with tls_server().wrap_socket(connection, server_side=True) as encrypted:
            encrypted.recv(1)

    with serving(forge) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{HOST}:{port}")
        with pytest.raises(Unreachable, match="no connection"):
            send(f"https://{HOST}/")


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65_536):
            target.sendall(chunk)


TURNS = 20
"""Turns of the event loop, more than a request on loopback takes. A request is abandoned at each of them."""


class Api:
    """A server that responds at once and closes. `/held` waits for `release`, `/kept` keeps its connection open."""

    def __init__(self) -> None:
        self.url = ""
        self.release = asyncio.Event()
        self._open = 0
        self._changed = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._count(+1)
        is_kept = True
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while is_kept:
                request = await reader.readuntil(b"\r\n\r\n")
                if b"/held" in request:
                    await self.release.wait()
                is_kept = b"/kept" in request
                first = b"307 Temporary Redirect\r\nLocation: /" if b"/moved" in request else b"200 OK"
                last = b"" if is_kept else b"Connection: close\r\n"
                writer.write(b"HTTP/1.1 " + first + b"\r\nContent-Length: 2\r\n" + last + b"\r\n{}")
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        await self._count(-1)

    async def until_open(self, count: int) -> None:
        """Wait until this many requests have arrived."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._open == count)

    async def _count(self, more: int) -> None:
        async with self._changed:
            self._open += more
            self._changed.notify_all()


@asynccontextmanager
async def connected(pool_s: float = 1.0) -> AsyncIterator[tuple[Api, HttpConnection]]:
    api, timeouts = Api(), Timeouts(pool_s=pool_s)
    server = await asyncio.start_server(api.serve, "127.0.0.1", 0)
    api.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        async with aclosing(
            HttpConnection(headers={}, clock=lambda: datetime.now(UTC), timeouts=timeouts)
        ) as connection:
            yield api, connection
            # The connections before it in the backlog are accepted by then, and closed below.
            assert await get(api, connection) == b"{}"
        await api.until_open(0)


async def get(api: Api, connection: HttpConnection, path: str = "/") -> bytes:
    return (await connection.send(HttpRequest(api.url + path), label=f"GET {path}")).body


async def give_up(api: Api, connection: HttpConnection, turns: int) -> None:
    """Send a request, and cancel it after this many turns of the loop."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(get(api, connection))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()


def in_use(connection: HttpConnection) -> int:
    pools = [transport._pool for transport in connection._transports.values()]
    return sum(not each.is_idle() and not each.is_closed() for pool in pools for each in pool.connections)


async def test_abandoned_requests_leave_connections_for_later_ones() -> None:
    async with connected() as (api, connection):
        for number in range(5 * TURNS):
            await give_up(api, connection, number % TURNS)
        assert in_use(connection) == 0
        assert await get(api, connection) == b"{}"


async def test_request_without_a_free_connection_fails_in_time() -> None:
    async with connected(pool_s=0.01) as (api, connection), asyncio.TaskGroup() as tasks:
        held = [tasks.create_task(get(api, connection, "/held")) for _ in range(MAX_CONNECTIONS)]
        await api.until_open(MAX_CONNECTIONS)
        with pytest.raises(Unreachable, match="all connections were busy") as caught:
            await get(api, connection)
        assert not caught.value.may_have_arrived
        api.release.set()
        assert {await each for each in held} == {b"{}"}
        assert await get(api, connection) == b"{}"
