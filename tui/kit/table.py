"""Tables with a cursor that paint only rows whose content or background has changed."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple

from textual import events
from textual.message import Message
from textual.strip import Strip

from tui.kit.colors import Background
from tui.kit.lines import GUTTER, CursorLines
from tui.kit.live_model import LiveModel
from tui.kit.look import Painter
from tui.kit.rows import MORE, R, RowLines
from tui.store.filter import highlighted_texts
from tui.text.blocks import Now
from tui.text.styled import Line, Piece, Token, mark_hits
from tui.text.table import Column, SizedColumn, Table

HEAD_LINES: Final = 1
"""The line of column names above the rows."""

PLAIN_EDGE: Final[Line] = (Piece("  "),)
_MARKED_EDGE: Final[Line] = (Piece("• ", Token.ACCENT),)


class Shown(NamedTuple):
    """Everything that a row is painted from. Rows without content are blank."""

    content: Hashable | None
    background: Background = Background.PAGE
    edge: Line = PLAIN_EDGE
    is_stale: bool = False


class RowContent(NamedTuple):
    """The source of the line of a row. `is_bold`: it is under the cursor."""

    made_from: tuple[Any, ...]
    is_bold: bool


_BLANK: Final = Shown(None)


class RowTable(CursorLines, Generic[R]):
    """Shows the rows of a list below a line of column names.

    `drawn` returns the source of the cells of a row, if that is more than the row.
    """

    class Entered(Message):
        """The user double-clicked a row."""

    class TitleClicked(Message):
        """The user clicked the title of a column."""

        def __init__(self, column: Column[Any]) -> None:
            super().__init__()
            self.column = column
            self.order = column.order or column.id

    def __init__(
        self,
        live: LiveModel,
        table: Table[Any],
        rows: Callable[[], RowLines[Any]],
        drawn: Callable[[R], Any] = lambda row: row,
    ) -> None:
        super().__init__()
        self.live = live
        self.now = live.now
        """The time of the rows, the same from one tick to the next: none shows a later one than others."""
        self.table = table
        self.columns_for: Callable[[int], Sequence[SizedColumn[Any]]] = table.slots
        """Returns the columns for a width in cells."""
        self.slots: Sequence[SizedColumn[Any]] = ()
        """The columns that are shown, with their widths."""
        self.titles: Mapping[str, str] = {}
        """The titles of columns that have other ones now, by their ids."""
        self._rows = rows
        self._drawn = drawn
        self._changing: list[SizedColumn[Any]] = []
        self._contents: dict[Hashable, tuple[R, Now, tuple[Hashable, ...]]] = {}
        self._painted: dict[int, Shown] = {}
        self._strips: dict[Hashable, tuple[Shown, Strip]] = {}
        """The rows that were painted last, each with its content: most rows of a list that scrolls."""
        self._painter: Painter | None = None
        self._head: Line = ()
        self._words: tuple[str, ...] = ()
        self.on_moved: Callable[[], None] = lambda: None
        """Called when the user has moved the cursor. A message would pass three more queues."""
        self.more_line: Callable[[], Line] = lambda: ()
        """Returns the line that stands for folded rows."""
        self.empty_lines_for: Callable[[int], tuple[Line, ...]] = lambda _: ()
        """Returns the lines to show while the table is empty, for a width in cells."""
        self.empty: tuple[Line, ...] = ()

    @property
    def rows(self) -> RowLines[Any]:
        """The rows that are shown."""
        return self._rows()

    @property
    def page_rows(self) -> int:
        return len(self.rows.window)

    def made_from(self, row: R) -> tuple[Hashable, ...]:
        """Return everything that the cells of a row are made from: the row, and cells that differ while it is the same.

        The first value is passed to the cells.
        """
        drawn = self._drawn(row)
        return (drawn, *self.changing_cells(drawn))

    def changing_cells(self, drawn: Any) -> list[Line]:
        """Return the cells that may differ although the row is the same."""
        return [slot.column.cell(drawn, self.now, slot.width) for slot in self._changing]

    def content_of(self, item: Hashable, *, is_bold: bool) -> Hashable | None:
        """Return everything that a line is made from."""
        if item == MORE:
            return self.more_line()
        row = self.rows.get(item)
        if row is None:
            return None
        known = self._contents.get(item)
        if known is None or known[0] is not row or known[1] is not self.now:
            known = self._contents[item] = row, self.now, self.made_from(row)
        return RowContent(known[2], is_bold)

    def row_line(self, item: Hashable, content: RowContent) -> Line:  # noqa: ARG002  for subclasses
        """Return the line of a row, without the gutter."""
        return self.table.row(content.made_from[0], self.slots, self.now, is_current=content.is_bold)

    def tick(self) -> None:
        """Show the present time, and all changes."""
        self.now = self.live.now
        self.show_changes(is_anew=True)

    def show_changes(self, *, is_anew: bool = False) -> None:
        """Repaint the rows that differ from what is painted. `is_anew`: the same rows may have other cells."""
        if is_anew:
            self._contents.clear()
        height = self.size.height - HEAD_LINES
        if height <= 0:
            return  # it has no place yet: the list keeps the one that it had
        self.rows.resize(height)
        head = self.table.head(self.slots, self.titles)
        if head != self._head:
            self._head = head
            self.refresh_line(0)
        empty = () if self.rows.has_rows else self.empty_lines_for(max(1, self.size.width - 2 * GUTTER))
        if empty != self.empty:
            self.empty = empty
            self.refresh()
        shown = self._shown()
        self.refresh_lines([y + HEAD_LINES for y, each in enumerate(shown) if self._painted.get(y, _BLANK) != each])

    def highlight(self, text: str) -> None:
        """Mark the words of the typed filter in all rows."""
        words = highlighted_texts(text)
        if words != self._words:
            self._words = words
            self._strips.clear()
            self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        event.stop()
        self.show_columns()

    def show_columns(self) -> None:
        """Show the columns for the present width."""
        self.slots = self.columns_for(self.size.width)
        self._changing = [each for each in self.slots if each.column.is_ticking or each.column.is_read_later]
        self._painted.clear()
        self._strips.clear()
        self.show_changes(is_anew=True)
        self.refresh()

    def on_focus(self) -> None:
        self.show_changes()

    on_blur = on_focus

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y < HEAD_LINES:
            return self.painter.strip((Piece(" " * GUTTER), *self._head), width)
        index = y - HEAD_LINES
        shown = self._painted[index] = next(iter(self._shown(index, index + 1)), _BLANK)
        if shown.content is not None:
            return self._strip_of(self.rows.window[index], shown)
        below = index - len(self.rows.window)
        if not self.rows.has_rows and below < len(self.empty):
            return self.painter.strip((Piece(" " * GUTTER), *self.empty[below]), width)
        return self.painter.blank(width)

    def _strip_of(self, item: Hashable, shown: Shown) -> Strip:
        if self._painter is not self.painter or len(self._strips) > 4 * max(1, self.size.height):
            self._painter = self.painter
            self._strips.clear()
        known = self._strips.get(item)
        if known is not None and known[0] == shown:
            return known[1]
        content = shown.content
        if isinstance(content, RowContent):
            line = self.row_line(item, content)
            for word in self._words:
                line = mark_hits(line, word)
        else:
            assert isinstance(content, tuple)
            line = content
        strip = self.painter.strip((*shown.edge, *line), self.size.width, shown.background, is_stale=shown.is_stale)
        self._strips[item] = shown, strip
        return strip

    def _shown(self, start: int = 0, stop: int | None = None) -> list[Shown]:
        """Return everything that the lines of the window are painted from, with the blank ones below the last row."""
        found = [self.shown_of(item) for item in self.rows.window[start:stop]]
        blank = self.size.height - HEAD_LINES - len(found) if stop is None else 0
        return found + [_BLANK] * blank

    def shown_of(self, item: Hashable) -> Shown:
        """Return everything that a line of the list is painted from."""
        rows = self.rows
        is_current, is_departed = item == rows.cursor_item, rows.is_departed(item)
        background = Background.GONE if is_departed else Background.PAGE
        if is_current:
            background = self.cursor_background(is_departed=is_departed)
        edge = self.edge(is_current=is_current, is_marked=item in rows.marks)
        content = self.content_of(item, is_bold=is_current and not self.painter.has_gutter_cursor)
        return Shown(content, background, edge, self.now.frozen_at is not None)

    def edge(self, *, is_current: bool, is_marked: bool = False) -> Line:
        """Return the gutter of a row."""
        if not is_current:
            return _MARKED_EDGE if is_marked else PLAIN_EDGE
        if is_marked and not self.painter.has_gutter_cursor:
            return (Piece("•", Token.MARKED), Piece(" "))
        mark = Piece("•", Token.ACCENT) if is_marked else Piece(" ")
        return (Piece("▌", Token.ACCENT if self.has_focus else Token.FAINT), mark)

    def cursor_background(self, *, is_departed: bool) -> Background:
        """Return the background of the row under the cursor. A departed row is not in the list any more."""
        if is_departed:
            return Background.GONE_CURSOR
        return Background.CURSOR if self.has_focus else Background.CURSOR_AWAY

    def action_move(self, rows: int) -> None:
        self.move_cursor(lambda: self.rows.move(rows))

    def action_top(self) -> None:
        self.move_cursor(self.rows.to_top)

    def action_bottom(self) -> None:
        self.move_cursor(self.rows.to_bottom)

    def step(self, rows: int) -> None:
        """Move the cursor from row to row, never onto another line."""
        self.action_move(rows)

    def on_click(self, event: events.Click) -> None:
        y = event.y - HEAD_LINES
        if y < 0:
            if (column := self.table.title_at(self.slots, event.x - GUTTER)) is not None:
                self.post_message(self.TitleClicked(column))
            return
        self.move_cursor(lambda: self.rows.to_line(y))
        if event.chain == 2 and self.rows.cursor_item in self.rows.window[y : y + 1]:
            self.post_message(self.Entered())

    def move_cursor(self, move: Callable[[], object]) -> None:
        """Call a function that moves the cursor, and show where it is."""
        before = self.rows.cursor_item
        move()
        self.show_changes()
        if self.rows.cursor_item != before:
            self.on_moved()
