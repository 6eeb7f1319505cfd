"""Follows a relay: emits the messages of one connection as updates, from its snapshot to its end."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Final, assert_never

from tui.domain.findings.facts import MinutesRead
from tui.domain.ids import RunId
from tui.domain.source_names import RELAY
from tui.domain.update import RunGone, RunsRead, SourceConnected, Update
from tui.sources.base import Emit, Fatal, KnownFacts, as_source_error
from tui.sources.clock import Clock, Timer
from tui.sources.relay.connection import RelayConnection
from tui.sources.relay.updates import RelayUpdates
from tui.wire.errors import ApiError, NotFound, ServerFault, Unreachable
from tui.wire.read_requests import RunRequest
from tui.wire.relay.findings_message import RelayFindings
from tui.wire.relay.messages import Beat, CallResponse, RelayFacts, RelayMessage, Runs, Welcome
from tui.wire.responses import response_error
from tui.wire.runs import decode_run

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

    def __init__(self, connection: RelayConnection, store: KnownFacts, clock: Clock) -> None:
        self._connection = connection
        self._store = store
        self._clock = clock
        self._was_connected = False

    async def run(self, emit: Emit) -> None:
        """Emit updates until canceled. Raises `Transient` or `Fatal`."""
        try:
            async with self._connection.open() as welcome:
                watchdog = _Watchdog(self._connection, self._clock, welcome.beat_s)
                try:
                    await _Receiver(self._connection, self._store, self._clock, emit, welcome.beat_s).run(watchdog)
                finally:
                    self._was_connected = True
                    watchdog.cancel()
        except ApiError as error:
            raise as_source_error(error, was_connected=self._was_connected) from error


class _Receiver:
    """Handles the messages of one connection."""

    def __init__(self, connection: RelayConnection, store: KnownFacts, clock: Clock, emit: Emit, beat_s: float) -> None:
        self._connection = connection
        self._clock = clock
        self._emit = emit
        self._beat_s = beat_s
        self._updates = RelayUpdates(store)
        self._connected_s: float | None = None
        self._requested_runs: dict[int, RunId] = {}
        # A restarted relay may serve another environment, so its runs are held until it names the known one.
        self._environment = store.environment
        self._held: list[Runs | RelayFindings] | None = None if self._environment is None else []

    async def run(self, watchdog: "_Watchdog") -> None:
        """Receive until the connection ends. Raises `ApiError`."""
        while True:
            try:
                message = await self._connection.receive()
            except Exception:
                watchdog.check()
                raise
            watchdog.restart()
            await self._handle(message)

    async def _handle(self, message: RelayMessage) -> None:
        match message:
            case Runs() | RelayFindings() if self._held is not None:
                self._hold(message, self._held)
            case Runs():
                await self._emit_all(self._updates.from_runs(message))
                if message.chunk is None:
                    await self._emit_connected(message.at)
            case RelayFacts():
                await self._release(message)
                await self._emit_all(self._updates.from_facts(message))
                await self._emit_connected(message.at)
            case RelayFindings():
                # The minutes of 200 tasks take 25 ms.
                await self._emit_all(await asyncio.to_thread(_updates_of, message))
            case Beat():
                await self._emit_connected(message.at)
                for run_id in self._updates.next_missing():
                    self._requested_runs[await self._connection.send_call(RunRequest(run_id))] = run_id
            case CallResponse():
                await self._handle_response(message)
            case Welcome():
                raise ServerFault("the relay sent a second welcome", 200)
            case _:
                assert_never(message)

    def _hold(self, message: Runs | RelayFindings, held: list[Runs | RelayFindings]) -> None:
        if len(held) >= MAX_HELD_MESSAGES:
            raise ServerFault("the relay does not name the environment of its runs", 200)
        held.append(message)

    async def _release(self, facts: RelayFacts) -> None:
        """Emit the held runs once the relay names the known environment. Raises `Fatal` if it names another one."""
        if self._held is None or facts.environment is None:
            return
        environment = facts.environment.environment
        if environment is not None and environment != self._environment:
            raise Fatal("the relay now serves another environment: restart trigger-tui", status=MISDIRECTED)
        held, self._held = self._held, None
        for message in held:
            await self._emit_all(
                message.updates() if isinstance(message, RelayFindings) else self._updates.from_runs(message)
            )

    async def _emit_all(self, updates: Iterable[Update]) -> None:
        for update in updates:
            await self._emit(update)

    async def _emit_connected(self, at: datetime) -> None:
        """Emit `SourceConnected` if it is due and the snapshot and the status of the relay's sources are known."""
        elapsed_s = self._clock.elapsed_s()
        is_due = self._connected_s is None or elapsed_s - self._connected_s >= CONNECTED_EVERY_S
        if self._updates.is_confirmed and is_due:
            self._connected_s = elapsed_s
            await self._emit(SourceConnected(RELAY, at, self._beat_s))

    async def _handle_response(self, message: CallResponse) -> None:
        """Pass a response to its caller, or emit the run if it was requested because the snapshot lacked it."""
        run_id = self._requested_runs.pop(message.number, None)
        if run_id is None:
            self._connection.resolve(message)
            return
        response = message.response
        error = response_error(response)
        if isinstance(error, NotFound):
            await self._emit(RunGone(run_id, response.read_at))
            return
        try:
            detail = decode_run(response.body, response.read_at) if error is None else None
        except ServerFault:
            # The API's response is bad, not the relay. A new connection would request the same run at once.
            detail = None
        if detail is None or detail.patch.id != run_id:
            self._updates.retry_missing(run_id)
        else:
            await self._emit(RunsRead((detail.patch, *detail.related)))


class _Watchdog:
    """Aborts a silent connection. Time in which the machine sleeps counts as silence."""

    def __init__(self, connection: RelayConnection, clock: Clock, beat_s: float) -> None:
        self._connection = connection
        self._clock = clock
        self._beat_s = beat_s
        self._received_s = clock.elapsed_s()
        self._is_expired = False
        self._timer: Timer = clock.call_later(beat_s, self._check_silence)

    def restart(self) -> None:
        """Restart the wait after a message."""
        self._received_s = self._clock.elapsed_s()

    def check(self) -> None:
        """Raise `Unreachable` if the watchdog aborted the connection."""
        if self._is_expired:
            silence_s = self._clock.elapsed_s() - self._received_s
            raise Unreachable(f"no message from the relay for {silence_s:.0f} s", may_have_arrived=True) from None

    def cancel(self) -> None:
        self._timer.cancel()

    def _check_silence(self) -> None:
        if self._clock.elapsed_s() - self._received_s >= MAX_MISSED_BEATS * self._beat_s:
            self._is_expired = True
            self._connection.abort()
        else:
            self._timer = self._clock.call_later(self._beat_s, self._check_silence)


def _updates_of(message: RelayFindings) -> list[Update]:
    """Return the updates of a message, whose minutes are added up already."""
    from tui.store.findings.cell_sums import prepare  # noqa: PLC0415  not needed before anybody watches

    updates: list[Update] = list(message.updates())
    for update in updates:
        if isinstance(update, MinutesRead):
            prepare(update)
    return updates
