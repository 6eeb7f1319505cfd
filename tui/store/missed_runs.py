"""What happened while nothing could be heard: the runs that an outage kept from the screen until it was over.

What lives here: counting them, as they become known. How it is worded is `present`'s. Source: DESIGN §5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tui.domain.ids import RunId
from tui.store.changes import Changes, Topic
from tui.store.store import Store

MAX_CATCH_UP: Final = timedelta(minutes=2)
"""A source that has not said by then that all is read may never say it."""

_LOOK_AT_THE_TIME_EVERY: Final = 64  # runs


@dataclass(frozen=True, slots=True)
class Gap:
    """The time between two good words of the server that are too far apart."""

    since: datetime
    until: datetime


class Completeness(StrEnum):
    """How much of what was missed is known: all, what was read SO_FAR, or that and nobody says whether it is all."""

    SO_FAR = "so far"
    AT_LEAST = "at least"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class MissedRuns:
    """Runs that came, began, ended or changed within a gap, and how many of them failed in it."""

    run_count: int
    failed_count: int
    completeness: Completeness = Completeness.ALL


class MissedRunCounter:
    """Counts what one gap kept from us. It has to hear every change of the store from its birth on, and looks at what
    was read before that a little at a time.

    A run that was seen to have changed in the gap counts from then on, whatever it does later; with all read, and all
    looked at, the count stands.
    """

    def __init__(self, store: Store, gap: Gap) -> None:
        self.gap = gap
        self._store = store
        self._waiting = [run.id for run in store.runs()]
        self._changed: set[RunId] = set()
        self._failed: set[RunId] = set()
        self._is_all_read = False
        self._missed: MissedRuns | None = None
        self._note_reading()

    def on_changes(self, changes: Changes) -> None:
        """Count those among the changed runs that changed in the gap, until all are counted."""
        if self._missed is not None:
            return
        for run_id in (*changes.added, *changes.changed):
            self._count(run_id)
        if Topic.SOURCES in changes.topics:
            self._note_reading()
            self._settle()

    def count_more(self, is_time_up: Callable[[], bool]) -> bool:
        """Look at more of the runs that were there at the start, until the time is up; whether that is done now."""
        waiting = self._waiting
        while waiting:
            for _ in range(min(_LOOK_AT_THE_TIME_EVERY, len(waiting))):
                self._count(waiting.pop())
            if waiting and is_time_up():
                return False
        self._settle()
        return True

    def missed(self, now: datetime) -> MissedRuns:
        """What is known of it now."""
        if self._missed is not None:
            return self._missed
        extent = Completeness.SO_FAR if now - self.gap.until < MAX_CATCH_UP else Completeness.AT_LEAST
        return MissedRuns(len(self._changed), len(self._failed), extent)

    def _note_reading(self) -> None:
        caught_up = self._store.caught_up
        self._is_all_read = caught_up is not None and caught_up >= self.gap.until

    def _settle(self) -> None:
        if self._is_all_read and not self._waiting:
            self._missed = MissedRuns(len(self._changed), len(self._failed))
            self._changed, self._failed = set(), set()

    def _count(self, run_id: RunId) -> None:
        run = self._store.get(run_id)
        if run is None or run.state is None:
            return
        state = run.state
        ended_at = state.finished_at or state.expired_at
        if any(map(self._is_within, (state.updated_at, ended_at, state.started_at, run.fixed.created_at))):
            self._changed.add(run_id)
            if run.status.is_failed and self._is_within(ended_at or state.updated_at):
                self._failed.add(run_id)

    def _is_within(self, at: datetime | None) -> bool:
        return at is not None and self.gap.since < at <= self.gap.until
