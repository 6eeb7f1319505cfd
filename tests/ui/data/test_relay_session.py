"""The server's filters on a relay: they narrow what is shown, and ask nobody."""

import asyncio
from datetime import timedelta
from pathlib import Path

from tests.support.fleet import Fleet, FleetRun
from tests.support.relay import RELAY_PATH, on_screen, relaying
from tests.support.virtual_clock import VirtualClock
from tui.domain.filters import RunFilters
from tui.domain.source_names import RELAY
from tui.store.server_filter import ServerFilter
from tui.ui.data.subscription import RunSubscription


def test_other_filters_on_a_relay_need_no_other_connection(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = Fleet(VirtualClock())
        fleet.add(FleetRun(1, -9, -8))
        async with relaying(fleet, tmp_path) as relayed, on_screen(relayed, is_following=False) as screen:
            following = RunSubscription(screen, place="relay here")
            await following.begin()
            await relayed.until(lambda: len(screen.store))
            following.choose(ServerFilter(RunFilters(statuses=("FAILED",)), timedelta(hours=1)))
            await relayed.later(10)
            assert len(fleet.asked(RELAY_PATH)) == 1
            assert following.chosen.filters.statuses == ("FAILED",)
            assert len(screen.store) == 1

    asyncio.run(scenario())


def test_a_relay_that_was_given_up_is_asked_again_when_a_person_wants_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = Fleet(VirtualClock())
        async with relaying(fleet, tmp_path) as relayed, on_screen(relayed, "x", is_following=False) as screen:
            following = RunSubscription(screen, place="relay here")
            await following.begin()
            await relayed.until(lambda: RELAY in screen.store.source_statuses)
            asked = len(fleet.asked(RELAY_PATH))
            await relayed.later(100)
            assert len(fleet.asked(RELAY_PATH)) == asked
            following.refresh()
            await relayed.until(lambda: len(fleet.asked(RELAY_PATH)) > asked)

    asyncio.run(scenario())
