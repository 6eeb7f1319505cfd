"""Splits text into the texts of cells, with the widths by which rich, and so Textual, lays out its lines.

A mark without a width shares the cell of the character before it; so does a character behind a joiner, and the second
letter of a flag.
"""

from functools import lru_cache
from typing import Final
from unicodedata import category

from rich.cells import cell_len, get_character_cell_size

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


class LoneMark(ValueError):
    """A text that begins with a character without a width: it belongs to the cell before the text."""


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
    """The text of each cell, empty for the second cell of a wide character. Raises `LoneMark`."""
    if text.isascii() or ({*map(width_of, text)} == {1} and max(text) < FIRST_FLAG_LETTER):
        return text
    texts: list[str] = []
    base = -1
    """The last text that is not empty, as an index from the end: -2 behind a wide character, else -1."""
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
        else:
            raise LoneMark(text)
    return texts


def _joins(base: str, character: str) -> bool:
    if base[-1] == JOINER:
        # Older versions of rich count them one by one.
        return cell_len(base + character) <= 2
    return len(base) == 1 and _is_flag_letter(base) and _is_flag_letter(character)


def _is_flag_letter(character: str) -> bool:
    return FIRST_FLAG_LETTER <= character <= LAST_FLAG_LETTER
