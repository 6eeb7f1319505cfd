"""The parts of a page of text: labelled rows, prose, Markdown, sparklines, names of keys, and the time of drawing."""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.domain.filters import RunFilters
from tui.domain.run import RunId
from tui.domain.text import Raw, clean
from tui.lazy_dataclass import dataclass
from tui.text import formatting
from tui.text.formatting import LOADING, NOT_READ
from tui.text.styled import Line, Piece, Token, cut, fold, line_width, pad, wrap

if TYPE_CHECKING:
    from tui.store.freshness import Minute

# The blocks of a page of text: labelled rows, indented rows, and prose that is cut when it is very long.


INDENT: Final = 3


_MINUTE: Final = timedelta(minutes=1)


class Now(NamedTuple):
    """The time of drawing.

    * `frozen_at`: the moment at which running durations stopped, while data is stale or paused
    * `in_minutes`: ages and running durations are in whole minutes, so that a slow link is not used every second
    """

    at: datetime
    frozen_at: datetime | None = None
    in_minutes: bool = False

    @property
    def until(self) -> datetime:
        """The moment up to which running durations count."""
        return self.frozen_at or self.at

    def age(self, at: datetime | None) -> str:
        """Return the time since a moment, in one unit."""
        return formatting.age(at, self.at, in_minutes=self.in_minutes)

    def ago(self, at: datetime) -> str:
        """Return the time since a moment, for a sentence: `4s ago`."""
        return f"{self.age(at)} ago"

    def duration(self, value: timedelta | None, *, is_running: bool = True) -> str:
        """Return a duration; a running one stands still while the data is stale or paused."""
        is_frozen = is_running and self.frozen_at is not None
        return formatting.duration(value, frozen=is_frozen, in_minutes=is_running and self.in_minutes)

    def drawn(self, value: timedelta) -> timedelta:
        """Return a running duration as bars show it: `in_minutes` it doubles up to a minute, then grows by minutes."""
        if not self.in_minutes:
            return value
        if value >= _MINUTE:
            return value // _MINUTE * _MINUTE
        seconds = max(value, timedelta()) // timedelta(seconds=1)
        return timedelta(seconds=1 << seconds.bit_length() >> 1)


LABEL: Final = 10
_REMARK_AT: Final = 15  # Cells after the label, so that remarks line up.
_GAP: Final = 2
WHOLE: Final = "--json prints the whole"


def labelled(label: str, parts: Iterable[Line], limit: int, *, remark: str = "") -> list[Line]:
    """Return `label part part remark` in lines of at most `limit` cells. Parts that do not fit go on the next line."""
    room = max(limit - LABEL, LABEL)
    rows = _flowed([part for part in parts if part], room)
    if remark:
        start = max(_REMARK_AT, line_width(rows[-1]) + _GAP)
        note = Piece(remark, Token.FAINT)
        if start + line_width((note,)) <= room:
            rows[-1] = (*pad(rows[-1], start), note)
        else:
            rows += fold((note,), room)
    head = pad((Piece(label, Token.FAINT),), LABEL)
    return [(*head, *rows[0]), *indented(rows[1:], LABEL)]


def indented(lines: Iterable[Line], cells: int) -> list[Line]:
    """Return the lines, moved to the right by `cells`."""
    return [(Piece(" " * cells), *line) for line in lines]


def beside(head: Line, text: Raw | str, token: Token, width: int) -> list[Line]:
    """Put a text to the right of its head, and wrap it there at `width` cells."""
    cells = line_width(head)
    first, *others = wrap(text, width - cells)
    return [(*head, Piece(first, token)), *indented([(Piece(row, token),) for row in others], cells)]


def _flowed(parts: Sequence[Line], room: int) -> list[Line]:
    rows: list[Line] = []
    for part in parts:
        if rows and line_width(rows[-1]) + _GAP + line_width(part) <= room:
            rows[-1] = (*rows[-1], Piece(" " * _GAP), *part)
        else:
            rows += fold(part, room)
    return rows or [()]


# Draws the number of runs of each minute as a bar of one cell, for the header. The store counts them.
#
# A cell has only two colours, so a bar with a rose foot cannot leave the top of its cell empty. A bar with a few
# failures therefore fills its cell: the lowest eighth is rose, and a stronger or fainter grey above it says how tall
# the bar is.


_BARS: Final = " ▁▂▃▄▅▆▇█"
_EIGHTHS: Final = len(_BARS) - 1
_FOOT: Final = _BARS[1]
_FAILED: Final = "✗"

_MIN_TALL_EIGHTHS: Final = 6


def spark(minutes: "Sequence[Minute]", *, by_shape: bool = False) -> Line:
    """Draw a bar for each minute, scaled to the highest. A minute without runs is blank.

    A bar is grey, has a rose foot if some of its runs failed, and is all rose if more than half of them failed.
    `by_shape` is for screens without colours: a minute with failures is `✗`, in bold if more than half failed.
    """
    highest = max((minute.run_count for minute in minutes), default=0)
    return tuple(_bar(minute, highest, by_shape=by_shape) for minute in minutes)


def _bar(minute: "Minute", highest: int, *, by_shape: bool) -> Piece:
    # In eighths, rounded up so that even a single run is visible.
    height = -(-minute.run_count * _EIGHTHS // highest) if highest else 0
    has_mostly_failed = minute.failed_count * 2 > minute.run_count
    if not minute.failed_count:
        return Piece(_BARS[height], Token.SPARK)
    if by_shape:
        return Piece(_FAILED, Token.ROSE, is_bold=has_mostly_failed)
    if has_mostly_failed:
        return Piece(_BARS[height], Token.ROSE)
    return Piece(_FOOT, Token.TALL_FOOT if height >= _MIN_TALL_EIGHTHS else Token.LOW_FOOT)


# How far the read of what a pane shows has got, and what stands in the place of a value meanwhile.


SHOW_READING_AFTER: Final = timedelta(seconds=0.5)
"""A read that takes longer is shown at the next second."""


class ReadStage(Enum):
    """Most reads take less than half a second: words about them would only flicker behind the cursor of the list."""

    DUE = auto()
    """Nothing was answered yet, and it is too early to say so: the place of a value is empty."""
    LATE = auto()
    """A read takes so long that the user should know."""
    DONE = auto()
    """It was answered, or it failed."""

    @property
    def words(self) -> str:
        """The words in place of a value that was not read."""
        return {ReadStage.DUE: "", ReadStage.LATE: LOADING}.get(self, NOT_READ)


# The keys that sentences name: `r tries again`. They are the user's own where there are some.
#
# What the keys are is known to the app, and said deep inside of sentences. So they stand in a context, like a language:
# each app has its own, and a command without an app has those of the program.


def need_connection(keys: Iterable[str]) -> str:
    """Return `C and R need a connection`."""
    return f"{' and '.join(keys)} need a connection"


_OWN: Final[ContextVar[Mapping[str, tuple[str, ...]]]] = ContextVar("own keys", default={})  # noqa: B039  never changed


def use_own_keys(labels: Mapping[str, tuple[str, ...]]) -> None:
    """Use the labels of the user's own keys by the ids of bindings, in this context. The mapping may change later."""
    _OWN.set(labels)


def keys_of(binding: str, *default: str) -> tuple[str, ...]:
    """Return the labels of the keys of a binding; `default` if the user has not changed them."""
    return _OWN.get().get(binding, default)


def key_of(binding: str, default: str) -> str:
    """Return the label of the first key of a binding; empty if the user has taken its keys away."""
    return next(iter(keys_of(binding, default)), "")


def with_key(binding: str, default: str, sentence: str) -> str:
    """Return a sentence with a key in the place of `{}`; nothing if the binding has no key."""
    key = key_of(binding, default)
    return sentence.format(key) if key else ""


def tries_again(what: str = "tries again") -> str:
    """Return ` r tries again.`, to follow a sentence."""
    return with_key("refresh", "r", f" {{}} {what}.")


def selecting_keys() -> str:
    """Return the keys that select a run in the list: `j or ↓`."""
    return " or ".join(keys_of("down", "j", "↓")[:2]) or "Enter"


def no_run_selected() -> str:
    """Return that no run is selected, and the key that selects one."""
    return f"no run is selected: {selecting_keys()} selects one"


# The rows of a page, and the actions of Enter on a row. The pane that shows the page carries them out.


@dataclass(frozen=True, slots=True)
class GoToRun:
    """Go to another run."""

    run_id: RunId


@dataclass(frozen=True, slots=True)
class ListRuns:
    """List the runs that a filter matches. `name` says of what, where the filter does not.

    `queue` is the stored name of the queue in the filter: rows of a list do not contain their queue. `filters` are the
    server's. `is_searched`: the runs may be older than those of the list, whose last line then searches them at Enter.
    `cursor` is the run to begin with.
    """

    filter_text: str
    name: Raw = Raw("")
    queue: str = ""
    filters: RunFilters = field(default_factory=RunFilters)
    is_searched: bool = False
    cursor: RunId | None = None


@dataclass(frozen=True, slots=True)
class ToggleFold:
    """Fold or unfold the group or value with this key."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class ShowWhole:
    """Show all of a text or value that is cut here."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class FetchValue:
    """Fetch a value that the server stores apart."""

    label: str


@dataclass(frozen=True, slots=True)
class ShowAttempt:
    """Show another attempt of the run."""

    number: int


class Row(NamedTuple):
    """A line of a page.

    `key` identifies the row when the page is rebuilt, so that the cursor stays on it. `action` is the value of the
    `Entered` message when the user presses Enter. `is_current` marks the current item while the cursor is elsewhere.
    `more` are further lines of a row that wraps.
    """

    line: Line
    key: Hashable = None
    action: object = None
    is_current: bool = False
    more: tuple[Line, ...] = ()


def enter_hint(text: str = "shows all of it") -> Line:
    """Return `Enter` and what it does on a row."""
    return (Piece("Enter", Token.MUTED), Piece(f" {text}", Token.FAINT))


class Said(NamedTuple):
    """A sentence about a thing: its label, the part that answers, and a faint remark with other known facts."""

    label: str
    answer: Line
    remark: Line = ()


_MAX_SAID_ROWS: Final = 3
"""Rows of one value or sentence: it may be long."""


def said_rows(said: Said, limit: int) -> list[Row]:
    """Return `label     answer  remark` in rows of at most `limit` cells. A remark that does not fit follows below."""
    label, answer, remark = said
    room = max(limit - LABEL, LABEL)
    parts = [answer, remark] if remark else [answer]
    if remark and line_width(answer) + _GAP + line_width(remark) <= room:
        parts = [(*answer, Piece(" " * _GAP), *remark)]
    lines = [line for part in parts for line in few_rows(part, room)]
    head = pad((Piece(label, Token.FAINT),), LABEL)
    return [
        Row((*(head if not index else (Piece(" " * LABEL),)), *line), (label, index))
        for index, line in enumerate(lines)
    ]


def few_rows(line: Line, room: int) -> list[Line]:
    """Fold a line into a few rows. The last one is cut."""
    rows = fold(line, room)
    if len(rows) <= _MAX_SAID_ROWS:
        return rows
    return [*rows[: _MAX_SAID_ROWS - 1], cut((*rows[_MAX_SAID_ROWS - 1], Piece("  ")), room)]


def spaced(blocks: Iterable[Sequence[Row]]) -> list[Row]:
    """Return the rows of all blocks, with an empty one above each."""
    return [row for block in blocks if block for row in (Row((), ("above", block[0].key)), *block)]


# Puts outside text into Markdown, so that it stays text: in a code span, or in a fenced block.
#
# Inside of both, Markdown and HTML mean nothing. A fence that is longer than every row of backticks in the text cannot
# be closed by it (CommonMark 0.31.2, sections 4.5 and 6.1).


_BACKTICKS = re.compile("`+")
_MIN_FENCE = 3


def code_span(text: Raw | str) -> str:
    """Return a text as inline code on one line. Line breaks become symbols, as everywhere; an empty text is `""`."""
    shown = clean(text) or '""'
    fence = "`" * (_longest_row(shown) + 1)
    # One space at each end is dropped when the Markdown is read, so that the text may begin or end with a backtick.
    needs_spaces = "`" in (shown[0], shown[-1]) or (shown[0] == shown[-1] == " " and shown.strip(" ") != "")
    edge = " " if needs_spaces else ""
    return f"{fence}{edge}{shown}{edge}{fence}"


def code_block(text: Raw | str, language: str = "text") -> list[str]:
    """Return a text as the lines of a fenced block."""
    shown = clean(text.replace("\r\n", "\n"), lines=True).rstrip("\n")
    fence = "`" * max(_MIN_FENCE, _longest_row(shown) + 1)
    return [f"{fence}{language}", *(line.rstrip(" ") for line in shown.split("\n")), fence]


def _longest_row(text: str) -> int:
    return max((len(row) for row in _BACKTICKS.findall(text)), default=0)
