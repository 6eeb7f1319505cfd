"""What a screen is told in which order, with a line that takes a message only when it is let."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest

from tests.support.domain.patches import NOON, at, patch_of
from tui.domain.source_names import REST
from tui.domain.update import RunsRead, SourceConnected, Update
from tui.relay import feed as feeds
from tui.relay.client import RelayClient
from tui.relay.feed import Feed
from tui.store.store import Store
from tui.wire.relay.messages import RelayFacts, RelayMessage, Runs, decode_relay_message


class SlowLine:
    """Keeps what was sent; while it is `stuck` nothing more is taken."""

    def __init__(self) -> None:
        self.heard: list[RelayMessage] = []
        self.free = asyncio.Event()
        self.free.set()

    async def send(self, message: bytes | Iterable[bytes], *, text: bool) -> None:
        assert text
        await self.free.wait()
        self.heard.append(decode_relay_message(message if isinstance(message, bytes) else b"".join(message)))

    def words(self) -> dict[str, str]:
        """The status of each run, after all of it in the order in which it came."""
        store = Store()
        for message in self.heard:
            if isinstance(message, Runs):
                store.apply(RunsRead(message.patches))
        return {run.id: run.state.status.word for run in store.runs() if run.state is not None}


class Wall:
    """A store, the feed of it, and its screens."""

    def __init__(self) -> None:
        self.store = Store()
        self.feed = Feed(self.store, lambda: NOON)
        self.screens: list[RelayClient] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add(self) -> SlowLine:
        line = SlowLine()
        self.screens.append(RelayClient(line, self.feed, lambda: NOON, name="wall"))
        self._tasks.append(asyncio.ensure_future(self.screens[-1].tell()))
        return line

    def hear(self, *updates: Update) -> None:
        for update in updates:
            if (tick := self.feed.tick(self.store.apply(update))) is not None:
                for screen in self.screens:
                    screen.offer(tick)

    async def rest(self) -> None:
        """Until everything that can be sent is."""
        for _ in range(50):
            await asyncio.sleep(0)

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()


def on_a_wall(story: Callable[[Wall], Awaitable[None]]) -> None:
    async def scenario() -> None:
        wall = Wall()
        try:
            await story(wall)
        finally:
            wall.end()

    asyncio.run(scenario())


def runs(word: str, *run_ids: str, updated: float = 0) -> RunsRead:
    return RunsRead(tuple(patch_of(run_id, word, updated=updated) for run_id in run_ids))


def test_who_shares_a_snapshot_that_was_begun_earlier_hears_what_changed_since() -> None:
    async def story(wall: Wall) -> None:
        wall.hear(runs("QUEUED", "run_a", "run_b"))
        wall.add()
        await wall.rest()
        snapshot = wall.feed.snapshot()
        wall.hear(runs("EXECUTING", "run_a", updated=1))
        late = wall.add()
        assert wall.feed.snapshot() is snapshot
        await wall.rest()
        assert late.words() == {"run_a": "EXECUTING", "run_b": "QUEUED"}

    on_a_wall(story)


def test_a_snapshot_since_which_too_much_changed_is_shared_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "SNAPSHOT_DRIFT", 1)

    async def story(wall: Wall) -> None:
        wall.hear(runs("QUEUED", "run_a", "run_b"))
        snapshot = wall.feed.snapshot()
        wall.hear(runs("EXECUTING", "run_a", updated=1))
        assert wall.feed.snapshot() is snapshot
        wall.hear(runs("EXECUTING", "run_b", updated=1))
        assert wall.feed.snapshot() is not snapshot

    on_a_wall(story)


def test_a_screen_that_was_busy_hears_the_runs_before_it_hears_that_all_is_well() -> None:
    async def story(wall: Wall) -> None:
        line = wall.add()
        await wall.rest()
        line.free.clear()
        wall.hear(runs("QUEUED", "run_a"))
        await wall.rest()
        wall.hear(runs("EXECUTING", "run_a", updated=1), SourceConnected(REST, at(1), 2.0))
        wall.hear(runs("COMPLETED", "run_a", updated=2))
        await wall.rest()
        known = len(line.heard)
        line.free.set()
        await wall.rest()
        told = line.heard[known:]
        assert [type(message) for message in told] == [Runs, Runs, RelayFacts]
        assert line.words() == {"run_a": "COMPLETED"}

    on_a_wall(story)
