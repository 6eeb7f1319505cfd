"""The time of the emulated server: the machine's, or one that runs faster.

What lives here: the one clock that the emulator reads. Tests hand in their own function instead.
"""

import time


class WorldClock:
    """A clock that shows `start_ms` when it is made and then runs `scale` times as fast as the machine's.

    Epoch milliseconds. A scale of 0 stands still.
    """

    def __init__(self, start_ms: int | None = None, scale: float = 1.0) -> None:
        self.start_ms = time.time_ns() // 1_000_000 if start_ms is None else start_ms
        self._scale = scale
        self._since_s = time.monotonic()

    def __call__(self) -> int:
        """The time now."""
        return self.start_ms + int((time.monotonic() - self._since_s) * 1000 * self._scale)
