"""The value of each placeholder for a selection: the text exactly as the server sent it.

Whoever shows a value cleans it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from tui.domain.errors.error import RunError
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from tui.domain.errors.kinds import ErrorKind


@dataclass(frozen=True, slots=True)
class Subject:
    """What the user selected, and where. None: not known here.

    * `run`: the run as it was last read; None in the scopes without one
    * `run_url`: the address of the run in the dashboard
    * `task`: the task of the run, or the only task of the group
    * `kind`: the kind of error of the group
    * `runs`: the marked runs
    * `api`: the address of the API; None behind a relay
    """

    environment: str | None = None
    project: str | None = None
    api: str | None = None
    run: Run | None = None
    run_url: str | None = None
    task: TaskId | None = None
    kind: "ErrorKind | None" = None
    runs: tuple[RunId, ...] = ()

    @property
    def name(self) -> str:
        """The subject in a few words: an id, a task, or how many runs."""
        if self.runs:
            return f"{len(self.runs)} runs" if len(self.runs) > 1 else self.runs[0]
        if self.kind is not None:
            return f"error group {self.kind.fingerprint}"
        if self.run is not None:
            return self.run.id
        return "nothing" if self.task is None else self.task


def _run_id(subject: Subject) -> str | None:
    return None if subject.run is None else subject.run.id


def _fingerprint(subject: Subject) -> str | None:
    return None if subject.kind is None else subject.kind.fingerprint


def _version(subject: Subject) -> str | None:
    return None if subject.run is None else subject.run.fixed.version


def _status(subject: Subject) -> str | None:
    run = subject.run
    return None if run is None or run.state is None else run.status.value


def _tags(subject: Subject) -> Sequence[str] | None:
    run = subject.run
    return None if run is None or run.state is None else run.state.tags


def _error(subject: Subject) -> RunError | None:
    return None if subject.run is None else subject.run.error_value


def _error_type(subject: Subject) -> str | None:
    error = _error(subject)
    return None if error is None else error.code or error.name


def _error_message(subject: Subject) -> str | None:
    error = _error(subject)
    return None if error is None else error.message


def _error_frame(subject: Subject) -> str | None:
    """Return file and line of the first own frame. The file begins at the project, as in the group of the error."""
    from tui.domain.errors.kinds import kind_of  # noqa: PLC0415  50 ms of CPU, not at the start
    from tui.domain.errors.stack import first_own_frame  # noqa: PLC0415

    error = _error(subject)
    own = None if error is None else kind_of(error).frame
    if error is None or own is None or error.stack is None:
        return None
    frame = first_own_frame(error.stack, error.message)
    return own.file if frame is None or frame.line is None else f"{own.file}:{frame.line}"


def _group_message(subject: Subject) -> str | None:
    return None if subject.kind is None else subject.kind.message


def _group_type(subject: Subject) -> str | None:
    return None if subject.kind is None else subject.kind.type


def _group_frame(subject: Subject) -> str | None:
    return None if subject.kind is None or subject.kind.frame is None else subject.kind.frame.file


VALUE_OF: Final[Mapping[str, Callable[[Subject], str | Sequence[str] | None]]] = {
    "run.id": _run_id,
    "run.task": lambda each: each.task,
    "run.status": _status,
    "run.version": _version,
    "run.tags": _tags,
    "run.url": lambda subject: subject.run_url,
    "error.type": _error_type,
    "error.message": _error_message,
    "error.frame": _error_frame,
    "task.id": lambda subject: subject.task,
    "group.fingerprint": _fingerprint,
    "group.type": _group_type,
    "group.message": _group_message,
    "group.frame": _group_frame,
    "runs": lambda subject: subject.runs or None,
    "environment": lambda subject: subject.environment,
    "project": lambda subject: subject.project,
    "api": lambda subject: subject.api,
}
"""By the name of the placeholder. None or an empty text: there is no value."""
