"""Runs found by something other than their id.

What lives here: the indexes, kept true by one call per changed run. Which runs are kept at all is `retention`'s.
"""

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import TypeVar

from sortedcontainers import SortedList

from tui.domain.ids import RunId, TaskId
from tui.domain.run import Fixed, Run
from tui.domain.status import RunStatus
from tui.store.orders import EPOCH, Key, KeyedRun, newest_first

K = TypeVar("K", bound=Hashable)

_NOTHING = Fixed()


class Indexes:
    """By status, task, parent, and creation.

    A run without a state is found by task and parent only; one that is gone has no status. `live` are those that may
    still change.
    """

    def __init__(self) -> None:
        self.by_status: dict[RunStatus, set[RunId]] = {}
        self.by_task: dict[TaskId, set[RunId]] = {}
        self.by_parent: dict[RunId, set[RunId]] = {}
        self.live: set[RunId] = set()
        self._created = SortedList()

    def replace(self, before: KeyedRun | None, after: KeyedRun | None) -> None:
        """One run is now `after`; None: there was none, there is none."""
        placed = after or before
        if placed is None:
            return
        run_id = placed.run.id
        old, new = _status(before), _status(after)
        if old is not new:
            _move(self.by_status, run_id, old, new)
            if new is None or new.is_final:
                self.live.discard(run_id)
            else:
                self.live.add(run_id)
        was, now = before.run.fixed if before else _NOTHING, after.run.fixed if after else _NOTHING
        if was is not now:
            _move(self.by_task, run_id, was.task, now.task)
            _move(self.by_parent, run_id, was.parent_id, now.parent_id)
        old_key, new_key = _key(before), _key(after)
        if old_key != new_key:
            if old_key is not None:
                self._created.remove(old_key)
            if new_key is not None:
                self._created.add(new_key)

    def rank(self, run: Run) -> int:
        """How many runs stand before this one, newest first."""
        place: int = self._created.bisect_left(newest_first(run))
        return place

    def at(self, rank: int) -> RunId | None:
        """The run at a place, newest first; -1 is the oldest; None if there are not so many."""
        if not -len(self._created) <= rank < len(self._created):
            return None
        key: Key = self._created[rank]
        return key[1]

    def created_between(self, start: datetime, end: datetime) -> list[RunId]:
        """Runs created from `start` to `end`, both included, newest first."""
        beyond = (EPOCH - start + timedelta.resolution,)
        return [key[1] for key in self._created.irange((EPOCH - end,), beyond)]


def _status(placed: KeyedRun | None) -> RunStatus | None:
    return None if placed is None or placed.run.state is None or placed.run.is_gone else placed.run.status


def _key(placed: KeyedRun | None) -> Key | None:
    return None if placed is None or placed.run.state is None else placed.key


def _move(index: dict[K, set[RunId]], run_id: RunId, old: K | None, new: K | None) -> None:
    if old == new:
        return
    if old is not None:
        index[old].remove(run_id)
        if not index[old]:
            del index[old]
    if new is not None:
        index.setdefault(new, set()).add(run_id)
