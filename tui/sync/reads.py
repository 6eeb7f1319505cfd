"""How urgent a read is, and when reading a list ends. Imports nothing large: each command names a priority."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from tui.domain.run import Cursor


class Priority(IntEnum):
    """The order in which requests are sent. An ACTION of the user ignores the budget, and waits only for a 429."""

    ACTION = 0
    SELECTED = 1
    VISIBLE = 2
    LIST = 3
    FACTS = 4
    HISTORY = 5


# Ends the reading of a list whose pages never end. A server or a proxy with a fault would keep its reader for ever.


MAX_STALE_PAGES: Final = 20
"""A list is given up once pages without a new row outnumber the others by this many. A true list has few such pages:
the server drops rows after it has counted them.
"""

MAX_PAGES: Final = 1_000
"""Pages of one list: 100,000 runs, which are all that the store keeps by default."""

ENDLESS: Final = "the server sent too many pages"


class Paging:
    """Follows the cursors of one list. It ends with the last page, or without one where the pages bring nothing new.

    `is_endless`: a cursor came again, or a bound was reached, so that the rest of the list is not known.
    """

    def __init__(self, *, max_stale: int = MAX_STALE_PAGES, max_pages: int = MAX_PAGES) -> None:
        self.cursor: Cursor | None = None
        self.is_done = False
        self.is_endless = False
        self._max_stale = max_stale
        self._max_pages = max_pages
        self.page_count = 0
        self._stale_count = 0
        self._cursors = set[Cursor]()
        self._ids = set[object]()

    def add(self, ids: Iterable[object], following: Cursor | None) -> None:
        """Add a page with the ids of its rows, and the cursor of the page after it."""
        known = len(self._ids)
        self._ids.update(ids)
        self.page_count += 1
        self._stale_count = max(0, self._stale_count - 1) if len(self._ids) > known else self._stale_count + 1
        is_bound = self._stale_count >= self._max_stale or self.page_count >= self._max_pages
        self.is_endless = following is not None and (is_bound or following in self._cursors)
        self.is_done = following is None or self.is_endless
        self.cursor = following
        if self.is_done:
            self._ids.clear()
            self._cursors.clear()
        elif following is not None:
            self._cursors.add(following)
