"""A week of runs in the hour of the start, so that what is normal for a task at this time of day is known.

They count as a part of the history. Tasks that are triggered most come first, as many as fit.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from tui.emulator.simulation.names import digest
from tui.emulator.simulation.new_run import NewRun, OldRun
from tui.emulator.simulation.script import Task

MIN_HISTORY: Final = 1_500
"""A shorter history has no room for a week."""

SHARE: Final = 0.3
"""The week is at most this share of the history."""

DAYS: Final = 7
RUNS_A_DAY: Final = 3
FAMILY: Final = 1.6
"""How many runs one trigger causes, about."""

SOON_MS: Final = 600_000
"""The hour that it will be so long after the start comes first."""

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
MARGIN_MS: Final = 60_000
"""No run is triggered so close to the beginning or the end of an hour."""


def week_of(tasks: Sequence[Task], seed: int, start_ms: int, history: int) -> list[OldRun]:
    """Return runs of the last seven days, in the hours that come next after the start."""
    if history < MIN_HISTORY:
        return []
    busiest = sorted((task for task in tasks if task.weight and not task.delay_ms), key=lambda task: -task.weight)
    of_one = DAYS * RUNS_A_DAY
    room = int(history * SHARE / FAMILY / of_one)
    random = Random(digest(seed, "week"))
    soon_ms = (start_ms + SOON_MS) // HOUR_MS * HOUR_MS
    now_ms = start_ms // HOUR_MS * HOUR_MS
    other_ms = now_ms if now_ms != soon_ms else soon_ms + HOUR_MS
    wanted = [(hour_ms, task) for hour_ms in (soon_ms, other_ms) for task in busiest]
    return [old for hour_ms, task in wanted[:room] for old in _in_hour(task, hour_ms, start_ms, random)]


def _in_hour(task: Task, hour_ms: int, start_ms: int, random: Random) -> Iterator[OldRun]:
    """The runs of a task in that hour of each day."""
    for day in range(1, DAYS + 1):
        for _ in range(RUNS_A_DAY):
            at_ms = hour_ms - day * DAY_MS + random.randrange(MARGIN_MS, HOUR_MS - MARGIN_MS)
            yield OldRun(start_ms - at_ms, NewRun(task_id=task.id, tags=task.tags(random)))
