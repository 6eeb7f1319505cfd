"""Finds live runs that are older than the period of the list, which neither the list nor the feed shows.

Source: tests/wire/recordings/README.md §3, recordings 2602, 2603 and 2611.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tui.domain.filters import MAX_PERIOD, RunFilters
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.status import live_statuses
from tui.sources.base import Emit
from tui.sources.polling.page_reader import PageReader
from tui.sources.polling.scan import PAGE_SIZE, Scan
from tui.store.filter import EVERYTHING
from tui.store.server_filter import with_server_filters

MAX_OLDER_RUNS: Final = 1_000
"""The most runs of one pass. If there are more, `is_cut` is set."""

MAX_PAGES_A_CYCLE: Final = 3
"""A small number, so that new runs do not wait for old ones."""

MAX_PAGES: Final = 2 * MAX_OLDER_RUNS // PAGE_SIZE
"""The most pages of one pass. They may be short or empty, and the server does not bound their number."""


class OlderRuns:
    """Reads the live runs created more than `age` ago. A pass continues over poll cycles."""

    def __init__(self, pages: PageReader, filters: RunFilters, age: timedelta) -> None:
        self._pages = pages
        self._age = age
        self._filters = replace(filters, statuses=live_statuses(filters.statuses), period=None)
        self._filter = with_server_filters(filters, EVERYTHING)
        self._scan: Scan | None = None
        self._bounded_filters = self._filters
        self._found: dict[RunId, datetime | None] = {}
        """The runs of this pass, with their creation times."""
        self._page_count = 0
        """Pages of this pass."""
        self._started_at: datetime | None = None
        self.is_cut = False
        """The last pass stopped at a bound or was refused, so the server may have more of these runs."""
        self.read_until: datetime | None = None
        """When the last finished pass started."""

    @property
    def is_scanning(self) -> bool:
        """Whether a pass is in progress."""
        return self._scan is not None

    def reset(self) -> None:
        """Drop the pass in progress."""
        self._scan = None

    def abandon(self) -> None:
        """Drop a pass that the server refused. There may be more of these runs than are known."""
        self._scan, self.is_cut = None, True

    def known_ids(self, now: datetime) -> frozenset[RunId]:
        """Return the live runs of the store that are older than the period and match the filters."""
        store = self._pages.store
        live = (run for run_id in store.live() if (run := store.get(run_id)) is not None)
        return frozenset(run.id for run in live if is_before(run, now - self._age) and self._filter.matches(run))

    async def read(self, emit: Emit, now: datetime, *, may_start: bool) -> frozenset[RunId] | None:
        """Continue the pass, or start one. At its end, return the known runs that it should have found and did not.

        Return None while no pass has finished.
        """
        if not self._filters.statuses or self._filters.created_from is not None:
            return frozenset()  # of a span of time, no run is older than its begin
        if self._scan is None:
            if not may_start:
                return None
            # Use fixed bounds: a period moves, and a run could leave it between two pages.
            self._bounded_filters = replace(self._filters, created_from=now - MAX_PERIOD, created_to=now - self._age)
            self._found, self._page_count = {}, 0
            self._scan, self._started_at = Scan(self._filters.statuses, self.known_ids(now)), now
        for _ in range(MAX_PAGES_A_CYCLE):
            page = await self._pages.read(emit, self._bounded_filters, after=self._scan.paging.cursor)
            self._scan.add_page(page)
            self._page_count += 1
            self._found |= {patch.id: patch.created_at for patch in page.patches}
            is_full = len(self._found) > MAX_OLDER_RUNS - PAGE_SIZE or self._page_count >= MAX_PAGES
            if self._scan.paging.is_done or is_full:
                return self._end(self._scan)
        return None

    def _end(self, scan: Scan) -> frozenset[RunId]:
        self._scan = None
        paging = scan.paging
        self.is_cut, self.read_until = not paging.is_done or paging.is_endless, self._started_at
        if not self.is_cut:
            return scan.missing
        # The pass did not reach runs older than its last page, so those are not missing.
        reached = min((created for created in self._found.values() if created is not None), default=None)
        runs = map(self._pages.store.get, scan.missing)
        return frozenset(run.id for run in runs if run and reached is not None and not is_before(run, reached))


def is_before(run: Run, moment: datetime) -> bool:
    """Whether a run was created before a moment; False if its creation time is unknown."""
    return run.created_at is not None and run.created_at < moment
