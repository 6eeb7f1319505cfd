"""The cells of a terminal's screen, as a grid that can be compared fast.

Equal cells are one object: a `CellTable` creates each once. So rows are compared by identity, at the speed of C.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from rich.cells import get_character_cell_size

MAX_CELLS: Final = 65_536
"""Distinct cells and pens of one table. A full table is emptied.

Cells on a screen stay valid, but an equal cell that is drawn later is another object, so that it is sent once more.
"""

BOLD, DIM, ITALIC, UNDERLINE, BLINK, REVERSE, CONCEAL, STRIKE, OVERLINE, FRAME = (1 << bit for bit in range(10))
SHOWS_ON_BLANKS: Final = UNDERLINE | REVERSE | STRIKE | OVERLINE | FRAME
"""Flags that are visible where there is no character."""


class Pen(NamedTuple):
    """How a cell is drawn: SGR parameters of both colours, flags, the OSC 8 command of a link. Empty is the default."""

    ink: str = ""
    ground: str = ""
    flags: int = 0
    link: str = ""


PLAIN: Final = Pen()


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One character with its pen. `width` is 2 for wide characters and 0 for the cell behind one.

    Terminals disagree about the width of a cell that is not `is_sure`.
    """

    text: str
    pen: Pen
    width: int = 1
    is_sure: bool = True
    is_blank: bool = False


UNKNOWN: Final = Cell("", PLAIN, is_sure=False)
"""A cell whose content on the terminal is not known. No cell equals it."""

Row = list[Cell]


class _CellsOfPen(dict[str, Cell]):
    """The cells of one pen by their text; a missing one is created."""

    def __init__(self, table: "CellTable", pen: Pen) -> None:
        super().__init__()
        self._table = table
        self._pen = pen

    def __missing__(self, text: str) -> Cell:
        cell = self._table.created(text, self._pen)
        self[text] = cell
        return cell


class CellTable:
    """Creates each cell once. It is emptied when it is full."""

    def __init__(self) -> None:
        self._pens: dict[Pen, _CellsOfPen] = {}
        self._blanks: dict[Pen, Cell] = {}
        self._count = 0

    def of(self, pen: Pen) -> _CellsOfPen:
        """The cells of a pen, by their text."""
        cells = self._pens.get(pen)
        if cells is None:
            self._count += 1
            cells = self._pens[pen] = _CellsOfPen(self, pen)
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
            return Cell("", pen, width=0, is_sure=False)
        width = width_of(text[0])
        return Cell(text, pen, width, is_sure=width == 1 and len(text) == 1)

    def trim(self) -> None:
        """Empty the table if it is full."""
        if self._count > MAX_CELLS:
            self._pens.clear()
            self._blanks.clear()
            self._count = 0


@lru_cache(maxsize=4096)
def width_of(character: str) -> int:
    """Columns of one character: 0, 1 or 2."""
    return get_character_cell_size(character)


@dataclass(slots=True)
class Grid:
    """A screen: its cells, and its cursor. Rows and columns count from 0."""

    columns: int
    lines: int
    fill: Cell
    rows: list[Row] = field(init=False)
    x: int = 0
    y: int = 0
    is_cursor_visible: bool = True

    def __post_init__(self) -> None:
        self.rows = [[self.fill] * self.columns for _ in range(self.lines)]

    def clear(self, fill: Cell) -> None:
        """Fill every cell."""
        self.rows = [[fill] * self.columns for _ in range(self.lines)]
