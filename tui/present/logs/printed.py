"""A line of a log in print: for `trigger-tui logs`, for a file, for the clipboard, and as a JSON object."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

from tui.domain.run import Json
from tui.domain.traces.log_line import UNKNOWN, LogLine
from tui.present import formatting
from tui.present.logs.columns import LEVEL_TOKENS, LEVEL_WORDS, MESSAGE_TOKENS, offset_text
from tui.present.styled import Line, Piece, Token

_TIME_CELLS: Final = len("2026-11-26T14:31:51.788Z")
_OFFSET_CELLS: Final = 7
_LEVEL_CELLS: Final = 5
_NS_PER_US: Final = 1_000


def log_lines(line: LogLine, started_at: datetime | None) -> list[Line]:
    """Return `2026-11-26T14:31:51.788Z  0.520s  1  error  message`, never cut.

    Further lines of the message stand below it, indented, so that none of them looks like a line of the log.
    """
    level = line.level
    attempt = formatting.NONE if line.attempt is None else str(line.attempt)
    head = (
        Piece(f"{iso_time(line) or formatting.NONE:<{_TIME_CELLS}}  ", Token.FAINT),
        Piece(f"{offset_text(_offset(line, started_at)):>{_OFFSET_CELLS}}  {attempt:>2}  ", Token.FAINT),
        Piece(f"{LEVEL_WORDS[level]:<{_LEVEL_CELLS}}  ", LEVEL_TOKENS[level]),
    )
    first, *more = line.message.replace("\r\n", "\n").split("\n")
    token = MESSAGE_TOKENS.get(level, Token.TEXT)
    indent = Piece(" " * sum(len(piece.text) for piece in head))
    return [(*head, Piece(first, token)), *((indent, Piece(text, token)) for text in more)]


def copied_line(line: LogLine) -> str:
    """Return a line for the clipboard: time, level and the whole message as it came."""
    return f"{iso_time(line) or formatting.NONE} {LEVEL_WORDS[line.level]} {line.message}"


def log_object(line: LogLine, started_at: datetime | None) -> dict[str, Json]:
    """Return a line as a JSON object.

    Its keys are `time` (ISO), `offsetMs` (since the run started), `level` (as the server writes it), `attempt`,
    `message`, `attributes` where they came with the line, and `spanId`. An unknown value is null.
    """
    known: dict[str, Json] = {
        "time": iso_time(line),
        "offsetMs": _offset_ms(line, started_at),
        "level": line.word or None,
        "attempt": line.attempt,
        "message": line.message if line.has_message else None,
    }
    if line.attributes is not None:
        known["attributes"] = json.loads(line.attributes)
    return known | {"spanId": line.span_id or None}


def iso_time(line: LogLine) -> str | None:
    """Return the time of a line as ISO in UTC, to the millisecond, or finer if it is; None if it is unknown."""
    if line.at is None:
        return None
    precision = "microseconds" if line.time_ns // _NS_PER_US % 1_000 else "milliseconds"
    return line.at.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def _offset(line: LogLine, started_at: datetime | None) -> timedelta | None:
    return None if line.at is None or started_at is None else line.at - started_at


def _offset_ms(line: LogLine, started_at: datetime | None) -> float | None:
    offset = _offset(line, started_at)
    if offset is None or line.time_ns == UNKNOWN:
        return None
    us = offset // timedelta(microseconds=1)
    return us // 1_000 if us % 1_000 == 0 else us / 1_000
