"""JSON on one line, coloured by type: `{ step: "charge", progress: 0.66 }`, cut at the width.

No more of a value is read than is drawn, so that a value of megabytes costs as little as a small one.
"""

import re
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len

from tui.domain.run import Json
from tui.present.json.text import scalar
from tui.present.styled import Line, Piece, Token, cut, line_width

Label = str | int | None
"""The label of a value in its container: a key, an index, or None for the root."""

_BARE: Final = re.compile(r"[A-Za-z_$][\w$-]*\Z", re.ASCII)


class TextLine(str):
    """One line of an unfolded text, drawn as text and not as JSON."""

    __slots__ = ()


def key_of(label: Label, limit: int) -> Line:
    """Return `key: ` within `limit` cells, or nothing without a label. Keys are quoted where JavaScript requires it."""
    if label is None:
        return ()
    if isinstance(label, int):
        return (Piece(f"{label}: ", Token.FAINT),)
    name = cut((Piece(_key(label, limit), Token.MUTED),), max(limit - 2, 1))
    return (*name, Piece(": ", Token.FAINT))


def inline(value: Json, limit: int) -> tuple[Line, bool]:
    """Return the start of a value in at most `limit` cells, and whether that is all of it."""
    pieces: list[Piece] = []
    used = 0
    for text, token in _tokens(value, limit):
        pieces.append(Piece(text, token))
        used += cell_len(pieces[-1].text)
        if used > limit:
            return cut(tuple(pieces), limit), False
    return tuple(pieces), True


def literal(value: Json, max_characters: int) -> Line:
    """Return a scalar as JSON writes it. A text longer than `max_characters` characters has no closing quote."""
    return (Piece(*_scalar(value, max_characters)),)


def preview(value: Json, limit: int, note: str) -> Line:
    """Return the start of a value, followed by `note`, together within `limit` cells."""
    remark: Line = (Piece(f"  {note}", Token.FAINT),)
    room = limit - line_width(remark)
    if room < _MIN_PREVIEW:
        return cut((Piece(note, Token.FAINT),), limit)
    return (*inline(value, room)[0], *remark)


_MIN_PREVIEW: Final = 6


def _key(label: str, max_characters: int) -> str:
    start = label[: max_characters + 1]
    return start if _BARE.match(start) else scalar(start)


def _scalar(value: Json, max_characters: int) -> tuple[str, Token]:
    if not isinstance(value, str):
        return scalar(value), Token.BRIGHT
    if isinstance(value, TextLine):
        return value[:max_characters], Token.TEXT
    start = scalar(value[:max_characters])
    return (start if len(value) <= max_characters else start[:-1]), Token.TEXT


def _tokens(value: Json, max_characters: int) -> Iterator[tuple[str, Token]]:
    """Yield the tokens of a value. A loop, since a value may be nested as deep as the decoder allows."""
    opened: list[tuple[Iterator[tuple[Label, Json]], str]] = [(iter([(None, value)]), "")]
    is_first = True
    while opened:
        items, close = opened[-1]
        for label, item in items:
            if not is_first:
                yield ", ", Token.FAINT
            is_first = False
            if isinstance(label, str):
                yield _key(label, max_characters), Token.MUTED
                yield ": ", Token.FAINT
            if isinstance(item, dict | list) and item:
                is_first = True
                yield ("{ ", Token.FAINT) if isinstance(item, dict) else ("[ ", Token.FAINT)
                opened.append((_items(item), " }" if isinstance(item, dict) else " ]"))
                break
            if isinstance(item, dict | list):
                yield ("{}", Token.FAINT) if isinstance(item, dict) else ("[]", Token.FAINT)
            else:
                # One more than fits, so that the caller knows that the value is cut.
                yield _scalar(item, max_characters + 1)
        else:
            opened.pop()
            is_first = False
            if close:
                yield close, Token.FAINT


def _items(container: dict[str, Json] | list[Json]) -> Iterator[tuple[Label, Json]]:
    if isinstance(container, dict):
        return iter(container.items())
    return ((None, item) for item in container)
