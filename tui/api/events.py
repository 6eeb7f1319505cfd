"""Decodes `/events`, the flat form of a trace, into spans and into the log of a run, row by row."""

import asyncio
import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

from tui.api.errors import EARLIEST, LATEST, MAX_SPANS, ServerFault, read_duration_ns, read_epoch_ns, read_time
from tui.api.traces import decode_text, read_exception, text_of
from tui.domain.ids import RunId, SpanId
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.domain.traces.log import UNKNOWN, UNKNOWN_WORD, LogBuilder, RunLog
from tui.domain.traces.span import Events, Span

# A window on a JSON body: only a part of it exists as text, however long it is.


WINDOW_BYTES: Final = 64 * 1024
"""Bytes that become text at once. The window doubles for a value that is larger."""

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SCAN: Final = json.JSONDecoder().raw_decode


class TooLong(Exception):
    """A value is longer than its limit. The window still begins with it."""


class JsonWindow:
    """`text` is the part of the body that is read now, `at` the place in it."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.read_bytes = 0
        self._window_bytes = WINDOW_BYTES
        self.text = ""
        self.at = 0
        self.widen()

    def value(self, max_chars: int) -> Json:
        """Decode the value that begins here. At the end of the window it may go on behind it.

        Raises `TooLong`, and ValueError for invalid JSON.
        """
        while True:
            try:
                value, end = _SCAN(self.text, self.at)
            except ValueError:
                if len(self.text) - self.at >= max_chars and self.read_bytes < len(self._body):
                    raise TooLong from None
                if not self.widen():
                    raise
                continue
            if end == len(self.text) and self.widen():
                continue
            self.at = end
            self._window_bytes = WINDOW_BYTES
            return value

    def value_in_window(self) -> tuple[bool, Json]:
        """Decode the value that begins here, if it ends in this window. Return whether it does."""
        try:
            value, self.at = _SCAN(self.text, self.at)
        except ValueError:
            return False, None
        return True, value

    def peek(self) -> str:
        """Return the next character that is no space, an empty text at the end of the body."""
        while True:
            sign = self.text[self.at : self.at + 1]
            if sign > " ":  # most often there is no space
                return sign
            match = _SPACE.match(self.text, self.at)
            self.at = self.at if match is None else match.end()
            if self.at < len(self.text) or not self.widen():
                return self.text[self.at : self.at + 1]

    def move_on(self) -> None:
        """Append as much as a window to the text. Raises ValueError at the end of the body."""
        self._window_bytes = WINDOW_BYTES
        if not self.widen():
            raise ValueError(self.read_bytes)

    def widen(self) -> bool:
        """Append more of the body to the text, and drop what was read. Return False at the end of the body."""
        start = self.read_bytes
        if start >= len(self._body):
            return False
        end = min(start + self._window_bytes, len(self._body))
        while end < len(self._body) and self._body[end] & 0xC0 == 0x80:  # inside a character
            end += 1
        self.text = self.text[self.at :] + decode_text(self._body[start:end])
        self.at = 0
        self.read_bytes = end
        self._window_bytes *= 2
        return True


# Reads a row of `/events` that is too long to be decoded at once, in slices: its texts are cut, long values left out.
#
# No recorded row is longer than a few kilobytes. One of 10 MB would hold up a key for 30 ms, one of a million empty
# lists for far longer.


MAX_ROW_CHARS: Final = 32 * 1024
"""From this length on, a row is read in slices. As many empty lists take 5 ms."""

MAX_KEPT_CHARS: Final = 256 * 1024
"""What is kept of a text in such a row."""

MAX_NUMBER_CHARS: Final = 1_000_000
"""No number is as long: the decoder rejects it."""

SLICE_TOKENS: Final = 5_000
"""Brackets and texts of a value that are skipped in one slice, which takes about a millisecond."""

_IN_TEXT: Final = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\[{\]}]', re.DOTALL)
_ESCAPE_CHARS: Final = 6  # as in \u00e9


def read_long_value(window: JsonWindow) -> Generator[None, None, Json]:
    """Return the value that begins here; of an array, None. Yields between slices. Raises ValueError."""
    match window.peek():
        case "{":
            return (yield from _fields(window))
        case "[":
            yield from _skip(window)
            return None
        case '"':
            return (yield from _long_text(window))
        case sign:
            raise ValueError(sign)


def _fields(window: JsonWindow) -> Generator[None, None, dict[str, Json]]:
    row: dict[str, Json] = {}
    window.at += 1
    while (sign := window.peek()) != "}":
        if sign != '"':
            raise ValueError(sign)
        key = yield from _long_text(window)
        if window.peek() != ":":
            raise ValueError(key)
        window.at += 1
        sign = window.peek()
        if sign == '"':
            row[key] = yield from _long_text(window)
        elif sign not in {"[", "{"}:
            row[key] = window.value(MAX_NUMBER_CHARS)
        else:
            yield
            yield from _container(window, row, key)
        sign = window.peek()
        if sign not in {",", "}"}:
            raise ValueError(sign)
        window.at += sign == ","
    window.at += 1
    return row


def _container(window: JsonWindow, row: dict[str, Json], key: str) -> Generator[None, None, None]:
    """Read the array or object that begins here into `row`; leave it out if it is longer than a window."""
    for is_last in (False, True):
        is_whole, value = window.value_in_window()
        if is_whole:
            row[key] = value
            return
        if not is_last:
            yield
            window.move_on()
    yield
    yield from _skip(window)


def _long_text(window: JsonWindow) -> Generator[None, None, str]:
    """Return the text that begins here, with a remark if it is cut."""
    kept, length = "", 0
    window.at += 1
    while True:
        end = _end_of(window)
        kept += window.text[window.at : min(end, window.at + MAX_KEPT_CHARS - len(kept))]
        length += end - window.at
        window.at = end
        if window.text[end : end + 1] == '"':
            window.at += 1
            break
        yield
        window.move_on()
    text = _decoded(kept)
    return text if length == len(kept) else f"{text}… (cut: {length:,} characters came)"


def _end_of(window: JsonWindow) -> int:
    """Return the end of the text as far as the window has it. A backslash at the end of the window stays for later."""
    match = _IN_TEXT.match(window.text, window.at)
    assert match is not None  # it matches the empty text
    return match.end()


def _decoded(kept: str) -> str:
    """Return the text of a JSON string whose end may be half of an escape."""
    for cut in range(_ESCAPE_CHARS + 1):
        try:
            value = json.loads(f'"{kept[: len(kept) - cut]}"')
        except ValueError:
            if cut == _ESCAPE_CHARS or not kept:
                raise
        else:
            return str(value)
    raise AssertionError("the loop ends with a text or an error")


def _skip(window: JsonWindow) -> Generator[None, None, None]:
    """Move behind the array or object that begins here."""
    depth = tokens = 0
    while True:
        found = _TOKEN.search(window.text, window.at)
        if found is None:
            window.at = len(window.text)
            yield
            window.move_on()
            continue
        window.at = found.start()
        if found[0] == '"':  # its end is not in the window
            yield from _long_text(window)
            continue
        window.at = found.end()
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if not depth:
            return
        tokens += 1
        if tokens % SLICE_TOKENS == 0:
            yield


# Decodes the items of `/events` one by one, so that megabytes of them never block the event loop.
#
# Only a window of the body exists as text. Source: tests/wire/recordings/README.md §5 (recordings 1000, 1005).


MAX_EVENT_ROWS: Final = 25_000
"""The most rows that the server sends. It does not report that it truncated them."""

SLICE_EVENTS: Final = 100
"""Events in one slice, which takes less than a millisecond."""

SLICE_BYTES: Final = 256 * 1024
"""Bytes after which a slice ends, however few events they hold."""


class EventRows:
    """The items of the list `events` of a body."""

    def __init__(self, body: bytes) -> None:
        self._window = JsonWindow(body)

    def slices(self) -> Iterator[list[Json]]:
        """Yield the items in slices. Raises `ServerFault` without a list of events, or for invalid JSON."""
        window = self._window
        try:
            yield from self._find_list()
            rows: list[Json] = []
            since = window.read_bytes
            sign = window.peek()
            while sign != "]":
                rows.append((yield from self._value()))
                sign = window.peek()
                if sign == ",":
                    window.at += 1
                    sign = window.peek()
                elif sign != "]":
                    raise ServerFault(_NO_LIST, _OK)
                if len(rows) >= SLICE_EVENTS or window.read_bytes - since >= SLICE_BYTES:
                    yield rows
                    rows, since = [], window.read_bytes
            if rows:
                yield rows
        except (ValueError, RecursionError):
            raise ServerFault(_NO_JSON, _OK) from None

    def _value(self) -> Generator[list[Json], None, Json]:
        """Read a value, a long one in slices, which have no rows."""
        try:
            return self._window.value(MAX_ROW_CHARS)
        except TooLong:
            reading = read_long_value(self._window)
        while True:
            try:
                next(reading)
            except StopIteration as end:
                value: Json = end.value
                return value
            yield []

    def _find_list(self) -> Generator[list[Json], None, None]:
        window = self._window
        self._skip("{")
        while True:
            if window.peek() == "}":
                raise ServerFault(_NO_LIST, _OK)
            key = yield from self._value()
            self._skip(":")
            sign = window.peek()
            if key == "events" and sign == "[":
                self._skip("[")
                return
            yield from self._value()
            self._skip(",")

    def _skip(self, sign: str) -> None:
        if self._window.peek() != sign:
            raise ServerFault(_NO_LIST, _OK)
        self._window.at += 1


def stored_rows(row: dict[str, Json], level: str) -> int:
    """Return how many rows the server stored for an event, or one more.

    The server's limit counts stored rows: one for a span's start, one for its end, one for each of its events. So
    25,000 rows of a recorded run came as 24,995 events (tests/wire/recordings/README.md §5).
    """
    span_events = row.get("events")
    is_closed_span = level == "TRACE" and row.get("isPartial") is not True
    return 1 + is_closed_span + (len(span_events) if isinstance(span_events, list) else 0)


_OK: Final = 200
_NO_LIST: Final = "no list of events"
_NO_JSON: Final = "not JSON, or nested too deep"


# Decodes the response of `/events`, the flat form of a trace, into the spans that attempts are built from.
#
# Decoding runs in slices, and drops log lines and unreadable spans.
# Source: tests/wire/recordings/README.md §5 (recordings 240e-254e, 1005, 1231, 1239).


_ATTEMPT: Final = re.compile(r"Attempt [0-9]+\Z")
_RETRY_DELAY: Final = re.compile(r"Retry #[0-9]+ delay\Z")


class EventsDecoder:
    """Decodes one response slice by slice, so that the caller can yield to the event loop.

    It keeps the run's own span, attempts, retry delays and open spans. Attempts need no log lines, of which there may
    be tens of thousands.
    """

    def __init__(self, body: bytes, run_id: RunId) -> None:
        self._run_id = run_id
        self._rows = EventRows(body)
        self._spans: dict[SpanId, tuple[Span, SpanId | None]] = {}
        self._possible_rows = 0

    def slices(self) -> Iterator[None]:
        """Decode all events, and yield after each slice. Raises `ServerFault` for an unreadable body."""
        for rows in self._rows.slices():
            for row in rows:
                self._read(row)
            yield

    def events(self) -> Events:
        """Return the decoded spans, once `slices` is exhausted."""
        return Events(self._root(), may_be_cut=self._possible_rows >= MAX_EVENT_ROWS)

    def _read(self, row: Json) -> None:
        if not isinstance(row, dict):
            return
        level, span_events = text_of(row.get("level")) or "TRACE", row.get("events")
        self._possible_rows += stored_rows(row, level)
        span_id, message = row.get("spanId"), row.get("message")
        if level != "TRACE" or not isinstance(span_id, str) or not isinstance(message, str):
            return
        if row.get("runId", self._run_id) != self._run_id:
            return
        is_partial, number = row.get("isPartial") is True, row.get("attemptNumber")
        if not (is_partial or number is None or _ATTEMPT.match(message)):
            return
        if len(self._spans) >= MAX_SPANS:
            return
        started_at = read_epoch_ns(row.get("startTime"))
        if started_at is None:
            return
        span = Span(
            SpanId(span_id),
            self._run_id,
            Raw(message),
            started_at,
            read_duration_ns(row.get("duration")),
            level,
            row.get("isError") is True,
            is_partial,
            row.get("isCancelled") is True,
            number if isinstance(number, int) else None,
            read_exception(span_events),
            wait_subject=_wait_subject(row.get("style")),
        )
        parent_id = row.get("parentId")
        self._spans[span.id] = (span, SpanId(parent_id) if isinstance(parent_id, str) else None)

    def _root(self) -> Span | None:
        """Build the run's own span with the kept spans below it. Return None if the run's own span is missing.

        A span whose parent was dropped becomes a child of the attempt with its number. An attempt or a delay becomes
        a child of the run's own span.
        """
        own = [span for span, _ in self._spans.values() if _is_own(span)]
        if not own:
            return None
        root = min(own, key=lambda span: span.started_at)
        children: dict[SpanId, list[SpanId]] = {}
        attempts = {span.attempt_number: span.id for span, _ in self._spans.values() if _ATTEMPT.match(span.message)}
        for span, own_parent in self._spans.values():
            parent_id = own_parent if own_parent in self._spans else _fallback_parent(span, root, attempts)
            if parent_id is not None and span.id != root.id:
                children.setdefault(parent_id, []).append(span.id)
        order, pending = [], [root.id]
        reached = {root.id}
        while pending:
            span_id = pending.pop()
            order.append(span_id)
            below = [child for child in children.get(span_id, ()) if child not in reached]
            reached.update(below)
            pending.extend(below)
        built: dict[SpanId, Span] = {}
        for span_id in reversed(order):
            below = [child for child in children.get(span_id, ()) if child in built]
            built[span_id] = replace(self._spans[span_id][0], children=tuple(built.pop(child) for child in below))
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


def _wait_subject(style: Json) -> Raw | None:
    """Return the text beside a span's name: the token, the duration or the task that it waits for."""
    accessory = style.get("accessory") if isinstance(style, dict) else None
    items = accessory.get("items") if isinstance(accessory, dict) else None
    first = items[0] if isinstance(items, list) and items else None
    text = first.get("text") if isinstance(first, dict) else None
    return Raw(text) if isinstance(text, str) and text else None


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
    decoder = LogDecoder(body, digest.digest())
    begun_s = now_s()
    for _ in decoder.slices():
        spent_s += now_s() - begun_s
        await _let_others_run()
        begun_s = now_s()
    log = decoder.log()
    if known is not None and log.has_same_lines(known) and log.is_cut == known.is_cut:
        known.digest = log.digest
        log = known
    return log, spent_s + now_s() - begun_s


async def _let_others_run() -> None:
    """Let the event loop run, for several turns: a key passes through some of them until it is painted."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


class LogDecoder:
    """Decodes one response slice by slice, so that the caller can yield to the event loop."""

    def __init__(self, body: bytes, digest: bytes = b"") -> None:
        self._rows = EventRows(body)
        self._digest = digest
        self._builder = LogBuilder()
        self._started_at: datetime | None = None
        self._stored_rows = 0
        self._received_rows = 0
        self._is_full = False

    def slices(self) -> Iterator[None]:
        """Decode all events, and yield after each slice. Raises `ServerFault` for an unreadable body."""
        for rows in self._rows.slices():
            self._received_rows += len(rows)
            for row in rows:
                if isinstance(row, dict):
                    self._read(row)
            yield
        yield from self._builder.sort_slices()

    def log(self) -> RunLog:
        """Return the log, once `slices` is exhausted. A server that sends more rows than the limit has another one."""
        is_at_limit = self._received_rows <= MAX_EVENT_ROWS <= self._stored_rows
        is_cut = is_at_limit or self._is_full
        return self._builder.build(started_at=self._started_at, is_cut=is_cut, digest=self._digest)

    def _read(self, row: dict[str, Json]) -> None:
        level = row.get("level")
        word = Raw(level[:MAX_LEVEL_CHARS]) if isinstance(level, str) else UNKNOWN_WORD
        self._stored_rows += stored_rows(row, word)
        if level == "TRACE":
            self._read_attempt(row)
            return
        span_id, attempt, properties = row.get("spanId"), row.get("attemptNumber"), row.get("properties")
        is_number = isinstance(attempt, int) and not isinstance(attempt, bool) and 0 <= attempt <= _MAX_ATTEMPT
        self._is_full |= not self._builder.add(
            SpanId(span_id if isinstance(span_id, str) else ""),
            _time_ns(row.get("startTime")),
            attempt if is_number else None,
            word,
            _message(row.get("message")),
            json.dumps(properties, separators=(",", ":")) if isinstance(properties, dict) and properties else None,
        )

    def _read_attempt(self, row: dict[str, Json]) -> None:
        """Remember when the first attempt began."""
        message = row.get("message")
        if isinstance(message, str) and _ATTEMPT.match(message):
            started_at = read_epoch_ns(row.get("startTime"))
            if started_at is not None and (self._started_at is None or started_at < self._started_at):
                self._started_at = started_at


def _message(message: Json) -> Raw | None:
    if message is None or isinstance(message, str):
        return None if message is None else Raw(message)
    return Raw(json.dumps(message, ensure_ascii=False))


def _time_ns(value: Json) -> int:
    """Read nanoseconds since 1970, as a number or a text, or an ISO time. Return `UNKNOWN` if they are invalid."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return UNKNOWN
    try:
        return min(max(int(value), 0), _MAX_NS)
    except (ValueError, OverflowError):  # not a number, infinite, or too many digits
        at = read_time(value)
        return UNKNOWN if at is None else min((at - EARLIEST) // timedelta(microseconds=1) * _NS_PER_US, _MAX_NS)
