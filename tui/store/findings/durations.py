"""`Durations`: how long runs took, counted in steps of 2.5 %, so that runs can be added and removed in any order."""

from collections import Counter
from datetime import timedelta
from math import exp, log
from typing import Final

GROWTH: Final = log(1.025)
"""Each step is 2.5 % longer than the one before: a percentile is exact to 1.3 %, and a task needs at most 900 steps."""

MIN_DURATION_S: Final = 0.001


class Durations:
    """The durations of a task's runs."""

    __slots__ = ("_p95", "_steps", "count")

    def __init__(self) -> None:
        self.count = 0
        self._steps: Counter[int] = Counter()
        self._p95: timedelta | None = None

    def add(self, seconds: float, sign: int = 1) -> None:
        """Add the duration of a run, or with the sign -1 remove it."""
        step = int(log(max(seconds, MIN_DURATION_S)) // GROWTH)
        self._steps[step] += sign
        if not self._steps[step]:
            del self._steps[step]
        self.count += sign
        self._p95 = None

    @property
    def p95(self) -> timedelta | None:
        """The 95th percentile, None without runs."""
        if self._p95 is None and self.count:
            above = self.count // 20
            for step in sorted(self._steps, reverse=True):
                above -= self._steps[step]
                if above < 0:
                    self._p95 = timedelta(seconds=exp((step + 0.5) * GROWTH))
                    break
        return self._p95
