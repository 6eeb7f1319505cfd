"""The client of the Trigger.dev API. Each method sends one request, and returns domain values or raises an `ApiError`.

This module has the routes, parameters and headers; `wire.connection` transports them.
Source: tests/wire/recordings/README.md §1, §3-§8; @trigger.dev/core 4.8.3 for `x-trigger-branch`.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self, TypeVar

from tui import __version__
from tui.domain.action import OnWritten
from tui.domain.environment import Environment, RateLimit
from tui.domain.filters import MAX_PERIOD, RunFilters, parse_period, period_text, queue_names
from tui.domain.ids import Cursor, RunId
from tui.domain.run import Json
from tui.settings import Secret
from tui.wire.connection import HttpConnection, Timeouts
from tui.wire.errors import RateLimited
from tui.wire.feed import START_PARAMS, FeedPosition, FeedResponse, FeedTarget, decode_feed, restart_response
from tui.wire.http.url import HttpUrl, InvalidUrl
from tui.wire.known_pages import KnownPages
from tui.wire.limits import MAX_PAGE_BYTES, MAX_QUERY_BYTES, Limits
from tui.wire.object_store import ObjectStore
from tui.wire.queries.text import TrqlQuery
from tui.wire.read_requests import ApiReader, ReadRequest, http_request_of, path_part
from tui.wire.responses import Response, decode_environment, decode_id, read_rate_limit, response_error
from tui.wire.runs import ListPage

T = TypeVar("T")

API_VERSION = "2025-07-16"
"""Selects the current status words. The server uses older ones for any other value (recording 056)."""

USER_AGENT = f"trigger-tui/{__version__}"
MAX_PAGE_SIZE = 100
DEFAULT_TIMEOUTS = Timeouts()

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
_MAX_PATH_CHARS = 90


def _ignore(_: RateLimit) -> None:
    pass


class Client(ApiReader):
    """The API of one environment. Close it with `async with` or `aclose()`.

    Every method may raise `Unreachable`, `RateLimited`, `Refused`, `NotFound` or `ServerFault`.
    """

    def __init__(
        self,
        api_url: str,
        key: str,
        *,
        clock: Callable[[], datetime],
        branch: str | None = None,
        user_agent: str = USER_AGENT,
        on_rate_limit: Callable[[RateLimit], None] = _ignore,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        feed_timeouts: Timeouts = FEED_TIMEOUTS,
    ) -> None:
        """`api_url` may have a path. `clock` dates a response that has no `Date`. `on_rate_limit` is called with the
        rate limit of every response that has one.

        Raises ValueError for an address, a key or a branch that cannot be sent.
        """
        self._base = _base(api_url)
        super().__init__(Secret(key))
        self._on_rate_limit = on_rate_limit
        headers = _headers(key, branch, user_agent)
        self._connection = HttpConnection(headers=headers, key=self._key, clock=clock, timeouts=timeouts)
        self._feed = HttpConnection(
            headers=headers | {b"x-trigger-electric-version": ELECTRIC_VERSION.encode()},
            key=self._key,
            clock=clock,
            timeouts=feed_timeouts,
        )
        self._pages = KnownPages()
        self._stored = ObjectStore(
            user_agent, clock=clock, timeouts=timeouts, allows_http=self._base.startswith("http:")
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._connection.aclose()
        await self._feed.aclose()
        await self._stored.aclose()

    def restart_reads(self) -> None:
        """Send the reads again that take long, except the poll of the feed and downloads."""
        self._connection.restart_reads()

    def oldest_read(self) -> tuple[str, timedelta] | None:
        """Return which of them began first, as method and path, and after which time it fails at the latest."""
        return self._connection.oldest_read()

    async def list_runs(
        self,
        filters: RunFilters,
        *,
        after: Cursor | None = None,
        size: int = MAX_PAGE_SIZE,
    ) -> ListPage:
        """Return one page of runs, newest first: the first, or the older one after a cursor."""
        params = filter_params(filters) | {"page[size]": str(size)}
        if after is not None:
            params["page[after]"] = after
        response = await self._fetch(
            "GET", "/api/v1/runs", params=params, max_bytes=MAX_PAGE_BYTES, max_whole_s=MAX_PAGE_S
        )
        return await self._decode(response, lambda limits: self._pages.decode(response.body, response.read_at, limits))

    async def read_feed(self, target: FeedTarget, after: FeedPosition | None) -> FeedResponse:
        """Return the snapshot of a feed (`after` is None), or wait for its next changes.

        Feed requests do not count against the rate limit (recording 932).
        """
        path = "/realtime/v1/runs" if target.run_id is None else f"/realtime/v1/runs/{path_part(target.run_id)}"
        params = target.params() | (START_PARAMS if after is None else after.params())
        response = await self._feed.send(
            "GET", self._base + path, f"GET {_shortened(path)}", params=params, max_bytes=MAX_FEED_BYTES
        )
        if response.status == 409:
            return restart_response(response.read_at)
        if (error := response_error(response, self._key)) is not None:
            raise error
        return await self._decode(response, lambda limits: decode_feed(response, after, limits))

    async def fetch_response(self, request: ReadRequest) -> Response:
        method, path, json, params = http_request_of(request)
        max_bytes = MAX_QUERY_BYTES if isinstance(request, TrqlQuery) else None
        response = await self._send(method, path, params=params, json=json, max_bytes=max_bytes)
        if isinstance(error := response_error(response, self._key), RateLimited):
            raise error
        return response

    async def get(
        self,
        path: str,
        params: dict[str, str],
        decode: Callable[[Response, Limits], T],
        *,
        has_own_limit: bool = False,
    ) -> T:
        """Send a GET request, and return its response as `decode` reads it.

        `has_own_limit`: the rate limit in its headers is not that of other requests.
        """
        response = await self._send("GET", path, params=params, has_own_limit=has_own_limit)
        if (error := response_error(response, self._key)) is not None:
            raise error
        return await self._decode(response, lambda limits: decode(response, limits))

    async def whoami(self) -> Environment:
        """Return the environment of the key."""
        response = await self._fetch("GET", "/api/v1/whoami")
        return decode_environment(response.body)

    async def cancel(self, run_id: RunId, on_written: OnWritten | None = None) -> None:
        """Cancel a run. The server accepts finished runs too (recording 402): read the run again to see the outcome."""
        path = f"/api/v2/runs/{path_part(run_id)}/cancel"
        response = await self._fetch("POST", path, json={}, on_written=on_written)
        decode_id(response.body)

    async def replay(self, run_id: RunId, on_written: OnWritten | None = None) -> RunId:
        """Start a new run with the same payload, even while the old run executes (recording 412). Return its id."""
        path = f"/api/v1/runs/{path_part(run_id)}/replay"
        response = await self._fetch("POST", path, json={}, on_written=on_written)
        return decode_id(response.body)

    async def fetch_presigned(self, url: str, *, max_bytes: int) -> bytes:
        """Download a payload or an output; see `ObjectStore.fetch`."""
        return await self._stored.fetch(url, max_bytes=max_bytes)

    async def _fetch(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        json: Json = None,
        on_written: OnWritten | None = None,
        max_bytes: int | None = None,
        max_whole_s: float = math.inf,
    ) -> Response:
        """Send a request, an action unless it is a GET, and return a successful response."""
        response = await self._send(
            method,
            path,
            params=params,
            json=json,
            on_written=on_written,
            max_bytes=max_bytes,
            max_whole_s=max_whole_s,
            is_action=method != "GET",
        )
        if (error := response_error(response, self._key)) is not None:
            raise error
        return response

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        json: Json = None,
        on_written: OnWritten | None = None,
        max_bytes: int | None = None,
        max_whole_s: float = math.inf,
        has_own_limit: bool = False,
        is_action: bool = False,
    ) -> Response:
        label = f"{method} {_shortened(path)}"
        url = self._base + path
        response = await self._connection.send(
            method,
            url,
            label,
            params=params,
            json=json,
            on_written=on_written,
            max_bytes=max_bytes,
            max_whole_s=max_whole_s,
            is_action=is_action,
        )
        if not has_own_limit and (rate_limit := read_rate_limit(response)) is not None:
            self._on_rate_limit(rate_limit)
        return response


def _shortened(path: str) -> str:
    return path if len(path) <= _MAX_PATH_CHARS else path[: _MAX_PATH_CHARS - 1] + "…"


def filter_params(filters: RunFilters) -> dict[str, str]:
    """Return the query parameters of a list, with times in epoch milliseconds (the server would read seconds as 1970).

    There is always a limit of the creation time, since the server's default is seven days (recording 2600). Raises
    ValueError for a period that the server cannot read, since it would search everything (recording 2608).
    """
    lists = {
        "status": filters.statuses,
        "taskIdentifier": filters.tasks,
        "tag": filters.tags,
        "version": filters.versions,
        "queue": queue_names(filters.queues),
        "machine": filters.machines,
        "region": filters.regions,
        "error": filters.errors,
    }
    params = {f"filter[{name}]": ",".join(values) for name, values in lists.items() if values}
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


def _base(api_url: str) -> str:
    try:
        url = HttpUrl.of(api_url.strip())
    except InvalidUrl:
        raise ValueError("the API's address cannot be read") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("the API's address is not of the form https://host")
    if url.user or url.query or url.fragment:
        raise ValueError("the API's address may hold no user, query or fragment")
    return str(url).rstrip("/")


def _headers(key: str, branch: str | None, user_agent: str) -> dict[bytes, bytes]:
    if not key.isascii() or not key.isprintable() or not key or " " in key:
        raise ValueError("the key is empty or holds characters that no key has")
    headers = {
        b"authorization": f"Bearer {key}".encode(),
        b"x-trigger-api-version": API_VERSION.encode(),
        b"user-agent": user_agent.encode(),
    }
    if branch:
        if not branch.isprintable():
            raise ValueError("the branch holds characters that no header can have")
        # The SDK's fetch rejects other characters than Latin-1 too. UnicodeEncodeError is a ValueError.
        headers[b"x-trigger-branch"] = branch.encode("latin-1")
    return headers
