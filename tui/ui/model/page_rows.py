"""The rows of a page, which `tui/ui/widgets/page.py` draws."""

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from typing import overload

from tui.lazy_dataclass import dataclass
from tui.present.styled import Line, plain


@dataclass(frozen=True, slots=True)
class PageRow:
    """One row of a page.

    `key` identifies the row when the page is rebuilt, so that the cursor stays on it. `action` is the value of the
    `Entered` message when the user presses Enter. `is_current` marks the current item while the cursor is elsewhere.
    """

    line: Line
    key: Hashable = None
    action: object = None
    is_current: bool = False


class KeyedRows(Sequence[PageRow]):
    """Rows that are made on access. `index_of` finds a row without making the others."""

    @abstractmethod
    def index_of(self, key: Hashable) -> int | None:
        """Return the index of the row with a key, or None."""

    @property
    def cursor_count(self) -> int:
        """How many rows the cursor may enter. Those below are visible when it is on the last of them."""
        return len(self)

    def cursor_line(self, index: int) -> Line:
        """Return the line of a row while the cursor is on it and the page has the focus."""
        return self[index].line

    def hits(self, needle: str) -> list[int]:
        """Return the rows that contain a text in folded case."""
        return [index for index, row in enumerate(self) if needle in plain(row.line).casefold()]


class LazyRows(KeyedRows):
    """Many rows, of which only the visible ones are made, then a few that stand below them."""

    def __init__(self, count: int, below: Sequence[PageRow]) -> None:
        self._count = count
        self._below = below
        self._made: dict[int, PageRow] = {}

    @abstractmethod
    def make(self, index: int) -> PageRow:
        """Make one of the rows above those below."""

    def __len__(self) -> int:
        return self._count + len(self._below)

    @overload
    def __getitem__(self, index: int) -> PageRow: ...

    @overload
    def __getitem__(self, index: slice) -> list[PageRow]: ...

    def __getitem__(self, index: int | slice) -> PageRow | list[PageRow]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if index >= self._count:
            return self._below[index - self._count]
        row = self._made.get(index)
        if row is None:
            row = self._made[index] = self.make(index)
        return row
