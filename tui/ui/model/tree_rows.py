"""The rows of a tree, drawn when they are looked at: a tree of thousands costs what is seen of it.

What lives here: `TreeRows`. What a row says is `present.tree_page`'s.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple, overload

from tui.domain.ids import RunId
from tui.present.actions.row_actions import Row
from tui.present.columns import Now
from tui.present.tree import page as tree_page
from tui.present.tree.fold import Branch
from tui.present.tree.page import Columns
from tui.present.tree.shape import EntryKey, SiblingGroup, TreeEntry, TreeRun
from tui.ui.widgets.page import KeyedRows, PageRow


class Drawing(NamedTuple):
    """What all rows are drawn with."""

    columns: Columns
    now: Now
    current: RunId
    is_alone: bool = False


class TreeRows(KeyedRows):
    """One state of a tree: `shown`, then `notes`. Rows that do not depend on the time are taken over from `before` if
    they would say the same.
    """

    def __init__(
        self, shown: Sequence[Branch], notes: Sequence[Row], drawing: Drawing, before: "TreeRows | None" = None
    ) -> None:
        self._shown = shown
        self._notes = [PageRow(note.line, note.key, note.action) for note in notes]
        self._drawing = drawing
        self._rows: list[PageRow | None] = [None] * len(shown)
        is_same_place = before is not None and before._drawing.columns == drawing.columns  # noqa: SLF001  its own kind
        self._kept: dict[EntryKey, tuple[object, PageRow]] = before._kept if before and is_same_place else {}  # noqa: SLF001
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
        """What a row is about; None for a note."""
        return self._shown[place].entry if place < len(self._shown) else None

    def index_of(self, key: Hashable) -> int | None:
        """The place of an entry."""
        if self._places is None:
            self._places = {branch.entry.key: place for place, branch in enumerate(self._shown)}
        return self._places.get(key)

    def _row(self, branch: Branch) -> PageRow:
        entry, drawing = branch.entry, self._drawing
        is_current = entry.key == drawing.current
        says = self._says(branch, is_current=is_current)
        kept = self._kept.get(entry.key)
        if kept is not None and says is not None and kept[0] == says:
            return kept[1]
        row = tree_page.row(branch, drawing.columns, drawing.now, is_current=is_current, is_alone=drawing.is_alone)
        made = PageRow(row.line, row.key, row.action, is_current)
        if says is not None:
            self._kept[entry.key] = says, made
        return made

    def _says(self, branch: Branch, *, is_current: bool) -> object:
        """All that a row is made of, or None where it depends on the time too."""
        entry, item = branch.entry, branch.entry.item
        if isinstance(item, TreeRun) and not item.is_final:
            return None
        if not isinstance(item, TreeRun | SiblingGroup):
            return None
        above = entry.parent.key if entry.parent is not None else None
        of_run = (item.run, item.node.task, item.node.times, item.style) if isinstance(item, TreeRun) else item
        return of_run, entry.below, branch.guides, branch.is_open, is_current, self._drawing.is_alone, above
