"""Draws at the cursor of a grid with a pen, as a terminal without wrapping does."""

from typing import Final

from tui.terminal.cells import PLAIN, Cell, CellsOfPen, CellTable, Grid, Pen, Row
from tui.terminal.texts import MAX_COMBINED, texts_of_cells, width_of

TAB: Final = 8
"""Columns between the tab stops. A program that sets others sends sequences that are foreign here."""


class CellPainter:
    """The cursor is that of `grid`, the pen that of `cells`."""

    def __init__(self, grid: Grid, table: CellTable) -> None:
        self.grid = grid
        self._table = table
        self.cells: CellsOfPen = table.of(PLAIN)

    @property
    def pen(self) -> Pen:
        """The pen."""
        return self.cells.pen

    @pen.setter
    def pen(self, pen: Pen) -> None:
        self.cells = self._table.of(pen)

    @property
    def _row(self) -> Row:
        return self.grid.rows[self.grid.y]

    def put(self, cells: list[Cell]) -> None:
        """Put cells that fit at the cursor, and move it behind them."""
        grid = self.grid
        x, end = grid.x, grid.x + len(cells)
        row = grid.rows[grid.y]
        self._split(x)
        row[x:end] = cells
        grid.x = end
        self._heal(end)

    def draw(self, text: str) -> None:
        """Draw any text without controls."""
        marks = next((place for place, character in enumerate(text) if width_of(character)), len(text))
        for character in text[:marks]:
            self._combine(character)
        texts = texts_of_cells(text[marks:])
        cells = [self.cells[each] for each in texts]
        if self.grid.x + len(cells) <= self.grid.columns:
            self.put(cells)
            return
        for cell in cells:
            self._put_one(cell)

    def _put_one(self, cell: Cell) -> None:
        """Put a cell where there may be no room: the last column takes each character in turn, and keeps the last."""
        grid = self.grid
        if cell.width == 1:
            grid.x = min(grid.x, grid.columns - 1)
            self.put([cell])
        elif cell.width == 2 and grid.x <= grid.columns - 2:  # terminals drop a wide character that does not fit
            self.put([cell, self.cells[""]])

    def _combine(self, character: str) -> None:
        """Add a character without a width to the cell before the cursor, as far as there is room for more."""
        row, x = self._row, self.grid.x - 1
        if x > 0 and not row[x].width:
            x -= 1
        if x < 0 or not 0 < len(row[x].text) < MAX_COMBINED:
            return
        # A copy of the pen: the encoder writes a blank with any ink, and knows it by its own pen.
        before, cells = row[x], self._table.of(Pen(*row[x].pen))
        after = cells[before.text + character]
        if after.width == before.width:
            row[x] = after
        elif x + 1 < len(row):
            self.grid.x = x
            self.put([after, cells[""]])

    def erase(self, final: str, parameters: str) -> bool:
        """Erase with the pen's ground by `CSI parameters final`. Return False if it does not erase, or is not known."""
        grid, row = self.grid, self._row
        blank, x = self._table.blank(Pen("", self.pen.ground)), min(grid.x, grid.columns - 1)
        match final, parameters or "0":
            case "J", "2":
                grid.clear(blank)
            case (("J" | "K"), "0"):
                self._split(x)
                row[x:] = [blank] * (grid.columns - x)
                if final == "J":
                    grid.rows[grid.y + 1 :] = [[blank] * grid.columns for _ in range(grid.lines - grid.y - 1)]
            case "K", "1":
                row[: x + 1] = [blank] * (x + 1)
                self._heal(x + 1)
            case "K", "2":
                row[:] = [blank] * grid.columns
            case _:
                return False
        return True

    def move(self, final: str, parameters: str) -> bool:
        """Move the cursor by `CSI parameters final`. Return False if it does not move it, or is not known."""
        grid = self.grid
        if ":" in parameters:
            return False
        numbers = [int(part or 0) for part in parameters.split(";")]
        first, x, y = max(numbers[0], 1), min(grid.x, grid.columns - 1), grid.y
        match final:
            case "H" | "f":
                x, y = max(numbers[1] if len(numbers) > 1 else 1, 1) - 1, first - 1
            case "A" | "B":
                y += first if final == "B" else -first
            case "C" | "D":
                x += first if final == "C" else -first
            case "G":
                x = first - 1
            case "d":
                y = first - 1
            case _:
                return False
        grid.x, grid.y = min(max(x, 0), grid.columns - 1), min(max(y, 0), grid.lines - 1)
        return True

    def control(self, character: str) -> bool:
        """Move the cursor by a control character. Return False if it does not move it, or is not known."""
        grid = self.grid
        match character:
            case "\r":
                grid.x = 0
            case "\n" if grid.y < grid.lines - 1:
                grid.y += 1
            case "\n":
                del grid.rows[0]
                grid.rows.append([self._table.blank(Pen("", self.pen.ground))] * grid.columns)
            case "\t":
                grid.x = max(grid.x, min(grid.x // TAB * TAB + TAB, grid.columns - 1))
            case "\b":
                grid.x = max(min(grid.x, grid.columns - 1) - 1, 0)
            case _:
                return False
        return True

    def _split(self, x: int) -> None:
        """Blank the left half of a wide character whose right half is overwritten."""
        row = self._row
        if 0 < x < len(row) and row[x].width == 0 and row[x - 1].width == 2:
            row[x - 1] = self._table.blank(row[x - 1].pen)

    def _heal(self, x: int) -> None:
        """Blank the right half of a wide character whose left half was overwritten."""
        row = self._row
        if x < len(row) and row[x].width == 0 and row[x - 1].width != 2:
            row[x] = self._table.blank(row[x].pen)
