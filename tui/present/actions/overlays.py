"""The word in the status column of a run while an action on it is pending, and for a while after it ended.

The word covers the status and never changes it: an HTTP 200 does not prove that a run is canceled. Source:
tui/ui/README.md.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, assert_never

from tui.domain.action import ActionPhase, ActionStatus
from tui.domain.ids import RunId
from tui.present.styled import Piece, Token

Overlay = Callable[[RunId], Piece | None]
"""Returns the word that replaces the status of a run now, or None."""

SHOWN_FOR: Final = timedelta(seconds=10)
"""How long the row shows an outcome that the run's status does not show."""

_HTTP: Final = re.compile(r"(?<!\d)[45]\d\d(?!\d)")


def countdown(action: str, left: timedelta) -> Piece:
    """Return `cancel in 4 s`, or `cancel next` once the time is over and earlier actions are still being sent."""
    seconds = -(-left // timedelta(seconds=1))
    return Piece(f"{action} in {seconds} s" if seconds > 0 else f"{action} next", Token.AMBER)


def overlay(status: ActionStatus, now: datetime) -> Piece | None:
    """Return the newest word about an action, or None if the run's own status says the rest."""
    if status.phase.is_end and now - status.at >= SHOWN_FOR:
        return None
    match status.phase:
        case ActionPhase.REQUESTED:
            return Piece(f"{status.action} sent", Token.AMBER)
        case ActionPhase.ACCEPTED:
            return Piece(f"{status.action} accepted", Token.AMBER)
        case ActionPhase.CONFIRMED:
            return None if status.new_run_id is None else Piece("replayed", Token.MUTED)
        case ActionPhase.REFUSED:
            found = _HTTP.search(status.message)
            return Piece(f"refused: {found[0]}" if found else "refused", Token.ROSE)
        case ActionPhase.FINISHED_FIRST:
            return Piece("finished first", Token.MUTED)
        case ActionPhase.UNKNOWN:
            return Piece("unknown", Token.AMBER)
        case _:
            assert_never(status.phase)
