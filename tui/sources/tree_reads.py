"""The whole tree around a run, gathered from the pieces in which the API tells it.

What lives here: which requests a tree takes. How pieces become a tree is `domain.tree`'s. Source: wire/README.md §6.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from tui.domain.environment import Capability
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Json, Run
from tui.domain.status import read_status
from tui.domain.tree import RunTree, TreeRow, build_tree, rows_of_trace
from tui.sources.budget import Priority
from tui.sources.reads import Reads
from tui.store.merge import merge
from tui.wire.errors import ApiError, NotFound
from tui.wire.runs import RunAnswer

TREE_READS = 60
"""Details that a tree may cost where queries are refused: a branch with more runs says that it is not all."""

TREE_ROWS = 5_000
"""Rows of one tree asked of TRQL, which is as many spans as a trace has at most."""


class TreeReads:
    """Asks the API who triggered whom."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def tree(self, run_id: RunId, priority: Priority, *, is_thorough: bool = False) -> RunTree:
        """The whole tree around a run: by one query where the key may, else by its trace and details one by one.

        `is_thorough` reads the live runs that a query told of as well: its copy of the database lags, and what an
        action would stop must be known, not supposed.
        """
        answer = await self._reads.run(run_id, priority)
        root_id = _root_of(answer) or run_id
        root_answer = answer if root_id == run_id else await self._maybe_run(root_id, priority)
        gathered = _Gathered()
        gathered.take(answer)
        if root_answer is None:
            gathered.missing.append(f"the root {root_id} is gone")
        else:
            gathered.take(root_answer)
        created_at = gathered.created_at(root_id) or gathered.created_at(run_id)
        rows = await self._tree_by_query(root_id, created_at, priority)
        if rows is None:
            rows = await self._rows_of_trace(root_id, gathered, priority)
            await self._read_below(gathered, rows, priority, only_live=False)
        else:
            if len(rows) >= TREE_ROWS:
                gathered.missing.append(f"{TREE_ROWS:,} runs or more")
            if is_thorough:
                await self._read_below(gathered, rows, priority, only_live=True)
        return build_tree(run_id, [*gathered.rows(), *rows], gathered.runs, gathered.reasons())

    async def _maybe_run(self, run_id: RunId, priority: Priority) -> RunAnswer | None:
        try:
            return await self._reads.run(run_id, priority)
        except NotFound:
            return None

    async def _tree_by_query(
        self, root_id: RunId, created_at: datetime | None, priority: Priority
    ) -> list[TreeRow] | None:
        """All descendants of a root by TRQL (recording 834); None where the key may not, or the query failed."""
        if not self._reads.may(Capability.QUERY):
            return None
        trql = (
            "SELECT run_id, parent_run_id, root_run_id, depth, status, task_identifier FROM runs "  # noqa: S608  quoted
            f"WHERE root_run_id = '{_quoted(root_id)}' ORDER BY depth, triggered_at LIMIT {TREE_ROWS}"
        )
        found = await self._reads.query(trql, _period_since(created_at, self._reads.now()), priority)
        return None if found is None else [row for row in map(_tree_row, found) if row is not None]

    async def _rows_of_trace(self, root_id: RunId, gathered: "_Gathered", priority: Priority) -> list[TreeRow]:
        """Awaited descendants, by the root's trace."""
        try:
            trace = await self._reads.trace(root_id, priority)
        except ApiError as error:
            gathered.missing.append(f"the trace could not be read: {error}")
            return []
        if trace is None:
            return []
        if trace.is_truncated:
            gathered.missing.append("the trace was cut by the server")
        return rows_of_trace(trace.root)

    async def _read_below(
        self, gathered: "_Gathered", rows: list[TreeRow], priority: Priority, *, only_live: bool
    ) -> None:
        """Read the children of the known runs, breadth first, as many as `TREE_READS` allows."""
        told = {row.id: row for row in rows}
        pending = deque(dict.fromkeys([*gathered.runs, *told]))
        for _ in range(TREE_READS):
            while pending and (pending[0] in gathered.read or (only_live and gathered.is_final(pending[0], told))):
                pending.popleft()
            if not pending:
                return
            run_id = pending.popleft()
            answer = await self._maybe_run(run_id, priority)
            if answer is None:
                gathered.read.add(run_id)
                gathered.gone += 1
            else:
                gathered.take(answer)
                pending.extend(patch.id for patch in answer.related)
        left = {each for each in pending if each not in gathered.read}
        if only_live:
            left = {each for each in left if not gathered.is_final(each, told)}
        if left:
            gathered.missing.append(f"runs below {len(left):,} of them were not asked for")


class _Gathered:
    """The runs that came along while a tree was read, and which of them told all their children."""

    def __init__(self) -> None:
        self.runs: dict[RunId, Run] = {}
        self.read: set[RunId] = set()
        self.missing: list[str] = []
        self.gone = 0

    def take(self, answer: RunAnswer) -> None:
        for patch in (answer.patch, *answer.related):
            self.runs[patch.id] = merge(self.runs.get(patch.id), patch)
        self.read.add(answer.patch.id)
        if not answer.patch.has_children:
            self.missing.append(f"{answer.patch.id} does not tell its children")

    def reasons(self) -> tuple[str, ...]:
        """Why the tree may not be whole."""
        gone = [f"{self.gone:,} {'run' if self.gone == 1 else 'runs'} cannot be read any more"] if self.gone else []
        return tuple(dict.fromkeys([*self.missing, *gone]))

    def is_final(self, run_id: RunId, told: Mapping[RunId, TreeRow]) -> bool:
        """Whether a run surely ended; one of which no status is known may live."""
        run = self.runs.get(run_id)
        if run is not None and run.state is not None:
            return run.is_final
        status = told[run_id].status if run_id in told else None
        return status is not None and status.canonical.is_final

    def created_at(self, run_id: RunId) -> datetime | None:
        run = self.runs.get(run_id)
        return None if run is None else run.fixed.created_at

    def rows(self) -> Iterable[TreeRow]:
        for run in self.runs.values():
            yield TreeRow(run.id, run.fixed.parent_id, run.fixed.task, run.state.status if run.state else None)


def _root_of(answer: RunAnswer) -> RunId | None:
    return answer.patch.fixed.root_id if answer.patch.fixed is not None else None


def _tree_row(row: dict[str, Json]) -> TreeRow | None:
    run_id, parent_id = row.get("run_id"), row.get("parent_run_id")
    task, word = row.get("task_identifier"), row.get("status")
    if not isinstance(run_id, str) or not run_id:
        return None
    return TreeRow(
        RunId(run_id),
        RunId(parent_id) if isinstance(parent_id, str) and parent_id else None,
        TaskId(task) if isinstance(task, str) else None,
        read_status(word) if isinstance(word, str) else None,
    )


def _quoted(run_id: RunId) -> str:
    """A run id inside a TRQL string: ids are ours to send on, but somebody else may have typed them."""
    return "".join(letter for letter in run_id if letter.isalnum() or letter in "_-")


def _period_since(created_at: datetime | None, now: datetime) -> str:
    """The TRQL period that surely covers a moment: whole days, one more than needed (default: a month)."""
    if created_at is None:
        return "30d"
    return f"{max(0, (now - created_at) // timedelta(days=1)) + 1}d"
