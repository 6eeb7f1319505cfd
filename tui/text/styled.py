"""Pieces of text with a colour token, lines of them, and functions that measure, cut, pad and wrap lines.

Widths are terminal cells as Rich and Textual count them. This module knows no run, no colour value and no terminal.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import groupby
from typing import Literal, NamedTuple, Self

from rich.cells import cell_len

from tui.domain.text import Raw, clean

ELLIPSIS = "…"
MAX_LINE_CHARS = 4_000
"""The part of a line that is cleaned and cut at each drawing: more than the widest terminal shows."""

_VISIBLE = re.compile(r"\S")
Align = Literal["left", "right"]


class Token(StrEnum):
    """The colours by their meaning. Each painter has a table of their values.

    The tokens from CHIP on bring their own background: the environment's chip, the band of a dialog that writes to
    production, the safe button, a mark under the cursor, a text field, the rose foot of a tall and of a low grey bar.
    HIT marks a match of a search.
    """

    TEXT = "text"
    BRIGHT = "bright"
    MUTED = "muted"
    FAINT = "faint"
    ROSE = "rose"
    AMBER = "amber"
    BLUE = "blue"
    GREEN = "green"
    ACCENT = "accent"
    GUIDE = "guide"
    LINE = "line"
    SPARK = "spark"
    HIT = "hit"
    CHIP = "chip"
    GREY_CHIP = "grey chip"
    ALARM = "alarm"
    BUTTON = "button"
    MARKED = "marked"
    FIELD = "field"
    TALL_FOOT = "tall foot"
    LOW_FOOT = "low foot"


class _Fields(NamedTuple):
    text: str
    token: Token
    is_bold: bool


class Piece(_Fields):
    """Text of one style on one line.

    The constructor cleans the text (`domain.text.clean`). No line can carry an escape, a control or a bidi character,
    no matter where the text came from.
    """

    __slots__ = ()

    def __new__(cls, text: Raw | str, token: Token = Token.TEXT, *, is_bold: bool = False) -> Self:
        """Clean the text and store it with its style."""
        return super().__new__(cls, clean(text), token, is_bold)


Line = tuple[Piece, ...]


def line_width(line: Line) -> int:
    """Return the number of cells that a line takes."""
    return sum(cell_len(piece.text) for piece in line)


def offset_in(line: Line, words: str, x: int) -> int | None:
    """Return how far a cell of a line is in these words; None if it is not in them."""
    before, found, _ = plain(line).partition(words)
    offset = x - cell_len(before)
    return offset if found and 0 <= offset < cell_len(words) else None


def plain(line: Line) -> str:
    """Return the text of a line without styles."""
    return "".join(piece.text for piece in line)


def mark_hits(line: Line, needle: str, token: Token = Token.HIT) -> Line:
    """Return the line with every match of `needle` marked by a token. `needle` is in folded case."""
    whole = plain(line)
    folded = whole.casefold()
    # A letter whose folded form is longer (`ß`) would shift the marks. Such a line is searched without folding.
    haystack = folded if len(folded) == len(whole) else whole
    marked = {at for hit in re.finditer(re.escape(needle), haystack) for at in range(*hit.span())} if needle else ()
    if not marked:
        return line
    out: list[Piece] = []
    place = 0
    for piece in line:
        for is_hit, part in groupby(range(place, place + len(piece.text)), key=marked.__contains__):
            text = "".join(whole[at] for at in part)
            out.append(Piece(text, token if is_hit else piece.token, is_bold=piece.is_bold))
        place += len(piece.text)
    return tuple(out)


def cut(line: Line, limit: int) -> Line:
    """Return the line, or its start within `limit` cells, ending in `…`.

    A cut line is exactly `limit` cells wide. A wide character or a combining sequence is never split: a cell that stays
    free becomes a space before the `…`.
    """
    if line_width(line) <= limit:
        return line
    if limit <= 0:
        return ()
    room = limit - 1
    kept: list[Piece] = []
    for piece in line:
        text, cells = _prefix(piece.text, room)
        kept.append(Piece(text, piece.token, is_bold=piece.is_bold))
        room -= cells
        if len(text) < len(piece.text):
            break
    last = kept[-1]
    kept[-1] = Piece(last.text + " " * room + ELLIPSIS, last.token, is_bold=last.is_bold)
    return tuple(kept)


def pad(line: Line, limit: int, align: Align = "left") -> Line:
    """Pad the line with spaces to `limit` cells. A longer line stays as it is."""
    return _padded(line, limit - line_width(line), align)


def fit(line: Line, limit: int, align: Align = "left") -> Line:
    """Cut and pad the line to exactly `limit` cells."""
    # Most lines only need padding: measuring them once saves a tenth of the time of a key.
    missing = limit - line_width(line)
    return pad(cut(line, limit), limit, align) if missing < 0 else _padded(line, missing, align)


def _padded(line: Line, missing: int, align: Align) -> Line:
    if missing <= 0:
        return line
    spaces = Piece(" " * missing)
    return (*line, spaces) if align == "left" else (spaces, *line)


def joined(lines: Iterable[Line], gap: str = "  ") -> Line:
    """Join several lines into one, with `gap` between them."""
    out: list[Piece] = []
    for line in lines:
        if out:
            out.append(Piece(gap))
        out.extend(line)
    return tuple(out)


def painted(cells: Iterable[tuple[str, Token]], repeat: int = 1) -> Line:
    """Return cells as pieces of one colour each. `repeat`: how often each cell is drawn."""
    parts = groupby(cells, key=lambda cell: cell[1])
    return tuple(Piece("".join(sign * repeat for sign, _ in part), token) for token, part in parts)


def fold(line: Line, limit: int) -> list[Line]:
    """Break a line into rows of at most `limit` cells (at least 2), wherever a row is full. No text is lost."""
    limit = max(limit, 2)
    rows: list[list[Piece]] = [[]]
    room = limit
    for piece in line:
        text = piece.text
        while text:
            taken, cells = _prefix(text, room)
            if not taken:
                rows.append([])
                room = limit
                continue
            rows[-1].append(Piece(taken, piece.token, is_bold=piece.is_bold))
            room -= cells
            text = text[len(taken) :]
    return [tuple(row) for row in rows]


def wrap(text: Raw | str, limit: int) -> list[str]:
    """Wrap prose into rows of at most `limit` cells (at least 2), and clean it.

    Newlines, of which CRLF is one, and the indentation of a line stay. Spaces at the end of a row are dropped, and a
    word longer than a row is broken. The result is never empty.
    """
    lines = clean(text.replace("\r\n", "\n"), lines=True).split("\n")
    return [row for line in lines for row in _wrap_line(line, max(limit, 2))]


def first_line(text: Raw) -> Raw:
    """Return the first line that is not blank, at most MAX_LINE_CHARS of it: a line may be megabytes long."""
    visible = _VISIBLE.search(text)
    if visible is None:
        return Raw("")
    near = text[max(0, visible.start() - MAX_LINE_CHARS) : visible.start() + MAX_LINE_CHARS]
    line = next((line for line in near.splitlines() if line.strip()), "")
    return Raw(line if len(line) < MAX_LINE_CHARS else line[: MAX_LINE_CHARS - 1] + ELLIPSIS)


def opening_line(text: Raw) -> Raw:
    """Return the first line; if it has only brackets, as JSON in several lines begins, the next ones after it."""
    line = first_line(text)
    if not line or any(map(str.isalnum, line)):
        return line
    begin = text.find(line)
    return Raw(" ".join(text[begin : begin + MAX_LINE_CHARS].split()))


_WORD = re.compile("(?<! ) *[^ ]+")


def _wrap_line(text: str, limit: int) -> list[str]:
    if cell_len(text) <= limit:
        return [text]
    rows: list[str] = []
    row, used = "", 0
    for word in _WORD.findall(text):
        cells = cell_len(word)
        if used + cells > limit:
            if row:
                rows.append(row)
            *full, row = map(plain, fold((Piece(word.lstrip(" ") if rows or row else word),), limit))
            rows.extend(full)
            used = cell_len(row)
        else:
            row += word
            used += cells
    return [*rows, row]


def _prefix(text: str, room: int) -> tuple[str, int]:
    """Return the longest start of a text that fits into `room` cells without splitting a cluster, and its width."""
    if text.isascii():
        return text[:room], min(len(text), room)
    end = cells = 0
    for cluster in _clusters(text):
        size = cell_len(cluster)
        if cells + size > room:
            break
        end += len(cluster)
        cells += size
    return text[:end], cells


def _clusters(text: str) -> Iterator[str]:
    """Yield the characters of a text, each with the combining marks and variation selectors that follow it."""
    start = 0
    for index, character in enumerate(text):
        if index > start and cell_len(character) > 0:
            yield text[start:index]
            start = index
    if text:
        yield text[start:]
