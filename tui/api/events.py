"""Decodes `/events`, the flat form of a trace, into spans and into the log of a run, row by row."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from hashlib import blake2b
from typing import Annotated, Any, Final, Required, cast

from pydantic import AfterValidator, AliasPath, Field, PlainValidator
from typing_extensions import TypedDict

from tui.api.errors import EARLIEST, LATEST, MAX_SPANS, ServerFault, read_time
from tui.api.models import AnyText, Lenient, Word, convert
from tui.api.traces import JsonReader, JsonText, SpanFields, SpanTime
from tui.domain.log import UNKNOWN, RunLog
from tui.domain.run import Json, RunId, SpanId, TraceId
from tui.domain.trace import Span, Trace

# Reads the rows of `/events` in slices. No recorded row is longer than a few kilobytes.
#
# Source: tests/wire/recordings/README.md §5 (recordings 1000, 1005).


MAX_EVENT_ROWS: Final = 25_000
"""The most rows that the server sends. It does not report that it truncated them."""


def event_rows(body: bytes) -> Iterator[list[dict[str, Json]]]:
    """Yield the objects in the list `events` in slices. Raises `ServerFault` without a list, or for invalid JSON."""
    rows: list[Json] = []
    to_open: dict[tuple[int, str, str], Any] = {(0, "", "{"): {}, (1, "events", "["): rows}
    try:
        for _ in JsonReader(body, cuts_long=True).slices(lambda *place: to_open.pop(place, None), end_depth=1):
            yield [row for row in rows if isinstance(row, dict)]
            rows.clear()
    except (ValueError, RecursionError):
        raise ServerFault("not JSON, or nested too deep", 200) from None
    if to_open:
        raise ServerFault("no list of events", 200)
    if rows:
        yield [row for row in rows if isinstance(row, dict)]


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


_ATTEMPT: Final = re.compile(r"Attempt [0-9]+\Z")
_RETRY_DELAY: Final = re.compile(r"Retry #[0-9]+ delay\Z")


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
            is_kept = span.is_partial or span.attempt_number is None or _ATTEMPT.match(span.message)
            if is_kept and len(spans) < MAX_SPANS:
                spans[span.id] = span, parent_id
        yield
    root = _root_of(spans)
    return None if root is None else Trace(TraceId(""), root, is_truncated=possible_rows >= MAX_EVENT_ROWS)


def _root_of(spans: Mapping[SpanId, tuple[Span, SpanId | None]]) -> Span | None:
    """Build the run's own span with the kept spans below it. Return None if the run's own span is missing.

    A span whose parent was dropped becomes a child of the attempt with its number. An attempt or a delay becomes
    a child of the run's own span.
    """
    own = [span for span, _ in spans.values() if _is_own(span)]
    if not own:
        return None
    root = min(own, key=lambda span: span.started_at)
    attempts = {span.attempt_number: span.id for span, _ in spans.values() if _ATTEMPT.match(span.message)}
    below: defaultdict[SpanId | None, list[SpanId]] = defaultdict(list)
    for span, own_parent in spans.values():
        parent_id = own_parent if own_parent in spans else _fallback_parent(span, root, attempts)
        if span.id != root.id:
            below[parent_id].append(span.id)
    order = [root.id]  # parents first, and only what is below the root
    for span_id in order:
        order += below[span_id]
    built: dict[SpanId, Span] = {}
    for span_id in reversed(order):
        children = tuple(built.pop(child) for child in below[span_id])
        built[span_id] = replace(spans[span_id][0], children=children)
    return built[root.id]


def _is_own(span: Span) -> bool:
    """Whether a span may be the run's own: not an attempt, a delay or inside an attempt."""
    return span.attempt_number is None and not _is_top_level(span)


def _is_top_level(span: Span) -> bool:
    """Whether a span is a direct child of the run's own span."""
    return bool(_ATTEMPT.match(span.message) or _RETRY_DELAY.match(span.message))


def _fallback_parent(span: Span, root: Span, attempts: Mapping[int | None, SpanId]) -> SpanId | None:
    """Return the parent for a span whose own parent was dropped, None if there is no attempt with its number."""
    return root.id if _is_top_level(span) else attempts.get(span.attempt_number or 0)


# Decodes the response of `/events` into the log of a run: every event whose level is not TRACE is a line.
#
# Decoding runs in slices. Today's servers send no attributes here; they are kept as text for the line that is opened.
# Source: tests/wire/recordings/README.md §5 (recordings 240e-254e, 1000, 1202, 1205).


DIGEST_BYTES: Final = 1024 * 1024
"""Bytes that are hashed at once, which takes a millisecond."""

TURNS: Final = 8
"""Turns of the event loop between two slices."""

MAX_LEVEL_CHARS: Final = 200
"""Length of the word for a level."""

_MAX_NS: Final = min(int(LATEST.timestamp()) * 10**9, 2**63 - 1)
_MAX_ATTEMPT: Final = 10**9
_NS_PER_US: Final = 1_000


async def decode_log(body: bytes, known: RunLog | None, now_s: Callable[[], float]) -> tuple[RunLog, float]:
    """Return the log of a response, and the seconds that the decoding took. Yields to the event loop.

    The log is `known` itself if the response has no other lines than that. Raises `ServerFault`.
    """
    spent_s = 0.0
    digest = blake2b(digest_size=16)
    for start in range(0, len(body), DIGEST_BYTES):
        begun_s = now_s()
        digest.update(memoryview(body)[start : start + DIGEST_BYTES])
        spent_s += now_s() - begun_s
        await _let_others_run()
    if known is not None and digest.digest() == known.digest:
        return known, spent_s
    slices, log = log_slices(body, digest.digest()), None
    while log is None:
        begun_s = now_s()
        try:
            next(slices)
        except StopIteration as end:
            log = cast("RunLog", end.value)
        spent_s += now_s() - begun_s
        await _let_others_run()
    if known is not None and log.has_same_lines(known) and log.is_cut == known.is_cut:
        known.digest = log.digest
        log = known
    return log, spent_s


async def _let_others_run() -> None:
    """Let the event loop run, for several turns: a key passes through some of them until it is painted."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


def _time_ns(value: Json) -> int:
    """Read nanoseconds since 1970, as a number or a text, or an ISO time. Return `UNKNOWN` if they are invalid."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return UNKNOWN
    try:
        return min(max(int(value), 0), _MAX_NS)
    except (ValueError, OverflowError):  # not a number, infinite, or too many digits
        at = read_time(value)
        return UNKNOWN if at is None else min((at - EARLIEST) // timedelta(microseconds=1) * _NS_PER_US, _MAX_NS)


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

    Raises `ServerFault` for an unreadable body. A server that sends more rows than the limit has another limit.
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
