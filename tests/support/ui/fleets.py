"""Fleets that several tests of the screen look at."""

from tests.support.fleet import Fleet, FleetRun
from tests.support.virtual_clock import VirtualClock

ENDS = ("COMPLETED", "COMPLETED", "FAILED", "COMPLETED", "CRASHED")


def small_fleet(count: int = 30) -> Fleet:
    """Runs that ended, one every ten seconds; of five two failed."""
    fleet = Fleet(VirtualClock())
    fleet.add_all(
        FleetRun(number, -number * 10.0, -number * 10.0 + 1, -number * 10.0 + 4, ENDS[number % len(ENDS)])
        for number in range(1, count + 1)
    )
    return fleet
