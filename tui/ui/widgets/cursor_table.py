"""The base of tables with a cursor: its keys, the mouse wheel, and the gutter. A subclass paints the rows."""

from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.message import Message

from tui.present.styled import Line, Piece, Token
from tui.ui.input.keys import MOTION
from tui.ui.look.styles import Background
from tui.ui.widgets.lines import WHEEL_LINES, LineWidget

HEAD_LINES: Final = 1
"""The line of column names above the rows."""

PLAIN_EDGE: Final[Line] = (Piece("  "),)


class CursorTable(LineWidget, can_focus=True):
    """A table of which one row is under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = list(MOTION)

    class Entered(Message):
        """The user double-clicked a row."""

    @property
    def page_rows(self) -> int:
        """The number of rows that are visible now."""
        raise NotImplementedError

    @property
    def cursor_edge(self) -> Line:
        """The gutter of the row under the cursor."""
        return (Piece("▌", Token.ACCENT if self.has_focus else Token.FAINT), Piece(" "))

    def cursor_background(self, *, is_departed: bool) -> Background:
        """Return the background of the row under the cursor. A departed row is not in the list any more."""
        if is_departed:
            return Background.GONE_CURSOR
        return Background.CURSOR if self.has_focus else Background.CURSOR_AWAY

    def action_move(self, rows: int) -> None:
        raise NotImplementedError

    def action_half_page(self, direction: int) -> None:
        self.action_move(direction * max(1, self.page_rows // 2))

    def action_page(self, direction: int) -> None:
        self.action_move(direction * max(1, self.page_rows - 1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-WHEEL_LINES)
