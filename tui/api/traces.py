"""Decodes `/trace` and `/spans/{id}` into spans, node by node, so that the caller can yield."""

import json
import math
import re
import sys
from collections.abc import Generator, Iterator
from datetime import datetime
from typing import Final, TypeGuard

from tui.api.errors import MAX_MESSAGE_CHARS, MAX_SPANS, Limits, ServerFault, read_duration_ns, read_epoch_ns, read_time
from tui.api.models import MAX_ITEMS, within_bounds
from tui.domain.errors.error import RunError, build_error
from tui.domain.ids import RunId, SpanId, TraceId
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.domain.traces.span import Span, SpanDetail, SpanRecord, Trace
from tui.lazy_dataclass import dataclass

# Scans the JSON of `/trace` node by node, without recursion, so that the caller can yield to the event loop.
#
# The standard decoder takes a whole response at once, and fails on a trace of some 490 levels.


SLICE_NODES: Final = 50
"""Nodes that are scanned in one slice, which takes about a millisecond."""

MAX_NODE_BYTES: Final = 256 * 1024
"""From this size on, the arrays and objects inside one node are cut at MAX_ITEMS before they are decoded."""

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_COMMA: Final = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_PLAIN_KEY: Final = re.compile(r'"([A-Za-z]*)"[ \t\n\r]*:[ \t\n\r]*')
_scan: Final = json.JSONDecoder().raw_decode


@dataclass(slots=True, eq=False)
class TraceNode:
    """One node of a trace as it came. `parent` is the index of the node around it, -1 for the root.

    `fields` has all keys of the node except `children`.
    """

    parent: int
    depth: int
    fields: dict[str, Json]


class TraceScanner:
    """Scans one response. When `slices` is exhausted, `nodes` has all nodes, parents first, in the server's order."""

    def __init__(self, body: bytes, limits: Limits | None = None) -> None:
        """With `limits`, the items inside a huge node are cut, which `limits` records."""
        self.nodes: list[TraceNode] = []
        self.trace_id = ""
        self.is_truncated = False
        self._body = body
        self._limits = limits
        self._text = ""

    def slices(self) -> Iterator[None]:
        """Scan the response, and yield after each slice.

        Raises `ServerFault` if it is not JSON, has no root node, or has a value that is nested too deep.
        """
        try:
            self._text = decode_text(self._without_long_items())
            self._body = b""
            yield
            yield from self._scan_response()
        except (ValueError, RecursionError):
            raise ServerFault("the trace could not be read: not JSON, or nested too deep", 200) from None
        finally:
            self._text = ""
        if not self.nodes:
            raise ServerFault("the trace could not be read: no root span", 200)

    def _without_long_items(self) -> bytes:
        if self._limits is None:
            return self._body
        parts = self._body.split(b'"children"')
        if all(len(part) < MAX_NODE_BYTES or part.count(b",") < MAX_ITEMS for part in parts):
            return self._body
        body, longest = within_bounds(self._body, max_depth=len(self._body))
        if longest > MAX_ITEMS:
            self.is_truncated = True
            self._limits.note(
                f"{longest:,} items in one array or object of a trace, only the first {MAX_ITEMS:,} are read"
            )
        return body

    def _scan_response(self) -> Iterator[None]:
        """Scan the two objects around the root node. `isTruncated` may be in either of them."""
        text, depth = self._text, 1
        at = self._after(self._space(0), "{")
        while depth:
            if text[at : at + 1] == "}":
                at, depth = self._space(at + 1), depth - 1
            else:
                key, at = self._key(at)
                is_object = text[at : at + 1] == "{"
                if depth == 1 and key == "trace" and is_object:
                    at, depth = self._space(at + 1), 2
                    continue
                if depth == 2 and key == "rootSpan" and is_object and not self.nodes:
                    at = yield from self._scan_root(at)
                else:
                    value, at = _scan(text, at)
                    self._note(key, value, depth)
            if depth:
                at = self._next(at, "}")
        if at != len(text):
            raise ValueError(at)

    def _note(self, key: str, value: Json, depth: int) -> None:
        if key == "isTruncated" and value is True:
            self.is_truncated = True
        elif depth == 2 and key == "traceId" and isinstance(value, str):
            self.trace_id = value

    def _scan_root(self, at: int) -> Generator[None, None, int]:
        """Scan the root node and everything below it. Return the index after it.

        `above` has the indexes of the nodes around the place. The place is inside the last one, or in its `children`.
        """
        text, nodes = self._text, self.nodes
        above: list[int] = []
        is_in_children = True
        while True:
            sign = text[at : at + 1]
            if is_in_children and sign == "{":
                nodes.append(TraceNode(above[-1] if above else -1, len(above), {}))
                above.append(len(nodes) - 1)
                at, is_in_children = self._space(at + 1), False
                if len(nodes) % SLICE_NODES == 0:
                    yield
            elif is_in_children and sign == "]":
                at, is_in_children = self._next(at + 1, "}"), False
            elif is_in_children:  # no object: not a node
                _, at = _scan(text, at)
                at = self._next(at, "]")
            elif sign == "}":
                above.pop()
                if not above:
                    return at + 1
                at, is_in_children = self._next(at + 1, "]"), True
            else:
                key, at = self._key(at)
                if key == "children" and text[at : at + 1] == "[":
                    at, is_in_children = self._space(at + 1), True
                else:
                    value, at = _scan(text, at)
                    nodes[above[-1]].fields[key] = _with_shared_keys(value)
                    at = self._next(at, "}")

    def _key(self, at: int) -> tuple[str, int]:
        """Return a key and the index of its value. Raises ValueError."""
        plain = _PLAIN_KEY.match(self._text, at)
        if plain is not None:
            return sys.intern(plain[1]), plain.end()
        if self._text[at : at + 1] != '"':
            raise ValueError(at)
        key, at = _scan(self._text, at)
        return key, self._after(self._space(at), ":")

    def _next(self, at: int, end: str) -> int:
        """Return the index of the next item behind a comma, or of `end`. Raises ValueError for anything else."""
        comma = _COMMA.match(self._text, at)
        if comma is not None:
            return comma.end()
        at = self._space(at)
        if self._text[at : at + 1] != end:
            raise ValueError(at)
        return at

    def _after(self, at: int, sign: str) -> int:
        """Return the index after `sign`, and after the spaces behind it. Raises ValueError if it is not there."""
        if self._text[at : at + 1] != sign:
            raise ValueError(at)
        return self._space(at + 1)

    def _space(self, at: int) -> int:
        """Return the index of the next character that is no space."""
        return _SPACE.match(self._text, at).end()  # type: ignore[union-attr]  # it always matches


def _with_shared_keys(value: Json) -> Json:
    """Return an object with keys that all nodes share: the decoder makes new ones, a third of a trace's memory."""
    return {sys.intern(key): each for key, each in value.items()} if type(value) is dict else value


def decode_text(body: bytes) -> str:
    try:
        return body.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace")


# Decodes the responses of `/trace` and `/spans/{id}` into spans.
#
# An unreadable span is dropped, and its children move up to its parent. `domain` derives attempts and trees from the
# spans. Source: tests/wire/recordings/README.md §5 (recordings 210-291).


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
            run_ids.append(RunId(text_of(node.fields.get("runId")) or above))
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
        run_id = text_of(node.fields.get("runId")) or (run_ids[node.parent] if above is not None else None)
        run_ids.append(run_id)
        parent_id = text_of(node.fields.get("parentId")) or (
            text_of(above.fields.get("id")) if above is not None else None
        )
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
        error=_error(properties.get("error")) or read_exception(response.get("events")), properties=properties
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
        text_of(data.get("level")) or "TRACE",
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
        name=text_of(error.get("name")) or text_of(error.get("type")),
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


def text_of(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _is_object(value: Json) -> TypeGuard[dict[str, Json]]:
    return isinstance(value, dict)
