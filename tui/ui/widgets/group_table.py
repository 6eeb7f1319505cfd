"""The table of error groups. It paints only the rows whose text or background has changed.

`GroupListModel` decides which group is on which row, `present.errors.groups.columns` makes the cells.
"""

from collections.abc import Callable
from datetime import date
from typing import ClassVar, NamedTuple

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from tui.domain.errors.kinds import Fingerprint
from tui.present.errors.groups.columns import BARS, GroupRow, SizedGroupColumn, group_columns_for, group_head, group_row
from tui.present.styled import Line, Piece, Token, mark_hits
from tui.store.errors.error_group import ErrorGroup
from tui.store.errors.failures import TimeSpan
from tui.ui.data.live_model import LiveModel
from tui.ui.input.keys import MOTION
from tui.ui.look.styles import Background
from tui.ui.model.errors.facts import own_line
from tui.ui.model.errors.group_list import GroupListModel
from tui.ui.widgets.lines import GUTTER, WHEEL_LINES, LineWidget

HEAD_ROWS = 1
_PLAIN_EDGE: Line = (Piece("  "),)


class _Shown(NamedTuple):
    """Everything that a row is painted from.

    `cells` are the failures over the span, or none where no column shows them. `today` decides whether a time is shown
    as a date.
    """

    group: ErrorGroup | None
    background: Background = Background.PAGE
    edge: Line = _PLAIN_EDGE
    is_current: bool = False
    is_stale: bool = False
    today: date | None = None
    cells: tuple[int, ...] = ()


_BLANK = _Shown(None)


class GroupTable(LineWidget, can_focus=True):
    """Shows the rows of a `GroupListModel` below a line of column names."""

    BINDINGS: ClassVar[list[BindingType]] = list(MOTION)

    class Moved(Message):
        """The user moved the cursor."""

    class Entered(Message):
        """The user double-clicked a group."""

    def __init__(self, live: LiveModel, rows: Callable[[], GroupListModel]) -> None:
        super().__init__()
        self._live = live
        self._rows = rows
        self.columns_for: Callable[[int], list[SizedGroupColumn]] = group_columns_for
        """Returns the columns for a width in cells."""
        self.slots: list[SizedGroupColumn] = []
        """The columns that are shown, with their widths."""
        self._painted: dict[int, _Shown] = {}
        self._head: Line = ()
        self._words: tuple[str, ...] = ()
        self.span: TimeSpan | None = None
        self.span_words = ""
        self.has_states = True
        self.empty_lines_for: Callable[[int], tuple[Line, ...]] = lambda _: ()
        """Returns the lines to show while the list is empty, for a width in cells."""
        self.empty: tuple[Line, ...] = ()

    @property
    def rows(self) -> GroupListModel:
        """The list that is shown."""
        return self._rows()

    def show_changes(self) -> None:
        """Repaint the rows that differ from what is painted."""
        height = self.size.height - HEAD_ROWS
        if height <= 0:
            return  # it has no place yet: the list keeps the one that it had
        self.rows.resize(height)
        head = group_head(self.slots, self.span_words, has_states=self.has_states)
        if head != self._head:
            self._head = head
            self.refresh_line(0)
        empty = () if len(self.rows) else self.empty_lines_for(max(1, self.size.width - 2 * GUTTER))
        if empty != self.empty:
            self.empty = empty
            self.refresh()
        self.refresh_lines([y + HEAD_ROWS for y in range(height) if self._painted.get(y, _BLANK) != self._shown(y)])

    def highlight(self, text: str) -> None:
        """Mark the words of the typed filter in all rows."""
        words = tuple(text.casefold().split())
        if words != self._words:
            self._words = words
            self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        event.stop()
        self.show_columns()

    def show_columns(self) -> None:
        """Show the columns for the present width."""
        self.slots = self.columns_for(self.size.width)
        self._painted.clear()
        self.show_changes()
        self.refresh()

    def on_focus(self) -> None:
        self.show_changes()

    def on_blur(self) -> None:
        self.show_changes()

    def strip_at(self, y: int) -> Strip:
        width = self.size.width
        if y < HEAD_ROWS:
            return self.painter.strip((Piece(" " * GUTTER), *self._head), width)
        index = y - HEAD_ROWS
        shown = self._painted[index] = self._shown(index)
        if shown.group is None:
            if not len(self.rows) and index < len(self.empty):
                return self.painter.strip((Piece(" " * GUTTER), *self.empty[index]), width)
            return self.painter.blank(width)
        run_ids = shown.group.run_ids
        newest = self._live.get(run_ids[0]) if run_ids else None
        row = GroupRow(shown.group, shown.cells, own_line(newest))
        is_bold = shown.is_current and not self.painter.has_gutter_cursor
        line = group_row(row, self.slots, self._live.now.at, is_current=is_bold)
        for word in self._words:
            line = mark_hits(line, word)
        return self.painter.strip((*shown.edge, *line), width, shown.background, is_stale=shown.is_stale)

    def _shown(self, y: int) -> _Shown:
        rows = self.rows
        window = rows.window
        if y >= len(window):
            return _BLANK
        fingerprint, now = window[y], self._live.now
        background, edge = self._background(fingerprint)
        is_current = fingerprint == rows.cursor
        is_stale = now.frozen_at is not None
        group, span = rows.get(fingerprint), self.span
        cells = () if group is None or span is None or not self._has_bars else group.counts_in(span)
        return _Shown(group, background, edge, is_current, is_stale, now.at.date(), cells)

    @property
    def _has_bars(self) -> bool:
        return any(slot.column.id == BARS.id for slot in self.slots)

    def _background(self, fingerprint: Fingerprint) -> tuple[Background, Line]:
        is_departed = self.rows.is_departed(fingerprint)
        if fingerprint != self.rows.cursor:
            return Background.GONE if is_departed else Background.PAGE, _PLAIN_EDGE
        edge: Line = (Piece("▌", Token.ACCENT if self.has_focus else Token.FAINT), Piece(" "))
        if is_departed:
            return Background.GONE_CURSOR, edge
        return (Background.CURSOR if self.has_focus else Background.CURSOR_AWAY), edge

    def action_move(self, rows: int) -> None:
        self._move(lambda: self.rows.move(rows))

    def action_half_page(self, direction: int) -> None:
        self.action_move(direction * max(1, len(self.rows.window) // 2))

    def action_page(self, direction: int) -> None:
        self.action_move(direction * max(1, len(self.rows.window) - 1))

    def action_top(self) -> None:
        self._move(self.rows.to_top)

    def action_bottom(self) -> None:
        self._move(self.rows.to_bottom)

    def to_new(self, step: int) -> bool:
        """Move the cursor to the next (1) or previous (-1) NEW group. Return whether there is one."""
        before = self.rows.cursor
        self._move(lambda: self.rows.to_new(step))
        return self.rows.cursor != before

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-WHEEL_LINES)

    def on_click(self, event: events.Click) -> None:
        self._move(lambda: self.rows.to_row(event.y - HEAD_ROWS))
        if event.chain == 2 and event.y - HEAD_ROWS < len(self.rows.window):
            self.post_message(self.Entered())

    def _move(self, move: Callable[[], object]) -> None:
        before = self.rows.cursor
        move()
        self.show_changes()
        if self.rows.cursor != before:
            self.post_message(self.Moved())
