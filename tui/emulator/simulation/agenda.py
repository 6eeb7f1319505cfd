"""The simulated time and its queue of events.

Events at the same time run in the order in which they were scheduled. So the world does not depend on how often it is
advanced.
"""

import heapq
from collections.abc import Callable


class Agenda:
    """A queue of calls ordered by time, in epoch milliseconds."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self._heap: list[tuple[int, int, Callable[..., None], tuple[object, ...]]] = []
        self._planned = 0

    def at(self, ms: int, call: Callable[..., None], *args: object) -> None:
        """Schedule a call; a time in the past means now."""
        self._planned += 1
        heapq.heappush(self._heap, (max(self.now_ms, ms), self._planned, call, args))

    def after(self, delay_ms: int, call: Callable[..., None], *args: object) -> None:
        """Schedule a call after a delay."""
        self.at(self.now_ms + delay_ms, call, *args)

    def run_until(self, ms: int) -> None:
        """Run all events up to and including that time. A time in the past changes nothing."""
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] <= ms:
            self.now_ms, _, call, args = pop(heap)
            call(*args)
        self.now_ms = max(self.now_ms, ms)

    @property
    def next_ms(self) -> int | None:
        """The time of the next event; None when none is scheduled."""
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        return len(self._heap)
