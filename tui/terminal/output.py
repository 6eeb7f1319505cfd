"""Keeps the screen that a program wants and the one that its terminal shows, and writes the difference."""

from collections.abc import Iterable
from itertools import takewhile
from typing import Final

from rich.color import ColorSystem
from rich.segment import Segment

from tui.terminal.cells import PLAIN, UNKNOWN, Capabilities, Cell, Pen, Row, blank, cells_of, texts_of_cells, width_of
from tui.terminal.encoder import CONTROLS, LINK_BEGINS, EncodedFrame, Place, encoded, move, pen_of

HOME: Final = (0, 0)


class FrugalOutput:
    """The output to one terminal. Rows and columns count from 0.

    `draw` changes the wanted screen, `take` returns the text that makes the terminal show it. So a program may draw
    more often than its terminal is sent a frame.
    """

    def __init__(self, columns: int, lines: int, able: Capabilities, *, is_plain: bool = False) -> None:
        """`is_plain`: each frame is the whole screen, and repairs what anything else has done to the terminal."""
        self.able = able
        self._is_plain = is_plain
        self.colors: ColorSystem | None = ColorSystem.TRUECOLOR
        """The colours that the terminal has; None: it has no attributes either."""
        self.cursor: Place | None = None
        """Where the program wants the cursor. None: it does not care."""
        self._pen = PLAIN
        self._has_sent_links = False
        self._at: Place | None = None
        self._behind: list[str] = []
        self._size = (0, 0)
        self.resize(columns, lines)

    def resize(self, columns: int, lines: int) -> None:
        """Record the terminal's new size. Its content is unknown then; of another size, nothing is wanted yet."""
        if (columns, lines) != self._size:
            self._size = columns, lines
            self.rows: list[Row] = [[blank(PLAIN)] * columns for _ in range(lines)]
            if self.cursor is not None:
                self.cursor = min(self.cursor[0], lines - 1), min(self.cursor[1], columns - 1)
        self.forget()

    def forget(self) -> None:
        """Repaint everything in the next frame, because another program may have changed the terminal."""
        self._shown = self._unknown_rows()
        self._is_forgotten, self._at = True, None

    def _unknown_rows(self) -> list[Row]:
        columns, lines = self._size
        return [[UNKNOWN] * columns for _ in range(lines)]

    def restored_cursor(self) -> str:
        """Return the text that moves the cursor, which was moved by other text, back to where the program wants it."""
        self._at = None if self._is_forgotten else self.cursor
        return "" if self._at is None else move(None, self._at)

    def lose_cells(self, y: int, x: int, count: int) -> None:
        """Record that something else may have been drawn there, and has moved the cursor."""
        if y < len(self._shown):  # the terminal may have another size by now
            row = self._shown[y].copy()
            row[x : x + count] = [UNKNOWN] * len(row[x : x + count])
            self._shown[y] = row
        self._at = None

    def draw(self, y: int, x: int, segments: Iterable[Segment]) -> None:
        """Draw segments on the wanted screen from a cell on, as far as they fit into its row.

        Half of a wide character whose other half is drawn over is blank, as on a terminal.
        """
        if y >= len(self.rows):
            return
        row, cells = self.rows[y], self._cells(segments)
        del cells[max(0, len(row) - x) :]
        if not cells:
            return
        if cells[-1].width > 1:
            cells[-1] = blank(cells[-1].pen)
        end = x + len(cells)
        if not row[x].width:
            row[x - 1] = blank(row[x - 1].pen)
        row[x:end] = cells
        if end < len(row) and not row[end].width:
            row[end] = blank(row[end].pen)

    def _cells(self, segments: Iterable[Segment]) -> list[Cell]:
        """The cells of segments. What a terminal would obey is left out."""
        cells: list[Cell] = []
        for text, style, control in segments:
            if control:
                continue
            plain = text if text.isprintable() else CONTROLS.sub("", text)
            rest = plain if not plain or width_of(plain[0]) else self._combined(cells, plain)
            cells += map(cells_of(pen_of(style, self.colors)).__getitem__, texts_of_cells(rest))
        return cells

    def _combined(self, cells: list[Cell], text: str) -> str:
        """Add the marks at the beginning of a text to the last of the cells, and return the rest of the text."""
        marks = "".join(takewhile(lambda character: not width_of(character), text))
        if cells:
            base = cells.pop()
            base = base if base.width else cells.pop()
            # A copy of the pen: the encoder writes a blank with any ink, and knows it by its own pen.
            cells += map(cells_of(Pen(*base.pen)).__getitem__, texts_of_cells(base.text + marks))
        return text[len(marks) :]

    def pass_on(self, text: str) -> None:
        """Send a text that touches no cell and does not move the cursor, after what was drawn so far."""
        self._behind.append(text)

    def take(self) -> str:
        """Return the least text that makes the terminal show the wanted screen, and what is passed on after it."""
        behind, self._behind = self._behind, []
        return "".join((self._frame(), *behind))

    def _frame(self) -> str:
        """Return the text that turns the terminal's screen into the wanted one."""
        if self._shown == self.rows and self.cursor in (None, self._at):
            return ""
        start = EncodedFrame(self._unknown_rows() if self._is_plain else self._shown, self._pen, self._at, self.able)
        if self._is_forgotten:
            start.clear(may_be_in_link=self._has_sent_links)
        frame = encoded(start, self.rows)
        if self.cursor is not None:
            frame.move(self.cursor)
        self._shown, self._pen, self._at = frame.rows, frame.pen, frame.at
        self._is_forgotten = False
        self._has_sent_links = self._has_sent_links or LINK_BEGINS in frame.text
        return frame.text
