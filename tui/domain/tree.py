"""Who triggered whom: a tree of runs, put together out of everything that the API tells in pieces.

What lives here: the values, `build_tree`, and what a trace tells for it. Who asks for the pieces is `sources`; the
store's own index by parent is `store`'s. Source: wire/README.md §6.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.span import Span
from tui.domain.status import Status, parse_status

_NO_TIME = datetime.min.replace(tzinfo=UTC)
_TRIGGER = re.compile(r"trigger\w*\(\)\Z", re.IGNORECASE)
_AWAITED = "andwait()"
_TAKEN = "[engine] PENDING_EXECUTING"


@dataclass(frozen=True, slots=True)
class RunTimes:
    """The times of a run as a query or a trace tells them; None: not told, or not yet.

    `lasted` is the time from the start to the end, for where the two are not told; `compute` is the summed time of
    ended attempts.
    """

    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration: timedelta | None = None
    compute: timedelta | None = None

    def took(self, until: datetime, *, is_final: bool) -> timedelta | None:
        """How long the run took, or has run `until` now while it lives. None: it has not started, or not known."""
        if self.started_at is not None and (self.finished_at is not None or not is_final):
            return (self.finished_at or until) - self.started_at
        return self.duration


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One run as one piece of the API places it. What the piece does not tell is None."""

    id: RunId
    parent_id: RunId | None
    task: TaskId | None = None
    status: Status | None = None
    times: RunTimes | None = None


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One run in its place. `run` is what the store knows of it.

    Where that is nothing, `task`, `status` and `times` are those of a row.
    """

    id: RunId
    depth: int
    task: TaskId | None
    status: Status | None
    run: Run | None
    children: tuple["TreeNode", ...] = field(default=(), repr=False)
    times: RunTimes | None = None

    def walk(self) -> Iterator["TreeNode"]:
        """This node and all below it, parents first; never recursive."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(reversed(node.children))


@dataclass(frozen=True, slots=True)
class RunTree:
    """The tree around `current`, from its root.

    `missing` says in words why it may not be whole; empty: it is. `is_from_replica`: live runs below
    `current` were read from a replica of the server's database that is about a second behind.
    """

    root: TreeNode
    current: RunId
    missing: tuple[str, ...] = ()
    is_from_replica: bool = False

    def find(self, run_id: RunId) -> TreeNode | None:
        """The node of a run, or None."""
        return next((node for node in self.root.walk() if node.id == run_id), None)


def rows_of_trace(root: Span) -> list[TreeRow]:
    """Every run of a trace, placed under the run whose span its own span hangs below (recordings 234, 236).

    The parent of the topmost is None: a trace begins at the asked run. `status` is told only where the flags of a
    closed span leave no doubt: an error may be a failure, a crash, an expiry.
    """
    rows: dict[RunId, TreeRow] = {}
    pending: list[tuple[Span, RunId | None]] = [(root, None)]
    while pending:
        span, above = pending.pop()
        if span.run_id not in rows:
            # Without its own span (the trace lags) the first that is seen of a run may be another one of it.
            is_own = span.level != "DEBUG" and span.attempt_number is None
            if is_own:
                task = TaskId(span.message)
                rows[span.run_id] = TreeRow(span.run_id, above, task, _sure_status(span), _times_of(span))
            else:
                rows[span.run_id] = TreeRow(span.run_id, above)
        pending.extend((child, span.run_id) for child in reversed(span.children))
    return list(rows.values())


def runs_with_unawaited_children(root: Span) -> frozenset[RunId]:
    """The runs of a trace that started others without waiting for them, of which the trace has no spans.

    The SDK names such a span `trigger()`, `batchTrigger()`, `tasks.trigger()` (recordings 256, 283); those that wait
    end in `AndWait()`.
    """
    return frozenset(
        span.run_id
        for span in root.walk()
        if _TRIGGER.search(span.message) and not span.message.lower().endswith(_AWAITED)
    )


def _times_of(own: Span) -> RunTimes:
    """The times that a run's own span tells.

    A run counts from when a worker took it, which a row of the engine tells; its first attempt begins up to a second
    later, when the process is up.
    """
    below = [child for child in own.children if child.run_id == own.run_id]
    taken = [child.started_at for child in below if child.message.startswith(_TAKEN)]
    begun = [child.started_at for child in below if child.attempt_number is not None]
    return RunTimes(own.started_at, min(taken or begun, default=None), own.ended_at)


def _sure_status(span: Span) -> Status | None:
    if span.is_partial or (span.is_error and not span.is_cancelled):
        return None
    return parse_status("CANCELED" if span.is_cancelled else "COMPLETED")


def build_tree(
    current: RunId, rows: Iterable[TreeRow], runs: Mapping[RunId, Run], missing: Iterable[str] = ()
) -> RunTree:
    """Put the tree around `current` together, out of rows in any order, of which several may speak of one run.

    In it are `current`, the runs of `rows`, and all that these name as parents; `runs` is only looked up. The first
    known parent, task and status of a run count, but what the store knows of it goes before a row's. No run is lost
    and no cycle kept: a run whose parents do not lead to the root hangs under it, and `missing` says so. Children are
    in the order of their creation, those of an unknown time last.
    """
    placed = _placed(current, rows, runs)
    root = _root_of(current, placed, runs)
    ids = sorted(placed, key=lambda run_id: _order(placed[run_id], runs))
    lost = _lost(root, ids, placed)
    children: dict[RunId, list[RunId]] = {}
    for run_id in ids:
        parent = placed[run_id].parent_id
        if run_id != root:
            children.setdefault(root if parent is None or run_id in lost else parent, []).append(run_id)
    notes = list(missing)
    top = runs.get(root)
    if top is not None and top.fixed.depth:
        notes.append("the runs above the first one are not known")
    if lost:
        notes.append(f"the parent of {len(lost)} {'run' if len(lost) == 1 else 'runs'} under the root is not known")
    return RunTree(_grown(root, placed, children, runs), current, tuple(notes))


def _placed(current: RunId, rows: Iterable[TreeRow], runs: Mapping[RunId, Run]) -> dict[RunId, TreeRow]:
    """One row for each run of the tree, with what the store knows; every parent that a row names has a row."""
    placed: dict[RunId, TreeRow] = {}
    for row in (TreeRow(current, None), *rows):
        known = placed.get(row.id, row)
        parent_id = row.parent_id if known.parent_id in {None, row.id} else known.parent_id
        task, status, times = known.task or row.task, known.status or row.status, known.times or row.times
        placed[row.id] = TreeRow(row.id, parent_id, task, status, times)
    pending = list(placed)
    while pending:
        row = placed[pending.pop()]
        if (run := runs.get(row.id)) is not None:
            parent_id = row.parent_id or run.fixed.parent_id
            status = row.status if run.state is None else run.state.status
            row = placed[row.id] = TreeRow(row.id, parent_id, run.fixed.task or row.task, status, row.times)
        if row.parent_id is not None and row.parent_id not in placed:
            placed[row.parent_id] = TreeRow(row.parent_id, None)
            pending.append(row.parent_id)
    return placed


def _root_of(current: RunId, placed: dict[RunId, TreeRow], runs: Mapping[RunId, Run]) -> RunId:
    """The root that `current` or a run above it names, which gets a row, else the last of its parents."""
    seen: set[RunId] = set()
    top = current
    while True:
        seen.add(top)
        run = runs.get(top)
        if run is not None and run.fixed.root_id is not None:
            root = run.fixed.root_id
            placed.setdefault(root, TreeRow(root, None))
            return root
        above = placed[top].parent_id
        if above is None or above in seen:
            return top
        top = above


def _lost(root: RunId, ids: Iterable[RunId], placed: Mapping[RunId, TreeRow]) -> set[RunId]:
    """The runs without a parent, and one of each circle of runs that name each other."""
    lost: set[RunId] = set()
    walks = {root: -1}  # which walk up met a run first
    for walk, start in enumerate(ids):
        run_id = start
        while run_id not in walks:
            walks[run_id] = walk
            parent = placed[run_id].parent_id
            if parent is None or walks.get(parent) == walk:
                lost.add(run_id)
                break
            run_id = parent
    return lost


def _grown(
    root: RunId,
    placed: Mapping[RunId, TreeRow],
    children: Mapping[RunId, list[RunId]],
    runs: Mapping[RunId, Run],
) -> TreeNode:
    """The nodes, children first; never recursive."""
    order: list[tuple[RunId, int]] = []
    pending = [(root, 0)]
    while pending:
        run_id, depth = pending.pop()
        order.append((run_id, depth))
        pending.extend((child, depth + 1) for child in children.get(run_id, ()))
    nodes: dict[RunId, TreeNode] = {}
    for run_id, depth in reversed(order):
        row, below = placed[run_id], tuple(nodes.pop(child) for child in children.get(run_id, ()))
        nodes[run_id] = TreeNode(run_id, depth, row.task, row.status, runs.get(run_id), below, row.times)
    return nodes[root]


def _order(row: TreeRow, runs: Mapping[RunId, Run]) -> tuple[bool, datetime, RunId]:
    run = runs.get(row.id)
    created_at = None if run is None else run.fixed.created_at
    if created_at is None and row.times is not None:
        created_at = row.times.created_at
    return created_at is None, created_at or _NO_TIME, row.id
