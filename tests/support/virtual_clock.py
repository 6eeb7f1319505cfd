"""A clock that stands still until a test moves it.

Everything that waits on it waits in virtual time: an hour passes at once, whatever the speed of the machine.
"""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


@dataclass(order=True)
class _ScheduledCall:
    at_s: float
    number: int
    call: Callable[[], None] = field(compare=False)
    is_cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.is_cancelled = True


class VirtualClock:
    """A `Clock` for tests. `jump` moves only the wall time, `asleep_s` counts only in `elapsed_s`."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._elapsed_s = 0.0
        self.asleep_s = 0.0
        self._calls: list[_ScheduledCall] = []
        self._numbers = itertools.count()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic_s(self) -> float:
        return self._elapsed_s

    def elapsed_s(self) -> float:
        return self._elapsed_s + self.asleep_s

    def jump(self, by: timedelta) -> None:
        """Set the wall clock forward or back."""
        self._start += by

    def call_later(self, delay_s: float, call: Callable[[], None]) -> _ScheduledCall:
        plan = _ScheduledCall(self._elapsed_s + max(0.0, delay_s), next(self._numbers), call)
        heapq.heappush(self._calls, plan)
        return plan

    async def sleep(self, delay_s: float) -> None:
        woken = asyncio.Event()
        plan = self.call_later(delay_s, woken.set)
        try:
            await woken.wait()
        finally:
            plan.cancel()

    async def run(self, seconds: float, *, idle: Callable[[], Awaitable[None]] | None = None) -> None:
        """Let time pass and wake sleepers in order. `idle` waits until real work in flight is done."""
        until_s = self._elapsed_s + seconds
        while True:
            await self._run_ready_tasks(idle)
            while self._calls and self._calls[0].is_cancelled:
                heapq.heappop(self._calls)
            if not self._calls or self._calls[0].at_s > until_s:
                self._elapsed_s = until_s
                return
            plan = heapq.heappop(self._calls)
            self._elapsed_s = max(self._elapsed_s, plan.at_s)
            plan.call()

    async def _run_ready_tasks(self, idle: Callable[[], Awaitable[None]] | None) -> None:
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        for _ in range(3):
            for _ in range(10):
                await asyncio.sleep(0)
                if not ready:
                    break
            if idle is not None:
                await idle()
