"""What was asked of a run, and how far it got: an overlay, never written into the run's status.

What lives here: the values. The verbs are in `tui.actions`, their dispatch in `tui.session`. Source: DESIGN §3, §8.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tui.domain.ids import RunId


class ActionPhase(StrEnum):
    """How far an action got. REQUESTED and ACCEPTED are on the way; the others are ends."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    FINISHED_FIRST = "finished first"
    UNKNOWN = "unknown"

    @property
    def is_end(self) -> bool:
        """Whether nothing more will come."""
        return self not in {ActionPhase.REQUESTED, ActionPhase.ACCEPTED}


@dataclass(frozen=True, slots=True)
class ActionStatus:
    """The newest word about one action on one run.

    `action` is the id of the verb; `number` counts the actions of a session, so that a second cancel of the same
    run is told from the first; `message` says why it was refused or is unknown; `new_run_id` is a replay's.
    """

    run_id: RunId
    action: str
    number: int
    phase: ActionPhase
    at: datetime
    message: str = ""
    new_run_id: RunId | None = None
