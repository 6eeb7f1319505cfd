"""The garbage collector freezes long-lived objects, and still frees the widgets of closed dialogs."""

import asyncio
import gc
import heapq
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen
from textual.widget import Widget

import tui.program.app
from tests.support.ui.fleets import small_fleet
from tests.support.ui.monitor import Monitored, run_story
from tui.kit.heap import (
    MAX_COLLECTION_S,
    MAX_FREE_S,
    MAX_FREEZES,
    MAX_SCREEN_FREEZES,
    MIN_FREEZE_INTERVAL_S,
    MIN_GROWTH,
    MIN_QUIET_S,
    MIN_STAY_S,
    MIN_THAW_INTERVAL_S,
    THRESHOLDS,
    FreezingCollector,
)
from tui.program.app import TriggerApp

TICK_S = 5.0
"""After this the clock of the tests drops the canceled timer of a dialog."""


@pytest.fixture
def _collector_as_before() -> Iterator[None]:
    thresholds, is_enabled = gc.get_threshold(), gc.isenabled()
    yield
    gc.set_threshold(*thresholds)
    if not is_enabled:
        gc.disable()


@dataclass
class Clock:
    """The CPU time, of which each reading takes `took_s`, and the time."""

    took_s: float = 0.0
    now_s: float = 0.0
    cpu_s: float = 0.0

    def read_cpu_s(self) -> float:
        self.cpu_s += self.took_s
        return self.cpu_s


class Knot:
    """An object that only a collection can free, and only while it is not frozen."""

    def __init__(self) -> None:
        self.itself = self


def frozen_by_a_collection(collector: FreezingCollector) -> bool:
    """Collect everything, and return whether a new object is frozen with the next key."""
    knot = Knot()
    left = weakref.ref(knot)
    gc.collect()
    collector.record_key()
    del knot
    gc.collect()
    return left() is not None


@pytest.mark.usefixtures("_collector_as_before")
def test_survivors_of_a_long_collection_are_frozen() -> None:
    before, callback_count = gc.get_threshold(), len(gc.callbacks)
    clock = Clock()
    collector = FreezingCollector(clock.read_cpu_s, lambda: clock.now_s)
    collector.start()
    assert (gc.get_threshold(), gc.isenabled()) == (THRESHOLDS, True)
    assert not frozen_by_a_collection(collector)
    clock.took_s = 2 * MAX_COLLECTION_S
    dialog = Screen[None]()
    collector.record_screen(dialog)
    assert not frozen_by_a_collection(collector)
    del dialog
    assert frozen_by_a_collection(collector)
    clock.now_s += MIN_FREEZE_INTERVAL_S - 1
    assert not frozen_by_a_collection(collector)
    clock.now_s += 1
    assert frozen_by_a_collection(collector)
    collector.stop()
    assert (gc.get_threshold(), len(gc.callbacks)) == (before, callback_count)


@pytest.mark.usefixtures("_collector_as_before")
def test_what_is_new_since_a_long_collection_is_not_frozen() -> None:
    clock = Clock(2 * MAX_COLLECTION_S)
    collector = FreezingCollector(clock.read_cpu_s, lambda: clock.now_s)
    collector.start()
    gc.collect()
    new = [Knot() for _ in range(2 * THRESHOLDS[0])]
    left = weakref.ref(new[0])
    collector.record_key()
    new.clear()
    gc.collect()
    assert left() is None
    assert frozen_by_a_collection(collector)
    collector.stop()


@pytest.mark.usefixtures("_collector_as_before")
def test_view_that_stays_open_meets_no_long_collections() -> None:
    clock = Clock(2 * MAX_COLLECTION_S)
    collector = FreezingCollector(clock.read_cpu_s, lambda: clock.now_s)
    collector.start()
    view = Screen[None]()
    collector.record_screen(view)
    clock.now_s += MIN_STAY_S - 1
    assert not frozen_by_a_collection(collector)
    clock.now_s += 1
    dialog = Screen[None]()
    collector.record_screen(dialog)
    assert not frozen_by_a_collection(collector)
    del dialog
    assert frozen_by_a_collection(collector)
    collector.stop()


@pytest.mark.usefixtures("_collector_as_before")
def test_grown_store_and_many_groups_are_frozen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    collector = FreezingCollector(Clock().read_cpu_s, lambda: 0.0)
    collector.start()
    freeze, calls = gc.freeze, list[int]()

    def counted() -> None:
        calls.append(1)
        freeze()

    monkeypatch.setattr(gc, "freeze", counted)

    def freezes(act: Callable[[int], None], size: int) -> bool:
        before = len(calls)
        act(size)
        return len(calls) == before + 1

    sizes = [size for size in range(0, 100_001, 100) if freezes(collector.record_run_count, size)]
    assert sizes[0] == MIN_GROWTH
    assert len(sizes) <= 11
    assert not freezes(collector.record_groups, MIN_GROWTH - 1)

    def freezes_groups_of_a_screen() -> bool:
        screen = Screen[None]()
        collector.record_screen(screen)
        return freezes(collector.record_groups, MIN_GROWTH)

    assert sum(freezes_groups_of_a_screen() for _ in range(2 * MAX_SCREEN_FREEZES)) == MAX_SCREEN_FREEZES
    gc.collect()
    rest = MAX_FREEZES - MAX_SCREEN_FREEZES
    assert sum(freezes(collector.record_groups, MIN_GROWTH) for _ in range(2 * MAX_FREEZES)) == rest
    collector.stop()
    assert not freezes(collector.record_run_count, 1_000_000)


@pytest.mark.parametrize("has_groups", [False, True])
@pytest.mark.usefixtures("_collector_as_before")
def test_frozen_objects_do_not_make_full_collections_rare(*, has_groups: bool) -> None:
    alive, full = [[] for _ in range(100_000)], list[int]()  # type: ignore[var-annotated]
    collector = FreezingCollector()
    collector.start()
    if has_groups:
        alive += [[] for _ in range(100_000)]
        gc.collect()
        collector.record_groups(100_000)

    def note(phase: str, facts: dict[str, int]) -> None:
        full.extend([1] * (phase == "stop" and facts["generation"] == 2))

    gc.callbacks.append(note)
    alive += [[] for _ in range(12_000)]
    gc.callbacks.remove(note)
    assert full
    collector.stop()


@pytest.mark.usefixtures("_collector_as_before")
def test_frozen_garbage_is_freed_now_and_then_while_nobody_types() -> None:
    clock = Clock()
    collector = FreezingCollector(clock.read_cpu_s, lambda: clock.now_s)
    knot, other = Knot(), Knot()
    frozen, frozen_again = weakref.ref(knot), weakref.ref(other)
    collector.start()
    del knot

    def is_freed_at(now_s: float) -> bool:
        clock.now_s = now_s
        collector.thaw_if_due()
        gc.collect()
        return frozen() is None

    assert not is_freed_at(MIN_THAW_INTERVAL_S - 1)
    collector.record_key()
    assert not is_freed_at(MIN_THAW_INTERVAL_S + MIN_QUIET_S - 2)
    assert is_freed_at(MIN_THAW_INTERVAL_S + MIN_QUIET_S - 1)
    del other
    collector.stop()
    clock.now_s *= 3
    collector.thaw_if_due()  # a stopped collector touches nothing
    gc.collect()
    assert frozen_again() is not None


@pytest.mark.usefixtures("_collector_as_before")
def test_garbage_of_the_start_is_freed_in_the_first_pause() -> None:
    clock = Clock()
    collector = FreezingCollector(clock.read_cpu_s, lambda: clock.now_s)
    collector.record_key()
    left = weakref.ref(Knot())
    collector.start()
    for now_s, is_left in ((MIN_QUIET_S - 1, True), (MIN_QUIET_S, False)):
        clock.now_s = now_s
        collector.thaw_if_due()
        assert (left() is not None) is is_left
    knot = Knot()
    left = weakref.ref(knot)
    collector.record_groups(MIN_GROWTH)
    del knot
    clock.now_s += MIN_THAW_INTERVAL_S - 1
    collector.thaw_if_due()
    assert left() is not None
    collector.stop()


@pytest.mark.parametrize("is_long", [False, True])
@pytest.mark.usefixtures("_collector_as_before")
def test_closed_screens_are_freed_where_that_is_short(*, is_long: bool) -> None:
    clock = Clock(2 * MAX_FREE_S if is_long else MAX_FREE_S / 2)
    collector = FreezingCollector(clock.read_cpu_s, lambda: clock.now_s)
    collector.start()
    gc.collect()
    knot = Knot()
    left = weakref.ref(knot)
    del knot
    collector.free_closed()
    assert (left() is not None) is is_long
    collector.stop()


def test_closing_a_screen_frees_it_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(monitor: Monitored) -> None:
        is_freed = asyncio.Event()
        monkeypatch.setattr(tui.program.app, "FREE_AFTER_S", 0.001)
        monkeypatch.setattr(monitor.app._collector, "free_closed", is_freed.set)
        await monitor.press("?")
        assert not is_freed.is_set()
        await monitor.press("escape")
        await asyncio.wait_for(is_freed.wait(), 10.0)

    run_story(story, tmp_path, small_fleet())


def drop_canceled_timers() -> None:
    """Do at once what the event loop does when such a timer is due: in real time, up to a second later."""
    timers: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    timers[:] = [each for each in timers if not each.cancelled()]
    heapq.heapify(timers)


@pytest.mark.usefixtures("_collector_as_before")
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


@pytest.mark.usefixtures("_collector_as_before")
def test_no_collection_comes_before_the_frame_of_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_collect = list[bool]()

    async def story(monitor: Monitored) -> None:
        gc.enable()
        monkeypatch.setattr(TriggerApp, "_display", lambda *_: may_collect.append(gc.isenabled()))
        await monitor.press("j")
        assert may_collect[0] is False
        assert gc.isenabled()

    run_story(story, tmp_path, small_fleet())
