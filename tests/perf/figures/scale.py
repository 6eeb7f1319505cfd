"""The figures of 100,000 runs: a held key, a sort, a filter, 1,000 changes a second, memory."""

import json
import signal
import tempfile
import time
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.perf import processes
from tests.perf.figures.presses import percentile, press_each
from tests.perf.figures.programs import DOWN, UP, Program, filled
from tests.perf.figures.row import Effort, Reading
from tests.perf.filled import INTO
from tests.perf.terminal import Terminal

MANY: Final = 100_000
FEW: Final = 1_000
HELD_HZ: Final = 30
MAX_SETTLE_MS: Final = 30.0
MAX_HELD_SHARE: Final = 25.0
MAX_SORT_MS: Final = 100.0
MAX_FILTER_MS: Final = 150.0
MAX_KEY_RATIO: Final = 1.25
CHANGES_PER_S: Final = 1_000
MAX_CHANGES_SHARE: Final = 15.0
MAX_CHANGES_BYTES_PER_S: Final = 12_000
MAX_ROW_BYTES: Final = 900

SETTLING_S: Final = 12.0
LAST_BYTE_S: Final = 0.5
FIRST_LINE: Final = 3


MAX_COLLECTION_MS: Final = 5.0
VISITS: Final = ("j", "\t", "z", "?", "\x1b", "!", "\x1b", "Q", "\x1b", "W", "\x1b", "s", "/", "sync-2", "\r")
"""Keys that open most rooms of the monitor."""

VISITED_CHANGES_PER_S: Final = 100
"""Meanwhile. Five times as many as in the long run."""


@cache
def _at_rest(effort: Effort) -> dict[str, Any]:
    """Hold a key, sort and filter among 100,000 runs of which none changes."""
    with filled(MANY).ready_on() as terminal:
        _zoom(terminal)
        held = [_hold(terminal, effort.pick(4, 2)) for _ in range(int(effort.pick(5, 2)))]
        orders = [
            _until_ms(terminal, "s", lambda before: terminal.lines[1] != before) for _ in range(int(effort.pick(8, 4)))
        ]
        filters = [_filter_ms(terminal, number) for number in range(int(effort.pick(8, 3)))]
    return {
        "settle": [each[0] for each in held],
        "share": [each[1] for each in held],
        "sort": orders,
        "filter": filters,
    }


def _zoom(terminal: Terminal) -> None:
    for key in "jz":
        terminal.read_for(1.5)
        terminal.send(key)
    terminal.read_for(2.0)


def _hold(terminal: Terminal, seconds: float) -> tuple[float, float]:
    """Hold Down. Return the ms from its last repetition to the last byte, and the percent of a core."""
    began_s, spent_s = time.monotonic(), processes.cpu_s(terminal.process.pid)
    for number in range(int(seconds * HELD_HZ)):
        terminal.read_for(began_s + number / HELD_HZ - time.monotonic())
        terminal.send(DOWN)
    released_s = time.monotonic()
    terminal.wait_quiet(LAST_BYTE_S)
    share = (processes.cpu_s(terminal.process.pid) - spent_s) / (released_s - began_s) * 100
    return (terminal.read_s - released_s) * 1000, share


def _until_ms(terminal: Terminal, key: str, is_done: Any) -> float:
    terminal.read_for(1.0)
    before, sent_s = terminal.lines[1], time.monotonic()
    terminal.send(key)
    done_s = terminal.wait_until(lambda: is_done(before), "a change of the list")
    return (done_s - sent_s) * 1000


def _filter_ms(terminal: Terminal, number: int) -> float:
    """Type a filter. Return the time from its last character until the first line matches, in ms."""
    task = f"sync-{20 + number}"
    terminal.send("/")
    terminal.read_for(0.5)
    terminal.send(f"task:{task[:-1]}")
    terminal.read_for(1.5)
    sent_s = time.monotonic()
    terminal.send(task[-1])
    done_s = terminal.wait_until(
        lambda: all(task in line for line in terminal.lines[FIRST_LINE : FIRST_LINE + 10]), task
    )
    terminal.send("\x1b")
    terminal.read_for(1.0)
    terminal.send("\x1b")
    terminal.read_for(1.0)
    return (done_s - sent_s) * 1000


def held_key(effort: Effort) -> Reading:
    settle_ms, share = median(_at_rest(effort)["settle"]), median(_at_rest(effort)["share"])
    return Reading(f"{settle_ms:.0f} ms, {share:.0f} %", settle_ms <= MAX_SETTLE_MS and share <= MAX_HELD_SHARE)


def sort_and_filter(effort: Effort) -> Reading:
    sort_ms, filter_ms = median(_at_rest(effort)["sort"]), median(_at_rest(effort)["filter"])
    return Reading(f"{sort_ms:.0f} ms, {filter_ms:.0f} ms", sort_ms <= MAX_SORT_MS and filter_ms <= MAX_FILTER_MS)


def key_at_scale(effort: Effort) -> Reading:
    """Compare the p95 of a key's first byte with 100,000 and with 1,000 runs, in alternating rounds."""
    late: dict[int, list[float]] = {MANY: [], FEW: []}
    with filled(MANY).ready_on() as many, filled(FEW).ready_on() as few:
        for terminal in (many, few):
            _zoom(terminal)
        for _ in range(int(effort.pick(7, 3))):
            for runs, terminal in ((MANY, many), (FEW, few)):
                presses = press_each(terminal, [DOWN, UP] * int(effort.pick(20, 10)), 0.03)
                late[runs].append(percentile(presses.first_ms, 0.95))
    ratio = median(of_many / of_few for of_many, of_few in zip(late[MANY], late[FEW], strict=True))
    measured = f"{median(late[MANY]):.1f} ms = {ratio:.2f} x"
    return Reading(measured, ratio <= MAX_KEY_RATIO)


def changes(effort: Effort) -> Reading:
    """Change 1,000 runs a second. What making the changes costs is measured by the program, and left out."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "report.json"
        program = filled(MANY, CHANGES_PER_S)
        program = Program(program.name, program.command, program.ready, {INTO: str(into)})
        with program.ready_on() as terminal:
            terminal.read_for(5.0)
            before = _report(terminal, into)
            since, spent_s, began_s = len(terminal.received), processes.cpu_s(terminal.process.pid), time.monotonic()
            terminal.read_for(effort.pick(30, 8))
            seconds = time.monotonic() - began_s
            spent_s = processes.cpu_s(terminal.process.pid) - spent_s
            after = _report(terminal, into)
            written = (len(terminal.received) - since) / seconds
    share = (spent_s - (after["making_s"] - before["making_s"])) / seconds * 100
    count = (after["count"] - before["count"]) / seconds
    is_met = share <= MAX_CHANGES_SHARE and written <= MAX_CHANGES_BYTES_PER_S and after["lost"] == 0
    return Reading(f"{share:.1f} %, {written / 1000:.1f} KB/s, {after['lost']} lost, {count:,.0f}/s", is_met)


def row_memory(_: Effort) -> Reading:
    """Compare the memory of the monitor with 100,000 runs in its list with that of 1,000."""
    bytes_by_runs: dict[int, int] = {}
    for runs in (FEW, MANY):
        with filled(runs).ready_on() as terminal:
            terminal.read_for(SETTLING_S)
            bytes_by_runs[runs] = processes.rss_bytes(terminal.process.pid)
    one = (bytes_by_runs[MANY] - bytes_by_runs[FEW]) / (MANY - FEW)
    return Reading(f"{one:.0f} B", one <= MAX_ROW_BYTES)


def collections(effort: Effort) -> Reading:
    """Visit all rooms while 100 of 100,000 failed runs change a second, with the collector as the monitor runs it."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "report.json"
        program = filled(MANY, VISITED_CHANGES_PER_S, are_failed=True)
        program = Program(program.name, program.command, program.ready, {INTO: str(into)})
        with program.ready_on() as terminal:
            terminal.read_for(SETTLING_S)
            for _ in range(int(effort.pick(6, 2))):
                for keys in VISITS:
                    terminal.send(keys)
                    terminal.read_for(1.0)
            longest_ms = _report(terminal, into)["longest_collection_ms"]
    return Reading(f"{longest_ms:.1f} ms", longest_ms <= MAX_COLLECTION_MS)


def _report(terminal: Terminal, into: Path) -> dict[str, float]:
    into.unlink(missing_ok=True)
    terminal.process.send_signal(signal.SIGUSR2)
    terminal.read_for(0.1)
    while not into.exists():
        terminal.read_for(0.02)
    return dict(json.loads(into.read_text(encoding="utf-8")))
