"""Follows the server's rate limit headers: how many of the remaining requests may be sent before the next reset.

Source: tests/wire/recordings/README.md §10.
"""

from typing import Final

from tui.domain.environment import RateLimit

KEPT_PART: Final = 0.5
"""The part of the requests remaining at a reset that is left to the user's running tasks."""

KEPT_BY_A_COMMAND: Final = 0.1
"""The part of the rate limit that a command leaves to them while the user waits for its result."""

MIN_RESET_S: Final = 0.5
"""A sooner reset, or one in the past, comes from a wrong clock and is ignored."""


MAX_RESET_S: Final = 60.0
"""A command waits for no later reset. A self-hosted server may have a longer period than the cloud's 10 s."""


class RateFloor:
    """The number of remaining requests at which sending stops until the reset.

    `spends_all`: the user waits for the result, so that only a small part of the rate limit is kept.
    """

    def __init__(self, period_s: float, max_in_flight: int) -> None:
        self._period_s = period_s
        self._max_in_flight = max_in_flight
        self._floor: float | None = None
        self._ends_s = 0.0
        self.spends_all = False
        self.latest: RateLimit | None = None

    def observe(self, rate: RateLimit, now_s: float) -> None:
        """Update the remaining requests from the headers of a response. The first one after a reset sets the floor."""
        # Responses come out of order: only an increase beyond the requests in flight is a refill.
        is_refilled = self.latest is not None and rate.remaining > self.latest.remaining + self._max_in_flight
        self.latest = rate
        if self._floor is None or is_refilled or now_s >= self._ends_s:
            resets_in_s = rate.resets_in.total_seconds()
            longest_s = MAX_RESET_S if self.spends_all else self._period_s
            if not MIN_RESET_S <= resets_in_s <= longest_s:
                resets_in_s = self._period_s
            self._floor = rate.limit * KEPT_BY_A_COMMAND if self.spends_all else rate.remaining * KEPT_PART
            self._ends_s = now_s + resets_in_s

    def delay_s(self, now_s: float, in_flight: int) -> float:
        """Return the seconds until one more request may be sent."""
        if self._floor is None or self.latest is None or now_s >= self._ends_s:
            return 0.0
        return 0.0 if self.latest.remaining - in_flight >= self._floor + 1 else self._ends_s - now_s
