"""Decodes the items of `/events` one by one, so that megabytes of them never block the event loop.

Only a window of the body exists as text. Source: tests/wire/recordings/README.md §5 (recordings 1000, 1005).
"""

from collections.abc import Generator, Iterator
from typing import Final

from tui.domain.run import Json
from tui.wire.errors import ServerFault
from tui.wire.traces.long_row import MAX_ROW_CHARS, read_long_value
from tui.wire.traces.window import JsonWindow, TooLong

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
