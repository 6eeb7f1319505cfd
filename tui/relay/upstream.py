"""Keeps the relay's session following all runs of the API, and logs each outage."""

import asyncio
from collections.abc import Callable
from typing import Final, assert_never

from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.session import Session
from tui.store.changes import Changes, Topic

RESTART_AFTER_S: Final = 60.0
"""After a fatal failure, such as a refused key, the sources start again: a relay runs without a user to restart it."""


class Upstream:
    """Runs the session's sources. `log` receives a line when a source fails, and one when it has recovered."""

    def __init__(self, session: Session, log: Callable[[str], None]) -> None:
        self._session = session
        self._log = log
        self._failing: set[str] = set()

    async def follow(self) -> None:
        """Follow all runs until canceled. If one source stops for good, restart all."""
        while True:
            sources = self._session.sources.follow_runs()
            await asyncio.wait(sources, return_when=asyncio.FIRST_COMPLETED)
            for source in sources:
                source.cancel()
            await self._session.clock.sleep(RESTART_AFTER_S)

    def on_changes(self, changes: Changes) -> None:
        """Log the sources that have failed or recovered."""
        if Topic.SOURCES not in changes.topics:
            return
        for name, status in self._session.store.source_statuses.items():
            match status:
                case SourceConnected():
                    if name in self._failing:
                        self._failing.discard(name)
                        self._log(f"{name}: connected again")
                case SourceRetrying():
                    self._log_failure(name, f"{status.reason}; still trying")
                case SourceStopped():
                    self._log_failure(name, f"{status.reason}; trying again in {RESTART_AFTER_S:.0f} s")
                case _:
                    assert_never(status)

    def _log_failure(self, name: str, text: str) -> None:
        if name not in self._failing:
            self._failing.add(name)
            self._log(f"{name}: {text}")
