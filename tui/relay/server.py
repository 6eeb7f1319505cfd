"""The server: what belongs to one connection from its first word to its end.

What lives here: the life of connections. Who may come in is `door`'s to say, what a screen is told `screens`'s and
`feed`'s, what it may ask `calls`'s.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response

from tui.relay.authenticator import Authenticator
from tui.relay.client import RelayClient
from tui.relay.connection import noted_in
from tui.relay.feed import Feed
from tui.relay.request_proxy import Allowance, RequestProxy
from tui.relay.tokens import Tokens
from tui.relay.upstream import Upstream
from tui.session import Session
from tui.sources.relay.handshake import PING_EVERY_S, silence
from tui.store.changes import Changes
from tui.wire.client import USER_AGENT
from tui.wire.errors import ServerFault
from tui.wire.relay.messages import (
    OTHER_VERSION,
    VERSION,
    Call,
    Hello,
    Welcome,
    build_codecs,
    decode_screen_message,
    encode_relay_message,
    numbered,
)

BEAT_S: Final = 5.0
"""Between beats, which a screen waits for twice before it calls itself late."""

UNREADABLE: Final = 4000
TOKEN_WITHDRAWN: Final = 4002
TRY_LATER: Final = 1013
"""How a connection is closed: 4000 and above are ours (RFC 6455, 7.4.2)."""

_WITHDRAWN: Final = "the token was withdrawn"

LARGEST_QUESTION: Final = 64 * 1024
HANDSHAKE_WITHIN_S: Final = 10.0
CLOSE_WITHIN_S: Final = 1.0
WRITE_LIMIT: Final = 16 * 1024
"""Bytes that may wait in this process for a screen that does not read, beside the message that is being sent."""

SEND_BUFFER: Final = 256 * 1024
"""Bytes that may wait in the kernel for it: what is there can no longer be merged."""

WINDOW_BITS: Final = 12
MEMORY_LEVEL: Final = 5
"""Of the compression: 32 KB a screen instead of 256, for a few percent of the bytes."""


@dataclass(frozen=True, slots=True)
class RelayOptions:
    """How it serves."""

    max_screens: int = 300
    tls: ssl.SSLContext | None = None


class Relay:
    """One started session, and everybody who watches it. `say` hears a line about what an operator should know."""

    def __init__(
        self, session: Session, tokens: Tokens, options: RelayOptions, *, say: Callable[[str], None] = lambda _: None
    ) -> None:
        build_codecs()
        self._session = session
        self._door = Authenticator(tokens, session.clock, say)
        self._options = options
        self._feed = Feed(session.store, session.now)
        self._desk = RequestProxy(session.fetcher, session.clock, session.settings.key)
        self._upstream = Upstream(session, say)
        self._screens: dict[RelayClient, ServerConnection] = {}
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def screens(self) -> tuple[RelayClient, ...]:
        """Who is connected."""
        return tuple(self._screens)

    @asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[Server]:
        """Serve on a bound socket while the block runs; all screens are sent away at its end."""
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        here: set[ServerConnection] = set()
        server = await serve(
            self._screen_came,
            sock=listener,
            ssl=self._options.tls,
            origins=[None],  # a browser names its page: no page is a screen
            process_request=self.admit,
            create_connection=noted_in(here),
            extensions=[_compression()],
            compression=None,
            server_header=None,
            open_timeout=HANDSHAKE_WITHIN_S,
            ping_interval=PING_EVERY_S,
            ping_timeout=PING_EVERY_S,
            close_timeout=CLOSE_WITHIN_S,
            max_size=LARGEST_QUESTION,
            max_queue=4,
            write_limit=WRITE_LIMIT,
            logger=silence(),
        )
        born = [self._session.spawn(self._beat(), "beats"), self._session.spawn(self._upstream.follow(), "upstream")]
        end = self._session.subscribe(self._hear)
        try:
            yield server
        finally:
            end()
            for task in born:
                task.cancel()
            await _end(server, here)

    async def run(self) -> None:
        """Wait until cancelled. Raises what was wrong with this program, if anything is."""
        await self._broken

    def use(self, tokens: Tokens) -> None:
        """Let in who has these tokens from now on; a screen whose token is not there any more has to go."""
        self._door.tokens = tokens
        for connection in self._screens.values():
            if self._door.name_of(connection.request) is None:
                self._session.spawn(connection.close(TOKEN_WITHDRAWN, _WITHDRAWN), "goodbye")

    async def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse whom to refuse, before there is a WebSocket."""
        if request.path != "/":
            return self._door.refuse(connection, HTTPStatus.NOT_FOUND, "there is nothing but / here")
        if self._door.name_of(request) is None:
            return self._door.refuse(connection, HTTPStatus.UNAUTHORIZED, "no token, or one that is not known")
        if len(self._screens) >= self._options.max_screens:
            return self._door.refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE, self._full)
        return None

    @property
    def _full(self) -> str:
        return f"there are {self._options.max_screens} screens already"

    async def _beat(self) -> None:
        while True:
            await self._session.clock.sleep(BEAT_S)
            for screen in self._screens:
                screen.offer_beat()

    def _hear(self, changes: Changes) -> None:
        self._upstream.hear(changes)
        tick = self._feed.tick(changes)
        if tick is not None:
            for screen in self._screens:
                screen.offer(tick)

    async def _screen_came(self, connection: ServerConnection) -> None:
        """One connection, for websockets, which would write a bug to its log and go on."""
        try:
            if await self._is_understood(connection):
                await self._attend(connection)
        except ConnectionClosed:
            pass
        except TimeoutError:
            connection.transport.abort()
        except Exception as bug:  # noqa: BLE001  raised by `run`
            if not self._broken.done():
                self._broken.set_exception(bug)

    async def _is_understood(self, connection: ServerConnection) -> bool:
        """Hear the first word, and answer it."""
        async with asyncio.timeout(HANDSHAKE_WITHIN_S):
            first = await connection.recv(decode=False)
        try:
            hello = decode_screen_message(first)
        except ServerFault:
            hello = None
        if not isinstance(hello, Hello):
            await connection.close(UNREADABLE, "the first message is no hello")
            return False
        if hello.version != VERSION:
            words = f"the relay speaks version {VERSION} of the protocol, the screen version {hello.version}"
            self._door.tell_refusal(connection, words)
            await connection.close(OTHER_VERSION, words)
            return False
        if len(self._screens) >= self._options.max_screens:
            self._door.tell_refusal(connection, self._full)
            await connection.close(TRY_LATER, self._full)
            return False
        return True

    async def _attend(self, connection: ServerConnection) -> None:
        """Tell the screen what changes, and answer what it asks, until it goes."""
        name = self._door.name_of(connection.request)
        if name is None:
            await connection.close(TOKEN_WITHDRAWN, _WITHDRAWN)
            return
        welcome = encode_relay_message(Welcome(VERSION, USER_AGENT, self._session.now(), BEAT_S))
        screen = RelayClient(connection, self._feed, self._session.now, name=name)
        await screen.send((welcome,))
        allowance = Allowance(self._session.clock)
        self._screens[screen] = connection
        born = {self._session.spawn(self._tell(screen, connection), "screen")}
        try:
            while True:
                try:
                    asked = decode_screen_message(await connection.recv(decode=False))
                except ServerFault as error:
                    await connection.close(UNREADABLE, str(error))
                    return
                if not isinstance(asked, Call):
                    await connection.close(UNREADABLE, "a second hello")
                    return
                if (wait := allowance.take()) is not None:
                    later = self._desk.own(429, "too many questions of one screen", wait)
                    await screen.send((numbered(asked.number, later),))
                    continue
                task = self._session.spawn(self._answer(screen, connection, asked, allowance), "call")
                born.add(task)
                task.add_done_callback(born.discard)
        finally:
            del self._screens[screen]
            for task in tuple(born):
                task.cancel()

    async def _tell(self, screen: RelayClient, connection: ServerConnection) -> None:
        try:
            await screen.tell()
        except TimeoutError:
            connection.transport.abort()

    async def _answer(
        self, screen: RelayClient, connection: ServerConnection, call: Call, allowance: Allowance
    ) -> None:
        try:
            async with self._desk.answered(call.request) as answer:
                with suppress(ConnectionClosed):
                    await screen.send((numbered(call.number, answer),))
        except TimeoutError:
            connection.transport.abort()
        finally:
            allowance.give_back()


async def _end(server: Server, here: set[ServerConnection]) -> None:
    """Say goodbye to all screens, and not wait for those that do not hear it."""
    server.close(reason="the relay ends")
    try:
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await server.wait_closed()
    except TimeoutError:
        for connection in tuple(here):
            connection.transport.abort()
        await server.wait_closed()


def _compression() -> ServerPerMessageDeflateFactory:
    return ServerPerMessageDeflateFactory(
        server_max_window_bits=WINDOW_BITS,
        client_max_window_bits=WINDOW_BITS,
        compress_settings={"memLevel": MEMORY_LEVEL, "level": 1},
    )
