"""Decodes the output of a program into a grid of cells.

It knows the sequences with which full-screen programs draw. Every other sequence is foreign: it is sent unchanged.
"""

import re
from collections.abc import Iterator
from typing import Final

from tui.terminal.cells import PLAIN, Cell, CellsOfPen, CellTable, Grid, Pen
from tui.terminal.painter import CellPainter
from tui.terminal.pens import UnknownPen, pen_after
from tui.terminal.sequences import (
    ALTERNATE_SCREEN,
    BROKEN,
    HARMLESS_FINALS,
    LINE,
    MAX_SEQUENCE,
    PASSED_COMMAND,
    PASSED_PIECE,
    PIECE,
    SCREEN_MODES,
    TOKEN,
    UNFINISHED,
    Effect,
    Foreign,
)
from tui.terminal.texts import LoneMark, texts_of_cells

MAX_PARAMETERS: Final = 256
"""Characters of the parameters of a sequence that is read; one with more is foreign."""

MAX_LINES: Final = 128
"""Decoded lines that are kept: a line that moved, or is written again, is then looked up in two microseconds."""


class Decoder:
    """Draws text on a grid."""

    def __init__(self, grid: Grid, table: CellTable) -> None:
        self._painter = CellPainter(grid, table)
        self._table = table
        self._generation = table.generation
        self._plain = table.of(PLAIN)
        self._lines: dict[str, tuple[list[Cell], CellsOfPen]] = {}
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
        """Draw with the cells of the new table after the old one was emptied, and bound the lines that are kept."""
        if self._generation != self._table.generation or len(self._lines) > MAX_LINES:
            self._generation = self._table.generation
            self._plain = self._table.of(PLAIN)
            self._painter.pen = self._painter.pen  # its cells are looked up again, in the new table
            self._lines.clear()

    def _draw_line(self, line: re.Match[str]) -> bool:
        """Draw what most lines are. Return False, with nothing drawn, if it has to be drawn token by token."""
        painter, grid, styled = self._painter, self._painter.grid, line["styled"]
        row, column = line["row"], line["column"]
        y, x = grid.y, grid.x
        if row is not None:
            if line["newline"] and y == grid.lines - 1:
                return False
            y, x = min(max(int(row), 1), grid.lines) - 1, min(max(int(column), 1), grid.columns) - 1
        is_plain = painter.cells is self._plain
        decoded = self._lines.get(styled) if is_plain else None
        if decoded is None:
            try:
                decoded = self._decoded(styled)
            except (UnknownPen, LoneMark):
                return False
            if is_plain:
                self._lines[styled] = decoded
        cells, pen = decoded
        if x + len(cells) > grid.columns:
            return False
        grid.x, grid.y, painter.cells = x, y, pen
        if cells:
            painter.put(cells)
        return True

    def _decoded(self, styled: str) -> tuple[list[Cell], CellsOfPen]:
        """The cells of text with its pens, and the pen behind it. Raises `UnknownPen` and `LoneMark`."""
        pen = self._painter.cells
        first = styled.partition("\x1b")[0]
        cells = list(map(pen.__getitem__, texts_of_cells(first)))
        for parameters, text in PIECE.findall(styled):
            if parameters == "0" and not pen.pen.link:
                pen = self._plain
            else:
                after = pen.after.get(parameters)
                if after is None:
                    after = pen.after[parameters] = self._table.of(pen_after(parameters, pen.pen))
                pen = after
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
