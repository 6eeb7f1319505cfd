"""The log of a run in words: its columns, its opened lines, its rule, its end, its print."""

import json
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple, assert_never

from tui.domain.error import FrameKind, StackFrame
from tui.domain.log import (
    UNKNOWN,
    Frames,
    InnerError,
    LoggedPart,
    LogLevel,
    LogLine,
    RunLog,
    TextLines,
    has_stack,
    parse_logged_text,
)
from tui.domain.run import Json, Run, RunStatus
from tui.domain.text import Raw
from tui.features.errors.error import ErrorLayout, counted, frame_rows, function_column, shown_frames
from tui.kit.words import could_not_read
from tui.lazy_dataclass import dataclass
from tui.text import formatting
from tui.text.blocks import Now, ReadStage, Row, ShowWhole, ToggleFold, enter_hint, with_key
from tui.text.json import FoldedJson, JsonFolds, JsonPath, Label, ValuePath, VisibleRow, indent_of, key_of, step_rows
from tui.text.status import style_of
from tui.text.styled import Line, Piece, Token, cut, first_line, fit, joined, line_width, wrap

# The columns of a log, and one of its lines: time since the start of the run, attempt, level, fold mark, message.


MAX_WRAPPED_ROWS: Final = 40
"""The rows of one line while long lines are wrapped. An opened line shows more."""

WITH_ATTEMPT: Final = 58
"""If the lines are at least this wide, the attempt has a column. The pane is two cells wider."""

WIDE: Final = 98
"""If the lines are at least this wide, the title of the time is not abbreviated."""

_TIME: Final = len("59m59s")
_TITLE: Final = "since start"
_LEVEL: Final = len("error")
_MARK: Final = 3
_GAP: Final = 2
_EDGE: Final = 1
_MIN_MESSAGE: Final = 10
_EXACT_BELOW_MS: Final = 10_000

LEVEL_WORDS: Final = {level: level.name.lower() for level in LogLevel}
LEVEL_TOKENS: Final = {
    LogLevel.DEBUG: Token.FAINT,
    LogLevel.INFO: Token.MUTED,
    LogLevel.WARN: Token.AMBER,
    LogLevel.ERROR: Token.ROSE,
}
MESSAGE_TOKENS: Final = {LogLevel.DEBUG: Token.FAINT, LogLevel.ERROR: Token.BRIGHT}


class LogColumns(NamedTuple):
    """The widths in cells: `time`, `attempt` (0: no such column), `message`. Messages begin at `indent`."""

    time: int
    attempt: int
    indent: int
    message: int

    @property
    def blank(self) -> Piece:
        """The space before a message."""
        return Piece(" " * self.indent)


def columns_for(width: int, max_attempt: int) -> LogColumns:
    """Return the columns for lines of `width` cells, the last of which stays empty."""
    time = len(_TITLE) if width >= WIDE else _TIME
    attempt = len(str(max(max_attempt, 1))) if width >= WITH_ATTEMPT else 0
    indent = time + _GAP + (attempt + _GAP if attempt else 0) + _LEVEL + _MARK
    return LogColumns(time, attempt, indent, max(width - _EDGE - indent, _MIN_MESSAGE))


def head(columns: LogColumns) -> Line:
    """Return the titles of the columns."""
    title = _TITLE if columns.time >= len(_TITLE) else "start"
    text = f"{title:>{columns.time}}  " + (f"{'#':>{columns.attempt}}  " if columns.attempt else "")
    return (Piece(f"{text}{'level':<{_LEVEL + _MARK}}message", Token.FAINT),)


def offset_text(offset: timedelta | None) -> str:
    """Return the time since the start of the run: milliseconds up to 10 s (`0.520s`), then `38s` `1m02s` `2h05m`.

    If a line is older than the run, because the clocks of two machines differ, the time has a minus.
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

    Of a message with several lines, the first one is shown, with a mark that the line can be opened.
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


def _prefix(line: LogLine, started_at: datetime | None, columns: LogColumns, *, is_open: bool) -> Line:
    level, offset = line.level, _offset(line, started_at)
    mark = "▾" if is_open else "▸" if rest_of(line.message) != "" else " "
    pieces = [Piece(f"{offset_text(offset):>{columns.time}}  ", Token.FAINT)]
    if columns.attempt:
        number = formatting.NONE if line.attempt is None else str(line.attempt)
        token = Token.FAINT if level is LogLevel.DEBUG else Token.MUTED
        pieces += (*fit((Piece(number, token),), columns.attempt, "right"), Piece("  "))
    pieces.append(Piece(f"{LEVEL_WORDS[level]:<{_LEVEL}}", LEVEL_TOKENS[level], is_bold=level is LogLevel.ERROR))
    pieces.append(Piece(f" {mark} ", Token.MUTED if is_open else Token.FAINT))
    return tuple(pieces)


# The sentences of a log: why it has no lines, and below its last line why there are no more.


CUT: Final = "The server sends the first 25,000 rows; later lines are not shown."
NO_LOGS: Final = "This run wrote no logs."
SILENCE_FROM: Final = timedelta(seconds=10)
"""After this time without a new line, the last line says so."""

LONG_SILENCE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LogReading:
    """What is known about the reading of a log.

    * `log`: the lines read so far, None before the first answer
    * `failure`: why the last read failed
    * `read_at`: when `log` was last confirmed
    * `is_complete`: it was read after the end of the run, so that nothing will be added
    * `follows`: whether it is read again while the run is live
    * `stage`: how far the first read has got
    """

    log: RunLog | None = None
    failure: str | None = None
    read_at: datetime | None = None
    is_complete: bool = False
    follows: bool = True
    stage: ReadStage = ReadStage.LATE


def end_rows(reading: LogReading, run: Run | None, shown: int, least: LogLevel, now: Now, limit: int) -> list[Line]:
    """Return the rows below the last line: an empty one, and the sentences. Without a log, only a sentence."""
    log = reading.log
    rows: list[Line] = []
    if reading.failure is not None:
        rows += _wrapped(could_not_read("The logs", reading.failure), limit, Token.AMBER)
    if log is None:
        return rows or _wrapped(reading.stage.words, limit, Token.MUTED)
    hidden = _hidden(len(log) - shown, least)
    if log.is_cut:
        rows += _wrapped(CUT, limit, Token.AMBER)
    elif reading.is_complete and run is not None and run.is_final:
        text = "The run ended here." if len(log) else NO_LOGS
        rows += _wrapped(f"{text} {hidden}".rstrip(), limit, Token.MUTED)
        hidden = ""
    elif run is not None and reading.failure is None:
        rows += _live(reading, run, now, limit)
    if hidden:
        rows += _wrapped(hidden, limit, Token.MUTED)
    return [(), *rows] if len(log) else rows


def _live(reading: LogReading, run: Run, now: Now, limit: int) -> list[Line]:
    """Return how long a run that may still write lines has written none."""
    log = reading.log
    if not reading.follows:
        return _wrapped(f"Not following.{with_key('follow', 'F', ' {} continues.')}", limit, Token.MUTED)
    if run.is_final:
        return _wrapped("The run has ended; reading its last lines.", limit, Token.MUTED)
    state = f"the run is {_state(run)}"
    since = log.last_at if log is not None and len(log) else None
    if since is None:
        return _wrapped(f"No lines yet; {state}.", limit, Token.MUTED)
    silence = now.until - since
    if silence < SILENCE_FROM:
        return _wrapped(f"{state[:1].upper()}{state[1:]}.", limit, Token.FAINT)
    head = Piece(f"no new line for {now.duration(silence)}", Token.AMBER if silence >= LONG_SILENCE else Token.MUTED)
    whole = (head, Piece(f"  {state}", Token.MUTED))
    return [whole if line_width(whole) <= limit else (head,)]


def _state(run: Run) -> str:
    if run.status is RunStatus.WAITING_FOR_DEPLOY:
        return "still waiting for a version"
    title = style_of(run).name.text
    return f"still {title[:1].lower()}{title[1:]}"


def _hidden(count: int, least: LogLevel) -> str:
    """Return how many lines the level filter hides."""
    is_debug = least is LogLevel.INFO
    lines = formatting.plural(count, "debug line" if is_debug else "line")
    return f"{lines}{'' if is_debug else f' below {LEVEL_WORDS[least]}'} hidden." if count else ""


def _wrapped(text: str, limit: int, token: Token) -> list[Line]:
    return [(Piece(row, token),) for row in wrap(text, max(limit, 2))]


# The state of an opened line: its attributes as far as they are known, and its folds. `opened_rows` draws it.


MESSAGE: Final = "message"
"""The key of the whole message of a line."""


@dataclass(frozen=True, slots=True)
class LineFolds:
    """Which parts of an opened line the user folded or unfolded: of its attributes, and of its stacks.

    `opens_all` unfolds every stack, because a search found the line.
    """

    json: JsonFolds = JsonFolds()
    toggled: frozenset[Hashable] = frozenset()
    opens_all: bool = False


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a line as far as they are known. `note` says why there are none, or that they are being read.

    `is_failure`: they could not be read, so that opening the line tries again.
    """

    values: Json = None
    note: str = ""
    is_failure: bool = False


ATTRIBUTES: Final = "attributes"
"""The label of the attributes of a line."""


# The rows below an opened line of a log: the rest of its message, and its attributes.
#
# Stacks are folded by package, and causes within them fold. The attributes fold like any JSON value.


MAX_ROWS: Final = 300
"""The most rows of one opened line. A row below them opens the whole line."""

MAX_OPEN_ERRORS: Final = 3
"""If an aggregate error has at most this many errors, they are unfolded at first."""

STACK_KEYS: Final = ("stack", "stackTrace", "stacktrace")

_INDENT: Final = 2
_MIN_ROOM: Final = 10


def opened_rows(message: Raw, attributes: Attributes, folds: LineFolds, room: int, *, is_wrapped: bool) -> list[Row]:
    """Return the rows below an opened line, in at most `room` cells."""
    room = max(room, _MIN_ROOM)
    layout = ErrorLayout(room, is_wrapped, folds.toggled, opens_all=folds.opens_all)
    rows = _rest_of_message(message, layout)
    if attributes.note:
        for index, text in enumerate(wrap(attributes.note, room - _INDENT)):
            rows.append(Row((Piece(" " * _INDENT), Piece(text, Token.MUTED)), ("note", index)))
    elif attributes.values:
        rows += _attribute_rows(attributes.values, folds, layout)
    return [Row(cut(row.line, room), row.key, row.action) for row in rows]


def _rest_of_message(message: Raw, layout: ErrorLayout) -> list[Row]:
    """Return the message without its first line that is not blank, because that one is shown above."""
    size = Piece(f"{formatting.size(len(message))} in all  ", Token.FAINT)
    whole = Row((Piece("… ", Token.FAINT), size, *enter_hint()), (MESSAGE, "more"), ShowWhole(MESSAGE))
    rest = rest_of(message)
    if not rest:
        return [] if rest is not None else [whole]
    rows = list(islice(_part_rows(parse_logged_text(rest), layout, (MESSAGE,), 0), MAX_ROWS + 1))
    return rows if len(rows) <= MAX_ROWS else [*rows[:MAX_ROWS], whole]


def _part_rows(
    parts: Sequence[LoggedPart], layout: ErrorLayout, key: tuple[Hashable, ...], depth: int
) -> Iterable[Row]:
    """Yield the rows of a logged text. Errors within errors are indented."""
    margin = Piece(" " * (_INDENT * (depth + 1)))
    inner = replace(layout, limit=max(layout.limit - len(margin.text), _MIN_ROOM))
    for number, part in enumerate(parts):
        here = (*key, number)
        match part:
            case TextLines(lines):
                # Node indents the lines of an inner error. Here the margin does that.
                blank = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)
                for index, line in enumerate(line[blank:] if depth else line for line in lines):
                    for at, text in enumerate(wrap(Raw(line[: inner.limit * MAX_ROWS]), inner.limit)):
                        yield Row((margin, Piece(text, Token.TEXT)), (*here, index, at))
            case Frames(frames, _):
                for row in _stack(frames, inner, here):
                    yield Row((margin, *row.line), row.key, row.action)
            case InnerError():
                is_open = layout.is_open(here, begins_open=part.count <= MAX_OPEN_ERRORS)
                lead = "caused by " if part.kind == "cause" else f"{part.number} of {part.count}  "
                mark = ("▾ " if is_open else "▸ ") if part.parts else ""
                head = (margin, Piece(f"{mark}{lead}", Token.FAINT), Piece(first_line(part.head), Token.BRIGHT))
                yield Row(head, here, ToggleFold(here) if part.parts else None)
                if is_open:
                    yield from _part_rows(part.parts, layout, here, depth + 1)
            case _:
                assert_never(part)


def _stack(frames: Sequence[StackFrame], layout: ErrorLayout, key: Hashable) -> Iterable[Row]:
    """Yield the own frames, and one row for all others by package."""
    column = function_column([shown_frames(frames, layout, key, begins_open=False)[:MAX_ROWS]], layout.limit)
    first_own = next((frame for frame in frames if frame.kind is FrameKind.OWN), None)
    return frame_rows(frames, layout, key, column=column, first_own=first_own)


class _OpenJson(FoldedJson):
    """A value whose top level is always open, so that each attribute has a row. Errors are unfolded at first."""

    def _is_foldable(self, path: JsonPath, label: Label, value: Json) -> bool:
        return not path or super()._is_foldable(path, label, value)

    def _step(self, path: JsonPath, label: Label, value: Json) -> VisibleRow:
        step = super()._step(path, label, value)
        if not (path and step.is_foldable and _is_error(value)):
            return step
        return step._replace(is_open=not step.is_open or path in self.folds.found)


def _is_error(value: Json) -> bool:
    """Return whether a value is an error as a logger writes it: an object with a stack."""
    stacks = (value.get(key) for key in STACK_KEYS) if isinstance(value, dict) else ()
    return any(isinstance(stack, str) and has_stack(stack) for stack in stacks)


def _attribute_rows(values: Json, folds: LineFolds, layout: ErrorLayout) -> list[Row]:
    rows, room = list[Row](), layout.limit
    steps = _OpenJson(values, folds.json, room, is_wrapped=layout.is_wrapped).walk()
    next(steps)  # the row of the whole value
    stack: JsonPath | None = None
    for step in steps:
        if stack is not None and step.path[: len(stack)] == stack:
            continue  # a search unfolds the lines of its text, but the stack shows them already
        if len(rows) >= MAX_ROWS:
            rows.append(Row((Piece("  … ", Token.FAINT), *enter_hint()), "more", ShowWhole(ValuePath(ATTRIBUTES, ()))))
            break
        if step.is_text and step.is_foldable and (parts := _logged_stack(step.value)) is not None:
            rows += _stack_value(step, parts, layout, room)
            stack = step.path
            continue
        rows += step_rows(step, ValuePath(ATTRIBUTES, step.path), room, is_wrapped=layout.is_wrapped)
    return rows


def _logged_stack(text: str) -> tuple[LoggedPart, ...] | None:
    """Return the parts of a text with a stack, None for any other text."""
    if not has_stack(text):
        return None
    parts = parse_logged_text(Raw(text))
    return parts if any(not isinstance(part, TextLines) for part in parts) else None


def _stack_value(step: VisibleRow, parts: Sequence[LoggedPart], layout: ErrorLayout, room: int) -> list[Row]:
    """Return `stack: ▸ 12 frames`, and below it the stack if the user opened it."""
    key = ("stack", step.path)
    is_open = layout.is_open(key)
    margin = Piece(" " * indent_of(len(step.path), room))
    mark = Piece(f"{'▾' if is_open else '▸'} ", Token.FAINT)
    head = (margin, mark, *key_of(step.label, room // 2), Piece(counted(_frames_of(parts)), Token.FAINT))
    below = replace(layout, limit=max(layout.limit - len(margin.text), _MIN_ROOM))
    rows = islice(_part_rows(parts, below, key, 0), MAX_ROWS) if is_open else ()
    return [Row(head, key, ToggleFold(key)), *(Row((margin, *row.line), row.key, row.action) for row in rows)]


def _frames_of(parts: Iterable[LoggedPart]) -> Iterable[StackFrame]:
    for part in parts:
        if isinstance(part, Frames):
            yield from part.frames
        elif isinstance(part, InnerError):
            yield from _frames_of(part.parts)


# A line of a log in print: for `trigger-tui logs`, for a file, for the clipboard, and as a JSON object.


_TIME_CELLS: Final = len("2026-11-26T14:31:51.788Z")
_OFFSET_CELLS: Final = 7
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
        Piece(f"{LEVEL_WORDS[level]:<{_LEVEL}}  ", LEVEL_TOKENS[level]),
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


# The words of the rule above a log: the task, the level, the search; how many lines, and how fresh they are.


_MAX_NEEDLE: Final = 24


def left_words(run: Run | None, least: LogLevel, needle: str, *, is_alone: bool) -> Line:
    """Return the task, the level, and the search, as far as there are any."""
    dot = Piece(" · ", Token.FAINT)
    task: Line = (dot, Piece(run.fixed.task or formatting.NONE, Token.MUTED)) if is_alone and run is not None else ()
    is_whole = least is LogLevel.DEBUG
    level_token = Token.MUTED if is_whole else Token.TEXT  # it leaves lines out
    level: Line = (dot, Piece(level_words(least), level_token)) if is_alone or not is_whole else ()
    search: Line = (dot, *cut((Piece(Raw(f"/{needle}"), Token.TEXT),), _MAX_NEEDLE)) if needle else ()
    return (*task, *level, *search)


def level_words(least: LogLevel) -> str:
    """Return `all levels`, `info and up`, `warn and up`, `errors`."""
    return {LogLevel.DEBUG: "all levels", LogLevel.ERROR: "errors"}.get(least, f"{LEVEL_WORDS[least]} and up")


def right_words(
    reading: LogReading, shown: int, hits: tuple[int, int] | None, run: Run | None, now: Now, *, is_alone: bool
) -> Line:
    """Return `8 of 11 · 7 of 9 matches · following · 2s ago`.

    The age says how old the lines of a live run are, because a logged line alone causes no update.
    """
    log = reading.log
    if log is None:
        words = "" if reading.failure is not None else reading.stage.words
        return (Piece(words, Token.MUTED),) if words else ()
    whole, at_least = len(log), log.is_cut
    count = formatting.plural(whole, "line") if shown == whole else f"{formatting.count(shown)} of {whole:,}"
    # Matches come first: a narrow rule omits the muted parts after them.
    parts: list[Line] = []
    if hits is not None:
        words = f"{hits[0]} of {hits[1]:,} match{'' if hits[1] == 1 else 'es'}" if hits[1] else "no match"
        parts.append((Piece(words, Token.TEXT),))
    parts.append((Piece(f"{'first ' if at_least else ''}{count}", Token.MUTED if parts else Token.TEXT),))
    is_final = run is not None and run.is_final
    if reading.is_complete and is_final:
        if is_alone and not at_least:
            parts.append((Piece("complete", Token.MUTED),))
    else:
        has_failed, follows = reading.failure is not None, reading.follows and not at_least
        if is_alone and has_failed:
            # The sentence about this is below the last line, which may be outside the window.
            parts.append((Piece("last read failed", Token.AMBER),))
        elif is_alone and follows:
            parts.append((Piece("following", Token.ACCENT),))
        # If there are other panes beside this one, there is no room for the word.
        token = Token.AMBER if has_failed else Token.ACCENT if follows and not is_alone else Token.MUTED
        parts.append((Piece("" if reading.read_at is None else f"{now.ago(reading.read_at)}", token),))
    return joined(parts, " · ")
