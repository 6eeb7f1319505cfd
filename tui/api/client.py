"""The client of the Trigger.dev API: read requests as values, actions, and large stored values."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar, cast

import httpx2

from tui import __version__
from tui.api import errors
from tui.api.connection import HttpConnection, HttpRequest, Timeouts
from tui.api.errors import MAX_INLINE_BYTES, MAX_PAGE_BYTES, MAX_QUERY_BYTES, Limits
from tui.api.feed import START_PARAMS, FeedPosition, FeedResponse, FeedTarget, decode_feed
from tui.api.lists import EVENTS, RUN, SPAN, TRACE, GetRequest, ListRead, RowRead, path_part
from tui.api.models import RowsPage
from tui.api.queries import LIVE_PERIOD, NamedQuery, PeriodQuery, TrqlQuery
from tui.api.responses import Response, decode_environment, decode_id, decode_query, read_rate_limit, response_error
from tui.api.runs import ListPage, RunResponse, decode_page, decode_run
from tui.domain.action import OnWritten
from tui.domain.filters import (
    MAX_PERIOD,
    MAX_QUERY_PERIOD,
    RunFilters,
    parse_period,
    period_text,
    query_period,
    queue_names,
)
from tui.domain.run import Cursor, Environment, RateLimit, RunId, SpanId
from tui.domain.text import clean
from tui.domain.trace import SpanDetail, Trace
from tui.settings.secret import Secret

if TYPE_CHECKING:
    from tui.api.traces import TraceScanner
    from tui.domain.log import RunLog


# Read requests as values, which go to the API directly or through a relay, and the decoding of their responses.
#
# `Client` and `RelayConnection` are the two `ApiReader`s. Source: tests/wire/recordings/README.md §4-§6.


T = TypeVar("T")

USER_AGENT = f"trigger-tui/{__version__}"
DEFAULT_TIMEOUTS = Timeouts()


ReadRequest = NamedQuery | GetRequest


class ApiReader(ABC):
    """Sends read requests, and decodes their responses.

    Every method may raise `Unreachable`, `RateLimited`, `Refused`, `NotFound` or `ServerFault`.
    """

    def __init__(
        self, key: Secret, *, clock: Callable[[], datetime], allows_http: bool, timeouts: Timeouts = DEFAULT_TIMEOUTS
    ) -> None:
        """`key` is redacted from the text of every error. `allows_http`: the API itself is reached without TLS, so
        downloads need none either.
        """
        self._key = key
        self._allows_http = allows_http
        headers = {b"user-agent": USER_AGENT.encode()}
        self._stored = HttpConnection(headers=headers, clock=clock, timeouts=timeouts)
        """Connections to the object store. They never send our key, and the first download opens them."""
        self.on_truncated: Callable[[str], None] = lambda _: None
        """Called with a sentence for each truncation of a response; see `api.errors`."""

    @abstractmethod
    async def fetch_response(self, request: ReadRequest) -> Response:
        """Send a request and return the undecoded response, whatever its status. A relay passes it on.

        Raises `RateLimited`, so that the budget can wait, and `Unreachable` or `ServerFault` if there is no response.
        """

    async def fetch_presigned(self, url: str, *, max_bytes: int) -> bytes:
        """Download a large payload or output, which the API replaces by a presigned URL of an object store.

        Raises `ServerFault` for more than `max_bytes`, for a URL that is less secure than the API's, and for any other
        status than 200: 202 comes with a promise, 206 with a part. Source: tests/wire/recordings/README.md §4.
        """
        try:
            parsed = httpx2.URL(url)
            scheme, host = parsed.scheme, parsed.raw_host.decode()
        except (httpx2.InvalidURL, ValueError):
            scheme, host = "", "an invalid address"
        label = f"GET the stored data at {host}"
        if scheme != "https" and not (scheme == "http" and self._allows_http):
            raise errors.ServerFault(f"{label}: not fetched, since the address is not https", 200)
        response = await self._stored.send(HttpRequest(url, max_bytes=max_bytes), label=label)
        if response.status == 200:
            return response.body
        if 400 <= response.status < 500:
            text = f"{label}: {response.status}, its URL may have expired: read the run again"
            raise errors.Refused(text, response.status)
        raise errors.ServerFault(f"{label}: {response.status}", response.status)

    async def aclose(self) -> None:
        """Close all connections, but for that to a relay, which `RelayConnection.open` closes."""
        await self._stored.aclose()

    async def read_run(self, run_id: RunId) -> RunResponse:
        """Return the detail of a run, with its root, its parent and its direct children."""
        response = await self._fetch_success(RUN.request(run_id))
        read = await self.decode(response, lambda body, limits: decode_run(body, response.read_at, limits))
        if read.patch.id != run_id:
            raise errors.ServerFault(f"GET /api/v3/runs/{run_id}: the response is about another run", response.status)
        return read

    async def read_trace(self, run_id: RunId) -> Trace:
        """Return the spans of a run and of its awaited descendants. A run that just started may have none yet (404).

        Decoding yields to the event loop.
        """
        from tui.api.traces import between_turns, trace_slices  # noqa: PLC0415  loaded when first used

        response = await self._fetch_success(TRACE.request(run_id))
        trace, _ = await between_turns(trace_slices(response.body, limits := Limits()))
        self._report(response, limits)
        return trace

    async def read_trace_nodes(self, run_id: RunId) -> "TraceScanner":
        """Return the same response undecoded, with all its nodes, for a command that prints them as they came."""
        from tui.api.traces import TraceScanner  # noqa: PLC0415  loaded when first used

        scanner = TraceScanner((await self._fetch_success(TRACE.request(run_id))).body)
        for _ in scanner.slices():
            await asyncio.sleep(0)
        return scanner

    async def read_events(self, run_id: RunId) -> Trace | None:
        """Return the attempts of a run from its flat list of spans, None if that lacks the run. Decoding yields."""
        from tui.api.traces import between_turns, event_slices  # noqa: PLC0415  loaded when first used

        response = await self._fetch_success(EVENTS.request(run_id))
        return (await between_turns(event_slices(response.body, run_id)))[0]

    async def read_log(self, run_id: RunId, known: "RunLog | None") -> "tuple[RunLog, float]":
        """Return the log of a run, `known` itself if nothing is new, and the seconds that the decoding took."""
        from tui.api.traces import decode_log  # noqa: PLC0415  loaded when first used

        response = await self._fetch_success(EVENTS.request(run_id))
        try:
            return await decode_log(response.body, known)
        except errors.ServerFault as error:
            raise errors.ServerFault(f"{response.label}: {error}", response.status) from None

    async def read_span(self, run_id: RunId, span_id: SpanId) -> SpanDetail:
        from tui.api.traces import decode_span  # noqa: PLC0415  loaded when first used

        return await self.decode(await self._fetch_success(SPAN.request(run_id, span=span_id)), decode_span)

    async def query(self, query: TrqlQuery[T]) -> list[T]:
        """Return the rows of a TRQL query.

        A query needs a secret key, and fails with 400 while the server's analytics store is down.
        """
        response = await self._fetch_success(cast("NamedQuery", query))
        return await self.decode(response, lambda body, limits: query.read(decode_query(body, limits)))

    async def read_rows(self, read: ListRead[T], page: str = "", **values: str) -> RowsPage[T]:
        """Return a page of a list: the first, or the one with a number or after a cursor."""
        return await self.decode(await self._fetch_success(read.request(page, **values)), read.decode)

    async def read_row(self, read: RowRead[T], row_id: str, **values: str) -> T:
        """Return one thing, or more of one row of a list."""
        return await self.decode(await self._fetch_success(read.request(row_id, **values)), read.decode)

    async def decode(self, response: Response, decode: Callable[[bytes, Limits], T]) -> T:
        """Decode a response, a large one in a thread, and report its truncations. Raises what `decode` raises."""
        body, limits = response.body, Limits()
        value = await asyncio.to_thread(decode, body, limits) if len(body) > MAX_INLINE_BYTES else decode(body, limits)
        self._report(response, limits)
        return value

    def _report(self, response: Response, limits: Limits) -> None:
        for note in limits.notes:
            self.on_truncated(f"{response.label}: {note}")

    async def _fetch_success(self, request: ReadRequest) -> Response:
        return self._checked(await self.fetch_response(request))

    def _checked(self, response: Response) -> Response:
        if (error := response_error(response, self._key)) is not None:
            raise error
        return response


def http_request_of(request: ReadRequest) -> HttpRequest:
    """Return the HTTP request. Raises `Refused` for a text that is no period, or a value that no query may have."""
    if isinstance(request, GetRequest):
        return HttpRequest(request.path, dict(request.params) or None, has_own_limit=request.has_own_limit)
    period = _explicit_period(request.period if isinstance(request, PeriodQuery) else LIVE_PERIOD)
    return HttpRequest("/api/v1/query", json={"query": request.trql(), "period": period}, max_bytes=MAX_QUERY_BYTES)


def _explicit_period(period: str | None) -> str:
    """Return the period to send. Without a valid one the server silently searches seven days (recordings 2616, 2621).

    Raises `Refused` for a period that the server cannot read.
    """
    if period is None:
        return query_period(MAX_QUERY_PERIOD)
    if (length := parse_period(period)) is None:
        raise errors.Refused(f"POST /api/v1/query: the server cannot read the period {clean(period)!r}", 400)
    return period if length <= MAX_QUERY_PERIOD else query_period(length)


# The client of the Trigger.dev API. Each method sends one request, and returns domain values or raises an `ApiError`.
#
# `Client` has the routes, parameters and headers; `api.connection` transports them.
# Source: tests/wire/recordings/README.md §1, §3-§8; @trigger.dev/core 4.8.3 for `x-trigger-branch`.


API_VERSION = "2025-07-16"
"""Selects the current status words. The server uses older ones for any other value (recording 056)."""

MAX_PAGE_SIZE = 100

ELECTRIC_VERSION = "1.0.0-beta.1"
"""Selects today's names of the feed's response headers (recordings 710, 735)."""

FEED_TIMEOUTS = Timeouts(read_s=30.0, whole_s=60.0)
"""The server holds a poll of the feed for 17 to 22 s (recordings 709, 712, 739)."""

MAX_PAGE_S = 30.0
"""The time for a whole page of the list. Nothing else is polled while it is read."""

MAX_FEED_BYTES = 16 * 1024 * 1024
"""A snapshot of a thousand rows is about 2 MB."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Client(ApiReader):
    """The API of one environment. Close it with `aclose()`.

    Every method may raise `Unreachable`, `RateLimited`, `Refused`, `NotFound` or `ServerFault`.
    """

    def __init__(
        self,
        api_url: str,
        key: str,
        *,
        clock: Callable[[], datetime],
        branch: str | None = None,
        on_rate_limit: Callable[[RateLimit], None] = lambda _: None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        feed_timeouts: Timeouts = FEED_TIMEOUTS,
    ) -> None:
        """`api_url` may have a path; the settings have checked it. `clock` dates a response that has no `Date`.
        `on_rate_limit` is called with the rate limit of every response that has one.

        Raises ValueError for a key or a branch that cannot be sent.
        """
        self._base = api_url.rstrip("/")
        super().__init__(Secret(key), clock=clock, timeouts=timeouts, allows_http=self._base.startswith("http:"))
        self._on_rate_limit = on_rate_limit
        headers = _headers(key, branch)
        self._connection = HttpConnection(headers=headers, key=self._key, clock=clock, timeouts=timeouts)
        headers = headers | {b"x-trigger-electric-version": ELECTRIC_VERSION.encode()}
        self._feed = HttpConnection(headers=headers, key=self._key, clock=clock, timeouts=feed_timeouts)
        self.restart_reads = self._connection.restart_reads
        """A method that sends the reads again that take long, except the poll of the feed and downloads."""
        self.oldest_read = self._connection.oldest_read
        """A method that returns which of these reads began first, as method and path, and after which time it fails at
        the latest.
        """

    async def aclose(self) -> None:
        await self._connection.aclose()
        await self._feed.aclose()
        await super().aclose()

    async def list_runs(
        self, filters: RunFilters, *, after: Cursor | None = None, size: int = MAX_PAGE_SIZE
    ) -> ListPage:
        """Return one page of runs, newest first: the first, or the older one after a cursor."""
        params = filter_params(filters) | {"page[size]": str(size)}
        if after is not None:
            params["page[after]"] = after
        request = HttpRequest("/api/v1/runs", params, max_bytes=MAX_PAGE_BYTES, max_whole_s=MAX_PAGE_S)
        response = self._checked(await self._send(request))
        return await self.decode(response, lambda body, limits: decode_page(body, response.read_at, limits))

    async def read_feed(self, target: FeedTarget, after: FeedPosition | None) -> FeedResponse:
        """Return the snapshot of a feed (`after` is None), or wait for its next changes.

        Feed requests do not count against the rate limit (recording 932).
        """
        path = "/realtime/v1/runs" if target.run_id is None else f"/realtime/v1/runs/{path_part(target.run_id)}"
        params = target.params() | (START_PARAMS if after is None else after.params())
        response = await self._feed.send(HttpRequest(path, params, max_bytes=MAX_FEED_BYTES), base=self._base)
        if response.status == 409:
            return FeedResponse((), response.read_at, None)  # the server no longer knows the handle
        return await self.decode(self._checked(response), lambda _, limits: decode_feed(response, after, limits))

    async def fetch_response(self, request: ReadRequest) -> Response:
        response = await self._send(http_request_of(request))
        if isinstance(error := response_error(response, self._key), errors.RateLimited):
            raise error
        return response

    async def whoami(self) -> Environment:
        """Return the environment of the key."""
        return decode_environment(self._checked(await self._send(HttpRequest("/api/v1/whoami"))).body)

    async def cancel(self, run_id: RunId, on_written: OnWritten | None = None) -> None:
        """Cancel a run. The server accepts finished runs too (recording 402): read the run again to see the outcome."""
        await self._act(f"/api/v2/runs/{path_part(run_id)}/cancel", on_written)

    async def replay(self, run_id: RunId, on_written: OnWritten | None = None) -> RunId:
        """Start a new run with the same payload, even while the old run executes (recording 412). Return its id."""
        return await self._act(f"/api/v1/runs/{path_part(run_id)}/replay", on_written)

    async def _act(self, path: str, on_written: OnWritten | None) -> RunId:
        """Send an action, and return the id in its response."""
        response = await self._send(HttpRequest(path, json={}, is_action=True), on_written)
        return decode_id(self._checked(response).body)

    async def _send(self, http: HttpRequest, on_written: OnWritten | None = None) -> Response:
        response = await self._connection.send(http, base=self._base, on_written=on_written)
        if not http.has_own_limit and (rate_limit := read_rate_limit(response)) is not None:
            self._on_rate_limit(rate_limit)
        return response


def filter_params(filters: RunFilters) -> dict[str, str]:
    """Return the query parameters of a list, with times in epoch milliseconds (the server would read seconds as 1970).

    There is always a limit of the creation time, since the server's default is seven days (recording 2600). Raises
    ValueError for a period that the server cannot read, since it would search everything (recording 2608).
    """
    lists = filters.lists | {"queue": queue_names(filters.queues)}
    names = {"task": "taskIdentifier"}
    params = {f"filter[{names.get(word, word)}]": ",".join(values) for word, values in lists.items() if values}
    if filters.batch is not None:
        params["filter[batch]"] = filters.batch
    if filters.is_test is not None:
        params["filter[isTest]"] = "true" if filters.is_test else "false"
    period = filters.period if filters.has_window else period_text(MAX_PERIOD)
    if period is not None:
        if parse_period(period) is None:
            raise ValueError(f"the server cannot read the period {period!r}")
        params["filter[createdAt][period]"] = period
    if filters.created_from is not None:
        params["filter[createdAt][from]"] = str((filters.created_from - _EPOCH) // _MILLISECOND)
    if filters.created_to is not None:
        params["filter[createdAt][to]"] = str(-((_EPOCH - filters.created_to) // _MILLISECOND))
    return params


def _headers(key: str, branch: str | None) -> dict[bytes, bytes]:
    if not key.isascii() or not key.isprintable() or not key or " " in key:
        raise ValueError("the key is empty or has invalid characters")
    headers = {
        b"authorization": f"Bearer {key}".encode(),
        b"x-trigger-api-version": API_VERSION.encode(),
        b"user-agent": USER_AGENT.encode(),
    }
    if branch:
        if not branch.isprintable():
            raise ValueError("the branch has characters that are not allowed in an HTTP header")
        # The SDK's fetch rejects other characters than Latin-1 too. UnicodeEncodeError is a ValueError.
        headers[b"x-trigger-branch"] = branch.encode("latin-1")
    return headers
