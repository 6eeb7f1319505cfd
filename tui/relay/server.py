"""The relay: one session with the API that serves any number of read-only screens over WebSockets."""

import asyncio
import hmac
import json
import os
import re
import socket
import ssl
import stat
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import field
from http import HTTPStatus
from pathlib import Path
from typing import Final

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response

from tui.api import relay as messages
from tui.api.client import USER_AGENT
from tui.api.errors import ServerFault
from tui.api.lists import AnyRead
from tui.domain.update import SourceConnected, SourceRetrying
from tui.lazy_dataclass import dataclass
from tui.relay.client import CallAllowance, FindingsEncoder, RelayClient, RequestProxy, StoreEncoder
from tui.settings.secret import Secret
from tui.store.changes import Changes, Topic
from tui.sync.clock import Clock
from tui.sync.relay import websocket_options
from tui.sync.session import Session

# The tokens of a relay: the file that has them, and the check of requests that open a WebSocket.


# Reads the token file, which only its owner may access, and compares tokens in constant time.
#
# No token appears in output or in an error.


MIN_TOKEN_CHARS: Final = 16
"""As hexadecimal digits these are 64 bits, too many to guess over a network."""

MAX_FILE_BYTES: Final = 1024 * 1024

_GROUP_AND_OTHERS: Final = 0o077
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")


class TokensError(Exception):
    """The token file cannot be used. The text is one line, and quotes nothing from the file."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Names and their tokens. A token without a name is named after its line number."""

    _known: tuple[tuple[str, Secret], ...] = field(repr=False)

    @property
    def secrets(self) -> Iterable[Secret]:
        """All tokens, for code that removes them from error reports."""
        return (token for _, token in self._known)

    def name_of(self, authorization: str | None) -> str | None:
        """Return the name of the token in an `Authorization` header, or None. Always compares all tokens."""
        scheme, _, token = (authorization or "").partition(" ")
        given = token.strip().encode("utf-8", "surrogatepass") if scheme.lower() == "bearer" else b""  # equals no token
        found = [name for name, known in self._known if hmac.compare_digest(known.reveal().encode(), given)]
        return found[-1] if found else None


def read_tokens(path: Path) -> Tokens:
    """Read a file with one token a line, alone or after a name. A `#` at the start of a word begins a comment.

    Raises `TokensError`.
    """
    tokens: dict[str, str] = {}
    names: set[str] = set()
    for number, line in enumerate(_private_lines(path), 1):
        words = _COMMENT.sub("", line).split()
        if not words:
            continue
        if len(words) > 2:
            raise TokensError(f"{path}, line {number}: a line has a token, or a name and a token")
        name, token = words if len(words) == 2 else (f"line {number}", words[0])
        if len(token) < MIN_TOKEN_CHARS:
            raise TokensError(f"{path}, line {number}: a token needs at least {MIN_TOKEN_CHARS} characters")
        if not token.isprintable() or name in names or token in tokens:
            raise TokensError(f"{path}, line {number}: the name or token is a duplicate, or is not printable")
        names.add(name)
        tokens[token] = name
    if not tokens:
        raise TokensError(f"{path} has no token: `openssl rand -hex 32` makes one")
    return Tokens(tuple((name, Secret(token)) for token, name in tokens.items()))


def _private_lines(path: Path) -> Iterable[str]:
    try:
        # The path may be a pipe without a writer. A running relay reads the file again, and must not block.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise TokensError(f"{path} is not a regular file")
            if status.st_mode & _GROUP_AND_OTHERS:
                raise TokensError(f"{path} may be read or written by other users: chmod 600 {path}")
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise TokensError(f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
        return content.decode("ascii").splitlines()
    except OSError as error:
        raise TokensError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TokensError(f"{path} has characters other than ASCII") from None


# Checks the tokens of HTTP requests that open a WebSocket, and logs refusals at a limited rate.


REFUSAL_PERIOD_S: Final = 60.0
"""The same refusal of the same host is logged once in this time."""

MAX_REFUSALS_LOGGED: Final = 10
"""Lines per period, so that a client without a token cannot fill the log, however many addresses it uses."""

MAX_REFUSALS_KEPT: Final = 1_000
"""Logged refusals that are remembered, by host and reason. Above this many all are forgotten."""


class Authenticator:
    """Checks requests against the current tokens. `log` receives lines for the operator."""

    def __init__(self, tokens: Tokens, clock: Clock, log: Callable[[str], None]) -> None:
        self.tokens = tokens
        self._clock = clock
        self._log = log
        self._logged_s: dict[tuple[str, str], float] = {}
        self._period_began_s = clock.monotonic_s()
        self._logged_count = 0
        self._skipped_count = 0

    def token_name(self, request: Request | None) -> str | None:
        """Return the name of the request's token, or None if it has no known token."""
        values = [] if request is None else request.headers.get_all("Authorization")
        return self.tokens.name_of(values[0]) if len(values) == 1 else None

    def refuse(self, connection: ServerConnection, status: HTTPStatus, reason: str) -> Response:
        """Log a refusal, and return the HTTP response for it."""
        self.log_refusal(connection, reason)
        body = json.dumps({"error": reason}).encode()
        headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
        if status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(status.value, status.phrase, headers, body)

    def log_refusal(self, connection: ServerConnection, reason: str) -> None:
        """Log a refusal, unless it is a repetition or too many were logged in this period."""
        host = str(connection.remote_address[0]) if connection.remote_address else "an unknown address"
        now_s = self._clock.monotonic_s()
        if now_s - self._logged_s.get((host, reason), now_s - REFUSAL_PERIOD_S) < REFUSAL_PERIOD_S:
            return
        if len(self._logged_s) >= MAX_REFUSALS_KEPT:
            self._logged_s.clear()
        self._logged_s[host, reason] = now_s
        if now_s - self._period_began_s >= REFUSAL_PERIOD_S:
            if self._skipped_count:
                noun = "request was" if self._skipped_count == 1 else "requests were"
                self._log(f"{self._skipped_count:,} more {noun} refused")
            self._period_began_s, self._logged_count, self._skipped_count = now_s, 0, 0
        if self._logged_count < MAX_REFUSALS_LOGGED:
            self._logged_count += 1
            self._log(f"a screen at {host} was refused: {reason}")
        else:
            self._skipped_count += 1


# The relay: one session with the API that serves any number of read-only screens over WebSockets.


# The server's WebSocket connections, with bounded memory for unread pongs, and a set of all that are open.


MAX_UNSENT_PONG_BYTES: Final = 64 * 1024
"""The most unread pongs of one peer. One that pings every few seconds and reads nothing reaches it in an hour."""


def connection_type(connections: set[ServerConnection]) -> type[ServerConnection]:
    """Return a connection class that keeps its open connections in the set.

    The server of websockets does not list connections without a complete request, but waits for them when it closes.
    """

    class ScreenConnection(ServerConnection):
        """Disconnects a peer that sends pings and does not read the pongs.

        websockets writes a pong for every ping without waiting, so such a peer would fill the memory.
        """

        _unsent_pong_bytes = 0

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            connections.add(self)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.discard(self)
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            """Process received bytes. Everything written meanwhile is pongs."""
            before = self.transport.get_write_buffer_size()
            super().data_received(data)
            unsent = self.transport.get_write_buffer_size()
            self._unsent_pong_bytes = self._unsent_pong_bytes + unsent - before if unsent else 0
            if self._unsent_pong_bytes > MAX_UNSENT_PONG_BYTES:
                self.transport.abort()

    return ScreenConnection


# The WebSocket server: the life of each connection, from its HTTP request to its end. The session follows all runs of
# the API meanwhile, and each outage is logged.


RESTART_AFTER_S: Final = 60.0
"""After a fatal failure, such as a refused key, the sources start again: a relay runs without a user to restart it."""

BEAT_S: Final = 5.0
"""The interval of heartbeats. A screen that misses two shows its data as late; one that misses five reconnects."""

CLOSE_UNREADABLE: Final = 4000
CLOSE_TOKEN_REVOKED: Final = 4002
CLOSE_TRY_LATER: Final = 1013
"""Close codes. Those from 4000 are for applications (RFC 6455, 7.4.2)."""

MAX_REQUEST_BYTES: Final = 64 * 1024
HANDSHAKE_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 1.0
WRITE_LIMIT_BYTES: Final = 16 * 1024
"""The most unsent bytes in this process for one screen, besides the message that is being sent."""

SEND_BUFFER_BYTES: Final = 256 * 1024
"""The most unsent bytes in the kernel for one screen. They can no longer be merged."""

_DEFLATE: Final = ServerPerMessageDeflateFactory(
    server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5, "level": 1}
)
"""Compression with 32 KB of memory for each screen instead of 256, for a few percent more bytes."""

_REVOKED_REASON: Final = "the token was revoked"


@dataclass(frozen=True, slots=True)
class RelayOptions:
    """The options of a relay. `tls` is None for unencrypted connections. `lists` are those that screens may read."""

    max_screens: int = 300
    tls: ssl.SSLContext | None = None
    lists: tuple[AnyRead, ...] = ()


class Relay:
    """Serves a started session to screens. `log` receives lines for the operator."""

    def __init__(
        self, session: Session, tokens: Tokens, options: RelayOptions, *, log: Callable[[str], None] = lambda _: None
    ) -> None:
        messages.build_codecs()
        self._session = session
        self._authenticator = Authenticator(tokens, session.clock, log)
        self._options = options
        self._encoder = StoreEncoder(session.store, session.now)
        self._findings = FindingsEncoder(session.store, session.now, lambda: session.findings.is_judged)
        self._unwatch: Callable[[], None] | None = None
        self._proxy = RequestProxy(session.fetcher, session.clock, session.settings.key, options.lists)
        self._log = log
        self._failing: set[str] = set()
        self._clients: dict[RelayClient, ServerConnection] = {}
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def clients(self) -> tuple[RelayClient, ...]:
        """The connected screens."""
        return tuple(self._clients)

    @asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[Server]:
        """Serve on a bound socket while the block runs, then close all connections."""
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        connections: set[ServerConnection] = set()
        server = await serve(
            self._handle,
            sock=listener,
            ssl=self._options.tls,
            origins=[None],  # refuses browsers, which always send an origin
            process_request=self.admit,
            create_connection=connection_type(connections),
            extensions=[_DEFLATE],
            server_header=None,
            open_timeout=HANDSHAKE_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=MAX_REQUEST_BYTES,
            max_queue=4,
            write_limit=WRITE_LIMIT_BYTES,
            **websocket_options(),
        )
        tasks = (self._session.spawn(self._send_beats(), "beats"), self._session.spawn(self._follow(), "upstream"))
        unsubscribe = self._session.subscribe(self._on_changes)
        try:
            yield server
        finally:
            unsubscribe()
            for task in tasks:
                task.cancel()
            server.close(reason="the relay is shutting down")
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await server.wait_closed()
            except TimeoutError:  # some peers do not answer
                for connection in tuple(connections):
                    connection.transport.abort()
                await server.wait_closed()

    async def run(self) -> None:
        """Wait until canceled. Raises the first unexpected exception of a connection."""
        await self._failure

    def replace_tokens(self, tokens: Tokens) -> None:
        """Use these tokens from now on, and disconnect the screens whose token is not among them."""
        self._authenticator.tokens = tokens
        for connection in self._clients.values():
            if self._authenticator.token_name(connection.request) is None:
                self._session.spawn(connection.close(CLOSE_TOKEN_REVOKED, _REVOKED_REASON), "goodbye")

    async def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Return the HTTP response to a request that is refused, or None to accept the WebSocket."""
        if request.path != "/":
            return self._authenticator.refuse(connection, HTTPStatus.NOT_FOUND, "the relay serves only the path /")
        if self._authenticator.token_name(request) is None:
            return self._authenticator.refuse(connection, HTTPStatus.UNAUTHORIZED, "the token is missing or unknown")
        if len(self._clients) >= self._options.max_screens:
            return self._authenticator.refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE, self._full_reason)
        return None

    @property
    def _full_reason(self) -> str:
        count = self._options.max_screens
        return f"the relay already serves {count} {'screen' if count == 1 else 'screens'}, its maximum"

    async def _send_beats(self) -> None:
        while True:
            await self._session.clock.sleep(BEAT_S)
            for client in self._clients:
                client.queue_beat()

    async def _follow(self) -> None:
        """Follow all runs until canceled. If one source stops for good, restart all."""
        while True:
            sources = self._session.sources.follow_runs()
            await asyncio.wait(sources, return_when=asyncio.FIRST_COMPLETED)
            for source in sources:
                source.cancel()
            await self._session.clock.sleep(RESTART_AFTER_S)

    def _log_sources(self) -> None:
        """Log the sources that have failed or recovered."""
        for name, status in self._session.store.source_statuses.items():
            text = "connected again"
            if not isinstance(status, SourceConnected):
                is_trying = isinstance(status, SourceRetrying)
                again = "still trying" if is_trying else f"trying again in {RESTART_AFTER_S:.0f} s"
                text = f"{status.reason}; {again}"
            if (name in self._failing) is isinstance(status, SourceConnected):
                self._failing ^= {name}
                self._log(f"{name}: {text}")

    def _on_changes(self, changes: Changes) -> None:
        if Topic.SOURCES in changes.topics:
            self._log_sources()
        run_ids = self._encoder.on_changes(changes)
        for client in self._clients:
            client.queue(run_ids)

    def _watch(self) -> None:
        """Judge while some screen shows findings."""
        is_watched = any(client.is_watching for client in self._clients)
        if is_watched and self._unwatch is None:
            self._unwatch = self._session.findings.watch()
        elif not is_watched and self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    async def _handle(self, connection: ServerConnection) -> None:
        """Handle one connection. websockets would only log an exception, so `run` raises it."""
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                first = await connection.recv(decode=False)
            code, reason = self._refusal(connection, first) or await self._serve(connection)
            await connection.close(code, reason)
        except ConnectionClosed:
            pass
        except TimeoutError:
            connection.transport.abort()
        except Exception as bug:  # noqa: BLE001  raised by `run`
            if not self._failure.done():
                self._failure.set_exception(bug)

    def _refusal(self, connection: ServerConnection, first: bytes) -> tuple[int, str] | None:
        """Return the close code and the reason if the relay cannot serve the screen that sent this first message."""
        hello: messages.ScreenMessage | None = None
        with suppress(ServerFault):
            hello = messages.decode_screen_message(first)
        if not isinstance(hello, messages.Hello):
            return CLOSE_UNREADABLE, "the first message is not a hello"
        if hello.version != messages.VERSION:
            reason = f"the relay speaks version {messages.VERSION} of the protocol, the screen version {hello.version}"
            code = messages.CLOSE_OTHER_VERSION
        elif len(self._clients) >= self._options.max_screens:
            code, reason = CLOSE_TRY_LATER, self._full_reason
        else:
            is_known = self._authenticator.token_name(connection.request) is not None
            return None if is_known else (CLOSE_TOKEN_REVOKED, _REVOKED_REASON)
        self._authenticator.log_refusal(connection, reason)
        return code, reason

    async def _serve(self, connection: ServerConnection) -> tuple[int, str]:
        """Send changes to a screen and answer its calls until it sends an invalid message. Raises ConnectionClosed.

        Returns the close code and the reason.
        """
        client = RelayClient(connection, self._encoder, self._findings)
        welcome = messages.Welcome(messages.VERSION, USER_AGENT, self._session.now(), BEAT_S)
        await client.send((messages.encode_relay_message(welcome),))
        self._clients[client] = connection
        tasks = {self._session.spawn(client.run(), "screen")}
        try:
            return await self._receive(client, connection, tasks)
        finally:
            del self._clients[client]
            self._watch()
            for task in tuple(tasks):
                task.cancel()

    async def _receive(
        self, client: RelayClient, connection: ServerConnection, tasks: set[asyncio.Task[None]]
    ) -> tuple[int, str]:
        """Start a task for each call. Return after an invalid message."""
        allowance = CallAllowance(self._session.clock)
        while True:
            try:
                call = messages.decode_screen_message(await connection.recv(decode=False))
            except ServerFault as error:
                return CLOSE_UNREADABLE, str(error)
            if isinstance(call, messages.Watch):
                client.watch(is_watching=call.is_watching)
                self._watch()
                continue
            if not isinstance(call, messages.Call):
                return CLOSE_UNREADABLE, "the screen sent a second hello"
            if (wait := allowance.acquire()) is not None:
                response = self._proxy.error_response(429, "too many requests from one screen", wait)
                await client.send((messages.response_parts(call.number, response),))
                continue
            task = self._session.spawn(self._respond(client, call, allowance), "call")
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _respond(self, client: RelayClient, call: messages.Call, allowance: CallAllowance) -> None:
        try:
            async with self._proxy.response_to(call.request) as response:
                with suppress(ConnectionClosed):
                    await client.send((messages.response_parts(call.number, response),))
        finally:
            allowance.release()
