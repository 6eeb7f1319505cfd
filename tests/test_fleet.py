"""The runs of a test's `Fleet` have the same status and times in the emulator as in their plan."""

import pytest

from tests.support.fleet import ENDS, Fleet, FleetRun, at
from tests.support.virtual_clock import VirtualClock
from tui.emulator.rows import iso_time


@pytest.mark.parametrize("end", ENDS)
def test_run_follows_its_plan(end: str) -> None:
    fleet = Fleet(VirtualClock())
    run = fleet.add(FleetRun(1, -20, None if end == "EXPIRED" else -10, 5, end=end))
    for moment_s in (-15, -5, 4.999, 5, 60):
        fleet.clock._elapsed_s = moment_s
        assert fleet.status(run) == run.status(moment_s)
        row = fleet.row(run)
        assert row["updatedAt"] == iso_time(round(at(run.updated_s(moment_s)).timestamp() * 1000))
    assert run.status(60) == end


def test_run_without_a_start_or_an_end_never_changes() -> None:
    fleet = Fleet(VirtualClock())
    queued, executing = fleet.add(FleetRun(1, -20)), fleet.add(FleetRun(2, -20, -10))
    fleet.clock._elapsed_s = 86_400
    assert (fleet.status(queued), fleet.status(executing)) == ("QUEUED", "EXECUTING")


def test_canceled_run_stays_canceled() -> None:
    fleet = Fleet(VirtualClock())
    run = fleet.add(FleetRun(1, -20, -10))
    fleet.cancel(run, 3)
    assert fleet.status(run) == "EXECUTING"
    fleet.clock._elapsed_s = 3
    assert fleet.status(run) == "CANCELED"


def test_run_in_the_past_of_the_world_is_rejected() -> None:
    fleet = Fleet(VirtualClock())
    fleet.counts()
    with pytest.raises(ValueError, match="past for the world"):
        fleet.add(FleetRun(1, -20))
