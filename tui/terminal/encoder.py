"""Encodes the shortest text that turns the cells on a terminal into the cells that a program wants there."""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, compress
from operator import attrgetter, is_not
from typing import Final, NamedTuple

from rich.color import Color, ColorSystem
from rich.style import Style

from tui.terminal import cells
from tui.terminal.cells import BLANKS_IGNORE, PLAIN, UNKNOWN, Capabilities, Cell, Pen, Row, blank, is_sure, reach

# SGR: the pen of a style, and the shortest sequence that turns one pen into another.


_FLAGS: Final = (
    (cells.BOLD, "1", "22"),
    (cells.DIM, "2", "22"),
    (cells.ITALIC, "3", "23"),
    (cells.UNDERLINE, "4", "24"),
    (cells.BLINK, "5", "25"),
    (cells.FAST_BLINK, "6", "25"),
    (cells.REVERSE, "7", "27"),
    (cells.CONCEAL, "8", "28"),
    (cells.STRIKE, "9", "29"),
    (cells.DOUBLE_UNDERLINE, "21", "24"),
    (cells.FRAME, "51", "54"),
    (cells.CIRCLE, "52", "54"),
    (cells.OVERLINE, "53", "55"),
)
"""Each flag, the parameter that begins it, and the one that ends it."""

_ENDS: Final = {off: sum(flag for flag, _, each in _FLAGS if each == off) for _, _, off in _FLAGS}
_ALSO_ENDED: Final = {"22": cells.ITALIC}
"""Flags that a parameter ends in GNU screen."""

_MAX_CACHED: Final = 2048

LINK_BEGINS: Final = "\x1b]8;"
LINK_ENDS: Final = "\x1b]8;;\x1b\\"
"""The sequence that closes a link."""


CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
"""Characters that a terminal would not draw but obey."""


@lru_cache(maxsize=_MAX_CACHED)
def pen_of(style: Style | None, colors: ColorSystem | None) -> Pen:
    """The pen of a style on a terminal with these colours; None: it has neither colours nor attributes."""
    if style is None or colors is None:
        return PLAIN
    flags = style._attributes & style._set_attributes  # noqa: SLF001  the public way reads one after the other
    if flags & cells.DOUBLE_UNDERLINE:
        flags &= ~cells.UNDERLINE  # terminals draw one kind
    link = f"8;id={style.link_id};{CONTROLS.sub('', style.link)}" if style.link else ""
    return Pen(_color(style.color, colors), _color(style.bgcolor, colors, foreground=False), flags, link)


def _color(color: Color | None, colors: ColorSystem, *, foreground: bool = True) -> str:
    """The parameters of one colour; empty for the default."""
    if color is None or color.is_default:
        return ""
    return ";".join(color.downgrade(colors).get_ansi_codes(foreground))


@lru_cache(maxsize=_MAX_CACHED)
def change(before: Pen, after: Pen) -> str:
    """The shortest sequence that turns one pen into another."""
    link = "" if before.link == after.link else f"\x1b]{after.link}\x1b\\" if after.link else LINK_ENDS
    if before[:3] == after[:3]:
        return link
    parts = _parts(before, after)
    again = _parts(PLAIN, after)
    changed, fresh = ";".join(parts), ";".join(["", *again]) if again else ""
    return f"\x1b[{min(changed, fresh, key=len)}m{link}"


def _parts(before: Pen, after: Pen) -> list[str]:
    parts = []
    lost, won = before.flags & ~after.flags, after.flags & ~before.flags
    for off, ended in _ENDS.items():
        if lost & ended:
            # One parameter may end two flags, so the one that stays is switched on again.
            won |= after.flags & (ended | _ALSO_ENDED.get(off, 0))
            parts.append(off)
    parts += [on for flag, on, _ in _FLAGS if won & flag]
    if before.ink != after.ink:
        parts.append(after.ink or "39")
    if before.ground != after.ground:
        parts.append(after.ground or "49")
    return parts


# The shortest sequence that moves the cursor.


Place = tuple[int, int]
"""Row and column, from 0."""

_MAX_CACHED_MOVES: Final = 256
"""The moves of some frames, 0.1 MB. More would fill up for half an hour, to save half a microsecond each."""


@lru_cache(maxsize=_MAX_CACHED_MOVES)
def move(at: Place | None, to: Place) -> str:
    """From a place, or from anywhere. The cursor does not stand behind the last column."""
    if at == to:
        return ""
    row, column = to
    line = str(row + 1) if row or column else ""
    absolute = f"\x1b[{line};{column + 1}H" if column else f"\x1b[{line}H"
    if at is None:
        return absolute
    ways = [absolute]
    if at[0] == row:
        ways.append(_sideways(at[1], column))
    elif column == 0 and 1 <= row - at[0] <= 2:
        ways.append("\r" + "\n" * (row - at[0]))
    elif at[1] == column:
        ways.append(_step(abs(row - at[0]), "B" if row > at[0] else "A"))
    return min(ways, key=len)


def _sideways(before: int, column: int) -> str:
    if column == 0:
        return "\r"
    distance = column - before
    # Not by the number of the column (CHA): a vt100 lacks it, and it is never more than one byte shorter.
    ways = [_step(abs(distance), "C" if distance > 0 else "D")]
    if distance < 0:
        ways += ["\b" * -distance, "\r" + _step(column, "C")]
    return min(ways, key=len)


def _step(count: int, final: str) -> str:
    return f"\x1b[{count if count > 1 else ''}{final}"


# Finds lines that moved up or down between two screens.


MIN_CHANGED: Final = 3
"""Rows that have to differ before a scroll can be shorter."""

EDGE: Final = 3
"""Columns at the right edge that are not compared, since a scroll bar does not move with the lines."""

MAX_SHIFTS: Final = 2
"""The number of distances that are tried."""


class Scroll(NamedTuple):
    """Lines `top` to `bottom` move up by `shift`, or down where it is negative."""

    top: int
    bottom: int
    shift: int


def scrolls(shown: Sequence[Row], wanted: Sequence[Row]) -> Iterator[Scroll]:
    """The scrolls that bring most lines to their place."""
    changed = [y for y, row in enumerate(wanted) if shown[y] != row]
    if len(changed) < MIN_CHANGED:
        return
    places: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for y, row in enumerate(shown):
        places[tuple(row[:-EDGE])].append(y)
    keys = {y: tuple(wanted[y][:-EDGE]) for y in changed}
    votes = Counter(
        source - y
        for y, key in keys.items()
        if key in places and len(set(key)) > 1
        for source in places[key]
        if source != y
    )
    for shift, count in votes.most_common(MAX_SHIFTS):
        if count > 1:
            yield from _regions(shift, [y for y, key in keys.items() if y + shift in places.get(key, ())], len(wanted))


def _regions(shift: int, hits: list[int], lines: int) -> Iterator[Scroll]:
    """The region of these lines; and with a neighbour, which may have moved too and changed a little."""
    first = min(hits + [y + shift for y in hits])
    last = max(hits + [y + shift for y in hits])
    yield Scroll(first, last, shift)
    if shift < 0 < first:
        yield Scroll(first - 1, last, shift)
    elif shift > 0 and last < lines - 1:
        yield Scroll(first, last + 1, shift)


# The encoder writes the cells of a row that differ, and the cells between them where that is shorter than a move. It
# erases blanks at the end of a row. Where whole lines moved, it scrolls a region first. It tries several ways and keeps
# the shortest.


MIN_ERASED: Final = 4
"""Blanks at the end of a row from which on they are erased: fewer are as short to write."""

MIN_SKIPPED: Final = 9
"""Equal cells from which on ECH or REP and a move can be shorter than text."""

SYNC_BEGINS: Final = "\x1b[?2026h"
SYNC_ENDS: Final = "\x1b[?2026l"
MIN_SYNCED_BYTES: Final = 1024
"""A shorter frame that does not scroll is sent without borders: it arrives, and is drawn, in one piece anyway."""

MAX_JOINED: Final = 4
"""Equal cells up to which writing them can be shorter than a move over them."""

MAX_SCROLLS: Final = 2
"""Regions scrolled in one frame."""

_IS_SURE: Final = attrgetter("is_sure")


class EncodedFrame:
    """The bytes of one update, and the cells, the pen and the cursor that they leave on the terminal."""

    def __init__(self, rows: Sequence[Row], pen: Pen, at: Place | None, able: Capabilities) -> None:
        self.rows = list(rows)
        self.pen = pen
        self.at = at
        self.able = able
        self._has_scrolled = False
        self._length = 0
        self._parts: list[str] = []

    @property
    def length(self) -> int:
        """Bytes of `text`."""
        return self._length + (len(SYNC_BEGINS + SYNC_ENDS) if self._needs_borders() else 0)

    @property
    def text(self) -> str:
        """All that is to be sent: a synchronized update where it matters."""
        text = "".join(self._parts)
        return f"{SYNC_BEGINS}{text}{SYNC_ENDS}" if self._needs_borders() else text

    def _needs_borders(self) -> bool:
        return self._has_scrolled or self._length >= MIN_SYNCED_BYTES

    def copy(self) -> "EncodedFrame":
        """Return a copy of the update so far, to try another way of encoding."""
        other = EncodedFrame(self.rows, self.pen, self.at, self.able)
        other._length, other._has_scrolled, other._parts = self._length, self._has_scrolled, self._parts.copy()
        return other

    def clear(self, *, may_be_in_link: bool) -> None:
        """Clear a terminal of which nothing is known, with the default ground: some do not clear with another."""
        # Resetting the pen does not close a link, and the text that closed it may have been dropped.
        self._put(f"\x1b[m{LINK_ENDS if may_be_in_link else ''}\x1b[H\x1b[2J")
        self.pen = PLAIN
        self.at = (0, 0)
        self.rows = [[blank(PLAIN)] * len(row) for row in self.rows]

    def scroll(self, scroll: Scroll, wanted: Sequence[Row]) -> None:
        """Move the lines of a region. Lines that come in take the ground that the ends of rows will have.

        Line feeds are for terminals without SU and SD. Whether the lines that they bring in have a ground is not sure.
        """
        edge = scroll.bottom if scroll.shift > 0 else scroll.top
        new = UNKNOWN
        if self.able.erases_with_ground and self.able.scrolls_regions:
            new = blank(Pen("", wanted[edge][-1].pen.ground))
            self._put(self._pen_for(new))
        count = abs(scroll.shift)
        if self.able.scrolls_regions:
            step = _step(count, "S" if scroll.shift > 0 else "T")
        else:
            step = move(None, (edge, 0)) + ("\n" if scroll.shift > 0 else "\x1bM") * count
        self._put(f"\x1b[{scroll.top + 1};{scroll.bottom + 1}r{step}\x1b[r")
        self.at, self._has_scrolled = (0, 0), True
        region = self.rows[scroll.top : scroll.bottom + 1]
        blanks = [[new] * len(wanted[edge]) for _ in range(count)]
        region = region[count:] + blanks if scroll.shift > 0 else blanks + region[:-count]
        self.rows[scroll.top : scroll.bottom + 1] = region

    def paint(self, wanted: Sequence[Row], limit: int = sys.maxsize) -> bool:
        """Write every cell that differs. Stop and return False once this many bytes are reached."""
        for y, row in enumerate(wanted):
            if self.rows[y] != row:
                self._paint_row(y, self.rows[y], row)
                self.rows[y] = row.copy()
                if self.length >= limit:
                    return False
        return self.length < limit

    def move(self, to: Place) -> None:
        """Leave the cursor there."""
        self._put(move(self.at, to))
        self.at = to

    def _put(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._length += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))

    def _pen_for(self, cell: Cell) -> str:
        """Change the pen to that of a cell, and return the sequence for it. A blank takes any ink."""
        pen, before = cell.pen, self.pen
        if cell.is_blank:
            if pen.ground == before.ground and not before.link and not before.flags & ~BLANKS_IGNORE:
                return ""
            pen = Pen(before.ink, pen.ground, 0 if before.flags & ~BLANKS_IGNORE else before.flags)
        self.pen = pen
        return change(before, pen)

    def _paint_row(self, y: int, old: Row, new: Row) -> None:
        changed = list(compress(range(len(new)), map(is_not, old, new)))
        if not all(map(_IS_SURE, chain(old, new))):
            zone = _unsure_zone(old, new)
            if not zone.isdisjoint(changed):
                changed = sorted(zone.union(changed))
        tail = self._tail(new, changed[-1])
        for start, stop in _spans(y, new, changed):
            self.move((y, start))
            if stop > tail:
                self._write(y, old, new, (start, tail))
                self.move((y, max(start, tail)))
                self._put(self._pen_for(new[-1]) + "\x1b[K")
                return
            self._write(y, old, new, (start, stop))

    def _write(self, y: int, old: Row, new: Row, span: tuple[int, int]) -> None:
        """Write the cells of a row from the cursor on."""
        x, stop = span
        parts: list[str] = []
        pen = None
        while x < stop:
            cell = new[x]
            if cell.pen is not pen:
                parts.append(self._pen_for(cell))
                pen = cell.pen
            if not cell.is_sure:
                self._advance(y, x, parts, len(new))
                x = self._write_unsure(y, new, x)
            elif x + MIN_SKIPPED <= stop and new[x + 1] is cell is new[x + MIN_SKIPPED - 1]:
                x = self._write_equal(y, old, new, (x, stop), parts)
            else:
                parts.append(cell.text)
                x += 1
        self._advance(y, x, parts, len(new))

    def _write_equal(self, y: int, old: Row, new: Row, span: tuple[int, int], parts: list[str]) -> int:
        """Write, erase or repeat a stretch of equal cells, with the pen of the cell. Return the column after it."""
        x, stop = span
        cell, end = new[x], x + 2
        while end < stop and new[end] is cell:
            end += 1
        if end - x < MIN_SKIPPED:
            parts.append(cell.text * (end - x))
            return end
        self._advance(y, x, parts, len(new))
        # Erasing half of a wide character harms its neighbour in tmux.
        is_whole, able = end == len(new) or old[end].width > 0, self.able
        can_erase = able.erases_characters and (able.erases_with_ground or not cell.pen.ground)
        if is_whole and cell.is_blank and can_erase:
            self._put(f"\x1b[{end - x}X")
            if end < stop:
                self.move((y, end))
        else:
            repeated = f"{cell.text}\x1b[{end - x - 1}b" if able.repeats else cell.text * (end - x)
            self._advance(y, end, [repeated], len(new))
        return end

    def _advance(self, y: int, x: int, parts: list[str], columns: int) -> None:
        """Put the text before this column."""
        if parts:
            self._put("".join(parts))
            parts.clear()
            # Behind the last column terminals differ.
            self.at = (y, x) if x < columns else None

    def _write_unsure(self, y: int, new: Row, x: int) -> int:
        """Write a cell whose width terminals disagree about: blank its columns first, place the cursor after it."""
        cell = new[x]
        end = x + cell.width
        if cell.width > 1 or not is_sure(cell.text[0]):
            self._put(" " * cell.width)
            self.at = None if end >= len(new) else (y, end)
            self.move((y, x))
        self._put(cell.text)
        self.at = None
        if end < len(new):
            self.move((y, end))
        return end

    def _tail(self, row: Row, changed: int) -> int:
        """The column from which on all is one erasable blank, if this column is in it. Otherwise the end."""
        last, x = row[-1], len(row)
        if row[changed] is not last or not last.is_blank or (last.pen.ground and not self.able.erases_with_ground):
            return x
        while x and row[x - 1] is last:
            x -= 1
        return x if len(row) - x >= MIN_ERASED else len(row)


def _spans(y: int, new: Row, changed: list[int]) -> list[tuple[int, int]]:
    """The stretches of a row that differ, joined where the cells between them are shorter than a move."""
    spans: list[tuple[int, int]] = []
    start = stop = changed[0]
    for x in changed:
        if x < stop:
            continue
        if x - stop > MAX_JOINED or (x > stop and not _is_shorter_to_write(y, new, stop, x)):
            spans.append((start, stop))
            start = x
        stop = x + (new[x].width or 1)
    spans.append((start, stop))
    return spans


def _is_shorter_to_write(y: int, new: Row, start: int, stop: int) -> bool:
    """Whether writing the cells between two spans is at most as long as a move over them."""
    first, last = new[start - 1].pen, new[stop]
    pen, length = first, 0
    for cell in new[start : stop + 1]:
        length += cell.size_bytes
        if cell.pen is not pen and not (cell.is_blank and cell.pen.ground == pen.ground):
            length += len(change(pen, cell.pen))
            pen = cell.pen
    return length <= len(move((y, start), (y, stop))) + last.size_bytes + len(change(first, last.pen))


def _unsure_zone(old: Row, new: Row) -> set[int]:
    """The columns of unsure characters and beside them: a terminal may touch all when one is written."""
    places = [x for x, pair in enumerate(zip(old, new, strict=True)) if not all(map(_IS_SURE, pair))]
    start = max(places[0] - 1, 0)
    stop = max(x + max(reach(old[x].text), reach(new[x].text)) for x in places) + 1
    return {*range(start - (not new[start].width), min(stop, len(new)))}


def encoded(start: EncodedFrame, wanted: Sequence[Row]) -> EncodedFrame:
    """Return the shortest frame found that starts with `start` and ends with the wanted rows."""
    best, base, able = None, start, start.able
    # Scrolling comes first: it is mostly the shortest, and the rest is abandoned as soon as it is longer.
    for _ in range(MAX_SCROLLS if able.scrolls_regions or able.scrolls_at_borders else 0):
        better = None
        for scroll in scrolls(base.rows, wanted):
            scrolled = base.copy()
            scrolled.scroll(scroll, wanted)
            painted = scrolled.copy()
            if painted.paint(wanted, best.length if best else sys.maxsize):
                best, better = painted, scrolled
        if better is None:
            break
        base = better
    plain = start.copy()
    return plain if plain.paint(wanted, best.length if best else sys.maxsize) or best is None else best
