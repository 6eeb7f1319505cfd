"""A view: the runs that match a filter, in an order, kept up to date one change at a time.

What lives here: which run stands at which place. What a row shows, and which row the cursor is on, is the screen's.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sortedcontainers import SortedList

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.store.changes import Changes
from tui.store.filter import EVERYTHING, Filter
from tui.store.orders import CREATED, Order, SortKey
from tui.store.store import Store

_LOOK_AT_THE_TIME_EVERY: Final = 64  # runs, while a view grows


@dataclass(frozen=True, slots=True)
class ViewDelta:
    """What an update did to a view. `moved` runs have another key (their place may be the same), `changed` ones the
    same key. Places are asked of the view, since they are meant after all of it.
    """

    entered: frozenset[RunId]
    left: frozenset[RunId]
    moved: frozenset[RunId]
    changed: frozenset[RunId]

    @property
    def is_empty(self) -> bool:
        """Whether the view looks as before."""
        return not (self.entered or self.left or self.moved or self.changed)


class View:
    """Always what filtering and sorting the store's runs from nothing would give, if it hears of every change.

    A view never shows runs that are known only by reference. Of the runs created before `since` it shows only those
    that are live: they matter whatever their age. With `starts_empty` the view is complete once
    `fill` returns True; it may receive changes meanwhile.
    """

    def __init__(
        self,
        store: Store,
        runs_filter: Filter = EVERYTHING,
        order: Order = CREATED,
        *,
        since: datetime | None = None,
        starts_empty: bool = False,
        candidates: Iterable[RunId] | None = None,
        get: Callable[[RunId], Run | None] | None = None,
    ) -> None:
        """Show runs of the store, as `get` returns them: by default as they are there.

        `candidates` are the runs that may match, where that is known: a starts_empty view looks at no others.
        """
        self._store = store
        self._get = get or store.get
        self._filter = runs_filter
        self._order = order
        self._since = since
        self._keys: dict[RunId, SortKey] = {}
        self._older: set[RunId] = set()
        self._places = SortedList()
        self._waiting: list[RunId] = []
        if starts_empty:
            self._waiting = [run.id for run in store.runs()] if candidates is None else list(candidates)
        if not starts_empty:
            self._rebuild()

    @property
    def filter(self) -> Filter:
        """Which runs it shows."""
        return self._filter

    @property
    def order(self) -> Order:
        """How they are sorted."""
        return self._order

    @property
    def since(self) -> datetime | None:
        """The creation time before which only live runs are shown."""
        return self._since

    @property
    def older_count(self) -> int:
        """How many of the shown runs were created before `since`; all of them are live."""
        return len(self._older)

    def fill(self, is_time_up: Callable[[], bool]) -> bool:
        """Look at more of the runs that were there at the start, until the time is up; whether it is whole now."""
        waiting = self._waiting
        while waiting:
            for _ in range(min(_LOOK_AT_THE_TIME_EVERY, len(waiting))):
                run_id = waiting.pop()
                if run_id not in self._keys and (key := self._key(run_id)) is not None:
                    self._places.add(key)
                    self._keys[run_id] = key
                    self._note_age(run_id)
            if is_time_up():
                return not waiting
        return True

    def set_since(self, since: datetime) -> ViewDelta:
        """Move `since` to another time. Cheap where it moves by a little, forth or back."""
        before, self._since = self._since, since
        ends = None if before is None else sorted((before, since))
        concerned = list(self._keys) if ends is None else self._store.created_between(*ends)
        return self.update(Changes(changed=set(concerned)))

    def advance_to(self, now: datetime) -> set[RunId]:
        """Move the filter to a later (or earlier) moment, and return the runs that may match otherwise now.

        The runs stay as they are until `update` is told them as changed, in parts where they are many.
        """
        before, self._filter = self._filter.now, self._filter.at(now)
        concerned: set[RunId] = set()
        for moment in self._filter.moments:
            ends = sorted((now - moment, (before or now) - moment))
            concerned.update(self._store.created_between(*ends))
        if self._filter.watches_durations:
            concerned.update(self._store.live())
        return concerned

    def update(self, changes: Changes) -> ViewDelta:
        """Follow the store, of which `changes` happened since the last call; changes told twice do no harm."""
        entered, left, moved, changed = set[RunId](), set[RunId](), set[RunId](), set[RunId]()
        for run_id in _touched(changes):
            old, new = self._keys.get(run_id), self._key(run_id)
            self._note_age(run_id, is_shown=new is not None)
            if old == new:
                if new is not None:
                    changed.add(run_id)
                continue
            if old is not None:
                self._places.remove(old)
                del self._keys[run_id]
            if new is not None:
                self._places.add(new)
                self._keys[run_id] = new
            (entered if old is None else left if new is None else moved).add(run_id)
        return ViewDelta(frozenset(entered), frozenset(left), frozenset(moved), frozenset(changed))

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._keys

    @property
    def run_ids(self) -> AbstractSet[RunId]:
        """The runs that it shows, in no order: the view's own set, which changes with it."""
        return self._keys.keys()

    def at(self, index: int) -> RunId:
        """The run at a place, from 0; `IndexError` beyond the end, as of a list."""
        key: SortKey = self._places[index]
        return _id_of(key)

    def index_of(self, run_id: RunId) -> int | None:
        """The place of a run, or None if it is not in the view."""
        key = self._keys.get(run_id)
        if key is None:
            return None
        index: int = self._places.bisect_left(key)
        return index

    def key_of(self, run_id: RunId) -> SortKey | None:
        """What a run of the view is sorted by."""
        return self._keys.get(run_id)

    def place(self, key: SortKey) -> int:
        """Where a run with that key stands, or would."""
        index: int = self._places.bisect_left(key)
        return index

    def slice(self, start: int, stop: int) -> list[RunId]:
        """The runs from one place up to another, without the latter; what is beyond the ends is left out."""
        return [_id_of(key) for key in self._places.islice(max(0, start), max(0, stop))]

    def _key(self, run_id: RunId) -> SortKey | None:
        run = self._get(run_id)
        if run is None or not self._shows(run):
            return None
        return self._order.key(run)

    def _shows(self, run: Run) -> bool:
        if run.state is None or not self._filter.matches(run):
            return False
        return not self._is_older(run) or not (run.is_final or run.is_gone)

    def _is_older(self, run: Run) -> bool:
        created_at = run.fixed.created_at
        return self._since is not None and created_at is not None and created_at < self._since

    def _note_age(self, run_id: RunId, *, is_shown: bool = True) -> None:
        run = self._get(run_id)
        if is_shown and run is not None and self._is_older(run):
            self._older.add(run_id)
        else:
            self._older.discard(run_id)

    def _rebuild(self) -> None:
        key = self._order.key
        runs = (self._get(run.id) for run in self._store.runs())
        shown = [run for run in runs if run is not None and self._shows(run)]
        self._keys = {run.id: key(run) for run in shown}
        self._older = {run.id for run in shown if self._is_older(run)}
        self._places = SortedList(self._keys.values())


def _touched(changes: Changes) -> Iterable[RunId]:
    """The runs of all three sets, which share none."""
    return (*changes.added, *changes.changed, *changes.removed)


def _id_of(key: SortKey) -> RunId:
    run_id: RunId = key[-1]
    return run_id
