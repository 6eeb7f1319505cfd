"""The server's time, as well as its `Date` headers tell, whatever happens to the clock of this machine.

What lives here: the difference between the two, and how old an answer is. It follows a clock that never jumps: that
somebody sets the machine's wall clock, or that the machine slept, changes nothing. Source: DESIGN §5.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tui.sources.clock import Clock

AGREE_WITHIN: Final = timedelta(seconds=2)
"""A `Date` has whole seconds and travels: only a greater difference is one."""

OLD_FROM: Final = timedelta(seconds=5)
"""An answer whose `Date` is so far behind is of before: a cache gave it, or another server whose clock is slow."""

BELIEVED_AFTER_S: Final = 5.0
"""A `Date` that is behind, and goes on like a clock for so long, is the server's new time: it was set back."""


@dataclass(frozen=True, slots=True)
class _Behind:
    """The first of some answers whose `Date` was behind, none that was not between them."""

    date: datetime
    elapsed_s: float


class ServerTime:
    """What the server's clock shows now. It begins as this machine's wall clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.now()
        self._began_s = clock.elapsed_s()
        self._ahead = timedelta()
        self._is_told = False
        self._behind: _Behind | None = None

    def now(self) -> datetime:
        """The server's time."""
        return self._began + timedelta(seconds=self._clock.elapsed_s() - self._began_s) + self._ahead

    def observe(self, date: datetime) -> timedelta:
        """Learn from the time of an answer; gives how old the answer is, zero for one that is of now.

        The first one is believed. Afterwards time goes forward at once, and back only when the server insists: a cache
        repeats a `Date`, a clock goes on.
        """
        ahead = date - self.now()
        if not self._is_told or ahead > -OLD_FROM:
            self._behind = None
            if ahead > AGREE_WITHIN or (ahead < -AGREE_WITHIN and not self._is_told):
                self._ahead += ahead
            self._is_told = True
            return timedelta()
        elapsed_s = self._clock.elapsed_s()
        if self._behind is None or not self._goes_on(self._behind, date, elapsed_s):
            self._behind = _Behind(date, elapsed_s)
        elif elapsed_s - self._behind.elapsed_s >= BELIEVED_AFTER_S:
            self._behind = None
            self._ahead += ahead
            return timedelta()
        return -ahead

    @staticmethod
    def _goes_on(behind: _Behind, date: datetime, elapsed_s: float) -> bool:
        passed = timedelta(seconds=elapsed_s - behind.elapsed_s)
        return abs((date - behind.date) - passed) <= AGREE_WITHIN
