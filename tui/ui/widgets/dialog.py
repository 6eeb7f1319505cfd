"""A dialog: a few lines over the page, with a background of their own.

Without background colours it gets a border. `present` makes the lines, the screen handles the keys.
"""

from collections.abc import Sequence
from typing import Final

from textual.strip import Strip

from tui.present.styled import Line, Piece, Token
from tui.ui.look.styles import Background
from tui.ui.widgets.lines import LineWidget

MARGIN: Final = 4
"""Cells of the page that stay visible beside a dialog."""

_EDGE: Final = Piece("│", Token.LINE)


class DialogBorder(LineWidget):
    """The side border of a dialog that consists of several widgets, for terminals without background colours."""

    def strip_at(self, y: int) -> Strip:
        character = "─" if y in {0, self.size.height - 1} else "│"
        return self.painter.strip((Piece(character, Token.LINE),), self.size.width, Background.DIALOG)


class Dialog(LineWidget):
    """A centred dialog. With `has_band` its first line has another background."""

    def __init__(self, *, has_band: bool = False) -> None:
        super().__init__()
        self._has_band = has_band
        self._lines: tuple[Line, ...] = ()
        self._outer = (0, 0)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines that are shown now."""
        return self._lines

    def room(self, widest: int) -> tuple[int, int]:
        """Return the cells and the lines that are available for text. `widest` bounds the cells."""
        width, height = self.app.size
        edges = 2 * self.painter.needs_rules
        return min(widest, width - MARGIN - edges), height - 2 - edges

    def show(self, lines: Sequence[Line], width: int) -> None:
        """Show other lines of `width` cells. Only lines that differ are repainted."""
        before, self._lines = self._lines, tuple(lines)
        edges = 2 * self.painter.needs_rules
        size = (width + edges, len(lines) + edges)
        if size != self._outer:
            self._outer = size
            self.styles.width, self.styles.height = size
            return
        for y in range(len(self._lines)):
            if before[y : y + 1] != self._lines[y : y + 1]:
                self.refresh_line(y + self.painter.needs_rules)

    def line_at(self, y: int) -> int:
        """Return the index of the line that is shown in a row of the widget."""
        return y - self.painter.needs_rules

    def strip_at(self, y: int) -> Strip:
        width, index = self.size.width, self.line_at(y)
        if not 0 <= index < len(self._lines):
            line: Line = (Piece("─" * width, Token.LINE),) if self.painter.needs_rules else ()
            return self.painter.strip(line, width, Background.DIALOG)
        background = Background.BAND if self._has_band and index == 0 else Background.DIALOG
        if not self.painter.needs_rules:
            return self.painter.strip(self._lines[index], width, background)
        edge = self.painter.strip((_EDGE,), 1, Background.DIALOG)
        return Strip.join([edge, self.painter.strip(self._lines[index], width - 2, background), edge])
