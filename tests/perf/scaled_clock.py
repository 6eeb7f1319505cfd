"""A clock that runs so many times as fast as the machine's: hours of a program's time in minutes, nothing skipped.

What lives here: `ScaledClock`, for a session beside an emulator with the same `--time-scale`, and the timeouts that go
with it. What waits on it really waits, on the real event loop, while real bytes travel: only they do not get faster.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import astuple
from datetime import UTC, datetime, timedelta

from tui.sources.clock import Timer
from tui.wire.connection import Timeouts


class ScaledClock:
    """A `Clock` that shows `start` when it is made (None: the time of now), and then runs `scale` times as fast."""

    def __init__(self, scale: float, start: datetime | None = None) -> None:
        self.scale = scale
        self.start = datetime.now(UTC) if start is None else start
        self._began_s = time.monotonic()

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.monotonic_s())

    def monotonic_s(self) -> float:
        return (time.monotonic() - self._began_s) * self.scale

    def elapsed_s(self) -> float:
        return self.monotonic_s()

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(delay_s / self.scale, call)

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s / self.scale)

    def epoch_ms(self) -> int:
        """The same time as the emulator wants it."""
        return int(self.now().timestamp() * 1000)

    def scaled(self, timeouts: Timeouts) -> Timeouts:
        """What a client, who waits in the machine's time, has to be given."""
        return Timeouts(*(seconds / self.scale for seconds in astuple(timeouts)))
