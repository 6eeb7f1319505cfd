"""Measures the screen from outside, on a terminal that sends keys and reads the output.

It compares the start of the demo with that of a bare Textual app, and a key with 100,000 runs with one with 100. It
measures the bytes of one changed run, and a minute of 1,000 changes a second. Compared things are measured alternately.
"""

import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.perf.figure import Figure
from tests.perf.terminal import Terminal, painted_rows

STARTS = 11
ROUNDS = 6
PRESSES = 100
BUSY_S = 60.0
SETTLING_S = 10.0
MANY_RUNS = 100_000

DEMO = [sys.executable, "-m", "tui", "demo", "--history", "500"]
BARE = """
from textual.app import App
from textual.widgets import Static


class Bare(App):
    def compose(self):
        yield Static("first text")


Bare().run()
"""


def measure() -> Iterator[Figure]:
    """Yield the figures of the screen."""
    yield from starts()
    yield from keys()
    yield from one_changed_run()
    yield from busy_minute()


def starts() -> Iterator[Figure]:
    """Measure the time from the start of the process to the first run on the screen, and that of a bare app."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "bare.py"
        program.write_text(BARE, encoding="utf-8")
        bare: list[float] = []
        demo: list[float] = []
        for number in range(STARTS + 1):
            took = (_started_s([sys.executable, str(program)], "first text"), _started_s(DEMO, "Completed"))
            if number:  # the first round compiles and warms caches
                bare.append(took[0])
                demo.append(took[1])
    yield Figure("a bare Textual app until its first text", statistics.median(bare) * 1000, "ms")
    yield Figure("the demo until its first run", statistics.median(demo) * 1000, "ms")
    ratio = statistics.median(demo) / statistics.median(bare)
    yield Figure("the demo's start, times the bare app's", ratio, "x", 3)


def _started_s(command: list[str], text: str) -> float:
    # Like an installed package: compiled once, not at every start.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with Terminal(command, env=env) as terminal:
        return terminal.wait_for_bytes(text.encode()) - terminal.began_s


def keys() -> Iterator[Figure]:
    """Measure the time from a key to the paint with the cursor on the next row."""
    with filled(100) as few, filled(MANY_RUNS) as many:
        p95: dict[int, list[float]] = {100: [], MANY_RUNS: []}
        written: list[int] = []
        for _ in range(ROUNDS):
            spent: dict[int, list[float]] = {100: [], MANY_RUNS: []}
            for number in range(PRESSES):
                for runs, terminal in ((100, few), (MANY_RUNS, many)):
                    seconds, count = press(terminal, number)
                    spent[runs].append(seconds)
                    written.append(count)
            for runs, seconds_each in spent.items():
                p95[runs].append(percentile(seconds_each, 0.95))
        # One frame changes the p95 of a round by half, so the median of several rounds is used.
        ratio = statistics.median(many_s / few_s for few_s, many_s in zip(p95[100], p95[MANY_RUNS], strict=True))
        yield Figure("a key to its paint, 100 runs, p95", statistics.median(p95[100]) * 1000, "ms")
        yield Figure("a key to its paint, 100,000 runs, p95", statistics.median(p95[MANY_RUNS]) * 1000, "ms")
        yield Figure("a key with 100,000 runs, times that with 100", ratio, "x", 1.5)
        yield Figure("a key, bytes to the terminal", statistics.median(written), "bytes")


def one_changed_run() -> Iterator[Figure]:
    """Measure the bytes written when one visible run changes its status."""
    with filled(1000) as terminal:
        rows: list[int] = []
        written: list[int] = []
        for _ in range(7):
            terminal.wait_quiet(0.4)
            before = len(terminal.received)
            terminal.process.send_signal(signal.SIGUSR1)
            terminal.wait_until(lambda start=before: len(terminal.received) > start, "the change")  # type: ignore[misc]
            terminal.wait_quiet(0.15)
            output = bytes(terminal.received[before:])
            rows.append(len(painted_rows(output) - {0}))
            written.append(len(output))
        yield Figure("one changed run, rows painted below the header", statistics.median(rows), "rows", 1)
        yield Figure("one changed run, bytes to the terminal", statistics.median(written), "bytes")


def busy_minute() -> Iterator[Figure]:
    """Measure a minute of 1,000 changes a second while keys are typed."""
    with filled(10_000, 1000) as terminal:
        process = psutil.Process(terminal.process.pid)
        terminal.read_for(SETTLING_S)
        before_mb, began_s = process.memory_info().rss / 1e6, time.monotonic()
        spent_s, count = _cpu_s(process), len(terminal.received)
        answers: list[float] = []
        while (now_s := time.monotonic()) - began_s < BUSY_S:
            answers.append(press(terminal, len(answers))[0])
            terminal.read_for(max(0.0, 0.2 - (time.monotonic() - now_s)))
        seconds = time.monotonic() - began_s
        yield Figure("a key under 1,000 changes a second, p95", percentile(answers, 0.95) * 1000, "ms", 100)
        yield Figure("the slowest key", max(answers) * 1000, "ms")
        yield Figure("growth of memory in that minute", process.memory_info().rss / 1e6 - before_mb, "MB", 3)
        yield Figure("share of a core", (_cpu_s(process) - spent_s) / seconds * 100, "%")
        yield Figure("bytes to the terminal", (len(terminal.received) - count) / seconds / 1000, "KB/s")


def filled(runs: int, changes_per_s: int = 0) -> Terminal:
    """Start the monitor on this many runs, with the cursor on one of them."""
    terminal = Terminal([sys.executable, "-m", "tests.perf.filled", str(runs), str(changes_per_s)])
    terminal.wait_for("sync-", "polling")
    terminal.press("j", lambda: terminal.cursor_row is not None)
    return terminal


def press(terminal: Terminal, number: int) -> tuple[float, int]:
    """Move the cursor down and up alternately. Return the seconds and the bytes until it arrives."""
    row = terminal.cursor_row
    answered = terminal.press("jk"[number % 2], lambda: terminal.cursor_row not in {row, None}, "the cursor's move")
    return answered.seconds, answered.bytes


def percentile(values: list[float], share: float) -> float:
    """Return the quantile of the values."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    for figure in measure():
        print(f"{figure.name:55} {figure.value:8.2f} {figure.unit}")
