"""The log lines of a run, and the errors that a logged text holds."""

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate, groupby, islice
from operator import attrgetter, le
from typing import Final, Literal

from tui.domain.error import StackFrame, parse_stack
from tui.domain.run import SpanId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

# Many texts in one block of memory. The system gets such a block back; single strings would leave holes behind.


_ENCODING = "utf-8", "surrogatepass"


class Texts(Sequence[Raw]):
    """Texts as UTF-8, one after the other. Each access makes the string again."""

    __slots__ = ("_ends", "_utf8")

    def __init__(self) -> None:
        self._utf8 = bytearray()
        self._ends = array("q", [0])

    def append(self, text: str) -> None:
        """Add a text."""
        self._utf8 += text.encode(*_ENCODING)
        self._ends.append(len(self._utf8))

    def take(self, others: "Texts", indices: Iterable[int]) -> None:
        """Add some of the other texts. 5,000 of them take 2 ms."""
        utf8, ends = self._utf8, self._ends
        other_utf8, other_ends = others._utf8, others._ends  # noqa: SLF001  the same class
        for index in indices:
            utf8 += other_utf8[other_ends[index] : other_ends[index + 1]]
            ends.append(len(utf8))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> Raw:  # type: ignore[override]  # no slices
        if not 0 <= index < len(self):
            raise IndexError(index)
        return Raw(self._utf8[self._ends[index] : self._ends[index + 1]].decode(*_ENCODING))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Texts) and self._ends == other._ends and self._utf8 == other._utf8

    __hash__ = None  # type: ignore[assignment]  # it grows


# Finds stacks, chains of causes and aggregate errors in a logged text, as Node's `console.error(error)` prints them.
#
# What is not recognised stays text, line by line, as it came.
# Source: tests/wire/recordings/README.md §5; the documentation of Node's `util.inspect`, for forms that no recording
# has.


MAX_LINES: Final = 500
"""The lines of a text that are parsed, which takes some 5 ms at most. The others stay one block of text."""

NOT_PARSED: Final = Raw(f"plain text from here on: stacks are only found in the first {MAX_LINES} lines")

CACHED_TEXTS: Final = 4
"""Texts whose parts are remembered: those on a screen, of a log that grows every few seconds."""

MAX_DEPTH: Final = 20
"""Errors within errors. Deeper ones stay text."""

MAX_ERRORS: Final = 100
"""The errors of one aggregate error that are told apart."""

MAX_SEARCHED_CHARS: Final = 200_000
"""The part of a text in which a stack is looked for."""

MAX_FRAME_CHARS: Final = 4_000
"""The characters of a line that may be a frame."""

MAX_MESSAGE_LINES: Final = 50
"""The lines of a cause's message in front of its stack."""

_FRAME: Final = re.compile(r"[ \t]+at \S")
_PLACED: Final = re.compile(r"[ \t]+at \S.*(?:\)|:\d+)[ ,{]{0,3}$")
_STACK: Final = re.compile(r"\n[ \t]{1,200}at \S")
_OMITTED: Final = re.compile(r"[ \t]+\.\.\. ")
_CAUSE: Final = re.compile(r"([ \t]*)(?:\[cause\]|cause): (?=\S)")
_ERRORS: Final = re.compile(r"([ \t]*)\[errors\]: \[$")
_CLOSING: Final = re.compile(r"[ \t]*[\]})],?[ \t]*$")


@dataclass(frozen=True, slots=True)
class TextLines:
    """Consecutive lines without a meaning of their own."""

    lines: tuple[Raw, ...]


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of one stack. `text` are their lines as they came."""

    frames: tuple[StackFrame, ...]
    text: Raw


@dataclass(frozen=True, slots=True)
class InnerError:
    """An error within an error.

    * `kind`: a cause, or one of the errors of an aggregate error
    * `number`, `count`: which one of them, from 1 on
    * `head`: its first line, with name and message
    """

    kind: Literal["cause", "error"]
    number: int
    count: int
    head: Raw
    parts: "tuple[LoggedPart, ...]"


LoggedPart = TextLines | Frames | InnerError


@lru_cache(CACHED_TEXTS)
def parse_logged_text(text: Raw) -> tuple[LoggedPart, ...]:
    """Return the parts of a text in order. A short text without any stack is one `TextLines`."""
    lines = [line.rstrip("\r") for line in text.split("\n", MAX_LINES)]
    rest = [TextLines((NOT_PARSED, Raw(text))) for text in lines[MAX_LINES:] if text]
    return (*_Parser(lines[:MAX_LINES]).parts(0, len(lines[:MAX_LINES]), 0), *rest)


def has_stack(text: str) -> bool:
    """Return whether a text seems to have a stack, without parsing it."""
    return _STACK.search(text, 0, MAX_SEARCHED_CHARS) is not None


class _Parser:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def parts(self, at: int, end: int, depth: int) -> tuple[LoggedPart, ...]:
        found: list[LoggedPart] = []
        while at < end:
            some, at = self._parts_at(at, end, depth)
            found += some
        merged: list[LoggedPart] = []
        for _, group in groupby(found, key=type):
            parts = list(group)
            lines = [line for part in parts if isinstance(part, TextLines) for line in part.lines]
            merged += [TextLines(tuple(lines))] if lines else parts
        return tuple(merged)

    def _parts_at(self, at: int, end: int, depth: int) -> tuple[Sequence[LoggedPart], int]:
        """Return what stands at a line, and the line after it."""
        line = self._lines[at]
        if self._may_be_frame(line):
            after = self._frames_end(at, end)
            frames = self._frames(at, after)
            # Otherwise none of these lines begins a stack.
            return [frames or TextLines(tuple(map(Raw, self._lines[at:after])))], after
        if depth < MAX_DEPTH and (match := _CAUSE.match(line)) and (after := self._cause_end(at, end)):
            return [self._inner("cause", 1, 1, (at, after), match.end(), depth)], after
        if depth < MAX_DEPTH and _ERRORS.match(line) and (errors := self._errors(at, end, depth)):
            return errors
        return [TextLines((Raw(line),))], at + 1

    @staticmethod
    def _may_be_frame(line: str) -> bool:
        return len(line) <= MAX_FRAME_CHARS and _FRAME.match(line) is not None

    def _frames_end(self, at: int, end: int) -> int:
        """Return the line after a block of frames. `... 3 lines matching cause stack trace ...` belongs to it."""
        indent = _indent(self._lines[at])
        while at < end:
            line = self._lines[at]
            if _indent(line) != indent or not (self._may_be_frame(line) or _OMITTED.match(line)):
                break
            at += 1
        return at

    def _frames(self, at: int, end: int) -> Frames | None:
        """Return the frames of a block; None if none of them has a place, as in `at noon`."""
        lines = self._lines[at:end]
        frames = parse_stack(Raw("\n".join(map(_without_bracket, lines))))
        has_place = any(frame.file is not None or frame.text.endswith(")") for frame in frames)
        return Frames(frames, Raw("\n".join(lines))) if has_place else None

    def _cause_end(self, at: int, end: int) -> int:
        """Return the line after a cause, 0 if the line at `at` is another property with that name.

        It ends before the next line that is not indented deeper, but for further lines of its message, and includes
        the bracket that closes it.
        """
        line, indent = self._lines[at], _indent(self._lines[at])
        stack_at = next(
            (index for index in range(at + 1, min(at + MAX_MESSAGE_LINES, end)) if self._is_frame(index, indent)), None
        )
        if stack_at is None and not line.lstrip().startswith("["):
            return 0
        between = range(at + 1, stack_at or at + 1)
        if not any(self._is_property(index, indent) for index in between):
            at = between.stop - 1
        at += 1
        while at < end and (_indent(self._lines[at]) > indent or not self._lines[at].strip()):
            at += 1
        if at < end and _indent(self._lines[at]) == indent and _CLOSING.match(self._lines[at]):
            at += 1
        return at

    def _is_frame(self, index: int, indent: int) -> bool:
        line = self._lines[index]
        return len(line) <= MAX_FRAME_CHARS and _indent(line) > indent and _PLACED.match(line) is not None

    def _is_property(self, index: int, indent: int) -> bool:
        """Return whether a line belongs to the error around a cause: a bracket, or `name: value`."""
        line = self._lines[index]
        return _indent(line) <= indent and re.match(r"[ \t]*(?:[\]})]|[\w$\[\]']+: )", line) is not None

    def _list_end(self, at: int, end: int, indent: int) -> int:
        at += 1
        while at < end and not (_indent(self._lines[at]) <= indent and self._lines[at].strip()):
            at += 1
        return at + 1 if at < end and _CLOSING.match(self._lines[at]) else at

    def _errors(self, at: int, end: int, depth: int) -> tuple[list[LoggedPart], int] | None:
        """Return the errors of the list at a line, and the line after it; None if there are none.

        Each begins two cells further in than the list.
        """
        indent = _indent(self._lines[at])
        if at + 1 == end or _indent(self._lines[at + 1]) != indent + 2:
            return None
        after = self._list_end(at, end, indent)
        starts = [
            index
            for index in range(at + 1, after)
            if _indent(self._lines[index]) == indent + 2 and not _CLOSING.match(self._lines[index])
        ][:MAX_ERRORS]
        if not starts or starts[0] != at + 1:
            return None
        last = after - 1 if _CLOSING.match(self._lines[after - 1]) else after
        spans = zip(starts, [*starts[1:], last], strict=True)
        inner: list[LoggedPart] = [
            self._inner("error", number, len(starts), span, indent + 2, depth) for number, span in enumerate(spans, 1)
        ]
        return inner, after

    def _inner(
        self, kind: Literal["cause", "error"], number: int, count: int, span: tuple[int, int], head_at: int, depth: int
    ) -> InnerError:
        at, end = span
        head = _without_bracket(self._lines[at][head_at:])
        if end > at + 1 and _CLOSING.match(self._lines[end - 1]) and _indent(self._lines[end - 1]) < head_at + 2:
            end -= 1
        return InnerError(kind, number, count, Raw(head), self.parts(at + 1, end, depth + 1))


def _without_bracket(line: str) -> str:
    """Return a line without the bracket or the comma that Node writes after the last frame."""
    bare = line.rstrip(" \t")
    return bare[:-1].rstrip(" \t") if bare.endswith(("{", ",")) else line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


# The log lines of a run, in a compact form: a run may have 25,000 of them.
#
# Source: tests/wire/recordings/README.md §5 (recordings 1000, 1202, 1205).


MAX_LOG_LINES: Final = 100_000
"""The lines of one log that are kept, four times as many as the server sends."""

SORTED_TEXTS: Final = 2_500
"""Lines whose texts are brought into order at once, which takes two milliseconds."""

MAX_SAME_TIME: Final = 1_000
"""Lines of one time among which a known line is looked for: more of them would hold up a key."""

UNKNOWN: Final = -1
"""Stands for an unknown time or attempt in the arrays of a log."""

UNKNOWN_WORD: Final = Raw("")
"""The word of a line whose level the server did not send."""

UNKNOWN_SPAN: Final = SpanId("")
"""The id of a line without one."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_US: Final = 1_000


class LogLevel(IntEnum):
    """The levels in the order of their weight."""

    DEBUG = 0
    INFO = 1
    WARN = 2
    ERROR = 3


_LEVELS: Final = {
    "DEBUG": LogLevel.DEBUG,
    "WARN": LogLevel.WARN,
    "WARNING": LogLevel.WARN,
    "ERROR": LogLevel.ERROR,
    "FATAL": LogLevel.ERROR,
}


def level_of(word: str) -> LogLevel:
    """Return the level that the server's word counts as. LOG and every unknown word count as INFO."""
    return _LEVELS.get(word.upper(), LogLevel.INFO)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a log.

    * `span_id`: empty if the server sent none
    * `at`: None if the server sent a time that cannot be read
    * `time_ns`: the same in nanoseconds since 1970, `UNKNOWN` for None
    * `word`: the level as the server wrote it
    * `message`: empty too if the server sent none, which `has_message` tells apart
    * `attributes`: the attributes as JSON text, if they came with the line; the span of the line has them otherwise
    """

    span_id: SpanId
    at: datetime | None
    time_ns: int
    attempt: int | None
    word: Raw
    message: Raw
    attributes: str | None = None
    has_message: bool = True

    @property
    def level(self) -> LogLevel:
        """The level that the line counts as."""
        return level_of(self.word)


_lines_of = attrgetter(
    "times_ns", "messages", "attempts", "word_indices", "words", "span_ids", "attributes", "without_message"
)


def _known_ns(before_ns: int, time_ns: int) -> int:
    return before_ns if time_ns == UNKNOWN else time_ns


def _numbers() -> "array[int]":
    return array("q")


@dataclass(slots=True, eq=False)
class RunLog:
    """The log of one run. The decoder adds the lines in the server's order and sorts them; then it does not change.

    * `words`: the level words that occur, numbered; `word_indices` has the number of each line's word
    * `without_message`: the indices of the lines that came without a message
    * `started_at`: the begin of the first attempt, if the answer had it
    * `is_cut`: the answer may have reached the server's maximum of rows, so that later lines are missing
    * `digest`: differs for answers that differ
    """

    started_at: datetime | None = None
    is_cut: bool = False
    digest: bytes = b""
    times_ns: "array[int]" = field(default_factory=_numbers, repr=False)
    attempts: "array[int]" = field(default_factory=_numbers, repr=False)
    word_indices: bytearray = field(default_factory=bytearray, repr=False)
    words: dict[Raw, int] = field(default_factory=dict, repr=False)
    messages: Texts = field(default_factory=Texts, repr=False)
    span_ids: Texts = field(default_factory=Texts, repr=False)
    attributes: dict[int, str] = field(default_factory=dict, repr=False)
    without_message: set[int] = field(default_factory=set, repr=False)

    def add(
        self,
        span_id: SpanId = UNKNOWN_SPAN,
        time_ns: int = UNKNOWN,
        attempt: int | None = None,
        word: Raw = UNKNOWN_WORD,
        message: Raw | None = None,
        attributes: str | None = None,
    ) -> bool:
        """Add a line, and return False if there are MAX_LOG_LINES already."""
        if len(self) >= MAX_LOG_LINES:
            return False
        if attributes is not None:
            self.attributes[len(self)] = attributes
        if message is None:
            self.without_message.add(len(self))
        self.times_ns.append(time_ns)
        self.attempts.append(UNKNOWN if attempt is None else attempt)
        if word not in self.words and len(self.words) >= MAX_WORDS:
            level = Raw(word.upper())
            word = level if level in _LEVELS else UNKNOWN_WORD
        self.word_indices.append(self.words.setdefault(word, len(self.words)))
        self.messages.append(message or "")
        self.span_ids.append(span_id)
        return True

    def sort_slices(self) -> Iterator[None]:
        """Bring the lines into order of time; lines of one time stay in the server's order.

        A line without a time stays after the line before it. Yields between steps of a few milliseconds, if the
        server's order is another one.
        """
        keys = array("q", accumulate(self.times_ns, _known_ns))
        if all(map(le, keys, islice(keys, 1, None))):
            return
        yield
        order = sorted(range(len(keys)), key=keys.__getitem__)
        yield
        self.times_ns, self.attempts = (
            array("q", map(values.__getitem__, order)) for values in (self.times_ns, self.attempts)
        )
        yield
        messages, span_ids = Texts(), Texts()
        for start in range(0, len(order), SORTED_TEXTS):
            messages.take(self.messages, order[start : start + SORTED_TEXTS])
            span_ids.take(self.span_ids, order[start : start + SORTED_TEXTS])
            yield
        self.messages, self.span_ids = messages, span_ids
        self.word_indices = bytearray(map(self.word_indices.__getitem__, order))
        if self.attributes:
            self.attributes = {new: self.attributes[old] for new, old in enumerate(order) if old in self.attributes}
        if self.without_message:
            self.without_message = {new for new, old in enumerate(order) if old in self.without_message}

    def __len__(self) -> int:
        return len(self.messages)

    def __iter__(self) -> Iterator[LogLine]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> LogLine:
        time_ns, attempt = self.times_ns[index], self.attempts[index]
        return LogLine(
            SpanId(self.span_ids[index]),
            _time(time_ns),
            time_ns,
            None if attempt == UNKNOWN else attempt,
            tuple(self.words)[self.word_indices[index]],
            self.messages[index],
            self.attributes.get(index),
            index not in self.without_message,
        )

    def levels(self) -> bytes:
        """Return the level of each line as one byte."""
        return bytes(self.word_indices.translate(bytes(map(level_of, self.words)).ljust(256)))

    @property
    def max_attempt(self) -> int:
        """The greatest number of an attempt, 0 without any."""
        return max(self.attempts, default=0)

    @property
    def last_at(self) -> datetime | None:
        """The time of the last line."""
        return _time(self.times_ns[-1]) if self.times_ns else None

    def has_same_lines(self, other: "RunLog") -> bool:
        """Return whether both logs consist of the same lines."""
        return bool(_lines_of(self) == _lines_of(other))

    def index_in(self, other: "RunLog", index: int) -> int | None:
        """Return where the line at `index` stands in a later answer about the same run, or None."""
        if index < len(other) and self._is_same(other, index, index):
            return index  # most often all new lines are behind the known ones
        time_ns, place = self.times_ns[index], -1
        for _ in range(MAX_SAME_TIME):
            try:
                place = other.times_ns.index(time_ns, place + 1)
            except ValueError:
                break
            if self._is_same(other, index, place):
                return place
        return None

    def _is_same(self, other: "RunLog", index: int, other_index: int) -> bool:
        return (
            self.times_ns[index] == other.times_ns[other_index]
            and self.messages[index] == other.messages[other_index]
            and self.span_ids[index] == other.span_ids[other_index]
        )


MAX_WORDS: Final = 240
"""Different words for levels in one log; later ones that are no known level are unknown. An index is one byte."""


def _time(time_ns: int) -> datetime | None:
    return None if time_ns == UNKNOWN else _EPOCH + timedelta(microseconds=time_ns // _NS_PER_US)
