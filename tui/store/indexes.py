"""The indexes of the store: live and failed runs by status, all by parent and creation time, their number by task."""

from collections import Counter
from collections.abc import Hashable, Iterator
from datetime import datetime
from typing import Final, TypeVar

from sortedcontainers import SortedList

from tui.domain.ids import RunId, TaskId
from tui.domain.run import Fixed, Run
from tui.domain.status import FAILED, LIVE, RunStatus
from tui.store.orders import Key, KeyedRun, key_after, key_before, newest_first

K = TypeVar("K", bound=Hashable)

INDEXED: Final = LIVE | FAILED
"""The statuses that `Indexes.by_status` has. Nothing asks for the others, which most runs have: 40 bytes a run."""

_EMPTY = Fixed()


class Indexes:
    """Finds runs by status, parent and creation time. `replace` must be called for each changed run.

    `by_status` has only live and failed runs, those of `INDEXED`.
    `task_counts` has the number of runs of each task: a set of their ids would take 50 bytes a run.
    A run without a state is found by its parent only. A run that the server has deleted has no status. `live` are
    the runs that may still change.
    """

    def __init__(self) -> None:
        self.by_status: dict[RunStatus, set[RunId]] = {}
        self.task_counts = Counter[TaskId]()
        self.by_parent: dict[RunId, set[RunId]] = {}
        self.live: set[RunId] = set()
        self._created = SortedList()

    def replace(self, before: KeyedRun | None, after: KeyedRun | None) -> None:
        """Replace a run in all indexes. `before` None: the run is new. `after` None: it is removed."""
        keyed = after or before
        if keyed is None:
            return
        run_id = keyed.run.id
        old, new = _status(before), _status(after)
        if old is not new:
            _move(self.by_status, run_id, _indexed(old), _indexed(new))
            if new is None or new.is_final:
                self.live.discard(run_id)
            else:
                self.live.add(run_id)
        was, now = before.run.fixed if before else _EMPTY, after.run.fixed if after else _EMPTY
        if was is not now:
            self._count_task(was.task, now.task)
            _move(self.by_parent, run_id, was.parent_id, now.parent_id)
        old_key, new_key = _key(before), _key(after)
        if old_key != new_key:
            if old_key is not None:
                self._created.remove(old_key)
            if new_key is not None:
                self._created.add(new_key)

    def _count_task(self, old: TaskId | None, new: TaskId | None) -> None:
        if new is not None:
            self.task_counts[new] += 1
        if old is not None:
            self.task_counts[old] -= 1
            if not self.task_counts[old]:
                del self.task_counts[old]

    def rank(self, run: Run) -> int:
        """Return how many runs are newer than this one."""
        index: int = self._created.bisect_left(newest_first(run))
        return index

    def newest(self) -> RunId | None:
        """Return the newest run with a state, or None."""
        if not self._created:
            return None
        key: Key = self._created[0]
        return key[1]

    def newest_first(self) -> Iterator[RunId]:
        """Iterate over the runs with a state, newest first. Nothing may change meanwhile."""
        return (key[1] for key in self._created)

    def oldest(self) -> RunId | None:
        """Return the oldest run with a state, or None."""
        if not self._created:
            return None
        key: Key = self._created[-1]
        return key[1]

    def created_between(self, start: datetime, end: datetime) -> list[RunId]:
        """Return the runs created from `start` to `end`, both included, newest first."""
        return [key[1] for key in self._created.irange(key_before(end), key_after(start))]

    def newest_first_keys(self) -> list[Key]:
        """Return the keys of all runs with a state, newest first."""
        return list(self._created)

    def shared(self, key: Key) -> Key:
        """Return the equal key of the indexes, or the key itself if they have none."""
        index = self._created.bisect_left(key)
        found: Key = self._created[index] if index < len(self._created) else key
        return found if found == key else key


def status_of(run: Run) -> RunStatus | None:
    """Return the status by which a run is found; None if it has no state, or if the server has deleted it."""
    return None if run.state is None or run.is_gone else run.status


def _status(keyed: KeyedRun | None) -> RunStatus | None:
    return None if keyed is None else status_of(keyed.run)


def _indexed(status: RunStatus | None) -> RunStatus | None:
    return status if status in INDEXED else None


def _key(keyed: KeyedRun | None) -> Key | None:
    return None if keyed is None or keyed.run.state is None else keyed.key


def _move(index: dict[K, set[RunId]], run_id: RunId, old: K | None, new: K | None) -> None:
    if old == new:
        return
    if old is not None:
        index[old].remove(run_id)
        if not index[old]:
            del index[old]
    if new is not None:
        index.setdefault(new, set()).add(run_id)
