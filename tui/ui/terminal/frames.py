"""Sends the terminal frames, titles and queries: the newest state each time, as often as its link allows.

Joins the wanted screen, the pacer, the measured link and the queries. What Textual writes is drawn at once; while the
terminal is behind, nothing is encoded and nothing queues.
"""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from tui.terminal.moves import Place
from tui.terminal.output import FrugalOutput, PlainOutput
from tui.ui.terminal.link import LinkMeter
from tui.ui.terminal.output import BlockedWrite, TerminalWriter
from tui.ui.terminal.pacer import FramePacer
from tui.ui.terminal.queries import Answer, Query, TerminalQueries, at_place
from tui.ui.terminal.title import TerminalTitle

MIN_BLOCKED_S: Final = 0.05
"""A write that was accepted sooner was not blocked by the link."""

MIN_TIMER_S: Final = 0.001
"""The shortest wait for the next frame. A rounding error would be waited for again and again."""

MAX_PRINTED: Final = 4
"""Characters that a terminal may print of the first queries."""


class FrameSender:
    """Sends frames to one terminal. Its methods belong to the thread of the event loop, unless they name another."""

    def __init__(
        self,
        screen: FrugalOutput | PlainOutput,
        queries: TerminalQueries,
        title: TerminalTitle,
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
        self._queries = queries
        self._title = title
        self._loop = loop
        self._on_link_speed = on_link_speed
        self._was_slow = self._is_waiting = self._is_held = self._is_blank = False
        self._setup = ""
        """Text that sets up the terminal again in front of the next frame."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_plain(self) -> bool:
        """Whether everything that is drawn is sent as it is."""
        return isinstance(self.screen, PlainOutput)

    def start(self, writer: TerminalWriter, setup: str, *, is_shown: bool) -> None:
        """Write the text that sets up the terminal instead of everything unwritten. Frames follow after `begin`.

        `is_shown`: the terminal shows what was drawn so far.
        """
        self.writer, self._is_held = writer, True
        writer.replace(f"{self._title.unsent()}{setup}")
        self._title.record_sent()
        if not is_shown:
            self.screen.passed(setup)

    def begin(self, queries: tuple[Query, ...], last_row: int) -> None:
        """Ask the terminal, and send what was drawn and what will be."""
        self._is_held = False
        if self.writer is None:
            return
        # Some terminals print a part of what they do not know: there it is painted over.
        now_s = time.monotonic()
        text = f"\x1b[{last_row + 1};1H{self._queries.ask(*queries)}"
        if self.writer.write(text):
            self.screen.lose_cells(last_row, 0, MAX_PRINTED)
            self.link.record_sent(now_s, len(text), is_probed=Query.STATUS in queries)
        else:
            self._queries.withdraw(*queries)
        self.record_key()
        self.draw("")

    def stop(self) -> None:
        """Send nothing more until `start`."""
        self.writer = None
        self._is_waiting = False
        self._setup = ""
        self._cancel_timer()
        self.link.forget()

    def resize(self, columns: int, lines: int) -> None:
        """Record the terminal's new size. The next frame is that of the app's new layout."""
        self.screen.resize(columns, lines)
        self._queries.resize(columns, lines)
        self._is_blank = True
        self._is_waiting = False
        self._cancel_timer()
        self.record_key()
        self.record_layout()

    def repaint(self, setup: str) -> None:
        """Send a text that sets up the terminal again, with everything that it should show.

        They go together: the text clears the screen, which would stay empty while the frame waits.
        """
        if self.writer is not None:
            self._setup = setup
            self.screen.passed(setup)
            self.record_key()
            self.draw("")

    def draw(self, text: str) -> None:
        """Draw what the program writes, and send it when it is time."""
        self.screen.draw(text)
        self._is_blank = self._is_blank and not text
        if not self.screen.is_in_frame:
            self.pacer.record_drawn(time.monotonic())
            self._pace()

    def set_title(self, text: str) -> None:
        """Set the terminal's title with the next frame."""
        self._title.set(text)
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
        """Send the newest frame whatever the pace, and behind it ask for the cursor, which is moved to a place.

        Return False if the terminal is behind, or if nothing was drawn for its new size yet.
        """
        # The status query shows whether the answer was lost, and when the frame had arrived.
        return not self._is_blank and self._send((Query.CURSOR, Query.STATUS), place)

    def record_answer(self, kind: Query, place: Place | None = None) -> bool:
        """Record an answer of the terminal, or its cursor's place. Return whether this kind was asked for.

        Called in the reading thread.
        """
        answer = self._queries.record(kind, place)
        if answer is not None and answer.kind is Query.STATUS:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._on_answer, answer)
        return answer is not None and answer.kind is kind

    def on_version(self, version: str) -> None:
        """Use the sequences that this terminal is known to have."""
        self.version = version
        if isinstance(self.screen, FrugalOutput):
            self.screen.able = self.screen.able.named(version)

    def on_caught_up(self, blocked: BlockedWrite) -> None:
        """Go on after the terminal was behind."""
        if blocked.has_dropped:
            self._title.forget()
            self.screen.forget()
        if blocked.seconds >= MIN_BLOCKED_S:
            self.link.record_blocked(time.monotonic(), blocked.size_bytes, blocked.seconds)
            self._report_speed()
        if self._is_waiting or blocked.has_dropped:
            self._pace()

    def _on_answer(self, answer: Answer) -> None:
        assert answer.asked_s is not None
        self.link.record_answer(answer.at_s, answer.asked_s)
        self._report_speed()
        if self._is_waiting:
            self._pace()

    def _report_speed(self) -> None:
        if self.link.is_slow != self._was_slow:
            self._was_slow = self.link.is_slow
            self._on_link_speed(self._was_slow)

    def _pace(self) -> None:
        """Send the newest state now or later."""
        self._cancel_timer()
        if self.writer is None or self._is_held:
            return
        if self.is_plain:
            self._send()
            return
        self._is_waiting = True
        if self.writer.is_blocked:
            return  # until it has caught up
        now_s = time.monotonic()
        self.link.unsent_bytes = self.writer.unsent_bytes()
        if self.link.repeat_wait_s(now_s) <= 0 and self.link.record_repeat(now_s):
            self.writer.write(f"{self._queries.ask_by_place()}{self.screen.restored_cursor()}")
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
        self._cancel_timer()
        self._is_waiting = False
        text = f"{self._setup}{self.screen.take()}{self._title.unsent()}"
        if not text and not queries:
            return True
        size_bytes = len(text.encode("utf-8", "replace"))
        if not queries and not self.is_plain and self.link.wants_probe(size_bytes):
            queries = (Query.STATUS,)
        in_front: tuple[Query, ...] = ()
        front_s = time.monotonic()
        if text and not self.is_plain and self.link.wants_least(front_s):
            in_front = (Query.STATUS,)
            text = f"{self._queries.ask(*in_front)}{text}"
        now_s = time.monotonic()  # not later than the query: its answer shows that all sent by then has arrived
        if place is not None:
            asked = f"{at_place(place)}{self._queries.ask(*queries, place=place)}"
        elif queries and self.link.is_late:
            asked = self._queries.ask_by_place()
        else:
            asked = self._queries.ask(*queries)
        if Query.CURSOR.value in asked:
            # An input method opens its window at the cursor, and a screen reader follows it, though it is hidden.
            asked += self.screen.restored_cursor()
        if not self.writer.write(text + asked):
            self._queries.withdraw(*in_front, *queries)
            self.screen.forget()
            return False
        self._setup = ""
        self._title.record_sent()
        if in_front:
            self.link.record_least_asked(front_s)
        self.link.record_sent(now_s, size_bytes, is_probed=Query.STATUS in queries)
        self.pacer.record_sent(now_s)
        return True

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
