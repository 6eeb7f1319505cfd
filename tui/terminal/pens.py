"""SGR: the parameters that change a pen, and the shortest sequence that turns one pen into another."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

from tui.terminal.cells import (
    BLINK,
    BOLD,
    CIRCLE,
    CONCEAL,
    DIM,
    DOUBLE_UNDERLINE,
    FRAME,
    ITALIC,
    OVERLINE,
    PLAIN,
    REVERSE,
    STRIKE,
    UNDERLINE,
    Pen,
)

_FLAGS: Final = (
    (BOLD, "1"),
    (DIM, "2"),
    (ITALIC, "3"),
    (UNDERLINE, "4"),
    (BLINK, "5"),
    (REVERSE, "7"),
    (CONCEAL, "8"),
    (STRIKE, "9"),
    (DOUBLE_UNDERLINE, "21"),
    (FRAME, "51"),
    (CIRCLE, "52"),
    (OVERLINE, "53"),
)
_ENDS: Final = (
    ("22", BOLD | DIM),
    ("23", ITALIC),
    ("24", UNDERLINE | DOUBLE_UNDERLINE),
    ("25", BLINK),
    ("27", REVERSE),
    ("28", CONCEAL),
    ("29", STRIKE),
    ("54", FRAME | CIRCLE),
    ("55", OVERLINE),
)
_ALSO_ENDED: Final = {"22": ITALIC}
"""Flags that a parameter ends in GNU screen."""

_ON: Final = {int(on): flag for flag, on in _FLAGS} | {6: BLINK}
_OFF: Final = {int(off): flags for off, flags in _ENDS}
_REPLACED: Final = {4: DOUBLE_UNDERLINE, 21: UNDERLINE}
"""Terminals draw one kind of underline: the last one."""

_INKS: Final = frozenset({*range(30, 40), *range(90, 98)})
_GROUNDS: Final = frozenset({*range(40, 50), *range(100, 108)})
_MAX_CACHED: Final = 2048

LINK_ENDS: Final = "\x1b]8;;\x1b\\"
"""The sequence that closes a link."""


class UnknownPen(ValueError):
    """SGR parameters whose effect on a cell is not known here."""


_COLORS: Final = re.compile(
    r"(?:(38;(?:2(?:;[0-9]{1,3}){3}|5;[0-9]{1,3}))(?:;(?=4)|$))?(48;(?:2(?:;[0-9]{1,3}){3}|5;[0-9]{1,3}))?"
)
"""Parameters of an ink, a ground, or both, as most pens of a page with many colours are."""


def pen_after(parameters: str, pen: Pen) -> Pen:
    """The pen after `CSI parameters m`. Raises `UnknownPen`."""
    colors = _COLORS.fullmatch(parameters)
    if colors is not None and parameters:
        ink, ground = colors.groups()
        return Pen(ink or pen.ink, ground or pen.ground, pen.flags, pen.link)
    return _pen_after(parameters, pen)


@lru_cache(maxsize=_MAX_CACHED)
def _pen_after(parameters: str, pen: Pen) -> Pen:
    if not parameters:
        return Pen(link=pen.link)
    if ":" in parameters:
        raise UnknownPen(parameters)
    numbers = iter([int(part or 0) for part in parameters.split(";")])
    ink, ground, flags = pen.ink, pen.ground, pen.flags
    for number in numbers:
        if number == 0:
            ink, ground, flags = "", "", 0
        elif number in _ON:
            flags = flags & ~_REPLACED.get(number, 0) | _ON[number]
        elif number in _OFF:
            flags &= ~_OFF[number]
        elif number in _INKS:
            ink = _color(number, numbers)
        elif number in _GROUNDS:
            ground = _color(number, numbers)
        else:
            raise UnknownPen(parameters)
    return Pen(ink, ground, flags, pen.link)


def _color(number: int, numbers: Iterator[int]) -> str:
    """The parameters of one colour; empty for the default. Raises `UnknownPen` if they are cut off."""
    if number in (39, 49):
        return ""
    if number not in (38, 48):
        return str(number)
    kind = next(numbers, None)
    rest = list(islice(numbers, {5: 1, 2: 3}.get(kind or 0, 0)))
    if len(rest) != {5: 1, 2: 3}.get(kind or 0):
        raise UnknownPen(str(number))
    return ";".join(map(str, (number, kind, *rest)))


def change(before: Pen, after: Pen) -> str:
    """The shortest sequence that turns one pen into another."""
    ink, ground, flags, link = after
    if before[3] == link and before[2] == flags and (ink or not before[0]) and (ground or not before[1]):
        # Only colours change: faster than the cache, which does not hold the pens of a page of a thousand colours.
        if before[0] == ink:
            return "" if before[1] == ground else f"\x1b[{ground}m"
        return f"\x1b[{ink}m" if before[1] == ground else f"\x1b[{ink};{ground}m"
    return _change(before, after)


@lru_cache(maxsize=_MAX_CACHED)
def _change(before: Pen, after: Pen) -> str:
    link = "" if before.link == after.link else f"\x1b]{after.link}\x1b\\" if after.link else LINK_ENDS
    if before[:3] == after[:3]:
        return link
    parts = _parts(before, after)
    again = _parts(PLAIN, after)
    changed, fresh = ";".join(parts), ";".join(["", *again]) if again else ""
    return f"\x1b[{min(changed, fresh, key=len)}m{link}"


def _parts(before: Pen, after: Pen) -> list[str]:
    parts = []
    lost, won = before.flags & ~after.flags, after.flags & ~before.flags
    for off, ended in _ENDS:
        if lost & ended:
            # One parameter may end two flags, so the one that stays is switched on again.
            won |= after.flags & (ended | _ALSO_ENDED.get(off, 0))
            parts.append(off)
    parts += [on for flag, on in _FLAGS if won & flag]
    if before.ink != after.ink:
        parts.append(after.ink or "39")
    if before.ground != after.ground:
        parts.append(after.ground or "49")
    return parts
