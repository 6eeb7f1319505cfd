"""The lines of a log as the pane shows them: filtered by level, opened, and seen through a window.

A log may have 25,000 lines. Only the visible ones are made, and a place is a line with a row of it, not a number of
rows from the top. So every key costs the same in a short log and in a long one.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from tui.domain.traces.log_line import LogLevel, RunLog
from tui.lazy_dataclass import dataclass
from tui.present.logs.columns import LogColumns, columns_for, line_rows
from tui.present.logs.opened import AttributePath, Attributes, LineFolds, opened_rows
from tui.present.styled import Line
from tui.ui.model.page_rows import PageRow

MAX_OPEN_LINES: Final = 50
"""Opened lines. The one that was opened first is closed for another one."""

MAX_CACHED_LINES: Final = 400
"""Lines whose rows are kept, more than two screens show."""

SEARCH_LINES: Final = 1_000
"""A search pauses after so many lines, which takes about a millisecond."""

SEARCH_CHARS: Final = 400_000
"""And after so many characters."""


class Place(NamedTuple):
    """The place of a row: the shown line, counted from the top, and the row within it.

    The line after the last one stands for the sentences below the log.
    """

    line: int
    row: int


TOP: Final = Place(0, 0)


@dataclass(frozen=True, slots=True)
class OpenLine:
    """Open or close the line with this index in the log."""

    index: int


class ShownRow(NamedTuple):
    """One visible row. `log_index` is the line in the log, None for a sentence below it."""

    place: Place
    row: PageRow
    log_index: int | None


class LogView:
    """The log of one run, and the place of the cursor in it.

    `attributes_of` returns the attributes of an opened line, `end_rows` the sentences below the last line for a width.
    """

    def __init__(self, attributes_of: Callable[[int], Attributes], end_rows: Callable[[int], Sequence[Line]]) -> None:
        self._attributes_of = attributes_of
        self._end_rows = end_rows
        self.log: RunLog | None = None
        self.started_at: datetime | None = None
        self.least = LogLevel.DEBUG
        self.is_wrapped = False
        self.needle = ""
        self.hits: list[int] = []
        """The indices of the lines that contain the needle, as far as they were searched."""
        self._levels = b""
        self._shown: Sequence[int] = ()
        self._open: OrderedDict[int, LineFolds] = OrderedDict()
        self._rows: OrderedDict[int, tuple[PageRow, ...]] = OrderedDict()
        self._end: tuple[PageRow, ...] = ()
        self._width = 0
        self._columns = columns_for(0, 1)
        self.cursor = TOP
        self._top = TOP

    @property
    def columns(self) -> LogColumns:
        """The columns for the current width."""
        return self._columns

    @property
    def shown_count(self) -> int:
        """How many lines the level filter leaves."""
        return len(self._shown)

    @property
    def hidden_count(self) -> int:
        """How many lines the level filter hides."""
        return (0 if self.log is None else len(self.log)) - len(self._shown)

    @property
    def index(self) -> int | None:
        """The index of the line under the cursor in the log."""
        return self._shown[self.cursor.line] if self.cursor.line < len(self._shown) else None

    @property
    def row(self) -> PageRow | None:
        """The row under the cursor, None without lines."""
        return None if self.index is None else self._rows_of(self.cursor.line)[self.cursor.row]

    @property
    def is_at_end(self) -> bool:
        """Whether the cursor is in the last line, or there is none."""
        return self.cursor.line >= len(self._shown) - 1

    @property
    def shown(self) -> Sequence[int]:
        """The indices of the shown lines."""
        return self._shown

    def is_open(self, index: int) -> bool:
        """Return whether a line is opened."""
        return index in self._open

    def show(self, log: RunLog | None, started_at: datetime | None, *, sticks_to_end: bool = False) -> None:
        """Show another log. The cursor stays on its line; with `sticks_to_end` it stays on the last one."""
        before, self.started_at = self.log, started_at
        index, was_at_end = self.index, self.is_at_end
        top = self._shown[self._top.line] if self._top.line < len(self._shown) else None
        self.log = log
        self._levels = b"" if log is None else log.levels()
        self._rows.clear()
        if before is None or log is None:
            self._open.clear()
        else:
            moved = [(before.index_in(log, old), folds) for old, folds in self._open.items()]
            self._open = OrderedDict((new, folds) for new, folds in moved if new is not None)
            index = None if index is None else before.index_in(log, index)
            top = None if top is None else before.index_in(log, top)
        self._filter(index, top)
        self._size()
        if was_at_end and sticks_to_end:
            self.to_bottom()

    def start_over(self) -> None:
        """Drop the log and everything about it. The level and the wrapping stay."""
        self.show(None, None)
        self.needle, self.hits = "", []
        self.cursor = self._top = TOP

    def show_from(self, least: LogLevel) -> None:
        """Show the lines of a level and those above it. The cursor moves to the nearest line before its own."""
        self.least = least
        top = self._shown[self._top.line] if self._top.line < len(self._shown) else None
        self._filter(self.index, top)

    def _filter(self, index: int | None, top: int | None) -> None:
        if self.least is LogLevel.DEBUG:
            self._shown = range(len(self._levels))
        else:
            self._shown = [index for index, level in enumerate(self._levels) if level >= self.least]
        self.cursor = self._place_of(index, self.cursor)
        self._top = self._place_of(top, self._top)

    def _place_of(self, index: int | None, before: Place) -> Place:
        if index is None:
            return TOP
        line = min(bisect_left(self._shown, index), max(len(self._shown) - 1, 0))
        if line and self._shown[line] > index:
            line -= 1
        is_same = line < len(self._shown) and self._shown[line] == index
        return Place(line, before.row if is_same else 0)

    def resize(self, width: int) -> None:
        """Make rows of `width` cells from now on."""
        if width != self._width:
            self._width = width
            self._rows.clear()
            self._size()

    def _size(self) -> None:
        self._columns = columns_for(self._width, self.log.max_attempt if self.log is not None else 1)

    def wrap(self, *, is_wrapped: bool) -> None:
        """Wrap long lines, or cut them."""
        self.is_wrapped = is_wrapped
        self._rows.clear()

    def toggle(self, index: int) -> bool:
        """Open or close a line. Return whether it is open now."""
        if index in self._open:
            del self._open[index]
        else:
            self._open[index] = LineFolds()
            if len(self._open) > MAX_OPEN_LINES:
                closed, _ = self._open.popitem(last=False)
                self._rows.pop(closed, None)
        self._rows.pop(index, None)
        self.cursor = Place(self.cursor.line, 0)
        return index in self._open

    def toggle_fold(self, index: int, key: object) -> None:
        """Fold or unfold a part of an opened line."""
        folds = self._open.get(index)
        if folds is None:
            return
        if isinstance(key, AttributePath):
            is_open = not folds.json.is_open(key.path)
            folds = replace(folds, json=folds.json.with_fold(key.path, is_open=is_open))
        else:
            folds = replace(folds, toggled=folds.toggled ^ {key})
        self._open[index] = folds
        self._rows.pop(index, None)

    def redraw_open(self) -> None:
        """Make the rows of the opened lines again, because attributes of one are known now."""
        for index in self._open:
            self._rows.pop(index, None)

    def move(self, rows: int) -> None:
        """Move the cursor by rows."""
        self.cursor = self._moved(self.cursor, rows, self._last())

    def to_top(self) -> None:
        """Move the cursor to the first row."""
        self.cursor = TOP

    def to_bottom(self) -> None:
        """Move the cursor to the last row."""
        self.cursor = self._last()

    def to_index(self, index: int) -> None:
        """Move the cursor to a line of the log, or the shown line before it."""
        self.cursor = self._place_of(index, TOP)._replace(row=0)

    def next_index(self, step: int, is_wanted: Callable[[int], bool]) -> int | None:
        """Return the nearest shown line below (1) or above (-1) the cursor that is wanted."""
        line = self.cursor.line + step
        while 0 <= line < len(self._shown):
            if is_wanted(self._shown[line]):
                return self._shown[line]
            line += step
        return None

    def level_at(self, index: int) -> int:
        """Return the level of a line as a number."""
        return self._levels[index]

    def search(self, needle: str) -> Iterator[None]:
        """Search the shown lines for a text in folded case, pausing after `SEARCH_LINES`. `hits` grows meanwhile."""
        self.needle, self.hits = needle, []
        return self._search(needle) if needle else iter(())

    def _search(self, needle: str) -> Iterator[None]:
        messages = () if self.log is None else self.log.messages
        hits, characters = self.hits, 0
        for count, index in enumerate(self._shown, 1):
            message = messages[index]
            characters += len(message)
            if needle in message.casefold():
                hits.append(index)
            if count % SEARCH_LINES == 0 or characters >= SEARCH_CHARS:
                characters = 0
                yield

    def window(self, height: int) -> list[ShownRow]:
        """Return the visible rows, after moving the window so that the cursor is in it."""
        height = max(height, 1)
        margin = (self._columns.blank,) if self._shown else ()
        self._end = tuple(PageRow((*margin, *line) if line else ()) for line in self._end_rows(self._end_width))
        self.cursor = self._clamped(self.cursor)
        self._top = self._clamped(self._top)
        last = self._last()
        # Below the last line stand the sentences that say why there are no more.
        lowest = self._end_place() if self.cursor >= last else self.cursor
        if self.cursor < self._top:
            self._top = self.cursor
        elif self._distance(self._top, lowest, height) >= height:
            self._top = min(self._moved(lowest, 1 - height, self._end_place()), self.cursor)
        rows = self._take(height)
        if len(rows) < height:
            self._top = self._moved(self._top, len(rows) - height, self._end_place())
            rows = self._take(height)
        return rows

    @property
    def _end_width(self) -> int:
        return self._columns.message if self._shown else self._width - 1

    def _take(self, height: int) -> list[ShownRow]:
        taken: list[ShownRow] = []
        line, first = self._top
        while line <= len(self._shown) and len(taken) < height:
            index = self._shown[line] if line < len(self._shown) else None
            for number, row in enumerate(self._rows_of(line)[first:], first):
                taken.append(ShownRow(Place(line, number), row, index))
            line, first = line + 1, 0
        return taken[:height]

    def _last(self) -> Place:
        """Return the last row of the last line."""
        return self._bottom_of(max(len(self._shown) - 1, 0))

    def _end_place(self) -> Place:
        """Return the last row of all."""
        return self._bottom_of(len(self._shown)) if self._end else self._last()

    def _bottom_of(self, line: int) -> Place:
        return Place(line, max(len(self._rows_of(line)) - 1, 0))

    def _clamped(self, place: Place) -> Place:
        if place.line > len(self._shown):
            return self._last()
        return Place(place.line, max(0, min(place.row, len(self._rows_of(place.line)) - 1)))

    def _moved(self, place: Place, rows: int, last: Place) -> Place:
        """Return the place `rows` further down, at most `last`, or further up."""
        line, row = place
        row += rows
        while row < 0 and line > 0:
            line -= 1
            row += len(self._rows_of(line))
        while line < last.line and row >= (count := len(self._rows_of(line))):
            line, row = line + 1, row - count
        return min(Place(line, max(row, 0)), last)

    def _distance(self, first: Place, second: Place, limit: int) -> int:
        """Return the number of rows between two places, or at least `limit`."""
        if second.line - first.line >= limit:
            return limit
        between = sum(len(self._rows_of(line)) for line in range(first.line, second.line))
        return between - first.row + second.row

    def _rows_of(self, line: int) -> tuple[PageRow, ...]:
        if line >= len(self._shown):
            return self._end
        index = self._shown[line]
        rows = self._rows.get(index)
        if rows is None:
            rows = self._rows[index] = tuple(self._make(index))
            if len(self._rows) > MAX_CACHED_LINES:
                self._rows.popitem(last=False)
        else:
            self._rows.move_to_end(index)
        return rows

    def _make(self, index: int) -> Iterator[PageRow]:
        assert self.log is not None
        line, columns, folds = self.log[index], self._columns, self._open.get(index)
        opening = OpenLine(index)
        for text in line_rows(line, self.started_at, columns, is_open=folds is not None, is_wrapped=self.is_wrapped):
            yield PageRow(text, opening, opening)
        if folds is None:
            return
        blank = columns.blank
        for row in opened_rows(
            line.message, self._attributes_of(index), folds, columns.message, is_wrapped=self.is_wrapped
        ):
            yield PageRow((blank, *row.line), row.key, row.action)
