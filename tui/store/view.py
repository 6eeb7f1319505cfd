"""`View`: the runs that match a filter, sorted, and updated incrementally."""

from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final, Protocol, cast

from sortedcontainers import SortedList

from tui.domain.run import Run, RunId
from tui.store.changes import CREATED, Changes, Key, Order, SortKey, ViewDelta
from tui.store.filter import EVERYTHING, Filter
from tui.store.indexes import move_key
from tui.store.store import Store

_KEYS_PER_STEP: Final = 1_024
_RUNS_PER_STEP: Final = 256
_KEYS_PER_SORT: Final = 8_192
"""Sorting this many takes about 2 ms, and merging the sorted parts of 100,000 less than 10 ms."""

_RANK: Final = itemgetter(0)
_TIME: Final = itemgetter(0)
_RUN_ID: Final = itemgetter(1)
_ID: Final = itemgetter(-1)


class RunSource(Protocol):
    """The runs that a view filters: those of the store, or as they were when updates were paused."""

    @property
    def get(self) -> Callable[[RunId], Run | None]:
        """Return a run, or None if there is none with this id. The function is read again for each use."""

    def newest_first_keys(self) -> Sequence[Key]:
        """Return the sort keys of all runs with a state, newest first."""


class View:
    """The filtered and sorted runs of a store. `update` must receive every change of the store.

    A view leaves out runs that are known only by id. Of the runs created before `since` it shows only live ones.
    """

    def __init__(
        self,
        store: Store,
        runs_filter: Filter = EVERYTHING,
        order: Order = CREATED,
        *,
        since: datetime | None = None,
        starts_empty: bool = False,
        candidates: Sequence[Key] | None = None,
        source: "RunSource | None" = None,
    ) -> None:
        """Create a view of the store.

        `source` has the runs as they are shown, by default the store. With `starts_empty` the view is complete
        only when `fill` has returned True; it may receive updates before. `candidates` are the keys of the runs that
        can match, newest first, by default of all runs.
        """
        self._store = store
        self._source = source or store
        self.filter = runs_filter
        """The filter that decides which runs are shown."""
        self.order = order
        self.since = since
        """The creation time before which only live runs are shown."""
        self._indexed: dict[RunId, SortKey] = {}
        self._unindexed: list[SortKey] = []
        """Keys whose runs are not in the index yet.

        A dictionary of 100,000 runs takes 15 ms to make, a tenth of the time to sort them, and the first page of a
        sorted list does not need it. They enter it in steps, or all at once when a run is looked for.
        """
        self._older: set[RunId] = set()
        self._sorted_keys = SortedList()
        self._is_sorted = False
        self._unsorted_moves: list[tuple[SortKey | None, SortKey | None]] = []
        """The keys that `update` replaced while the others were sorted."""
        self._is_updated = False
        """Whether `update` was called before all candidates were added."""
        self._steps = self._fill(self._source.newest_first_keys() if candidates is None else candidates)
        if not starts_empty:
            self.fill(lambda: False)

    @property
    def older_count(self) -> int:
        """The number of shown runs that were created before `since`. All of them are live."""
        return len(self._older)

    def fill(self, is_time_up: Callable[[], bool]) -> bool:
        """Add more of the runs that the store had at the start, until the time is up. Return whether all are added."""
        for _ in self._steps:
            if is_time_up():
                break
        return self._is_sorted

    def stop(self) -> None:
        """Give up the filling. Until a view is filled or stopped, only the garbage collector can free it."""
        self._steps.close()

    def index(self, is_time_up: Callable[[], bool]) -> bool:
        """Make the index of a filled view, until the time is up. Return whether it is complete.

        The first update would make it at once, which takes 15 ms for 100,000 runs.
        """
        while self._unindexed:
            self._index(self._unindexed[-_KEYS_PER_STEP:])
            del self._unindexed[-_KEYS_PER_STEP:]
            if is_time_up():
                break
        return not self._unindexed

    @property
    def _keys(self) -> dict[RunId, SortKey]:
        """All keys by run. May be changed."""
        if self._unindexed:
            self._index(self._unindexed)
            self._unindexed.clear()
        return self._indexed

    def _index(self, keys: list[SortKey]) -> None:
        self._indexed.update(zip(map(_ID, keys), keys, strict=True))

    def _fill(self, candidates: Sequence[Key]) -> Generator[None, None, None]:
        """Add and sort the candidates in steps of a few milliseconds."""
        for start in range(0, len(candidates), _RUNS_PER_STEP):
            some = candidates[start : start + _RUNS_PER_STEP]
            if not self._add_all(some):
                self._add(some)
            yield
        # The keys are in order of creation, and sorting keeps that order among equal ranks. So only ranks are compared.
        keys = [*self._indexed.values(), *self._unindexed]  # in order of their addition
        self._unsorted_moves.clear()
        if self.order.rank is not None:
            for start in range(0, len(keys), _KEYS_PER_SORT):
                part = slice(start, start + _KEYS_PER_SORT)
                keys[part] = sorted(keys[part], key=_RANK)
                yield
            keys.sort(key=_RANK)
            yield
        self._sorted_keys = SortedList(keys)
        self._is_sorted = True
        for old, new in self._unsorted_moves:
            move_key(self._sorted_keys, old, new)
        self._unsorted_moves.clear()

    def _add_all(self, candidates: Sequence[Key]) -> bool:
        """Add the candidates if it is certain that all match; return whether it is.

        Without a loop in Python, sorting 100,000 runs takes half the time.
        """
        is_older = self.since is not None and candidates[-1][0] >= -self.since.timestamp()
        if self._is_updated or is_older or not self.filter.is_empty:
            return False
        ids = list(map(_RUN_ID, candidates))
        runs = list(map(self._source.get, ids))
        if not all(runs):
            return False
        rank = self.order.rank
        if rank is None:
            self._unindexed.extend(candidates)
        else:
            ranks = map(rank, cast("list[Run]", runs))
            self._unindexed.extend(zip(ranks, map(_TIME, candidates), ids, strict=True))
        return True

    def _add(self, candidates: Iterable[Key]) -> None:
        """Add those of the candidates that match. The loop is written for speed: a filter runs it 100,000 times."""
        get, rank, keys = self._source.get, self.order.rank, self._keys
        matches = None if self.filter.is_empty else self.filter.test
        since = None if self.since is None else -self.since.timestamp()
        for key in candidates:
            run_id = key[1]
            run = get(run_id)
            if run is None or run.state is None or run_id in keys or not (matches is None or matches(run)):
                continue
            if since is not None and key[0] >= since and self._is_older(run):
                if run.is_final or run.is_gone:
                    continue
                self._older.add(run_id)
            keys[run_id] = key if rank is None else (rank(run), key[0], run_id)

    def set_since(self, since: datetime) -> ViewDelta:
        """Change `since`. The cost depends on the number of runs between the old and the new time."""
        before, self.since = self.since, since
        ends = None if before is None else sorted((before, since))
        affected = list(self._keys) if ends is None else self._store.created_between(*ends)
        return self.update(Changes(changed=set(affected)))

    def advance_to(self, now: datetime) -> set[RunId]:
        """Set the filter's time, and return the runs that may have started or stopped matching.

        The view does not change until `update` receives these runs as changed. The caller may pass them in parts.
        """
        now = now.astimezone(UTC)  # two times of one zone are subtracted as they are written
        before, self.filter = self.filter.now, self.filter.at(now)
        affected: set[RunId] = set()
        for age in self.filter.age_bounds:
            affected.update(self._store.created_between(*sorted((now - age, (before or now).astimezone(UTC) - age))))
        if self.filter.depends_on_duration:
            affected.update(self._store.live())
        return affected

    def update(self, changes: Changes) -> ViewDelta:
        """Apply changes of the store. Applying the same changes twice has no effect."""
        self._is_updated = True
        entered, left, changed = set[RunId](), set[RunId](), set[RunId]()
        keys = self._keys
        for run_id in (*changes.added, *changes.changed, *changes.removed):  # no run is in two of them
            run = self._source.get(run_id)
            old, new = keys.get(run_id), self._key(run)
            if new is not None and run is not None and self._is_older(run):
                self._older.add(run_id)
            else:
                self._older.discard(run_id)
            if old == new:
                if new is not None:
                    changed.add(run_id)
                continue
            if new is None:
                del keys[run_id]
            else:
                if self.order.rank is None:
                    new = self._store.shared_key(cast("Key", new))
                keys[run_id] = new
            if self._is_sorted:
                move_key(self._sorted_keys, old, new)
            else:
                self._unsorted_moves.append((old, new))
            (entered if old is None else left if new is None else changed).add(run_id)
        return ViewDelta(frozenset(entered), frozenset(left), frozenset(changed))

    def __len__(self) -> int:
        return len(self._indexed) + len(self._unindexed)

    def __contains__(self, run_id: object) -> bool:
        return self.key_of(cast("RunId", run_id)) is not None

    def at(self, index: int) -> RunId:
        """Return the run at an index, from 0. Raises `IndexError` if it is out of range."""
        return cast("RunId", self._sorted_keys[index][-1])

    def index_of(self, run_id: RunId) -> int | None:
        """Return the index of a run, or None if the view does not show it."""
        key = self.key_of(run_id)
        return None if key is None else self.index_for(key)

    def index_for(self, key: SortKey) -> int:
        """Return the index that a run with this key has, or would have."""
        return int(self._sorted_keys.bisect_left(key))

    def slice(self, start: int, stop: int) -> list[RunId]:
        """Return the runs from index `start` up to, but not including, `stop`. Indexes out of range are ignored."""
        return [key[-1] for key in self._sorted_keys.islice(max(0, start), max(0, stop))]

    def key_of(self, run_id: RunId) -> SortKey | None:
        """Return the sort key of a run, or None if the view does not show it."""
        # Without an index, it is one that the run has now, if that is here.
        if self._is_sorted and self._unindexed and (key := self._key(self._source.get(run_id))) is not None:
            index = self._sorted_keys.bisect_left(key)
            if index < len(self._sorted_keys) and self._sorted_keys[index] == key:
                return key
        return self._keys.get(run_id)

    def _key(self, run: Run | None) -> SortKey | None:
        if run is None or run.state is None or not self.filter.matches(run):
            return None
        return None if self._is_older(run) and (run.is_final or run.is_gone) else self.order.key(run)

    def _is_older(self, run: Run) -> bool:
        created_at = run.created_at
        return self.since is not None and created_at is not None and created_at < self.since
