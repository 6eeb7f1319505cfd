"""The pace of requests that a user waits for in bulk, so that the list keeps its share of the budget."""

from typing import Final

from tui.sources.budget import Budget, Priority
from tui.sources.clock import Clock

PACE_SHARE: Final = 0.3
"""Of our share of the budget a search takes this much where others need the budget too."""


class Pace:
    """Waits before requests: not at all while most of the budget is free, else so as to take a part of it only."""

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock

    async def wait(self, requests: int = 1) -> None:
        """Wait until so many requests may be sent."""
        if self._budget.room(Priority.HISTORY) < requests:
            refill = self._budget.refill
            await self._clock.sleep(requests * refill.period_s / max(1.0, refill.share * PACE_SHARE))
