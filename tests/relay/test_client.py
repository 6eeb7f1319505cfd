"""What one screen is told: all runs in chunks, then what changes; and how it goes on while another one is stuck."""

import asyncio
import json
import socket
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection

from tests.support.domain.patches import at, patch_of
from tests.support.fleet import Fleet
from tests.support.relay import TURNS, Relayed, hear, hear_until, relaying
from tests.support.virtual_clock import VirtualClock
from tui.domain.ids import RunId
from tui.domain.update import RunGone, RunPatch, RunsRead
from tui.relay import client as screens
from tui.relay import request_proxy as calls
from tui.relay.feed import CHUNK_RUNS
from tui.relay.server import HANDSHAKE_WITHIN_S
from tui.store.store import Store
from tui.wire.read_requests import TraceRequest
from tui.wire.relay.messages import (
    Call,
    Chunk,
    RelayFacts,
    RelayMessage,
    Runs,
    Welcome,
    encode_response,
    encode_screen_message,
)
from tui.wire.responses import Response as WireResponse

WORDS = ("QUEUED", "EXECUTING", "COMPLETED")


def some_runs(count: int, word: str = "QUEUED", *, first: int = 0) -> RunsRead:
    patches = [
        patch_of(f"run_{number:05d}", word, updated=WORDS.index(word), created=number)
        for number in range(first, first + count)
    ]
    return RunsRead(tuple(patches))


async def tell(relayed: Relayed, *updates: RunsRead | RunGone) -> None:
    """The relay's session hears of runs."""
    for update in updates:
        await relayed.session.emit(update)
    await relayed.session.settle()


def is_last(message: RelayMessage) -> bool:
    return isinstance(message, Runs) and message.chunk is not None and message.chunk.is_last


class Heard:
    """Whether, after all messages so far, so many runs are known by a word."""

    def __init__(self, word: str, count: int) -> None:
        self._word, self._count = word, count
        self.store = Store()

    def __call__(self, message: RelayMessage) -> bool:
        if isinstance(message, Runs):
            self.store.apply(RunsRead(message.patches))
        return len(self.known()) == self._count

    def known(self) -> list[RunId]:
        return [run.id for run in self.store.runs() if run.state is not None and run.state.status.word == self._word]


def patches_of(messages: Iterable[RelayMessage]) -> list[RunPatch]:
    return [patch for message in messages if isinstance(message, Runs) for patch in message.patches]


async def begin(line: ClientConnection) -> list[RelayMessage]:
    """Hear the welcome and all runs."""
    return await hear_until(line, is_last)


def test_a_screen_begins_with_all_runs_in_chunks_the_newest_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with relaying(Fleet(VirtualClock()), tmp_path) as relayed:
            count = 2 * CHUNK_RUNS + 50
            await tell(relayed, some_runs(count), RunGone(RunId("run_00007"), at(1000)))
            async with relayed.raw() as line:
                welcome, *chunks = await begin(line)
                assert isinstance(welcome, Welcome)
                parts = [chunk.chunk for chunk in chunks if isinstance(chunk, Runs)]
                assert parts == [Chunk(0, is_last=False), Chunk(1, is_last=False), Chunk(2, is_last=True)]
                told = [patch.id for patch in patches_of(chunks)]
                assert told == [f"run_{number:05d}" for number in reversed(range(count))]
                (gone,) = [gone for chunk in chunks if isinstance(chunk, Runs) for gone in chunk.gone]
                assert gone == RunGone(RunId("run_00007"), at(1000))
                assert isinstance(await hear(line), RelayFacts)

    asyncio.run(scenario())


def test_no_run_at_all_is_a_snapshot_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with relaying(Fleet(VirtualClock()), tmp_path) as relayed, relayed.raw() as line:
            assert len(await begin(line)) == 2

    asyncio.run(scenario())


def test_what_changes_is_written_once_for_all_screens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    send = screens.RelayClient.send

    async def watched(self: screens.RelayClient, messages: Iterable[bytes]) -> None:
        told = list(messages)
        written.extend(told)
        await send(self, told)

    async def scenario() -> None:
        async with relaying(Fleet(VirtualClock()), tmp_path) as relayed, relayed.raw() as one, relayed.raw() as other:
            await begin(one)
            await begin(other)
            await relayed.idle()
            monkeypatch.setattr(screens.RelayClient, "send", watched)
            await tell(relayed, some_runs(3))
            for line in (one, other):
                heard = await hear_until(line, Heard("QUEUED", 3))
                assert len(patches_of(heard)) == 3
            about_runs = [message for message in written if b"run_00001" in message]
            assert len(about_runs) == 2
            assert about_runs[0] is about_runs[1]

    asyncio.run(scenario())


def without_room(relayed: Relayed) -> socket.socket:
    """A socket whose system takes in as little as it can of what is not read."""
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    own.connect(relayed.server.sockets[0].getsockname())
    own.setblocking(False)
    return own


def test_a_screen_that_does_not_read_gets_the_newest_state_later_and_holds_up_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with relaying(Fleet(VirtualClock()), tmp_path) as relayed:
            await tell(relayed, some_runs(3_000))
            async with relayed.raw(sock=without_room(relayed)) as stuck, relayed.raw() as other:
                assert isinstance(await hear(stuck), Welcome)
                stuck.transport.pause_reading()
                await begin(other)
                slow = relayed.relay.screens[0]
                for word in ("EXECUTING", "COMPLETED"):
                    for first in range(0, 1_000, 250):
                        await tell(relayed, some_runs(250, word, first=first))
                        await relayed.fleet.clock.run(0.1)
                    await hear_until(other, Heard(word, 1_000))
                assert slow.pending_count <= 1_000
                stuck.transport.resume_reading()
                completed = Heard("COMPLETED", 1_000)
                heard = await hear_until(stuck, lambda message: completed(message) and len(completed.store) == 3_000)
                changes = [each for each in heard if isinstance(each, Runs) and each.chunk is None]
                assert len(patches_of(changes)) <= 1_250
                assert completed.store.snapshot().keys() == relayed.session.store.snapshot().keys()

    asyncio.run(scenario())


def test_a_screen_for_which_too_much_waits_gets_a_new_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "MOST_PENDING", 500)

    async def scenario() -> None:
        async with relaying(Fleet(VirtualClock()), tmp_path) as relayed:
            await tell(relayed, some_runs(3_000))
            async with relayed.raw(sock=without_room(relayed)) as stuck:
                assert isinstance(await hear(stuck), Welcome)
                stuck.transport.pause_reading()
                (slow,) = relayed.relay.screens
                for first in range(0, 1_000, 250):
                    await tell(relayed, some_runs(250, "COMPLETED", first=first))
                    await relayed.fleet.clock.run(0.1)
                assert slow.pending_count == 0
                stuck.transport.resume_reading()
                heard = await begin(stuck) + await begin(stuck)
                assert len(patches_of(heard)) == 6_000
                assert [
                    patch.id
                    for patch in patches_of(heard)[-3_000:]
                    if patch.state and patch.state.status.word == "COMPLETED"
                ]

    asyncio.run(scenario())


def test_a_screen_that_takes_nothing_for_too_long_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screens, "SEND_WITHIN_S", 0.05)

    async def scenario() -> None:
        async with relaying(Fleet(VirtualClock()), tmp_path) as relayed:
            await tell(relayed, some_runs(3_000))
            async with relayed.raw(sock=without_room(relayed)) as stuck:
                assert isinstance(await hear(stuck), Welcome)
                stuck.transport.pause_reading()
                await relayed.nobody_is_there()
                assert relayed.relay.screens == ()

    asyncio.run(scenario())


def test_a_screen_that_pings_and_does_not_read_is_let_go_before_its_answers_fill_the_memory(tmp_path: Path) -> None:
    ping = b"\x89\xfd\0\0\0\0" + bytes(125)

    async def scenario() -> None:
        async with relaying(Fleet(VirtualClock()), tmp_path) as relayed:
            async with relayed.raw(sock=without_room(relayed)) as stuck:
                assert isinstance(await hear(stuck), Welcome)
                stuck.transport.pause_reading()
                (there,) = relayed.server.connections
                most_waiting = 0
                for _ in range(100):
                    stuck.transport.write(ping * 100)
                    await asyncio.sleep(0.0003)
                    most_waiting = max(most_waiting, there.transport.get_write_buffer_size())
                await relayed.nobody_is_there()
                assert most_waiting < 512 * 1024
            async with relayed.raw() as other:
                assert await begin(other)

    asyncio.run(scenario())


def test_a_screen_that_does_not_read_does_not_hold_up_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with relaying(Fleet(VirtualClock()), tmp_path) as relayed:
            await tell(relayed, some_runs(3_000))
            async with relayed.raw(sock=without_room(relayed)) as stuck:
                assert isinstance(await hear(stuck), Welcome)
                stuck.transport.pause_reading()
                with without_room(relayed) as silent:  # nor does who never says a word, or not all of one
                    silent.send(b"GET / HTTP/1.1\r\nHo")
                    for _ in range(TURNS):
                        if len(relayed.server.handler_tasks) == 2:
                            break
                        await asyncio.sleep(0.0003)
                    async with asyncio.timeout(HANDSHAKE_WITHIN_S / 2):
                        await relayed.end()

    asyncio.run(scenario())


def test_a_large_answer_is_written_once_for_all_who_ask_and_may_break_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "SEND_WITHIN_S", 0.05)
    written: list[WireResponse] = []
    write = encode_response

    def watched(answer: WireResponse) -> bytes:
        written.append(answer)
        return write(answer)

    monkeypatch.setattr("tui.relay.request_proxy.encode_response", watched)
    taken: list[None] = []
    take = calls.Allowance.take

    def counted(allowance: calls.Allowance) -> timedelta | None:
        taken.append(None)
        return take(allowance)

    monkeypatch.setattr(calls.Allowance, "take", counted)
    # Random, since what can be compressed away waits for nobody.
    large = json.dumps({"pad": Random(1).randbytes(500_000).hex()})

    class OnceAllAsked(Response):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            while len(taken) < calls.AT_ONCE:  # noqa: ASYNC110  the server may run in a loop of its own
                await asyncio.sleep(0)
            await super().__call__(scope, receive, send)

    async def scenario() -> None:
        fleet = Fleet(VirtualClock())
        async with relaying(fleet, tmp_path) as relayed, relayed.raw(sock=without_room(relayed)) as stuck:
            await begin(stuck)
            stuck.transport.pause_reading()
            fleet.fault = lambda path: OnceAllAsked(large) if path.endswith("/trace") else None
            for number in range(calls.AT_ONCE):
                await stuck.send(encode_screen_message(Call(number, TraceRequest(RunId("run_1")))), text=True)
            await relayed.nobody_is_there()
            assert len(written) == 1
            # That it broke off in the middle is no mistake of the relay's.
            async with relayed.raw() as other:
                await begin(other)

    asyncio.run(scenario())
