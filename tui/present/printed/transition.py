"""A line of `watch` about one change: time, id, status, task, and the error of a failed run.

Time, id, status and task come first, so that `awk` can split the line.
"""

from datetime import datetime

from tui.domain.run import Run
from tui.present import formatting
from tui.present.columns import took
from tui.present.status import style_of
from tui.present.styled import Line, Piece, Token, first_line, joined, pad

_STATUS_CELLS = 15


def transition_line(before: Run | None, after: Run, now: datetime) -> Line:
    """Return the line about a change. Its time is the server's: the end of the run, or its last update.

    `before` is the run as it was printed last, or None. A new attempt is named.
    """
    style = style_of(after)
    parts: list[Line] = [
        (Piece(formatting.moment(_changed_at(after, now), now), Token.FAINT),),
        (Piece(after.id, Token.MUTED),),
        pad((style.mark, Piece(" "), style.name), 2 + _STATUS_CELLS),
        (Piece(after.fixed.task or formatting.NONE, style.row.task),),
    ]
    attempt = after.attempt_count or 0
    if attempt > 1 and (before is None or before.attempt_count != attempt):
        parts.append((Piece(f"attempt {attempt}", Token.MUTED),))
    if after.is_waiting_to_retry:
        parts.append((Piece("waiting to retry", Token.MUTED),))
    if after.is_final and (ran := took(after, now)) is not None:
        parts.append((Piece(formatting.duration(ran), style.row.number),))
    if after.status.is_failed and (error := after.error_value):
        name = Piece(error.name or "", Token.ROSE, is_bold=True)
        message = Piece(first_line(error.message), Token.BRIGHT)
        parts.append((name, Piece(" "), message) if error.name else (message,))
    return joined(parts)


def _changed_at(run: Run, now: datetime) -> datetime:
    state = run.state
    if state is None:
        return now
    return state.finished_at if run.is_final and state.finished_at else state.updated_at
