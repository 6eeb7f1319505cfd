"""Sends changes to one connected screen, and merges those that the screen has not received yet.

For a slow screen only the ids of changed runs are kept. The current state of these runs is encoded when it is sent.
Above MAX_PENDING_RUNS ids a new snapshot replaces them. A slow screen never delays another.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Final, Protocol

from websockets.exceptions import ConnectionClosed

from tui.domain.ids import RunId
from tui.relay.findings_encoder import FindingsEncoder
from tui.relay.store_encoder import Broadcast, StoreEncoder
from tui.wire.relay.messages import Beat, encode_relay_message

MAX_PENDING_RUNS: Final = 20_000
"""Changed runs whose ids are kept, at most 2 MB. Above it the screen gets a snapshot, which screens share."""

SEND_TIMEOUT_S: Final = 30.0
"""For one message. A screen that does not read it in this time is disconnected. It may connect again."""


class Sender(Protocol):
    """The part of a WebSocket that `RelayClient` uses."""

    async def send(self, message: bytes | Iterable[bytes], *, text: bool) -> None:
        """Send one message, whole or in parts; waits while the peer does not read."""


class RelayClient:
    """One connected screen. `queue` never waits; `run` sends the queued messages."""

    def __init__(
        self,
        socket: Sender,
        encoder: StoreEncoder,
        now: Callable[[], datetime],
        *,
        name: str,
        findings: FindingsEncoder | None = None,
    ) -> None:
        """`name` is the name of the screen's token."""
        self.name = name
        self.is_watching = False
        self._findings = findings
        self._sent_findings: dict[object, object] = {}
        self._socket = socket
        self._encoder = encoder
        self._now = now
        self._send_lock = asyncio.Lock()
        # Whether a message was cut off in the middle, after which no other may be sent.
        self._is_mid_message = False
        self._wake = asyncio.Event()
        self._wake.set()
        self._needs_snapshot = True
        self._needs_facts = False
        self._needs_beat = False
        self._broadcast: Broadcast | None = None
        self._pending: set[RunId] = set()
        self._is_sending = False

    @property
    def pending_count(self) -> int:
        """The number of changed runs that wait to be sent."""
        return len(self._pending)

    def queue(self, broadcast: Broadcast) -> None:
        """Queue changes: the shared messages for a screen that is up to date, else only the ids of the runs."""
        is_up_to_date = not (self._is_sending or self._broadcast or self._pending or self._needs_snapshot)
        if is_up_to_date:
            self._broadcast = broadcast
        else:
            if self._broadcast is not None:
                self._merge(self._broadcast)
                self._broadcast = None
            self._merge(broadcast)
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

    def queue_findings(self) -> None:
        """Queue the findings and facts that the screen does not have yet, if it watches."""
        if self.is_watching:
            self._wake.set()

    async def run(self) -> None:
        """Send queued changes until the connection ends. Raises TimeoutError for a screen that does not read."""
        with suppress(ConnectionClosed):
            while True:
                await self._wake.wait()
                self._wake.clear()
                self._is_sending = True
                await self._send_queued()
                self._is_sending = False

    async def send(self, messages: Iterable[bytes | Iterable[bytes]]) -> None:
        """Send messages one by one, so that only one of them is in memory, or one part of it.

        Raises ConnectionClosed, or TimeoutError for a screen that does not read.
        """
        for message in messages:
            async with self._send_lock:
                if self._is_mid_message:
                    raise TimeoutError
                self._is_mid_message = True
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await self._socket.send(message, text=True)
                self._is_mid_message = False

    def _merge(self, broadcast: Broadcast) -> None:
        self._needs_facts |= broadcast.has_facts
        if self._needs_snapshot:
            return
        self._pending |= broadcast.run_ids
        if len(self._pending) > MAX_PENDING_RUNS:
            self._pending = set()
            self._needs_snapshot = True

    async def _send_queued(self) -> None:
        if self._needs_beat:
            self._needs_beat = False
            await self.send((encode_relay_message(Beat(self._now())),))
        if self._needs_snapshot:
            await self._send_snapshot()
        elif self._broadcast is not None:
            broadcast, self._broadcast = self._broadcast, None
            await self.send(broadcast.messages)
        elif self._pending or self._needs_facts:
            run_ids, self._pending = self._pending, set()
            # Encoded before the runs are sent: facts must not call anything fresh whose runs are still to come.
            facts = (self._encoder.facts(),) if self._needs_facts else ()
            self._needs_facts = False
            await self.send(self._encoder.changes(run_ids))
            await self.send(facts)
        if self._needs_snapshot or self._pending or self._needs_facts:
            self._wake.set()
        elif self.is_watching and self._findings is not None:
            # After the facts: a screen takes nothing before these name the environment.
            await self.send(self._findings.messages(self._sent_findings))

    async def _send_snapshot(self) -> None:
        snapshot = self._encoder.snapshot()
        self._needs_snapshot = False
        self._pending = set(snapshot.changed)
        self._needs_facts = True
        self._broadcast = None
        await self.send(snapshot.message(number) for number in range(len(snapshot)))
