"""The server's time out of the `Date` of its answers, with a cache between, a clock that jumps, a machine asleep."""

from datetime import timedelta

import pytest

from tests.support.virtual_clock import VirtualClock
from tui.session.server_time import ACCEPTED_AFTER_S, ServerTime

S = timedelta(seconds=1)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.mark.parametrize("ahead", [timedelta(hours=-3), timedelta(minutes=10)])
def test_the_first_answer_is_believed(clock: VirtualClock, ahead: timedelta) -> None:
    time = ServerTime(clock)
    assert time.observe(clock.now() + ahead) == timedelta()
    assert time.now() == clock.now() + ahead


def test_a_date_of_whole_seconds_that_travelled_is_no_difference(clock: VirtualClock) -> None:
    time = ServerTime(clock)
    for ahead in (0.9, -1.9, -4.9):
        assert time.observe(clock.now() + ahead * S) == timedelta()
        assert time.now() == clock.now()


def test_somebody_who_sets_this_machines_clock_changes_nothing(clock: VirtualClock) -> None:
    time = ServerTime(clock)
    time.observe(clock.now())
    true = time.now()
    clock.jump(timedelta(minutes=-10))
    assert time.now() == true
    assert time.observe(true) == timedelta()


def test_what_a_machine_slept_has_passed(clock: VirtualClock) -> None:
    time = ServerTime(clock)
    before = time.now()
    clock.asleep_s = 3600
    assert time.now() - before == timedelta(hours=1)


def test_a_cache_that_repeats_its_date_makes_answers_old_and_time_goes_on(clock: VirtualClock) -> None:
    time = ServerTime(clock)
    cached = clock.now()
    time.observe(cached)
    for asleep_s in range(0, 120, 10):
        clock.asleep_s = asleep_s
        expected = timedelta(seconds=asleep_s) if asleep_s > 5 else timedelta()
        assert time.observe(cached) == expected
        assert time.now() == cached + asleep_s * S


def test_a_server_that_was_set_back_is_believed_when_its_clock_goes_on(clock: VirtualClock) -> None:
    time = ServerTime(clock)
    time.observe(clock.now() + timedelta(days=1))
    assert time.observe(clock.now()) == timedelta(days=1)
    clock.asleep_s = ACCEPTED_AFTER_S
    assert time.observe(clock.now() + clock.asleep_s * S) == timedelta()
    assert time.now() == clock.now() + clock.asleep_s * S


def test_one_slow_clock_among_several_servers_does_not_turn_time_back(clock: VirtualClock) -> None:
    time = ServerTime(clock)
    time.observe(clock.now())
    for asleep_s in range(60):
        clock.asleep_s = asleep_s
        now = clock.now() + asleep_s * S
        assert time.observe(now - 20 * S) == 20 * S
        assert time.observe(now) == timedelta()
        assert time.now() == now
