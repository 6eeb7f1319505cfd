"""The server's filters on a relay: they filter the view and cause no request."""

import asyncio
from datetime import timedelta
from pathlib import Path

from tests.support.fleet import Fleet, FleetRun
from tests.support.relay import RELAY_PATH, relay_setup, screen_on
from tests.support.virtual_clock import VirtualClock
from tui.domain.filters import RunFilters
from tui.domain.run import RELAY
from tui.features.runs.data import RunSubscription
from tui.store.server_filter import ServerFilter


def test_filters_on_a_relay_keep_the_connection(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = Fleet(VirtualClock())
        fleet.add(FleetRun(1, -9, -8))
        async with relay_setup(fleet, tmp_path) as setup, screen_on(setup, is_following=False) as screen:
            subscription = RunSubscription(screen, environment_name="relay here")
            await subscription.start()
            await setup.run_until(lambda: len(screen.store))
            subscription.choose(ServerFilter(RunFilters(statuses=("FAILED",)), timedelta(hours=1)))
            await setup.run_for(10)
            assert len(fleet.requests_to(RELAY_PATH)) == 1
            assert subscription.chosen.filters.statuses == ("FAILED",)
            assert len(screen.store) == 1

    asyncio.run(scenario())


def test_refresh_reconnects_to_a_relay_that_stopped(tmp_path: Path) -> None:
    async def scenario() -> None:
        fleet = Fleet(VirtualClock())
        async with relay_setup(fleet, tmp_path) as setup, screen_on(setup, "x", is_following=False) as screen:
            subscription = RunSubscription(screen, environment_name="relay here")
            await subscription.start()
            await setup.run_until(lambda: RELAY in screen.store.source_statuses)
            count_before = len(fleet.requests_to(RELAY_PATH))
            await setup.run_for(100)
            assert len(fleet.requests_to(RELAY_PATH)) == count_before
            subscription.refresh()
            await setup.run_until(lambda: len(fleet.requests_to(RELAY_PATH)) > count_before)

    asyncio.run(scenario())
