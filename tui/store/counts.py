"""Counts for the header and for an outage: recent activity, and the runs that were missed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.domain.ids import RunId
from tui.domain.status import FAILED
from tui.lazy_dataclass import dataclass
from tui.store.changes import EPOCH, Changes, Topic

if TYPE_CHECKING:
    from tui.store.store import Store  # the first frame draws counts, and needs no store

# Counts the runs created in each of the last minutes, and how many of them failed, for the header's sparkline.


MINUTE_COUNT: Final = 16
MAX_RUNS_PER_CALL: Final = 5_000
"""Counting this many runs takes about 2 ms, so that it never delays a key press."""

_MINUTE: Final = timedelta(minutes=1)


class Minute(NamedTuple):
    """The number of runs that were created in one minute, and how many of them failed."""

    run_count: int
    failed_count: int


NO_RUNS: Final = Minute(0, 0)


class Activity:
    """Counts the runs of the last `MINUTE_COUNT` whole minutes. `on_changes` must receive every change of the store."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._counted: dict[int, Minute] = {}
        self._outdated: set[int] = set()

    def on_changes(self, changes: Changes) -> None:
        """Mark the minutes in which the changed runs were created. `minutes` counts them again."""
        for run_id in (*changes.added, *changes.changed):
            run = self._store.get(run_id)
            if run is not None and run.created_at is not None:
                self._outdated.add(_minute_number(run.created_at))

    def minutes(self, now: datetime) -> tuple[Minute, ...]:
        """Return the last `MINUTE_COUNT` whole minutes, oldest first.

        One call counts the newest minutes first and stops after about `MAX_RUNS_PER_CALL` runs. The other minutes keep
        their previous counts until a later call.
        """
        last = _minute_number(now) - 1
        shown = range(last - MINUTE_COUNT + 1, last + 1)
        self._counted = {number: self._counted[number] for number in shown if number in self._counted}
        self._outdated = {number for number in self._outdated if number >= shown.start}
        runs_left = MAX_RUNS_PER_CALL
        for number in reversed(shown):
            if number in self._counted and number not in self._outdated:
                continue
            if runs_left <= 0:
                break
            self._counted[number] = self._count(number)
            self._outdated.discard(number)
            runs_left -= self._counted[number].run_count
        return tuple(self._counted.get(number, NO_RUNS) for number in shown)

    def _count(self, number: int) -> Minute:
        start = EPOCH + number * _MINUTE
        run_ids = self._store.created_between(start, start + _MINUTE - timedelta.resolution)
        failed = [self._store.with_status(status) for status in FAILED]
        return Minute(len(run_ids), sum(run_id in runs for runs in failed for run_id in run_ids))


def _minute_number(at: datetime) -> int:
    """Return the number of whole minutes from the epoch to `at`."""
    return (at - EPOCH) // _MINUTE


# Counts the runs that changed during an outage, when the program could not see the changes.


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

    def __init__(self, store: "Store", gap: Gap) -> None:
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
