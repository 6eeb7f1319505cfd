"""The failures that are acknowledged on the server: they are no finding."""

from datetime import datetime

from tui.domain.findings.facts import ErrorGroupsRead
from tui.domain.ids import TaskId
from tui.domain.text import Raw


def acknowledged_messages(errors: ErrorGroupsRead | None, now: datetime) -> dict[TaskId, set[Raw]]:
    """Return the messages of the acknowledged error groups of each task."""
    found: dict[TaskId, set[Raw]] = {}
    for group in () if errors is None else errors.groups:
        if group.is_acknowledged(now):
            found.setdefault(group.task, set()).add(group.message)
    return found


def has_only_acknowledged(errors: ErrorGroupsRead | None, task: TaskId, now: datetime) -> bool:
    """Return whether the task has error groups in the last hour, and all of them are acknowledged."""
    groups = [] if errors is None else [each for each in errors.groups if each.task == task]
    return bool(groups) and all(each.is_acknowledged(now) for each in groups)
