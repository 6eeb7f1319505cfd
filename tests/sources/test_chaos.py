"""Faults of all kinds in random order: after each, the store equals the world, and the counts of gaps are exact."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.support.chaos import KINDS, ChaosSession
from tests.support.fleet import DEV, Fleet, in_ms, serving
from tests.support.session import SHORT, pass_time, started
from tests.support.virtual_clock import VirtualClock
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.world import World

RATE_PER_S = 1.0

HANGING = "half-open"
HANG_S = 0.05
"""How long a request waits for a server that hangs. It is real time, while all else is virtual."""

READ_S = 1.5
"""How long a poll waits that the server held before it hung. On a busy machine, SHORT ends other requests too."""


def demo_fleet() -> Fleet:
    """A fleet with the demo's tasks instead of scheduled runs."""
    fleet = Fleet(VirtualClock())
    fleet.emulator.close()
    fleet.emulator = Emulator(COMPANY, Options(environments=(DEV,), rate_per_s=RATE_PER_S), lambda: in_ms(fleet.now_s))
    fleet.world = World(COMPANY, start_ms=in_ms(0), environment=DEV, rate_per_s=RATE_PER_S, history=110)
    fleet.emulator.put(fleet.world)
    return fleet


@pytest.mark.parametrize(("realtime", "count"), [(True, len(KINDS)), (False, 3)], ids=["live", "polling"])
async def test_store_equals_the_world_after_every_fault(tmp_path: Path, realtime: bool, count: int) -> None:
    fleet, timeouts = demo_fleet(), replace(SHORT, read_s=READ_S)
    with serving(fleet) as api:
        async with started(api, tmp_path, realtime=realtime, timeouts=timeouts, feed_timeouts=timeouts) as session:

            async def later(seconds: float) -> None:
                is_hanging = any(spec["kind"] == HANGING for spec in fleet.emulator.faults.specs)
                object.__setattr__(timeouts, "whole_s", HANG_S if is_hanging else SHORT.whole_s)
                await pass_time(session, api, seconds)

            chaos = ChaosSession(session, fleet.emulator, fleet.world, later, Random(5))
            session.sources.follow_runs()
            await later(20)
            for kind in chaos.kinds(count):
                outcome = await chaos.inject(kind)
                assert outcome.is_right, outcome
