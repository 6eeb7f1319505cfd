"""Computes the shape of a tree: runs with their newest status, roll-ups, batches, and groups of similar siblings.

`shape_of` is linear in the number of runs and never recursive.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import field
from datetime import datetime
from typing import Final

from tui.domain.ids import BatchId, RunId, TaskId
from tui.domain.run import Run
from tui.domain.tree import RunTree, TreeNode
from tui.lazy_dataclass import dataclass
from tui.present.status import StatusStyle, style_of, style_of_status
from tui.present.tree.roll_up import EMPTY, ROLL_UPS, STATUS_FAMILIES, RollUp, StatusFamily

EntryKey = Hashable
"""Identifies an entry in every later shape of the same tree."""

MIN_GROUP: Final = 3
"""This many similar siblings share a row."""

MIN_LARGE: Final = 31
"""A tree with this many runs starts with its quiet branches folded."""


@dataclass(frozen=True, slots=True)
class TreeRun:
    """A run of the tree with its newest known state. `run` is None if only the node is known."""

    node: TreeNode
    run: Run | None
    style: StatusStyle
    family: StatusFamily

    @property
    def is_final(self) -> bool:
        """Whether the run has ended for certain."""
        if self.run is not None and self.run.state is not None:
            return self.run.is_final
        return self.node.status is not None and self.node.status.canonical.is_final

    @property
    def has_times(self) -> bool:
        """Whether the run's times are known."""
        return (self.run is not None and self.run.state is not None) or self.node.times is not None

    @property
    def started_at(self) -> datetime | None:
        """When the run started, if known."""
        if self.run is not None and self.run.state is not None:
            return self.run.state.started_at
        return None if self.node.times is None else self.node.times.started_at

    @property
    def finished_at(self) -> datetime | None:
        """When the run ended, if known."""
        if self.run is not None and self.run.state is not None:
            return self.run.state.finished_at
        return None if self.node.times is None else self.node.times.finished_at


@dataclass(frozen=True, slots=True)
class BatchGroup:
    """The siblings that one call triggered. `is_whole` means that no other run of the batch can be missing."""

    size: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class SiblingGroup:
    """Siblings with the same task and status that all ended without a failure, or are all queued."""

    size: int
    word: str
    task: TaskId | None


@dataclass(slots=True, eq=False)
class TreeEntry:
    """A run or a group, which may have a row.

    `below` counts all runs under it. `is_quiet` means that neither this entry nor anything below it failed, is live, or
    has to stay visible.
    """

    key: EntryKey
    item: TreeRun | BatchGroup | SiblingGroup
    below: RollUp = EMPTY
    is_quiet: bool = True
    children: Sequence["TreeEntry"] = ()
    parent: "TreeEntry | None" = field(default=None, repr=False)

    @property
    def run_id(self) -> RunId | None:
        """The id of the run; None for a group."""
        return self.item.node.id if isinstance(self.item, TreeRun) else None

    @property
    def is_failed(self) -> bool:
        """Whether the entry is a run that failed."""
        return isinstance(self.item, TreeRun) and self.item.family is StatusFamily.FAILED

    @property
    def are_children_quiet(self) -> bool:
        """Whether everything below the entry is quiet."""
        return all(child.is_quiet for child in self.children)

    def ancestors(self) -> Iterator["TreeEntry"]:
        """Yield the entries above, the nearest first."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent

    def walk(self) -> Iterator["TreeEntry"]:
        """Yield the entry and everything below it, in the order of rows."""
        pending = [self]
        while pending:
            entry = pending.pop()
            yield entry
            pending.extend(reversed(entry.children))


@dataclass(frozen=True, slots=True)
class TreeShape:
    """The whole tree.

    `by_run` finds the entry of a run. `first_failed` is the run that failed first; None if fewer than two runs failed,
    or if the end of one is not known.
    """

    root: TreeEntry
    by_run: dict[RunId, TreeEntry]
    first_failed: TreeEntry | None
    is_live: bool

    @property
    def size(self) -> int:
        """The number of runs."""
        return len(self.by_run)

    @property
    def is_large(self) -> bool:
        """Whether the tree starts with its quiet branches folded."""
        return self.size >= MIN_LARGE


def shape_of(
    tree: RunTree,
    newest: Callable[[RunId], Run | None],
    kept: Collection[RunId] = (),
    before: TreeShape | None = None,
) -> TreeShape:
    """Compute the shape of a tree. `newest` returns the newest state of a run from the store.

    The current run and the runs in `kept` stay visible: they never join a group of siblings, and their branch is never
    quiet. Entries of runs that did not change are reused from `before`.
    """
    in_view = {tree.current, *kept}
    known = before.by_run if before is not None else {}
    entries = [_entry(node, newest, known.get(node.id)) for node in tree.root.walk()]
    by_run: dict[RunId, TreeEntry] = {}
    for entry in entries:
        assert isinstance(entry.item, TreeRun)
        by_run[entry.item.node.id] = entry
    # Children before their parents, so that a parent can sum up their roll-ups.
    for entry in reversed(entries):
        tree_run = entry.item
        assert isinstance(tree_run, TreeRun)
        entry.is_quiet = tree_run.family.is_quiet and tree_run.node.id not in in_view
        if tree_run.node.children:
            children = [by_run[child.id] for child in tree_run.node.children]
            entry.below = _sum_of(children)
            entry.is_quiet = entry.is_quiet and all(child.is_quiet for child in children)
            _set_children(entry, _with_batches(entry, children, in_view))
    return TreeShape(
        by_run[tree.root.id],
        by_run,
        _first_failed(entries),
        any(not _has_ended(entry) for entry in entries),
    )


def _entry(node: TreeNode, newest: Callable[[RunId], Run | None], before: TreeEntry | None) -> TreeEntry:
    run = newest(node.id)
    if run is None or (run.state is None and node.run is not None):
        run = node.run
    if before is not None and isinstance(before.item, TreeRun) and before.item.run is run and before.item.node is node:
        return TreeEntry(node.id, before.item)
    return TreeEntry(node.id, _tree_run(node, run))


def _tree_run(node: TreeNode, run: Run | None) -> TreeRun:
    if run is not None and run.state is not None:
        return TreeRun(node, run, style_of(run), STATUS_FAMILIES[run.status])
    family = StatusFamily.UNKNOWN if node.status is None else STATUS_FAMILIES[node.status.canonical]
    return TreeRun(node, run, style_of_status(node.status), family)


def _sum_of(entries: Iterable[TreeEntry]) -> RollUp:
    """Sum up entries and everything below them. A group adds nothing beyond its members."""
    failed = active = queued = completed = 0
    for entry in entries:
        own = ROLL_UPS[entry.item.family] if isinstance(entry.item, TreeRun) else EMPTY
        failed += own.failed + entry.below.failed
        active += own.active + entry.below.active
        queued += own.queued + entry.below.queued
        completed += own.completed + entry.below.completed
    return RollUp(failed, active, queued, completed)


def _set_children(parent: TreeEntry, children: Sequence[TreeEntry]) -> None:
    parent.children = children
    for child in children:
        child.parent = parent


def _with_batches(parent: TreeEntry, children: Sequence[TreeEntry], in_view: Collection[RunId]) -> Sequence[TreeEntry]:
    """Return the children with each batch at the place of its first run, and similar siblings grouped at the end."""
    batches: dict[BatchId, list[TreeEntry]] = {}
    is_whole = True
    for child in children:
        run = child.item.run if isinstance(child.item, TreeRun) else None
        is_whole = is_whole and run is not None and run.created_at is not None
        if run is not None and run.fixed.batch_id is not None:
            batches.setdefault(run.fixed.batch_id, []).append(child)
    # A row for the batch is useless if the batch is all there is.
    batches = {batch_id: members for batch_id, members in batches.items() if 1 < len(members) < len(children)}
    if not batches:
        return _with_groups(parent.key, children, in_view)
    shown: list[TreeEntry] = []
    placed: set[BatchId] = set()
    for child in children:
        run = child.item.run if isinstance(child.item, TreeRun) else None
        batch_id = None if run is None else run.fixed.batch_id
        if batch_id is None or batch_id not in batches:
            shown.append(child)
        elif batch_id not in placed:
            placed.add(batch_id)
            members = batches[batch_id]
            batch = _group(("batch", parent.key, batch_id), BatchGroup(len(members), is_whole), members)
            _set_children(batch, _with_groups(batch.key, members, in_view))
            shown.append(batch)
    return _with_groups(parent.key, shown, in_view)


_Similarity = tuple[bool, str, TaskId | None]
"""Whether a run ended, its status word, and its task."""


def _with_groups(above: EntryKey, entries: Sequence[TreeEntry], in_view: Collection[RunId]) -> Sequence[TreeEntry]:
    """Return the entries with similar ones grouped behind the others, one group for each kind."""
    if len(entries) < MIN_GROUP:
        return entries
    kinds = [_similarity(entry, in_view) for entry in entries]
    many: dict[_Similarity, list[TreeEntry]] = {
        kind: [] for kind, size in Counter(kinds).items() if kind is not None and size >= MIN_GROUP
    }
    if not many:
        return entries
    shown: list[TreeEntry] = []
    for entry, kind in zip(entries, kinds, strict=True):
        (shown if kind is None or kind not in many else many[kind]).append(entry)
    for kind in sorted(many, key=lambda kind: kind[0]):
        _, word, task = kind
        group = _group(("alike", above, word, task), SiblingGroup(len(many[kind]), word, task), many[kind])
        _set_children(group, many[kind])
        shown.append(group)
    return shown


def _similarity(entry: TreeEntry, in_view: Collection[RunId]) -> _Similarity | None:
    """Return the properties that make entries similar, or None if this entry must stay on its own."""
    tree_run = entry.item
    if not isinstance(tree_run, TreeRun) or tree_run.node.id in in_view or not entry.are_children_quiet:
        return None
    if tree_run.family.is_quiet or tree_run.family is StatusFamily.QUEUED:
        return tree_run.family.is_quiet, tree_run.style.word.casefold(), tree_run.node.task
    return None


def _group(key: EntryKey, item: BatchGroup | SiblingGroup, members: Sequence[TreeEntry]) -> TreeEntry:
    return TreeEntry(key, item, _sum_of(members), all(member.is_quiet for member in members))


def _has_ended(entry: TreeEntry) -> bool:
    return isinstance(entry.item, TreeRun) and (entry.item.family.is_quiet or entry.item.family is StatusFamily.FAILED)


def _first_failed(entries: Iterable[TreeEntry]) -> TreeEntry | None:
    failed = [entry for entry in entries if entry.is_failed]
    timed = []
    for entry in failed:
        finished_at = entry.item.finished_at if isinstance(entry.item, TreeRun) else None
        if finished_at is None:
            return None
        timed.append((finished_at, entry))
    return min(timed, key=lambda pair: pair[0])[1] if len(timed) > 1 else None
