"""Tells whether a key was typed before or after a dialog could be seen.

Behind its frame the terminal is asked for the cursor's position. The answer stands among the keys, behind every key
that was typed before the terminal drew the frame. A multiplexer (tmux, screen) answers for the terminal behind it.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from tui.sources.clock import Clock, Timer

ASK_CURSOR: Final = "\x1b[6n"

SAID_AFTER_S: Final = 0.5
"""A dialog says what it waits for only then: most terminals answer at once."""

ASK_EVERY_S: Final = 2.0
"""How often a frame's question is repeated, in case one was lost."""

MAX_QUESTIONS: Final = 5
"""Questions about one frame."""

SILENT_AFTER_S: Final = MAX_QUESTIONS * ASK_EVERY_S
"""A terminal that has not answered by then is taken for one that will not."""


class Sight(Enum):
    """What is known about the last frame of a dialog."""

    WAITING = auto()
    """The terminal takes its time."""
    SEEN = auto()
    """Keys that come now are younger than the frame."""
    UNKNOWN = auto()
    """The terminal does not answer: no single key can be trusted."""


class TypeAhead:
    """One for all dialogs of a terminal.

    Terminals answer in the order of the questions, and the answers carry no mark: they are counted, and questions are
    never forgotten. An answer to an old question therefore counts for no newer frame, however late it comes. An answer
    that was lost costs the next frame one more question.
    """

    def __init__(self, clock: Clock, write: Callable[[str], bool | None]) -> None:
        """`write` sends to the terminal; False: the terminal is behind, and gets nothing of it."""
        self._clock = clock
        self._write = write
        self._asked = self._answered = self._tries = 0
        self._first_asked_s: float | None = None
        self._frame_from = 0
        self._timer: Timer | None = None
        self._on_sight: Callable[[Sight], None] | None = None

    @property
    def is_silent(self) -> bool:
        """Whether the terminal has never answered, although it had the time to."""
        began_s = self._first_asked_s
        return not self._answered and began_s is not None and self._clock.monotonic_s() - began_s >= SILENT_AFTER_S

    def begin(self, on_sight: Callable[[Sight], None]) -> Callable[[], None]:
        """A frame was painted: report what becomes known about it. The returned call ends that.

        A frame that is begun later takes its place.
        """
        self._stop()
        is_silent = self.is_silent
        self._frame_from = self._asked + 1
        self._tries = 0
        self._ask()  # a silent one too: it may have been slow
        if is_silent:
            on_sight(Sight.UNKNOWN)
            return lambda: None
        self._on_sight = on_sight
        self._timer = self._clock.call_later(SAID_AFTER_S, self._say)
        return lambda: self._stop() if self._on_sight is on_sight else None

    def answer(self) -> None:
        """Count an answer of the terminal; it has its place among the keys."""
        if self._answered == self._asked:
            return  # nobody asked: a key like shift-F3 looks the same
        self._answered += 1
        if self._on_sight is not None and self._answered >= self._frame_from:
            self._end(Sight.SEEN)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._on_sight = None

    def _ask(self) -> None:
        self._tries += 1
        if self._first_asked_s is None:
            self._first_asked_s = self._clock.monotonic_s()
        # Nobody answers what was not sent: to wait for that would make every later frame wait longer.
        self._asked += self._write(ASK_CURSOR) is not False

    def _say(self) -> None:
        self._timer = self._clock.call_later(ASK_EVERY_S - SAID_AFTER_S, self._ask_again)
        if self._on_sight is not None:
            self._on_sight(Sight.WAITING)

    def _ask_again(self) -> None:
        if self._tries >= MAX_QUESTIONS:
            self._end(Sight.UNKNOWN)
            return
        self._ask()
        self._timer = self._clock.call_later(ASK_EVERY_S, self._ask_again)

    def _end(self, sight: Sight) -> None:
        on_sight = self._on_sight
        self._stop()
        if on_sight is not None:
            on_sight(sight)
