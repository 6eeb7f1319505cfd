"""Full collections come in pauses, and free in the end what was frozen."""

import gc
import weakref
from collections.abc import Iterator
from math import ceil

import pytest

from tui.kit.speed import MAX_THAW_WAIT_S, MIN_QUIET_S, SHORT_PAUSE_S, THAW_INTERVAL_S, THAWED_PER_S, PauseCollector


class Knot:
    """An object that only a collection can free, and only while it is not frozen."""

    def __init__(self) -> None:
        self.itself = self


class Clock:
    """The time."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Iterator[Clock]:
    """A clock, while Python's settings of the collector are kept."""
    thresholds, is_enabled = gc.get_threshold(), gc.isenabled()
    yield Clock()
    assert gc.get_threshold() == thresholds
    if not is_enabled:
        gc.disable()


@pytest.mark.parametrize(
    ("early_s", "short_s", "late_s", "pause_s"),
    [
        (0.0, SHORT_PAUSE_S, 0.0, MIN_QUIET_S),
        # A user who types for hours has short pauses only.
        (MAX_THAW_WAIT_S, 0.0, MAX_THAW_WAIT_S, 2 * SHORT_PAUSE_S),
    ],
)
def test_thaw_waits_for_a_pause(clock: Clock, early_s: float, short_s: float, late_s: float, pause_s: float) -> None:
    collector = PauseCollector(clock)
    collector.start()
    knot = Knot()
    left = weakref.ref(knot)
    collector.collect_if_due()  # the knot is frozen from here on
    del knot
    due_s = ceil(max(THAW_INTERVAL_S, gc.get_freeze_count() / THAWED_PER_S))
    for after_s, quiet_s, is_thawed in ((early_s, short_s, False), (late_s, pause_s, True)):
        clock.now_s = max(clock.now_s, due_s + after_s)
        collector.record_key()
        clock.now_s += quiet_s
        collector.collect_if_due()
        assert (left() is None) == is_thawed
    collector.stop()
