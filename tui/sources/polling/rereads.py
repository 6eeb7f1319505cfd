"""Re-reads runs whose outcome is unknown: they dropped out of the live set, or the feed reported them only in part.

One page of a window of creation time finds many of them (see `scan`). A run that no list shows is read by its id.

Source: tests/wire/recordings/README.md §3.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from tui.domain.filters import RunFilters
from tui.domain.ids import Cursor, RunId, TaskId
from tui.domain.run import Run
from tui.sources.base import Emit
from tui.sources.budget import Priority
from tui.sources.polling.page_reader import PageReader
from tui.sources.polling.scan import CREATED_SLACK, PAGE_SIZE, Density, Window, plan_windows
from tui.store.orders import EPOCH
from tui.wire.errors import NotFound, Refused, ServerFault
from tui.wire.runs import ListPage

SINGLE_PAGE_SIZE = 10
"""The page size for a window around a single run, which also contains other runs of the same millisecond."""

MAX_SINGLE_PAGES = 3
"""Pages of a window around a single run, before the run is read by its id."""

MAX_DENSITY_FACTOR = 4
"""How much denser than planned a window may count, since the density of one burst is not that of all older runs."""


class RereadQueue:
    """Runs to read again, as long as `is_needed` holds for them. A window continues over poll cycles."""

    def __init__(self, pages: PageReader, filters: RunFilters, is_needed: Callable[[RunId], bool]) -> None:
        self._pages = pages
        self._is_needed = is_needed
        # No period, which would move away from a window; no statuses, which an ended run no longer matches.
        self._filters = replace(filters, statuses=(), period=None)
        self._listed: set[RunId] = set()
        """Runs that a list is expected to show."""
        self._unlisted: dict[RunId, None] = {}
        """Runs to read by id, those that wait longest first. Each scan may add them again."""
        self._density = Density()
        self._window: Window | None = None
        self._page_count = 0
        """Pages read of the window."""
        self._cursor: Cursor | None = None
        self._cursors: set[Cursor] = set()
        self._is_oldest_first = False

    def add(self, run_ids: Iterable[RunId]) -> None:
        """Add runs that a scan should have found and did not."""
        self._density.decay()
        self._listed.update(run_id for run_id in run_ids if run_id not in self._unlisted)

    def add_unlisted(self, run_ids: Iterable[RunId]) -> None:
        """Add runs that no list shows."""
        self._unlisted |= dict.fromkeys(run_ids)

    @property
    def is_empty(self) -> bool:
        """Whether no run is to be read again."""
        return not self._listed and not self._unlisted

    @property
    def page_count(self) -> int:
        """Return how many full pages the runs would fill, which is the least number of requests that finds them."""
        return len(self._listed) // PAGE_SIZE

    async def read(self, emit: Emit, max_requests: int, *, max_single_reads: int | None = None) -> None:
        """Spend up to `max_requests` requests, at most `max_single_reads` of them on runs that no list shows.

        The last request is for such a run, if there is one.
        """
        single_reads_left = max_requests if max_single_reads is None else max_single_reads
        self._drop_unneeded()
        for requests_left in range(max_requests, 0, -1):
            if self._unlisted and single_reads_left > 0 and (requests_left == 1 or not self._listed):
                single_reads_left -= 1
                await self._read_single(next(iter(self._unlisted)))
            elif self._window is not None or self._next_window():
                await self._read_window(emit)
            elif not self._unlisted:
                return

    def _drop_unneeded(self) -> None:
        self._listed = {run_id for run_id in self._listed if self._is_needed(run_id)}
        self._unlisted = {run_id: None for run_id in self._unlisted if self._is_needed(run_id)}

    def _next_window(self) -> bool:
        store = self._pages.store
        runs = [run for run_id in self._listed if (run := store.get(run_id)) is not None]
        known_ranks = {run.id: float(store.created_rank(run.id)) for run in runs}
        found, undated = plan_windows(runs, self._ranks(None, runs, known_ranks).__getitem__)
        self._unlisted |= dict.fromkeys(undated)
        self._listed.difference_update(undated)
        found = sorted((*found, *self._windows_by_task(runs, known_ranks)), key=lambda window: -len(window.run_ids))
        self._window, self._cursor, self._page_count = (found[0] if found else None), None, 0
        # Alternate between the fullest window and that of the run that waits longest, so that no single run starves.
        self._is_oldest_first = not self._is_oldest_first
        if self._is_oldest_first and runs:
            oldest = min(runs, key=lambda run: run.read_at or EPOCH).id
            self._window = next((window for window in found if oldest in window.run_ids), self._window)
        self._cursors.clear()
        return self._window is not None

    def _windows_by_task(self, runs: Iterable[Run], known_ranks: Mapping[RunId, float]) -> Iterator[Window]:
        """Yield windows over the runs of a single task. Long runs are often of few tasks, and far apart in the list."""
        by_task: dict[TaskId, list[Run]] = {}
        for run in runs:
            if run.fixed.task is not None:
                by_task.setdefault(run.fixed.task, []).append(run)
        store = self._pages.store
        for task, of_task in by_task.items():
            # Assume that the task has the same share of the runs everywhere, until a page shows more.
            share = store.task_count(task) / len(store)
            ranks = self._ranks(task, of_task, {run.id: known_ranks[run.id] * share for run in of_task})
            found, _ = plan_windows(of_task, ranks.__getitem__)
            yield from (replace(window, task=task) for window in found)

    def _ranks(
        self, task: TaskId | None, runs: Iterable[Run], known_ranks: Mapping[RunId, float]
    ) -> dict[RunId, float]:
        now, density = self._pages.read_at, self._density
        return {run.id: density.rank(task, known_ranks[run.id], now - (run.created_at or now)) for run in runs}

    async def _read_window(self, emit: Emit) -> None:
        window = self._window
        if window is None:
            return
        filters = replace(self._filters, created_from=window.created_from, created_to=window.created_to)
        filters = filters if window.task is None else replace(filters, tasks=(window.task,))
        size = PAGE_SIZE if len(window.run_ids) > 1 else SINGLE_PAGE_SIZE
        page = await self._pages.read(emit, filters, after=self._cursor, size=size)
        self._page_count += 1
        self._listed.difference_update(patch.id for patch in page.patches)
        missing = self._listed.intersection(window.run_ids)
        is_over = page.next is None or page.next in self._cursors
        is_lost = len(window.run_ids) == 1 and self._page_count >= MAX_SINGLE_PAGES
        if not missing or is_over or is_lost:
            self._window = None
            self._move_to_unlisted(missing)
        elif len(window.run_ids) > 1 and (lost := self._lost(window, page, missing)) is not None:
            self._window = None
            self._move_to_unlisted(lost)
        elif page.next is not None:
            self._cursor = page.next
            self._cursors.add(page.next)

    def _move_to_unlisted(self, run_ids: set[RunId]) -> None:
        self._listed -= run_ids
        self._unlisted |= dict.fromkeys(sorted(run_ids))

    def _lost(self, window: Window, page: ListPage, missing: set[RunId]) -> set[RunId] | None:
        """Return the runs to read by id if new, narrower windows would find the others sooner, else None.

        There must be progress, or the same window would be formed again. So the lost runs are those that the pages have
        passed, those of one crowded moment that fills page after page, and all where the server returns empty pages
        without end.
        """
        created = [patch.created_at for patch in page.patches if patch.created_at]
        reached, newest = min(created, default=None), window.created_to - CREATED_SLACK
        if reached is None or reached >= newest:
            lost = {run_id for run_id in missing if reached is None or self._created_at(run_id) >= newest}
            return None if self._page_count <= len(lost) else lost
        covered = window.created_to - reached
        min_covered = self._page_count * (window.created_to - window.created_from) / MAX_DENSITY_FACTOR
        self._density.record(window.task, self._page_count * PAGE_SIZE, max(covered, min_covered))
        # Pages still to read if the rest of the window is as dense as its pages so far.
        if self._page_count * (reached - window.created_from) / covered <= len(missing):
            return None
        return {run_id for run_id in missing if self._created_at(run_id) > reached}

    def _created_at(self, run_id: RunId) -> datetime:
        run = self._pages.store.get(run_id)
        return EPOCH if run is None else run.created_at or EPOCH

    async def _read_single(self, run_id: RunId) -> None:
        """Read a run by its id. If that fails, the next scan adds it again, and others are not held up.

        After no answer, or a 429, it stays queued: the feed may have reported it for the last time.
        """
        self._pages.request_count += 1
        try:
            await self._pages.fetcher.fetch_run(run_id, Priority.LIST)
        except (NotFound, ServerFault):
            pass
        except Refused as error:
            if error.is_about_the_key:
                raise
        self._unlisted.pop(run_id, None)
