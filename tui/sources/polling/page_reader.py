"""Reads single pages of the runs list and emits their rows."""

from dataclasses import replace
from datetime import datetime

from tui.domain.filters import TASK_QUEUE_PREFIX, RunFilters, fingerprint_of
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
    """Reads pages, counts the requests, and records when a page last had a change."""

    def __init__(self, fetcher: RunFetcher, store: KnownRuns, clock: Clock, coverage: Coverage) -> None:
        self.fetcher = fetcher
        self.store = store
        self._coverage = coverage
        self._clock = clock
        self.request_count = 0
        self.read_at: datetime = clock.now()
        self.changed_s = clock.monotonic_s()

    async def read(
        self,
        emit: Emit,
        filters: RunFilters,
        *,
        after: Cursor | None = None,
        size: int = PAGE_SIZE,
        priority: Priority = Priority.LIST,
    ) -> ListPage:
        """Read one page, emit its rows, and return it. Raises `ApiError`."""
        self.request_count += 1
        page = await self.fetcher.fetch_page(filters, priority, after=after, size=size)
        if any(self._is_newer(patch) for patch in page.patches):
            self.changed_s = self._clock.monotonic_s()
        self.read_at = page.read_at
        self._coverage.compare(page.patches, self.store, page.read_at)
        await emit(RunsRead(with_filtered_fields(filters, page.patches)))
        self._coverage.list_started.set()
        return page

    def _is_newer(self, patch: RunPatch) -> bool:
        known = self.store.get(patch.id)
        if known is None or known.state is None or patch.state is None:
            return True
        return known.state.updated_at < patch.state.updated_at


def with_filtered_fields(filters: RunFilters, patches: tuple[RunPatch, ...]) -> tuple[RunPatch, ...]:
    """Return rows with their queue, machine and error group, which no row has, if the filters name a single one.

    A row that has not failed is in no group: the server does not know the filter, and its rows may be of any error.
    """
    machine = Raw(filters.machines[0]) if len(filters.machines) == 1 else None
    group = Raw(fingerprint_of(filters.errors[0])) if len(filters.errors) == 1 else None
    if len(filters.queues) != 1 and machine is None and group is None:
        return patches
    if not all(patch.state is not None and patch.state.status.canonical.is_failed for patch in patches):
        group = None
    return tuple(
        replace(
            patch,
            fixed=replace(patch.fixed or Fixed(), queue=_queue_of(filters, patch), machine=machine, error_group=group),
        )
        for patch in patches
    )


def _queue_of(filters: RunFilters, patch: RunPatch) -> Raw | None:
    """Return the queue of a row. A filter by a bare name also matches the task's own queue of that name."""
    if len(filters.queues) != 1:
        return None
    name = filters.queues[0]
    is_of_task = patch.fixed is not None and patch.fixed.task == name
    return Raw(TASK_QUEUE_PREFIX + name if is_of_task else name)
