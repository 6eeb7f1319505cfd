"""The last outages that the list shows: when there was no data, and how many runs were missed."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from tui.present.frame.outage import gap_sentence
from tui.session import Session
from tui.store.changes import Changes
from tui.store.missed_runs import Completeness, Gap, MissedRunCounter, MissedRuns
from tui.ui.model.list_views import SLICE_S

MAX_GAPS: Final = 3


class Outages:
    """The last gaps. `report` receives one sentence about each, once its count is final.

    It subscribes to the session itself, so that runs are counted during a pause too.
    """

    def __init__(self, session: Session, report: Callable[[str], None]) -> None:
        self._session = session
        self._report = report
        self._counters: list[MissedRunCounter] = []
        self._unreported: list[MissedRunCounter] = []
        session.subscribe(self._on_changes)

    def record(self, gap: Gap | None) -> None:
        """Start to count the missed runs of the last gap, unless it is known already."""
        if gap is None or (self._counters and self._counters[-1].gap == gap):
            return
        counter = MissedRunCounter(self._session.store, gap)
        self._counters = [*self._counters, counter][-MAX_GAPS:]
        self._unreported = [*self._unreported, counter][-MAX_GAPS:]
        if not self._count_some(counter):
            self._session.spawn(self._count_rest(counter), "outage")

    def missed(self, now: datetime) -> dict[Gap, MissedRuns]:
        """Return the gaps with their missed runs, the oldest first. Report those whose count is final now."""
        for counter in tuple(self._unreported):
            missed = counter.missed(now)
            if missed.completeness is not Completeness.SO_FAR:
                self._unreported.remove(counter)
                self._report(gap_sentence(counter.gap, missed, now))
        return {counter.gap: counter.missed(now) for counter in self._counters}

    def _on_changes(self, changes: Changes) -> None:
        for counter in self._counters:
            counter.on_changes(changes)

    def _count_some(self, counter: MissedRunCounter) -> bool:
        monotonic_s = self._session.clock.monotonic_s
        until_s = monotonic_s() + SLICE_S
        return counter.count_more(lambda: monotonic_s() >= until_s)

    async def _count_rest(self, counter: MissedRunCounter) -> None:
        while not self._count_some(counter):  # noqa: ASYNC110  each pass does work
            await asyncio.sleep(0)
