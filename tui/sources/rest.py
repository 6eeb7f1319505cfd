"""Polling: every run of an environment by list pages alone, within the request budget.

What lives here: the order of requests in a cycle, and how long to wait until the next. Which runs changed is found
with `scan` and `leavers`; single runs are `reads`'s. The list is ordered by creation, so a change of an older run
never reaches page one: page one finds new runs, scans by status find those that live, windows those that ended.
Source: DESIGN §4, §5; wire/README.md §3; issue "Core" §5.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

from tui.domain.environment import Capability
from tui.domain.filters import RunFilters
from tui.domain.ids import Cursor, RunId
from tui.domain.status import LIVE, RunStatus, read_status
from tui.domain.update import BudgetRead, CountsRead, HistoryRead, SourceConnected
from tui.sources.base import Emit, as_source_error
from tui.sources.budget import REACH, Priority
from tui.sources.clock import Clock
from tui.sources.edge import Edge
from tui.sources.leavers import Leavers
from tui.sources.lister import Lister
from tui.sources.reads import Reads
from tui.sources.scan import PAGE_SIZE, QUEUED, QUEUED_STATUSES, RUNNING, RUNNING_STATUSES, Scan
from tui.store.store import Store
from tui.wire.errors import ApiError
from tui.wire.runs import Page

CATCH_UP_PAGES = 50
"""Of one catch-up: as many runs as the history has by default. What is older, the history reads."""

SMALLEST_PAGE = 20
"""Of page one in a quiet fleet: enough that a run which shows up late (0.3-1.0 s recorded) is still among them."""

SCAN_REQUESTS = 3
"""Of every cycle at least: what runs, ended and waits must not starve behind what is created."""

MOST_LEAVER_REQUESTS = 16
"""Of a cycle: it may take four seconds then, and page one must not wait longer."""

COUNTS_EVERY_S = 10.0
COUNTS_SLOWEST_S = 300.0
COUNTS_WITHIN_S = 5.0
"""Counts are an extra: a query that hangs must not keep the list waiting, and is then asked less often."""

COUNTS_PERIOD_H = 24
ENVIRONMENT_EVERY_S = 30.0
"""Between tries to learn where we are, while the server has trouble telling."""

QUIET_AFTER_S = 30.0
SLOWEST = 2.5
"""Without any change for half a minute the interval grows, to at most this many times itself."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How much of the past is read at the start."""

    age: timedelta
    run_count: int


class RestSource:
    """Polls the runs list. Keeps its place between runs, so that a reconnect goes on where it was."""

    name = "rest"

    def __init__(
        self, reads: Reads, store: Store, clock: Clock, *, interval_s: float, reach: Reach, filters: RunFilters
    ) -> None:
        self._reads = reads
        self._store = store
        self._clock = clock
        self._interval_s = interval_s
        self._reach = reach
        self._filters = filters
        self._lister = Lister(reads, store, clock)
        self._leavers = Leavers(self._lister, filters)
        self._was_connected = False
        self._edge = Edge()
        self._page_size = PAGE_SIZE
        self._history_cursor: Cursor | None = None
        self._history_count: int | None = None
        self._history_done = False
        self._running: Scan | None = None
        self._queued: Scan | None = None
        self._counts_wait_s = COUNTS_EVERY_S
        self._counted_s = clock.monotonic_s() - COUNTS_EVERY_S
        self._placed_s = 0.0
        self._paid = 0

    async def run(self, emit: Emit) -> None:
        """Emit what the list tells until cancelled. Raises `Transient` or `Fatal`."""
        self._running = self._queued = None
        self._placed_s = self._clock.monotonic_s() - ENVIRONMENT_EVERY_S
        is_placed = False
        try:
            while True:
                began_s = self._clock.monotonic_s()
                self._lister.spent = 0
                if not is_placed and began_s - self._placed_s >= ENVIRONMENT_EVERY_S:
                    self._placed_s = began_s
                    is_placed = await self._reads.environment(Priority.LIST)
                await self._cycle(emit)
                self._paid = self._lister.spent
                self._was_connected = True
                await emit(SourceConnected(self.name, self._lister.read_at, self._wait_s()))
                await self._count(emit)
                if not self._history_done:
                    await self._read_history(emit, began_s + self._wait_s())
                await self._clock.sleep(max(0.0, began_s + self._wait_s() - self._clock.monotonic_s()))
        except ApiError as error:
            raise as_source_error(error, was_connected=self._was_connected) from error

    async def _cycle(self, emit: Emit) -> None:
        """One round: new runs, then those that run, then those that ended, then a stretch of the queue."""
        await self._read_new(emit)
        room = max(SCAN_REQUESTS, int(self._per_second() * self._interval_s) - self._lister.spent)
        until = self._lister.spent + room
        if len(self._store.live()) <= PAGE_SIZE:
            self._queued = None
            self._running = await self._step(emit, self._running, RUNNING + QUEUED, LIVE, 1)
            await self._leavers.read(emit, until - self._lister.spent)
        else:
            self._running = await self._step(emit, self._running, RUNNING, RUNNING_STATUSES, max(1, room // 2))
            # A torrent of ends makes the cycle longer rather than wait: read late, each of them costs no more.
            backlog = min(MOST_LEAVER_REQUESTS, self._leavers.pages)
            await self._leavers.read(emit, max(1, until - self._lister.spent - 1, backlog))
            self._queued = await self._step(
                emit, self._queued, QUEUED, QUEUED_STATUSES, max(1, until - self._lister.spent)
            )
        if (rate := self._reads.budget.latest) is not None:
            await emit(BudgetRead(rate.limit, rate.remaining, self._reads.now() + rate.resets_in))

    def _per_second(self) -> float:
        """Requests that the list may send a second, on the average."""
        refill = self._reads.budget.refill
        return refill.share * REACH[Priority.LIST] / refill.period_s

    async def _read_new(self, emit: Emit) -> None:
        """Page one, and on until a page shows nothing that page one did not reach before (or a bound)."""
        cursor: Cursor | None = None
        arrived = 0
        for number in range(CATCH_UP_PAGES):
            size = PAGE_SIZE if number else self._page_size
            page = await self._lister.page(emit, self._filters, after=cursor, size=size)
            news = self._edge.take(page)
            arrived += news
            if self._history_count is None:
                await self._begin_history(emit, page)
                break
            if page.next is None or page.next == cursor or (page.patches and not news):
                break
            cursor = page.next
        else:
            # More than a catch-up may take: the history reads on from here, through what is known already.
            self._history_cursor, self._history_done, self._history_count = cursor, False, 0
        self._edge.advance()
        self._page_size = min(PAGE_SIZE, max(SMALLEST_PAGE, 2 * arrived))

    async def _step(
        self, emit: Emit, scan: Scan | None, words: tuple[str, ...], statuses: frozenset[RunStatus], pages: int
    ) -> Scan | None:
        """Go on with a scan for some pages, or begin one; a finished one hands over who left."""
        if scan is None or scan.words != words:
            expected = frozenset(run_id for status in statuses for run_id in self._store.with_status(status))
            if self._filters.statuses and not expected and not set(words).intersection(self._filters.statuses):
                return None
            scan = Scan(words, expected)
        # Whatever statuses the user asked for: a run that he was shown must not keep a status that it left.
        filters = replace(self._filters, statuses=words)
        for _ in range(pages):
            page = await self._lister.page(emit, filters, after=scan.cursor)
            scan.take((patch.id for patch in page.patches), page.next)
            if scan.is_done:
                self._leavers.add(run_id for run_id in scan.left if self._is_still(run_id, statuses))
                return None
        return scan

    def _is_still(self, run_id: RunId, statuses: frozenset[RunStatus]) -> bool:
        """Whether nothing else explained meanwhile why a scan did not meet the run."""
        run = self._store.get(run_id)
        return run is not None and run.status in statuses

    async def _begin_history(self, emit: Emit, page: Page) -> None:
        self._history_count = len(page.patches)
        self._history_cursor = page.next
        await self._note_history(emit, page, is_end=page.next is None)

    async def _read_history(self, emit: Emit, until_s: float) -> None:
        """An older page, and more while this cycle has time and the budget room that nobody else needs."""
        await self._read_older(emit, Priority.LIST)
        self._paid = self._lister.spent
        while (
            not self._history_done
            and self._clock.monotonic_s() < until_s
            and self._reads.budget.room(Priority.HISTORY) > 0
        ):
            await self._read_older(emit, Priority.HISTORY)

    async def _read_older(self, emit: Emit, priority: Priority) -> None:
        cursor = self._history_cursor
        page = await self._lister.page(emit, self._filters, after=cursor, priority=priority)
        self._history_count = (self._history_count or 0) + len(page.patches)
        self._history_cursor = page.next
        await self._note_history(emit, page, is_end=page.next is None or page.next == cursor)

    async def _note_history(self, emit: Emit, page: Page, *, is_end: bool) -> None:
        created = [patch.fixed.created_at for patch in page.patches if patch.fixed and patch.fixed.created_at]
        oldest = self._reads.now() - self._reach.age
        count = self._history_count or 0
        reached = min(created, default=None)
        is_old = reached is not None and reached < oldest
        self._history_done = is_end or is_old or count >= self._reach.run_count
        if reached is None:
            told = self._store.history
            reached = told.reached if told is not None else self._reads.now()
        await emit(HistoryRead(reached, count, self._history_done))

    async def _count(self, emit: Emit) -> None:
        """The server's own counts, where the key may query (recordings 831, 841)."""
        now_s = self._clock.monotonic_s()
        if now_s - self._counted_s < self._counts_wait_s or not self._reads.may(Capability.QUERY):
            return
        self._counted_s = now_s
        trql = "SELECT status, count() AS n FROM runs GROUP BY status ORDER BY n DESC"
        rows = None
        try:
            async with asyncio.timeout(COUNTS_WITHIN_S):
                rows = await self._reads.query(trql, f"{COUNTS_PERIOD_H // 24}d", Priority.LIST)
        except TimeoutError:
            pass
        if rows is None:
            self._counts_wait_s = min(COUNTS_SLOWEST_S, 2 * self._counts_wait_s)
            return
        self._counts_wait_s = COUNTS_EVERY_S
        counts: dict[RunStatus, int] = {}
        for row in rows:
            word, count = row.get("status"), row.get("n")
            if isinstance(word, str) and isinstance(count, int):
                status = read_status(word).canonical
                counts[status] = counts.get(status, 0) + count
        await emit(CountsRead(counts, self._reads.now(), COUNTS_PERIOD_H))

    def _wait_s(self) -> float:
        """The interval: as set while things change; longer when nothing did for a while, when the budget is short,
        or when this cycle took more requests than its time may cost.
        """
        quiet_s = self._clock.monotonic_s() - self._lister.changed_s
        factor = min(SLOWEST, max(1.0, quiet_s / QUIET_AFTER_S))
        rate = self._reads.budget.latest
        if rate is not None and rate.remaining < rate.limit / 4:
            factor = max(factor, 2.0)
        return max(self._interval_s * factor, self._paid / self._per_second())
