"""Polling: every run of an environment by list pages alone, within the request budget.

What lives here: the order of requests, and how long to wait until the next. Without a feed each cycle looks for
everything; beside one it fills in what the feed does not tell, and from time to time proves that the feed missed
nothing. The steps themselves are `listing`'s. Source: DESIGN §4, §5; wire/README.md §3, §8.
"""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Final

from tui.domain.filters import RunFilters
from tui.domain.source_names import REST
from tui.domain.status import LIVE
from tui.domain.update import BudgetRead, CaughtUp, CountsRead, Reconciled, SourceConnected, WindowRead
from tui.sources.base import Emit, KnownRuns, as_source_error
from tui.sources.budget import REACH, Priority
from tui.sources.clock import Clock, OnWake
from tui.sources.polling.counts import CountPoller
from tui.sources.polling.older import is_before
from tui.sources.polling.reconciliation import RECONCILE_EVERY_S, Reconciliation
from tui.sources.polling.run_lister import SCAN_REQUESTS, HistoryLimits, RunLister
from tui.sources.realtime.coverage import Coverage
from tui.sources.run_fetcher import RunFetcher
from tui.wire.errors import ApiError, RateLimited

ENVIRONMENT_EVERY_S: Final = 30.0
"""Between tries to learn where we are, while the server has trouble telling."""

QUIET_AFTER_S: Final = 30.0
SLOWEST: Final = 2.5
"""Without any change for half a minute the interval grows, to at most this many times itself."""

BEYOND_EVERY_S: Final = 5.0
"""While runs live that the feed does not reach, the older ones of more than a thousand, those that live are read so
often: one request or a few.
"""

CAUGHT_UP_EVERY_S: Final = 5.0
"""Somebody who waits for the end of an outage hears of it so soon; more often nobody asks."""

OLDER_EVERY_S: Final = 60.0
"""Between two passes over the live runs that are older than the period: one request where there are few."""


class RestSource:
    """Polls the runs list. Keeps its place between runs, so that a reconnect goes on where it was."""

    name = REST

    def __init__(
        self,
        fetcher: RunFetcher,
        store: KnownRuns,
        clock: Clock,
        *,
        interval_s: float,
        history: HistoryLimits,
        filters: RunFilters,
        coverage: Coverage,
        on_wake: OnWake,
    ) -> None:
        self._fetcher = fetcher
        self._store = store
        self._clock = clock
        self._interval_s = interval_s
        self._age = history.age
        self._is_filtered = not filters.is_empty
        self._coverage = coverage
        self._on_wake = on_wake
        self._listing = RunLister(fetcher, store, clock, history=history, filters=filters, coverage=coverage)
        self._counting = CountPoller(fetcher, clock, history.age, is_filtered=self._is_filtered)
        self._was_connected = False
        self._placed_s = 0.0
        self._paid = 0
        self._reconciliation = Reconciliation()
        self._scanned_s = 0.0
        self._swept_s = -math.inf
        self._window: WindowRead | None = None
        self._caught_up_s = clock.monotonic_s() - CAUGHT_UP_EVERY_S
        self._is_limited = False
        """The last failure was a 429: nothing was lost, only late."""

    async def run(self, emit: Emit) -> None:
        """Emit what the list tells until cancelled. Raises `Transient` or `Fatal`."""
        if not self._is_limited:
            self._listing.begin_anew()
            self._reconciliation = self._reconciliation.restart()
        self._placed_s = self._clock.monotonic_s() - ENVIRONMENT_EVERY_S
        self._window = None
        self._caught_up_s = self._clock.monotonic_s() - CAUGHT_UP_EVERY_S
        self._is_limited = False
        is_placed = False
        forget = self._on_wake(self._note_wake)
        try:
            while True:
                began_s = self._clock.monotonic_s()
                self._listing.lister.spent = 0
                if not is_placed and began_s - self._placed_s >= ENVIRONMENT_EVERY_S:
                    self._placed_s = began_s
                    is_placed = await self._fetcher.fetch_environment(Priority.LIST)
                await self._cycle(emit)
                self._paid = self._listing.lister.spent
                self._was_connected = True
                if self._paid:
                    await emit(SourceConnected(self.name, self._listing.lister.read_at, self._expected_s()))
                await self._tell_caught_up(emit)
                self._doubt(await self._counting.count(emit))
                await self._emit_window(emit)
                if not self._listing.history.is_complete:
                    await self._listing.history.read(emit, began_s + self._wait_s())
                    self._paid = self._listing.lister.spent
                await self._clock.sleep(max(0.0, began_s + self._wait_s() - self._clock.monotonic_s()))
        except ApiError as error:
            self._is_limited = isinstance(error, RateLimited)
            raise as_source_error(error, was_connected=self._was_connected) from error
        finally:
            forget()

    async def _cycle(self, emit: Emit) -> None:
        room = int(self._per_second() * self._interval_s)
        if self._coverage.is_live:
            await self._look_after(emit, room)
        else:
            self._reconciliation = self._reconciliation.without_feed()
            await self._listing.look_around(emit, room)
        await self._sweep(emit)
        if self._listing.lister.spent and (rate := self._fetcher.budget.latest) is not None:
            await emit(BudgetRead(rate.limit, rate.remaining, self._fetcher.now() + rate.resets_in))

    async def _sweep(self, emit: Emit) -> None:
        """Look after the live runs that are older than the period, at most once a minute."""
        now_s = self._clock.monotonic_s()
        begins = not self._listing.older.is_scanning and now_s - self._swept_s >= OLDER_EVERY_S
        self._swept_s = now_s if begins else self._swept_s
        await self._listing.sweep(emit, begins=begins)

    async def _look_after(self, emit: Emit, room: int) -> None:
        """Beside a live feed: fill in what it does not tell; when it is time, compare everything."""
        now_s = self._clock.monotonic_s()
        self._reconciliation = self._reconciliation.with_feed(self._coverage.beginnings, now_s)
        is_due, is_new = self._reconciliation.is_due(now_s), self._reconciliation.starts(now_s)
        if is_new or (self._listing.history.is_complete and self._coverage.wants_list(self._fetcher.now())):
            await self._listing.read_new(emit)
        if self._listing.history.is_complete:
            await self._listing.fill(emit, max(SCAN_REQUESTS, room - self._listing.lister.spent))
        begins = is_new or self._has_beyond(now_s)
        if is_due or begins or self._listing.is_scanning:
            self._reconciliation = self._reconciliation.started() if is_due else self._reconciliation
            self._scanned_s = now_s if begins else self._scanned_s
            await self._listing.scan(emit, max(SCAN_REQUESTS, room - self._listing.lister.spent), begins=begins)
            if is_due and not self._listing.is_scanning:
                self._reconciliation = self._reconciliation.finished()
                run_count, missed_count = self._coverage.take_comparison()
                await emit(Reconciled(self._fetcher.now(), run_count, missed_count))

    def _has_beyond(self, now_s: float) -> bool:
        """Whether it is time to look at live runs that no feed tells of: not before what became of those that the last
        look did not meet is known. The more they are by then, the more of them are found with each request.
        """
        if self._listing.is_scanning or now_s - self._scanned_s < BEYOND_EVERY_S:
            return False
        now = self._fetcher.now()
        live = (run for run_id in self._store.live() if (run := self._store.get(run_id)) is not None)
        return any(self._coverage.leaves_out(run, now) and not is_before(run, now - self._age) for run in live)

    async def _tell_caught_up(self, emit: Emit) -> None:
        at, now_s = self._listing.caught_up_at, self._clock.monotonic_s()
        if at is not None and now_s - self._caught_up_s >= CAUGHT_UP_EVERY_S:
            self._caught_up_s = now_s
            await emit(CaughtUp(self.name, at))

    async def _emit_window(self, emit: Emit) -> None:
        """Say which runs the lists cover, where that is not what was said last."""
        listing = self._listing
        window = WindowRead(
            self._fetcher.now(), self._age, listing.is_live_known, listing.older.is_cut, self._is_filtered
        )
        if self._window is None or replace(self._window, at=window.at) != window:
            self._window = window
            await emit(window)

    def _doubt(self, counts: CountsRead | None) -> None:
        """Hold the server's count of live runs against ours: two different sums in a row are a reason to look."""
        if counts is None:
            return
        is_comparable = self._coverage.is_live and not self._is_filtered and self._listing.history.is_complete
        theirs = sum(count for status, count in counts.counts.items() if status in LIVE)
        is_equal = not is_comparable or theirs in (len(self._store.live()), self._live_since(counts))
        self._reconciliation = self._reconciliation.with_counts(is_equal=is_equal, now_s=self._clock.monotonic_s())

    def _live_since(self, counts: CountsRead) -> int:
        """How many live runs are of the time that was counted."""
        since = counts.at - timedelta(hours=counts.period_h)
        live = (self._store.get(run_id) for run_id in self._store.live())
        return sum(run is not None and (run.fixed.created_at or counts.at) >= since for run in live)

    def _per_second(self) -> float:
        """Requests that the list may send a second, on the average."""
        refill = self._fetcher.budget.refill
        return refill.share * REACH[Priority.LIST] / refill.period_s

    def _expected_s(self) -> float:
        """When the next word of ours is expected."""
        return max(RECONCILE_EVERY_S, self._wait_s()) if self._coverage.is_live else self._wait_s()

    def _wait_s(self) -> float:
        """The interval: as set while things change; longer when nothing did for a while, when the budget is short,
        or when this cycle took more requests than its time may cost.
        """
        quiet_s = self._clock.monotonic_s() - self._listing.lister.changed_s
        factor = 1.0 if self._coverage.is_live else min(SLOWEST, max(1.0, quiet_s / QUIET_AFTER_S))
        rate = self._fetcher.budget.latest
        if rate is not None and rate.remaining < rate.limit / 4:
            factor = max(factor, 2.0)
        return max(self._interval_s * factor, self._paid / self._per_second())

    def _note_wake(self, _well_since_s: float) -> None:
        """Everything is to be looked at, also where a request was out when it was said."""
        self._reconciliation = self._reconciliation.request()
