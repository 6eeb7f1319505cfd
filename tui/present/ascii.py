"""Translates finished lines into ASCII, for terminals without Unicode.

The width stays the same, so columns stay columns. A longer ASCII form (`..` for `…`) replaces the character before it
too. The words of a progress, such as `reading…`, are not cut: they end with one full stop. A character without an ASCII
form becomes one `?` per cell.
"""

import re
from typing import Final

from rich.cells import cell_len

from tui.present.status import STATUS_STYLES
from tui.present.styled import Line, Piece, Token

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
    (" ([QDPEW✗])≥", r"\1>="),
    (" ?≥", ">="),
    (" {0,2}⋯", "..."),
    ("'…'", "'*'"),  # data in a normalised message
    ("(?s:.?)…", ".."),
)


def ascii_line(line: Line) -> Line:
    """Return the line in ASCII. Its width stays, unless a longer form has no characters before it to replace."""
    shown: list[Piece] = []
    for piece in line:
        made = _ascii_piece(piece)
        if shown and shown[-1].text and _replaces_before(piece.text, shown[-1].text):
            last = shown[-1]
            shown[-1] = Piece(last.text[:-1], last.token, is_bold=last.is_bold)
        shown.append(made)
    return tuple(shown)


def _replaces_before(text: str, before: str) -> bool:
    """Return whether a piece begins with a sign whose longer form replaces the last character before it."""
    return text.startswith("…") or (text.startswith("≥") and before.endswith(" "))


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
    return "".join(map(_ascii, text))


def _ascii(character: str) -> str:
    if character.isascii():
        return character
    return _ONE_CELL.get(character) or "?" * cell_len(character)
