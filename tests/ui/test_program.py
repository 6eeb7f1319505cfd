"""The memory of closed dialogs is freed, and arguments decide whether the monitor starts."""

import asyncio
import gc
import heapq
import weakref
from typing import Any

import pytest
from textual.widget import Widget

from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, on_monitor
from tui.kit.speed import THRESHOLDS
from tui.program.early import starts_monitor
from tui.program.main import importers

LATE_TICKS = 20
TICK_S = 5.0
"""After this the clock of the tests drops the canceled timer of a dialog."""


def drop_canceled_timers() -> None:
    """Do at once what the event loop does when such a timer is due: in real time, up to a second later."""
    timers: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    timers[:] = [each for each in timers if not each.cancelled()]
    heapq.heapify(timers)


@on_monitor(small_fleet, size=(80, 24))
async def test_closed_screens_and_their_lines_are_freed(monitor: Monitored) -> None:
    monitor.app._collector.start()
    while gc.get_threshold() != THRESHOLDS:
        await monitor.later(1.0)  # the session loads its data layer in a thread
    gc.freeze()  # the collections below visit the dialogs alone
    freed: list[weakref.ref[Any]] = []
    for key in ("?", ":", "f", "!", "W", "Q"):
        await monitor.press(key)
        lines_of = [each._styles_cache for each in monitor.app.screen.walk_children(Widget, with_self=True)]
        freed += (weakref.ref(monitor.app.screen), *(weakref.ref(each) for each in lines_of))
        del lines_of
        gc.collect()
        await monitor.press("escape")
        assert monitor.app.screen is monitor.screen
        gc.collect()  # Textual may still refer to the dialog
    for _ in range(LATE_TICKS):  # on a busy machine, a message of Textual's may still refer to one
        await monitor.later(TICK_S)
        drop_canceled_timers()
        gc.collect()
        if not any(each() for each in freed):
            break
    assert [each() for each in freed] == [None] * len(freed)


@pytest.mark.parametrize(
    ("line", "is_monitor"),
    [
        *((name, name == "demo") for name in importers()),
        *(("", True), ("demo --prod", True), ("--ascii --theme dark", True), ("--theme dark runs?q=x", True)),
        *(("errors?", True), ("--ascii errors?", True), ("--ascii ls", False), ("show run?id=x", False)),
    ],
)
def test_arguments_say_whether_the_monitor_starts(line: str, *, is_monitor: bool) -> None:
    assert starts_monitor(line.split()) == is_monitor
