"""What stands in a run's row while an action on it is on its way, and for a while after it ended.

What lives here: the words in the status column. They lie over the status and never become it: a 200 is not a cancelled
run. Source: DESIGN §3, mock-up 13.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, assert_never

from tui.domain.action import ActionPhase, ActionStatus
from tui.domain.ids import RunId
from tui.present.styled import Piece, Token

Overlay = Callable[[RunId], Piece | None]
"""What takes the place of a run's status word at this moment, if anything does."""

SHOWN_FOR: Final = timedelta(seconds=10)
"""How long an end that the status does not tell is shown."""

_HTTP: Final = re.compile(r"(?<!\d)[45]\d\d(?!\d)")


def countdown(action: str, left: timedelta) -> Piece:
    """`cancel in 4 s`; once the time is over, `cancel next`: it waits for those before it."""
    seconds = -(-left // timedelta(seconds=1))
    return Piece(f"{action} in {seconds} s" if seconds > 0 else f"{action} next", Token.AMBER)


def overlay(status: ActionStatus, now: datetime) -> Piece | None:
    """The newest word about an action; None when the run's own status tells the rest."""
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
