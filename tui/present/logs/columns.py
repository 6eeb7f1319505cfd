"""The columns of a log, and one of its lines: time since the start of the run, attempt, level, fold mark, message."""

from datetime import datetime, timedelta
from typing import Final

from tui.domain.text import Raw
from tui.domain.traces.log_line import LogLevel, LogLine
from tui.lazy_dataclass import dataclass
from tui.present import formatting
from tui.present.styled import Line, Piece, Token, cut, first_line, fit, wrap

MAX_WRAPPED_ROWS: Final = 40
"""The rows of one line while long lines are wrapped. An opened line shows more."""

WITH_ATTEMPT: Final = 58
"""From this width on, the attempt has a column. The pane is two cells wider."""

WIDE: Final = 98
"""From this width on, the title of the time is written out."""

_TIME: Final = len("59m59s")
_TITLE: Final = "since start"
_LEVEL: Final = len("error")
_MARK: Final = 3
_GAP: Final = 2
_EDGE: Final = 1
_MIN_MESSAGE: Final = 10
_EXACT_BELOW_MS: Final = 10_000

LEVEL_WORDS: Final = {
    LogLevel.DEBUG: "debug",
    LogLevel.INFO: "info",
    LogLevel.WARN: "warn",
    LogLevel.ERROR: "error",
}
LEVEL_TOKENS: Final = {
    LogLevel.DEBUG: Token.FAINT,
    LogLevel.INFO: Token.MUTED,
    LogLevel.WARN: Token.AMBER,
    LogLevel.ERROR: Token.ROSE,
}
MESSAGE_TOKENS: Final = {LogLevel.DEBUG: Token.FAINT, LogLevel.ERROR: Token.BRIGHT}


@dataclass(frozen=True, slots=True)
class LogColumns:
    """The widths in cells: `time`, `attempt` (0: no such column), `message`. Messages begin at `indent`."""

    time: int
    attempt: int
    message: int

    @property
    def indent(self) -> int:
        """The cells before a message."""
        return self.time + _GAP + (self.attempt + _GAP if self.attempt else 0) + _LEVEL + _MARK

    @property
    def blank(self) -> Piece:
        """The space before a message."""
        return Piece(" " * self.indent)


def columns_for(width: int, max_attempt: int) -> LogColumns:
    """Return the columns for lines of `width` cells, the last of which stays empty."""
    time = len(_TITLE) if width >= WIDE else _TIME
    attempt = len(str(max(max_attempt, 1))) if width >= WITH_ATTEMPT else 0
    without = LogColumns(time, attempt, 0)
    return LogColumns(time, attempt, max(width - _EDGE - without.indent, _MIN_MESSAGE))


def head(columns: LogColumns) -> Line:
    """Return the titles of the columns."""
    title = _TITLE if columns.time >= len(_TITLE) else "start"
    text = f"{title:>{columns.time}}  " + (f"{'#':>{columns.attempt}}  " if columns.attempt else "")
    return (Piece(f"{text}{'level':<{_LEVEL + _MARK}}message", Token.FAINT),)


def offset_text(offset: timedelta | None) -> str:
    """Return the time since the start of the run: milliseconds up to 10 s (`0.520s`), then `38s` `1m02s` `2h05m`.

    A line that is older than the run, by the clocks of the machines, has a minus.
    """
    if offset is None:
        return formatting.NONE
    if offset < timedelta():
        return f"-{offset_text(-offset)}"
    ms = round(offset / timedelta(milliseconds=1))
    return f"{ms // 1000}.{ms % 1000:03}s" if ms < _EXACT_BELOW_MS else formatting.duration(offset)


def line_rows(
    line: LogLine, started_at: datetime | None, columns: LogColumns, *, is_open: bool, is_wrapped: bool
) -> list[Line]:
    """Return a line of a log in one row, or wrapped in several. An open line is wrapped.

    A message of several lines shows the first one, with a mark that the line opens.
    """
    prefix = _prefix(line, started_at, columns, is_open=is_open)
    token = MESSAGE_TOKENS.get(line.level, Token.TEXT)
    text = first_line(line.message)
    if not text:
        return [(*prefix, Piece("no message", Token.FAINT))]
    if not (is_open or is_wrapped):
        return [(*prefix, *cut((Piece(text, token),), columns.message))]
    rows = wrap(text, columns.message)[:MAX_WRAPPED_ROWS]
    return [(*(prefix if not index else (columns.blank,)), Piece(row, token)) for index, row in enumerate(rows)]


def rest_of(message: Raw) -> Raw | None:
    """Return the text of a message below its first line; None if that line is so long that it is cut."""
    shown, text = first_line(message), message.rstrip()
    at = text.find(shown)
    if at < 0:
        return None
    rest = text[at + len(shown) :]
    return Raw(rest[2 if rest.startswith("\r\n") else 1 :])


def opens_more(line: LogLine) -> bool:
    """Return whether a message has more text than its first line."""
    return rest_of(line.message) != ""


def _prefix(line: LogLine, started_at: datetime | None, columns: LogColumns, *, is_open: bool) -> Line:
    offset = None if line.at is None or started_at is None else line.at - started_at
    level = line.level
    mark = "▾" if is_open else "▸" if opens_more(line) else " "
    is_debug = level is LogLevel.DEBUG
    pieces = [Piece(f"{offset_text(offset):>{columns.time}}  ", Token.FAINT)]
    if columns.attempt:
        number = formatting.NONE if line.attempt is None else str(line.attempt)
        pieces += fit((Piece(number, Token.FAINT if is_debug else Token.MUTED),), columns.attempt, "right")
        pieces.append(Piece("  "))
    word = LEVEL_WORDS[level]
    pieces.append(Piece(f"{word:<{_LEVEL}}", LEVEL_TOKENS[level], is_bold=level is LogLevel.ERROR))
    pieces.append(Piece(f" {mark} ", Token.MUTED if is_open else Token.FAINT))
    return tuple(pieces)
