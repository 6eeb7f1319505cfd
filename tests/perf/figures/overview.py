"""The figures of the overview and the wall: their cost beside a monitor without them."""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from statistics import median
from typing import Final

from tests.perf import processes
from tests.perf.figures.opening import RESTING, seen
from tests.perf.figures.programs import Program, bare, on_emulator
from tests.perf.figures.resting import Rest
from tests.perf.figures.row import MAX_RATIO, PEERS, Effort, Reading
from tests.perf.terminal import Terminal

MAX_MEMORY_RATIO: Final = 2.2
MAX_MORE_SHARE: Final = 1.0
"""Of a core, in percent."""

BUSY: Final = ("--seed", "0", "--rate", "20", "--history", "1000")
SETTLING_S: Final = 15.0
TURN_S: Final = 0.05


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
