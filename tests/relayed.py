"""A relay on a fleet, in the test's own loop and virtual time, over real WebSockets.

What lives here: `relaying`, which gives a test the relay, and lets time pass for it and its screens; `on_screen`, a
session that watches it.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from starlette.responses import Response as Answer
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import Server, ServerConnection
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.fleet import Fleet, FleetApi, serving
from tests.harness import started
from tui.config import Secret, read_relay_settings
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import read_status
from tui.emulator.server.listening import listen
from tui.relay import Relay, RelayOptions, Tokens
from tui.session import Session
from tui.sources.link import Link
from tui.wire.relay_messages import Welcome

TOKEN = "0123456789abcdef-of-the-wall"
TOKENS = Tokens((("wall", Secret(TOKEN)),))
RELAY_PATH = "the relay"
"""What a fleet calls it among the paths that were asked for, and may be faulty."""

TURNS = 3_000
"""Until a test gives up waiting: what it waits for takes some tens."""


class FaultyRelay(Relay):
    """A relay in whose place a fleet's `fault` answers, if it wants to."""

    def __init__(self, fleet: Fleet, *parts: Any, **more: Any) -> None:
        super().__init__(*parts, **more)
        self._fleet = fleet

    async def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self._fleet.requests.append((self._fleet.now_s, RELAY_PATH, {}))
        # In a thread, since a fault may hold whom it answers.
        answer = await asyncio.to_thread(self._fleet.fault, RELAY_PATH)
        return await super().admit(connection, request) if answer is None else await _as_websockets_has_it(answer)


async def _as_websockets_has_it(answer: Answer) -> Response:
    parts: list[Any] = []

    async def send(part: Any) -> None:
        parts.append(part)

    await answer({"type": "http"}, None, send)  # type: ignore[arg-type]  # an answer that is made asks for nothing
    headers = Headers([(name.decode(), value.decode()) for name, value in parts[0]["headers"]])
    return Response(parts[0]["status"], "", headers, b"".join(part["body"] for part in parts[1:]))


class WatchedLink(Link):
    """A link of which can be seen that it is not connected yet."""

    is_connecting = False

    async def _connect(self) -> ClientConnection:
        self.is_connecting = True
        try:
            return await super()._connect()
        except BaseException:
            self.is_connecting = False
            raise

    async def _greet(self, line: ClientConnection) -> Welcome:
        try:
            return await super()._greet(line)
        finally:
            self.is_connecting = False


@dataclass
class Relayed:
    """A relay that serves, the session that it holds, and the screens that watch it."""

    api: FleetApi
    session: Session
    tmp_path: Path
    listener: socket.socket
    relay: Relay
    server: Server
    said: list[str]
    links: list[WatchedLink] = field(default_factory=list)
    screens: list[Session] = field(default_factory=list)

    @property
    def fleet(self) -> Fleet:
        return self.api.fleet

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.listener.getsockname()[1]}"

    def link(self, token: str = TOKEN) -> WatchedLink:
        link = WatchedLink(self.url, Secret(token), self.fleet.clock)
        self.links.append(link)
        return link

    async def idle(self) -> None:
        """Wait until everything that was asked is answered, and everything that was said is heard."""
        for _ in range(TURNS):
            if not (self.session.budget.in_flight or any(link.is_connecting for link in self.links)):
                break
            await asyncio.sleep(0.0003)
        await self.session.settle()
        for connection in self.server.connections:
            # A ping comes back when the other side took in all that was sent before it.
            with suppress(ConnectionClosed):
                await (await connection.ping())
        for screen in self.screens:
            await screen.settle()

    async def later(self, seconds: float) -> None:
        await self.fleet.clock.run(seconds, idle=self.idle)

    async def until(self, is_so: Callable[[], object], *, step_s: float = 0.25) -> None:
        """Let time pass until something is so."""
        for _ in range(TURNS):
            if is_so():
                return
            await self.later(step_s)
            await asyncio.sleep(0.0003)
        raise AssertionError("it did not come to be so")

    async def nobody_is_there(self) -> None:
        """Wait until all connections have ended, on this side too."""
        for _ in range(TURNS):
            if not self.server.handler_tasks:
                return
            await asyncio.sleep(0.0003)
        raise AssertionError("a connection did not end")


@asynccontextmanager
async def relaying(
    fleet: Fleet,
    tmp_path: Path,
    *,
    tokens: Tokens = TOKENS,
    options: RelayOptions | None = None,
    interval_s: float = 2.0,
) -> AsyncIterator[Relayed]:
    """A relay that polls a fleet."""
    said: list[str] = []
    with serving(fleet) as api, listen(0) as listener:
        async with started(api, tmp_path, read_only=True, interval_s=interval_s) as session:
            relay = FaultyRelay(fleet, session, tokens, options or RelayOptions(), say=said.append)
            async with relay.serving(listener) as server:
                yield Relayed(api, session, tmp_path, listener, relay, server, said)


@asynccontextmanager
async def on_screen(relayed: Relayed, token: str = TOKEN) -> AsyncIterator[Session]:
    """A session that watches the relay."""
    environ = {"TRIGGER_TUI_RELAY_TOKEN": token, "XDG_STATE_HOME": str(relayed.tmp_path)}
    settings = read_relay_settings(environ, relay_url=relayed.url)
    session = Session(settings, clock=relayed.fleet.clock, random=Random(1))
    async with session:
        await session.start()
        relayed.screens.append(session)
        session.follow("relay")
        try:
            yield session
        finally:
            relayed.screens.remove(session)


def is_as_the_world(session: Session, fleet: Fleet) -> bool:
    """Whether a store has exactly the runs of the world, each as it is there."""
    now_s = fleet.now_s

    def is_true(run: Run, word: str) -> bool:
        return run.state is not None and run.state.status == read_status(word)

    known = {run.id: run for run in session.store.runs() if not run.is_gone}
    true = {RunId(run.id): run.status(now_s) for run in fleet.runs}
    return known.keys() == true.keys() and all(is_true(known[run_id], word) for run_id, word in true.items())
