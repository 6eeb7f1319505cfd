"""The first key after a rest shows what happened, and does nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from tests.support.fleet import Fleet, FleetRun, fleet_of
from tests.support.ui.monitor import Monitored, monitored
from tui.features.alerts.away import WhileAway

TITLE = "while you were away"


REST_S = 5.0


def small_fleet() -> Fleet:
    return fleet_of(
        FleetRun(number, -500.0 + 10 * number, -499.0 + 10 * number, -498.0 + 10 * number) for number in range(40)
    )


def fail_soon(monitor: Monitored) -> None:
    """Let 20 runs fail in a second, and one be done."""
    now_s = monitor.session.clock.monotonic_s()
    for number in range(21):
        at_s, end = now_s + number / 20, "FAILED" if number else "COMPLETED"
        run = FleetRun(1000 + 100 * int(now_s) + number, at_s, at_s + 0.1, at_s + 0.3, end, task=f"bill-{number:02}")
        monitor.api.fleet.add_all([run])


def play(tmp_path: Path, story: Callable[[Monitored], Awaitable[None]], size: tuple[int, int] = (120, 40)) -> None:
    async def whole() -> None:
        async with monitored(small_fleet(), tmp_path, size=size) as monitor:
            monitor.app._while_away = WhileAway(monitor.app, rest=timedelta(seconds=REST_S))
            await story(monitor)

    asyncio.run(whole())


def test_first_key_after_a_rest_only_shows_what_happened(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        screen = monitor.screen
        await monitor.press("j", "2")
        await monitor.later(REST_S + 1)
        await monitor.press("z", "z")
        assert TITLE not in monitor.text, "nothing happened"
        fail_soon(monitor)
        await monitor.later(REST_S - 1)
        await monitor.press("j")
        assert TITLE not in monitor.text, "the keys have not rested"
        fail_soon(monitor)
        run = screen.selection.run_id
        await monitor.later(REST_S + 1)
        await monitor.press("z", "j")
        # The key that shows the block does nothing else, nor does a key before it was seen.
        assert TITLE in monitor.text
        assert "that key only opened this" in monitor.lines[-1]
        assert "✗ 1  bill-01" in monitor.text
        assert (screen.selection.run_id, screen.workspace.is_zoomed) == (run, False)
        assert "1:runs" in monitor.lines[1]
        await monitor.press("escape")
        assert TITLE in monitor.text
        await monitor.answer()
        assert "2:detail" not in monitor.text
        await monitor.press("slash", *"bill", "enter")
        assert screen.run_list.searched == "bill"
        await monitor.press("escape")
        assert (screen.run_list.searched, TITLE in monitor.text) == ("bill", False)
        assert screen.pane.title == "detail", "the focus is where it was"

    play(tmp_path, story)
