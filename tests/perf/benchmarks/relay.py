"""A relay with 200 screens at 100 changes a second: its cost, how late a change is, and whether a screen misses one.

The relay runs in a process of its own, which takes one command a line on stdin. Every change carries the time at which
the relay's session got it, so that a screen can measure how late it is.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import psutil
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.perf import processes
from tests.perf.figure import Figure
from tests.perf.figures.presses import percentile
from tui.api.relay import VERSION, Hello, encode_screen_message
from tui.domain.run import Fixed, Precision, RunId, State, TaskId, parse_status
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead, SourceConnected
from tui.emulator.server.child import listen
from tui.relay.server import Relay, RelayOptions, Tokens
from tui.settings.secret import Secret
from tui.settings.settings import read_settings
from tui.sync.session import Session

TOKEN: Final = "0123456789abcdef-of-the-bench"
SCREENS: Final = 200
HISTORY: Final = 5_000
CHANGES_PER_S: Final = 100
LOAD_S: Final = 20
QUIET_CHANGES: Final = 40
QUIET_PER_S: Final = 3
EQUAL_WITHIN_S: Final = 10.0
WORDS: Final = ("QUEUED", "EXECUTING", "COMPLETED", "FAILED")

Runs = dict[str, tuple[str, str]]
"""The compared parts of runs, by their id: the status, and when it was updated."""


class Driver:
    """Emits changes of runs in the relay's session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._random = Random(1)
        self._count = HISTORY
        self._words: dict[int, int] = {}

    @staticmethod
    def patch(number: int, word: str) -> RunPatch:
        now = datetime.now(UTC)
        created_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
        fixed = Fixed(task=TaskId(f"task-{number % 20}"), version=Raw("20260101.1"), is_test=False)
        tags = (Raw(f"user_{number % 500}"),)
        state = State(now, Precision.FEED, parse_status(word), started_at=created_at, tags=tags)
        return RunPatch(RunId(f"run_{number:021d}"), now, fixed, state, attempt_count=1, created_at=created_at)

    async def fill(self) -> None:
        for first in range(0, HISTORY, 100):
            runs = tuple(self.patch(number, "COMPLETED") for number in range(first, first + 100))
            await self._session.emit(RunsRead(runs))
        await self._session.emit(SourceConnected("rest", self._session.now(), 2.0))
        await self._session.settle()

    async def change(self, count: int, per_s: float) -> None:
        """Emit changes at a rate. Half are new runs, half are changes of recent ones."""
        began_s = time.monotonic()
        for index in range(count):
            number = self._count if self._random.random() < 0.5 else self._count - 1 - self._random.randrange(200)
            self._count = max(self._count, number + 1)
            self._words[number] = min(self._words.get(number, -1) + 1, 3)
            await self._session.emit(RunsRead((self.patch(number, WORDS[self._words[number]]),)))
            await asyncio.sleep(max(0.0, began_s + (index + 1) / per_s - time.monotonic()))
        await self._session.settle()

    def runs(self) -> Runs:
        states = ((run.id, run.state) for run in self._session.store.runs())
        return {each: (state.status.word, state.updated_at.isoformat()) for each, state in states if state is not None}


async def relay_process() -> None:
    """Serve screens until stdin ends. Each line is a number of changes and their rate; the reply is all runs."""

    async def follow(_: Relay) -> None:
        await asyncio.Event().wait()

    # The driver emits the runs instead.
    Relay._follow = follow  # type: ignore[assignment, method-assign]
    environ = {"TRIGGER_SECRET_KEY": "tr_dev_bench", "TRIGGER_API_URL": "http://127.0.0.1:9"}
    async with Session(read_settings(environ, read_only=True)) as session:
        await session.start()
        driver = Driver(session)
        await driver.fill()
        relay = Relay(session, Tokens((("bench", Secret(TOKEN)),)), RelayOptions(max_screens=1_000))
        with listen(0) as listener:
            async with relay.serving(listener):
                print(listener.getsockname()[1], flush=True)
                while line := await asyncio.to_thread(sys.stdin.readline):
                    count, per_s = line.split()
                    await driver.change(int(count), float(per_s))
                    print(json.dumps(driver.runs()), flush=True)


class Screen:
    """A screen that keeps only the compared parts, and how late each change came."""

    def __init__(self) -> None:
        self.runs: Runs = {}
        self.late_ms: list[float] = []

    async def follow(self, url: str) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        # The bench ends the relay first.
        with suppress(ConnectionClosed):
            await self._follow(connect(url, additional_headers=headers, max_size=None))

    async def _follow(self, connection: connect) -> None:
        async with connection as line:
            await line.send(encode_screen_message(Hello(VERSION, "bench")), text=True)
            while True:
                message = json.loads(await line.recv(decode=False))
                received_s = time.time()
                for row in message.get("patches", ()):
                    updated_at = datetime.fromisoformat(row["state"]["updated_at"])
                    self.runs[row["id"]] = (row["state"]["status"][0], updated_at.isoformat())
                    if message["chunk"] is None:
                        self.late_ms.append((received_s - updated_at.timestamp()) * 1000)


async def bench() -> list[Figure]:
    """Connect the screens to a relay, and change runs: first few, then many."""
    async with AsyncExitStack() as ends:
        command = [sys.executable, "-m", "tests.perf.benchmarks.relay"]
        pipes: dict[str, Any] = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        relay = await asyncio.create_subprocess_exec(*command, **pipes, limit=1 << 26)
        to_relay, from_relay = relay.stdin, relay.stdout
        assert to_relay is not None
        assert from_relay is not None
        url = f"ws://127.0.0.1:{int(await from_relay.readline())}"
        process = psutil.Process(relay.pid)
        empty_bytes = process.memory_full_info().uss
        screens = [Screen() for _ in range(SCREENS)]
        following = asyncio.gather(*(screen.follow(url) for screen in screens))
        ends.push_async_callback(asyncio.wait, [following])
        ends.callback(relay.kill)  # which ends the screens, too

        async def load(count: int, per_s: float) -> int:
            """Change runs. Return how many screens differ from the relay after a while."""
            for screen in screens:
                screen.late_ms.clear()
            to_relay.write(f"{count} {per_s}\n".encode())
            runs = {each: tuple(parts) for each, parts in json.loads(await from_relay.readline()).items()}
            with suppress(TimeoutError):
                async with asyncio.timeout(EQUAL_WITHIN_S):
                    while any(screen.runs != runs for screen in screens):  # noqa: ASYNC110  a comparison has no event
                        await asyncio.sleep(0.2)
            return sum(screen.runs != runs for screen in screens)

        await load(CHANGES_PER_S, CHANGES_PER_S)
        await load(QUIET_CHANGES, QUIET_PER_S)
        quiet_ms = [each for screen in screens for each in screen.late_ms]
        spent_s, began_s = processes.cpu_s(relay.pid), time.monotonic()
        differing = await load(CHANGES_PER_S * LOAD_S, CHANGES_PER_S)
        share = (processes.cpu_s(relay.pid) - spent_s) / (time.monotonic() - began_s)
        screen_mb = (process.memory_full_info().uss - empty_bytes) / SCREENS / 1e6
    name = f"{SCREENS} screens, {CHANGES_PER_S} changes/s"
    return [
        Figure(
            f"{SCREENS} screens, quiet: from the relay's session to a screen, p50", percentile(quiet_ms, 0.5), "ms", 50
        ),
        Figure(f"{name}: screens that differ from the relay at the end", differing, "screens", 0),
        Figure(f"{name}: the relay's share of a core", share, "cores", 1),
        Figure(f"{name}: the relay's memory, a screen", screen_mb, "MB", 1),
    ]


def measure() -> Iterator[Figure]:
    """Yield the figures of a relay."""
    yield from asyncio.run(bench())


if __name__ == "__main__":
    asyncio.run(relay_process())
