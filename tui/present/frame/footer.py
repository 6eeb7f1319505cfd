"""The line at the bottom: the keys that work here and now, and at its right end a word for a while.

What lives here: which keys fit. Which work is the screen's to know. Source: mock-ups 01, 02, 07.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from tui.present.styled import Line, Piece, Token, cut, fit, joined, line_width

_GAP: Final = "   "


class KeyWord(NamedTuple):
    """A key as it is spelled, and the word for what it does. `need`: the smallest is the last that goes."""

    key: str
    word: str
    need: int = 0


def footer_line(keys: Sequence[KeyWord], last: KeyWord | None, right: Line, width: int) -> Line:
    """The line in exactly `width` cells: of `keys`, in their order, those that fit beside `last` and `right`, what is
    needed most before the rest.

    `last` always stands, and last; `right` is cut to what is left when there is no room even for that.
    """
    final = [_key(last)] if last is not None else []
    right = cut(right, max(0, width - 2 - sum(line_width(key) + len(_GAP) for key in final)))
    room = width - 2 - (line_width(right) + len(_GAP) if right else 0)
    chosen: set[KeyWord] = set()
    for key in sorted(keys, key=lambda each: each.need):
        if line_width(joined([*map(_key, chosen), _key(key), *final], _GAP)) <= room:
            chosen.add(key)
    left: Line = (Piece(" "), *joined([*(_key(key) for key in keys if key in chosen), *final], _GAP))
    if not right:
        return fit(left, width)
    return (*fit(left, width - line_width(right) - 1), *right, Piece(" "))


def unbound_words(key: str, help_key: str) -> Line:
    """Say that a key does nothing here, and which key shows those that do; "" where there is no such key."""
    said: Line = (Piece(key, Token.TEXT, is_bold=True), Piece(" is not a key here", Token.MUTED))
    if not help_key:
        return said
    return (*said, Piece(" · ", Token.MUTED), Piece(help_key, Token.TEXT, is_bold=True), Piece(" keys", Token.MUTED))


def _key(key: KeyWord) -> Line:
    return (Piece(key.key, Token.TEXT, is_bold=True), Piece(f" {key.word}", Token.FAINT))
