"""Decides which runs the store drops when it is full, and which runs lose their large facets, such as the payload.

The store asks for the next run and drops it.
"""

from collections import Counter

from sortedcontainers import SortedList

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.store.orders import Key, KeyedRun


class Retention:
    """Chooses the runs to drop, and the runs to strip of their large facets.

    * Runs that are final, deleted, or known only by id may be dropped, in the order of their creation. Live and pinned
      runs are never dropped.
    * Payloads, outputs and attempt histories are kept for pinned runs and for the `max_bodies` other runs whose
      large facets were read last.
    """

    def __init__(self, max_bodies: int) -> None:
        self._max_bodies = max_bodies
        self._pins: Counter[RunId] = Counter()
        self._droppable = SortedList()
        self._detailed: dict[RunId, None] = {}

    def replace(self, before: KeyedRun | None, after: KeyedRun | None) -> None:
        """Update the entry of a run. `before` None: the run is new. `after` None: it is removed."""
        keyed = after or before
        if keyed is None or keyed.run.id in self._pins:
            return
        old, new = _key(before), _key(after)
        if old != new:
            if old is not None:
                self._droppable.remove(old)
            if new is not None:
                self._droppable.add(new)
        if after is None:
            self._detailed.pop(keyed.run.id, None)

    def next_to_drop(self) -> RunId | None:
        """Return the run to drop next, or None if no run may be dropped."""
        if not self._droppable:
            return None
        key: Key = self._droppable[-1]
        return key[1]

    def record_detail(self, run_id: RunId) -> None:
        """Record that the payload, the output or the attempts of a run were read."""
        if run_id not in self._pins:
            self._detailed.pop(run_id, None)
            self._detailed[run_id] = None

    def pop_next_to_strip(self) -> RunId | None:
        """Remove and return the run to strip of its large facets next, or None if no run has to be stripped."""
        if len(self._detailed) <= self._max_bodies:
            return None
        run_id = next(iter(self._detailed))
        del self._detailed[run_id]
        return run_id

    def pin(self, run_id: RunId, keyed: KeyedRun | None) -> None:
        """Keep a run and all its facets until each `pin` is undone. `keyed` is the store's run, None if it has none."""
        self.replace(keyed, None)
        self._pins[run_id] += 1

    def unpin(self, run_id: RunId, keyed: KeyedRun | None) -> None:
        """Undo one `pin`. Does nothing if the run is not pinned."""
        if self._pins[run_id] > 1:
            self._pins[run_id] -= 1
        elif self._pins.pop(run_id, 0):
            self.replace(None, keyed)
            if keyed is not None and has_large_facets(keyed.run):
                self.record_detail(run_id)


def has_large_facets(run: Run) -> bool:
    """Return whether a run has a facet that is kept only for a few runs."""
    return run.body is not None or run.attempts is not None


def _key(keyed: KeyedRun | None) -> Key | None:
    if keyed is None:
        return None
    run = keyed.run
    return keyed.key if run.state is None or run.is_final or run.is_gone else None
