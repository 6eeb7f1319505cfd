"""A relay on a fleet, in the test's own loop and virtual time, over real WebSockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

from starlette.responses import Response as StarletteResponse
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.support.fleet import Fleet, FleetApi, serving
from tests.support.session import started
from tui.api.client import ReadRequest
from tui.api.relay import (
    VERSION,
    Call,
    CallResponse,
    Hello,
    RelayMessage,
    Welcome,
    decode_relay_message,
    encode_screen_message,
)
from tui.domain.run import Run, RunId, parse_status
from tui.emulator.server.child import listen
from tui.relay.server import Relay, RelayOptions, Tokens
from tui.settings.secret import Secret
from tui.settings.settings import read_relay_settings
from tui.sync.clock import Clock
from tui.sync.relay import RelayConnection
from tui.sync.session import Session

TOKEN = "0123456789abcdef-of-the-wall"
TOKENS = Tokens((("wall", Secret(TOKEN)),))
RELAY_PATH = "the relay"
"""The relay among the paths of `Fleet.requests` and `Fleet.fault`."""

PATIENCE_S = 100.0
TURNS = 30_000
"""Turns of the loop until a wait fails. Successful waits take some tens."""


class FaultyRelay(Relay):
    """A relay whose HTTP responses a fleet's `fault` may replace."""

    def __init__(self, fleet: Fleet, *parts: Any, **more: Any) -> None:
        super().__init__(*parts, **more)
        self._fleet = fleet

    async def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self._fleet.requests.append((self._fleet.now_s, RELAY_PATH, {}))
        # In a thread, since a fault may block.
        response = await asyncio.to_thread(self._fleet.fault, RELAY_PATH)
        return await super().admit(connection, request) if response is None else await _to_websockets(response)


async def _to_websockets(response: StarletteResponse) -> Response:
    parts: list[Any] = []

    async def send(part: Any) -> None:
        parts.append(part)

    await response({"type": "http"}, None, send)  # type: ignore[arg-type]  # this response reads no request
    headers = Headers([(name.decode(), value.decode()) for name, value in parts[0]["headers"]])
    return Response(parts[0]["status"], "", headers, b"".join(part["body"] for part in parts[1:]))


class ObservedConnection(RelayConnection):
    """A connection that shows whether it is still connecting."""

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


class RelaySetup:
    """A relay, its session, and its screens."""

    session: Session
    relay: Relay
    server: Server

    def __init__(
        self, api: FleetApi, tmp_path: Path, tokens: Tokens, options: RelayOptions, interval_s: float, *, realtime: bool
    ) -> None:
        self.api = api
        self.tmp_path = tmp_path
        self.log_lines: list[str] = []
        self.connections: list[ObservedConnection] = []
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

    async def start(self) -> None:
        """Serve, on the same port as before."""
        listener = self._running.enter_context(listen(self._port))
        self._port = listener.getsockname()[1]
        self.session = await self._running.enter_async_context(
            started(self.api, self.tmp_path, read_only=True, interval_s=self._interval_s, realtime=self._realtime)
        )
        self.relay = FaultyRelay(self.fleet, self.session, *self._parts, log=self.log_lines.append)
        self.server = await self._running.enter_async_context(self.relay.serving(listener))

    async def stop(self) -> None:
        await self._running.aclose()

    async def restart(self, *, down_s: float) -> None:
        """Stop the relay and its session, and start both again after a while."""
        await self.stop()
        await self.fleet.clock.run(down_s)
        await self.start()

    def connection(self, token: str = TOKEN) -> ObservedConnection:
        connection = ObservedConnection(self.url, Secret(token), self.fleet.clock)
        self.connections.append(connection)
        return connection

    @asynccontextmanager
    async def connect(
        self, *, token: str = TOKEN, version: int = VERSION, **more: Any
    ) -> AsyncIterator[ClientConnection]:
        """A WebSocket that has sent its hello, without a screen behind it."""
        headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
        more = {"compression": None, "proxy": None, "max_size": None, "max_queue": None} | more
        socket = await connect(self.url + self.path, additional_headers=headers, **more)
        try:
            await socket.send(encode_screen_message(Hello(version, "a test")), text=True)
            yield socket
        finally:
            socket.transport.abort()
            await socket.wait_closed()

    async def wait_for_responses(self) -> None:
        """Wait until no request is in flight."""
        for _ in range(TURNS):
            is_in_flight = self.session.budget.in_flight or not self.fleet.is_settled(
                self.session.fetcher.feed_polls_in_flight
            )
            if not (is_in_flight or any(connection.is_connecting for connection in self.connections)):
                break
            await asyncio.sleep(0.0003)
        await self.session.settle()

    async def wait_until_idle(self) -> None:
        """Wait until no request is in flight and every message was received."""
        await self.wait_for_responses()
        for connection in self.server.connections:
            # The peer answers a ping after it received everything before it.
            with suppress(ConnectionClosed):
                await (await connection.ping())
        for screen in self.screens:
            await screen.settle()

    async def run_for(self, seconds: float) -> None:
        await self.fleet.clock.run(seconds, idle=self.wait_until_idle)

    async def run_until(self, condition: Callable[[], object], *, step_s: float = 1.0) -> None:
        """Let time pass until the condition holds."""
        for _ in range(1_000):
            if condition():
                return
            await self.run_for(step_s)
            await asyncio.sleep(0.0003)
        raise AssertionError("the condition never held")

    async def wait_until_disconnected(self) -> None:
        """Wait until every connection has ended, and its handler too."""
        for _ in range(TURNS):
            if not self.server.handler_tasks:
                return
            await asyncio.sleep(0.0003)
        raise AssertionError("a connection did not end")


@asynccontextmanager
async def relay_setup(
    fleet: Fleet,
    tmp_path: Path,
    *,
    tokens: Tokens = TOKENS,
    options: RelayOptions | None = None,
    interval_s: float = 10.0,
    realtime: bool = False,
) -> AsyncIterator[RelaySetup]:
    """Run a relay that polls a fleet, and with `realtime` follows its feed."""
    with serving(fleet) as api:
        setup = RelaySetup(api, tmp_path, tokens, options or RelayOptions(), interval_s, realtime=realtime)
        try:
            await setup.start()
            yield setup
        finally:
            await setup.stop()


@asynccontextmanager
async def screen_on(
    setup: RelaySetup,
    token: str = TOKEN,
    *,
    clock: Clock | None = None,
    ca: Path | None = None,
    is_following: bool = True,
) -> AsyncIterator[Session]:
    """Run the session of a screen."""
    environ = {"TRIGGER_TUI_RELAY_TOKEN": token, "XDG_STATE_HOME": str(setup.tmp_path)}
    settings = read_relay_settings(environ, relay_url=setup.url, ca=ca)
    session = Session(settings, clock=clock or setup.fleet.clock, random=Random(1))
    async with session:
        await session.start()
        setup.screens.append(session)
        if is_following:
            session.sources.follow("relay")
        try:
            yield session
        finally:
            setup.screens.remove(session)


def has_all_runs(session: Session, fleet: Fleet) -> bool:
    """Whether the store has exactly the runs of the fleet, with their statuses."""
    now_s = fleet.now_s

    def has_status(run: Run, word: str) -> bool:
        # Compare titles: the feed and the list have different words for the same status.
        return run.state is not None and run.state.status.title == parse_status(word).title

    known = {run.id: run for run in session.store.runs() if not run.is_gone}
    actual = {RunId(run.id): run.status(now_s) for run in fleet.runs}
    return known.keys() == actual.keys() and all(has_status(known[run_id], word) for run_id, word in actual.items())


async def receive(socket: ClientConnection) -> RelayMessage:
    """Return the next message."""
    async with asyncio.timeout(PATIENCE_S):
        return decode_relay_message(await socket.recv(decode=False))


async def receive_until(socket: ClientConnection, is_last: Callable[[RelayMessage], bool]) -> list[RelayMessage]:
    """Return the messages up to the first for which `is_last` holds."""
    messages = [await receive(socket)]
    while not is_last(messages[-1]):
        messages.append(await receive(socket))
    return messages


async def answer_to(socket: ClientConnection, request: ReadRequest, number: int = 1) -> CallResponse:
    """Send a request as a screen does, and return its response."""
    await socket.send(encode_screen_message(Call(number, request)), text=True)
    answer = (await receive_until(socket, lambda message: isinstance(message, CallResponse)))[-1]
    assert isinstance(answer, CallResponse)
    return answer
