"""Collects the runs of one tree while it is being fetched."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.tree import RunTree, TreeRow
from tui.store.merge import merge
from tui.wire.runs import RunResponse


class GatheredRuns:
    """The runs of one tree that were read so far. `TreeFetcher` bounds their number.

    `read` are the runs whose own detail was read, or that are gone. `missing` says in words which parts are unknown.
    `gone` counts the runs that the server no longer has.
    """

    def __init__(self) -> None:
        self.runs: dict[RunId, Run] = {}
        self.read: set[RunId] = set()
        self.missing: list[str] = []
        self.gone = 0

    def add(self, response: RunResponse) -> None:
        """Add a run that was read, and its relatives."""
        for patch in (response.patch, *response.related):
            self.runs[patch.id] = merge(self.runs.get(patch.id), patch)
        self.read.add(response.patch.id)
        if not response.patch.lists_all_children:
            self.missing.append(f"{response.patch.id} does not list its children")

    def add_gone(self, run_id: RunId) -> None:
        """Record that the server no longer has a run."""
        self.read.add(run_id)
        self.gone += 1

    def first_unread(self, ids: deque[RunId]) -> RunId | None:
        """Return the first unread run, and drop the read ones before it."""
        while ids and ids[0] in self.read:
            ids.popleft()
        return ids[0] if ids else None

    def lacks_status(self, row: TreeRow) -> bool:
        """Whether neither the row nor a read has the status of the run."""
        run = self.runs.get(row.id)
        return row.status is None and (run is None or run.state is None)

    def runs_for_statuses(self, rows: Iterable[TreeRow]) -> deque[RunId]:
        """Return the runs to read for the missing statuses: parents first, since one detail lists all children."""
        return deque(
            row.id if row.parent_id is None or row.parent_id in self.read else row.parent_id
            for row in rows
            if self.lacks_status(row)
        )

    def reasons(self) -> tuple[str, ...]:
        """Return why the tree may be incomplete, each reason once."""
        gone = [f"{self.gone:,} {'run' if self.gone == 1 else 'runs'} cannot be read any more"] if self.gone else []
        return tuple(dict.fromkeys([*self.missing, *gone]))

    def unread_live(self, rows: Iterable[TreeRow]) -> list[RunId]:
        """Return the unread runs that may be live, and whose status is in no row of the query."""
        statuses = {row.id: row.status for row in rows}
        unread = (run_id for run_id in (*self.runs, *(each for each in statuses if each not in self.runs)))
        return [
            run_id
            for run_id in unread
            if run_id not in self.read and statuses.get(run_id) is None and not self._has_ended(run_id)
        ]

    def has_unread_below(self, tree: RunTree, run_id: RunId) -> bool:
        """Whether the run, or a descendant, may be live and was not read itself, so that it may have more children."""
        node = tree.find(run_id)
        return node is not None and any(
            each.id not in self.read and not (each.status is not None and each.status.canonical.is_final)
            for each in node.walk()
        )

    def _has_ended(self, run_id: RunId) -> bool:
        run = self.runs.get(run_id)
        return run is not None and run.state is not None and run.is_final

    def created_at(self, run_id: RunId) -> datetime | None:
        """Return when a run was created, None if that is unknown."""
        run = self.runs.get(run_id)
        return None if run is None else run.fixed.created_at

    def rows(self) -> Iterable[TreeRow]:
        """Yield every run that was read as a row of the tree."""
        for run in self.runs.values():
            yield TreeRow(run.id, run.fixed.parent_id, run.fixed.task, run.state.status if run.state else None)
