"""The list of queues without its drawing: order, cursor, and the visible window of rows.

At first the list *follows*: the order stays true, and the cursor is on the first row. Once the cursor was moved, the
list is *held*: queues keep their places, and a new one stands at the end. Queues in which nothing runs or waits are
folded into one last line.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from tui.present.queues.words import is_empty
from tui.store.findings.board import QueueRow
from tui.ui.model.queues.orders import QueueQuery

MORE: Final = ""
"""The key of the line that stands for empty queues. Every queue has a name."""

_MIN_FOLDED: Final = 2


class QueueListModel:
    """The rows of the list, by the stored names of queues. The table compares visible rows with the painted ones."""

    def __init__(self) -> None:
        self._known: dict[str, QueueRow] = {}
        self._order: list[str] = []
        self._gone: dict[str, QueueRow] = {}
        self._top = 0
        self._height = 0
        self._cursor: str | None = None
        self._is_held = False
        self.query = QueueQuery()
        self.shown_count = 0
        """The number of queues that pass the filter, folded ones too."""
        self.is_folded = True
        self.folded_rows: Sequence[QueueRow] = ()
        """The empty queues that the last line stands for, or that are unfolded above it."""

    def __len__(self) -> int:
        return len(self._order)

    @property
    def known_count(self) -> int:
        """The number of queues, filtered or not."""
        return len(self._known)

    @property
    def window(self) -> Sequence[str]:
        return self._order[self._top : self._top + self._height]

    @property
    def cursor(self) -> str | None:
        return self._cursor

    @property
    def current(self) -> QueueRow | None:
        """The queue under the cursor; None without one, and on the last line."""
        return None if self._cursor is None else self.get(self._cursor)

    def get(self, name: str) -> QueueRow | None:
        """Return a queue by its stored name, or the last state of a departed one."""
        return self._known.get(name) or self._gone.get(name)

    def is_departed(self, key: str) -> bool:
        return key in self._gone

    def resize(self, height: int) -> None:
        self._height = height
        self._show_cursor()

    def show(self, rows: Iterable[QueueRow]) -> None:
        """Show these queues."""
        before, self._known = self._known, {row.stored_name: row for row in rows}
        if self._cursor in before and self._cursor not in self._known and self._is_held:
            self._gone[self._cursor] = before[self._cursor]
        for name in self._known:
            self._gone.pop(name, None)
        self._arrange()

    def show_query(self, query: QueueQuery) -> None:
        """Show the queues that pass another filter, or in another order. The cursor stays on its queue."""
        if query != self.query:
            self.query = query
            self._gone.clear()
            self._arrange(is_sorted_again=True)

    def toggle_fold(self) -> None:
        """Show the empty queues, or fold them again."""
        self.is_folded = not self.is_folded
        self._arrange(is_sorted_again=True)

    def move(self, rows: int) -> None:
        if self._cursor is not None:
            self._go(self._order.index(self._cursor) + rows)

    def to_top(self) -> None:
        """Move the cursor to the first row, and follow again."""
        self._is_held, self._cursor, self._top = False, None, 0
        self._gone.clear()
        self._arrange(is_sorted_again=True)

    def to_bottom(self) -> None:
        self._go(len(self._order) - 1)

    def to_row(self, y: int) -> None:
        if 0 <= y < len(self.window):
            self._go(self._top + y)

    def _go(self, index: int) -> None:
        if not self._order:
            return
        self._is_held = True
        self._cursor = self._order[max(0, min(index, len(self._order) - 1))]
        if gone := [name for name in self._gone if name != self._cursor]:
            self._order = [name for name in self._order if name not in gone]
            for name in gone:
                del self._gone[name]
        self._show_cursor()

    def _arrange(self, *, is_sorted_again: bool = False) -> None:
        """Put the rows into their places."""
        at = 0 if self._cursor is None or self._cursor not in self._order else self._order.index(self._cursor)
        matching = [row for row in self._known.values() if self.query.matches(row)]
        self.shown_count = len(matching)
        empty = [] if self.query.text else [row for row in matching if is_empty(row)]
        # A row that the user has moved to is not folded away below the cursor.
        kept = {self._cursor} if self._is_held else set()
        is_foldable = len(empty) >= _MIN_FOLDED and len(empty) < len(matching)
        self.folded_rows = empty if is_foldable else ()
        folded = {row.stored_name for row in empty} - kept if is_foldable and self.is_folded else set()
        ranked = sorted(
            (row for row in matching if row.stored_name not in folded),
            key=lambda row: (is_foldable and is_empty(row), *self.query.order.rank(row)),
        )
        names = [row.stored_name for row in ranked]
        if self._is_held and not is_sorted_again:
            placed, shown = set(self._order), set(names) | set(self._gone)
            names = [name for name in self._order if name in shown] + [name for name in names if name not in placed]
        self._order = [*names, MORE] if self.folded_rows else names
        if not self._is_held or self._cursor is None:
            self._cursor, self._top = next(iter(self._order), None), 0
        elif self._cursor not in self._order:
            self._cursor = self._order[min(at, len(self._order) - 1)] if self._order else None
        self._show_cursor()

    def _show_cursor(self) -> None:
        """Scroll so that the cursor is in the window."""
        height = max(1, self._height)
        if self._cursor is None:
            self._top = 0
            return
        index = self._order.index(self._cursor)
        self._top = max(0, min(max(self._top, index - height + 1), index, len(self._order) - 1))
        # Rows that left must not leave blank lines while others are above the window.
        self._top = max(0, min(self._top, len(self._order) - height)) if len(self._order) > height else 0
