"""The lines below the field of the command line: what fits, what Enter does, the same in a shell, and the history."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from rich.cells import cell_len

from tui.domain.text import clean
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.styled import Line, Piece, Token, cut, fit, line_width, wrap

MAX_ROWS: Final = 10
"""Rows that are visible at once, of what can be chosen."""

MIN_ROWS: Final = 3
MAX_HISTORY: Final = 3
MAX_COMMAND_LINES: Final = 2
MAX_SAID_LINES: Final = 3

_GUTTER: Final = 2
_NAME: Final = 20
_LABEL: Final = 8
_MARK: Final = 2


@dataclass(frozen=True, slots=True)
class BoxRow:
    """Something to choose. `mark` stands before the name, `argument` faint behind it, `right` at the right edge."""

    name: str
    sentence: Line = ()
    right: Line = ()
    mark: Piece | None = None
    argument: str = ""


class HistoryLine(NamedTuple):
    """A command that was run before. `at` is in the zone of the screen."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class BoxContent:
    """Everything that the box shows.

    * `heading`: a line above the rows
    * `rows`, `cursor`: what can be chosen, and the chosen one
    * `below`: lines below the rows, each with its label ("" for a line without one)
    * `command`: the same as a shell command
    * `history`: the newest commands first
    """

    heading: Line = ()
    rows: Sequence[BoxRow] = ()
    cursor: int | None = None
    below: Sequence[tuple[str, Line]] = ()
    command: str = ""
    history: Sequence[HistoryLine] = ()
    name_width: int = _NAME


class BoxLine(NamedTuple):
    """One line of the box. `row` is the index of the row that it shows, None for other lines."""

    line: Line
    row: int | None = None
    is_cursor: bool = False


_EMPTY: Final = BoxLine(())
_EMPTY_LINES: Final = 2
"""Between the rows and what is said below, and at the end."""


def box_lines(content: BoxContent, width: int, height: int, *, top: int, now: datetime) -> list[BoxLine]:
    """Return the lines of the box, at most `height`, with an empty line at the end. `top` is the first visible row."""
    inner = max(1, width - 2 * _GUTTER)
    said = [each for label, line in content.below for each in _labelled(label, line, inner)]
    # A command that is cut between its lines would look whole.
    around = MIN_ROWS * bool(content.rows) + bool(content.heading) + len(said) + _EMPTY_LINES
    below = [*said, *_command_lines(content.command, inner, max(1, min(MAX_COMMAND_LINES, height - around)))]
    heading = [BoxLine(_indented(content.heading))] if content.heading else []
    room = height - len(heading) - 1
    rows_room = max(MIN_ROWS, room - (len(below) + 1 if below else 0))
    rows = _rows(content, inner, min(MAX_ROWS, rows_room), top)
    lines = [*heading, *rows]
    if below:
        lines += [*([_EMPTY] if lines else []), *(BoxLine(line) for line in below)]
    left = height - len(lines) - 1
    shown = min(MAX_HISTORY, len(content.history), left - 2)
    if shown > 0:
        lines += [_EMPTY, BoxLine(_indented((Piece("before this", Token.FAINT),)))]
        lines += [BoxLine(_history_line(each, inner, now)) for each in content.history[:shown]]
    return [*lines[: max(0, height - 1)], _EMPTY]


def visible_top(cursor: int | None, top: int, count: int, shown: int = MAX_ROWS) -> int:
    """Return the first visible row, so that the chosen one is visible."""
    at = cursor or 0
    return max(0, min(max(at - shown + 1, min(top, at)), count - shown))


def _rows(content: BoxContent, inner: int, shown: int, top: int) -> list[BoxLine]:
    top = visible_top(content.cursor, top, len(content.rows), shown)
    has_marks = any(row.mark is not None for row in content.rows)
    return [
        BoxLine(
            (Piece("▌ " if index == content.cursor else "  ", Token.ACCENT), *_row(row, inner, has_marks, content)),
            index,
            index == content.cursor,
        )
        for index, row in enumerate(content.rows[top : top + shown], top)
    ]


def _row(row: BoxRow, inner: int, has_marks: bool, content: BoxContent) -> Line:  # noqa: FBT001
    mark: Line = (row.mark or Piece(" "), Piece(" ")) if has_marks else ()
    name: Line = (Piece(row.name, Token.TEXT),)
    if row.argument:
        name = (*name, Piece(f" {row.argument}", Token.FAINT))
    # A name without a sentence has the room of both.
    room = inner - _MARK * has_marks - (line_width(row.right) + 2 if row.right else 0)
    name_room = min(content.name_width if row.sentence else room, room)
    sentence = fit(row.sentence, max(0, room - name_room - 2)) if row.sentence else ()
    middle: Line = (*fit(name, name_room), Piece("  "), *sentence) if sentence else fit(name, max(0, room))
    return (*mark, *middle, *((Piece("  "), *row.right) if row.right else ()))


def _labelled(label: str, line: Line, inner: int) -> list[Line]:
    """Return the lines behind a label. A sentence is wrapped, because its end says what the user can do instead."""
    if not label:
        return [_indented(cut(line, inner))]
    room = max(1, inner - _LABEL)
    lines = [line]
    if len(line) == 1:
        *rows, last = wrap(line[0].text, room)
        rows, rest = rows[: MAX_SAID_LINES - 1], [*rows[MAX_SAID_LINES - 1 :], last]
        lines = [(Piece(row, line[0].token),) for row in (*rows, " ".join(rest))]
    return _behind(label, lines, room)


def _behind(label: str, lines: Sequence[Line], room: int) -> list[Line]:
    """Return lines behind a label, which stands before the first one."""
    labels = [label, *[""] * (len(lines) - 1)]
    return [
        _indented((*fit((Piece(each, Token.FAINT),), _LABEL), *cut(line, room)))
        for each, line in zip(labels, lines, strict=True)
    ]


def _command_lines(command: str, inner: int, limit: int) -> list[Line]:
    """Return the shell command, on as many lines as it takes up to a limit. It is broken before its options."""
    if not command:
        return []
    room = max(1, inner - _LABEL)
    parts = [""]
    for word in re.split(" (?=--)", clean(command)):
        joined = f"{parts[-1]} {word}" if parts[-1] else word
        if len(parts) < limit and parts[-1] and cell_len(joined) > room:
            parts.append(word)
        else:
            parts[-1] = joined
    return _behind("as", [(Piece(part, Token.MUTED),) for part in parts], room)


def _history_line(entry: HistoryLine, inner: int, now: datetime) -> Line:
    time = (Piece(time_words(entry.at, now), Token.FAINT),)
    return _indented((*fit(time, _LABEL), *cut((Piece(entry.text, Token.MUTED),), max(0, inner - _LABEL))))


def time_words(at: datetime, now: datetime) -> str:
    """Return `14:31`, or `9 Nov` on another day that is not near."""
    return f"{at:%H:%M}" if formatting.needs_no_day(at, now) else f"{at.day} {at:%b}"


def _indented(line: Line) -> Line:
    return (Piece(" " * _GUTTER), *line)
