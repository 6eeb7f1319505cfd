"""A dialog over the page: a few lines on a ground of their own, as high as they are.

What lives here: where it stands, and its edges where there are no grounds to tell it from the page. What it says is
`present`'s, what keys do the screens'.
"""

from collections.abc import Sequence
from typing import Final

from textual.strip import Strip

from tui.present.styled import Line, Piece, Token
from tui.ui.look.painting import Ground
from tui.ui.widgets.lines import LineWidget

MARGIN: Final = 4
"""Cells of the page that stay in sight beside a dialog, and rows above and below."""

_EDGE: Final = Piece("│", Token.LINE)


class DialogBorder(LineWidget):
    """What parts a dialog of several widgets from the page beside it, where all grounds are one."""

    def strip_at(self, y: int) -> Strip:
        """One cell, joined to the rules above and below."""
        character = "─" if y in {0, self.size.height - 1} else "│"
        return self.painter.strip((Piece(character, Token.LINE),), self.size.width, Ground.DIALOG)


class Dialog(LineWidget):
    """Lines in a place that its screen centres. The first may be a band."""

    def __init__(self, *, has_band: bool = False) -> None:
        super().__init__()
        self._has_band = has_band
        self._lines: tuple[Line, ...] = ()
        self._outer = (0, 0)

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown now."""
        return self._lines

    def room(self, widest: int) -> tuple[int, int]:
        """How many cells and lines there are for what is said."""
        width, height = self.app.size
        edges = 2 * self.painter.is_ruled
        return min(widest, width - MARGIN - edges), height - 2 - edges

    def show(self, lines: Sequence[Line], width: int) -> None:
        """Show other lines, of so many cells; only those that differ are painted."""
        before, self._lines = self._lines, tuple(lines)
        edges = 2 * self.painter.is_ruled
        size = (width + edges, len(lines) + edges)
        if size != self._outer:
            self._outer = size
            self.styles.width, self.styles.height = size
            return
        for y in range(len(self._lines)):
            if before[y : y + 1] != self._lines[y : y + 1]:
                self.refresh_line(y + self.painter.is_ruled)

    def line_at(self, y: int) -> int:
        """Which of its lines stands in a row of it."""
        return y - self.painter.is_ruled

    def strip_at(self, y: int) -> Strip:
        """The strip of a row."""
        width, index = self.size.width, self.line_at(y)
        if not 0 <= index < len(self._lines):
            line: Line = (Piece("─" * width, Token.LINE),) if self.painter.is_ruled else ()
            return self.painter.strip(line, width, Ground.DIALOG)
        ground = Ground.BAND if self._has_band and index == 0 else Ground.DIALOG
        if not self.painter.is_ruled:
            return self.painter.strip(self._lines[index], width, ground)
        edge = self.painter.strip((_EDGE,), 1, Ground.DIALOG)
        return Strip.join([edge, self.painter.strip(self._lines[index], width - 2, ground), edge])
