"""One connected screen: changes, which are encoded once for all screens, and its requests to the API."""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, suppress
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, assert_never

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ProtocolError

from tui.api import client as api
from tui.api import relay as wire
from tui.api.errors import ApiError, RateLimited, Refused
from tui.api.lists import AnyRead, ListRequest, only_declared, read_of
from tui.api.queries import TrqlQuery
from tui.api.relay import encode_response
from tui.api.responses import Response
from tui.domain.facts import NO_FACTS, FactRead
from tui.domain.run import RELAY, RunId
from tui.domain.update import CaughtUp, EnvironmentRead, RunGone, RunPatch
from tui.settings.secret import Secret
from tui.store.changes import Changes, Topic
from tui.store.store import Store
from tui.sync.budget import MAX_QUERIES_IN_FLIGHT, Budget, Priority, Refill
from tui.sync.clock import Clock
from tui.sync.fetch import RunFetcher
from tui.sync.relay import MAX_MESSAGE_BYTES

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

_SENT: Final = tuple(field.name for field in fields(RunPatch) if field.name not in wire.UNSENT_FIELDS)
_ALL_TIMES: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


class Snapshot:
    """All runs that the store had at one moment, in chunks, newest first.

    Each chunk is encoded when it is first sent, with the runs as they are then. `changed` has the runs that were added
    or changed since the snapshot was begun, which its screens need afterwards.
    """

    def __init__(self, run_ids: Sequence[RunId], encode: Callable[[Sequence[RunId], wire.Chunk], bytes]) -> None:
        self.changed: set[RunId] = set()
        self._chunks = _chunked(run_ids) or [()]
        self._encode = encode
        self._encoded: dict[int, bytes] = {}

    def messages(self) -> Iterator[bytes]:
        """Yield the message of each chunk."""
        for number, run_ids in enumerate(self._chunks):
            if number not in self._encoded:
                chunk = wire.Chunk(number, is_last=number == len(self._chunks) - 1)
                self._encoded[number] = self._encode(run_ids, chunk)
            yield self._encoded[number]


class StoreEncoder:
    """Encodes a store. `now` is the server's time."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self.now = now
        self._snapshot: Snapshot | None = None
        self._newest_ids: AbstractSet[RunId] = frozenset()
        self._newest: tuple[bytes, ...] | None = None
        """The messages with the runs that changed last, for every screen that is up to date."""
        self.facts = self._encoded_facts()
        """The message with everything that the store knows besides runs, another one when that changes."""

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
        facts = wire.RelayFacts(now, environment, store.server_counts, sources, lost, *others)
        return wire.encode_relay_message(facts)

    def snapshot(self) -> Snapshot:
        """Return a snapshot of all runs. Screens that connect at about the same time share one."""
        if self._snapshot is None:
            self._snapshot = Snapshot(self._store.created_between(*_ALL_TIMES), self._encode)
        return self._snapshot

    def _encode(self, run_ids: Iterable[RunId], chunk: wire.Chunk | None) -> bytes:
        runs = [run for run_id in run_ids if (run := self._store.get(run_id)) is not None]
        patches = [
            wire.encode_patch(RunPatch(**{name: getattr(run, name) for name in _SENT} | {"error": run.error_facet}))
            for run in runs
            if run.state is not None and run.read_at is not None  # otherwise only its id is known
        ]
        gone = [RunGone(run.id, run.gone_at) for run in runs if run.is_gone and run.gone_at is not None]
        return wire.encode_runs(self.now(), patches, gone, chunk)


def _chunked(run_ids: Sequence[RunId]) -> list[Sequence[RunId]]:
    return [run_ids[start : start + CHUNK_RUNS] for start in range(0, len(run_ids), CHUNK_RUNS)]


# Encodes the verdict and the facts of the wall for the screens that show them, each fact once for all.


class FindingsEncoder:
    """Encodes what a screen does not have yet. `now` is the server's time.

    `is_judged` says whether the store's verdict is the present one: while no screen watches, it gets old.
    """

    def __init__(self, store: Store, now: Callable[[], datetime], is_judged: Callable[[], bool]) -> None:
        self._store = store
        self._now = now
        self._is_judged = is_judged
        self._encoded: dict[object, tuple[object, bytes]] = {}

    def messages(self, sent: dict[object, object]) -> Iterator[bytes]:
        """Yield a message for each fact that is not in `sent`, and for the verdict, and record them there."""
        verdict = self._store.verdict
        if verdict is not None and self._is_judged() and sent.get(_VERDICT) is not verdict:
            sent[_VERDICT] = verdict
            yield wire.encode_relay_message(wire.RelayFindings(self._now(), verdict))
        facts = self._store.wall_facts or NO_FACTS
        present: dict[object, FactRead] = {name: each for name in wire.FACT_NAMES if (each := getattr(facts, name))}
        present |= {("runs", key): fact for key, fact in facts.schedule_runs.items()}
        present |= {("unread", key): fact for key, fact in facts.unread.items()}
        self._encoded = {key: each for key, each in self._encoded.items() if key in present}
        for key, fact in present.items():
            if sent.get(key) is not fact:
                sent[key] = fact
                if key not in self._encoded or self._encoded[key][0] is not fact:
                    self._encoded[key] = fact, wire.encode_relay_message(wire.message_of(self._now(), fact))
                yield self._encoded[key][1]
        for key in sent.keys() - present.keys() - {_VERDICT}:
            del sent[key]


_VERDICT = "verdict"


# Forwards the read requests of screens to the API, within limits for each screen and for all together.
#
# Apart from the key, which is redacted, the responses cross the relay unchanged. Identical requests of several screens
# are sent once.


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

_SAFE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")
_SAFE_NAME: Final = re.compile(r"(?!\.+\Z)[^/\\%?#\x00-\x1f\x7f]{1,200}\Z")
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
        self._lists = lists

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
        read = read_of(self._lists, request) if isinstance(request, ListRequest) else None
        if read is None and not _has_safe_ids(request):
            return self.error_response(404, "nothing has this id")
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
        return self.error_response(502, f"the relay passes on no response of more than {MAX_RESPONSE_BYTES:,} bytes")

    def error_response(self, status: int, text: str, resets_in: timedelta | None = None) -> bytes:
        """Return an encoded error response in the form of the API's."""
        resets_s = {} if resets_in is None else {"secondsUntilReset": max(0.1, round(resets_in.total_seconds(), 3))}
        body = {"error": text} | resets_s
        return encode_response(Response("the relay", status, _JSON, json.dumps(body).encode(), self._fetcher.now()))


def _has_safe_ids(request: api.ReadRequest) -> bool:
    """Whether no id can change the URL's path.

    A proxy before the API may decode `%2F` in an id, and the relay's key may read more than runs.
    """
    match request:
        case api.RunRequest(an_id) | api.TraceRequest(an_id) | api.EventsRequest(an_id) | api.ErrorGroupRequest(an_id):
            return bool(_SAFE_ID.match(an_id))
        case api.SpanRequest(run_id, span_id):
            return bool(_SAFE_ID.match(run_id) and _SAFE_ID.match(span_id))
        case api.QueueRequest(name) | api.QueueMetricsRequest(name):
            return bool(_SAFE_NAME.match(name))
        case ListRequest():
            return False  # it is none of the lists that the relay knows
        case api.ErrorGroupsRequest() | TrqlQuery():  # their texts are values of parameters, or checked by the query
            return True
        case _:
            assert_never(request)


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
"""For one message. A screen that does not read it in this time is disconnected. It may connect again."""


class RelayClient:
    """One connected screen. `queue` never waits; `run` sends the queued messages."""

    def __init__(self, socket: ServerConnection, encoder: StoreEncoder, findings: FindingsEncoder) -> None:
        self.is_watching = False
        self._findings = findings
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
        """Queue changed runs, and all else that the store knows by now."""
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
        """Send the findings from now on, or no more. The first ones are all that are known."""
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
            await self.send((wire.encode_relay_message(wire.Beat(self._encoder.now())),))
        while self._needs_snapshot:
            snapshot = self._encoder.snapshot()
            self._needs_snapshot, self.pending = False, set(snapshot.changed)
            await self.send(snapshot.messages())
        run_ids, self.pending = self.pending, set()
        # Of the moment before the runs are sent: facts must not call anything fresh whose runs are still to come.
        facts = self._encoder.facts
        await self.send(self._encoder.changes(run_ids))
        if facts is not self._sent_facts:
            self._sent_facts = facts
            await self.send((facts,))
        if self.is_watching:
            # After the facts: a screen takes nothing before these name the environment.
            await self.send(self._findings.messages(self._sent_findings))
