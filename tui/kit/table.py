"""Tables with a cursor that paint only rows whose content or background has changed."""

from collections.abc import Callable, Hashable
from typing import Any, Final, Generic, NamedTuple

from textual import events
from textual.message import Message
from textual.strip import Strip

from tui.kit.colors import Background
from tui.kit.lines import GUTTER, CursorLines
from tui.kit.live_model import LiveModel
from tui.kit.look import Painter
from tui.kit.rows import K, TableRows
from tui.text.styled import Line, Piece, Token, mark_hits

# The base of tables with a cursor: the gutter and the background of its row. A subclass paints the rows.


HEAD_LINES: Final = 1
"""The line of column names above the rows."""

PLAIN_EDGE: Final[Line] = (Piece("  "),)


class CursorTable(CursorLines):
    """A table of which one row is under the cursor."""

    class Entered(Message):
        """The user double-clicked a row."""

    @property
    def cursor_edge(self) -> Line:
        """The gutter of the row under the cursor."""
        return (Piece("▌", Token.ACCENT if self.has_focus else Token.FAINT), Piece(" "))

    def cursor_background(self, *, is_departed: bool) -> Background:
        """Return the background of the row under the cursor. A departed row is not in the list any more."""
        if is_departed:
            return Background.GONE_CURSOR
        return Background.CURSOR if self.has_focus else Background.CURSOR_AWAY


# A table of rows that paints only rows whose content or background has changed.
#
# A subclass says what a row is made from, and makes its line. The table of runs paints in its own way, because its rows
# change each second.


class _Shown(NamedTuple):
    """Everything that a row is painted from. Rows without content are blank."""

    content: Hashable | None
    background: Background = Background.PAGE
    edge: Line = PLAIN_EDGE
    is_stale: bool = False


_BLANK: Final = _Shown(None)


class RowTable(CursorTable, Generic[K]):
    """Shows rows below a line of column names."""

    class Moved(Message):
        """The user moved the cursor."""

    def __init__(self, live: LiveModel) -> None:
        super().__init__()
        self.live = live
        self.now = live.now
        """The time of the rows, the same from one tick to the next: none shows a later one than others."""
        self._painted: dict[int, _Shown] = {}
        self._strips: dict[K, tuple[_Shown, Strip]] = {}
        """The rows that were painted last, each with its content: most rows of a list that scrolls."""
        self._painter: Painter | None = None
        self._head: Line = ()
        self._words: tuple[str, ...] = ()
        self.empty_lines_for: Callable[[int], tuple[Line, ...]] = lambda _: ()
        """Returns the lines to show while the table is empty, for a width in cells."""
        self.empty: tuple[Line, ...] = ()

    @property
    def rows(self) -> TableRows[K, Any]:
        """The rows that are shown."""
        raise NotImplementedError

    def head_line(self) -> Line:
        """Return the line of column names, without the gutter."""
        raise NotImplementedError

    def content_of(self, key: K, *, is_bold: bool) -> Hashable | None:
        """Return everything that the line of a row is made from. `is_bold`: it is under the cursor."""
        raise NotImplementedError

    def line_of(self, content: Hashable) -> Line:
        """Return the line of a row, without the gutter."""
        raise NotImplementedError

    def fit_columns(self) -> None:
        """Choose the columns for the present width."""

    @property
    def page_rows(self) -> int:
        return len(self.rows.window)

    def tick(self) -> None:
        """Show the present time, and all changes."""
        self.now = self.live.now
        self.show_changes()

    def show_changes(self) -> None:
        """Repaint the rows that differ from what is painted."""
        height = self.size.height - HEAD_LINES
        if height <= 0:
            return  # it has no place yet: the list keeps the one that it had
        self.rows.resize(height)
        head = self.head_line()
        if head != self._head:
            self._head = head
            self.refresh_line(0)
        empty = () if len(self.rows) else self.empty_lines_for(max(1, self.size.width - 2 * GUTTER))
        if empty != self.empty:
            self.empty = empty
            self.refresh()
        self.refresh_lines([y + HEAD_LINES for y in range(height) if self._painted.get(y, _BLANK) != self._shown(y)])

    def highlight(self, text: str) -> None:
        """Mark the words of the typed filter in all rows."""
        words = tuple(text.casefold().split())
        if words != self._words:
            self._words = words
            self._strips.clear()
            self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        event.stop()
        self.show_columns()

    def show_columns(self) -> None:
        """Show the columns for the present width."""
        self.fit_columns()
        self._painted.clear()
        self._strips.clear()
        self.show_changes()
        self.refresh()

    def on_focus(self) -> None:
        self.show_changes()

    on_blur = on_focus

    def strip_at(self, y: int) -> Strip:
        width = self.size.width
        if y < HEAD_LINES:
            return self.painter.strip((Piece(" " * GUTTER), *self._head), width)
        index = y - HEAD_LINES
        shown = self._painted[index] = self._shown(index)
        if shown.content is None:
            if not len(self.rows) and index < len(self.empty):
                return self.painter.strip((Piece(" " * GUTTER), *self.empty[index]), width)
            return self.painter.blank(width)
        return self._strip_of(self.rows.window[index], shown)

    def _strip_of(self, key: K, shown: _Shown) -> Strip:
        if self._painter is not self.painter or len(self._strips) > 4 * max(1, self.size.height):
            self._painter = self.painter
            self._strips.clear()
        known = self._strips.get(key)
        if known is not None and known[0] == shown:
            return known[1]
        line = self.line_of(shown.content)
        for word in self._words:
            line = mark_hits(line, word)
        strip = self.painter.strip((*shown.edge, *line), self.size.width, shown.background, is_stale=shown.is_stale)
        self._strips[key] = shown, strip
        return strip

    def _shown(self, y: int) -> _Shown:
        rows = self.rows
        window = rows.window
        if y >= len(window):
            return _BLANK
        key = window[y]
        is_current, is_departed = key == rows.cursor, rows.is_departed(key)
        content = self.content_of(key, is_bold=is_current and not self.painter.has_gutter_cursor)
        is_stale = self.now.frozen_at is not None
        if is_current:
            return _Shown(content, self.cursor_background(is_departed=is_departed), self.cursor_edge, is_stale)
        return _Shown(content, Background.GONE if is_departed else Background.PAGE, PLAIN_EDGE, is_stale)

    def action_move(self, rows: int) -> None:
        self.move_cursor(lambda: self.rows.move(rows))

    def action_top(self) -> None:
        self.move_cursor(self.rows.to_top)

    def action_bottom(self) -> None:
        self.move_cursor(self.rows.to_bottom)

    def on_click(self, event: events.Click) -> None:
        self.move_cursor(lambda: self.rows.to_row(event.y - HEAD_LINES))
        if event.chain == 2 and event.y - HEAD_LINES < len(self.rows.window):
            self.post_message(self.Entered())

    def move_cursor(self, move: Callable[[], object]) -> None:
        """Call a function that moves the cursor, and show where it is."""
        before = self.rows.cursor
        move()
        self.show_changes()
        if self.rows.cursor != before:
            self.post_message(self.Moved())
