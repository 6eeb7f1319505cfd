"""`ComparedFact`: one fact of every attempt, and which attempts differ from most of them."""

from collections import Counter
from collections.abc import Hashable, Sequence
from datetime import timedelta
from enum import Enum
from typing import Final, NamedTuple

from tui.lazy_dataclass import dataclass
from tui.present.styled import Line

ALIKE_FACTOR: Final = 1.5
ALIKE_WITHIN: Final = timedelta(milliseconds=250)
"""Durations differ by nature. They count as equal within this factor, or within this time."""


class Unknown(Enum):
    """The type of `UNKNOWN`. None cannot stand for it: an attempt without an error has the value None."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


class ComparedCell(NamedTuple):
    """The fact of one attempt: how it is shown, its exact value, and the value that decides whether it differs."""

    line: Line
    exact: Hashable = UNKNOWN
    compared: Hashable = UNKNOWN


@dataclass(frozen=True, slots=True)
class ComparedFact:
    """One fact of all attempts, in their order. `is_wide`: its values may take several rows."""

    label: str
    cells: tuple[ComparedCell, ...]
    is_wide: bool = False

    @property
    def is_same(self) -> bool:
        """Whether every attempt has exactly the same value."""
        exact = {cell.exact for cell in self.cells}
        return len(exact) == 1 and UNKNOWN not in exact

    @property
    def marks(self) -> tuple[bool, ...]:
        """Which attempts are not as most of them. An unknown value is never marked."""
        usual = most_common([cell.compared for cell in self.cells])
        return tuple(cell.compared is not UNKNOWN and cell.compared != usual for cell in self.cells)


def most_common(values: Sequence[Hashable]) -> Hashable:
    """Return the value of most attempts; of several the earliest, `UNKNOWN` if none is known."""
    counts = Counter(value for value in values if value is not UNKNOWN)
    return max(counts, key=lambda value: counts[value], default=UNKNOWN)


def alike(durations: Sequence[timedelta | None]) -> list[Hashable]:
    """Return a value for each duration, equal for those that are about as long as more than half of them.

    Durations differ by nature: where there is no such half, all are `UNKNOWN`, so that none is marked.
    """
    known = sorted(duration for duration in durations if duration is not None)
    usual = known[(len(known) - 1) // 2] if known else timedelta()
    if 2 * sum(_is_alike(each, usual) for each in known) <= len(known):
        return [UNKNOWN] * len(durations)
    return [UNKNOWN if each is None else "usual" if _is_alike(each, usual) else each for each in durations]


def _is_alike(one: timedelta, other: timedelta) -> bool:
    least, most = sorted((one, other))
    return most - least <= ALIKE_WITHIN or most <= least * ALIKE_FACTOR
