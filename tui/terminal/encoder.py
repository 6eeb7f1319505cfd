"""Encodes the shortest text that turns the cells on a terminal into the cells that a program wants there.

It writes the cells of a row that differ, and the cells between them where that is shorter than a move. It erases blanks
at the end of a row. Where whole lines moved, it scrolls a region first. It tries several ways and keeps the shortest.
"""

from collections.abc import Sequence
from typing import Final

from tui.terminal.capabilities import Capabilities
from tui.terminal.cells import PLAIN, UNKNOWN, Cell, CellTable, Pen, Row
from tui.terminal.moves import Place, move
from tui.terminal.pens import change
from tui.terminal.scrolls import Scroll, scrolls

MIN_ERASED: Final = 4
"""Blanks at the end of a row from which on they are erased: fewer are as short to write."""

MIN_SKIPPED: Final = 9
"""Equal cells from which on ECH or REP and a move can be shorter than text."""

MAX_SCROLLS: Final = 2
"""Regions scrolled in one frame."""


class EncodedFrame:
    """The bytes of one update, and the cells, the pen and the cursor that they leave on the terminal."""

    def __init__(self, rows: Sequence[Row], pen: Pen, at: Place | None, able: Capabilities) -> None:
        self.rows = list(rows)
        self.pen = pen
        self.at = at
        self.length = 0
        self.has_scrolled = False
        self.able = able
        self._parts: list[str] = []

    @property
    def text(self) -> str:
        """All that is to be sent."""
        return "".join(self._parts)

    def copy(self) -> "EncodedFrame":
        """The same update so far, to try another way."""
        other = EncodedFrame(self.rows, self.pen, self.at, self.able)
        other.length, other.has_scrolled, other._parts = self.length, self.has_scrolled, self._parts.copy()
        return other

    def clear(self, wanted: Sequence[Row], table: CellTable) -> None:
        """Clear a terminal of which nothing is known, with the default ground: some do not clear with another."""
        # Resetting the pen does not close a link.
        self._put("\x1b[m" + change(Pen(link=self.pen.link), PLAIN) + "\x1b[H\x1b[2J")
        self.pen = PLAIN
        self.at = (0, 0)
        self.rows = [[table.blank(PLAIN)] * len(row) for row in wanted]

    def scroll(self, scroll: Scroll, wanted: Sequence[Row], table: CellTable) -> None:
        """Move the lines of a region. Lines that come in take the ground that the ends of rows will have."""
        came_in = wanted[scroll.bottom if scroll.count > 0 else scroll.top]
        blank = table.blank(Pen("", came_in[-1].pen.ground))
        if self.able.erases_with_ground:
            self._use(blank)
        new = blank if self.able.erases_with_ground else UNKNOWN
        count, columns = abs(scroll.count), len(came_in)
        step = f"\x1b[{count if count > 1 else ''}{'S' if scroll.count > 0 else 'T'}"
        self._put(f"\x1b[{scroll.top + 1};{scroll.bottom + 1}r{step}\x1b[r")
        self.at, self.has_scrolled = (0, 0), True
        region = self.rows[scroll.top : scroll.bottom + 1]
        blanks = [[new] * columns for _ in range(count)]
        region = region[count:] + blanks if scroll.count > 0 else blanks + region[:-count]
        self.rows[scroll.top : scroll.bottom + 1] = region

    def paint(self, wanted: Sequence[Row]) -> None:
        """Write every cell that differs."""
        for y, row in enumerate(wanted):
            if self.rows[y] != row:
                self._paint_row(y, self.rows[y], row)
                self.rows[y] = row.copy()

    def move(self, to: Place) -> None:
        """Leave the cursor there."""
        self._put(move(self.at, to))
        self.at = to

    def _put(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self.length += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))

    def _use(self, cell: Cell) -> None:
        """Change the pen to that of a cell. A blank takes any ink."""
        pen = cell.pen
        if cell.is_blank:
            pen = Pen(self.pen.ink, pen.ground, self.pen.flags if not self.pen.flags & ~7 else 0)
        if pen != self.pen:
            self._put(change(self.pen, pen))
            self.pen = pen

    def _paint_row(self, y: int, old: Row, new: Row) -> None:
        columns = len(new)
        tail = self._tail(new)
        x = 0
        for start, stop in self._spans(y, old, new):
            x = max(x, start)
            if x >= stop:
                continue
            self.move((y, x))
            while x < stop:
                if x >= tail and columns - x >= MIN_ERASED:
                    self._use(new[x])
                    self._put("\x1b[K")
                    return
                x = self._write(y, new, x, stop)

    def _write(self, y: int, new: Row, x: int, stop: int) -> int:
        """Write one cell, or a stretch of equal ones; returns the column behind it."""
        cell, end = new[x], x + 1
        while end < stop and new[end] is cell:
            end += 1
        self._use(cell)
        count = end - x
        if cell.is_sure and count >= MIN_SKIPPED:
            if cell.is_blank and self.able.erases_characters and self.able.erases_with_ground:
                self._put(f"\x1b[{count}X")
                self.at = (y, x)
                if end < stop:
                    self.move((y, end))
                return end
            if self.able.repeats:
                self._put(f"{cell.text}\x1b[{count - 1}b")
                self._advance(y, end, len(new))
                return end
        if cell.is_sure:
            self._put(cell.text * count)
            self._advance(y, end, len(new))
            return end
        return self._write_unsure(y, new, x)

    def _write_unsure(self, y: int, new: Row, x: int) -> int:
        """Write a cell whose width terminals disagree about: blank its columns first, place the cursor after it."""
        cell = new[x]
        end = x + max(cell.width, 1)
        if not cell.width:
            return end
        self._put(" " * cell.width)
        self.at = None if end >= len(new) else (y, end)
        self.move((y, x))
        self._put(cell.text)
        self.at = None
        if end < len(new):
            self.move((y, end))
        return end

    def _advance(self, y: int, x: int, columns: int) -> None:
        # Behind the last column terminals differ.
        self.at = (y, x) if x < columns else None

    def _tail(self, row: Row) -> int:
        """The column from which on all is one blank that can be erased; behind the row if there is none."""
        last = row[-1]
        if not last.is_blank or not (self.able.erases_with_ground or not last.pen.ground):
            return len(row)
        x = len(row)
        while x and row[x - 1] is last:
            x -= 1
        return x

    def _spans(self, y: int, old: Row, new: Row) -> list[tuple[int, int]]:
        """The stretches of a row that differ, joined where the cells between them are shorter than a move."""
        spans: list[tuple[int, int]] = []
        for x, cell in enumerate(new):
            if old[x] is cell or (spans and x < spans[-1][1]):
                continue
            start, stop = x, x + 1
            while start and not new[start].width:
                start -= 1
            while stop < len(new) and (not new[stop].width or not new[stop - 1].is_sure):
                stop += 1
            if spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(stop, spans[-1][1]))
            elif spans and self._is_shorter_to_write(y, new, spans[-1][1], start):
                spans[-1] = (spans[-1][0], stop)
            else:
                spans.append((start, stop))
        return spans

    @staticmethod
    def _is_shorter_to_write(y: int, new: Row, start: int, stop: int) -> bool:
        """Whether writing the cells between two spans is at most as long as a move over them."""
        skip = len(move((y, start), (y, stop)))
        if stop - start > skip:
            return False
        pen, length = new[start - 1].pen, 0
        for cell in new[start : stop + 1]:
            if not cell.is_sure:
                return False
            length += len(cell.text.encode("utf-8", "replace"))
            if not cell.is_blank or cell.pen.ground != pen.ground:
                length += len(change(pen, cell.pen)) if cell.pen != pen else 0
                pen = cell.pen
        last = new[stop]
        moved = skip + len(last.text.encode("utf-8", "replace")) + len(change(new[start - 1].pen, last.pen))
        return length <= moved


def encoded(start: EncodedFrame, wanted: Sequence[Row], table: CellTable) -> EncodedFrame:
    """Return the shortest frame found that starts with `start` and ends with the wanted rows."""
    best = start.copy()
    best.paint(wanted)
    for _ in range(MAX_SCROLLS if start.able.scrolls_regions else 0):
        better = None
        for scroll in scrolls(start.rows, wanted):
            scrolled = start.copy()
            scrolled.scroll(scroll, wanted, table)
            painted = scrolled.copy()
            painted.paint(wanted)
            if painted.length < best.length:
                best, better = painted, scrolled
        if better is None:
            break
        start = better
    return best
