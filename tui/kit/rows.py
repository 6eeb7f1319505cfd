"""The rows of a table without its widget: their order, the cursor, and the window of visible ones."""

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TableRows(Generic[K, V]):
    """The keys of the rows in their order, with a cursor. A departed row stays until the cursor moves.

    While the cursor is held, rows keep their places. Otherwise it stays on the first row.
    """

    def __init__(self) -> None:
        self._order: list[K] = []
        self._departed: dict[K, V] = {}
        self._top = self._height = 0
        self._is_held = False
        self.cursor: K | None = None
        """The row under the cursor; None without rows."""

    def __len__(self) -> int:
        return len(self._order)

    @property
    def window(self) -> Sequence[K]:
        """The visible rows."""
        return self._order[self._top : self._top + self._height]

    def is_departed(self, key: K) -> bool:
        """Return whether a row is not in the list any more, and stays only until the cursor moves."""
        return key in self._departed

    def resize(self, height: int) -> None:
        """Set the height of the window. The cursor's row stays visible."""
        self._height = height
        self._show_cursor()

    def move(self, rows: int) -> None:
        """Move the cursor, and hold the rows from now on."""
        if self.cursor is not None:
            self._go(self._order.index(self.cursor) + rows)

    def to_top(self) -> None:
        """Move the cursor to the first row, and follow again."""
        raise NotImplementedError

    def to_bottom(self) -> None:
        """Move the cursor to the last row."""
        self._go(len(self._order) - 1)

    def to_row(self, y: int) -> None:
        """Move the cursor to a row of the window."""
        if 0 <= y < len(self.window):
            self._go(self._top + y)

    def _go(self, index: int) -> None:
        raise NotImplementedError

    def _show_cursor(self) -> None:
        """Scroll so that the cursor is in the window."""
        raise NotImplementedError
