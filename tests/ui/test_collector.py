"""The garbage collector freezes long-lived objects, and still frees the widgets of closed dialogs."""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen
from textual.widget import Widget

from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.store.changes import Changes
from tui.ui.collector import THRESHOLDS, FreezingCollector

ROUNDS = 3
TICK_S = 5.0
"""After this the clock of the tests drops the canceled timer of a dialog."""


@pytest.fixture
def _collector_as_before() -> Iterator[None]:
    thresholds, is_enabled = gc.get_threshold(), gc.isenabled()
    yield
    gc.set_threshold(*thresholds)
    if not is_enabled:
        gc.disable()


@pytest.mark.usefixtures("_collector_as_before")
def test_survivors_are_frozen_unless_a_widget_is_among_them() -> None:
    before, callback_count = gc.get_threshold(), len(gc.callbacks)
    collector = FreezingCollector()
    collector.start()
    assert (gc.get_threshold(), gc.isenabled()) == (THRESHOLDS, True)
    frozen_count = gc.get_freeze_count()
    rows: list[Any] = [[] for _ in range(1_000)]
    widget = Widget()
    gc.collect()
    assert gc.get_freeze_count() <= frozen_count
    del widget
    gc.collect(1)
    assert gc.get_freeze_count() <= frozen_count
    gc.collect()
    assert gc.get_freeze_count() >= frozen_count + len(rows)
    collector.stop()
    assert (gc.get_threshold(), len(gc.callbacks)) == (before, callback_count)


@pytest.mark.usefixtures("_collector_as_before")
def test_closed_dialogs_are_freed(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        monitor.app._collector.start()
        dialogs: list[weakref.ref[Screen[Any]]] = []
        for key in ("?", ":", "f") * ROUNDS:
            await monitor.press(key)
            dialogs.append(weakref.ref(monitor.app.screen))
            gc.collect()
            await monitor.press("escape")
            assert monitor.app.screen is monitor.screen
            gc.collect()  # Textual may still refer to the dialog
        frozen_count = gc.get_freeze_count()
        monitor.app.changed.publish(Changes())  # drops the subscriptions of the closed dialogs
        await monitor.later(TICK_S)
        gc.collect()
        assert [dialog() for dialog in dialogs] == [None] * len(dialogs)
        assert gc.get_freeze_count() > frozen_count

    run_story(story, tmp_path, small_fleet())
