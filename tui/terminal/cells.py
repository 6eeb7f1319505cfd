"""The cells of a terminal's screen, their texts, and the sequences that a terminal understands."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, Self
from unicodedata import category

from rich.cells import cell_len, get_character_cell_size

CURSOR_REQUEST: Final = "\x1b[6n"
"""Asks a terminal for the cursor's position (DSR 6)."""


REQUEST_INTERVAL_S: Final = 2.0
"""The interval of repeated requests, in case a reply was lost."""


MAX_REQUESTS: Final = 5
"""The maximum number of requests for one dialog frame, each after an interval."""


# Splits text into the texts of cells, with the widths by which rich, and so Textual, lays out its lines.
#
# A mark without a width shares the cell of the character before it; so does a character after a joiner, and the second
# letter of a flag.


MAX_COMBINED: Final = 32
"""Characters of one cell. Terminals keep no more either."""

JOINER: Final = "\u200d"
EMOJI_STYLE: Final = "\ufe0f"
"""Asks for the coloured form of the character before it, which may be wider."""

FIRST_FLAG_LETTER, LAST_FLAG_LETTER = "\U0001f1e6", "\U0001f1ff"

FIRST_PICTOGRAPH: Final = "\U0001f000"
"""From this character on, terminals disagree even about which single characters are wide."""

WIDE_EVERYWHERE: Final = (
    *(("\u3041", "\u30ff"), ("\u3400", "\u4dbf"), ("\u4e00", "\u9fff")),
    *(("\uac00", "\ud7a3"), ("\uff01", "\uff60")),
)
"""Kana, ideographs, Hangul and full-width letters: the characters that every terminal draws on two columns."""

DISPUTED_CHARACTERS: Final = frozenset("۞☝⛹✌✍㉈㉉㉊㉋㉌㉍㉎㉏")
"""Narrow characters for which tmux, GNU screen or the C library has another width."""

DISPUTED_CATEGORIES: Final = frozenset({"Cf", "Cn"})
"""Categories of characters that take a column on some terminals and none on others: formats, and unassigned ones."""


@lru_cache(maxsize=4096)
def width_of(character: str) -> int:
    """Columns of one character: 0, 1 or 2."""
    return get_character_cell_size(character)


def width_of_cell(text: str) -> int:
    """Columns of all characters of one cell: 1 or 2."""
    return width_of(text) if len(text) == 1 else max(1, min(cell_len(text), 2))


def is_sure(text: str) -> bool:
    """Whether all terminals agree about the width of a cell with this text."""
    if len(text) > 1:
        return False
    if width_of(text) == 1:
        is_disputed = text >= FIRST_PICTOGRAPH or text in DISPUTED_CHARACTERS
        return text.isascii() or not (is_disputed or category(text) in DISPUTED_CATEGORIES)
    return any(first <= text <= last for first, last in WIDE_EVERYWHERE)


@lru_cache(maxsize=1024)
def reach(text: str) -> int:
    """Columns that the text of a cell covers on a terminal that joins nothing and draws widely."""
    columns = sum(2 if character >= FIRST_PICTOGRAPH else width_of(character) for character in text)
    return columns + (EMOJI_STYLE in text)


def texts_of_cells(text: str) -> str | list[str]:
    """The text of each cell, empty for the second cell of a wide character. Marks at the beginning are dropped."""
    if text.isascii() or ({*map(width_of, text)} == {1} and max(text) < FIRST_FLAG_LETTER):
        return text
    texts: list[str] = []
    base = -1
    """The last text that is not empty, as an index from the end: -2 after a wide character, else -1."""
    for character in text:
        width = width_of(character)
        if texts and (not width or _joins(texts[base], character)):
            if len(texts[base]) < MAX_COMBINED:
                texts[base] += character
                if base == -1 and (width or character > JOINER) and width_of_cell(texts[base]) == 2:
                    texts.append("")
                    base = -2
        elif width:
            texts += (character, "") if width == 2 else (character,)
            base = -width
    return texts


def _joins(base: str, character: str) -> bool:
    if base[-1] == JOINER:
        # Older versions of rich count them one by one.
        return cell_len(base + character) <= 2
    return len(base) == 1 and _is_flag_letter(base) and _is_flag_letter(character)


def _is_flag_letter(character: str) -> bool:
    return FIRST_FLAG_LETTER <= character <= LAST_FLAG_LETTER


# The cells of a terminal's screen.
#
# Equal cells are one object, so that rows are compared by identity, at the speed of C. Of a cell that was dropped from
# a full cache, another object is equal: it is sent once more.


MAX_PENS: Final = 256
MAX_CELLS: Final = 512
"""Cells that are kept of each pen."""

BOLD, DIM, ITALIC, UNDERLINE, BLINK, FAST_BLINK, REVERSE, CONCEAL, STRIKE = (1 << bit for bit in range(9))
DOUBLE_UNDERLINE, FRAME, CIRCLE, OVERLINE = (1 << bit for bit in range(9, 13))
"""The attributes of a style of rich, in its order."""

SHOWS_ON_BLANKS: Final = ITALIC | UNDERLINE | DOUBLE_UNDERLINE | REVERSE | STRIKE | OVERLINE | FRAME | CIRCLE
"""Flags that are visible where there is no character. GNU screen draws italics in reverse."""

BLANKS_IGNORE: Final = BOLD | DIM
"""Flags that a blank may be written with."""


class Pen(NamedTuple):
    """How a cell is drawn: SGR parameters of both colours, flags, the OSC 8 command of a link. Empty is the default."""

    ink: str = ""
    ground: str = ""
    flags: int = 0
    link: str = ""


PLAIN: Final = Pen()


@dataclass(slots=True, eq=False)
class Cell:
    """One character with its pen; never changed. `width` is 2 for wide characters and 0 for the cell after one.

    Terminals disagree about the width of a cell that is not `is_sure`. A frozen one takes three times as long to make.
    """

    text: str
    pen: Pen
    width: int = 1
    is_sure: bool = True
    is_blank: bool = False
    size_bytes: int = 1


UNKNOWN: Final = Cell("", PLAIN)
"""A cell whose content on the terminal is not known. No cell equals it."""

Row = list[Cell]


class CellsOfPen(dict[str, Cell]):
    """The cells of one pen by their text; a missing one is created."""

    __slots__ = ("pen",)

    def __init__(self, pen: Pen) -> None:
        self.pen = pen

    def __missing__(self, text: str) -> Cell:
        if len(self) >= MAX_CELLS:
            self.clear()
        cell = self[text] = _created(text, self.pen)
        return cell


@lru_cache(maxsize=MAX_PENS)
def cells_of(pen: Pen) -> CellsOfPen:
    """The cells of a pen, by their text."""
    return CellsOfPen(pen)


@lru_cache(maxsize=MAX_PENS)
def blank(pen: Pen) -> Cell:
    """The blank cell of this pen. Where only its ground is visible, it has no ink and no flags."""
    if pen.flags & SHOWS_ON_BLANKS or pen.link:
        return Cell(" ", pen)
    return blank(seen) if pen != (seen := Pen("", pen.ground)) else Cell(" ", seen, is_blank=True)


def _created(text: str, pen: Pen) -> Cell:
    if text == " ":
        return blank(pen)
    if not text:
        return Cell("", pen, width=0, size_bytes=0)
    if text.isascii():
        return Cell(text, pen)
    return Cell(text, pen, width_of_cell(text), is_sure(text), size_bytes=len(text.encode("utf-8", "replace")))


# The sequences that a terminal understands, as far as a program may rely on them.


FULL: Final = ("xterm", "kitty", "foot", "wezterm", "ghostty", "alacritty", "tmux", "konsole", "iterm", "rio")
"""Beginnings of TERM of terminals that can do all but REP, for machines whose terminfo does not know them."""

SAME_EVERYWHERE: Final = "xterm-256color"
"""The entry of this TERM says the same on all machines: all but REP. Reading it would load ncurses, 0.7 MB."""

REPEATING: Final = ("XTerm", "kitty", "foot", "WezTerm", "ghostty", "contour", "mintty", "tmux")
"""Beginnings of answers to XTVERSION of terminals that have REP. TERM proves nothing."""


class Capabilities(NamedTuple):
    """Sequences that the encoder may use. Without them it writes only text, pens, cursor moves and plain erasing."""

    erases_with_ground: bool = False
    """Erased and scrolled-in cells take the pen's ground (back color erase)."""

    scrolls_regions: bool = False
    """DECSTBM, SU and SD."""

    scrolls_at_borders: bool = False
    """DECSTBM, and the line feeds at the borders of a region that scroll it, as a vt100 and the Linux console have."""

    erases_characters: bool = False
    """ECH."""

    repeats: bool = False
    """REP."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Read the terminfo entry of TERM. Without an entry, as often over SSH, the name of TERM decides.

        GNU screen erases without a ground. It and tmux have ECH, which their entries lack. Terminfo is read for one
        TERM in the life of a process; later calls get the entry of the first.
        """
        term = environment.get("TERM", "")
        if term == SAME_EVERYWHERE and not {"TMUX", "STY"} & environment.keys():
            return cls(erases_with_ground=True, scrolls_regions=True, scrolls_at_borders=True, erases_characters=True)
        is_tmux = "TMUX" in environment or term.startswith("tmux")
        is_gnu_screen = "STY" in environment or (term.startswith("screen") and not is_tmux)
        try:
            import curses  # noqa: PLC0415  some builds of Python lack it

            curses.setupterm(term, 1)
        except Exception:  # noqa: BLE001  `curses.error` cannot be named where curses is missing
            is_known = term.startswith(FULL)
            return cls(erases_with_ground=is_known, scrolls_regions=is_known, erases_characters=is_known)
        return cls(
            erases_with_ground=(curses.tigetflag("bce") > 0 or is_tmux) and not is_gnu_screen,
            scrolls_regions=all(curses.tigetstr(name) for name in ("csr", "indn", "rin")),
            scrolls_at_borders=all(curses.tigetstr(name) for name in ("csr", "ind", "ri")),
            erases_characters=bool(curses.tigetstr("ech")) or is_tmux or is_gnu_screen,
        )

    def named(self, version: str) -> Self:
        """Return these capabilities with REP if the terminal with this answer to XTVERSION is known to have it."""
        return self._replace(repeats=version.startswith(REPEATING))
