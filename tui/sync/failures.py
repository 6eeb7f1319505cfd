"""Reads failed runs and their errors: once for a period, again for a view, and the server's groups of errors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tui.api.client import MAX_PAGE_SIZE
from tui.api.errors import MAX_MESSAGE_CHARS, ApiError, NotFound, RateLimited, Refused, ServerFault, Unreachable
from tui.api.facts import ERROR_GROUP, ERROR_GROUPS
from tui.api.feed import MAX_FEED_WINDOW, FeedTarget, read_stored_error
from tui.api.models import RowsPage
from tui.api.queries import MAX_IDS, FoundRun, RunCounts, RunErrors, RunsWithErrorTexts, TrqlQuery, days_since
from tui.domain.facts import FailuresProgress, ServerErrorGroup, ServerGroupDetail, ServerGroupsRead
from tui.domain.filters import RunFilters, period_text, query_period
from tui.domain.run import FAILED_WORDS, Capability, ErrorGroupId, Precision, Run, RunId, Stamp, parse_status
from tui.domain.update import RunPatch, RunsRead
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes, Topic
from tui.store.error_groups import is_failure, known_error
from tui.store.store import Store
from tui.sync.budget import FIRST_WAIT_S, MAX_IN_FLIGHT, wait_s
from tui.sync.clock import NO_TIMER, Clock, Timer, wait_until_set
from tui.sync.fetch import RunFetcher, read_pages
from tui.sync.lists import with_filtered_fields
from tui.sync.reads import Paging, Priority

if TYPE_CHECKING:
    from tui.sync.session import Session

# Fetches the errors of many failed runs: with a few queries if the key may query, else run by run.
#
# Source: tests/wire/recordings/README.md (recordings 839, 2630 and 2631).


T = TypeVar("T")

QUERY_TIMEOUT_S: Final = 30.0

MAX_CONCURRENT_READS: Final = 3

MAX_FAILURES: Final = 3
"""If this many reads in a row fail, the server is in trouble, and the search stops."""


@dataclass(eq=False)
class ErrorFetcher:
    """Fetches errors and emits them. `unreadable` are the runs whose read failed.

    `is_paced` delays requests for which the user does not wait. Without it, only the budget does. `concurrent_reads`
    runs are read at once, each by a request of `priority`. `on_read` is called with the number of errors read by each
    step.
    """

    _fetcher: RunFetcher
    is_paced: bool
    priority: Priority = Priority.VISIBLE
    concurrent_reads: int = MAX_CONCURRENT_READS
    max_failures: int = MAX_FAILURES
    on_read: Callable[[int], None] = lambda _: None
    unreadable: set[RunId] = field(default_factory=set)
    fault: ApiError | None = None
    """Why the last of them could not be read."""
    _may_use_feed: bool = True

    async def read(self, run_ids: Sequence[RunId]) -> None:
        """Read the errors of these runs. Raises `ApiError`."""
        for start in range(0, len(run_ids), MAX_IDS):
            batch = run_ids[start : start + MAX_IDS]
            found = await self.query(batch)
            self.on_read(len(found))
            await self.read_details([run_id for run_id in batch if run_id not in found])

    async def read_details(self, run_ids: Sequence[RunId]) -> None:
        """Read these runs one by one. Raises `ApiError` if the server does not answer, or fails too often in a row."""
        failures = 0
        for start in range(0, len(run_ids), self.concurrent_reads):
            some = run_ids[start : start + self.concurrent_reads]
            await self._wait(len(some))
            results = await asyncio.gather(*map(self._read_one, some), return_exceptions=True)
            for run_id, error in zip(some, results, strict=True):
                if error is None:
                    failures = 0
                    continue
                # One run that cannot be read does not stop the search. A server in trouble does.
                failures += 1
                if not isinstance(error, ApiError) or isinstance(error, Unreachable | RateLimited):
                    raise error
                self.fault = error
                self.unreadable.add(run_id)
                if failures >= self.max_failures:
                    raise error
            self.on_read(sum(error is None for error in results))

    async def find(self, texts: Sequence[str]) -> list[RunId] | None:
        """Return the newest failed runs with one of the texts in their errors, None if the query is refused or fails.

        Other runs may be among them, since the texts become patterns.
        """
        rows = await self._query(RunsWithErrorTexts(tuple(texts), is_exact=False, period=None))
        if rows is None and self._fetcher.is_allowed(Capability.QUERY):
            # No recording has ILIKE; 2630 has LIKE. If ILIKE is refused, query the usual spellings with LIKE.
            spelled = [each for text in texts for each in (text, text.lower(), text.capitalize(), text.upper())]
            rows = await self._query(RunsWithErrorTexts(tuple(dict.fromkeys(spelled)), is_exact=True, period=None))
        return None if rows is None else [RunId(row["run_id"]) for row in rows if row.get("run_id")]

    async def _wait(self, requests: int = 1) -> None:
        if self.is_paced:
            await self._fetcher.budget.wait_for_room(requests)

    async def _read_one(self, run_id: RunId) -> None:
        with suppress(NotFound):  # emitted as gone
            response = await self._fetcher.fetch_run(run_id, self.priority)
            error = response.patch.error[1] if response.patch.error else None
            if error is not None and error.has_code_only:
                await self._read_true_text(run_id)

    async def read_texts(self, run_ids: Sequence[RunId]) -> None:
        """Read the texts of crashes of which only the code is known. A feed that failed before is tried again."""
        self._may_use_feed = True
        await asyncio.gather(*map(self._read_true_text, run_ids))

    async def _read_true_text(self, run_id: RunId) -> None:
        """Read the text of a crash, which the detail replaces by a code, from the run's feed. That costs no budget.

        A relay passes on no feed of one run. There the run's root span has the text.
        Source: tests/wire/recordings/README.md §5, §8 (recordings 269, 725, 727, 932).
        """
        if self._fetcher.lists is None:
            await self._read_root_text(run_id)
            return
        if self._may_use_feed and await self._fetcher.read_snapshot(FeedTarget(run_id), {run_id}) is None:
            self._may_use_feed = False  # show the code instead

    async def _read_root_text(self, run_id: RunId) -> None:
        run = self._fetcher.known(run_id)
        if run is None or run.state is None:
            return
        await self._wait(2)
        try:
            trace = await self._fetcher.fetch_trace(run_id, self.priority)
            if trace is None:
                return
            root = await self._fetcher.fetch_span(run_id, trace.root.id, self.priority)
        except ApiError:
            return  # show the code instead
        if root.error is not None:
            now = self._fetcher.now()
            stamp = Stamp(run.state.updated_at, Precision.TRACE, now)
            await self._fetcher.emit(RunsRead((RunPatch(run_id, now, error=(stamp, root.error)),)))

    async def query(self, batch: Sequence[RunId]) -> set[RunId]:
        """Query the errors of at most MAX_IDS runs, and return the runs found: none if the query fails.

        The query contains no text that a user typed.
        """
        runs = {run_id: run for run_id in batch if (run := self._fetcher.known(run_id)) is not None}
        created = [run.created_at for run in runs.values() if run.created_at is not None]
        rows = await self._query(RunErrors(tuple(batch), days_since(min(created, default=None), self._fetcher.now())))
        patches = [patch for row in rows or () if (patch := self._error_patch(row, runs)) is not None]
        if patches:
            await self._fetcher.emit(RunsRead(tuple(patches)))
        return {patch.id for patch in patches}

    def _error_patch(self, row: FoundRun, runs: dict[RunId, Run]) -> RunPatch | None:
        """Return the error of a row, or None if the detail of the run has to be read.

        The replica of queries lags, so that a status may not have failed yet. A text that was cut is not JSON any more.
        """
        run, word = runs.get(RunId(row.get("run_id", ""))), row.get("status")
        if run is None or run.state is None or word is None or not parse_status(word).canonical.is_failed:
            return None
        stored = row.get("error") or None
        if stored is None or (isinstance(stored, str) and len(stored) >= MAX_MESSAGE_CHARS):
            return None
        now = self._fetcher.now()
        # This is the column that the feed sends, with the same precision.
        stamp = Stamp(run.state.updated_at, Precision.FEED, now)
        return RunPatch(run.id, now, error=(stamp, read_stored_error(stored)))

    async def _query(self, query: TrqlQuery[T]) -> list[T] | None:
        """Return the rows of a query, None if it is refused or fails."""
        if not self._fetcher.is_allowed(Capability.QUERY):
            return None
        await self._wait()
        return await self._fetcher.query(query, self.priority, timeout_s=QUERY_TIMEOUT_S)


def lacks_error(store: Store, run_id: RunId) -> bool:
    """Whether a run of the store has failed and its error is not known. A detail may say that there is none."""
    run = store.get(run_id)
    return is_failure(run) and known_error(run) is None


def has_code_only(store: Store, run_id: RunId) -> bool:
    """Whether a failed run of the store crashed, and only the code of its crash is known."""
    run = store.get(run_id)
    error = known_error(run) if is_failure(run) else None
    return error is not None and error.has_code_only


# Reads the list of the failed runs of a span of time, newest first, page by page.
#
# Source: tests/wire/recordings/README.md §3 (recordings 021, 2606, 2607).


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

    def __init__(self, fetcher: RunFetcher, filters: RunFilters, max_runs: int) -> None:
        """`filters` name the statuses of failed runs."""
        self._fetcher = fetcher
        self._filters = filters
        self._max_runs = max_runs
        self._paging = Paging(max_pages=PAGES_A_HUNDRED_RUNS * (1 + max_runs // MAX_PAGE_SIZE))
        self.run_ids: dict[RunId, None] = {}
        self.unreadable = 0
        self.is_cut = False
        # Without a status, the list would have all runs.
        self.is_complete = not self._filters.statuses

    @property
    def is_done(self) -> bool:
        """Whether there is no page left to read."""
        return self.is_complete or self.is_cut

    async def read_page(self, priority: Priority) -> None:
        """Read and emit the next page. Raises `ApiError`."""
        page = await self._fetcher.fetch_page(self._filters, priority, after=self._paging.cursor)
        await self._fetcher.emit(RunsRead(with_filtered_fields(self._filters, page.patches)))
        self._paging.add([patch.id for patch in page.patches], page.next)
        self.unreadable += page.unreadable
        self.run_ids |= dict.fromkeys(patch.id for patch in page.patches)
        is_last = self._paging.is_done and not self._paging.is_endless
        self.is_complete = is_last and len(self.run_ids) <= self._max_runs
        is_bound = self._paging.is_done or len(self.run_ids) >= self._max_runs
        self.is_cut = is_bound and not self.is_complete


# Remembers the runs whose error could not be read, and when to try again.


FIRST_RETRY_S: Final = 15.0
MAX_RETRY_S: Final = 900.0
"""The longest wait before an error that could not be read is tried again. It starts at FIRST_RETRY_S and doubles."""

MAX_RUNS: Final = 1_000
"""At most this many runs are remembered. With more, the oldest one is forgotten, and tried like any other run."""


class UnreadableRuns(dict[RunId, tuple[float, float]]):
    """Runs whose error could not be read, or that have none. Each is tried again, at growing intervals.

    The values are the wait before the next try, and the time of that try.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def add(self, run_id: RunId) -> None:
        """Record a try that failed."""
        before_s, _ = self.get(run_id, (FIRST_RETRY_S / 2, 0.0))
        wait_s = min(2 * before_s, MAX_RETRY_S)
        self[run_id] = wait_s, self._clock.monotonic_s() + wait_s
        if len(self) > MAX_RUNS:
            del self[next(iter(self))]

    def record(self, run_ids: Iterable[RunId], is_unread: Callable[[Store, RunId], bool], store: Store) -> None:
        """Record a try for each run, which failed where the store shows it as unread."""
        for run_id in run_ids:
            if is_unread(store, run_id):
                self.add(run_id)
            else:
                self.pop(run_id, None)

    def retry_now(self) -> None:
        """Try each of them now."""
        self.update({run_id: (wait_s, 0.0) for run_id, (wait_s, _) in self.items()})

    def is_waiting(self, run_id: RunId) -> bool:
        """Whether it is too early for the next try."""
        return run_id in self and self._clock.monotonic_s() < self[run_id][1]


# Reads the failed runs of a span of time and their errors, then those that fail later.
#
# The feed and queries return errors with their full text. The errors that they leave out are read run by run, those of
# visible runs first. These reads use only the part of the request budget that searches have.


MAX_LISTED_RUNS: Final = 5_000
"""Failed runs of one list: 50 pages."""

MAX_DETAILS: Final = 3
"""Runs that are read one by one before visible runs are looked for again."""

VIEW_BATCHES: Final = 5
"""Look through this many batches of the view: it groups runs ten times a second, so it may lack the last answers."""

GATHER_S: Final = 1.0
"""After a run has failed, wait this long for others. So a storm of failures costs one query a second, not one a run."""

LOOK_EVERY_S: Final = 5.0
"""Between two looks for unread errors while nothing fails: a view may group the runs of the store a little later."""

LIST_AGAIN_AFTER_S: Final = 60.0
"""A view that is shown again within this time keeps the list that was read before."""

OUTAGE_FAILURES: Final = 2
"""After this many failures in a row, the server was in trouble, not single runs."""

COUNT_EVERY_S: Final = 60.0
"""Between two queries for the number of failed runs."""

READER_QUERY_TIMEOUT_S: Final = 10.0

UNREADABLE_ROWS: Final = "rows of the list could not be read"


class FailureReader:
    """Reads failed runs, those that fail later, and the server's groups of errors. Keep one for the life of the app.

    `visible` returns the runs on the screen. `unread(limit)` returns the newest of these failed runs that are in the
    store without an error. `report` is called when `progress` or the result of `groups` has changed.
    """

    def __init__(
        self,
        session: "Session",
        visible: Callable[[], Sequence[RunId]],
        unread: Callable[[int], Sequence[RunId]],
        report: Callable[[], None],
    ) -> None:
        self._session, self._store, self._clock = session, session.store, session.clock
        self._visible, self._unread, self._report = visible, unread, report
        self.groups = GroupReader(session, report)
        """The server's groups, and why they are refused."""
        self.progress = FailuresProgress()
        """How far the failed runs were read."""
        self._scope: tuple[timedelta, RunFilters] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribe: Callable[[], None] = lambda: None
        self._wake = asyncio.Event()

    @property
    def is_running(self) -> bool:
        """Whether the failed runs are followed."""
        return bool(self._tasks)

    def start(self, period: timedelta, followed: RunFilters) -> None:
        """Read the failed runs created within `period` that match the server filters, and the groups.

        A reading that runs is stopped first. Nothing happens before the session has started.
        """
        self.stop()
        session = self._session
        if not session.is_started:
            return
        if self._scope != (period, followed):
            self._scope = period, followed
            self._start_over(period, followed)
        self._unsubscribe = session.subscribe(self._on_changes)
        self._tasks = [
            session.spawn(self._run(), "read failed runs"),
            session.spawn(self.groups.run(period), "read error groups"),
        ]

    def stop(self) -> None:
        """Stop reading. The results stay as they are."""
        self._unsubscribe()
        self._unsubscribe = lambda: None
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    def wake(self) -> None:
        """Look for failed runs without an error: a run has failed, or other runs are visible."""
        self._wake.set()

    def _on_changes(self, changes: Changes) -> None:
        if Topic.HISTORY in changes.topics or any(step.after.status.is_failed for step in changes.transitions):
            self.wake()

    def _start_over(self, period: timedelta, followed: RunFilters) -> None:
        self._fetcher, self._period, self._followed = self._session.fetcher, period, followed
        self.progress = FailuresProgress()
        self._random = Random()  # noqa: S311  spreads retries, guards nothing
        self._errors = ErrorFetcher(self._fetcher, is_paced=True)
        self._visible_errors = ErrorFetcher(self._fetcher, is_paced=False)
        self._list: FailedList | None = None
        self._listed_s = 0.0
        self._list_refusal = ""
        self._unreadable = UnreadableRuns(self._clock)
        self._codes = UnreadableRuns(self._clock)
        """Crashes whose text neither feed nor root span has."""
        self._is_page_due = False
        self._has_success = False
        """Whether the last step got what it requested."""
        self._counted_s: float | None = None

    async def _run(self) -> None:
        """Read everything, then what fails later, until canceled. Failures of requests are reported and tried again."""
        self._unreadable.clear()  # a new run tries each of them once more
        self._list_refusal = ""
        if self._list is not None and self._clock.monotonic_s() - self._listed_s >= LIST_AGAIN_AFTER_S:
            self._list = None
        failures = 0
        while True:
            self._wake.clear()
            try:
                while await self._step():
                    if self._has_success and failures >= OUTAGE_FAILURES:
                        self._unreadable.retry_now()  # it was the server, not these runs
                    failures = 0 if self._has_success else failures
            except ApiError as error:
                failures += 1
                self._update(failure=sentence_of(error))
                await self._clock.sleep(max(error.resets_in.total_seconds(), wait_s(self._random, failures, 0.0)))
            else:
                self._update(has_all=self._has_all(), failure=self._remark)
                await wait_until_set(self._wake, self._clock, LOOK_EVERY_S)
                await self._clock.sleep(GATHER_S)

    async def _step(self) -> bool:
        """Send the most urgent request. Return False if nothing is left to read."""
        self._has_success = False
        # The view may not have grouped the last answers yet. So look further than the first batch.
        unread = self._unread(VIEW_BATCHES * self._batch_size + len(self._unreadable))
        batch = list(islice(filter(self._is_wanted, unread), self._batch_size))
        if visible := list(islice(filter(self._is_wanted, self._visible()), MAX_DETAILS)):
            await self._read_errors(self._visible_errors, visible)
        elif codes := self._code_batch():
            await self._visible_errors.read_texts(codes)
            await self._fetcher.settle()
            self._codes.record(codes, has_code_only, self._store)
        elif self._needs_list() and (len(batch) < self._batch_size or self._is_page_due):
            self._is_page_due = False
            await self._read_page()
        elif batch:
            # A full query returns more than a page does. Reads one by one take turns with pages.
            self._is_page_due = not self._fetcher.is_allowed(Capability.QUERY)
            await self._read_errors(self._errors, batch)
        elif self._is_count_due():
            await self._count()
        else:
            return False
        return True

    def _code_batch(self) -> list[RunId]:
        """Return visible crashes of which only the code is known. When one of a group is read, the next becomes
        visible.
        """
        codes = (run_id for run_id in self._visible() if has_code_only(self._store, run_id))
        return list(islice((run_id for run_id in codes if not self._codes.is_waiting(run_id)), MAX_DETAILS))

    @property
    def _batch_size(self) -> int:
        """How many runs one query reads. If the key may not query, a few runs are read one by one."""
        return MAX_IDS if self._fetcher.is_allowed(Capability.QUERY) else MAX_DETAILS

    def _is_wanted(self, run_id: RunId) -> bool:
        return lacks_error(self._store, run_id) and not self._unreadable.is_waiting(run_id)

    async def _read_errors(self, errors: ErrorFetcher, batch: list[RunId]) -> None:
        try:
            await errors.read(batch)
        except ServerFault:
            # Runs that the server can never read must not block all others.
            self._unreadable.record(batch, lacks_error, self._store)
            raise
        await self._fetcher.settle()
        self._unreadable.record(batch, lacks_error, self._store)
        self._has_success = not all(lacks_error(self._store, run_id) for run_id in batch)
        self._update(failure=self._remark, unreadable_count=len(self._unreadable))

    def _needs_list(self) -> bool:
        """Whether the store may lack failed runs of the span that the list has."""
        is_refused = self._fetcher.lists is None or self._list_refusal  # a relay has no lists
        return not is_refused and not self._is_in_history() and (self._list is None or not self._list.is_done)

    def _is_in_history(self) -> bool:
        """Whether the polled list has read the whole span."""
        history, window = self._store.history, self._store.window
        if history is None or history.reached <= self._since:
            return history is not None
        is_whole = history.is_complete and not history.is_cut
        return is_whole and window is not None and self._period <= window.period

    @property
    def _since(self) -> datetime:
        return self._fetcher.now() - self._period

    def _has_all(self) -> bool:
        """Whether every failed run of the span was read. A full store has dropped the oldest ones."""
        is_listed = self._list is not None and self._list.is_complete
        is_known = (is_listed or self._is_in_history()) and not self._has_unreadable_rows
        return is_known and len(self._store) < self._store.max_runs

    @property
    def _has_unreadable_rows(self) -> bool:
        """Whether rows of the lists could not be read that may be failed runs of the span."""
        history = self._store.history
        of_history = None if history is None else history.unreadable_at
        is_in_list = self._list is not None and self._list.unreadable > 0
        return is_in_list or (self._is_in_history() and of_history is not None and of_history >= self._since)

    @property
    def _remark(self) -> str:
        """Why failed runs stay unknown although nothing has failed for now."""
        return self._list_refusal or (UNREADABLE_ROWS if self._has_unreadable_rows else "")

    async def _read_page(self) -> None:
        if self._list is None:
            self._listed_s = self._clock.monotonic_s()
            filters = failed_filters(self._followed, self._since)
            self._list = FailedList(self._fetcher, filters, MAX_LISTED_RUNS)
        if not self._list.is_done:
            await self._fetcher.budget.wait_for_room()
            try:
                await self._list.read_page(Priority.VISIBLE)
            except Refused as error:
                if not (error.is_about_the_key or error.status in {400, 422}):
                    raise
                self._list_refusal = sentence_of(error)
            await self._fetcher.settle()
        self._has_success = True
        self._update(failure=self._remark, has_all=self._has_all())

    def _is_count_due(self) -> bool:
        if self._has_all() or not self._followed.is_empty or not self._fetcher.is_allowed(Capability.QUERY):
            return False
        return self._counted_s is None or self._clock.monotonic_s() - self._counted_s >= COUNT_EVERY_S

    async def _count(self) -> None:
        """Query how many runs of the span failed. A query reaches no further back than 30 days."""
        self._counted_s = self._clock.monotonic_s()
        await self._fetcher.budget.wait_for_room()
        query = RunCounts(query_period(self._period))
        rows = await self._fetcher.query(query, Priority.VISIBLE, timeout_s=READER_QUERY_TIMEOUT_S)
        count = sum(row["n"] for row in rows or () if parse_status(row["status"]).canonical.is_failed)
        self._update(server_count=None if rows is None else count)

    def _update(self, **changes: Any) -> None:
        progress = replace(self.progress, **changes)
        if progress != self.progress:
            self.progress = progress
            self._report()


def sentence_of(error: ApiError) -> str:
    """Return why reading waits, for people."""
    if isinstance(error, RateLimited):
        return "the rate limit is reached"
    return "the server does not answer" if isinstance(error, Unreachable) else str(error)


# Reads the server's groups of errors, again every minute. A key that may not read them is asked once.
#
# Source: tests/wire/recordings/README.md §7 (recordings 1030, 2703).


REFRESH_EVERY_S: Final = 60.0
"""The time between two reads of the groups. Users acknowledge a group only a few times a day."""

MIN_INTERVAL_S: Final = 5.0
"""The least time between two reads of the same period, if the user closes and opens the view again and again."""


class GroupReader:
    """Reads the groups that failed within a period. One instance serves a session, since it remembers a refusal."""

    def __init__(self, session: "Session", report: Callable[[], None] = lambda: None) -> None:
        """`report` is called when the result has changed."""
        self._session, self._clock, self._report = session, session.clock, report
        self.result = ServerGroupsRead()
        self._last: tuple[timedelta, float] | None = None
        """The period of the last read, and its time."""

    async def run(self, period: timedelta) -> None:
        """Read the groups every minute, until canceled or refused."""
        if self._last is not None and self._last[0] == period:
            await self._clock.sleep(MIN_INTERVAL_S - (self._clock.monotonic_s() - self._last[1]))
        while not self.result.refusal:
            self._last = period, self._clock.monotonic_s()
            resets_s = await self.read(period, Priority.VISIBLE)
            await self._clock.sleep(max(REFRESH_EVERY_S, resets_s))

    async def read(self, period: timedelta, priority: Priority) -> float:
        """Read the groups once, and report them or why they could not be read.

        Return the seconds until the rate limit's reset, 0 if it was not reached.
        """
        if self.result.refusal:
            return 0.0
        before, resets_s = self.result, 0.0
        try:
            self.result = await self._read_pages(period_text(period), priority)
        except ApiError as error:
            resets_s, refusal = error.resets_in.total_seconds(), _refusal_of(error)
            self.result = replace(self.result, refusal=refusal, failure="" if refusal else sentence_of(error))
        if self.result != before:
            self._report()
        return resets_s

    async def read_detail(self, group_id: ErrorGroupId) -> ServerGroupDetail:
        """Return one group with its affected versions and who acknowledged it. Raises `ApiError`."""
        group = await self._session.fetcher.read_row(ERROR_GROUP, group_id, Priority.SELECTED)
        if group.id != group_id:
            raise ServerFault("the response is about another error group", 200)
        return group

    async def _read_pages(self, period: str, priority: Priority) -> ServerGroupsRead:
        async def read(page: str) -> RowsPage[ServerErrorGroup]:
            if page and priority is Priority.VISIBLE:
                await self._session.budget.wait_for_room()
            call = partial(self._session.fetcher.api.read_rows, ERROR_GROUPS, page, period=period)
            return await self._session.budget.request(("error groups", period, page), priority, call)

        rows, _, _ = await read_pages(ERROR_GROUPS, None, read)
        # A group whose count grew between two requests may be on both pages. Groups of two tasks may share an id.
        return ServerGroupsRead(tuple({(group.id, group.task): group for group in rows}.values()))


def _refusal_of(error: ApiError) -> str:
    """Return why the groups will not be requested again, "" if the next try may succeed."""
    if not isinstance(error, Refused) or not error.is_final:
        return ""
    who = "the key may not read the server's" if error.is_about_the_key else "the server has no"
    return f"{who} error groups ({error.status})"


# Reads all failed runs of a period and their errors once, for a command whose user waits for the result.
#
# A query returns the errors of 200 runs. If the key may not query, one snapshot of the realtime feed returns the errors
# of the newest runs, and the other runs are read one by one.


MAX_SILENCE_S: Final = 30.0
"""The read ends after this time without progress. A request to a server that hangs takes 20 s."""

MAX_LIMITED_S: Final = 65.0
"""The same after a 429. The slowest rate limit refills within a minute."""

MAX_TRIES: Final = 4
"""How often a step is tried while the server fails, which takes about seven seconds. The very first request is tried
only once.
"""

MIN_FEED_RUNS: Final = 10
"""If fewer errors are missing, they are read run by run: a snapshot returns up to 1,000 runs."""

_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(eq=False)
class WholeRead:
    """One read. `run_ids` are the failed runs, newest first, at most `max_runs`.

    `is_cut`: the server has more. `unreadable_rows`: rows of the list that could not be read. `wait`: why the next step
    waits, in raw text, "" if it does not. `report` is called after each step.
    """

    _session: "Session"
    report: Callable[["WholeRead"], None]
    max_runs: int
    run_ids: list[RunId] = field(default_factory=list)
    is_cut: bool = False
    unreadable_rows: int = 0
    wait: str = ""

    def __post_init__(self) -> None:
        self._fetcher, self._store, self._clock = self._session.fetcher, self._session.store, self._session.clock
        self._errors = ErrorFetcher(
            self._fetcher,
            is_paced=False,
            priority=Priority.SELECTED,
            concurrent_reads=MAX_IN_FLIGHT,
            max_failures=MAX_FAILURES * MAX_IN_FLIGHT,
            on_read=lambda _: self._advance(),
        )
        self._has_answer = False
        self._progress = (0, 0)
        self._progress_s = 0.0
        self._silence_timer: Timer = NO_TIMER

    @property
    def missing(self) -> list[RunId]:
        """The failed runs whose error is not known. Deleted runs are not among them."""
        return self._lacking(self.run_ids)

    def _lacking(self, run_ids: Iterable[RunId]) -> list[RunId]:
        return [run_id for run_id in run_ids if lacks_error(self._store, run_id)]

    async def run(self, period: timedelta) -> None:
        """Read the failed runs created within `period`, and their errors. Raises `ApiError` if the server fails for
        some seconds, or if nothing comes for longer: what was read until then is in the store.
        """
        async with self._ends_in_silence():
            await self._list(period)
            await self._read_by_query(self.missing)
            if len(self.missing) >= MIN_FEED_RUNS:
                await self._read_by_feed(self.missing, period)
            await self._patiently(self._read_one_by_one)

    async def read_before(self, since: datetime, period: timedelta) -> bool:
        """Read the failed runs of the `period` that ends at `since`, as far as a few requests return them.

        Return whether all of them and their errors are known. Only then is a group without such a run new.
        """
        filters = RunFilters(statuses=FAILED_WORDS, created_from=since - period, created_to=since - _MILLISECOND)
        pages = FailedList(self._fetcher, filters, self.max_runs)
        with suppress(ApiError):
            async with self._ends_in_silence():
                while not pages.is_done:
                    await pages.read_page(Priority.SELECTED)
                    self._progress_s = self._clock.monotonic_s()
                await self._fetcher.settle()
                await self._read_by_query(self._lacking(pages.run_ids))
                if left := self._lacking(pages.run_ids):
                    await self._read_by_feed(left, 2 * period)
                return pages.is_complete and not pages.unreadable and not self._lacking(left)
        return False

    @asynccontextmanager
    async def _ends_in_silence(self) -> AsyncIterator[None]:
        """End the block if there is no progress for too long: a server that hangs or refuses for ever must not keep the
        user waiting. Raises `Unreachable`, or `RateLimited` after a 429.
        """
        self._progress_s = self._clock.monotonic_s()
        try:
            async with asyncio.timeout(None) as timeout:
                self._check_silence(timeout)
                yield
        except TimeoutError:
            if self._is_limited:
                raise RateLimited(f"the rate limit was reached for {MAX_LIMITED_S:.0f} s", timedelta()) from None
            text = f"the server did not answer for {MAX_SILENCE_S:.0f} s"
            raise Unreachable(text, may_have_arrived=False) from None
        finally:
            self._silence_timer.cancel()

    def _check_silence(self, timeout: asyncio.Timeout) -> None:
        """End the block if there was no progress for too long. Otherwise plan the next check."""
        patience_s = MAX_LIMITED_S if self._is_limited else MAX_SILENCE_S
        left_s = self._progress_s + patience_s - self._clock.monotonic_s()
        if left_s <= 0:
            timeout.reschedule(asyncio.get_running_loop().time())
        else:
            self._silence_timer = self._clock.call_later(left_s, lambda: self._check_silence(timeout))

    @property
    def _is_limited(self) -> bool:
        return self._fetcher.budget.was_limited_since(self._progress_s)

    def _advance(self) -> None:
        """Report the step, and record when there was progress."""
        progress = len(self.run_ids), len(self.missing)
        if progress != self._progress:
            self._progress = progress
            self._progress_s = self._clock.monotonic_s()
        self.report(self)

    async def _list(self, period: timedelta) -> None:
        filters = RunFilters(statuses=FAILED_WORDS, period=period_text(period))
        pages = FailedList(self._fetcher, filters, self.max_runs)
        while not pages.is_done:
            await self._patiently(lambda: pages.read_page(Priority.SELECTED))
            await self._fetcher.settle()
            self.run_ids = list(pages.run_ids)[: self.max_runs]
            self.is_cut, self.unreadable_rows = pages.is_cut, pages.unreadable
            self._advance()

    async def _read_by_query(self, missing: Sequence[RunId]) -> None:
        for start in range(0, len(missing), MAX_IDS):
            if not self._fetcher.is_allowed(Capability.QUERY):
                return
            await self._errors.query(missing[start : start + MAX_IDS])
            await self._fetcher.settle()
            self._advance()

    async def _read_by_feed(self, missing: Sequence[RunId], window: timedelta) -> None:
        if window <= MAX_FEED_WINDOW:
            await self._fetcher.read_snapshot(FeedTarget(window=window), set(missing))
            self._advance()

    async def _read_one_by_one(self) -> None:
        try:
            await self._errors.read_details([each for each in self.missing if each not in self._errors.unreadable])
            # These could not be read while others could: the server cannot read them, or was in trouble at that moment.
            with suppress(ServerFault):
                await self._errors.read_details(self.missing)
        finally:
            await self._fetcher.settle()
            self._advance()
        if self._errors.fault is not None and len(self.missing) == len(self.run_ids):
            raise self._errors.fault

    async def _patiently(self, step: Callable[[], Awaitable[object]]) -> None:
        """Try a step again while the server fails. Raises the last `ApiError`.

        Any progress starts the count of tries again. If the server has never answered, the first failure ends the read.
        A request that the rate limit refused was repeated already.
        """
        tries, missing = 0, -1
        while True:
            try:
                await step()
            except ApiError as error:
                is_progress = len(self.missing) != missing
                tries, missing = (1 if is_progress else tries + 1), len(self.missing)
                is_final = isinstance(error, Refused | RateLimited) or not self._has_answer
                if is_final or tries >= MAX_TRIES:
                    raise
                self.wait = sentence_of(error)
                self._advance()
                await self._clock.sleep(FIRST_WAIT_S * 2 ** (tries - 1))
                self.wait = ""
            else:
                self._has_answer = True
                return
