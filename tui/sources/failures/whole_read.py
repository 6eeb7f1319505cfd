"""Reads all failed runs of a period and their errors once, for a command whose user waits for the result.

A query returns the errors of 200 runs. Where the key may not query, one snapshot of the realtime feed has those of the
newest runs. The others are read run by run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from tui.domain.environment import Capability
from tui.domain.filters import RunFilters, period_text
from tui.domain.ids import RunId
from tui.domain.status import FAILED_WORDS
from tui.domain.update import RunsRead
from tui.sources.base import FIRST_WAIT_S, Emit, KnownRuns
from tui.sources.budget import MAX_IN_FLIGHT, Priority
from tui.sources.clock import Clock
from tui.sources.failures.error_fetcher import FEED_TIMEOUT_S, ErrorFetcher, lacks_error
from tui.sources.failures.failed_list import FailedList
from tui.sources.failures.failure_reader import sentence_of
from tui.sources.failures.stall import Stall
from tui.sources.run_fetcher import RunFetcher
from tui.wire.errors import ApiError, RateLimited, Refused, ServerFault
from tui.wire.feed import MAX_FEED_WINDOW, FeedTarget
from tui.wire.queries.text import MAX_IDS

MAX_TRIES: Final = 4
"""Tries of one step while the server fails, some seven seconds in all. The first request of all has only one."""

MAX_FAULTY_BATCHES: Final = 3
"""Batches of single reads in a row in which the server may fail."""

MIN_FEED_RUNS: Final = 10
"""Fewer errors are read run by run: a snapshot has up to 1,000 runs."""

_MILLISECOND: Final = timedelta(milliseconds=1)


class WholeRead:
    """One read. `run_ids` are the failed runs, newest first, at most `max_runs`.

    `is_cut`: the server has more. `unreadable_rows`: rows of the list that could not be read. `wait`: why the next step
    waits, in raw text, "" if it does not. `report` is called after each step.
    """

    def __init__(
        self,
        fetcher: RunFetcher,
        store: KnownRuns,
        clock: Clock,
        *,
        emit: Emit,
        settle: Callable[[], Awaitable[None]],
        report: Callable[["WholeRead"], None],
        max_runs: int,
    ) -> None:
        self._fetcher = fetcher
        self._store = store
        self._clock = clock
        self._emit = emit
        self._settle = settle
        self._report = report
        self._max_runs = max_runs
        self._errors = ErrorFetcher(
            fetcher, store, emit, None, priority=Priority.SELECTED, concurrent_reads=MAX_IN_FLIGHT
        )
        self._has_answer = False
        self._stall = Stall(clock, fetcher.budget)
        self._progress = (0, 0)
        self._faulty: set[RunId] = set()
        """Runs that were requested and have no known error."""
        self.run_ids: list[RunId] = []
        self.is_cut = False
        self.unreadable_rows = 0
        self.wait = ""

    @property
    def missing(self) -> list[RunId]:
        """The failed runs whose error is not known. Deleted runs are not among them."""
        return [run_id for run_id in self.run_ids if lacks_error(self._store, run_id)]

    async def run(self, period: timedelta) -> None:
        """Read the failed runs created within `period`, and their errors. Raises `ApiError` if the server fails for
        some seconds, or if nothing comes for longer: what was read until then is in the store.
        """
        async with self._stall.ended():
            await self._read(period)

    async def _read(self, period: timedelta) -> None:
        await self._list(period)
        await self._read_by_query(self.missing)
        if len(self.missing) >= MIN_FEED_RUNS:
            await self._read_by_feed(self.missing, period)
        await self._patiently(self._read_one_by_one)

    async def read_before(self, since: datetime, period: timedelta) -> bool:
        """Read the failed runs of the time as long as `period` before `since`, as far as a few requests return them.

        Return whether all of them and their errors are known, so that a group without one of them is new.
        """
        try:
            async with self._stall.ended():
                return await self._read_before(since, period)
        except ApiError:
            return False

    async def _read_before(self, since: datetime, period: timedelta) -> bool:
        filters = RunFilters(statuses=FAILED_WORDS, created_from=since - period, created_to=since - _MILLISECOND)
        pages = FailedList(self._fetcher, self._emit, filters, self._max_runs)
        while not pages.is_done:
            await pages.read_page(Priority.SELECTED)
            self._stall.on_progress()
        await self._settle()
        await self._read_by_query([run_id for run_id in pages.run_ids if lacks_error(self._store, run_id)])
        if left := [run_id for run_id in pages.run_ids if lacks_error(self._store, run_id)]:
            await self._read_by_feed(left, 2 * period)
        is_known = not any(lacks_error(self._store, run_id) for run_id in left)
        return is_known and pages.is_complete and not pages.unreadable

    def _advance(self) -> None:
        """Report the step, and return whether it was progress."""
        progress = len(self.run_ids), len(self.missing)
        if progress != self._progress:
            self._progress = progress
            self._stall.on_progress()
        self._report(self)

    async def _list(self, period: timedelta) -> None:
        filters = RunFilters(statuses=FAILED_WORDS, period=period_text(period))
        pages = FailedList(self._fetcher, self._emit, filters, self._max_runs)
        while not pages.is_done:
            await self._patiently(lambda: pages.read_page(Priority.SELECTED))
            await self._settle()
            self.run_ids = list(pages.run_ids)[: self._max_runs]
            self.is_cut, self.unreadable_rows = pages.is_cut, pages.unreadable
            self._advance()

    async def _read_by_query(self, missing: Sequence[RunId]) -> None:
        for start in range(0, len(missing), MAX_IDS):
            if not self._fetcher.is_allowed(Capability.QUERY):
                return
            await self._errors.query(missing[start : start + MAX_IDS])
            await self._settle()
            self._advance()

    async def _read_by_feed(self, missing: Sequence[RunId], window: timedelta) -> None:
        """Take the errors from one snapshot of the feed, which costs no budget. It is only a shortcut and may fail."""
        if window > MAX_FEED_WINDOW:
            return
        wanted = set(missing)
        with suppress(ApiError, TimeoutError):
            async with asyncio.timeout(FEED_TIMEOUT_S):
                response = await self._fetcher.poll_feed(FeedTarget(window=window), None)
            await self._emit(RunsRead(tuple(patch for patch in response.patches if patch.id in wanted)))
            await self._settle()
            self._advance()

    async def _read_one_by_one(self) -> None:
        await self._read_details([run_id for run_id in self.missing if run_id not in self._faulty])
        # These failed while others were read: the server cannot read them, or was in trouble at that moment.
        with suppress(ServerFault):
            await self._read_details(self.missing)
        if self._errors.fault is not None and len(self.missing) == len(self.run_ids):
            raise self._errors.fault

    async def _read_details(self, left: Sequence[RunId]) -> None:
        """Read runs one by one. Raises `ServerFault` if the server fails in several batches in a row."""
        faults = 0
        for start in range(0, len(left), MAX_IN_FLIGHT):
            batch = left[start : start + MAX_IN_FLIGHT]
            try:
                await self._errors.read_details(batch, lambda _: None)
                faults = 0
            except ServerFault:
                faults += 1
                if faults >= MAX_FAULTY_BATCHES:
                    raise
            finally:
                await self._settle()
                self._faulty.update(run_id for run_id in batch if lacks_error(self._store, run_id))
            self._advance()

    async def _patiently(self, step: Callable[[], Awaitable[object]]) -> None:
        """Try a step again while the server fails. Raises the last `ApiError`.

        Tries count from the last progress. A server that never answered is not waited for. A request that the rate
        limit refused was repeated already.
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
