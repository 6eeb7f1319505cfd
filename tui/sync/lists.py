"""Reads the runs list in parts: the newest page, older pages, rereads, and which runs the feed covers."""

import asyncio
import math
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from tui.api.errors import NotFound, Refused, ServerFault, TooExpensive
from tui.api.feed import MAX_FEED_WINDOW
from tui.api.runs import ListPage
from tui.domain.filters import MAX_PERIOD, TASK_QUEUE_PREFIX, RunFilters, fingerprint_of
from tui.domain.run import Cursor, Fixed, Run, RunId, TaskId, live_statuses
from tui.domain.text import Raw
from tui.domain.update import HistoryRead, RunPatch, RunsRead
from tui.lazy_dataclass import dataclass
from tui.store.changes import EPOCH
from tui.store.filter import EVERYTHING
from tui.store.server_filter import with_server_filters
from tui.store.store import Store
from tui.sync.budget import Spawn
from tui.sync.clock import Clock, WakeableClock
from tui.sync.fetch import RunFetcher
from tui.sync.reads import Paging, Priority

if TYPE_CHECKING:
    from tui.sync.relay import RelayConnection


# Tracks which runs page one has shown, to find the new ones.
#
# Runs that are merely in the store do not count as shown. A scan may find a new run first, while page one still has
# unread runs below it.
#
# Source: tests/wire/recordings/README.md §3.


LIST_DELAY = timedelta(seconds=2)
"""How late the list may show a run (0.3 to 1.0 s recorded). Page one looks for new runs this far back."""


class NewestRuns:
    """The newest runs that page one has shown, up to the last `commit`."""

    def __init__(self) -> None:
        self._newest_at: datetime | None = None
        self._known: dict[RunId, datetime] = {}
        self._pending: dict[RunId, datetime] = {}
        self._read_at: datetime | None = None

    def add(self, page: ListPage) -> int:
        """Add a page, and return how many of its runs are new: recently created, and never seen on page one."""
        self._read_at = page.read_at
        since = None if self._newest_at is None else self._newest_at - LIST_DELAY
        created = {patch.id: patch.created_at for patch in page.patches if patch.created_at is not None}
        self._pending |= created
        return sum((since is None or at > since) and run_id not in self._known for run_id, at in created.items())

    def is_past(self, page: ListPage) -> bool:
        """Whether no page after this one can have a new run: it reaches far enough back."""
        created = [patch.created_at for patch in page.patches if patch.created_at]
        return self._newest_at is not None and bool(created) and min(created) <= self._newest_at - LIST_DELAY

    def commit(self) -> None:
        """Count the added runs as known.

        Creation times ahead of the server's clock are ignored, also after that clock was set back.
        """
        if self._pending and self._read_at is not None:
            newest_at = min(max(self._pending.values()), self._read_at)
            before = self._newest_at
            self._newest_at = newest_at if before is None or before > self._read_at else max(before, newest_at)
            since = self._newest_at - LIST_DELAY
            known = {**self._known, **self._pending}
            self._known = {run_id: created_at for run_id, created_at in known.items() if created_at > since}
        self._pending = {}


# Tracks which runs the realtime feed reports, and which the poller must fetch.
#
# A feed and the poller beside it share a `Coverage`. It does no IO.
#
# Source: tests/wire/recordings/README.md §8.


MAX_COVERED_AGE: Final = MAX_FEED_WINDOW - timedelta(minutes=1)
"""A feed reports only runs that are younger than this. The server's window moves on, and is truncated to whole
minutes.
"""

FEED_DELAY: Final = timedelta(seconds=5)
"""A change that the feed did not report within this time is missed. The server collects changes for 0.25 s; the rest is
for a slow connection and the session's queue.
"""

MAX_INCOMPLETE_RUNS: Final = 20_000
"""At most this many runs wait for the list. If it is not read for long, the oldest runs keep only the fields that the
feed has.
"""

MAX_SILENT_COMPARISONS: Final = 2
"""Comparisons in a row that found changes while the feed reported none. After these, the feed counts as dead."""


class ReportedRuns:
    """The newest `max_runs` runs of a feed. The feed reports changes of these, and silently drops older ones."""

    def __init__(self, max_runs: int) -> None:
        self._max_runs = max_runs
        self._created: list[tuple[datetime, RunId]] = []
        self._ids: set[RunId] = set()

    def add(self, patches: Iterable[RunPatch], *, unreadable_count: int = 0) -> None:
        """Add the runs of a response. Rows that could not be read count against `max_runs` too."""
        self._max_runs = max(1, self._max_runs - unreadable_count)
        for patch in patches:
            created_at = patch.created_at
            if created_at is None or patch.id in self._ids:
                continue
            self._ids.add(patch.id)
            heappush(self._created, (created_at, patch.id))
            if len(self._created) > self._max_runs:
                self._ids.discard(heappop(self._created)[1])

    @property
    def since(self) -> datetime | None:
        """Return when the oldest of the runs was created, None while there is room for older ones."""
        return self._created[0][0] if self._created and len(self._created) >= self._max_runs else None


class Coverage:
    """The runs that a live feed covers, those that it reported without all fields, and the changes that it missed.

    `list_started` is set once the first page of the list was emitted, or the feed has waited long enough for it.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` is called when the feed stops, so that a sleeping poller polls at once."""
        self._wake = wake
        self.list_started = asyncio.Event()
        self.tags: tuple[str, ...] = ()
        """The feed reports only runs that have all of these tags."""
        self.since: datetime | None = None
        """The feed reports no run that was created earlier. None while no feed is live."""
        self._started_at: datetime | None = None
        self._incomplete: dict[RunId, datetime | None] = {}
        self._is_list_requested = False
        self.start_count = 0
        """How often the feed has started. Each start needs a comparison with the list."""
        self._compared: set[RunId] = set()
        self._missed: set[RunId] = set()
        self.has_reported = False
        """Whether the feed reported a change, even if a list had shown it before."""
        self._silent_comparisons = 0

    @property
    def is_live(self) -> bool:
        """Whether a feed reports changes."""
        return self.since is not None

    def start(self, since: datetime, at: datetime) -> None:
        """Record that, from the server time `at`, the feed reports every change of runs created after `since`."""
        if self.since is None:
            self.start_count += 1
        self.since, self._started_at = since, at
        self._silent_comparisons = 0
        # An unfinished comparison was with the feed before this one.
        self._compared.clear()
        self._missed.clear()

    def interrupt(self) -> None:
        """Record that the feed starts over, as after a sleep of the machine.

        Its next snapshot has the changes until then. If the list shows them first, the feed has not missed them.
        """
        self._started_at = None

    def stop(self) -> None:
        """Record that no feed is live any more, and wake the poller."""
        if self.since is not None:
            self.since = self._started_at = None
            self._wake()

    @property
    def is_silent(self) -> bool:
        """Whether the feed claims to be up to date but reports none of the changes that the list shows."""
        return self._silent_comparisons >= MAX_SILENT_COMPARISONS

    def narrow(self, since: datetime) -> None:
        """Record that newer runs have displaced those that were created before `since`."""
        if self.since is not None:
            self.since = max(self.since, since)

    def covers(self, created_at: datetime, at: datetime) -> bool:
        """Whether the feed, at the server time `at`, reports every change of a run that was created then."""
        return self.since is not None and created_at >= max(self.since, at - MAX_COVERED_AGE)

    def excludes(self, run: Run | None, at: datetime) -> bool:
        """Whether the feed does not report changes of a run. False if its creation time is unknown."""
        created_at = run.created_at if run is not None else None
        return created_at is not None and not self.covers(created_at, at)

    def mark_incomplete(self, run_id: RunId, since: datetime | None = None) -> None:
        """Record that only the list has all fields of a run. It shows them `LIST_DELAY` after `since`."""
        self._incomplete[run_id] = since
        if len(self._incomplete) > MAX_INCOMPLETE_RUNS:
            del self._incomplete[next(iter(self._incomplete))]

    def request_list(self) -> None:
        """Request page one: the feed reported a run, and only a list can show whether it matches the filters."""
        self._is_list_requested = True

    def needs_list(self, now: datetime) -> bool:
        """Whether the poller should read page one."""
        return self._is_list_requested or any(_is_listed(since, now) for since in self._incomplete.values())

    def take_incomplete(self, now: datetime) -> list[RunId]:
        """Remove and return the incomplete runs that the list should show by now."""
        taken = [run_id for run_id, since in self._incomplete.items() if _is_listed(since, now)]
        for run_id in taken:
            del self._incomplete[run_id]
        self._is_list_requested = False
        return taken

    def compare(self, patches: Iterable[RunPatch], store: Store, read_at: datetime) -> None:
        """Find changes that the feed missed, in rows of a list that the store does not have yet."""
        if self._started_at is None:
            return
        for patch in patches:
            created_at = patch.created_at
            if patch.state is None or created_at is None or not self.covers(created_at, read_at):
                continue
            self._compared.add(patch.id)
            changed_at = patch.state.updated_at
            if self._started_at < changed_at < read_at - FEED_DELAY and not _knows(store.get(patch.id), changed_at):
                self._missed.add(patch.id)

    def take_comparison(self) -> tuple[int, int]:
        """Return how many runs were compared since the last call, and how many of them the feed had missed."""
        counts = len(self._compared), len(self._missed)
        self._silent_comparisons = self._silent_comparisons + 1 if self._missed and not self.has_reported else 0
        self.has_reported = False
        self._compared.clear()
        self._missed.clear()
        return counts


def _is_listed(since: datetime | None, now: datetime) -> bool:
    """Whether the list shows the run by now. Before that, an additional request would be needed for the run."""
    return since is None or since <= now - LIST_DELAY


def is_incomplete(run: Run) -> bool:
    """Whether a list has more fields of a run than a feed reports: depth, environment, version."""
    if run.fixed.depth is None:
        return True
    return run.fixed.version is None and run.state is not None and run.state.started_at is not None


def _knows(run: Run | None, changed_at: datetime) -> bool:
    return run is not None and run.state is not None and run.state.updated_at >= changed_at


# The parts that sources are built from.


@dataclass(frozen=True, slots=True)
class SourceParts:
    """The arguments that sources are built from.

    `history` and `max_history_runs` say how much of the past is read at the start. Sources of a single run need
    `run_id`. A feed and the poller beside it share a `coverage`. Only the source of a relay needs `relay`.
    """

    fetcher: RunFetcher
    store: Store
    clock: WakeableClock
    interval: Callable[[], float]
    history: timedelta
    max_history_runs: int
    filters: RunFilters
    spawn: Spawn
    run_id: RunId | None = None
    coverage: Coverage = field(default_factory=Coverage)
    relay: "RelayConnection | None" = None


class Part(StrEnum):
    """A part of the list that is read on its own."""

    NEWEST = "newest"
    RUNNING = "running"
    QUEUED = "queued"


PAGE_SIZE = 100
"""The largest page of the list. Source: tests/wire/recordings/README.md (recordings 014 and 015)."""

CREATED_SLACK = timedelta(milliseconds=1)
"""Added to both ends of a window. The API does not say whether they are inclusive, and list times are milliseconds."""


# Reads single pages of the runs list and emits their rows.


class PageReader:
    """Reads pages, counts the requests, and records when a page last had a change."""

    def __init__(self, fetcher: RunFetcher, store: Store, clock: Clock, coverage: Coverage) -> None:
        self.fetcher = fetcher
        self.store = store
        self.clock = clock
        self._coverage = coverage
        self.request_count = 0
        self.read_at: datetime = clock.now()
        self.changed_s = clock.monotonic_s()

    async def read(
        self, filters: RunFilters, *, after: Cursor | None, size: int = PAGE_SIZE, priority: Priority = Priority.LIST
    ) -> ListPage:
        """Read one page, emit its rows, and return it. Raises `ApiError`."""
        self.request_count += 1
        page = await self.fetcher.fetch_page(filters, priority, after=after, size=size)
        if any(self._is_newer(patch) for patch in page.patches):
            self.changed_s = self.clock.monotonic_s()
        self.read_at = page.read_at
        self._coverage.compare(page.patches, self.store, page.read_at)
        await self.fetcher.emit(RunsRead(with_filtered_fields(filters, page.patches)))
        self._coverage.list_started.set()
        return page

    def _is_newer(self, patch: RunPatch) -> bool:
        return patch.state is None or not _knows(self.store.get(patch.id), patch.state.updated_at)


@dataclass(slots=True)
class Scan:
    """One pass over the live runs of some statuses, newest first. `expected` are those that were known at the start."""

    filters: RunFilters
    expected: frozenset[RunId]
    started_at: datetime
    paging: Paging = field(default_factory=Paging)
    found: dict[RunId, datetime | None] = field(default_factory=dict)
    """The runs of the pages, with their creation times."""
    is_slow: bool = False
    """Whether the server took long for a page."""

    async def read_page(self, pages: PageReader) -> ListPage:
        """Read and emit the next page. Raises `ApiError`."""
        page = await pages.read(self.filters, after=self.paging.cursor)
        self.found |= {patch.id: patch.created_at for patch in page.patches}
        self.paging.add([patch.id for patch in page.patches], page.next)
        return page

    @property
    def missing(self) -> frozenset[RunId]:
        """Return the expected runs that no page showed. Valid once the pass is done."""
        return self.expected - self.found.keys()


def with_filtered_fields(filters: RunFilters, patches: tuple[RunPatch, ...]) -> tuple[RunPatch, ...]:
    """Return rows with the queue, machine, error group and schedule that the filters name. The server's rows lack them.

    A row that has not failed gets no error group. It shows that the server does not know that filter, so its rows may
    have any error.
    """
    if not any(len(each) == 1 for each in (filters.queues, filters.machines, filters.errors, filters.schedules)):
        return patches
    are_failed = all(patch.state is not None and patch.state.status.canonical.is_failed for patch in patches)
    machine, schedule, error = map(_single, (filters.machines, filters.schedules, filters.errors))
    group = Raw(fingerprint_of(error)) if error is not None and are_failed else None
    return tuple(
        replace(
            patch,
            fixed=replace(
                patch.fixed or Fixed(),
                queue=_queue_of(filters, patch),
                machine=machine,
                error_group=group,
                schedule_id=schedule,
            ),
        )
        for patch in patches
    )


def _single(values: tuple[str, ...]) -> Raw | None:
    return Raw(values[0]) if len(values) == 1 else None


def _queue_of(filters: RunFilters, patch: RunPatch) -> Raw | None:
    """Return the queue of a row. A filter by a bare name also matches the task's own queue of that name."""
    name = _single(filters.queues)
    is_of_task = name is not None and patch.fixed is not None and patch.fixed.task == filters.queues[0]
    return Raw(f"{TASK_QUEUE_PREFIX}{name}") if is_of_task else name


# Reads the older pages of the list, from page one back to the start of the period.
#
# While the history is incomplete, each poll cycle reads one page with the priority of polling, then more pages while
# the budget has room for history.


class HistoryReader:
    """Reads the runs within the limits. It keeps its cursor between poll cycles."""

    def __init__(self, pages: PageReader, filters: RunFilters, age: timedelta, max_runs: int) -> None:
        self._fetcher, self._store, self._clock = pages.fetcher, pages.store, pages.clock
        self._pages = pages
        self._filters = filters
        self._age, self._max_runs = age, max_runs
        self._paging = Paging()
        self._is_cut = self._has_gap = False
        self._run_count = 0
        self._unreadable_at: datetime | None = None
        self.has_started = False
        self.is_complete = False

    def resume_at(self, cursor: Cursor | None) -> None:
        """Start again at `cursor`, where the reading of new runs stopped at its bound."""
        self._paging, self._run_count, self.is_complete = Paging(), 0, False
        self._paging.cursor = cursor

    async def set_gap(self, *, has_gap: bool) -> None:
        """Record whether the pages of new runs ended before they reached the known ones."""
        if has_gap != self._has_gap:
            self._has_gap = has_gap
            if (known := self._store.history) is not None:
                await self._fetcher.emit(replace(known, is_cut=self._is_cut or has_gap))

    async def record(self, page: ListPage) -> None:
        """Record that a page of newer runs has rows that could not be read."""
        if page.unreadable and (known := self._store.history) is not None:
            self._unreadable_at = self._fetcher.now()
            await self._fetcher.emit(replace(known, unreadable_at=self._unreadable_at))

    async def read(self, until_s: float) -> None:
        """Read one page, then more until the monotonic time `until_s` while the budget has room for history.

        If the server refuses an older page as too expensive (422), the history ends, and polling continues.
        """
        try:
            priority = Priority.LIST
            while True:
                await self.add(await self._pages.read(self._filters, after=self._paging.cursor, priority=priority))
                has_room = self._fetcher.budget.room(Priority.HISTORY) > 0
                if self.is_complete or self._clock.monotonic_s() >= until_s or not has_room:
                    return
                priority = Priority.HISTORY
        except TooExpensive as error:
            if (known := self._store.history) is None:
                raise
            self.is_complete = self._is_cut = True
            self._fetcher.api.on_truncated(f"{error}: older runs are not read; a shorter period needs fewer pages")
            await self._fetcher.emit(replace(known, is_complete=True, is_cut=True))

    async def add(self, page: ListPage) -> None:
        """Add a page. The caller has read the first one: page one."""
        self.has_started = True
        self._run_count += len(page.patches)
        self._paging.add([patch.id for patch in page.patches], page.next)
        now, known = self._fetcher.now(), self._store.history
        before = now if known is None else known.reached
        if page.unreadable:
            self._unreadable_at = self._unreadable_at or before
        created = [patch.created_at for patch in page.patches if patch.created_at]
        # Scheduled runs may be created in the future. A page may have no other runs.
        reached = min([*created, now]) if created else before
        is_old = bool(created) and reached < now - self._age
        is_full = self._run_count >= self._max_runs
        is_short = self._paging.is_endless or (is_full and not self._paging.is_done)
        self._is_cut = page.is_cut or (is_short and not is_old)
        self.is_complete = self._paging.is_done or is_old or self._is_cut
        is_cut = self._is_cut or self._has_gap
        await self._fetcher.emit(HistoryRead(reached, self._run_count, self.is_complete, is_cut, self._unreadable_at))


# Finds live runs that are older than the period of the list, which neither the list nor the feed shows.
#
# Source: tests/wire/recordings/README.md §3, recordings 2602, 2603 and 2611.


MAX_OLDER_RUNS: Final = 1_000
"""The most runs of one pass. If there are more, `is_cut` is set."""

OLDER_EVERY_S: Final = 60.0
"""Between the starts of two passes. Usually, one pass costs one request."""

OLDER_BESIDE_FEED_EVERY_S: Final = 300.0
"""The same beside a live feed. The request is costly for a large server."""

REACHES: Final = (MAX_PERIOD, timedelta(days=365), timedelta(days=90), timedelta(days=30))
"""How far back a pass asks. After a refusal or a slow answer, it asks for the next shorter time."""

REFUSES_WINDOW: Final = frozenset({400, 422})
"""The statuses by which a server may mean that the time is too long. A proxy has others."""

SLOW_ANSWER_S: Final = 2.0
MAX_FAULTS: Final = 2
"""Passes in a row that end with a fault of the server, until the next one asks for a shorter time."""

MAX_PAGES_A_CYCLE: Final = 3
"""A small number, so that new runs do not wait for old ones."""

MAX_PAGES: Final = 2 * MAX_OLDER_RUNS // PAGE_SIZE
"""The most pages of one pass. They may be short or empty, and the server does not bound their number."""


class OlderRuns:
    """Reads the live runs created more than `age` ago. A pass continues over poll cycles.

    The fetcher remembers how far back the passes of a session reach. No pass asks again for a time that was refused.
    """

    def __init__(self, pages: PageReader, filters: RunFilters, age: timedelta) -> None:
        self._pages = pages
        self._age = age
        self._filters = replace(filters, statuses=live_statuses(filters.statuses), period=None)
        self._filter = with_server_filters(filters, EVERYTHING)
        self.scan: Scan | None = None
        """The pass in progress."""
        self._started_s = -math.inf
        self.is_cut = False
        """The last pass stopped at a bound or was refused, so the server may have more of these runs."""
        self.read_until: datetime | None = None
        """When the last finished pass started."""
        self._faults = 0

    @property
    def reach(self) -> timedelta:
        """How old a run may be that a pass finds; zero if the server refuses even the shortest time."""
        return self._pages.fetcher.older_reach

    def shorten(self, *, is_refused: bool = False) -> None:
        """Ask for a shorter time from now on; at once, if the server refuses this one."""
        shortest = timedelta() if is_refused else REACHES[-1]
        self._pages.fetcher.older_reach = next((each for each in REACHES if each < self.reach), shortest)
        self.is_cut = True  # there may be more of these runs than are known
        if is_refused:
            self.scan, self._started_s = None, -math.inf

    def note_fault(self) -> None:
        """Record that the server failed. If it does again, this is probably too much for it."""
        self.scan, self.is_cut = None, True
        self._faults += 1
        if self._faults >= MAX_FAULTS:
            self._faults = 0
            self.shorten(is_refused=True)

    def beyond_reach(self, run_ids: Iterable[RunId], now: datetime) -> list[RunId]:
        """Return the runs that no pass finds, those first that were read longest ago."""
        runs = [run for run in map(self._pages.store.get, run_ids) if run and is_before(run, now - self.reach)]
        return [run.id for run in sorted(runs, key=lambda run: (run.read_at or EPOCH, run.id))]

    def known_ids(self, now: datetime) -> frozenset[RunId]:
        """Return the live runs of the store that are older than the period and match the filters."""
        store = self._pages.store
        live = (run for run_id in store.live() if (run := store.get(run_id)) is not None)
        return frozenset(run.id for run in live if is_before(run, now - self._age) and self._filter.matches(run))

    async def read(self, now: datetime, every_s: float = OLDER_EVERY_S) -> frozenset[RunId]:
        """Continue the pass, or start one. At its end, return the known runs that it should have found and did not."""
        if not self._filters.statuses or self._filters.created_from is not None:
            return frozenset()  # the list is of a span of time, so no run is older than its begin
        if self.scan is None:
            now_s = self._pages.clock.monotonic_s()
            if now_s - self._started_s < every_s:
                return frozenset()
            self._started_s = now_s
            if self.reach <= self._age:
                self.is_cut, self.read_until = True, now
                return self.known_ids(now)
            # Use fixed bounds: a period moves, and a run could leave it between two pages.
            bounded = replace(self._filters, created_from=now - self.reach, created_to=now - self._age)
            self.scan = Scan(bounded, self.known_ids(now), now, Paging(max_pages=MAX_PAGES))
        for _ in range(MAX_PAGES_A_CYCLE):
            page = await self.scan.read_page(self._pages)
            self.scan.is_slow |= page.took_s >= SLOW_ANSWER_S
            if self.scan.paging.is_done or len(self.scan.found) > MAX_OLDER_RUNS - PAGE_SIZE:
                return self._end(self.scan)
        return frozenset()

    def _end(self, scan: Scan) -> frozenset[RunId]:
        self.scan, self._faults, self.read_until = None, 0, scan.started_at
        is_short = not scan.paging.is_done or scan.paging.is_endless
        self.is_cut = is_short or self.reach < MAX_PERIOD
        if scan.is_slow:
            self.shorten()
        if not is_short:
            return scan.missing
        # The pass ended before it reached runs that are older than its last page, so those are not missing.
        reached = min((created for created in scan.found.values() if created is not None), default=None)
        runs = map(self._pages.store.get, scan.missing)
        return frozenset(run.id for run in runs if run and reached is not None and not is_before(run, reached))


def is_before(run: Run, moment: datetime) -> bool:
    """Whether a run was created before a moment; False if its creation time is unknown."""
    return run.created_at is not None and run.created_at < moment


# Plans the comparisons of a live feed with the list. The steps of a comparison are in `RunLister`.


RECONCILE_EVERY_S: Final = 30.0
"""Between two comparisons. In a quiet environment, one costs two or three requests."""

SETTLING_S: Final = 3.0
"""A feed that starts is compared at once, and again after this time: the list lags by 0.3 to 1.0 s."""

MAX_MISMATCHES: Final = 2
"""Comparisons of counts in a row that may fail before the lists are compared. In a busy environment, counts of
different moments seldom agree.
"""


class Reconciliation:
    """Knows when the next comparisons are due, and whether one is in progress. Times are seconds of the monotonic
    clock.

    A comparison reads page one and scans all live runs. It may take several poll cycles.
    """

    def __init__(self) -> None:
        self._feed_start_count = 0
        """Starts of the feed that this plan includes."""
        self._due_s: list[float] = []
        """When comparisons are due, the earliest first."""
        self.is_running = False
        """A comparison has started and not finished."""
        self._mismatch_count = 0
        """How often in a row the server's count of live runs differed from the store's."""

    def request(self) -> None:
        """Plan all comparisons again at the next cycle, and drop the one in progress."""
        self._feed_start_count = 0

    def plan(self, start_count: int, now_s: float) -> None:
        """Plan for a live feed that has started `start_count` times."""
        if start_count != self._feed_start_count:
            self._feed_start_count, self.is_running = start_count, False
            self._due_s = [now_s, now_s + SETTLING_S]
        elif not self._due_s:
            self._due_s = [now_s + RECONCILE_EVERY_S]

    def is_due(self, now_s: float) -> bool:
        """Whether a comparison should start or continue."""
        return bool(self._due_s) and now_s >= self._due_s[0]

    def finish(self) -> None:
        """Record that the comparison that was due is done."""
        self.is_running = False
        del self._due_s[0]

    def compare_counts(self, *, is_equal: bool, now_s: float) -> None:
        """Record a comparison of counts. Too many mismatches in a row make a comparison of the lists due."""
        self._mismatch_count = 0 if is_equal else self._mismatch_count + 1
        if self._mismatch_count >= MAX_MISMATCHES:
            self._mismatch_count = 0
            if not self.is_due(now_s):
                self._due_s.insert(0, now_s)


# Re-reads runs whose outcome is unknown: they dropped out of the live set, or the feed reported them only in part.
#
# A page begins at one of these runs, and shows the older ones that are near it in the list. The next page begins at the
# next run that was not shown, so no more pages are read than needed. A run that no list shows is read by its id.
#
# Source: tests/wire/recordings/README.md §3.


SINGLE_PAGE_SIZE = 10
"""The page size for a window around a single run, which also contains other runs of the same millisecond."""

MIN_WINDOW_PAGES = 3
"""A window has at most as many pages as runs to find, or as many as these. Then its runs are read by their ids."""


@dataclass(frozen=True, slots=True)
class Window:
    """A range of creation times that contains all `run_ids`, which are probably on one page.

    With a `task`, only runs of that task are listed.
    """

    created_from: datetime
    created_to: datetime
    run_ids: frozenset[RunId]
    task: TaskId | None


class RereadQueue:
    """Runs to read again, as long as `is_needed` holds for them. A window continues over poll cycles."""

    def __init__(self, pages: PageReader, filters: RunFilters, is_needed: Callable[[RunId], bool]) -> None:
        self._pages = pages
        self._is_needed = is_needed
        # Drop the period, because it would move away from a window, and the statuses, because ended runs do not match
        # them.
        self._filters = replace(filters, statuses=(), period=None)
        self._listed: set[RunId] = set()
        """Runs that a list is expected to show."""
        self._unlisted: dict[RunId, None] = {}
        """Runs to read by id, those that wait longest first. Each scan may add them again."""
        self._is_sparse = False
        """A page showed only one of its runs: the list has more runs than the store. Each run gets a window."""
        self._window: Window | None = None
        self._paging = Paging()
        """Follows the pages of the window."""
        self._is_oldest_first = False

    def add(self, run_ids: Iterable[RunId]) -> None:
        """Add runs that a scan should have found and did not."""
        self._is_sparse = False
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

    async def read(self, max_requests: int, *, max_single_reads: int | None = None) -> None:
        """Spend up to `max_requests` requests, at most `max_single_reads` of them on runs that no list shows.

        The last request is for such a run, if there is one.
        """
        single_reads_left = max_requests if max_single_reads is None else max_single_reads
        self._listed = {run_id for run_id in self._listed if self._is_needed(run_id)}
        self._unlisted = {run_id: None for run_id in self._unlisted if self._is_needed(run_id)}
        self._give_up({run_id for run_id in self._listed if self._created_at(run_id) == EPOCH})
        for requests_left in range(max_requests, 0, -1):
            if self._unlisted and single_reads_left > 0 and (requests_left == 1 or not self._listed):
                single_reads_left -= 1
                await self._read_single(next(iter(self._unlisted)))
            elif (window := self._window or self._next_window()) is not None:
                self._window = window
                await self._read_window(window)
            elif not self._unlisted:
                return

    def _next_window(self) -> Window | None:
        """Return the window of most runs, or that with the run that waits longest, so that no run starves."""
        runs = [run for run in map(self._pages.store.get, self._listed) if run is not None]
        if not runs:
            return None
        oldest = min(runs, key=lambda run: run.read_at or EPOCH)
        self._is_oldest_first = not self._is_oldest_first
        self._paging = Paging()
        # Long runs often belong to few tasks and are far apart in the list, so a filter by task saves pages.
        found = [self._fullest(runs, oldest, task) for task in (None, oldest.fixed.task)]
        return max(found, key=lambda window: len(window.run_ids))

    def _fullest(self, runs: Iterable[Run], oldest: Run, task: TaskId | None) -> Window:
        """Return the window with most of these runs that one page may show, by what the store knows."""
        store = self._pages.store
        # Assume that the task has the same share of the runs everywhere.
        share = 1.0 if task is None else store.task_count(task) / len(store)
        ranks = {run.id: store.created_rank(run.id) * share for run in runs if task in {None, run.fixed.task}}
        ordered = sorted(ranks.values())
        width = 0 if self._is_sparse else PAGE_SIZE
        starts, last = ordered, ranks[oldest.id]
        if self._is_oldest_first:
            starts = [rank for rank in ordered if last - width < rank < last or rank == last]
        start = max(starts, key=lambda rank: bisect_left(ordered, rank + width) - bisect_left(ordered, rank))
        newest = max(self._created_at(run_id) for run_id, rank in ranks.items() if rank == start)
        # All runs of one moment are in one window: two windows of the same moment would read the same pages.
        near = [
            run_id
            for run_id, rank in ranks.items()
            if start <= rank < start + width or self._created_at(run_id) == newest
        ]
        return Window(min(map(self._created_at, near)) - CREATED_SLACK, newest + CREATED_SLACK, frozenset(near), task)

    async def _read_window(self, window: Window) -> None:
        filters = replace(self._filters, created_from=window.created_from, created_to=window.created_to)
        filters = filters if window.task is None else replace(filters, tasks=(window.task,))
        count = len(window.run_ids)
        size = SINGLE_PAGE_SIZE if count == 1 else PAGE_SIZE
        page = await self._pages.read(filters, after=self._paging.cursor, size=size)
        self._paging.add([patch.id for patch in page.patches], page.next)
        self._listed.difference_update(patch.id for patch in page.patches)
        missing = {run_id: self._created_at(run_id) for run_id in self._listed.intersection(window.run_ids)}
        reached = min((patch.created_at for patch in page.patches if patch.created_at), default=window.created_to)
        is_at_end = self._paging.is_done or self._paging.page_count >= max(MIN_WINDOW_PAGES, count)
        lost = {run_id for run_id, at in missing.items() if is_at_end or at > reached}
        self._is_sparse |= len(lost) < len(missing) and count - len(missing) == 1
        # The next page has more runs of the last moment, or the first of the window, since the server rounds its ends.
        # Any other run is found sooner by a window of its own.
        newest = window.created_to - CREATED_SLACK
        if not any(reached == at or reached > newest for run_id, at in missing.items() if run_id not in lost):
            self._window = None
        self._give_up(lost)

    def _give_up(self, run_ids: set[RunId]) -> None:
        """Read these runs by their ids."""
        self._listed -= run_ids
        self._unlisted |= dict.fromkeys(sorted(run_ids))

    def _created_at(self, run_id: RunId) -> datetime:
        run = self._pages.store.get(run_id)
        return EPOCH if run is None else run.created_at or EPOCH

    async def _read_single(self, run_id: RunId) -> None:
        """Read a run by its id. If that fails, go on with other runs; the next scan adds this one again.

        If there was no answer, or a 429, the run stays queued, because the feed may never report it again.
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
