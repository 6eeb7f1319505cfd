"""The runs list read whole, a stretch at a time: new runs, those that live, those that ended, the history.

What lives here: the steps of polling, each of which goes on where it was, and what they have reached together. In which
order they are taken, and how often, is `rest`'s. The list is ordered by creation, so a change of an older run never
reaches page one: page one finds new runs, scans by status find those that live, windows those that ended. Source:
DESIGN §4, §5; wire/README.md §3; issue "Core" §5.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tui.domain.filters import RunFilters, period_text
from tui.domain.ids import Cursor, RunId
from tui.domain.status import LIVE, RunStatus
from tui.sources.base import Emit, KnownRuns
from tui.sources.clock import Clock
from tui.sources.polling.history import HistoryReader
from tui.sources.polling.list_progress import ListProgress, Part
from tui.sources.polling.newest import LIST_DELAY, NewestRuns
from tui.sources.polling.older import OlderRuns, is_before
from tui.sources.polling.page_reader import PageReader
from tui.sources.polling.rereads import RereadQueue
from tui.sources.polling.scan import PAGE_SIZE, QUEUED, QUEUED_STATUSES, RUNNING, RUNNING_STATUSES, Scan
from tui.sources.realtime.coverage import Coverage, lacks_list
from tui.sources.run_fetcher import RunFetcher
from tui.store.filter import EVERYTHING
from tui.store.server_filter import with_server_filters
from tui.wire.errors import Refused

CATCH_UP_PAGES: Final = 50
"""Of one catch-up: as many runs as the history has by default. What is older, the history reads."""

SMALLEST_PAGE: Final = 20
"""Of page one in a quiet fleet: enough that a run which shows up late (0.3-1.0 s recorded) is still among them."""

SCAN_REQUESTS: Final = 3
"""Of every cycle at least: what runs, ended and waits must not starve behind what is created."""

MOST_LEAVER_REQUESTS: Final = 16
"""Of a cycle: it may take four seconds then, and page one must not wait longer."""

MAX_SINGLE_OLDER: Final = 20
"""Up to so many older runs are read by id: they stand far apart, so that no page of the list holds two of them."""


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """How much of the past is read at the start."""

    age: timedelta
    max_runs: int


class RunLister:
    """The steps, over cycles. `lister` counts what they cost.

    Longer than 200 lines: the steps hand each other the runs that they did not meet.
    """

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
        self._clock = clock
        self._history_limits = history
        if not filters.has_window:
            filters = replace(filters, period=period_text(history.age))
        self._filters = filters
        self._coverage = coverage
        self.lister = PageReader(fetcher, store, clock, coverage)
        self._leavers = RereadQueue(self.lister, filters, self._lives)
        self._lacking = RereadQueue(self.lister, filters, self._lacks)
        self._hidden = RereadQueue(self.lister, filters, self._lives)
        """Live runs of before a narrower filter: no list shows them, and nobody waits for them."""
        self.older = OlderRuns(self.lister, filters, history.age)
        self._wanted = with_server_filters(replace(filters, statuses=()), EVERYTHING)
        self._edge = NewestRuns()
        self._page_size = PAGE_SIZE
        self.history = HistoryReader(
            fetcher, store, clock, self.lister, filters=filters, age=history.age, max_runs=history.max_runs
        )
        self._scans: dict[Part, Scan] = {}
        self._progress = ListProgress()

    def begin_anew(self) -> None:
        """After a failure: what a scan has met by now may have changed since."""
        self._scans.clear()
        self._progress = self._progress.restart()
        self.older.reset()
        self._reread_older(self.older.known(self._fetcher.now()))

    @property
    def caught_up_at(self) -> datetime | None:
        """The moment before which every change was read; None while something is still to be read: what ended unseen is
        in the history alone. Lists tell a change a little late.
        """
        until = self._progress.complete_until
        is_complete = self.history.is_complete and self._leavers.is_empty
        return until - LIST_DELAY if until is not None and is_complete else None

    @property
    def is_live_known(self) -> bool:
        """Whether every live run that matches the filters is known, whatever its age."""
        return not self.older.is_cut and self._progress.has_all_live(self.older.read_until)

    async def look_around(self, emit: Emit, room: int) -> None:
        """Go on with everything: new runs, then those that run, then those that ended, then a stretch of the queue."""
        await self.read_new(emit)
        await self.scan(emit, max(SCAN_REQUESTS, room - self.lister.spent))

    async def scan(self, emit: Emit, room: int, *, begins: bool = True) -> None:
        """Go on with the live runs, and those that ended, for about so many requests; `begins`: with the live ones over
        again where they were read to the end.
        """
        await self._hidden.read(emit, 1)
        until = self.lister.spent + room
        are_few = len(self._store.live()) <= PAGE_SIZE
        # A pass that grew or shrank past a page on its way is of other parts now, and read over again from its start.
        begins = begins or self._is_of_other_parts(are_few=are_few)
        if are_few:
            self._scans.pop(Part.QUEUED, None)
            if begins or Part.RUNNING in self._scans:
                await self._step(emit, RUNNING + QUEUED, LIVE, 1, (Part.RUNNING, Part.QUEUED))
            await self._leavers.read(emit, until - self.lister.spent)
            return
        if begins or Part.RUNNING in self._scans:
            await self._step(emit, RUNNING, RUNNING_STATUSES, max(1, room // 2), (Part.RUNNING,))
        # A torrent of ends makes the cycle longer rather than wait: read late, each of them costs no more.
        backlog = min(MOST_LEAVER_REQUESTS, self._leavers.pages)
        await self._leavers.read(emit, max(1, until - self.lister.spent - 1, backlog))
        if begins or Part.QUEUED in self._scans:
            await self._step(emit, QUEUED, QUEUED_STATUSES, max(1, until - self.lister.spent), (Part.QUEUED,))

    async def sweep(self, emit: Emit, *, begins: bool) -> None:
        """Continue with the live runs that are older than the period; `begins`: start a pass if none is under way."""
        try:
            left = await self.older.read(emit, self._fetcher.now(), begins=begins)
        except Refused as error:
            # A window that is too wide for this server (422) must not end the list of the period.
            if error.is_about_the_key:
                raise
            self.older.give_up()
            return
        if left:
            self._reread_older(left)

    def _reread_older(self, run_ids: frozenset[RunId]) -> None:
        if len(run_ids) <= MAX_SINGLE_OLDER:
            self._leavers.add_unlisted(sorted(run_ids))
        else:
            self._leavers.add(run_ids)

    async def fill(self, emit: Emit, room: int) -> None:
        """Read what a feed could not tell of runs that it told of. What no list shows yet is read one by one, and there
        may be much of it: while runs that ended are looked for, they come first.
        """
        self._lacking.add(self._coverage.take_lacking(self._fetcher.now()))
        await self._lacking.read(emit, room, singles=1 if self.is_scanning else None)

    async def read_new(self, emit: Emit) -> None:
        """Page one, and on until a page shows nothing that page one did not reach before (or a bound)."""
        began = self._fetcher.now()
        cursor: Cursor | None = None
        arrived = 0
        for number in range(CATCH_UP_PAGES):
            size = PAGE_SIZE if number else self._page_size
            page = await self.lister.page(emit, self._filters, after=cursor, size=size)
            news = self._edge.take(page)
            arrived += news
            if not self.history.has_started:
                await self.history.start(emit, page)
                break
            is_known = self._edge.is_past(page) or (page.patches and not news)
            if page.next is None or page.next == cursor or is_known:
                break
            cursor = page.next
        else:
            # More than a catch-up may take: the history reads on from here, through what is known already.
            self.history.resume_at(cursor)
            self._progress = self._progress.skip(began)
        self._edge.advance()
        self._page_size = min(PAGE_SIZE, max(SMALLEST_PAGE, 2 * arrived))
        self._progress = self._progress.start([Part.NEWEST], began).finish([Part.NEWEST])

    async def _step(
        self,
        emit: Emit,
        words: tuple[str, ...],
        statuses: frozenset[RunStatus],
        pages: int,
        parts: tuple[Part, ...],
    ) -> None:
        """Go on with the scan of these parts for some pages, or begin one; a finished one hands over who left."""
        scan = self._scans.get(parts[0])
        if scan is None or scan.words != words:
            began = self._fetcher.now()
            expected = frozenset(run_id for status in statuses for run_id in self._store.with_status(status))
            if self._filters.statuses and not expected and not set(words).intersection(self._filters.statuses):
                self._progress = self._progress.start(parts, began).finish(parts)
                return
            scan = self._scans[parts[0]] = Scan(words, expected)
            self._progress = self._progress.start(parts, began)
        # Whatever statuses the user asked for: a run that he was shown must not keep a status that it left.
        filters = replace(self._filters, statuses=words)
        for _ in range(pages):
            page = await self.lister.page(emit, filters, after=scan.cursor)
            scan.take((patch.id for patch in page.patches), page.next)
            if page.is_cut:
                self._progress = self._progress.skip(self._fetcher.now())
            if scan.is_done:
                left = [run for run in map(self._store.get, scan.left) if run is not None and run.status in statuses]
                # No page of the period shows an older run: those are left to `sweep`.
                left = [run for run in left if not is_before(run, self._fetcher.now() - self._history_limits.age)]
                self._leavers.add(run.id for run in left if self._wanted.matches(run))
                self._hidden.add_unlisted(run.id for run in left if not self._wanted.matches(run))
                self._progress = self._progress.finish(parts)
                del self._scans[parts[0]]
                return

    @property
    def is_scanning(self) -> bool:
        """Whether a pass over the live runs is not at its end."""
        return bool(self._scans) or not self._leavers.is_empty

    def _is_of_other_parts(self, *, are_few: bool) -> bool:
        running = self._scans.get(Part.RUNNING)
        return Part.QUEUED in self._scans if are_few else running is not None and running.words != RUNNING

    def _lives(self, run_id: RunId) -> bool:
        return run_id in self._store.live()

    def _lacks(self, run_id: RunId) -> bool:
        run = self._store.get(run_id)
        return run is not None and lacks_list(run)
