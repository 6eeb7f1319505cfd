"""The placeholders of commands of one's own, in one table: name, meaning, and the scopes where they may be used.

`values` finds their values. This module is loaded with the config file and imports nothing that is large.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from tui.lazy_dataclass import dataclass


class CommandScope(StrEnum):
    """What a command is about. The words are those of the config file."""

    RUN = "run"
    TASK = "task"
    GROUP = "error group"
    MARKS = "marks"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder, such as `{run.id}`.

    * `sentence`: what stands in its place, for the documentation
    * `missing`: why there may be no value, such as "the run has no version"
    * `scopes`: where it may be used
    * `is_list`: an argument with it becomes one argument for each value, and none without values
    """

    name: str
    sentence: str
    missing: str
    scopes: frozenset[CommandScope]
    is_list: bool = False


_EVERYWHERE: Final = frozenset(CommandScope)
_RUN: Final = frozenset({CommandScope.RUN})
_GROUP: Final = frozenset({CommandScope.GROUP})
_MARKS: Final = frozenset({CommandScope.MARKS})
_WITH_TASK: Final = frozenset({CommandScope.RUN, CommandScope.TASK, CommandScope.GROUP})


_TABLE: Final = (
    Placeholder("run.id", "the run's id", "no run is selected", _RUN),
    Placeholder("run.task", "the id of its task", "the task of the run is not known", _RUN),
    Placeholder("run.status", "its status, such as COMPLETED_WITH_ERRORS", "the run has not been read", _RUN),
    Placeholder("run.version", "the version it runs on", "the run has no version", _RUN),
    Placeholder("run.tags", "its tags, each as an argument", "the run has not been read", _RUN, is_list=True),
    Placeholder("run.url", "its address in the dashboard", "the address of the dashboard is not known", _RUN),
    Placeholder("error.type", "the type of its error", "no error type of the run is known", _RUN),
    Placeholder("error.message", "the message of its error", "no error of the run is known", _RUN),
    Placeholder(
        "error.frame",
        "file and line of the error's first own frame",
        "no own frame in an error of the run is known",
        _RUN,
    ),
    Placeholder("task.id", "the task of the run, or the group's only task", "there is no single task", _WITH_TASK),
    Placeholder("group.fingerprint", "the fingerprint of the error group", "no group is selected", _GROUP),
    Placeholder("group.type", "its error type", "the errors of the group have no type", _GROUP),
    Placeholder("group.message", "its message without data", "the errors of the group have no message", _GROUP),
    Placeholder("group.frame", "the file of its own frame", "the group has no own frame", _GROUP),
    Placeholder("runs", "the ids of the marked runs, each as an argument", "no run is marked", _MARKS, is_list=True),
    Placeholder("environment", "the environment, such as prod", "the environment is not known", _EVERYWHERE),
    Placeholder("project", "the project's reference, proj_…", "the project is not known", _EVERYWHERE),
    Placeholder("api", "the address of the API", "this session has no API of its own: it follows a relay", _EVERYWHERE),
)

PLACEHOLDERS: Final[Mapping[str, Placeholder]] = {each.name: each for each in _TABLE}
"""All placeholders by name. No others exist."""
