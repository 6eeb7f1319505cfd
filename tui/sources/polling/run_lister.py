"""Reads the runs list in steps: new runs, live runs, and runs that left the live set.

The list is ordered by creation, so a change of an older run never reaches page one. Page one finds new runs, scans by
status find live runs, and windows of creation time find the runs that ended. Each step continues over poll cycles. When
each step runs is decided in `rest`.

Source: tests/wire/recordings/README.md §3.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tui.domain.filters import RunFilters, period_text
from tui.domain.ids import RunId
from tui.domain.status import LIVE, RunStatus
from tui.lazy_dataclass import dataclass
from tui.sources.base import Emit, KnownRuns
from tui.sources.clock import Clock
from tui.sources.paging import MAX_STALE_PAGES, Paging
from tui.sources.polling.history import HistoryReader
from tui.sources.polling.list_progress import ListProgress, Part
from tui.sources.polling.newest import LIST_DELAY, NewestRuns
from tui.sources.polling.older import OlderRuns, is_before
from tui.sources.polling.page_reader import PageReader
from tui.sources.polling.rereads import RereadQueue
from tui.sources.polling.scan import PAGE_SIZE, QUEUED_STATUSES, QUEUED_WORDS, RUNNING_STATUSES, RUNNING_WORDS, Scan
from tui.sources.realtime.coverage import Coverage, is_incomplete
from tui.sources.run_fetcher import RunFetcher
from tui.store.filter import EVERYTHING
from tui.store.server_filter import with_server_filters
from tui.wire.errors import Refused

MAX_CATCH_UP_PAGES: Final = 50
"""Pages of new runs in one cycle: as many runs as the history has by default. The history reads the runs below them."""

MIN_PAGE_SIZE: Final = 20
"""The size of page one in a quiet environment. It still includes a run that appears 1.0 s late, below newer ones."""

MIN_SCAN_REQUESTS: Final = 3
"""Requests of the scans in every cycle, so that new runs do not starve them."""

MAX_REREAD_REQUESTS: Final = 16
"""Requests of rereads in one cycle. They may take four seconds, and page one must not wait longer."""

MAX_SINGLE_OLDER: Final = 20
"""The most older runs that are read by id. So few are usually too far apart to share a page."""


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """How much of the past is read at the start."""

    age: timedelta
    max_runs: int


class RunLister:
    """The steps of polling. `pages` counts their requests."""

    def __init__(
        self,
        fetcher: RunFetcher,
        store: KnownRuns,
        clock: Clock,
        *,
        history: HistoryLimits,
        filters: RunFilters,
        coverage: Coverage,
    ) -> None:
        self._fetcher = fetcher
        self._store = store
        self._max_age = history.age
        if not filters.has_window:
            filters = replace(filters, period=period_text(history.age))
        self._filters = filters
        self._coverage = coverage
        self.pages = PageReader(fetcher, store, clock, coverage)
        self._departed = RereadQueue(self.pages, filters, self._is_live)
        """Live runs that a scan should have found and did not."""
        self._incomplete = RereadQueue(self.pages, filters, self._is_incomplete)
        """Runs with fields that the feed does not report."""
        self._filtered_out = RereadQueue(self.pages, filters, self._is_live)
        """Live runs from before the filter was narrowed. No list shows them; nothing depends on them."""
        self.older = OlderRuns(self.pages, filters, history.age)
        self._filter = with_server_filters(replace(filters, statuses=()), EVERYTHING)
        self._newest = NewestRuns()
        self._page_size = PAGE_SIZE
        self._is_endless = False
        """The last reading of new runs reached no end. Then each cycle reads one page, until it has a run."""
        self.history = HistoryReader(
            fetcher, store, clock, self.pages, filters=filters, age=history.age, max_runs=history.max_runs
        )
        self._scans: dict[Part, Scan] = {}
        self._progress = ListProgress()

    def restart(self) -> None:
        """Start all scans over after a failure: runs that they had found may have changed."""
        self._scans.clear()
        self._progress = self._progress.restart()
        self.older.reset()
        self._reread_older(self.older.known_ids(self._fetcher.now()))

    @property
    def caught_up_at(self) -> datetime | None:
        """Return the moment before which every change was read, None while something is still unread.

        A run that ended unnoticed is found by the history alone, and lists report a change with a delay.
        """
        until = self._progress.complete_until
        is_complete = self.history.is_complete and self._departed.is_empty
        return until - LIST_DELAY if until is not None and is_complete else None

    @property
    def is_live_known(self) -> bool:
        """Whether every live run that matches the filters is known, whatever its age."""
        return not self.older.is_cut and self._progress.has_all_live(self.older.read_until)

    async def poll(self, emit: Emit, max_requests: int) -> None:
        """Continue every step: new runs, then live runs and those that left the live set."""
        await self.read_new(emit)
        await self.scan(emit, max(MIN_SCAN_REQUESTS, max_requests - self.pages.request_count))

    async def scan(self, emit: Emit, max_requests: int, *, may_start: bool = True) -> None:
        """Continue with live runs, and with those that left the live set, for about `max_requests` requests.

        `may_start`: start the next pass over the live runs where the last one is done.
        """
        await self._filtered_out.read(emit, 1)
        until = self.pages.request_count + max_requests
        fits_one_page = len(self._store.live()) <= PAGE_SIZE
        # When the live set grows or shrinks past one page, its parts change, and the pass starts over.
        may_start = may_start or self._has_other_parts(fits_one_page=fits_one_page)
        if fits_one_page:
            self._scans.pop(Part.QUEUED, None)
            if may_start or Part.RUNNING in self._scans:
                await self._scan_parts(emit, RUNNING_WORDS + QUEUED_WORDS, LIVE, 1, (Part.RUNNING, Part.QUEUED))
            await self._departed.read(emit, until - self.pages.request_count)
            return
        if may_start or Part.RUNNING in self._scans:
            await self._scan_parts(emit, RUNNING_WORDS, RUNNING_STATUSES, max(1, max_requests // 2), (Part.RUNNING,))
        # When many runs end at once, make the cycle longer: reading them later would cost as much.
        backlog = min(MAX_REREAD_REQUESTS, self._departed.page_count)
        await self._departed.read(emit, max(1, until - self.pages.request_count - 1, backlog))
        if may_start or Part.QUEUED in self._scans:
            remaining = max(1, until - self.pages.request_count)
            await self._scan_parts(emit, QUEUED_WORDS, QUEUED_STATUSES, remaining, (Part.QUEUED,))

    async def scan_older(self, emit: Emit, *, may_start: bool) -> None:
        """Continue with the live runs that are older than the period. `may_start`: start a pass if none is running."""
        try:
            missing = await self.older.read(emit, self._fetcher.now(), may_start=may_start)
        except Refused as error:
            # A server may refuse so wide a window (422). That must not stop the list of the period.
            if error.is_about_the_key:
                raise
            self.older.abandon()
            return
        if missing:
            self._reread_older(missing)

    def _reread_older(self, run_ids: frozenset[RunId]) -> None:
        if len(run_ids) <= MAX_SINGLE_OLDER:
            self._departed.add_unlisted(sorted(run_ids))
        else:
            self._departed.add(run_ids)

    async def read_incomplete(self, emit: Emit, max_requests: int) -> None:
        """Read the fields that the feed does not report.

        A run that no list shows yet costs a request of its own. During a scan, only one such request is sent a cycle,
        since runs that left the live set come first.
        """
        self._incomplete.add(self._coverage.take_incomplete(self._fetcher.now()))
        await self._incomplete.read(emit, max_requests, max_single_reads=1 if self.is_scanning else None)

    async def read_new(self, emit: Emit) -> None:
        """Read page one, and more pages until one has no new run."""
        started_at = self._fetcher.now()
        paging = Paging(max_stale=1 if self._is_endless else MAX_STALE_PAGES)
        total_new = 0
        for number in range(MAX_CATCH_UP_PAGES):
            size = PAGE_SIZE if number else self._page_size
            page = await self.pages.read(emit, self._filters, after=paging.cursor, size=size)
            new_count = self._newest.add(page)
            total_new += new_count
            if not self.history.has_started:
                await self.history.start(emit, page)
                break
            await self.history.record(emit, page)
            paging.add([patch.id for patch in page.patches], page.next)
            is_known = self._newest.is_past(page) or (page.patches and not new_count)
            if paging.is_done or is_known:
                await self._record_end(emit, started_at, is_endless=paging.is_endless and not is_known)
                break
        else:
            # The bound is reached: the history continues here, through runs that are known already.
            self.history.resume_at(paging.cursor)
            self._progress = self._progress.skip(started_at)
        self._newest.commit()
        self._page_size = min(PAGE_SIZE, max(MIN_PAGE_SIZE, 2 * total_new))
        self._progress = self._progress.start([Part.NEWEST], started_at).finish([Part.NEWEST])

    async def _record_end(self, emit: Emit, started_at: datetime, *, is_endless: bool) -> None:
        """Record whether the reading of new runs reached its end."""
        self._is_endless = is_endless
        await self.history.set_gap(emit, has_gap=is_endless)
        if is_endless:
            self._progress = self._progress.skip(started_at)

    async def _scan_parts(
        self,
        emit: Emit,
        status_words: tuple[str, ...],
        statuses: frozenset[RunStatus],
        max_pages: int,
        parts: tuple[Part, ...],
    ) -> None:
        """Continue the scan of these parts, or start one. At its end, queue the runs that it did not find."""
        scan = self._scans.get(parts[0])
        if scan is None or scan.status_words != status_words:
            started_at = self._fetcher.now()
            expected = frozenset(run_id for status in statuses for run_id in self._store.with_status(status))
            if self._filters.statuses and not expected and not set(status_words).intersection(self._filters.statuses):
                self._progress = self._progress.start(parts, started_at).finish(parts)
                return
            scan = self._scans[parts[0]] = Scan(status_words, expected)
            self._progress = self._progress.start(parts, started_at)
        # Scan these statuses even if the user filters by others: a run on the screen may have changed into one of them.
        filters = replace(self._filters, statuses=status_words)
        for _ in range(max_pages):
            page = await self.pages.read(emit, filters, after=scan.paging.cursor)
            scan.add_page(page)
            if page.is_cut or scan.paging.is_endless:
                self._progress = self._progress.skip(self._fetcher.now())
            if scan.paging.is_done:
                self._queue_missing(scan, statuses)
                self._progress = self._progress.finish(parts)
                del self._scans[parts[0]]
                return

    def _queue_missing(self, scan: Scan, statuses: frozenset[RunStatus]) -> None:
        missing = [run for run in map(self._store.get, scan.missing) if run is not None and run.status in statuses]
        # No page of the period shows an older run: `scan_older` reads those.
        missing = [run for run in missing if not is_before(run, self._fetcher.now() - self._max_age)]
        self._departed.add(run.id for run in missing if self._filter.matches(run))
        self._filtered_out.add_unlisted(run.id for run in missing if not self._filter.matches(run))

    @property
    def is_scanning(self) -> bool:
        """Whether a pass over the live runs is not done, or runs that it did not find are still unread."""
        return bool(self._scans) or not self._departed.is_empty

    def _has_other_parts(self, *, fits_one_page: bool) -> bool:
        running = self._scans.get(Part.RUNNING)
        return (
            Part.QUEUED in self._scans
            if fits_one_page
            else running is not None and running.status_words != RUNNING_WORDS
        )

    def _is_live(self, run_id: RunId) -> bool:
        return run_id in self._store.live()

    def _is_incomplete(self, run_id: RunId) -> bool:
        run = self._store.get(run_id)
        return run is not None and is_incomplete(run)
