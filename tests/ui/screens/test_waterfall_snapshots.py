"""Two pictures of the waterfall with a frozen clock; `tests/ui/screens/test_snapshots.py` has the others."""

import asyncio
from pathlib import Path

import pytest

from tests.support.ui.monitor import monitored
from tests.support.ui.snapshots import assert_as_drawn
from tests.support.ui.traces import checkout_fleet
from tui.kit.colors import ColorMode


@pytest.mark.parametrize(
    ("name", "size", "color_mode"),
    [
        ("waterfall-120x40-dark", (120, 40), ColorMode.DARK),
        ("waterfall-80x24-light", (80, 24), ColorMode.LIGHT),
    ],
)
def test_the_waterfall_looks_as_it_did(tmp_path: Path, name: str, size: tuple[int, int], color_mode: ColorMode) -> None:
    async def scenario() -> None:
        async with monitored(checkout_fleet(), tmp_path, size=size, color_mode=color_mode) as monitor:
            await monitor.press("G", "4", "z", "t", wait_s=2)
            await monitor.press(*"jjjjjjjj", wait_s=1)
            monitor.app.screen.refresh()
            assert_as_drawn(monitor.app, name, tmp_path)

    asyncio.run(scenario())
