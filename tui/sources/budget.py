"""The one owner of the request budget, which is shared with the running tasks themselves.

What lives here: who may ask the API next, how often, and that identical requests in flight are one. It knows
nothing of HTTP: requests are coroutines handed to it. Source: DESIGN §4; wire/README.md §10.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Any, TypeVar

from tui.domain.environment import RateLimit
from tui.sources.clock import Clock, Timer
from tui.wire.errors import RateLimited

T = TypeVar("T")


class Priority(IntEnum):
    """Who goes first. ACTION is the user's own deed: it waits for no share, only for a 429 to pass."""

    ACTION = 0
    SELECTED = 1
    VISIBLE = 2
    LIST = 3
    HISTORY = 4


SHARES = {
    Priority.ACTION: 1.0,
    Priority.SELECTED: 1.0,
    Priority.VISIBLE: 0.9,
    Priority.LIST: 0.8,
    Priority.HISTORY: 0.4,
}
"""How far into our share of a refill each priority may go: what is left is for those that somebody waits for."""

SHORTEST_RESET_S = 0.5
"""An announced refill that is nearer, or past, is the doing of a clock that is wrong: it is not believed."""

MAX_IN_FLIGHT = 6
"""Requests at once, actions excepted: as many as a browser would open to one host."""

TOLD_WAIT_S = 1.0
"""A shorter wait is over before anybody could read of it."""

LEAST_WAIT_S = 0.001
"""Of a timer: rounding must not make it fire before its time."""

MAX_TRIES = 5
"""How often one request waits out a 429 before its caller hears of it."""


@dataclass(frozen=True, slots=True)
class Refill:
    """How many requests come back every so many seconds."""

    requests: int
    period_s: float

    @property
    def share(self) -> float:
        """What we may spend in a period: a fifth."""
        return self.requests / 5


SECRET_KEY = Refill(250, 10.0)
PUBLIC_TOKEN = Refill(60, 60.0)


@dataclass(order=True, slots=True)
class _Waiter:
    priority: Priority
    number: int
    admitted: asyncio.Future[None] = field(compare=False)


class Budget:
    """Admits requests by priority, within a fifth of the refill and above half of what remained at its start.

    The fifth holds for every stretch of time as long as a refill's period, wherever it begins.
    """

    def __init__(self, clock: Clock, refill: Refill, *, on_wait: Callable[[float], None] = lambda _: None) -> None:
        """`on_wait(seconds)` is told when something that a person asked for has to wait."""
        self._clock = clock
        self.refill = refill
        self._on_wait = on_wait
        self._waiters: list[_Waiter] = []
        self._flights: dict[Hashable, tuple[asyncio.Future[Any], _Waiter | None]] = {}
        self._number = 0
        self.in_flight = 0
        self._spent_s: deque[float] = deque()
        self._floor: float | None = None
        self._floor_ends_s = 0.0
        self._blocked_until_s = 0.0
        self._timer: Timer | None = None
        self._told = 0
        self.latest: RateLimit | None = None

    def observe(self, rate: RateLimit) -> None:
        """Learn from an answer's headers what remains, and half of what remained at the last refill."""
        now_s = self._clock.monotonic_s()
        # Answers overtake each other: only more than those in flight could have taken is a refill.
        is_refilled = self.latest is not None and rate.remaining > self.latest.remaining + MAX_IN_FLIGHT
        self.latest = rate
        if self._floor is None or is_refilled or now_s >= self._floor_ends_s:
            resets_in_s = rate.resets_in.total_seconds()
            if not SHORTEST_RESET_S <= resets_in_s <= self.refill.period_s:
                resets_in_s = self.refill.period_s
            self._floor = rate.remaining / 2
            self._floor_ends_s = now_s + resets_in_s
        self._wake()

    def room(self, priority: Priority) -> int:
        """How many more requests of a priority could go now."""
        self._forget()
        return max(0, int(self.refill.share * SHARES[priority]) - len(self._spent_s))

    async def request(
        self,
        key: Hashable,
        priority: Priority,
        call: Callable[[], Awaitable[T]],
        *,
        max_wait_s: float | None = None,
    ) -> T:
        """Send a request when its turn has come, and give its answer.

        Two asks with an equal `key` while the first is not answered share one request; the more urgent of the two
        priorities counts. A 429 is waited out where somebody waits for the answer; who polls raises it, to say so
        instead of growing old in silence. Raises whatever `call` raises, and `RateLimited` at once where the request
        could go only after more than `max_wait_s`.
        """
        while (flight := self._flights.get(key)) is not None:
            answer, waiter = flight
            self._hurry(waiter, priority)
            try:
                shared: T = await asyncio.shield(answer)
            except asyncio.CancelledError:
                if answer.cancelled() and not _is_cancelling():
                    continue  # the asker that carried the request was cancelled, not we: ask ourselves
                raise
            return shared
        return await self._fly(key, priority, call, max_wait_s)

    async def _fly(
        self, key: Hashable, priority: Priority, call: Callable[[], Awaitable[T]], max_wait_s: float | None
    ) -> T:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._flights[key] = (answer, None)
        try:
            value = await self._try(key, answer, priority, call, max_wait_s)
        except BaseException as error:
            if isinstance(error, Exception):
                answer.set_exception(error)
                answer.exception()  # nobody may share it: that is no reason for a warning
            else:
                answer.cancel()
            raise
        else:
            answer.set_result(value)
            return value
        finally:
            del self._flights[key]

    async def _try(
        self,
        key: Hashable,
        answer: asyncio.Future[T],
        priority: Priority,
        call: Callable[[], Awaitable[T]],
        max_wait_s: float | None,
    ) -> T:
        tries = 0
        while True:
            self._check_wait(priority, max_wait_s)
            waiter = self._enqueue(priority)
            self._flights[key] = (answer, waiter)
            try:
                await waiter.admitted
            except asyncio.CancelledError:
                self._withdraw(waiter)
                raise
            priority = waiter.priority
            self._flights[key] = (answer, None)
            tries += 1
            try:
                return await call()
            except RateLimited as error:
                self._block(error.resets_in.total_seconds())
                self._check_wait(priority, max_wait_s)
                if tries >= MAX_TRIES or priority >= Priority.LIST:
                    raise
            finally:
                self.in_flight -= 1
                self._wake()

    def _check_wait(self, priority: Priority, max_wait_s: float | None) -> None:
        delay_s = None if max_wait_s is None else self._delay_s(priority)
        if delay_s is not None and max_wait_s is not None and delay_s > max_wait_s:
            raise RateLimited(f"the request budget is spent for {delay_s:.0f} s", timedelta(seconds=delay_s))

    def _enqueue(self, priority: Priority) -> _Waiter:
        self._number += 1
        waiter = _Waiter(priority, self._number, asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiters, waiter)
        self._wake()
        return waiter

    def _hurry(self, waiter: _Waiter | None, priority: Priority) -> None:
        if waiter is not None and priority < waiter.priority:
            waiter.priority = priority
            heapq.heapify(self._waiters)
            self._wake()

    def _withdraw(self, waiter: _Waiter) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
            heapq.heapify(self._waiters)
        else:
            self.in_flight -= 1
        self._wake()

    def _wake(self) -> None:
        """Admit as many as may go now, and plan to look again when time alone will change the answer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiters:
            waiter = self._waiters[0]
            delay_s = self._delay_s(waiter.priority)
            if delay_s is None:
                return
            if delay_s > 0:
                self._tell(waiter, delay_s)
                self._timer = self._clock.call_later(delay_s, self._wake)
                return
            heapq.heappop(self._waiters)
            self.in_flight += 1
            self._spent_s.append(self._clock.monotonic_s())
            if not waiter.admitted.done():
                waiter.admitted.set_result(None)

    def _tell(self, waiter: _Waiter, delay_s: float) -> None:
        """Say once that somebody who was asked for something has to wait."""
        if waiter.priority <= Priority.SELECTED and delay_s >= TOLD_WAIT_S and waiter.number != self._told:
            self._told = waiter.number
            self._on_wait(delay_s)

    def _delay_s(self, priority: Priority) -> float | None:
        """Seconds until a request of this priority may go; None: when another one is answered."""
        now_s = self._clock.monotonic_s()
        if now_s < self._blocked_until_s:
            return self._blocked_until_s - now_s
        if priority is Priority.ACTION:
            return 0.0
        if self.in_flight >= MAX_IN_FLIGHT:
            return None
        self._forget()
        delay_s = 0.0
        reach = max(1, int(self.refill.share * SHARES[priority]))
        if len(self._spent_s) >= reach:
            oldest_s = self._spent_s[len(self._spent_s) - reach]
            delay_s = max(LEAST_WAIT_S, oldest_s + self.refill.period_s - now_s)
        if (
            self._floor is not None
            and self.latest is not None
            and now_s < self._floor_ends_s
            and self.latest.remaining - self.in_flight < self._floor + 1
        ):
            delay_s = max(delay_s, self._floor_ends_s - now_s)
        return delay_s

    def _forget(self) -> None:
        """Drop what was spent longer ago than a period."""
        since_s = self._clock.monotonic_s() - self.refill.period_s
        while self._spent_s and self._spent_s[0] <= since_s:
            self._spent_s.popleft()

    def _block(self, resets_in_s: float) -> None:
        until_s = self._clock.monotonic_s() + max(0.1, resets_in_s)
        self._blocked_until_s = max(self._blocked_until_s, until_s)


def _is_cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
