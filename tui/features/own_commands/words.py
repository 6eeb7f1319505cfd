"""Commands of one's own in words: the question before one, and its output in the messages."""

import re
import shlex
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tui.domain.text import Raw
from tui.features.actions.words import Target, below_band
from tui.lazy_dataclass import dataclass
from tui.text import formatting
from tui.text.blocks import INDENT
from tui.text.styled import Line, Piece, Token, cut, fold, wrap

# The dialog before a command of one's own: where, on what, the command as it will run, what is special about it.


WIDTH: Final = 76
_MIN_COMMAND_ROWS: Final = 2
_MAX_COMMAND_CHARS: Final = 20_000


@dataclass(frozen=True, slots=True)
class CommandQuestion:
    """Everything that the dialog shows.

    * `subject`: what the command is about
    * `command`: as it will run, quoted for a shell
    * `remarks`: sentences; `warnings` are those in amber
    """

    name: Raw
    subject: Raw
    command: Raw
    target: Target
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def command_lines(question: CommandQuestion, answers: Line, width: int, height: int) -> list[Line]:
    """Return the dialog in lines of at most `width` cells, and in at most `height` lines if possible."""
    limit = width - 2 * INDENT
    head: list[Line] = [
        cut((Piece(f"Run {question.name}?", Token.BRIGHT, is_bold=True),), limit),
        cut((Piece(f"on {question.subject}", Token.MUTED),), limit),
    ]
    notes = _prose(question.warnings, Token.AMBER, limit) + _prose(question.remarks, Token.MUTED, limit)
    fixed = 1 + len(head) + len(notes) + 1
    room = max(_MIN_COMMAND_ROWS, height - fixed - 5)
    blocks = [head, _command(question.command, limit, room), notes, [answers]]
    return below_band(question.target, blocks, width, is_loose=fixed + room + 5 <= height)


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


# The sentences about commands of one's own, and their output as it stands in the messages.
#
# Output and arguments are outside text. `Piece` and `wrap` clean what these functions return.


MAX_LINES: Final = 40
"""Lines of one output in the messages: half of them of its start, half of its end."""

MAX_LINE_CHARS: Final = 400
_PLAIN: Final = re.compile(r"[\w@%+=:,./{}-]+", re.ASCII)

# Colours and cursor movements, from programs that do not check for a terminal. All else that controls a terminal is
# shown as a symbol.
_SEQUENCE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9])")


def shell_words(arguments: Sequence[str]) -> Raw:
    """Return a command as a shell would need it typed: each argument that needs quotes is in quotes."""
    return Raw(shlex.join(arguments))


def template_words(arguments: Sequence[str]) -> Raw:
    """Return a command as the config file has it: what needs quotes only for its braces has none."""
    return Raw(" ".join(each if _PLAIN.fullmatch(each) else shlex.quote(each) for each in arguments))


def ended_words(exit_code: int, took: timedelta) -> str:
    """Return how a program has ended: `ended with 0 after 1.2s`."""
    how = f"was ended by signal {-exit_code}" if exit_code < 0 else f"ended with {exit_code}"
    return f"{how} after {formatting.duration(took)}"


def output_text(start: str, end: str, left_out: int) -> str:
    """Return an output in at most `MAX_LINES` indented lines, and what was left out between them."""
    if left_out:
        first, last = _lines(start), _lines(end)
        between = f"… {formatting.size(left_out)} left out …"
    else:
        first, last, between = _lines(start + end), [], ""
    half = MAX_LINES // 2
    if not last and len(first) > MAX_LINES:
        between = f"… {formatting.plural(len(first) - 2 * half, 'line')} left out …"
        first, last = first[:half], first[-half:]
    lines = [*first[:half], between, *last[-half:]] if between else first
    return "\n".join(f"  {line}" for line in lines)


def _lines(text: str) -> list[str]:
    """Return lines as a terminal would leave them: without colours, and after the last carriage return of each."""
    plain = _SEQUENCE.sub("", text).replace("\r\n", "\n").rstrip("\n")
    if not plain:
        return []
    return [_cut(line.rstrip("\r").rpartition("\r")[2].expandtabs(8).rstrip()) for line in plain.split("\n")]


def _cut(line: str) -> str:
    return line if len(line) <= MAX_LINE_CHARS else f"{line[: MAX_LINE_CHARS - 1]}…"
