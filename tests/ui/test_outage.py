"""After an outage the list says when there was no data, and what was caught up."""

import asyncio
from pathlib import Path

from starlette.responses import JSONResponse

from tests.fleet import FleetRun
from tests.ui.acting_stage import executing, fleet_of
from tests.ui.monitored import monitored


def test_the_list_says_what_an_outage_kept_from_it(tmp_path: Path) -> None:
    lived = [
        FleetRun(10, -50, -40, 20.0, end="FAILED"),
        FleetRun(11, 15.0, 16.0, 25.0),
        FleetRun(12, 20.0, 21.0, 26.0, end="CRASHED"),
        FleetRun(13, 30.0),
    ]
    fleet = fleet_of(executing(1), FleetRun(90, -300, -290, -280, end="FAILED"), *lived)

    async def story() -> None:
        async with monitored(fleet, tmp_path) as monitor:
            await monitor.later(4)
            assert "no data" not in monitor.lines[1]
            fleet.fault = lambda _: JSONResponse({"error": "down"}, 503)
            await monitor.later(63)
            assert "STALE" in monitor.lines[1]
            fleet.fault = lambda _: None
            await monitor.press("r")
            await monitor.later(5)
            assert monitor.lines[1].endswith("─ 6 · no data 14:00–14:01 · 4 runs caught up · 2 failed ─")
            await monitor.pilot.resize_terminal(80, 24)
            await monitor.later(1)
            assert monitor.lines[1].endswith("newest first ──────── 6 · no data 14:00–14:01 · 2 failed ─")
            await monitor.later(12)
            said = [message.text for message in monitor.app.messages]
            assert "There was no data 14:00–14:01: 4 runs caught up, 2 failed." in said
            await monitor.later(120)
            assert monitor.lines[1].endswith("─ 6 ─")

    asyncio.run(story())


def test_an_outage_in_which_nothing_happened(tmp_path: Path) -> None:
    fleet = fleet_of(executing(1))

    async def story() -> None:
        async with monitored(fleet, tmp_path) as monitor:
            fleet.fault = lambda _: JSONResponse({"error": "down"}, 503)
            await monitor.later(14)
            fleet.fault = lambda _: None
            await monitor.press("r")
            await monitor.later(5)
            assert monitor.lines[1].endswith("─ 1 · no data for 15 s · nothing missed ─")

    asyncio.run(story())


def test_one_lost_answer_is_no_outage(tmp_path: Path) -> None:
    fleet = fleet_of(executing(1))

    async def story() -> None:
        async with monitored(fleet, tmp_path) as monitor:
            fleet.fault = lambda _: JSONResponse({"error": "down"}, 503)
            await monitor.later(2.5)
            fleet.fault = lambda _: None
            await monitor.later(20)
            assert "no data" not in monitor.text
            assert all("no data" not in message.text for message in monitor.app.messages)

    asyncio.run(story())
