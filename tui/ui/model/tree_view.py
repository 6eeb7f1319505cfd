"""The state of the tree pane without its widget: the shape of the tree, its folds, and the visible rows.

The shape and the rows are computed when they are needed, and kept until something changes that they depend on.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.tree import RunTree
from tui.present.tree.fold import ALL_CLOSED, ALL_OPEN, Branch, TreeFolds, branches
from tui.present.tree.shape import SiblingGroup, TreeEntry, TreeRun, TreeShape, shape_of

MAX_REVEALED: Final = 200
"""The maximum number of runs that a search reveals: a single letter would match thousands."""


class TreeView:
    """Holds one tree at a time. `newest` returns a run from the store."""

    def __init__(self, newest: Callable[[RunId], Run | None]) -> None:
        self._newest = newest
        self._tree: RunTree | None = None
        self._ids: frozenset[RunId] = frozenset()
        self._shape: TreeShape | None = None
        self._shape_before: TreeShape | None = None
        self._shown: Sequence[Branch] | None = None
        self._folds = TreeFolds()
        self._unsearched: TreeFolds | None = None
        self._kept_visible: tuple[RunId, ...] = ()

    @property
    def tree(self) -> RunTree | None:
        """The tree as it was fetched."""
        return self._tree

    @property
    def ids(self) -> frozenset[RunId]:
        """The runs of the tree."""
        return self._ids

    @property
    def shape(self) -> TreeShape | None:
        """The entries of the tree, made from the newest state of every run."""
        if self._shape is None and self._tree is not None:
            self._shape = shape_of(self._tree, self._newest, self._kept_visible, self._shape_before)
            self._shape_before, self._shown = self._shape, None
        return self._shape

    @property
    def shown(self) -> Sequence[Branch]:
        """The visible rows."""
        shape = self.shape
        if shape is None:
            return ()
        if self._shown is None:
            self._shown = branches(shape, self._folds)
            self._folds = self._folds.remember_open(self._shown)
        return self._shown

    def show(self, tree: RunTree | None) -> bool:
        """Show a tree. Return whether it has another root: then the folds start over."""
        before, self._tree = self._tree, tree
        self._shape = self._shown = None
        if tree is None or before is None or tree.root is not before.root:
            self._ids = frozenset(node.id for node in tree.root.walk()) if tree is not None else frozenset()
        is_other = tree is None or before is None or tree.root.id != before.root.id
        if is_other:
            self._folds, self._unsearched, self._kept_visible, self._shape_before = TreeFolds(), None, (), None
        return is_other

    def on_runs_changed(self, entry: TreeEntry | None) -> None:
        """Compute the shape again. `entry`, which is under the cursor, must not disappear into a group."""
        is_grouped = entry is not None and entry.parent is not None and isinstance(entry.parent.item, SiblingGroup)
        self._kept_visible = () if entry is None or entry.run_id is None or is_grouped else (entry.run_id,)
        self._shape = None

    def is_open(self, entry: TreeEntry) -> bool:
        """Return whether the children of an entry are visible."""
        return self._folds.is_open(entry, is_large=self.shape is not None and self.shape.is_large)

    def set_open(self, entry: TreeEntry, *, is_open: bool) -> None:
        """Unfold or fold an entry."""
        self._use(self._folds.with_fold([entry], is_open=is_open))

    def set_all_open(self, *, is_open: bool) -> None:
        """Unfold or fold everything."""
        self._use(ALL_OPEN if is_open else ALL_CLOSED)

    def step_level(self, step: int) -> None:
        """Unfold the highest folded level (1), or fold the lowest open one (-1)."""
        shown = self.shown
        self._use(self._folds.unfold_level(shown) if step > 0 else self._folds.fold_level(shown))

    def reveal(self, entries: Iterable[TreeEntry]) -> None:
        """Unfold all ancestors of these entries."""
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
            self.reveal(self._found(text.casefold()))
            return
        self._unsearched = None
        if cursor_entry is not None:
            self.reveal([cursor_entry])

    def next_failed(self, cursor_entry: TreeEntry | None, step: int) -> TreeEntry | None:
        """Return the next (1) or previous (-1) failed run, wrapping around; None if there is no other."""
        if self.shape is None:
            return None
        entries = list(self.shape.root.walk())
        keys = [entry.key for entry in entries]
        at = keys.index(cursor_entry.key) if cursor_entry is not None and cursor_entry.key in keys else -1
        ahead = [*entries[at + 1 :], *entries[: max(at, 0)]]
        return next((entry for entry in (ahead if step > 0 else reversed(ahead)) if entry.is_failed), None)

    def _use(self, folds: TreeFolds) -> None:
        self._folds, self._shown, self._unsearched = folds, None, None

    def _found(self, needle: str) -> list[TreeEntry]:
        found: list[TreeEntry] = []
        for entry in self.shape.root.walk() if self.shape else ():
            if isinstance(entry.item, TreeRun) and needle in _words_of(entry.item).casefold():
                found.append(entry)
                if len(found) == MAX_REVEALED:
                    break
        return found


def _words_of(item: TreeRun) -> str:
    tags = item.run.state.tags if item.run is not None and item.run.state is not None else ()
    return " ".join((item.node.task or "", item.node.id, *tags))
