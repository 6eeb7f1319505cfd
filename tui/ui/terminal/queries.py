"""The only sender of queries to the terminal: matches its answers, and recognises answers that were lost.

Terminals answer in the order of the queries, and answers have no id. An answer therefore counts for the oldest open
query of its kind, and never for another kind. Only a report of the cursor names the place that was asked for. All
terminals and multiplexers answer the status (DSR 5) and the cursor (DSR 6) in one place: an answer to the later query
shows that the answer to the earlier one was lost. The version and the mode may be answered by a terminal around a
multiplexer, and so come late.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from itertools import cycle
from typing import Final, NamedTuple

from tui.lazy_dataclass import dataclass
from tui.terminal.moves import Place
from tui.ui.input.type_ahead import CURSOR_REQUEST
from tui.ui.terminal.modes import DRIVER_VARIABLE, PLAIN_DRIVER

FIRST_ANSWER_TIMEOUT_S: Final = 1.0
"""At exit, the longest wait for a terminal that has never answered: it may not answer at all."""

MIN_ANSWER_TIMEOUT_S: Final = 1.0
MAX_ANSWER_TIMEOUT_S: Final = 3.0
ROUND_TRIPS_WAITED: Final = 3
"""At exit, the wait for a terminal that has answered before, in round trips like its last one, within bounds."""

LOST_AFTER_S: Final = 4.0
"""An answer that has not come this long after its query, or after a later query was answered, is lost."""

MAX_AWAITED_S: Final = 30.0
"""An answer that is later than this comes from a link on which nobody waits for it."""

MAX_OPEN: Final = 64
"""Open queries that are remembered. Only a terminal that never answers gets so many."""

NAMED_TERMS: Final = (
    "xterm",
    "kitty",
    "foot",
    "wezterm",
    "ghostty",
    "alacritty",
    "tmux",
    "konsole",
    "contour",
    "mintty",
)
"""Beginnings of TERM of terminals that are asked for their version. Old consoles would print the query."""


class Query(Enum):
    """What a terminal is asked."""

    CURSOR = CURSOR_REQUEST
    """The cursor's position, for the type-ahead guard alone."""
    STATUS = "\x1b[5n"
    """Whether the terminal is well. Sent behind a frame, its answer shows that the frame has arrived."""
    SYNC_MODE = "\x1b[?2026$p"
    """Whether it knows synchronized updates."""
    VERSION = "\x1b[>0q"
    """Its name and version."""


_ORDERED: Final = frozenset({Query.CURSOR, Query.STATUS})


def first_queries(environ: Mapping[str, str]) -> tuple[Query, ...]:
    """Return what a terminal is asked at the start. The status comes last, so that its answer ends the others."""
    is_apple = environ.get("TERM_PROGRAM") == "Apple_Terminal"  # prints a `p` for the mode
    sync = () if is_apple else (Query.SYNC_MODE,)
    if environ.get(DRIVER_VARIABLE) == PLAIN_DRIVER:
        return sync
    is_named = not is_apple and environ.get("TERM", "").startswith(NAMED_TERMS)
    return (*sync, *((Query.VERSION,) if is_named else ()), Query.STATUS)


_STATUS_ROW: Final = 9
_STATUS_COLUMNS: Final = range(19, 59)
"""Where the cursor is asked for instead of the status, one column after the other: no dialog asks there."""


class Answer(NamedTuple):
    """An answer to an open query. `asked_s` is None for a report of a place that was not asked for."""

    kind: Query
    at_s: float
    asked_s: float | None


@dataclass(slots=True, eq=False)
class _OpenQuery:
    kind: Query
    asked_s: float
    place: Place | None = None
    """Where the cursor is when it is asked for."""
    lost_s: float | None = None
    """When a later query was answered."""


def at_place(place: Place) -> str:
    """Return the text that moves the cursor to a place, wherever it is."""
    return f"\x1b[{place[0] + 1};{place[1] + 1}H"


class TerminalQueries:
    """The queries of one terminal. The drawing thread asks and waits, the reading thread records answers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: list[_OpenQuery] = []
        self._first_asked_s: float | None = None
        self._answered: set[Query] = set()
        self._last_round_trip_s = 0.0
        self._columns = cycle(_STATUS_COLUMNS)
        self._has_status_places = True
        self._is_place_answered: bool | None = None
        """Whether such a query by place was ever answered. None: not yet; False: a later query was answered instead."""
        self._changed = threading.Condition()

    def ask(self, *kinds: Query, place: Place | None = None) -> str:
        """Open queries and return their text. Call it before the text is written: answers come in another thread.

        `place` is where the cursor is then.
        """
        if not kinds:
            return ""
        with self._changed:
            now_s = self._clock()
            self._drop_lost(now_s)
            if self._first_asked_s is None:
                self._first_asked_s = now_s
            self._open += [_OpenQuery(kind, now_s, place if kind is Query.CURSOR else None) for kind in kinds]
            del self._open[:-MAX_OPEN]
        return "".join(kind.value for kind in kinds)

    def resize(self, columns: int, lines: int) -> None:
        """Record the terminal's size."""
        self._has_status_places = columns >= _STATUS_COLUMNS.stop and lines > _STATUS_ROW

    def ask_by_place(self) -> str:
        """Open a status query whose answer names it, because it asks for the cursor at a place of its own.

        Its answer shows which answers were lost. The text is longer, and moves the cursor. A terminal too small for
        these places would answer with others, so it is asked for the status. So is one that has never named a place
        and owes an answer: some report where the cursor is once they have read everything.
        """
        is_unanswered = self._is_place_answered is None and any(each.place for each in self._of(Query.STATUS))
        if not self._has_status_places or self._is_place_answered is False or is_unanswered:
            return self.ask(Query.STATUS)
        with self._changed:
            place = (_STATUS_ROW, next(self._columns))
            self._open.append(_OpenQuery(Query.STATUS, self._clock(), place))
            del self._open[:-MAX_OPEN]
        return f"{at_place(place)}{Query.CURSOR.value}"

    def withdraw(self, *kinds: Query) -> None:
        """Forget the queries that were opened last, because their text was not sent."""
        with self._changed:
            for kind in kinds:
                self._open.remove([*self._of(kind)][-1])
            self._changed.notify_all()

    def record(self, kind: Query, place: Place | None = None) -> Answer | None:
        """Record an answer, or a report of the cursor at a place. Return None if nothing was asked.

        A report of another place than was asked for closes no query: it may be for another program.
        """
        with self._changed:
            now_s = self._clock()
            self._drop_lost(now_s)
            if kind is Query.CURSOR:
                of_kinds = _ORDERED if place is not None else {kind}
                answered = next((each for each in self._open if each.place == place and each.kind in of_kinds), None)
            else:
                answered = next((each for each in self._of(kind) if each.place is None), None)
            # Of a late answer about the status, the query is no longer open. It is none for the guard.
            is_status = place is not None and place[0] == _STATUS_ROW and place[1] in _STATUS_COLUMNS
            self._is_place_answered = True if is_status else self._is_place_answered
            if answered is None:
                is_asked = kind is Query.CURSOR and not is_status and any(self._of(kind))
                return Answer(kind, now_s, None) if is_asked else None
            self._answered.add(answered.kind)
            self._close(answered, now_s)
            self._changed.notify_all()
            if answered.kind in _ORDERED:
                self._last_round_trip_s = now_s - answered.asked_s
            return Answer(answered.kind, now_s, answered.asked_s)

    def is_awaiting(self) -> bool:
        """Return whether an answer may be under way, so that Esc may be its first byte."""
        with self._changed:
            now_s = self._clock()
            if self._first_asked_s is None or (not self._answered and now_s - self._first_asked_s >= LOST_AFTER_S):
                return False  # this terminal answers nothing
            return any(now_s - each.asked_s < MAX_AWAITED_S for each in self._expected())

    def clear(self) -> None:
        """Expect no more answers: the terminal is closed, or another program has read them."""
        with self._changed:
            self._clear()

    def wait(self) -> None:
        """Wait until all answers have come, or until a timeout: a shell would read them as typed keys."""
        with self._changed:
            began_s = self._clock()
            while self._expected() and (left_s := self._deadline_s(began_s) - self._clock()) > 0:
                self._changed.wait(left_s)
            self._clear()

    def _of(self, kind: Query) -> Iterator[_OpenQuery]:
        return (each for each in self._open if each.kind is kind)

    def _close(self, answered: _OpenQuery, now_s: float) -> None:
        """Remove an answered query, and mark or remove older ones, which will get no answer."""
        at = self._open.index(answered)
        older, self._open = self._open[:at], self._open[at + 1 :]
        if answered.kind not in _ORDERED:
            self._open = older + self._open
            return
        kept = [each for each in older if each.kind is not Query.STATUS]
        if self._is_place_answered is None and any(each.place for each in older if each.kind is Query.STATUS):
            self._is_place_answered = False
        for each in kept:
            # Its answer is passed on for a while all the same: the terminal may not answer in order.
            each.lost_s = now_s if each.lost_s is None else each.lost_s
        self._open = kept + self._open

    def _drop_lost(self, now_s: float) -> None:
        self._open = [each for each in self._open if each.lost_s is None or now_s - each.lost_s < LOST_AFTER_S]

    def _clear(self) -> None:
        self._open.clear()
        self._changed.notify_all()

    def _expected(self) -> list[_OpenQuery]:
        """The queries whose answers may still come."""
        return [each for each in self._open if each.lost_s is None]

    def _deadline_s(self, began_s: float) -> float:
        last_s = max(each.asked_s for each in self._expected())
        if any(each.kind in _ORDERED and each.kind in self._answered for each in self._expected()):
            timeout_s = max(MIN_ANSWER_TIMEOUT_S, ROUND_TRIPS_WAITED * self._last_round_trip_s)
            return min(began_s + min(timeout_s, MAX_ANSWER_TIMEOUT_S), last_s + LOST_AFTER_S)
        if self._answered:
            return last_s + FIRST_ANSWER_TIMEOUT_S
        return (last_s if self._first_asked_s is None else self._first_asked_s) + FIRST_ANSWER_TIMEOUT_S
