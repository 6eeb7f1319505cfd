"""The rows of the tree pane as a lazy sequence: of a tree with thousands of runs only the visible rows are drawn."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from tui.domain.ids import RunId
from tui.present.actions.row_actions import Row
from tui.present.columns import Now
from tui.present.tree import page as tree_page
from tui.present.tree.fold import Branch
from tui.present.tree.page import Columns
from tui.present.tree.shape import EntryKey, SiblingGroup, TreeEntry, TreeRun
from tui.ui.model.page_rows import LazyRows, PageRow


class RowContext(NamedTuple):
    """The parameters that all rows are drawn with.

    * `current`: the selected run
    * `is_alone`: the selected run is the only one of its tree
    """

    columns: Columns
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
        self._cache: dict[EntryKey, tuple[object, PageRow]] = {}
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
        cached = self._cache.get(entry.key)
        if cached is not None and content is not None and cached[0] == content:
            return cached[1]
        drawn = tree_page.row(branch, context.columns, context.now, is_current=is_current, is_alone=context.is_alone)
        row = PageRow(drawn.line, drawn.key, drawn.action, is_current)
        if content is not None:
            self._cache[entry.key] = content, row
        return row

    def _content(self, branch: Branch, *, is_current: bool) -> object:
        """Return everything that a row depends on, for comparison; None if it also depends on the time."""
        entry, item = branch.entry, branch.entry.item
        if isinstance(item, TreeRun) and not item.is_final:
            return None
        if not isinstance(item, TreeRun | SiblingGroup):
            return None
        parent = entry.parent.key if entry.parent is not None else None
        of_run = (item.run, item.node.task, item.node.times, item.style) if isinstance(item, TreeRun) else item
        return of_run, entry.below, branch.guides, branch.is_open, is_current, self._context.is_alone, parent
