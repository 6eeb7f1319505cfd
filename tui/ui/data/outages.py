"""The last outages as the list tells them: when there was no data, and what was caught up since.

What lives here: which of them are kept, who counts, and when it is told. The counting is `store.missed`'s, the words
are `present.outage`'s.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from tui.present.frame.outage import gap_sentence
from tui.session import Session
from tui.store.changes import Changes
from tui.store.missed_runs import Completeness, Gap, MissedRunCounter, MissedRuns
from tui.ui.model.list_views import SLICE_S

KEPT: Final = 3


class Outages:
    """The last few gaps. `tell` hears a sentence about each once, when its count is as good as it gets.

    It listens to the session itself: while the screen is paused, what is caught up is counted all the same.
    """

    def __init__(self, session: Session, tell: Callable[[str], None]) -> None:
        self._session = session
        self._tell = tell
        self._known: list[MissedRunCounter] = []
        self._untold: list[MissedRunCounter] = []
        session.subscribe(self._hear)

    def note(self, gap: Gap | None) -> None:
        """Take in the last gap, and begin to count if it is another one."""
        if gap is None or (self._known and self._known[-1].gap == gap):
            return
        catch_up = MissedRunCounter(self._session.store, gap)
        self._known = [*self._known, catch_up][-KEPT:]
        self._untold = [*self._untold, catch_up][-KEPT:]
        if not self._look(catch_up):
            self._session.spawn(self._look_on(catch_up), "outage")

    def told(self, now: datetime) -> dict[Gap, MissedRuns]:
        """All of them, the oldest first, with what is known now; this is when the messages hear of it, too."""
        known = {each.gap: each.missed(now) for each in self._known}
        for each in tuple(self._untold):
            missed = each.missed(now)
            if missed.completeness is not Completeness.SO_FAR:
                self._untold.remove(each)
                self._tell(gap_sentence(each.gap, missed, now))
        return known

    def _hear(self, changes: Changes) -> None:
        for each in self._known:
            each.on_changes(changes)

    def _look(self, catch_up: MissedRunCounter) -> bool:
        monotonic_s = self._session.clock.monotonic_s
        until_s = monotonic_s() + SLICE_S
        return catch_up.count_more(lambda: monotonic_s() >= until_s)

    async def _look_on(self, catch_up: MissedRunCounter) -> None:
        while not self._look(catch_up):  # noqa: ASYNC110  it works between its sleeps, and waits for nothing
            await asyncio.sleep(0)
