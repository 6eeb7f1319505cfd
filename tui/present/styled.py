"""Text with a meaning of colour: pieces and lines, and everything that measures, cuts, pads and wraps them.

Widths are terminal cells as Rich, and so Textual, counts them. Nothing here knows a run, a colour value or a terminal.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Literal, NamedTuple, Self

from rich.cells import cell_len

from tui.domain.text import Raw, clean

ELLIPSIS = "…"
MAX_LINE_CHARS = 4_000
"""Of a line that is cleaned and cut at each drawing: more than the widest terminal shows."""

_VISIBLE = re.compile(r"\S")
Align = Literal["left", "right"]


class Token(StrEnum):
    """The colours by what they mean; each painter has its own table of values.

    The last ones bring their own background: the environment's chip, the band of a dialog that writes in production,
    the safe button, a mark under the cursor, a field to type in, the rose foot of a tall and of a low grey bar; HIT is
    what a search found.
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

    Building one cleans it (`domain.text.clean`), whoever wrote the text, so that no line anywhere can carry an
    escape, a control or a bidi mark: there is no way to forget it.
    """

    __slots__ = ()

    def __new__(cls, text: Raw | str, token: Token = Token.TEXT, *, is_bold: bool = False) -> Self:
        """Clean the text and keep it with its style."""
        return super().__new__(cls, clean(text), token, is_bold)


Line = tuple[Piece, ...]


def line_width(line: Line) -> int:
    """How many cells a line takes."""
    return sum(cell_len(piece.text) for piece in line)


def plain(line: Line) -> str:
    """The text of a line alone."""
    return "".join(piece.text for piece in line)


def mark_hits(line: Line, needle: str) -> Line:
    """The line with every place marked where it says `needle`, which is in folded case; pieces may be cut apart."""
    whole = plain(line)
    folded = whole.casefold()
    # Letters whose folded form is longer (`ß`) would shift what is marked: such a line is searched as it is written.
    haystack = folded if len(folded) == len(whole) else whole
    starts = []
    at = haystack.find(needle) if needle else -1
    while at >= 0:
        starts.append(at)
        at = haystack.find(needle, at + len(needle))
    if not starts:
        return line
    marked = {index for start in starts for index in range(start, start + len(needle))}
    out: list[Piece] = []
    place = 0
    for piece in line:
        begin = 0
        for end in range(1, len(piece.text) + 1):
            is_hit = place + begin in marked
            if end == len(piece.text) or (place + end in marked) is not is_hit:
                out.append(Piece(piece.text[begin:end], Token.HIT if is_hit else piece.token, is_bold=piece.is_bold))
                begin = end
        place += len(piece.text)
    return tuple(out)


def cut(line: Line, limit: int) -> Line:
    """The line, or as much of it as fits into `limit` cells, ending in `…` and then exactly `limit` wide.

    A wide character or a combining sequence is never split; a cell that is left over becomes a space before the `…`.
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
    """The line with spaces to `limit` cells, on the right when it is left-aligned; a longer one stays as it is."""
    missing = limit - line_width(line)
    if missing <= 0:
        return line
    spaces = Piece(" " * missing)
    return (*line, spaces) if align == "left" else (spaces, *line)


def fit(line: Line, limit: int, align: Align = "left") -> Line:
    """Cut and padded: exactly `limit` cells."""
    return pad(cut(line, limit), limit, align)


def joined(lines: Iterable[Line], gap: str = "  ") -> Line:
    """Several lines as one, parted by `gap`."""
    out: list[Piece] = []
    for line in lines:
        if out:
            out.append(Piece(gap))
        out.extend(line)
    return tuple(out)


def fold(line: Line, limit: int) -> list[Line]:
    """A line in rows of at most `limit` cells (at least 2), broken where the row is full; nothing is lost."""
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
    """Prose in rows of at most `limit` cells (at least 2), cleaned; newlines are kept, too long a word is broken.

    Indentation at the start of a line stays; spaces where a row ends go. Never empty.
    """
    return [row for line in clean(text, lines=True).split("\n") for row in _wrap_line(line, max(limit, 2))]


def first_line(text: Raw) -> Raw:
    """Return the first line that is not blank, at most MAX_LINE_CHARS of it: a line may be megabytes long."""
    visible = _VISIBLE.search(text)
    if visible is None:
        return Raw("")
    near = text[max(0, visible.start() - MAX_LINE_CHARS) : visible.start() + MAX_LINE_CHARS]
    line = next((line for line in near.splitlines() if line.strip()), "")
    return Raw(line if len(line) < MAX_LINE_CHARS else line[: MAX_LINE_CHARS - 1] + ELLIPSIS)


_WORD = re.compile(" *[^ ]+")


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
            *full, row = _chop(word.lstrip(" ") if rows or row else word, limit)
            rows.extend(full)
            used = cell_len(row)
        else:
            row += word
            used += cells
    return [*rows, row]


def _chop(word: str, limit: int) -> list[str]:
    parts = []
    while word:
        part, _ = _prefix(word, limit)
        parts.append(part)
        word = word[len(part) :]
    return parts or [""]


def _prefix(text: str, room: int) -> tuple[str, int]:
    """As much from the start of a text as fits into `room` cells, by whole clusters, and its cells."""
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
    """A text in what is drawn together: a character with the marks and the variation selectors that follow it."""
    start = 0
    for index, character in enumerate(text):
        if index > start and cell_len(character) > 0:
            yield text[start:index]
            start = index
    if text:
        yield text[start:]
