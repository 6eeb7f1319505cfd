"""Read requests as values, which go to the API directly or through a relay, and the decoding of their responses.

`Client` and `RelayConnection` are the two `ApiReader`s. Source: tests/wire/recordings/README.md §4-§6.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeVar, assert_never
from urllib.parse import quote

from tui.domain.filters import MAX_QUERY_PERIOD, parse_period, query_period
from tui.domain.ids import Cursor, ErrorGroupId, RunId, SpanId
from tui.domain.run import Json
from tui.domain.text import clean
from tui.lazy_dataclass import dataclass
from tui.settings import Secret
from tui.wire.errors import NotFound, Refused, ServerFault
from tui.wire.limits import MAX_INLINE_BYTES, Limits
from tui.wire.queries import NamedQuery
from tui.wire.queries.text import TrqlQuery
from tui.wire.responses import Response, decode_query, response_error
from tui.wire.runs import RunResponse, decode_run

if TYPE_CHECKING:
    from tui.domain.errors.server_group import ServerErrorGroup
    from tui.domain.findings.facts import Queue
    from tui.domain.findings.queue_detail import QueueMetrics
    from tui.domain.traces.log_line import RunLog
    from tui.domain.traces.span import Events, SpanDetail, Trace
    from tui.wire.error_groups import ErrorGroupPage
    from tui.wire.traces.trace_nodes import TraceScanner

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The detail of one run."""

    run_id: RunId
    kind: Literal["run"] = "run"


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """The span tree of a run."""

    run_id: RunId
    kind: Literal["trace"] = "trace"


@dataclass(frozen=True, slots=True)
class EventsRequest:
    """The spans and log lines of a run as a flat list, with five times the limit of a trace."""

    run_id: RunId
    kind: Literal["events"] = "events"


@dataclass(frozen=True, slots=True)
class SpanRequest:
    """One span with its properties."""

    run_id: RunId
    span_id: SpanId
    kind: Literal["span"] = "span"


@dataclass(frozen=True, slots=True)
class ErrorGroupsRequest:
    """A page of the error groups with a failure in the last `period` (`1h`): the first, or the one `after` a cursor."""

    period: str
    after: Cursor | None = None
    kind: Literal["error-groups"] = "error-groups"


@dataclass(frozen=True, slots=True)
class ErrorGroupRequest:
    """The detail of one error group."""

    group_id: ErrorGroupId
    kind: Literal["error-group"] = "error-group"


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """One queue. `name` is without `task/`; `is_task` says whether it has it."""

    name: str
    is_task: bool
    kind: Literal["queue"] = "queue"


@dataclass(frozen=True, slots=True)
class QueueMetricsRequest:
    """How a queue moved in the last `period` (`1h`). `name` is without `task/`; `is_task` says whether it has it."""

    name: str
    is_task: bool
    period: str
    kind: Literal["queue-metrics"] = "queue-metrics"


ReadRequest = (
    RunRequest
    | TraceRequest
    | EventsRequest
    | SpanRequest
    | NamedQuery
    | ErrorGroupsRequest
    | ErrorGroupRequest
    | QueueRequest
    | QueueMetricsRequest
)

ERROR_GROUPS_PAGE_SIZE: Final = 50
"""Error groups of one page. No recording requests more (recording 2700 requests 10, others 50)."""


class HttpRequest(NamedTuple):
    """A request as HTTP sends it."""

    method: str
    path: str
    json: Json = None
    params: dict[str, str] | None = None


class ApiReader(ABC):
    """Sends read requests, and decodes their responses.

    Every method may raise `Unreachable`, `RateLimited`, `Refused`, `NotFound` or `ServerFault`.
    """

    def __init__(self, key: Secret) -> None:
        """`key` is redacted from the text of every error."""
        self._key = key
        self.on_truncated: Callable[[str], None] = lambda _: None
        """Called with a sentence for each truncation of a response; see `wire.limits`."""

    @abstractmethod
    async def fetch_response(self, request: ReadRequest) -> Response:
        """Send a request and return the undecoded response, whatever its status. A relay passes it on.

        Raises `RateLimited`, so that the budget can wait, and `Unreachable` or `ServerFault` if there is no response.
        """

    @abstractmethod
    async def fetch_presigned(self, url: str, *, max_bytes: int) -> bytes:
        """Fetch a payload or output from the object store."""

    async def read_run(self, run_id: RunId) -> RunResponse:
        """Return the detail of a run, with its root, its parent and its direct children."""
        response = await self._fetch_success(RunRequest(run_id))
        read = await self._decode(response, lambda limits: decode_run(response.body, response.read_at, limits))
        if read.patch.id != run_id:
            raise ServerFault(f"GET /api/v3/runs/{run_id}: the response is about another run", response.status)
        return read

    async def read_trace(self, run_id: RunId) -> "Trace":
        """Return the spans of a run and of its awaited descendants. A run that just started may have none yet (404).

        Decoding yields to the event loop.
        """
        from tui.wire.traces.trace import TraceDecoder  # noqa: PLC0415  loaded when first used

        response = await self._fetch_success(TraceRequest(run_id))
        decoder = TraceDecoder(response.body, limits := Limits())
        for _ in decoder.slices():
            await asyncio.sleep(0)
        self._report(response, limits)
        return decoder.trace()

    async def read_trace_nodes(self, run_id: RunId) -> "TraceScanner":
        """Return the same response undecoded, with all its nodes, for a command that prints them as they came."""
        from tui.wire.traces.trace_nodes import TraceScanner  # noqa: PLC0415  loaded when first used

        scanner = TraceScanner((await self._fetch_success(TraceRequest(run_id))).body)
        for _ in scanner.slices():
            await asyncio.sleep(0)
        return scanner

    async def read_events(self, run_id: RunId) -> "Events":
        """Return the attempts of a run from its flat list of spans. Decoding yields to the event loop."""
        from tui.wire.traces.events import EventsDecoder  # noqa: PLC0415  loaded when first used

        decoder = EventsDecoder((await self._fetch_success(EventsRequest(run_id))).body, run_id)
        for _ in decoder.slices():
            await asyncio.sleep(0)
        return decoder.events()

    async def read_log(
        self, run_id: RunId, known: "RunLog | None", now_s: Callable[[], float]
    ) -> "tuple[RunLog, float]":
        """Return the log of a run, `known` itself if nothing is new, and the seconds that the decoding took."""
        from tui.wire.traces.log import decode_log  # noqa: PLC0415  loaded when first used

        response = await self._fetch_success(EventsRequest(run_id))
        try:
            return await decode_log(response.body, known, now_s)
        except ServerFault as error:
            raise ServerFault(f"{response.label}: {error}", response.status) from None

    async def read_span(self, run_id: RunId, span_id: SpanId) -> "SpanDetail":
        from tui.wire.traces.trace import decode_span  # noqa: PLC0415  loaded when first used

        response = await self._fetch_success(SpanRequest(run_id, span_id))
        return await self._decode(response, lambda _: decode_span(response.body))

    async def query(self, query: NamedQuery) -> list[dict[str, Json]]:
        """Return the rows of a TRQL query.

        A query needs a secret key, and fails with 400 while the server's analytics store is down.
        """
        response = await self._fetch_success(query)
        return await self._decode(response, lambda limits: decode_query(response.body, limits))

    async def list_error_groups(self, period: str, after: Cursor | None = None) -> "ErrorGroupPage":
        """Return one page of the error groups with a failure in the last `period`, such as `1h`."""
        from tui.wire.error_groups import decode_error_groups  # noqa: PLC0415  loaded when first used

        response = await self._fetch_success(ErrorGroupsRequest(period, after))
        return await self._decode(response, lambda limits: decode_error_groups(response.body, limits))

    async def read_error_group(self, group_id: ErrorGroupId) -> "ServerErrorGroup":
        """Return one error group with its detail."""
        from tui.wire.error_groups import decode_error_group  # noqa: PLC0415  loaded when first used

        response = await self._fetch_success(ErrorGroupRequest(group_id))
        group = await self._decode(response, lambda limits: decode_error_group(response.body, limits))
        if group.id != group_id:
            raise ServerFault(f"{response.label}: the response is about another error group", response.status)
        return group

    async def read_queue(self, name: str, *, is_task: bool) -> "Queue":
        """Return one queue. `name` is without `task/`."""
        from tui.wire.findings.queues import decode_queue  # noqa: PLC0415  loaded when first used

        response = await self._fetch_success(QueueRequest(name, is_task))
        return await self._decode(response, lambda limits: decode_queue(response.body, limits))

    async def read_queue_metrics(self, name: str, *, is_task: bool, period: str) -> "QueueMetrics":
        """Return how a queue moved in the last `period`, such as `1h`. `name` is without `task/`."""
        from tui.wire.findings.queues import decode_queue_metrics  # noqa: PLC0415  loaded when first used

        response = await self._fetch_success(QueueMetricsRequest(name, is_task, period))
        return await self._decode(response, lambda limits: decode_queue_metrics(response.body, limits))

    async def _decode(self, response: Response, decode: Callable[[Limits], T]) -> T:
        """Decode a response, a large one in a thread, and report its truncations. Raises what `decode` raises."""
        limits = Limits()
        is_large = len(response.body) > MAX_INLINE_BYTES
        value = await asyncio.to_thread(decode, limits) if is_large else decode(limits)
        self._report(response, limits)
        return value

    def _report(self, response: Response, limits: Limits) -> None:
        for note in limits.notes:
            self.on_truncated(f"{response.label}: {note}")

    async def _fetch_success(self, request: ReadRequest) -> Response:
        response = await self.fetch_response(request)
        if (error := response_error(response, self._key)) is not None:
            raise error
        return response


def http_request_of(request: ReadRequest) -> HttpRequest:  # noqa: C901  one case a request
    """Return the HTTP request.

    Raises `NotFound` for an impossible id, `Refused` for a period that is none, or a value that no query may have.
    """
    match request:
        case RunRequest(run_id):
            return HttpRequest("GET", f"/api/v3/runs/{path_part(run_id)}")
        case TraceRequest(run_id):
            return HttpRequest("GET", f"/api/v1/runs/{path_part(run_id)}/trace")
        case EventsRequest(run_id):
            return HttpRequest("GET", f"/api/v1/runs/{path_part(run_id)}/events")
        case SpanRequest(run_id, span_id):
            return HttpRequest("GET", f"/api/v1/runs/{path_part(run_id)}/spans/{path_part(span_id)}")
        case TrqlQuery():
            json = {"query": request.trql(), "period": _explicit_period(request.reach)}
            return HttpRequest("POST", "/api/v1/query", json)
        case ErrorGroupsRequest(period, after):
            return HttpRequest("GET", "/api/v1/errors", params=_error_group_params(period, after))
        case ErrorGroupRequest(group_id):
            return HttpRequest("GET", f"/api/v1/errors/{path_part(group_id)}")
        case QueueRequest(name, is_task):
            params = {"type": "task" if is_task else "custom"}
            return HttpRequest("GET", f"/api/v1/queues/{path_part(name)}", params=params)
        case QueueMetricsRequest(name, is_task, period):
            path = f"/api/v1/queues/{path_part(name)}/metrics"
            if parse_period(period) is None:
                raise Refused(f"GET {path}: the server cannot read the period {clean(period)!r}", 400)
            return HttpRequest("GET", path, params={"type": "task" if is_task else "custom", "period": period})
        case _:
            assert_never(request)


def _error_group_params(period: str, after: Cursor | None) -> dict[str, str]:
    """Return the parameters of a list of error groups. Raises `Refused` for a period or a cursor that is none."""
    from tui.wire.error_groups import is_cursor  # noqa: PLC0415  loaded when first used

    if parse_period(period) is None:
        raise Refused(f"GET /api/v1/errors: the server cannot read the period {clean(period)!r}", 400)
    if after is not None and not is_cursor(after):
        raise Refused("GET /api/v1/errors: the server cannot read the cursor", 400)
    params = {"filter[period]": period, "page[size]": str(ERROR_GROUPS_PAGE_SIZE)}
    return params if after is None else params | {"page[after]": after}


def _explicit_period(period: str | None) -> str:
    """Return the period to send. Without a valid one the server silently searches seven days (recordings 2616, 2621).

    Raises `Refused` for a period that the server cannot read.
    """
    if period is None:
        return query_period(MAX_QUERY_PERIOD)
    length = parse_period(period)
    if length is None:
        raise Refused(f"POST /api/v1/query: the server cannot read the period {clean(period)!r}", 400)
    return period if length <= MAX_QUERY_PERIOD else query_period(length)


def path_part(text: str) -> str:
    """Quote an id as one segment of a path. Raises `NotFound` for an id that would change the path."""
    try:
        part = quote(text, safe="")
    except UnicodeEncodeError:
        part = ""
    if part in {"", ".", ".."}:
        raise NotFound(f"{clean(text)!r} is not an id")
    return part
