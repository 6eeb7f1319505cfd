"""Abandoned requests never use up the connections of a program that runs for days. Each cursor move abandons some."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest

from tui.api.connection import MAX_ABANDONED, HttpConnection, Timeouts
from tui.api.errors import Unreachable
from tui.api.http import MAX_CONNECTIONS

TURNS = 20
"""Turns of the event loop, more than a request on loopback takes. A request is abandoned at each of them."""

ROUNDS = MAX_CONNECTIONS + 5
"""At least one of these turns is the moment at which httpcore leaks a slot."""


class Api:
    """A server that responds at once and closes. `/held` waits for `release`, `/kept` keeps its connection open."""

    def __init__(self) -> None:
        self.url = ""
        self.release = asyncio.Event()
        self._open = 0
        self._changed = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._count(+1)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            request = await reader.readuntil(b"\r\n\r\n")
            if b"/held" in request:
                await self.release.wait()
            kept = b"/kept" in request
            first = b"307 Temporary Redirect\r\nLocation: /" if b"/moved" in request else b"200 OK"
            last = b"" if kept else b"Connection: close\r\n"
            writer.write(b"HTTP/1.1 " + first + b"\r\nContent-Length: 2\r\n" + last + b"\r\n{}")
            await writer.drain()
            if kept:
                await reader.read()
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
        async with HttpConnection(headers={}, clock=lambda: datetime.now(UTC), timeouts=timeouts) as connection:
            yield api, connection
            # The connections before it in the backlog are accepted by then, and closed below.
            assert await get(api, connection) == b"{}"
        await api.until_open(0)


async def get(api: Api, connection: HttpConnection, path: str = "/") -> bytes:
    return (await connection.send("GET", api.url + path, f"GET {path}")).body


async def give_up(api: Api, connection: HttpConnection, turns: int) -> None:
    """Send a request, and cancel it after this many turns of the loop."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(get(api, connection))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()


def test_abandoned_requests_leave_connections_for_later_ones() -> None:
    async def scenario() -> None:
        async with connected() as (api, connection):
            for number in range(TURNS * ROUNDS):
                await give_up(api, connection, number % TURNS)
            assert await get(api, connection) == b"{}"

    asyncio.run(scenario())


def test_request_in_flight_survives_abandoned_ones() -> None:
    async def scenario() -> None:
        async with connected() as (api, connection), asyncio.TaskGroup() as tasks:
            held = tasks.create_task(get(api, connection, "/held"))
            await api.until_open(1)
            for number in range(3 * MAX_ABANDONED):
                await give_up(api, connection, number % TURNS)
            assert not held.done()
            api.release.set()
            assert await held == b"{}"

    asyncio.run(scenario())


def test_retired_pool_closes_after_its_last_request() -> None:
    async def scenario() -> None:
        async with connected() as (api, connection):
            async with asyncio.TaskGroup() as tasks:
                waiting = [tasks.create_task(get(api, connection, "/held")) for _ in range(MAX_ABANDONED)]
                idle = [tasks.create_task(get(api, connection, "/kept")) for _ in range(MAX_ABANDONED)]
                await api.until_open(MAX_CONNECTIONS)
                await asyncio.wait(idle)
                for task in waiting:
                    task.cancel()
            api.release.set()
            await api.until_open(0)

    asyncio.run(scenario())


def test_pool_of_another_proxy_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with connected() as (api, connection):
            monkeypatch.setenv("HTTP_PROXY", api.url)
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            for _ in range(2):
                assert await get(api, connection, "/kept") == b"{}"
                assert (await connection.send("GET", "http://by.proxy/kept", "GET /kept")).body == b"{}"
            await api.until_open(1)

    asyncio.run(scenario())


def test_pool_is_replaced_after_a_pool_timeout() -> None:
    async def scenario() -> None:
        async with connected(pool_s=0.01) as (api, connection), asyncio.TaskGroup() as tasks:
            held = [tasks.create_task(get(api, connection, "/held")) for _ in range(MAX_CONNECTIONS)]
            await api.until_open(MAX_CONNECTIONS)
            with pytest.raises(Unreachable, match="no free connection") as caught:
                await get(api, connection)
            assert not caught.value.may_have_arrived
            assert await get(api, connection) == b"{}"
            api.release.set()
            assert {await each for each in held} == {b"{}"}

    asyncio.run(scenario())


def test_request_during_close_succeeds_or_fails() -> None:
    async def scenario() -> None:
        async with connected() as (api, connection):

            async def get_or_fail() -> bytes:
                try:
                    return await get(api, connection, "/moved")
                except Unreachable:
                    return b"failed"

            results = set()
            for turns in range(2 * TURNS):
                async with asyncio.TaskGroup() as tasks:
                    task = tasks.create_task(get_or_fail())
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    await connection.aclose()
                results.add(task.result())
            assert results == {b"{}", b"failed"}

    asyncio.run(scenario())
