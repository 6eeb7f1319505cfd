"""Tracks how far a search has read the runs that are older than the list. It does no IO."""

from dataclasses import replace
from datetime import datetime, timedelta

from tui.domain.search import SEARCH_PERIOD
from tui.domain.update import HistoryRead
from tui.sources.paging import Paging
from tui.sources.searching.scope import SearchScope
from tui.wire.runs import ListPage

OVERLAP = timedelta(milliseconds=1)
"""Between the list and the older pages, so that no run falls between them."""


class OlderPages:
    """The position of a search in the older pages.

    The next page is at the cursor of the list with `filters`. All runs created since `reached` were read.
    """

    def __init__(self, scope: SearchScope, listed: HistoryRead | None, now: datetime) -> None:
        """Start where the list ends: at the start of its period, or where its history stopped at its bound."""
        self._scope = scope
        is_whole = listed is None or (listed.is_complete and not listed.is_cut)
        self.reached = scope.since if listed is None or is_whole else listed.reached
        wanted = scope.plan.filters
        self._oldest = wanted.created_from or (scope.since if scope.is_plain else now - SEARCH_PERIOD)
        newest = self.reached + OVERLAP
        newest = newest if wanted.created_to is None else min(newest, wanted.created_to)
        self.filters = replace(wanted, created_from=self._oldest, created_to=max(newest, self._oldest))
        self.paging = Paging()
        self.is_at_end = False

    def add(self, page: ListPage) -> None:
        """Record the page at the cursor."""
        created = [patch.created_at for patch in page.patches if patch.created_at]
        self.paging.add([patch.id for patch in page.patches], page.next)
        self.is_at_end = page.next is None
        self.reached = self._oldest if self.is_at_end else min([self.reached, *created])

    def extend(self, listed: HistoryRead | None, page: ListPage) -> HistoryRead | None:
        """Return the history of the list with an added page, None if the search has other filters than the list."""
        if listed is None or not listed.is_cut or self._scope.plan.filters != self._scope.followed:
            return None
        is_cut = not self.is_at_end and self.reached > self._scope.since
        reached = max(min(self.reached, listed.reached), self._scope.since)
        return HistoryRead(
            reached,
            listed.run_count + len(page.patches),
            is_complete=True,
            is_cut=is_cut,
            unreadable_at=listed.unreadable_at or (listed.reached if page.unreadable else None),
        )
