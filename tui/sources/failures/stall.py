"""Ends a read that makes no progress: a server that hangs or refuses for ever must not keep the user waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from tui.sources.budget import Budget
from tui.sources.clock import Clock, Timer
from tui.wire.errors import ApiError, RateLimited, Unreachable

MAX_SILENCE_S: Final = 30.0
"""Without progress for so long, the read ends: a request to a server that hangs takes 20 s."""

MAX_LIMITED_S: Final = 65.0
"""The same after a 429. The slowest rate limit refills within a minute."""


class Stall:
    """Watches one read, which reports its progress."""

    def __init__(self, clock: Clock, budget: Budget) -> None:
        self._clock = clock
        self._budget = budget
        self._progress_s = clock.monotonic_s()
        self._timer: Timer | None = None

    def on_progress(self) -> None:
        """Wait from now on."""
        self._progress_s = self._clock.monotonic_s()

    @asynccontextmanager
    async def ended(self) -> AsyncIterator[None]:
        """End the block if there is no progress for too long. Raises `Unreachable`, or `RateLimited` after a 429."""
        self.on_progress()
        try:
            async with asyncio.timeout(None) as timeout:
                self._look(timeout)
                yield
        except TimeoutError:
            raise self._reason() from None
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _look(self, timeout: asyncio.Timeout) -> None:
        """End the block if it is time. If not, look again when it can be."""
        left_s = self._progress_s + self._patience_s - self._clock.monotonic_s()
        if left_s <= 0:
            timeout.reschedule(asyncio.get_running_loop().time())
        else:
            self._timer = self._clock.call_later(left_s, lambda: self._look(timeout))

    @property
    def _patience_s(self) -> float:
        return MAX_LIMITED_S if self._budget.was_limited_since(self._progress_s) else MAX_SILENCE_S

    def _reason(self) -> ApiError:
        if self._budget.was_limited_since(self._progress_s):
            return RateLimited(f"the rate limit was reached for {MAX_LIMITED_S:.0f} s", timedelta())
        return Unreachable(f"the server did not answer for {MAX_SILENCE_S:.0f} s", may_have_arrived=False)
