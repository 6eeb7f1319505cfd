"""The messages to one screen: a snapshot in chunks, then changes, and bounds for screens that do not read."""

import asyncio
import socket
from collections.abc import Iterable
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection

from tests.support.domain.patches import at, patch_of
from tests.support.fleet import Fleet
from tests.support.relay import TURNS, RelaySetup, receive, receive_until, relay_setup
from tests.support.virtual_clock import VirtualClock
from tui.api.relay import Chunk, RelayFacts, RelayMessage, Runs, Welcome
from tui.domain.run import RunId
from tui.domain.update import RunGone, RunPatch, RunsRead
from tui.relay import server as relay_client
from tui.relay.server import CHUNK_RUNS, HANDSHAKE_TIMEOUT_S
from tui.store.store import Store

WORDS = ("QUEUED", "EXECUTING", "COMPLETED")


def some_runs(count: int, word: str = "QUEUED", *, first: int = 0) -> RunsRead:
    patches = [
        patch_of(f"run_{number:05d}", word, updated=WORDS.index(word), created=number)
        for number in range(first, first + count)
    ]
    return RunsRead(tuple(patches))


async def emit(setup: RelaySetup, *updates: RunsRead | RunGone) -> None:
    """Emit updates in the relay's session."""
    for update in updates:
        await setup.session.emit(update)
    await setup.session.settle()


def is_last(message: RelayMessage) -> bool:
    return isinstance(message, Runs) and message.chunk is not None and message.chunk.is_last


class HasRuns:
    """Collects messages, and returns whether `count` runs have a status."""

    def __init__(self, word: str, count: int) -> None:
        self._word, self._count = word, count
        self.store = Store()

    def __call__(self, message: RelayMessage) -> bool:
        if isinstance(message, Runs):
            self.store.apply(RunsRead(message.patches))
        return len(self.run_ids()) == self._count

    def run_ids(self) -> list[RunId]:
        return [run.id for run in self.store.runs() if run.state is not None and run.state.status.word == self._word]


def patches_of(messages: Iterable[RelayMessage]) -> list[RunPatch]:
    return [patch for message in messages if isinstance(message, Runs) for patch in message.patches]


async def receive_snapshot(ws: ClientConnection) -> list[RelayMessage]:
    """Return the messages up to the last chunk."""
    return await receive_until(ws, is_last)


async def test_screen_gets_all_runs_in_chunks_newest_first(tmp_path: Path) -> None:
    async with relay_setup(Fleet(VirtualClock()), tmp_path) as setup:
        count = 2 * CHUNK_RUNS + 50
        await emit(setup, some_runs(count), RunGone(RunId("run_00007"), at(1000)))
        async with setup.connect() as ws:
            welcome, *chunks = await receive_snapshot(ws)
            assert isinstance(welcome, Welcome)
            parts = [chunk.chunk for chunk in chunks if isinstance(chunk, Runs)]
            assert parts == [Chunk(0, is_last=False), Chunk(1, is_last=False), Chunk(2, is_last=True)]
            run_ids = [patch.id for patch in patches_of(chunks)]
            assert run_ids == [f"run_{number:05d}" for number in reversed(range(count))]
            (gone,) = [gone for chunk in chunks if isinstance(chunk, Runs) for gone in chunk.gone]
            assert gone == RunGone(RunId("run_00007"), at(1000))
            assert isinstance(await receive(ws), RelayFacts)


async def test_changes_are_encoded_once_for_all_screens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    send = relay_client.RelayClient.send

    async def recording(self: relay_client.RelayClient, messages: Iterable[bytes]) -> None:
        listed = list(messages)
        sent.extend(listed)
        await send(self, listed)

    async with (
        relay_setup(Fleet(VirtualClock()), tmp_path) as setup,
        setup.connect() as one,
        setup.connect() as other,
    ):
        await receive_snapshot(one)
        await receive_snapshot(other)
        await setup.wait_until_idle()
        monkeypatch.setattr(relay_client.RelayClient, "send", recording)
        await emit(setup, some_runs(3))
        for ws in (one, other):
            messages = await receive_until(ws, HasRuns("QUEUED", 3))
            assert len(patches_of(messages)) == 3
        with_runs = [message for message in sent if b"run_00001" in message]
        assert len(with_runs) == 2
        assert with_runs[0] is with_runs[1]


def small_socket(setup: RelaySetup) -> socket.socket:
    """Return a connected socket with the smallest receive buffer."""
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    own.connect(setup.server.sockets[0].getsockname())
    own.setblocking(False)
    return own


async def test_slow_screen_gets_merged_changes_and_delays_no_other(tmp_path: Path) -> None:
    async with relay_setup(Fleet(VirtualClock()), tmp_path) as setup:
        await emit(setup, some_runs(3_000))
        async with setup.connect(sock=small_socket(setup)) as stuck, setup.connect() as other:
            assert isinstance(await receive(stuck), Welcome)
            stuck.transport.pause_reading()
            await receive_snapshot(other)
            slow = next(iter(setup.relay.clients))
            for word in ("EXECUTING", "COMPLETED"):
                for first in range(0, 1_000, 250):
                    await emit(setup, some_runs(250, word, first=first))
                    await setup.fleet.clock.run(0.1)
                await receive_until(other, HasRuns(word, 1_000))
            assert len(slow.pending) <= 1_000
            stuck.transport.resume_reading()
            completed = HasRuns("COMPLETED", 1_000)
            messages = await receive_until(stuck, lambda each: completed(each) and len(completed.store) == 3_000)
            changes = [each for each in messages if isinstance(each, Runs) and each.chunk is None]
            assert len(patches_of(changes)) <= 1_250
            assert completed.store.snapshot().keys() == setup.session.store.snapshot().keys()


async def test_screen_with_too_many_pending_runs_gets_a_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_client, "MAX_PENDING_RUNS", 500)

    async with relay_setup(Fleet(VirtualClock()), tmp_path) as setup:
        await emit(setup, some_runs(3_000))
        async with setup.connect(sock=small_socket(setup)) as stuck:
            assert isinstance(await receive(stuck), Welcome)
            stuck.transport.pause_reading()
            (slow,) = setup.relay.clients
            for first in range(0, 1_000, 250):
                await emit(setup, some_runs(250, "COMPLETED", first=first))
                await setup.fleet.clock.run(0.1)
            assert len(slow.pending) == 0
            stuck.transport.resume_reading()
            messages = await receive_snapshot(stuck) + await receive_snapshot(stuck)
            assert len(patches_of(messages)) == 6_000
            assert [
                patch.id
                for patch in patches_of(messages)[-3_000:]
                if patch.state and patch.state.status.word == "COMPLETED"
            ]


async def test_screen_that_does_not_read_is_disconnected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_client, "SEND_TIMEOUT_S", 0.05)

    async with relay_setup(Fleet(VirtualClock()), tmp_path) as setup:
        await emit(setup, some_runs(3_000))
        async with setup.connect(sock=small_socket(setup)) as stuck:
            assert isinstance(await receive(stuck), Welcome)
            stuck.transport.pause_reading()
            await setup.wait_until_disconnected()
            assert not setup.relay.clients


async def test_screen_that_pings_without_reading_is_disconnected(tmp_path: Path) -> None:
    ping = b"\x89\xfd\0\0\0\0" + bytes(125)

    async with relay_setup(Fleet(VirtualClock()), tmp_path) as setup:
        async with setup.connect(sock=small_socket(setup)) as stuck:
            assert isinstance(await receive(stuck), Welcome)
            stuck.transport.pause_reading()
            (there,) = setup.server.connections
            most_waiting = 0
            for _ in range(100):
                stuck.transport.write(ping * 100)
                await asyncio.sleep(0.0003)
                most_waiting = max(most_waiting, there.transport.get_write_buffer_size())
            await setup.wait_until_disconnected()
            assert most_waiting < 512 * 1024
        async with setup.connect() as other:
            assert await receive_snapshot(other)


async def test_relay_stops_despite_screens_that_do_not_read(tmp_path: Path) -> None:
    async with relay_setup(Fleet(VirtualClock()), tmp_path) as setup:
        await emit(setup, some_runs(3_000))
        async with setup.connect(sock=small_socket(setup)) as stuck:
            assert isinstance(await receive(stuck), Welcome)
            stuck.transport.pause_reading()
            with small_socket(setup) as silent:  # its request never ends
                silent.send(b"GET / HTTP/1.1\r\nHo")
                for _ in range(TURNS):
                    if len(setup.server.handler_tasks) == 2:
                        break
                    await asyncio.sleep(0.0003)
                async with asyncio.timeout(HANDSHAKE_TIMEOUT_S / 2):
                    await setup.stop()
