"""Counts the runs that were created since the list stopped following them, and that were not visible yet."""

from collections.abc import Container, Iterable
from datetime import datetime

from tui.domain.ids import RunId
from tui.store.store import Store


class NewRuns:
    """New runs are those that were created after `start`, until they are visible or leave the view."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._run_ids: set[RunId] = set()
        self._newest_at: datetime | None = None

    def __len__(self) -> int:
        return len(self._run_ids)

    def start(self) -> None:
        """Count the runs that are created from now on."""
        newest = self._store.newest_existing()
        self._newest_at = newest.created_at if newest is not None else None

    def add(self, entered: Iterable[RunId]) -> None:
        """Add those of the runs that entered the view which are new."""
        for run_id in entered:
            run = self._store.get(run_id)
            created_at = run.created_at if run is not None else None
            if created_at is not None and (self._newest_at is None or created_at > self._newest_at):
                self._run_ids.add(run_id)

    def discard(self, run_ids: Iterable[RunId]) -> None:
        """Drop runs that are visible now, or gone."""
        self._run_ids.difference_update(run_ids)

    def keep(self, run_ids: Container[RunId]) -> None:
        """Drop every run that is not among these."""
        self._run_ids = {run_id for run_id in self._run_ids if run_id in run_ids}

    def clear(self) -> None:
        """Drop every run."""
        self._run_ids.clear()
