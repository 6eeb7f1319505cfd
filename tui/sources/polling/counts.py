"""The server's own counts of runs by status, where the key may query.

What lives here: how often they are asked for, and what becomes of a query that hangs or fails. Source: wire/README.md
§3, recordings 831, 841.
"""

import asyncio
import math
from collections import Counter
from datetime import timedelta

from tui.domain.environment import Capability
from tui.domain.filters import MAX_QUERY_PERIOD, query_period
from tui.domain.status import RunStatus, parse_status
from tui.domain.update import CountsRead
from tui.sources.base import Emit
from tui.sources.budget import Priority
from tui.sources.clock import Clock
from tui.sources.run_fetcher import RunFetcher

COUNTS_EVERY_S = 10.0
COUNTS_SLOWEST_S = 300.0
COUNTS_WITHIN_S = 5.0
"""Counts are an extra: a query that hangs must not keep the list waiting, and is then asked less often."""

HOUR = timedelta(hours=1)

OLDER_EVERY_S = 60.0
"""Live runs from before the period are counted so often, where filters keep them from the list."""

MAX_COUNT = 10**9
"""Of one status: no environment has more runs in 30 days. An answer beyond this is no count."""

_TRQL = "SELECT status, count() AS n FROM runs GROUP BY status ORDER BY n DESC"
_OLDER = (
    "SELECT status, count() AS n FROM runs "
    "WHERE is_finished = 0 AND triggered_at < now() - INTERVAL {hours} HOUR GROUP BY status"
)


class CountPoller:
    """Asks for the counts when it is time to."""

    def __init__(self, fetcher: RunFetcher, clock: Clock, period: timedelta, *, is_filtered: bool) -> None:
        """Runs created within `period` are counted: whole hours, as far back as a query reaches.

        Older live runs, which the list knows better, are counted too where filters keep the list from most runs.
        """
        self._fetcher = fetcher
        self._period_h = max(1, math.ceil(min(period, MAX_QUERY_PERIOD) / HOUR))
        self._clock = clock
        self._wait_s = COUNTS_EVERY_S
        self._counted_s = clock.monotonic_s() - COUNTS_EVERY_S
        self._is_filtered = is_filtered
        self._older: Counter[RunStatus] = Counter()
        self._older_s = -math.inf

    async def count(self, emit: Emit) -> CountsRead | None:
        """Emit the counts if they are due, and give them."""
        now_s = self._clock.monotonic_s()
        if now_s - self._counted_s < self._wait_s or not self._fetcher.is_allowed(Capability.QUERY):
            return None
        self._counted_s = now_s
        counts = await self._ask(_TRQL, self._period_h * HOUR)
        if counts is None:
            self._wait_s = min(COUNTS_SLOWEST_S, 2 * self._wait_s)
            return None
        self._wait_s = COUNTS_EVERY_S
        at = self._fetcher.now()
        if self._is_filtered and now_s - self._older_s >= OLDER_EVERY_S:
            self._older_s = now_s
            older = await self._ask(_OLDER.format(hours=self._period_h), MAX_QUERY_PERIOD)
            self._older = self._older if older is None else older
        told = CountsRead(dict(counts + self._older), at, self._period_h)
        await emit(told)
        return told

    async def _ask(self, trql: str, period: timedelta) -> Counter[RunStatus] | None:
        """The counts that a query gives; None where it hangs or fails, or where one of its rows holds no count."""
        try:
            async with asyncio.timeout(COUNTS_WITHIN_S):
                rows = await self._fetcher.query(trql, query_period(period), Priority.LIST)
        except TimeoutError:
            return None
        if rows is None:
            return None
        counts: Counter[RunStatus] = Counter()
        for row in rows:
            word, count = row.get("status"), row.get("n")
            if not isinstance(word, str) or type(count) is not int or not 0 <= count <= MAX_COUNT:
                return None
            counts[parse_status(word).canonical] += count
        return counts
