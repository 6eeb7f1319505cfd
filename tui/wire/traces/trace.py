"""Decodes the responses of `/trace` and `/spans/{id}` into spans.

An unreadable span is dropped, and its children move up to its parent. `domain` derives attempts and trees from the
spans. Source: tests/wire/recordings/README.md §5 (recordings 210-291).
"""

import json
from collections.abc import Iterator
from typing import TypeGuard

from tui.domain.errors.error import RunError, build_error
from tui.domain.ids import RunId, SpanId, TaskId, TraceId
from tui.domain.run import Json
from tui.domain.status import parse_status
from tui.domain.text import Raw
from tui.domain.traces.span import Span, SpanDetail, Trace, TriggeredRun
from tui.wire.errors import ServerFault
from tui.wire.json_limits import MAX_ITEMS, may_be_long, within_bounds
from tui.wire.limits import MAX_MESSAGE_CHARS, MAX_SPANS, Limits
from tui.wire.times import read_duration_ns, read_time

_STACK_SPELLINGS = ("stacktrace", "stackTrace", "stack")  # of events, of span errors, of logged errors


def decode_trace(body: bytes, limits: Limits | None = None) -> Trace:
    """Decode the response of `/trace`, with nanoseconds rounded to microseconds.

    A trace with more than MAX_SPANS spans, or more than MAX_ITEMS children of one span, is truncated, which `limits`
    records. Raises `ServerFault` for an unreadable trace, or one that is too deep for Python's JSON decoder (about
    490 levels of spans).
    """
    limits, longest = limits or Limits(), 0
    if may_be_long(body):
        body, longest = within_bounds(body, max_depth=len(body))
        if longest > MAX_ITEMS:
            limits.note(f"{longest:,} items in one array or object of a trace, only the first {MAX_ITEMS:,} are read")
    try:
        response = json.loads(body)
        trace = response.get("trace") if isinstance(response, dict) else None
        node = trace.get("rootSpan") if _is_object(trace) else None
        root, is_cut = _root(node, limits) if _is_object(node) else (None, False)
    except (ValueError, RecursionError):
        raise ServerFault("the trace could not be read: not JSON, or nested too deep", 200) from None
    if not _is_object(trace) or root is None:
        raise ServerFault("the trace could not be read: no root span", 200)
    # Recordings have `isTruncated` inside `trace`, the server's schema has it beside `trace`.
    is_truncated = (
        is_cut or longest > MAX_ITEMS or trace.get("isTruncated") is True or response.get("isTruncated") is True
    )
    return Trace(TraceId(_text(trace.get("traceId")) or ""), root, is_truncated)


def decode_span(body: bytes) -> SpanDetail:
    """Decode the response of `/spans/{id}`. Raises `ServerFault`."""
    try:
        response = json.loads(body)
    except (ValueError, RecursionError):
        raise ServerFault("the span could not be read: not JSON, or nested too deep", 200) from None
    span_id = response.get("spanId") if isinstance(response, dict) else None
    if not isinstance(span_id, str):
        raise ServerFault("the span could not be read: no id", 200)
    properties = response.get("properties")
    properties = properties if _is_object(properties) else {}
    return SpanDetail(
        id=SpanId(span_id),
        run_id=RunId(_text(response.get("runId")) or ""),
        message=Raw(_text(response.get("message")) or ""),
        error=_error(properties.get("error")) or read_exception(response.get("events")),
        properties=properties,
        triggered=tuple(_triggered(response.get("triggeredRuns"))),
    )


def _root(root: dict[str, Json], limits: Limits) -> tuple[Span | None, bool]:
    """Build the span of the root node and whether spans were cut. The span is None if the root is unreadable.

    Children are built before their parent, without recursion.
    """
    order: list[tuple[dict[str, Json], RunId, int]] = []
    pending: list[tuple[dict[str, Json], RunId, int]] = [(root, RunId(""), -1)]
    while pending and len(order) < MAX_SPANS:
        node, run_above, parent = pending.pop()
        run_id = RunId(_text(node.get("runId")) or run_above)
        here = len(order)
        order.append((node, run_id, parent))
        children = node.get("children")
        if isinstance(children, list):
            pending.extend((child, run_id, here) for child in reversed(children) if isinstance(child, dict))
    if pending:
        limits.note(f"more than {MAX_SPANS:,} spans in a trace, only the first are kept")
    below: list[list[Span]] = [[] for _ in order]  # the children of each node, last to first
    span: Span | None = None
    for here in range(len(order) - 1, -1, -1):
        node, run_id, parent = order[here]
        span = _span(node, run_id, tuple(reversed(below[here])), limits)
        if parent >= 0:
            below[parent].extend(below[here] if span is None else (span,))
    return span, bool(pending)


def _span(node: dict[str, Json], run_id: RunId, children: tuple[Span, ...], limits: Limits) -> Span | None:
    data = node.get("data")
    if not _is_object(data):
        return None
    span_id, message, started_at = node.get("id"), data.get("message"), read_time(data.get("startTime"))
    if not isinstance(span_id, str) or not isinstance(message, str) or started_at is None or not run_id:
        return None
    number = data.get("attemptNumber")
    return Span(
        SpanId(span_id),
        run_id,
        Raw(limits.text(message, "span's message", MAX_MESSAGE_CHARS)),
        started_at,
        read_duration_ns(data.get("duration")),
        _text(data.get("level")) or "TRACE",
        data.get("isError") is True,
        data.get("isPartial") is True,
        data.get("isCancelled") is True,
        number if isinstance(number, int) else None,
        read_exception(data.get("events")),
        children,
    )


def read_exception(events: Json) -> RunError | None:
    """Return the error of the last `exception` event: a span that rethrows an error has several."""
    for event in reversed(events) if isinstance(events, list) else ():
        if _is_object(event) and event.get("name") == "exception" and _is_object(event.get("properties")):
            return _error(event["properties"].get("exception"))
    return None


def _error(error: Json) -> RunError | None:
    if not _is_object(error):
        return None
    message = error.get("message")
    stack = next((error[key] for key in _STACK_SPELLINGS if isinstance(error.get(key), str)), None)
    if message is None and stack is None:
        return None
    return build_error(
        message if message is None or isinstance(message, str) else json.dumps(message, ensure_ascii=False),
        name=_text(error.get("name")) or _text(error.get("type")),
        stack=stack,
    )


def _triggered(runs: Json) -> Iterator[TriggeredRun]:
    for run in runs if isinstance(runs, list) else ():
        if _is_object(run) and (run_id := _text(run.get("runId"))):
            task, word = _text(run.get("taskIdentifier")), _text(run.get("status"))
            yield TriggeredRun(
                RunId(run_id),
                TaskId(task) if task else None,
                parse_status(word) if word else None,
                read_time(run.get("createdAt")),
            )


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _is_object(value: Json) -> TypeGuard[dict[str, Json]]:
    return isinstance(value, dict)
