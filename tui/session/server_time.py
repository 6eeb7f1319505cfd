"""Estimates the server's time from the `Date` headers of its responses, and how old a response is.

It builds on a clock that never jumps and counts while the machine sleeps, so setting the wall clock changes nothing.
"""

from datetime import datetime, timedelta
from typing import Final

from tui.lazy_dataclass import dataclass
from tui.sources.clock import Clock

TOLERANCE: Final = timedelta(seconds=2)
"""Smaller differences are ignored: a `Date` has whole seconds, and the response takes time to arrive."""

OLD_AFTER: Final = timedelta(seconds=5)
"""A response whose `Date` is this far behind is old: it comes from a cache, or from a server with a slow clock."""

ACCEPTED_AFTER_S: Final = 5.0
"""After `Date` headers were behind for this long, and advanced like a clock, the server's clock was set back."""


@dataclass(frozen=True, slots=True)
class _Behind:
    """The first of several old responses in a row."""

    date: datetime
    elapsed_s: float


class ServerTime:
    """The server's clock. Before the first response it is this machine's wall clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_at = clock.now()
        self._started_s = clock.elapsed_s()
        self._ahead = timedelta()
        self._is_synchronized = False
        self._behind: _Behind | None = None

    def now(self) -> datetime:
        """Return the server's time."""
        return self._started_at + timedelta(seconds=self._clock.elapsed_s() - self._started_s) + self._ahead

    def observe(self, date: datetime) -> timedelta:
        """Adjust the clock to a response's `Date`, and return the age of the response; zero if it is current.

        The first `Date` is accepted. Later ones move the clock forward at once, and back only after several that
        advance like a clock: a cache repeats the same `Date`.
        """
        ahead = date - self.now()
        if not self._is_synchronized or ahead > -OLD_AFTER:
            self._behind = None
            if ahead > TOLERANCE or (ahead < -TOLERANCE and not self._is_synchronized):
                self._ahead += ahead
            self._is_synchronized = True
            return timedelta()
        elapsed_s = self._clock.elapsed_s()
        if self._behind is None or not self._advances_like_a_clock(self._behind, date, elapsed_s):
            self._behind = _Behind(date, elapsed_s)
        elif elapsed_s - self._behind.elapsed_s >= ACCEPTED_AFTER_S:
            self._behind = None
            self._ahead += ahead
            return timedelta()
        return -ahead

    @staticmethod
    def _advances_like_a_clock(behind: _Behind, date: datetime, elapsed_s: float) -> bool:
        passed = timedelta(seconds=elapsed_s - behind.elapsed_s)
        return abs((date - behind.date) - passed) <= TOLERANCE
