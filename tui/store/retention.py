"""Decides which runs the store drops when it is full, and which runs lose their large facets, such as the payload.

The store asks for the next run and drops it.
"""

from collections import Counter
from typing import Final

from sortedcontainers import SortedList

from tui.domain.ids import RunId
from tui.domain.run import Json, Run
from tui.store.orders import Key, KeyedRun

VALUE_BYTES: Final = 100
"""What a value of decoded JSON takes, its text apart."""

ATTEMPT_BYTES: Final = 2_000
"""What an attempt takes, with its error and its stack."""


class Retention:
    """Chooses the runs to drop, and the runs to strip of their large facets.

    * Runs that are final, deleted, or known only by id may be dropped, in the order of their creation. Live and pinned
      runs are never dropped.
    * Payloads, outputs and attempt histories are kept for pinned runs and for the other runs whose large facets were
      read last: at most `max_bodies` runs, and fewer where these take more than some `max_body_bytes`.
    """

    def __init__(self, max_bodies: int, max_body_bytes: int) -> None:
        self._max_bodies = max_bodies
        self._max_body_bytes = max_body_bytes
        self._pins: Counter[RunId] = Counter()
        self._droppable = SortedList()
        self._detailed: dict[RunId, int] = {}
        """The size of the large facets of each run in bytes, the run that was read last at the end."""
        self._body_bytes = 0

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
            self._forget_detail(keyed.run.id)

    def next_to_drop(self) -> RunId | None:
        """Return the run to drop next, or None if no run may be dropped."""
        if not self._droppable:
            return None
        key: Key = self._droppable[-1]
        return key[1]

    def record_detail(self, run: Run) -> None:
        """Record that the payload, the output or the attempts of a run were read."""
        if run.id not in self._pins:
            self._forget_detail(run.id)
            self._detailed[run.id] = size_bytes = _size_bytes(run, self._max_body_bytes)
            self._body_bytes += size_bytes

    def pop_next_to_strip(self) -> RunId | None:
        """Remove and return the run to strip of its large facets next, or None if no run has to be stripped.

        One run may take more than all may together: then only its facets are kept.
        """
        count = len(self._detailed)
        if count <= self._max_bodies and (count <= 1 or self._body_bytes <= self._max_body_bytes):
            return None
        run_id = next(iter(self._detailed))
        self._forget_detail(run_id)
        return run_id

    def _forget_detail(self, run_id: RunId) -> None:
        self._body_bytes -= self._detailed.pop(run_id, 0)

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
                self.record_detail(keyed.run)


def has_large_facets(run: Run) -> bool:
    """Return whether a run has a facet that is kept only for a few runs."""
    return run.body is not None or run.attempts is not None


def _size_bytes(run: Run, max_bytes: int) -> int:
    """Estimate what the large facets of a run take, up to a little more than `max_bytes`: a key waits meanwhile."""
    body = None if run.body is None else run.body[1]
    found = 0 if run.attempts is None else ATTEMPT_BYTES * len(run.attempts[1].attempts)
    values: list[Json] = [] if body is None else [body.payload, body.output]
    while values and found <= max_bytes:
        value = values.pop()
        found += VALUE_BYTES
        if isinstance(value, str):
            found += len(value)
        elif isinstance(value, dict):
            values.extend(value.values())
        elif isinstance(value, list):
            values.extend(value)
    return found


def _key(keyed: KeyedRun | None) -> Key | None:
    if keyed is None:
        return None
    run = keyed.run
    return keyed.key if run.state is None or run.is_final or run.is_gone else None
