"""The blocks of a page of text: labelled rows, indented rows, and prose that is cut when it is very long."""

from collections.abc import Iterable, Sequence
from typing import Final

from tui.domain.text import Raw
from tui.present import formatting
from tui.present.styled import Line, Piece, Token, fold, line_width, pad, wrap

LABEL: Final = 10
_REMARK_AT: Final = 15  # Cells after the label, so that remarks line up.
_GAP: Final = 2
WHOLE: Final = "--json prints the whole"


def labelled(label: str, parts: Iterable[Line], limit: int, *, remark: str = "") -> list[Line]:
    """Return `label part part remark` in lines of at most `limit` cells. Parts that do not fit go on the next line."""
    room = max(limit - LABEL, LABEL)
    rows = _flowed([part for part in parts if part], room)
    if remark:
        start = max(_REMARK_AT, line_width(rows[-1]) + _GAP)
        note = Piece(remark, Token.FAINT)
        if start + line_width((note,)) <= room:
            rows[-1] = (*pad(rows[-1], start), note)
        else:
            rows += fold((note,), room)
    head = pad((Piece(label, Token.FAINT),), LABEL)
    blank = Piece(" " * LABEL)
    return [(*head, *rows[0]), *((blank, *row) for row in rows[1:])]


def indented(lines: Iterable[Line], cells: int) -> list[Line]:
    """Return the lines, moved to the right by `cells`."""
    return [(Piece(" " * cells), *line) for line in lines]


def prose(text: Raw | str, limit: int, token: Token, *, max_rows: int) -> list[Line]:
    """Return text in at most `max_rows` rows, newlines kept. A further row says how much is left out."""
    # Wrapping megabytes would take seconds. Only as many characters are wrapped as can fill the rows.
    reach = 2 * max_rows * limit
    rows = wrap(text[:reach], limit)
    lines: list[Line] = [(Piece(row, token),) for row in rows[:max_rows]]
    if len(text) > reach:
        lines += [
            (Piece(row, Token.FAINT),) for row in wrap(f"… and {formatting.size(len(text))} in all; {WHOLE}", limit)
        ]
    elif len(rows) > max_rows:
        lines += [(Piece(row, Token.FAINT),) for row in wrap(_left_out(len(rows) - max_rows), limit)]
    return lines


def _left_out(rows: int) -> str:
    return f"… {formatting.plural(rows, 'more line')}; {WHOLE}"


def _flowed(parts: Sequence[Line], room: int) -> list[Line]:
    rows: list[Line] = []
    for part in parts:
        if rows and line_width(rows[-1]) + _GAP + line_width(part) <= room:
            rows[-1] = (*rows[-1], Piece(" " * _GAP), *part)
        else:
            rows += fold(part, room)
    return rows or [()]
