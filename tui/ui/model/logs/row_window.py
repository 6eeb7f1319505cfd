"""A window on lines of several rows each, with a cursor.

A place is a line with a row of it. The rows of a line are asked for only where the window or the cursor pass, so that
the number of lines costs nothing.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from tui.ui.model.page_rows import PageRow


class Place(NamedTuple):
    """The place of a row: the line, counted from the top, and the row within it."""

    line: int
    row: int


TOP: Final = Place(0, 0)


class RowWindow:
    """The place of the cursor and of the first visible row.

    `count` returns the number of lines, `rows_of` the rows of one. The line after the last one stands for what is below
    all of them: it is shown, and the cursor never enters it.
    """

    def __init__(self, count: Callable[[], int], rows_of: Callable[[int], Sequence[PageRow]]) -> None:
        self._count = count
        self._rows_of = rows_of
        self.cursor = TOP
        self.top = TOP

    def start_over(self) -> None:
        """Go to the top."""
        self.cursor = self.top = TOP

    def move(self, rows: int) -> None:
        """Move the cursor by rows."""
        self.cursor = self._moved(self.cursor, rows, self._last())

    def to_top(self) -> None:
        """Move the cursor to the first row."""
        self.cursor = TOP

    def to_bottom(self) -> None:
        """Move the cursor to the last row."""
        self.cursor = self._last()

    def visible(self, height: int) -> list[tuple[Place, PageRow]]:
        """Return the visible rows, after moving the window so that the cursor is in it."""
        height = max(height, 1)
        self.cursor, self.top = self._clamped(self.cursor), self._clamped(self.top)
        # At the last row, what stands below it is visible too.
        lowest = self._end() if self.cursor >= self._last() else self.cursor
        if self.cursor < self.top:
            self.top = self.cursor
        elif self._distance(self.top, lowest, height) >= height:
            self.top = min(self._moved(lowest, 1 - height, self._end()), self.cursor)
        rows = self._take(height)
        if len(rows) < height:
            self.top = self._moved(self.top, len(rows) - height, self._end())
            rows = self._take(height)
        return rows

    def _take(self, height: int) -> list[tuple[Place, PageRow]]:
        taken: list[tuple[Place, PageRow]] = []
        line, first = self.top
        while line <= self._count() and len(taken) < height:
            rows = self._rows_of(line)
            taken += [(Place(line, row), rows[row]) for row in range(first, len(rows))]
            line, first = line + 1, 0
        return taken[:height]

    def _last(self) -> Place:
        """Return the last row of the last line."""
        return self._bottom_of(max(self._count() - 1, 0))

    def _end(self) -> Place:
        """Return the last row of all."""
        return self._bottom_of(self._count()) if self._rows_of(self._count()) else self._last()

    def _bottom_of(self, line: int) -> Place:
        return Place(line, max(len(self._rows_of(line)) - 1, 0))

    def _clamped(self, place: Place) -> Place:
        if place.line > self._count():
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
