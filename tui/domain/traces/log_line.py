"""The log lines of a run, in a compact form: a run may have 25,000 of them.

Source: tests/wire/recordings/README.md §5 (recordings 1000, 1202, 1205).
"""

from array import array
from collections.abc import Iterator
from dataclasses import field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

from tui.domain.ids import SpanId
from tui.domain.text import Raw
from tui.domain.traces.span_ids import SpanIds
from tui.domain.traces.texts import Texts
from tui.lazy_dataclass import dataclass

MAX_LOG_LINES: Final = 100_000
"""The lines of one log that are kept, four times as many as the server sends."""

SORTED_TEXTS: Final = 5_000
"""Messages that are brought into order at once, which takes two milliseconds."""

MAX_SAME_TIME: Final = 1_000
"""Lines of one time among which a known line is looked for: more of them would hold up a key."""

UNKNOWN: Final = -1
"""Stands for an unknown time or attempt in the arrays of a log."""

UNKNOWN_WORD: Final = Raw("")
"""The word of a line whose level the server did not send."""

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


@dataclass(slots=True, eq=False)
class RunLog:
    """The log of one run, in order of time. `LogBuilder` makes it, and nothing changes it afterwards.

    * `words`: the level words that occur; `word_indices` has the index of each line's word
    * `without_message`: the indices of the lines that came without a message
    * `started_at`: the begin of the first attempt, if the answer had it
    * `is_cut`: the answer may have reached the server's maximum of rows, so that later lines are missing
    * `digest`: differs for answers that differ
    """

    times_ns: "array[int]" = field(repr=False)
    attempts: "array[int]" = field(repr=False)
    word_indices: bytes = field(repr=False)
    words: tuple[Raw, ...] = field(repr=False)
    messages: Texts = field(repr=False)
    span_ids: SpanIds = field(repr=False)
    attributes: dict[int, str] = field(repr=False)
    without_message: frozenset[int] = field(default=frozenset(), repr=False)
    started_at: datetime | None = None
    is_cut: bool = False
    digest: bytes = b""

    def __len__(self) -> int:
        return len(self.messages)

    def __iter__(self) -> Iterator[LogLine]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> LogLine:
        time_ns, attempt = self.times_ns[index], self.attempts[index]
        return LogLine(
            self.span_ids[index],
            _time(time_ns),
            time_ns,
            None if attempt == UNKNOWN else attempt,
            self.words[self.word_indices[index]],
            self.messages[index],
            self.attributes.get(index),
            index not in self.without_message,
        )

    def levels(self) -> bytes:
        """Return the level of each line as one byte."""
        table = bytes(level_of(self.words[index]) if index < len(self.words) else 0 for index in range(256))
        return self.word_indices.translate(table)

    @property
    def max_attempt(self) -> int:
        """The greatest number of an attempt, 0 without any."""
        return max(self.attempts, default=0) if self.attempts else 0

    @property
    def last_at(self) -> datetime | None:
        """The time of the last line."""
        return _time(self.times_ns[-1]) if self.times_ns else None

    def has_same_lines(self, other: "RunLog") -> bool:
        """Return whether both logs consist of the same lines."""
        return (
            self.times_ns == other.times_ns
            and self.messages == other.messages
            and self.attempts == other.attempts
            and self.word_indices == other.word_indices
            and self.words == other.words
            and self.span_ids == other.span_ids
            and self.attributes == other.attributes
            and self.without_message == other.without_message
        )

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


class LogBuilder:
    """Collects the lines of one answer, in the server's order."""

    def __init__(self) -> None:
        self._times_ns = array("q")
        self._sort_ns = array("q")
        self._attempts = array("q")
        self._indices = bytearray()
        self._words: dict[Raw, int] = {}
        self._messages = Texts()
        self._span_ids = SpanIds()
        self._is_in_order = True
        self._attributes: dict[int, str] = {}
        self._without_message = set[int]()

    def add(
        self,
        span_id: SpanId,
        time_ns: int,
        attempt: int | None,
        word: Raw,
        message: Raw | None,
        attributes: str | None = None,
    ) -> bool:
        """Add a line, and return False if there are MAX_LOG_LINES already.

        A line whose `time_ns` is `UNKNOWN` stays behind the line before it.
        """
        if len(self._messages) >= MAX_LOG_LINES:
            return False
        if attributes is not None:
            self._attributes[len(self._messages)] = attributes
        self._times_ns.append(time_ns)
        before_ns = self._sort_ns[-1] if self._sort_ns else UNKNOWN
        self._sort_ns.append(before_ns if time_ns == UNKNOWN else time_ns)
        self._is_in_order = self._is_in_order and self._sort_ns[-1] >= before_ns
        self._attempts.append(UNKNOWN if attempt is None else attempt)
        self._indices.append(self._index_of(word))
        if message is None:
            self._without_message.add(len(self._messages))
        self._messages.append(message or "")
        self._span_ids.append(span_id)
        return True

    def _index_of(self, word: Raw) -> int:
        """Return the index of a level word. After MAX_WORDS words, one that is no known level becomes unknown."""
        index = self._words.get(word)
        if index is not None:
            return index
        if len(self._words) >= MAX_WORDS:
            level = Raw(word.upper())
            word = level if level in _LEVELS else UNKNOWN_WORD
        return self._words.setdefault(word, len(self._words))

    def sort_slices(self) -> Iterator[None]:
        """Bring the lines into order of time; lines of one time stay in the server's order.

        Yields between steps of a few milliseconds, if the server's order is another one.
        """
        if self._is_in_order:
            return
        order = sorted(range(len(self._sort_ns)), key=self._sort_ns.__getitem__)
        yield
        self._span_ids = self._span_ids.permuted(order)
        yield
        self._times_ns, self._sort_ns, self._attempts = (
            array("q", map(values.__getitem__, order)) for values in (self._times_ns, self._sort_ns, self._attempts)
        )
        yield
        messages = Texts()
        for start in range(0, len(order), SORTED_TEXTS):
            messages.take(self._messages, order[start : start + SORTED_TEXTS])
            yield
        self._messages = messages
        self._indices = bytearray(map(self._indices.__getitem__, order))
        if self._attributes:
            moved = {new: self._attributes[old] for new, old in enumerate(order) if old in self._attributes}
            self._attributes = moved
        if self._without_message:
            self._without_message = {new for new, old in enumerate(order) if old in self._without_message}
        self._is_in_order = True

    def build(self, *, started_at: datetime | None = None, is_cut: bool = False, digest: bytes = b"") -> RunLog:
        """Return the log in order of time."""
        for _ in self.sort_slices():
            pass
        return RunLog(
            self._times_ns,
            self._attempts,
            bytes(self._indices),
            tuple(self._words),
            self._messages,
            self._span_ids,
            self._attributes,
            frozenset(self._without_message),
            started_at,
            is_cut,
            digest,
        )


MAX_WORDS: Final = 240
"""Different words for levels in one log, besides those that `level_of` knows. An index into them is one byte."""


def _time(time_ns: int) -> datetime | None:
    return None if time_ns == UNKNOWN else _EPOCH + timedelta(microseconds=time_ns // _NS_PER_US)
