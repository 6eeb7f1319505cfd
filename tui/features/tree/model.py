"""The state of the tree pane without its widget, and its rows as a lazy sequence."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Final, NamedTuple

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.tree import RunTree
from tui.features.tree import words
from tui.features.tree.words import Branch, SiblingGroup, TreeEntry, TreeFolds, TreeRun, TreeShape
from tui.kit.page import LazyRows, PageRow
from tui.text.blocks import Now, Row

# The rows of the tree pane as a lazy sequence: of a tree with thousands of runs only the visible rows are drawn.


class RowContext(NamedTuple):
    """The parameters that all rows are drawn with.

    * `current`: the selected run
    * `is_alone`: the selected run is the only one of its tree
    """

    columns: words.Columns
    now: Now
    current: RunId
    is_alone: bool = False


class TreeRows(LazyRows):
    """The rows of `branches`, then those of `notes`.

    Rows that do not depend on the time are reused from `previous` if nothing in them changed.
    """

    def __init__(
        self, branches: Sequence[Branch], notes: Sequence[Row], context: RowContext, previous: "TreeRows | None" = None
    ) -> None:
        super().__init__(len(branches), [PageRow(note.line, note.key, note.action) for note in notes])
        self._branches = branches
        self._context = context
        self._cache: dict[words.EntryKey, tuple[object, PageRow]] = {}
        if previous is not None and previous._context.columns == context.columns:  # noqa: SLF001  the same class
            self._cache = previous._cache  # noqa: SLF001
        self._indexes: dict[Hashable, int] | None = None

    def entry_at(self, index: int) -> TreeEntry | None:
        """Return the entry of a row; None for a note."""
        return self._branches[index].entry if index < len(self._branches) else None

    def index_of(self, key: Hashable) -> int | None:
        """Return the row of an entry."""
        if self._indexes is None:
            self._indexes = {branch.entry.key: index for index, branch in enumerate(self._branches)}
        return self._indexes.get(key)

    def make(self, index: int) -> PageRow:
        branch, context = self._branches[index], self._context
        entry = branch.entry
        is_current = entry.key == context.current
        content = self._content(branch, is_current=is_current)
        if (cached := self._cache.get(entry.key)) is not None and content is not None and cached[0] == content:
            return cached[1]
        drawn = words.row(branch, context.columns, context.now, is_current=is_current, is_alone=context.is_alone)
        row = PageRow(drawn.line, drawn.key, drawn.action, is_current)
        if content is not None:
            self._cache[entry.key] = content, row
        return row

    def _content(self, branch: Branch, *, is_current: bool) -> object:
        """Return everything that a row depends on, for comparison; None if it also depends on the time."""
        entry, item = branch.entry, branch.entry.item
        if not isinstance(item, TreeRun | SiblingGroup) or (isinstance(item, TreeRun) and not item.is_final):
            return None
        parent = entry.parent.key if entry.parent is not None else None
        of_run = (item.run, item.node.task, item.node.times, item.style) if isinstance(item, TreeRun) else item
        return of_run, entry.below, branch.guides, branch.is_open, is_current, self._context.is_alone, parent


# The state of the tree pane without its widget: the shape of the tree, its folds, and the visible rows.
#
# The shape and the rows are computed when they are needed, and kept until something changes that they depend on.


MAX_REVEALED: Final = 200
"""The maximum number of runs that a search reveals: a single letter would match thousands."""


class TreeView:
    """Holds one tree at a time. `newest` returns a run from the store."""

    def __init__(self, newest: Callable[[RunId], Run | None]) -> None:
        self._newest = newest
        self.tree: RunTree | None = None
        """The tree as it was fetched."""
        self.ids: frozenset[RunId] = frozenset()
        """The runs of the tree."""
        self._shape: TreeShape | None = None
        self._shape_before: TreeShape | None = None
        self._shown: Sequence[Branch] | None = None
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
    def shown(self) -> Sequence[Branch]:
        """The visible rows."""
        if (shape := self.shape) is None:
            return ()
        if self._shown is None:
            self._shown = words.branches(shape, self._folds)
            self._folds = self._folds.remember_open(self._shown)
        return self._shown

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

    def is_open(self, entry: TreeEntry) -> bool:
        """Return whether the children of an entry are visible."""
        return self._folds.is_open(entry, is_large=self.shape is not None and self.shape.is_large)

    def set_open(self, entry: TreeEntry, *, is_open: bool) -> None:
        """Unfold or fold an entry."""
        self._use(self._folds.with_fold([entry], is_open=is_open))

    def set_all_open(self, *, is_open: bool) -> None:
        """Unfold or fold everything."""
        self._use(words.ALL_OPEN if is_open else words.ALL_CLOSED)

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
