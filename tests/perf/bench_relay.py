"""What the relay does for 200 screens at 100 changes a second: are all equal, how late, at what cost; and stuck ones.

The relay, and the screens in several processes, are processes of their own, told what to do line by line. A change
carries the moment in which the relay's session heard of it, so that a screen can tell how late it is.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from tests.perf.figure import Figure
from tui.config import Secret, read_settings
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Fixed, Precision, State
from tui.domain.status import parse_status
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead, SourceConnected, Update
from tui.emulator.server.listening import listen
from tui.relay import Relay, RelayOptions, Tokens
from tui.relay.upstream import Upstream
from tui.session import Session
from tui.sources.clock import SystemClock
from tui.sources.relay.connection import RelayConnection
from tui.sources.relay.source import RelaySource
from tui.store.store import Store
from tui.wire.relay.messages import VERSION, Hello, encode_screen_message

TOKEN = "0123456789abcdef-of-the-bench"
SCREENS = int(os.environ.get("BENCH_SCREENS", "200"))
PROCESSES = 4
STUCK = 10
HISTORY = 5_000
CHANGES_PER_S = 100
LOAD_S = float(os.environ.get("BENCH_SECONDS", "20"))
QUIET_CHANGES = 40
ROUNDS = 5
WORDS = ("QUEUED", "EXECUTING", "COMPLETED", "FAILED")


def digest(world: dict[str, tuple[str, str]]) -> str:
    """One text for a world, the same wherever it was put together."""
    return hashlib.sha256(json.dumps(sorted(world.items())).encode()).hexdigest()


def world_of(store: Store) -> dict[str, tuple[str, str]]:
    """What is compared of each run."""
    states = ((run.id, run.state) for run in store.runs())
    return {run_id: (state.status.word, state.updated_at.isoformat()) for run_id, state in states if state is not None}


async def lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def answer(**said: Any) -> None:
    print(json.dumps(said), flush=True)


# --- the relay's process


class Driven:
    """A session whose runs change as they are told to."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._random = Random(1)
        self._count = 0
        self._words: dict[int, int] = {}

    def _patch(self, number: int, word: str) -> RunPatch:
        now = datetime.now(UTC)
        created_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
        fixed = Fixed(
            task=TaskId(f"task-{number % 20}"), created_at=created_at, version=Raw("20260101.1"), is_test=False
        )
        state = State(
            now, Precision.FEED, parse_status(word), started_at=created_at, tags=(Raw(f"user_{number % 500}"),)
        )
        return RunPatch(RunId(f"run_{number:021d}"), now, fixed, state, attempt_count=1)

    async def fill(self) -> None:
        for first in range(0, HISTORY, 100):
            await self._session.emit(
                RunsRead(tuple(self._patch(number, "COMPLETED") for number in range(first, first + 100)))
            )
        self._count = HISTORY
        await self._session.emit(SourceConnected("rest", self._session.now(), 2.0))
        await self._session.settle()

    async def change(self, count: int, interval_s: float) -> None:
        """So many changes, one every so often: half are new runs, half are changes of recent ones."""
        begins = time.monotonic()
        for index in range(count):
            number = self._count if self._random.random() < 0.5 else self._count - 1 - self._random.randrange(200)
            self._count = max(self._count, number + 1)
            self._words[number] = min(self._words.get(number, -1) + 1, 3)
            await self._session.emit(RunsRead((self._patch(number, WORDS[self._words[number]]),)))
            await asyncio.sleep(max(0.0, begins + (index + 1) * interval_s - time.monotonic()))
        await self._session.settle()

    def world(self) -> dict[str, tuple[str, str]]:
        return world_of(self._session.store)


async def relay_process() -> None:
    async def follow(_: Upstream) -> None:
        await asyncio.Event().wait()

    # The runs are told from here.
    Upstream.follow = follow  # type: ignore[assignment, method-assign]
    environ = {"TRIGGER_SECRET_KEY": "tr_dev_bench", "TRIGGER_API_URL": "http://127.0.0.1:9"}
    settings = replace(read_settings(environ), read_only=True)
    async with Session(settings) as session:
        await session.start()
        driven = Driven(session)
        await driven.fill()
        relay = Relay(session, Tokens((("bench", Secret(TOKEN)),)), RelayOptions(max_screens=1_000))
        with listen(0) as listener:
            async with relay.serving(listener):
                answer(port=listener.getsockname()[1])
                reader = await lines()
                while line := await reader.readline():
                    what, *numbers = line.decode().split()
                    if what == "change":
                        await driven.change(int(numbers[0]), float(numbers[1]))
                    answer(screens=len(relay.clients), digest=digest(driven.world()))


# --- a process of screens


class Lean:
    """A screen that keeps no more than what is compared at the end."""

    def __init__(self, latencies_ms: list[float]) -> None:
        self.runs: dict[str, tuple[str, str]] = {}
        self._latencies_ms = latencies_ms
        self.bytes = 0

    async def run(self, url: str) -> None:
        async with connect(
            url,
            additional_headers={"Authorization": f"Bearer {TOKEN}"},
            extensions=[ClientPerMessageDeflateFactory(client_max_window_bits=True)],
            compression=None,
            max_size=None,
        ) as line:
            await line.send(encode_screen_message(Hello(VERSION, "bench")), text=True)
            while True:
                text = await line.recv(decode=False)
                heard = time.time()
                message = json.loads(text)
                self.bytes += len(text)
                for row in message.get("patches", ()):
                    updated_at = datetime.fromisoformat(row["state"]["updated_at"])
                    self.runs[row["id"]] = (row["state"]["status"][0], updated_at.isoformat())
                    if message["chunk"] is None:
                        self._latencies_ms.append((heard - updated_at.timestamp()) * 1000)


class Whole:
    """A screen as the monitor has it: the real source, into a real store."""

    def __init__(self) -> None:
        self._store = Store()

    @property
    def runs(self) -> dict[str, tuple[str, str]]:
        return {
            run.id: (run.state.status.word, run.state.updated_at.isoformat()) for run in self._store.runs() if run.state
        }

    async def run(self, url: str) -> None:
        async def emit(update: Update) -> None:
            self._store.apply(update)

        clock = SystemClock()
        await RelaySource(RelayConnection(url, Secret(TOKEN), clock), self._store, clock).run(emit)


async def stuck(url: str) -> ClientConnection:
    """A screen that says hello and reads nothing."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    line = await connect(url, additional_headers=headers, compression=None, ping_interval=None, max_queue=1)
    await line.send(encode_screen_message(Hello(VERSION, "bench")), text=True)
    line.transport.pause_reading()
    return line


async def screens_process(url: str, count: int) -> None:
    latencies_ms: list[float] = []
    held: list[ClientConnection] = []
    screens: list[Lean | Whole] = [Whole(), *(Lean(latencies_ms) for _ in range(count - 1))]
    async with asyncio.TaskGroup() as tasks:
        born = [tasks.create_task(screen.run(url)) for screen in screens]
        reader = await lines()
        answer(ready=True)
        while line := await reader.readline():
            match line.decode().split():
                case ["stuck", number]:
                    held += [await stuck(url) for _ in range(int(number))]
                    answer(ready=True)
                case ["unstick"]:
                    for each in held:
                        each.transport.abort()
                    held.clear()
                    answer(ready=True)
                case ["reset"]:
                    latencies_ms.clear()
                    answer(ready=True)
                case _:
                    lean = [screen.bytes for screen in screens if isinstance(screen, Lean)]
                    answer(
                        digests=[digest(screen.runs) for screen in screens], latencies_ms=latencies_ms, bytes=sum(lean)
                    )
        for task in born:
            task.cancel()


# --- the bench


class Child:
    """A process that answers a line with a line."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.perf.bench_relay", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first = self.read()

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        said: dict[str, Any] = json.loads(self.process.stdout.readline())
        return said

    def ask(self, line: str) -> dict[str, Any]:
        self.tell(line)
        return self.read()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Bench:
    """The relay, the processes of screens, and what is asked of them."""

    def __init__(self, ends: contextlib.ExitStack) -> None:
        self.relay = Child("relay")
        ends.callback(self.relay.end)
        self._process = psutil.Process(self.relay.process.pid)
        self._url = f"ws://127.0.0.1:{self.relay.first['port']}"
        self._ends = ends
        self.rooms: list[Child] = []

    @property
    def memory_bytes(self) -> int:
        return int(self._process.memory_full_info().uss)

    def connect(self, count: int) -> None:
        for index in range(PROCESSES):
            share = count // PROCESSES + (index < count % PROCESSES)
            room = Child("screens", self._url, str(share))
            self._ends.callback(room.end)
            self.rooms.append(room)
        self._wait(lambda: self.relay.ask("look")["screens"] == count)
        self._wait(self.is_equal)

    def is_equal(self) -> bool:
        """Whether every screen has what the relay has."""
        true = self.relay.ask("look")["digest"]
        return all(found == true for room in self.rooms for found in room.ask("look")["digests"])

    def load(self, changes: int, interval_s: float) -> tuple[list[float], float, float, bool]:
        """Latencies in ms, the relay's share of a core, MB of text told to a screen, and whether all are equal."""
        for room in self.rooms:
            room.ask("reset")
        told = sum(room.ask("look")["bytes"] for room in self.rooms)
        before, began = self._process.cpu_times(), time.monotonic()
        self.relay.ask(f"change {changes} {interval_s}")
        after, took_s = self._process.cpu_times(), time.monotonic() - began
        spent_s = after.user + after.system - before.user - before.system
        is_equal = self._wait(self.is_equal, 10)
        looks = [room.ask("look") for room in self.rooms]
        latencies = sorted(latency for look in looks for latency in look["latencies_ms"])
        return latencies, spent_s / took_s, (sum(look["bytes"] for look in looks) - told) / SCREENS / 1e6, is_equal

    @staticmethod
    def _wait(is_so: Callable[[], bool], patience_s: float = 60) -> bool:
        ends = time.monotonic() + patience_s
        while not is_so():
            if time.monotonic() > ends:
                return False
            time.sleep(0.2)
        return True


def at(latencies: list[float], share: float) -> float:
    return latencies[min(len(latencies) - 1, int(len(latencies) * share))]


def measure() -> Iterator[Figure]:
    """The figures of the relay."""
    with contextlib.ExitStack() as ends:
        bench = Bench(ends)
        empty = bench.memory_bytes
        bench.connect(SCREENS)
        bench.load(CHANGES_PER_S, 1 / CHANGES_PER_S)
        quiet, _, _, _ = bench.load(QUIET_CHANGES, 0.3)
        yield Figure(f"{SCREENS} screens, quiet: from the relay's session to a screen, p50", at(quiet, 0.5), "ms", 50)
        yield Figure(f"{SCREENS} screens, quiet: the same, p95", at(quiet, 0.95), "ms", 50)
        count = int(CHANGES_PER_S * LOAD_S)
        loaded, core, told_mb, is_equal = bench.load(count, 1 / CHANGES_PER_S)
        name = f"{SCREENS} screens, {CHANGES_PER_S} changes/s"
        yield Figure(f"{name}: screens that differ from the world at the end", 0 if is_equal else 1, "", 0)
        yield Figure(f"{name}: p50, with the tick of 100 ms", at(loaded, 0.5), "ms")
        yield Figure(f"{name}: p95, likewise", at(loaded, 0.95), "ms")
        yield Figure(f"{name}: the relay's share of a core", core, "cores", 1)
        yield Figure(f"{name}: text told to a screen, a second", told_mb / LOAD_S * 1000, "kB")
        yield Figure(f"{name}: the relay's memory, a screen", (bench.memory_bytes - empty) / SCREENS / 1e6, "MB", 1)
        # In turn, since whatever else the machine does changes more than a stuck screen may.
        ratios, are_equal, most = [], True, 0
        for _ in range(ROUNDS):
            alone, _, _, _ = bench.load(count // 2, 1 / CHANGES_PER_S)
            bench.rooms[0].ask(f"stuck {STUCK}")
            serve_in_thread, _, _, is_equal = bench.load(count // 2, 1 / CHANGES_PER_S)
            most = max(most, bench.memory_bytes)
            bench.rooms[0].ask("unstick")
            ratios.append(at(serve_in_thread, 0.95) / at(alone, 0.95))
            are_equal = are_equal and is_equal
        yield Figure(f"the same with {STUCK} stuck screens: others that differ", 0 if are_equal else 1, "", 0)
        ratio = statistics.median(ratios)
        yield Figure(f"the same: p95 of the others, times that without, of {ROUNDS}", ratio, "x", 1.25)
        yield Figure("the same: the relay's memory, a screen", (most - empty) / SCREENS / 1e6, "MB", 1)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["relay"]:
            asyncio.run(relay_process())
        case ["screens", url, count]:
            asyncio.run(screens_process(url, int(count)))
        case _:
            raise SystemExit(2)
