"""Reads why the failed runs on the screen failed: the list does not send it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from tui.domain.ids import RunId
from tui.session import Session
from tui.ui.data.coalesced_fetch import CoalescedFetch

REST_S: Final = 0.4
"""How long the rows stay before their errors are read."""

RETRY_AFTER_S: Final = 30.0
"""After a failure of the server."""

MAX_TRIED: Final = 5_000
"""Runs that are remembered because their error was read, or cannot be read. All are forgotten when there are more."""


class VisibleErrors:
    """Reads the errors of visible runs within the budget, each once. `visible` returns the runs on the screen."""

    def __init__(self, session: Session, visible: Callable[[], Sequence[RunId]]) -> None:
        self._session = session
        self._visible = visible
        self._tried: set[RunId] = set()
        self._fetch = CoalescedFetch(session.clock, self._start)
        self._blocked_until_s = 0.0

    def look(self) -> None:
        """Read the errors of the visible runs that lack them. Call it when other rows are visible."""
        session = self._session
        if session.is_started and session.clock.monotonic_s() >= self._blocked_until_s and self._unread():
            self._fetch.schedule(REST_S)

    def _unread(self) -> list[RunId]:
        return [run_id for run_id in self._visible() if run_id not in self._tried and self._lacks_error(run_id)]

    def _lacks_error(self, run_id: RunId) -> bool:
        run = self._session.store.get(run_id)
        return run is not None and run.error is None and run.status.is_failed and not run.is_gone

    def _start(self) -> asyncio.Task[None] | None:
        unread = self._unread()
        if not unread:
            return None
        if len(self._tried) > MAX_TRIED:
            self._tried.clear()
        self._tried.update(unread)
        return self._session.spawn(self._read(unread), "read visible errors")

    async def _read(self, run_ids: Sequence[RunId]) -> None:
        from tui.sources.failures.error_fetcher import ErrorFetcher  # noqa: PLC0415  loads httpcore
        from tui.sources.searching.pace import Pace  # noqa: PLC0415  loads httpcore
        from tui.wire.errors import ApiError  # noqa: PLC0415  as above

        session = self._session
        errors = ErrorFetcher(session.fetcher, session.store, session.emit, Pace(session.budget, session.clock))
        try:
            await errors.read(run_ids, lambda _: None)
        except ApiError:
            self._tried.difference_update(run_ids)
            self._blocked_until_s = session.clock.monotonic_s() + RETRY_AFTER_S
        finally:
            self._fetch.finish()
