"""Reads the whole tree around a run, and plans actions by it."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tui.api.actions import Action
from tui.api.errors import ApiError, NotFound, RateLimited
from tui.api.queries import MAX_TREE_ROWS, TreeRuns, days_since
from tui.api.runs import RunResponse
from tui.domain.action import ActionPlan, live_title
from tui.domain.filters import MAX_QUERY_PERIOD
from tui.domain.run import Run, RunId, TaskId
from tui.domain.tree import RunTree, TreeNode, TreeRow, build_tree, rows_of_trace, runs_with_unawaited_children
from tui.store.merge import merge
from tui.sync.clock import Clock
from tui.sync.fetch import RunFetcher
from tui.sync.reads import Priority
from tui.text.formatting import plural

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
    """Fetches one tree of runs, or the trees below several roots.

    `is_thorough` is for the plan of an action. It waits for the budget, and reads the live runs that the lagging
    replica lacks. `is_from_replica` is set if runs that were triggered within the lag may still be missing.
    `before` is the same tree as it was read last: if runs are read one by one, the read goes on where that one ended.
    """

    def __init__(
        self, fetcher: RunFetcher, clock: Clock, *, is_thorough: bool = False, before: RunTree | None = None
    ) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._is_thorough = is_thorough
        self._priority = Priority.ACTION if is_thorough else Priority.SELECTED
        self._wait_ends_s = math.inf if is_thorough else clock.monotonic_s() + MAX_TREE_WAIT_S
        self._rows: list[TreeRow] = []
        self._runs: dict[RunId, Run] = {}
        """The runs that were read, and those that are known only because the detail of another run lists them."""
        self._read_ids: set[RunId] = set()
        """The runs whose own detail was read, or that are gone."""
        nodes = () if before is None else before.root.walk()
        self._before = {node.id: node.run for node in nodes if node.run is not None}
        self._missing: list[str] = []
        """The unknown parts in words."""
        self._unread_count = 0

    async def fetch_tree(self, run_id: RunId) -> RunTree:
        """Fetch the tree around a run, by one query if the key may query. Raises `ApiError`."""
        response = await self._fetcher.fetch_run(run_id, self._priority)
        root_id = (response.patch.fixed and response.patch.fixed.root_id) or run_id
        self._add(response)
        if root_id != run_id:
            await self._read_root(root_id)
        runs = (self._runs.get(each) for each in (root_id, run_id))
        created_at = next((run.created_at for run in runs if run is not None and run.created_at), None)
        if (rows := await self._rows_by_query((root_id,), created_at)) is None:
            await self._read_rest(await self._read_trace(root_id))
        else:
            self._rows = [row for _, row in rows]
            if self._is_thorough:
                if len(self._unread_live()) > MAX_SINGLE_READS:
                    await self._clock.sleep(REPLICA_LAG_S)
                    if (again := await self._rows_by_query((root_id,), created_at)) is not None:
                        self._rows = [row for _, row in again]
                await self._read_unread()
            if len(self._rows) >= MAX_TREE_ROWS:
                self._missing.append(f"there are {MAX_TREE_ROWS:,} runs or more")
        if gone_count := sum(run.is_gone for run in self._runs.values()):
            self._missing.append(f"{plural(gone_count, 'run')} cannot be read any more")
        known = (
            TreeRow(run.id, run.fixed.parent_id, run.fixed.task, run.state.status if run.state else None)
            for run in self._runs.values()
        )
        tree = build_tree(run_id, [*known, *self._rows], self._runs, tuple(dict.fromkeys(self._missing)))
        is_behind = self._may_miss_children(tree, run_id)
        return replace(tree, is_from_replica=is_behind, unread_count=self._unread_count)

    async def fetch_trees_of_roots(self, roots: Sequence[Run]) -> dict[RunId, RunTree] | None:
        """Fetch the trees below several roots by one query. Return None if it is refused or fails.

        Roots that are too old for a query are left out.
        """
        reaches_to = self._fetcher.now() - MAX_QUERY_PERIOD + timedelta(days=1)
        created = {root.id: root.created_at for root in roots if root.created_at is not None}
        young = {run_id: at for run_id, at in created.items() if at > reaches_to}
        if not young:
            return {}
        found = await self._rows_by_query(tuple(young), min(young.values()))
        if found is None:
            return None
        below: dict[RunId, list[TreeRow]] = {run_id: [] for run_id in young}
        for root_id, row in found:
            if root_id in below:
                below[root_id].append(row)
        missing = (f"there are {MAX_TREE_ROWS:,} runs or more",) if len(found) >= MAX_TREE_ROWS else ()
        known = {root.id: root for root in roots}
        trees = {run_id: build_tree(run_id, rows, {run_id: known[run_id]}, missing) for run_id, rows in below.items()}
        return {run_id: replace(tree, is_from_replica=True) for run_id, tree in trees.items()}

    @property
    def _max_wait_s(self) -> float | None:
        """Return how much longer this tree may wait for the request budget, None for any time."""
        return None if self._is_thorough else max(0.0, self._wait_ends_s - self._clock.monotonic_s())

    def _add(self, response: RunResponse) -> None:
        """Add the run of a response, and its relatives."""
        for patch in (response.patch, *response.related):
            self._runs[patch.id] = merge(self._runs.get(patch.id) or self._before.get(patch.id), patch)
        self._read_ids.add(response.patch.id)
        if not response.patch.lists_all_children:
            self._missing.append(f"{response.patch.id} does not list its children")

    async def _read(self, run_id: RunId) -> RunResponse | None:
        """Read one run, or record that the server no longer has it."""
        try:
            response = await self._fetcher.fetch_run(run_id, self._priority, max_wait_s=self._max_wait_s)
        except NotFound:
            self._read_ids.add(run_id)
            self._runs[run_id] = replace(self._runs.get(run_id, Run(run_id)), gone_at=self._fetcher.now())
            return None
        self._add(response)
        return response

    async def _read_root(self, root_id: RunId) -> None:
        try:
            self._add(await self._fetcher.fetch_run(root_id, self._priority, max_wait_s=self._max_wait_s))
        except NotFound:
            self._missing.append(f"the root {root_id} is gone")
        except RateLimited as error:
            self._missing.append(f"the root {root_id} was not read: {error}")

    async def _rows_by_query(
        self, root_ids: tuple[RunId, ...], created_at: datetime | None
    ) -> list[tuple[RunId | None, TreeRow]] | None:
        """Return the rows below these roots, each with its root (recording 834), or None if the query fails.

        Return None also if the root is older than the longest period of a query: its first children would be missing,
        and nothing would say so.
        A server that lacks one of the time columns answers 400 (recording 836); then the query is sent without them.
        """
        now = self._fetcher.now()
        if created_at is not None and now - created_at > MAX_QUERY_PERIOD:
            return None
        query, simpler = (TreeRuns(root_ids, has_times, days_since(created_at, now)) for has_times in (True, False))
        found = await self._fetcher.query(query, self._priority, max_wait_s=self._max_wait_s, simpler=simpler)
        return None if found is None else [each for each in found if each is not None]

    async def _read_trace(self, root_id: RunId) -> frozenset[RunId]:
        """Read the awaited descendants in the root's trace. Return the runs whose children are all in it."""
        try:
            trace = await self._fetcher.fetch_trace(root_id, self._priority, max_wait_s=self._max_wait_s)
        except ApiError as error:
            self._missing.append(f"the trace could not be read: {error}")
            return frozenset()
        if trace is None:
            return frozenset()
        self._rows = rows_of_trace(trace.root)
        if trace.is_truncated:
            self._missing.append("the trace was cut by the server")
            return frozenset()
        return frozenset(row.id for row in self._rows) - runs_with_unawaited_children(trace.root)

    async def _read_rest(self, explored: frozenset[RunId]) -> None:
        """Read the runs that the trace lacks, then missing statuses, within `MAX_TREE_READS` and the budget.

        The trace has all children of a run that awaited them, so such a run is not read again. The trace does not have
        the status of failed and live runs; the detail of the parent has it. Runs that were never read come first.
        """
        self._runs = self._before | self._runs
        self._read_ids |= {run.id for run in self._runs.values() if run.is_gone or _has_final_children(run)}
        pending = [run_id for run_id in (*self._runs, *(row.id for row in self._rows)) if run_id not in explored]
        pending.sort(key=self._was_read)
        try:
            for _ in range(MAX_TREE_READS):
                ids = itertools.chain(pending, self._ids_to_read_for_status())
                if (run_id := next((each for each in ids if each not in self._read_ids), None)) is None:
                    break
                if (response := await self._read(run_id)) is not None:
                    pending.extend(patch.id for patch in response.related if patch.id not in explored)
        except RateLimited as error:
            self._missing.append(str(error))
        left = {run_id for run_id in pending if run_id not in self._read_ids}
        old = {run_id for run_id in left if self._was_read(run_id)}
        if left - old:
            self._missing.append(f"the runs below {plural(len(left - old), 'run')} were not read")
        if old:
            self._missing.append(f"the runs below {plural(len(old), 'run')} were not read again")
        statuses = (run_id for run_id in self._ids_to_read_for_status() if run_id not in self._read_ids)
        self._unread_count = len((left - old).union(statuses))
        if unknown_count := sum(map(self._is_status_unknown, self._rows)):
            self._missing.append(f"the status of {plural(unknown_count, 'run')} was not read")

    async def _read_unread(self) -> None:
        """Read the live runs that the query lacks, and their descendants, at most `MAX_TREE_READS` of them."""
        for _ in range(MAX_TREE_READS):
            if not (unread := self._unread_live()):
                return
            await self._read(unread[0])
        if unread := self._unread_live():
            self._missing.append(f"the runs below {plural(len(unread), 'run')} were not read")

    def _was_read(self, run_id: RunId) -> bool:
        run = self._runs.get(run_id)
        return run is not None and run.children_read_at is not None

    def _is_status_unknown(self, row: TreeRow) -> bool:
        """Whether the status of a run is neither in its row nor in a response."""
        run = self._runs.get(row.id)
        return row.status is None and (run is None or run.state is None)

    def _ids_to_read_for_status(self) -> Iterator[RunId]:
        """Yield a run to read for each row without a status.

        That is its parent, whose detail lists all children, or the run itself if its parent was read.
        """
        for row in filter(self._is_status_unknown, self._rows):
            yield row.id if row.parent_id is None or row.parent_id in self._read_ids else row.parent_id

    def _unread_live(self) -> list[RunId]:
        """Return the unread runs that may be live and have no status in the rows."""
        statuses = {row.id: row.status for row in self._rows}
        known = self._read_ids | {run.id for run in self._runs.values() if run.state is not None and run.is_final}
        unknown = (run_id for run_id in dict.fromkeys([*self._runs, *statuses]) if statuses.get(run_id) is None)
        return [run_id for run_id in unknown if run_id not in known]

    def _may_miss_children(self, tree: RunTree, run_id: RunId) -> bool:
        """Whether the run or a descendant was not read and may be live, so that the tree may lack children of it."""
        node = tree.find(run_id)
        return node is not None and any(
            each.id not in self._read_ids and not (each.status is not None and each.status.canonical.is_final)
            for each in node.walk()
        )


def _has_final_children(run: Run) -> bool:
    """Whether the children of a run were read after its end, so that it gets no others."""
    ended_at = run.state.finished_at if run.state is not None and run.is_final else None
    return ended_at is not None and run.children_read_at is not None and run.children_read_at >= ended_at


# Plans an action: reads the trees around its runs, to find all runs that it would stop.
#
# The command line and the screen show the plan and ask for consent.


MAX_ROOTS_PER_QUERY: Final = 100
MAX_ROOT_QUERIES: Final = 5

MIN_ROOTS_TO_QUERY: Final = 2
"""A single root is read by a request for its details, which are current; a query reads a replica that lags."""

MAX_TREES: Final = 20
"""The most trees that are read one by one for a plan that may be partial."""


class ActionPlanner:
    """Plans one action on several runs. Each tree is read once, however many of the runs it contains."""

    def __init__(self, fetcher: RunFetcher, clock: Clock, action: Action, runs: Sequence[Run]) -> None:
        self._fetcher, self._clock = fetcher, clock
        self._action = action
        self._runs = {run.id: run for run in runs}
        self._nodes: dict[RunId, TreeNode] = {}
        self._tried: set[RunId] = set()
        self._awaited_by: dict[TaskId, None] = {}
        self._missing: dict[str, None] = {}
        self._read_at: datetime | None = None
        self._is_from_replica = False

    async def read_plan(self, *, allow_partial: bool = False) -> ActionPlan:
        """Read the trees of the runs, and return the plan once the store has what was read.

        Raises `ApiError` if a tree cannot be read. With `allow_partial` the plan names what is missing instead, and
        at most `MAX_TREES` trees are read one by one.
        """
        await self._read_roots()
        reads = 0
        while (unread := self._unread()) and not (allow_partial and reads == MAX_TREES):
            reads += 1
            try:
                self._tried.add(unread[0])
                fetcher = TreeFetcher(self._fetcher, self._clock, is_thorough=True)
                self._add_tree(await fetcher.fetch_tree(unread[0]))
            except ApiError as error:
                if not allow_partial:
                    raise
                self._missing[f"the runs below {unread[0]} could not be read: {error}"] = None
        if unread:
            self._missing[f"the runs below {plural(len(unread), 'run')} were not read"] = None
        await self._fetcher.settle()
        return self._plan()

    def _unread(self) -> list[RunId]:
        """Return the live runs that are in no tree so far, and whose own tree was not requested."""
        if not self._action.stops_descendants:
            return []
        known = self._tried | self._nodes.keys()
        return [run_id for run_id, run in self._runs.items() if not run.is_final and run_id not in known]

    async def _read_roots(self) -> None:
        """Read the trees below the runs that are roots, many by one query, if the key may query."""
        unread = [self._runs[run_id] for run_id in self._unread()]
        roots = [run for run in unread if run.fixed.depth == 0][: MAX_ROOTS_PER_QUERY * MAX_ROOT_QUERIES]
        if len(roots) < MIN_ROOTS_TO_QUERY:
            return
        for start in range(0, len(roots), MAX_ROOTS_PER_QUERY):
            some = roots[start : start + MAX_ROOTS_PER_QUERY]
            trees = await TreeFetcher(self._fetcher, self._clock, is_thorough=True).fetch_trees_of_roots(some)
            if trees is None:
                return
            for run_id, tree in trees.items():
                self._tried.add(run_id)
                self._add_tree(tree)

    def _add_tree(self, tree: RunTree) -> None:
        self._read_at = self._fetcher.now()
        self._is_from_replica |= tree.is_from_replica
        self._missing |= dict.fromkeys(tree.missing)
        for node in tree.root.walk():
            if node.id in self._runs:
                self._nodes[node.id] = node
                self._record_waiting_parent(tree, node)

    def _plan(self) -> ActionPlan:
        """Return the plan from the trees read so far. Its `runs` are all runs asked for, ended ones too."""
        found = {each.id: each for node in self._nodes.values() for each in node.walk() if each.id not in self._runs}
        others = tuple(node for node in found.values() if live_title(node) is not None)
        return ActionPlan(
            verb=self._action.title,
            runs=tuple(self._runs.values()),
            descendants=others,
            ended_descendants=len(found) - len(others),
            awaited_by=tuple(self._awaited_by),
            missing=tuple(self._missing),
            read_at=self._read_at,
            is_from_replica=self._is_from_replica,
        )

    def _record_waiting_parent(self, tree: RunTree, node: TreeNode) -> None:
        """Record the parent's task if the parent is live and waits for the run (`triggerAndWait` and its like)."""
        fixed = node.run.fixed if node.run is not None else self._runs[node.id].fixed
        if fixed.parent_id is None or not (fixed.trigger_function or "").endswith("AndWait"):
            return
        parent = tree.find(fixed.parent_id)
        if parent is None or parent.id in self._runs or parent.task is None:
            return
        if parent.status is None or not parent.status.canonical.is_final:
            self._awaited_by[parent.task] = None
