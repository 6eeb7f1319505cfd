"""One line a change, as `watch` prints it: when, which run, what it became, and why it failed.

What lives here: the line, made to be read by people and cut by `awk`: time, id, status, task come first.
"""

from datetime import datetime

from tui.domain.run import Run
from tui.present import formatting
from tui.present.columns import took
from tui.present.status import style_of
from tui.present.styled import Line, Piece, Token, first_line, joined, pad

_STATUS_CELLS = 15


def transition_line(before: Run | None, after: Run, now: datetime) -> Line:
    """What became of a run. The time is when it ended, else its last change, both the server's.

    `before` is the run as it was told last, None for the first time: an attempt is named when it is a new one.
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
    if after.status.is_failed and after.error and (error := after.error[1]):
        name = Piece(error.name or "", Token.ROSE, is_bold=True)
        message = Piece(first_line(error.message), Token.BRIGHT)
        parts.append((name, Piece(" "), message) if error.name else (message,))
    return joined(parts)


def _changed_at(run: Run, now: datetime) -> datetime:
    state = run.state
    if state is None:
        return now
    return state.finished_at if run.is_final and state.finished_at else state.updated_at
