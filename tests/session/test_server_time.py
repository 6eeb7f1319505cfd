"""The server's time from `Date` headers, with caches, clocks that jump, and a machine that sleeps."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.virtual_clock import VirtualClock
from tui.sync.clock import MIN_SECOND_S, STEP_AFTER_S, STEP_ANSWERS, ServerTime, until_second_s

S = timedelta(seconds=1)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.mark.parametrize("ahead", [timedelta(hours=-3), timedelta(minutes=10)])
def test_first_date_is_accepted_and_time_passes_by_itself(clock: VirtualClock, ahead: timedelta) -> None:
    time, first = ServerTime(clock), clock.now() + ahead
    assert time.observe(first) == timedelta()
    for differs in (0.9, -1.9, -4.9):
        assert time.observe(first + differs * S) == timedelta()
        assert time.now() == first
    clock.jump(timedelta(minutes=-10))
    clock.asleep_s = 3600
    assert time.now() == first + 3600 * S


def test_repeated_date_makes_responses_old(clock: VirtualClock) -> None:
    time, cached = ServerTime(clock), clock.now()
    for asleep_s in range(0, 120, 10):
        clock.asleep_s = asleep_s
        assert time.observe(cached) == (asleep_s if asleep_s > 5 else 0) * S
        assert time.now() == cached + asleep_s * S


@pytest.fixture
def time(clock: VirtualClock) -> ServerTime:
    """A clock that has been right for a minute."""
    time = ServerTime(clock)
    for asleep_s in range(-60, 1, 5):
        clock.asleep_s = asleep_s
        time.observe(clock.now() + asleep_s * S)
    return time


@pytest.mark.parametrize("ahead_s", [-86_400, -20, 11, 600, 86_400])
def test_step_is_believed_after_many_answers(clock: VirtualClock, time: ServerTime, ahead_s: int) -> None:
    begin = clock.now()
    clock.jump(timedelta(hours=-2))  # otherwise this machine's clock contradicts a time ahead
    step_s = STEP_AFTER_S / STEP_ANSWERS + 0.5
    for number in range(STEP_ANSWERS):
        clock.asleep_s = number * step_s
        now = begin + clock.asleep_s * S
        assert time.now() == now
        is_last = number == STEP_ANSWERS - 1
        for _ in range(3):  # one response is observed several times
            age = time.observe(now + ahead_s * S)
            assert age == (timedelta() if is_last else max(-ahead_s, 0) * S)
    assert time.now() == begin + (clock.asleep_s + ahead_s) * S


@pytest.mark.parametrize("wrong_s", [-600, -20, 600])
@pytest.mark.parametrize("every", [2, 3, 7])
def test_one_wrong_server_of_several_moves_nothing(
    clock: VirtualClock, time: ServerTime, wrong_s: int, every: int
) -> None:
    for asleep_s in range(600):
        clock.asleep_s = asleep_s
        now = clock.now() + asleep_s * S
        is_wrong = asleep_s % every == 0
        age = time.observe(now + wrong_s * S if is_wrong else now)
        assert age == (max(-wrong_s, 0) * S if is_wrong else timedelta())
        assert time.now() == now


@pytest.mark.parametrize("is_local_set", [False, True])
def test_date_ahead_needs_this_machines_clock_to_agree(
    clock: VirtualClock, time: ServerTime, is_local_set: bool
) -> None:
    begin = time.now()
    for asleep_s in range(600):
        clock.asleep_s = asleep_s
        clock.jump((begin + (asleep_s + 600 * is_local_set) * S) - clock.now())
        assert time.observe(begin + (asleep_s + 600) * S) == timedelta()
    assert time.now() == begin + (599 + 600 * is_local_set) * S


@given(st.floats(0, 1e6), st.floats(0, 0.4))
def test_seconds_are_whole_and_never_near(begun_s: float, late_s: float) -> None:
    clock = VirtualClock()
    clock.monotonic_s = lambda: begun_s  # type: ignore[method-assign]
    for _ in range(3):
        left_s = until_second_s(clock)
        assert MIN_SECOND_S < left_s <= 1.0 + MIN_SECOND_S
        assert abs((begun_s + left_s) - round(begun_s + left_s)) < 1e-6
        begun_s += left_s + late_s  # a busy loop calls late, which delays the next call by nothing
