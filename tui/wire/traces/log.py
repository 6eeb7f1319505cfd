"""Decodes the response of `/events` into the log of a run: every event whose level is not TRACE is a line.

Decoding runs in slices. Today's servers send no attributes here; they are kept as text for the line that is opened.
Source: tests/wire/recordings/README.md §5 (recordings 240e-254e, 1000, 1202, 1205).
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final

from tui.domain.ids import SpanId
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.domain.traces.log_line import UNKNOWN, UNKNOWN_WORD, LogBuilder, RunLog
from tui.wire.times import EARLIEST, LATEST, read_epoch_ns, read_time
from tui.wire.traces.event_rows import MAX_EVENT_ROWS, EventRows, stored_rows

DIGEST_BYTES: Final = 1024 * 1024
"""Bytes that are hashed at once, which takes a millisecond."""

TURNS: Final = 8
"""Turns of the event loop between two slices."""

SPAN_LEVEL: Final = "TRACE"

MAX_LEVEL_CHARS: Final = 200
"""Length of the word for a level."""

_ATTEMPT: Final = re.compile(r"Attempt [0-9]+\Z")
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
        if level == SPAN_LEVEL:
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
