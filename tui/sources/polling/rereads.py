"""Runs that are to be read again, wherever in the list they stand: those that left the live set without a word, those
of which a feed did not tell everything. Many are found with one request.

What lives here: the set of such runs, the window that is being read, and single reads of what no list shows. How
windows are cut is `scan`'s. Source: DESIGN §4; wire/README.md §3.
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
from tui.sources.polling.scan import CREATED_SLACK, PAGE_SIZE, Density, Window, windows
from tui.store.orders import EPOCH
from tui.wire.errors import NotFound, Refused, ServerFault
from tui.wire.runs import ListPage

SINGLE_SIZE = 10
"""Rows asked for where one run is looked for: its neighbours of the same millisecond come along."""

MOST_SINGLE_PAGES = 3
"""Of those, before the run is asked for by its id instead."""

MOST_DENSER = 4
"""Times as crowded as was thought, a page may show a window to be: one burst is no measure of all that is older."""


class RereadQueue:
    """Reads what became of runs; goes on where it was over cycles. A run for which `is_open` does not hold any more was
    read in another way.
    """

    def __init__(self, lister: PageReader, filters: RunFilters, is_open: Callable[[RunId], bool]) -> None:
        self._lister = lister
        self._is_open = is_open
        # A period would move away from under a window, and a run that ended matches its old status no more.
        self._filters = replace(filters, statuses=(), period=None)
        self._left: set[RunId] = set()
        self._unlisted: dict[RunId, None] = {}
        """Each once, those first that wait longest: what no list shows is met by no scan, and added again by each."""
        self._crowds = Density()
        self._window: Window | None = None
        self._paid = 0
        """Pages of the window by now."""
        self._cursor: Cursor | None = None
        self._seen: set[Cursor] = set()
        self._is_fair_turn = False

    def add(self, run_ids: Iterable[RunId]) -> None:
        """Runs that were expected somewhere and not seen."""
        self._crowds.doubt()
        self._left.update(run_id for run_id in run_ids if run_id not in self._unlisted)

    def add_unlisted(self, run_ids: Iterable[RunId]) -> None:
        """Runs that no list shows."""
        self._unlisted |= dict.fromkeys(run_ids)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known to be read again."""
        return not self._left and not self._unlisted

    @property
    def pages(self) -> int:
        """How many full pages of the list they would fill: the least number of requests that could find them all."""
        return len(self._left) // PAGE_SIZE

    async def read(self, emit: Emit, room: int, *, singles: int | None = None) -> None:
        """Spend up to `room` requests on them; the last one on a run that no list shows, if there is any. No more than
        `singles` are for such runs, if that is given.
        """
        singles = room if singles is None else singles
        self._forget_explained()
        for left in range(room, 0, -1):
            if self._unlisted and singles > 0 and (left == 1 or not self._left):
                singles -= 1
                await self._read_single(next(iter(self._unlisted)))
            elif self._window is not None or self._next_window():
                await self._read_window(emit)
            elif not self._unlisted:
                return

    def _forget_explained(self) -> None:
        """Drop those that were read meanwhile in another way."""
        self._left = {run_id for run_id in self._left if self._is_open(run_id)}
        self._unlisted = {run_id: None for run_id in self._unlisted if self._is_open(run_id)}

    def _next_window(self) -> bool:
        store = self._lister.store
        runs = [run for run_id in self._left if (run := store.get(run_id)) is not None]
        ranks = {run.id: float(store.created_rank(run.id)) for run in runs}
        found, unplaced = windows(runs, self._places(None, runs, ranks).__getitem__)
        self._unlisted |= dict.fromkeys(unplaced)
        self._left.difference_update(unplaced)
        found = sorted((*found, *self._of_one_task(runs, ranks)), key=lambda window: -len(window.run_ids))
        self._window, self._cursor, self._paid = (found[0] if found else None), None, 0
        # The fullest first, but every other time the one that waits longest: a lone straggler must not wait for ever.
        self._is_fair_turn = not self._is_fair_turn
        if self._is_fair_turn and runs:
            oldest = min(runs, key=lambda run: run.read_at or EPOCH).id
            self._window = next((window for window in found if oldest in window.run_ids), self._window)
        self._seen.clear()
        return self._window is not None

    def _of_one_task(self, runs: Iterable[Run], ranks: Mapping[RunId, float]) -> Iterator[Window]:
        """Windows over the runs of a task: those that live long are of few tasks, and seldom neighbours in the list."""
        by_task: dict[TaskId, list[Run]] = {}
        for run in runs:
            if run.fixed.task is not None:
                by_task.setdefault(run.fixed.task, []).append(run)
        store = self._lister.store
        for task, of_task in by_task.items():
            # As many of those between two of them are of the same task as of all: a guess, until a page shows more.
            share = len(store.with_task(task)) / len(store)
            places = self._places(task, of_task, {run.id: ranks[run.id] * share for run in of_task})
            found, _ = windows(of_task, places.__getitem__)
            yield from (replace(window, task=task) for window in found)

    def _places(self, task: TaskId | None, runs: Iterable[Run], ranks: Mapping[RunId, float]) -> dict[RunId, float]:
        now = self._lister.read_at
        return {run.id: self._crowds.place(task, ranks[run.id], now - (run.fixed.created_at or now)) for run in runs}

    async def _read_window(self, emit: Emit) -> None:
        window = self._window
        if window is None:
            return
        filters = replace(self._filters, created_from=window.created_from, created_to=window.created_to)
        filters = filters if window.task is None else replace(filters, tasks=(window.task,))
        size = PAGE_SIZE if len(window.run_ids) > 1 else SINGLE_SIZE
        page = await self._lister.page(emit, filters, after=self._cursor, size=size)
        self._paid += 1
        self._left.difference_update(patch.id for patch in page.patches)
        missing = self._left.intersection(window.run_ids)
        is_over = page.next is None or page.next in self._seen
        is_lost = len(window.run_ids) == 1 and self._paid >= MOST_SINGLE_PAGES
        if not missing or is_over or is_lost:
            self._window = None
            self._left -= missing
            self._unlisted |= dict.fromkeys(sorted(missing))
        elif len(window.run_ids) > 1 and self._gives_up(window, page, missing):
            self._window = None
        elif page.next is not None:
            self._cursor = page.next
            self._seen.add(page.next)

    def _gives_up(self, window: Window, page: ListPage, missing: set[RunId]) -> bool:
        """Whether each of those that are missing is sooner found by a window of its own, or with those that are nearer
        than was thought. Never without progress, or the same window would be formed again: what the pages went past is
        not listed, and what stands in a crowd of one moment, of which they show no end, is sooner read by its id. So is
        everything where a server gives empty pages on and on.
        """
        created = [patch.fixed.created_at for patch in page.patches if patch.fixed and patch.fixed.created_at]
        reached, newest = min(created, default=None), window.created_to - CREATED_SLACK
        if reached is None or reached >= newest:
            lost = {run_id for run_id in missing if reached is None or self._created_at(run_id) >= newest}
            if self._paid <= len(lost):
                return False
        else:
            covered = window.created_to - reached
            least = self._paid * (window.created_to - window.created_from) / MOST_DENSER
            self._crowds.learn(window.task, self._paid * PAGE_SIZE, max(covered, least))
            # As many pages more as there would be if runs stand everywhere in it as close as on its pages so far.
            if self._paid * (reached - window.created_from) / covered <= len(missing):
                return False
            lost = {run_id for run_id in missing if self._created_at(run_id) > reached}
        self._left -= lost
        self._unlisted |= dict.fromkeys(sorted(lost))
        return True

    def _created_at(self, run_id: RunId) -> datetime:
        run = self._lister.store.get(run_id)
        return EPOCH if run is None else run.fixed.created_at or EPOCH

    async def _read_single(self, run_id: RunId) -> None:
        """One detail. What cannot be read now is met again by the next scan; it must not stop the others. One that was
        not answered at all waits on: no scan meets again what a feed told of for the last time.
        """
        self._lister.spent += 1
        try:
            await self._lister.fetcher.fetch_run(run_id, Priority.LIST)
        except (NotFound, ServerFault):
            pass
        except Refused as error:
            if error.is_about_the_key:
                raise
        self._unlisted.pop(run_id, None)
