"""Limits the request rate of a search, so that polling keeps its part of the budget."""

from typing import Final

from tui.sources.budget import Budget, Priority
from tui.sources.clock import Clock

PACE_SHARE: Final = 0.3
"""The part of the budget that a search may spend while other requests need the budget too."""


class Pace:
    """Delays the requests of a search, unless most of the budget is free."""

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock

    async def wait(self, requests: int = 1) -> None:
        """Wait until `requests` requests may be sent."""
        if self._budget.room(Priority.HISTORY) < requests:
            refill = self._budget.refill
            await self._clock.sleep(requests * refill.period_s / max(1.0, refill.share * PACE_SHARE))
