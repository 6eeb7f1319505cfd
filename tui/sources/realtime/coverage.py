"""What the live feed tells by itself, and what it leaves to who polls.

What lives here: the little that the two know of each other: since which creation the feed tells every change, which
runs it told of without what only a list knows, and whether it missed something. No IO. Source: wire/README.md §8.
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

REACH: Final = MAX_FEED_WINDOW - timedelta(minutes=1)
"""How long after its creation a feed tells of a run, whenever the feed began: the server moves its window on, and cuts
it to minutes.
"""

FEED_DELAY: Final = timedelta(seconds=5)
"""A change that is older, and that the feed did not tell, it will not tell: it gathers for 0.25 s, a slow line and our
own queue take the rest.
"""


MOST_SILENT: Final = 2
"""Comparisons in a row that found changes while the feed told none at all: it is connected to nothing."""


class Newest:
    """The newest runs that a feed told of: it goes on to tell of so many, and of no older one, without a word."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._created: list[tuple[datetime, RunId]] = []
        self._known: set[RunId] = set()

    def add(self, patches: Iterable[RunPatch], *, unread: int = 0) -> None:
        """The feed told of these, and of so many more that could not be read, which take their places all the same."""
        self._most = max(1, self._most - unread)
        for patch in patches:
            created_at = patch.fixed.created_at if patch.fixed is not None else None
            if created_at is None or patch.id in self._known:
                continue
            self._known.add(patch.id)
            heappush(self._created, (created_at, patch.id))
            if len(self._created) > self._most:
                self._known.discard(heappop(self._created)[1])

    @property
    def since(self) -> datetime | None:
        """When the oldest of them was created; None while there is room for older ones."""
        return self._created[0][0] if self._created and len(self._created) >= self._most else None


class Coverage:
    """Shared by a feed and the poller beside it. `wake` lets a poller that sleeps look at once."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake
        self.has_list = asyncio.Event()
        """A first page of the list was emitted, or was waited for long enough."""
        self.tags: tuple[str, ...] = ()
        """The feed tells only of runs that carry all of them."""
        self.since: datetime | None = None
        """The feed tells of no run that was created earlier; None: no feed is live."""
        self._began_at: datetime | None = None
        self._lacking: dict[RunId, datetime | None] = {}
        self.is_nudged = False
        """The feed told of runs that only a list can tell whether they are asked for."""
        self.beginnings = 0
        """How often the feed began: each time everything has to be compared anew."""
        self._seen: set[RunId] = set()
        self._missed: set[RunId] = set()
        self._is_told = False
        self._silent = 0

    @property
    def is_live(self) -> bool:
        """Whether a feed tells changes."""
        return self.since is not None

    def begin(self, since: datetime, at: datetime) -> None:
        """From `at` on, the server's time, every change of the runs created since then is told."""
        if self.since is None:
            self.beginnings += 1
        self.since, self._began_at = since, at
        self._silent = 0
        # What the feed before this one had not told, of which no comparison came to its end, is not this one's.
        self._seen.clear()
        self._missed.clear()

    def interrupt(self) -> None:
        """The feed begins anew, as after a sleep of the machine: what it did not tell before is in its snapshot, and
        none of its faults, should the list come first.
        """
        self._began_at = None

    def note_told(self) -> None:
        """The feed told of a change, whether or not a list was sooner."""
        self._is_told = True

    @property
    def is_silent(self) -> bool:
        """Whether a feed that says it is up to date tells nothing of what changes."""
        return self._silent >= MOST_SILENT

    def with_server_filters(self, since: datetime) -> None:
        """Of runs created before then no change is told any more: newer ones took their place."""
        if self.since is not None:
            self.since = max(self.since, since)

    def covers(self, created_at: datetime, at: datetime) -> bool:
        """Whether at that moment, the server's time, the feed tells every change of a run that was created then."""
        return self.since is not None and created_at >= max(self.since, at - REACH)

    def leaves_out(self, run: Run | None, at: datetime) -> bool:
        """Whether the feed does not tell how a run goes on."""
        created_at = run.fixed.created_at if run is not None else None
        return created_at is not None and not self.covers(created_at, at)

    def end(self) -> None:
        """Nothing is told any more: who polls has to, at once."""
        if self.since is not None:
            self.since = self._began_at = None
            self._wake()

    def lack(self, run_id: RunId, since: datetime | None = None) -> None:
        """Of a run a list knows more than the feed told, `since` that moment; it tells it a little late."""
        self._lacking[run_id] = since

    def nudge(self) -> None:
        """The list may have something new."""
        self.is_nudged = True

    def wants_list(self, now: datetime) -> bool:
        """Whether the newest runs of the list are worth a look."""
        return self.is_nudged or any(_is_listed(since, now) for since in self._lacking.values())

    def take_lacking(self, now: datetime) -> list[RunId]:
        """The runs that lack something which the list tells by now; they are forgotten here with that."""
        taken = [run_id for run_id, since in self._lacking.items() if _is_listed(since, now)]
        for run_id in taken:
            del self._lacking[run_id]
        self.is_nudged = False
        return taken

    def compare(self, patches: Iterable[RunPatch], store: KnownRuns, read_at: datetime) -> None:
        """Look at rows of a list, before the store gets them, for changes that the feed should have told."""
        if self._began_at is None:
            return
        for patch in patches:
            created_at = patch.fixed.created_at if patch.fixed is not None else None
            if patch.state is None or created_at is None or not self.covers(created_at, read_at):
                continue
            self._seen.add(patch.id)
            changed_at = patch.state.updated_at
            if self._began_at < changed_at < read_at - FEED_DELAY and not _knows(store.get(patch.id), changed_at):
                self._missed.add(patch.id)

    def take_comparison(self) -> tuple[int, int]:
        """How many runs were compared since the last time, and how many of them the feed had missed."""
        counts = len(self._seen), len(self._missed)
        self._silent = self._silent + 1 if self._missed and not self._is_told else 0
        self._is_told = False
        self._seen.clear()
        self._missed.clear()
        return counts


def _is_listed(since: datetime | None, now: datetime) -> bool:
    """Asked sooner, the list would not show the run, and a request of its own would be spent on it."""
    return since is None or since <= now - LIST_DELAY


def lacks_list(run: Run) -> bool:
    """Whether a list would tell more of a run than a feed does: its depth, its environment, its version."""
    if run.fixed.depth is None:
        return True
    return run.fixed.version is None and run.state is not None and run.state.started_at is not None


def _knows(run: Run | None, changed_at: datetime) -> bool:
    return run is not None and run.state is not None and run.state.updated_at >= changed_at
