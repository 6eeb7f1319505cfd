"""Decodes the response of `/events`, the flat form of a trace, into the spans that attempts are built from.

Decoding runs in slices, and drops log lines and unreadable spans.
Source: tests/wire/recordings/README.md §5 (recordings 240e-254e, 1005, 1231, 1239).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from tui.domain.ids import RunId, SpanId
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.domain.traces.span import Events, Span
from tui.wire.limits import MAX_SPANS
from tui.wire.times import read_duration_ns, read_epoch_ns
from tui.wire.traces.event_rows import MAX_EVENT_ROWS, EventRows, stored_rows
from tui.wire.traces.trace import read_exception

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
        level, span_events = _text(row.get("level")) or "TRACE", row.get("events")
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


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
