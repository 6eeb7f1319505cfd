"""What was asked of a run, and how far it got: an overlay, never written into the run's status.

The verbs are in `tui.actions`, their dispatch in `tui.session`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tui.domain.ids import RunId

OnWritten = Callable[[], Awaitable[None]]
"""Called when the first byte of a request leaves; a redirect or another try calls it again. It raises nothing."""


class ActionPhase(StrEnum):
    """How far an action got.

    REQUESTED: the request went out. ACCEPTED: the server said yes. The others are ends; REFUSED covers what was never
    sent.
    """

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


class Via(StrEnum):
    """Where a person started an action, as the action log has it."""

    KEY = "key"
    PALETTE = "palette"
    COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True)
class ActionStatus:
    """The newest word about one action on one run.

    `action` is the id of the verb; `number` counts the actions of a session, which tells a second cancel of a run from
    the first; `message` says why it was refused or is unknown; `new_run_id` is a replay's; `via` is where it was
    started.
    """

    run_id: RunId
    action: str
    number: int
    phase: ActionPhase
    at: datetime
    message: str = ""
    new_run_id: RunId | None = None
    via: Via = Via.KEY
