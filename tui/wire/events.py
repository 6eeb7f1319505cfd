"""The answer of `/events`, decoded in slices into what attempts are read from: the flat form of a trace.

What lives here: JSON into `domain.span` values, leniently, as in `wire.traces`. Log lines are counted and dropped.
Source: recordings 240e-254e, 1005, 1231, 1239 and tests/wire/recordings/README.md §5.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from tui.domain.ids import RunId, SpanId
from tui.domain.run import Json
from tui.domain.span import Events, Span
from tui.domain.text import Raw
from tui.wire.errors import ServerFault
from tui.wire.limits import MAX_SPANS
from tui.wire.times import read_duration_ns, read_epoch_ns
from tui.wire.traces import read_exception

MAX_EVENT_ROWS: Final = 25_000
"""Rows that the server sends at most. It does not say that it cut them."""

SLICE: Final = 400
"""Events of one slice: 1 to 4 ms."""

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_ATTEMPT: Final = re.compile(r"Attempt [0-9]+\Z")
_RETRY_DELAY: Final = re.compile(r"Retry #[0-9]+ delay\Z")


class EventsDecoder:
    """Decodes one answer; a caller with a screen lets the event loop run between two slices.

    Kept are the run's own span, its attempts, the delays before retries and what is still open: a run may have logged
    tens of thousands of lines, of which attempts need none.
    """

    def __init__(self, body: bytes, run_id: RunId) -> None:
        """Raises `ServerFault` when the body is not the JSON of events."""
        self._run_id = run_id
        self._rows = _rows(_decoded(body))
        self._spans: dict[SpanId, tuple[Span, SpanId | None]] = {}
        self._most_rows = 0

    def slices(self) -> Iterator[None]:
        """Decode everything, and yield after every `SLICE` events. Raises `ServerFault` when they cannot be read."""
        try:
            for count, row in enumerate(self._rows, 1):
                self._read(row)
                if count % SLICE == 0:
                    yield
        except (ValueError, RecursionError):
            raise ServerFault("no JSON, or nested too deep", 200) from None

    def events(self) -> Events:
        """What was decoded."""
        return Events(self._root(), may_be_cut=self._most_rows >= MAX_EVENT_ROWS)

    def _read(self, row: Json) -> None:
        if not isinstance(row, dict):
            return
        level, happened = _text(row.get("level")) or "TRACE", row.get("events")
        # The limit counts stored rows: a span is one when it begins and one more when it ends, each thing that
        # happened in it is another (24,995 events came of 25,000 rows: tests/wire/recordings/README.md §5).
        self._most_rows += 1 + (level == "TRACE") + (len(happened) if isinstance(happened, list) else 0)
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
            read_exception(happened),
            about=_about(row.get("style")),
        )
        parent_id = row.get("parentId")
        self._spans[span.id] = (span, SpanId(parent_id) if isinstance(parent_id, str) else None)

    def _root(self) -> Span | None:
        """The run's own span with all that was kept below it, children first; None when it did not come.

        A span whose parent was not kept hangs on the attempt of its number, and an attempt or a delay on the run.
        """
        own = [span for span, _ in self._spans.values() if _is_own(span)]
        if not own:
            return None
        root = min(own, key=lambda span: span.started_at)
        children: dict[SpanId, list[SpanId]] = {}
        attempts = {span.attempt_number: span.id for span, _ in self._spans.values() if _ATTEMPT.match(span.message)}
        for span, told in self._spans.values():
            parent_id = told if told in self._spans else _stand_in(span, root, attempts)
            if parent_id is not None and span.id != root.id:
                children.setdefault(parent_id, []).append(span.id)
        order, pending = [], [root.id]
        met = {root.id}
        while pending:
            span_id = pending.pop()
            order.append(span_id)
            below = [child for child in children.get(span_id, ()) if child not in met]
            met.update(below)
            pending.extend(below)
        built: dict[SpanId, Span] = {}
        for span_id in reversed(order):
            below = [child for child in children.get(span_id, ()) if child in built]
            built[span_id] = replace(self._spans[span_id][0], children=tuple(built.pop(child) for child in below))
        return built[root.id]


def _is_own(span: Span) -> bool:
    """Whether it may be the run's own span: neither an attempt nor a delay, nor anything inside an attempt."""
    return span.attempt_number is None and not _is_top(span)


def _is_top(span: Span) -> bool:
    """Whether it belongs right below the run's own span."""
    return bool(_ATTEMPT.match(span.message) or _RETRY_DELAY.match(span.message))


def _stand_in(span: Span, root: Span, attempts: Mapping[int | None, SpanId]) -> SpanId | None:
    """The parent of a span whose own was not kept; None: nothing tells where it belongs."""
    return root.id if _is_top(span) else attempts.get(span.attempt_number or 0)


def _rows(text: str) -> Iterator[Json]:
    """The items of `events`, one by one. Raises `ServerFault` where there are none, ValueError for broken JSON."""
    scan = json.JSONDecoder().raw_decode
    at = _after(text, 0, "{")
    while True:
        key, at = scan(text, _SPACE.match(text, at).end())  # type: ignore[union-attr]  # it matches everywhere
        at = _after(text, at, ":")
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # likewise
        if key == "events" and text[at : at + 1] == "[":
            break
        _, at = scan(text, at)
        at = _after(text, at, ",")
    at = _SPACE.match(text, at + 1).end()  # type: ignore[union-attr]  # likewise
    while text[at : at + 1] != "]":
        row, at = scan(text, at)
        yield row
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # likewise
        if text[at : at + 1] != "]":
            at = _SPACE.match(text, _after(text, at, ",")).end()  # type: ignore[union-attr]  # likewise


def _after(text: str, at: int, sign: str) -> int:
    """The place behind a sign that has to come next, but for spaces. Raises `ServerFault`."""
    at = _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches everywhere
    if text[at : at + 1] != sign:
        raise ServerFault("no list of events", 200)
    return at + 1


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace")


def _about(style: Json) -> Raw | None:
    """What a span says beside its name: the token, the duration or the task that it waits for."""
    accessory = style.get("accessory") if isinstance(style, dict) else None
    items = accessory.get("items") if isinstance(accessory, dict) else None
    first = items[0] if isinstance(items, list) and items else None
    text = first.get("text") if isinstance(first, dict) else None
    return Raw(text) if isinstance(text, str) and text else None


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
