"""Polls the runs list: which requests each cycle sends, and how long to wait between cycles."""

import asyncio
import math
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tui.api.errors import ApiError, NotFound, RateLimited, Refused, ServerFault, Unreachable
from tui.api.queries import HOUR, RunCounts, StatusCount, TrqlQuery
from tui.domain.filters import MAX_PERIOD, MAX_QUERY_PERIOD, period_text, query_period
from tui.domain.run import (
    LIVE,
    QUEUED_FAMILY,
    QUEUED_WORDS,
    REST,
    RUN,
    RUNNING_STATUSES,
    RUNNING_WORDS,
    Capability,
    RunId,
    RunStatus,
    parse_status,
)
from tui.domain.update import BudgetRead, CaughtUp, CountsRead, Reconciled, SourceConnected, WindowRead
from tui.store.filter import EVERYTHING
from tui.store.server_filter import with_server_filters
from tui.sync import lists
from tui.sync.budget import SHARES, Emit, Fatal
from tui.sync.reads import MAX_STALE_PAGES, Paging, Priority

# Polls the server's own counts of runs by status, if the key may query.
#
# Source: tests/wire/recordings/README.md §3, recordings 831 and 841.


COUNTS_EVERY_S = 10.0
MAX_COUNTS_INTERVAL_S = 300.0
"""Each failure doubles the interval, up to this."""

COUNTS_TIMEOUT_S = 5.0
"""The list waits for the counts, so a query must not hang for longer."""


OLDER_COUNTS_EVERY_S = 60.0
"""Between counts of the live runs that are older than the period."""


class CountPoller:
    """Reads the counts at an interval."""

    def __init__(self, parts: lists.SourceParts) -> None:
        """Count the runs of the history, in whole hours and as far back as a query reaches.

        With filters, the list shows only some of the older live runs; then those are counted too.
        """
        self._fetcher = parts.fetcher
        self._period_h = max(1, math.ceil(min(parts.history, MAX_QUERY_PERIOD) / HOUR))
        self._clock = parts.clock
        self._interval_s = COUNTS_EVERY_S
        self._polled_s = parts.clock.monotonic_s() - COUNTS_EVERY_S
        self._is_filtered = not parts.filters.is_empty
        self._older: Counter[RunStatus] = Counter()
        self._older_polled_s = -math.inf

    async def poll(self) -> CountsRead | None:
        """Return the counts if they are due and the server sends them."""
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
            # Not the difference of two counts: runs begin and end between them.
            if (older := await self._query(RunCounts(None, at - self._period_h * HOUR))) is not None:
                self._older = Counter({status: older[status] for status in LIVE})
        return CountsRead(dict(counts + self._older), at, self._period_h)

    async def _query(self, query: TrqlQuery[StatusCount]) -> Counter[RunStatus] | None:
        """Return the counts of a query, None if it times out or fails."""
        rows = await self._fetcher.query(query, Priority.LIST, timeout_s=COUNTS_TIMEOUT_S)
        if rows is None:
            return None
        counts: Counter[RunStatus] = Counter()
        for row in rows:
            counts[parse_status(row["status"]).canonical] += row["n"]
        return counts


# Reads the runs list in steps: new runs, live runs, and runs that left the live set.
#
# The list is ordered by creation, so a change of an older run never reaches page one. Page one finds new runs, scans by
# status find live runs, and windows of creation time find the runs that ended. Each step continues over poll cycles.
# `RestSource` decides when each step runs.
#
# Source: tests/wire/recordings/README.md §3.


MAX_CATCH_UP_PAGES: Final = 50
"""The most pages of new runs in one cycle: as many runs as the history has by default. The history reads older ones."""

MIN_PAGE_SIZE: Final = 20
"""The size of page one in a quiet environment. It still includes a run that appears 1.0 s late, below newer ones."""

MIN_SCAN_REQUESTS: Final = 3
"""Scans may send this many requests in every cycle, even if there are many new runs."""

MAX_REREAD_REQUESTS: Final = 16
"""The most requests of rereads in one cycle. They may take four seconds, and page one must not wait longer."""

MAX_SINGLE_OLDER: Final = 20
"""At most this many older runs are read by id, since so few are usually too far apart to share a page."""


_PARTS: Final = {
    lists.Part.RUNNING: (RUNNING_STATUSES, RUNNING_WORDS),
    lists.Part.QUEUED: (QUEUED_FAMILY, QUEUED_WORDS),
}
"""The statuses of the live runs of a part, and their words in a filter."""


class RunLister:
    """The steps of polling. `pages` counts their requests."""

    def __init__(self, parts: lists.SourceParts) -> None:
        self._fetcher = parts.fetcher
        self._store = parts.store
        self._max_age = parts.history
        filters = parts.filters
        if not filters.has_window:
            filters = replace(filters, period=period_text(self._max_age))
        self._filters = filters
        self._coverage = parts.coverage
        self.pages = lists.PageReader(parts.fetcher, parts.store, parts.clock, parts.coverage)
        self._departed = lists.RereadQueue(self.pages, filters, self._is_live)
        """Live runs that a scan should have found and did not."""
        self._incomplete = lists.RereadQueue(self.pages, filters, self._is_incomplete)
        """Runs with fields that the feed does not report."""
        self._filtered_out = lists.RereadQueue(self.pages, filters, self._is_live)
        """Live runs from before the filter was narrowed. No list shows them; nothing depends on them."""
        self.older = lists.OlderRuns(self.pages, filters, self._max_age)
        self._filter = with_server_filters(replace(filters, statuses=()), EVERYTHING)
        self._newest = lists.NewestRuns()
        self._page_size = lists.PAGE_SIZE
        self._is_endless = False
        """The pages of new runs did not end the last time. Now each cycle reads one page, until a page has a run."""
        self.history = lists.HistoryReader(self.pages, filters, parts.history, parts.max_history_runs)
        self._scans: dict[lists.Part, lists.Scan] = {}
        self._fits_one_page = True
        self._read_until: dict[lists.Part, datetime] = {}
        """When the last finished pass over each part started, by the server's clock."""
        self._skipped_at: datetime | None = None
        """When live runs were last skipped: by a catch-up that reached its bound, or by a page that was cut."""

    def restart(self) -> None:
        """Start all scans over after a failure: runs that they had found may have changed."""
        self._scans.clear()
        self._read_until = {}
        self.older.scan = None
        self._reread_older(self.older.known_ids(self._fetcher.now()))

    @property
    def caught_up_at(self) -> datetime | None:
        """Return the moment before which every change was read, None while something is still unread.

        Only the history finds a run that ended unnoticed, and lists report a change with a delay.
        """
        is_complete = len(self._read_until) == len(lists.Part) and self.history.is_complete and self._departed.is_empty
        return min(self._read_until.values()) - lists.LIST_DELAY if is_complete else None

    @property
    def is_live_known(self) -> bool:
        """Whether every live run that matches the filters is known, whatever its age."""
        passes = (*map(self._read_until.get, _PARTS), self.older.read_until)
        are_done = all(at is not None and (self._skipped_at is None or at > self._skipped_at) for at in passes)
        return are_done and not self.older.is_cut

    async def poll(self, max_requests: int) -> None:
        """Continue every step: new runs, then live runs and those that left the live set."""
        await self.read_new()
        await self.scan(max(MIN_SCAN_REQUESTS, max_requests - self.pages.request_count))

    async def scan(self, max_requests: int, *, may_start: bool = True) -> None:
        """Continue with live runs, and with those that left the live set, for about `max_requests` requests.

        `may_start`: start the next pass over the live runs where the last one is done.
        """
        await self._filtered_out.read(1)
        until = self.pages.request_count + max_requests
        fits_one_page = len(self._store.live()) <= lists.PAGE_SIZE
        if fits_one_page is not self._fits_one_page:
            # When the live set grows or shrinks past one page, its parts change, and the pass starts over.
            may_start |= bool(self._scans)
            self._fits_one_page, self._scans = fits_one_page, {}
        if fits_one_page:
            await self._scan_parts(1, lists.Part.RUNNING, lists.Part.QUEUED, may_start=may_start)
            await self._departed.read(until - self.pages.request_count)
            return
        await self._scan_parts(max(1, max_requests // 2), lists.Part.RUNNING, may_start=may_start)
        # When many runs end at once, make the cycle longer: reading them later would cost as much.
        backlog = min(MAX_REREAD_REQUESTS, self._departed.page_count)
        await self._departed.read(max(1, until - self.pages.request_count - 1, backlog))
        await self._scan_parts(max(1, until - self.pages.request_count), lists.Part.QUEUED, may_start=may_start)

    async def scan_older(self) -> None:
        """Continue with the live runs that are older than the period."""
        every_s = lists.OLDER_BESIDE_FEED_EVERY_S if self._coverage.is_live else lists.OLDER_EVERY_S
        try:
            self._reread_older(await self.older.read(self._fetcher.now(), every_s))
        except Refused as error:
            # A server may refuse such a wide window (422). That must not stop the list of the period.
            if error.is_about_the_key:
                raise
            if error.status in lists.REFUSES_WINDOW and not error.is_page:
                self.older.shorten(is_refused=True)
            else:
                self.older.note_fault()
        except (ServerFault, Unreachable):
            self.older.note_fault()
            raise

    def _reread_older(self, run_ids: frozenset[RunId]) -> None:
        hidden = self.older.beyond_reach(run_ids, self._fetcher.now())
        self._departed.add_unlisted(hidden[:MAX_SINGLE_OLDER])
        if len(listed := run_ids.difference(hidden)) <= MAX_SINGLE_OLDER:
            self._departed.add_unlisted(sorted(listed))
        else:
            self._departed.add(listed)

    async def read_incomplete(self, max_requests: int) -> None:
        """Read the fields that the feed does not report.

        A run that no list shows yet costs a request of its own. During a scan, only one such request is sent a cycle,
        since runs that left the live set come first.
        """
        self._incomplete.add(self._coverage.take_incomplete(self._fetcher.now()))
        await self._incomplete.read(max_requests, max_single_reads=1 if self.is_scanning else None)

    async def read_new(self) -> None:
        """Read page one, and more pages until one has no new run."""
        started_at = self._fetcher.now()
        paging = Paging(max_stale=1 if self._is_endless else MAX_STALE_PAGES)
        total_new = 0
        for number in range(MAX_CATCH_UP_PAGES):
            size = lists.PAGE_SIZE if number else self._page_size
            page = await self.pages.read(self._filters, after=paging.cursor, size=size)
            new_count = self._newest.add(page)
            total_new += new_count
            if not self.history.has_started:
                await self.history.add(page)
                break
            await self.history.record(page)
            paging.add([patch.id for patch in page.patches], page.next)
            is_known = self._newest.is_past(page) or (page.patches and not new_count)
            if paging.is_done or is_known:
                self._is_endless = paging.is_endless and not is_known
                await self.history.set_gap(has_gap=self._is_endless)
                if self._is_endless:
                    self._skipped_at = started_at
                break
        else:
            # The bound is reached: the history continues here, through runs that are known already.
            self.history.resume_at(paging.cursor)
            self._skipped_at = started_at
        self._newest.commit()
        self._page_size = min(lists.PAGE_SIZE, max(MIN_PAGE_SIZE, 2 * total_new))
        self._read_until[lists.Part.NEWEST] = started_at

    async def _scan_parts(self, max_pages: int, *parts: lists.Part, may_start: bool) -> None:
        """Continue the scan of these parts, or start one. At its end, queue the runs that it did not find."""
        statuses = frozenset[RunStatus]().union(*(_PARTS[part][0] for part in parts))
        scan = self._scans.get(parts[0])
        if scan is None:
            if not may_start:
                return
            started_at, words = self._fetcher.now(), tuple(word for part in parts for word in _PARTS[part][1])
            expected = frozenset(run_id for status in statuses for run_id in self._store.with_status(status))
            if self._filters.statuses and not expected and not set(words).intersection(self._filters.statuses):
                self._read_until |= dict.fromkeys(parts, started_at)
                return
            # Scan these statuses even if the user filters by others: a run on the screen may have changed into one.
            scan = lists.Scan(replace(self._filters, statuses=words), expected, started_at)
            self._scans[parts[0]] = scan
        for _ in range(max_pages):
            page = await scan.read_page(self.pages)
            if page.is_cut or scan.paging.is_endless:
                self._skipped_at = self._fetcher.now()
            if scan.paging.is_done:
                self._queue_missing(scan, statuses)
                self._read_until |= dict.fromkeys(parts, scan.started_at)
                del self._scans[parts[0]]
                return

    def _queue_missing(self, scan: lists.Scan, statuses: frozenset[RunStatus]) -> None:
        missing = [run for run in map(self._store.get, scan.missing) if run is not None and run.status in statuses]
        # No page of the period shows an older run: `scan_older` reads those.
        missing = [run for run in missing if not lists.is_before(run, self._fetcher.now() - self._max_age)]
        self._departed.add(run.id for run in missing if self._filter.matches(run))
        self._filtered_out.add_unlisted(run.id for run in missing if not self._filter.matches(run))

    @property
    def is_scanning(self) -> bool:
        """Whether a pass over the live runs is not done, or runs that it did not find are still unread."""
        return bool(self._scans) or not self._departed.is_empty

    def _is_live(self, run_id: RunId) -> bool:
        return run_id in self._store.live()

    def _is_incomplete(self, run_id: RunId) -> bool:
        run = self._store.get(run_id)
        return run is not None and lists.is_incomplete(run)


# Polls a single run, for `watch RUN`.
#
# Source: tests/wire/recordings/README.md §4.


INTERVAL_BESIDE_FEED_S: Final = 30.0
"""The interval while a feed reports every change. It does not report all fields, such as the number of attempts."""


class SingleRunSource:
    """Reads one run at an interval. A run that no longer exists is `Fatal`."""

    name = RUN

    def __init__(self, parts: lists.SourceParts) -> None:
        assert parts.run_id is not None
        self._parts, self._run_id = parts, parts.run_id

    async def run(self, emit: Emit) -> None:
        """Poll the run until canceled. Raises `ApiError` or `Fatal`."""
        try:
            while True:
                response = await self._parts.fetcher.fetch_run(self._run_id, Priority.SELECTED)
                least_s = INTERVAL_BESIDE_FEED_S if self._parts.coverage.is_live else 0.0
                interval_s = max(least_s, self._parts.interval())
                await emit(SourceConnected(self.name, response.read_at, interval_s))
                await self._parts.clock.sleep(interval_s)
        except NotFound as error:
            raise Fatal(str(error)) from error


# Polls the runs list: decides which requests to send in each cycle, and how long to wait between cycles.
#
# Without a live feed, each cycle reads everything. Beside a live feed, polling reads only the runs and fields that the
# feed does not report, and compares both from time to time. The steps themselves are in `RunLister`.
#
# Source: tests/wire/recordings/README.md §3, §8.


ENVIRONMENT_EVERY_S: Final = 30.0
"""Between requests for the environment, until the server answers one."""

PAUSED_AGAIN_S: Final = 20.0
"""Between two reads of the environment that is known: it may be paused, or resumed."""

ENVIRONMENT_AGAIN_S: Final = 4.0
"""The time between these reads beside a feed. Rows of a feed do not name their environment; those of a polled list do,
every few seconds.
"""

ENVIRONMENT_WITHIN_S: Final = 5.0
"""The list waits for the environment at most this long: its runs matter more than the environment's name."""

QUIET_AFTER_S: Final = 30.0
"""After this time without a change, the interval grows."""

MAX_INTERVAL_FACTOR: Final = 2.5
"""How far the interval grows in a quiet environment."""

UNCOVERED_EVERY_S: Final = 5.0
"""Between scans of live runs that the feed does not cover. One scan costs few requests."""

CAUGHT_UP_EVERY_S: Final = 5.0
"""Between two `CaughtUp` updates: soon enough for a user waiting for the end of an outage."""


class RestSource:
    """The polling source. It keeps its place between calls of `run`, so a retry continues from there."""

    name = REST

    def __init__(self, parts: lists.SourceParts) -> None:
        self._parts = parts
        self._is_filtered = not parts.filters.is_empty
        self._lister = RunLister(parts)
        self._counts = CountPoller(parts)
        self._reconciliation = lists.Reconciliation()
        self._scan_started_s = 0.0
        self._is_rate_limited = False
        """The last failure was a 429. It delayed requests but lost no update."""

    async def run(self, emit: Emit) -> None:
        """Poll until canceled. Raises `ApiError`."""
        if not self._is_rate_limited:
            self._lister.restart()
            self._reconciliation.request()
        self._environment_requested_s = self._caught_up_emitted_s = -math.inf
        self._window: WindowRead | None = None
        self._is_rate_limited = False
        self._is_environment_refused = False
        unregister = self._parts.clock.on_wake(lambda _: self._reconciliation.request())
        if (known := self._parts.store.window) is not None and known.is_filtered != self._is_filtered:
            await self._emit_window()  # before the lists, because lists with filters do not have all runs
        try:
            while True:
                started_s = self._parts.clock.monotonic_s()
                self._lister.pages.request_count = 0
                # After an outage the key may belong to another environment: that is said before its runs are read.
                if self._parts.fetcher.environment is None or self._environment_requested_s == -math.inf:
                    await self._read_environment(started_s)
                await self._cycle()
                await self._read_environment(started_s)
                if self._lister.pages.request_count:
                    least_s = lists.RECONCILE_EVERY_S if self._parts.coverage.is_live else 0.0
                    within_s = max(least_s, self._next_interval_s())
                    await emit(SourceConnected(self.name, self._lister.pages.read_at, within_s))
                await self._emit_caught_up()
                if (counts := await self._counts.poll()) is not None:
                    await self._parts.fetcher.emit(counts)
                    self._compare_counts(counts)
                await self._emit_window()
                if not self._lister.history.is_complete:
                    await self._lister.history.read(started_s + self._next_interval_s())
                interval_s = self._next_interval_s()
                # If the interval is in whole seconds, a cycle begins at a whole second (see `until_second_s`).
                next_s = interval_s + (math.floor(started_s) if interval_s % 1.0 == 0.0 else started_s)
                await self._parts.clock.sleep(max(0.0, next_s - self._parts.clock.monotonic_s()))
        except RateLimited:
            self._is_rate_limited = True
            raise
        finally:
            unregister()

    async def _read_environment(self, now_s: float) -> None:
        """Read the environment until it is known, then again: the key may belong to another one by now.

        Without a feed, rows of the list name the environment, so a later read only shows whether it is paused.
        Raises `ApiError` if it is not known.
        """
        known, is_live = self._parts.fetcher.environment, self._parts.coverage.is_live
        again_s = ENVIRONMENT_EVERY_S if known is None else ENVIRONMENT_AGAIN_S if is_live else PAUSED_AGAIN_S
        if not self._is_environment_refused and now_s - self._environment_requested_s >= again_s:
            self._environment_requested_s = now_s
            with suppress(TimeoutError, *(() if known is None else (ApiError,))):
                async with asyncio.timeout(ENVIRONMENT_WITHIN_S):
                    self._is_environment_refused = await self._parts.fetcher.fetch_environment(Priority.LIST)

    async def _cycle(self) -> None:
        max_requests = int(self._requests_per_s() * self._parts.interval())
        if self._parts.coverage.is_live:
            await self._poll_beside_feed(max_requests)
        else:
            await self._lister.poll(max_requests)
        await self._lister.scan_older()
        if self._lister.pages.request_count and (rate := self._parts.fetcher.budget.latest) is not None:
            await self._parts.fetcher.emit(BudgetRead(rate.limit, rate.remaining))

    async def _poll_beside_feed(self, max_requests: int) -> None:
        """Read the runs and fields that the feed does not report. When a comparison is due, read all live runs."""
        lister, now_s = self._lister, self._parts.clock.monotonic_s()
        self._reconciliation.plan(self._parts.coverage.start_count, now_s)
        is_due = self._reconciliation.is_due(now_s)
        starts = is_due and not self._reconciliation.is_running
        if starts or (lister.history.is_complete and self._parts.coverage.needs_list(self._parts.fetcher.now())):
            await lister.read_new()
        if lister.history.is_complete:
            await lister.read_incomplete(max(MIN_SCAN_REQUESTS, max_requests - lister.pages.request_count))
        may_start = starts or self._is_uncovered_scan_due(now_s)
        if is_due or may_start or lister.is_scanning:
            self._reconciliation.is_running |= is_due
            self._scan_started_s = now_s if may_start else self._scan_started_s
            remaining = max(MIN_SCAN_REQUESTS, max_requests - lister.pages.request_count)
            await lister.scan(remaining, may_start=may_start)
            if is_due and not lister.is_scanning:
                self._reconciliation.finish()
                run_count, missed_count = self._parts.coverage.take_comparison()
                await self._parts.fetcher.emit(Reconciled(self._parts.fetcher.now(), run_count, missed_count))

    def _is_uncovered_scan_due(self, now_s: float) -> bool:
        """Whether to scan the live runs that the feed does not cover.

        A scan starts only after the outcomes of the last one are known: by then, one request finds more of them.
        """
        if self._lister.is_scanning or now_s - self._scan_started_s < UNCOVERED_EVERY_S:
            return False
        now = self._parts.fetcher.now()
        live = (run for run_id in self._parts.store.live() if (run := self._parts.store.get(run_id)) is not None)
        return any(
            self._parts.coverage.excludes(run, now) and not lists.is_before(run, now - self._parts.history)
            for run in live
        )

    async def _emit_caught_up(self) -> None:
        at, now_s = self._lister.caught_up_at, self._parts.clock.monotonic_s()
        if at is not None and now_s - self._caught_up_emitted_s >= CAUGHT_UP_EVERY_S:
            self._caught_up_emitted_s = now_s
            await self._parts.fetcher.emit(CaughtUp(self.name, at))

    async def _emit_window(self) -> None:
        """Emit which runs the lists cover, if that changed."""
        lister = self._lister
        window = WindowRead(
            self._parts.fetcher.now(),
            self._parts.history,
            lister.is_live_known,
            lister.older.is_cut,
            self._is_filtered,
            None if lister.older.reach == MAX_PERIOD else lister.older.reach,
        )
        if self._window is None or replace(self._window, at=window.at) != window:
            self._window = window
            await self._parts.fetcher.emit(window)

    def _compare_counts(self, counts: CountsRead) -> None:
        """Compare the server's count of live runs with the store's. `Reconciliation` decides what follows."""
        is_comparable = self._parts.coverage.is_live and not self._is_filtered and self._lister.history.is_complete
        store, since = self._parts.store, counts.at - timedelta(hours=counts.period_h)
        server_count = sum(count for status, count in counts.counts.items() if status in LIVE)
        live = [run for run_id in store.live() if (run := store.get(run_id)) is not None]
        # The store may know live runs from before the period that the server counted.
        count = sum((run.created_at or counts.at) >= since for run in live)
        is_equal = not is_comparable or server_count in (len(live), count)
        self._reconciliation.compare_counts(is_equal=is_equal, now_s=self._parts.clock.monotonic_s())

    def _requests_per_s(self) -> float:
        """Return how many requests polling may send a second, on average."""
        refill = self._parts.fetcher.budget.refill
        return refill.share * SHARES[Priority.LIST] / refill.period_s

    def _next_interval_s(self) -> float:
        """Return the seconds from the start of this cycle to the next.

        The interval grows while nothing changes, while the budget is short, and after a cycle of many requests.
        """
        quiet_s = self._parts.clock.monotonic_s() - self._lister.pages.changed_s
        factor = 1.0 if self._parts.coverage.is_live else min(MAX_INTERVAL_FACTOR, max(1.0, quiet_s / QUIET_AFTER_S))
        rate = self._parts.fetcher.budget.latest
        if rate is not None and rate.remaining < rate.limit / 4:
            factor = max(factor, 2.0)
        return max(self._parts.interval() * factor, self._lister.pages.request_count / self._requests_per_s())
