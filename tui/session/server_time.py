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

MAX_LATE: Final = timedelta(seconds=10)
"""A `Date` that is ahead by less moves the clock at once: the responses before it took so long to arrive."""

STEP_ANSWERS: Final = 10
STEP_AFTER_S: Final = 30.0
"""A larger step is believed after so many answers in a row, over so long a time. A feed in which nothing happens has
them within two minutes."""

AGREEING_ANSWERS: Final = 2
"""The first answer is believed at once, and another one instead while so few agree with it: the very first may come
from a cache, or from the one of several servers whose clock is wrong."""

MAX_FIRST: Final = 10
"""The first answers that are compared."""


@dataclass(slots=True)
class _Step:
    """Answers in a row that differ from the clock in the same way: they advance as a clock does."""

    offset: timedelta
    since_s: float
    last_date: datetime
    count: int = 1


class ServerTime:
    """The server's clock. Before the first response it is this machine's wall clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started_at = clock.now()
        self._started_s = clock.elapsed_s()
        self._ahead = timedelta()
        self._first: dict[datetime, timedelta] = {}
        """How far each of the first answers was ahead of the wall clock at the start, by its `Date`."""
        self._step: _Step | None = None

    def now(self) -> datetime:
        """Return the server's time."""
        return self._started_at + timedelta(seconds=self._clock.elapsed_s() - self._started_s) + self._ahead

    def observe(self, date: datetime) -> timedelta:
        """Adjust the clock to a response's `Date`, and return the age of the response; zero if it is current.

        A `Date` that is more than a few seconds off moves the clock only after STEP_ANSWERS and STEP_AFTER_S without
        an answer that agrees with the clock. A cache repeats one `Date`, so its answers are no step. While this
        machine's clock agrees with the time, a `Date` that is far ahead of both moves nothing: each run that executes
        would be stuck.
        """
        offset = self._ahead + (date - self.now())
        is_open = len(self._first) < MAX_FIRST and self._agreeing(self._ahead) < AGREEING_ANSWERS
        if date not in self._first and is_open:
            self._first[date] = offset
            # Of two answers that differ, this machine's clock knows the better one.
            is_better = self._agreeing(offset) + self._is_local(offset) > self._agreeing(self._ahead)
            if (is_better or len(self._first) == 1) and abs(offset - self._ahead) > TOLERANCE:
                self._move(offset)
        ahead = offset - self._ahead
        if -OLD_AFTER < ahead <= MAX_LATE:
            self._move(offset if ahead > TOLERANCE else self._ahead)
            return timedelta()
        is_contradicted = ahead > MAX_LATE and abs(self.now() - self._clock.now()) < OLD_AFTER
        if not is_contradicted and self._is_confirmed(date, offset):
            self._move(offset)
            return timedelta()
        return max(-ahead, timedelta())

    def _move(self, ahead: timedelta) -> None:
        self._ahead, self._step = ahead, None

    def _agreeing(self, offset: timedelta) -> int:
        return sum(abs(each - offset) < OLD_AFTER for each in self._first.values())

    @staticmethod
    def _is_local(offset: timedelta) -> bool:
        return abs(offset) < OLD_AFTER

    def _is_confirmed(self, date: datetime, offset: timedelta) -> bool:
        """Record an answer that differs from the clock. Return whether that many do, for long enough."""
        step, elapsed_s = self._step, self._clock.elapsed_s()
        if step is None or abs(offset - step.offset) > TOLERANCE:
            self._step = _Step(offset, elapsed_s, date)
            return False
        # One response may be observed several times.
        step.count += date != step.last_date
        step.last_date = date
        return step.count >= STEP_ANSWERS and elapsed_s - step.since_s >= STEP_AFTER_S
