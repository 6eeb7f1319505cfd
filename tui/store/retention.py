"""What is kept and what is let go when there are too many runs.

What lives here: who goes first. Taking a run out of the store is the store's.
"""

from collections import Counter

from sortedcontainers import SortedList

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.store.orders import Key, KeyedRun


class Retention:
    """Which runs may go, and whose heavy facets.

    Runs that are final, gone, or known only by reference may go, the oldest by creation first; live and pinned ones
    never do. Of payloads, outputs and attempt histories the most recently read are kept, besides those of pinned runs.
    """

    def __init__(self, max_bodies: int) -> None:
        self._max_bodies = max_bodies
        self._pins: Counter[RunId] = Counter()
        self._dispensable = SortedList()
        self._heavy: dict[RunId, None] = {}

    def replace(self, before: KeyedRun | None, after: KeyedRun | None) -> None:
        """One run is now `after`; None: there was none, there is none."""
        placed = after or before
        if placed is None or placed.run.id in self._pins:
            return
        old, new = _key(before), _key(after)
        if old != new:
            if old is not None:
                self._dispensable.remove(old)
            if new is not None:
                self._dispensable.add(new)
        if after is None:
            self._heavy.pop(placed.run.id, None)

    def oldest(self) -> RunId | None:
        """The run that goes first, or None: all there are must stay."""
        if not self._dispensable:
            return None
        key: Key = self._dispensable[-1]
        return key[1]

    def note_heavy(self, run_id: RunId) -> None:
        """A payload, an output or attempts of a run were read."""
        if run_id not in self._pins:
            self._heavy.pop(run_id, None)
            self._heavy[run_id] = None

    def lighten(self) -> RunId | None:
        """The run whose heavy facets go next, and which is forgotten as heavy with that; None: there is room."""
        if len(self._heavy) <= self._max_bodies:
            return None
        run_id = next(iter(self._heavy))
        del self._heavy[run_id]
        return run_id

    def pin(self, run_id: RunId, placed: KeyedRun | None) -> None:
        """Keep a run, whatever it is; pins of one run add up. `placed` is what the store has of it now."""
        self.replace(placed, None)
        self._pins[run_id] += 1

    def unpin(self, run_id: RunId, placed: KeyedRun | None) -> None:
        """Take one pin back; without one nothing happens."""
        if self._pins[run_id] > 1:
            self._pins[run_id] -= 1
        elif self._pins.pop(run_id, 0):
            self.replace(None, placed)
            if placed is not None and is_heavy(placed.run):
                self.note_heavy(run_id)


def is_heavy(run: Run) -> bool:
    """Whether it has facets that are kept for a few runs only."""
    return run.body is not None or run.attempts is not None


def _key(placed: KeyedRun | None) -> Key | None:
    if placed is None:
        return None
    run = placed.run
    return placed.key if run.state is None or run.is_final or run.is_gone else None
