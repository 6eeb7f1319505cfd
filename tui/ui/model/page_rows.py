"""The rows of a page, which `tui/ui/widgets/page.py` draws."""

from abc import abstractmethod
from collections.abc import Hashable, Sequence

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
