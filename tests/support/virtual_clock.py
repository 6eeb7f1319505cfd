"""A clock that a test advances, so that hours of waiting pass at once and never depend on the machine."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)


@dataclass(order=True)
class _Planned:
    at_s: float
    number: int
    call: Callable[[], None] = field(compare=False)
    is_cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.is_cancelled = True


class VirtualClock:
    """A `Clock` under the control of a test. `asleep_s` counts only in `elapsed_s`, as sleep of the machine does."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._elapsed_s = 0.0
        self.asleep_s = 0.0
        self._plans: list[_Planned] = []
        self._numbers = itertools.count()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic_s(self) -> float:
        return self._elapsed_s

    def elapsed_s(self) -> float:
        return self._elapsed_s + self.asleep_s

    def jump(self, by: timedelta) -> None:
        """Set the wall clock forward or back, without waking sleepers."""
        self._start += by

    def call_later(self, delay_s: float, call: Callable[[], None]) -> _Planned:
        plan = _Planned(self._elapsed_s + max(0.0, delay_s), next(self._numbers), call)
        heapq.heappush(self._plans, plan)
        return plan

    async def sleep(self, delay_s: float) -> None:
        woken = asyncio.Event()
        plan = self.call_later(delay_s, woken.set)
        try:
            await woken.wait()
        finally:
            plan.cancel()

    async def run(self, seconds: float, *, idle: Callable[[], Awaitable[None]] | None = None) -> None:
        """Advance the clock, and wake sleepers in order. `idle` waits until real work in flight is done."""
        until_s = self._elapsed_s + seconds
        while True:
            await self._run_ready_tasks(idle)
            while self._plans and self._plans[0].is_cancelled:
                heapq.heappop(self._plans)
            if not self._plans or self._plans[0].at_s > until_s:
                self._elapsed_s = until_s
                return
            plan = heapq.heappop(self._plans)
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
