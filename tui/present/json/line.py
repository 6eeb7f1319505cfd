"""JSON on one line, with its types told apart: `{ step: "charge", progress: 0.66 }`, as much of it as fits.

What lives here: how a key and a value look. No more of a value is looked at than is drawn, so that one of megabytes
costs what a small one does. Which values are unfolded is `json_fold`'s.
"""

import re
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len

from tui.domain.run import Json
from tui.present.json.text import scalar
from tui.present.styled import Line, Piece, Token, cut, line_width

Label = str | int | None
"""Where a value stands in what holds it: its key, its index, or None where it stands alone."""

_BARE: Final = re.compile(r"[A-Za-z_$][\w$-]*\Z", re.ASCII)


class TextLine(str):
    """One line of a long text that is unfolded: drawn as text, not as JSON."""

    __slots__ = ()


def key_of(label: Label, limit: int) -> Line:
    """`key: ` within `limit` cells, or nothing where there is no label. Keys that need it are quoted."""
    if label is None:
        return ()
    if isinstance(label, int):
        return (Piece(f"{label}: ", Token.FAINT),)
    name = cut((Piece(_key(label, limit), Token.MUTED),), max(limit - 2, 1))
    return (*name, Piece(": ", Token.FAINT))


def inline(value: Json, limit: int) -> tuple[Line, bool]:
    """The beginning of a value on one line of at most `limit` cells, and whether that is the whole of it."""
    pieces: list[Piece] = []
    used = 0
    for text, token in _tokens(value, limit):
        pieces.append(Piece(text, token))
        used += cell_len(pieces[-1].text)
        if used > limit:
            return cut(tuple(pieces), limit), False
    return tuple(pieces), True


def literal(value: Json, most: int) -> Line:
    """A value that holds no others, as JSON writes it; of a text no more than `most` characters, then it is open."""
    return (Piece(*_scalar(value, most)),)


def preview(value: Json, limit: int, note: str) -> Line:
    """The beginning of a value and, after it, what it is in all, together within `limit` cells."""
    remark: Line = (Piece(f"  {note}", Token.FAINT),)
    room = limit - line_width(remark)
    if room < _LEAST_PREVIEW:
        return cut((Piece(note, Token.FAINT),), limit)
    return (*inline(value, room)[0], *remark)


_LEAST_PREVIEW: Final = 6


def _key(label: str, most: int) -> str:
    start = label[: most + 1]
    return start if _BARE.match(start) else scalar(start)


def _scalar(value: Json, most: int) -> tuple[str, Token]:
    if not isinstance(value, str):
        return scalar(value), Token.BRIGHT
    if isinstance(value, TextLine):
        return value[:most], Token.TEXT
    start = scalar(value[:most])
    return (start if len(value) <= most else start[:-1]), Token.TEXT


def _tokens(value: Json, most: int) -> Iterator[tuple[str, Token]]:
    """The parts of a line without end; a loop, since values may be nested as deep as the decoder allowed."""
    opened: list[tuple[Iterator[tuple[Label, Json]], str]] = [(iter([(None, value)]), "")]
    is_first = True
    while opened:
        items, close = opened[-1]
        for label, item in items:
            if not is_first:
                yield ", ", Token.FAINT
            is_first = False
            if isinstance(label, str):
                yield _key(label, most), Token.MUTED
                yield ": ", Token.FAINT
            if isinstance(item, dict | list) and item:
                is_first = True
                yield ("{ ", Token.FAINT) if isinstance(item, dict) else ("[ ", Token.FAINT)
                opened.append((_items(item), " }" if isinstance(item, dict) else " ]"))
                break
            if isinstance(item, dict | list):
                yield ("{}", Token.FAINT) if isinstance(item, dict) else ("[]", Token.FAINT)
            else:
                # One more than fits, so that what is cut is known to be cut.
                yield _scalar(item, most + 1)
        else:
            opened.pop()
            is_first = False
            if close:
                yield close, Token.FAINT


def _items(container: dict[str, Json] | list[Json]) -> Iterator[tuple[Label, Json]]:
    if isinstance(container, dict):
        return iter(container.items())
    return ((None, item) for item in container)
