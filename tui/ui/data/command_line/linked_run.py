"""Reads the run of a pasted link once the user pauses, so that it is named before it is opened."""

import asyncio
from collections.abc import Callable
from typing import Final

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.session import Session
from tui.sources.budget import Priority
from tui.wire.errors import ApiError

PAUSE_S: Final = 0.6
"""Nothing is read while the user types."""

MAX_WAIT_S: Final = 5.0
"""A request that would have to wait longer for the budget is not sent."""

MAX_FAILURES: Final = 50


class LinkedRun:
    """Reads one run at a time. `on_update` is called when it was read, or could not be.

    `failures` has what the server said of runs that could not be read.
    """

    def __init__(self, session: Session, on_update: Callable[[], None]) -> None:
        self._session = session
        self._on_update = on_update
        self._task: asyncio.Task[None] | None = None
        self._wanted: RunId | None = None
        self.failures: dict[RunId, str] = {}

    def find(self, run_id: RunId) -> Run | None:
        """Return the run if the store has it, otherwise read it after a pause."""
        run = self._session.store.get(run_id)
        if run is not None and run.state is not None and not run.is_gone:
            self.stop()
            return run
        if run_id not in self.failures and run_id != self._wanted and self._session.is_started:
            self.stop()
            self._wanted = run_id
            self._task = self._session.spawn(self._read(run_id), "read the run of a link")
        return None

    def stop(self) -> None:
        """Read nothing."""
        self._wanted = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _read(self, run_id: RunId) -> None:
        await self._session.clock.sleep(PAUSE_S)
        try:
            await self._session.fetcher.fetch_run(run_id, Priority.SELECTED, max_wait_s=MAX_WAIT_S)
            await self._session.settle()
        except ApiError as error:
            while len(self.failures) >= MAX_FAILURES:
                del self.failures[next(iter(self.failures))]
            self.failures[run_id] = str(error)
        self._wanted = self._task = None
        self._on_update()
