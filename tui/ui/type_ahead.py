"""The guard against keys that were typed before a dialog was seen.

What lives here: when keys begin to count. After its frame the terminal is asked for the cursor's position: its answer
comes behind every key that was typed before it drew the frame. Source: DESIGN §8.
"""

from collections.abc import Callable
from typing import Final

from tui.sources.clock import Clock, Timer

ASK_CURSOR: Final = "\x1b[6n"

PATIENCE_S: Final = 1.0
"""A terminal that has not answered by then will not."""

SILENT_S: Final = 0.25
"""For a terminal that does not answer: so long after a frame nobody has read it yet."""


class TypeAhead:
    """One for all dialogs of a terminal: it remembers whether that answers."""

    def __init__(self, clock: Clock, write: Callable[[str], None]) -> None:
        self._clock = clock
        self._write = write
        self._answers = True
        self._owed = 0
        self._asked_at_s = 0.0
        self._timer: Timer | None = None
        self._awake: Callable[[], None] | None = None

    def begin(self, awake: Callable[[], None]) -> None:
        """A frame was painted: call `awake` when keys that come are younger than it."""
        self.stop()
        self._awake = awake
        now_s = self._clock.monotonic_s()
        if now_s - self._asked_at_s > PATIENCE_S:
            self._owed = 0
        if self._answers:
            self._owed += 1
            self._asked_at_s = now_s
            self._write(ASK_CURSOR)
        self._timer = self._clock.call_later(PATIENCE_S if self._answers else SILENT_S, self._give_up)

    def answer(self) -> None:
        """An answer of the terminal has come, in its place among the keys; only the one to the last frame counts."""
        self._owed = max(0, self._owed - 1)
        if self._owed:
            return
        if not self._answers:
            self._answers = True  # it was slow, not silent: the next question asks again
        elif self._awake is not None:
            self._end()

    def stop(self) -> None:
        """Nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._awake = None

    def _give_up(self) -> None:
        self._answers = False
        self._end()

    def _end(self) -> None:
        awake = self._awake
        self.stop()
        if awake is not None:
            awake()
