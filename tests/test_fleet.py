"""A fleet's two opinions about a run agree: the life that it was given, and what the emulator makes of it."""

import pytest

from tests.support.fleet import ENDS, Fleet, FleetRun, at
from tests.support.virtual_clock import VirtualClock
from tui.emulator.rest.rows import iso_time


@pytest.mark.parametrize("end", ENDS)
def test_a_run_lives_as_it_was_given(end: str) -> None:
    fleet = Fleet(VirtualClock())
    run = fleet.add(FleetRun(1, -20, None if end == "EXPIRED" else -10, 5, end=end))
    for moment_s in (-15, -5, 4.999, 5, 60):
        fleet.clock._elapsed_s = moment_s
        assert fleet.status(run) == run.status(moment_s)
        told = fleet.row(run)
        assert told["updatedAt"] == iso_time(round(at(run.updated_s(moment_s)).timestamp() * 1000))
    assert run.status(60) == end


def test_a_run_without_a_start_or_an_end_stays_as_it_is() -> None:
    fleet = Fleet(VirtualClock())
    queued, executing = fleet.add(FleetRun(1, -20)), fleet.add(FleetRun(2, -20, -10))
    fleet.clock._elapsed_s = 86_400
    assert (fleet.status(queued), fleet.status(executing)) == ("QUEUED", "EXECUTING")


def test_a_run_that_somebody_cancels_is_canceled_from_then_on() -> None:
    fleet = Fleet(VirtualClock())
    run = fleet.add(FleetRun(1, -20, -10))
    fleet.cancel(run, 3)
    assert fleet.status(run) == "EXECUTING"
    fleet.clock._elapsed_s = 3
    assert fleet.status(run) == "CANCELED"


def test_a_run_of_the_worlds_past_is_no_plan() -> None:
    fleet = Fleet(VirtualClock())
    fleet.counts()
    with pytest.raises(ValueError, match="past for the world"):
        fleet.add(FleetRun(1, -20))
