"""Decodes the output of a program into a grid of cells."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

from tui.terminal.cells import (
    MAX_COMBINED,
    PLAIN,
    Cell,
    CellsOfPen,
    CellTable,
    Grid,
    LoneMark,
    Pen,
    Row,
    texts_of_cells,
    width_of,
)
from tui.terminal.encoder import UnknownPen, pen_after

# The sequences that programs send to a terminal: how they are found in a text, and their effect on the screen.


MAX_SEQUENCE: Final = 65_536
"""Characters of an unfinished sequence that are kept for the next write; a longer one is handed out as it is."""

LINE: Final = re.compile(
    r"(?:(?P<newline>\r\n)?\x1b\[(?P<row>[0-9]{1,4});(?P<column>[0-9]{1,4})H)?"
    r"(?P<styled>(?:[^\x00-\x1f\x7f-\x9f]+|\x1b\[[0-9;]{0,256}m)*)",
)
"""What most of a frame is made of: a cursor move, then text with its pens."""

PIECE: Final = re.compile(r"\x1b\[([0-9;]*)m([^\x1b]*)")

TOKEN: Final = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|\x1b\[(?P<private>[<-?]*)(?P<parameters>[0-9:;]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|\x1b\](?P<command>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    # Strings that are passed on by tmux or screen contain other sequences, but no CSI: that one ends a broken string.
    r"|\x1b[PX^_][^\x1b]*(?:\x1b[^\\[][^\x1b]*)*\x1b\\"
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x9f])",
)
UNFINISHED: Final = re.compile(
    r"\x1b(?:[ -/]*|\[[<-?]*[0-9:;]*[ -/]*|\][^\x07\x1b]*\x1b?|[PX^_][^\x1b]*(?:\x1b[^\\[][^\x1b]*)*\x1b?)"
)
BROKEN: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x1b]*|[PX^_][^\x1b]*(?:\x1b[^\\[][^\x1b]*)*|[ -/]*)")
"""The part of an invalid sequence that a terminal ignores; what stands behind it counts again."""

PASSED_COMMAND: Final = re.compile(r"\x1bP(?:tmux;\x1b)?\x1b\][^\x07\x1b]*(?P<end>\x07)?\x1b\\")
"""An operating system command that tmux or GNU screen passes on, or its beginning. It touches no cell."""

PASSED_PIECE: Final = re.compile(r"\x1bP[^\x07\x1b]*(?P<end>\x07)?\x1b\\")
"""A later piece of such a command. Between two pieces the terminal around the multiplexer must get nothing else."""

SCREEN_MODES: Final = frozenset({"3", "5", "6", "47", "69", "1047", "1048", "1049"})
"""Private modes that change cells, the place where they are drawn, or the screen itself."""

ALTERNATE_SCREEN: Final = frozenset({"47", "1047", "1049"})
"""The private modes that show the alternate screen."""

MODES_OFF: Final = re.compile(r"\x1b\[\?[0-9;]*l")
"""Ends private modes, among which may be the alternate screen. The text behind it belongs to the other screen."""

HARMLESS_FINALS: Final = frozenset("cnqtup")
"""Reports and settings that touch no cell; `p` only with an intermediate `$`, `u` only with a private prefix."""


class Effect(Enum):
    """The effect of a foreign sequence on the screen."""

    NONE = auto()
    UNKNOWN = auto()
    SCREEN_BEGINS = auto()
    """The alternate screen is shown."""

    SCREEN_ENDS = auto()
    SYNC_BEGINS = auto()
    SYNC_ENDS = auto()


class Foreign(NamedTuple):
    """A sequence that is to be sent as it is, or the border of a synchronized update."""

    sequence: str
    effect: Effect


# Draws at the cursor of a grid with a pen, as a terminal without wrapping does.


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
        cells = [self.cells[each] for each in texts_of_cells(text[marks:])]
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


# The decoder knows the sequences with which full-screen programs draw. Every other sequence is foreign: it is sent
# unchanged.


MAX_PARAMETERS: Final = 256
"""Characters of the parameters of a sequence that is read; one with more is foreign."""


class Decoder:
    """Draws text on a grid."""

    def __init__(self, grid: Grid, table: CellTable) -> None:
        self._painter = CellPainter(grid, table)
        self._table = table
        self._generation = table.generation
        self._rest = ""
        self._is_in_passed = False
        """Whether a command that a multiplexer passes on in pieces has begun and not ended."""

    @property
    def grid(self) -> Grid:
        """The screen that the decoded text is drawn on."""
        return self._painter.grid

    @grid.setter
    def grid(self, grid: Grid) -> None:
        self._painter.grid = grid

    @property
    def pen(self) -> Pen:
        """The program's pen."""
        return self._painter.pen

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
                # An invalid sequence is dropped: the text behind it could complete it.
                yield Foreign(rest[0] if rest else "", Effect.UNKNOWN)
                continue
            position = token.end()
            yield from self._token(token)

    def _token(self, token: re.Match[str]) -> Iterator[Foreign]:
        is_piece, self._is_in_passed = self._is_in_passed, False
        match token.lastgroup:
            case "text":
                self._painter.draw(token["text"])
            case "final":
                yield from self._control_sequence(token)
            case "command":
                yield from self._command(token[0], token["command"])
            case "control":
                if not self._painter.control(token[0]):
                    yield Foreign(token[0], Effect.NONE if token[0] in "\x00\x07" else Effect.UNKNOWN)
            case _:
                passed = (PASSED_PIECE if is_piece else PASSED_COMMAND).fullmatch(token[0])
                self._is_in_passed = passed is not None and passed["end"] is None
                yield Foreign(token[0], Effect.UNKNOWN if passed is None else Effect.NONE)

    def _renew(self) -> None:
        """Draw with the cells of the new table after the old one was emptied."""
        if self._generation != self._table.generation:
            self._generation = self._table.generation
            self._painter.pen = self._painter.pen  # its cells are looked up again, in the new table

    def _draw_line(self, line: re.Match[str]) -> bool:
        """Draw what most lines are. Return False, with nothing drawn, if it has to be drawn token by token."""
        painter, grid, styled = self._painter, self._painter.grid, line["styled"]
        row, column = line["row"], line["column"]
        y, x = grid.y, grid.x
        if row is not None:
            if line["newline"] and y == grid.lines - 1:
                return False
            y, x = min(max(int(row), 1), grid.lines) - 1, min(max(int(column), 1), grid.columns) - 1
        try:
            cells, pen = self._decoded(styled)
        except (UnknownPen, LoneMark):
            return False
        if x + len(cells) > grid.columns:
            return False
        grid.x, grid.y, painter.cells = x, y, pen
        if cells:
            painter.put(cells)
        return True

    def _decoded(self, styled: str) -> tuple[list[Cell], CellsOfPen]:
        """The cells of text with its pens, and the pen behind it. Raises `UnknownPen` and `LoneMark`."""
        pen = self._painter.cells
        cells = list(map(pen.__getitem__, texts_of_cells(styled.partition("\x1b")[0])))
        for parameters, text in PIECE.findall(styled):
            pen = self._table.of(pen_after(parameters, pen.pen))
            if text:
                cells += map(pen.__getitem__, texts_of_cells(text))
        return cells, pen

    def _control_sequence(self, token: re.Match[str]) -> Iterator[Foreign]:
        private, parameters, between, final = token["private"], token["parameters"], token["between"], token["final"]
        plain = not private and not between and len(parameters) <= MAX_PARAMETERS
        painter = self._painter
        if plain and final == "m":
            try:
                painter.pen = pen_after(parameters, painter.pen)
            except UnknownPen:
                yield Foreign(token[0], Effect.UNKNOWN)
        elif plain and final in "HfABCDGdJK":
            if not painter.move(final, parameters) and not painter.erase(final, parameters):
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

    def _mode(self, sequence: str, parameters: str, *, is_on: bool) -> Iterator[Foreign]:
        if parameters == "2026":
            yield Foreign("", Effect.SYNC_BEGINS if is_on else Effect.SYNC_ENDS)
            return
        modes = set(parameters.split(";"))
        if "25" in modes:
            self.grid.is_cursor_visible = is_on
        if modes & ALTERNATE_SCREEN:
            yield Foreign(sequence, Effect.SCREEN_BEGINS if is_on else Effect.SCREEN_ENDS)
        else:
            yield Foreign(sequence, Effect.UNKNOWN if modes & SCREEN_MODES else Effect.NONE)

    def _command(self, sequence: str, command: str) -> Iterator[Foreign]:
        if command.startswith("8;"):
            link = "" if command.split(";", 2)[2:] in ([], [""]) else command
            self._painter.pen = self._painter.pen._replace(link=link)
        else:
            yield Foreign(sequence, Effect.NONE)
