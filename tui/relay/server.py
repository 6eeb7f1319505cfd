"""The relay: one session with the API that serves any number of read-only screens over WebSockets."""

import asyncio
import hmac
import json
import os
import re
import socket
import ssl
import stat
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, suppress
from dataclasses import field, fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ProtocolError
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request
from websockets.http11 import Response as HttpResponse

from tui.api import client as api
from tui.api import relay as messages
from tui.api.client import USER_AGENT
from tui.api.errors import ApiError, RateLimited, Refused, ServerFault
from tui.api.facts import READS
from tui.api.lists import AnyRead, GetRequest, only_declared, read_of
from tui.api.queries import TrqlQuery
from tui.api.relay import encode_response
from tui.api.responses import Response
from tui.domain.facts import NO_FACTS, FactRead
from tui.domain.run import RELAY, RunId
from tui.domain.update import CaughtUp, EnvironmentRead, RunGone, RunPatch, SourceConnected, SourceRetrying
from tui.lazy_dataclass import dataclass
from tui.settings.secret import Secret
from tui.store.changes import Changes, Topic
from tui.store.store import Store
from tui.sync.budget import MAX_QUERIES_IN_FLIGHT, Budget, Refill
from tui.sync.clock import Clock
from tui.sync.fetch import RunFetcher
from tui.sync.reads import Priority
from tui.sync.relay import MAX_MESSAGE_BYTES, websocket_options
from tui.sync.session import Session

# Encodes the session's store as messages for screens.
#
# Changes are encoded once for all screens. A screen that has just connected gets a snapshot, which several may share.


CHUNK_RUNS: Final = 200
"""Runs in one message: about 100 KB, which a screen decodes without a noticeable delay."""

MAX_SNAPSHOT_CHANGES: Final = 1_000
"""Once more runs than this have changed since a snapshot was begun, the next screen gets a new one."""

FACT_TOPICS: Final = frozenset(
    {Topic.COUNTS, Topic.ENVIRONMENT, Topic.CAPABILITIES, Topic.SOURCES, Topic.HISTORY, Topic.RECONCILED, Topic.WINDOW}
)

_SENT: Final = tuple(field.name for field in fields(RunPatch) if field.name not in messages.UNSENT_FIELDS)
_VERDICT: Final = "verdict"
_ALL_TIMES: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


class Snapshot:
    """All runs that the store had at one moment, in chunks, newest first.

    Each chunk is encoded when it is first sent, with the runs as they are then. A screen that gets this snapshot is
    then sent the runs in `changed`: they are newer than some of its chunks.
    """

    def __init__(self, run_ids: Sequence[RunId], encode: Callable[[Sequence[RunId], messages.Chunk], bytes]) -> None:
        self.changed: set[RunId] = set()
        self._chunks = _chunked(run_ids) or [()]
        self._encode = encode
        self._encoded: dict[int, bytes] = {}

    def messages(self) -> Iterator[bytes]:
        """Yield the message of each chunk."""
        for number, run_ids in enumerate(self._chunks):
            if number not in self._encoded:
                chunk = messages.Chunk(number, is_last=number == len(self._chunks) - 1)
                self._encoded[number] = self._encode(run_ids, chunk)
            yield self._encoded[number]


class StoreEncoder:
    """Encodes a store. `now` is the server's time.

    `is_judged` says whether the store's verdict is up to date. It is not renewed while no screen watches.
    """

    def __init__(self, store: Store, now: Callable[[], datetime], is_judged: Callable[[], bool]) -> None:
        self._store = store
        self.now = now
        self._is_judged = is_judged
        self._findings: dict[object, tuple[object, bytes]] = {}
        self._snapshot: Snapshot | None = None
        self._newest_ids: AbstractSet[RunId] = frozenset()
        self._newest: tuple[bytes, ...] | None = None
        """The messages with the runs that changed last, for every screen that is up to date."""
        self.facts = self._encoded_facts()
        """The message with `FACT_TOPICS`. It is replaced by a new object when one of these changes, so `is` tells
        whether a screen has it.
        """

    def on_changes(self, changes: Changes) -> AbstractSet[RunId]:
        """Return the runs that changed."""
        self._newest_ids, self._newest = changes.added | changes.changed, None
        if not FACT_TOPICS.isdisjoint(changes.topics):
            self.facts = self._encoded_facts()
        if self._snapshot is not None:
            self._snapshot.changed |= self._newest_ids
            if len(self._snapshot.changed) > MAX_SNAPSHOT_CHANGES:
                # Screens that are still receiving it get these changes from `RelayClient.queue`.
                self._snapshot = None
        return self._newest_ids

    def changes(self, run_ids: AbstractSet[RunId]) -> Iterable[bytes]:
        """Return messages with these runs, as they are when each message is encoded."""
        messages = (self._encode(chunk, None) for chunk in _chunked(tuple(run_ids)))
        if run_ids != self._newest_ids:
            return messages
        if self._newest is None:
            self._newest = tuple(messages)
        return self._newest

    def _encoded_facts(self) -> bytes:
        store, now = self._store, self.now()
        environment = EnvironmentRead(store.environment, now) if store.is_environment_known else None
        sources, lost = tuple(store.source_statuses.values()), dict(store.lost_capabilities)
        caught_up = CaughtUp(RELAY, store.caught_up) if store.caught_up is not None else None
        others = (caught_up, store.reconciled, store.history, store.window)
        facts = messages.RelayFacts(now, environment, store.server_counts, sources, lost, *others)
        return messages.encode_relay_message(facts)

    def snapshot(self) -> Snapshot:
        """Return a snapshot of all runs. Screens that connect at about the same time share one."""
        if self._snapshot is None:
            self._snapshot = Snapshot(self._store.created_between(*_ALL_TIMES), self._encode)
        return self._snapshot

    def _encode(self, run_ids: Iterable[RunId], chunk: messages.Chunk | None) -> bytes:
        runs = [run for run_id in run_ids if (run := self._store.get(run_id)) is not None]
        patches = [
            messages.encode_patch(RunPatch(**{name: getattr(run, name) for name in _SENT} | {"error": run.error_facet}))
            for run in runs
            if run.state is not None and run.read_at is not None  # otherwise only its id is known
        ]
        gone = [RunGone(run.id, run.gone_at) for run in runs if run.is_gone and run.gone_at is not None]
        return messages.encode_runs(self.now(), patches, gone, chunk)

    def findings(self, sent: dict[object, object]) -> Iterator[bytes]:
        """Yield a message for each fact of the wall that is not in `sent`, and for the verdict; record them there."""
        verdict = self._store.verdict
        if verdict is not None and self._is_judged() and sent.get(_VERDICT) is not verdict:
            sent[_VERDICT] = verdict
            yield messages.encode_relay_message(messages.RelayFindings(self.now(), verdict))
        facts = self._store.wall_facts or NO_FACTS
        present: dict[object, FactRead] = {name: each for name in messages.FACT_NAMES if (each := getattr(facts, name))}
        present |= {("runs", key): fact for key, fact in facts.schedule_runs.items()}
        present |= {("unread", key): fact for key, fact in facts.unread.items()}
        self._findings = {key: each for key, each in self._findings.items() if key in present}
        for key, fact in present.items():
            if sent.get(key) is not fact:
                sent[key] = fact
                if key not in self._findings or self._findings[key][0] is not fact:
                    self._findings[key] = fact, messages.encode_relay_message(messages.message_of(self.now(), fact))
                yield self._findings[key][1]
        for key in sent.keys() - present.keys() - {_VERDICT}:
            del sent[key]


def _chunked(run_ids: Sequence[RunId]) -> list[Sequence[RunId]]:
    return [run_ids[start : start + CHUNK_RUNS] for start in range(0, len(run_ids), CHUNK_RUNS)]


# Forwards the read requests of screens to the API, within limits for each screen and for all together.
#
# Apart from the key, which is redacted, responses about a run cross the relay unchanged, and others with the declared
# keys. Identical requests of several screens are sent once.


MAX_CALLS_IN_FLIGHT: Final = 8
"""Calls of one screen without a response yet. A screen that opens a run makes three: detail, trace and root span."""

MAX_CALLS: Final = 30
CALLS_PERIOD_S: Final = 10.0
"""A screen may make MAX_CALLS in this time, more than a user needs even while a key is held down."""

SCREENS_BUDGET_SHARE: Final = 2 / 5
"""The share of the relay's request budget for calls. The rest is for polling, however many screens there are."""

MAX_QUERIES_OF_SCREENS: Final = MAX_QUERIES_IN_FLIGHT - 1
"""Queries of all screens at once. The rest is for the facts that the relay reads itself."""

RESPONSE_TIMEOUT_S: Final = 30.0

MAX_RESPONSE_BYTES: Final = 16 * 1024 * 1024
"""The largest body that is forwarded. A trace of 5,000 spans has 5 MB, a log of 25,000 lines 8 MB and more, as its
messages are longer.
"""

MAX_ENCODED_BYTES: Final = MAX_MESSAGE_BYTES - 1024
"""The largest encoded response: a body that is not text grows up to sixfold as JSON. A message that is too large would
end the connection, and the screen would reconnect and send the same request again.
"""

MAX_SENDING_BYTES: Final = 4 * MAX_RESPONSE_BYTES
"""The limit for all responses in flight. A screen that does not read holds its responses until it is disconnected."""

_JSON: Final = {"content-type": "application/json"}


class RequestProxy:
    """Fetches responses for all screens, and bounds the bytes that are being sent."""

    def __init__(self, fetcher: RunFetcher, clock: Clock, key: Secret, lists: Sequence[AnyRead] = ()) -> None:
        """`key` is redacted in responses: a failing server may echo it. `lists` are those that screens may read."""
        refill = fetcher.budget.refill
        self._fetcher = fetcher
        self._key = key.reveal().encode()
        screens_refill = Refill(int(refill.requests * SCREENS_BUDGET_SHARE), refill.period_s)
        self._budget = Budget(clock, screens_refill, max_queries=MAX_QUERIES_OF_SCREENS)
        self._sending: list[bytes] = []
        self._reads = (*READS, *lists)

    @property
    def sending_bytes(self) -> int:
        """Several screens may be sent the same bytes object, which is counted once."""
        return sum(map(len, {id(response): response for response in self._sending}.values()))

    @asynccontextmanager
    async def response_to(self, request: api.ReadRequest) -> AsyncIterator[bytes]:
        """Yield the encoded response while the block sends it, or an error if that would exceed MAX_SENDING_BYTES."""
        response = await self.fetch(request)
        is_shared = any(each is response for each in self._sending)
        if not is_shared and self.sending_bytes + len(response) > MAX_SENDING_BYTES:
            response = self.error_response(503, "the relay is sending too many responses: try again")
        self._sending.append(response)
        try:
            yield response
        finally:
            self._sending.remove(response)

    async def fetch(self, request: api.ReadRequest) -> bytes:
        """Return the encoded response of the API, or an error in its place. Identical requests share one object."""
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT_S):
                fetch, is_query = partial(self._fetch_encoded, request), isinstance(request, TrqlQuery)
                return await self._budget.request(request, Priority.SELECTED, fetch, is_query=is_query)
        except TimeoutError:
            return self.error_response(504, f"the relay got no response in {RESPONSE_TIMEOUT_S:.0f} s")
        except RateLimited as error:
            return self.error_response(429, str(error), error.resets_in)
        except Refused as error:
            return self.error_response(error.status, str(error))
        except ApiError as error:
            return self.error_response(502, f"the relay got no response: {error}")

    async def _fetch_encoded(self, request: api.ReadRequest) -> bytes:
        read = None
        if isinstance(request, GetRequest) and (read := read_of(self._reads, request)) is None:
            return self.error_response(404, "no run has this id")
        response = await self._fetcher.fetch_response(request, Priority.SELECTED)
        if read is not None and response.status == 200:
            try:
                response = replace(response, body=only_declared(read, response.body))
            except (ValueError, RecursionError):
                return self.error_response(502, "the relay cannot read the response")
        if len(response.body) <= MAX_RESPONSE_BYTES:
            if self._key:
                response = replace(response, body=response.body.replace(self._key, b"..."))
            encoded = encode_response(response)
            if len(encoded) <= MAX_ENCODED_BYTES:
                return encoded
        return self.error_response(502, f"too large for the relay: more than {MAX_RESPONSE_BYTES:,} bytes")

    def error_response(self, status: int, text: str, resets_in: timedelta | None = None) -> bytes:
        """Return an encoded error response in the form of the API's."""
        resets_s = {} if resets_in is None else {"secondsUntilReset": max(0.1, round(resets_in.total_seconds(), 3))}
        body = {"error": text} | resets_s
        return encode_response(Response("the relay", status, _JSON, json.dumps(body).encode(), self._fetcher.now()))


class CallAllowance:
    """The rate limit of one screen."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._called_s: deque[float] = deque()
        self._in_flight = 0

    def acquire(self) -> timedelta | None:
        """Count a call and return None, or return how long the screen has to wait."""
        now_s = self._clock.monotonic_s()
        while self._called_s and self._called_s[0] <= now_s - CALLS_PERIOD_S:
            self._called_s.popleft()
        if len(self._called_s) >= MAX_CALLS:
            return timedelta(seconds=self._called_s[0] + CALLS_PERIOD_S - now_s)
        if self._in_flight >= MAX_CALLS_IN_FLIGHT:
            return timedelta(seconds=1)
        self._called_s.append(now_s)
        self._in_flight += 1
        return None

    def release(self) -> None:
        """Free the place of a call that got its response."""
        self._in_flight -= 1


# Sends changes to one connected screen, and merges those that the screen has not received yet.
#
# For a slow screen only the ids of changed runs are kept. The current state of these runs is encoded when it is sent.
# Above MAX_PENDING_RUNS ids a new snapshot replaces them. A slow screen never delays another.


MAX_PENDING_RUNS: Final = 20_000
"""Changed runs whose ids are kept, at most 2 MB. Above it the screen gets a snapshot, which screens share."""

SEND_TIMEOUT_S: Final = 30.0
"""A screen that does not read a message within this time is disconnected. It may connect again."""


class RelayClient:
    """One connected screen. `queue` never waits; `run` sends the queued messages."""

    def __init__(self, socket: ServerConnection, encoder: StoreEncoder) -> None:
        self.is_watching = False
        self._sent_findings: dict[object, object] = {}
        self._socket = socket
        self._encoder = encoder
        self._send_lock = asyncio.Lock()
        self._wake = asyncio.Event()  # set when there may be something to send
        self._wake.set()
        self._needs_snapshot = True
        self._needs_beat = False
        self._sent_facts = b""
        self.pending: set[RunId] = set()
        """The changed runs that wait to be sent."""

    def queue(self, run_ids: AbstractSet[RunId]) -> None:
        """Queue changed runs, and everything else that the store knows by now."""
        if not self._needs_snapshot:
            self.pending |= run_ids
        if len(self.pending) > MAX_PENDING_RUNS:
            self.pending = set()
            self._needs_snapshot = True
        self._wake.set()

    def queue_beat(self) -> None:
        """Queue a beat."""
        self._needs_beat = True
        self._wake.set()

    def watch(self, *, is_watching: bool) -> None:
        """Start or stop sending findings. The first message has all that are known."""
        self.is_watching = is_watching
        self._sent_findings = {}
        self._wake.set()

    async def run(self) -> None:
        """Send queued changes until the connection ends."""
        with suppress(ConnectionClosed):
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._send_queued()

    async def send(self, messages: Iterable[bytes | Iterable[bytes]]) -> None:
        """Send messages one by one, so that only one of them is in memory, or one part of it.

        Disconnects a screen that does not read. Raises ConnectionClosed.
        """
        for message in messages:
            try:
                async with self._send_lock, asyncio.timeout(SEND_TIMEOUT_S):
                    await self._socket.send(message, text=True)
            except (TimeoutError, ProtocolError):  # the latter after a message that was cut off in the middle
                self._socket.transport.abort()
                raise ConnectionClosedError(None, None) from None

    async def _send_queued(self) -> None:
        if self._needs_beat:
            self._needs_beat = False
            await self.send((messages.encode_relay_message(messages.Beat(self._encoder.now())),))
        while self._needs_snapshot:
            snapshot = self._encoder.snapshot()
            self._needs_snapshot, self.pending = False, set(snapshot.changed)
            await self.send(snapshot.messages())
        run_ids, self.pending = self.pending, set()
        # Taken before the runs are sent. Later ones could say that data is fresh while the runs that prove it are not
        # sent.
        facts = self._encoder.facts
        await self.send(self._encoder.changes(run_ids))
        if facts is not self._sent_facts:
            self._sent_facts = facts
            await self.send((facts,))
        if self.is_watching:
            # Send these after the facts: a screen ignores everything until the facts name the environment.
            await self.send(self._encoder.findings(self._sent_findings))


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
            raise TokensError(f"{path}, line {number}: expected a token, or a name and a token")
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
"""In each span of this length the same refusal of the same host is logged once."""

MAX_REFUSALS_LOGGED: Final = 10
"""Lines per period, so that a client without a token cannot fill the log, however many addresses it uses."""


class Authenticator:
    """Checks requests against the current tokens. `log` receives lines for the operator."""

    def __init__(self, tokens: Tokens, clock: Clock, log: Callable[[str], None]) -> None:
        self.tokens = tokens
        self._clock = clock
        self._log = log
        self._logged: set[tuple[str, str]] = set()
        """The hosts and reasons of this period's lines."""
        self._period_began_s = clock.monotonic_s()
        self._skipped_count = 0

    def token_name(self, request: Request | None) -> str | None:
        """Return the name of the request's token, or None if it has no known token."""
        values = [] if request is None else request.headers.get_all("Authorization")
        return self.tokens.name_of(values[0]) if len(values) == 1 else None

    def refuse(self, connection: ServerConnection, status: HTTPStatus, reason: str) -> HttpResponse:
        """Log a refusal, and return the HTTP response for it."""
        self.log_refusal(connection, reason)
        body = json.dumps({"error": reason}).encode()
        headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
        if status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return HttpResponse(status.value, status.phrase, headers, body)

    def log_refusal(self, connection: ServerConnection, reason: str) -> None:
        """Log a refusal, unless it is a repetition or too many were logged in this period."""
        host = str(connection.remote_address[0]) if connection.remote_address else "an unknown address"
        now_s = self._clock.monotonic_s()
        if now_s - self._period_began_s >= REFUSAL_PERIOD_S:
            if self._skipped_count:
                noun = "request was" if self._skipped_count == 1 else "requests were"
                self._log(f"{self._skipped_count:,} more {noun} refused")
            self._period_began_s, self._skipped_count = now_s, 0
            self._logged.clear()
        if (host, reason) in self._logged:
            return
        if len(self._logged) >= MAX_REFUSALS_LOGGED:
            self._skipped_count += 1
            return
        self._logged.add((host, reason))
        self._log(f"a screen at {host} was refused: {reason}")


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
        self._encoder = StoreEncoder(session.store, session.now, lambda: session.findings.is_judged)
        self._unwatch: Callable[[], None] | None = None
        self._proxy = RequestProxy(session.fetcher, session.clock, session.settings.key, options.lists)
        self._log = log
        self._failing: set[str] = set()
        self.clients: dict[RelayClient, ServerConnection] = {}
        """The connected screens."""
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Ends with the first unexpected exception of a connection."""

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

    def replace_tokens(self, tokens: Tokens) -> None:
        """Use these tokens from now on, and disconnect the screens whose token is not among them."""
        self._authenticator.tokens = tokens
        for connection in self.clients.values():
            if self._authenticator.token_name(connection.request) is None:
                self._session.spawn(connection.close(CLOSE_TOKEN_REVOKED, _REVOKED_REASON), "goodbye")

    async def admit(self, connection: ServerConnection, request: Request) -> HttpResponse | None:
        """Return the HTTP response to a request that is refused, or None to accept the WebSocket."""
        if request.path != "/":
            return self._authenticator.refuse(connection, HTTPStatus.NOT_FOUND, "the relay serves only the path /")
        if self._authenticator.token_name(request) is None:
            return self._authenticator.refuse(connection, HTTPStatus.UNAUTHORIZED, "the token is missing or unknown")
        if len(self.clients) >= self._options.max_screens:
            return self._authenticator.refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE, self._full_reason)
        return None

    @property
    def _full_reason(self) -> str:
        count = self._options.max_screens
        return f"the relay already serves {count} {'screen' if count == 1 else 'screens'}, its maximum"

    async def _send_beats(self) -> None:
        while True:
            await self._session.clock.sleep(BEAT_S)
            for client in self.clients:
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
        for client in self.clients:
            client.queue(run_ids)

    def _watch(self) -> None:
        """Judge while some screen shows findings."""
        is_watched = any(client.is_watching for client in self.clients)
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
            if not self.failure.done():
                self.failure.set_exception(bug)

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
        elif len(self.clients) >= self._options.max_screens:
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
        client = RelayClient(connection, self._encoder)
        welcome = messages.Welcome(messages.VERSION, USER_AGENT, self._session.now(), BEAT_S)
        await client.send((messages.encode_relay_message(welcome),))
        self.clients[client] = connection
        allowance = CallAllowance(self._session.clock)
        tasks = {self._session.spawn(client.run(), "screen")}
        try:
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
        finally:
            del self.clients[client]
            self._watch()
            for task in tuple(tasks):
                task.cancel()

    async def _respond(self, client: RelayClient, call: messages.Call, allowance: CallAllowance) -> None:
        try:
            async with self._proxy.response_to(call.request) as response:
                with suppress(ConnectionClosed):
                    await client.send((messages.response_parts(call.number, response),))
        finally:
            allowance.release()
