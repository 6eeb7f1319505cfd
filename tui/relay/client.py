"""One screen: what it has yet to be told, and the one sender that tells it.

What lives here: the merging. However slow a screen is, what waits for it are the ids of runs, whose newest state is
written when its turn comes; beyond a bound it gets a new snapshot instead. Nobody ever waits for a screen but itself.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Final, Protocol

from websockets.exceptions import ConnectionClosed

from tui.domain.ids import RunId
from tui.relay.feed import Feed, Tick
from tui.wire.relay.messages import Beat, encode_relay_message

MOST_PENDING: Final = 20_000
"""Runs that may wait for a screen one by one: 2 MB of ids at most. A snapshot says no less, and waits nowhere."""

SEND_WITHIN_S: Final = 30.0
"""For one message to leave: a screen that took nothing for so long is gone, or will be glad to begin anew."""


class Line(Protocol):
    """The connection, as far as a screen needs it."""

    async def send(self, message: bytes | Iterable[bytes], *, text: bool) -> None:
        """Send one message, whole or part by part; waits while the other side does not read."""


class RelayClient:
    """The state of one screen, and its sender."""

    def __init__(self, line: Line, feed: Feed, now: Callable[[], datetime], *, name: str) -> None:
        """`name` is what its token is called."""
        self.name = name
        self._line = line
        self._feed = feed
        self._now = now
        self._turn = asyncio.Lock()
        # In a message: where one did not leave whole, no other may follow it.
        self._is_midway = False
        self._wake = asyncio.Event()
        self._wake.set()
        self._needs_snapshot = True
        self._needs_facts = False
        self._needs_beat = False
        self._tick: Tick | None = None
        self._pending: set[RunId] = set()
        self._is_busy = False

    @property
    def pending_count(self) -> int:
        """How many runs wait for it."""
        return len(self._pending)

    def offer(self, tick: Tick) -> None:
        """Tell it what changed: as it was written for all if it is up to date, else merged with what waits."""
        if not self._is_busy and self._tick is None and not (self._pending or self._needs_snapshot):
            self._tick = tick
        else:
            if self._tick is not None:
                self._merge(self._tick)
                self._tick = None
            self._merge(tick)
        self._wake.set()

    def offer_beat(self) -> None:
        """Tell it that the relay is there."""
        self._needs_beat = True
        self._wake.set()

    async def tell(self) -> None:
        """Send what waits until the connection ends or this is cancelled. Raises TimeoutError for a stuck screen."""
        with suppress(ConnectionClosed):
            while True:
                await self._wake.wait()
                self._wake.clear()
                self._is_busy = True
                await self._tell_once()
                self._is_busy = False

    async def send(self, messages: Iterable[bytes | Iterable[bytes]]) -> None:
        """Send messages one by one, each when the one before has left, whoever sent it: so only one is in memory, and
        one part of one that comes in parts.

        Raises ConnectionClosed, or TimeoutError for a stuck screen.
        """
        for message in messages:
            async with self._turn:
                if self._is_midway:
                    raise TimeoutError
                self._is_midway = True
                async with asyncio.timeout(SEND_WITHIN_S):
                    await self._line.send(message, text=True)
                self._is_midway = False

    def _merge(self, tick: Tick) -> None:
        self._needs_facts |= tick.has_facts
        if self._needs_snapshot:
            return
        self._pending |= tick.run_ids
        if len(self._pending) > MOST_PENDING:
            self._pending = set()
            self._needs_snapshot = True

    async def _tell_once(self) -> None:
        """One round. Facts are those of its beginning: nothing may be called fresh before its runs were sent."""
        if self._needs_beat:
            self._needs_beat = False
            await self.send((encode_relay_message(Beat(self._now())),))
        if self._needs_snapshot:
            await self._tell_snapshot()
        elif self._tick is not None:
            tick, self._tick = self._tick, None
            await self.send(tick.messages)
        elif self._pending or self._needs_facts:
            run_ids, self._pending = self._pending, set()
            facts = (self._feed.facts(),) if self._needs_facts else ()
            self._needs_facts = False
            await self.send(self._feed.changes(run_ids))
            await self.send(facts)
        if self._needs_snapshot or self._pending or self._needs_facts:
            self._wake.set()

    async def _tell_snapshot(self) -> None:
        snapshot = self._feed.snapshot()
        self._needs_snapshot = False
        self._pending = set(snapshot.changed)
        self._needs_facts = True
        self._tick = None
        await self.send(snapshot.message(number) for number in range(len(snapshot)))
