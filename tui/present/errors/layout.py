"""The space that an error has on a page."""

from collections.abc import Hashable

from tui.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ErrorLayout:
    """The space for an error: `limit` cells, whether long text wraps, and which folds the user toggled.

    `opens_all` unfolds everything, for a search.
    """

    limit: int
    is_wrapped: bool = True
    toggled: frozenset[Hashable] = frozenset()
    opens_all: bool = False

    def is_open(self, key: Hashable, *, begins_open: bool = False) -> bool:
        """Return whether the content of a fold is visible."""
        return self.opens_all or ((key in self.toggled) is not begins_open)
