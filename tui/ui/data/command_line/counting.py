"""Counts loaded runs beside the keys: the first slice at once, the others between the keys."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from tui.session import Session

SLICE_S: Final = 0.004
"""The longest time for which one slice blocks the event loop."""


TYPING_S: Final = 0.15
"""The pause after which the user is taken to look: what depends on the typed text is not counted for every letter."""


class Tally(Protocol):
    """Something that is counted in steps."""

    def count_some(self, is_time_up: Callable[[], bool]) -> bool:
        """Count until the time is up. Return whether all is counted."""


class SlicedCount:
    """Runs one tally at a time. `on_done` is called when one is complete that took more than one slice."""

    def __init__(self, session: Session, on_done: Callable[[], None]) -> None:
        self._session = session
        self._on_done = on_done
        self._task: asyncio.Task[None] | None = None

    def start(self, tally: Tally, *, after_s: float = 0.0) -> None:
        """Count, and drop what is being counted. What the first slice leaves is counted after a pause."""
        self.stop()
        if not self._count_slice(tally):
            self._task = self._session.spawn(self._count(tally, after_s), "count runs")

    def stop(self) -> None:
        """Drop what is being counted."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _count(self, tally: Tally, after_s: float) -> None:
        if after_s:
            await self._session.clock.sleep(after_s)
        while not self._count_slice(tally):  # noqa: ASYNC110  each pass does work
            await asyncio.sleep(0)
        self._on_done()

    def _count_slice(self, tally: Tally) -> bool:
        monotonic_s = self._session.clock.monotonic_s
        until_s = monotonic_s() + SLICE_S
        return tally.count_some(lambda: monotonic_s() >= until_s)
