from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import CREATED
from tui.features.attempts.words import Axis, Bar
from tui.text.axis import round_up
from tui.text.styled import Line, Token, line_width, plain

MS = timedelta(milliseconds=1)


def bar_on(axis: Axis, *bar: Any) -> Line:
    return axis.cells([Bar(*bar)]).line()


moments = st.integers(-10_000, 200_000).map(lambda ms: CREATED + ms * MS)


@given(st.integers(8, 150), st.integers(1, 100_000), moments, moments, moments)
def test_bar_fills_the_axis_and_is_never_empty(
    width: int, span_ms: int, waited: datetime, started: datetime, ended: datetime
) -> None:
    line = bar_on(Axis(CREATED, span_ms * MS, width), waited, started, max(started, ended), Token.ROSE)
    assert line_width(line) == width
    bar = "".join(piece.text for piece in line if piece.token is Token.ROSE)
    assert bar
    assert set(bar) <= set("╺━╸")
    assert not plain(line).strip().strip("╌").strip("╺━╸")


@given(st.integers(8, 150), st.lists(st.integers(0, 90_000), min_size=4, max_size=12))
def test_bars_keep_the_order_of_the_attempts(width: int, at_ms: list[int]) -> None:
    times = [CREATED + ms * MS for ms in sorted(at_ms)]
    axis = Axis(times[0], times[-1] - times[0], width)
    bars = [
        plain(bar_on(axis, None, begin, end, Token.BLUE)) for begin, end in zip(times[::2], times[1::2], strict=False)
    ]
    starts = [len(bar) - len(bar.lstrip()) for bar in bars]
    ends = [len(bar.rstrip()) for bar in bars]
    assert starts == sorted(starts)
    assert ends == sorted(ends)


def test_wait_is_dashed_up_to_half_a_cell_before_the_bar() -> None:
    axis = Axis(CREATED, 20 * MS, 10)
    at = [CREATED + ms * MS for ms in range(21)]
    assert plain(bar_on(axis, at[0], at[8], at[14], Token.ROSE)) == "╌╌╌╌━━━   "
    assert plain(bar_on(axis, at[3], at[9], at[12], Token.ROSE)) == "  ╌╌╺━    "
    assert plain(bar_on(axis, at[20], at[20], at[20], Token.ROSE)) == "         ╺"
    assert plain(bar_on(axis, at[4], at[16], None, Token.ROSE)) == "  ╌╌╌╌╌╌  "


@pytest.mark.parametrize(
    ("span_ms", "labels"),
    [
        (6_400, ["0s", "2s", "4s", "6s"]),
        (2_000, ["0s", "400ms", "800ms", "1.2s", "1.6s"]),
        (150_000, ["0s", "30s", "1m", "1m30s", "2m"]),
        (3 * 86_400_000, ["0s", "12h", "1d", "1d12h", "2d", "2d12h"]),
    ],
)
def test_axis_has_round_labels(span_ms: int, labels: list[str]) -> None:
    line = Axis(CREATED, span_ms * MS, 74).labels()
    assert plain(line).split() == labels
    assert line_width(line) <= 74


@given(st.integers(1, 10**12))
def test_axis_of_a_live_run_is_round_and_not_much_longer(length: int) -> None:
    assert length <= round_up(length) <= max(3 * length, 100)
