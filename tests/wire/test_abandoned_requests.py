"""Requests that are given up, as each move of the cursor does, never use up the connections of a program that runs for
days: without new connections from time to time, httpcore 1.0.9 stops for good after some hundred of them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest

from tui.wire.connection import MAX_ABANDONED, MAX_CONNECTIONS, HttpConnection, Timeouts
from tui.wire.errors import Unreachable

TURNS = 20
"""Of the event loop, more than a request on loopback takes: it is given up at each of them."""

ROUNDS = MAX_CONNECTIONS + 5
"""One turn at least is the wrong one."""


class Api:
    """A server that answers at once and closes; `/held` is answered when `release` is set, `/kept` stays open."""

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
        """Wait until so many requests are here."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._open == count)

    async def _count(self, more: int) -> None:
        async with self._changed:
            self._open += more
            self._changed.notify_all()


@asynccontextmanager
async def asked(pool_s: float = 1.0) -> AsyncIterator[tuple[Api, HttpConnection]]:
    api, timeouts = Api(), Timeouts(pool_s=pool_s)
    server = await asyncio.start_server(api.serve, "127.0.0.1", 0)
    api.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        async with HttpConnection(headers={}, clock=lambda: datetime.now(UTC), timeouts=timeouts) as asking:
            yield api, asking
            # Those before it in the queue are accepted then, and closed below.
            assert await get(api, asking) == b"{}"
        await api.until_open(0)


async def get(api: Api, asking: HttpConnection, path: str = "/") -> bytes:
    return (await asking.send("GET", api.url + path, f"GET {path}")).body


async def give_up(api: Api, asking: HttpConnection, turns: int) -> None:
    """Ask, and think better of it after so many turns of the loop."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(get(api, asking))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()


def test_requests_given_up_at_any_moment_leave_connections_for_the_next() -> None:
    async def scenario() -> None:
        async with asked() as (api, asking):
            for number in range(TURNS * ROUNDS):
                await give_up(api, asking, number % TURNS)
            assert await get(api, asking) == b"{}"

    asyncio.run(scenario())


def test_a_request_that_is_out_is_answered_whatever_is_given_up_beside_it() -> None:
    async def scenario() -> None:
        async with asked() as (api, asking), asyncio.TaskGroup() as tasks:
            held = tasks.create_task(get(api, asking, "/held"))
            await api.until_open(1)
            for number in range(3 * MAX_ABANDONED):
                await give_up(api, asking, number % TURNS)
            assert not held.done()
            api.release.set()
            assert await held == b"{}"

    asyncio.run(scenario())


def test_old_connections_are_closed_when_the_last_request_is_through() -> None:
    async def scenario() -> None:
        async with asked() as (api, asking):
            async with asyncio.TaskGroup() as tasks:
                waiting = [tasks.create_task(get(api, asking, "/held")) for _ in range(MAX_ABANDONED)]
                idle = [tasks.create_task(get(api, asking, "/kept")) for _ in range(MAX_ABANDONED)]
                await api.until_open(MAX_CONNECTIONS)
                await asyncio.wait(idle)
                for task in waiting:
                    task.cancel()
            api.release.set()
            await api.until_open(0)

    asyncio.run(scenario())


def test_one_who_waits_in_vain_for_a_connection_has_new_ones_made() -> None:
    async def scenario() -> None:
        async with asked(pool_s=0.01) as (api, asking), asyncio.TaskGroup() as tasks:
            held = [tasks.create_task(get(api, asking, "/held")) for _ in range(MAX_CONNECTIONS)]
            await api.until_open(MAX_CONNECTIONS)
            with pytest.raises(Unreachable, match="no free connection") as caught:
                await get(api, asking)
            assert not caught.value.may_have_arrived
            assert await get(api, asking) == b"{}"
            api.release.set()
            assert {await each for each in held} == {b"{}"}

    asyncio.run(scenario())


def test_who_asks_while_connections_are_closed_has_an_answer_or_is_told_of_it() -> None:
    async def scenario() -> None:
        async with asked() as (api, asking):

            async def get_or_hear() -> bytes:
                try:
                    return await get(api, asking, "/moved")
                except Unreachable:
                    return b"told"

            heard = set()
            for turns in range(2 * TURNS):
                async with asyncio.TaskGroup() as tasks:
                    task = tasks.create_task(get_or_hear())
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    await asking.aclose()
                heard.add(task.result())
            assert heard == {b"{}", b"told"}

    asyncio.run(scenario())
