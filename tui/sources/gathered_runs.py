"""Collects the runs of one tree while `TreeFetcher` fetches it, and the reasons why the tree may be incomplete.

It does no IO.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.tree import RunTree, TreeRow
from tui.store.merge import merge
from tui.wire.runs import RunResponse


class GatheredRuns:
    """The known runs of one tree. `TreeFetcher` bounds their number.

    `runs` includes relatives that only the detail of another run lists. `read_ids` are the runs whose own detail was
    read, or that are gone. `missing` describes the unknown parts in words.
    """

    def __init__(self) -> None:
        self.runs: dict[RunId, Run] = {}
        self.read_ids: set[RunId] = set()
        self.missing: list[str] = []
        self._gone_count = 0

    def add(self, response: RunResponse) -> None:
        """Add the run of a response, and its relatives."""
        for patch in (response.patch, *response.related):
            self.runs[patch.id] = merge(self.runs.get(patch.id), patch)
        self.read_ids.add(response.patch.id)
        if not response.patch.lists_all_children:
            self.missing.append(f"{response.patch.id} does not list its children")

    def add_gone(self, run_id: RunId) -> None:
        """Record that the server no longer has a run."""
        self.read_ids.add(run_id)
        self._gone_count += 1

    def first_unread(self, ids: deque[RunId]) -> RunId | None:
        """Drop read runs from the front of `ids`, and return the first unread one."""
        while ids and ids[0] in self.read_ids:
            ids.popleft()
        return ids[0] if ids else None

    def is_status_unknown(self, row: TreeRow) -> bool:
        """Whether the status of a run is neither in its row nor in a response."""
        run = self.runs.get(row.id)
        return row.status is None and (run is None or run.state is None)

    def ids_to_read_for_status(self, rows: Iterable[TreeRow]) -> deque[RunId]:
        """Return a run to read for each row without a status.

        That is its parent, whose detail lists all children, or the run itself if its parent was read.
        """
        return deque(
            row.id if row.parent_id is None or row.parent_id in self.read_ids else row.parent_id
            for row in rows
            if self.is_status_unknown(row)
        )

    def reasons(self) -> tuple[str, ...]:
        """Return why the tree may be incomplete, each reason once."""
        count = self._gone_count
        gone = [f"{count:,} {'run' if count == 1 else 'runs'} cannot be read any more"] if count else []
        return tuple(dict.fromkeys([*self.missing, *gone]))

    def unread_live(self, rows: Iterable[TreeRow]) -> list[RunId]:
        """Return the unread runs that may be live and have no status in `rows`."""
        statuses = {row.id: row.status for row in rows}
        unread = (run_id for run_id in (*self.runs, *(each for each in statuses if each not in self.runs)))
        return [
            run_id
            for run_id in unread
            if run_id not in self.read_ids and statuses.get(run_id) is None and not self._has_ended(run_id)
        ]

    def may_miss_children(self, tree: RunTree, run_id: RunId) -> bool:
        """Whether the run or a descendant was not read and may be live, so that the tree may lack children of it."""
        node = tree.find(run_id)
        return node is not None and any(
            each.id not in self.read_ids and not (each.status is not None and each.status.canonical.is_final)
            for each in node.walk()
        )

    def _has_ended(self, run_id: RunId) -> bool:
        run = self.runs.get(run_id)
        return run is not None and run.state is not None and run.is_final

    def created_at(self, run_id: RunId) -> datetime | None:
        """Return when a run was created, None if that is unknown."""
        run = self.runs.get(run_id)
        return None if run is None else run.created_at

    def rows(self) -> Iterable[TreeRow]:
        """Yield a row of the tree for every known run."""
        for run in self.runs.values():
            yield TreeRow(run.id, run.fixed.parent_id, run.fixed.task, run.state.status if run.state else None)
