"""The relay's own connection to the API: followed until the relay ends, with a log line for each outage."""

import asyncio
from collections.abc import Callable
from typing import Final, assert_never

from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.session import Session
from tui.store.changes import Changes, Topic

RESTART_AFTER_S: Final = 60.0
"""A source that stopped, because its key was refused say, is started again after this: no person watches a relay."""


class Upstream:
    """Follows all runs of the session. `log` receives a line when a source fails, and one when it is back."""

    def __init__(self, session: Session, log: Callable[[str], None]) -> None:
        self._session = session
        self._log = log
        self._failing: set[str] = set()

    async def follow(self) -> None:
        """Follow until cancelled."""
        while True:
            sources = self._session.sources.follow_runs()
            await asyncio.wait(sources, return_when=asyncio.FIRST_COMPLETED)
            for source in sources:
                source.cancel()
            await self._session.clock.sleep(RESTART_AFTER_S)

    def on_changes(self, changes: Changes) -> None:
        """Log the sources that began to fail or are back."""
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
