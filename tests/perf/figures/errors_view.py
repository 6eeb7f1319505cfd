"""The figures of the errors view: opening it over many failed runs, and a step of its cursor."""

import time
from statistics import median
from typing import Final

from tests.perf.figures.presses import press_each
from tests.perf.figures.programs import DOWN, STILL, filled, on_emulator
from tests.perf.figures.row import MAX_RATIO, Effort, Reading

FAILED_RUNS: Final = 10_000
MAX_OPEN_S: Final = 1.0
REST_S: Final = 0.9
"""The newest failure of a group that rests under the cursor is read and drawn within this time."""


def opening(effort: Effort) -> Reading:
    """Measure the time from `!` until the first groups are shown, and until all failed runs are in them."""
    first_s, taken_s = list[float](), list[float]()
    count = f"{FAILED_RUNS:,}"
    with filled(FAILED_RUNS, are_failed=True).ready_on() as terminal:
        terminal.read_for(2.0)
        for _ in range(int(effort.pick(5, 2))):
            sent_s = time.monotonic()
            terminal.send("!")
            seen_s = terminal.wait_until(lambda: f"{count} read" in terminal.lines[1], "the first groups")
            first_s.append(seen_s - sent_s)
            done_s = terminal.wait_until(lambda: f"{count} of ≥{count} read" in terminal.lines[1], "all groups")
            taken_s.append(done_s - sent_s)
            terminal.read_for(1.0)
            terminal.send("!")
            terminal.wait_until(lambda: ":runs" in terminal.lines[1], "the runs")
            terminal.read_for(1.0)
    measured = f"first {median(first_s):.2f} s, all {median(taken_s):.2f} s"
    return Reading(measured, median(taken_s) <= MAX_OPEN_S)


def down(effort: Effort) -> Reading:
    """Press Down in the list of groups, where the group and its newest failure follow."""
    with on_emulator(*STILL) as monitor, monitor().ready_on() as terminal:
        terminal.wait_quiet(REST_S)
        terminal.send("!")
        terminal.wait_until(lambda: "all read" in terminal.lines[1], "all groups")
        terminal.wait_quiet(REST_S)
        presses = press_each(terminal, [DOWN] * int(effort.pick(8, 4)), REST_S)
    return Reading(presses.counted, presses.ratio <= MAX_RATIO)
