"""What is sent to the terminal: frames, titles, notices, and queries with their answers."""

import asyncio
import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from itertools import cycle
from typing import Final, NamedTuple

from rich.segment import Segment

from tui.domain.text import Raw, clean, shortened
from tui.kit.terminal.early import TerminalWriter
from tui.kit.terminal.link import FramePacer, LinkMeter
from tui.lazy_dataclass import dataclass
from tui.sync.clock import NO_TIMER, Timer
from tui.terminal.cells import CURSOR_REQUEST
from tui.terminal.encoder import Place, move
from tui.terminal.output import HOME, FrugalOutput

# Wraps sequences so that tmux and GNU screen hand them to the terminal around them.


MAX_SCREEN_STRING_BYTES: Final = 250
"""GNU screen drops a device control string of 768 bytes or more; version 4.0 one of 256 or more."""

_MAX_BYTES_OF_CHARACTER: Final = 4


def for_tmux(sequence: str) -> str:
    """Return a sequence that tmux hands on where `allow-passthrough` is on."""
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def for_screen(sequence: str) -> str:
    """Return a sequence that GNU screen hands on, in pieces. It must not contain ST, which would end a piece."""
    size = MAX_SCREEN_STRING_BYTES if sequence.isascii() else MAX_SCREEN_STRING_BYTES // _MAX_BYTES_OF_CHARACTER
    pieces = (sequence[start : start + size] for start in range(0, len(sequence), size))
    return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)


# The sequences by which a terminal rings, and shows a notice on the desktop of its user.
#
# Terminals have three sequences for notices: OSC 9 (a text), OSC 777 (a title and a text) and OSC 99 (the same in two
# parts). A terminal ignores those that it does not know. OSC 9 is known to most, also to those that have another one.


BELL: Final = "\x07"
_END: Final = "\x07"
"""Ends a sequence. Not ST, which would end the string around it in GNU screen."""

MAX_TITLE_CHARS: Final = 80
MAX_BODY_CHARS: Final = 200
_NOT_ALLOWED: Final = re.compile("[;\x00-\x1f\x7f-\x9f]+")

_OSC_9: Final = ("\x1b]9;{title}: {body}",)
_OSC_777: Final = ("\x1b]777;notify;{title};{body}",)
_OSC_99: Final = ("\x1b]99;i=trigger-tui:d=0;{title}", "\x1b]99;i=trigger-tui:p=body;{body}")
_FORMS: Final = {
    **dict.fromkeys(("foot", "wezterm", "ghostty", "contour", "vte", "rxvt", "urxvt"), _OSC_777),
    "kitty": _OSC_99,
}
"""The sequence of terminals that have another one than OSC 9, by the beginning of their names."""

_OUTER_VARIABLES: Final = {
    "KITTY_WINDOW_ID": "kitty",
    "WEZTERM_PANE": "wezterm",
    "GHOSTTY_RESOURCES_DIR": "ghostty",
}
"""Variables that a terminal sets, and a multiplexer in it passes on."""


class DesktopNotice(NamedTuple):
    """A title and a sentence for the desktop. Both are cleaned when they are written."""

    title: str
    body: str


def notice_sequence(notice: DesktopNotice, environ: Mapping[str, str], version: str = "") -> str:
    """Return the text that shows a notice. `version` is the terminal's answer to XTVERSION, "" without one.

    It goes through the multiplexer that the program runs in, also on another machine, as far as TERM and the answer
    say.
    """
    title, body = _cleaned(notice.title, MAX_TITLE_CHARS), _cleaned(notice.body, MAX_BODY_CHARS)
    parts = [f"{form.format(title=title, body=body)}{_END}" for form in _forms_of(environ, version)]
    term = environ.get("TERM", "")
    if environ.get("TMUX") or term.startswith("tmux") or version.lower().startswith("tmux"):
        parts = [*map(for_tmux, parts)]
    elif environ.get("STY") or term.startswith("screen"):
        parts = [*map(for_screen, parts)]
    return "".join(parts)


def _forms_of(environ: Mapping[str, str], version: str) -> tuple[str, ...]:
    """Return the sequence of a terminal: by its answer, by variables, by TERM. OSC 9 for those that are not known."""
    outer = [name for variable, name in _OUTER_VARIABLES.items() if environ.get(variable)]
    names = [version, environ.get("TERM_PROGRAM", ""), *outer, environ.get("TERM", "")]
    for name in (each.lower().removeprefix("xterm-") for each in names):
        if name and not name.startswith(("tmux", "screen")):
            return next((form for begin, form in _FORMS.items() if name.startswith(begin)), _OSC_9)
    return _OSC_9


def _cleaned(text: str, most: int) -> str:
    """Return a text of at most `most` characters without anything that would end or split the sequence."""
    return shortened(_NOT_ALLOWED.sub(",", clean(Raw(text[: 2 * most]))), most)


# The only sender of queries to the terminal: matches its answers, and recognises answers that were lost.
#
# Terminals answer in the order of the queries, and answers have no id. An answer therefore counts for the oldest open
# query of its kind, and never for another kind. Only a report of the cursor names the place that was asked for. All
# terminals and multiplexers answer the status (DSR 5) and the cursor (DSR 6) in one place: an answer to the later query
# shows that the answer to the earlier one was lost. The version may be answered by a terminal around a multiplexer, and
# so come late.


FIRST_ANSWER_TIMEOUT_S: Final = 1.0
"""At exit, the longest wait for a terminal that has never answered: it may not answer at all."""

MIN_ANSWER_TIMEOUT_S: Final = 1.0
MAX_ANSWER_TIMEOUT_S: Final = 3.0
ROUND_TRIPS_WAITED: Final = 3
"""At exit, the wait for a terminal that has answered before, in round trips like its last one, within bounds."""

LOST_AFTER_S: Final = 4.0
"""An answer that has not come this long after its query, or after a later query was answered, is lost."""

MAX_AWAITED_S: Final = 30.0
"""An answer is expected for at most this long, because no user waits on a link that is slower."""

MAX_OPEN: Final = 64
"""Open queries that are remembered. Only a terminal that never answers gets that many."""

NAMED_TERMS: Final = (
    "xterm", "kitty", "foot", "wezterm", "ghostty", "alacritty", "tmux", "konsole", "contour", "mintty",
)  # fmt: skip
"""Beginnings of TERM of terminals that are asked for their version. Old consoles would print the query."""


class Query(Enum):
    """What a terminal is asked."""

    CURSOR = CURSOR_REQUEST
    """The cursor's position, for the type-ahead guard alone."""
    STATUS = "\x1b[5n"
    """Whether the terminal is well. Sent after a frame, its answer shows that the frame has arrived."""
    VERSION = "\x1b[>0q"
    """Its name and version."""


_ORDERED: Final = frozenset({Query.CURSOR, Query.STATUS})


def first_queries(environ: Mapping[str, str]) -> tuple[Query, ...]:
    """Return what a terminal is asked at the start. The status comes last, so that its answer ends the others."""
    is_apple = environ.get("TERM_PROGRAM") == "Apple_Terminal"
    is_named = not is_apple and environ.get("TERM", "").startswith(NAMED_TERMS)
    return (*((Query.VERSION,) if is_named else ()), Query.STATUS)


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

        With a place, the first query moves the cursor there and asks for its position, so that the answer names it.
        """
        if not kinds:
            return ""
        with self._changed:
            now_s = self._clock()
            self._drop_lost(now_s)
            if self._first_asked_s is None:
                self._first_asked_s = now_s
            self._open += [_OpenQuery(kind, now_s, None if number else place) for number, kind in enumerate(kinds)]
            del self._open[:-MAX_OPEN]
        by_place = "" if place is None else f"{move(None, place)}{CURSOR_REQUEST}"
        return by_place + "".join(kind.value for kind in kinds[place is not None :])

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
        return self.ask(Query.STATUS, place=(_STATUS_ROW, next(self._columns)))

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
            # A report of the cursor answers the query with its place, which may be one about the status.
            answered = next((each for each in self._open if each.place == place and (place or each.kind is kind)), None)
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
            self._open.clear()
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until all answers have come, or until a timeout: a shell would read them as typed keys."""
        with self._changed:
            began_s = self._clock()
            while self._expected() and (left_s := self._deadline_s(began_s) - self._clock()) > 0:
                self._changed.wait(left_s)
            self.clear()

    def _of(self, kind: Query) -> Iterator[_OpenQuery]:
        return (each for each in self._open if each.kind is kind)

    def _close(self, answered: _OpenQuery, now_s: float) -> None:
        """Remove an answered query, and mark or remove older ones, which will get no answer."""
        at = self._open.index(answered)
        older, newer = self._open[:at], self._open[at + 1 :]
        if answered.kind in _ORDERED:
            if self._is_place_answered is None and any(each.place for each in older if each.kind is Query.STATUS):
                self._is_place_answered = False
            older = [each for each in older if each.kind is not Query.STATUS]
            for each in older:
                # Its answer is passed on for a while all the same: the terminal may not answer in order.
                each.lost_s = now_s if each.lost_s is None else each.lost_s
        self._open = older + newer

    def _drop_lost(self, now_s: float) -> None:
        self._open = [each for each in self._open if each.lost_s is None or now_s - each.lost_s < LOST_AFTER_S]

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


# Sends the terminal frames, titles and queries: the newest state each time, as often as its link allows.
#
# Joins the wanted screen, the pacer, the measured link and the queries. What Textual paints is drawn at once; while the
# terminal is behind, nothing is encoded and nothing queues.


_PUSH_TITLE: Final = "\x1b[22;2t"
# The empty title is for a terminal that does not save titles.
_POP_TITLE: Final = "\x1b]2;\x1b\\\x1b[23;2t"

MIN_TIMER_S: Final = 0.001
"""The shortest wait for the next frame. A rounding error would be waited for again and again."""

MAX_PRINTED: Final = 4
"""Characters that a terminal may print of the first queries."""


class PaintedPiece(NamedTuple):
    """A part of one line of the screen."""

    y: int
    x: int
    segments: Iterable[Segment]


class FrameSender:
    """Sends frames to one terminal. Its methods belong to the thread of the event loop, unless they name another."""

    def __init__(
        self,
        screen: FrugalOutput,
        loop: asyncio.AbstractEventLoop,
        *,
        on_link_speed: Callable[[bool], None],
    ) -> None:
        self.writer: TerminalWriter | None = None
        self.screen = screen
        self.pacer = FramePacer()
        self.link = LinkMeter()
        self.version = ""
        """The terminal's name and version, by its own answer."""
        self.queries = TerminalQueries()
        self._title = self._sent_title = ""
        """It is a state like the screen: only the newest one is sent."""
        self._has_saved_title = False
        """Whether the terminal has saved its own title, which comes back at the end."""
        self._loop = loop
        self._on_link_speed = on_link_speed
        self._was_slow = self._is_waiting = self._is_held = self._is_blank = False
        self._setup = ""
        """Text that sets up the terminal again in front of the next frame."""
        self._timer: Timer = NO_TIMER

    def start(self, writer: TerminalWriter, setup: str, *, is_shown: bool) -> None:
        """Write the text that sets up the terminal instead of everything unwritten. Frames follow after `begin`.

        `is_shown`: the terminal shows what was drawn so far.
        """
        self.writer, self._is_held = writer, True
        writer.replace(f"{self._unsent_title}{setup}")
        self._record_title()
        if not is_shown:
            self.screen.forget()

    def begin(self, queries: tuple[Query, ...], last_row: int) -> None:
        """Ask the terminal, and send what was drawn and what will be."""
        self._is_held = False
        if self.writer is None:
            return
        # Some terminals print a part of what they do not know: there it is painted over.
        now_s = time.monotonic()
        text = f"{move(None, (last_row, 0))}{self.queries.ask(*queries)}"
        if self.writer.write(text):
            self.screen.lose_cells(last_row, 0, MAX_PRINTED)
            self.link.record_sent(now_s, len(text), is_probed=Query.STATUS in queries)
        else:
            self.queries.withdraw(*queries)
        self.record_key()
        self._record_drawn()

    def stop(self) -> str:
        """Send nothing more until `start`. Return the text that restores the terminal's own title."""
        self.writer = None
        self._is_waiting = False
        self._setup = ""
        self._timer.cancel()
        self.link.forget()
        restored = _POP_TITLE if self._has_saved_title else ""
        self._sent_title, self._has_saved_title = "", False
        return restored

    @property
    def _unsent_title(self) -> str:
        """The text that sets the wanted title; empty if the terminal has it."""
        saving = "" if self._has_saved_title else _PUSH_TITLE
        return f"{saving}\x1b]2;{self._title}\x1b\\" if self._title != self._sent_title else ""

    def _record_title(self) -> None:
        self._sent_title = self._title
        self._has_saved_title = self._has_saved_title or bool(self._title)

    def resize(self, columns: int, lines: int) -> None:
        """Record the terminal's new size. The next frame is that of the app's new layout."""
        self.screen.resize(columns, lines)
        self.queries.resize(columns, lines)
        self._is_blank = True
        self._is_waiting = False
        self._timer.cancel()
        self.record_key()
        self.record_layout()

    def repaint(self, setup: str) -> None:
        """Send a text that sets up the terminal again, with everything that it should show.

        They go together: the text clears the screen, which would stay empty while the frame waits.
        """
        if self.writer is not None:
            self._setup = setup
            self.screen.forget()
            self.record_key()
            self._record_drawn()

    def show(self, pieces: Iterable[PaintedPiece], cursor: Place) -> None:
        """Draw what was painted, and send it when it is time."""
        for piece in pieces:
            self.screen.draw(*piece)
        # It is always hidden, and at home where no text field has it.
        self.screen.cursor = cursor if cursor != HOME else None
        self._is_blank = False
        self._record_drawn()

    def pass_on(self, text: str) -> None:
        """Send a text that draws nothing, such as a bell, after what was drawn. Nothing is sent after `stop`."""
        if self.writer is not None:
            self.screen.pass_on(text)
            self._record_drawn()

    def _record_drawn(self) -> None:
        self.pacer.record_drawn(time.monotonic())
        self._pace()

    def set_title(self, text: str) -> None:
        """Set the terminal's title with the next frame. It must not contain controls."""
        if text != self._title:
            self._title = text
            self._pace()

    def record_key(self) -> None:
        """Record a key that was read or handled. The next frame is its echo. Callable in any thread."""
        now_s = time.monotonic()
        self.pacer.record_key(now_s)
        self.link.record_key(now_s)

    def record_layout(self) -> None:
        """Record that widgets are about to get other places, and are painted empty first."""
        self.pacer.record_layout(time.monotonic())

    def record_settled(self) -> None:
        """Record that widgets are painted in their new places."""
        self.pacer.record_settled()
        if self._is_waiting:
            self._pace()

    def ask_cursor(self, place: Place) -> bool:
        """Send the newest frame at once, even if the link is slow. Then move the cursor to a place, and ask where it
        is.

        Return False if the terminal is behind, or if nothing was drawn for its new size yet.
        """
        # The status query shows whether the answer was lost, and when the frame had arrived.
        return not self._is_blank and self._send((Query.CURSOR, Query.STATUS), place)

    def record_answer(self, kind: Query, place: Place | None = None) -> bool:
        """Record an answer of the terminal, or its cursor's place. Return whether this kind was asked for.

        Called in the reading thread.
        """
        answer = self.queries.record(kind, place)
        if answer is not None and answer.kind is Query.STATUS:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._on_answer, answer)
        return answer is not None and answer.kind is kind

    def on_version(self, version: str) -> None:
        """Use the sequences that this terminal is known to have."""
        self.version = version
        self.screen.able = self.screen.able.named(version)

    def on_caught_up(self, has_dropped: bool) -> None:  # noqa: FBT001  the writer's word
        """Go on after the terminal was behind, and perhaps has lost text."""
        if has_dropped:
            self._sent_title = ""
            self.screen.forget()
        if self._is_waiting or has_dropped:
            self._pace()

    def _on_answer(self, answer: Answer) -> None:
        assert answer.asked_s is not None
        self.link.record_answer(answer.at_s, answer.asked_s)
        if self.link.is_slow != self._was_slow:
            self._was_slow = self.link.is_slow
            self._on_link_speed(self._was_slow)
        if self._is_waiting:
            self._pace()

    def _pace(self) -> None:
        """Send the newest state now or later."""
        self._timer.cancel()
        if self.writer is None or self._is_held:
            return
        self._is_waiting = True
        if self.writer.is_blocked:
            return  # until it has caught up
        now_s = time.monotonic()
        if self.link.repeat_wait_s(now_s) <= 0 and self.link.record_repeat(now_s):
            self.writer.write(f"{self.queries.ask_by_place()}{self.screen.restored_cursor()}")
        wait_s = self.pacer.wait_s(now_s, self.link)
        if wait_s <= 0:
            self._send()
            return
        wait_s = min(wait_s, self.link.repeat_wait_s(now_s))
        if wait_s < math.inf:
            self._timer = self._loop.call_later(max(wait_s, MIN_TIMER_S), self._pace)

    def _send(self, queries: tuple[Query, ...] = (), place: Place | None = None) -> bool:
        """Send the newest frame, the title, and queries, with the cursor at a place. False: the terminal is behind."""
        if self.writer is None or self._is_held:
            return False
        self._timer.cancel()
        self._is_waiting = False
        text = f"{self._setup}{self.screen.take()}{self._unsent_title}"
        if not text and not queries:
            return True
        size_bytes = len(text.encode("utf-8", "replace"))
        if not queries and self.link.wants_probe(size_bytes):
            queries = (Query.STATUS,)
        in_front: tuple[Query, ...] = ()
        front_s = time.monotonic()
        if text and self.link.wants_least(front_s):
            in_front = (Query.STATUS,)
            text = f"{self.queries.ask(*in_front)}{text}"
        now_s = time.monotonic()  # not later than the query: its answer shows that all sent by then has arrived
        is_by_place = bool(queries) and place is None and self.link.is_late
        asked = self.queries.ask_by_place() if is_by_place else self.queries.ask(*queries, place=place)
        if Query.CURSOR.value in asked:
            # An input method opens its window at the cursor, and a screen reader follows it, though it is hidden.
            asked += self.screen.restored_cursor()
        if not self.writer.write(text + asked):
            self.queries.withdraw(*in_front, *queries)
            self.screen.forget()
            return False
        self._setup = ""
        self._record_title()
        if in_front:
            self.link.record_least_asked(front_s)
        self.link.record_sent(now_s, size_bytes, is_probed=Query.STATUS in queries)
        self.pacer.record_sent(now_s)
        return True
