"""What the session follows for the screen: the list of runs, under the server's filters of the moment.

What lives here: one source at a time, begun anew with other filters, or when a person asks after it gave up.
"""

import asyncio
from datetime import timedelta

from tui.domain.filters import RunFilters
from tui.session import Session

SOURCE = "rest"


class Following:
    """The running source."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._source: asyncio.Task[None] | None = None
        self.filters = RunFilters()
        self.period: timedelta | None = session.settings.history

    def follow(self, filters: RunFilters, period: timedelta | None) -> None:
        """Follow the runs that these filters leave; `period` is how far back, None: as far as the settings say."""
        self.filters, self.period = filters, period
        if self._source is not None:
            self._source.cancel()
        self._source = self._session.follow(SOURCE, filters=filters, history=period)

    def refresh(self) -> None:
        """Ask now; a source that gave up begins again."""
        if self._source is not None and self._source.done():
            self.follow(self.filters, self.period)
        else:
            self._session.refresh()
