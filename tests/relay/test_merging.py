"""The order of messages to a screen, with a socket that blocks until the test lets it send."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from tests.support.domain.patches import NOON, at, patch_of
from tui.api.relay import RelayFacts, RelayMessage, Runs, decode_relay_message
from tui.domain.run import REST
from tui.domain.update import RunsRead, SourceConnected, Update
from tui.relay.server import RelayClient, StoreEncoder
from tui.store.store import Store


class BlockingSocket:
    """Records messages. While `free` is cleared, `send` waits."""

    def __init__(self) -> None:
        self.sent: list[RelayMessage] = []
        self.free = asyncio.Event()
        self.free.set()

    async def send(self, message: bytes | Iterable[bytes], *, text: bool) -> None:
        assert text
        await self.free.wait()
        self.sent.append(decode_relay_message(message if isinstance(message, bytes) else b"".join(message)))

    def words(self) -> dict[str, str]:
        """Return the status word of each run after all messages."""
        store = Store()
        for message in self.sent:
            if isinstance(message, Runs):
                store.apply(RunsRead(message.patches))
        return {run.id: run.state.status.word for run in store.runs() if run.state is not None}


class Wall:
    """A store, its encoder, and its screens."""

    def __init__(self) -> None:
        self.store = Store()
        self.encoder = StoreEncoder(self.store, lambda: NOON, lambda: False)
        self.clients: list[RelayClient] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add(self) -> BlockingSocket:
        socket = BlockingSocket()
        self.clients.append(RelayClient(socket, self.encoder))  # type: ignore[arg-type]  # it only sends
        self._tasks.append(asyncio.ensure_future(self.clients[-1].run()))
        return socket

    def apply(self, *updates: Update) -> None:
        for update in updates:
            run_ids = self.encoder.on_changes(self.store.apply(update))
            for client in self.clients:
                client.queue(run_ids)

    async def wait(self) -> None:
        """Wait until everything that can be sent is sent."""
        for _ in range(50):
            await asyncio.sleep(0)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def a_wall() -> AsyncIterator[Wall]:
    wall = Wall()
    try:
        yield wall
    finally:
        wall.stop()


def runs(word: str, *run_ids: str, updated: float = 0) -> RunsRead:
    return RunsRead(tuple(patch_of(run_id, word, updated=updated) for run_id in run_ids))


async def test_late_screen_gets_changes_since_its_shared_snapshot() -> None:
    async with a_wall() as wall:
        wall.apply(runs("QUEUED", "run_a", "run_b"))
        wall.add()
        await wall.wait()
        snapshot = wall.encoder.snapshot()
        wall.apply(runs("EXECUTING", "run_a", updated=1))
        late = wall.add()
        assert wall.encoder.snapshot() is snapshot
        await wall.wait()
        assert late.words() == {"run_a": "EXECUTING", "run_b": "QUEUED"}


async def test_busy_screen_gets_runs_before_newer_facts() -> None:
    async with a_wall() as wall:
        socket = wall.add()
        await wall.wait()
        socket.free.clear()
        wall.apply(runs("QUEUED", "run_a"))
        await wall.wait()
        wall.apply(runs("EXECUTING", "run_a", updated=1), SourceConnected(REST, at(1), 2.0))
        wall.apply(runs("COMPLETED", "run_a", updated=2))
        await wall.wait()
        sent_before = len(socket.sent)
        socket.free.set()
        await wall.wait()
        messages = socket.sent[sent_before:]
        assert [type(message) for message in messages] == [Runs, Runs, RelayFacts]
        assert socket.words() == {"run_a": "COMPLETED"}
