"""Shows a log of any length: only the visible rows are made, and a search runs in slices."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from textual import events
from textual.strip import Strip

from tui.present.styled import Line, Piece, Token, mark_hits
from tui.ui.look.styles import Background
from tui.ui.model.logs.log_view import LogView, ShownRow
from tui.ui.model.page_rows import PageRow
from tui.ui.widgets.lines import GUTTER
from tui.ui.widgets.page import BLANK_LINE, Page, PageLine

_MATCH: Final = Token.GREY_CHIP
_CURRENT_MATCH: Final = Token.BUTTON


class LogPage(Page):
    """A page for one `LogView`."""

    def __init__(self, view: LogView) -> None:
        super().__init__(lambda _: ())
        self.view = view
        self._window: list[ShownRow] = []
        self._running_search: Iterator[None] | None = None
        self._goes_to_match = False

    @property
    def rows(self) -> Sequence[PageRow]:
        """The visible rows."""
        return [each.row for each in self._window]

    @property
    def row(self) -> PageRow | None:
        return self.view.row

    @property
    def hits(self) -> tuple[int, int] | None:
        """The number of matching lines up to the cursor, and of all found so far; None without a search."""
        if not self._needle:
            return None
        index = self.view.index
        return 0 if index is None else bisect_right(self.view.hits, index), len(self.view.hits)

    @property
    def is_searching(self) -> bool:
        """Whether the search is still running."""
        return self._running_search is not None

    def rebuild(self) -> None:
        """Make the visible rows again, and repaint those that differ."""
        width, height = self.size
        if width <= GUTTER or not height:
            return
        self.view.resize(width - GUTTER)
        self._window = self.view.window(height)
        self._refresh_changed()

    def start_over(self) -> None:
        """Drop the log. A search goes on in the next one."""
        self._running_search = None
        self.view.start_over()

    def search(self, needle: str) -> None:
        """Search the shown lines in slices, and go to the first match from the cursor on. Empty: end the search."""
        self._goes_to_match = True
        self._start_search(needle.casefold())
        self.refresh()

    def search_again(self) -> None:
        """Search once more, because there are other lines now. The cursor stays."""
        if self._needle:
            self._start_search(self._needle)

    def next_hit(self, step: int) -> None:
        """Go to the next match below (1) or above (-1), wrapping around."""
        hits, index = self.view.hits, self.view.index
        if not hits or index is None:
            return
        place = bisect_right(hits, index) if step > 0 else bisect_left(hits, index) - 1
        self.go_to_index(hits[place % len(hits)])

    def go_to_index(self, index: int) -> None:
        """Put the cursor on a line of the log."""
        self.view.to_index(index)
        self._moved()

    def strip_at(self, y: int) -> Strip:
        painted = self._painted[y] = self._line_at(y)
        if painted is BLANK_LINE:
            return self.painter.blank(self.size.width)
        background, edge = Background.PAGE, Piece("  ")
        if painted.is_under_cursor and self.has_focus:
            background, edge = Background.CURSOR, Piece("▌ ", Token.ACCENT)
        elif painted.is_under_cursor:
            background, edge = Background.CURSOR_AWAY, Piece("▌ ", Token.FAINT)
        line = painted.line
        if self._needle:
            line = self._marked(line, self._window[y])
        return self.painter.strip((edge, *line), self.size.width, background, is_stale=self._is_stale)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        if event.y < len(self._window) and self._window[event.y].log_index is not None:
            self.view.rows.cursor = self._window[event.y].place
            self._moved()
            if event.chain == 2:
                self.enter()

    def action_top(self) -> None:
        self.view.rows.to_top()
        self._moved()

    def action_bottom(self) -> None:
        self.view.rows.to_bottom()
        self._moved()

    def _go(self, index: int) -> None:
        """Move by `index` rows. Here the base class always sees the cursor on row 0, so that an index is a distance."""
        self.view.rows.move(index)
        self._moved()

    def _moved(self) -> None:
        self.rebuild()
        self.post_message(self.Moved())

    def _line_at(self, y: int) -> PageLine:
        if y >= len(self._window):
            return BLANK_LINE
        shown = self._window[y]
        is_current = bool(self._needle) and shown.log_index is not None and shown.log_index == self.view.index
        is_under_cursor = shown.log_index is not None and shown.place == self.view.rows.cursor
        return PageLine(shown.row.line, is_under_cursor=is_under_cursor, is_current=is_current)

    def _marked(self, line: Line, shown: ShownRow) -> Line:
        """Mark the matches in a row. Of a closed line that matches where it is not visible, the end is marked."""
        index = shown.log_index
        token = _CURRENT_MATCH if index == self.view.index else _MATCH
        marked = mark_hits(line, self._needle, token)
        if marked != line or index is None or not line or self.view.is_open(index):
            return marked
        return (*line[:-1], line[-1]._replace(token=token)) if self.view.is_hit(index) else line

    def _start_search(self, needle: str) -> None:
        self._needle = needle
        self._running_search = self.view.search(needle) if needle else None
        if not needle:
            self.view.search("")
        self._continue_search(self._running_search)

    def _continue_search(self, search: Iterator[None] | None) -> None:
        """Run the search until its next pause. Keys that came meanwhile are handled before it continues."""
        if search is not self._running_search:
            return
        if search is not None:
            if next(search, self) is self:
                self._running_search = None
            else:
                self.call_later(self._continue_search, search)
            self._go_to_first_match()
            if not self.is_searching and self.view.log is not None:
                # Without a match the search stays, and lines that come later must not move the cursor.
                self._goes_to_match = False
        self.post_message(self.Moved())

    def _go_to_first_match(self) -> None:
        """Go to the first match from the cursor on, or to the first of all once the search has ended."""
        hits, index = self.view.hits, self.view.index
        if not self._goes_to_match or not hits or index is None:
            return
        place = bisect_left(hits, index)
        if place < len(hits) or not self.is_searching:
            self._goes_to_match = False
            self.go_to_index(hits[place % len(hits)])
