"""How many rows each block of the wall gets.

The most important blocks get rows first. Dropped when rows are short, in this order: just now, waiting, longest, due,
tasks from the bottom, failing from the bottom. Findings, the four series and the ages always stand.
"""

from typing import Final

from tui.lazy_dataclass import dataclass
from tui.present.wall.verdict import MAX_LINES

HOUR: Final = 5
"""The rows of the four series in one row each, with their rule."""

TALL_HOUR: Final = 9
_USUAL_FAILING: Final = 3
_MAX_FAILING: Final = 8
_FEW_TASKS: Final = 4
_ENOUGH_TASKS: Final = 8
_FOOT: Final = 3
_MAX_FOOT: Final = 6
_ROOMY: Final = 20
"""From so many rows on, the findings keep the rows that they do not use, so that nothing jumps."""


@dataclass(frozen=True, slots=True)
class Heights:
    """The rows of each block without its rule. `foot`: those of due, longest and waiting; 0: they are not shown."""

    verdict: int
    failing: int
    tasks: int
    foot: int = 0
    has_deploy: bool = False
    has_gap_above: bool = False
    has_gaps: bool = False
    has_just_now: bool = False
    is_tall: bool = False


class _Rows:
    """The rows that are still to be given out."""

    def __init__(self, count: int) -> None:
        self.left = max(0, count)

    def take(self, wanted: int) -> int:
        """Take as many as there are, up to `wanted`."""
        taken = max(0, min(wanted, self.left))
        self.left -= taken
        return taken

    def take_all(self, wanted: int) -> bool:
        """Take so many, or none. Return whether they were taken."""
        if self.left < wanted:
            return False
        self.left -= wanted
        return True


def heights(
    rows: int, *, verdict: int, is_stale: bool, failing: int, tasks: int, is_wide: bool, has_deploy: bool
) -> Heights:
    """Return the rows of the blocks of a wall in one column. `rows` are all below the header.

    `verdict`, `failing` and `tasks` are how many rows these would fill.
    """
    reserved = MAX_LINES + is_stale if rows >= _ROOMY else verdict
    reserved = max(verdict, reserved)
    free = _Rows(rows - 1 - reserved - HOUR)
    failing_rows = free.take(2) - 1
    task_rows = free.take(2) - 1
    has_gap_above = free.take_all(1)
    usual = _USUAL_FAILING if rows >= _ROOMY else min(failing, _USUAL_FAILING)
    failing_rows += free.take(usual - failing_rows)
    task_rows += free.take(min(tasks, _FEW_TASKS) - task_rows)
    has_gaps = free.take_all(2)
    task_rows += free.take(min(tasks, _FEW_TASKS + 1) - task_rows)
    has_deploy = has_deploy and free.take_all(1)
    failing_rows += free.take(min(failing, _MAX_FAILING) - failing_rows)
    task_rows += free.take(min(tasks, _ENOUGH_TASKS) - task_rows)
    foot = _FOOT if is_wide and free.take_all(_FOOT + 2) else 0
    free.take_all(1)  # the last gap
    task_rows += free.take(tasks - task_rows)
    if foot:
        foot += free.take(_MAX_FOOT - _FOOT)
    has_just_now = is_wide and free.take_all(3)
    task_rows += free.left if foot or has_just_now else 0  # these stand at the bottom
    return Heights(
        reserved,
        max(0, failing_rows),
        max(0, task_rows),
        foot,
        has_deploy,
        has_gap_above,
        has_gaps,
        has_just_now,
    )


def column_heights(rows: int, *, failing: int, tasks: int, has_deploy: bool) -> Heights:
    """Return the rows of the left of two columns, which begin below the findings and end above the last row."""
    is_tall = rows >= 30
    free = _Rows(rows - (TALL_HOUR if is_tall else HOUR))
    failing_rows = free.take(2) - 1
    task_rows = free.take(2) - 1
    has_gaps = free.take_all(2)
    failing_rows += free.take(_USUAL_FAILING - 1)
    task_rows += free.take(min(tasks, _FEW_TASKS) - task_rows)
    has_deploy = has_deploy and free.take_all(1)
    failing_rows += free.take(min(failing, _MAX_FAILING) - failing_rows)
    foot = _FOOT if free.take_all(_FOOT + 2) else 0
    has_just_now = free.left >= 4 and free.take_all(3)
    free.take_all(1)  # the last gap
    task_rows += free.take(tasks - task_rows)
    if foot:
        foot += free.take(_MAX_FOOT - _FOOT)
    task_rows += free.left  # the others stand at the bottom
    return Heights(
        0,
        max(0, failing_rows),
        max(0, task_rows),
        foot,
        has_deploy,
        has_gaps=has_gaps,
        has_just_now=has_just_now,
        is_tall=is_tall,
    )
