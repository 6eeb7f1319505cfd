"""`Raw`, the type of text that others wrote, and `clean`, which makes such text safe for a terminal.

Text stays `Raw` from the decoder to the screen. `text` and `commands.output` clean whatever is shown. Whoever builds a
plain `str` of it, such as the message of an exception, cleans it there. Cutting, wrapping and measuring belong in
`text.styled`.
"""

import re
import unicodedata
from typing import Final, NewType

Raw = NewType("Raw", str)
"""Text as received: it may contain escape sequences, control, bidi and zero-width characters."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def raw_or_none(text: str | None) -> Raw | None:
    """Return a text that others wrote, or None if there is none."""
    return None if text is None else Raw(text)


# Invisible although their category is letter or mark: Unicode's Default_Ignorable_Code_Point beyond category Cf, and
# the blank braille cell. They could hide text.
_BLANKS = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
    | set(range(0x180B, 0x1810))
    | set(range(0xFE00, 0xFE0E))
    | set(range(0xE0100, 0xE01F0))
)

# Terminals disagree about the width of these, and a row that is one cell too wide breaks the layout. The variation
# selectors 15 and 16 only choose between two pictures of a character, so they are removed. A flag becomes its two
# letters. A skin colour belongs to the emoji before it; alone it becomes a plain square.
_SELECTORS = frozenset({0xFE0E, 0xFE0F})
_FLAG_A = 0x1F1E6
_FLAG_LETTERS = range(_FLAG_A, _FLAG_A + 26)
_SKIN_COLOURS = range(0x1F3FB, 0x1F400)
_LONE_SKIN_COLOUR: Final = "\N{BLACK SQUARE}"

# Unicode reserves these for emoji (Extended_Pictographic). The interpreter's table may be older than the emoji.
_EMOJI_PLANES = (range(0x1F000, 0x1FB00), range(0x1FC00, 0x1FFFE))
_UNKNOWN_EMOJI: Final = "\N{WHITE SQUARE}"

MAX_EMOJI_TAGS: Final = 32
"""Unicode TS #51 allows no more tags after an emoji. More of them may hide text, and stay visible."""

# The blocks that hold the characters of Extended_Pictographic, without the letters of flags and the skin colours.
_EMOJI: Final = (
    "[\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff\U0001fc00-\U0001fffd]"
)
_JOINERS: Final = "\u200c\u200d"
_MODIFIERS: Final = f"[\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff{_JOINERS}]"
_TAGS: Final = rf"[\U000e0020-\U000e007e]{{1,{MAX_EMOJI_TAGS}}}\U000e007f?"
_NEEDS_CONTEXT: Final = re.compile("[\u200c\u200d\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_TAIL: Final = rf"(?:{_MODIFIERS}|(?<=\u200d){_EMOJI})*"
# A text, which `re` compiles when it is first used: most sessions never show such a sequence, and it takes 1 ms.
_EMOJI_SEQUENCE: Final = f"({_EMOJI}){_TAIL}(?:{_TAGS})?{_TAIL}"
_ENCLOSING_KEYCAP: Final = 0x20E3
_KEYCAP: Final = re.compile("([0-9#*])[\ufe0e\ufe0f]*\u20e3+")
_LONE_JOINERS: Final = re.compile(f"[{_JOINERS}][\ufe0e\ufe0f{_JOINERS}]*")

# Scripts that use joiners in their spelling: Arabic to Malayalam and Sinhala, Tibetan and Myanmar, Khmer and Mongolian,
# the later blocks of these, Arabic forms, and the scripts of India in plane 1.
_JOINING_SCRIPTS: Final = (
    "[\u0600-\u0dff\u0f00-\u109f\u1780-\u18af\u1a20-\u1c7f\ua800-\uabff\ufb50-\ufdff\ufe70-\ufefe"
    "\U00010a00-\U00011fff\U0001e900-\U0001eeff]"
)


class _Symbols(dict[int, int | str | None]):
    """A translation table for `str.translate`. It computes the entry of a character on first use."""

    def __missing__(self, code: int) -> int | str | None:
        self[code] = shown = _symbol(code)
        return shown


def _symbol(code: int) -> int | str | None:
    if code in _SELECTORS:
        return None
    if code in _FLAG_LETTERS:
        return chr(ord("A") + code - _FLAG_A)
    if code in _SKIN_COLOURS:
        return _LONE_SKIN_COLOUR
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\N{SYMBOL FOR DELETE}"
    if code in _BLANKS:
        return REPLACEMENT
    category = unicodedata.category(chr(code))
    if category == "Cn" and any(code in plane for plane in _EMOJI_PLANES):
        return _UNKNOWN_EMOJI
    if category in {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}:
        return REPLACEMENT
    return code


_ONE_LINE = _Symbols()
_LINES = _Symbols({0x0A: "\n"})


def clean(text: str, *, lines: bool = False) -> str:
    """Return the text without anything that controls a terminal or is invisible.

    All terminals agree on the width of the result. C0 controls become their control pictures (`␛`, `␊`). All other
    controls, bidi marks, zero-width and unassigned characters become `U+FFFD`. An emoji sequence is reduced to its
    first character, because terminals disagree about its width. Selectors of emoji are removed, and joiners where a
    script or an emoji uses them. With `lines`, newlines stay. Never raises. The result has no lone surrogates, so that
    UTF-8 can encode it.
    """
    if text.isascii() and text.isprintable():
        return text
    if _NEEDS_CONTEXT.search(text) is not None:
        text = _reduce_emoji(text)
    return text.translate(_LINES if lines else _ONE_LINE)


def _reduce_emoji(text: str) -> str:
    """Reduce emoji sequences to their first character, and remove joiners that a script or an emoji uses."""
    text = re.sub(_EMOJI_SEQUENCE, r"\1", text)
    text = _LONE_JOINERS.sub(_joiners, text)
    return _KEYCAP.sub(r"\1", text)


def _joiners(found: re.Match[str]) -> str:
    """Return the replacement of joiners: "" if a neighbour uses joiners, `U+FFFD` each if they would hide in a word."""
    text = found.string
    before, after = found.start() - 1, found.end()
    while before >= 0 and ord(text[before]) in _SELECTORS:
        before -= 1
    neighbours = [text[at] for at in (before, after) if 0 <= at < len(text) and not text[at].isspace()]
    if not neighbours or any(_uses_joiners(ord(each)) for each in neighbours):
        return ""
    return REPLACEMENT * sum(ord(each) not in _SELECTORS for each in found.group())


def _uses_joiners(code: int) -> bool:
    if code in _FLAG_LETTERS or code in _SKIN_COLOURS or code == _ENCLOSING_KEYCAP:
        return True
    return unicodedata.category(chr(code)) == "So" or re.match(f"{_EMOJI}|{_JOINING_SCRIPTS}", chr(code)) is not None


def shortened(text: str, max_chars: int) -> str:
    """Return the text, or its start of `max_chars` characters with `…` at the end."""
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"
