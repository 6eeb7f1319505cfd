"""Proves that a reader of outside text takes time in proportion to its length: 16 KiB against 2 KiB.

A busy machine does not fail it: CPU time counts, the best of several tries, and nothing that is too short to measure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import process_time
from typing import Any, Final

KIB: Final = 1024
LARGE: Final = 16 * KIB
TIMES: Final = 8
"""The larger text has so many times the length of the smaller one."""

SLACK: Final = 3.0
"""How much more than in proportion is measured by chance. What grows with the square takes 8 times more."""

MEASURABLE_S: Final = 0.015
_TRIES: Final = 8
_MAX_UNIT: Final = 80


@dataclass(frozen=True)
class Pattern:
    """A text of any length: a start, what is repeated, and an end. `#N#` in it is the number of the repetition."""

    start: str = ""
    unit: str = ""
    end: str = ""

    def __post_init__(self) -> None:
        assert 0 < len(self.unit) <= _MAX_UNIT, self

    def __str__(self) -> str:
        return f"{self.start[:60]!r} + {self.unit!r} … + {self.end[:60]!r}"

    def text(self, size: int) -> str:
        count = max(0, size - len(self.start) - len(self.end)) // len(self.unit)
        if "#N#" not in self.unit:
            return f"{self.start}{self.unit * count}{self.end}"
        return f"{self.start}{''.join(self.unit.replace('#N#', str(number)) for number in range(count))}{self.end}"


def excess(
    read: Callable[[str], Any], pattern: Pattern, max_s: float = float("inf"), *, large: int = LARGE
) -> str | None:
    """Return by how much a reader takes longer than in proportion, or than `max_s`; None if it does not."""
    small = large // TIMES
    small_s = _cpu_s(read, pattern, small, 0)
    # Steps on the way, so that a reader which is not linear fails before it takes minutes.
    for size in (large // 4, large // 2, large) if small_s > MEASURABLE_S else (large,):
        took_s = float("inf")
        for attempt in range(_TRIES):
            if attempt:
                small_s = min(small_s, _cpu_s(read, pattern, small, attempt)) or 1e-6
            took_s = min(took_s, _cpu_s(read, pattern, size, attempt))
            if took_s <= min(max_s, max(MEASURABLE_S, SLACK * small_s * size / small)):
                break
        else:
            return f"{pattern}: {size} take {took_s * 1000:.0f} ms, {small} {small_s * 1000:.2f} ms"
    return None


def _cpu_s(read: Callable[[str], Any], pattern: Pattern, size: int, attempt: int) -> float:
    text = pattern.text(size + attempt * _MAX_UNIT)  # another text each time, as readers remember some
    began_s = process_time()
    read(text)
    return process_time() - began_s
