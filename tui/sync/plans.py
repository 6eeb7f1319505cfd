"""Plans an action: reads the trees around its runs, to find all runs that it would stop.

The command line and the screen show the plan and ask for consent.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tui.api.actions import Action
from tui.api.errors import ApiError
from tui.domain.action import ActionPlan, live_title
from tui.domain.run import Run, RunId, TaskId
from tui.domain.tree import RunTree, TreeNode

if TYPE_CHECKING:
    from tui.sync.session import Session


MAX_ROOTS_PER_QUERY: Final = 100
MAX_ROOT_QUERIES: Final = 5

MIN_ROOTS_TO_QUERY: Final = 2
"""A single root is read by a request for its details, which are current; a query reads a replica that lags."""

MAX_TREES: Final = 20
"""The most trees that are read one by one for a plan that may be partial."""


class ActionPlanner:
    """Plans one action on several runs. Each tree is read once, however many of the runs it contains."""

    def __init__(self, session: "Session", action: Action, runs: Sequence[Run]) -> None:
        self._session = session
        self._action = action
        self._runs = {run.id: run for run in runs}
        self._nodes: dict[RunId, TreeNode] = {}
        self._tried: set[RunId] = set()
        self._awaited_by: dict[TaskId, None] = {}
        self._missing: dict[str, None] = {}
        self._read_at: datetime | None = None
        self._is_from_replica = False

    @property
    def needs_trees(self) -> bool:
        """Whether the plan has to read trees, since the action would stop the runs below too."""
        return bool(self._unread())

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
                await self._read_tree(unread[0])
            except ApiError as error:
                if not allow_partial:
                    raise
                self._missing[f"the runs below {unread[0]} could not be read: {error}"] = None
        if unread:
            runs = "1 run" if len(unread) == 1 else f"{len(unread):,} runs"
            self._missing[f"the runs below {runs} were not read"] = None
        await self._session.settle()
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
            trees = await self._session.fetch_trees_of_roots(roots[start : start + MAX_ROOTS_PER_QUERY])
            if trees is None:
                return
            for run_id, tree in trees.items():
                self._tried.add(run_id)
                self._add_tree(tree)

    async def _read_tree(self, run_id: RunId) -> None:
        """Read the whole tree around a run. Raises `ApiError`."""
        self._tried.add(run_id)
        self._add_tree(await self._session.fetch_tree(run_id, is_thorough=True))

    def _add_tree(self, tree: RunTree) -> None:
        self._read_at = self._session.now()
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
