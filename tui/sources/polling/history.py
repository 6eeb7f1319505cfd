"""Reads the older pages of the list, from page one back to the start of the period.

While the history is incomplete, each poll cycle reads one page with the priority of polling, then more pages while the
budget has room for history.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from tui.domain.filters import RunFilters
from tui.domain.ids import Cursor
from tui.domain.update import HistoryRead
from tui.sources.base import Emit, KnownRuns
from tui.sources.budget import Priority
from tui.sources.clock import Clock
from tui.sources.paging import Paging
from tui.sources.polling.page_reader import PageReader
from tui.sources.run_fetcher import RunFetcher
from tui.wire.errors import TooExpensive
from tui.wire.runs import ListPage


class HistoryReader:
    """Reads at most `max_runs` runs, none older than `age`. It keeps its cursor between poll cycles."""

    def __init__(
        self,
        fetcher: RunFetcher,
        store: KnownRuns,
        clock: Clock,
        pages: PageReader,
        *,
        filters: RunFilters,
        age: timedelta,
        max_runs: int,
    ) -> None:
        self._fetcher = fetcher
        self._store = store
        self._clock = clock
        self._pages = pages
        self._filters = filters
        self._age = age
        self._max_runs = max_runs
        self._paging = Paging()
        self._is_cut = self._has_gap = False
        self._run_count = 0
        self._unreadable_at: datetime | None = None
        self.has_started = False
        self.is_complete = False

    async def start(self, emit: Emit, page: ListPage) -> None:
        """Start after page one, which the caller has read."""
        self.has_started = True
        self._run_count = len(page.patches)
        await self._emit_progress(emit, page)

    def resume_at(self, cursor: Cursor | None) -> None:
        """Start again at `cursor`, where the reading of new runs stopped at its bound."""
        self._paging, self._run_count, self.is_complete = Paging(), 0, False
        self._paging.cursor = cursor

    async def set_gap(self, emit: Emit, *, has_gap: bool) -> None:
        """Record whether the pages of new runs ended before they reached the known ones."""
        if has_gap != self._has_gap:
            self._has_gap = has_gap
            if (known := self._store.history) is not None:
                await emit(replace(known, is_cut=self._is_cut or has_gap))

    async def record(self, emit: Emit, page: ListPage) -> None:
        """Tell that a page of newer runs has rows that could not be read. `emit` receives it."""
        if page.unreadable and (known := self._store.history) is not None:
            self._unreadable_at = self._fetcher.now()
            await emit(replace(known, unreadable_at=self._unreadable_at))

    async def read(self, emit: Emit, until_s: float) -> None:
        """Read one page, then more until the monotonic time `until_s` while the budget has room for history.

        If the server refuses an older page as too expensive (422), the history ends, and polling continues.
        """
        try:
            await self._read_page(emit, Priority.LIST)
            while (
                not self.is_complete
                and self._clock.monotonic_s() < until_s
                and self._fetcher.budget.room(Priority.HISTORY) > 0
            ):
                await self._read_page(emit, Priority.HISTORY)
        except TooExpensive as error:
            if (known := self._store.history) is None:
                raise
            self.is_complete = self._is_cut = True
            self._fetcher.api.on_truncated(f"{error}: older runs are not read; a shorter period needs fewer pages")
            await emit(replace(known, is_complete=True, is_cut=True))

    async def _read_page(self, emit: Emit, priority: Priority) -> None:
        page = await self._pages.read(emit, self._filters, after=self._paging.cursor, priority=priority)
        self._run_count += len(page.patches)
        await self._emit_progress(emit, page)

    async def _emit_progress(self, emit: Emit, page: ListPage) -> None:
        self._paging.add([patch.id for patch in page.patches], page.next)
        if page.unreadable and self._unreadable_at is None:
            known = self._store.history
            self._unreadable_at = self._fetcher.now() if known is None else known.reached
        created = [patch.created_at for patch in page.patches if patch.created_at]
        # Scheduled runs may be created in the future, also all of a page.
        reached = min([*created, self._fetcher.now()]) if created else None
        is_old = reached is not None and reached < self._fetcher.now() - self._age
        is_full = self._run_count >= self._max_runs
        is_short = self._paging.is_endless or (is_full and not self._paging.is_done)
        self._is_cut = page.is_cut or (is_short and not is_old)
        self.is_complete = self._paging.is_done or is_old or self._is_cut
        if reached is None:
            known = self._store.history
            reached = known.reached if known is not None else self._fetcher.now()
        is_cut = self._is_cut or self._has_gap
        await emit(HistoryRead(reached, self._run_count, self.is_complete, is_cut, self._unreadable_at))
