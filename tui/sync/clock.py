"""The clock that sources and the session use, and the server's time by the `Date` headers of its responses.

The clock is passed in, so that tests can use a virtual one. The server's time builds on a clock that never jumps and
counts while the machine sleeps, so setting the wall clock changes nothing.
"""

import asyncio
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from tui.lazy_dataclass import dataclass

_ELAPSED_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux, the monotonic clock stops while the machine sleeps and the boot-time clock continues. On other systems, the
monotonic clock continues.
"""

MIN_SECOND_S: Final = 0.5
"""Nothing that happens each second happens twice within this time."""


class Timer(Protocol):
    """A scheduled call."""

    def cancel(self) -> None:
        """Cancel the call. Does nothing after the call."""


class _NoTimer(Timer):
    def cancel(self) -> None: ...


NO_TIMER: Final = _NoTimer()
"""In place of a timer that was never set."""


class Clock(Protocol):
    """The only access of sources and the session to time. The methods read the clocks of the machine."""

    def now(self) -> datetime:
        """Return the wall time in UTC, with its time zone. It may jump."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return the seconds since some moment. Never goes back, and may stop while the machine sleeps."""
        return time.monotonic()

    def elapsed_s(self) -> float:
        """Return the seconds since some moment, sleep of the machine included. Never goes back."""
        return time.clock_gettime(_ELAPSED_CLOCK)

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Schedule a call on the running event loop."""
        return asyncio.get_running_loop().call_later(delay_s, call)

    async def sleep(self, delay_s: float) -> None:
        """Wait for `delay_s` seconds."""
        await asyncio.sleep(delay_s)


class SystemClock(Clock):
    """The clocks of the machine."""


Work = Callable[[Callable[[], bool]], bool]
"""Works until the function that it gets returns True. Returns whether all is done."""


def work_a_slice(clock: Clock, slice_s: float, work: Work) -> bool:
    """Work for a moment, so that no key waits. Return whether all is done."""
    until_s = clock.monotonic_s() + slice_s
    return work(lambda: clock.monotonic_s() >= until_s)


async def work_in_slices(clock: Clock, slice_s: float, work: Work) -> None:
    """Do all of a work, between the keys."""
    while not work_a_slice(clock, slice_s, work):  # noqa: ASYNC110  each pass does work
        await asyncio.sleep(0)


def until_second_s(clock: Clock) -> float:
    """Return the time until the next whole second of the clock, or the one after it if that is near.

    Whatever happens each second sleeps by this: the machine then wakes once for all of it, and not for each.
    """
    left_s = 1.0 - clock.monotonic_s() % 1.0
    return left_s if left_s > MIN_SECOND_S else left_s + 1.0


class WakeableClock:
    """A clock whose sleeps can be ended early. Its time is that of another clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sleepers: set[asyncio.Event] = set()
        self._calls: list[Callable[[float], None]] = []
        self.now = clock.now
        self.monotonic_s = clock.monotonic_s
        self.elapsed_s = clock.elapsed_s
        self.call_later = clock.call_later

    def wake(self, *, healthy_since_s: float = math.inf) -> None:
        """End every sleep, and call the wake-up callbacks. By default, no connection counts as healthy."""
        for sleeper in self._sleepers:
            sleeper.set()
        for call in tuple(self._calls):
            call(healthy_since_s)

    def on_wake(self, call: Callable[[float], None]) -> Callable[[], None]:
        """Register a wake-up callback, and return a function that unregisters it.

        The callback receives a moment of `elapsed_s`. Connections that got data after it are healthy.
        """
        self._calls.append(call)
        return lambda: self._calls.remove(call)

    async def sleep(self, delay_s: float) -> None:
        """Wait for `delay_s` seconds or until the next wake-up."""
        if delay_s <= 0:
            await self._clock.sleep(0)
            return
        sleeper = asyncio.Event()
        self._sleepers.add(sleeper)
        try:
            await wait_until_set(sleeper, self._clock, delay_s)
        finally:
            self._sleepers.discard(sleeper)


async def wait_until_set(event: asyncio.Event, clock: Clock, most_s: float) -> None:
    """Wait for an event, which is set after `most_s` at the latest."""
    timer = clock.call_later(most_s, event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()


TOLERANCE: Final = timedelta(seconds=2)
"""Smaller differences are ignored: a `Date` has whole seconds, and the response takes time to arrive."""


OLD_AFTER: Final = timedelta(seconds=5)
"""A response whose `Date` is this far behind is old: it comes from a cache, or from a server with a slow clock."""


MAX_LATE: Final = timedelta(seconds=10)
"""A `Date` that is ahead by less moves the clock at once: the responses before it took so long to arrive."""


STEP_ANSWERS: Final = 10


STEP_AFTER_S: Final = 30.0
"""A larger step is believed after this many answers in a row, over this time. A feed in which nothing happens has
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
            is_better = self._agreeing(offset) + (abs(offset) < OLD_AFTER) > self._agreeing(self._ahead)
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
