"""Reads the list of the failed runs of a span of time, newest first, page by page.

Source: tests/wire/recordings/README.md §3 (recordings 021, 2606, 2607).
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from tui.domain.filters import RunFilters
from tui.domain.ids import RunId
from tui.domain.status import FAILED_WORDS
from tui.domain.update import RunsRead
from tui.sources.base import Emit
from tui.sources.budget import Priority
from tui.sources.paging import Paging
from tui.sources.polling.page_reader import with_filtered_fields
from tui.sources.run_fetcher import RunFetcher
from tui.wire.runs import ListPage

PAGE_SIZE: Final = 100
PAGES_A_HUNDRED_RUNS: Final = 2
"""Pages may be short or empty, and the server does not bound their number."""


def failed_filters(followed: RunFilters, since: datetime) -> RunFilters:
    """Return the filters of the failed runs created since a time, among the runs that match the `followed` filters."""
    statuses = tuple(word for word in FAILED_WORDS if not followed.statuses or word in followed.statuses)
    created_from = since if followed.created_from is None else max(since, followed.created_from)
    return replace(followed, statuses=statuses, period=None, created_from=created_from)


class FailedList:
    """The pages of one list, and how far they were read.

    `run_ids` are the runs of the pages, newest first. `is_complete`: there are no more. `is_cut`: reading stopped at
    the maximum of runs, or at that of pages. `unreadable` counts rows that could not be read.
    """

    def __init__(self, fetcher: RunFetcher, emit: Emit, filters: RunFilters, max_runs: int) -> None:
        """`filters` name the statuses of failed runs."""
        self._fetcher = fetcher
        self._emit = emit
        self._filters = filters
        self._max_runs = max_runs
        self._paging = Paging(max_pages=PAGES_A_HUNDRED_RUNS * (1 + max_runs // PAGE_SIZE))
        self.run_ids: dict[RunId, None] = {}
        self.unreadable = 0
        self.is_cut = False
        # Without a status, the list would have all runs.
        self.is_complete = not self._filters.statuses

    @property
    def is_done(self) -> bool:
        """Whether there is no page left to read."""
        return self.is_complete or self.is_cut

    async def read_page(self, priority: Priority) -> ListPage:
        """Read and emit the next page. Raises `ApiError`."""
        page = await self._fetcher.fetch_page(self._filters, priority, after=self._paging.cursor, size=PAGE_SIZE)
        await self._emit(RunsRead(with_filtered_fields(self._filters, page.patches)))
        self._paging.add([patch.id for patch in page.patches], page.next)
        self.unreadable += page.unreadable
        self.run_ids |= dict.fromkeys(patch.id for patch in page.patches)
        is_last = self._paging.is_done and not self._paging.is_endless
        self.is_complete = is_last and len(self.run_ids) <= self._max_runs
        is_bound = self._paging.is_done or len(self.run_ids) >= self._max_runs
        self.is_cut = is_bound and not self.is_complete
        return page
