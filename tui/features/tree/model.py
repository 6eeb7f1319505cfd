"""Rows that fold into a tree, and the state of the tree pane without its widget."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Final, Generic, NamedTuple

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.tree import RunTree
from tui.features.tree import words
from tui.features.tree.words import Branch, Entry, SiblingGroup, TreeBranch, TreeEntry, TreeFolds, TreeRun, TreeShape
from tui.kit.page import LazyRows, PageRow
from tui.text.blocks import Now, Row


class FoldingView(ABC, Generic[Entry]):
    """Rows that fold into a tree: the runs of the tree, the spans of the waterfall. An entry may have a row."""

    @abstractmethod
    def key_of(self, entry: Entry) -> Hashable:
        """Return the key of the row of an entry."""

    @abstractmethod
    def ancestors_of(self, entry: Entry) -> Iterator[Entry]:
        """Yield the entries above another one, the nearest first."""

    @abstractmethod
    def children_of(self, entry: Entry) -> Sequence[Entry]:
        """Return the entries whose rows stand below another one's."""

    @abstractmethod
    def is_open(self, entry: Entry) -> bool:
        """Return whether the rows below an entry are visible."""

    @abstractmethod
    def set_open(self, entry: Entry, *, is_open: bool) -> None:
        """Unfold or fold an entry."""

    @abstractmethod
    def set_all_open(self, *, is_open: bool) -> None:
        """Unfold everything, or fold everything but the root."""

    @abstractmethod
    def reveal(self, entries: Iterable[Entry]) -> None:
        """Unfold everything above some entries."""

    @abstractmethod
    def is_failed(self, entry: Entry) -> bool:
        """Return whether the key for the next error stops at an entry."""

    @property
    @abstractmethod
    def order(self) -> Sequence[Entry]:
        """All entries, folded ones too, in the order of rows."""

    def next_of(self, entry: Entry | None, step: int, is_wanted: Callable[[Entry], bool]) -> Entry | None:
        """Return the next (1) or previous (-1) wanted entry, wrapping around; None if there is no other."""
        order = self.order
        keys = [self.key_of(each) for each in order]
        at = keys.index(self.key_of(entry)) if entry is not None and self.key_of(entry) in keys else -1
        ahead = [*order[at + 1 :], *order[: max(at, 0)]]
        return next(filter(is_wanted, ahead if step > 0 else reversed(ahead)), None)


class BranchRows(LazyRows, Generic[Entry]):
    """The rows of a view, then some that stand below them. Of thousands only the visible ones are drawn."""

    def __init__(self, view: FoldingView[Entry], branches: Sequence[Branch[Entry]], below: Sequence[Row]) -> None:
        super().__init__(len(branches), below)
        self._key_of = view.key_of
        self.branches = branches

    def entry_at(self, index: int) -> Entry | None:
        """Return the entry of a row; None for one that stands below them."""
        return self.branches[index].entry if index < len(self.branches) else None

    @cached_property
    def _indexes(self) -> dict[Hashable, int]:
        return {self._key_of(branch.entry): index for index, branch in enumerate(self.branches)}

    def index_of(self, key: Hashable) -> int | None:
        return self._indexes.get(key)


# The rows of the tree pane.


class RowContext(NamedTuple):
    """The parameters that all rows are drawn with.

    * `current`: the selected run
    * `is_alone`: the selected run is the only one of its tree
    """

    columns: words.Columns
    now: Now
    current: RunId
    is_alone: bool = False


class TreeRows(BranchRows[TreeEntry]):
    """The rows of a tree, then notes."""

    def __init__(self, view: "TreeView", notes: Sequence[Row], context: RowContext) -> None:
        super().__init__(view, view.shown, notes)
        self._context = context

    def make(self, index: int) -> PageRow:
        branch, context = self.branches[index], self._context
        is_current = branch.entry.key == context.current
        row = words.row(branch, context.columns, context.now, is_current=is_current, is_alone=context.is_alone)
        return row._replace(is_current=is_current)


# The state of the tree pane without its widget: the shape of the tree, its folds, and the visible rows.
#
# The shape and the rows are computed when they are needed, and kept until something changes that they depend on.


MAX_REVEALED: Final = 200
"""The maximum number of entries that a search reveals: a single letter would match thousands."""


class TreeView(FoldingView[TreeEntry]):
    """Holds one tree at a time. `newest` returns a run from the store."""

    def __init__(self, newest: Callable[[RunId], Run | None]) -> None:
        self._newest = newest
        self.tree: RunTree | None = None
        """The tree as it was fetched."""
        self.ids: frozenset[RunId] = frozenset()
        """The runs of the tree."""
        self._shape: TreeShape | None = None
        self._shape_before: TreeShape | None = None
        self._shown: Sequence[TreeBranch] | None = None
        self._folds = TreeFolds()
        self._unsearched: TreeFolds | None = None
        self._kept_visible: tuple[RunId, ...] = ()

    @property
    def shape(self) -> TreeShape | None:
        """The entries of the tree, made from the newest state of every run."""
        if self._shape is None and self.tree is not None:
            self._shape = words.shape_of(self.tree, self._newest, self._kept_visible, self._shape_before)
            self._shape_before, self._shown = self._shape, None
        return self._shape

    @property
    def shown(self) -> Sequence[TreeBranch]:
        """The visible rows."""
        if (shape := self.shape) is None:
            return ()
        if self._shown is None:
            self._shown = words.branches(shape, self._folds)
            self._folds = self._folds.remember_open(self._shown)
        return self._shown

    @property
    def order(self) -> Sequence[TreeEntry]:
        return [] if self.shape is None else list(self.shape.root.walk())

    def show(self, tree: RunTree | None) -> bool:
        """Show a tree. Return whether it has another root: then the folds start over."""
        before, self.tree = self.tree, tree
        self._shape = self._shown = None
        if tree is None or before is None or tree.root is not before.root:
            self.ids = frozenset(node.id for node in tree.root.walk()) if tree is not None else frozenset()
        is_other = tree is None or before is None or tree.root.id != before.root.id
        if is_other:
            self._folds, self._unsearched, self._kept_visible, self._shape_before = TreeFolds(), None, (), None
        return is_other

    def on_runs_changed(self, entry: TreeEntry | None) -> None:
        """Compute the shape again. `entry`, which is under the cursor, must not disappear into a group."""
        is_grouped = entry is not None and entry.parent is not None and isinstance(entry.parent.item, SiblingGroup)
        self._kept_visible = () if entry is None or entry.run_id is None or is_grouped else (entry.run_id,)
        self._shape = None

    def key_of(self, entry: TreeEntry) -> Hashable:
        return entry.key

    def ancestors_of(self, entry: TreeEntry) -> Iterator[TreeEntry]:
        return entry.ancestors()

    def children_of(self, entry: TreeEntry) -> Sequence[TreeEntry]:
        return entry.children

    def is_failed(self, entry: TreeEntry) -> bool:
        return entry.is_failed

    def is_open(self, entry: TreeEntry) -> bool:
        return self._folds.is_open(entry, is_large=self.shape is not None and self.shape.is_large)

    def set_open(self, entry: TreeEntry, *, is_open: bool) -> None:
        self._use(self._folds.with_fold([entry], is_open=is_open))

    def set_all_open(self, *, is_open: bool) -> None:
        self._use(words.ALL_OPEN if is_open else words.ALL_CLOSED)

    def step_level(self, step: int) -> None:
        """Unfold the highest folded level (1), or fold the lowest open one (-1)."""
        self._use(self._folds.step_level(self.shown, step))

    def reveal(self, entries: Iterable[TreeEntry]) -> None:
        closed = {above for entry in entries for above in entry.ancestors() if not self.is_open(above)}
        if closed:
            self._folds, self._shown = self._folds.with_fold(closed, is_open=True), None

    def search(self, text: str, cursor_entry: TreeEntry | None) -> None:
        """Reveal the runs whose task, id or tags contain a text.

        An empty text ends the search: the earlier folds return, except around the entry under the cursor.
        """
        if self._unsearched is None:
            self._unsearched = self._folds
        self._folds, self._shown = self._unsearched, None
        if text:
            needle = text.casefold()
            found = (each for each in self.order if isinstance(each.item, TreeRun) and needle in _words_of(each.item))
            self.reveal(islice(found, MAX_REVEALED))
            return
        self._unsearched = None
        if cursor_entry is not None:
            self.reveal([cursor_entry])

    def _use(self, folds: TreeFolds) -> None:
        self._folds, self._shown, self._unsearched = folds, None, None


def _words_of(item: TreeRun) -> str:
    tags = item.run.state.tags if item.run is not None and item.run.state is not None else ()
    return " ".join((item.node.task or "", item.node.id, *tags)).casefold()
