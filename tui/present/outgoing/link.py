"""The dialog that shows a link where no browser can be started."""

from typing import Final

from tui.present.styled import Line, Piece, Token, wrap

WIDTH: Final = 84
_INDENT: Final = 3


def link_lines(reason: str, link: str, width: int) -> tuple[list[Line], range]:
    """Return the dialog in lines of at most `width` cells, and the lines that show the link."""
    limit, indent = width - 2 * _INDENT, Piece(" " * _INDENT)
    head: list[Line] = [
        (),
        (indent, Piece("Open in a browser", Token.BRIGHT, is_bold=True)),
        *((indent, Piece(row, Token.MUTED)) for row in wrap(reason, limit)),
        (),
    ]
    rows = [link[start : start + limit] for start in range(0, len(link), limit)]
    keys = (indent, Piece("y", Token.TEXT, is_bold=True), Piece("  copy it   ", Token.MUTED))
    lines = [
        *head,
        *((indent, Piece(row, Token.TEXT)) for row in rows),
        (),
        (*keys, Piece("Esc", Token.TEXT, is_bold=True), Piece("  back", Token.MUTED)),
        (),
    ]
    return lines, range(len(head), len(head) + len(rows))
