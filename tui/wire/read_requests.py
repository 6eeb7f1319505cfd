"""What is asked about single runs, and what the answers mean, whoever carries them: the API's client, or a relay.

What lives here: questions as values, the requests that they are, and the decoding of whole answers. When to ask is
`sources`' to say. Source: wire/README.md §4-§6.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, assert_never
from urllib.parse import quote

from tui.config import Secret
from tui.domain.filters import MAX_QUERY_PERIOD, parse_period, query_period
from tui.domain.ids import RunId, SpanId
from tui.domain.run import Json
from tui.domain.span import Events, SpanDetail, Trace
from tui.domain.text import clean
from tui.wire.errors import NotFound, Refused, ServerFault
from tui.wire.events import EventsDecoder
from tui.wire.limits import MAX_INLINE_BYTES, Limits
from tui.wire.responses import Response, decode_query, refusal
from tui.wire.runs import RunResponse, decode_run
from tui.wire.traces import decode_span, decode_trace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run in full."""

    run_id: RunId


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """The spans of a run."""

    run_id: RunId


@dataclass(frozen=True, slots=True)
class EventsRequest:
    """The spans and log lines of a run as a flat list, five times as many as a trace has at most."""

    run_id: RunId


@dataclass(frozen=True, slots=True)
class SpanRequest:
    """One span with its properties."""

    run_id: RunId
    span_id: SpanId


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """The rows of a TRQL query over the last `period` (`1d`); None: the longest that the server takes."""

    trql: str
    period: str | None


ReadRequest = RunRequest | TraceRequest | EventsRequest | SpanRequest | QueryRequest


class ApiReader(ABC):
    """Asks questions, and makes values of the answers.

    Every method may raise `Unreachable`, `RateLimited`, `Refused`, `NotFound` or `ServerFault`.
    """

    def __init__(self, key: Secret) -> None:
        """`key` is cut out of every text of an error."""
        self._key = key
        self.on_truncated: Callable[[str], None] = lambda _: None
        """Called with a sentence about an answer that was more than is taken from one; see `wire.limits`."""

    @abstractmethod
    async def fetch_response(self, request: ReadRequest) -> Response:
        """The whole answer to a question, whatever its status: for who passes it on.

        Raises `RateLimited`, so that a budget can wait, and `Unreachable` or `ServerFault` where there is no answer.
        """

    async def read_run(self, run_id: RunId) -> RunResponse:
        """One run in full, with its root, its parent and its direct children."""
        answer = await self._fetch_success(RunRequest(run_id))
        told = await self._decode(answer, lambda limits: decode_run(answer.body, answer.read_at, limits))
        if told.patch.id != run_id:
            raise ServerFault(f"GET /api/v3/runs/{run_id}: an answer about another run", answer.status)
        return told

    async def read_trace(self, run_id: RunId) -> Trace:
        """The spans of a run and of the runs below it that it awaited; soon after its start there may be none (404)."""
        answer = await self._fetch_success(TraceRequest(run_id))
        return await self._decode(answer, lambda limits: decode_trace(answer.body, limits))

    async def read_events(self, run_id: RunId) -> Events:
        """What the flat list of a run tells of its attempts, decoded in slices between which the loop runs."""
        decoder = EventsDecoder((await self._fetch_success(EventsRequest(run_id))).body, run_id)
        for _ in decoder.slices():
            await asyncio.sleep(0)
        return decoder.events()

    async def read_span(self, run_id: RunId, span_id: SpanId) -> SpanDetail:
        """One span with its properties."""
        return decode_span((await self._fetch_success(SpanRequest(run_id, span_id))).body)

    async def query(self, trql: str, *, period: str | None = None) -> list[dict[str, Json]]:
        """The rows of a TRQL query over the last `period`; takes secret keys only, and is 400 in an outage.

        `period` is the server's text (`1d`); None: the longest that the server takes.
        """
        answer = await self._fetch_success(QueryRequest(trql, period))
        return await self._decode(answer, lambda limits: decode_query(answer.body, limits))

    async def _decode(self, answer: Response, decode: Callable[[Limits], T]) -> T:
        """Decode an answer, a large one in a thread, and report what was cut. Raises what `decode` raises."""
        limits = Limits()
        is_large = len(answer.body) > MAX_INLINE_BYTES
        value = await asyncio.to_thread(decode, limits) if is_large else decode(limits)
        for note in limits.notes:
            self.on_truncated(f"{answer.label}: {note}")
        return value

    async def _fetch_success(self, request: ReadRequest) -> Response:
        answer = await self.fetch_response(request)
        if (error := refusal(answer, self._key)) is not None:
            raise error
        return answer


def http_request_of(request: ReadRequest) -> tuple[str, str, Json]:
    """Method, path and body of the request that a question is. Raises `NotFound` for an id that is none."""
    match request:
        case RunRequest(run_id):
            return "GET", f"/api/v3/runs/{path_part(run_id)}", None
        case TraceRequest(run_id):
            return "GET", f"/api/v1/runs/{path_part(run_id)}/trace", None
        case EventsRequest(run_id):
            return "GET", f"/api/v1/runs/{path_part(run_id)}/events", None
        case SpanRequest(run_id, span_id):
            return "GET", f"/api/v1/runs/{path_part(run_id)}/spans/{path_part(span_id)}", None
        case QueryRequest(trql, period):
            return "POST", "/api/v1/query", {"query": trql, "period": _explicit_period(period)}
        case _:
            assert_never(request)


def _explicit_period(period: str | None) -> str:
    """The period to send: without one, or with one that it cannot read, the server searches seven days.

    Raises `Refused` for one that it cannot read. Source: recordings 2616, 2621.
    """
    if period is None:
        return query_period(MAX_QUERY_PERIOD)
    length = parse_period(period)
    if length is None:
        raise Refused(f"POST /api/v1/query: the server cannot read the period {clean(period)!r}", 400)
    return period if length <= MAX_QUERY_PERIOD else query_period(length)


def path_part(text: str) -> str:
    """An id as one part of a path. Raises `NotFound` where it would lead elsewhere: nothing is called so."""
    try:
        part = quote(text, safe="")
    except UnicodeEncodeError:
        part = ""
    if part in {"", ".", ".."}:
        raise NotFound(f"{clean(text)!r} can be no id")
    return part
