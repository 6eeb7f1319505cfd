"""The clock that sources and the session use: wall time, monotonic time, sleeping and timers.

It is passed in, so that tests can use a virtual clock.
"""

import asyncio
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

MIN_SECOND_S: Final = 0.5
"""Nothing that happens each second happens twice within this time."""


class Timer(Protocol):
    """A scheduled call."""

    def cancel(self) -> None:
        """Cancel the call. Does nothing after the call."""


class Clock(Protocol):
    """The only access of sources and the session to time."""

    def now(self) -> datetime:
        """Return the wall time in UTC, with its time zone. It may jump."""

    def monotonic_s(self) -> float:
        """Return the seconds since some moment. Never goes back, and may stop while the machine sleeps."""

    def elapsed_s(self) -> float:
        """Return the seconds since some moment, sleep of the machine included. Never goes back."""

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Schedule a call on the running event loop."""

    async def sleep(self, delay_s: float) -> None:
        """Wait for `delay_s` seconds."""


_ELAPSED_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux, the monotonic clock stops while the machine sleeps and the boot-time clock continues. On other systems, the
monotonic clock continues.
"""


class SystemClock:
    """The clocks of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()

    def elapsed_s(self) -> float:
        return time.clock_gettime(_ELAPSED_CLOCK)

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(delay_s, call)

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)


def until_second_s(clock: Clock) -> float:
    """Return the time until the next whole second of the clock, or the one after it if that is near.

    Whatever happens each second sleeps by this: the machine then wakes once for all of it, and not for each.
    """
    left_s = 1.0 - clock.monotonic_s() % 1.0
    return left_s if left_s > MIN_SECOND_S else left_s + 1.0


OnWake = Callable[[Callable[[float], None]], Callable[[], None]]
"""Register a wake-up callback, and return a function that unregisters it.

The callback receives a moment of `elapsed_s`. Connections that got data after it are healthy.
"""


class WakeableClock:
    """A clock whose sleeps can be ended early. Its time is that of another clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sleepers: set[asyncio.Event] = set()
        self._calls: dict[int, Callable[[float], None]] = {}
        self._call_number = 0
        self.now = clock.now
        self.monotonic_s = clock.monotonic_s
        self.elapsed_s = clock.elapsed_s
        self.call_later = clock.call_later

    def wake(self, *, healthy_since_s: float = math.inf) -> None:
        """End every sleep, and call the wake-up callbacks. By default, no connection counts as healthy."""
        for sleeper in self._sleepers:
            sleeper.set()
        for call in tuple(self._calls.values()):
            call(healthy_since_s)

    def on_wake(self, call: Callable[[float], None]) -> Callable[[], None]:
        """Register a wake-up callback (see `OnWake`)."""
        self._call_number += 1
        number = self._call_number
        self._calls[number] = call

        def unregister() -> None:
            self._calls.pop(number, None)

        return unregister

    async def sleep(self, delay_s: float) -> None:
        """Wait for `delay_s` seconds or until the next wake-up."""
        if delay_s <= 0:
            await self._clock.sleep(0)
            return
        sleeper = asyncio.Event()
        timer = self._clock.call_later(delay_s, sleeper.set)
        self._sleepers.add(sleeper)
        try:
            await sleeper.wait()
        finally:
            self._sleepers.discard(sleeper)
            timer.cancel()
