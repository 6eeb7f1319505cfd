"""The look of each status, and finished lines in ASCII."""

import re
from dataclasses import replace
from typing import Final, NamedTuple

from rich.cells import cell_len

from tui.domain.run import STATUS_TABLE, AttemptStatus, Run, Status, title_of
from tui.lazy_dataclass import dataclass
from tui.text.formatting import NONE
from tui.text.styled import Line, Piece, Token

# The look of each status: glyph, ASCII glyph, word, colours, and the greys of a row with that status.
#
# The table is keyed by the titles of `domain.run`. Glyph, word and colour say the same.


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
    """The look of one status. `word` may be the server's own word; `Piece` cleans it. `meaning` is for new users."""

    word: str
    meaning: str
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


def _waiting(word: str, meaning: str, glyph: str, ascii_glyph: str, glyph_token: Token = Token.MUTED) -> StatusStyle:
    return StatusStyle(word, meaning, glyph, ascii_glyph, glyph_token, Token.MUTED, WAITING_ROW)


def _live(word: str, meaning: str, glyph: str, ascii_glyph: str) -> StatusStyle:
    return StatusStyle(word, meaning, glyph, ascii_glyph, Token.BLUE, Token.BLUE, LIVE_ROW)


def _failed(word: str, meaning: str, glyph: str, ascii_glyph: str) -> StatusStyle:
    return StatusStyle(word, meaning, glyph, ascii_glyph, Token.ROSE, Token.ROSE, FAILED_ROW, is_bold=True)


def _finished(word: str, meaning: str, glyph: str, ascii_glyph: str, glyph_token: Token = Token.FAINT) -> StatusStyle:
    return StatusStyle(word, meaning, glyph, ascii_glyph, glyph_token, Token.FAINT, FINISHED_ROW)


STATUS_STYLES: Final = {
    style.word: style
    for style in (
        _waiting("Delayed", "it is scheduled for later", "◌", ":"),
        _waiting("Queued", "waits for its turn in the queue", "○", "."),
        _waiting("Pending version", "waits for a deploy that has its task", "△", "^", Token.AMBER),
        _live("Dequeued", "a worker took it and has not started it yet", "◔", "o"),
        _live("Executing", "its code is running", "◐", "O"),
        _live("Reattempting", "runs again after a failed attempt", "↻", "@"),
        _waiting("Waiting", "its code waits for a time, a token or another run", "‖", "="),
        _finished("Completed", "returned without an error", "✓", "+", Token.GREEN),
        _failed("Failed", "the last attempt failed", "✗", "x"),
        _failed("Crashed", "its process died", "▼", "!"),
        _failed("Timed out", "exceeded its time limit", "◷", "T"),
        _failed("System failure", "an error in Trigger.dev, not in your code", "⊠", "#"),
        _failed("Failed to run", "its code never started", "⊗", "X"),
        _failed("Interrupted", "its worker was stopped", "¦", "/"),
        _finished("Canceled", "it was stopped", "⊘", "-"),
        _finished("Expired", "did not start within its ttl", "◇", "_"),
    )
}
for _row in STATUS_TABLE:
    # A status without a look of its own has that of its canonical status.
    if _row.title not in STATUS_STYLES:
        STATUS_STYLES[_row.title] = replace(STATUS_STYLES[title_of(_row.canonical)], word=_row.title)
UNKNOWN: Final = _waiting(NONE, "", "?", "?")
DESCRIPTIONS_BY_CODE: Final = {
    ("Canceled", "TASK_RUN_STALLED_EXECUTING"): "canceled by Trigger.dev: its worker was lost"
}
"""The meaning of a status with an error code: the server cancels a run whose worker is lost.

Source: tests/wire/recordings/README.md §2.
"""

UNSURE_DESCRIPTIONS: Final = {
    "Executing": "it has started and has not ended",
    "Reattempting": "started again after a failed attempt",
}
"""Descriptions that stay true while it is not known whether the run's code executes or waits: its trace was not read.
"""


def style_of(run: Run) -> StatusStyle:
    """Return the style of a run's status. A run whose state was never read has `?` and `·`."""
    return UNKNOWN if run.state is None else _look(run.status_title, run.state.status.specificity)


def style_of_status(status: Status | None) -> StatusStyle:
    """Return the style of a status without its run, e.g. of a tree node."""
    return UNKNOWN if status is None else _look(status.title, status.specificity)


def style_of_attempt(status: AttemptStatus) -> StatusStyle:
    """Return the style of an attempt's status, which is that of a run with the same word."""
    return STATUS_STYLES[status.capitalize()]


def _look(title: str, specificity: int) -> StatusStyle:
    return replace(UNKNOWN, word=title or NONE) if specificity < 0 else STATUS_STYLES[title]


# Translates finished lines into ASCII, for terminals without Unicode.
#
# The width stays the same, so columns stay columns. A longer ASCII form (`..` for `…`) replaces the character before it
# too. The words of a progress, such as `reading…`, are not cut: they end with one full stop. A character without an
# ASCII form becomes one `?` per cell.


NO_BAR: Final = "·"
"""Stands for a cell of a series without a bar, in the colour of lines. Its ASCII form `-` would be a bar."""

_FEET: Final = frozenset({Token.TALL_FOOT, Token.LOW_FOOT})
_ONE_CELL: Final = {
    **{style.glyph: style.ascii_glyph for style in STATUS_STYLES.values()},
    "●": "*", "▌": ">", "•": "*", "▸": ">", "▾": "v", "━": "=", "╺": "=", "╸": "=", "╌": ".",
    "▁": ".", "▂": ":", "▃": "-", "▄": "=", "▅": "+", "▆": "*", "▇": "%", "█": "#",
    "┆": ":", "░": "?", "├": "|", "│": "|", "└": "\\", "─": "-", "┬": "-", "·": "-", "↓": "v", "↑": "^",
    "←": "<", "→": ">", "≠": "!", "“": '"', "”": '"', "–": "-",
}  # fmt: skip
# Longer forms. Each pattern also matches the characters before the sign that the longer form replaces. They are texts,
# which `re` compiles when it uses them first: most terminals have Unicode.
_LONGER: Final = (
    ("^( *(?:connecting|fetching|loading|reading)(?: [a-z ]+)?)…", r"\1."),
    (" ?≥", ">="),
    (" {0,2}⋯", "..."),
    ("'…'", "'*'"),  # data in a normalised message
    ("(?s:.?)…", ".."),
)


def ascii_line(line: Line) -> Line:
    """Return the line in ASCII. Its width stays, unless a longer form has no characters before it to replace."""
    shown: list[Piece] = []
    for piece in line:
        if shown and shown[-1].text and _replaces_before(piece.text, shown[-1].text):
            last = shown[-1]
            shown[-1] = Piece(last.text[:-1], last.token, is_bold=last.is_bold)
        shown.append(_ascii_piece(piece))
    return tuple(shown)


def _replaces_before(text: str, before: str) -> bool:
    """Return whether a piece begins with a sign whose longer form replaces the last character before it."""
    return text.startswith("…") or ("≥" in text[:2] and before.endswith(" "))


def _ascii_piece(piece: Piece) -> Piece:
    if piece.token in _FEET:
        # The background of this token shows the grey part of the bar; `_` at its foot stands for the rose part.
        return Piece("_" * cell_len(piece.text), piece.token, is_bold=piece.is_bold)
    if piece.token is Token.LINE and not piece.text.strip(NO_BAR):
        return Piece(" " * len(piece.text), piece.token)
    return Piece(ascii_text(piece.text), piece.token, is_bold=piece.is_bold)


def ascii_text(text: str) -> str:
    """Return one text in ASCII, by the rules of `ascii_line`."""
    if text.isascii():
        return text
    for pattern, form in _LONGER:
        text = re.sub(pattern, form, text)
    return "".join(each if each.isascii() else _ONE_CELL.get(each) or "?" * cell_len(each) for each in text)
