"""A relay as the source of everything: its runs, how its own sources get on, and that it is there.

What lives here: one connection from its welcome to its end, and when to give it up. What travels is `link`'s, what it
means `told`'s. Source: DESIGN §6.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, assert_never

from tui.domain.ids import RunId
from tui.domain.source_names import RELAY
from tui.domain.update import RunGone, RunsRead, SourceConnected, Update
from tui.sources.base import Emit, Fatal, as_source_error
from tui.sources.clock import Clock, Timer
from tui.sources.relay.connection import RelayConnection
from tui.sources.relay.updates import RelayUpdates
from tui.store.store import Store
from tui.wire.errors import ApiError, NotFound, ServerFault, Unreachable
from tui.wire.read_requests import RunRequest
from tui.wire.relay.messages import Beat, CallResponse, RelayFacts, RelayMessage, Runs, Welcome
from tui.wire.responses import refusal
from tui.wire.runs import decode_run

GIVES_UP_AFTER: Final = 5
"""Beats without a word: the connection is begun anew, which costs nothing where it was only slow."""

MOST_HELD: Final = 1_000
"""Messages about runs of which is not known where they are: a relay that does not find out is asked anew."""

ELSEWHERE: Final = 421
"""The status of a relay that leads to another environment than before: `Misdirected Request`."""

TOLD_EVERY_S: Final = 1.0
"""That the relay is there, however much it tells."""


class RelaySource:
    """Hears a relay. Each connection begins with all runs, so that nothing has to be remembered between two."""

    name = RELAY

    def __init__(self, link: RelayConnection, store: Store, clock: Clock) -> None:
        self._link = link
        self._store = store
        self._clock = clock
        self._was_connected = False

    async def run(self, emit: Emit) -> None:
        """Emit what the relay tells until cancelled. Raises `Transient` or `Fatal`."""
        try:
            async with self._link.open() as welcome:
                watch = _Watch(self._link, self._clock, welcome.beat_s)
                try:
                    await _Hearing(self._link, self._store, self._clock, emit, welcome.beat_s).hear(watch)
                finally:
                    self._was_connected = True
                    watch.end()
        except ApiError as error:
            raise as_source_error(error, was_connected=self._was_connected) from error


class _Hearing:
    """One connection, message by message."""

    def __init__(self, link: RelayConnection, store: Store, clock: Clock, emit: Emit, beat_s: float) -> None:
        self._link = link
        self._clock = clock
        self._emit = emit
        self._beat_s = beat_s
        self._told = RelayUpdates(store)
        self._told_s: float | None = None
        self._reads: dict[int, RunId] = {}
        self._home = store.environment
        self._held: list[Runs] | None = None if self._home is None else []

    async def hear(self, watch: "_Watch") -> None:
        """Hear until the connection ends. Raises `ApiError`."""
        while True:
            try:
                message = await self._link.hear()
            except Exception:
                watch.check()
                raise
            watch.heard()
            await self._take(message)

    async def _take(self, message: RelayMessage) -> None:
        match message:
            case Runs() if self._held is not None:
                self._hold(message, self._held)
            case Runs():
                await self._tell(self._told.runs(message))
                if message.chunk is None:
                    await self._connected(message.at)
            case RelayFacts():
                await self._release(message)
                await self._tell(self._told.facts(message))
                await self._connected(message.at)
            case Beat():
                await self._connected(message.at)
                for run_id in self._told.next_missing():
                    self._reads[await self._link.post(RunRequest(run_id))] = run_id
            case CallResponse():
                await self._answered(message)
            case Welcome():
                raise ServerFault("the relay said welcome twice", 200)
            case _:
                assert_never(message)

    def _hold(self, message: Runs, held: list[Runs]) -> None:
        """Keep runs until it is told whose they are: behind a relay that restarted may be another environment."""
        if len(held) >= MOST_HELD:
            raise ServerFault("the relay does not say of which environment its runs are", 200)
        held.append(message)

    async def _release(self, facts: RelayFacts) -> None:
        """Take in what was held, once it is told that this is still the same place. Raises `Fatal` if it is not."""
        if self._held is None or facts.environment is None:
            return
        there = facts.environment.environment
        if there is not None and there != self._home:
            words = "the relay leads to another environment than before: start this screen anew"
            raise Fatal(words, status=ELSEWHERE)
        held, self._held = self._held, None
        for message in held:
            await self._tell(self._told.runs(message))

    async def _tell(self, updates: Iterable[Update]) -> None:
        for update in updates:
            await self._emit(update)

    async def _connected(self, at: datetime) -> None:
        """Say that the relay is there, once it told all that makes its word worth something."""
        elapsed_s = self._clock.elapsed_s()
        is_due = self._told_s is None or elapsed_s - self._told_s >= TOLD_EVERY_S
        if self._told.is_confirmed and is_due:
            self._told_s = elapsed_s
            await self._emit(SourceConnected(RELAY, at, self._beat_s))

    async def _answered(self, answered: CallResponse) -> None:
        """An answer to who asked; or what became of a run that the relay had no word about."""
        run_id = self._reads.pop(answered.number, None)
        if run_id is None:
            self._link.take(answered)
            return
        answer = answered.response
        error = refusal(answer)
        if isinstance(error, NotFound):
            await self._emit(RunGone(run_id, answer.read_at))
            return
        try:
            told = decode_run(answer.body, answer.read_at) if error is None else None
        except ServerFault:
            # What the API said, not the relay: no reason to leave it, and to ask the same again at once.
            told = None
        if told is None or told.patch.id != run_id:
            self._told.still_missing(run_id)
        else:
            await self._emit(RunsRead((told.patch, *told.related)))


class _Watch:
    """Cuts a connection that says nothing for too long, by the clock that goes on while the machine sleeps."""

    def __init__(self, link: RelayConnection, clock: Clock, beat_s: float) -> None:
        self._link = link
        self._clock = clock
        self._beat_s = beat_s
        self._heard_s = clock.elapsed_s()
        self._is_silent = False
        self._timer: Timer = clock.call_later(beat_s, self._look)

    def heard(self) -> None:
        """There was a word."""
        self._heard_s = self._clock.elapsed_s()

    def check(self) -> None:
        """Raises `Unreachable` if it was this that ended the connection."""
        if self._is_silent:
            silence_s = self._clock.elapsed_s() - self._heard_s
            raise Unreachable(f"the relay said nothing for {silence_s:.0f} s", may_have_arrived=True) from None

    def end(self) -> None:
        """Watch no more."""
        self._timer.cancel()

    def _look(self) -> None:
        if self._clock.elapsed_s() - self._heard_s >= GIVES_UP_AFTER * self._beat_s:
            self._is_silent = True
            self._link.cut()
        else:
            self._timer = self._clock.call_later(self._beat_s, self._look)
