"""A few pictures of the whole screen with a frozen clock, for regressions that no other test sees.

`SNAPSHOTS=new python -m pytest tests/ui/screens/test_snapshots.py` redraws them; look at each before you commit it.
"""

import asyncio
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from tests.support.fleet import FleetRun
from tests.support.present.samples import STACK
from tests.support.ui.fleets import ENDS, failing_fleet, small_fleet
from tests.support.ui.logs import LogServer
from tests.support.ui.monitor import Monitored, Story, monitored
from tests.support.ui.snapshots import assert_as_drawn
from tests.support.wall_story import VIEW
from tui.domain.update import CaughtUp
from tui.features.wall.page import wall_page
from tui.features.wall.view import WallScreen
from tui.kit.colors import ColorMode


async def a_failed_run(monitor: Monitored) -> None:
    await monitor.press("j", "x", wait_s=2)


async def a_list(monitor: Monitored) -> None:
    await monitor.press("j", "space", "j", wait_s=2)


async def a_question(monitor: Monitored) -> None:
    await monitor.press("j", "R", wait_s=1)
    await monitor.answer()
    await monitor.later(2)


async def the_api_is_down(monitor: Monitored) -> None:
    await monitor.press("j", "x", wait_s=2)
    monitor.api.fleet.fault = lambda _: PlainTextResponse("", 503)
    await monitor.later(90)


async def an_outage_is_over(monitor: Monitored) -> None:
    fleet = monitor.api.fleet
    fleet.add_all(FleetRun(50 + number, 10.0 + number, 20.0, 40.0, ENDS[number % 5]) for number in range(7))
    fleet.add_all(FleetRun(60 + number, 100.0 + number, 101.0) for number in range(3))
    await the_api_is_down(monitor)
    fleet.fault = lambda _: None
    await monitor.press("r", wait_s=8)
    await monitor.session.emit(CaughtUp("rest", monitor.session.now()))
    await monitor.press("g", wait_s=2)


async def a_log(monitor: Monitored) -> None:
    server = LogServer(monitor.api.fleet)
    server.say(-18.89, "charging order 81251, 42.00 USD")
    failed = server.say(-18.48, "No such customer: cus_8Xq2LrT0", "ERROR")
    server.say(-18.48, "attempt 1 failed, next one in 1.5 s", "WARN")
    server.say(-17.0, "GET https://ledger.internal/orders/81251", "DEBUG", attemptNumber=2)
    server.say(
        -16.55, "No such customer: cus_8Xq2LrT0\n    at run (file:///app/src/a.ts:1:2)", "ERROR", attemptNumber=2
    )
    server.attributes[failed] = {"code": "resource_missing", "statusCode": 404, "error": {"stack": STACK}}
    await monitor.press("j", "x", wait_s=2)
    await monitor.press("5", "z", wait_s=2)
    await monitor.press("g", "j", "enter", "slash", *"order", "enter", wait_s=1)


async def the_errors(monitor: Monitored) -> None:
    await monitor.press("exclamation_mark", wait_s=8)
    await monitor.press("j", wait_s=2)


async def the_wall(monitor: Monitored) -> None:
    """Show the wall of a story: the ages of real sources would differ from run to run."""
    await monitor.press("W", wait_s=1)
    wall = monitor.app.screen
    assert isinstance(wall, WallScreen)
    wall._ticker.stop()
    vars(wall)["rebuild"] = lambda: None
    wall.body.show(wall_page(VIEW, *wall.body.size))
    wall.body.move(1)
    await monitor.later()


@pytest.mark.parametrize(
    ("name", "story", "size", "color_mode"),
    [
        ("failed-120x40-dark", a_failed_run, (120, 40), ColorMode.DARK),
        ("list-80x24-light", a_list, (80, 24), ColorMode.LIGHT),
        ("question-120x40-dark", a_question, (120, 40), ColorMode.DARK),
        ("stale-120x40-16-colours", the_api_is_down, (120, 40), ColorMode.SIXTEEN),
        ("logs-120x40-dark", a_log, (120, 40), ColorMode.DARK),
        ("gap-80x24-dark", an_outage_is_over, (80, 24), ColorMode.DARK),
        ("errors-80x24-16-colours", the_errors, (80, 24), ColorMode.SIXTEEN),
        ("errors-120x40-dark", the_errors, (120, 40), ColorMode.DARK),
        ("errors-200x60-light", the_errors, (200, 60), ColorMode.LIGHT),
        ("wall-80x24-light", the_wall, (80, 24), ColorMode.LIGHT),
        ("wall-200x60-dark", the_wall, (200, 60), ColorMode.DARK),
    ],
)
def test_the_screen_looks_as_it_did(
    tmp_path: Path, name: str, story: Story, size: tuple[int, int], color_mode: ColorMode
) -> None:
    async def scenario() -> None:
        fleet = failing_fleet() if story in {the_errors, the_wall} else small_fleet()
        async with monitored(fleet, tmp_path, size=size, color_mode=color_mode, has_overview=True) as monitor:
            await story(monitor)
            # Frames come in real time, and a dialog keeps a picture of what is behind it until its next frame.
            monitor.app.screen.refresh()
            assert_as_drawn(monitor.app, name, tmp_path)

    asyncio.run(scenario())
