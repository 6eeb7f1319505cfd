"""The words that replace the status of a run on the screen while an action on it is pending, and briefly afterwards.

The status itself does not change: an HTTP 200 does not prove that a run is canceled. `ActionQueue` chooses the word.
The list, the summary above a pane and the detail show it. Source: tui/ui/README.md.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, assert_never

from tui.domain.action import ActionPhase, ActionStatus
from tui.domain.ids import RunId
from tui.present.styled import Piece, Token

Overlay = Callable[[RunId], Piece | None]
"""Returns the word that replaces the status of a run at the moment, or None."""

SHOWN_FOR: Final = timedelta(seconds=10)
"""How long an outcome replaces the status."""

_HTTP_STATUS: Final = re.compile(r"(?<!\d)[45]\d\d(?!\d)")


def countdown(action: str, remaining: timedelta) -> Piece:
    """Return `cancel in 4 s`, or `cancel next` when the wait is over but the request is not sent yet."""
    seconds = -(-remaining // timedelta(seconds=1))
    return Piece(f"{action} in {seconds} s" if seconds > 0 else f"{action} next", Token.AMBER)


def overlay(status: ActionStatus, now: datetime) -> Piece | None:
    """Return the word for the newest phase of an action, or None if the run's own status is shown again."""
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
            found = _HTTP_STATUS.search(status.message)
            return Piece(f"refused: {found[0]}" if found else "refused", Token.ROSE)
        case ActionPhase.FINISHED_FIRST:
            return Piece("finished first", Token.MUTED)
        case ActionPhase.UNKNOWN:
            return Piece("unknown", Token.AMBER)
        case _:
            assert_never(status.phase)
