"""Decodes the output of a program into a grid of cells.

It knows the sequences with which full-screen programs draw. Every other sequence is foreign: it is sent unchanged.
"""

import re
from collections.abc import Iterator
from typing import Final

from tui.terminal.cells import PLAIN, Cell, CellsOfPen, CellTable, Grid, Pen, width_of
from tui.terminal.pens import UnknownPen, pen_after
from tui.terminal.sequences import (
    BROKEN,
    HARMLESS_FINALS,
    LINE,
    MAX_SEQUENCE,
    PIECE,
    SCREEN_MODES,
    TOKEN,
    UNFINISHED,
    Effect,
    Foreign,
)

MAX_PARAMETERS: Final = 256
"""Characters of the parameters of a sequence that is read; one with more is foreign."""

MAX_COMBINED: Final = 32
"""Characters of one cell. Terminals keep no more either."""

TAB: Final = 8
"""Columns between the tab stops. A program that sets others sends sequences that are foreign here."""

MAX_LINES: Final = 256
"""Decoded lines that are kept: a line that moved, or is written again, is then looked up in two microseconds."""


class LoneMark(ValueError):
    """A text that begins with a character without a width: it belongs to the cell before the text."""


class Decoder:
    """Draws text on `grid`."""

    def __init__(self, grid: Grid, table: CellTable) -> None:
        self.grid = grid
        self._table = table
        self._generation = table.generation
        self._plain = self._cells = table.of(PLAIN)
        self._lines: dict[str, tuple[list[Cell], CellsOfPen]] = {}
        self._rest = ""

    def feed(self, text: str) -> Iterator[Foreign]:
        """Draw the text and yield its foreign sequences in order. When one is yielded, all text before it is drawn."""
        self._renew()
        text, position, slow_until = self._rest + text, 0, 0
        self._rest = ""
        while position < len(text):
            if position >= slow_until:
                line = LINE.match(text, position)
                assert line is not None
                if line.end() > position and self._draw_line(line):
                    position = line.end()
                    continue
                slow_until = line.end()
            token = TOKEN.match(text, position)
            if token is None:
                rest = UNFINISHED.fullmatch(text, position)
                if rest is not None and len(rest[0]) <= MAX_SEQUENCE:
                    self._rest = rest[0]
                    return
                broken = rest or BROKEN.match(text, position)
                assert broken is not None
                position = broken.end()
                # An invalid sequence is dropped: what is sent next could complete it.
                yield Foreign(rest[0] if rest else "", Effect.UNKNOWN)
                continue
            position = token.end()
            match token.lastgroup:
                case "text":
                    self._draw(token["text"])
                case "final":
                    yield from self._control_sequence(token)
                case "command":
                    yield from self._command(token[0], token["command"])
                case "control":
                    yield from self._control(token["control"])
                case _:
                    yield Foreign(token[0], Effect.UNKNOWN)

    def _renew(self) -> None:
        """Draw with the cells of a table that was emptied."""
        if self._generation != self._table.generation or len(self._lines) > MAX_LINES:
            self._generation = self._table.generation
            self._plain, self._cells = self._table.of(PLAIN), self._table.of(self._cells.pen)
            self._lines.clear()

    def _draw_line(self, line: re.Match[str]) -> bool:
        """Draw what most lines are; False: nothing was drawn, because the line needs the slow way."""
        grid, styled = self.grid, line["styled"]
        row, column = line["row"], line["column"]
        y, x = grid.y, grid.x
        if row is not None:
            if line["newline"] and y == grid.lines - 1:
                return False
            y, x = min(max(int(row), 1), grid.lines) - 1, min(max(int(column), 1), grid.columns) - 1
        decoded = self._lines.get(styled) if self._cells is self._plain else None
        if decoded is None:
            try:
                decoded = self._decoded(styled)
            except (UnknownPen, LoneMark):
                return False
            if self._cells is self._plain:
                self._lines[styled] = decoded
        cells, pen = decoded
        if x + len(cells) > grid.columns:
            return False
        grid.x, grid.y, self._cells = x, y, pen
        if cells:
            self._put(cells)
        return True

    def _decoded(self, styled: str) -> tuple[list[Cell], CellsOfPen]:
        """The cells of text with its pens, and the pen behind it. Raises `UnknownPen` and `LoneMark`."""
        pen = self._cells
        first = styled.partition("\x1b")[0]
        cells = list(map(pen.__getitem__, _texts(first)))
        for parameters, text in PIECE.findall(styled):
            if parameters == "0" and not pen.pen.link:
                pen = self._plain
            else:
                after = pen.after.get(parameters)
                if after is None:
                    after = pen.after[parameters] = self._table.of(pen_after(parameters, pen.pen))
                pen = after
            if text:
                cells += map(pen.__getitem__, _texts(text))
        return cells, pen

    def _put(self, cells: list[Cell]) -> None:
        """Put cells that fit at the cursor, and move it behind them."""
        grid = self.grid
        x, end = grid.x, grid.x + len(cells)
        row = grid.rows[grid.y]
        self._split(x)
        row[x:end] = cells
        grid.x = end
        self._heal(end)

    def _use(self, pen: Pen) -> None:
        self._cells = self._table.of(pen)

    def _draw(self, text: str) -> None:
        grid, cells = self.grid, self._cells
        if text.isascii() or {*map(width_of, text)} == {1}:
            if len(text) > grid.columns - grid.x:
                # Without wrapping, the last column takes each character in turn, and keeps the last one.
                grid.x = min(grid.x, grid.columns - 1)
                text = text[: grid.columns - 1 - grid.x] + text[-1]
            self._put([cells[character] for character in text])
            return
        for character in text:
            self._draw_one(character)

    def _draw_one(self, character: str) -> None:
        grid = self.grid
        row, x, width = grid.rows[grid.y], grid.x, width_of(character)
        if width == 0:
            self._combine(character)
            return
        if width == 1:
            x = min(x, grid.columns - 1)
        elif x > grid.columns - width:
            return  # terminals drop a wide character that does not fit
        self._split(x)
        row[x] = self._cells[character]
        if width == 2:
            row[x + 1] = self._cells[""]
        grid.x = x + width
        self._heal(grid.x)

    def _combine(self, character: str) -> None:
        """Add a character without a width to the cell before the cursor, as far as there is room for more."""
        row, x = self.grid.rows[self.grid.y], self.grid.x - 1
        while x > 0 and row[x].width == 0:
            x -= 1
        if x >= 0 and 0 < len(row[x].text) < MAX_COMBINED:
            row[x] = self._table.of(row[x].pen)[row[x].text + character]

    def _split(self, x: int) -> None:
        """Blank the left half of a wide character whose right half is overwritten."""
        row = self.grid.rows[self.grid.y]
        if 0 < x < len(row) and row[x].width == 0 and row[x - 1].width == 2:
            row[x - 1] = self._table.blank(row[x - 1].pen)

    def _heal(self, x: int) -> None:
        """Blank the right half of a wide character whose left half was overwritten."""
        row = self.grid.rows[self.grid.y]
        if x < len(row) and row[x].width == 0 and row[x - 1].width != 2:
            row[x] = self._table.blank(row[x].pen)

    def _control_sequence(self, token: re.Match[str]) -> Iterator[Foreign]:
        private, parameters, between, final = token["private"], token["parameters"], token["between"], token["final"]
        plain = not private and not between and len(parameters) <= MAX_PARAMETERS
        if plain and final == "m":
            try:
                self._use(pen_after(parameters, self._cells.pen))
            except UnknownPen:
                yield Foreign(token[0], Effect.UNKNOWN)
        elif plain and final in "HfABCDGdJK":
            if not self._move(final, parameters) and not self._erase(final, parameters):
                yield Foreign(token[0], Effect.UNKNOWN)
        elif private == "?" and not between and final in "hl":
            yield from self._mode(token[0], parameters, is_on=final == "h")
        elif self._is_harmless(private, between, final):
            yield Foreign(token[0], Effect.NONE)
        else:
            yield Foreign(token[0], Effect.UNKNOWN)

    @staticmethod
    def _is_harmless(private: str, between: str, final: str) -> bool:
        if final not in HARMLESS_FINALS:
            return False
        if final == "p":
            return between == "$"
        return bool(private) if final == "u" else between in ("", " ")

    def _move(self, final: str, parameters: str) -> bool:
        """Move the cursor; False: this sequence does not."""
        grid = self.grid
        if ":" in parameters:
            return False
        numbers = [int(part or 0) for part in parameters.split(";")]
        first, x = max(numbers[0], 1), min(grid.x, grid.columns - 1)
        match final:
            case "H" | "f":
                column = max(numbers[1] if len(numbers) > 1 else 1, 1)
                x, y = column - 1, first - 1
            case "A" | "B":
                y = grid.y + (first if final == "B" else -first)
            case "C" | "D":
                x, y = x + (first if final == "C" else -first), grid.y
            case "G":
                x, y = first - 1, grid.y
            case "d":
                y = first - 1
            case _:
                return False
        grid.x, grid.y = min(max(x, 0), grid.columns - 1), min(max(y, 0), grid.lines - 1)
        return True

    def _erase(self, final: str, parameters: str) -> bool:
        """Erase with the pen's ground; False: this sequence does not, or in a way not known here."""
        grid = self.grid
        blank, x, y = self._table.blank(Pen("", self._cells.pen.ground)), min(grid.x, grid.columns - 1), grid.y
        match final, parameters or "0":
            case "J", "2":
                grid.clear(blank)
            case (("J" | "K"), "0"):
                self._split(x)
                grid.rows[y][x:] = [blank] * (grid.columns - x)
                if final == "J":
                    grid.rows[y + 1 :] = [[blank] * grid.columns for _ in range(grid.lines - y - 1)]
            case "K", "1":
                grid.rows[y][: x + 1] = [blank] * (x + 1)
                self._heal(x + 1)
            case "K", "2":
                grid.rows[y][:] = [blank] * grid.columns
            case _:
                return False
        return True

    def _mode(self, sequence: str, parameters: str, *, is_on: bool) -> Iterator[Foreign]:
        if parameters == "2026":
            yield Foreign("", Effect.SYNC_BEGINS if is_on else Effect.SYNC_ENDS)
            return
        modes = set(parameters.split(";"))
        if "25" in modes:
            self.grid.is_cursor_visible = is_on
        yield Foreign(sequence, Effect.UNKNOWN if modes & SCREEN_MODES else Effect.NONE)

    def _command(self, sequence: str, command: str) -> Iterator[Foreign]:
        if command.startswith("8;"):
            link = "" if command.split(";", 2)[2:] in ([], [""]) else command
            self._use(self._cells.pen._replace(link=link))
        else:
            yield Foreign(sequence, Effect.NONE)

    def _control(self, control: str) -> Iterator[Foreign]:
        grid = self.grid
        match control:
            case "\r":
                grid.x = 0
            case "\n" if grid.y < grid.lines - 1:
                grid.y += 1
            case "\t":
                grid.x = max(grid.x, min(grid.x // TAB * TAB + TAB, grid.columns - 1))
            case "\b":
                grid.x = max(min(grid.x, grid.columns - 1) - 1, 0)
            case "\x00" | "\x07":
                yield Foreign(control, Effect.NONE)
            case _:
                yield Foreign(control, Effect.UNKNOWN)


def _texts(text: str) -> str | list[str]:
    """The text of each cell, empty for the second cell of a wide character. Raises `LoneMark`."""
    if text.isascii() or {*map(width_of, text)} == {1}:
        return text
    texts: list[str] = []
    for character in text:
        width = width_of(character)
        if width:
            texts += (character, "") if width == 2 else (character,)
            continue
        base = -2 if texts and not texts[-1] else -1
        if not texts:
            raise LoneMark(text)
        if len(texts[base]) < MAX_COMBINED:
            texts[base] += character
    return texts
