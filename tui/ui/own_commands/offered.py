"""The commands of the config file, ready to run, and which of them a selection can be given to."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from tui.domain.ids import RunId, TaskId
from tui.domain.own_commands.expansion import CannotRun
from tui.domain.own_commands.placeholders import CommandScope
from tui.domain.own_commands.template import Template, parse_template
from tui.domain.own_commands.values import Subject
from tui.domain.run import Run
from tui.lazy_dataclass import dataclass
from tui.session import Session
from tui.settings.keys.names import parse_key

if TYPE_CHECKING:
    from tui.settings.schema import CommandEntry
    from tui.store.errors.error_group import ErrorGroup

RUNS_VIEW: Final = (CommandScope.MARKS, CommandScope.RUN, CommandScope.TASK)
GROUPS_VIEW: Final = (CommandScope.GROUP, CommandScope.RUN, CommandScope.TASK)
RUNS_OF_GROUP: Final = (CommandScope.RUN, CommandScope.GROUP, CommandScope.TASK)
"""The scopes of each view, the nearest first."""

NOTHING_SELECTED: Final = {
    CommandScope.RUN: "no run is selected",
    CommandScope.TASK: "no task is selected",
    CommandScope.GROUP: "no group is selected",
    CommandScope.MARKS: "no run is marked",
}


@dataclass(frozen=True, slots=True)
class OwnCommand:
    """A command of the config file. `key` is Textual's name of its key, empty if it has none."""

    name: str
    key: str
    scope: CommandScope
    template: Template
    entry: "CommandEntry"


@dataclass(frozen=True, slots=True)
class OwnSelection:
    """What a command may be about, on one screen.

    * `scopes`: those that the screen has, the nearest first: it decides between two commands with one key
    * `marks`: returns the marked runs that are shown; `hidden_marks` counts the others
    """

    scopes: tuple[CommandScope, ...]
    run_id: RunId | None = None
    group: "ErrorGroup | None" = None
    has_marks: bool = False
    hidden_marks: int = 0
    marks: Callable[[], Sequence[RunId]] = tuple


def own_command(entry: "CommandEntry") -> OwnCommand:
    """Return a command of the file. The reader has checked it."""
    scope = CommandScope(entry.scope)
    key = parse_key(entry.key) if entry.key else ""
    return OwnCommand(entry.name, key, scope, parse_template(entry.command, scope), entry)


def is_hidden(command: OwnCommand, session: Session) -> bool:
    """Return whether a command is not offered in this environment or session."""
    if session.is_read_only and not command.entry.readonly:
        return True
    return session.interlock.is_production and not command.entry.production


def has_subject(scope: CommandScope, selection: OwnSelection, session: Session) -> bool:
    """Return whether something of a scope is selected."""
    match scope:
        case CommandScope.MARKS:
            return selection.has_marks
        case CommandScope.GROUP:
            return selection.group is not None
        case CommandScope.RUN:
            return selection.run_id is not None
        case CommandScope.TASK:
            return _task_of(selection, _run(selection, session)) is not None


def subject_of(scope: CommandScope, selection: OwnSelection, session: Session) -> Subject:
    """Return what a command of a scope is about now. Raises `CannotRun` if nothing of its kind is selected."""
    if scope is CommandScope.MARKS and selection.hidden_marks and not selection.has_marks:
        raise CannotRun("the filter hides all marked runs")
    if scope not in selection.scopes or not has_subject(scope, selection, session):
        raise CannotRun(NOTHING_SELECTED[scope])
    settings, environment = session.settings, session.store.environment
    run = _run(selection, session) if scope in {CommandScope.RUN, CommandScope.TASK} else None
    slug = environment.slug if environment is not None else None if run is None else run.fixed.environment
    group = selection.group if scope is CommandScope.GROUP else None
    return Subject(
        environment=slug,
        project=None if environment is None else environment.project_ref,
        api=settings.api_url if settings.relay_url is None else None,
        run=run if scope is CommandScope.RUN else None,
        run_url=_url_of(run, session),
        task=None if scope is CommandScope.MARKS else _task_of(selection, run),
        kind=None if group is None else group.kind,
        runs=tuple(selection.marks()) if scope is CommandScope.MARKS else (),
    )


def _run(selection: OwnSelection, session: Session) -> Run | None:
    run_id = selection.run_id
    return None if run_id is None else session.store.get(run_id) or Run(run_id)


def _task_of(selection: OwnSelection, run: Run | None) -> TaskId | None:
    """Return the task of a run, or the only one of the group if no run is selected."""
    if run is not None:
        return run.fixed.task
    tasks = () if selection.group is None else selection.group.tasks
    return tasks[0][0] if len(tasks) == 1 else None


def _url_of(run: Run | None, session: Session) -> str | None:
    environment = session.store.environment
    return None if run is None or environment is None else environment.link_to(run.id, session.settings.dashboard_url)
