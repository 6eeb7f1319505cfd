"""Stands between a program and its terminal: takes the program's output and returns a shorter one."""

from typing import Final

from tui.terminal.cells import PLAIN, UNKNOWN, Capabilities, CellTable, Grid
from tui.terminal.decoder import MODES_OFF, Decoder, Effect
from tui.terminal.encoder import EncodedFrame, Place, change, encoded, move

HOME: Final = (0, 0)


class FrugalOutput:
    """Keeps two screens: the one that the program wants, and the one that the terminal shows.

    `draw` changes the first one, `take` returns the text that turns the second one into it. So a program may draw more
    often than its terminal is sent a frame. Text between the borders of a synchronized update belongs together.
    """

    def __init__(self, columns: int, lines: int, able: Capabilities) -> None:
        self.able = able
        self._table = CellTable()
        self._grid = Grid(columns, lines, self._table.blank(PLAIN))
        self._decoder = Decoder(self._grid, self._table)
        self._shown = Grid(columns, lines, UNKNOWN)
        self._pen = PLAIN
        self._is_forgotten = True
        self._at: Place | None = None
        self.is_in_frame = self._is_synced = False
        """Whether a synchronized update has begun and not ended, so that the wanted screen is half drawn."""
        self._is_left = False
        """Whether the program has ended the alternate screen. Until it begins again, all is sent as it is."""
        self._untaken: list[str] = []
        self._behind_frame: list[str] = []

    def resize(self, columns: int, lines: int) -> None:
        """Record the terminal's new size. Its content is unknown then."""
        if (columns, lines) != (self._grid.columns, self._grid.lines):
            before = self._grid
            self._grid = Grid(columns, lines, self._table.blank(PLAIN), is_cursor_visible=before.is_cursor_visible)
            self._grid.x, self._grid.y = min(before.x, columns - 1), min(before.y, lines - 1)
            self._decoder.grid = self._grid
        self.forget()

    def forget(self) -> None:
        """Repaint everything in the next frame, because another program may have changed the terminal."""
        self._shown = Grid(self._grid.columns, self._grid.lines, UNKNOWN)
        self._is_forgotten, self._at = True, None

    def lose_cursor(self) -> None:
        """Record that the cursor was moved by text that was sent past this output."""
        self._at = None

    def restored_cursor(self) -> str:
        """Return the text that moves the cursor, which was moved by other text, back to where the program wants it."""
        cursor = self._cursor
        if cursor is None or self._is_forgotten:
            self.lose_cursor()
            return ""
        self._at = cursor
        return move(None, cursor)

    def lose_cells(self, y: int, x: int, count: int) -> None:
        """Record that something else may have been drawn there."""
        if y < len(self._shown.rows):  # the terminal may have another size by now
            row = self._shown.rows[y].copy()
            row[x : x + count] = [UNKNOWN] * len(row[x : x + count])
            self._shown.rows[y] = row
        self.lose_cursor()

    def passed(self, text: str) -> None:
        """Record text that was sent past this output: apply its modes and forget the screen.

        The wanted screen stays, also where the text clears the terminal: the next frame shows it again.
        """
        wanted = [row.copy() for row in self._grid.rows]
        for foreign in self._decoder.feed(text):
            self._record_screen(foreign.effect)
        self._grid.rows = wanted
        self.forget()

    def write(self, text: str) -> str:
        """Take output of the program and return the text to send now."""
        self.draw(text)
        return self.take()

    def draw(self, text: str) -> None:
        """Draw output of the program on the wanted screen. The terminal gets it by the next `take`."""
        start = 0
        for ended in MODES_OFF.finditer(text):
            self._draw_or_pass(text[start : ended.end()])
            start = ended.end()
        self._draw_or_pass(text[start:])

    def _draw_or_pass(self, text: str) -> None:
        if not self._is_left:
            self._draw(text)
        elif text:
            self._untaken.append(text)
            for foreign in self._decoder.feed(text):
                self._record_screen(foreign.effect)
                if foreign.effect is Effect.SCREEN_BEGINS:
                    self._grid.clear(self._table.blank(PLAIN))
            self.forget()

    def _record_screen(self, effect: Effect) -> None:
        if effect in (Effect.SCREEN_BEGINS, Effect.SCREEN_ENDS):
            self._is_left = effect is Effect.SCREEN_ENDS

    def _draw(self, text: str) -> None:
        for foreign in self._decoder.feed(text):
            match foreign.effect:
                case Effect.SYNC_BEGINS:
                    if self.is_in_frame:
                        # The end of the frame before was lost.
                        self._untaken.append(self._frame())
                    self.is_in_frame = self._is_synced = True
                case Effect.SYNC_ENDS:
                    self.is_in_frame = False
                case Effect.NONE:
                    is_in_front = self._is_shown() and not self._behind_frame
                    (self._untaken if is_in_front else self._behind_frame).append(foreign.sequence)
                case effect:
                    self._untaken += (self._frame(), *self._behind_frame)
                    self._behind_frame.clear()
                    if effect is Effect.SCREEN_ENDS:
                        # The other screen is not drawn with the pen of the last cell.
                        self._untaken.append(change(self._pen, self._decoder.pen))
                        self._pen = self._decoder.pen
                    self._untaken.append(foreign.sequence)
                    self._record_screen(effect)
                    self.forget()

    def take(self) -> str:
        """Return the least text that makes the terminal show the wanted screen.

        Foreign sequences follow the frame in which they were drawn. Within a synchronized update only what came before
        it is returned.
        """
        untaken, self._untaken = self._untaken, []
        if not self.is_in_frame and not self._is_left:
            untaken += (self._frame(), *self._behind_frame)
            self._behind_frame.clear()
        return "".join(untaken)

    @property
    def _cursor(self) -> Place | None:
        """Where the program wants the cursor. A hidden cursor at home is one that it does not care about."""
        grid = self._grid
        cursor = (grid.y, min(grid.x, grid.columns - 1))
        return None if cursor == HOME and not grid.is_cursor_visible else cursor

    def _is_shown(self) -> bool:
        """Whether the terminal shows the wanted screen."""
        return self._shown.rows == self._grid.rows and self._cursor in (None, self._at)

    def _frame(self) -> str:
        """Return the text that turns the terminal's screen into the wanted one."""
        grid, cursor = self._grid, self._cursor
        if self._is_shown():
            return ""
        start = EncodedFrame(self._shown.rows, self._pen, self._at, self.able, self._table, is_synced=self._is_synced)
        if self._is_forgotten:
            start.clear()
        frame = encoded(start, grid.rows)
        if cursor is not None:
            frame.move(cursor)
        self._shown.rows, self._pen, self._at = frame.rows, frame.pen, frame.at
        self._is_forgotten = False
        self._table.trim()
        return frame.text


class PlainOutput:
    """Sends everything that a program writes as it is, with the methods of `FrugalOutput`."""

    is_in_frame = False
    """Nothing is drawn that could be half drawn."""

    def __init__(self) -> None:
        self._text = ""

    def _keep_nothing(self, *_: object) -> None:
        """Nothing is known of the screen."""

    resize = forget = lose_cells = passed = _keep_nothing

    def restored_cursor(self) -> str:
        """Nothing is kept. The next text of the program moves the cursor."""
        return ""

    def write(self, text: str) -> str:
        """Return the text."""
        return text

    def draw(self, text: str) -> None:
        """Keep the text until the next `take`."""
        self._text += text

    def take(self) -> str:
        """Return all that was drawn since the last call."""
        text, self._text = self._text, ""
        return text
