"""Lines for terminals without Unicode: a translation of finished lines, so that nothing else has two forms of itself.

It keeps every width, columns stay columns: where an ASCII form is longer (`..` for `…`) it takes the place of what
stands before it. Text of others loses what ASCII cannot say: one `?` a cell.
"""

import re
from typing import Final

from rich.cells import cell_len

from tui.present.status import STATUS_STYLES
from tui.present.styled import Line, Piece, Token

_FEET: Final = frozenset({Token.TALL_FOOT, Token.LOW_FOOT})
_ONE_CELL: Final = {
    **{style.glyph: style.ascii_glyph for style in STATUS_STYLES.values()},
    "●": "*", "▌": ">", "•": "*", "▸": ">", "▾": "v", "━": "=", "╺": "=", "╸": "=", "╌": ".",
    "▁": ".", "▂": ":", "▃": "-", "▄": "=", "▅": "+", "▆": "*", "▇": "%", "█": "#",
    "├": "|", "│": "|", "└": "\\", "─": "-", "┬": "-", "·": "-", "↓": "v", "↑": "^",
    "←": "<", "→": ">", "“": '"', "”": '"', "–": "-",
}  # fmt: skip
# The longer forms, with what they swallow in front of them.
_LONGER: Final = (
    (re.compile(" ([QDPEW✗])≥"), r"\1>="),
    (re.compile(" ?≥"), ">="),
    (re.compile(" {0,2}⋯"), "..."),
    (re.compile(".?…", re.DOTALL), ".."),
)


def ascii_line(line: Line) -> Line:
    """The line in ASCII; its width stays, unless a long form stands where there is nothing to swallow."""
    return tuple(map(_ascii_piece, line))


def _ascii_piece(piece: Piece) -> Piece:
    if piece.token in _FEET:
        # The token has a ground: a line at its foot is what the bar is there.
        return Piece("_" * cell_len(piece.text), piece.token, is_bold=piece.is_bold)
    return Piece(ascii_text(piece.text), piece.token, is_bold=piece.is_bold)


def ascii_text(text: str) -> str:
    """One text in ASCII, by the same rules."""
    if text.isascii():
        return text
    for pattern, form in _LONGER:
        text = pattern.sub(form, text)
    return "".join(map(_ascii, text))


def _ascii(character: str) -> str:
    if character.isascii():
        return character
    return _ONE_CELL.get(character) or "?" * cell_len(character)
