"""Polling: every run of an environment by list pages alone, within the request budget.

What lives here: the order of requests in a cycle, and how long to wait until the next. Which runs changed is found
with `scan`; single runs are `reads`'s. The list is ordered by creation, so a change of an older run never reaches
page one: page one finds new runs, scans by status find those that live, windows those that ended.
Source: DESIGN §4, §5; wire/README.md §3; issue "Core" §5.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tui.domain.environment import Capability
from tui.domain.filters import RunFilters
from tui.domain.ids import Cursor, RunId
from tui.domain.status import LIVE, RunStatus, read_status
from tui.domain.update import BudgetRead, CountsRead, HistoryRead, RunsRead, SourceConnected
from tui.sources.base import Emit, as_source_error
from tui.sources.budget import REACH, Priority
from tui.sources.clock import Clock
from tui.sources.reads import Reads
from tui.sources.scan import PAGE_SIZE, QUEUED, QUEUED_STATUSES, RUNNING, RUNNING_STATUSES, Scan, Window, windows
from tui.store.store import Store
from tui.wire.errors import ApiError, NotFound
from tui.wire.runs import Page

LIST_DELAY = timedelta(seconds=2)
"""How late a new run may show up in the list, and so how far page one must reach back (0.3-1.0 s recorded)."""

CATCH_UP_PAGES = 50
"""Of one catch-up: as many runs as the history has by default. What is older, the history reads."""

COUNTS_EVERY_S = 10.0
COUNTS_PERIOD_H = 24
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
        self._newest: datetime | None = None
        self._page_size = PAGE_SIZE
        self._history_cursor: Cursor | None = None
        self._history_count = 0
        self._history_done = False
        self._running: Scan | None = None
        self._queued: Scan | None = None
        self._left: set[RunId] = set()
        self._allowance = 0.0
        self._counted_s = clock.monotonic_s() - COUNTS_EVERY_S
        self._changed_s = clock.monotonic_s()

    async def run(self, emit: Emit) -> None:
        """Emit what the list tells until cancelled. Raises `Transient` or `Fatal`."""
        try:
            await self._reads.environment(Priority.LIST)
            self._running = self._queued = None
            while True:
                began_s = self._clock.monotonic_s()
                await self._cycle(emit)
                if not self._history_done:
                    await self._read_history(emit, began_s + self._wait_s())
                await self._clock.sleep(max(0.0, began_s + self._wait_s() - self._clock.monotonic_s()))
        except ApiError as error:
            raise as_source_error(error) from error

    async def _cycle(self, emit: Emit) -> None:
        """One round: new runs, then those that run, then those that ended, then a stretch of the queue."""
        room = self._pace() - await self._read_new(emit)
        live = self._store.live()
        if len(live) <= PAGE_SIZE:
            self._running, spent = await self._step(emit, self._running, RUNNING + QUEUED, LIVE, min(2, room))
            self._queued = None
            room -= spent
            room -= await self._read_left(emit, room)
        else:
            self._running, spent = await self._step(emit, self._running, RUNNING, RUNNING_STATUSES, room // 2)
            room -= spent
            room -= await self._read_left(emit, room - 1)
            self._queued, spent = await self._step(emit, self._queued, QUEUED, QUEUED_STATUSES, room)
            room -= spent
        self._allowance = float(room)
        await self._count(emit)
        if (rate := self._reads.budget.latest) is not None:
            await emit(BudgetRead(rate.limit, rate.remaining, self._clock.now() + rate.resets_in))

    def _pace(self) -> int:
        """How many requests this cycle may send, so that all cycles of a refill together stay in the list's reach.

        What a cycle leaves over (a public token has less than two) is added to the next one's, up to a cycle's worth.
        """
        refill = self._reads.budget.refill
        per_cycle = refill.share * REACH[Priority.LIST] * self._interval_s / refill.period_s
        self._allowance = min(max(self._allowance, -per_cycle) + per_cycle, 1 + 2 * per_cycle)
        return int(self._allowance)

    async def _list(self, emit: Emit, filters: RunFilters, priority: Priority, size: int, after: Cursor | None) -> Page:
        api = self._reads.api
        page = await self._reads.budget.ask(
            ("list", filters, size, after), priority, lambda: api.list_runs(filters, after=after, size=size)
        )
        if any(self._is_news(patch.id, patch.state.updated_at) for patch in page.patches if patch.state):
            self._changed_s = self._clock.monotonic_s()
        await emit(RunsRead(page.patches))
        return page

    def _is_news(self, run_id: RunId, updated_at: datetime) -> bool:
        known = self._store.get(run_id)
        return known is None or known.state is None or known.state.updated_at < updated_at

    async def _read_new(self, emit: Emit) -> int:
        """Page one, and on until what was known before (or a bound); gives how many requests it took."""
        until = None if self._newest is None else self._newest - LIST_DELAY
        newest, cursor, arrived = self._newest, None, 0
        for number in range(1, CATCH_UP_PAGES + 1):
            size = self._page_size if number == 1 else PAGE_SIZE
            page = await self._list(emit, self._filters, Priority.LIST, size, cursor)
            if number == 1:
                await emit(SourceConnected(self.name, page.read_at, self._wait_s()))
            created = [patch.fixed.created_at for patch in page.patches if patch.fixed and patch.fixed.created_at]
            newest = max([*created, newest] if newest else created, default=None)
            arrived += sum(1 for at in created if until is None or at > until)
            if self._history_cursor is None and until is None:
                self._history_cursor, self._history_done = page.next, page.next is None
                self._history_count = len(page.patches)
                break
            if page.next is None or page.next == cursor or (until and created and min(created) <= until):
                break
            cursor = page.next
        else:
            # More than a catch-up may take: the history reads on from here, through what is known already.
            self._history_cursor, self._history_done, self._history_count = cursor, False, 0
        self._newest = newest
        self._page_size = min(PAGE_SIZE, max(20, 2 * arrived))
        return number

    async def _step(
        self, emit: Emit, scan: Scan | None, words: tuple[str, ...], statuses: frozenset[RunStatus], pages: int
    ) -> tuple[Scan | None, int]:
        """Go on with a scan for some pages, or begin one; a finished one hands over who left."""
        if self._filters.statuses:
            words = tuple(word for word in words if word in self._filters.statuses)
        if not words:
            return None, 0
        if scan is None or scan.words != words:
            expected = frozenset(run_id for status in statuses for run_id in self._store.with_status(status))
            scan = Scan(words, expected)
        spent = 0
        while spent < pages:
            filters = replace(self._filters, statuses=words)
            page = await self._list(emit, filters, Priority.LIST, PAGE_SIZE, scan.cursor)
            spent += 1
            scan.take((patch.id for patch in page.patches), page.next)
            if scan.is_done:
                self._left.update(run_id for run_id in scan.left if self._is_still(run_id, statuses))
                return None, spent
        return scan, spent

    def _is_still(self, run_id: RunId, statuses: frozenset[RunStatus]) -> bool:
        """Whether nothing else explained meanwhile why a scan did not meet the run."""
        run = self._store.get(run_id)
        return run is not None and run.status in statuses

    async def _read_left(self, emit: Emit, room: int) -> int:
        """Find out what became of runs that left the live set: windows of the list, then one by one."""
        runs = [run for run_id in self._left if (run := self._store.get(run_id)) is not None and not run.is_final]
        self._left = {run.id for run in runs}
        found, unplaced = windows(runs, self._store.created_rank)
        spent = 0
        for window in found:
            if spent >= max(1, room):
                return spent
            if len(window.run_ids) == 1:
                unplaced.append(window.run_ids[0])
                continue
            spent += await self._read_window(emit, window)
            unplaced.extend(self._left.intersection(window.run_ids))
        for run_id in unplaced[: max(0, room - spent)]:
            spent += 1
            self._left.discard(run_id)
            try:
                await self._reads.run(run_id, Priority.LIST)
            except NotFound:
                continue
        return spent

    async def _read_window(self, emit: Emit, window: Window) -> int:
        filters = RunFilters(created_from=window.created_from, created_to=window.created_to)
        cursor: Cursor | None = None
        for number in (1, 2, 3):
            page = await self._list(emit, filters, Priority.LIST, PAGE_SIZE, cursor)
            self._left.difference_update(patch.id for patch in page.patches)
            if page.next is None or page.next == cursor or self._left.isdisjoint(window.run_ids):
                return number
            cursor = page.next
        return 3

    async def _read_history(self, emit: Emit, until_s: float) -> None:
        """Older pages, while this cycle has time and the budget room for them."""
        oldest = self._reads.now() - self._reach.age
        while self._clock.monotonic_s() < until_s and self._reads.budget.room(Priority.HISTORY) > 0:
            cursor = self._history_cursor
            page = await self._list(emit, self._filters, Priority.HISTORY, PAGE_SIZE, cursor)
            created = [patch.fixed.created_at for patch in page.patches if patch.fixed and patch.fixed.created_at]
            self._history_count += len(page.patches)
            self._history_cursor = page.next
            is_old = bool(created) and min(created) < oldest
            is_full = self._history_count >= self._reach.run_count
            self._history_done = page.next is None or page.next == cursor or is_old or is_full
            reached = min(created, default=self._newest or oldest)
            await emit(HistoryRead(reached, self._history_count, self._history_done))
            if self._history_done:
                return

    async def _count(self, emit: Emit) -> None:
        """The server's own counts, where the key may query (recordings 831, 841)."""
        now_s = self._clock.monotonic_s()
        if now_s - self._counted_s < COUNTS_EVERY_S or not self._reads.may(Capability.QUERY):
            return
        self._counted_s = now_s
        trql = "SELECT status, count() AS n FROM runs GROUP BY status ORDER BY n DESC"
        rows = await self._reads.query(trql, f"{COUNTS_PERIOD_H // 24}d", Priority.LIST)
        if rows is None:
            return
        counts: dict[RunStatus, int] = {}
        for row in rows:
            word, count = row.get("status"), row.get("n")
            if isinstance(word, str) and isinstance(count, int):
                status = read_status(word).canonical
                counts[status] = counts.get(status, 0) + count
        await emit(CountsRead(counts, self._reads.now(), COUNTS_PERIOD_H))

    def _wait_s(self) -> float:
        """The interval: as set while things change, longer when nothing did for a while or the budget is short."""
        quiet_s = self._clock.monotonic_s() - self._changed_s
        factor = min(SLOWEST, max(1.0, quiet_s / QUIET_AFTER_S))
        rate = self._reads.budget.latest
        if rate is not None and rate.remaining < rate.limit / 4:
            factor = max(factor, 2.0)
        return self._interval_s * factor
