"""Divides the cells of a list among chosen columns. The widths depend on the list's own width, never on its rows."""

from collections.abc import Sequence
from typing import Final, NamedTuple

GAP: Final = 2


class Wish(NamedTuple):
    """How many cells a column needs: `least`, or the column is left out. It gets up to `most` where there is room."""

    least: int
    most: int


def divided(wishes: Sequence[Wish], room: int) -> list[int | None]:
    """Return the width of each column within `room` cells, None for those that do not fit.

    The columns are placed in their order, and one that does not fit makes way for narrower ones behind it. The first
    one is always shown, cut if it must be. What is left is given to columns that can grow, in their order, and then to
    the last of those.
    """
    widths: list[int | None] = [None] * len(wishes)
    free = room
    for index, wish in enumerate(wishes):
        least = wish.least if index else max(1, min(wish.least, room))
        cost = least + (GAP if index else 0)
        if cost <= free or index == 0:
            widths[index] = least
            free -= cost
    growing = [index for index, wish in enumerate(wishes) if widths[index] is not None and wish.most > wish.least]
    for index in growing:
        more = min(max(free, 0), wishes[index].most - (widths[index] or 0))
        widths[index] = (widths[index] or 0) + more
        free -= more
    if growing and free > 0:
        widths[growing[-1]] = (widths[growing[-1]] or 0) + free
    return widths
