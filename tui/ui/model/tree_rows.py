"""The rows of a tree as a lazy sequence: of a tree with thousands of runs only the visible rows are drawn."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple, overload

from tui.domain.ids import RunId
from tui.present.actions.row_actions import Row
from tui.present.columns import Now
from tui.present.tree import page as tree_page
from tui.present.tree.fold import Branch
from tui.present.tree.page import Columns
from tui.present.tree.shape import EntryKey, SiblingGroup, TreeEntry, TreeRun
from tui.ui.model.page_rows import KeyedRows, PageRow


class Drawing(NamedTuple):
    """The parameters that all rows are drawn with."""

    columns: Columns
    now: Now
    current: RunId
    is_alone: bool = False


class TreeRows(KeyedRows):
    """The rows of `shown`, then those of `notes`.

    Rows that do not depend on the time are reused from `before` if nothing in them changed.
    """

    def __init__(
        self, shown: Sequence[Branch], notes: Sequence[Row], drawing: Drawing, before: "TreeRows | None" = None
    ) -> None:
        self._shown = shown
        self._notes = [PageRow(note.line, note.key, note.action) for note in notes]
        self._drawing = drawing
        self._rows: list[PageRow | None] = [None] * len(shown)
        has_same_columns = before is not None and before._drawing.columns == drawing.columns  # noqa: SLF001  its own kind
        self._kept: dict[EntryKey, tuple[object, PageRow]] = before._kept if before and has_same_columns else {}  # noqa: SLF001
        self._places: dict[Hashable, int] | None = None

    def __len__(self) -> int:
        return len(self._shown) + len(self._notes)

    @overload
    def __getitem__(self, index: int) -> PageRow: ...

    @overload
    def __getitem__(self, index: slice) -> list[PageRow]: ...

    def __getitem__(self, index: int | slice) -> PageRow | list[PageRow]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if index >= len(self._shown):
            return self._notes[index - len(self._shown)]
        row = self._rows[index]
        if row is None:
            row = self._rows[index] = self._row(self._shown[index])
        return row

    def entry_at(self, place: int) -> TreeEntry | None:
        """Return the entry of a row; None for a note."""
        return self._shown[place].entry if place < len(self._shown) else None

    def index_of(self, key: Hashable) -> int | None:
        """Return the row of an entry."""
        if self._places is None:
            self._places = {branch.entry.key: place for place, branch in enumerate(self._shown)}
        return self._places.get(key)

    def _row(self, branch: Branch) -> PageRow:
        entry, drawing = branch.entry, self._drawing
        is_current = entry.key == drawing.current
        content = self._content(branch, is_current=is_current)
        kept = self._kept.get(entry.key)
        if kept is not None and content is not None and kept[0] == content:
            return kept[1]
        row = tree_page.row(branch, drawing.columns, drawing.now, is_current=is_current, is_alone=drawing.is_alone)
        made = PageRow(row.line, row.key, row.action, is_current)
        if content is not None:
            self._kept[entry.key] = content, made
        return made

    def _content(self, branch: Branch, *, is_current: bool) -> object:
        """Return everything that a row depends on, to compare; None if it depends on the time too."""
        entry, item = branch.entry, branch.entry.item
        if isinstance(item, TreeRun) and not item.is_final:
            return None
        if not isinstance(item, TreeRun | SiblingGroup):
            return None
        above = entry.parent.key if entry.parent is not None else None
        of_run = (item.run, item.node.task, item.node.times, item.style) if isinstance(item, TreeRun) else item
        return of_run, entry.below, branch.guides, branch.is_open, is_current, self._drawing.is_alone, above
