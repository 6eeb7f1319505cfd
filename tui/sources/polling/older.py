"""Finds live runs that are older than the period of the list: no page of the list and no feed shows them.

What lives here: one pass over them by status, a few pages a cycle, and what became of those that it did not meet. When
a pass begins is `rest`'s. Source: wire/README.md §3, recordings 2602, 2603, 2611.
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
"""Of one pass; a server with more of them is said to have more."""

MAX_PAGES_A_CYCLE: Final = 3
"""The newest runs must not wait for the oldest."""

MAX_PAGES: Final = 2 * MAX_OLDER_RUNS // PAGE_SIZE
"""Of one pass: pages may be short or empty, and a server may have no end of them."""


class OlderRuns:
    """Reads the live runs created more than `age` ago. One pass is a few pages, over as many cycles as it needs."""

    def __init__(self, lister: PageReader, filters: RunFilters, age: timedelta) -> None:
        self._lister = lister
        self._age = age
        self._filters = replace(filters, statuses=live_statuses(filters.statuses), period=None)
        self._matching = with_server_filters(filters, EVERYTHING)
        self._scan: Scan | None = None
        self._bounded = self._filters
        self._met: dict[RunId, datetime | None] = {}
        """The runs of this pass, with their creation."""
        self._paid = 0
        """Pages of this pass."""
        self._began: datetime | None = None
        self.is_cut = False
        """The last pass ended at its bound: the server has more of these runs."""
        self.read_until: datetime | None = None
        """The last pass that came to its end began then."""

    @property
    def is_scanning(self) -> bool:
        """Whether a pass is not at its end."""
        return self._scan is not None

    def reset(self) -> None:
        """Drop a pass that was interrupted."""
        self._scan = None

    def give_up(self) -> None:
        """Drop a pass that the server refused: there may be more of these runs than are known."""
        self._scan, self.is_cut = None, True

    def known(self, now: datetime) -> frozenset[RunId]:
        """The live runs of the store that are older than the period and match the filters."""
        store = self._lister.store
        live = (run for run_id in store.live() if (run := store.get(run_id)) is not None)
        return frozenset(run.id for run in live if is_before(run, now - self._age) and self._matching.matches(run))

    async def read(self, emit: Emit, now: datetime, *, begins: bool) -> frozenset[RunId] | None:
        """Continue the pass, or begin one. At its end return the known runs that it should have met and did not.

        None: the pass is not at its end.
        """
        if not self._filters.statuses:
            return frozenset()
        if self._scan is None:
            if not begins:
                return None
            # Fixed bounds: with a period, which moves, a run could slip out between two pages.
            self._bounded = replace(self._filters, created_from=now - MAX_PERIOD, created_to=now - self._age)
            self._met, self._paid = {}, 0
            self._scan, self._began = Scan(self._filters.statuses, self.known(now)), now
        for _ in range(MAX_PAGES_A_CYCLE):
            page = await self._lister.page(emit, self._bounded, after=self._scan.cursor)
            self._scan.take((patch.id for patch in page.patches), page.next)
            self._paid += 1
            self._met |= {patch.id: patch.fixed.created_at if patch.fixed else None for patch in page.patches}
            is_full = len(self._met) > MAX_OLDER_RUNS - PAGE_SIZE or self._paid >= MAX_PAGES
            if self._scan.is_done or is_full:
                return self._end(self._scan)
        return None

    def _end(self, scan: Scan) -> frozenset[RunId]:
        self._scan = None
        self.is_cut, self.read_until = not scan.is_done, self._began
        if not self.is_cut:
            return scan.left
        # The pass did not look at what is older than its last page: that it missed those runs says nothing.
        reached = min((created for created in self._met.values() if created is not None), default=None)
        runs = map(self._lister.store.get, scan.left)
        return frozenset(run.id for run in runs if run and reached is not None and not is_before(run, reached))


def is_before(run: Run, moment: datetime) -> bool:
    """Whether a run was created before a moment; of one whose creation is not known, no."""
    return run.fixed.created_at is not None and run.fixed.created_at < moment
