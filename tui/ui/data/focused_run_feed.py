"""The feed of the one run that the user looks at, where the feed of the environment does not report it.

The environment's feed covers the newest thousand runs of a day. Other runs are polled: that is seconds late, or a
minute late in a burst of new runs. Source: tests/wire/recordings/README.md §8
"""

import asyncio

from tui.domain.ids import RunId
from tui.session import Session


class FocusedRunFeed:
    """Holds at most one feed: an environment allows few connections."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._run_id: RunId | None = None
        self._feed: asyncio.Task[None] | None = None

    def focus(self, run_id: RunId | None) -> None:
        """Follow a run, if it is live and no other feed reports it. Called each second with the selected run."""
        if run_id != self._run_id:
            self.close()
            self._run_id = run_id
        run = None if run_id is None else self._session.store.get(run_id)
        if run is None or run.state is None or run.is_final or self._session.sources.is_covered(run):
            self.close()
        elif self._feed is None:
            self._feed = self._session.sources.follow_run_feed(run.id)

    def close(self) -> None:
        """End the feed."""
        if self._feed is not None:
            self._feed.cancel()
            self._feed = None
