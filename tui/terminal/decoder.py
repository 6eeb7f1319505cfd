"""Decodes the output of a program into a grid of cells.

It knows the sequences with which full-screen programs draw. Every other sequence is foreign: it is sent unchanged.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

from tui.terminal.cells import PLAIN, CellTable, Grid, Pen, width_of
from tui.terminal.pens import UnknownPen, pen_after

MAX_SEQUENCE: Final = 65_536
"""Characters of an unfinished sequence that are kept for the next write; a longer one is handed out as it is."""

MAX_PARAMETERS: Final = 256
"""Characters of the parameters of a sequence that is read; one with more is foreign."""

MAX_COMBINED: Final = 32
"""Characters of one cell. Terminals keep no more either."""

TAB: Final = 8
"""Columns between the tab stops. A program that sets others sends sequences that are foreign here."""

_TOKEN: Final = re.compile(
    r"(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|\x1b\[(?P<private>[<-?]*)(?P<parameters>[0-9:;]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    r"|\x1b\](?P<command>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    # Strings that are passed on by tmux or screen contain other sequences, but no CSI: that one ends a broken string.
    r"|\x1b[PX^_][^\x1b]*(?:\x1b[^\\[][^\x1b]*)*\x1b\\"
    r"|\x1b[ -/]*[0-OQ-WYZ\\`-~]"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f-\x9f])",
)
_UNFINISHED: Final = re.compile(
    r"\x1b(?:[ -/]*|\[[<-?]*[0-9:;]*[ -/]*|\][^\x07\x1b]*\x1b?|[PX^_][^\x1b]*(?:\x1b[^\\[][^\x1b]*)*\x1b?)"
)
_BROKEN: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x1b]*|[PX^_][^\x1b]*(?:\x1b[^\\[][^\x1b]*)*|[ -/]*)")
"""The part of an invalid sequence that a terminal ignores; what stands behind it counts again."""

_SCREEN_MODES: Final = frozenset({"3", "5", "6", "47", "69", "1047", "1048", "1049"})
"""Private modes that change cells, the place where they are drawn, or the screen itself."""

_HARMLESS_FINALS: Final = frozenset("cnqtup")
"""Reports and settings that touch no cell; `p` only with an intermediate `$`, `u` only with a private prefix."""


class Effect(Enum):
    """The effect of a foreign sequence on the screen."""

    NONE = auto()
    UNKNOWN = auto()
    SYNC_BEGINS = auto()
    SYNC_ENDS = auto()


class Foreign(NamedTuple):
    """A sequence that is to be sent as it is, or the border of a synchronized update."""

    sequence: str
    effect: Effect


class Decoder:
    """Draws text on `grid`."""

    def __init__(self, grid: Grid, table: CellTable) -> None:
        self.grid = grid
        self._table = table
        self._pen = PLAIN
        self._cells = table.of(PLAIN)
        self._rest = ""

    def feed(self, text: str) -> Iterator[Foreign]:
        """Draw the text and yield its foreign sequences in order. When one is yielded, all text before it is drawn."""
        text, position = self._rest + text, 0
        self._rest = ""
        while position < len(text):
            token = _TOKEN.match(text, position)
            if token is None:
                rest = _UNFINISHED.fullmatch(text, position)
                if rest is not None and len(rest[0]) <= MAX_SEQUENCE:
                    self._rest = rest[0]
                    return
                broken = rest or _BROKEN.match(text, position)
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

    def _use(self, pen: Pen) -> None:
        self._pen = pen
        self._cells = self._table.of(pen)

    def _draw(self, text: str) -> None:
        grid = self.grid
        row, x, cells = grid.rows[grid.y], grid.x, self._cells
        if text.isascii() or all(width_of(character) == 1 for character in set(text)):
            if len(text) > grid.columns - x:
                # Without wrapping, the last column takes each character in turn, and keeps the last one.
                x = min(x, grid.columns - 1)
                text = text[: grid.columns - 1 - x] + text[-1]
            self._split(x)
            row[x : x + len(text)] = [cells[character] for character in text]
            grid.x = x + len(text)
            self._heal(grid.x)
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
                self._use(pen_after(parameters, self._pen))
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
        if final not in _HARMLESS_FINALS:
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
        blank, x, y = self._table.blank(Pen("", self._pen.ground)), min(grid.x, grid.columns - 1), grid.y
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
        yield Foreign(sequence, Effect.UNKNOWN if modes & _SCREEN_MODES else Effect.NONE)

    def _command(self, sequence: str, command: str) -> Iterator[Foreign]:
        if command.startswith("8;"):
            link = "" if command.split(";", 2)[2:] in ([], [""]) else command
            self._use(self._pen._replace(link=link))
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
