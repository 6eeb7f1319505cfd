"""The server's time from `Date` headers, with caches, clocks that jump, and a machine that sleeps."""

from datetime import timedelta

import pytest

from tests.support.virtual_clock import VirtualClock
from tui.session.server_time import ACCEPTED_AFTER_S, ServerTime

S = timedelta(seconds=1)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.mark.parametrize("ahead", [timedelta(hours=-3), timedelta(minutes=10)])
def test_first_date_is_accepted(clock: VirtualClock, ahead: timedelta) -> None:
    time = ServerTime(clock)
    assert time.observe(clock.now() + ahead) == timedelta()
    assert time.now() == clock.now() + ahead


def test_small_differences_are_ignored(clock: VirtualClock) -> None:
    time = ServerTime(clock)
    for ahead in (0.9, -1.9, -4.9):
        assert time.observe(clock.now() + ahead * S) == timedelta()
        assert time.now() == clock.now()


def test_setting_the_wall_clock_changes_nothing(clock: VirtualClock) -> None:
    time = ServerTime(clock)
    time.observe(clock.now())
    true = time.now()
    clock.jump(timedelta(minutes=-10))
    assert time.now() == true
    assert time.observe(true) == timedelta()


def test_time_passes_while_the_machine_sleeps(clock: VirtualClock) -> None:
    time = ServerTime(clock)
    before = time.now()
    clock.asleep_s = 3600
    assert time.now() - before == timedelta(hours=1)


def test_repeated_date_makes_responses_old(clock: VirtualClock) -> None:
    time = ServerTime(clock)
    cached = clock.now()
    time.observe(cached)
    for asleep_s in range(0, 120, 10):
        clock.asleep_s = asleep_s
        expected = timedelta(seconds=asleep_s) if asleep_s > 5 else timedelta()
        assert time.observe(cached) == expected
        assert time.now() == cached + asleep_s * S


def test_clock_goes_back_when_the_server_insists(clock: VirtualClock) -> None:
    time = ServerTime(clock)
    time.observe(clock.now() + timedelta(days=1))
    assert time.observe(clock.now()) == timedelta(days=1)
    clock.asleep_s = ACCEPTED_AFTER_S
    assert time.observe(clock.now() + clock.asleep_s * S) == timedelta()
    assert time.now() == clock.now() + clock.asleep_s * S


def test_clock_ignores_one_slow_server(clock: VirtualClock) -> None:
    time = ServerTime(clock)
    time.observe(clock.now())
    for asleep_s in range(60):
        clock.asleep_s = asleep_s
        now = clock.now() + asleep_s * S
        assert time.observe(now - 20 * S) == 20 * S
        assert time.observe(now) == timedelta()
        assert time.now() == now
