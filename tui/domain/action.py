"""The progress of an action on a run, such as cancel or replay.

It is kept beside the run and never changes the run's status. The actions are defined in `tui.actions` and carried out
by `tui.session`.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum

from tui.domain.ids import RunId
from tui.lazy_dataclass import dataclass

OnWritten = Callable[[], Awaitable[None]]
"""Called when the first byte of a request is sent, and again for a redirect or a retry. It never raises."""


class ActionPhase(StrEnum):
    """How far an action has got.

    REQUESTED: the request was sent. ACCEPTED: the server accepted it. All others are final. CONFIRMED: the run changed
    as requested. REFUSED: the server rejected the request, or it was never sent. FINISHED_FIRST: the run ended before
    the action took effect. UNKNOWN: the outcome could not be read.
    """

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    FINISHED_FIRST = "finished first"
    UNKNOWN = "unknown"

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
