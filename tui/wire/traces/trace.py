"""Decodes the responses of `/trace` and `/spans/{id}` into spans.

An unreadable span is dropped, and its children move up to its parent. `domain` derives attempts and trees from the
spans. Source: tests/wire/recordings/README.md §5 (recordings 210-291).
"""

import json
import math
from collections.abc import Iterator
from datetime import datetime
from typing import TypeGuard

from tui.domain.errors.error import RunError, build_error
from tui.domain.ids import RunId, SpanId, TraceId
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.domain.traces.span import Span, SpanDetail, SpanRecord, Trace
from tui.wire.errors import ServerFault
from tui.wire.limits import MAX_MESSAGE_CHARS, MAX_SPANS, Limits
from tui.wire.times import read_duration_ns, read_epoch_ns, read_time
from tui.wire.traces.trace_nodes import SLICE_NODES, TraceScanner

_STACK_SPELLINGS = ("stacktrace", "stackTrace", "stack")  # of events, of span errors, of logged errors


def decode_trace(body: bytes, limits: Limits | None = None) -> Trace:
    """Decode the response of `/trace` at once. Raises `ServerFault` for an unreadable trace."""
    decoder = TraceDecoder(body, limits)
    for _ in decoder.slices():
        pass
    return decoder.trace()


class TraceDecoder:
    """Decodes the response of `/trace` slice by slice, so that the caller can yield to the event loop.

    Nanoseconds are rounded to microseconds. A trace of more than MAX_SPANS spans is truncated, which `limits` records.
    """

    def __init__(self, body: bytes, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._scanner = TraceScanner(body, self._limits)
        self._root: Span | None = None
        self._span_count = 0
        self._received = 0

    def slices(self) -> Iterator[None]:
        """Decode everything, and yield after each slice. Raises `ServerFault` for an unreadable trace."""
        yield from self._scanner.slices()
        yield from self._build()

    def trace(self) -> Trace:
        """Return the trace, once `slices` is exhausted. Raises `ServerFault` if its root node is unreadable."""
        if self._root is None:
            raise ServerFault("the trace could not be read: no root span", 200)
        return Trace(
            TraceId(self._scanner.trace_id),
            self._root,
            self._scanner.is_truncated or self._received > MAX_SPANS,
            self._received,
            min(self._received, MAX_SPANS) - self._span_count,
        )

    def _build(self) -> Iterator[None]:
        """Build the spans, children before their parents. The children of an unreadable node move up to its parent.

        Each node is dropped once its span is built, so that the two never take their memory at once.
        """
        nodes = self._scanner.nodes
        self._received = len(nodes)
        if self._received > MAX_SPANS:
            del nodes[MAX_SPANS:]
            self._limits.note(f"more than {MAX_SPANS:,} spans in a trace, only the first are kept")
        run_ids: list[RunId] = []
        for node in nodes:
            above = run_ids[node.parent] if node.parent >= 0 else RunId("")
            run_ids.append(RunId(_text(node.fields.get("runId")) or above))
        yield
        below: list[list[Span]] = [[] for _ in nodes]  # the children of each node, last to first
        span: Span | None = None
        for here in range(len(nodes) - 1, -1, -1):
            node = nodes.pop()
            span = _span(node.fields, run_ids[here], tuple(reversed(below[here])), self._limits)
            self._span_count += span is not None
            if node.parent >= 0:
                below[node.parent].extend(below[here] if span is None else (span,))
            below[here] = []
            if here % SLICE_NODES == 0:
                yield
        self._root = span


def read_records(scanner: TraceScanner) -> Iterator[SpanRecord]:
    """Yield every node that came as a record, in the server's order."""
    run_ids: list[str | None] = []
    for node in scanner.nodes:
        above = scanner.nodes[node.parent] if node.parent >= 0 else None
        run_id = _text(node.fields.get("runId")) or (run_ids[node.parent] if above is not None else None)
        run_ids.append(run_id)
        parent_id = _text(node.fields.get("parentId")) or (_text(above.fields.get("id")) if above is not None else None)
        data = node.fields.get("data")
        data = data if _is_object(data) else {}
        yield SpanRecord(
            _raw(node.fields.get("id")),
            _raw(parent_id),
            _raw(run_id),
            node.depth,
            _raw(data.get("message")),
            _start_text(data.get("startTime")),
            _ns_as_ms(data.get("duration")),
            _flag(data.get("isError")),
            _flag(data.get("isPartial")),
            _raw(data.get("level")),
        )


def decode_span(body: bytes) -> SpanDetail:
    """Decode the response of `/spans/{id}`. Raises `ServerFault`."""
    try:
        response = json.loads(body)
    except (ValueError, RecursionError):
        raise ServerFault("the span could not be read: not JSON, or nested too deep", 200) from None
    if not isinstance(response, dict) or not isinstance(response.get("spanId"), str):
        raise ServerFault("the span could not be read: no id", 200)
    properties = response.get("properties")
    properties = properties if _is_object(properties) else {}
    return SpanDetail(
        error=_error(properties.get("error")) or read_exception(response.get("events")),
        properties=properties,
    )


def _span(node: dict[str, Json], run_id: RunId, children: tuple[Span, ...], limits: Limits) -> Span | None:
    data = node.get("data")
    if not _is_object(data):
        return None
    span_id, message, started_at = node.get("id"), data.get("message"), _start_time(data.get("startTime"))
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


def _raw(value: Json) -> Raw | None:
    return Raw(value) if isinstance(value, str) else None


def _flag(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None


def _start_time(value: Json) -> datetime | None:
    """Read the ISO time of a span, or nanoseconds as `/events` has them."""
    return read_time(value) or read_epoch_ns(value)


def _start_text(value: Json) -> Raw | None:
    """Return a time as it came, nanoseconds as ISO."""
    text = _raw(value)
    if text is not None and not text.isdecimal():
        return text
    at = _start_time(value)
    return text if at is None else Raw(at.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def _ns_as_ms(value: Json) -> float | None:
    """Return nanoseconds as milliseconds, whole ones as an integer; None for anything but a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and value % 1_000_000 == 0:
        return value // 1_000_000
    try:
        ms = value / 1_000_000
        return ms if math.isfinite(ms) else None
    except OverflowError:  # an integer too large for a float
        return None


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _is_object(value: Json) -> TypeGuard[dict[str, Json]]:
    return isinstance(value, dict)
