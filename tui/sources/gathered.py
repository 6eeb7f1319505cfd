"""The runs that came along while a tree was read, and what the reader of the tree still has to ask for."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.tree import RunTree, TreeRow
from tui.store.merge import merge
from tui.wire.runs import RunAnswer


class GatheredRuns:
    """The runs that came along while a tree was read, and which of them told all their children."""

    def __init__(self) -> None:
        self.runs: dict[RunId, Run] = {}
        self.read: set[RunId] = set()
        self.missing: list[str] = []
        self.gone = 0

    def take(self, answer: RunAnswer) -> None:
        """Keep a run that was read, with its relatives."""
        for patch in (answer.patch, *answer.related):
            self.runs[patch.id] = merge(self.runs.get(patch.id), patch)
        self.read.add(answer.patch.id)
        if not answer.patch.has_children:
            self.missing.append(f"{answer.patch.id} does not tell its children")

    def lose(self, run_id: RunId) -> None:
        """Take note that a run cannot be read any more."""
        self.read.add(run_id)
        self.gone += 1

    def first_unread(self, ids: deque[RunId]) -> RunId | None:
        """The first run that was not read yet; those before it are dropped."""
        while ids and ids[0] in self.read:
            ids.popleft()
        return ids[0] if ids else None

    def is_open(self, row: TreeRow) -> bool:
        """Whether no piece tells the status of a run."""
        run = self.runs.get(row.id)
        return row.status is None and (run is None or run.state is None)

    def tellers_of_open(self, rows: Iterable[TreeRow]) -> deque[RunId]:
        """The runs whose details tell the statuses that are open: the parents, which tell several at once."""
        return deque(
            row.id if row.parent_id is None or row.parent_id in self.read else row.parent_id
            for row in rows
            if self.is_open(row)
        )

    def reasons(self) -> tuple[str, ...]:
        """Why the tree may not be whole."""
        gone = [f"{self.gone:,} {'run' if self.gone == 1 else 'runs'} cannot be read any more"] if self.gone else []
        return tuple(dict.fromkeys([*self.missing, *gone]))

    def untold(self, rows: Iterable[TreeRow]) -> list[RunId]:
        """The runs that may live, of which a query told no status, and that were not read themselves."""
        told = {row.id: row.status for row in rows}
        unread = (run_id for run_id in (*self.runs, *(each for each in told if each not in self.runs)))
        return [
            run_id
            for run_id in unread
            if run_id not in self.read and told.get(run_id) is None and not self._has_ended(run_id)
        ]

    def has_unread_below(self, tree: RunTree, run_id: RunId) -> bool:
        """Whether a run below one may live, and did not tell its children itself."""
        node = tree.find(run_id)
        return node is not None and any(
            each.id not in self.read and not (each.status is not None and each.status.canonical.is_final)
            for each in node.walk()
        )

    def _has_ended(self, run_id: RunId) -> bool:
        run = self.runs.get(run_id)
        return run is not None and run.state is not None and run.is_final

    def created_at(self, run_id: RunId) -> datetime | None:
        """When a run was created, as far as that is known."""
        run = self.runs.get(run_id)
        return None if run is None else run.fixed.created_at

    def rows(self) -> Iterable[TreeRow]:
        """The runs as rows of a tree."""
        for run in self.runs.values():
            yield TreeRow(run.id, run.fixed.parent_id, run.fixed.task, run.state.status if run.state else None)
