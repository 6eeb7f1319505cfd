"""Fleets for several tests of the screen."""

from tests.support.fleet import Fleet, FleetRun, fleet_of

ENDS = ("COMPLETED", "COMPLETED", "FAILED", "COMPLETED", "CRASHED")


def small_fleet(count: int = 30) -> Fleet:
    """Return a fleet of finished runs, one every ten seconds. Two of five failed."""
    return fleet_of(
        FleetRun(number, -number * 10.0, -number * 10.0 + 1, -number * 10.0 + 4, ENDS[number % len(ENDS)])
        for number in range(1, count + 1)
    )


FAILURES = ("Upstream returned 503", "No such customer: cus_17", "Invalid array length")


def failing_fleet(count: int = 18) -> Fleet:
    """A fleet of runs that all failed, one every 20 seconds: 3, 2 and 1 of six in each group."""
    fleet = fleet_of(may_query=True)
    which = (0, 0, 0, 1, 1, 2)
    fleet.add_all(
        FleetRun(
            number,
            -20.0 * number,
            -20.0 * number + 1,
            -20.0 * number + 3,
            "FAILED",
            task=f"task-{which[number % 6]}",
            message=FAILURES[which[number % 6]],
        )
        for number in range(1, count + 1)
    )
    return fleet
