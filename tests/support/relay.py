"""A relay on a fleet, in the test's own loop and virtual time, over real WebSockets.

What lives here: `relaying`, which gives a test the relay, and lets time pass for it and its screens; `on_screen`, a
session that watches it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

from starlette.responses import Response as Answer
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.support.fleet import Fleet, FleetApi, serving
from tests.support.session import started
from tui.config import Secret, read_relay_settings
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import parse_status
from tui.emulator.server.listening import listen
from tui.relay import Relay, RelayOptions, Tokens
from tui.session import Session
from tui.sources.clock import Clock
from tui.sources.relay.connection import RelayConnection
from tui.wire.relay.messages import VERSION, Hello, RelayMessage, Welcome, decode_relay_message, encode_screen_message

TOKEN = "0123456789abcdef-of-the-wall"
TOKENS = Tokens((("wall", Secret(TOKEN)),))
RELAY_PATH = "the relay"
"""What a fleet calls it among the paths that were asked for, and may be faulty."""

PATIENCE_S = 30.0
TURNS = 1_000
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


class WatchedLink(RelayConnection):
    """A link of which can be seen that it is not connected yet."""

    is_connecting = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Welcome]:
        self.is_connecting = True
        try:
            async with super().open() as welcome:
                self.is_connecting = False
                yield welcome
        finally:
            self.is_connecting = False


class Relayed:
    """A relay that serves, the session that it holds, and the screens that watch it."""

    session: Session
    relay: Relay
    server: Server

    def __init__(
        self, api: FleetApi, tmp_path: Path, tokens: Tokens, options: RelayOptions, interval_s: float, *, realtime: bool
    ) -> None:
        self.api = api
        self.tmp_path = tmp_path
        self.said: list[str] = []
        self.links: list[WatchedLink] = []
        self.screens: list[Session] = []
        self.path = ""
        self._parts = tokens, options
        self._interval_s = interval_s
        self._realtime = realtime
        self._port = 0
        self._running = AsyncExitStack()

    @property
    def fleet(self) -> Fleet:
        return self.api.fleet

    @property
    def url(self) -> str:
        scheme = "ws" if self._parts[1].tls is None else "wss"
        return f"{scheme}://127.0.0.1:{self._port}"

    async def begin(self) -> None:
        """Serve, where it served before if it did."""
        listener = self._running.enter_context(listen(self._port))
        self._port = listener.getsockname()[1]
        self.session = await self._running.enter_async_context(
            started(self.api, self.tmp_path, read_only=True, interval_s=self._interval_s, realtime=self._realtime)
        )
        self.relay = FaultyRelay(self.fleet, self.session, *self._parts, say=self.said.append)
        self.server = await self._running.enter_async_context(self.relay.serving(listener))

    async def end(self) -> None:
        """Serve no more."""
        await self._running.aclose()

    async def restart(self, *, down_s: float) -> None:
        """End the relay and its session, and begin both anew at the same place after a while."""
        await self.end()
        await self.fleet.clock.run(down_s)
        await self.begin()

    def link(self, token: str = TOKEN) -> WatchedLink:
        link = WatchedLink(self.url, Secret(token), self.fleet.clock)
        self.links.append(link)
        return link

    @asynccontextmanager
    async def raw(self, *, token: str = TOKEN, version: int = VERSION, **more: Any) -> AsyncIterator[ClientConnection]:
        """A connection without a program behind it, which said hello."""
        headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
        more = {"compression": None, "proxy": None, "max_size": None, "max_queue": None} | more
        line = await connect(self.url + self.path, additional_headers=headers, **more)
        try:
            await line.send(encode_screen_message(Hello(version, "a test")), text=True)
            yield line
        finally:
            line.transport.abort()
            await line.wait_closed()

    async def answered(self) -> None:
        """Wait until everything that was asked is answered."""
        for _ in range(TURNS):
            is_asked = self.session.budget.in_flight or not self.fleet.is_settled(
                self.session.fetcher.feed_polls_in_flight
            )
            if not (is_asked or any(link.is_connecting for link in self.links)):
                break
            await asyncio.sleep(0.0003)
        await self.session.settle()

    async def idle(self) -> None:
        """The same, and until everything that was said is heard."""
        await self.answered()
        for connection in self.server.connections:
            # A ping comes back when the other side took in all that was sent before it.
            with suppress(ConnectionClosed):
                await (await connection.ping())
        for screen in self.screens:
            await screen.settle()

    async def later(self, seconds: float) -> None:
        await self.fleet.clock.run(seconds, idle=self.idle)

    async def until(self, is_so: Callable[[], object], *, step_s: float = 1.0) -> None:
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
    interval_s: float = 10.0,
    realtime: bool = False,
) -> AsyncIterator[Relayed]:
    """A relay that polls a fleet, and holds its feed if it may."""
    with serving(fleet) as api:
        relayed = Relayed(api, tmp_path, tokens, options or RelayOptions(), interval_s, realtime=realtime)
        try:
            await relayed.begin()
            yield relayed
        finally:
            await relayed.end()


@asynccontextmanager
async def on_screen(
    relayed: Relayed,
    token: str = TOKEN,
    *,
    clock: Clock | None = None,
    ca: Path | None = None,
    is_following: bool = True,
) -> AsyncIterator[Session]:
    """A session that watches the relay."""
    environ = {"TRIGGER_TUI_RELAY_TOKEN": token, "XDG_STATE_HOME": str(relayed.tmp_path)}
    settings = read_relay_settings(environ, relay_url=relayed.url, ca=ca)
    session = Session(settings, clock=clock or relayed.fleet.clock, random=Random(1))
    async with session:
        await session.start()
        relayed.screens.append(session)
        if is_following:
            session.sources.follow("relay")
        try:
            yield session
        finally:
            relayed.screens.remove(session)


def is_as_the_world(session: Session, fleet: Fleet) -> bool:
    """Whether a store has exactly the runs of the world, each as it is there."""
    now_s = fleet.now_s

    def is_true(run: Run, word: str) -> bool:
        # By their titles: the feed has other words than lists for the same.
        return run.state is not None and run.state.status.title == parse_status(word).title

    known = {run.id: run for run in session.store.runs() if not run.is_gone}
    true = {RunId(run.id): run.status(now_s) for run in fleet.runs}
    return known.keys() == true.keys() and all(is_true(known[run_id], word) for run_id, word in true.items())


async def hear(line: ClientConnection) -> RelayMessage:
    """The next message."""
    async with asyncio.timeout(PATIENCE_S):
        return decode_relay_message(await line.recv(decode=False))


async def hear_until(line: ClientConnection, is_it: Callable[[RelayMessage], bool]) -> list[RelayMessage]:
    """All messages up to one, which is the last."""
    heard = [await hear(line)]
    while not is_it(heard[-1]):
        heard.append(await hear(line))
    return heard
