"""Searches the server for runs that may match a filter and are not in the store yet."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from tui.api.errors import ApiError, NotFound
from tui.api.feed import MAX_FEED_WINDOW, MAX_SNAPSHOT_ROWS, FeedTarget
from tui.api.queries import MAX_QUEUE_RUNS, RunsOfQueue, can_quote
from tui.api.runs import ListPage
from tui.domain.filters import (
    MAX_QUERY_PERIOD,
    MAX_SEARCHED_BODIES,
    SEARCH_PERIOD,
    RunFilters,
    SearchProgress,
    SearchStep,
)
from tui.domain.run import Cursor, Fixed, RunId
from tui.domain.text import Raw
from tui.domain.update import HistoryRead, RunPatch, RunsRead
from tui.lazy_dataclass import dataclass
from tui.store.filter import EVERYTHING, lacks_body
from tui.store.server_filter import SearchPlan, with_server_filters
from tui.store.store import Store
from tui.sync.clock import Clock
from tui.sync.failures import ErrorFetcher, lacks_error, sentence_of
from tui.sync.fetch import RunFetcher
from tui.sync.lists import with_filtered_fields
from tui.sync.reads import ENDLESS, Paging, Priority
from tui.text.formatting import plural

# The scope of a search: its plan, the filters of the session, and the period of the list.


@dataclass(frozen=True, slots=True)
class SearchScope:
    """The plan of a search, the server filters that the session follows, and the start of the list's period.

    `is_plain`: no filter is set, and the search reads only older runs of the period.
    """

    plan: SearchPlan
    followed: RunFilters
    since: datetime
    is_plain: bool = False


# Tracks how far a search has read the runs that are older than the list. It does no IO.


OVERLAP = timedelta(milliseconds=1)
"""Between the list and the older pages, so that no run falls between them."""


class OlderPages:
    """The position of a search in the older pages.

    The next page is at the cursor of the list with `filters`. All runs created since `reached` were read.
    """

    def __init__(self, scope: SearchScope, listed: HistoryRead | None, now: datetime) -> None:
        """Start where the list ends: at the start of its period, or where its history stopped at its bound."""
        self._scope = scope
        is_whole = listed is None or (listed.is_complete and not listed.is_cut)
        self.reached = scope.since if listed is None or is_whole else listed.reached
        wanted = scope.plan.filters
        self._oldest = wanted.created_from or (scope.since if scope.is_plain else now - SEARCH_PERIOD)
        newest = self.reached + OVERLAP
        newest = newest if wanted.created_to is None else min(newest, wanted.created_to)
        self.filters = replace(wanted, created_from=self._oldest, created_to=max(newest, self._oldest))
        self.paging = Paging()
        self.is_at_end = False

    def add(self, page: ListPage) -> None:
        """Record the page at the cursor."""
        created = [patch.created_at for patch in page.patches if patch.created_at]
        self.paging.add([patch.id for patch in page.patches], page.next)
        self.is_at_end = page.next is None
        self.reached = self._oldest if self.is_at_end else min([self.reached, *created])

    def extend(self, listed: HistoryRead | None, page: ListPage) -> HistoryRead | None:
        """Return the history of the list with an added page, None if the search has other filters than the list."""
        if listed is None or not listed.is_cut or self._scope.plan.filters != self._scope.followed:
            return None
        is_cut = not self.is_at_end and self.reached > self._scope.since
        reached = max(min(self.reached, listed.reached), self._scope.since)
        return HistoryRead(
            reached,
            listed.run_count + len(page.patches),
            is_complete=True,
            is_cut=is_cut,
            unreadable_at=listed.unreadable_at or (listed.reached if page.unreadable else None),
        )


# Finds the runs of a queue by a query. A relay needs it: no row names its queue, and a relay lists no queue.
#
# Source: tests/wire/recordings/README.md §3.


async def find_queue_runs(name: str, fetcher: RunFetcher, store: Store) -> str | None:
    """Emit the queue of each known run in it, and return in words how many runs it has. None: the query is refused.

    Without `task/`, a name means also the queue of the task of that name, as in a filter.
    """
    if not can_quote(name):
        return None
    rows = await fetcher.query(RunsOfQueue(name), Priority.VISIBLE)
    if rows is None:
        return None
    found = {RunId(row["run_id"]): Raw(row["queue"]) for row in rows if "run_id" in row and "queue" in row}
    now = fetcher.now()
    known = {run_id: queue for run_id, queue in found.items() if store.get(run_id) is not None}
    patches = (RunPatch(run_id, now, fixed=Fixed(queue=queue)) for run_id, queue in known.items())
    await fetcher.emit(RunsRead(tuple(patches)))
    count = f"{'newest ' if len(found) == MAX_QUEUE_RUNS else ''}{plural(len(found), 'run')}"
    rest = f", {len(found) - len(known):,} not on the relay" if len(known) < len(found) else ""
    return f"queue {name}: {count} in {MAX_QUERY_PERIOD.days}d{rest}"


# A search works through a `SearchPlan`: it reads runs by id, the errors of failed runs, lists by name, and older pages.
# It emits all runs that it reads; the view decides which of them match. A search keeps its place, so a second `run`
# continues.
#
# Source: tests/wire/recordings/README.md §3, recordings 020 to 063.


MAX_NAMED: Final = 5
"""More values of a list than this are counted instead of named."""

MIN_SNAPSHOT_BODIES: Final = 10
"""Fewer payloads are read one by one, since a snapshot has those of all runs in its time."""

_ROUNDED: Final = timedelta(seconds=2)
"""A window of a snapshot begins up to this much before the oldest run, since the server counts whole seconds."""

MAX_NAME_PAGES: Final = 20
"""Pages of one list by name."""

MAX_OLDER_PAGES: Final = 50
"""Older pages that one `run` reads. The history has as many runs by default. A second `run` continues."""

MAX_ERRORS: Final = 5_000
"""Errors that one `run` reads. An error with its stack has a few kB."""

MAX_FOUND_DETAILS: Final = 200
"""Runs found by a query that one `run` reads one by one."""

WAIT_S: Final = 1.0
MAX_WAITS: Final = 300
"""How often a search waits for the history of the list before it reads older pages: five minutes in all."""


@dataclass(eq=False)
class Search:
    """One search. `report` is called with the progress of every step.

    `unread` returns the failed runs whose errors were not read, visible ones first; `bodiless` the runs whose payloads
    were not read, newest first.
    """

    _fetcher: RunFetcher
    _store: Store
    _clock: Clock
    _scope: SearchScope
    unread: Callable[[], Sequence[RunId]]
    report: Callable[[SearchProgress], None]
    bodiless: Callable[[], Sequence[RunId]] = tuple

    def __post_init__(self) -> None:
        self._plan = self._scope.plan
        self._can_list = self._fetcher.lists is not None
        self._emit, self._settle = self._fetcher.emit, self._fetcher.settle
        self._wait_for_room = self._fetcher.budget.wait_for_room
        self._errors = ErrorFetcher(self._fetcher, is_paced=True, on_read=self._report_errors)
        self._bodies = ErrorFetcher(self._fetcher, is_paced=True, on_read=self._report_bodies)
        self._older: OlderPages | None = None
        self._has_read_names = False
        self._has_found_errors = False
        self._has_snapshots = self._can_list
        self._snapshot_reach = self._scope.since
        """No snapshot of the feed has the payloads of older runs, as far as is known."""
        self._left_bodies = MAX_SEARCHED_BODIES
        """How many payloads this request may still read one by one."""
        self._paged: list[RunId] = []
        """Runs of the lists that were read. The store has them before `unread` returns them."""
        self.progress = SearchProgress()

    async def run(self) -> None:
        """Search until the plan is done or a bound is reached. Errors are reported in `progress.failure`."""
        for reads in (self._errors, self._bodies):
            reads.unreadable.clear()  # a new run tries each of them once more
        self._left_bodies = MAX_SEARCHED_BODIES
        asked_at = self._fetcher.now()
        self._report_progress(
            failure="", unreadable_count=0, needs_errors=self._plan.reads_errors, bodies_asked_at=asked_at
        )
        if self.progress.skips_older:  # there may be new runs since
            self._has_read_names = False
            self._report_progress(answers=(), skips_older=False)
        try:
            await self._run_plan()
        except ApiError as error:
            self._report_progress(failure=sentence_of(error))
        finally:
            self._report_progress(step=None)

    async def _run_plan(self) -> None:
        plan = self._plan
        is_first, self._has_read_names = not self._has_read_names, True
        found = 0
        if is_first:
            await self._read_ids()
        if plan.reads_errors:
            await self._read_errors()
        if is_first:
            found = await self._read_lists()
        if plan.reads_bodies and not found and await self._read_bodies() and plan.are_bodies_needed:
            return  # an older run would not match before its payload is read
        await self._wait_for_list()
        if plan.error_texts and not self._has_found_errors:
            found += await self._find_errors()
        # If names or errors led to runs, stop here: the user can search again for more.
        if plan.reads_older and self._can_list and not (is_first and found):
            older = await self._read_older()
            if plan.reads_bodies:
                await self._read_bodies(older)
        if plan.reads_errors:
            await self._read_errors()
        self._report_progress(skips_older=not plan.reads_older)
        self._report_missing_lists()

    def _report_progress(self, **changes: Any) -> None:
        self.progress = replace(self.progress, **changes)
        self.report(self.progress)

    def _add_answer(self, answer: str) -> None:
        self._report_progress(answers=(*self.progress.answers, answer))

    def _report_errors(self, count: int) -> None:
        self._report_progress(errors_read=self.progress.errors_read + count)

    def _report_bodies(self, count: int) -> None:
        self._report_progress(bodies_read=self.progress.bodies_read + count)

    def _report_missing_lists(self) -> None:
        """Report that a relay has no lists, if the plan needs some and no query stood in for them."""
        if self._can_list or self._plan.run_ids or (self.progress.answers and not self._plan.reads_older):
            return
        noun = "older runs" if self._plan.reads_older else "queues"
        self._report_progress(has_lists=False, skips_older=False, failure=f"a relay cannot list {noun}")

    async def _read_ids(self) -> None:
        for run_id in self._plan.run_ids:
            self._report_progress(step=SearchStep.IDS)
            await self._wait_for_room()
            try:
                await self._fetcher.fetch_run(run_id, Priority.VISIBLE)
            except NotFound:
                self._add_answer(f"no run has the id {run_id}")
                continue
            await self._settle()
            self._add_answer("the server filters hide it" if self._is_filtered_out(run_id) else "found by its id")

    def _is_filtered_out(self, run_id: RunId) -> bool:
        run = self._store.get(run_id)
        return run is not None and not with_server_filters(self._scope.followed, EVERYTHING).matches(run)

    async def _read_errors(self) -> None:
        """Read the errors of the failed runs that are listed."""
        paged, self._paged = self._paged, []
        unread = dict.fromkeys([*self.unread(), *(run_id for run_id in paged if lacks_error(self._store, run_id))])
        waiting = [run_id for run_id in unread if run_id not in self._errors.unreadable][:MAX_ERRORS]
        if waiting:
            total = self.progress.errors_read + len(waiting)
            self._report_progress(step=SearchStep.ERRORS, error_count=total)
            await self._errors.read(waiting)
            self._report_progress(unreadable_count=len(self._errors.unreadable))
            await self._settle()

    async def _read_bodies(self, older: Sequence[RunId] = ()) -> bool:
        """Read the newest payloads and outputs that were not read. Return whether there are more.

        Those of the newest 1,000 runs come in one snapshot of the feed, the others one by one. `older` are runs of the
        store that `bodiless` may not return yet.
        """
        paged = [run.id for run in map(self._store.get, older) if run is not None and lacks_body(run)]
        if not (unread := list(dict.fromkeys([*self._without_body(), *paged]))):
            return False
        count = min(len(unread), self._left_bodies)
        self._report_progress(step=SearchStep.BODIES, bodies_read=0, body_count=count, bodies_since=None)
        await self._read_body_snapshot(unread)
        left = [run.id for run in filter(None, map(self._store.get, unread)) if lacks_body(run)]
        if some := left[: self._left_bodies]:
            self._left_bodies -= len(some)
            self._report_progress(bodies_read=0, body_count=len(some), bodies_since=self._fetcher.now())
            await self._bodies.read_details(some)
            await self._settle()
            await self._read_body_snapshot(self._without_body())  # of the runs that were created meanwhile
        return len(left) > len(some)

    def _without_body(self) -> list[RunId]:
        return [run_id for run_id in self.bodiless() if run_id not in self._bodies.unreadable]

    async def _read_body_snapshot(self, unread: Sequence[RunId]) -> None:
        """Read a snapshot back to the oldest of these runs that it may contain, unless only some are."""
        runs = filter(None, map(self._store.get, unread[:MAX_SNAPSHOT_ROWS]))
        now = self._fetcher.now()
        reach = max(self._snapshot_reach, now - MAX_FEED_WINDOW)
        created = [run.created_at for run in runs if run.created_at is not None and run.created_at >= reach]
        if len(created) < MIN_SNAPSHOT_BODIES or not self._has_snapshots:
            return
        target = FeedTarget(window=now - min(created) + _ROUNDED, has_bodies=True)
        response = await self._fetcher.read_snapshot(target, set(unread))
        self._has_snapshots = response is not None
        if response is not None and len(response.patches) >= MAX_SNAPSHOT_ROWS:
            self._snapshot_reach = min((each.created_at for each in response.patches if each.created_at), default=now)

    async def _read_lists(self) -> int:
        """Read the complete list of each name, and return the number of runs."""
        if not self._can_list:
            await self._find_queues()
            return 0
        total = 0
        for filters in self._plan.lists:
            since = filters.created_from or self._fetcher.now() - SEARCH_PERIOD
            in_period = replace(filters, created_from=since)
            count, is_whole = await self._read_list(in_period, total)
            total += count
            # Whether a text is a name is a guess, so an empty list is reported for queues only.
            if count or filters.queues:
                number = f"{'' if is_whole else 'newest '}{plural(count, 'run')}"
                self._add_answer(f"{name_of(filters, self._plan.filters)}: {number} in {SEARCH_PERIOD.days}d")
        await self._settle()
        return total

    async def _find_queues(self) -> None:
        """Find the runs of the queues that the filter names, where no list can be read."""
        for name in dict.fromkeys(filters.queues[0] for filters in self._plan.lists if filters.queues):
            self._report_progress(step=SearchStep.NAMES)
            await self._wait_for_room()
            answer = await find_queue_runs(name, self._fetcher, self._store)
            if answer is not None:
                self._add_answer(answer)
        await self._settle()

    async def _read_list(self, filters: RunFilters, before: int) -> tuple[int, bool]:
        paging, found = Paging(max_pages=MAX_NAME_PAGES), set[RunId]()
        while not paging.is_done:
            self._report_progress(step=SearchStep.NAMES, older_read=before + len(found))
            page = await self._page(filters, paging.cursor)
            found.update(patch.id for patch in page.patches)
            paging.add([patch.id for patch in page.patches], page.next)
        return len(found), not paging.is_endless

    async def _find_errors(self) -> int:
        """Read the unlisted runs with the text in their errors, and return how many match the server filters."""
        self._report_progress(step=SearchStep.OLDER_ERRORS, error_count=0)
        ids = await self._errors.find(self._plan.error_texts)
        if ids is None:
            return 0
        left = [run_id for run_id in ids if (run := self._store.get(run_id)) is None or run.state is None]
        new = left[:MAX_FOUND_DETAILS]
        self._report_progress(error_count=self.progress.errors_read + len(new))
        await self._errors.read_details(new)
        self._has_found_errors = new == left
        await self._settle()
        filtered_out_count = sum(map(self._is_filtered_out, new))
        shown_count = len(new) - filtered_out_count
        if shown_count:
            self._add_answer(f"{shown_count:,} older runs with this error")
        if filtered_out_count:
            self._add_answer(f"the server filters hide {filtered_out_count:,} with this error")
        return shown_count

    async def _read_older(self) -> list[RunId]:
        """Read pages older than the list, a bounded number, and return their runs."""
        found = list[RunId]()
        if self._older is None:
            self._report_progress(step=SearchStep.OLDER, older_read=0)
            self._older = OlderPages(self._scope, self._store.history, self._fetcher.now())
            self._report_progress(reached=self._older.reached)
        for _ in range(MAX_OLDER_PAGES):
            if self._older.is_at_end or not self._has_room():
                break
            if self._older.paging.is_endless:
                self._report_progress(failure=ENDLESS)
                self._older = None  # a new try starts at the first of these pages
                break
            self._report_progress(step=SearchStep.OLDER)
            page = await self._page(self._older.filters, self._older.paging.cursor)
            self._older.add(page)
            found += [patch.id for patch in page.patches]
            if (history := self._older.extend(self._store.history, page)) is not None:
                await self._emit(history)
                await self._settle()
            older_read = self.progress.older_read + len(page.patches)
            self._report_progress(older_read=older_read, reached=self._older.reached, is_at_end=self._older.is_at_end)
        await self._settle()
        return found

    async def _wait_for_list(self) -> None:
        """Wait until polling has read the history of the list."""
        for _ in range(MAX_WAITS):
            if self._store.history is not None and self._store.history.is_complete:
                break
            self._report_progress(step=SearchStep.LIST)
            await self._clock.sleep(WAIT_S)

    def _has_room(self) -> bool:
        """Whether the store has room. A full store drops the oldest runs, which are those just read."""
        if len(self._store) < self._store.max_runs:
            return True
        self._report_progress(failure=f"no more than {self._store.max_runs:,} runs are kept")
        return False

    async def _page(self, filters: RunFilters, cursor: Cursor | None) -> ListPage:
        await self._wait_for_room()
        page = await self._fetcher.fetch_page(filters, Priority.VISIBLE, after=cursor)
        await self._emit(RunsRead(with_filtered_fields(filters, page.patches)))
        if self._plan.reads_errors:
            self._paged += [patch.id for patch in page.patches]
        return page


def name_of(filters: RunFilters, base: RunFilters) -> str:
    """Return in words which name a list was filtered by."""
    for noun, values in filters.lists.items():
        if values != base.lists[noun]:
            return f"{noun} {' or '.join(values)}" if len(values) <= MAX_NAMED else f"{len(values)} {noun}s"
    return "the list"
