"""Fetches the whole tree around a run: with one query, or from the root's trace and single reads."""

import math
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tui.api.errors import ApiError, NotFound, RateLimited
from tui.api.queries import MAX_TREE_ROWS, TreeRuns, days_since
from tui.api.runs import RunResponse
from tui.domain.filters import MAX_QUERY_PERIOD
from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.tree import RunTree, TreeRow, build_tree, rows_of_trace, runs_with_unawaited_children
from tui.store.merge import merge
from tui.sync.budget import Priority
from tui.sync.clock import Clock
from tui.sync.fetch import RunFetcher

# Collects the runs of one tree while `TreeFetcher` fetches it, and the reasons why the tree may be incomplete.
#
# It does no IO.


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


# `TreeFetcher` reads the rows, `domain.tree` builds the tree from them.
#
# Source: tests/wire/recordings/README.md §6.


MAX_TREE_READS = 60
"""Runs of a tree that are read one by one. If there are more, `RunTree.missing` reports it."""

MAX_SINGLE_READS: Final = 5
"""If the query lacks more runs than this, it is sent again."""

REPLICA_LAG_S: Final = 1.0
"""How far the replica that answers queries was seen to lag behind the database."""

MAX_TREE_WAIT_S: Final = 4.0
"""How long a tree may wait for the request budget in all. After that, it is returned with missing parts."""


class TreeFetcher:
    """Fetches trees of runs."""

    def __init__(self, fetcher: RunFetcher, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._wait_ends_s = 0.0

    async def fetch_tree(self, run_id: RunId, priority: Priority, *, is_thorough: bool = False) -> RunTree:
        """Fetch the tree around a run, by one query if the key may query. Raises `ApiError`.

        `is_thorough` is for the plan of an action. It waits for the budget, and reads the live runs that the lagging
        replica lacks. Runs that were triggered within its lag may still be missing; then `is_from_replica` is set.
        """
        self._wait_ends_s = math.inf if is_thorough else self._clock.monotonic_s() + MAX_TREE_WAIT_S
        response = await self._fetcher.fetch_run(run_id, priority)
        root_id = _root_of(response) or run_id
        gathered = GatheredRuns()
        gathered.add(response)
        if root_id != run_id:
            await self._read_root(root_id, gathered, priority)
        created_at = gathered.created_at(root_id) or gathered.created_at(run_id)
        rows = await self._tree_by_query(root_id, created_at, priority)
        if rows is None:
            rows, explored = await self._rows_of_trace(root_id, gathered, priority)
            await self._read_rest(gathered, rows, explored, priority)
        else:
            if is_thorough:
                if len(gathered.unread_live(rows)) > MAX_SINGLE_READS:
                    await self._clock.sleep(REPLICA_LAG_S)
                    found = await self._tree_by_query(root_id, created_at, priority)
                    rows = rows if found is None else found
                await self._read_unread(gathered, rows, priority)
            if len(rows) >= MAX_TREE_ROWS:
                gathered.missing.append(f"{MAX_TREE_ROWS:,} runs or more")
        tree = build_tree(run_id, [*gathered.rows(), *rows], gathered.runs, gathered.reasons())
        return replace(tree, is_from_replica=gathered.may_miss_children(tree, run_id))

    async def fetch_trees_of_roots(self, roots: Sequence[Run], priority: Priority) -> dict[RunId, RunTree] | None:
        """Fetch the trees below several roots by one query. Return None if it is refused or fails.

        Roots that are too old for a query are left out.
        """
        self._wait_ends_s = math.inf
        reaches_to = self._fetcher.now() - MAX_QUERY_PERIOD + timedelta(days=1)
        created = {root.id: root.created_at for root in roots if root.created_at is not None}
        young = {run_id: at for run_id, at in created.items() if at > reaches_to}
        if not young:
            return {}
        found = await self._rows_by_query(tuple(young), min(young.values()), priority)
        if found is None:
            return None
        below: dict[RunId, list[TreeRow]] = {run_id: [] for run_id in young}
        for root_id, row in found:
            if root_id in below:
                below[root_id].append(row)
        missing = (f"{MAX_TREE_ROWS:,} runs or more",) if len(found) >= MAX_TREE_ROWS else ()
        known = {root.id: root for root in roots}
        trees = {run_id: build_tree(run_id, rows, {run_id: known[run_id]}, missing) for run_id, rows in below.items()}
        return {run_id: replace(tree, is_from_replica=True) for run_id, tree in trees.items()}

    @property
    def _max_wait_s(self) -> float | None:
        """Return how much longer this tree may wait for the request budget, None for any time."""
        if math.isinf(self._wait_ends_s):
            return None
        return max(0.0, self._wait_ends_s - self._clock.monotonic_s())

    async def _read_root(self, root_id: RunId, gathered: GatheredRuns, priority: Priority) -> None:
        try:
            response = await self._maybe_run(root_id, priority, max_wait_s=self._max_wait_s)
        except RateLimited as error:
            gathered.missing.append(f"the root {root_id} was not read: {error}")
            return
        if response is None:
            gathered.missing.append(f"the root {root_id} is gone")
        else:
            gathered.add(response)

    async def _maybe_run(
        self, run_id: RunId, priority: Priority, *, max_wait_s: float | None = None
    ) -> RunResponse | None:
        try:
            return await self._fetcher.fetch_run(run_id, priority, max_wait_s=max_wait_s)
        except NotFound:
            return None

    async def _tree_by_query(
        self, root_id: RunId, created_at: datetime | None, priority: Priority
    ) -> list[TreeRow] | None:
        """Return all descendants of a root by TRQL (recording 834), None if the query is refused or fails."""
        found = await self._rows_by_query((root_id,), created_at, priority)
        return None if found is None else [row for _, row in found]

    async def _rows_by_query(
        self, root_ids: tuple[RunId, ...], created_at: datetime | None, priority: Priority
    ) -> list[tuple[RunId | None, TreeRow]] | None:
        """Return the rows below these roots, each with its root, or None if the query is refused or fails.

        Return None also if the root is older than a query reaches, since its first children would be missing silently.
        A server that lacks one of the time columns answers 400 (recording 836); then the query is sent without them.
        """
        now = self._fetcher.now()
        if created_at is not None and now - created_at > MAX_QUERY_PERIOD:
            return None
        period = days_since(created_at, now)
        query, simpler = (TreeRuns(root_ids, has_times, period) for has_times in (True, False))
        found = await self._fetcher.query(query, priority, max_wait_s=self._max_wait_s, simpler=simpler)
        if found is None:
            return None
        return [each for each in found if each is not None]

    async def _rows_of_trace(
        self, root_id: RunId, gathered: GatheredRuns, priority: Priority
    ) -> tuple[list[TreeRow], frozenset[RunId]]:
        """Return the awaited descendants in the root's trace, and the runs whose children are all in it."""
        try:
            trace = await self._fetcher.fetch_trace(root_id, priority, max_wait_s=self._max_wait_s)
        except ApiError as error:
            gathered.missing.append(f"the trace could not be read: {error}")
            return [], frozenset()
        if trace is None:
            return [], frozenset()
        rows = rows_of_trace(trace.root)
        if trace.is_truncated:
            gathered.missing.append("the trace was cut by the server")
            return rows, frozenset()
        return rows, frozenset(row.id for row in rows) - runs_with_unawaited_children(trace.root)

    async def _read_rest(
        self, gathered: GatheredRuns, rows: list[TreeRow], explored: Collection[RunId], priority: Priority
    ) -> None:
        """Read the runs that the trace lacks, then missing statuses, within `MAX_TREE_READS` and the budget.

        A run that awaited all its children needs no read of its own. The status of a failed or live run is missing in a
        trace; the detail of its parent has it.
        """
        pending = deque(run_id for run_id in (*gathered.runs, *(row.id for row in rows)) if run_id not in explored)
        try:
            for _ in range(MAX_TREE_READS):
                run_id = gathered.first_unread(pending) or gathered.first_unread(gathered.ids_to_read_for_status(rows))
                if run_id is None:
                    break
                response = await self._maybe_run(run_id, priority, max_wait_s=self._max_wait_s)
                if response is None:
                    gathered.add_gone(run_id)
                else:
                    gathered.add(response)
                    pending.extend(patch.id for patch in response.related if patch.id not in explored)
        except RateLimited as error:
            gathered.missing.append(str(error))
        left = {run_id for run_id in pending if run_id not in gathered.read_ids}
        if left:
            gathered.missing.append(_unread_below(len(left)))
        unknown_count = sum(gathered.is_status_unknown(row) for row in rows)
        if unknown_count:
            gathered.missing.append(
                f"the status of {unknown_count:,} {'run' if unknown_count == 1 else 'runs'} was not read"
            )

    async def _read_unread(self, gathered: GatheredRuns, rows: list[TreeRow], priority: Priority) -> None:
        """Read the live runs that the query lacks, and their descendants, at most `MAX_TREE_READS` of them."""
        for _ in range(MAX_TREE_READS):
            if not (unread := gathered.unread_live(rows)):
                return
            response = await self._maybe_run(unread[0], priority)
            if response is None:
                gathered.add_gone(unread[0])
            else:
                gathered.add(response)
        if unread := gathered.unread_live(rows):
            gathered.missing.append(_unread_below(len(unread)))


def _unread_below(count: int) -> str:
    return f"the runs below {count:,} {'run' if count == 1 else 'runs'} were not read"


def _root_of(response: RunResponse) -> RunId | None:
    return response.patch.fixed.root_id if response.patch.fixed is not None else None
