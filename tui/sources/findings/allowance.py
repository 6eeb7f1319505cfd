"""The request rate of the facts: at most MAX_REQUESTS in any minute, the most important first."""

import asyncio
import itertools
from collections import Counter, deque
from enum import IntEnum
from typing import Final

from tui.sources.clock import Clock, Timer

MAX_REQUESTS: Final = 20
USUAL_REQUESTS: Final = 14
"""So many in a minute, and one more for each that failed: it is sent again soon."""
PERIOD_S: Final = 60.5
"""A minute, and what a request may take longer to the server than a later one: it must not see 21 in a minute."""


class Rank(IntEnum):
    """The order in which facts are read when the allowance is spent."""

    WAITS = 0
    QUEUES = 1
    SHOWN = 2
    """What the user asked for: another span of time."""
    SCHEDULE_RUNS = 3
    MINUTES = 4
    SCHEDULES = 5
    TOKENS = 6
    NORMALS = 7
    WAITING_RUNS = 8
    ERRORS = 9
    DEPLOYMENTS = 10
    LIMITS = 11
    LAST_DAY = 12


RESERVED: Final[dict[Rank, int]] = {Rank.WAITS: 4, Rank.QUEUES: 2, Rank.SCHEDULE_RUNS: 2}
"""Requests of each minute that are kept for what cannot wait.

In the first minute every fact is read, and many pages would leave nothing for these. The third read of the queues in a
minute gives way.
"""

CAPS: Final[dict[Rank, int]] = {Rank.SCHEDULE_RUNS: 3, Rank.SHOWN: 3, Rank.WAITING_RUNS: 1}
"""The most requests of a minute for what may want any number of them."""


class Allowance:
    """Admits requests. One instance serves a session, so that a new watcher cannot start a new minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: deque[tuple[float, Rank]] = deque()
        self._failed_s: deque[float] = deque(maxlen=MAX_REQUESTS - USUAL_REQUESTS)
        self._waiters: list[tuple[Rank, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._timer: Timer | None = None
        self._reserved = dict(RESERVED)

    async def acquire(self, rank: Rank) -> None:
        """Wait until a request may be sent, and count it."""
        admitted = asyncio.get_running_loop().create_future()
        waiter = (rank, next(self._numbers), admitted)
        self._waiters.append(waiter)
        self._admit()
        try:
            await admitted
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def record_failure(self) -> None:
        """Admit one request more within the next minute."""
        self._failed_s.append(self._clock.monotonic_s())
        self._admit()

    def release_reserve(self, rank: Rank) -> None:
        """Keep nothing any more for what was refused."""
        self._reserved.pop(rank, None)
        self._admit()

    def _may_send(self, rank: Rank) -> bool:
        counts = Counter(sent for _, sent in self._sent)
        kept = sum(max(0, count - counts[each]) for each, count in self._reserved.items() if each is not rank)
        most = USUAL_REQUESTS + len(self._failed_s)
        return len(self._sent) + kept < most and counts[rank] < CAPS.get(rank, MAX_REQUESTS)

    def _admit(self) -> None:
        """Admit what may be sent now, the most important first, and plan to do it again in time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._drop_old()
        now_s = self._clock.monotonic_s()
        for waiter in sorted(self._waiters):
            rank, _, admitted = waiter
            if self._may_send(rank):
                self._sent.append((now_s, rank))
                self._waiters.remove(waiter)
                if not admitted.done():
                    admitted.set_result(None)
        if self._waiters and self._sent:
            self._timer = self._clock.call_later(max(self._sent[0][0] + PERIOD_S - now_s, 0.001), self._admit)

    def _drop_old(self) -> None:
        since_s = self._clock.monotonic_s() - PERIOD_S
        while self._sent and self._sent[0][0] <= since_s:
            self._sent.popleft()
        while self._failed_s and self._failed_s[0] <= since_s:
            self._failed_s.popleft()
