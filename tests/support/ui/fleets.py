"""Fleets for several tests of the screen."""

from tests.support.fleet import Fleet, FleetRun
from tests.support.virtual_clock import VirtualClock

ENDS = ("COMPLETED", "COMPLETED", "FAILED", "COMPLETED", "CRASHED")


def small_fleet(count: int = 30) -> Fleet:
    """Return a fleet of finished runs, one every ten seconds. Two of five failed."""
    fleet = Fleet(VirtualClock())
    fleet.add_all(
        FleetRun(number, -number * 10.0, -number * 10.0 + 1, -number * 10.0 + 4, ENDS[number % len(ENDS)])
        for number in range(1, count + 1)
    )
    return fleet
