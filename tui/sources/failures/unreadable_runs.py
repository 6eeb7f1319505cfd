"""Remembers the runs whose error could not be read, and when to try again."""

from typing import Final

from tui.domain.ids import RunId
from tui.sources.clock import Clock

FIRST_RETRY_S: Final = 15.0
MAX_RETRY_S: Final = 900.0
"""After this, a run whose error could not be read is tried again; first after FIRST_RETRY_S, then doubled."""

MAX_RUNS: Final = 1_000
"""Runs that are remembered. Beyond it, the first one is forgotten, and tried like any other."""


class UnreadableRuns:
    """Runs whose error could not be read, or that have none. Each is tried again, at growing intervals."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_s: dict[RunId, float] = {}
        self._wait_s: dict[RunId, float] = {}

    def __len__(self) -> int:
        return len(self._wait_s)

    def clear(self) -> None:
        """Forget all of them."""
        self._next_s.clear()
        self._wait_s.clear()

    def add(self, run_id: RunId) -> None:
        """Record a try that failed."""
        wait_s = self._wait_s[run_id] = min(2 * self._wait_s.get(run_id, FIRST_RETRY_S / 2), MAX_RETRY_S)
        self._next_s[run_id] = self._clock.monotonic_s() + wait_s
        if len(self._wait_s) > MAX_RUNS:
            self.discard(next(iter(self._wait_s)))

    def discard(self, run_id: RunId) -> None:
        """Forget a run that was read."""
        self._next_s.pop(run_id, None)
        self._wait_s.pop(run_id, None)

    def retry_now(self) -> None:
        """Try each of them now."""
        self._next_s.clear()

    def is_waiting(self, run_id: RunId) -> bool:
        """Whether it is too early for the next try."""
        return self._clock.monotonic_s() < self._next_s.get(run_id, 0.0)
