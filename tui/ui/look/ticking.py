"""The beat of a screen: once a second it looks at what depends on the time alone.

What lives here: `Ticker`, in the session's time, so that tests need not wait for it. What is looked at is the screen's.
"""

from collections.abc import Callable
from typing import Any, Final

from textual.screen import Screen

from tui.sources.clock import Clock, Timer

TICK_S: Final = 1.0


class Ticker:
    """Calls `tick` on the screen's own turn, each time a second after the last one, from `begin` to `stop`."""

    def __init__(self, screen: Screen[Any], clock: Clock, tick: Callable[[], None]) -> None:
        self._screen = screen
        self._clock = clock
        self._tick = tick
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Call it for the first time in a second."""
        self._timer = self._clock.call_later(TICK_S, self._ring)

    def stop(self) -> None:
        """Call it no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _ring(self) -> None:
        self._screen.call_later(self._beat)

    def _beat(self) -> None:
        if self._timer is not None:
            self._tick()
            self.begin()
