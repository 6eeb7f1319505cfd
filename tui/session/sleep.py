"""Noticing that this machine, or this process, was asleep: what was connected before is dead, and nobody says so.

What lives here: the look at the clock. What is asked anew is the sources' to know. Source: DESIGN §5.
"""

from collections.abc import Callable
from typing import Final

from tui.sources.clock import Clock

LOOK_EVERY_S: Final = 5.0

SLEPT_FROM_S: Final = 5.0
"""So much more than the wait itself is no busy machine: the lid was closed, or the process stopped."""


async def notice_sleep(clock: Clock, wake: Callable[[], None]) -> None:
    """Call `wake` after each sleep, within some seconds, until cancelled."""
    while True:
        began_s = clock.elapsed_s()
        await clock.sleep(LOOK_EVERY_S)
        if clock.elapsed_s() - began_s >= LOOK_EVERY_S + SLEPT_FROM_S:
            wake()
