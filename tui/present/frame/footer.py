"""The line at the bottom: the keys that do something now, and a short notice at its right end."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from tui.present.styled import Line, Piece, Token, cut, fit, joined, line_width

_GAP: Final = "   "


class KeyWord(NamedTuple):
    """A key and its word. The key with the greatest `need` is dropped first. One that `is_denied` says why."""

    key: str
    word: str
    need: int = 0
    is_denied: bool = False


def footer_line(keys: Sequence[KeyWord], last: KeyWord | None, right: Line, width: int) -> Line:
    """Return the line in exactly `width` cells.

    Of `keys` those that fit beside `last` and `right` are shown in their order. `last` is always shown. If there is no
    room for `right`, it is cut.
    """
    final = [key_words(last)] if last is not None else []
    right = cut(right, max(0, width - 2 - sum(line_width(key) + len(_GAP) for key in final)))
    room = width - 2 - (line_width(right) + len(_GAP) if right else 0)
    chosen: set[KeyWord] = set()
    for key in sorted(keys, key=lambda each: each.need):
        if line_width(joined([*map(key_words, chosen), key_words(key), *final], _GAP)) <= room:
            chosen.add(key)
    left: Line = (Piece(" "), *joined([*(key_words(key) for key in keys if key in chosen), *final], _GAP))
    if not right:
        return fit(left, width)
    return (*fit(left, width - line_width(right) - 1), *right, Piece(" "))


def unbound_words(key: str, help_key: str) -> Line:
    """Return a notice that a key has no function here, naming the key that lists them; empty for no key."""
    said: Line = (Piece(key, Token.TEXT, is_bold=True), Piece(" is not a key here", Token.MUTED))
    if not help_key:
        return said
    return (*said, Piece(" · ", Token.MUTED), Piece(help_key, Token.TEXT, is_bold=True), Piece(" keys", Token.MUTED))


def key_words(key: KeyWord) -> Line:
    """Return a key and its word."""
    if key.is_denied:
        return (Piece(f"{key.key} {key.word}", Token.FAINT),)
    return (Piece(key.key, Token.TEXT, is_bold=True), Piece(f" {key.word}", Token.FAINT))
