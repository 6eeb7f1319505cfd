"""A clock that runs several times faster than the machine's, for hours of a session in minutes.

Waiting is real, on a real event loop and with real connections; only the transport of bytes does not become faster.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tui.sync.clock import Timer


class ScaledClock:
    """A `Clock` that starts at `start` (None: now) and runs `scale` times as fast as the machine's."""

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
