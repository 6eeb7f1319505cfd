"""Tracks which runs page one has shown, to find the new ones.

Runs in the store do not count: a scan may find a new run first, while the list has unread runs below it.

Source: tests/wire/recordings/README.md §3.
"""

from datetime import datetime, timedelta

from tui.domain.ids import RunId
from tui.wire.runs import ListPage

LIST_DELAY = timedelta(seconds=2)
"""How late the list may show a run (0.3 to 1.0 s recorded). Page one looks for new runs this far back."""


class NewestRuns:
    """The newest runs that page one has shown, up to the last `commit`."""

    def __init__(self) -> None:
        self._newest_at: datetime | None = None
        self._known: dict[RunId, datetime] = {}
        self._pending: dict[RunId, datetime] = {}
        self._read_at: datetime | None = None

    def add(self, page: ListPage) -> int:
        """Add a page, and return how many of its runs are new: recently created, and never seen on page one."""
        self._read_at = page.read_at
        since = None if self._newest_at is None else self._newest_at - LIST_DELAY
        new_count = 0
        for patch in page.patches:
            created_at = patch.created_at
            if created_at is None:
                continue
            if (since is None or created_at > since) and patch.id not in self._known:
                new_count += 1
            self._pending[patch.id] = created_at
        return new_count

    def is_past(self, page: ListPage) -> bool:
        """Whether no page after this one can have a new run: it reaches far enough back."""
        created = [patch.created_at for patch in page.patches if patch.created_at]
        return self._newest_at is not None and bool(created) and min(created) <= self._newest_at - LIST_DELAY

    def commit(self) -> None:
        """Count the added runs as known.

        Creation times ahead of the server's clock are ignored, also after that clock was set back.
        """
        if self._pending and self._read_at is not None:
            newest_at = min(max(self._pending.values()), self._read_at)
            before = self._newest_at
            self._newest_at = newest_at if before is None or before > self._read_at else max(before, newest_at)
            since = self._newest_at - LIST_DELAY
            known = {**self._known, **self._pending}
            self._known = {run_id: created_at for run_id, created_at in known.items() if created_at > since}
        self._pending = {}
