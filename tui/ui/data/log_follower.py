"""Reads the log of the selected run, and reads it again while the run is live and the pane is visible.

A logged line causes no update of its run, so the log is polled. Each answer has all lines: the more there are, the less
often it is asked for. After the end of the run it is read once more.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tui.domain.ids import RunId, SpanId
from tui.domain.run import Run
from tui.domain.traces.span import SpanDetail
from tui.present.logs.end import LogReading
from tui.session import Session
from tui.sources.budget import Priority
from tui.sources.clock import Timer
from tui.wire.errors import ApiError, NotFound, Refused

if TYPE_CHECKING:
    from tui.sources.log_fetcher import LogFetcher

REST_S: Final = 0.3
"""How long the cursor of the list rests before a log is read: one may have 8 MB."""

SETTLE_S: Final = 2.0
"""Between the end of a run and the last read of its log."""

HUNG_AFTER_S: Final = 2.0
"""A read in flight for longer is canceled when the user asks for a refresh."""

MIN_RETRY_S: Final = 2.0
MAX_RETRY_S: Final = 10.0
"""The waits after failed reads double from the first to the second."""


class LogFollower:
    """Reads one log at a time.

    `show` is called with each new state. `may_read` returns whether the pane is visible and updates are not paused.
    """

    def __init__(self, session: Session, show: Callable[[LogReading], None], may_read: Callable[[], bool]) -> None:
        self.session = session
        self._show = show
        self._may_read = may_read
        self._fetcher: LogFetcher | None = None
        self._run_id: RunId | None = None
        self.reading = LogReading()
        self._timer: Timer | None = None
        self._due_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._started_s = 0.0
        self._is_owed = False
        """Whether a read is due and waits until the pane is visible."""
        self._failures = 0
        self._final_since_s: float | None = None
        """When the run was first known to be final."""

    @property
    def fetcher(self) -> "LogFetcher":
        """The fetcher, which is loaded when the first log is read."""
        if self._fetcher is None:
            from tui.sources.log_fetcher import LogFetcher  # noqa: PLC0415  the start must be fast

            self._fetcher = LogFetcher(self.session.fetcher, self.session.clock)
        return self._fetcher

    @property
    def _run(self) -> Run | None:
        return None if self._run_id is None else self.session.store.get(self._run_id)

    def select(self, run_id: RunId | None) -> None:
        """Read the log of another run, once the cursor of the list has rested. The log of the last one is dropped."""
        if run_id == self._run_id:
            return
        self.close()
        self._run_id = run_id
        self._failures, self._final_since_s = 0, None
        self.reading = LogReading(asked_at=self.session.now())
        if run_id is not None:
            self._schedule(REST_S)

    def set_following(self, *, follows: bool) -> None:
        """Read on while the run is live, or stop that."""
        self.reading = replace(self.reading, follows=follows)
        if not follows:
            self._cancel_timer()
        elif self._wants_more(self.reading):
            self._schedule(0.0)

    def refetch(self) -> None:
        """Read the log now. A read in flight whose answer may never come is canceled."""
        if self._run_id is None:
            return
        if self._task is not None and self.session.clock.monotonic_s() - self._started_s > HUNG_AFTER_S:
            self._task.cancel()
            self._task = None
        self._failures = 0
        self._schedule(0.0)

    def on_shown(self) -> None:
        """Start the read that waited for the pane to be visible."""
        if self._is_owed:
            self._on_due()

    def on_run_changed(self) -> None:
        """Read the log soon if the run has just ended."""
        run = self._run
        if run is not None and run.is_final and self._final_since_s is None:
            self._final_since_s = self.session.clock.monotonic_s()
            log = self.reading.log
            if log is not None and self._wants_more(self.reading):
                self._schedule(SETTLE_S)

    def close(self) -> None:
        """Cancel the read in flight and the next one."""
        self._cancel_timer()
        self._is_owed = False
        if self._task is not None:
            self._task.cancel()
        self._task = None

    async def read_span(self, run_id: RunId, span_id: SpanId) -> SpanDetail:
        """Read the attributes of a line. Raises `ApiError`."""
        return await self.fetcher.read_span(run_id, span_id, Priority.SELECTED)

    def _wants_more(self, reading: LogReading) -> bool:
        if reading.log is None:
            return True
        return reading.follows and not reading.is_complete and not reading.log.is_cut

    def _schedule(self, delay_s: float) -> None:
        """Read after a delay, or earlier if a read is due earlier."""
        clock = self.session.clock
        due_s = clock.monotonic_s() + delay_s
        if self._timer is not None and self._due_s <= due_s:
            return
        self._cancel_timer()
        self._due_s = due_s
        self._timer = clock.call_later(delay_s, self._on_due)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def _on_due(self) -> None:
        self._timer = None
        self._is_owed = False
        if self._run_id is None or self._task is not None:
            return
        if not self._may_read():
            self._is_owed = True
            return
        self._started_s = self.session.clock.monotonic_s()
        if self.reading.log is None and self.reading.failure is None:
            self.reading = replace(self.reading, asked_at=self.session.now())
        self._task = self.session.spawn(self._read(self._run_id), f"read the log of {self._run_id}")

    async def _read(self, run_id: RunId) -> None:
        """Read the log once. A canceled read changes nothing."""
        from tui.sources.log_fetcher import is_settled  # noqa: PLC0415  the start must be fast

        session, run, requested_at = self.session, self._run, self.session.now()
        final_for_s = self._final_for_s(run)
        # The first read is about the run on the screen, the others fill what the user did not ask for.
        priority = Priority.SELECTED if self.reading.log is None else Priority.VISIBLE
        try:
            read = await self.fetcher.read(run_id, self.reading.log, priority)
        except ApiError as error:
            self._task = None
            self._fail(error, run)
            return
        self._task = None
        self._failures = 0
        # A run that was opened by its id may have become known meanwhile.
        run = self._run if run is None else run
        is_complete = run is not None and is_settled(run, requested_at, final_for_s)
        reading = LogReading(read.log, None, session.now(), is_complete, self.reading.follows)
        self.reading = reading
        if self._wants_more(reading):
            is_ended = run is not None and run.is_final
            self._schedule(max(read.next_s, SETTLE_S) if is_ended else read.next_s)
        self._show(reading)

    def _final_for_s(self, run: Run | None) -> float:
        """Return how long the run has been known to be final."""
        if run is None or not run.is_final:
            return 0.0
        now_s = self.session.clock.monotonic_s()
        if self._final_since_s is None:
            self._final_since_s = now_s
        return now_s - self._final_since_s

    def _fail(self, error: ApiError, run: Run | None) -> None:
        self._failures += 1
        self.reading = replace(self.reading, failure=str(error))
        # A run that has just started has no events yet (404).
        is_too_early = isinstance(error, NotFound) and run is not None and not run.is_final
        is_final_answer = isinstance(error, Refused) and not is_too_early
        if not is_final_answer and (self.reading.log is None or self._wants_more(self.reading)):
            self._schedule(min(MIN_RETRY_S * 2 ** (self._failures - 1), MAX_RETRY_S))
        self._show(self.reading)
