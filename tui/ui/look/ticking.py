"""`Ticker` calls a screen once a second, to update the text that depends only on the time."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from textual.screen import Screen

from tui.sources.clock import Clock, Timer, until_second_s
from tui.ui.base import call_soon


@runtime_checkable
class TickingScreen(Protocol):
    """A screen with text that depends on the time."""

    def tick(self) -> None:
        """Show what depends on the time."""


class Ticker:
    """Calls `tick` in the screen's message loop at every second of the clock, from `begin` to `stop`.

    It uses the session's clock, so that tests need not wait.
    """

    def __init__(self, screen: Screen[Any], clock: Clock, tick: Callable[[], None], after_s: float = 0.0) -> None:
        """`after_s`: so long after each second."""
        self._screen = screen
        self._clock = clock
        self._tick = tick
        self._after_s = after_s
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Call `tick` for the first time in about one second."""
        self._timer = self._clock.call_later(until_second_s(self._clock) + self._after_s, self._on_timer)

    def stop(self) -> None:
        """Do not call `tick` again."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _on_timer(self) -> None:
        call_soon(self._screen, self._run)

    def _run(self) -> None:
        if self._timer is not None:
            self._tick()
            self.begin()
