"""The lines of a log as the pane shows them: filtered by level, opened, and seen through a window.

A log may have 25,000 lines. Only the visible ones are made, and a place is a line with a row of it, not a number of
rows from the top. So every key costs the same in a short log and in a long one.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from tui.domain.traces.log_line import LogLevel, LogLine, RunLog
from tui.lazy_dataclass import dataclass
from tui.present.json.fold import FoldedJson, JsonFolds, Path, containers_of
from tui.present.logs.columns import LogColumns, columns_for, line_rows
from tui.present.logs.folds import AttributePath, Attributes, LineFolds
from tui.present.styled import Line
from tui.ui.model.logs.row_window import TOP, Place, RowWindow
from tui.ui.model.page_rows import PageRow

MAX_OPEN_LINES: Final = 50
"""Opened lines. The one that was opened first is closed for another one."""

MAX_CACHED_LINES: Final = 400
"""Lines whose rows are kept, more than two screens show."""

SEARCH_LINES: Final = 1_000
"""A search pauses after so many lines, which takes about a millisecond."""

MAX_SEARCHED: Final = 1_000
"""Matches in the attributes of one line that a search unfolds."""

SEARCH_CHARS: Final = 400_000
"""And after so many characters."""


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

    def __init__(
        self, attributes_of: Callable[[LogLine], Attributes], end_rows: Callable[[int], Sequence[Line]]
    ) -> None:
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
        self._made: OrderedDict[int, tuple[PageRow, ...]] = OrderedDict()
        self._end: tuple[PageRow, ...] = ()
        self._width = 0
        self._columns = columns_for(0, 1)
        self.rows = RowWindow(lambda: len(self._shown), self._rows_of)

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
    def has_errors(self) -> bool:
        """Whether the log has a line of the level error. No level hides those."""
        return LogLevel.ERROR in self._levels

    @property
    def index(self) -> int | None:
        """The index of the line under the cursor in the log."""
        return self._shown[self.rows.cursor.line] if self.rows.cursor.line < len(self._shown) else None

    @property
    def row(self) -> PageRow | None:
        """The row under the cursor, None without lines."""
        return None if self.index is None else self._rows_of(self.rows.cursor.line)[self.rows.cursor.row]

    @property
    def is_at_end(self) -> bool:
        """Whether the cursor is in the last line, or there is none."""
        return self.rows.cursor.line >= len(self._shown) - 1

    @property
    def shown(self) -> Sequence[int]:
        """The indices of the shown lines."""
        return self._shown

    def is_hit(self, index: int) -> bool:
        """Return whether a line contains the needle, as far as it was searched."""
        place = bisect_left(self.hits, index)
        return place < len(self.hits) and self.hits[place] == index

    def is_open(self, index: int) -> bool:
        """Return whether a line is opened."""
        return index in self._open

    def show(self, log: RunLog | None, started_at: datetime | None, *, sticks_to_end: bool = False) -> None:
        """Show another log. The cursor stays on its line; with `sticks_to_end` it stays on the last one.

        It does not leave an open line, which the user reads.
        """
        before, self.started_at = self.log, started_at
        index = self.index
        was_at_end = self.is_at_end and index not in self._open
        top = self._shown[self.rows.top.line] if self.rows.top.line < len(self._shown) else None
        self.log = log
        self._levels = b"" if log is None else log.levels()
        self._made.clear()
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
            self.rows.to_bottom()

    def count_from(self, started_at: datetime | None) -> None:
        """Show times since this moment."""
        if started_at != self.started_at:
            self.started_at = started_at
            self._made.clear()

    def start_over(self) -> None:
        """Drop the log and everything about it. The level and the wrapping stay."""
        self.show(None, None)
        self.needle, self.hits = "", []
        self.rows.start_over()

    def show_from(self, least: LogLevel) -> None:
        """Show the lines of a level and those above it. The cursor moves to the nearest line before its own."""
        self.least = least
        top = self._shown[self.rows.top.line] if self.rows.top.line < len(self._shown) else None
        self._filter(self.index, top)

    def _filter(self, index: int | None, top: int | None) -> None:
        if self.least is LogLevel.DEBUG:
            self._shown = range(len(self._levels))
        else:
            self._shown = [index for index, level in enumerate(self._levels) if level >= self.least]
        self.rows.cursor = self._place_of(index, self.rows.cursor)
        self.rows.top = self._place_of(top, self.rows.top)

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
            self._made.clear()
            self._size()

    def _size(self) -> None:
        self._columns = columns_for(self._width, self.log.max_attempt if self.log is not None else 1)

    def wrap(self, *, is_wrapped: bool) -> None:
        """Wrap long lines, or cut them."""
        self.is_wrapped = is_wrapped
        self._made.clear()

    def toggle(self, index: int) -> bool:
        """Open or close a line. Return whether it is open now."""
        if index in self._open:
            del self._open[index]
        else:
            self._open[index] = LineFolds()
            if len(self._open) > MAX_OPEN_LINES:
                closed, _ = self._open.popitem(last=False)
                self._made.pop(closed, None)
        self._made.pop(index, None)
        self.rows.cursor = Place(self.rows.cursor.line, 0)
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
        self._made.pop(index, None)

    def redraw_open(self) -> None:
        """Make the rows of the opened lines again, because attributes of one are known now."""
        for index in self._open:
            self._made.pop(index, None)

    def to_index(self, index: int) -> None:
        """Move the cursor to a line of the log, or the shown line before it."""
        self.rows.cursor = self._place_of(index, TOP)._replace(row=0)

    def next_index(self, step: int, is_wanted: Callable[[int], bool]) -> int | None:
        """Return the nearest shown line below (1) or above (-1) the cursor that is wanted."""
        line = self.rows.cursor.line + step
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
        self.redraw_open()
        return self._search(needle) if needle else iter(())

    def _search(self, needle: str) -> Iterator[None]:
        messages = () if self.log is None else self.log.messages
        hits, characters = self.hits, 0
        for count, index in enumerate(self._shown, 1):
            message = messages[index]
            # A message of megabytes is searched in parts, which overlap.
            for start in range(0, len(message) or 1, SEARCH_CHARS):
                part = message if len(message) <= SEARCH_CHARS else message[start : start + SEARCH_CHARS + len(needle)]
                characters += len(part)
                if needle in part.casefold():
                    hits.append(index)
                    break
                if characters >= SEARCH_CHARS:
                    characters = 0
                    yield
            else:
                if index in self._open and self._places_of(index, needle):
                    hits.append(index)
            if count % SEARCH_LINES == 0:
                characters = 0
                yield

    def _places_of(self, index: int, needle: str) -> list[Path]:
        """Return the places in the attributes of an opened line that contain the needle."""
        assert self.log is not None
        values = self._attributes_of(self.log[index]).values
        found = FoldedJson(values, JsonFolds(), self._columns.message).find(needle) if values else ()
        return [place for place in islice(found, MAX_SEARCHED) if place is not None]

    def _searched(self, line: LogLine, index: int, folds: LineFolds) -> LineFolds:
        """Return the folds of an opened line as a search shows it: nothing in a line that matches is folded."""
        places = self._places_of(index, self.needle) if self.needle else []
        is_in_message = bool(self.needle) and self.needle in line.message[:SEARCH_CHARS].casefold()
        if not (places or is_in_message):
            return folds
        return replace(folds, json=replace(folds.json, found=containers_of(places)), opens_all=True)

    def window(self, height: int) -> list[ShownRow]:
        """Return the visible rows, after moving the window so that the cursor is in it."""
        margin = (self._columns.blank,) if self._shown else ()
        width = self._columns.message if self._shown else self._width - 1
        self._end = tuple(PageRow((*margin, *line) if line else ()) for line in self._end_rows(width))
        return [
            ShownRow(place, row, self._shown[place.line] if place.line < len(self._shown) else None)
            for place, row in self.rows.visible(height)
        ]

    def _rows_of(self, line: int) -> tuple[PageRow, ...]:
        if line >= len(self._shown):
            return self._end
        index = self._shown[line]
        rows = self._made.get(index)
        if rows is None:
            rows = self._made[index] = tuple(self._make(index))
            if len(self._made) > MAX_CACHED_LINES:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(index)
        return rows

    def _make(self, index: int) -> Iterator[PageRow]:
        assert self.log is not None
        line, columns, folds = self.log[index], self._columns, self._open.get(index)
        opening = OpenLine(index)
        for text in line_rows(line, self.started_at, columns, is_open=folds is not None, is_wrapped=self.is_wrapped):
            yield PageRow(text, opening, opening)
        if folds is None:
            return
        from tui.present.logs.opened import opened_rows  # noqa: PLC0415  the start must be fast

        blank, folds = columns.blank, self._searched(line, index, folds)
        for row in opened_rows(
            line.message, self._attributes_of(line), folds, columns.message, is_wrapped=self.is_wrapped
        ):
            yield PageRow((blank, *row.line), row.key, row.action)
