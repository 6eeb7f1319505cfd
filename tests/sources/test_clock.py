"""What happens every second happens at the same moments."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.virtual_clock import VirtualClock
from tui.sync.clock import MIN_SECOND_S, until_second_s


@given(st.floats(0, 1e6), st.floats(0, 0.4))
def test_seconds_are_whole_and_never_near(begun_s: float, late_s: float) -> None:
    clock = VirtualClock()
    clock.monotonic_s = lambda: begun_s  # type: ignore[method-assign]
    for _ in range(3):
        left_s = until_second_s(clock)
        assert MIN_SECOND_S < left_s <= 1.0 + MIN_SECOND_S
        assert abs((begun_s + left_s) - round(begun_s + left_s)) < 1e-6
        begun_s += left_s + late_s  # a busy loop calls late, which delays the next call by nothing
