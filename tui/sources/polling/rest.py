"""Polls the runs list: decides which requests to send in each cycle, and how long to wait between cycles.

Without a live feed, each cycle reads everything. Beside a live feed, polling reads only the runs and fields that the
feed does not report, and compares both from time to time. The steps themselves are in `run_lister`.

Source: tests/wire/recordings/README.md §3, §8.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final

from tui.domain.filters import RunFilters
from tui.domain.source_names import REST
from tui.domain.status import LIVE
from tui.domain.update import BudgetRead, CaughtUp, CountsRead, Reconciled, SourceConnected, WindowRead
from tui.sources.base import Emit, KnownRuns, as_source_error
from tui.sources.budget import SHARES, Priority
from tui.sources.clock import Clock, OnWake
from tui.sources.polling.counts import CountPoller
from tui.sources.polling.older import is_before
from tui.sources.polling.reconciliation import RECONCILE_EVERY_S, Reconciliation
from tui.sources.polling.run_lister import MIN_SCAN_REQUESTS, HistoryLimits, RunLister
from tui.sources.realtime.coverage import Coverage
from tui.sources.run_fetcher import RunFetcher
from tui.wire.errors import ApiError, RateLimited

ENVIRONMENT_EVERY_S: Final = 30.0
"""Between requests for the environment, until the server answers one."""

PAUSED_AGAIN_S: Final = 20.0
"""Between two reads of the environment that is known: it may be paused, or resumed."""

ENVIRONMENT_AGAIN_S: Final = 4.0
"""The same beside a feed, whose rows do not name their environment. Those of a polled list do, every few seconds."""

ENVIRONMENT_WITHIN_S: Final = 5.0
"""The list waits for the environment no longer: its runs matter more than the environment's name."""

QUIET_AFTER_S: Final = 30.0
"""After this time without a change, the interval grows."""

MAX_INTERVAL_FACTOR: Final = 2.5
"""How far the interval grows in a quiet environment."""

UNCOVERED_EVERY_S: Final = 5.0
"""Between scans of live runs that the feed does not cover. One scan costs few requests."""

CAUGHT_UP_EVERY_S: Final = 5.0
"""Between two `CaughtUp` updates: soon enough for a user waiting for the end of an outage."""

OLDER_EVERY_S: Final = 60.0
"""Between passes over the live runs that are older than the period. Usually, one pass costs one request."""


class RestSource:
    """The polling source. It keeps its place between calls of `run`, so a retry continues from there."""

    name = REST

    def __init__(
        self,
        fetcher: RunFetcher,
        store: KnownRuns,
        clock: Clock,
        *,
        interval: Callable[[], float],
        history: HistoryLimits,
        filters: RunFilters,
        coverage: Coverage,
        on_wake: OnWake,
    ) -> None:
        self._fetcher = fetcher
        self._store = store
        self._clock = clock
        self._interval = interval
        self._max_age = history.age
        self._is_filtered = not filters.is_empty
        self._coverage = coverage
        self._on_wake = on_wake
        self._lister = RunLister(fetcher, store, clock, history=history, filters=filters, coverage=coverage)
        self._counts = CountPoller(fetcher, clock, history.age, is_filtered=self._is_filtered)
        self._was_connected = False
        self._environment_requested_s = 0.0
        self._request_count = 0
        """Requests of the current cycle."""
        self._reconciliation = Reconciliation()
        self._scan_started_s = 0.0
        self._older_scan_started_s = -math.inf
        self._window: WindowRead | None = None
        self._caught_up_emitted_s = clock.monotonic_s() - CAUGHT_UP_EVERY_S
        self._is_rate_limited = False
        """The last failure was a 429. It delayed requests but lost no update."""

    async def run(self, emit: Emit) -> None:
        """Poll until canceled. Raises `Transient` or `Fatal`."""
        if not self._is_rate_limited:
            self._lister.restart()
            self._reconciliation = self._reconciliation.restart()
        self._environment_requested_s = self._clock.monotonic_s() - ENVIRONMENT_EVERY_S
        self._window = None
        self._caught_up_emitted_s = self._clock.monotonic_s() - CAUGHT_UP_EVERY_S
        self._is_rate_limited = False
        is_environment_known = False
        unregister = self._on_wake(self._request_reconciliation)
        if (known := self._store.window) is not None and known.is_filtered != self._is_filtered:
            await self._emit_window(emit)  # before the lists: those with filters do not have all runs
        try:
            while True:
                started_s = self._clock.monotonic_s()
                self._lister.pages.request_count = 0
                if not is_environment_known and started_s - self._environment_requested_s >= ENVIRONMENT_EVERY_S:
                    self._environment_requested_s = started_s
                    is_environment_known = await self._read_environment()
                await self._cycle(emit)
                await self._check_environment(started_s)
                self._request_count = self._lister.pages.request_count
                self._was_connected = True
                if self._request_count:
                    await emit(SourceConnected(self.name, self._lister.pages.read_at, self._expected_interval_s()))
                await self._emit_caught_up(emit)
                self._compare_counts(await self._counts.poll(emit))
                await self._emit_window(emit)
                if not self._lister.history.is_complete:
                    await self._lister.history.read(emit, started_s + self._next_interval_s())
                    self._request_count = self._lister.pages.request_count
                await self._clock.sleep(max(0.0, self._next_s(started_s) - self._clock.monotonic_s()))
        except ApiError as error:
            self._is_rate_limited = isinstance(error, RateLimited)
            raise as_source_error(error, was_connected=self._was_connected) from error
        finally:
            unregister()

    def _next_s(self, started_s: float) -> float:
        """Return when the next cycle begins: at a whole second (see `until_second_s`), if whole seconds are between."""
        interval_s = self._next_interval_s()
        return (math.floor(started_s) if interval_s % 1.0 == 0.0 else started_s) + interval_s

    async def _read_environment(self) -> bool:
        """Read the environment, and return whether that needs no other try. Raises `ApiError`."""
        try:
            async with asyncio.timeout(ENVIRONMENT_WITHIN_S):
                return await self._fetcher.fetch_environment(Priority.LIST)
        except TimeoutError:
            return False

    async def _check_environment(self, now_s: float) -> None:
        """Read the environment again. Where that fails, it is not known to be another one.

        Without a feed this only says whether it is paused, which no row does.
        """
        again_s = ENVIRONMENT_AGAIN_S if self._coverage.is_live else PAUSED_AGAIN_S
        is_due = now_s - self._environment_requested_s >= again_s
        if is_due and self._fetcher.environment is not None:
            self._environment_requested_s = now_s
            with suppress(ApiError, TimeoutError):
                async with asyncio.timeout(ENVIRONMENT_WITHIN_S):
                    await self._fetcher.read_environment(Priority.LIST)

    async def _cycle(self, emit: Emit) -> None:
        max_requests = int(self._requests_per_s() * self._interval())
        if self._coverage.is_live:
            await self._poll_beside_feed(emit, max_requests)
        else:
            self._reconciliation = self._reconciliation.without_feed()
            await self._lister.poll(emit, max_requests)
        await self._scan_older(emit)
        if self._lister.pages.request_count and (rate := self._fetcher.budget.latest) is not None:
            await emit(BudgetRead(rate.limit, rate.remaining))

    async def _scan_older(self, emit: Emit) -> None:
        now_s = self._clock.monotonic_s()
        may_start = not self._lister.older.is_scanning and now_s - self._older_scan_started_s >= OLDER_EVERY_S
        self._older_scan_started_s = now_s if may_start else self._older_scan_started_s
        await self._lister.scan_older(emit, may_start=may_start)

    async def _poll_beside_feed(self, emit: Emit, max_requests: int) -> None:
        """Read the runs and fields that the feed does not report. When a comparison is due, read all live runs."""
        lister, now_s = self._lister, self._clock.monotonic_s()
        self._reconciliation = self._reconciliation.with_feed(self._coverage.start_count, now_s)
        is_due, starts = self._reconciliation.is_due(now_s), self._reconciliation.starts(now_s)
        if starts or (lister.history.is_complete and self._coverage.needs_list(self._fetcher.now())):
            await lister.read_new(emit)
        if lister.history.is_complete:
            await lister.read_incomplete(emit, max(MIN_SCAN_REQUESTS, max_requests - lister.pages.request_count))
        may_start = starts or self._is_uncovered_scan_due(now_s)
        if is_due or may_start or lister.is_scanning:
            self._reconciliation = self._reconciliation.started() if is_due else self._reconciliation
            self._scan_started_s = now_s if may_start else self._scan_started_s
            remaining = max(MIN_SCAN_REQUESTS, max_requests - lister.pages.request_count)
            await lister.scan(emit, remaining, may_start=may_start)
            if is_due and not lister.is_scanning:
                self._reconciliation = self._reconciliation.finished()
                run_count, missed_count = self._coverage.take_comparison()
                await emit(Reconciled(self._fetcher.now(), run_count, missed_count))

    def _is_uncovered_scan_due(self, now_s: float) -> bool:
        """Whether to scan the live runs that the feed does not cover.

        A scan starts only after the outcomes of the last one are known: by then, one request finds more of them.
        """
        if self._lister.is_scanning or now_s - self._scan_started_s < UNCOVERED_EVERY_S:
            return False
        now = self._fetcher.now()
        live = (run for run_id in self._store.live() if (run := self._store.get(run_id)) is not None)
        return any(self._coverage.excludes(run, now) and not is_before(run, now - self._max_age) for run in live)

    async def _emit_caught_up(self, emit: Emit) -> None:
        at, now_s = self._lister.caught_up_at, self._clock.monotonic_s()
        if at is not None and now_s - self._caught_up_emitted_s >= CAUGHT_UP_EVERY_S:
            self._caught_up_emitted_s = now_s
            await emit(CaughtUp(self.name, at))

    async def _emit_window(self, emit: Emit) -> None:
        """Emit which runs the lists cover, if that changed."""
        lister = self._lister
        window = WindowRead(
            self._fetcher.now(), self._max_age, lister.is_live_known, lister.older.is_cut, self._is_filtered
        )
        if self._window is None or replace(self._window, at=window.at) != window:
            self._window = window
            await emit(window)

    def _compare_counts(self, counts: CountsRead | None) -> None:
        """Compare the server's count of live runs with the store's. `Reconciliation` decides what follows."""
        if counts is None:
            return
        is_comparable = self._coverage.is_live and not self._is_filtered and self._lister.history.is_complete
        server_count = sum(count for status, count in counts.counts.items() if status in LIVE)
        is_equal = not is_comparable or server_count in (len(self._store.live()), self._live_count(counts))
        self._reconciliation = self._reconciliation.with_counts(is_equal=is_equal, now_s=self._clock.monotonic_s())

    def _live_count(self, counts: CountsRead) -> int:
        """Return how many live runs the store has of the period that the server counted."""
        since = counts.at - timedelta(hours=counts.period_h)
        live = (self._store.get(run_id) for run_id in self._store.live())
        return sum(run is not None and (run.created_at or counts.at) >= since for run in live)

    def _requests_per_s(self) -> float:
        """Return how many requests polling may send a second, on average."""
        refill = self._fetcher.budget.refill
        return refill.share * SHARES[Priority.LIST] / refill.period_s

    def _expected_interval_s(self) -> float:
        """Return within how many seconds this source emits again."""
        return max(RECONCILE_EVERY_S, self._next_interval_s()) if self._coverage.is_live else self._next_interval_s()

    def _next_interval_s(self) -> float:
        """Return the seconds from the start of this cycle to the next.

        The interval grows while nothing changes, while the budget is short, and after a cycle of many requests.
        """
        quiet_s = self._clock.monotonic_s() - self._lister.pages.changed_s
        factor = 1.0 if self._coverage.is_live else min(MAX_INTERVAL_FACTOR, max(1.0, quiet_s / QUIET_AFTER_S))
        rate = self._fetcher.budget.latest
        if rate is not None and rate.remaining < rate.limit / 4:
            factor = max(factor, 2.0)
        return max(self._interval() * factor, self._request_count / self._requests_per_s())

    def _request_reconciliation(self, _healthy_since_s: float) -> None:
        self._reconciliation = self._reconciliation.request()
