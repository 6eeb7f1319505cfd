"""Tracks which runs the realtime feed reports, and which the poller must fetch.

A feed and the poller beside it share a `Coverage`. It does no IO.

Source: tests/wire/recordings/README.md §8.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Final

from tui.domain.ids import RunId
from tui.domain.run import Run
from tui.domain.update import RunPatch
from tui.sources.base import KnownRuns
from tui.sources.polling.newest import LIST_DELAY
from tui.wire.feed import MAX_FEED_WINDOW

MAX_COVERED_AGE: Final = MAX_FEED_WINDOW - timedelta(minutes=1)
"""How old a run may be for a feed to report it. The server's window moves on, and is truncated to whole minutes."""

FEED_DELAY: Final = timedelta(seconds=5)
"""A change that the feed did not report within this time is missed. The server collects changes for 0.25 s; the rest is
for a slow connection and the session's queue.
"""

MAX_INCOMPLETE_RUNS: Final = 20_000
"""Runs that wait for the list. If it is not read for long, the oldest keep the fields that the feed has."""

MAX_SILENT_COMPARISONS: Final = 2
"""Comparisons in a row that found changes while the feed reported none. After these, the feed counts as dead."""


class ReportedRuns:
    """The newest `max_runs` runs of a feed. The feed reports changes of these, and silently drops older ones."""

    def __init__(self, max_runs: int) -> None:
        self._max_runs = max_runs
        self._created: list[tuple[datetime, RunId]] = []
        self._ids: set[RunId] = set()

    def add(self, patches: Iterable[RunPatch], *, unreadable_count: int = 0) -> None:
        """Add the runs of a response. Rows that could not be read count against `max_runs` too."""
        self._max_runs = max(1, self._max_runs - unreadable_count)
        for patch in patches:
            created_at = patch.created_at
            if created_at is None or patch.id in self._ids:
                continue
            self._ids.add(patch.id)
            heappush(self._created, (created_at, patch.id))
            if len(self._created) > self._max_runs:
                self._ids.discard(heappop(self._created)[1])

    @property
    def since(self) -> datetime | None:
        """Return when the oldest of the runs was created, None while there is room for older ones."""
        return self._created[0][0] if self._created and len(self._created) >= self._max_runs else None


class Coverage:
    """The runs that a live feed covers, those that it reported without all fields, and the changes that it missed.

    `list_started` is set once the first page of the list was emitted, or the feed has waited long enough for it.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` is called when the feed stops, so that a sleeping poller polls at once."""
        self._wake = wake
        self.list_started = asyncio.Event()
        self.tags: tuple[str, ...] = ()
        """The feed reports only runs that have all of these tags."""
        self.since: datetime | None = None
        """The feed reports no run that was created earlier. None while no feed is live."""
        self._started_at: datetime | None = None
        self._incomplete: dict[RunId, datetime | None] = {}
        self._is_list_requested = False
        self.start_count = 0
        """How often the feed has started. Each start needs a comparison with the list."""
        self._compared: set[RunId] = set()
        self._missed: set[RunId] = set()
        self._has_reported = False
        self._silent_comparisons = 0

    @property
    def is_live(self) -> bool:
        """Whether a feed reports changes."""
        return self.since is not None

    def start(self, since: datetime, at: datetime) -> None:
        """Record that, from the server time `at`, the feed reports every change of runs created after `since`."""
        if self.since is None:
            self.start_count += 1
        self.since, self._started_at = since, at
        self._silent_comparisons = 0
        # An unfinished comparison was with the feed before this one.
        self._compared.clear()
        self._missed.clear()

    def interrupt(self) -> None:
        """Record that the feed starts over, as after a sleep of the machine.

        Its next snapshot has the changes until then, so the list may show them first without a miss.
        """
        self._started_at = None

    def stop(self) -> None:
        """Record that no feed is live any more, and wake the poller."""
        if self.since is not None:
            self.since = self._started_at = None
            self._wake()

    def record_change(self) -> None:
        """Record that the feed reported a change, even if a list had shown it before."""
        self._has_reported = True

    @property
    def is_silent(self) -> bool:
        """Whether the feed claims to be up to date but reports none of the changes that the list shows."""
        return self._silent_comparisons >= MAX_SILENT_COMPARISONS

    def narrow(self, since: datetime) -> None:
        """Record that newer runs have displaced those that were created before `since`."""
        if self.since is not None:
            self.since = max(self.since, since)

    def covers(self, created_at: datetime, at: datetime) -> bool:
        """Whether the feed, at the server time `at`, reports every change of a run that was created then."""
        return self.since is not None and created_at >= max(self.since, at - MAX_COVERED_AGE)

    def excludes(self, run: Run | None, at: datetime) -> bool:
        """Whether the feed does not report changes of a run. False if its creation time is unknown."""
        created_at = run.created_at if run is not None else None
        return created_at is not None and not self.covers(created_at, at)

    def mark_incomplete(self, run_id: RunId, since: datetime | None = None) -> None:
        """Record that only the list has all fields of a run. It shows them `LIST_DELAY` after `since`."""
        self._incomplete[run_id] = since
        if len(self._incomplete) > MAX_INCOMPLETE_RUNS:
            del self._incomplete[next(iter(self._incomplete))]

    def request_list(self) -> None:
        """Request page one: the feed reported a run, and only a list can show whether it matches the filters."""
        self._is_list_requested = True

    def needs_list(self, now: datetime) -> bool:
        """Whether the poller should read page one."""
        return self._is_list_requested or any(_is_listed(since, now) for since in self._incomplete.values())

    def take_incomplete(self, now: datetime) -> list[RunId]:
        """Remove and return the incomplete runs that the list should show by now."""
        taken = [run_id for run_id, since in self._incomplete.items() if _is_listed(since, now)]
        for run_id in taken:
            del self._incomplete[run_id]
        self._is_list_requested = False
        return taken

    def compare(self, patches: Iterable[RunPatch], store: KnownRuns, read_at: datetime) -> None:
        """Find changes that the feed missed, in rows of a list that the store does not have yet."""
        if self._started_at is None:
            return
        for patch in patches:
            created_at = patch.created_at
            if patch.state is None or created_at is None or not self.covers(created_at, read_at):
                continue
            self._compared.add(patch.id)
            changed_at = patch.state.updated_at
            if self._started_at < changed_at < read_at - FEED_DELAY and not _knows(store.get(patch.id), changed_at):
                self._missed.add(patch.id)

    def take_comparison(self) -> tuple[int, int]:
        """Return how many runs were compared since the last call, and how many of them the feed had missed."""
        counts = len(self._compared), len(self._missed)
        self._silent_comparisons = self._silent_comparisons + 1 if self._missed and not self._has_reported else 0
        self._has_reported = False
        self._compared.clear()
        self._missed.clear()
        return counts


def _is_listed(since: datetime | None, now: datetime) -> bool:
    """Whether the list shows the run by now. Earlier, the run would need a request of its own."""
    return since is None or since <= now - LIST_DELAY


def is_incomplete(run: Run) -> bool:
    """Whether a list has more fields of a run than a feed reports: depth, environment, version."""
    if run.fixed.depth is None:
        return True
    return run.fixed.version is None and run.state is not None and run.state.started_at is not None


def _knows(run: Run | None, changed_at: datetime) -> bool:
    return run is not None and run.state is not None and run.state.updated_at >= changed_at
