"""The grid in which the user chooses statuses. Each column is a group; its heading chooses the whole column."""

from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from tui.present.dialogs.filters import FAMILIES, heading_cell, status_cell, word_of, words_of
from tui.present.styled import Piece, Token
from tui.ui.input.keys import bind
from tui.ui.look.styles import Background
from tui.ui.widgets.lines import LineWidget

INDENT: Final = 1
COLUMN_WIDTH: Final = 21
"""A mark, a space, the glyph, a space, the longest title, and two cells before the next column."""


class StatusGrid(LineWidget, can_focus=True):
    """A grid of statuses. Row 0 has the headings. `chosen` are the server's words for statuses."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("down,j", "move_row(1)", "down", "Move one status down, then to the next field.", id="status-down"),
        bind("up,k", "move_row(-1)", "up", "One status up.", id="status-up"),
        bind("right,l", "move_column(1)", "right", "Go to the next column.", id="status-right"),
        bind("left,h", "move_column(-1)", "left", "Go to the previous column.", id="status-left"),
        bind(
            "space",
            "choose",
            "choose",
            "Choose the status or not; on a heading, all of its column.",
            id="choose-status",
        ),
        bind("tab", "app.focus_next", "next field", "Go to the next field.", id="next-field"),
        bind("shift+tab", "app.focus_previous", "previous field", "Go to the previous field.", id="previous-field"),
        bind("enter", "screen.apply", "apply", "Apply the filters.", id="apply-filters"),
    ]

    class Changed(Message):
        """The chosen statuses or the cursor have changed."""

    def __init__(self, chosen: frozenset[str]) -> None:
        super().__init__(id="statuses")
        self._chosen = chosen
        # The cursor begins on the failures: users filter for these most often.
        self._column = 1
        self._row = 0

    @property
    def chosen(self) -> frozenset[str]:
        """The words of the chosen statuses. Empty means all."""
        return self._chosen

    @property
    def title(self) -> str:
        """The title of the status or the family under the cursor."""
        return FAMILIES[self._column][1][self._row - 1] if self._row else FAMILIES[self._column][0]

    @property
    def is_on_head(self) -> bool:
        """Whether the cursor is on a heading, which stands for its whole column."""
        return self._row == 0

    def choose(self, chosen: frozenset[str]) -> None:
        """Replace the chosen statuses."""
        if chosen != self._chosen:
            self._chosen = chosen
            self.refresh()
            self.post_message(self.Changed())

    def strip_at(self, y: int) -> Strip:
        strips = [self.painter.blank(INDENT, Background.DIALOG)]
        room = self.size.width - INDENT
        for column in range(len(FAMILIES)):
            width = COLUMN_WIDTH if column < len(FAMILIES) - 1 else room - COLUMN_WIDTH * column
            strips.append(self._cell(column, y, max(0, min(width, room - COLUMN_WIDTH * column))))
        return Strip.join(strips)

    def _cell(self, column: int, row: int, width: int) -> Strip:
        titles = FAMILIES[column][1]
        if row > len(titles):
            return self.painter.blank(width, Background.DIALOG)
        line = heading_cell(column, self._chosen) if row == 0 else status_cell(titles[row - 1], self._chosen)
        words = words_of(column) if row == 0 else frozenset({word_of(titles[row - 1])})
        is_here = self.has_focus and (column, row) == (self._column, self._row)
        line = (_edge(is_chosen=words <= self._chosen, is_here=is_here), Piece(" "), *line)
        if not is_here:
            return self.painter.strip(line, width, Background.DIALOG)
        inner = min(width, COLUMN_WIDTH - 2)
        here = self.painter.strip(line, inner, Background.DIALOG_CURSOR)
        return Strip.join([here, self.painter.blank(width - inner, Background.DIALOG)])

    def action_move_row(self, step: int) -> None:
        row = self._row + step
        if row > len(FAMILIES[self._column][1]):
            self.screen.focus_next()
        else:
            self._go(self._column, max(0, row))

    def action_move_column(self, step: int) -> None:
        column = max(0, min(self._column + step, len(FAMILIES) - 1))
        self._go(column, min(self._row, len(FAMILIES[column][1])))

    def action_choose(self) -> None:
        words = words_of(self._column) if self.is_on_head else frozenset({word_of(self.title)})
        self.choose(self._chosen - words if words <= self._chosen else self._chosen | words)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        event.stop()
        column = max(0, min((event.x - INDENT) // COLUMN_WIDTH, len(FAMILIES) - 1))
        if 0 <= event.y <= len(FAMILIES[column][1]):
            self._go(column, event.y)
            self.action_choose()

    def _go(self, column: int, row: int) -> None:
        if (column, row) != (self._column, self._row):
            self._column, self._row = column, row
            self.refresh()
            self.post_message(self.Changed())


def _edge(*, is_chosen: bool, is_here: bool) -> Piece:
    if is_here:
        return Piece("•", Token.MARKED) if is_chosen else Piece("▌", Token.ACCENT)
    return Piece("•" if is_chosen else " ", Token.ACCENT)
