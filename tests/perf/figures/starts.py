"""Measures the starts of programs in alternating rounds, so that the same noise meets all of them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.perf import processes
from tests.perf.figures.programs import Program
from tests.perf.figures.screen_changes import first_paint_s

SETTLED_S: Final = 0.6
"""A start is over when nothing was written for this long."""

SETTLING_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a program."""

    paint_s: float
    ready_s: float
    cpu_s: float
    bytes: float
    memory_mb: float


def starts(programs: Sequence[Program], rounds: int) -> dict[str, list[Start]]:
    """Start each program once a round, and return the starts by name. One round before compiles and warms caches."""
    seen: dict[str, list[Start]] = {program.name: [] for program in programs}
    for number in range(rounds + 1):
        for program in programs:
            started = _one(program)
            if number:
                seen[program.name].append(started)
    return seen


def _one(program: Program) -> Start:
    with program.running() as terminal:
        ready_s = terminal.wait_for_bytes(program.ready.encode()) - terminal.began_s
        cpu_s = processes.cpu_s(terminal.process.pid)
        ends_s = time.monotonic() + SETTLING_S
        while time.monotonic() < ends_s:
            since = len(terminal.received)
            terminal.read_for(SETTLED_S)
            if len(terminal.received) == since:
                break
        memory_mb = processes.rss_bytes(terminal.process.pid) / 1e6
        return Start(first_paint_s(terminal), ready_s, cpu_s, len(terminal.received), memory_mb)
