"""`SpanReading`: reads what runs did in another span of time than the last hour, while the wall shows it."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tui.domain.findings.facts import MinutesRead
from tui.store.findings.board import BoardSpan
from tui.wire.errors import ApiError

if TYPE_CHECKING:
    from tui.session import Session

TIMEOUT_S: Final = 60.0
RETRY_S: Final = 60.0
"""A span that could not be read is read again after this."""


class SpanReading:
    """Reads one span, and again when `every` has passed. `on_read` is called with each answer.

    Until the first answer nothing is known of the span but the own counts.
    """

    def __init__(self, session: "Session", every: timedelta, on_read: Callable[[], None]) -> None:
        self._session = session
        self._every = every
        self._on_read = on_read
        self._task: asyncio.Task[None] | None = None
        self._key: tuple[timedelta, datetime | None] | None = None
        self._due_s = 0.0
        self.read: MinutesRead | None = None

    def follow(self, span: BoardSpan, end: datetime | None) -> None:
        """Read a span if it is another one, or its time has come. `end` is None for a span that goes on."""
        key = (span.cell, end)
        if key != self._key:
            self.stop()
            self._key = key
        is_due = self._session.clock.monotonic_s() >= self._due_s and (self.read is None or end is None)
        if self._task is None and is_due and self._session.is_started:
            self._task = self._session.spawn(self._fetch(span), "read a span of the wall")

    def stop(self) -> None:
        """Stop, and forget the span."""
        if self._task is not None:
            self._task.cancel()
        self._task = self._key = self.read = None
        self._due_s = 0.0

    async def _fetch(self, span: BoardSpan) -> None:
        clock = self._session.clock
        try:
            async with asyncio.timeout(TIMEOUT_S):
                until = span.start + span.count * span.cell
                self.read = await self._session.findings.read_span(span.start, until, span.cell)
        except (ApiError, TimeoutError):
            self._due_s = clock.monotonic_s() + RETRY_S
        else:
            self._due_s = clock.monotonic_s() + self._every.total_seconds()
            self._on_read()
        finally:
            self._task = None
