"""A few pictures of the whole screen with a frozen clock, for regressions that no other test sees.

`SNAPSHOTS=new python -m pytest tests/ui/screens/test_snapshots.py` redraws them; look at each before you commit it.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from tests.support.fleet import Fleet
from tests.support.ui.fleets import failing_fleet, small_fleet
from tests.support.ui.monitor import Monitored, Story, monitored
from tests.support.ui.snapshots import assert_as_drawn
from tests.support.ui.traces import checkout_fleet
from tests.support.wall_story import VIEW
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


async def the_errors(monitor: Monitored) -> None:
    await monitor.press("exclamation_mark", wait_s=8)
    await monitor.press("j", wait_s=2)


async def the_wall(monitor: Monitored) -> None:
    """Show the wall of a story: the ages of real sources would differ from run to run."""
    await monitor.press("W", wait_s=1)
    wall = monitor.app.screen
    assert isinstance(wall, WallScreen)
    wall._next_tick.cancel()
    vars(wall)["rebuild"] = lambda: None
    wall.body.show(wall_page(VIEW, *wall.body.size))
    wall.body.move(1)
    await monitor.later()


async def the_waterfall(monitor: Monitored) -> None:
    await monitor.press("G", "4", "z", "t", wait_s=2)
    await monitor.press(*"jjjjjjjj", wait_s=1)


FLEETS: dict[Story, Callable[[], Fleet]] = {
    the_errors: failing_fleet,
    the_wall: failing_fleet,
    the_waterfall: checkout_fleet,
}


@pytest.mark.parametrize(
    ("name", "story", "size", "color_mode"),
    [
        ("failed-120x40-dark", a_failed_run, (120, 40), ColorMode.DARK),
        ("list-80x24-light", a_list, (80, 24), ColorMode.LIGHT),
        ("question-120x40-dark", a_question, (120, 40), ColorMode.DARK),
        ("stale-120x40-16-colours", the_api_is_down, (120, 40), ColorMode.SIXTEEN),
        ("errors-80x24-16-colours", the_errors, (80, 24), ColorMode.SIXTEEN),
        ("errors-120x40-dark", the_errors, (120, 40), ColorMode.DARK),
        ("errors-200x60-light", the_errors, (200, 60), ColorMode.LIGHT),
        ("wall-80x24-light", the_wall, (80, 24), ColorMode.LIGHT),
        ("wall-200x60-dark", the_wall, (200, 60), ColorMode.DARK),
        ("waterfall-120x40-dark", the_waterfall, (120, 40), ColorMode.DARK),
        ("waterfall-80x24-light", the_waterfall, (80, 24), ColorMode.LIGHT),
    ],
)
def test_the_screen_looks_as_it_did(
    tmp_path: Path, name: str, story: Story, size: tuple[int, int], color_mode: ColorMode
) -> None:
    async def scenario() -> None:
        fleet, has_overview = FLEETS.get(story, small_fleet)(), story is not the_waterfall
        async with monitored(fleet, tmp_path, size=size, color_mode=color_mode, has_overview=has_overview) as monitor:
            await story(monitor)
            # Frames come in real time, and a dialog keeps a picture of what is behind it until its next frame.
            monitor.app.screen.refresh()
            assert_as_drawn(monitor.app, name, tmp_path)

    asyncio.run(scenario())
