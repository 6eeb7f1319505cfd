"""Text that somebody else's code wrote, and the one way to make it safe to look at.

`Raw` marks it from the decoder to the screen; only `present` and `output` unwrap it, through
`clean`. Nothing here cuts, wraps or measures: that is layout, and lives in `present`.
"""

import unicodedata
from typing import NewType

Raw = NewType("Raw", str)
"""Text as it came: escapes, control, bidi and zero-width characters included."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Drawn as nothing although their category says letter or mark (Unicode Default_Ignorable_Code_Point
# beyond category Cf, and the blank braille cell): text could hide in them.
_BLANKS = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
    | set(range(0x180B, 0x1810))
    | set(range(0xFE00, 0xFE0E))
    | set(range(0xE0100, 0xE01F0))
)

# Terminals disagree about the width of these, and a row that is a cell too long takes its neighbour's place. The
# variation selectors 15 and 16 only choose between two pictures of a character: they go, and hide nothing. A flag is
# two letters, which is what it becomes. A skin colour without its hand would be a picture of its own.
_SELECTORS = frozenset({0xFE0E, 0xFE0F})
_FLAG_A = 0x1F1E6
_FLAG_LETTERS = range(_FLAG_A, _FLAG_A + 26)
_SKIN_COLOURS = range(0x1F3FB, 0x1F400)


class _Symbols(dict[int, int | str | None]):
    """A translation table that decides about a character when it first meets it."""

    def __missing__(self, code: int) -> int | str | None:
        shown = _symbol(code)
        self[code] = shown
        return shown


def _symbol(code: int) -> int | str | None:
    if code in _SELECTORS:
        return None
    if code in _FLAG_LETTERS:
        return chr(ord("A") + code - _FLAG_A)
    if code in _SKIN_COLOURS:
        return REPLACEMENT
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    if code in _BLANKS:
        return REPLACEMENT
    category = unicodedata.category(chr(code))
    if category in {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}:
        return REPLACEMENT
    return code


_ONE_LINE = _Symbols()
_LINES = _Symbols({0x0A: "\n"})


def clean(text: str, *, lines: bool = False) -> str:
    """Make every character that acts instead of showing visible, one symbol each; all that is left has a width on
    which terminals agree.

    C0 controls become their control pictures (`␛`, `␊`), all other controls, bidi marks, zero-width and
    unassigned characters `U+FFFD`. With `lines` a newline stays a newline. Never raises; the answer can be
    encoded in UTF-8 (lone surrogates are gone).
    """
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_LINES if lines else _ONE_LINE)
