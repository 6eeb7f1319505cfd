"""The look of each status: glyph, ASCII glyph, word, colours, and the greys of a row with that status.

The table is keyed by the titles of `domain.status`. Glyph, word and colour say the same. Source: tui/ui/README.md.
"""

from dataclasses import replace
from typing import Final, NamedTuple

from tui.domain.attempt import AttemptStatus
from tui.domain.run import Run
from tui.domain.status import Status
from tui.lazy_dataclass import dataclass
from tui.present.formatting import NONE
from tui.present.styled import Piece, Token


class RowTokens(NamedTuple):
    """The colours of the other cells in a row."""

    task: Token
    took: Token
    number: Token
    rest: Token


FAILED_ROW = RowTokens(Token.BRIGHT, Token.TEXT, Token.TEXT, Token.MUTED)
LIVE_ROW = RowTokens(Token.TEXT, Token.BLUE, Token.FAINT, Token.FAINT)
WAITING_ROW = RowTokens(Token.MUTED, Token.MUTED, Token.MUTED, Token.FAINT)
FINISHED_ROW = RowTokens(Token.MUTED, Token.FAINT, Token.FAINT, Token.FAINT)


@dataclass(frozen=True, slots=True)
class StatusStyle:
    """The look of one status. `word` may be the server's own word; `Piece` cleans it."""

    word: str
    glyph: str
    ascii_glyph: str
    glyph_token: Token
    word_token: Token
    row: RowTokens
    is_bold: bool = False

    @property
    def mark(self) -> Piece:
        """The coloured glyph."""
        return Piece(self.glyph, self.glyph_token)

    @property
    def name(self) -> Piece:
        """The coloured word."""
        return Piece(self.word, self.word_token, is_bold=self.is_bold)


def _waiting(word: str, glyph: str, ascii_glyph: str, glyph_token: Token = Token.MUTED) -> StatusStyle:
    return StatusStyle(word, glyph, ascii_glyph, glyph_token, Token.MUTED, WAITING_ROW)


def _live(word: str, glyph: str, ascii_glyph: str) -> StatusStyle:
    return StatusStyle(word, glyph, ascii_glyph, Token.BLUE, Token.BLUE, LIVE_ROW)


def _failed(word: str, glyph: str, ascii_glyph: str) -> StatusStyle:
    return StatusStyle(word, glyph, ascii_glyph, Token.ROSE, Token.ROSE, FAILED_ROW, is_bold=True)


def _finished(word: str, glyph: str, ascii_glyph: str, glyph_token: Token = Token.FAINT) -> StatusStyle:
    return StatusStyle(word, glyph, ascii_glyph, glyph_token, Token.FAINT, FINISHED_ROW)


STATUS_STYLES: Final = {
    style.word: style
    for style in (
        _waiting("Delayed", "◌", ":"),
        _waiting("Queued", "○", "."),
        _waiting("Pending version", "△", "^", Token.AMBER),
        _live("Dequeued", "◔", "o"),
        _live("Executing", "◐", "O"),
        _live("Reattempting", "↻", "@"),
        _waiting("Waiting", "‖", "="),
        _finished("Completed", "✓", "+", Token.GREEN),
        _failed("Failed", "✗", "x"),
        _failed("Crashed", "▼", "!"),
        _failed("Timed out", "◷", "T"),
        _failed("System failure", "⊠", "#"),
        _failed("Failed to run", "⊗", "X"),
        _failed("Interrupted", "¦", "/"),
        _finished("Canceled", "⊘", "-"),
        _finished("Expired", "◇", "_"),
    )
}
UNKNOWN: Final = _waiting(NONE, "?", "?")
DESCRIPTIONS: Final = {
    "Delayed": "it is scheduled for later",
    "Queued": "waits for its turn in the queue",
    "Pending version": "waits for a deploy that has its task",
    "Dequeued": "a worker took it and has not started it yet",
    "Executing": "its code is running",
    "Reattempting": "runs again after a failed attempt",
    "Waiting": "its code waits for a time, a token or another run",
    "Completed": "returned without an error",
    "Failed": "the last attempt threw",
    "Crashed": "its process died",
    "Timed out": "exceeded its time limit",
    "System failure": "Trigger.dev failed, not its code",
    "Failed to run": "its code was never reached",
    "Interrupted": "its worker was stopped",
    "Canceled": "it was stopped",
    "Expired": "did not start within its ttl",
}
"""The meaning of each status, for new users."""

DESCRIPTIONS_BY_CODE: Final = {"Canceled": "Trigger.dev stopped it, not a request"}
"""The meaning of a status if the error has a code: the server cancels a run whose worker is lost.

Source: tests/wire/recordings/README.md §2.
"""

UNSURE_DESCRIPTIONS: Final = {
    "Executing": "it has started and has not ended",
    "Reattempting": "started again after a failed attempt",
}
"""Descriptions that stay true while it is not known whether the run's code executes or waits: its trace was not read.
"""
_OF_ATTEMPT: Final = {
    AttemptStatus.EXECUTING: STATUS_STYLES["Executing"],
    AttemptStatus.COMPLETED: STATUS_STYLES["Completed"],
    AttemptStatus.FAILED: STATUS_STYLES["Failed"],
    AttemptStatus.CANCELED: STATUS_STYLES["Canceled"],
}


def style_of(run: Run) -> StatusStyle:
    """Return the style of a run's status. A run whose state was never read has `?` and `·`."""
    if run.state is None:
        return UNKNOWN
    return _look(run.status_title, run.state.status.specificity)


def style_of_status(status: Status | None) -> StatusStyle:
    """Return the style of a status without its run, e.g. of a tree node."""
    return UNKNOWN if status is None else _look(status.title, status.specificity)


def style_of_attempt(status: AttemptStatus) -> StatusStyle:
    """Return the style of an attempt's status."""
    return _OF_ATTEMPT[status]


def _look(title: str, specificity: int) -> StatusStyle:
    return replace(UNKNOWN, word=title or NONE) if specificity < 0 else STATUS_STYLES[title]
