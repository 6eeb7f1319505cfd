"""How many round trips a failed run takes from Enter to its stack."""

import asyncio
from pathlib import Path

import pytest

from tests.support.fleet import Fleet, FleetRun
from tests.support.round_trips import RoundTrips
from tests.support.ui.monitor import monitored
from tests.support.virtual_clock import VirtualClock

PARTS = {
    "FAILED": "mail.ts:7",
    "CRASHED": "Process exited with code 1",
    "TIMED_OUT": "Run exceeded maximum compute time",
}


def opened(end: str, tmp_path: Path, *, realtime: bool = False) -> tuple[int, int]:
    """Press Enter on a failed run, and wait for its error. Return round trips and requests."""
    fleet = Fleet(VirtualClock())
    fleet.add(FleetRun(1, -100, -99, 4 if realtime else -98, end))

    async def story() -> tuple[int, int]:
        async with monitored(fleet, tmp_path, wait_s=5 if realtime else 3, realtime=realtime, size=(80, 24)) as monitor:
            trips = RoundTrips(monitor.session)
            await monitor.press("j", "enter")
            assert PARTS[end] in monitor.text
            return trips.count, len(trips.requests)

    return asyncio.run(story())


def test_stack_of_a_failed_run_takes_one_round_trip(tmp_path: Path) -> None:
    assert opened("FAILED", tmp_path) == (1, 2)


@pytest.mark.parametrize("end", ["CRASHED", "TIMED_OUT"])
def test_message_of_a_crash_takes_two_round_trips(end: str, tmp_path: Path) -> None:
    assert opened(end, tmp_path) == (2, 3)


def test_feed_tells_the_message_of_a_crash(tmp_path: Path) -> None:
    assert opened("CRASHED", tmp_path, realtime=True) == (1, 2)
