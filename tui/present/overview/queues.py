"""The block of queues, worst first: running of the limit, queued, oldest, and the health in a word."""

from typing import Final

from tui.domain.findings.facts import FactSource
from tui.present import formatting
from tui.present.findings.verdict_words import refused_words
from tui.present.overview.view import BLANK, EDGE, OverviewLine, OverviewView
from tui.present.queues.words import queued_text
from tui.present.styled import Line, Piece, Token, wrap
from tui.present.wall.durations import waited
from tui.present.wall.placed_line import PlacedLine
from tui.store.findings.board import QueueHealth, QueueRow

_TOKENS: Final = {
    QueueHealth.AT_LIMIT: Token.AMBER,
    QueueHealth.STUCK: Token.AMBER,
    QueueHealth.LATE: Token.AMBER,
    QueueHealth.PAUSED: Token.MUTED,
    QueueHealth.BUSY: Token.MUTED,
}
_WORD_CELLS: Final = 12


def queue_lines(view: OverviewView, width: int, rows: int) -> list[OverviewLine]:
    """Return a line for each queue, or a sentence about why there is none. The last line counts others."""
    limit, queues = width - EDGE, view.board.queues
    if queues:
        room = max(rows - 1, 1)
        shown = queues if len(queues) <= room else queues[: max(room - 1, 1)]
        lines = [OverviewLine(_heads(limit)), *(OverviewLine(_row(view, queue, limit), queue) for queue in shown)]
        if hidden := len(queues) - len(shown):
            lines.append(OverviewLine((Piece(f"{formatting.count(hidden)} more", Token.FAINT),)))
        return lines
    age = next((each for each in view.board.ages if each.source is FactSource.QUEUES), None)
    why = None if age is None else age.failure if age.refusal is None else refused_words(age.refusal)
    if why is not None:
        return [BLANK, *(OverviewLine((Piece(text, Token.FAINT),)) for text in wrap(why, limit))]
    is_read = age is not None and age.read_at is not None
    return [BLANK, OverviewLine((Piece("There is no queue." if is_read else formatting.NONE, Token.FAINT),))]


def _ends(limit: int) -> tuple[int, int, int]:
    """Return where the figures end: running, queued, oldest."""
    return limit - 31, limit - 23, limit - 14


def _heads(limit: int) -> Line:
    """Return the titles of the columns."""
    line = PlacedLine()
    for title, end in zip(("running", "queued", "oldest"), _ends(limit), strict=True):
        line.right(end, (Piece(title, Token.MUTED),))
    line.put(limit - _WORD_CELLS, (Piece("health", Token.MUTED),))
    return line.line(limit)


def _row(view: OverviewView, queue: QueueRow, limit: int) -> Line:
    line, token = PlacedLine(), _TOKENS.get(queue.health, Token.TEXT)
    is_bad = token is Token.AMBER and not view.is_stale
    running_end, queued_end, oldest_end = _ends(limit)
    line.put(0, (Piece(queue.name, Token.BRIGHT if is_bad else Token.TEXT),), running_end - 10)
    line.right(running_end, _share(queue))
    queued = Token.FAINT if queue.queued is None else Token.AMBER if is_bad else Token.TEXT
    line.right(queued_end, (Piece(queued_text(queue), queued),))
    oldest = ""
    if queue.oldest_at is not None:
        oldest = waited(view.at - queue.oldest_at, in_minutes=view.in_minutes) + ("~" if view.is_stale else "")
    line.right(oldest_end, (Piece(oldest, Token.AMBER if is_bad else Token.TEXT),))
    line.put(limit - _WORD_CELLS, (Piece(queue.health.value, Token.MUTED if view.is_stale else token),))
    return line.line(limit)


def _share(queue: QueueRow) -> Line:
    running = formatting.NONE if queue.running is None else formatting.count(queue.running)
    limit: Line = () if queue.limit is None else (Piece(f"/{formatting.count(queue.limit)}", Token.FAINT),)
    return (Piece(running, Token.TEXT if queue.running else Token.FAINT), *limit)
