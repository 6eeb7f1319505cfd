"""Decodes the response of `/events`, the flat form of a trace, into the spans that attempts are built from.

Decoding runs in slices, and drops log lines and unreadable spans.
Source: tests/wire/recordings/README.md §5 (recordings 240e-254e, 1005, 1231, 1239).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from tui.domain.ids import RunId, SpanId
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.domain.traces.span import Events, Span
from tui.wire.errors import ServerFault
from tui.wire.limits import MAX_SPANS
from tui.wire.times import read_duration_ns, read_epoch_ns
from tui.wire.traces.trace import read_exception

MAX_EVENT_ROWS: Final = 25_000
"""The most rows that the server sends. It does not report that it truncated them."""

SLICE_EVENTS: Final = 400
"""Events in one slice, which takes 1 to 4 ms."""

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_ATTEMPT: Final = re.compile(r"Attempt [0-9]+\Z")
_RETRY_DELAY: Final = re.compile(r"Retry #[0-9]+ delay\Z")


class EventsDecoder:
    """Decodes one response slice by slice, so that the caller can yield to the event loop.

    It keeps the run's own span, attempts, retry delays and open spans. Attempts need no log lines, of which there may
    be tens of thousands.
    """

    def __init__(self, body: bytes, run_id: RunId) -> None:
        """Raises `ServerFault` if the body has no list of events."""
        self._run_id = run_id
        self._rows = _rows(_decode_text(body))
        self._spans: dict[SpanId, tuple[Span, SpanId | None]] = {}
        self._possible_rows = 0

    def slices(self) -> Iterator[None]:
        """Decode all events, and yield after each slice. Raises `ServerFault` for invalid JSON."""
        try:
            for count, row in enumerate(self._rows, 1):
                self._read(row)
                if count % SLICE_EVENTS == 0:
                    yield
        except (ValueError, RecursionError):
            raise ServerFault("not JSON, or nested too deep", 200) from None

    def events(self) -> Events:
        """Return the decoded spans, once `slices` is exhausted."""
        return Events(self._root(), may_be_cut=self._possible_rows >= MAX_EVENT_ROWS)

    def _read(self, row: Json) -> None:
        if not isinstance(row, dict):
            return
        level, span_events = _text(row.get("level")) or "TRACE", row.get("events")
        # The server's limit counts stored rows: one for a span's start, one for its end, one for each of its events.
        # So 25,000 rows of a recorded run came as 24,995 events (tests/wire/recordings/README.md §5).
        self._possible_rows += 1 + (level == "TRACE") + (len(span_events) if isinstance(span_events, list) else 0)
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


def _rows(text: str) -> Iterator[Json]:
    """Decode the items of `events` one by one. Raises `ServerFault` without a list, ValueError for invalid JSON."""
    scan = json.JSONDecoder().raw_decode
    at = _after(text, 0, "{")
    while True:
        key, at = scan(text, _SPACE.match(text, at).end())  # type: ignore[union-attr]  # it always matches
        at = _after(text, at, ":")
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it always matches
        if key == "events" and text[at : at + 1] == "[":
            break
        _, at = scan(text, at)
        at = _after(text, at, ",")
    at = _SPACE.match(text, at + 1).end()  # type: ignore[union-attr]  # it always matches
    while text[at : at + 1] != "]":
        row, at = scan(text, at)
        yield row
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it always matches
        if text[at : at + 1] != "]":
            at = _SPACE.match(text, _after(text, at, ",")).end()  # type: ignore[union-attr]  # it always matches


def _after(text: str, at: int, sign: str) -> int:
    """Return the index after the next character, which must be `sign` after spaces. Raises `ServerFault`."""
    at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it always matches
    if text[at : at + 1] != sign:
        raise ServerFault("no list of events", 200)
    return at + 1


def _decode_text(body: bytes) -> str:
    try:
        return body.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace")


def _wait_subject(style: Json) -> Raw | None:
    """Return the text beside a span's name: the token, the duration or the task that it waits for."""
    accessory = style.get("accessory") if isinstance(style, dict) else None
    items = accessory.get("items") if isinstance(accessory, dict) else None
    first = items[0] if isinstance(items, list) and items else None
    text = first.get("text") if isinstance(first, dict) else None
    return Raw(text) if isinstance(text, str) and text else None


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
