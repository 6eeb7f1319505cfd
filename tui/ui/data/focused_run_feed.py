"""The feed of the one run that is looked at, where the feed of the environment does not reach it.

What lives here: when it is held, and when it is let go. That one reaches the newest thousand runs of a day; a run that
lives for longer is told of by lists, seconds late or, in a torrent, a minute, unless somebody looks at it. Source:
wire/README.md §8.
"""

import asyncio

from tui.domain.ids import RunId
from tui.session import Session


class FocusedRunFeed:
    """Holds at most one feed: the connections of an environment are few."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._run_id: RunId | None = None
        self._feed: asyncio.Task[None] | None = None

    def at(self, run_id: RunId | None) -> None:
        """Somebody looks at that run (None: at none), or still does."""
        if run_id != self._run_id:
            self.end()
            self._run_id = run_id
        run = None if run_id is None else self._session.store.get(run_id)
        if run is None or run.state is None or run.is_final or self._session.sources.is_covered(run):
            self.end()
        elif self._feed is None:
            self._feed = self._session.sources.follow_run_feed(run.id)

    def end(self) -> None:
        """Let it go."""
        if self._feed is not None:
            self._feed.cancel()
            self._feed = None
