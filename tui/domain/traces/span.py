"""The trace of a run as a tree of spans, and compact stores of ids and texts."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from datetime import datetime, timedelta

from tui.domain.errors.error import RunError
from tui.domain.ids import RunId, SpanId, TraceId
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

# Many texts in one block of memory. The system gets such a block back; single strings would leave holes behind.


_ENCODING = "utf-8", "surrogatepass"


class Texts(Sequence[Raw]):
    """Texts as UTF-8, one behind the other. Each access makes the string again."""

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


# The trace of a run as a tree of spans.
#
# `domain.traces.attempts` and `domain.tree` interpret it.
# Source: tests/wire/recordings/README.md §5.


@dataclass(frozen=True, slots=True)
class Span:
    """One span or log line of a trace.

    * `message`: the name of the span. A run's root span has the task id, an attempt has `Attempt 2`.
    * `is_partial`: the span is still open. `duration` is zero until it ends.
    * `duration`: None if the server sent none that can be read
    * `level`: TRACE for spans, DEBUG for internals of the engine and for debug lines, otherwise a log level.
    * `exception`: the last event named `exception`.
    * `attempt_number`: set on attempts and all spans below them.
    * `wait_subject`: what a wait span waits for: the token, the duration or the task. The dashboard shows it beside the
      span's name. Only `/events` returns it.
    """

    id: SpanId
    run_id: RunId
    message: Raw
    started_at: datetime
    duration: timedelta | None = None
    level: str = "TRACE"
    is_error: bool = False
    is_partial: bool = False
    is_cancelled: bool = False
    attempt_number: int | None = None
    exception: RunError | None = None
    children: tuple["Span", ...] = field(default=(), repr=False)
    wait_subject: Raw | None = None

    @property
    def ended_at(self) -> datetime | None:
        """The end of the span, or None while it is open or if it is not known."""
        return None if self.is_partial or self.duration is None else self.started_at + self.duration

    def walk(self) -> Iterator["Span"]:
        """Yield this span and all spans below it, parents first, in the server's order; never recursive."""
        pending = [self]
        while pending:
            span = pending.pop()
            yield span
            pending.extend(reversed(span.children))


@dataclass(frozen=True, slots=True)
class Trace:
    """The response of `/trace`. `root` is the root span of the requested run.

    * `is_truncated`: the server left out all rows after the first 5,000
    * `received`: the number of spans that came, with the unreadable ones
    * `unreadable`: the number of spans that are not in the tree, because they have no id, name or time
    """

    id: TraceId
    root: Span
    is_truncated: bool = False
    received: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Events:
    """The response of `/events`, reduced to the spans that attempts need. `root` is the run's root span, if it came.

    `may_be_cut`: the response may have reached the server's maximum number of rows, so that later events are missing.
    """

    root: Span | None
    may_be_cut: bool = False


def span_of_run(trace: Trace, run_id: RunId) -> Span | None:
    """Return the root span of a run, in its own trace or in the trace of an ancestor; None if the trace lacks it.

    All other spans of the run are below it, so that it comes first in `walk`.
    """
    return next((span for span in trace.root.walk() if span.run_id == run_id), None)


@dataclass(frozen=True, slots=True)
class SpanDetail:
    """The detail of one span, with the fields that `/trace` leaves out.

    On a run's root span, `error` has the real message of a crash. `properties` are the attributes of a log line.
    Source: tests/wire/recordings/README.md §5.
    """

    error: RunError | None = None
    properties: dict[str, Json] = field(default_factory=dict)
