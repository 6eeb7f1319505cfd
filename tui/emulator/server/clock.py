"""The clock of the emulated server. Tests pass a function of their own instead."""

import time


class WorldClock:
    """A clock that shows `start_ms` at its creation and then runs `scale` times as fast as the machine's.

    It returns epoch milliseconds. With a scale of 0 it stands still.
    """

    def __init__(self, start_ms: int | None = None, scale: float = 1.0) -> None:
        self.start_ms = time.time_ns() // 1_000_000 if start_ms is None else start_ms
        self._scale = scale
        self._since_s = time.monotonic()

    def __call__(self) -> int:
        return self.start_ms + int((time.monotonic() - self._since_s) * 1000 * self._scale)
