"""Reads the failed runs of a span of time and their errors, then those that fail later.

The feed and queries contain errors with their full text. What they leave out is read run by run: visible runs first,
and within the part of the request budget that searches have.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import Any, Final

from tui.domain.environment import Capability
from tui.domain.errors.progress import FailuresProgress
from tui.domain.filters import RunFilters, query_period
from tui.domain.ids import RunId
from tui.lazy_dataclass import dataclass
from tui.sources.base import Emit, KnownRuns, wait_s
from tui.sources.budget import Priority
from tui.sources.clock import Clock
from tui.sources.failures.error_fetcher import ErrorFetcher, has_code_only, lacks_error
from tui.sources.failures.failed_list import FailedList, failed_filters
from tui.sources.failures.unreadable_runs import UnreadableRuns
from tui.sources.run_fetcher import RunFetcher
from tui.sources.searching.pace import Pace
from tui.wire.errors import ApiError, RateLimited, Refused, ServerFault, Unreachable
from tui.wire.queries.runs import FailureCount
from tui.wire.queries.text import MAX_IDS

MAX_LISTED_RUNS: Final = 5_000
"""Failed runs of one list: 50 pages."""

MAX_DETAILS: Final = 3
"""Runs that are read one by one before visible runs are looked for again."""

GATHER_S: Final = 1.0
"""After a run has failed, others are waited for, so that a storm costs one query a second and not one a run."""

LOOK_EVERY_S: Final = 5.0
"""Between two looks for unread errors while nothing fails: a view may group the runs of the store a little later."""

LIST_AGAIN_AFTER_S: Final = 60.0
"""A view that is left and shown again within this time goes on with the list that was read."""

VIEW_LAG_S: Final = 0.2
MAX_LAGS: Final = 5
"""How long, and how often in a row, the view is waited for. It groups runs ten times a second."""

OUTAGE_FAILURES: Final = 2
"""Failures in a row after which the server was in trouble, and not a few runs."""

COUNT_EVERY_S: Final = 60.0
"""Between two queries for the number of failed runs."""

QUERY_TIMEOUT_S: Final = 10.0

UNREADABLE_ROWS: Final = "rows of the list could not be read"

MAX_COUNT: Final = 10**9
"""A larger number of failed runs is an error."""


@dataclass(frozen=True, slots=True)
class FailureScope:
    """Which failed runs are read: those created within `period`, among the runs that match the `followed` filters.

    `can_list` is false on a relay, which has no lists.
    """

    period: timedelta
    followed: RunFilters = RunFilters()
    can_list: bool = True


class FailureReader:
    """Reads one scope until it is canceled. `run` may be called again.

    `visible` returns the runs on the screen. `unread(limit)` returns the newest failed runs of the scope that are in
    the store without an error. `settle` waits until the store has all emitted runs. `report` receives the progress.
    """

    def __init__(
        self,
        fetcher: RunFetcher,
        store: KnownRuns,
        clock: Clock,
        scope: FailureScope,
        *,
        emit: Emit,
        settle: Callable[[], Awaitable[None]],
        visible: Callable[[], Sequence[RunId]],
        unread: Callable[[int], Sequence[RunId]],
        report: Callable[[FailuresProgress], None],
    ) -> None:
        self._fetcher = fetcher
        self._store = store
        self._clock = clock
        self.scope = scope
        self._emit = emit
        self._settle = settle
        self._visible = visible
        self._unread = unread
        self._report = report
        self._random = Random()  # noqa: S311  spreads retries, guards nothing
        self._pace = Pace(fetcher.budget, clock)
        self._errors = ErrorFetcher(fetcher, store, emit, self._pace)
        self._visible_errors = ErrorFetcher(fetcher, store, emit, None)
        self._list: FailedList | None = None
        self._listed_s = 0.0
        self._list_refusal = ""
        self._unreadable = UnreadableRuns(clock)
        self._codes = UnreadableRuns(clock)
        """Crashes whose text neither feed nor root span has."""
        self._lag_count = 0
        self._is_page_due = False
        self._has_success = False
        """Whether the last step got what it requested."""
        self._counted_s: float | None = None
        self._wake = asyncio.Event()
        self.progress = FailuresProgress()

    def wake(self) -> None:
        """Look for failed runs without an error: a run has failed, or other runs are visible."""
        self._wake.set()

    async def run(self) -> None:
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
                resets_s = error.resets_in.total_seconds() if isinstance(error, RateLimited) else 0.0
                await self._clock.sleep(max(resets_s, wait_s(self._random, failures, 0.0)))
                continue
            self._update(has_all=self._has_all(), failure=self._remark)
            await self._wait_for_failures()

    async def _wait_for_failures(self) -> None:
        timer = self._clock.call_later(LOOK_EVERY_S, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
        await self._clock.sleep(GATHER_S)

    async def _step(self) -> bool:
        """Send the most urgent request. Return False if nothing is left to read."""
        self._has_success = False
        batch = self._unread_batch()
        if visible := self._visible_batch():
            await self._read_errors(self._visible_errors, visible)
        elif codes := self._code_batch():
            await self._read_texts(codes)
        elif self._needs_list() and (len(batch) < self._batch_size or self._is_page_due):
            self._is_page_due = False
            await self._read_page()
        elif batch:
            # A full query returns more than a page does. Reads one by one take turns with pages.
            self._is_page_due = not self._fetcher.is_allowed(Capability.QUERY)
            await self._read_errors(self._errors, batch)
        elif self._is_view_behind():
            await self._clock.sleep(VIEW_LAG_S)
        elif self._is_count_due():
            await self._count()
        else:
            return False
        return True

    def _visible_batch(self) -> list[RunId]:
        return list(islice(filter(self._is_wanted, self._visible()), MAX_DETAILS))

    def _code_batch(self) -> list[RunId]:
        """Return visible crashes whose code alone is known: as the newest of a group is read, the next is visible."""
        codes = (run_id for run_id in self._visible() if has_code_only(self._store, run_id))
        return list(islice((run_id for run_id in codes if not self._codes.is_waiting(run_id)), MAX_DETAILS))

    async def _read_texts(self, batch: list[RunId]) -> None:
        await self._visible_errors.read_texts(batch)
        await self._settle()
        for run_id in batch:
            if has_code_only(self._store, run_id):
                self._codes.add(run_id)
            else:
                self._codes.discard(run_id)

    def _unread_batch(self) -> list[RunId]:
        batch = list(islice(filter(self._is_wanted, self._newest_unread()), self._batch_size))
        self._lag_count = 0 if batch else self._lag_count
        return batch

    def _newest_unread(self) -> Sequence[RunId]:
        # The view may not have grouped the last answer yet.
        return self._unread(2 * self._batch_size + len(self._unreadable))

    @property
    def _batch_size(self) -> int:
        """The runs of one query, or a few that are read one by one if the key may not query."""
        return MAX_IDS if self._fetcher.is_allowed(Capability.QUERY) else MAX_DETAILS

    def _is_view_behind(self) -> bool:
        """Whether the view still takes a run for unread that was read, so that others may be hidden behind it.

        A view that is paused stays behind: it is waited for a few times only.
        """
        if all(lacks_error(self._store, run_id) for run_id in self._newest_unread()):
            return False
        self._lag_count += 1
        return self._lag_count <= MAX_LAGS

    def _is_wanted(self, run_id: RunId) -> bool:
        return lacks_error(self._store, run_id) and not self._unreadable.is_waiting(run_id)

    async def _read_errors(self, errors: ErrorFetcher, batch: list[RunId]) -> None:
        try:
            await errors.read(batch, lambda _: None)
        except ServerFault:
            # Runs that the server can never read must not stand in the way of all others.
            self._record_unreadable(batch)
            raise
        await self._settle()
        self._record_unreadable(batch)
        self._has_success = not all(lacks_error(self._store, run_id) for run_id in batch)
        self._update(failure=self._remark, unreadable_count=len(self._unreadable))

    def _record_unreadable(self, batch: Iterable[RunId]) -> None:
        for run_id in batch:
            if lacks_error(self._store, run_id):
                self._unreadable.add(run_id)
            else:
                self._unreadable.discard(run_id)

    def _needs_list(self) -> bool:
        """Whether the store may lack failed runs of the span that the list has."""
        if not self.scope.can_list or self._list_refusal or self._is_in_history():
            return False
        return self._list is None or not self._list.is_done

    def _is_in_history(self) -> bool:
        """Whether the polled list has read the whole span."""
        history, window = self._store.history, self._store.window
        if history is None:
            return False
        is_whole = history.is_complete and not history.is_cut
        return history.reached <= self._since or (
            is_whole and window is not None and self.scope.period <= window.period
        )

    @property
    def _since(self) -> datetime:
        return self._fetcher.now() - self.scope.period

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
            filters = failed_filters(self.scope.followed, self._since)
            self._list = FailedList(self._fetcher, self._emit, filters, MAX_LISTED_RUNS)
        if not self._list.is_done:
            await self._pace.wait()
            try:
                await self._list.read_page(Priority.VISIBLE)
            except Refused as error:
                if not (error.is_about_the_key or error.status in {400, 422}):
                    raise
                self._list_refusal = sentence_of(error)
            await self._settle()
        self._has_success = True
        self._update(failure=self._remark, has_all=self._has_all())

    def _is_count_due(self) -> bool:
        if self._has_all() or not self.scope.followed.is_empty or not self._fetcher.is_allowed(Capability.QUERY):
            return False
        return self._counted_s is None or self._clock.monotonic_s() - self._counted_s >= COUNT_EVERY_S

    async def _count(self) -> None:
        """Query how many runs of the span failed. A query reaches no further back than 30 days."""
        self._counted_s = self._clock.monotonic_s()
        await self._pace.wait()
        try:
            async with asyncio.timeout(QUERY_TIMEOUT_S):
                rows = await self._fetcher.query(FailureCount(query_period(self.scope.period)), Priority.VISIBLE)
        except TimeoutError:
            rows = None
        count = rows[0].get("n") if rows else None
        is_valid = type(count) is int and 0 <= count <= MAX_COUNT
        self._update(server_count=count if is_valid else None)

    def _update(self, **changes: Any) -> None:
        progress = replace(self.progress, **changes)
        if progress != self.progress:
            self.progress = progress
            self._report(progress)


def sentence_of(error: ApiError) -> str:
    """Return why reading waits, for people."""
    match error:
        case RateLimited():
            return "the rate limit is reached"
        case Unreachable():
            return "the server does not answer"
        case _:
            return str(error)
