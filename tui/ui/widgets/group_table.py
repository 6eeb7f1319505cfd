"""The table of error groups.

`GroupListModel` decides which group is on which row, `present.errors.groups.columns` makes the cells.
"""

from collections.abc import Callable, Hashable
from typing import NamedTuple

from tui.domain.errors.kinds import Fingerprint
from tui.present.errors.groups.columns import BARS, GroupRow, SizedGroupColumn, group_columns_for, group_head, group_row
from tui.present.errors.groups.words import day_words, first_known
from tui.present.styled import Line
from tui.store.errors.error_group import ErrorGroup
from tui.store.errors.failures import TimeSpan
from tui.ui.data.live_model import LiveModel
from tui.ui.model.errors.facts import own_line
from tui.ui.model.errors.group_list import GroupListModel
from tui.ui.widgets.row_table import RowTable


class _GroupContent(NamedTuple):
    """What a row is made from. `cells` are the failures over the span, or none where no column shows them.

    `since` is a time or a date, by the present day. `line` is that of the first own frame. `is_read`: see
    `GroupRow`.
    """

    group: ErrorGroup
    is_bold: bool
    since: str
    cells: tuple[int, ...]
    line: int | None
    is_read: bool


class GroupTable(RowTable[Fingerprint]):
    """Shows the rows of a `GroupListModel` below a line of column names."""

    def __init__(self, live: LiveModel, rows: Callable[[], GroupListModel]) -> None:
        super().__init__(live)
        self._rows = rows
        self.columns_for: Callable[[int], list[SizedGroupColumn]] = group_columns_for
        """Returns the columns for a width in cells."""
        self.slots: list[SizedGroupColumn] = []
        """The columns that are shown, with their widths."""
        self._has_bars = False
        self.span: TimeSpan | None = None
        self.span_words = ""
        self.has_states = True
        self.is_read = False

    @property
    def rows(self) -> GroupListModel:
        return self._rows()

    def head_line(self) -> Line:
        return group_head(self.slots, self.span_words, has_states=self.has_states)

    def fit_columns(self) -> None:
        self.slots = self.columns_for(self.size.width)
        self._has_bars = any(slot.column.id == BARS.id for slot in self.slots)

    def content_of(self, key: Fingerprint, *, is_bold: bool) -> Hashable | None:
        group, span = self.rows.get(key), self.span
        if group is None:
            return None
        cells = group.counts_in(span) if span is not None and self._has_bars else ()
        newest = self.live.get(group.run_ids[0]) if group.run_ids else None
        since = day_words(first_known(group), self.now.at)
        return _GroupContent(group, is_bold, since, cells, own_line(newest), self.is_read)

    def line_of(self, content: Hashable) -> Line:
        assert isinstance(content, _GroupContent)
        row = GroupRow(content.group, content.cells, content.line, content.is_read)
        return group_row(row, self.slots, self.now.at, is_current=content.is_bold)

    def to_new(self, step: int) -> bool:
        """Move the cursor to the next (1) or previous (-1) NEW group. Return whether there is one."""
        before = self.rows.cursor
        self.move_cursor(lambda: self.rows.to_new(step))
        return self.rows.cursor != before
