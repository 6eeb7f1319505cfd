"""`Page`: lines with a cursor, a search, and Enter on a row. The detail, the attempts and the tree are pages."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from textual import events
from textual.message import Message
from textual.strip import Strip

from tui.kit.colors import Background
from tui.kit.lines import GUTTER, CursorLines
from tui.text.blocks import Row
from tui.text.styled import Line, Piece, Token, mark_hits, plain

PageRow = Row
"""The rows that a `Page` draws are those that `words` make."""


class LazyRows(Sequence[PageRow]):
    """Many rows, of which only the visible ones are made, then some that stand below them and are made already.

    A subclass makes rows, and knows their indexes.
    """

    def __init__(self, count: int, below: Sequence[PageRow]) -> None:
        self._count = count
        self._below = below
        self._made: dict[int, PageRow] = {}

    def make(self, index: int) -> PageRow:
        """Make one of the rows above those below."""
        raise NotImplementedError

    def index_of(self, key: Hashable) -> int | None:
        """Return the index of the row with a key, or None, without making other rows."""
        return next((index for index, row in enumerate(self._below) if row.key == key), None)

    @property
    def cursor_count(self) -> int:
        """How many rows the cursor may enter. Those below are visible when it is on the last of them."""
        return len(self)

    def height(self, index: int) -> int:  # noqa: ARG002  for subclasses
        """Return how many lines a row has, without making it where that is possible."""
        return 1

    def cursor_line(self, index: int) -> Line:
        """Return the line of a row while the cursor is on it and the page has the focus."""
        return self[index].line

    def hits(self, needle: str) -> list[int]:
        """Return the rows that contain a text in folded case."""
        return [index for index, row in enumerate(self) if needle in plain(row.line).casefold()]

    def __len__(self) -> int:
        return self._count + len(self._below)

    def __getitem__(self, index: int) -> PageRow:  # type: ignore[override]  # no slices
        if not 0 <= index < len(self):
            raise IndexError(index)
        if index >= self._count:
            return self._below[index - self._count]
        if index not in self._made:
            self._made[index] = self.make(index)
        return self._made[index]


_NO_ROWS: Final = LazyRows(0, ())


# A function makes the rows of a `Page` for a width; it is called again when the width changes.


MakeRows = Callable[[int], Sequence[PageRow]]
"""Makes the rows for a width in cells."""


class PageLine(NamedTuple):
    """Everything that a line of a page is painted from, apart from the search and the focus."""

    line: Line
    is_under_cursor: bool = False
    is_current: bool = False


BLANK_LINE: Final = PageLine(())
"""A line below the last row."""


class Page(CursorLines):
    """Shows the rows that a function makes.

    A place sorts in the order of the rows; here it is the index of a row. A search may pause, so that keys are handled
    between its slices: pages of any length make only their visible rows, and search in slices.
    """

    class Entered(Message):
        """The user pressed Enter on a row with an `action`."""

        def __init__(self, action: object) -> None:
            super().__init__()
            self.action = action

    class Moved(Message):
        """The cursor or the search has changed."""

    def __init__(self, make: MakeRows = lambda _: ()) -> None:
        super().__init__()
        self._make = make
        self._rows = _NO_ROWS
        self._top = self._cursor = 0
        self._needle = ""
        self._matches: list[Any] = []
        self._running_search: Iterator[None] | None = None
        self._goes_to_match = False
        self._is_stale = False
        self._visible: list[tuple[int, Line]] = []
        """The visible lines, each with the index of its row."""
        self._painted: dict[int, PageLine] = {}

    @property
    def rows(self) -> Sequence[PageRow]:
        """The rows that are shown now."""
        return self._rows

    @property
    def cursor(self) -> int:
        """The index of the row that the cursor is on."""
        return self._cursor

    @property
    def row(self) -> PageRow | None:
        """The row that the cursor is on."""
        return self._rows[self._cursor] if self._rows else None

    @property
    def hits(self) -> tuple[int, int] | None:
        """The number of matches up to the cursor, and of all matches; None without a search."""
        if not self._needle:
            return None
        return 0 if self.end_place is None else bisect_right(self.matches, self.end_place), len(self.matches)

    @property
    def hit_words(self) -> str:
        """How many matches there are up to the cursor; empty without a search."""
        if (hits := self.hits) is None:
            return ""
        return f"match {hits[0]} of {hits[1]}" if hits[1] else "searching…" if self.is_searching else "not found here"

    def show_stale(self, *, is_stale: bool) -> None:
        """Mute the colour of running work, or restore it."""
        if is_stale is not self._is_stale:
            self._is_stale = is_stale
            self.refresh()

    def rebuild(self) -> None:
        """Make the rows again. The cursor stays on its row, and only lines that differ are repainted.

        On first use the cursor is on the first row that is not empty.
        """
        width = self.size.width
        if width <= GUTTER:
            return
        cursor_key, is_first = self.row.key if self.row else None, not self._rows
        made = self._make(width - GUTTER)
        self._rows = made if isinstance(made, LazyRows) else LazyRows(0, made)
        if is_first:
            self._cursor = next((index for index, row in enumerate(self._rows) if row.line), 0)
        if cursor_key is not None and (found := self._rows.index_of(cursor_key)) is not None:
            self._top += found - self._cursor
            self._cursor = found
        self._find_rows(self._needle)
        self._clamp()
        self._refresh_changed()

    def _line_at(self, y: int) -> PageLine:
        if not 0 <= y < len(self._visible):
            return BLANK_LINE
        index, line = self._visible[y]
        row, is_under_cursor = self._rows[index], index == self._cursor
        if is_under_cursor and self.has_focus and line is row.line:  # and no further line of it
            line = self._rows.cursor_line(index)
        return PageLine(line, is_under_cursor=is_under_cursor, is_current=row.is_current)

    def _refresh_changed(self) -> None:
        """Repaint the lines that look different from what is painted there."""
        self.refresh_lines([y for y in range(self.size.height) if self._painted.get(y) != self._line_at(y)])

    def start_over(self) -> None:
        """Remove all rows and go to the top. The caller then calls `rebuild` for another content."""
        self._rows, self._visible, self._top, self._cursor = _NO_ROWS, [], 0, 0

    def go_to(self, key: Hashable) -> bool:
        """Put the cursor on the row with a key. Return whether there is one."""
        if (index := self._rows.index_of(key)) is not None:
            self._go(index)
        return index is not None

    @property
    def matches(self) -> Sequence[Any]:
        """The places that match, as far as they were searched."""
        return self._matches

    @property
    def place(self) -> Any:
        """The place of the cursor; None: there are no rows."""
        return self._cursor

    @property
    def end_place(self) -> Any:
        """The last place in the row under the cursor."""
        return self.place

    @property
    def is_read(self) -> bool:
        """Whether there is something to search."""
        return True

    def find(self, needle: str) -> Iterator[None]:
        """Search for a text, and pause after each slice. `matches` grows meanwhile; it is empty for an empty text."""
        self._find_rows(needle)
        return iter(())

    def _find_rows(self, needle: str) -> None:
        self._matches = self._rows.hits(needle) if needle else []

    def go_to_place(self, place: Any) -> None:
        """Put the cursor on a place."""
        self._go(place)

    @property
    def is_searching(self) -> bool:
        """Whether the search is still running."""
        return self._running_search is not None

    def search(self, needle: str) -> None:
        """Highlight a text, ignoring case, and go to the first match from the cursor on. Empty: end the search."""
        self._goes_to_match = True
        self._start_search(needle.casefold())
        self.refresh()

    def search_again(self) -> None:
        """Search once more, because there are other rows now. The cursor stays."""
        if self._needle:
            self._start_search(self._needle)

    def _start_search(self, needle: str) -> None:
        self._needle = needle
        self._running_search = self.find(needle)
        self._continue_search(self._running_search)

    def _continue_search(self, search: Iterator[None]) -> None:
        """Run the search until its next pause. Keys that came meanwhile are handled before it continues."""
        if search is not self._running_search:
            return
        if next(search, self) is self:
            self._running_search = None
        else:
            self.call_later(self._continue_search, search)
        self._go_to_first_match()
        if not self.is_searching and self.is_read:
            # Without a match the search stays, and rows that come later must not move the cursor.
            self._goes_to_match = False
        self.post_message(self.Moved())

    def _go_to_first_match(self) -> None:
        """Go to the first match from the cursor on, or to the first of all once the search has ended."""
        matches, place = self.matches, self.place
        if not self._goes_to_match or not matches or place is None:
            return
        index = bisect_left(matches, place)
        if index < len(matches) or not self.is_searching:
            self._goes_to_match = False
            self.go_to_place(matches[index % len(matches)])

    def next_hit(self, step: int) -> None:
        """Go to the next match below (1) or above (-1), wrapping around."""
        matches, place = self.matches, self.place
        if matches and place is not None:
            index = bisect_right(matches, self.end_place) if step > 0 else bisect_left(matches, place) - 1
            self.go_to_place(matches[index % len(matches)])

    def render_line(self, y: int) -> Strip:
        painted = self._painted[y] = self._line_at(y)
        line = mark_hits(painted.line, self._needle) if self._needle else painted.line
        return self._strip_of(painted, line, is_away=painted.is_current)

    def _strip_of(self, painted: PageLine, line: Line, *, is_away: bool) -> Strip:
        """Return a line with its edge. `is_away`: it has the colour of a cursor without the focus."""
        if painted is BLANK_LINE:
            return self.painter.blank(self.size.width)
        background, edge = Background.PAGE, Piece("  ")
        if painted.is_under_cursor and self.has_focus:
            background, edge = Background.CURSOR, Piece("▌ ", Token.ACCENT)
        elif is_away:
            background, edge = Background.CURSOR_AWAY, Piece("▌ ", Token.FAINT)
        return self.painter.strip((edge, *line), self.size.width, background, is_stale=self._is_stale)

    def on_resize(self, event: events.Resize) -> None:
        event.stop()
        self.rebuild()

    def on_focus(self) -> None:
        self.refresh()

    on_blur = on_focus

    @property
    def page_rows(self) -> int:
        return self.size.height

    def action_move(self, rows: int) -> None:
        self._go(self._cursor + rows)

    def action_top(self) -> None:
        self._go(0)

    def action_bottom(self) -> None:
        self._go(len(self._rows) - 1)

    def enter(self) -> None:
        """Post `Entered` if the row under the cursor has an `action`."""
        if self.row is not None and self.row.action is not None:
            self.post_message(self.Entered(self.row.action))

    def click(self, y: int) -> bool:
        """Put the cursor on the row in a line of the page. Return whether there is one."""
        if y < len(self._visible):
            self._go(self._visible[y][0])
        return y < len(self._visible)

    def on_click(self, event: events.Click) -> None:
        if self.click(event.y) and event.chain == 2:
            self.enter()

    def _go(self, index: int) -> None:
        old_cursor = self._cursor
        self._cursor = index
        self._clamp()
        self._refresh_changed()
        if self._cursor != old_cursor:
            self.post_message(self.Moved())

    def _clamp(self) -> None:
        height, rows = max(1, self.size.height), self._rows
        count = rows.cursor_count
        self._cursor = max(0, min(self._cursor, count - 1))
        # With the cursor on its last row, what stands below is visible too.
        lowest = len(rows) - 1 if self._cursor == count - 1 else self._cursor
        self._top = max(0, min(self._top, self._first_above(len(rows) - 1, height)))
        self._top = min(max(self._top, self._first_above(lowest, height)), self._cursor)
        below = (
            (index, line) for index in range(self._top, len(rows)) for line in (rows[index].line, *rows[index].more)
        )
        self._visible = list(islice(below, height))

    def _first_above(self, last: int, height: int) -> int:
        """Return the first row of a window that ends with a row."""
        rows, first = self._rows, last
        room = height - rows.height(last) if last >= 0 else 0
        while first > 0 and (room := room - rows.height(first - 1)) >= 0:
            first -= 1
        return first
