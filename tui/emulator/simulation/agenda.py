"""What will happen when: the simulation's time and its queue of events.

What lives here: order and time. What an event does is its caller's. Two events of one moment happen in the order in
which they were planned, so that the world does not depend on how often it is moved on.
"""

import heapq
from collections.abc import Callable


class Agenda:
    """A queue of calls by time, in epoch milliseconds."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self._heap: list[tuple[int, int, Callable[..., None], tuple[object, ...]]] = []
        self._planned = 0

    def at(self, ms: int, call: Callable[..., None], *args: object) -> None:
        """Call it at that time, or next when that has passed."""
        self._planned += 1
        heapq.heappush(self._heap, (max(self.now_ms, ms), self._planned, call, args))

    def after(self, delay_ms: int, call: Callable[..., None], *args: object) -> None:
        """Call it so many milliseconds from now."""
        self.at(self.now_ms + delay_ms, call, *args)

    def run_until(self, ms: int) -> None:
        """Let time pass up to and including that moment; a moment in the past changes nothing."""
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] <= ms:
            self.now_ms, _, call, args = pop(heap)
            call(*args)
        self.now_ms = max(self.now_ms, ms)

    @property
    def next_ms(self) -> int | None:
        """When the next event is due; None when none is planned."""
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        return len(self._heap)
