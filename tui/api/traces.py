"""Reads JSON in slices, and decodes `/trace`, `/spans/{id}` and `/events` into spans and log lines."""

import asyncio
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import blake2b
from itertools import chain
from typing import Annotated, Any, Final, Literal, Required, TypeVar, cast

from pydantic import AfterValidator, AliasPath, BeforeValidator, Field, PlainValidator
from typing_extensions import TypedDict

from tui.api.errors import (
    MAX_EVENT_ROWS,
    MAX_MESSAGE_CHARS,
    MAX_SPANS,
    Limits,
    ServerFault,
    read_duration_ns,
    read_epoch_ns,
    read_ns,
    read_time,
)
from tui.api.models import MAX_ITEMS, AnyText, Flag, JsonObject, Lenient, Text, Word, convert, decode, within_bounds
from tui.domain.error import RunError, build_error
from tui.domain.log import UNKNOWN, RunLog
from tui.domain.run import Json, RunId, SpanId
from tui.domain.text import Raw
from tui.domain.trace import Span, SpanDetail, Trace

T = TypeVar("T")

# Reads a JSON body in slices, and without recursion.
#
# The standard decoder would hold up the keys for as long as it takes, and it fails on a trace of some 490 levels.


WINDOW_BYTES: Final = 64 * 1024
"""Bytes that become text at once. Decoding as many takes two milliseconds at most."""

SLICE_VALUES: Final = 100
"""Values in one slice, which takes less than a millisecond."""

SLICE_BYTES: Final = 256 * 1024
"""Bytes after which a slice ends, however few values they hold."""

MAX_KEPT_CHARS: Final = 256 * 1024
"""A text that is read in slices is cut here."""

_LONG: Final = object()
"""Stands for a value that is too long to be decoded at once."""

_INSIDE: Final = bytes(range(0x80, 0xC0))
"""All bytes of a character in UTF-8 but the first."""

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_KEY: Final = re.compile(r'[ \t\n\r]*"([^"\\\x00-\x1f]*)"[ \t\n\r]*:[ \t\n\r]*')
_IN_TEXT: Final = re.compile(r'[^"\\]*(?:\\(?:u[0-9a-fA-F]{4}|[^u])[^"\\]*)*', re.DOTALL)
_SCAN: Final = json.JSONDecoder().scan_once  # type: ignore[attr-defined]

Opened = Callable[[int, str, str], dict[str, Json] | list[Json] | None]
"""Gets the depth, key and first sign of an array or object. Returns its target, or None: it is decoded at once."""


class JsonReader:
    """Reads a body into objects and arrays of the caller. Only a window of it exists as text."""

    def __init__(self, body: bytes, *, cuts_long: bool = False) -> None:
        """With `cuts_long`, no value holds up a key, however long it is.

        A long text is cut. A long array or object becomes None. A long item of an array keeps its fields; those of
        them that are long become None.
        """
        self._body = body
        self._cuts_long = cuts_long
        self._read_bytes = self._at = 0
        self._text = ""

    def slices(self, opened: Opened, end_depth: int = 0) -> Iterator[None]:
        """Read one value. With `end_depth`, stop when the container at that depth ends. Yield after each slice.

        Raises ValueError or RecursionError.
        """
        target: Any = []
        closing, around = "", list[tuple[Any, str]]()
        count, since = 0, self._read_bytes
        while True:
            key = self._key() if closing == "}" else ""
            sign = self.sign()
            inner = opened(len(around), key, sign) if sign in {"{", "["} else None
            if inner is not None:
                around.append((target, closing))
                target, closing = inner, "}" if sign == "{" else "]"
                self._at += 1
                if self.sign() != closing:
                    continue
            else:
                value = self._value()
                if value is _LONG:
                    value = yield from self._long_value(sign, is_item=closing == "]")
                if closing == "}":
                    target[sys.intern(key)] = value
                else:
                    target.append(value)
            count += 1
            while around and not self._has_next(closing):
                target, closing = around.pop()
                if len(around) == end_depth:
                    return
            if not around:
                return
            if count >= SLICE_VALUES or self._read_bytes - since >= SLICE_BYTES:
                yield
                count, since = 0, self._read_bytes

    def _key(self) -> str:
        """Return the key that begins here, and move after its colon."""
        if (plain := _KEY.match(self._text, self._at)) is not None:
            self._at = plain.end()
            return plain[1]
        key = self._value() if self.sign() == '"' else None
        if not isinstance(key, str) or self.sign() != ":":
            raise ValueError(key)
        self._at += 1
        return key

    def _has_next(self, closing: str) -> bool:
        """Move after the comma or the end that follows a value. Return whether it is a comma."""
        sign = self.sign()
        if sign not in {",", closing}:
            raise ValueError(sign)
        self._at += 1
        return sign == ","

    def sign(self) -> str:
        """Return the next character that is no space, an empty text at the end of the body."""
        while True:
            sign = self._text[self._at : self._at + 1]
            if sign > " ":  # most often there is no space
                return sign
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # it always matches
            if self._at < len(self._text) or not self._widen():
                return self._text[self._at : self._at + 1]

    def _value(self, windows: float = 0.5) -> Json:
        """Decode the value that begins here, in a wider window if needed; `_LONG` if it takes more than `windows`."""
        while True:
            try:
                value, end = _SCAN(self._text, self._at)
            except (ValueError, StopIteration):
                is_long = len(self._text) - self._at >= windows * WINDOW_BYTES and self._read_bytes < len(self._body)
                if self._cuts_long and is_long:
                    return _LONG
                if not self._widen():
                    raise ValueError(self._at) from None
                continue
            if end < len(self._text) or not self._widen():
                self._at = end
                return value

    def _long_value(self, sign: str, *, is_item: bool) -> Generator[None, None, Json]:
        """Read a long text, or the fields of a long object in an array. Any other value is skipped."""
        yield
        if sign == '"':
            return (yield from self._long_text())
        if sign not in {"{", "["}:
            raise ValueError(sign)
        if not is_item:  # such as a stack trace: tried once more, in 96 KB at least
            self._widen()
            self._widen()
            if (value := self._value(0)) is not _LONG:
                return value
        fields: dict[str, Json] | None = {} if is_item and sign == "{" else None
        yield from self.slices(_forgotten if fields is None else lambda depth, *_: None if depth else fields)
        return fields

    def _long_text(self) -> Generator[None, None, str]:
        """Return the text that begins here, with a remark if it is cut."""
        kept, length = "", 0
        self._at += 1
        while True:
            end = _IN_TEXT.match(self._text, self._at).end()  # type: ignore[union-attr]  # it always matches
            kept += self._text[self._at : end] if len(kept) < MAX_KEPT_CHARS else ""
            length += end - self._at
            self._at = end
            if self._text[end : end + 1] == '"':
                break
            yield
            if not self._widen():
                raise ValueError(length)
        self._at += 1
        text = str(json.loads(f'"{kept}"'))
        is_cut = length > len(kept) or len(text) > MAX_KEPT_CHARS
        return f"{text[:MAX_KEPT_CHARS]}… (cut, {length:,} characters in all)" if is_cut else text

    def _widen(self) -> bool:
        """Drop the read part of the text, and append a window, or as much as is left. False: the body has ended."""
        start, left = self._read_bytes, len(self._text) - self._at
        end = start + max(WINDOW_BYTES - left, left // 2)
        ahead = self._body[end : end + 3]
        end += len(ahead) - len(ahead.lstrip(_INSIDE))  # not inside a character
        self._text = self._text[self._at :] + _decoded(self._body[start:end])
        self._at, self._read_bytes = 0, min(end, len(self._body))
        return start < len(self._body)


def _forgotten(_depth: int, _key: str, sign: str) -> dict[str, Json] | list[Json]:
    return {} if sign == "{" else []


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace")


# Decodes the responses of `/trace` and `/spans/{id}` into spans.
#
# An unreadable span is dropped, and its children move up to its parent. `domain` derives attempts and trees from the
# spans. Source: tests/wire/recordings/README.md §5 (recordings 210-291).


SLICE_NODES: Final = 50
"""Nodes that are decoded in one slice, which takes about a millisecond."""

MAX_NODE_BYTES: Final = 256 * 1024
"""From this size on, the arrays and objects inside one node are cut at MAX_ITEMS before they are decoded."""


class _Around(dict[str, Json]):
    """Keeps only keys whose value is true, so that a second `isTruncated: false` does not hide the first one."""

    def __setitem__(self, key: str, value: Json) -> None:
        if value is True:
            super().__setitem__(key, value)


class TraceScanner:
    """Scans one response. When `slices` is exhausted, `nodes` has all nodes, parents first, in the server's order.

    Of each node it has the number of nodes around it, and all keys except `children`.
    """

    def __init__(self, body: bytes, limits: Limits | None = None) -> None:
        """With `limits`, the items inside a huge node are cut, which `limits` records."""
        self.nodes: list[tuple[int, dict[str, Json]]] = []
        self.is_truncated = False
        self._body = body
        self._limits = limits
        self._around = _Around(), _Around()

    def slices(self) -> Iterator[None]:
        """Scan the response, and yield after each slice.

        Raises `ServerFault` if it is not JSON, has no root node, or has a value that is nested too deep.
        """
        reader = JsonReader(self._without_long_items())
        try:
            yield from reader.slices(self._opened)
            is_whole = not reader.sign()
        except (ValueError, RecursionError):
            is_whole = False
        if not is_whole or not self.nodes:
            reason = "no root span" if is_whole else "not JSON, or nested too deep"
            raise ServerFault(f"the trace could not be read: {reason}", 200)
        self.is_truncated |= any("isTruncated" in each for each in self._around)

    def _opened(self, depth: int, key: str, sign: str) -> dict[str, Json] | list[Json] | None:
        """Open the two objects around the root node, the nodes, and their `children`."""
        if depth % 2 and depth > 1:
            return [] if sign == "[" and key == "children" else None
        if sign != "{" or (depth <= 2 and (self.nodes or key != ("", "trace", "rootSpan")[depth])):
            return None
        if depth < 2:
            return self._around[depth]
        self.nodes.append((depth // 2 - 1, {}))
        return self.nodes[-1][1]

    def _without_long_items(self) -> bytes:
        parts = [] if self._limits is None else self._body.split(b'"children"')
        if self._limits is None or all(len(part) < MAX_NODE_BYTES or part.count(b",") < MAX_ITEMS for part in parts):
            return self._body
        body, longest = within_bounds(self._body, max_depth=len(self._body))
        if longest > MAX_ITEMS:
            self.is_truncated = True
            self._limits.note(
                f"{longest:,} items in one array or object of a trace, only the first {MAX_ITEMS:,} are read"
            )
        return body


def _as_text(value: Json) -> Raw | None:
    return value if value is None else Raw(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


JsonText = Annotated[Raw | None, PlainValidator(_as_text)]
"""A text; anything else as JSON."""


def _error(message: str | None = None, name: str = "", kind: str | None = None, **stacks: str) -> RunError | None:
    stack = next(iter(stacks.values()), None)
    return None if message is None and stack is None else build_error(message, name=name or kind, stack=stack)


# The stack has another name in events, in span errors, and in logged errors.
_STACKS: Final = dict.fromkeys(("stacktrace", "stackTrace", "stack"), AnyText)
_ERROR: Final = JsonObject(RunError, _error, message=JsonText, name=AnyText, kind=("type", AnyText), **_STACKS)


class _Exception(TypedDict, total=False):
    name: Required[Literal["exception"]]
    properties: Required[dict[Any, Any]]
    error: Annotated[Lenient[Annotated[Any, _ERROR]], Field(validation_alias=AliasPath("properties", "exception"))]


def _last(events: list[_Exception]) -> RunError | None:
    """Return the error of the last `exception` event: a span that rethrows an error has several."""
    return events[-1].get("error") if events else None


Exceptions = Annotated[list[Lenient[_Exception]], AfterValidator(_last)]
_Integer = Annotated[int, Field(strict=True, ge=-(10**300), le=10**300)]
SpanTime = Annotated[
    datetime, BeforeValidator(lambda value: read_time(value) or read_epoch_ns(value)), Field(strict=True)
]


class SpanFields(TypedDict, total=False):
    """The fields of a span besides its ids, its name and its start."""

    duration: Lenient[Annotated[timedelta, BeforeValidator(read_duration_ns), Field(strict=True)]]
    level: Lenient[Word]
    is_error: Annotated[Lenient[Flag], Field(validation_alias="isError")]
    is_partial: Annotated[Lenient[Flag], Field(validation_alias="isPartial")]
    is_cancelled: Annotated[Lenient[Flag], Field(validation_alias="isCancelled")]
    attempt_number: Annotated[Lenient[_Integer], Field(validation_alias="attemptNumber")]
    exception: Annotated[Lenient[Exceptions], Field(validation_alias="events")]


class _NodeData(SpanFields):
    message: Required[Annotated[Raw, Text("span's message", MAX_MESSAGE_CHARS)]]
    started_at: Annotated[Required[SpanTime], Field(validation_alias="startTime")]


class _Node(TypedDict, total=False):
    id: Lenient[Annotated[SpanId, AnyText]]
    data: Lenient[_NodeData]


def trace_slices(body: bytes, limits: Limits) -> Generator[None, None, Trace]:
    """Decode the response of `/trace`, and return the trace. Yield after each slice, so that other tasks may run.

    Nanoseconds are rounded to microseconds. A trace of more than MAX_SPANS spans is truncated, which `limits` records.
    Raises `ServerFault` for an unreadable trace.
    """
    scanner = TraceScanner(body, limits)
    nodes = scanner.nodes
    yield from scanner.slices()
    received = len(nodes)
    if received > MAX_SPANS:
        del nodes[MAX_SPANS:]
        limits.note(f"more than {MAX_SPANS:,} spans in a trace, only the first are kept")
    root: Span | None = None
    unreadable, run_ids = 0, list[RunId]()
    around = [RunId("")]  # the runs of the nodes around, by depth
    for depth, fields in nodes:
        run_id = fields.get("runId")
        around[depth + 1 :] = [RunId(run_id) if run_id and isinstance(run_id, str) else around[depth]]
        run_ids.append(around[-1])
    yield
    # Children come before their parents. Those of an unreadable node move up to its parent.
    below: defaultdict[int, list[Span]] = defaultdict(list)  # by depth, last to first
    while nodes:
        part = nodes[-SLICE_NODES:]
        del nodes[-SLICE_NODES:]
        read = convert(list[_Node], [fields for _, fields in part], limits)
        for (depth, _), node in zip(reversed(part), reversed(read), strict=True):
            run_id, spans = run_ids.pop(), below.pop(depth + 1, [])
            root = None
            if run_id and "id" in node and "data" in node:
                data: Any = node["data"]
                root = Span(node["id"], run_id, children=tuple(reversed(spans)), **data)
                spans = [root]
            unreadable += root is None
            below[depth] += spans
        yield
    if root is None:
        raise ServerFault("the trace could not be read: no root span", 200)
    is_truncated = scanner.is_truncated or received > MAX_SPANS
    return Trace(root, is_truncated, received, unreadable)


_DETAIL: Final = JsonObject(
    SpanDetail,
    lambda span_id, error=None, exception=None, properties=None: SpanDetail(error or exception, properties or {}),  # noqa: ARG005
    span_id=("spanId", AnyText),
    error=("properties/error", _ERROR),
    exception=("events", Exceptions),
    properties=dict[Any, Any],
)


def decode_span(body: bytes, limits: Limits | None = None) -> SpanDetail:
    """Decode the response of `/spans/{id}`. Raises `ServerFault`."""
    return decode(_DETAIL, body, "the span", limits or Limits())


# The nodes of a trace as `trace --json` prints them.


def _start_text(value: Json) -> Raw | None:
    """Return a time as it came, nanoseconds as ISO."""
    text = Raw(value) if isinstance(value, str) else None
    at = read_epoch_ns(value) if text is None or text.isdecimal() else None
    return text if at is None else Raw(at.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def _as_ms(ns: float) -> float:
    return ns // 1_000_000 if isinstance(ns, int) and ns % 1_000_000 == 0 else ns / 1_000_000


_Float = Annotated[float, Field(strict=True, allow_inf_nan=False)]


_RECORD: Final[dict[str, Any]] = {
    "spanId": ("id", AnyText),
    "parentId": AnyText,
    "runId": AnyText,
    "message": ("data/message", AnyText),
    "startTime": ("data/startTime", Annotated[Any, PlainValidator(_start_text)]),
    "durationMs": ("data/duration", Annotated[_Integer | _Float, AfterValidator(_as_ms)]),
    "isError": ("data/isError", Flag),
    "isPartial": ("data/isPartial", Flag),
    "level": ("data/level", AnyText),
}
_RECORD_TYPE: Final[JsonObject[dict[str, Json]]] = JsonObject(dict, **_RECORD)


def read_records(scanner: TraceScanner) -> Iterator[dict[str, Json]]:
    """Yield every node that came as an object, in the server's order.

    A value that the answer lacks, or that has another type, is None; but `parentId` and `runId` are those of the node
    around it then.
    """
    around, limits = list[dict[str, Json]](), Limits()
    for depth, fields in scanner.nodes:
        record = dict.fromkeys(_RECORD) | convert(_RECORD_TYPE, fields, limits) | {"depth": depth}
        above = around[depth - 1] if depth else {}
        record["parentId"] = record["parentId"] or above.get("spanId")
        record["runId"] = record["runId"] or above.get("runId")
        around[depth:] = [record]
        yield record


# Reads the rows of `/events` in slices. No recorded row is longer than a few kilobytes.
#
# Source: tests/wire/recordings/README.md §5 (recordings 1000, 1005).


def event_rows(body: bytes) -> Iterator[list[dict[str, Json]]]:
    """Yield the objects in the list `events` in slices. Raises `ServerFault` without a list, or for invalid JSON."""
    rows: list[Json] = []
    to_open: dict[tuple[int, str, str], Any] = {(0, "", "{"): {}, (1, "events", "["): rows}
    try:
        for _ in chain(JsonReader(body, cuts_long=True).slices(lambda *place: to_open.pop(place, None), 1), [None]):
            yield [row for row in rows if isinstance(row, dict)]
            rows.clear()
    except (ValueError, RecursionError):
        raise ServerFault("not JSON, or nested too deep", 200) from None
    if to_open:
        raise ServerFault("no list of events", 200)


def _is_span(row: dict[str, Json]) -> bool:
    level = row.get("level")
    return not isinstance(level, str) or level in {"", _SPAN}


def stored_rows(row: dict[str, Json]) -> int:
    """Return how many rows the server stored for an event, or one more.

    The server's limit counts stored rows: one for a span's start, one for its end, one for each of its events. So
    25,000 rows of a recorded run came as 24,995 events (tests/wire/recordings/README.md §5).
    """
    span_events = row.get("events")
    is_closed_span = _is_span(row) and row.get("isPartial") is not True
    return 1 + is_closed_span + (len(span_events) if isinstance(span_events, list) else 0)


_SPAN: Final = "TRACE"
"""The level of spans. All other rows are log lines."""


# Decodes the response of `/events`, the flat form of a trace, into the spans that attempts are built from.
#
# Decoding runs in slices, and drops log lines and unreadable spans.
# Source: tests/wire/recordings/README.md §5 (recordings 240e-254e, 1005, 1231, 1239).


_ATTEMPT_SPAN: Final = re.compile(r"Attempt [0-9]+\Z")
_TOP_LEVEL: Final = re.compile(r"Attempt [0-9]+\Z|Retry #[0-9]+ delay\Z")
"""The direct children of the run's own span."""


class _EventSpan(SpanFields, total=False):
    id: Annotated[Required[AnyText], Field(validation_alias="spanId")]
    message: Required[AnyText]
    started_at: Annotated[Required[SpanTime], Field(validation_alias="startTime")]
    parent_id: Annotated[Lenient[AnyText], Field(validation_alias="parentId")]
    # The text beside a span's name: the token, the duration or the task that it waits for.
    wait_subject: Annotated[Lenient[Word], Field(validation_alias=AliasPath("style", "accessory", "items", 0, "text"))]


def event_slices(body: bytes, run_id: RunId) -> Generator[None, None, Trace | None]:
    """Decode a response, and return its spans, None without the run's own. Yield after each slice for other tasks.

    It keeps the run's own span, attempts, retry delays and open spans. Attempts need no log lines, of which there may
    be tens of thousands. Raises `ServerFault` for an unreadable body.
    """
    spans: dict[SpanId, tuple[Span, SpanId | None]] = {}
    possible_rows = 0
    for rows in event_rows(body):
        possible_rows += sum(map(stored_rows, rows))
        own = [row for row in rows if _is_span(row) and row.get("runId", run_id) == run_id]
        found: list[Any] = convert(list[Lenient[_EventSpan]], own)
        for fields in found:
            parent_id = fields.pop("parent_id", None)
            span = Span(run_id=run_id, **fields)
            is_kept = span.is_partial or span.attempt_number is None or _ATTEMPT_SPAN.match(span.message)
            if is_kept and len(spans) < MAX_SPANS:
                spans[span.id] = span, parent_id
        yield
    root = _root_of(spans)
    return None if root is None else Trace(root, is_truncated=possible_rows >= MAX_EVENT_ROWS)


def _root_of(spans: Mapping[SpanId, tuple[Span, SpanId | None]]) -> Span | None:
    """Build the run's own span with the kept spans below it. Return None if the run's own span is missing.

    A span whose parent was dropped becomes a child of the attempt with its number, and is dropped without one. An
    attempt or a delay becomes a child of the run's own span.
    """
    inner = {span.id for span, _ in spans.values() if _TOP_LEVEL.match(span.message) or span.attempt_number is not None}
    root_id = min(spans.keys() - inner, key=lambda span_id: spans[span_id][0].started_at, default=None)
    if root_id is None:
        return None
    attempts = {span.attempt_number: span.id for span, _ in spans.values() if _ATTEMPT_SPAN.match(span.message)}
    below: defaultdict[SpanId | None, list[SpanId]] = defaultdict(list)
    for span, parent_id in spans.values():
        other_id = root_id if _TOP_LEVEL.match(span.message) else attempts.get(span.attempt_number or 0)
        if span.id != root_id:
            below[parent_id if parent_id in spans else other_id].append(span.id)
    order = [root_id]  # parents first, and only what is below the root
    for span_id in order:
        order += below[span_id]
    built: dict[SpanId, Span] = {}
    for span_id in reversed(order):
        children = tuple(built.pop(child) for child in below[span_id])
        built[span_id] = replace(spans[span_id][0], children=children)
    return built[root_id]


# Decodes the response of `/events` into the log of a run: every event whose level is not TRACE is a line.
#
# Decoding runs in slices. Today's servers send no attributes here; they are kept as text for the line that is opened.
# Source: tests/wire/recordings/README.md §5 (recordings 240e-254e, 1000, 1202, 1205).


DIGEST_BYTES: Final = 1024 * 1024
"""Bytes that are hashed at once, which takes a millisecond."""

TURNS: Final = 8
"""Turns of the event loop between two slices of a log: a key passes through some of them until it is painted."""

MAX_LEVEL_CHARS: Final = 200
"""Length of the word for a level."""

_MAX_NS: Final = 2**63 - 1
_MAX_ATTEMPT: Final = 10**9


async def decode_log(body: bytes, known: RunLog | None) -> tuple[RunLog, float]:
    """Return the log of a response, and the seconds that the decoding took. Yields to the event loop.

    The log is `known` itself if the response has no other lines than that. Raises `ServerFault`.
    """
    return await between_turns(_log_of(body, known), TURNS)


async def between_turns(slices: Generator[None, None, T], turns: int = 1) -> tuple[T, float]:
    """Return the result of decoding and the seconds that it took. The event loop turns between its slices."""
    spent_s = 0.0
    while True:
        begun_s = time.thread_time()
        try:
            next(slices)
        except StopIteration as end:
            return cast("T", end.value), spent_s + time.thread_time() - begun_s
        spent_s += time.thread_time() - begun_s
        for _ in range(turns):
            await asyncio.sleep(0)


def _log_of(body: bytes, known: RunLog | None) -> Generator[None, None, RunLog]:
    digest = blake2b(digest_size=16)
    for start in range(0, len(body), DIGEST_BYTES):
        digest.update(memoryview(body)[start : start + DIGEST_BYTES])
        yield
    if known is not None and digest.digest() == known.digest:
        return known
    log = yield from log_slices(body, digest.digest())
    if known is None or not log.has_same_lines(known) or log.is_cut != known.is_cut:
        return log
    known.digest = log.digest
    return known


def _time_ns(value: Json) -> int:
    ns = read_ns(value)
    return UNKNOWN if ns is None else min(ns, _MAX_NS)


_AttemptNumber = Annotated[int, Field(strict=True, ge=0, le=_MAX_ATTEMPT)]
_LevelWord = Annotated[AnyText, AfterValidator(lambda word: word[:MAX_LEVEL_CHARS])]
_Attributes = Annotated[dict[Any, Any], Field(min_length=1), AfterValidator(partial(json.dumps, separators=(",", ":")))]


class _Line(TypedDict, total=False):
    span_id: Annotated[Lenient[AnyText], Field(validation_alias="spanId")]
    time_ns: Annotated[Any, PlainValidator(_time_ns), Field(validation_alias="startTime")]
    attempt: Annotated[Lenient[_AttemptNumber], Field(validation_alias="attemptNumber")]
    word: Annotated[Lenient[_LevelWord], Field(validation_alias="level")]
    message: JsonText
    attributes: Annotated[Lenient[_Attributes], Field(validation_alias="properties")]


class _AttemptStart(TypedDict):
    message: Annotated[str, Field(pattern=r"^Attempt [0-9]+$")]
    startTime: SpanTime


def log_slices(body: bytes, digest: bytes = b"") -> Generator[None, None, RunLog]:
    """Decode a response, and return the log. Yield after each slice, so that other tasks may run.

    Raises `ServerFault` for an unreadable body. If more rows came than our limit, the limit of the server is higher,
    and nothing was cut.
    """
    log = RunLog(digest=digest)
    stored = received = 0
    is_full = False
    for rows in event_rows(body):
        received += len(rows)
        stored += sum(map(stored_rows, rows))
        spans = [row for row in rows if row.get("level") == _SPAN]
        for attempt in convert(list[Lenient[_AttemptStart]], spans):
            log.started_at = min(log.started_at or attempt["startTime"], attempt["startTime"])
        lines = [row for row in rows if row.get("level") != _SPAN]
        read: list[Any] = convert(list[_Line], lines)
        for line in read:
            is_full |= not log.add(**line)
        yield
    yield from log.sort_slices()
    log.is_cut = received <= MAX_EVENT_ROWS <= stored or is_full
    return log
