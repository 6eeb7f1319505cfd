"""The tasks of the recordings, so that tests can compare the emulator's responses with recorded ones.

They run only when the API or another of them triggers them. Each module has the name of its source file in the recorded
project: `basics` is src/trigger/basics.ts. With a recorded payload a task behaves as recorded. Unrecorded parts, like
the output of `slow` and the attributes of most log lines, are left out.
"""

from collections.abc import Mapping

from tui.emulator.recorded_tasks.basics import BASICS
from tui.emulator.recorded_tasks.errors import ERRORS
from tui.emulator.recorded_tasks.tree import TREE
from tui.emulator.recorded_tasks.waiting import WAITING
from tui.emulator.simulation.script import Task

RECORDED_TASKS: tuple[Task, ...] = (*BASICS, *ERRORS, *TREE)
"""The tasks that recordings 614 and 817 list."""

LATER_RECORDED_TASKS: tuple[Task, ...] = WAITING
"""The tasks in recordings 1000 and up."""

RECORDED_LIMITS: Mapping[str, int] = {"single-file": 1, "reports": 5}
"""The queues with a limit (recording 614)."""
