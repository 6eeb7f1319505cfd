"""The cells of a terminal's screen, as a grid that can be compared fast.

Equal cells are one object: a `CellTable` creates each once. So rows are compared by identity, at the speed of C.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from tui.terminal.texts import is_sure, width_of_cell

MAX_CELLS: Final = 65_536
"""Distinct cells and pens of one table. A full table is emptied.

Cells on a screen stay valid, but an equal cell that is drawn later is another object, so that it is sent once more.
"""

BOLD, DIM, ITALIC, UNDERLINE, BLINK, REVERSE, CONCEAL, STRIKE, OVERLINE, FRAME = (1 << bit for bit in range(10))
DOUBLE_UNDERLINE, CIRCLE = 1 << 10, 1 << 11
SHOWS_ON_BLANKS: Final = ITALIC | UNDERLINE | DOUBLE_UNDERLINE | REVERSE | STRIKE | OVERLINE | FRAME | CIRCLE
"""Flags that are visible where there is no character. GNU screen draws italics in reverse."""

BLANKS_IGNORE: Final = BOLD | DIM
"""Flags that a blank may be written with."""


class Pen(NamedTuple):
    """How a cell is drawn: SGR parameters of both colours, flags, the OSC 8 command of a link. Empty is the default."""

    ink: str = ""
    ground: str = ""
    flags: int = 0
    link: str = ""


PLAIN: Final = Pen()


@dataclass(slots=True, eq=False)
class Cell:
    """One character with its pen; never changed. `width` is 2 for wide characters and 0 for the cell behind one.

    Terminals disagree about the width of a cell that is not `is_sure`. A frozen one takes three times as long to make.
    """

    text: str
    pen: Pen
    width: int = 1
    is_sure: bool = True
    is_blank: bool = False
    size_bytes: int = 1


UNKNOWN: Final = Cell("", PLAIN)
"""A cell whose content on the terminal is not known. No cell equals it."""

Row = list[Cell]


class CellsOfPen(dict[str, Cell]):
    """The cells of one pen by their text; a missing one is created."""

    __slots__ = ("_table", "after", "pen")

    def __init__(self, table: "CellTable", pen: Pen) -> None:
        self._table = table
        self.pen = pen
        self.after: dict[str, CellsOfPen] = {}
        """The cells of the pens to which SGR parameters lead from this one."""

    def __missing__(self, text: str) -> Cell:
        cell = self[text] = self._table.created(text, self.pen)
        return cell


class CellTable:
    """Creates each cell once. It is emptied when it is full."""

    def __init__(self) -> None:
        self._pens: dict[Pen, CellsOfPen] = {}
        self._blanks: dict[Pen, Cell] = {}
        self._count = 0
        self.has_links = False
        """Whether it has ever created a pen with a link."""
        self.has_unsure = False
        """Whether it has ever created a cell that is not sure."""
        self.generation = 0
        """Counts how often the table was emptied: cells of an older one are not to be drawn again."""

    def of(self, pen: Pen) -> CellsOfPen:
        """The cells of a pen, by their text."""
        cells = self._pens.get(pen)
        if cells is None:
            self._count += 1
            self.has_links |= bool(pen.link)
            cells = self._pens[pen] = CellsOfPen(self, pen)
        return cells

    def blank(self, pen: Pen) -> Cell:
        """The blank cell of this pen. Where only its ground is visible, it has no ink and no flags."""
        is_blank = not pen.flags & SHOWS_ON_BLANKS and not pen.link
        seen = Pen("", pen.ground) if is_blank else pen
        cell = self._blanks.get(seen)
        if cell is None:
            self._count += 1
            cell = self._blanks[seen] = Cell(" ", seen, is_blank=is_blank)
        return cell

    def created(self, text: str, pen: Pen) -> Cell:
        """A new cell; `of` calls this once for each text of a pen."""
        if text == " ":
            return self.blank(pen)
        self._count += 1
        if not text:
            return Cell("", pen, width=0, size_bytes=0)
        if text.isascii():
            return Cell(text, pen)
        cell = Cell(text, pen, width_of_cell(text), is_sure(text), size_bytes=len(text.encode("utf-8", "replace")))
        self.has_unsure |= not cell.is_sure
        return cell

    def trim(self) -> None:
        """Empty the table if it is full."""
        if self._count > MAX_CELLS:
            self._pens.clear()
            self._blanks.clear()
            self._count = 0
            self.generation += 1


class Grid:
    """A screen: its cells, and its cursor. Rows and columns count from 0."""

    def __init__(self, columns: int, lines: int, fill: Cell, *, is_cursor_visible: bool = True) -> None:
        self.columns, self.lines = columns, lines
        self.rows: list[Row] = [[fill] * columns for _ in range(lines)]
        self.x = self.y = 0
        self.is_cursor_visible = is_cursor_visible

    def clear(self, fill: Cell) -> None:
        """Fill every cell."""
        self.rows = [[fill] * self.columns for _ in range(self.lines)]
