"""How far page one of the list has come: which runs at its newest end were met, and which are news.

What lives here: the bookkeeping, without IO. What the store knows does not count: a scan may have met a run that page
one has not, with others below it that nobody met. Source: wire/README.md §3.
"""

from datetime import datetime, timedelta

from tui.domain.ids import RunId
from tui.wire.runs import ListPage

LIST_DELAY = timedelta(seconds=2)
"""How late a run may show up among those created before it (0.3-1.0 s recorded): so far back page one looks again."""


class NewestRuns:
    """The newest end of the list, as page one met it up to the last `advance`."""

    def __init__(self) -> None:
        self._newest: datetime | None = None
        self._met: dict[RunId, datetime] = {}
        self._coming: dict[RunId, datetime] = {}
        self._read_at: datetime | None = None

    def take(self, page: ListPage) -> int:
        """Note one page of a catch-up; gives how many of its runs are news: young enough, and never met."""
        self._read_at = page.read_at
        since = None if self._newest is None else self._newest - LIST_DELAY
        news = 0
        for patch in page.patches:
            created_at = patch.fixed.created_at if patch.fixed is not None else None
            if created_at is None:
                continue
            if (since is None or created_at > since) and patch.id not in self._met:
                news += 1
            self._coming[patch.id] = created_at
        return news

    def is_past(self, page: ListPage) -> bool:
        """Whether a page shows a run of before all that can be news: none that follows it, newest first, has any."""
        created = [patch.fixed.created_at for patch in page.patches if patch.fixed and patch.fixed.created_at]
        return self._newest is not None and bool(created) and min(created) <= self._newest - LIST_DELAY

    def advance(self) -> None:
        """A catch-up is over: what it met is met. A creation time ahead of the server's clock does not count, nor one
        that is since the clock was set back.
        """
        if self._coming and self._read_at is not None:
            newest = min(max(self._coming.values()), self._read_at)
            before = self._newest
            self._newest = newest if before is None or before > self._read_at else max(before, newest)
            since = self._newest - LIST_DELAY
            known = {**self._met, **self._coming}
            self._met = {run_id: created_at for run_id, created_at in known.items() if created_at > since}
        self._coming = {}
