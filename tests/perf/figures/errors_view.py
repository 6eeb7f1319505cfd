"""The figures of the errors view: opening it over many failed runs, and a step of its cursor."""

import time
from statistics import median
from typing import Final

from tests.perf.figures.programs import filled
from tests.perf.figures.row import Effort, Reading

FAILED_RUNS: Final = 10_000
MAX_OPEN_S: Final = 1.0
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
            seen_s = terminal.wait_until(lambda: "runs read" in terminal.lines[1], "the first groups")
            first_s.append(seen_s - sent_s)
            done_s = terminal.wait_until(lambda: f"{count} of ≥{count} runs read" in terminal.lines[1], "all groups")
            taken_s.append(done_s - sent_s)
            terminal.read_for(1.0)
            terminal.send("!")
            terminal.wait_until(lambda: ":runs" in terminal.lines[1], "the runs")
            terminal.read_for(1.0)
    measured = f"first {median(first_s):.2f} s, all {median(taken_s):.2f} s"
    return Reading(measured, median(taken_s) <= MAX_OPEN_S)
