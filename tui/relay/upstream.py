"""The relay's own connection to the API: followed for ever, and told of when it goes and comes back.

What lives here: what to follow, and again when it gave up, since nobody sits before a relay; one line for each turn.
"""

import asyncio
from collections.abc import Callable
from typing import Final, assert_never

from tui.domain.update import SourceConnected, SourceRetrying, SourceStopped
from tui.session import Session
from tui.store.changes import Changes, Topic

AGAIN_AFTER_S: Final = 60.0
"""After a source gave up: a key that was refused may be good again, or another may have been told to the server."""


class Upstream:
    """Follows the list of runs. `say` hears one line when it cannot, and one when it can again."""

    def __init__(self, session: Session, say: Callable[[str], None]) -> None:
        self._session = session
        self._say = say
        self._troubled: set[str] = set()

    async def follow(self) -> None:
        """Follow until cancelled."""
        while True:
            followed = self._session.sources.follow_runs()
            await asyncio.wait(followed, return_when=asyncio.FIRST_COMPLETED)
            for each in followed:
                each.cancel()
            await self._session.clock.sleep(AGAIN_AFTER_S)

    def hear(self, changes: Changes) -> None:
        """Look at how the sources get on."""
        if Topic.SOURCES not in changes.topics:
            return
        for name, status in self._session.store.source_statuses.items():
            match status:
                case SourceConnected():
                    if name in self._troubled:
                        self._troubled.discard(name)
                        self._say(f"{name}: connected again")
                case SourceRetrying():
                    self._tell(name, f"{status.reason}; it goes on being tried")
                case SourceStopped():
                    self._tell(name, f"{status.reason}; tried again in {AGAIN_AFTER_S:.0f} s")
                case _:
                    assert_never(status)

    def _tell(self, name: str, trouble: str) -> None:
        if name not in self._troubled:
            self._troubled.add(name)
            self._say(f"{name}: {trouble}")
