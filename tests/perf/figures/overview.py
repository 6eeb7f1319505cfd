"""The figure of memory, as a user starts the monitor."""

from statistics import median
from typing import Final

from tests.perf import processes
from tests.perf.figures.opening import RESTING, seen
from tests.perf.figures.programs import bare, on_emulator
from tests.perf.figures.row import PEERS, Effort, Reading

MAX_MEMORY_RATIO: Final = 2.2
SETTLING_S: Final = 15.0


def memory(effort: Effort) -> Reading:
    """Compare the memory of the monitor as a user starts it, with its overview, with that of a bare app."""
    found: dict[str, list[float]] = {}
    with on_emulator(*RESTING) as monitor:
        for _ in range(int(effort.pick(5, 2))):
            for program in (bare(), monitor()):
                with program.ready_on() as terminal:
                    terminal.read_for(SETTLING_S)
                    found.setdefault(program.name, []).append(processes.rss_bytes(terminal.process.pid) / 1e6)
    of_bare, of_ours = (median(found[name]) for name in ("bare", "trigger-tui"))
    measured = f"{of_ours:.1f} MB = {of_ours / of_bare:.2f} x"
    peers = {
        name: f"{median(start.memory_mb for start in of_one):.1f} MB"
        for name, of_one in seen(effort).items()
        if name in PEERS
    }
    return Reading(measured, of_ours / of_bare <= MAX_MEMORY_RATIO, f"{of_bare:.1f} MB", peers)
