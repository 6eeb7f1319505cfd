"""A fetch that is requested often and runs at most once at a time."""

import asyncio
from collections.abc import Callable
from typing import Final

from tui.sources.clock import Clock, Timer

REFETCH_AFTER_S: Final = 1.0
"""A run that changes ten times a second is fetched once a second."""


class CoalescedFetch:
    """At most one fetch is in flight; a request made meanwhile schedules one more.

    `start` begins a fetch and returns its task, or None where no request is necessary. The fetch calls `finish` at its
    end.
    """

    def __init__(self, clock: Clock, start: Callable[[], asyncio.Task[None] | None]) -> None:
        self._clock = clock
        self._start = start
        self._task: asyncio.Task[None] | None = None
        self._timer: Timer | None = None
        self._due_s = 0.0
        self._is_requested_again = False

    def schedule(self, delay_s: float) -> None:
        """Start a fetch after a delay, unless one is scheduled that begins earlier."""
        due_s = self._clock.monotonic_s() + delay_s
        if self._timer is not None:
            if self._due_s <= due_s:
                return
            self._timer.cancel()
        self._due_s = due_s
        self._timer = self._clock.call_later(delay_s, self._on_due)

    def _on_due(self) -> None:
        self._timer = None
        # The fetch in flight may return a state from before this request.
        self._is_requested_again = self._task is not None and not self._task.done()
        if not self._is_requested_again:
            self._task = self._start()

    def finish(self) -> None:
        """Schedule one more fetch if one was requested while this one was in flight."""
        if self._is_requested_again:
            self._is_requested_again = False
            self.schedule(REFETCH_AFTER_S)

    def cancel(self) -> None:
        """Cancel the fetch in flight."""
        if self._task is not None:
            self._task.cancel()
        self._task, self._is_requested_again = None, False

    def close(self) -> None:
        """Cancel the fetch in flight and the scheduled one."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self.cancel()
