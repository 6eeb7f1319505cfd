"""The dialog before a command of one's own: where, on what, the command as it will run, what is special about it."""

from collections.abc import Sequence
from typing import Final

from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.present.dialogs.confirm import INDENT, SILENT_TERMINAL, WAITING_FOR_TERMINAL, Target, band
from tui.present.styled import Line, Piece, Token, cut, fold, line_width, wrap

WIDTH: Final = 76
WORD: Final = "run"
"""Has to be typed where the terminal never confirms that it shows the dialog."""

_GAP: Final = 2
_MIN_COMMAND_ROWS: Final = 2
_MAX_COMMAND_CHARS: Final = 20_000


@dataclass(frozen=True, slots=True)
class CommandQuestion:
    """Everything that the dialog shows.

    * `subject`: what the command is about
    * `command`: as it will run, quoted for a shell
    * `remarks`: sentences; `warnings` are those in amber
    * `may_answer`: `y` has an effect
    * `is_waiting`: the terminal has not confirmed yet that it shows the dialog
    * `needs_typing`: it never does, so that `typed` has to become `WORD`
    """

    name: Raw
    subject: Raw
    command: Raw
    target: Target
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    may_answer: bool = False
    is_waiting: bool = False
    needs_typing: bool = False
    typed: str = ""


def command_lines(question: CommandQuestion, width: int, height: int) -> list[Line]:
    """Return the dialog in lines of at most `width` cells, and in at most `height` lines if possible."""
    limit = width - 2 * INDENT
    head: list[Line] = [
        cut((Piece(f"Run {question.name}?", Token.BRIGHT, is_bold=True),), limit),
        cut((Piece(f"on {question.subject}", Token.MUTED),), limit),
    ]
    notes = _prose(question.warnings, Token.AMBER, limit) + _prose(question.remarks, Token.MUTED, limit)
    if question.needs_typing:
        notes += _prose((SILENT_TERMINAL,), Token.MUTED, limit)
    answers = _answers(question, limit)
    fixed = 1 + len(head) + len(notes) + 1
    room = max(_MIN_COMMAND_ROWS, height - fixed - 5)
    blocks = [head, _command(question.command, limit, room), notes, [answers]]
    is_loose = fixed + room + 5 <= height
    lines: list[Line] = []
    for block in blocks:
        if block and (is_loose or not lines):
            lines.append(())
        lines += [(Piece(" " * INDENT), *line) for line in block]
    return [band(question.target, width), *lines, *([()] if is_loose else [])]


def _command(command: Raw, limit: int, room: int) -> list[Line]:
    """Return the command in at most `room` lines. What is left out is said."""
    rows = fold((Piece(command[:_MAX_COMMAND_CHARS], Token.TEXT),), limit)
    left_out = len(command) - _MAX_COMMAND_CHARS
    if len(rows) <= room and left_out <= 0:
        return rows
    shown = rows[: room - 1]
    rest = len(command) - sum(len(piece.text) for row in shown for piece in row)
    return [*shown, (Piece(f"… {rest:,} more characters", Token.AMBER),)]


def _prose(sentences: Sequence[str], token: Token, limit: int) -> list[Line]:
    return [(Piece(row, token),) for sentence in sentences for row in wrap(sentence, limit)]


def _answers(question: CommandQuestion, limit: int) -> Line:
    left: Line = (Piece(" Do nothing ", Token.BUTTON), Piece("  "), Piece("Esc", Token.TEXT, is_bold=True))
    if question.needs_typing:
        field = f" {question.typed}▏"
        right: Line = (
            Piece("type ", Token.FAINT),
            Piece(WORD, Token.BRIGHT, is_bold=True),
            Piece(" and Enter ", Token.FAINT),
            Piece(f"{field:<8}", Token.FIELD),
        )
    elif question.is_waiting:
        right = (Piece(WAITING_FOR_TERMINAL, Token.AMBER),)
    else:
        token = Token.BRIGHT if question.may_answer else Token.FAINT
        right = (Piece("y", token, is_bold=question.may_answer), Piece("  run it", Token.TEXT))
    return (*left, Piece(" " * max(_GAP, limit - line_width(left) - line_width(right))), *right)
