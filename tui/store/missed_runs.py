"""Counts the runs that changed during an outage, when the program could not see the changes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tui.domain.ids import RunId
from tui.lazy_dataclass import dataclass
from tui.store.changes import Changes, Topic
from tui.store.store import Store

MAX_CATCH_UP: Final = timedelta(minutes=2)
"""If no source has reported `CaughtUp` this long after the outage, the count may stay incomplete."""

_RUNS_PER_TIME_CHECK: Final = 64


@dataclass(frozen=True, slots=True)
class Gap:
    """A period without responses from the server that was long enough to make the data stale."""

    since: datetime
    until: datetime


class Completeness(StrEnum):
    """Whether a count of missed runs is complete.

    SO_FAR: the sources are still reading. AT_LEAST: no source has reported that it has read all changes. ALL: complete.
    """

    SO_FAR = "so far"
    AT_LEAST = "at least"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class MissedRuns:
    """The number of runs that were created, started, changed or ended in a gap, and how many of them failed in it."""

    run_count: int
    failed_count: int
    completeness: Completeness = Completeness.ALL


class MissedRunCounter:
    """Counts the runs that changed during one gap.

    It is created when the gap ends. `on_changes` must receive every change of the store from then on; `count_more` goes
    through the runs that the store already had, a slice at a time. A run that counts once keeps counting, even if it
    changes again after the gap. Once a source has caught up and all runs were checked, the result is final.
    """

    def __init__(self, store: Store, gap: Gap) -> None:
        self.gap = gap
        self._store = store
        self._unchecked = [run.id for run in store.runs()]
        self._changed: set[RunId] = set()
        self._failed: set[RunId] = set()
        self._is_caught_up = False
        self._result: MissedRuns | None = None
        self._check_caught_up()

    def on_changes(self, changes: Changes) -> None:
        """Count the changed runs that changed during the gap. Does nothing once the result is final."""
        if self._result is not None:
            return
        for run_id in (*changes.added, *changes.changed):
            self._count(run_id)
        if Topic.SOURCES in changes.topics:
            self._check_caught_up()
            self._finish_if_complete()

    def count_more(self, is_time_up: Callable[[], bool]) -> bool:
        """Check more of the runs that the store had at the start, until the time is up. Return whether all are."""
        unchecked = self._unchecked
        while unchecked:
            for _ in range(min(_RUNS_PER_TIME_CHECK, len(unchecked))):
                self._count(unchecked.pop())
            if unchecked and is_time_up():
                return False
        self._finish_if_complete()
        return True

    def missed(self, now: datetime) -> MissedRuns:
        """Return the count as of now."""
        if self._result is not None:
            return self._result
        completeness = Completeness.SO_FAR if now - self.gap.until < MAX_CATCH_UP else Completeness.AT_LEAST
        return MissedRuns(len(self._changed), len(self._failed), completeness)

    def _check_caught_up(self) -> None:
        caught_up = self._store.caught_up
        self._is_caught_up = caught_up is not None and caught_up >= self.gap.until

    def _finish_if_complete(self) -> None:
        if self._is_caught_up and not self._unchecked:
            self._result = MissedRuns(len(self._changed), len(self._failed))
            self._changed, self._failed = set(), set()

    def _count(self, run_id: RunId) -> None:
        run = self._store.get(run_id)
        if run is None or run.state is None:
            return
        state = run.state
        ended_at = state.finished_at or state.expired_at
        if any(map(self._is_within, (state.updated_at, ended_at, state.started_at, run.existed_at))):
            self._changed.add(run_id)
            if run.status.is_failed and self._is_within(ended_at or state.updated_at):
                self._failed.add(run_id)

    def _is_within(self, at: datetime | None) -> bool:
        return at is not None and self.gap.since < at <= self.gap.until
