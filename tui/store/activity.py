"""Counts the runs created in each of the last minutes, and how many of them failed, for the header's sparkline."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tui.domain.status import FAILED
from tui.store.changes import Changes
from tui.store.orders import EPOCH
from tui.store.store import Store

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

    def __init__(self, store: Store) -> None:
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
