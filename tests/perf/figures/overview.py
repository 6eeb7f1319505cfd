"""The figures of the overview and the wall: their cost beside a monitor without them, and own counts of many runs."""

import gc
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import islice
from random import Random
from statistics import median
from typing import Final

from tests.perf import processes
from tests.perf.figures.findings import NOW, ended, facts, hour
from tests.perf.figures.opening import RESTING, seen
from tests.perf.figures.programs import Program, bare, on_emulator
from tests.perf.figures.resting import Rest
from tests.perf.figures.row import MAX_RATIO, PEERS, Effort, Reading
from tests.perf.terminal import Terminal
from tui.domain.update import HistoryRead, RunPatch, RunsRead
from tui.kit.heap import THRESHOLDS
from tui.store.findings.board import BoardSpan, make_board
from tui.store.findings.counts import OwnCounts
from tui.store.store import Store

MAX_MEMORY_RATIO: Final = 2.2
MAX_MORE_SHARE: Final = 1.0
"""Of a core, in percent."""

BUSY: Final = ("--seed", "0", "--rate", "20", "--history", "1000")
SETTLING_S: Final = 15.0
TURN_S: Final = 0.05
MAX_HELD_MS: Final = 10.0
"""A key waits no longer for a step, by its 99th percentile."""

MAX_COUNTS_MB: Final = 15.0
MANY: Final = 100_000
PAGE: Final = 1_000
KEPT: Final = timedelta(hours=20)
"""The own counts keep the runs of this time."""


def without_overview(program: Program) -> Program:
    """Return a monitor like `program`, which never shows its overview."""
    command = [sys.executable, "-m", "tests.perf.without_overview", *program.command[3:]]
    return replace(program, name="without", command=command)


@cache
def shares(effort: Effort) -> Mapping[str, Sequence[Rest]]:
    """Watch one fleet of 20 new runs a second with three monitors at once, in rounds: the same noise meets all."""
    with on_emulator(*BUSY) as monitor, ExitStack() as running:
        programs = [without_overview(monitor()), monitor(), replace(monitor("wall"), name="wall", ready="runs/h")]
        terminals = [running.enter_context(each.ready_on()) for each in programs]
        _read_all(terminals, SETTLING_S)
        rounds = [Rest.of_all(terminals, effort.pick(20, 8)) for _ in range(int(effort.pick(5, 3)))]
    return {each.name: [of_round[index] for of_round in rounds] for index, each in enumerate(programs)}


def _read_all(terminals: Sequence[Terminal], seconds: float) -> None:
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        for terminal in terminals:
            terminal.read_for(TURN_S)


def more_cpu(effort: Effort) -> Reading:
    """Compare the CPU of overview and wall with a monitor without them: the median of the rounds' differences."""
    seen = shares(effort)
    more = {
        name: median(ours.cpu_share - other.cpu_share for ours, other in zip(seen[name], seen["without"], strict=True))
        for name in ("trigger-tui", "wall")
    }
    ratios = {name: max(rest.ratio for rest in seen[name]) for name in more}
    is_met = max(more.values()) <= MAX_MORE_SHARE and max(ratios.values()) <= MAX_RATIO
    measured = ", ".join(
        f"{'overview' if name != 'wall' else name} {share:+.2f} %, {ratios[name]:.2f} x" for name, share in more.items()
    )
    return Reading(measured, is_met)


def memory(effort: Effort) -> Reading:
    """Compare the memory of the monitor as a user starts it, with its overview, with that of a bare app."""
    found: dict[str, list[float]] = {}
    with on_emulator(*RESTING) as monitor:
        ours = monitor()
        for _ in range(int(effort.pick(5, 2))):
            for program in (bare(), without_overview(ours), ours):
                with program.ready_on() as terminal:
                    terminal.read_for(SETTLING_S)
                    found.setdefault(program.name, []).append(processes.rss_bytes(terminal.process.pid) / 1e6)
    of_bare, without, with_it = (median(found[name]) for name in ("bare", "without", "trigger-tui"))
    measured = f"{with_it:.1f} MB = {with_it / of_bare:.2f} x, without its overview {without / of_bare:.2f} x"
    peers = {
        name: f"{median(start.memory_mb for start in of_one):.1f} MB"
        for name, of_one in seen(effort).items()
        if name in PEERS
    }
    return Reading(measured, with_it / of_bare <= MAX_MEMORY_RATIO, f"{of_bare:.1f} MB", peers)


def _ended_runs(count: int) -> Iterator[RunPatch]:
    random = Random(7)
    return (ended(random, NOW - KEPT * (1 - number / count), number) for number in range(count))


def counts_at_scale(_: Effort) -> Reading:
    """Count 100,000 runs of 200 tasks in steps, with the collector as the monitor runs it."""
    store, runs = Store(), _ended_runs(MANY)
    while page := tuple(islice(runs, PAGE)):
        store.apply(RunsRead(page))
    gc.collect()
    gc.freeze()
    thresholds = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    before_bytes, own, steps_ms, has_more = processes.rss_bytes(os.getpid()), OwnCounts(store), list[float](), True
    while has_more:
        begin_s = time.process_time()
        has_more = own.step(NOW)
        steps_ms.append(1000 * (time.process_time() - begin_s))
    more_mb = (processes.rss_bytes(os.getpid()) - before_bytes) / 1e6
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    late_ms = sorted(steps_ms)[-len(steps_ms) // 100]
    is_met = late_ms <= MAX_HELD_MS and more_mb <= MAX_COUNTS_MB
    return Reading(f"p99 {late_ms:.1f}, longest {max(steps_ms):.1f} ms, +{more_mb:.1f} MB", is_met)


def board(effort: Effort) -> Reading:
    """Make the board of 200 tasks from own counts alone, without an answer of the server."""
    store = Store()
    for update in (*facts(), RunsRead(tuple(hour(Random(7)))), HistoryRead(NOW - timedelta(hours=1), 1, True)):
        store.apply(update)
    own, span, times_ms = OwnCounts(store), BoardSpan(timedelta(minutes=1), 60, NOW), list[float]()
    own.settle(NOW)
    assert store.wall_facts is not None
    for _ in range(int(effort.pick(100, 30))):
        begin_s = time.process_time()
        make_board(store.wall_facts, own, None, store.status_counts(NOW), span, NOW)
        times_ms.append(1000 * (time.process_time() - begin_s))
    middle_ms = median(times_ms)
    return Reading(f"p50 {middle_ms:.1f}, longest {max(times_ms):.1f} ms", middle_ms <= MAX_HELD_MS)
