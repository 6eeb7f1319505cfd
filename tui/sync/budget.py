"""What all sources share: how they fail, and when each request may be sent."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from datetime import timedelta
from random import Random
from typing import Any, Final, Protocol, TypeVar

from tui.api.errors import ApiError, RateLimited, TooManyQueries, Unreachable
from tui.domain.run import RateLimit
from tui.domain.update import Update
from tui.lazy_dataclass import dataclass
from tui.sync.clock import NO_TIMER, Clock, Timer
from tui.sync.reads import Priority

# The protocol of all sources, the ways to fail, and the waits between tries.


Emit = Callable[[Update], Awaitable[None]]
"""Send an update to the session. Awaiting it applies back-pressure."""


Spawn = Callable[[Coroutine[None, None, None], str], asyncio.Task[None]]
"""Start a task of the session."""


FIRST_WAIT_S = 1.0
"""After the first failure. A load balancer restarts within this time."""

MAX_ROUND_S = 10.0
"""From the start of one failed try to the next: the session notices within this time that a server is back."""

_MAX_DOUBLINGS = 10


class Transient(Exception):
    """A temporary failure. The session runs the source again, after `retry_after` at the earliest.

    `is_answered`: the server responded, with the HTTP `status`. Otherwise no server was reached.
    """

    def __init__(
        self, reason: str, retry_after: timedelta | None = None, *, is_answered: bool = True, status: int | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after or timedelta()
        self.is_answered = is_answered
        self.status = status


class Fatal(Exception):
    """A failure that only the user can fix, with another key, address or filter. `status` is the HTTP status."""

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Source(Protocol):
    """One way to get updates about runs."""

    @property
    def name(self) -> str:
        """The name of the source in messages and in the store."""

    async def run(self, emit: Emit) -> None:
        """Emit updates until canceled. `SourceConnected` goes through `emit`, which counts it; others may go through
        the fetcher.

        Raises `ApiError`, or `Transient` or `Fatal` where the source knows better; any other exception is a bug. After
        a temporary failure it may be run again, and then reads everything that may have changed since.
        """


def as_transient(error: ApiError, retry_after: timedelta = timedelta()) -> Transient:
    """Return the failure of a source that tries again, `retry_after` at the earliest."""
    later, is_answered = max(retry_after, error.resets_in), not isinstance(error, Unreachable)
    return Transient(str(error), later, is_answered=is_answered, status=error.status)


def wait_s(random: Random, failures: int, took_s: float) -> float:
    """Return the seconds to wait after `failures` failures in a row, of which the last took `took_s`.

    Waits double from `FIRST_WAIT_S` on. A try and the wait after it take at most `MAX_ROUND_S`, unless the try alone
    takes longer. Jitter over the upper half keeps many monitors from retrying at once.
    """
    doubled_s = FIRST_WAIT_S * 2.0 ** min(failures - 1, _MAX_DOUBLINGS)
    return random.uniform(0.5, 1.0) * min(doubled_s, max(FIRST_WAIT_S, MAX_ROUND_S - took_s))


# The server's rate limit headers say how many of the remaining requests may be sent before the next reset.
#
# Source: tests/wire/recordings/README.md §10.


KEPT_PART: Final = 0.5
"""The part of the requests remaining at a reset that is left to the user's running tasks."""

KEPT_BY_A_COMMAND: Final = 0.1
"""The part of the rate limit that a command leaves to them while the user waits for its result."""

MIN_RESET_S: Final = 0.5
"""A sooner reset, or one in the past, comes from a wrong clock and is ignored."""


MAX_IN_FLIGHT = 6
"""Requests in flight at once, without actions. A browser opens as many connections to one host."""

MAX_RESET_S: Final = 60.0
"""A command waits for no later reset. A self-hosted server may have a longer period than the cloud's 10 s."""


# The request budget: decides when each request may be sent, by priority, and shares identical requests in flight.
#
# The API's rate limit also applies to the user's running tasks, so the budget spends only a part of it. A request is
# any coroutine; this module knows no HTTP.
#
# Source: tests/wire/recordings/README.md §10.


T = TypeVar("T")


SHARES = {
    Priority.ACTION: 1.0,
    Priority.SELECTED: 1.0,
    Priority.VISIBLE: 0.9,
    Priority.LIST: 0.8,
    Priority.FACTS: 0.6,
    Priority.HISTORY: 0.4,
}
"""The part of the budget that each priority may spend. The rest is kept for more urgent requests."""

MAX_QUERIES_IN_FLIGHT = 2
"""TRQL queries in flight at once. A project may have three, for all its keys and programs (recording 2675)."""

QUERY_RETRIES_S = (0.25, 0.5, 1.0, 2.0)
"""The waits after a refusal because too many queries of the project run. Other programs wait too, so they vary."""

PACE_SHARE: Final = 0.3
"""The part of the budget that a search may spend while other requests need the budget too."""

MIN_REPORTED_WAIT_S = 1.0
"""Shorter waits are not reported to the user."""

MIN_TIMER_S = 0.001
"""The shortest timer, so that rounding does not make it fire too early."""

MAX_TRIES = 5
"""How often a request is sent after a 429 before it raises."""


MAX_BUDGET_SHARE: Final = 0.2
"""The share of the request budget that repeated reads of one thing may use."""

MAX_TIME_SHARE: Final = 0.05
"""The share of the time that they may work."""


@dataclass(frozen=True, slots=True)
class Refill:
    """The rate limit: the server adds `requests` requests every `period_s` seconds."""

    requests: int
    period_s: float

    @property
    def share(self) -> float:
        """The budget of a period: a fifth of the rate limit."""
        return self.requests / 5

    def interval_s(self, requests: int = 1, cost_s: float = 0.0) -> float:
        """Return the least time between two reads of one thing. Each takes `requests`, and `cost_s` of work."""
        return max(cost_s / MAX_TIME_SHARE, requests * self.period_s / (self.share * MAX_BUDGET_SHARE))


SECRET_KEY = Refill(250, 10.0)
PUBLIC_TOKEN = Refill(60, 60.0)


@dataclass(slots=True, eq=False)
class _Waiter:
    """A request that waits, is in flight, or is to be sent again."""

    priority: Priority
    is_query: bool
    admitted: asyncio.Future[None]


@dataclass(eq=False)
class Budget:
    """Admits requests by priority. In any period it spends at most a fifth of the rate limit, wherever the period
    starts.

    It also stops when half of the requests that remained after the last reset are used up, by anyone: the user's own
    tasks need the rest. `on_wait(seconds)` is called when a request of the user has to wait. `max_queries` may run at
    once.
    """

    clock: Clock
    refill: Refill
    on_wait: Callable[[float], None] = lambda _: None
    max_queries: int = MAX_QUERIES_IN_FLIGHT

    def __post_init__(self) -> None:
        self._waiters: list[_Waiter] = []
        self._queries_in_flight = 0
        self._random = Random()  # noqa: S311  spreads retries, guards nothing
        self._shared: dict[Hashable, tuple[asyncio.Future[Any], _Waiter]] = {}
        """The requests that later calls can share, waiting or in flight."""
        self.in_flight = 0
        self._spent_s: deque[float] = deque()
        self.latest: RateLimit | None = None
        """The rate limit that the server last reported."""
        self._floor: float | None = None
        """The number of remaining requests at which sending stops until the reset at `_resets_s`."""
        self._resets_s = 0.0
        self.follows_headers = False
        """Send as fast as the server's headers allow: for a command that reads much while the user waits.

        A server without such headers is sent a fifth of the usual rate limit, as always.
        """
        self._blocked_until_s = 0.0
        self._timer: Timer = NO_TIMER
        self._reported: asyncio.Future[None] | None = None

    def observe(self, rate: RateLimit) -> None:
        """Update the remaining requests from the headers of a response. The first one after a reset sets the floor.

        Source: tests/wire/recordings/README.md §10.
        """
        now_s = self.clock.monotonic_s()
        # Responses come out of order: only an increase beyond the requests in flight is a refill.
        is_refilled = self.latest is not None and rate.remaining > self.latest.remaining + MAX_IN_FLIGHT
        self.latest = rate
        if self._floor is None or is_refilled or now_s >= self._resets_s:
            resets_in_s, period_s = rate.resets_in.total_seconds(), self.refill.period_s
            if not MIN_RESET_S <= resets_in_s <= (MAX_RESET_S if self.follows_headers else period_s):
                resets_in_s = period_s
            self._floor = rate.limit * KEPT_BY_A_COMMAND if self.follows_headers else rate.remaining * KEPT_PART
            self._resets_s = now_s + resets_in_s
        self._admit()

    def was_limited_since(self, moment_s: float) -> bool:
        """Return whether a 429 held requests back after a moment of the clock."""
        return self._blocked_until_s > moment_s

    def room(self, priority: Priority) -> int:
        """Return how many more requests of a priority could be sent now."""
        self._drop_old()
        return max(0, int(self.refill.share * SHARES[priority]) - len(self._spent_s))

    async def wait_for_room(self, requests: int = 1) -> None:
        """Delay the next requests of a search or of another reader of history, unless most of the budget is free. So
        polling keeps its part.
        """
        if self.room(Priority.HISTORY) < requests:
            await self.clock.sleep(requests * self.refill.period_s / max(1.0, self.refill.share * PACE_SHARE))

    async def request(
        self,
        key: Hashable,
        priority: Priority,
        call: Callable[[], Awaitable[T]],
        *,
        max_wait_s: float | None = None,
        is_query: bool = False,
    ) -> T:
        """Send a request when it is its turn, and return the response.

        A call with the `key` of a request in flight shares that request, at the more urgent priority. After a 429,
        requests more urgent than LIST are sent again; LIST and less urgent ones raise, since their source reports it. A
        TRQL query (`is_query`) that is refused because others run is sent again soon. Raises what `call` raises, and
        `RateLimited` at once if the request would wait for more than `max_wait_s`.
        """
        while (shared_request := self._shared.get(key)) is not None:
            response, waiter = shared_request
            if priority < waiter.priority and not waiter.admitted.done():
                waiter.priority = priority
                self._admit()
            try:
                shared: T = await asyncio.shield(response)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if response.cancelled() and task is not None and not task.cancelling():
                    continue  # the caller that sent the request was canceled, and this one was not: send it again
                raise
            return shared
        loop = asyncio.get_running_loop()
        own: asyncio.Future[T] = loop.create_future()
        waiter = _Waiter(priority, is_query, loop.create_future())
        self._shared[key] = own, waiter
        try:
            value = await self._send(waiter, call, max_wait_s)
        except BaseException as error:
            if isinstance(error, Exception):
                own.set_exception(error)
                own.exception()  # marks it as retrieved: without it, asyncio warns if no other call shared it
            else:
                own.cancel()
            raise
        else:
            own.set_result(value)
            return value
        finally:
            del self._shared[key]

    async def _send(self, waiter: _Waiter, call: Callable[[], Awaitable[T]], max_wait_s: float | None) -> T:
        tries = 0
        while True:
            self._check_wait(waiter.priority, max_wait_s)
            await self._wait(waiter)
            tries, retry_s = tries + 1, 0.0
            try:
                return await call()
            except RateLimited as error:
                until_s = self.clock.monotonic_s() + max(0.1, error.resets_in.total_seconds())
                self._blocked_until_s = max(self._blocked_until_s, until_s)
                self._check_wait(waiter.priority, max_wait_s)
                if tries >= MAX_TRIES or waiter.priority >= Priority.LIST:
                    raise
            except TooManyQueries:
                if tries > len(QUERY_RETRIES_S):
                    raise
                retry_s = QUERY_RETRIES_S[tries - 1] * self._random.uniform(0.5, 1.0)
                if max_wait_s is not None and retry_s > max_wait_s:
                    raise
            finally:
                self._release(waiter)
            if retry_s:
                await self.clock.sleep(retry_s)

    def _check_wait(self, priority: Priority, max_wait_s: float | None) -> None:
        delay_s = self._delay_s(priority) or 0.0
        if max_wait_s is not None and delay_s > max_wait_s:
            raise RateLimited(f"the rate limit allows this request in {delay_s:.0f} s", timedelta(seconds=delay_s))

    async def _wait(self, waiter: _Waiter) -> None:
        """Wait until a request may be sent."""
        waiter.admitted = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._admit()
        try:
            await waiter.admitted
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                self._admit()
            else:
                self._release(waiter)
            raise

    def _release(self, waiter: _Waiter) -> None:
        """Free the place of a request that was admitted."""
        self.in_flight -= 1
        self._queries_in_flight -= waiter.is_query
        self._admit()

    def _next_waiter(self) -> _Waiter | None:
        """Return the most urgent request, and of those the one that waits longest."""
        may_query = self._queries_in_flight < self.max_queries
        waiting = (each for each in self._waiters if may_query or not each.is_query)
        return min(waiting, key=lambda each: each.priority, default=None)

    def _admit(self) -> None:
        """Admit all requests that may be sent now, and set a timer for the next one."""
        self._timer.cancel()
        while (waiter := self._next_waiter()) is not None:
            delay_s = self._delay_s(waiter.priority)
            if delay_s is None:
                return
            if delay_s > 0:
                self._report_wait(waiter, delay_s)
                self._timer = self.clock.call_later(delay_s, self._admit)
                return
            self._waiters.remove(waiter)
            self.in_flight += 1
            self._queries_in_flight += waiter.is_query
            self._spent_s.append(self.clock.monotonic_s())
            if not waiter.admitted.done():
                waiter.admitted.set_result(None)

    def _report_wait(self, waiter: _Waiter, delay_s: float) -> None:
        """Call `on_wait` once for a request of the user that has to wait."""
        is_long = waiter.priority <= Priority.SELECTED and delay_s >= MIN_REPORTED_WAIT_S
        if is_long and waiter.admitted is not self._reported:
            self._reported = waiter.admitted
            self.on_wait(delay_s)

    def _delay_s(self, priority: Priority) -> float | None:
        """Return the seconds until a request of this priority may be sent, None if it waits for a response."""
        now_s = self.clock.monotonic_s()
        if now_s < self._blocked_until_s:
            return self._blocked_until_s - now_s
        if priority is Priority.ACTION:
            return 0.0
        if self.in_flight >= MAX_IN_FLIGHT:
            return None
        self._drop_old()
        delay_s = 0.0
        limit = max(1, int(self.refill.share * SHARES[priority]))
        follows_headers = self.follows_headers and self.latest is not None
        if len(self._spent_s) >= limit and not follows_headers:
            oldest_s = self._spent_s[len(self._spent_s) - limit]
            delay_s = max(MIN_TIMER_S, oldest_s + self.refill.period_s - now_s)
        if self._floor is not None and self.latest is not None and now_s < self._resets_s:
            has_left = self.latest.remaining - self.in_flight >= self._floor + 1
            delay_s = delay_s if has_left else max(delay_s, self._resets_s - now_s)
        return delay_s

    def _drop_old(self) -> None:
        """Drop the requests that were sent more than a period ago."""
        since_s = self.clock.monotonic_s() - self.refill.period_s
        while self._spent_s and self._spent_s[0] <= since_s:
            self._spent_s.popleft()
