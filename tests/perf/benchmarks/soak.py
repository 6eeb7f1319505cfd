"""Runs the monitor for long and measures whether it grows: `python -m tests.perf soak`, or `.benchmarks.soak MINUTES`.

A word behind the minutes changes what runs:

* `still`: the monitor without any keys, as on a monitoring screen
* `bare`: a Textual app without anything of ours

An emulator starts `RATE_PER_S` runs a second. The monitor follows it on a pty with all its sources, while a user opens
and closes everything that the screen has. It is the program as it is, except for its store: that has room for
`KEPT_RUNS` runs instead of 100,000, and is full from the start. So every new run evicts an old one, and after four
minutes of `WARM_UP_MINUTES` the store holds only runs that the server sent. With the usual room it would take
83 minutes until the store is full, and until then each new run rightly needs memory.

The memory of a minute is the median of one value a second. The figures compare the minute after the warm-up with the
last one.
"""

import itertools
import json
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from tests.perf import processes
from tests.perf.bare_table import READY
from tests.perf.figure import Figure
from tests.perf.figures.programs import environment, on_emulator
from tests.perf.followed import INTO
from tests.perf.terminal import Terminal

MINUTES: Final = 120.0
RATE_PER_S: Final = 20.0
KEPT_RUNS: Final = 5_000
WARM_UP_MINUTES: Final = 10
MAX_GROWTH_MB: Final = 1.0
MAX_COLLECTION_MS: Final = 5.0

SAMPLES: Final = 60
"""Samples of a minute, one a second."""

ESCAPE: Final = "\x1b"
DOWN: Final = "\x1b[B"
UP: Final = "\x1b[A"
PAGE_DOWN: Final = "\x1b[6~"
ROUND: Final = (
    *("g", "j", "j", "j", "x", "x", "k", "\x04", "\x15", "G", "g"),  # moves, also to failed runs and by half a page
    *("j", "x", "\r", "j", "j", ",", ".", ESCAPE),  # a failed run and its attempts
    *("2", "j", "e", "E", "3", "j", "e", "4", "j", "1"),  # the panes
    *("z", "j", "j", "z", "w", "w"),
    *("s", "s", "s", "s", "s", "s"),
    *("/status:failed", "\r", "j", ESCAPE, ESCAPE),
    *("/took:>5s", "\r", "j", ESCAPE, ESCAPE),
    *("?", ESCAPE, ":", ESCAPE, "Y", ESCAPE, "f", ESCAPE),
    *(" ", "j", " ", ESCAPE, "p", "p", "r", "\x0c"),
    *("R", "y", "g"),  # replays a run
    *("j",) * 20,
    *("",) * 10,  # rests
)
"""The keys of a user, one a second. A round takes less than two minutes, so that the warm-up has five of them."""


BARE_ROUND: Final = (DOWN,) * 20 + (PAGE_DOWN,) * 5 + ("?", ESCAPE) * 10 + (UP,) * 10 + ("",) * 10
"""The keys for a bare app, which has only a table and a dialog."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The process after a minute. `memory_mb` is the median of the minute. `tasks` are those of asyncio."""

    minute: int
    memory_mb: float
    descriptors: int
    threads: int
    tasks: int


def measure(minutes: float = MINUTES, keys_typed: Sequence[str] = ROUND) -> Iterator[Figure]:
    """Yield the figures of a long run, in which these keys come again and again. Each minute is printed to stderr."""
    with ExitStack() as stack:
        program = stack.enter_context(on_emulator("--rate", str(RATE_PER_S), "--history", "0"))()
        into = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "facts.json"
        command = [sys.executable, "-m", "tests.perf.followed", str(KEPT_RUNS)]
        env = {**environment(), **program.env, INTO: str(into)}
        terminal = stack.enter_context(Terminal(command, env=env))
        terminal.wait_for("● live")
        process, keys = psutil.Process(terminal.process.pid), itertools.cycle(keys_typed)
        spent, started_s = processes.cpu_s(process.pid), time.monotonic()
        samples: list[Sample] = []
        for minute in range(1, max(2, int(minutes)) + 1):
            memory_mb = _minute(terminal, process, keys)
            tasks = _facts(terminal, into)["tasks"]
            samples.append(Sample(minute, memory_mb, process.num_fds(), process.num_threads(), tasks))
            print(samples[-1], file=sys.stderr, flush=True)
        spent, seconds = processes.cpu_s(process.pid) - spent, time.monotonic() - started_s
        found = _facts(terminal, into)
    first, last = samples[min(WARM_UP_MINUTES, len(samples)) - 1], samples[-1]
    yield from _growth([each.memory_mb for each in samples], MAX_GROWTH_MB)
    yield Figure("descriptors more", last.descriptors - first.descriptors, "descriptors", 0)
    yield Figure("threads more", last.threads - first.threads, "threads", 0)
    yield Figure("tasks of asyncio more", last.tasks - first.tasks, "tasks", 0)
    yield Figure("full garbage collections", found["collections"], "collections")
    yield Figure("the longest of them", found["longest_collection_ms"], "ms", MAX_COLLECTION_MS)
    yield Figure("share of a core", spent / seconds * 100, "%")


def measure_still(minutes: float = MINUTES) -> Iterator[Figure]:
    """Yield the same figures of a monitor without any keys."""
    yield from measure(minutes, ("",))


def measure_bare(minutes: float = MINUTES) -> Iterator[Figure]:
    """Yield the growth of a bare Textual app with as many rows and changes, in which a dialog is opened and closed."""
    command = [sys.executable, "-m", "tests.perf.bare_table", str(KEPT_RUNS), str(RATE_PER_S)]
    with Terminal(command, is_controlling=True) as terminal:
        terminal.wait_for(READY)
        process, keys = psutil.Process(terminal.process.pid), itertools.cycle(BARE_ROUND)
        samples: list[float] = []
        for minute in range(1, max(2, int(minutes)) + 1):
            samples.append(_minute(terminal, process, keys))
            print(f"minute {minute}: {samples[-1]:.2f} MB", file=sys.stderr, flush=True)
    yield from _growth(samples)


def _facts(terminal: Terminal, into: Path) -> dict[str, int]:
    """Return what `tests.perf.followed` writes at its signal."""
    into.unlink(missing_ok=True)
    terminal.process.send_signal(signal.SIGUSR2)
    while not into.exists():
        terminal.read_for(0.02)
        terminal.check_running()
    return dict(json.loads(into.read_text(encoding="utf-8")))


def _growth(samples: list[float], limit_mb: float | None = None) -> Iterator[Figure]:
    """Yield what the memory of each minute says, in MB."""
    warm = min(WARM_UP_MINUTES, len(samples))
    first_mb = samples[warm - 1]
    yield Figure(f"memory after {warm} minutes", first_mb, "MB")
    yield Figure(f"its growth until minute {len(samples)}", samples[-1] - first_mb, "MB", limit_mb)
    yield Figure("its growth at its highest", max(samples[warm - 1 :]) - first_mb, "MB")


def _minute(terminal: Terminal, process: psutil.Process, keys: Iterator[str]) -> float:
    """Type for a minute, a key a second. Return the median of the memory in MB. AssertionError if the program ends."""
    memory_mb: list[float] = []
    for _ in range(SAMPLES):
        key = next(keys)
        with suppress(OSError):  # the program has ended: the check says how
            terminal.send(key)
        terminal.read_for(1.0)
        terminal.check_running()
        memory_mb.append(process.memory_info().rss / 1e6)
    return statistics.median(memory_mb)


if __name__ == "__main__":
    length, *kinds = sys.argv[1:] or [str(MINUTES)]
    run = {(): measure, ("still",): measure_still, ("bare",): measure_bare}[tuple(kinds)]
    for figure in run(float(length)):
        print(f"{figure.name:45} {figure.value:10.2f} {figure.unit}", flush=True)
