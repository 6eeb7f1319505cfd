"""Polls the server's own counts of runs by status, if the key may query.

Source: tests/wire/recordings/README.md §3, recordings 831 and 841.
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
from tui.wire.queries import NamedQuery
from tui.wire.queries.runs import OlderLiveCounts, RunCounts

COUNTS_EVERY_S = 10.0
MAX_COUNTS_INTERVAL_S = 300.0
"""Each failure doubles the interval, up to this."""

COUNTS_TIMEOUT_S = 5.0
"""The list waits for the counts, so a query must not hang for longer."""

HOUR = timedelta(hours=1)

OLDER_COUNTS_EVERY_S = 60.0
"""Between counts of the live runs that are older than the period."""

MAX_COUNT = 10**9
"""The largest count of one status. No environment has more runs in 30 days, so a larger number is an error."""


class CountPoller:
    """Emits the counts at an interval."""

    def __init__(self, fetcher: RunFetcher, clock: Clock, period: timedelta, *, is_filtered: bool) -> None:
        """Count the runs created within `period`, in whole hours and as far back as a query reaches.

        With filters (`is_filtered`), the list shows only some of the older live runs; then those are counted too.
        """
        self._fetcher = fetcher
        self._period_h = max(1, math.ceil(min(period, MAX_QUERY_PERIOD) / HOUR))
        self._clock = clock
        self._interval_s = COUNTS_EVERY_S
        self._polled_s = clock.monotonic_s() - COUNTS_EVERY_S
        self._is_filtered = is_filtered
        self._older: Counter[RunStatus] = Counter()
        self._older_polled_s = -math.inf

    async def poll(self, emit: Emit) -> CountsRead | None:
        """Emit the counts if they are due, and return them."""
        now_s = self._clock.monotonic_s()
        if now_s - self._polled_s < self._interval_s or not self._fetcher.is_allowed(Capability.QUERY):
            return None
        self._polled_s = now_s
        counts = await self._query(RunCounts(query_period(self._period_h * HOUR)))
        if counts is None:
            self._interval_s = min(MAX_COUNTS_INTERVAL_S, 2 * self._interval_s)
            return None
        self._interval_s = COUNTS_EVERY_S
        at = self._fetcher.now()
        if self._is_filtered and now_s - self._older_polled_s >= OLDER_COUNTS_EVERY_S:
            self._older_polled_s = now_s
            older = await self._query(OlderLiveCounts(self._period_h))
            self._older = self._older if older is None else older
        read = CountsRead(dict(counts + self._older), at, self._period_h)
        await emit(read)
        return read

    async def _query(self, query: NamedQuery) -> Counter[RunStatus] | None:
        """Return the counts of a query, None if it times out or fails, or if a row has no valid count."""
        try:
            async with asyncio.timeout(COUNTS_TIMEOUT_S):
                rows = await self._fetcher.query(query, Priority.LIST)
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
