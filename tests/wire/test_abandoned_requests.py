"""Abandoned requests never use up the connections of a program that runs for days. Each cursor move abandons some."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial

import pytest

from tests.support.raw_server import CERTIFICATE, over_tls, read_head, serving
from tui.api.connection import MAX_CONNECTIONS, HttpConnection, HttpRequest, Timeouts
from tui.api.errors import Unreachable

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
        for number in range(1000):
            await give_up(api, connection, number % TURNS)
        assert in_use(connection) == 0
        assert await get(api, connection) == b"{}"


def test_abandoned_tunnel_ends_no_other_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)
    asked, done = threading.Event(), threading.Event()

    def answer(connection: socket.socket) -> None:
        for _ in range(2):
            read_head(connection)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    def tunnel(connection: socket.socket) -> None:
        is_silent = b"silent" in read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        if is_silent:
            asked.set()
            done.wait(100)
        else:
            over_tls(answer)(connection)

    async def scenario() -> None:
        async with aclosing(
            HttpConnection(headers={}, clock=lambda: datetime.now(UTC), timeouts=Timeouts())
        ) as connection:
            silent = asyncio.create_task(connection.send(HttpRequest("https://silent.example/"), label="GET /"))
            await asyncio.to_thread(asked.wait)
            action = partial(connection.send, HttpRequest("https://127.0.0.1/", json={}, is_action=True))
            await action()
            silent.cancel()
            assert (await asyncio.create_task(action())).body == b"{}"
        done.set()

    with serving(tunnel) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        asyncio.run(scenario())


async def test_request_without_a_free_connection_fails_in_time() -> None:
    async with connected(pool_s=0.01) as (api, connection), asyncio.TaskGroup() as tasks:
        held = [tasks.create_task(get(api, connection, "/held")) for _ in range(MAX_CONNECTIONS)]
        await api.until_open(MAX_CONNECTIONS)
        with pytest.raises(Unreachable, match="no free connection") as caught:
            await get(api, connection)
        assert not caught.value.may_have_arrived
        api.release.set()
        assert {await each for each in held} == {b"{}"}
        assert await get(api, connection) == b"{}"
