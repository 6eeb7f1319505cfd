"""Fetches single things within the budget: runs, attempts, logs."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from tui.api.client import MAX_PAGE_SIZE, ApiReader, Client, ReadRequest
from tui.api.errors import MAX_EVENT_ROWS, ApiError, NotFound, Refused, ServerFault
from tui.api.feed import FeedPosition, FeedResponse, FeedTarget
from tui.api.lists import ListRead, RowRead
from tui.api.models import RowsPage
from tui.api.queries import TrqlQuery
from tui.api.responses import Response
from tui.api.runs import ListPage, RunResponse
from tui.domain.error import RunError
from tui.domain.filters import MAX_PERIOD, RunFilters
from tui.domain.log import RunLog
from tui.domain.run import (
    AttemptHistory,
    Capability,
    Cursor,
    Environment,
    Json,
    Precision,
    Run,
    RunId,
    SpanId,
    Stamp,
    Wait,
    WaitKind,
)
from tui.domain.text import Raw
from tui.domain.trace import SpanDetail, Trace, attempts_of, needs_root_error
from tui.domain.update import CapabilityLost, CapabilityRegained, EnvironmentRead, RunGone, RunPatch, RunsRead
from tui.lazy_dataclass import dataclass
from tui.store.merge import merge
from tui.sync.budget import Budget, Emit
from tui.sync.reads import Paging, Priority

# Fetches the attempts of a run: from its trace, or from its events if the trace is cut, unreadable or missing.
#
# How spans become attempts is in `domain.trace`.
#
# Source: tests/wire/recordings/README.md §5, recordings 1005 and 1011.


REREAD_CUT_AFTER: Final = timedelta(seconds=15)
"""Between two reads of a live run whose trace is cut, since its events are up to 8 MB. A new attempt, or the end of the
run, is read at once.
"""

MAX_REMEMBERED: Final = 256
"""How many runs with a cut trace, and how many waits, are remembered. The oldest are dropped."""

_OK: Final = 200
_MAX_TRACE_ROWS: Final = 5_000
_CUT: Final = f"the trace was cut at {_MAX_TRACE_ROWS:,} rows"

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
T = TypeVar("T")


EarlyTrace = asyncio.Future[Trace | None]
"""The trace of a run, read beside its detail."""


class AttemptFetcher:
    """Fetches the attempts of single runs. `reads_early` is False for a server that sends the attempts of a run."""

    def __init__(self, fetcher: "RunFetcher") -> None:
        self._fetcher = fetcher
        self.reads_early = True
        self._cut: dict[RunId, tuple[datetime, int | None, bool]] = {}
        """For runs with a cut trace: when their events were last read, and the attempts and `is_final` at that time."""
        self._wait_subjects: dict[SpanId, Raw | None] = {}

    def can_read_early(self, run: Run | None) -> bool:
        """Return whether the trace of a run may be read beside its detail: the run cannot change any more."""
        if run is None or run.state is None or not run.is_final or run.id in self._cut:
            return False
        return self.reads_early and self._fetcher.is_allowed(Capability.TRACE)

    async def read(self, run: Run, response: RunResponse, early: EarlyTrace | None = None) -> RunPatch | None:
        """Return the attempts of a run whose detail was just read, None if the known ones are recent.

        `early` is the trace if it was read beside the detail. Raises `ApiError` if trace and events cannot be read.
        """
        if run.attempts is not None and self._was_just_read(run):
            return None
        trace, missing = await self._trace(run, early)
        root_error: RunError | None = None
        if trace is not None and needs_root_error(run, trace):
            with suppress(ApiError):
                root_error = (await self._fetcher.fetch_span(run.id, trace.root.id, Priority.SELECTED)).error
        history = attempts_of(run, trace, root_error)
        if trace is None and (not self._fetcher.is_allowed(Capability.TRACE) or run.attempt_count == 0):
            history = replace(history, is_trace_gone=False)
        if history.wait is not None:
            wait = await self._with_subject(run.id, history.wait)
            history = replace(history, wait=_with_children(wait, run.id, response.related))
        return _patch(run, replace(history, missing=missing), root_error, response.read_at)

    def _was_just_read(self, run: Run) -> bool:
        """Return whether the events of a live run with a cut trace were read, and nothing has changed since."""
        if (known := self._cut.get(run.id)) is None or known[1:] != (run.attempt_count, False) or run.is_final:
            return False
        return abs(self._fetcher.now() - known[0]) < REREAD_CUT_AFTER

    async def _trace(self, run: Run, early: EarlyTrace | None) -> tuple[Trace | None, str]:
        """Return the spans of a run, and a sentence about missing ones. A trace that was cut is not fetched again."""
        trace: Trace | None = None
        fault: ServerFault | None = None
        if run.id not in self._cut:
            try:
                trace = await (early or self._fetcher.fetch_trace(run.id, Priority.SELECTED))
            except ServerFault as error:
                if error.status != _OK:
                    raise
                fault = error
            if trace is None:
                return await self._trace_of_events(run, fault)
            if not trace.is_truncated:
                return trace, ""
        _remember(self._cut, run.id, (self._fetcher.now(), run.attempt_count, run.is_final))
        events: Trace | None = None
        reason = "do not contain the run"
        try:
            events = await self._events(run.id)
        except ApiError as error:
            reason = f"could not be read: {error}"
        if events is None:
            trace = trace or await self._fetcher.fetch_trace(run.id, Priority.SELECTED)
            return trace, f"{_CUT} and the events {reason}"
        return events, f"{_CUT} and the events at {MAX_EVENT_ROWS:,}" if events.is_truncated else ""

    async def _trace_of_events(self, run: Run, fault: ServerFault | None) -> tuple[Trace | None, str]:
        """Return the events as a trace, for a run whose trace is missing, or unreadable because of `fault`.

        Raises the fault if the events do not contain the run.
        """
        events: Trace | None = None
        if run.attempt_count and self._fetcher.is_allowed(Capability.TRACE):
            with suppress(ApiError):
                events = await self._events(run.id)
        if events is None and fault is not None:
            raise fault
        is_cut = events is not None and events.is_truncated
        return events, f"the events were cut at {MAX_EVENT_ROWS:,} rows" if is_cut else ""

    async def _events(self, run_id: RunId) -> Trace | None:
        read = partial(self._fetcher.api.read_events, run_id)
        return await self._fetcher.budget.request(("events", run_id), Priority.SELECTED, read)

    async def _with_subject(self, run_id: RunId, wait: Wait) -> Wait:
        """Return the wait with its subject, such as a token or a duration. A trace lacks it; the events have it."""
        if wait.subject is not None or wait.kind is WaitKind.RUNS:
            return wait
        if wait.span_id not in self._wait_subjects:
            try:
                events = await self._events(run_id)
            except ApiError as error:
                if not isinstance(error, Refused) and getattr(error, "status", None) != _OK:
                    return wait  # the next read tries again
                events = None
            spans = () if events is None else events.root.walk()
            subjects = (span.wait_subject for span in spans if span.id == wait.span_id)
            _remember(self._wait_subjects, wait.span_id, next(subjects, None))
        return replace(wait, subject=self._wait_subjects[wait.span_id])


def _with_children(wait: Wait, run_id: RunId, related: Iterable[RunPatch]) -> Wait:
    """Return a wait for other runs with those runs. Events do not contain them; the relatives of the detail do.

    They are the children that were created since the wait started, of its task if that is known.
    """
    if wait.kind is not WaitKind.RUNS or wait.runs:
        return wait
    awaited = [
        patch
        for patch in related
        if patch.fixed is not None
        and patch.fixed.parent_id == run_id
        and patch.created_at is not None
        and patch.created_at >= wait.since
        and (wait.subject is None or str(patch.fixed.task) == wait.subject)
    ]
    open_count = sum(patch.state is not None and not patch.state.status.canonical.is_final for patch in awaited)
    tasks = {patch.fixed.task for patch in awaited if patch.fixed is not None}
    return replace(
        wait,
        runs=tuple(patch.id for patch in awaited),
        open_count=open_count,
        task=tasks.pop() if len(tasks) == 1 else None,
    )


def _remember(known: dict[K, V], key: K, value: V) -> None:
    """Keep a value as the newest of at most MAX_REMEMBERED."""
    known.pop(key, None)
    known[key] = value
    if len(known) > MAX_REMEMBERED:
        del known[next(iter(known))]


def _patch(run: Run, history: AttemptHistory, root_error: RunError | None, read_at: datetime) -> RunPatch:
    updated_at = run.state.updated_at if run.state is not None else read_at
    stamp = Stamp(updated_at, Precision.TRACE, read_at)
    return RunPatch(
        run.id, read_at, attempts=(stamp, history), error=(stamp, root_error) if root_error is not None else None
    )


async def read_pages(
    read: ListRead[T], environment_type: str | None, fetch: Callable[[str], Awaitable[RowsPage[T]]]
) -> tuple[list[T], bool, Paging]:
    """Return the rows of a list, whether the server has more or other rows, and the pages that `fetch` returned.

    At most `max_rows` rows are read, in no more pages than these fill. Raises what `fetch` raises.
    """
    rows, is_cut, paging = list[T](), False, Paging(max_pages=read.max_rows // read.page_size)
    while len(rows) < read.max_rows and not paging.is_done:
        page = paging.cursor or ""
        found = await fetch(page)
        rows += [row for row in found.rows if read.is_shown(row, environment_type)]
        is_cut |= bool(found.unreadable) or found.is_cut
        paging.add(range(len(rows)), Cursor(read.next_page(page, found)) or None)
    is_cut |= paging.is_endless or not paging.is_done or len(rows) > read.max_rows
    return rows[: read.max_rows], is_cut, paging


# Sends requests to the API within the budget, and emits what they return as updates.
#
# `RunFetcher` decides which requests a read needs. The sources decide when to read again.
#
# Source: tests/wire/recordings/README.md §4, §5, §8.


FEED_TIMEOUT_S: Final = 10.0
"""A snapshot of the feed that takes longer is given up."""

MAX_BESIDE_S: Final = 0.05
"""How long the detail of a run waits for the trace that was requested with it, before it is emitted alone."""


@dataclass(eq=False)
class RunFetcher:
    """Fetches runs, pages, traces and queries.

    A read emits its runs and returns the response as it came. Only the store merges: `fetch_run_with_attempts` waits
    for the store and returns its run.

    `known` looks a run up in the store, and `settle` waits until the store has everything emitted so far. `now` returns
    the server's time, as far as it is known. `lists` is None on a relay: pages, the feed and the environment cannot be
    fetched then.
    """

    api: ApiReader
    budget: Budget
    emit: Emit
    now: Callable[[], datetime]
    known: Callable[[RunId], Run | None]
    settle: Callable[[], Awaitable[None]]
    lists: Client | None

    def __post_init__(self) -> None:
        self._attempts = AttemptFetcher(self)
        self._lost: dict[Capability, str] = {}
        self.feed_polls_in_flight = 0
        self.has_queried = False
        """Whether a query was ever answered. A later 404 then comes from a proxy whose server is away."""
        self.environment: Environment | None = None
        """The environment of the key, as it was last read."""
        self.older_reach = MAX_PERIOD
        """How far back this server lists live runs without refusing it or taking long; see `lists.OlderRuns`."""

    async def record_lost(self, capability: Capability, reason: str) -> None:
        """Record that the server refuses a capability. Requests for it are not sent any more."""
        if capability not in self._lost:
            self._lost[capability] = reason
            await self.emit(CapabilityLost(capability, reason))

    async def record_regained(self, capability: Capability) -> None:
        """Record that a refused capability works again."""
        if self._lost.pop(capability, None) is not None:
            await self.emit(CapabilityRegained(capability))

    async def poll_feed(self, target: FeedTarget, after: FeedPosition | None) -> FeedResponse:
        """Return the next response of the realtime feed. Polls do not count against the rate limit (recording 932).

        Raises `ApiError`.
        """
        self.feed_polls_in_flight += 1
        try:
            return await self._list_reader().read_feed(target, after)
        finally:
            self.feed_polls_in_flight -= 1

    async def read_snapshot(self, target: FeedTarget, wanted: Collection[RunId]) -> FeedResponse | None:
        """Emit the wanted runs of a snapshot of the feed, which costs no budget, and return the snapshot.

        It is only a shortcut, so it may fail: then None is returned.
        """
        with suppress(ApiError, TimeoutError):
            async with asyncio.timeout(FEED_TIMEOUT_S):
                response = await self.poll_feed(target, None)
            await self.emit(RunsRead(tuple(patch for patch in response.patches if patch.id in wanted)))
            await self.settle()
            return response
        return None

    def is_allowed(self, capability: Capability) -> bool:
        """Whether the server has not refused the capability in this session."""
        return capability not in self._lost

    async def fetch_environment(self, priority: Priority) -> bool:
        """Fetch the environment of the key. Emit it if it is another one, or was paused or resumed.

        Return True if it need not be asked again: a public token may not read it, and an old server has no such route.
        Then the environment is unknown, also if it was known before an outage. Raises `ApiError` if there is no
        response.
        """
        before = self.environment
        try:
            environment = await self.budget.request(("whoami",), priority, self._list_reader().whoami)
        except (ServerFault, Refused) as error:
            if not (isinstance(error, Refused) and error.is_final):
                return False
            self.environment = None
            await self.emit(EnvironmentRead(None, self.now()))
            return True
        if before is not None:
            is_resumed = before.is_paused and not environment.is_paused
            environment = replace(environment, resumed_at=self.now() if is_resumed else before.resumed_at)
        if before is None or environment != before or environment.is_paused != before.is_paused:
            self.environment = environment
            await self.emit(EnvironmentRead(environment, self.now()))
        return False

    async def fetch_response(self, request: ReadRequest, priority: Priority) -> Response:
        """Return the raw response to a request, for the relay, and emit nothing. Raises `ApiError`."""
        fetch, is_query = partial(self.api.fetch_response, request), isinstance(request, TrqlQuery)
        return await self.budget.request(("response", request), priority, fetch, is_query=is_query)

    async def fetch_page(
        self, filters: RunFilters, priority: Priority, *, after: Cursor | None = None, size: int = MAX_PAGE_SIZE
    ) -> ListPage:
        """Read one page of the list. The caller emits its runs. Raises `ApiError`."""
        lists, monotonic_s = self._list_reader(), self.budget.clock.monotonic_s

        async def read() -> ListPage:
            sent_s = monotonic_s()
            page = await lists.list_runs(filters, after=after, size=size)
            return replace(page, took_s=monotonic_s() - sent_s)

        return await self.budget.request(("list", filters, size, after), priority, read)

    def _list_reader(self) -> Client:
        if self.lists is None:
            raise Refused("a relay takes requests about single runs only", 405)
        return self.lists

    async def fetch_run(self, run_id: RunId, priority: Priority, *, max_wait_s: float | None = None) -> RunResponse:
        """Fetch and emit one run with its relatives. After a 404, emit `RunGone` and raise.

        Raises `RateLimited` if the request would wait for more than `max_wait_s`.
        """
        response = await self._read_run(run_id, priority, max_wait_s)
        await self.emit(RunsRead((response.patch, *response.related)))
        return response

    async def _read_run(self, run_id: RunId, priority: Priority, max_wait_s: float | None = None) -> RunResponse:
        try:
            read = partial(self.api.read_run, run_id)
            return await self.budget.request(("run", run_id), priority, read, max_wait_s=max_wait_s)
        except NotFound:
            await self.emit(RunGone(run_id, self.now()))
            raise

    async def fetch_run_with_attempts(self, run_id: RunId) -> tuple[Run, str | None]:
        """Fetch one run with its attempts, and return it as the store has it then.

        The attempts come from the run's trace unless the server still sends them. If they cannot be read, the second
        value says why. Raises `ApiError` if the run itself cannot be read.
        """
        if self._attempts.can_read_early(self.known(run_id)):
            return await self._fetch_final_run(run_id)
        response = await self.fetch_run(run_id, Priority.SELECTED)
        return await self._with_attempts(response)

    async def _fetch_final_run(self, run_id: RunId) -> tuple[Run, str | None]:
        """Fetch a run and its trace at the same time. One after the other, its stack would take two round trips.

        If both arrive together, they are emitted directly after each other, so that they are painted at once.
        """
        trace: EarlyTrace = asyncio.get_running_loop().create_future()

        async def read_trace() -> None:
            try:
                trace.set_result(await self.fetch_trace(run_id, Priority.SELECTED))
            except ApiError as error:
                trace.set_exception(error)
                trace.exception()  # marks it as retrieved: without it, asyncio warns if the detail cannot be read

        async def read_run() -> tuple[Run, str | None]:
            response = await self._read_run(run_id, Priority.SELECTED)
            await asyncio.wait([trace], timeout=MAX_BESIDE_S)
            await self.emit(RunsRead((response.patch, *response.related)))
            return await self._with_attempts(response, trace)

        found, _ = await asyncio.gather(read_run(), read_trace(), return_exceptions=True)
        if isinstance(found, BaseException):
            raise found
        return found

    async def _with_attempts(self, response: RunResponse, early: EarlyTrace | None = None) -> tuple[Run, str | None]:
        """Read the attempts of a run whose detail was emitted. The result is that of `fetch_run_with_attempts`."""
        run = await self._run_in_store(None, response.patch)
        if response.patch.attempts is not None:
            self._attempts.reads_early = False
            return run, None
        try:
            patch = await self._attempts.read(run, response, early)
        except ApiError as error:
            return run, f"the attempts are not known: {error}"
        if patch is None:
            return run, None
        await self.emit(RunsRead((patch,)))
        reason = self._lost.get(Capability.TRACE)
        failure = None if reason is None else f"earlier attempts are not known: {reason}"
        after = await self._run_in_store(run, patch)
        if after.is_final and not run.is_final:
            # The run ended between the two answers, so the known attempts show one that still executes.
            with suppress(ApiError):
                patch = await self._attempts.read(after, replace(response, read_at=self.now()))
                if patch is not None:
                    await self.emit(RunsRead((patch,)))
                    after = await self._run_in_store(after, patch)
        return after, failure

    async def _run_in_store(self, before: Run | None, patch: RunPatch) -> Run:
        """Return the run from the store after a patch was emitted. A full store drops an old run at once; only then
        is the patch merged here.
        """
        await self.settle()
        return self.known(patch.id) or merge(before, patch)

    async def fetch_bodies(self, run: Run, labels: Iterable[str] = ("payload", "output"), *, max_bytes: int) -> Run:
        """Return the run with its payload and output, fetched from the object store if they are only URLs.

        The object store is not the API, so this costs no budget. Raises `ApiError`.
        """
        if run.body is None:
            return run
        stamp, body = run.body
        for label in labels:
            if (url := getattr(body, f"{label}_url")) is not None:
                value = _decode_stored(await self.api.fetch_presigned(url, max_bytes=max_bytes))
                fetched: dict[str, Any] = {label: value, f"{label}_url": None}
                body = replace(body, **fetched)
        return replace(run, body=(stamp, body))

    async def fetch_span(self, run_id: RunId, span_id: SpanId, priority: Priority) -> SpanDetail:
        """Fetch one span with its properties. Raises `ApiError`."""
        read = partial(self.api.read_span, run_id, span_id)
        return await self.budget.request(("span", run_id, span_id), priority, read)

    async def fetch_log(self, run_id: RunId, known: RunLog | None, priority: Priority) -> tuple[RunLog, float]:
        """Fetch the log of a run: `known` itself if it has not changed. Return it with the seconds of its decoding.

        There is no incremental read: each answer has the whole log, up to 8 MB of it. Raises `ApiError`.
        Source: tests/wire/recordings/README.md §5, §9.
        """
        read = partial(self.api.read_log, run_id, known)
        return await self.budget.request(("log", run_id), priority, read)

    async def fetch_trace(self, run_id: RunId, priority: Priority, *, max_wait_s: float | None = None) -> Trace | None:
        """Fetch the trace of a run. Return None if there is none, or the key may not read it. Raises `ApiError`."""
        if not self.is_allowed(Capability.TRACE):
            return None
        try:
            read = partial(self.api.read_trace, run_id)
            return await self.budget.request(("trace", run_id), priority, read, max_wait_s=max_wait_s)
        except NotFound:
            return None
        except Refused as error:
            if not error.is_final:
                raise
            await self.record_lost(Capability.TRACE, str(error))
            return None

    async def read_list(self, read: ListRead[T], environment: Environment | None) -> tuple[list[T], bool, Paging]:
        """Return the rows of a list by its pages: see `read_pages`. Raises `ApiError`."""

        async def page(page: str) -> RowsPage[T]:
            call = partial(self.api.read_rows, read, page)
            return await self.budget.request(read.request(page), Priority.SELECTED, call)

        return await read_pages(read, None if environment is None else environment.type, page)

    async def read_row(self, read: RowRead[T], row_id: str, priority: Priority, **values: str) -> T:
        """Return one thing, or more of one row of a list. Raises `ApiError`."""
        call = partial(self.api.read_row, read, row_id, **values)
        return await self.budget.request(("row", read.path, row_id, *values.items()), priority, call)

    async def query_rows(self, query: TrqlQuery[T], priority: Priority, *, max_wait_s: float | None = None) -> list[T]:
        """Return the rows of a TRQL query. Raises `ApiError`."""
        read = partial(self.api.query, query)
        rows = await self.budget.request(query, priority, read, max_wait_s=max_wait_s, is_query=True)
        self.has_queried = True
        return rows

    async def query(
        self,
        query: TrqlQuery[T],
        priority: Priority,
        *,
        max_wait_s: float | None = None,
        timeout_s: float | None = None,
        simpler: TrqlQuery[T] | None = None,
    ) -> list[T] | None:
        """Return the rows of a TRQL query, None if it fails or takes longer than `timeout_s`. After a 401 or 403, or a
        404 before the first answer, no query is sent any more.

        After a 400, `simpler` is sent instead: the server may lack one of the columns. TRQL also answers 400 while its
        database is down (recording 950), so a 400 does not rule out later queries.
        """
        if not self.is_allowed(Capability.QUERY):
            return None
        try:
            async with asyncio.timeout(timeout_s):
                return await self.query_rows(query, priority, max_wait_s=max_wait_s)
        except Refused as error:
            if error.status == 400 and simpler is not None:
                return await self.query(simpler, priority, max_wait_s=max_wait_s)
            if error.is_about_the_key or (error.status == 404 and not self.has_queried):
                await self.record_lost(Capability.QUERY, str(error))
            return None
        except (ApiError, TimeoutError):
            return None


def _decode_stored(content: bytes) -> Json:
    """Decode a stored payload: JSON, the value inside `application/super+json`, or else plain text."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return content.decode("utf-8", errors="replace")
    if isinstance(value, dict) and value.keys() == {"json", "meta"}:
        return value["json"]
    return value


# The end of a log.


SETTLED_AFTER: Final = timedelta(seconds=2)
"""After the end of a run, its last lines take up to 1.2 s until they can be read."""


def is_settled(run: Run, now_at_request: datetime) -> bool:
    """Return whether a log that was requested at that time has all lines of a run that has ended.

    The end is the run's last change: the time of the end itself may be missing, or later than the server's clock.
    """
    return run.state is not None and run.is_final and now_at_request - run.state.updated_at >= SETTLED_AFTER
