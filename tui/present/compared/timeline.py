"""All attempts and the waits between them on one line."""

from typing import Final

from tui.domain.attempt import Attempt, AttemptHistory
from tui.domain.run import Run
from tui.present.attempts.table import attempt_bar, axis_of
from tui.present.columns import Now
from tui.present.styled import Line, Piece, Token

MIN_WIDTH: Final = 8
MAX_BARS: Final = 200
"""The attempts that are drawn; of more, the last ones."""


def timeline(run: Run, history: AttemptHistory, now: Now, width: int) -> list[Line]:
    """Return the labels of the axis and the line below them, or nothing where no time or no room is known."""
    axis = axis_of(run, history, now, width) if width >= MIN_WIDTH else None
    if axis is None:
        return []
    cells = [Piece(" ")] * width
    previous: Attempt | None = None
    for attempt in history.attempts[-MAX_BARS:]:
        _put(cells, attempt_bar(run, history, attempt, previous, axis, now))
        previous = attempt
    if history.retry_at is not None and not run.is_final:
        since = history.attempts[-1].completed_at if history.attempts else None
        _put(cells, axis.bar(since, history.retry_at, None, Token.FAINT))
    _close_gaps(cells)
    return [axis.labels(), _joined(cells)]


def _put(cells: list[Piece], bar: Line) -> None:
    """Draw a bar over the others. Where one attempt follows another at once, the later one shows that it exists."""
    at = 0
    for piece in bar:
        for character in piece.text:
            if character != " " and at < len(cells):
                cells[at] = Piece(character, piece.token)
            at += 1


def _close_gaps(cells: list[Piece]) -> None:
    """Make a half cell of a bar whole where dashes meet it, which would else look like a time without either."""
    for at in range(1, len(cells)):
        left, right = cells[at - 1], cells[at]
        if (left.text, right.text) == ("╌", "╺"):
            cells[at] = Piece("━", right.token)
        elif (left.text, right.text) == ("╸", "╌"):
            cells[at - 1] = Piece("━", left.token)


def _joined(cells: list[Piece]) -> Line:
    """Join neighbours of one colour, as the painter needs fewer pieces then."""
    pieces: list[Piece] = []
    for cell in cells:
        if pieces and pieces[-1].token is cell.token:
            pieces[-1] = Piece(pieces[-1].text + cell.text, cell.token)
        else:
            pieces.append(cell)
    return tuple(pieces)
