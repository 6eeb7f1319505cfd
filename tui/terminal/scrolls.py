"""Finds lines that moved up or down between two screens."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from tui.terminal.cells import Row

MIN_CHANGED: Final = 3
"""Rows that have to differ before a scroll can be shorter."""

EDGE: Final = 3
"""Columns at the right edge that are not compared, since a scroll bar does not move with the lines."""

MAX_SHIFTS: Final = 2
"""The number of distances that are tried."""


class Scroll(NamedTuple):
    """Lines `top` to `bottom` move up by `shift`, or down where it is negative."""

    top: int
    bottom: int
    shift: int


def scrolls(shown: Sequence[Row], wanted: Sequence[Row]) -> Iterator[Scroll]:
    """The scrolls that bring most lines to their place."""
    changed = [y for y, row in enumerate(wanted) if shown[y] != row]
    if len(changed) < MIN_CHANGED:
        return
    places: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for y, row in enumerate(shown):
        places[tuple(row[:-EDGE])].append(y)
    keys = {y: tuple(wanted[y][:-EDGE]) for y in changed}
    votes = Counter(
        source - y
        for y, key in keys.items()
        if key in places and len(set(key)) > 1
        for source in places[key]
        if source != y
    )
    for shift, count in votes.most_common(MAX_SHIFTS):
        if count > 1:
            yield from _regions(shift, [y for y, key in keys.items() if y + shift in places.get(key, ())], len(wanted))


def _regions(shift: int, hits: list[int], lines: int) -> Iterator[Scroll]:
    """The region of these lines; and with a neighbour, which may have moved too and changed a little."""
    first = min(hits + [y + shift for y in hits])
    last = max(hits + [y + shift for y in hits])
    yield Scroll(first, last, shift)
    if shift < 0 < first:
        yield Scroll(first - 1, last, shift)
    elif shift > 0 and last < lines - 1:
        yield Scroll(first, last + 1, shift)
