"""Detects that the machine or the process was suspended, since its connections may be dead without an error.

The sign is a wait that took much longer than requested, by a clock that also counts while the machine sleeps.
"""

from collections.abc import Callable
from typing import Final

from tui.sources.clock import Clock

CHECK_INTERVAL_S: Final = 5.0

MIN_SLEEP_S: Final = 5.0
"""A wait that ends this late is not caused by a busy machine: it slept, or the process was stopped."""


async def detect_sleep(clock: Clock, on_wake: Callable[[], None]) -> None:
    """Call `on_wake` at most CHECK_INTERVAL_S after each sleep of MIN_SLEEP_S or more, until canceled."""
    while True:
        began_s = clock.elapsed_s()
        await clock.sleep(CHECK_INTERVAL_S)
        if clock.elapsed_s() - began_s >= CHECK_INTERVAL_S + MIN_SLEEP_S:
            on_wake()
