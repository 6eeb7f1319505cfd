"""Polls a single run, for `watch RUN`.

Source: tests/wire/recordings/README.md §4.
"""

from collections.abc import Callable
from typing import Final

from tui.domain.ids import RunId
from tui.domain.source_names import RUN
from tui.domain.update import SourceConnected
from tui.sources.base import Emit, Fatal, as_source_error
from tui.sources.budget import Priority
from tui.sources.clock import Clock
from tui.sources.realtime.coverage import Coverage
from tui.sources.run_fetcher import RunFetcher
from tui.wire.errors import ApiError, NotFound

INTERVAL_BESIDE_FEED_S: Final = 30.0
"""The interval while a feed reports every change. It does not report all fields, such as the number of attempts."""


class SingleRunSource:
    """Reads one run at an interval. A run that no longer exists is `Fatal`."""

    name = RUN

    def __init__(
        self, fetcher: RunFetcher, run_id: RunId, clock: Clock, *, interval: Callable[[], float], coverage: Coverage
    ) -> None:
        self._fetcher = fetcher
        self._run_id = run_id
        self._clock = clock
        self._interval = interval
        self._coverage = coverage
        self._was_connected = False

    async def run(self, emit: Emit) -> None:
        """Poll the run until canceled. Raises `Transient` or `Fatal`."""
        try:
            while True:
                response = await self._fetcher.fetch_run(self._run_id, Priority.SELECTED)
                self._was_connected = True
                interval_s = (
                    max(INTERVAL_BESIDE_FEED_S, self._interval()) if self._coverage.is_live else self._interval()
                )
                await emit(SourceConnected(self.name, response.read_at, interval_s))
                await self._clock.sleep(interval_s)
        except NotFound as error:
            raise Fatal(str(error)) from error
        except ApiError as error:
            raise as_source_error(error, was_connected=self._was_connected) from error
