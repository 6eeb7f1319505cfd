"""Time, handed in: the wall clock, the monotonic clock, sleeping and timers.

What lives here: the protocol and the system's clock. Tests bring one that stands still until it is moved.
"""

import asyncio
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class Timer(Protocol):
    """A call that was planned and can still be taken back."""

    def cancel(self) -> None:
        """Take it back; harmless when it already happened."""


class Clock(Protocol):
    """All the time that sources and the session ever ask for."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC. It may jump."""

    def monotonic_s(self) -> float:
        """Seconds since some moment; never goes back."""

    def elapsed_s(self) -> float:
        """Seconds since some moment, those included in which the machine was asleep; never goes back."""

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Plan a call on the running event loop."""

    async def sleep(self, delay_s: float) -> None:
        """Wait."""


_AWAKE_OR_NOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux stops its monotonic clock while it sleeps and has another that goes on; elsewhere the first one does."""


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def elapsed_s(self) -> float:
        """Seconds of a clock that goes on while the machine sleeps."""
        return time.clock_gettime(_AWAKE_OR_NOT)

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Plan a call on the running event loop."""
        return asyncio.get_running_loop().call_later(delay_s, call)

    async def sleep(self, delay_s: float) -> None:
        """Wait on the running event loop."""
        await asyncio.sleep(delay_s)


OnWake = Callable[[Callable[[float], None]], Callable[[], None]]
"""Have something called at every wake, with a moment of `elapsed_s`: who has heard something since then is well, and
need not be given up. The answer takes that back.
"""


class WakeableClock:
    """A clock whose sleepers can be woken: they go on as if their time had come. Its time is another clock's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asleep: set[asyncio.Event] = set()
        self._calls: dict[int, Callable[[float], None]] = {}
        self._call_number = 0
        self.now = clock.now
        self.monotonic_s = clock.monotonic_s
        self.elapsed_s = clock.elapsed_s
        self.call_later = clock.call_later

    def wake(self, *, well_since_s: float = math.inf) -> None:
        """End every sleep now, and tell who asked for it; see `OnWake`. Without a moment nobody is well."""
        for sleeper in self._asleep:
            sleeper.set()
        for call in tuple(self._calls.values()):
            call(well_since_s)

    def on_wake(self, call: Callable[[float], None]) -> Callable[[], None]:
        """Call it at every wake; see `OnWake`."""
        self._call_number += 1
        number = self._call_number
        self._calls[number] = call

        def forget() -> None:
            self._calls.pop(number, None)

        return forget

    async def sleep(self, delay_s: float) -> None:
        """Wait, or until woken."""
        if delay_s <= 0:
            await self._clock.sleep(0)
            return
        sleeper = asyncio.Event()
        timer = self._clock.call_later(delay_s, sleeper.set)
        self._asleep.add(sleeper)
        try:
            await sleeper.wait()
        finally:
            self._asleep.discard(sleeper)
            timer.cancel()
