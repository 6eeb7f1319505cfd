"""One page of the runs list: asked for within the budget, emitted, and compared with what was known.

What lives here: what every request for a page has in common. Which pages are asked for is `listing`'s and `leavers`'s.
"""

from dataclasses import replace
from datetime import datetime

from tui.domain.filters import TASK_QUEUE_PREFIX, RunFilters
from tui.domain.ids import Cursor
from tui.domain.run import Fixed
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead
from tui.sources.base import Emit, KnownRuns
from tui.sources.budget import Priority
from tui.sources.clock import Clock
from tui.sources.polling.scan import PAGE_SIZE
from tui.sources.realtime.coverage import Coverage
from tui.sources.run_fetcher import RunFetcher
from tui.wire.runs import ListPage


class PageReader:
    """Asks for pages, and remembers how many requests that took and when something last changed."""

    def __init__(self, fetcher: RunFetcher, store: KnownRuns, clock: Clock, coverage: Coverage) -> None:
        self.fetcher = fetcher
        self.store = store
        self._coverage = coverage
        self._clock = clock
        self.spent = 0
        self.read_at: datetime = clock.now()
        self.changed_s = clock.monotonic_s()

    async def page(
        self,
        emit: Emit,
        filters: RunFilters,
        *,
        after: Cursor | None = None,
        size: int = PAGE_SIZE,
        priority: Priority = Priority.LIST,
    ) -> ListPage:
        """One page, emitted. Raises `ApiError`."""
        self.spent += 1
        page = await self.fetcher.fetch_page(filters, priority, after=after, size=size)
        if any(self._is_news(patch) for patch in page.patches):
            self.changed_s = self._clock.monotonic_s()
        self.read_at = page.read_at
        self._coverage.compare(page.patches, self.store, page.read_at)
        await emit(RunsRead(told_by(filters, page.patches)))
        self._coverage.has_list.set()
        return page

    def _is_news(self, patch: RunPatch) -> bool:
        known = self.store.get(patch.id)
        if known is None or known.state is None or patch.state is None:
            return True
        return known.state.updated_at < patch.state.updated_at


def told_by(filters: RunFilters, patches: tuple[RunPatch, ...]) -> tuple[RunPatch, ...]:
    """Rows with the queue and machine that no row says, where the question for them asked for a single one."""
    machine = Raw(filters.machines[0]) if len(filters.machines) == 1 else None
    if len(filters.queues) != 1 and machine is None:
        return patches
    return tuple(
        replace(patch, fixed=replace(patch.fixed or Fixed(), queue=_queue_of(filters, patch), machine=machine))
        for patch in patches
    )


def _queue_of(filters: RunFilters, patch: RunPatch) -> Raw | None:
    """The queue of a row. Of the two queues that a bare name may mean, a run of that task is in its task's own."""
    if len(filters.queues) != 1:
        return None
    name = filters.queues[0]
    is_of_task = patch.fixed is not None and patch.fixed.task == name
    return Raw(TASK_QUEUE_PREFIX + name if is_of_task else name)
