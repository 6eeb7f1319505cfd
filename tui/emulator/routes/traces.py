"""The routes of spans: the trace of a run, its events, one span."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tui.emulator.environment import Environment
from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal
from tui.emulator.routes.runs import find_run
from tui.emulator.simulation.names import iso_time
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import Json
from tui.emulator.traces import DELAY, NS_PER_MS, TraceSpan, trace_id_of, trace_of, trace_root

# The responses of a trace: nested (`/trace`), flat (`/events`), and the detail of one span.
#
# `tui.emulator.traces` builds the spans. Source: tests/wire/recordings/README.md §5, recordings 210-292.


TRACE_ROWS = 5_000
EVENT_ROWS = 25_000
"""Maximum rows as the server stores them. A span has more than one; see `_first_rows`."""

TRIGGERED_RUNS = 50

KeptEvents = dict[int, set[int]]
"""The numbers of the events that are kept, by the `id()` of their span."""

_DATE = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


def trace_answer(run: Run, now_ms: int, environment: Environment, *, rows: int = TRACE_ROWS) -> Json | None:
    """The body of `/trace` with at most the first `rows` rows; None while there is no trace."""
    run_span = trace_of(run, now_ms, environment)
    if run_span is None:
        return None
    kept = _first_rows(list(_walk(run_span)), rows)
    body = {"traceId": trace_id_of(run), "rootSpan": _nested(run_span, kept), "isTruncated": kept is not None}
    return {"trace": body}


def events_answer(run: Run, now_ms: int, environment: Environment, *, rows: int = EVENT_ROWS) -> Json:
    """The body of `/events`: the run's own spans and all log lines, without engine rows (recordings 235, 762, 1205).

    Of more than `rows` stored rows only the oldest are returned, without notice.
    """
    run_span = trace_of(run, now_ms, environment, own_spans_only=True)
    if run_span is None:
        return {"events": []}
    spans = [span for span in _walk(run_span) if not span.is_engines]
    spans.sort(key=lambda span: span.started_ms)
    kept = _first_rows(spans, rows)
    return {"events": [_event(span, kept) for span in spans if kept is None or id(span) in kept]}


def span_answer(run: Run, span_id: str, now_ms: int, environment: Environment) -> Json | None:
    """The body of a span's detail; None when the run's trace has no such span.

    Its `runId` is the run in the path, even if another run owns the span (recordings 281-283).
    """
    for root in dict.fromkeys((run, trace_root(run))):
        run_span = trace_of(root, now_ms, environment)
        found = None if run_span is None else next((span for span in _walk(run_span) if span.id == span_id), None)
        if found is not None:
            return _detail(found, run.id)
    return None


def _first_rows(spans: list[TraceSpan], rows: int) -> KeptEvents | None:
    """The spans and events within the first `rows` stored rows. None means all of them.

    A span is stored as one row for its start and one for its end, both at the time of its start. Each of its events is
    a row at its own time. So a truncated trace knows the end of an attempt but lacks its exception (recording 1011:
    5,000 rows are 4,982 lines, 7 engine rows, two for each of three spans, and 5 events).
    """
    if sum(1 + _is_stored_twice(span) + len(span.events) for span in spans) <= rows:
        return None
    stored: list[tuple[float, int, int]] = []
    for index, span in enumerate(spans):
        stored += [(span.started_ms, index, -1)] * (1 + _is_stored_twice(span))
        stored += [(_ms(event["time"]), index, number) for number, event in enumerate(span.events)]
    stored.sort()
    kept: KeptEvents = {}
    for _, index, number in stored[:rows]:
        if number < 0:
            kept.setdefault(id(spans[index]), set())
    for _, index, number in stored[:rows]:
        if number >= 0 and id(spans[index]) in kept:
            kept[id(spans[index])].add(number)
    return kept


def _is_stored_twice(span: TraceSpan) -> bool:
    """Whether its start was stored before its end: true for everything that takes time, except a planned delay."""
    return span.level == "TRACE" and span.style is not DELAY and not span.is_partial


def _ms(time: str) -> float:
    return datetime.fromisoformat(time).timestamp() * 1000


def _events_of(span: TraceSpan, kept: KeptEvents | None) -> list[dict[str, Any]]:
    numbers = None if kept is None else kept[id(span)]
    return [event for number, event in enumerate(span.events) if numbers is None or number in numbers]


def _walk(run_span: TraceSpan) -> Iterator[TraceSpan]:
    """Iterate over all spans, parents first."""
    pending = [run_span]
    while pending:
        span = pending.pop()
        yield span
        pending.extend(reversed(span.children))


def _nested(span: TraceSpan, kept: KeptEvents | None) -> dict[str, Any]:
    data: dict[str, Any] = {
        "message": span.message,
        "duration": span.duration_ns,
        "isError": span.is_error,
        "isPartial": span.is_partial,
        "isCancelled": span.is_cancelled,
        "startTime": iso_time(span.started_ms),
        "level": span.level,
        "events": _events_of(span, kept),
    }
    if span.attempt is not None:
        data["attemptNumber"] = span.attempt
    node: dict[str, Any] = {"id": span.id}
    if span.parent_id is not None:
        node["parentId"] = span.parent_id
    node["runId"] = span.run.id
    node["data"] = data
    node["children"] = [_nested(child, kept) for child in span.children if kept is None or id(child) in kept]
    return node


def _event(span: TraceSpan, kept: KeptEvents | None) -> dict[str, Any]:
    return {
        "spanId": span.id,
        "parentId": span.parent_id,
        "runId": span.run.id,
        "message": span.message,
        "style": span.style,
        "events": _events_of(span, kept),
        "startTime": str(span.started_ms * NS_PER_MS),
        "duration": span.duration_ns,
        "isError": span.is_error,
        "isPartial": span.is_partial,
        "isCancelled": span.is_cancelled,
        "kind": "UNSPECIFIED",
        "attemptNumber": span.attempt,
        "level": span.level,
    }


def _detail(span: TraceSpan, run_id: str) -> dict[str, Any]:
    whole_ms, rest_ns = divmod(span.duration_ns, NS_PER_MS)
    body: dict[str, Any] = {
        "spanId": span.id,
        "parentId": span.parent_id,
        "runId": run_id,
        "message": span.message,
        "isError": span.is_error,
        "isPartial": span.is_partial,
        "isCancelled": span.is_cancelled,
        "level": span.level,
        "startTime": iso_time(span.started_ms),
        # JavaScript writes whole numbers without a decimal point.
        "durationMs": span.duration_ns / NS_PER_MS if rest_ns else whole_ms,
    }
    properties = attributes(span.properties)
    if properties:
        body["properties"] = properties
    if span.events:
        body["events"] = span.events
    if span.is_waitpoint:
        body["entityType"] = "waitpoint"
    if span.triggered:
        body["triggeredRuns"] = [
            {
                "runId": run.id,
                "taskIdentifier": run.task_id,
                "status": run.status.database,
                "createdAt": iso_time(run.shown_created_ms),
            }
            for run in span.triggered[:TRIGGERED_RUNS]
        ]
    return body


def attributes(raw: Mapping[str, Json]) -> dict[str, Json]:
    """Attributes as the event store returns them: sorted keys, without nulls and empty objects (recording 272).

    A dot in a key creates a nested object, because that is how the SDK sends one.
    """
    body: dict[str, Json] = {}
    for key in sorted(raw):
        value = _stored(raw[key])
        if value is None or value == {}:
            continue
        *outer, name = key.split(".")
        target = body
        for part in outer:
            inside = target.get(part)
            if not isinstance(inside, dict):
                inside = target[part] = {}
            target = inside
        target[name] = value
    return dict(sorted(body.items()))


def _stored(value: Json) -> Json:
    if isinstance(value, Mapping):
        return attributes(value)
    if isinstance(value, list | tuple):
        return [_stored(item) for item in value]
    if isinstance(value, str) and (date := _DATE.fullmatch(value)):
        return f"{date[1]} {date[2]}.{(date[3] or '').ljust(9, '0')}"
    return value


# The routes.


async def trace(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs/{id}/trace`. A run without a trace yet has a 404 of its own (recording 215)."""
    body = trace_answer(find_run(request), request.world.now_ms, request.world.environment)
    if body is None:
        raise Refusal(404, {"error": "Trace not found"})
    return ApiResponse(body)


async def events(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs/{id}/events`. The list may be empty (recording 762)."""
    return ApiResponse(events_answer(find_run(request), request.world.now_ms, request.world.environment))


async def span(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs/{id}/spans/{span}` (recordings 224, 225, 260-290)."""
    body = span_answer(find_run(request), request.path["span"], request.world.now_ms, request.world.environment)
    if body is None:
        raise Refusal(404, {"error": "Span not found"})
    return ApiResponse(body)
