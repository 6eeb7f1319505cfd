"""One thing that is read again and again: when it is begun, and that it is never read twice at a time.

What lives here: `CoalescedFetch`. What is read, and why, is `selection`'s.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from tui.sources.clock import Clock, Timer

REREAD_AFTER_S: Final = 1.0
"""A run that changes ten times a second is read once."""


class CoalescedFetch:
    """One thing that is read: one read of it is out at most, and another is owed to who asked meanwhile."""

    def __init__(self, clock: Clock, begin: Callable[[], asyncio.Task[None] | None]) -> None:
        self._clock = clock
        self._begin = begin
        self._task: asyncio.Task[None] | None = None
        self._timer: Timer | None = None
        self._is_owed = False

    def plan(self, delay_s: float) -> None:
        """Begin then, unless it is planned already; at once wins."""
        if self._timer is None or not delay_s:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._clock.call_later(delay_s, self._due)

    def _due(self) -> None:
        self._timer = None
        # What a read that is out answers may be older than why it is asked again.
        self._is_owed = self._task is not None and not self._task.done()
        if not self._is_owed:
            self._task = self._begin()

    def end(self) -> None:
        """The read that was out is through."""
        if self._is_owed:
            self._is_owed = False
            self.plan(REREAD_AFTER_S)

    def give_up(self) -> None:
        """Expect no answer any more."""
        if self._task is not None:
            self._task.cancel()
        self._task, self._is_owed = None, False

    def drop(self) -> None:
        """Give up, and begin nothing."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self.give_up()
