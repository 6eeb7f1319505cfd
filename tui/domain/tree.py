"""The run tree: a root run, the runs that it triggered, and so on.

No single response of the API contains the whole tree. `sync.tree` reads the parts, each as `TreeRow`s, and
`build_tree` combines them. Source: tests/wire/recordings/README.md §6.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, datetime, timedelta

from tui.domain.run import Run, RunId, Status, TaskId, parse_status
from tui.domain.trace import Span, Walked
from tui.lazy_dataclass import dataclass

_NO_TIME = datetime.min.replace(tzinfo=UTC)
_TRIGGER = re.compile(r"trigger\w*\(\)\Z", re.IGNORECASE)
_AWAITED = "andwait()"
_DEQUEUED = "[engine] PENDING_EXECUTING"


@dataclass(frozen=True, slots=True)
class RunTimes:
    """The times of a run in a query's row or a trace. None: not included, or not reached yet.

    `duration` is the time from start to end, as given by responses that lack these two. `compute` is the total time of
    the finished attempts.
    """

    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration: timedelta | None = None
    compute: timedelta | None = None

    def took(self, until: datetime, *, is_final: bool) -> timedelta | None:
        """Return the time from start to finish, or to `until` while the run is live; None if not known."""
        if self.started_at is not None and (self.finished_at is not None or not is_final):
            return (self.finished_at or until) - self.started_at
        return self.duration


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One run and its parent, as one response contains them. None: the response does not contain the field."""

    id: RunId
    parent_id: RunId | None
    task: TaskId | None = None
    status: Status | None = None
    times: RunTimes | None = None


@dataclass(frozen=True, slots=True)
class TreeNode(Walked):
    """One run in the tree.

    `run` is the store's run. If the store does not have it, `task`, `status` and `times` come from a row.
    """

    id: RunId
    depth: int
    task: TaskId | None
    status: Status | None
    run: Run | None
    children: tuple["TreeNode", ...] = field(default=(), repr=False)
    times: RunTimes | None = None


@dataclass(frozen=True, slots=True)
class RunTree:
    """The whole tree that contains the run `current`.

    `missing` explains in words why the tree may be incomplete; empty if it is complete. `is_from_replica`: live runs
    below `current` were read from a replica of the server's database that is about a second behind. `unread_count`: how
    many known runs another read would reach, which goes on from this tree.
    """

    root: TreeNode
    current: RunId
    missing: tuple[str, ...] = ()
    is_from_replica: bool = False
    unread_count: int = 0

    def find(self, run_id: RunId) -> TreeNode | None:
        """Return the node of a run, or None."""
        return next((node for node in self.root.walk() if node.id == run_id), None)


def rows_of_trace(root: Span) -> list[TreeRow]:
    """Return a row for every run of a trace. The parent of a run is the run of the span above its root span.

    The first run has no parent: a trace begins at the requested run. `status` is set only where the flags of a closed
    span are unambiguous. The span of an error is not: it may be a failure, a crash or an expiry.
    Source: tests/wire/recordings/README.md §6.
    """
    rows: dict[RunId, TreeRow] = {}
    pending: list[tuple[Span, RunId | None]] = [(root, None)]
    while pending:
        span, above = pending.pop()
        if span.run_id not in rows:
            # The first span of a run is its root span, unless the trace lacks that. Another span tells only the id and
            # the parent of the run.
            if span.level != "DEBUG" and span.attempt_number is None:
                task = TaskId(span.message)
                rows[span.run_id] = TreeRow(span.run_id, above, task, _unambiguous_status(span), _times_of(span))
            else:
                rows[span.run_id] = TreeRow(span.run_id, above)
        pending.extend((child, span.run_id) for child in reversed(span.children))
    return list(rows.values())


def runs_with_unawaited_children(root: Span) -> frozenset[RunId]:
    """Return the runs of a trace that triggered other runs without waiting for them. The trace lacks those children.

    The SDK names such a span `trigger()`, `batchTrigger()` or `tasks.trigger()`. The names of calls that wait end in
    `AndWait()`. Source: tests/wire/recordings/README.md §6.
    """
    return frozenset(
        span.run_id
        for span in root.walk()
        if _TRIGGER.search(span.message) and not span.message.lower().endswith(_AWAITED)
    )


def _times_of(own: Span) -> RunTimes:
    """Return the times of a run from its root span.

    A run starts when a worker dequeues it, which an engine row of the trace shows. Its first attempt begins up to a
    second later, once the process has started.
    """
    below = [child for child in own.children if child.run_id == own.run_id]
    dequeued = [child.started_at for child in below if child.message.startswith(_DEQUEUED)]
    begun = [child.started_at for child in below if child.attempt_number is not None]
    return RunTimes(own.started_at, min(dequeued or begun, default=None), own.ended_at)


def _unambiguous_status(span: Span) -> Status | None:
    if span.is_partial or (span.is_error and not span.is_cancelled):
        return None
    return parse_status("CANCELED" if span.is_cancelled else "COMPLETED")


def build_tree(
    current: RunId, rows: Iterable[TreeRow], runs: Mapping[RunId, Run], missing: Iterable[str] = ()
) -> RunTree:
    """Build the tree of the run `current` from rows in any order.

    The tree contains `current`, the runs of `rows` and all their ancestors; `runs` are the store's. If several rows
    have the same run, its first known parent, task and status count. The store's values win over a row's. Every run is
    in the tree: a run whose ancestors do not lead to the root becomes a child of the root, and `missing` says so.
    Children are sorted by creation time, unknown times last.
    """
    rows_by_id = _complete_rows(current, rows, runs)
    root = _root_of(current, rows_by_id, runs)
    ids = sorted(rows_by_id, key=lambda run_id: _sort_key(rows_by_id[run_id], runs))
    orphans = _orphans(root, ids, rows_by_id)
    children: dict[RunId, list[RunId]] = {}
    for run_id in ids:
        parent = rows_by_id[run_id].parent_id
        if run_id != root:
            children.setdefault(root if parent is None or run_id in orphans else parent, []).append(run_id)
    notes = list(missing)
    top = runs.get(root)
    if top is not None and top.fixed.depth:
        notes.append("the parents of the top run are not known")
    if orphans:
        one = len(orphans) == 1
        notes.append("the parent of 1 run is not known" if one else f"the parents of {len(orphans)} runs are not known")
    return RunTree(_build_nodes(root, rows_by_id, children, runs), current, tuple(notes))


def _complete_rows(current: RunId, rows: Iterable[TreeRow], runs: Mapping[RunId, Run]) -> dict[RunId, TreeRow]:
    """Return one row for each run of the tree, completed by the store. Every parent has a row too."""
    rows_by_id: dict[RunId, TreeRow] = {}
    for row in (TreeRow(current, None), *rows):
        known = rows_by_id.get(row.id, row)
        parent_id = row.parent_id if known.parent_id in {None, row.id} else known.parent_id
        task, status, times = known.task or row.task, known.status or row.status, known.times or row.times
        rows_by_id[row.id] = TreeRow(row.id, parent_id, task, status, times)
    pending = list(rows_by_id)
    while pending:
        row = rows_by_id[pending.pop()]
        if (run := runs.get(row.id)) is not None:
            parent_id = row.parent_id or run.fixed.parent_id
            status = row.status if run.state is None else run.state.status
            row = rows_by_id[row.id] = TreeRow(row.id, parent_id, run.fixed.task or row.task, status, row.times)
        if row.parent_id is not None and row.parent_id not in rows_by_id:
            rows_by_id[row.parent_id] = TreeRow(row.parent_id, None)
            pending.append(row.parent_id)
    return rows_by_id


def _root_of(current: RunId, rows_by_id: dict[RunId, TreeRow], runs: Mapping[RunId, Run]) -> RunId:
    """Return the `root_id` that `current` or an ancestor has, with a row for it; else the topmost known ancestor."""
    visited: set[RunId] = set()
    top = current
    while True:
        visited.add(top)
        run = runs.get(top)
        if run is not None and run.fixed.root_id is not None:
            root = run.fixed.root_id
            rows_by_id.setdefault(root, TreeRow(root, None))
            return root
        above = rows_by_id[top].parent_id
        if above is None or above in visited:
            return top
        top = above


def _orphans(root: RunId, ids: Iterable[RunId], rows_by_id: Mapping[RunId, TreeRow]) -> set[RunId]:
    """Return the runs without a known parent, and one run of each cycle."""
    orphans: set[RunId] = set()
    walks = {root: -1}  # by run: the number of the walk that first reached it
    for walk, start in enumerate(ids):
        run_id = start
        while run_id not in walks:
            walks[run_id] = walk
            parent = rows_by_id[run_id].parent_id
            if parent is None or walks.get(parent) == walk:
                orphans.add(run_id)
                break
            run_id = parent
    return orphans


def _build_nodes(
    root: RunId, rows_by_id: Mapping[RunId, TreeRow], children: Mapping[RunId, list[RunId]], runs: Mapping[RunId, Run]
) -> TreeNode:
    """Return the root node with all nodes below it. Built from the leaves up, without recursion."""
    order: list[tuple[RunId, int]] = []
    pending = [(root, 0)]
    while pending:
        run_id, depth = pending.pop()
        order.append((run_id, depth))
        pending.extend((child, depth + 1) for child in children.get(run_id, ()))
    nodes: dict[RunId, TreeNode] = {}
    for run_id, depth in reversed(order):
        row, below = rows_by_id[run_id], tuple(nodes.pop(child) for child in children.get(run_id, ()))
        nodes[run_id] = TreeNode(run_id, depth, row.task, row.status, runs.get(run_id), below, row.times)
    return nodes[root]


def _sort_key(row: TreeRow, runs: Mapping[RunId, Run]) -> tuple[bool, datetime, RunId]:
    run, times = runs.get(row.id), row.times or RunTimes()
    created_at = times.created_at if run is None or run.created_at is None else run.created_at
    return created_at is None, created_at or _NO_TIME, row.id
