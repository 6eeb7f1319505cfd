"""Follows a relay: its connection, its messages as updates, and requests about single runs over it."""

import asyncio
import itertools
import logging
import math
import os
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from pathlib import PurePath
from typing import Any, Final, assert_never

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from tui.api import relay as messages
from tui.api.client import USER_AGENT, ApiReader, ReadRequest, http_request_of
from tui.api.connection import detect_dead_peer
from tui.api.errors import MAX_INLINE_BYTES, ApiError, NotFound, RateLimited, Refused, ServerFault, Unreachable
from tui.api.responses import Response, response_error
from tui.domain import update
from tui.domain.facts import MinutesRead
from tui.domain.run import FEEDS, RELAY, RunId
from tui.domain.text import clean
from tui.domain.update import Update
from tui.settings.file import tls_context
from tui.settings.secret import Secret, SettingsError
from tui.store.store import Store
from tui.sync.budget import Emit, Fatal, Spawn
from tui.sync.clock import Clock, Timer

# The connection to a relay: receives its messages, and sends requests about single runs over it.
#
# One WebSocket is open at a time. No exception of the websockets library leaves this module, and no error that contains
# the token.


OPEN_TIMEOUT_S: Final = 10.0
PING_INTERVAL_S: Final = 20.0
CLOSE_TIMEOUT_S: Final = 2.0
MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""Enough for a trace of 8 MB, with all its quotes escaped in a JSON string."""

UNTRUSTED_CERTIFICATE: Final = 495
"""The status for an untrusted certificate. HTTP defines none; some servers use this one."""


RESPONSE_TIMEOUT_S: Final = 40.0
"""Longer than the relay waits for the API, so that the relay's own error arrives first."""

MAX_CALL_BYTES: Final = 60 * 1024

_NOT_CONNECTED: Final = "the relay is not connected"
_BROKE: Final = "the connection to the relay broke"


def websocket_options() -> dict[str, Any]:
    """Return the options of both ends. No configuration enables the logger: websockets logs headers with the token."""
    logger = logging.Logger("relay", logging.CRITICAL + 1)  # noqa: LOG001  must not be found by its name
    return {"compression": None, "ping_interval": PING_INTERVAL_S, "ping_timeout": PING_INTERVAL_S, "logger": logger}


class _Connect(connect):
    """Follows no redirect, so that the token is sent to the given address only."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class RelayConnection(ApiReader):
    """Reads runs through a relay while `open` holds a connection to it."""

    def __init__(self, url: str, token: Secret, clock: Clock, *, ca: PurePath | None = None) -> None:
        """`ca` is a file of certificates that are trusted instead of the machine's."""
        super().__init__(token, clock=clock.now, allows_http=url.startswith("ws:"))
        self._url = url
        self._clock = clock
        self._ca = ca
        self._socket: ClientConnection | None = None
        self._numbers = itertools.count(1)
        self._in_flight: dict[int, asyncio.Future[Response]] = {}
        self._is_watching = False

    async def fetch_response(self, request: ReadRequest) -> Response:
        """Return the API's response to a request that the relay passes on."""
        http, number = http_request_of(request), next(self._numbers)
        label = f"{http.method} {http.path}"
        future = self._in_flight[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send_message(messages.Call(number, request))
            async with asyncio.timeout(RESPONSE_TIMEOUT_S):
                response: Response = replace(await future, label=label)
        except TimeoutError:
            text = f"{label}: no response from the relay in {RESPONSE_TIMEOUT_S:.0f} s"
            raise Unreachable(text, may_have_arrived=True) from None
        finally:
            del self._in_flight[number]
        if isinstance(error := response_error(response, self._key), RateLimited):
            raise error
        return response

    async def watch(self, *, is_watching: bool) -> None:
        """Tell the relay whether this screen shows findings, now and on every new connection."""
        if is_watching is not self._is_watching:
            self._is_watching = is_watching
            with suppress(Unreachable):
                await self._send_message(messages.Watch(is_watching=is_watching))

    async def receive(self) -> messages.RelayMessage:
        """Return the next message. Raises `ServerFault` for one that cannot be read.

        `open` translates the exception at the end of the connection.
        """
        if self._socket is None:
            raise Unreachable(_NOT_CONNECTED, may_have_arrived=False)
        text = await self._socket.recv(decode=False)
        if len(text) > MAX_INLINE_BYTES:
            return await asyncio.to_thread(messages.decode_relay_message, text)
        return messages.decode_relay_message(text)

    def abort(self) -> None:
        """Close the connection at once."""
        if self._socket is not None:
            self._socket.transport.abort()

    def resolve(self, message: messages.CallResponse) -> None:
        """Finish the `fetch_response` that waits for this response; it may have timed out."""
        future = self._in_flight.get(message.number)
        if future is not None and not future.done():
            future.set_result(message.response)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[messages.Welcome]:
        """Hold a connection while the block runs. Raises `ApiError`, or `Fatal` where a retry cannot help."""
        socket = await self._connect()
        try:
            welcome = await self._exchange_hello(socket)
            self._socket = socket
            if self._is_watching:
                await self._send_message(messages.Watch(is_watching=True))
            yield welcome
        except ConnectionClosed as closed:
            reason = "" if closed.rcvd is None else clean(closed.rcvd.reason)
            if closed.rcvd is not None and closed.rcvd.code == messages.CLOSE_OTHER_VERSION:
                raise _other_version(reason) from None
            text = "the connection to the relay ended" + (f": {reason}" if reason else "")
            raise Unreachable(text, may_have_arrived=False) from None
        finally:
            self._socket = None
            for future in self._in_flight.values():
                if not future.done():
                    future.set_exception(Unreachable(_BROKE, may_have_arrived=True))
            socket.transport.abort()
            await socket.wait_closed()

    async def _send_message(self, message: messages.ScreenMessage) -> None:
        text = messages.encode_screen_message(message)
        if len(text) > MAX_CALL_BYTES:
            raise NotFound("the id is too long for a run")
        if self._socket is None:
            raise Unreachable(_NOT_CONNECTED, may_have_arrived=False)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await self._socket.send(text, text=True)
        except (ConnectionClosed, TimeoutError):
            raise Unreachable(_BROKE, may_have_arrived=False) from None

    async def _exchange_hello(self, socket: ClientConnection) -> messages.Welcome:
        hello = messages.Hello(messages.VERSION, USER_AGENT)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await socket.send(messages.encode_screen_message(hello), text=True)
                welcome = messages.decode_relay_message(await socket.recv(decode=False))
        except TimeoutError:
            raise Unreachable(f"the server at {self._url} sent nothing", may_have_arrived=False) from None
        if not isinstance(welcome, messages.Welcome):
            raise ServerFault(f"the server at {self._url} is not a relay: its first message is not a welcome", 200)
        if welcome.version != messages.VERSION:
            text = f"the relay speaks version {welcome.version} of the protocol, this screen version {messages.VERSION}"
            raise _other_version(text)
        return welcome

    async def _connect(self) -> ClientConnection:
        """Open a WebSocket. Raises `ApiError`, or `Fatal` where a retry cannot help."""
        try:
            tls = tls_context(self._ca) if self._url.startswith("wss:") else None
        except SettingsError as error:
            raise Fatal(str(error)) from None
        try:
            socket = await _Connect(
                self._url,
                additional_headers={"Authorization": f"Bearer {self._key.reveal()}"},
                user_agent_header=USER_AGENT,
                extensions=[ClientPerMessageDeflateFactory(server_max_window_bits=15, client_max_window_bits=True)],
                proxy=True if tls is not None else None,
                ssl=tls,
                open_timeout=OPEN_TIMEOUT_S,
                close_timeout=CLOSE_TIMEOUT_S,
                max_size=MAX_MESSAGE_BYTES,
                **websocket_options(),
            )
        except Exception as error:  # noqa: BLE001  TLS, sockets and proxies raise many kinds, and no code of ours runs
            failure = self._failure(error)
        else:
            detect_dead_peer(socket.transport.get_extra_info("socket"))
            return socket
        # Raised outside of the handler: an exception of websockets as its context would contain the token.
        raise failure

    def _failure(self, error: Exception) -> ApiError | Fatal:
        match error:
            case InvalidStatus():
                return self._status_error(error)
            case InvalidProxy() | InvalidURI() | ImportError():
                # The whole text of an `InvalidProxy` has the proxy's address, which may include a password.
                reason = clean(error.msg if isinstance(error, InvalidProxy) else str(error))
                return Fatal(f"the relay at {self._url} cannot be reached through this proxy: {reason}")
            case UnicodeError():  # the resolver raises it for a host name with an empty part, or a very long one
                return Fatal(f"the relay at {self._url} or the proxy before it has an invalid host name")
            case ssl.SSLCertVerificationError():
                text = f"the certificate of {self._url} is not trusted: {error.verify_message}"
                return Refused(text, UNTRUSTED_CERTIFICATE)
            case ssl.SSLError():
                reason = (error.reason or "the connection broke").replace("_", " ").lower()
                text = f"no TLS connection to {self._url}: {reason}"
            case InvalidHandshake():
                text = f"the server at {self._url} closed the connection, or is not a relay"
            case TimeoutError():
                text = f"no connection to {self._url} in {OPEN_TIMEOUT_S:.0f} s"
            case OSError(errno=int(number)) if number > 0:  # asyncio's own text repeats the address
                text = f"no connection to {self._url}: {os.strerror(number)}"
            case _:
                text = f"no connection to {self._url}: {clean(getattr(error, 'strerror', None) or 'it was closed')}"
        return Unreachable(text, may_have_arrived=False)

    def _status_error(self, refusal: InvalidStatus) -> ApiError:
        """Return the error for an HTTP response that came instead of a WebSocket."""
        status, body = refusal.response.status_code, bytes(refusal.response.body or b"")
        headers = {name.lower(): value for name, value in refusal.response.headers.raw_items()}
        error = response_error(Response("the relay", status, headers, body, self._clock.now()), self._key)
        if status < 400 or error is None:
            return ServerFault(f"the server at {self._url} is not a relay ({status})", status)
        if not isinstance(error, Refused):
            return error
        if error.is_about_the_key:
            return Refused(f"the relay refused the token ({status}): is TRIGGER_TUI_RELAY_TOKEN right?", status)
        return Refused(f"there is no relay at {self._url} ({status})", status)


def _other_version(text: str) -> Fatal:
    return Fatal(f"{text}: install the same version of trigger-tui on both sides")


# Translates the messages of a relay into updates of the session, and finds live runs missing in its snapshot.


MAX_MISSING_READS: Final = 5
"""Runs requested with each beat: one a second, so that many screens together spend little of the relay's budget."""

MAX_SOURCES: Final = 20
"""A relay reports four. The bound matters because the status of every source is kept, and read at every change."""


class RelayUpdates:
    """The messages of one connection so far."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._facts: messages.RelayFacts | None = None
        self._sources = set(store.source_statuses)
        self._snapshot: set[RunId] = set()
        self._chunk_count = 0
        self.missing: list[RunId] = []
        self.has_snapshot = False

    @property
    def is_confirmed(self) -> bool:
        """Whether the snapshot and the status of the relay's sources are known. Before that, no run is current."""
        return self.has_snapshot and self._facts is not None and bool(self._facts.sources)

    def from_runs(self, message: messages.Runs) -> Iterator[Update]:
        """Yield the runs of a message. Live runs of the store that are in no chunk of the snapshot become missing.

        Raises `ServerFault` if a chunk is missing, since its runs would become missing too.
        """
        yield update.RunsRead(message.patches)
        yield from message.gone
        run_ids = {patch.id for patch in message.patches} | {gone.id for gone in message.gone}
        if message.chunk is None:
            self.missing = [run_id for run_id in self.missing if run_id not in run_ids]
            return
        if message.chunk.number == 0:
            self._snapshot, self._chunk_count = set(), 0
        if message.chunk.number != self._chunk_count:
            raise ServerFault("a part of the relay's snapshot is missing", 200)
        self._chunk_count += 1
        self._snapshot |= run_ids
        if message.chunk.is_last:
            self.missing = sorted(self._store.live() - self._snapshot)
            self._snapshot = set()
            self.has_snapshot = True

    def from_facts(self, facts: messages.RelayFacts) -> Iterator[Update]:
        """Yield the facts that changed since the last message. Raises `ServerFault` for too many sources."""
        self._sources |= {status.source for status in facts.sources}
        if len(self._sources) > MAX_SOURCES:
            raise ServerFault(f"the relay reports more than {MAX_SOURCES} sources", 200)
        before, self._facts = self._facts, facts
        known = before or messages.RelayFacts(facts.at)
        lost = dict(self._store.lost_capabilities)
        yield from (update.CapabilityLost(*each) for each in facts.lost.items() if each not in lost.items())
        yield from (update.CapabilityRegained(each) for each in lost if each not in facts.lost)
        if facts.environment is not None and _environment(known.environment) != _environment(facts.environment):
            yield facts.environment
        yield from (each for each in _SINGLE_FACTS(facts) if each is not None and each not in _SINGLE_FACTS(known))
        yield from (each for each in facts.sources if each not in known.sources)
        confirmed_at = _confirmed_at(facts)
        if before is None and confirmed_at is not None:
            yield update.CaughtUp(RELAY, confirmed_at)

    def next_missing(self) -> list[RunId]:
        """Remove and return runs to request now. None while the relay reads its history, which may have them."""
        history = None if self._facts is None else self._facts.history
        if not self.has_snapshot or history is None or not history.is_complete:
            return []
        due, self.missing = self.missing[:MAX_MISSING_READS], self.missing[MAX_MISSING_READS:]
        return due


_SINGLE_FACTS: Final = attrgetter("counts", "history", "window", "reconciled", "caught_up")


def _environment(read: update.EnvironmentRead | None) -> object:
    # Without the time at which the relay read it. Environments are equal, whether paused or not.
    return read and (read.environment, read.environment and read.environment.is_paused)


def _confirmed_at(facts: messages.RelayFacts) -> datetime | None:
    """Return when the relay's pollers last succeeded, or None if one of them does not. Feeds are optional."""
    pollers = [status for status in facts.sources if status.source not in FEEDS]
    connected_at = [status.at for status in pollers if isinstance(status, update.SourceConnected)]
    return max(connected_at) if connected_at and len(connected_at) == len(pollers) else None


# Follows a relay: emits the messages of one connection as updates, from its snapshot to its end.


MAX_MISSED_BEATS: Final = 5
"""After these, the watchdog aborts the connection. A new one costs little, even if the relay was only slow."""

MAX_HELD_MESSAGES: Final = 1_000
"""Messages with runs or findings that are held until the relay names its environment."""

MISDIRECTED: Final = 421
"""The HTTP status for a relay that serves another environment than before."""

CONNECTED_EVERY_S: Final = 1.0
"""The least time between two `SourceConnected`, however many messages come."""


class RelaySource:
    """Follows a relay. Every connection begins with a snapshot, so it does not depend on an earlier one."""

    name = RELAY

    def __init__(self, connection: RelayConnection, store: Store, clock: Clock, spawn: Spawn) -> None:
        self._connection = connection
        self._spawn = spawn
        self._store = store
        self._clock = clock

    async def run(self, emit: Emit) -> None:
        """Emit updates until canceled. Raises `ApiError`, or `Fatal` where a retry cannot help."""
        async with self._connection.open() as welcome:
            self._emit, self._beat_s = emit, welcome.beat_s
            self._updates = RelayUpdates(self._store)
            self._connected_s = -math.inf
            self._reads = set[asyncio.Task[None]]()
            # A restarted relay may serve another environment, so its runs are held until it names the known one.
            self._environment = self._store.environment
            self._held: list[messages.Runs | messages.RelayFindings] | None = None if self._environment is None else []
            self._received_s = self._clock.elapsed_s()
            self._silence: Unreachable | None = None
            self._timer: Timer = self._clock.call_later(welcome.beat_s, self._check_silence)
            try:
                while True:
                    message = await self._connection.receive()
                    self._received_s = self._clock.elapsed_s()
                    await self._handle(message)
            except (ApiError, ConnectionClosed):
                if self._silence is not None:
                    raise self._silence from None
                raise
            finally:
                self._timer.cancel()
                for read in self._reads:
                    read.cancel()

    def _check_silence(self) -> None:
        """Abort a silent connection. Time in which the machine sleeps counts as silence."""
        silence_s = self._clock.elapsed_s() - self._received_s
        if silence_s >= MAX_MISSED_BEATS * self._beat_s:
            self._silence = Unreachable(f"no message from the relay for {silence_s:.0f} s", may_have_arrived=True)
            self._connection.abort()
        else:
            self._timer = self._clock.call_later(self._beat_s, self._check_silence)

    async def _handle(self, message: messages.RelayMessage) -> None:  # noqa: C901  one case a kind
        match message:
            case messages.Runs() | messages.RelayFindings() if self._held is not None:
                if len(self._held) >= MAX_HELD_MESSAGES:
                    raise ServerFault("the relay does not name the environment of its runs", 200)
                self._held.append(message)
            case messages.Runs():
                await self._emit_all(self._updates.from_runs(message))
                if message.chunk is None:
                    await self._emit_connected(message.at)
            case messages.RelayFacts():
                await self._release(message)
                await self._emit_all(self._updates.from_facts(message))
                await self._emit_connected(message.at)
            case messages.RelayFindings():
                # The minutes of 200 tasks take 25 ms.
                await self._emit_all(await asyncio.to_thread(_updates_of, message))
            case messages.Beat():
                await self._emit_connected(message.at)
                for run_id in self._updates.next_missing():
                    # Its response comes through the loop that called this.
                    read = self._spawn(self._read_missing(run_id, message.at), "missing run")
                    self._reads.add(read)
                    read.add_done_callback(self._reads.discard)
            case messages.CallResponse():
                self._connection.resolve(message)
            case messages.Welcome():
                raise ServerFault("the relay sent a second welcome", 200)
            case _:
                assert_never(message)

    async def _release(self, facts: messages.RelayFacts) -> None:
        """Handle the held messages once the relay names the known environment. Raises `Fatal` if it names another."""
        if self._held is None or facts.environment is None:
            return
        environment = facts.environment.environment
        if environment is not None and environment != self._environment:
            raise Fatal("the relay now serves another environment: restart trigger-tui", status=MISDIRECTED)
        held, self._held = self._held, None
        for message in held:
            await self._handle(message)

    async def _emit_all(self, updates: Iterable[Update]) -> None:
        for each in updates:
            await self._emit(each)

    async def _emit_connected(self, at: datetime) -> None:
        """Emit `SourceConnected` if it is due and the snapshot and the status of the relay's sources are known."""
        elapsed_s = self._clock.elapsed_s()
        if self._updates.is_confirmed and elapsed_s - self._connected_s >= CONNECTED_EVERY_S:
            self._connected_s = elapsed_s
            await self._emit(update.SourceConnected(RELAY, at, self._beat_s))

    async def _read_missing(self, run_id: RunId, at: datetime) -> None:
        """Read and emit a run that the snapshot lacked. If that fails, it is read again later."""
        try:
            detail = await self._connection.read_run(run_id)
        except NotFound:
            await self._emit(update.RunGone(run_id, at))
        except ApiError:
            self._updates.missing.append(run_id)
        else:
            await self._emit(update.RunsRead((detail.patch, *detail.related)))


def _updates_of(message: messages.RelayFindings) -> list[Update]:
    """Return the updates of a message, whose minutes are added up already."""
    from tui.store.findings.counts import server_cells  # noqa: PLC0415  not needed before anybody watches

    found: list[Update] = list(message.updates())
    for each in found:
        if isinstance(each, MinutesRead):
            server_cells(each)
    return found
