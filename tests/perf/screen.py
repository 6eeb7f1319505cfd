"""A terminal's screen for tests: pyte's, with what pyte lacks (REP, SU, SD, CBT, faint text, an alternate screen, the
ground of scrolled-in lines).

`Screen` holds the cells, `Emulator` feeds it with the output of a program.
"""

import codecs
import copy
import functools
import re
import unicodedata
from contextlib import suppress
from typing import Any

import pyte
from pyte import charsets as _charsets
from pyte import graphics as _graphics
from pyte import modes as _modes
from pyte.screens import Char, Margins
from wcwidth import wcwidth

_width = functools.lru_cache(maxsize=4096)(wcwidth)


def _sgr_numbers(params: str) -> list[int]:
    """Split SGR parameters, turning the colon forms into semicolon forms."""
    out: list[int] = []
    for part in params.split(";"):
        if ":" not in part:
            out.append(int(part or 0))
            continue
        sub = part.split(":")
        if sub[0] in ("38", "48", "58") and len(sub) >= 3:
            kind = sub[1]
            # 38:2:<colourspace>:r:g:b and 38:2:r:g:b are both in use.
            values = sub[-3:] if kind == "2" else sub[2:3]
            out += [int(sub[0]), int(kind)] + [int(v or 0) for v in values]
        elif sub[0] == "4":
            out.append(24 if sub[1] == "0" else 4)
        else:
            out.append(int(sub[0] or 0))
    return out


@functools.lru_cache(maxsize=8192)
def _apply_sgr(params: str, attrs: Char) -> Char:  # noqa: C901, PLR0912  moved unchanged: one branch a parameter
    """The cell attributes after `CSI params m`.

    pyte has no 'faint'; a faint foreground is kept as `dim:<colour>`.
    """
    new = attrs._asdict()
    dim = new["fg"].startswith("dim:")
    fg = new["fg"][4:] if dim else new["fg"]
    numbers = _sgr_numbers(params)
    i = 0
    while i < len(numbers):
        n = numbers[i]
        i += 1
        if n == 0:
            new.update(
                bg="default",
                bold=False,
                italics=False,
                underscore=False,
                strikethrough=False,
                reverse=False,
                blink=False,
            )
            fg, dim = "default", False
        elif n == 2:
            dim = True
        elif n == 22:
            dim, new["bold"] = False, False
        elif n == 21:  # twice underlined: pyte would keep what was there before
            new["underscore"] = True
        elif n in (38, 48, 58):
            kind = numbers[i] if i < len(numbers) else None
            colour = None
            if kind == 5 and i + 1 < len(numbers):
                colour = _graphics.FG_BG_256[numbers[i + 1] & 255]
                i += 2
            elif kind == 2 and i + 3 < len(numbers):
                colour = "".join(f"{v & 255:02x}" for v in numbers[i + 1 : i + 4])
                i += 4
            if colour and n == 38:
                fg = colour
            elif colour and n == 48:
                new["bg"] = colour
        elif n == 39 or n in _graphics.FG_ANSI:
            fg = _graphics.FG_ANSI.get(n, "default")
        elif n in _graphics.BG_ANSI:
            new["bg"] = _graphics.BG_ANSI[n]
        elif n in _graphics.FG_AIXTERM:
            fg = _graphics.FG_AIXTERM[n]
        elif n in _graphics.BG_AIXTERM:
            new["bg"] = _graphics.BG_AIXTERM[n]
        elif n in _graphics.TEXT:
            flag = _graphics.TEXT[n]
            new[flag[1:]] = flag[0] == "+"
    new["fg"] = "dim:" + fg if dim else fg
    return Char(**new)


class _Cells(dict[str, Char]):
    """The cells of one pen by their text. Making each one anew takes most of the time of drawing."""

    def __init__(self, pen: Char) -> None:
        super().__init__()
        self._pen = pen

    def __missing__(self, text: str) -> Char:
        cell = self[text] = self._pen._replace(data=text)
        return cell


_cells = functools.lru_cache(maxsize=1024)(_Cells)


class Screen(pyte.Screen):
    """pyte's screen plus faint text, REP, SU/SD, CBT, an alternate
    screen and a fast path for drawing; text of a row is cached until the row
    changes."""

    def __init__(self, columns: int, lines: int) -> None:
        self._text_cache: dict[int, str] = {}
        self._last_drawn = " "
        self._main: tuple[Any, Any] | None = None
        super().__init__(columns, lines)

    # -- text ---------------------------------------------------------------
    def rows_text(self) -> list[str]:
        """The rows as strings, trailing blanks kept."""
        if self.dirty:
            for y in self.dirty:
                self._text_cache.pop(y, None)
            self.dirty.clear()
        cache, buffer, columns = self._text_cache, self.buffer, range(self.columns)
        for y in range(self.lines):
            if y not in cache:
                row = buffer[y]
                cache[y] = "".join([row[x].data for x in columns]) if row else " " * self.columns
        return [cache[y] for y in range(self.lines)]

    def snapshot(self) -> list[tuple[Char, ...]]:
        """An immutable copy of all cells, for `tests.perf.paint_cost`."""
        return [tuple(map(self.buffer[y].__getitem__, range(self.columns))) for y in range(self.lines)]

    # -- drawing ------------------------------------------------------------
    def draw(self, data: str) -> None:
        charset = self.g1_charset if self.charset else self.g0_charset
        if charset is not _charsets.LAT1_MAP:
            data = data.translate(charset)
        if not data:
            return
        self._last_drawn = data[-1]
        if _modes.IRM in self.mode or (not data.isascii() and any(_width(c) != 1 for c in data)):
            self._draw_slowly(data)
            return
        cursor, columns = self.cursor, self.columns
        pos = 0
        cells = _cells(cursor.attrs)
        while pos < len(data):
            if cursor.x >= columns:
                if _modes.DECAWM in self.mode:
                    self.dirty.add(cursor.y)
                    self.carriage_return()
                    self.index()
                else:
                    cursor.x = columns - 1
            room = columns - cursor.x
            piece = data[pos : pos + room]
            row = self.buffer[cursor.y]
            x = cursor.x
            for ch in piece:
                row[x] = cells[ch]
                x += 1
            cursor.x = x
            pos += len(piece)
            self.dirty.add(cursor.y)

    def _draw_slowly(self, data: str) -> None:
        """Wide, combining and inserted characters, one by one."""
        for ch in data:
            width = _width(ch)
            cursor = self.cursor
            if width <= 0:
                if unicodedata.combining(ch) or ch in "\u200d\ufe0f\ufe0e":
                    row = self.buffer[cursor.y]
                    x = cursor.x - 1
                    while x > 0 and row[x].data == "":
                        x -= 1
                    if x >= 0:
                        row[x] = row[x]._replace(data=row[x].data + ch)
                        self.dirty.add(cursor.y)
                continue
            if cursor.x + width > self.columns:
                if _modes.DECAWM in self.mode:
                    self.carriage_return()
                    self.index()
                else:
                    cursor.x = self.columns - width
            if _modes.IRM in self.mode:
                self.insert_characters(width)
            row = self.buffer[cursor.y]
            row[cursor.x] = cursor.attrs._replace(data=ch)
            if width == 2:
                row[cursor.x + 1] = cursor.attrs._replace(data="")
            cursor.x += width
            self.dirty.add(cursor.y)

    def repeat(self, count: int = 1) -> None:
        """REP: the last drawn character again."""
        self.draw(self._last_drawn * min(max(count, 1), self.columns * self.lines))

    # -- scrolling ----------------------------------------------------------
    def scroll(self, count: int) -> None:
        """SU (count > 0) or SD (count < 0) within the margins."""
        top, bottom = self.margins or Margins(0, self.lines - 1)
        count = max(-(bottom - top + 1), min(count, bottom - top + 1))
        rows = {y: self.buffer[y] for y in range(top, bottom + 1)}
        for y in range(top, bottom + 1):
            source = y + count
            if top <= source <= bottom:
                self.buffer[y] = rows[source]
            else:
                self.buffer.pop(y, None)
                blank = self.cursor.attrs._replace(data=" ")
                if blank.bg != "default":
                    for x in range(self.columns):
                        self.buffer[y][x] = blank
        self.dirty.update(range(top, bottom + 1))

    def index(self) -> None:  # pyte's leaves the ground of new lines to the default
        if self.cursor.y == (self.margins or Margins(0, self.lines - 1)).bottom:
            self.scroll(1)
        else:
            self.cursor_down()

    def reverse_index(self) -> None:
        if self.cursor.y == (self.margins or Margins(0, self.lines - 1)).top:
            self.scroll(-1)
        else:
            self.cursor_up()

    def back_tab(self, count: int = 1) -> None:
        """CBT."""
        for _ in range(max(count, 1)):
            self.cursor.x = max([0] + [t for t in self.tabstops if t < self.cursor.x])

    # -- cursor and alternate screen ----------------------------------------
    def restore_cursor(self) -> None:  # xterm keeps what it restores
        kept = copy.copy(self.savepoints[-1]) if self.savepoints else None
        if kept is not None:
            kept = kept._replace(cursor=copy.copy(kept.cursor))
        super().restore_cursor()
        if kept is not None:
            self.savepoints.append(kept)

    @property
    def is_alternate(self) -> bool:
        """Whether the alternate screen is shown."""
        return self._main is not None

    def alternate(self, on: bool) -> None:
        """Modes 47, 1047 and 1049."""
        if on and self._main is None:
            self._main = (self.buffer, copy.copy(self.cursor))
            self.buffer = type(self.buffer)(self.buffer.default_factory)  # type: ignore[attr-defined]
        elif not on and self._main is not None:
            self.buffer, self.cursor = self._main
            self._main = None
        self.dirty.update(range(self.lines))


_TOKEN = re.compile(
    "\x1b\\[([<=>?]?)([0-9:;]*)([ -/]*)([@-~])"  # 1-4: CSI
    "|\x1b\\]([^\x07\x1b]*)(?:\x07|\x1b\\\\)"  # 5: OSC
    "|\x1b[PX^_]([^\x1b]*)\x1b\\\\"  # 6: DCS, SOS, PM, APC
    "|\x1b([ -/]*[0-OQ-WYZ\\\\`-~])"  # 7: other escapes
    "|([\x00-\x1a\x1c-\x1f\x7f])"  # 8: controls
    "|([^\x00-\x1f\x7f]+)"  # 9: text
)
_CSI_CURSOR = {
    "A": "cursor_up",
    "B": "cursor_down",
    "C": "cursor_forward",
    "D": "cursor_back",
    "E": "cursor_down1",
    "F": "cursor_up1",
    "G": "cursor_to_column",
    "`": "cursor_to_column",
    "H": "cursor_position",
    "f": "cursor_position",
    "d": "cursor_to_line",
    "a": "cursor_forward",
    "e": "cursor_down",
}
_CSI_EDIT = {
    "@": "insert_characters",
    "P": "delete_characters",
    "X": "erase_characters",
    "L": "insert_lines",
    "M": "delete_lines",
    "Z": "back_tab",
    "b": "repeat",
}
"""Sequences with a count, which is at least 1."""

_CONTROLS = {
    "\n": "linefeed",
    "\v": "linefeed",
    "\f": "linefeed",
    "\r": "carriage_return",
    "\b": "backspace",
    "\t": "tab",
    "\x0e": "shift_out",
    "\x0f": "shift_in",
}
_ESCAPES = {
    "7": "save_cursor",
    "8": "restore_cursor",
    "M": "reverse_index",
    "D": "index",
    "E": "index",
    "c": "reset",
    "H": "set_tab_stop",
}


class Emulator:
    """Feeds the output of a program to a `Screen`."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""

    def feed(self, data: bytes) -> None:
        """Interpret `data`; an unfinished sequence is kept for the next call."""
        text = self._rest + self._decode(data)
        pos, end = 0, len(text)
        match = _TOKEN.match
        while pos < end:
            token = match(text, pos)
            if token is None:
                if end - pos > 1 << 20:  # not a terminal sequence at all
                    pos = end
                break
            pos = token.end()
            # A sequence that neither pyte nor we understand.
            with suppress(TypeError, ValueError, IndexError, KeyError):
                self._dispatch(token)
        self._rest = text[pos:]

    def _dispatch(self, token: re.Match[str]) -> None:
        screen, group = self.screen, token.lastindex
        if group == 9:
            screen.draw(token[9])
        elif group == 4:
            self._csi(token[1] + token[3], token[2], token[4])
        elif group == 8:
            getattr(screen, _CONTROLS[token[8]])()
        elif group == 7 and token[7][0] in "()":
            screen.define_charset(token[7][1], token[7][0])
        elif group == 7:
            if token[7] == "E":
                screen.carriage_return()
            getattr(screen, _ESCAPES[token[7]])()
        elif group == 5 and token[5][:2] in ("0;", "2;"):
            screen.set_title(token[5][2:])

    def _csi(self, mark: str, params: str, final: str) -> None:  # noqa: C901, PLR0912  one branch a kind of sequence
        """Interpret a control sequence. `mark` is what makes it a private one."""
        screen = self.screen
        if final == "m" and not mark:
            screen.cursor.attrs = _apply_sgr(params, screen.cursor.attrs)
            return
        numbers = [min(int(p or 0), 9999) for p in params.split(";")] if params else []
        first = numbers[0] if numbers else 0
        if mark == "?" and final in "hl":
            if {47, 1047, 1049} & set(numbers):
                screen.alternate(final == "h")
            if keep := [n for n in numbers if n in (1, 5, 6, 7, 25)]:
                (screen.set_mode if final == "h" else screen.reset_mode)(*keep, private=True)
        elif mark:
            pass
        elif final in _CSI_CURSOR:
            getattr(screen, _CSI_CURSOR[final])(*numbers[: 2 if final in "Hf" else 1])
        elif final in _CSI_EDIT:
            getattr(screen, _CSI_EDIT[final])(first or 1)
        elif final in "JK":
            (screen.erase_in_display if final == "J" else screen.erase_in_line)(first)
        elif final in "ST":
            screen.scroll((first or 1) * (1 if final == "S" else -1))
        elif final == "r" and numbers:
            screen.set_margins(numbers[0], numbers[1] if len(numbers) > 1 else screen.lines)
        elif final == "r":
            screen.set_margins()
            screen.cursor_position()
        elif final == "I":
            for _ in range(first or 1):
                screen.tab()
        elif final in "su":
            (screen.save_cursor if final == "s" else screen.restore_cursor)()
        elif final in "hl":
            (screen.set_mode if final == "h" else screen.reset_mode)(*numbers)
        elif final == "g":
            screen.clear_tab_stop(first)
