"""A relay with 200 screens at 100 changes a second: latency, cost, and whether every screen has the relay's runs.

The relay and the screens run in child processes, which take one command a line on stdin. Every change carries the time
at which the relay's session got it, so that a screen can measure the latency.
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
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from tests.perf.figure import Figure
from tui.api.relay import (
    VERSION,
    Chunk,
    Hello,
    Runs,
    build_codecs,
    decode_relay_message,
    encode_patch,
    encode_runs,
    encode_screen_message,
)
from tui.domain.run import Fixed, Precision, RunId, State, TaskId, parse_status
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead, SourceConnected, Update
from tui.emulator.server.child import listen
from tui.relay.server import CHUNK_RUNS, Relay, RelayOptions, Tokens
from tui.settings.secret import Secret
from tui.settings.settings import read_settings
from tui.store.store import Store
from tui.sync.clock import SystemClock
from tui.sync.relay import RelayConnection, RelaySource
from tui.sync.session import Session

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


def digest(runs: dict[str, tuple[str, str]]) -> str:
    """Return one text for equal runs."""
    return hashlib.sha256(json.dumps(sorted(runs.items())).encode()).hexdigest()


def runs_of(store: Store) -> dict[str, tuple[str, str]]:
    """Return the compared part of each run."""
    states = ((run.id, run.state) for run in store.runs())
    return {run_id: (state.status.word, state.updated_at.isoformat()) for run_id, state in states if state is not None}


async def stdin_lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def reply(**values: Any) -> None:
    print(json.dumps(values), flush=True)


# --- the relay's process


class Driver:
    """Emits changes of runs in the relay's session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._random = Random(1)
        self._count = 0
        self._words: dict[int, int] = {}

    @staticmethod
    def patch(number: int, word: str) -> RunPatch:
        now = datetime.now(UTC)
        created_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
        fixed = Fixed(task=TaskId(f"task-{number % 20}"), version=Raw("20260101.1"), is_test=False)
        state = State(
            now, Precision.FEED, parse_status(word), started_at=created_at, tags=(Raw(f"user_{number % 500}"),)
        )
        return RunPatch(RunId(f"run_{number:021d}"), now, fixed, state, attempt_count=1, created_at=created_at)

    async def fill(self) -> None:
        for first in range(0, HISTORY, 100):
            await self._session.emit(
                RunsRead(tuple(self.patch(number, "COMPLETED") for number in range(first, first + 100)))
            )
        self._count = HISTORY
        await self._session.emit(SourceConnected("rest", self._session.now(), 2.0))
        await self._session.settle()

    async def change(self, count: int, interval_s: float) -> None:
        """Emit changes at an interval. Half are new runs, half are changes of recent ones."""
        begins = time.monotonic()
        for index in range(count):
            number = self._count if self._random.random() < 0.5 else self._count - 1 - self._random.randrange(200)
            self._count = max(self._count, number + 1)
            self._words[number] = min(self._words.get(number, -1) + 1, 3)
            await self._session.emit(RunsRead((self.patch(number, WORDS[self._words[number]]),)))
            await asyncio.sleep(max(0.0, begins + (index + 1) * interval_s - time.monotonic()))
        await self._session.settle()

    def runs(self) -> dict[str, tuple[str, str]]:
        return runs_of(self._session.store)


async def relay_process() -> None:
    async def follow(_: Relay) -> None:
        await asyncio.Event().wait()

    # The driver emits the runs instead.
    Relay._follow = follow  # type: ignore[assignment, method-assign]
    environ = {"TRIGGER_SECRET_KEY": "tr_dev_bench", "TRIGGER_API_URL": "http://127.0.0.1:9"}
    settings = read_settings(environ, read_only=True)
    async with Session(settings) as session:
        await session.start()
        driver = Driver(session)
        await driver.fill()
        relay = Relay(session, Tokens((("bench", Secret(TOKEN)),)), RelayOptions(max_screens=1_000))
        with listen(0) as listener:
            async with relay.serving(listener):
                reply(port=listener.getsockname()[1])
                reader = await stdin_lines()
                while line := await reader.readline():
                    command, *numbers = line.decode().split()
                    if command == "change":
                        await driver.change(int(numbers[0]), float(numbers[1]))
                    reply(screens=len(relay.clients), digest=digest(driver.runs()))


# --- a process of screens


class LightScreen:
    """A screen that keeps only the compared parts."""

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
                received = time.time()
                message = json.loads(text)
                self.bytes += len(text)
                for row in message.get("patches", ()):
                    updated_at = datetime.fromisoformat(row["state"]["updated_at"])
                    self.runs[row["id"]] = (row["state"]["status"][0], updated_at.isoformat())
                    if message["chunk"] is None:
                        self._latencies_ms.append((received - updated_at.timestamp()) * 1000)


class RealScreen:
    """A screen with the real source and a real store."""

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


async def connect_stuck(url: str) -> ClientConnection:
    """Connect a screen that sends its hello and reads nothing."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    line = await connect(url, additional_headers=headers, compression=None, ping_interval=None, max_queue=1)
    await line.send(encode_screen_message(Hello(VERSION, "bench")), text=True)
    line.transport.pause_reading()
    return line


async def screens_process(url: str, count: int) -> None:
    latencies_ms: list[float] = []
    stuck: list[ClientConnection] = []
    screens: list[LightScreen | RealScreen] = [RealScreen(), *(LightScreen(latencies_ms) for _ in range(count - 1))]
    async with asyncio.TaskGroup() as tasks:
        screen_tasks = [tasks.create_task(screen.run(url)) for screen in screens]
        reader = await stdin_lines()
        reply(ready=True)
        while line := await reader.readline():
            match line.decode().split():
                case ["stuck", number]:
                    stuck += [await connect_stuck(url) for _ in range(int(number))]
                    reply(ready=True)
                case ["unstick"]:
                    for each in stuck:
                        each.transport.abort()
                    stuck.clear()
                    reply(ready=True)
                case ["reset"]:
                    latencies_ms.clear()
                    reply(ready=True)
                case _:
                    sizes = [screen.bytes for screen in screens if isinstance(screen, LightScreen)]
                    reply(
                        digests=[digest(screen.runs) for screen in screens],
                        latencies_ms=latencies_ms,
                        bytes=sum(sizes),
                    )
        for task in screen_tasks:
            task.cancel()


# --- the bench


class Child:
    """A child process that replies to each line with a line."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.perf.benchmarks.relay", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first = self.read()

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        values: dict[str, Any] = json.loads(self.process.stdout.readline())
        return values

    def request(self, line: str) -> dict[str, Any]:
        self.send(line)
        return self.read()

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Bench:
    """The process of the relay, and the processes of the screens."""

    def __init__(self, ends: contextlib.ExitStack) -> None:
        self.relay = Child("relay")
        ends.callback(self.relay.stop)
        self._process = psutil.Process(self.relay.process.pid)
        self._url = f"ws://127.0.0.1:{self.relay.first['port']}"
        self._ends = ends
        self.groups: list[Child] = []

    @property
    def memory_bytes(self) -> int:
        return int(self._process.memory_full_info().uss)

    def connect(self, count: int) -> None:
        for index in range(PROCESSES):
            share = count // PROCESSES + (index < count % PROCESSES)
            group = Child("screens", self._url, str(share))
            self._ends.callback(group.stop)
            self.groups.append(group)
        self._wait(lambda: self.relay.request("look")["screens"] == count)
        self._wait(self.is_equal)

    def is_equal(self) -> bool:
        """Whether every screen has the runs of the relay."""
        expected = self.relay.request("look")["digest"]
        return all(found == expected for group in self.groups for found in group.request("look")["digests"])

    def load(self, changes: int, interval_s: float) -> tuple[list[float], float, float, bool]:
        """Return latencies in ms, the relay's share of a core, MB sent to a screen, and whether all runs are equal."""
        for group in self.groups:
            group.request("reset")
        sent_before = sum(group.request("look")["bytes"] for group in self.groups)
        before, began = self._process.cpu_times(), time.monotonic()
        self.relay.request(f"change {changes} {interval_s}")
        after, took_s = self._process.cpu_times(), time.monotonic() - began
        spent_s = after.user + after.system - before.user - before.system
        is_equal = self._wait(self.is_equal, 10)
        looks = [group.request("look") for group in self.groups]
        latencies = sorted(latency for look in looks for latency in look["latencies_ms"])
        return (
            latencies,
            spent_s / took_s,
            (sum(look["bytes"] for look in looks) - sent_before) / SCREENS / 1e6,
            is_equal,
        )

    @staticmethod
    def _wait(condition: Callable[[], bool], timeout_s: float = 60) -> bool:
        ends = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > ends:
                return False
            time.sleep(0.2)
        return True


def percentile(latencies: list[float], share: float) -> float:
    return latencies[min(len(latencies) - 1, int(len(latencies) * share))]


def measure_codec() -> Iterator[Figure]:
    """Measure the CPU time of a snapshot, for the relay and for a screen at its start."""
    patches = [Driver.patch(number, WORDS[number % len(WORDS)]) for number in range(HISTORY)]
    chunks = [patches[start : start + CHUNK_RUNS] for start in range(0, HISTORY, CHUNK_RUNS)]
    build_codecs()
    began_s = time.process_time()
    messages = [
        encode_runs(patches[0].read_at, map(encode_patch, chunk), (), Chunk(number, is_last=number == len(chunks) - 1))
        for number, chunk in enumerate(chunks)
    ]
    encoded_s = time.process_time()
    store = Store()
    for message in map(decode_relay_message, messages):
        assert isinstance(message, Runs)
        store.apply(RunsRead(message.patches))
    decoded_s = time.process_time()
    yield Figure(f"snapshot of {HISTORY:,} runs: encoded by the relay", (encoded_s - began_s) * 1000, "ms")
    yield Figure("the same: decoded and stored by a screen", (decoded_s - encoded_s) * 1000, "ms")


def measure() -> Iterator[Figure]:
    """Measure the codec, then a relay with screens."""
    yield from measure_codec()
    with contextlib.ExitStack() as ends:
        bench = Bench(ends)
        empty = bench.memory_bytes
        bench.connect(SCREENS)
        bench.load(CHANGES_PER_S, 1 / CHANGES_PER_S)
        quiet, _, _, _ = bench.load(QUIET_CHANGES, 0.3)
        yield Figure(
            f"{SCREENS} screens, quiet: from the relay's session to a screen, p50", percentile(quiet, 0.5), "ms", 50
        )
        yield Figure(f"{SCREENS} screens, quiet: the same, p95", percentile(quiet, 0.95), "ms", 50)
        count = int(CHANGES_PER_S * LOAD_S)
        loaded, core, sent_mb, is_equal = bench.load(count, 1 / CHANGES_PER_S)
        name = f"{SCREENS} screens, {CHANGES_PER_S} changes/s"
        yield Figure(f"{name}: screens that differ from the relay at the end", 0 if is_equal else 1, "", 0)
        yield Figure(f"{name}: p50, with the tick of 100 ms", percentile(loaded, 0.5), "ms")
        yield Figure(f"{name}: p95", percentile(loaded, 0.95), "ms")
        yield Figure(f"{name}: the relay's share of a core", core, "cores", 1)
        yield Figure(f"{name}: text sent to a screen, a second", sent_mb / LOAD_S * 1000, "kB")
        yield Figure(f"{name}: the relay's memory, a screen", (bench.memory_bytes - empty) / SCREENS / 1e6, "MB", 1)
        # The rounds alternate, since other load of the machine may change the latencies more than a stuck screen does.
        ratios, are_equal, max_memory_bytes = [], True, 0
        for _ in range(ROUNDS):
            alone, _, _, _ = bench.load(count // 2, 1 / CHANGES_PER_S)
            bench.groups[0].request(f"stuck {STUCK}")
            with_stuck, _, _, is_equal = bench.load(count // 2, 1 / CHANGES_PER_S)
            max_memory_bytes = max(max_memory_bytes, bench.memory_bytes)
            bench.groups[0].request("unstick")
            ratios.append(percentile(with_stuck, 0.95) / percentile(alone, 0.95))
            are_equal = are_equal and is_equal
        yield Figure(f"the same with {STUCK} stuck screens: others that differ", 0 if are_equal else 1, "", 0)
        ratio = statistics.median(ratios)
        yield Figure(f"the same: p95 of the others, times that without, of {ROUNDS}", ratio, "x", 1.25)
        yield Figure("the same: the relay's memory, a screen", (max_memory_bytes - empty) / SCREENS / 1e6, "MB", 1)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["relay"]:
            asyncio.run(relay_process())
        case ["screens", url, count]:
            asyncio.run(screens_process(url, int(count)))
        case _:
            raise SystemExit(2)
