"""The tasks of the recordings, so that what the emulator answers can be held to what a real server answered.

What lives here: the list, and the limits of its queues; nobody triggers these tasks but the API and each other. The
modules are the source files of the recorded project `hello-world`: `basics` is src/trigger/basics.ts, and so on.
Triggered with a recorded payload they do what was recorded. What no recording tells (the output of `slow`, the
attributes of most log lines) is left out rather than made up.
"""

from collections.abc import Mapping

from tui.emulator.recorded_tasks.basics import BASICS
from tui.emulator.recorded_tasks.errors import ERRORS
from tui.emulator.recorded_tasks.tree import TREE
from tui.emulator.recorded_tasks.waiting import WAITING
from tui.emulator.simulation.script import Task

RECORDED_TASKS: tuple[Task, ...] = (*BASICS, *ERRORS, *TREE)
"""All tasks that recordings 614 and 817 list, and no other."""

LATER_RECORDED_TASKS: tuple[Task, ...] = WAITING
"""Tasks of the project of recordings 1000 and up."""

RECORDED_LIMITS: Mapping[str, int] = {"single-file": 1, "reports": 5}
"""The queues with a limit (recording 614)."""
