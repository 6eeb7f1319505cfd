"""The server's own counts of runs by status, where the key may query.

What lives here: how often they are asked for, and what becomes of a query that hangs or fails. Source: wire/README.md
§3, recordings 831, 841.
"""

import asyncio
import math
from datetime import timedelta

from tui.domain.environment import Capability
from tui.domain.filters import LONGEST_QUERY_PERIOD, query_period
from tui.domain.status import RunStatus, read_status
from tui.domain.update import CountsRead
from tui.sources.base import Emit
from tui.sources.budget import Priority
from tui.sources.clock import Clock
from tui.sources.reads import Reads

COUNTS_EVERY_S = 10.0
COUNTS_SLOWEST_S = 300.0
COUNTS_WITHIN_S = 5.0
"""Counts are an extra: a query that hangs must not keep the list waiting, and is then asked less often."""

HOUR = timedelta(hours=1)

_TRQL = "SELECT status, count() AS n FROM runs GROUP BY status ORDER BY n DESC"


class Counting:
    """Asks for the counts when it is time to."""

    def __init__(self, reads: Reads, clock: Clock, period: timedelta) -> None:
        """Runs created within `period` are counted: whole hours, as far back as a query reaches."""
        self._reads = reads
        self._period_h = max(1, math.ceil(min(period, LONGEST_QUERY_PERIOD) / HOUR))
        self._clock = clock
        self._wait_s = COUNTS_EVERY_S
        self._counted_s = clock.monotonic_s() - COUNTS_EVERY_S

    async def count(self, emit: Emit) -> CountsRead | None:
        """Emit the counts if they are due, and give them."""
        now_s = self._clock.monotonic_s()
        if now_s - self._counted_s < self._wait_s or not self._reads.may(Capability.QUERY):
            return None
        self._counted_s = now_s
        rows = None
        try:
            async with asyncio.timeout(COUNTS_WITHIN_S):
                rows = await self._reads.query(_TRQL, query_period(self._period_h * HOUR), Priority.LIST)
        except TimeoutError:
            pass
        if rows is None:
            self._wait_s = min(COUNTS_SLOWEST_S, 2 * self._wait_s)
            return None
        self._wait_s = COUNTS_EVERY_S
        counts: dict[RunStatus, int] = {}
        for row in rows:
            word, count = row.get("status"), row.get("n")
            if isinstance(word, str) and isinstance(count, int):
                status = read_status(word).canonical
                counts[status] = counts.get(status, 0) + count
        told = CountsRead(counts, self._reads.now(), self._period_h)
        await emit(told)
        return told
