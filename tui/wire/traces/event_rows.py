"""Decodes the items of `/events` one by one, so that megabytes of them never block the event loop.

Only a window of the body exists as text. Source: tests/wire/recordings/README.md §5 (recordings 1000, 1005).
"""

import json
import re
from collections.abc import Iterator
from typing import Final

from tui.domain.run import Json
from tui.wire.errors import ServerFault

MAX_EVENT_ROWS: Final = 25_000
"""The most rows that the server sends. It does not report that it truncated them."""

SLICE_EVENTS: Final = 100
"""Events in one slice, which takes less than a millisecond."""

SLICE_BYTES: Final = 256 * 1024
"""Bytes after which a slice ends, however few events they hold."""

WINDOW_BYTES: Final = 64 * 1024
"""Bytes that become text at once. The window doubles for an item that is larger."""

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SCAN: Final = json.JSONDecoder().raw_decode


class EventRows:
    """The items of the list `events` of a body."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._read_bytes = 0
        self._window_bytes = WINDOW_BYTES
        self._text = ""
        self._at = 0
        self._widen()

    def slices(self) -> Iterator[list[Json]]:
        """Yield the items in slices. Raises `ServerFault` without a list of events, or for invalid JSON."""
        try:
            self._find_list()
            rows: list[Json] = []
            since = self._read_bytes
            sign = self._peek()
            while sign != "]":
                rows.append(self._value())
                sign = self._peek()
                if sign == ",":
                    self._at += 1
                    sign = self._peek()
                elif sign != "]":
                    raise ServerFault(_NO_LIST, _OK)
                if len(rows) >= SLICE_EVENTS or self._read_bytes - since >= SLICE_BYTES:
                    yield rows
                    rows, since = [], self._read_bytes
            if rows:
                yield rows
        except (ValueError, RecursionError):
            raise ServerFault(_NO_JSON, _OK) from None

    def _find_list(self) -> None:
        self._skip("{")
        while True:
            if self._peek() == "}":
                raise ServerFault(_NO_LIST, _OK)
            key = self._value()
            self._skip(":")
            sign = self._peek()
            if key == "events" and sign == "[":
                self._skip("[")
                return
            self._value()
            self._skip(",")

    def _value(self) -> Json:
        """Decode the value that begins here. At the end of the window it may go on behind it."""
        while True:
            try:
                value, end = _SCAN(self._text, self._at)
            except ValueError:
                if not self._widen():
                    raise
                continue
            if end == len(self._text) and self._widen():
                continue
            self._at = end
            self._window_bytes = WINDOW_BYTES
            return value

    def _peek(self) -> str:
        """Return the next character that is no space, an empty text at the end of the body."""
        while True:
            sign = self._text[self._at : self._at + 1]
            if sign > " ":  # most often there is no space
                return sign
            match = _SPACE.match(self._text, self._at)
            self._at = self._at if match is None else match.end()
            if self._at < len(self._text) or not self._widen():
                return self._text[self._at : self._at + 1]

    def _skip(self, sign: str) -> None:
        if self._peek() != sign:
            raise ServerFault(_NO_LIST, _OK)
        self._at += 1

    def _widen(self) -> bool:
        """Append more of the body to the text, and drop what was read. Return False at the end of the body."""
        start = self._read_bytes
        if start >= len(self._body):
            return False
        end = min(start + self._window_bytes, len(self._body))
        while end < len(self._body) and self._body[end] & 0xC0 == 0x80:  # inside a character
            end += 1
        self._text = self._text[self._at :] + _decode(self._body[start:end])
        self._at = 0
        self._read_bytes = end
        self._window_bytes *= 2
        return True


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


def _decode(part: bytes) -> str:
    try:
        return part.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return part.decode("utf-8", "replace")
