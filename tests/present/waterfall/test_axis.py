"""The time axis: windows, zoom, ticks and their labels."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.features.tree.spans import panned, zoomed
from tui.text.axis import MIN_WINDOW_US, TimeWindow, label, ticks

MOMENTS = st.integers(-(10**16), 10**16)
WHOLES = st.tuples(MOMENTS, st.integers(0, 10**16)).map(lambda pair: TimeWindow(pair[0], pair[0] + pair[1]))


@pytest.mark.parametrize(
    ("us", "expected"),
    [
        (0, "0s"),
        (250_000, "250ms"),
        (-2_000_000, "-2s"),
        (1_500_000, "1.5s"),
        (60_000_000, "1m"),
        (90_000_000, "1m30s"),
        (7_200_000_000, "2h"),
        (9_000_000_000, "2h30m"),
        (302_400_000_000, "3d12h"),
        (86_400_000_000 * 36_500, "36,500d"),
    ],
)
def test_label_of_a_moment(us: int, expected: str) -> None:
    assert label(us) == expected


@pytest.mark.parametrize(
    ("width", "labels"),
    [
        (41, ["0s", "4s", "8s", "12s", "16s"]),
        (68, ["0s", "2s", "4s", "6s", "8s", "10s", "12s", "14s", "16s"]),
        (116, [f"{second}s" for second in range(18)]),
    ],
)
def test_ticks_become_closer_with_the_width(width: int, labels: list[str]) -> None:
    assert [tick.label for tick in ticks(TimeWindow(0, 17_500_000), width)] == labels


@given(WHOLES, st.integers(0, 200))
def test_labels_never_meet(window: TimeWindow, width: int) -> None:
    found = ticks(window, width)
    for tick, following in itertools.pairwise(found):
        assert tick.cell + len(tick.label) < following.cell
        assert tick.label != following.label
    assert all(0 <= tick.cell <= width for tick in found)
    assert all(tick.cell + len(tick.label) <= width for tick in found[1:])


@given(WHOLES, st.lists(st.sampled_from([-1, 1]), max_size=60), MOMENTS)
def test_zoom_and_pan_stay_inside(whole: TimeWindow, steps: list[int], around: int) -> None:
    window = whole
    for step in steps:
        window = zoomed(window, whole, step=step, around=around)
        window = panned(window, whole, step=step)
        assert MIN_WINDOW_US <= window.length <= whole.length
        assert whole.first <= window.first
        assert window.last <= whole.first + whole.length
