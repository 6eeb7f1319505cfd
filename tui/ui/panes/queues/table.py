"""The table of queues.

`QueueListModel` decides which queue is on which row, `present.queues.columns` makes the cells.
"""

from collections.abc import Callable, Hashable
from typing import NamedTuple

from tui.present.queues.columns import (
    QueueContent,
    SizedQueueColumn,
    more_line,
    oldest_cell,
    queue_columns_for,
    queue_head,
    queue_line,
)
from tui.present.styled import Line
from tui.ui.data.live_model import LiveModel
from tui.ui.model.queues.queue_list import MORE, QueueListModel
from tui.ui.widgets.row_table import RowTable


class _QueueLine(NamedTuple):
    """What the row of a queue is made from. `oldest` is the only text in it that depends on the time."""

    content: QueueContent
    is_bold: bool
    oldest: Line


class _MoreLine(NamedTuple):
    """The line that stands for the folded queues."""

    line: Line


class QueueTable(RowTable[str]):
    """Shows the rows of a `QueueListModel` below a line of column names."""

    def __init__(self, live: LiveModel, rows: QueueListModel, throttled: Callable[[str], int | None]) -> None:
        """`throttled` returns how many runs of a queue waited for its limit in the last hour, where that is known."""
        super().__init__(live)
        self._rows = rows
        self._throttled = throttled
        self.slots: list[SizedQueueColumn] = []
        """The columns that are shown, with their widths."""

    @property
    def rows(self) -> QueueListModel:
        return self._rows

    def head_line(self) -> Line:
        return queue_head(self.slots)

    def fit_columns(self) -> None:
        self.slots = queue_columns_for(self.size.width)

    def content_of(self, key: str, *, is_bold: bool) -> Hashable | None:
        rows = self._rows
        if key == MORE:
            return _MoreLine(more_line(rows.folded_rows, is_folded=rows.is_folded))
        row = rows.get(key)
        if row is None:
            return None
        content = QueueContent(row, self._throttled(key))
        return _QueueLine(content, is_bold, oldest_cell(content, self.now, 0))

    def line_of(self, content: Hashable) -> Line:
        if isinstance(content, _MoreLine):
            return content.line
        assert isinstance(content, _QueueLine)
        return queue_line(content.content, self.slots, self.now, is_current=content.is_bold)
