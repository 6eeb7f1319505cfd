"""Detects that the machine or the process was suspended: its connections are dead by then, without an error."""

from collections.abc import Callable
from typing import Final

from tui.sources.clock import Clock

CHECK_INTERVAL_S: Final = 5.0

MIN_SLEEP_S: Final = 5.0
"""A longer delay than this is not a busy machine: it slept, or the process was stopped."""


async def detect_sleep(clock: Clock, on_wake: Callable[[], None]) -> None:
    """Call `on_wake` within a few seconds after each sleep, until cancelled."""
    while True:
        began_s = clock.elapsed_s()
        await clock.sleep(CHECK_INTERVAL_S)
        if clock.elapsed_s() - began_s >= CHECK_INTERVAL_S + MIN_SLEEP_S:
            on_wake()
