"""The connection to a relay against hostile servers, and the updates that its messages become."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.support.domain.patches import at, patch_of
from tests.support.virtual_clock import VirtualClock
from tui.api.errors import ApiError, NotFound, ServerFault, Unreachable
from tui.api.relay import VERSION, Beat, Chunk, RelayFacts, Runs, Welcome, encode_relay_message, encode_runs
from tui.domain.run import REALTIME, RELAY, REST, RunId
from tui.domain.update import CaughtUp, HistoryRead, RunsRead, SourceConnected, SourceRetrying, Update
from tui.settings.secret import Secret
from tui.store.store import Store
from tui.sync.budget import Fatal, Transient
from tui.sync.relay import MAX_SOURCES, RelayConnection, RelaySource, RelayUpdates
from tui.sync.session import as_source_error

TOKEN = "0123456789abcdef-of-the-wall"
WELCOME = encode_relay_message(Welcome(VERSION, "a test", at(0), 5.0))
NO_RUNS = encode_runs(at(0), (), (), Chunk(0, is_last=True))

Behaviour = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def against(
    behaviour: Behaviour, clock: VirtualClock | None = None
) -> AsyncIterator[tuple[RelayConnection, RelaySource]]:
    """Yield a connection, and a source on it, to a server with this behaviour."""
    async with serve(behaviour, "127.0.0.1", 0, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        clock = clock or VirtualClock()
        connection = RelayConnection(f"ws://127.0.0.1:{port}", Secret(TOKEN), clock)
        yield connection, RelaySource(connection, Store(), clock, lambda work, _: asyncio.create_task(work))
        await connection.aclose()


def sending(*messages: bytes | str) -> Behaviour:
    async def behave(connection: ServerConnection) -> None:
        await connection.recv()
        for message in messages:
            await connection.send(message, text=isinstance(message, bytes))
        await connection.wait_closed()

    return behave


async def failure(source: RelaySource) -> BaseException:
    async def emit(_: Update) -> None:
        pass

    with pytest.raises((ApiError, Fatal)) as caught:
        async with asyncio.timeout(100):
            await source.run(emit)
    error = caught.value
    return as_source_error(error, was_connected=False) if isinstance(error, ApiError) else error


@pytest.mark.parametrize(
    "messages",
    [
        (b"",),
        (b"[" * 100_000,),
        (encode_relay_message(Beat(at(0))),),
        (WELCOME, b"{}"),
        (WELCOME, NO_RUNS, WELCOME),
        (WELCOME, encode_relay_message(RelayFacts(at(0)))[:-1]),
    ],
)
async def test_unreadable_message_ends_the_connection(messages: tuple[bytes, ...]) -> None:
    async with against(sending(*messages)) as (_, source):
        error = await failure(source)
        assert isinstance(error, Transient)
        assert TOKEN not in repr(error)


async def test_message_too_large_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.sync.relay.MAX_MESSAGE_BYTES", 50_000)

    async with against(sending(WELCOME, b'"' + b"x" * 60_000 + b'"')) as (_, source):
        assert isinstance(await failure(source), Transient)


async def test_relay_of_another_version_stops_with_both_versions() -> None:
    async with against(sending(encode_relay_message(Welcome(VERSION - 1, "a test", at(0), 5.0)))) as (_, source):
        error = await failure(source)
        assert isinstance(error, Fatal)
        assert f"version {VERSION - 1}" in error.reason
        assert f"version {VERSION}" in error.reason


async def test_relay_that_closes_or_is_down_is_tried_again() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(WELCOME, text=True)
        await connection.close(1012, "back soon")

    async with against(leave) as (_, source):
        error = await failure(source)
        assert isinstance(error, Transient)
        assert "back soon" in error.reason
    error = await failure(source)  # the server is closed
    assert isinstance(error, Transient)
    assert not error.is_answered


async def test_connection_is_dropped_after_five_missed_beats() -> None:
    clock = VirtualClock()
    updates: list[Update] = []

    async def emit(update: Update) -> None:
        updates.append(update)

    facts = encode_relay_message(RelayFacts(at(0), sources=(SourceConnected("rest", at(0), 2.0),)))
    async with against(sending(WELCOME, NO_RUNS, facts), clock) as (_, source):
        running = asyncio.create_task(source.run(emit))
        while not any(isinstance(update, SourceConnected) and update.source == "relay" for update in updates):  # noqa: ASYNC110  there is no event for it
            await asyncio.sleep(0.001)
        await clock.run(24)
        assert not running.done()
        await clock.run(6)
        with pytest.raises(Unreachable, match="no message from the relay for"):
            await asyncio.wait_for(running, 10)


async def test_request_without_connection_or_id_is_not_sent() -> None:
    connection = RelayConnection("ws://127.0.0.1:9", Secret(TOKEN), VirtualClock())
    with pytest.raises(Unreachable, match="not connected"):
        await connection.read_run(RunId("run_1"))
    for run_id in ("", "..", "\ud800", "x" * 100_000):
        with pytest.raises(NotFound):
            await connection.read_run(RunId(run_id))
    assert TOKEN not in repr(vars(connection))


async def test_unreadable_certificate_file_is_fatal(tmp_path: Path) -> None:
    bad_file = tmp_path / "ca.pem"
    bad_file.write_text("nonsense")

    connection = RelayConnection("wss://127.0.0.1:9", Secret(TOKEN), VirtualClock(), ca=bad_file)
    with pytest.raises(Fatal, match="--tls-ca"):
        async with connection.open():
            pass


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("gopher://operator:hunter2@127.0.0.1:9", "through this proxy"),
        ("http://operator:hunter2@proxy..example:9", "an invalid host name"),
    ],
)
async def test_bad_proxy_is_fatal_and_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str, words: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)

    connection = RelayConnection("wss://relay.invalid", Secret(TOKEN), VirtualClock())
    with pytest.raises(Fatal, match=words) as caught:
        async with connection.open():
            pass
    assert "hunter2" not in caught.value.reason


@pytest.mark.parametrize(
    ("scheme", "answer", "words"),
    [
        (
            "ws",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            r"not a relay \(200\)",
        ),
        ("wss", b"HTTP/1.1 400 Bad Request\r\n\r\n", "no TLS connection to"),
    ],
)
async def test_server_that_is_not_a_relay_is_named_so(scheme: str, answer: bytes, words: str) -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        connection = RelayConnection(f"{scheme}://127.0.0.1:{port}", Secret(TOKEN), VirtualClock())
        with pytest.raises((ServerFault, Unreachable), match=words) as caught:
            async with connection.open():
                pass
        assert "TRIGGER_API_URL" not in str(caught.value)


async def test_redirect_is_not_followed() -> None:
    tokens: list[str] = []

    async def elsewhere(connection: ServerConnection) -> None:
        tokens.append(str(connection.request and connection.request.headers.get("Authorization")))

    async with serve(elsewhere, "127.0.0.1", 0) as other:
        port = next(iter(other.sockets)).getsockname()[1]

        def redirect(connection: ServerConnection, _: object) -> object:
            response = connection.respond(302, "")
            response.headers["Location"] = f"ws://127.0.0.1:{port}/"
            return response

        async with serve(elsewhere, "127.0.0.1", 0, process_request=redirect) as server:  # type: ignore[arg-type]
            here = next(iter(server.sockets)).getsockname()[1]
            connection = RelayConnection(f"ws://127.0.0.1:{here}", Secret(TOKEN), VirtualClock())
            with pytest.raises(ServerFault, match="302"):
                async with connection.open():
                    pass
    assert tokens == []


CONNECTED = SourceConnected(REST, at(50), 2.0)
RETRYING = SourceRetrying(REST, at(50), at(60), 1, "503", is_answered=True, status=503)
FEED_RETRYING = replace(RETRYING, source=REALTIME)
FACTS = RelayFacts(at(51), sources=(CONNECTED,), history=HistoryRead(at(0), 100, is_complete=True))


class Screen:
    """The store of a screen with two live runs."""

    def __init__(self) -> None:
        self.store = Store()
        self.store.apply(RunsRead((patch_of("run_a", "QUEUED"), patch_of("run_b", "QUEUED"))))
        self.updates = RelayUpdates(self.store)

    def receive(self, message: Runs | RelayFacts) -> list[Update]:
        updates = list(
            self.updates.from_facts(message) if isinstance(message, RelayFacts) else self.updates.from_runs(message)
        )
        for update in updates:
            self.store.apply(update)
        return updates


def runs(*run_ids: str, chunk: Chunk | None = None) -> Runs:
    return Runs(at(50), tuple(patch_of(run_id, "QUEUED", read=50) for run_id in run_ids), (), chunk)


@pytest.mark.parametrize("numbers", [(1,), (0, 2), (0, 1, 1), (0, 0, 2)])
def test_snapshot_without_a_chunk_is_refused(numbers: tuple[int, ...]) -> None:
    screen = Screen()
    *before, last = numbers
    for number in before:
        screen.receive(runs("run_a", chunk=Chunk(number, is_last=False)))
    with pytest.raises(ServerFault, match="snapshot is missing"):
        screen.receive(runs("run_b", chunk=Chunk(last, is_last=True)))
    assert not screen.updates.has_snapshot


def test_first_facts_are_caught_up_if_all_pollers_succeed() -> None:
    assert CaughtUp(RELAY, at(50)) in Screen().receive(replace(FACTS, sources=(FEED_RETRYING, CONNECTED)))
    for sources in ((RETRYING,), (FEED_RETRYING,), (CONNECTED, replace(RETRYING, source="run")), ()):
        assert not any(isinstance(update, CaughtUp) for update in Screen().receive(replace(FACTS, sources=sources)))


def test_too_many_sources_are_refused_on_every_connection() -> None:
    screen = Screen()
    screen.receive(FACTS)
    with pytest.raises(ServerFault, match="more than 20"):
        for number in range(100):
            screen.receive(replace(FACTS, sources=(replace(CONNECTED, source=f"source {number}"),)))
    assert len(screen.store.source_statuses) <= MAX_SOURCES
    screen.updates = RelayUpdates(screen.store)
    with pytest.raises(ServerFault, match="more than 20"):
        screen.receive(replace(FACTS, sources=(replace(CONNECTED, source="one more"),)))
