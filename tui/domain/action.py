"""An action on runs: the plan that the user confirms, and its progress."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum

from tui.domain.run import Run, RunId, TaskId
from tui.domain.tree import TreeNode
from tui.lazy_dataclass import dataclass

# The progress of an action on a run. It is kept beside the run and never changes the run's status.
#
# `api.actions` defines the actions, `sync.actions` carries them out.


OnWritten = Callable[[], Awaitable[None]]
"""Called when the first byte of a request is sent, and again for a redirect or a retry. It never raises."""


class ActionPhase(StrEnum):
    """How far an action has got. It only moves forward: a later read may find the outcome of an unknown one.

    REQUESTED: the request was sent. ACCEPTED: the server accepted it. All others are final. CONFIRMED: the run changed
    as requested. REFUSED: the server rejected the request, or it was never sent. FINISHED_FIRST: the run ended before
    the action took effect. UNKNOWN: the outcome could not be read.
    """

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    FINISHED_FIRST = "finished first"
    CONFIRMED = "confirmed"

    @property
    def is_end(self) -> bool:
        """Whether the phase is final."""
        return self not in {ActionPhase.REQUESTED, ActionPhase.ACCEPTED}


class Via(StrEnum):
    """How the user started an action. The action log contains these words."""

    KEY = "key"
    PALETTE = "palette"
    COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class ActionStatus:
    """The current phase of one action on one run.

    `action` is the action's id. `number` counts the actions of a session, so that a second cancel of a run differs from
    the first. `message` says why the action was refused or its outcome is unknown. `new_run_id` is the run that a
    replay started.
    """

    run_id: RunId
    action: str
    number: int
    phase: ActionPhase
    at: datetime
    message: str = ""
    new_run_id: RunId | None = None
    via: Via = Via.KEY


@dataclass(frozen=True, slots=True)
class CommandEvent:
    """A command of one's own has started, or has ended with an `exit_code`, which is negative for a signal.

    `subject` are the ids of what it was about: of runs, of a task, or of an error group.
    """

    name: str
    subject: str
    at: datetime
    via: Via = Via.KEY
    exit_code: int | None = None


# The plan of an action: which runs it would change, shown to the user before any request is sent.
#
# `sync.tree` builds the plan. The command line and the confirmation dialog show it and ask for consent.


MAX_RUNS_FOR_YES = 10
"""Above this many runs, descendants included, the user must type a text instead of answering yes."""

UNKNOWN = "unknown"
"""Shown for a run's status or an environment's name that is not known."""


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """The runs that an action would change. `verb` is the action's title, `runs` are the runs the user chose.

    `descendants` are runs below them that would stop too; an unknown status counts as live. `ended_descendants` counts
    the finished ones, which stay as they are. `awaited_by` are the tasks of runs that wait for one of `runs`.
    `skipped` were chosen too, but the action does not apply to them. `missing` says why the plan may be incomplete.
    `read_at` is when the plan was read; None: no request was needed. `is_from_replica`: part of it comes from a replica
    of the server's database that is about a second behind.
    """

    verb: str
    runs: tuple[Run, ...]
    descendants: tuple[TreeNode, ...] = ()
    ended_descendants: int = 0
    awaited_by: tuple[TaskId, ...] = ()
    skipped: tuple[Run, ...] = ()
    missing: tuple[str, ...] = ()
    read_at: datetime | None = None
    is_from_replica: bool = False

    @property
    def total(self) -> int:
        """The number of runs that would change, as far as is known."""
        return len(self.runs) + len(self.descendants)


def live_title(node: TreeNode) -> str | None:
    """Return the status title of a run that would stop, or None if the run has ended."""
    if node.run is not None and node.run.state is not None:
        return None if node.run.is_final else node.run.status_title
    if node.status is None:
        return UNKNOWN
    return None if node.status.canonical.is_final else node.status.title


def confirmation_texts(plan: ActionPlan, environment_name: str | None, *, is_production: bool) -> tuple[str, ...]:
    """Return the texts that confirm the plan, of which the user must type one. Empty: answering yes is enough.

    They are the number of runs and the environment's name.
    """
    if plan.total <= MAX_RUNS_FOR_YES and not (is_production and len(plan.runs) > 1):
        return ()
    return (str(plan.total), *([environment_name] if environment_name else []))
