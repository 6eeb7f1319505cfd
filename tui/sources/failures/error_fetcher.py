"""Fetches the errors of many failed runs: with a few queries if the key may query, else run by run.

Source: tests/wire/recordings/README.md (recordings 839, 2630 and 2631).
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from tui.domain.environment import Capability
from tui.domain.ids import RunId
from tui.domain.run import Json, Precision, Run, Stamp
from tui.domain.status import parse_status
from tui.domain.update import RunPatch, RunsRead
from tui.sources.base import Emit, KnownRuns
from tui.sources.budget import Priority
from tui.sources.run_fetcher import RunFetcher
from tui.sources.searching.pace import Pace
from tui.store.errors.failures import is_failure, known_error
from tui.wire.errors import ApiError, NotFound, RateLimited, Unreachable
from tui.wire.feed import FeedTarget
from tui.wire.feed_bodies import read_stored_error
from tui.wire.limits import MAX_MESSAGE_CHARS
from tui.wire.queries import NamedQuery
from tui.wire.queries.runs import RunErrors, RunsWithErrorTexts
from tui.wire.queries.text import MAX_IDS, days_since

QUERY_TIMEOUT_S: Final = 30.0
FEED_TIMEOUT_S: Final = 10.0

MAX_CONCURRENT_READS: Final = 3

MAX_FAILURES: Final = 3
"""Reads in a row that may fail. After these, the server is in trouble, and the search stops."""


class ErrorFetcher:
    """Fetches errors and emits them. `unreadable` are the runs whose read failed.

    `pace` delays requests for which the user does not wait. Without it, only the budget does. `concurrent_reads` runs
    are read at once, each by a request of `priority`.
    """

    def __init__(
        self,
        fetcher: RunFetcher,
        store: KnownRuns,
        emit: Emit,
        pace: Pace | None,
        *,
        priority: Priority = Priority.VISIBLE,
        concurrent_reads: int = MAX_CONCURRENT_READS,
    ) -> None:
        self._fetcher = fetcher
        self._store = store
        self._emit = emit
        self._pace = pace
        self._priority = priority
        self._concurrent_reads = concurrent_reads
        self._may_use_feed = True
        self.unreadable: set[RunId] = set()
        self.fault: ApiError | None = None
        """Why the last of them could not be read."""

    async def read(self, run_ids: Sequence[RunId], on_read: Callable[[int], None]) -> None:
        """Read the errors of these runs. `on_read` is called with the number of errors read by each step.

        Raises `ApiError`.
        """
        for start in range(0, len(run_ids), MAX_IDS):
            batch = run_ids[start : start + MAX_IDS]
            found = await self.query(batch)
            on_read(len(found))
            await self.read_details([run_id for run_id in batch if run_id not in found], on_read)

    async def read_details(self, run_ids: Sequence[RunId], on_read: Callable[[int], None]) -> None:
        """Read these runs one by one. Raises `ApiError` if the server does not answer, or fails too often in a row."""
        failures = 0
        for start in range(0, len(run_ids), self._concurrent_reads):
            some = run_ids[start : start + self._concurrent_reads]
            await self._wait(len(some))
            results = await asyncio.gather(*map(self._read_one, some), return_exceptions=True)
            for run_id, error in zip(some, results, strict=True):
                if error is None:
                    failures = 0
                    continue
                # A single run that cannot be read does not stop the search. A server in trouble does.
                failures += 1
                if not isinstance(error, ApiError) or isinstance(error, Unreachable | RateLimited):
                    raise error
                self.fault = error
                if failures >= MAX_FAILURES:
                    raise error
                self.unreadable.add(run_id)
            on_read(sum(error is None for error in results))

    async def find(self, texts: Sequence[str]) -> list[RunId] | None:
        """Return the newest failed runs with one of the texts in their errors, None if the query is refused or fails.

        Other runs may be among them, since the texts become patterns.
        """
        rows = await self._query(RunsWithErrorTexts(tuple(texts), is_exact=False, period=None))
        if rows is None and self._fetcher.is_allowed(Capability.QUERY):
            # No recording has ILIKE; 2630 has LIKE. If ILIKE is refused, query the usual spellings with LIKE.
            spelled = [each for text in texts for each in (text, text.lower(), text.capitalize(), text.upper())]
            rows = await self._query(RunsWithErrorTexts(tuple(dict.fromkeys(spelled)), is_exact=True, period=None))
        if rows is None:
            return None
        return [RunId(run_id) for row in rows if isinstance(run_id := row.get("run_id"), str) and run_id]

    async def _wait(self, requests: int = 1) -> None:
        if self._pace is not None:
            await self._pace.wait(requests)

    async def _read_one(self, run_id: RunId) -> None:
        with suppress(NotFound):  # emitted as gone
            response = await self._fetcher.fetch_run(run_id, self._priority)
            error = response.patch.error[1] if response.patch.error else None
            if error is not None and error.has_code_only:
                await self._read_true_text(run_id)

    async def read_texts(self, run_ids: Sequence[RunId]) -> None:
        """Read the texts of crashes whose code alone is known. A feed that failed before is tried again."""
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
        if not self._may_use_feed:
            return
        try:
            async with asyncio.timeout(FEED_TIMEOUT_S):
                response = await self._fetcher.poll_feed(FeedTarget(run_id), None)
        except (ApiError, TimeoutError):
            self._may_use_feed = False  # the code has to do
            return
        await self._emit(RunsRead(tuple(patch for patch in response.patches if patch.id == run_id)))

    async def _read_root_text(self, run_id: RunId) -> None:
        run = self._store.get(run_id)
        if run is None or run.state is None:
            return
        await self._wait(2)
        try:
            trace = await self._fetcher.fetch_trace(run_id, self._priority)
            if trace is None:
                return
            root = await self._fetcher.fetch_span(run_id, trace.root.id, self._priority)
        except ApiError:
            return  # the code has to do
        if root.error is not None:
            now = self._fetcher.now()
            stamp = Stamp(run.state.updated_at, Precision.TRACE, now)
            await self._emit(RunsRead((RunPatch(run_id, now, error=(stamp, root.error)),)))

    async def query(self, batch: Sequence[RunId]) -> set[RunId]:
        """Query the errors of at most MAX_IDS runs, and return the runs found: none if the query fails.

        The query contains no text that a user typed.
        """
        runs = {run_id: run for run_id in batch if (run := self._store.get(run_id)) is not None}
        created = [run.created_at for run in runs.values() if run.created_at is not None]
        rows = await self._query(RunErrors(tuple(batch), days_since(min(created, default=None), self._fetcher.now())))
        patches = [patch for row in rows or () if (patch := self._error_patch(row, runs)) is not None]
        if patches:
            await self._emit(RunsRead(tuple(patches)))
        return {patch.id for patch in patches}

    def _error_patch(self, row: dict[str, Json], runs: dict[RunId, Run]) -> RunPatch | None:
        """Return the error of a row, or None if the detail of the run has to be read.

        The replica of queries lags, so that a status may not have failed yet. A text that was cut is not JSON any more.
        """
        run_id, word = row.get("run_id"), row.get("status")
        run = runs.get(RunId(run_id)) if isinstance(run_id, str) else None
        if run is None or run.state is None or not isinstance(word, str) or not parse_status(word).canonical.is_failed:
            return None
        stored = row.get("error") or None
        if stored is None or (isinstance(stored, str) and len(stored) >= MAX_MESSAGE_CHARS):
            return None
        now = self._fetcher.now()
        # This is the column that the feed sends, with the same precision.
        stamp = Stamp(run.state.updated_at, Precision.FEED, now)
        return RunPatch(run.id, now, error=(stamp, read_stored_error(stored)))

    async def _query(self, query: NamedQuery) -> list[dict[str, Json]] | None:
        """Return the rows of a query, None if it is refused or fails."""
        if not self._fetcher.is_allowed(Capability.QUERY):
            return None
        await self._wait()
        try:
            async with asyncio.timeout(QUERY_TIMEOUT_S):
                return await self._fetcher.query(query, self._priority)
        except TimeoutError:
            return None


def lacks_error(store: KnownRuns, run_id: RunId) -> bool:
    """Whether a run of the store has failed and its error is not known. A detail may say that there is none."""
    run = store.get(run_id)
    return run is not None and run.state is not None and is_failure(run) and known_error(run, run.state) is None


def has_code_only(store: KnownRuns, run_id: RunId) -> bool:
    """Whether a failed run of the store crashed, and only the code of its crash is known."""
    run = store.get(run_id)
    error = None if run is None or run.state is None or not is_failure(run) else known_error(run, run.state)
    return error is not None and error.has_code_only
