"""Counts the runs that were created in each of the last whole minutes, and how many of them failed.

What lives here: counting, a little at a time, so that asking each second costs nothing. How it is drawn is `present`'s.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tui.domain.status import FAILED
from tui.store.changes import Changes
from tui.store.orders import EPOCH
from tui.store.store import Store

MINUTES: Final = 16
MAX_RUNS_PER_CALL: Final = 5_000
"""Counted at once: some 2 ms, so that a key that is pressed meanwhile does not wait."""

_MINUTE: Final = timedelta(minutes=1)


class Minute(NamedTuple):
    """The runs that were created within one minute."""

    run_count: int
    failed_count: int


NOTHING: Final = Minute(0, 0)


class Activity:
    """The last whole minutes of a store, of which `see` hears every change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, Minute] = {}
        self._changed: set[int] = set()

    def on_changes(self, changes: Changes) -> None:
        """Note which minutes are to be counted again."""
        for run_id in (*changes.added, *changes.changed):
            run = self._store.get(run_id)
            if run is not None and run.fixed.created_at is not None:
                self._changed.add(_number(run.fixed.created_at))

    def minutes(self, now: datetime) -> tuple[Minute, ...]:
        """The last `MINUTES` whole minutes, the oldest first. Minutes that are not counted yet are as they were."""
        last = _number(now) - 1
        shown = range(last - MINUTES + 1, last + 1)
        self._known = {number: self._known[number] for number in shown if number in self._known}
        self._changed = {number for number in self._changed if number >= shown.start}
        room = MAX_RUNS_PER_CALL
        for number in reversed(shown):
            if number in self._known and number not in self._changed:
                continue
            if room <= 0:
                break
            self._known[number] = self._count(number)
            self._changed.discard(number)
            room -= self._known[number].run_count
        return tuple(self._known.get(number, NOTHING) for number in shown)

    def _count(self, number: int) -> Minute:
        start = EPOCH + number * _MINUTE
        run_ids = self._store.created_between(start, start + _MINUTE - timedelta.resolution)
        failed = [self._store.with_status(status) for status in FAILED]
        return Minute(len(run_ids), sum(run_id in runs for runs in failed for run_id in run_ids))


def _number(at: datetime) -> int:
    """Whole minutes since the epoch."""
    return (at - EPOCH) // _MINUTE
