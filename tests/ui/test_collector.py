"""Full collections come in pauses, and free the widgets of closed dialogs."""

import asyncio
import gc
import heapq
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.widget import Widget

from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.kit.speed import MAX_YOUNG, MIN_QUIET_S, MIN_YOUNG, THAW_INTERVAL_S, THRESHOLDS, PauseCollector
from tui.program.app import TriggerApp

TICK_S = 5.0
"""After this the clock of the tests drops the canceled timer of a dialog."""


class Knot:
    """An object that only a collection can free, and only while it is not frozen."""

    def __init__(self) -> None:
        self.itself = self


class Clock:
    """The time."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def collects(collector: PauseCollector) -> bool:
    """Whether a new knot is freed now."""
    left = weakref.ref(Knot())
    collector.collect_if_due()
    return left() is None


def make_objects(young: int) -> list[list[int]]:
    """Make so many objects that there are this many young collections."""
    return [[] for _ in range((young * (THRESHOLDS[1] + 2) + 1) * (THRESHOLDS[0] + 1))]


@pytest.fixture
def collector() -> Iterator[PauseCollector]:
    """A collector that has frozen what is alive."""
    thresholds, is_enabled = gc.get_threshold(), gc.isenabled()
    clock = Clock()
    collector = PauseCollector(clock)
    collector.clock = clock  # type: ignore[attr-defined]
    collector.start()
    yield collector
    collector.stop()
    gc.unfreeze()
    assert gc.get_threshold() == thresholds
    if not is_enabled:
        gc.disable()


def test_first_pause_frees_garbage_and_freezes_the_rest(collector: PauseCollector) -> None:
    assert (gc.get_threshold(), gc.isenabled()) == (THRESHOLDS, True)
    collector.record_key()
    assert not collects(collector)
    collector.clock.now_s = MIN_QUIET_S  # type: ignore[attr-defined]
    gc.unfreeze()  # what other tests have frozen
    assert collects(collector)
    assert gc.get_freeze_count() > 0
    assert not collects(collector), "nothing is new"


def test_thaw_frees_what_was_frozen(collector: PauseCollector) -> None:
    knot = Knot()
    left = weakref.ref(knot)
    collector.collect_if_due()
    del knot
    gc.collect()
    assert left() is not None
    collector.clock.now_s = THAW_INTERVAL_S  # type: ignore[attr-defined]
    collector.record_key()
    assert not collects(collector)
    collector.clock.now_s += MIN_QUIET_S  # type: ignore[attr-defined]
    assert collects(collector)
    assert left() is None


def test_pause_is_used_once_much_is_new(collector: PauseCollector) -> None:
    collector.collect_if_due()
    some = make_objects(MIN_YOUNG)
    collector.record_key()
    assert not collects(collector)
    collector.clock.now_s = MIN_QUIET_S  # type: ignore[attr-defined]
    assert collects(collector)
    assert some


def test_typing_user_meets_few_full_collections(collector: PauseCollector) -> None:
    collector.collect_if_due()
    collector.record_key()
    some = make_objects(MAX_YOUNG // 2)
    assert not collects(collector)
    some += make_objects(MAX_YOUNG // 2)
    assert collects(collector)
    assert not collects(collector)


def test_stopped_collector_touches_nothing(collector: PauseCollector) -> None:
    collector.stop()
    assert not collects(collector)


def drop_canceled_timers() -> None:
    """Do at once what the event loop does when such a timer is due: in real time, up to a second later."""
    timers: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    timers[:] = [each for each in timers if not each.cancelled()]
    heapq.heapify(timers)


def test_closed_screens_and_their_lines_are_freed(tmp_path: Path) -> None:
    async def story(monitor: Monitored) -> None:
        monitor.app._collector.start()
        while gc.get_threshold() != THRESHOLDS:
            await monitor.later(1.0)  # the session loads its data layer in a thread
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
        await monitor.later(TICK_S)
        drop_canceled_timers()
        gc.collect()
        assert [each() for each in freed] == [None] * len(freed)

    run_story(story, tmp_path, small_fleet())


def test_no_collection_comes_before_the_frame_of_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_collect = list[bool]()

    async def story(monitor: Monitored) -> None:
        gc.enable()
        monkeypatch.setattr(TriggerApp, "_display", lambda *_: may_collect.append(gc.isenabled()))
        await monitor.press("j")
        assert may_collect[0] is False
        assert gc.isenabled()

    run_story(story, tmp_path, small_fleet())
