"""The messages and responses to one screen, and the bounds for screens that do not read."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from starlette.responses import Response
from websockets.asyncio.client import ClientConnection

from tests.support.domain.patches import at, patch_of
from tests.support.fleet import Fleet, FleetRun, fleet_of
from tests.support.relay import TURNS, RelaySetup, receive, receive_until, relay_setup
from tests.support.virtual_clock import VirtualClock
from tests.support.wire.queries import AT, QUERIES
from tui.api.client import ReadRequest
from tui.api.lists import RUN
from tui.api.queries import QueueWaitCounts, RunCounts, RunErrors, RunsOfQueue, TrqlQuery
from tui.api.relay import (
    CallResponse,
    Chunk,
    RelayFacts,
    RelayMessage,
    Runs,
    Welcome,
    decode_relay_message,
    response_parts,
)
from tui.api.responses import Response as WireResponse
from tui.domain.run import RunId
from tui.domain.update import RunGone, RunPatch, RunsRead
from tui.relay import server as relay_client
from tui.relay import server as request_proxy
from tui.relay.server import CHUNK_RUNS, HANDSHAKE_TIMEOUT_S, RequestProxy
from tui.settings.secret import Secret
from tui.store.store import Store
from tui.sync.reads import Priority
from tui.sync.relay import MAX_MESSAGE_BYTES

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


def small_socket(setup: RelaySetup) -> socket.socket:
    """Return a connected socket with the smallest receive buffer."""
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    own.connect(setup.server.sockets[0].getsockname())
    own.setblocking(False)
    return own


@asynccontextmanager
async def stuck_screen(tmp_path: Path) -> AsyncIterator[tuple[RelaySetup, ClientConnection]]:
    """A screen that stopped reading when it was welcomed, on a relay with 3,000 runs."""
    async with relay_setup(Fleet(VirtualClock()), tmp_path) as setup:
        await emit(setup, some_runs(3_000))
        async with setup.connect(sock=small_socket(setup)) as stuck:
            assert isinstance(await receive(stuck), Welcome)
            stuck.transport.pause_reading()
            yield setup, stuck


async def test_slow_screen_gets_merged_changes_and_delays_no_other(tmp_path: Path) -> None:
    async with stuck_screen(tmp_path) as (setup, stuck), setup.connect() as other:
        await receive_snapshot(other)
        slow = next(iter(setup.relay.clients))
        for word in ("EXECUTING", "COMPLETED"):
            for first in range(0, 500, 125):
                await emit(setup, some_runs(125, word, first=first))
                await setup.fleet.clock.run(0.1)
            await receive_until(other, HasRuns(word, 500))
        assert len(slow.pending) <= 500
        stuck.transport.resume_reading()
        completed = HasRuns("COMPLETED", 500)
        messages = await receive_until(stuck, lambda each: completed(each) and len(completed.store) == 3_000)
        changes = [each for each in messages if isinstance(each, Runs) and each.chunk is None]
        assert len(patches_of(changes)) <= 625
        assert completed.store.snapshot().keys() == setup.session.store.snapshot().keys()


async def test_screen_that_does_not_read_is_disconnected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_client, "SEND_TIMEOUT_S", 0.05)
    async with stuck_screen(tmp_path) as (setup, _):
        await setup.wait_until_disconnected()
        assert not setup.relay.clients


async def test_screen_that_pings_without_reading_is_disconnected(tmp_path: Path) -> None:
    ping = b"\x89\xfd\0\0\0\0" + bytes(125)
    async with stuck_screen(tmp_path) as (setup, stuck):
        (there,) = setup.server.connections
        most_waiting = there.transport.get_write_buffer_size()
        for _ in range(100):
            stuck.transport.write(ping * 100)
            await asyncio.sleep(0.0003)
            most_waiting = max(most_waiting, there.transport.get_write_buffer_size())
        await setup.wait_until_disconnected()
        assert most_waiting < 512 * 1024


async def test_relay_stops_despite_screens_that_do_not_read(tmp_path: Path) -> None:
    async with stuck_screen(tmp_path) as (setup, _):
        with small_socket(setup) as silent:  # its request never ends
            silent.send(b"GET / HTTP/1.1\r\nHo")
            for _ in range(TURNS):
                if len(setup.server.handler_tasks) == 2:
                    break
                await asyncio.sleep(0.0003)
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S / 2):
                await setup.stop()


TWO_RUNS = [FleetRun(number, -60, -55, -50) for number in (1, 2)]


def status(response: bytes) -> int:
    message = decode_relay_message(b"".join(response_parts(1, response)))
    assert isinstance(message, CallResponse)
    return message.response.status


async def test_responses_being_sent_are_bounded_and_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = fleet_of(*TWO_RUNS)
    one, another = (RUN.request(run.id) for run in TWO_RUNS)
    async with relay_setup(fleet, tmp_path) as setup, asyncio.timeout(100):
        proxy = RequestProxy(setup.session.fetcher, setup.session.clock, Secret("tr_dev_other"))
        async with proxy.response_to(one) as response:
            monkeypatch.setattr(request_proxy, "MAX_SENDING_BYTES", len(response))
        async with AsyncExitStack() as stack:
            responses = await asyncio.gather(*(stack.enter_async_context(proxy.response_to(one)) for _ in range(5)))
            assert [status(response) for response in responses] == [200] * 5
            assert proxy.sending_bytes == len(responses[0])
            async with proxy.response_to(another) as response:
                assert status(response) == 503
        assert proxy.sending_bytes == 0
        async with proxy.response_to(another) as response:
            assert status(response) == 200


async def test_response_too_large_as_json_is_not_passed_on(tmp_path: Path) -> None:
    # JSON needs six characters for a control character.
    binary = b"\x01" * (MAX_MESSAGE_BYTES // 6)

    fleet = fleet_of(*TWO_RUNS)
    async with relay_setup(fleet, tmp_path) as setup, asyncio.timeout(100):
        fleet.fault = lambda path: Response(binary) if path.startswith("/api/v3/runs/") else None
        proxy = RequestProxy(setup.session.fetcher, setup.session.clock, Secret("tr_dev_other"))
        response = await proxy.fetch(RUN.request(TWO_RUNS[0].id))
        assert status(response) == 502
        assert len(response) < MAX_MESSAGE_BYTES


async def test_screen_gets_rows_of_every_query_it_may_name(tmp_path: Path) -> None:
    fleet = fleet_of(*TWO_RUNS)
    fleet.allow_queries()
    async with relay_setup(fleet, tmp_path) as setup, asyncio.timeout(100):
        proxy = RequestProxy(setup.session.fetcher, setup.session.clock, Secret("tr_dev_other"))
        for query in QUERIES:
            assert status(await proxy.fetch(query)) == 200, query
        await setup.run_for(10)  # the budget of a period is spent
        sent = len(fleet.requests_to("/api/v1/query"))
        for bad in (RunsOfQueue("x' OR 1=1 --"), RunErrors((), None), RunCounts("x")):
            assert status(await proxy.fetch(bad)) == 400
        assert len(fleet.requests_to("/api/v1/query")) == sent


async def test_queries_of_screens_leave_a_place_for_the_relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = fleet_of(*TWO_RUNS)
    async with relay_setup(fleet, tmp_path) as setup, asyncio.timeout(100):
        session, running, most = setup.session, set[ReadRequest](), 0
        proxy, gate = RequestProxy(session.fetcher, session.clock, Secret("tr_dev_other")), asyncio.Event()
        send = session.fetcher.api.fetch_response

        async def slow(request: ReadRequest) -> WireResponse:
            nonlocal most
            if not isinstance(request, TrqlQuery):
                return await send(request)
            running.add(request)
            most = max(most, len(running))
            await gate.wait()
            running.remove(request)
            return WireResponse("POST /api/v1/query", 200, {}, b'{"results": []}', session.now())

        monkeypatch.setattr(session.fetcher.api, "fetch_response", slow)
        of_screens = [asyncio.create_task(proxy.fetch(RunsOfQueue(f"q{number}"))) for number in range(5)]
        detail = await proxy.fetch(RUN.request(TWO_RUNS[0].id))
        assert status(detail) == 200  # no query holds up other requests
        own = asyncio.create_task(session.fetcher.query_rows(QueueWaitCounts(AT), Priority.FACTS))
        for _ in range(50):
            await asyncio.sleep(0)
        assert running == {RunsOfQueue("q0"), QueueWaitCounts(AT)}
        gate.set()
        assert await own == []
        assert {status(each) for each in await asyncio.gather(*of_screens)} == {200}
        assert most == 2
