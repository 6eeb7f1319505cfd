"""Sends requests to the API within the budget, and emits what they return as updates.

It decides which requests a read needs. The sources decide when to read again. The reads of attempts and trees are in
`attempt_fetcher` and `tree_fetcher`.

Source: tests/wire/recordings/README.md §4, §5, §8.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from tui.domain.environment import Capability, Environment
from tui.domain.filters import RunFilters
from tui.domain.ids import Cursor, RunId, SpanId
from tui.domain.run import Json, Run
from tui.domain.update import CapabilityLost, CapabilityRegained, EnvironmentRead, RunGone, RunPatch, RunsRead
from tui.sources.attempt_fetcher import AttemptFetcher, EarlyTrace
from tui.sources.base import Emit
from tui.sources.budget import Budget, Priority
from tui.store.merge import merge
from tui.wire.errors import ApiError, NotFound, Refused, ServerFault
from tui.wire.feed import FeedPosition, FeedResponse, FeedTarget
from tui.wire.queries import NamedQuery
from tui.wire.queries.text import TrqlQuery
from tui.wire.read_requests import ApiReader, ReadRequest
from tui.wire.responses import Response
from tui.wire.runs import ListPage, RunResponse

if TYPE_CHECKING:
    from tui.domain.traces.span import SpanDetail, Trace
    from tui.wire.client import Client

T = TypeVar("T")

MAX_BESIDE_S: Final = 0.05
"""How long the detail of a run waits for the trace that was requested with it, before it is emitted alone."""

_BAD_REQUEST = 400
_METHOD_NOT_ALLOWED = 405


class RunFetcher:
    """Fetches runs, pages, traces and queries.

    A read emits its runs and returns the response as it came. Only the store merges: `fetch_run_with_attempts` waits
    for the store and returns its run.
    """

    def __init__(
        self,
        api: ApiReader,
        budget: Budget,
        emit: Emit,
        now: Callable[[], datetime],
        known: Callable[[RunId], Run | None],
        settle: Callable[[], Awaitable[None]],
        *,
        lists: "Client | None",
    ) -> None:
        """`known` looks a run up in the store, and `settle` waits until the store has everything emitted so far.

        `now` returns the server's time, as far as it is known. `lists` is None on a relay: pages, the feed and the
        environment cannot be fetched then.
        """
        self.api = api
        self.lists = lists
        self.budget = budget
        self._emit = emit
        self.now = now
        self._known = known
        self._settle = settle
        self._attempts = AttemptFetcher(self)
        self._lost: dict[Capability, str] = {}
        self.feed_polls_in_flight = 0
        self.has_queried = False
        """Whether a query was ever answered. Then a 404 comes from a proxy whose server is away."""
        self.environment: Environment | None = None
        """The environment of the key, as it was last read."""

    async def record_lost(self, capability: Capability, reason: str) -> None:
        """Record that the server refuses a capability. Requests for it are not sent any more."""
        if capability not in self._lost:
            self._lost[capability] = reason
            await self._emit(CapabilityLost(capability, reason))

    async def record_regained(self, capability: Capability) -> None:
        """Record that a refused capability works again."""
        if self._lost.pop(capability, None) is not None:
            await self._emit(CapabilityRegained(capability))

    async def poll_feed(self, target: FeedTarget, after: FeedPosition | None) -> FeedResponse:
        """Return the next response of the realtime feed. Polls do not count against the rate limit (recording 932).

        Raises `ApiError`.
        """
        self.feed_polls_in_flight += 1
        try:
            return await self._list_reader().read_feed(target, after)
        finally:
            self.feed_polls_in_flight -= 1

    def is_allowed(self, capability: Capability) -> bool:
        """Whether the server has not refused the capability in this session."""
        return capability not in self._lost

    async def fetch_environment(self, priority: Priority) -> bool:
        """Fetch and emit the environment of the key. Return False if a later try may succeed.

        A public token may not ask for it, and an old server has no such route: then None is emitted, and the result is
        True. Raises `ApiError` if there is no response.
        """
        try:
            await self.read_environment(priority)
        except ServerFault:
            return False
        except Refused as error:
            if not (error.is_about_the_key or error.status == 404):
                return False
            await self._emit(EnvironmentRead(None, self.now()))
        return True

    async def read_environment(self, priority: Priority) -> None:
        """Fetch the environment of the key, and emit it if it is another one, paused or resumed. Raises `ApiError`."""
        environment = await self.budget.request(("whoami",), priority, self._list_reader().whoami)
        before = self.environment
        if before is not None:
            is_resumed = before.is_paused and not environment.is_paused
            environment = replace(environment, resumed_at=self.now() if is_resumed else before.resumed_at)
        if before is None or environment != before or environment.is_paused != before.is_paused:
            self.environment = environment
            await self._emit(EnvironmentRead(environment, self.now()))

    async def fetch_response(self, request: ReadRequest, priority: Priority) -> Response:
        """Return the raw response to a request, for the relay, and emit nothing. Raises `ApiError`."""
        return await self.budget.request(
            ("response", request),
            priority,
            lambda: self.api.fetch_response(request),
            is_query=isinstance(request, TrqlQuery),
        )

    async def fetch_page(
        self, filters: RunFilters, priority: Priority, *, after: Cursor | None = None, size: int
    ) -> ListPage:
        """Read one page of the list. The caller emits its runs. Raises `ApiError`."""
        key = ("list", filters, size, after)
        lists = self._list_reader()
        return await self.budget.request(key, priority, lambda: lists.list_runs(filters, after=after, size=size))

    def _list_reader(self) -> "Client":
        if self.lists is None:
            raise Refused("a relay takes requests about single runs only", _METHOD_NOT_ALLOWED)
        return self.lists

    async def fetch_run(
        self,
        run_id: RunId,
        priority: Priority,
        *,
        max_wait_s: float | None = None,
        beside: Callable[[RunResponse], Awaitable[tuple[RunPatch, ...]]] | None = None,
    ) -> RunResponse:
        """Fetch and emit one run with its relatives. After a 404, emit `RunGone` and raise.

        `beside` returns more patches of the run, to be emitted with it. Raises `RateLimited` if the request would wait
        for more than `max_wait_s`.
        """
        try:
            response = await self.budget.request(
                ("run", run_id), priority, lambda: self.api.read_run(run_id), max_wait_s=max_wait_s
            )
        except NotFound:
            await self._emit(RunGone(run_id, self.now()))
            raise
        more = () if beside is None else await beside(response)
        await self._emit(RunsRead((response.patch, *response.related, *more)))
        return response

    async def fetch_run_with_attempts(self, run_id: RunId, priority: Priority) -> tuple[Run, str | None]:
        """Fetch one run with its attempts, and return it as the store has it then.

        The attempts come from the run's trace unless the server still sends them. If they cannot be read, the second
        value says why. Raises `ApiError` if the run itself cannot be read.
        """
        if self._attempts.can_read_early(self._known(run_id)):
            return await self._fetch_final_run(run_id, priority)
        response = await self.fetch_run(run_id, priority)
        return await self._with_attempts(response, priority)

    async def _fetch_final_run(self, run_id: RunId, priority: Priority) -> tuple[Run, str | None]:
        """Fetch a run beside its trace: one after the other, its stack would take two round trips.

        Detail and attempts are emitted together if they arrive together: the screen is painted ten times a second.
        """
        early: list[EarlyTrace] = []
        is_read, found = asyncio.Event(), list[RunPatch]()

        async def read_trace() -> None:
            early.append(await self._attempts.read_early(run_id, priority))
            is_read.set()

        async def beside(response: RunResponse) -> tuple[RunPatch, ...]:
            with suppress(TimeoutError):
                async with asyncio.timeout(MAX_BESIDE_S):
                    await is_read.wait()
            if early and response.patch.attempts is None:
                run = merge(self._known(run_id), response.patch)
                patch = self._attempts.patch_of(run, early[0], response.read_at)
                found.extend([] if patch is None else [patch])
            return tuple(found)

        response, _ = await asyncio.gather(
            self.fetch_run(run_id, priority, beside=beside), read_trace(), return_exceptions=True
        )
        if isinstance(response, BaseException):
            raise response
        if found:
            return await self._run_in_store(None, response.patch), None
        return await self._with_attempts(response, priority, early[0])

    async def _with_attempts(
        self, response: RunResponse, priority: Priority, early: EarlyTrace | None = None
    ) -> tuple[Run, str | None]:
        """Read the attempts of a run whose detail was emitted. The result is that of `fetch_run_with_attempts`."""
        run = await self._run_in_store(None, response.patch)
        if response.patch.attempts is not None:
            self._attempts.reads_early = False
            return run, None
        try:
            patch = await self._attempts.read(run, priority, response.read_at, response.related, early)
        except ApiError as error:
            return run, f"the attempts are not known: {error}"
        if patch is None:
            return run, None
        await self._emit(RunsRead((patch,)))
        reason = self._lost.get(Capability.TRACE)
        failure = None if reason is None else f"earlier attempts are not known: {reason}"
        after = await self._run_in_store(run, patch)
        if after.is_final and not run.is_final:
            # The run ended between the two answers: its attempts would show one that still executes.
            with suppress(ApiError):
                patch = await self._attempts.read(after, priority, self.now(), response.related)
                if patch is not None:
                    await self._emit(RunsRead((patch,)))
                    after = await self._run_in_store(after, patch)
        return after, failure

    async def _run_in_store(self, before: Run | None, patch: RunPatch) -> Run:
        """Return the run from the store after a patch was emitted. A full store drops an old run at once; only then
        is the patch merged here.
        """
        await self._settle()
        return self._known(patch.id) or merge(before, patch)

    async def fetch_bodies(self, run: Run, *, max_bytes: int) -> Run:
        """Return the run with its payload and output, fetched from the object store if they are only URLs.

        The object store is not the API, so this costs no budget. Raises `ApiError`.
        """
        if run.body is None:
            return run
        stamp, body = run.body
        if body.payload_url is not None:
            payload = _decode_stored(await self.api.fetch_presigned(body.payload_url, max_bytes=max_bytes))
            body = replace(body, payload=payload, payload_url=None)
        if body.output_url is not None:
            output = _decode_stored(await self.api.fetch_presigned(body.output_url, max_bytes=max_bytes))
            body = replace(body, output=output, output_url=None)
        return replace(run, body=(stamp, body))

    async def fetch_span(self, run_id: RunId, span_id: SpanId, priority: Priority) -> "SpanDetail":
        """Fetch one span with its properties. Raises `ApiError`."""
        return await self.budget.request(
            ("span", run_id, span_id), priority, lambda: self.api.read_span(run_id, span_id)
        )

    async def fetch_trace(
        self, run_id: RunId, priority: Priority, *, max_wait_s: float | None = None
    ) -> "Trace | None":
        """Fetch the trace of a run. Return None if there is none, or the key may not read it. Raises `ApiError`."""
        if not self.is_allowed(Capability.TRACE):
            return None
        try:
            return await self.budget.request(
                ("trace", run_id), priority, lambda: self.api.read_trace(run_id), max_wait_s=max_wait_s
            )
        except NotFound:
            return None
        except Refused as error:
            if not (error.is_about_the_key or error.status == 404):
                raise
            await self.record_lost(Capability.TRACE, str(error))
            return None

    async def query_rows(
        self, query: NamedQuery, priority: Priority, *, max_wait_s: float | None = None
    ) -> list[dict[str, Json]]:
        """Return the rows of a TRQL query. Raises `ApiError`."""
        rows = await self.budget.request(
            query, priority, lambda: self.api.query(query), max_wait_s=max_wait_s, is_query=True
        )
        self.has_queried = True
        return rows

    async def query(
        self,
        query: NamedQuery,
        priority: Priority,
        *,
        max_wait_s: float | None = None,
        simpler: NamedQuery | None = None,
    ) -> list[dict[str, Json]] | None:
        """Return the rows of a TRQL query, None if it fails. After a 401 or 403, or a 404 before the first answer, no
        query is sent any more.

        After a 400, `simpler` is sent instead: the server may lack one of the columns. TRQL also answers 400 while its
        database is down (recording 950), so a 400 does not rule out later queries.
        """
        if not self.is_allowed(Capability.QUERY):
            return None
        try:
            return await self.query_rows(query, priority, max_wait_s=max_wait_s)
        except Refused as error:
            if error.status == _BAD_REQUEST and simpler is not None:
                return await self.query(simpler, priority, max_wait_s=max_wait_s)
            if error.is_about_the_key or (error.status == 404 and not self.has_queried):
                await self.record_lost(Capability.QUERY, str(error))
            return None
        except ApiError:
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
