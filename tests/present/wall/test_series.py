"""Series of numbers as bars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.wall_story import LINES
from tui.features.wall.rows import level_top
from tui.text.bars import BarLook, Bars, any_of, greatest, series, summed, top_of, two_row_series
from tui.text.styled import Token, line_width, plain

LOOK = BarLook()
CELLS = st.lists(st.none() | st.integers(0, 10_000), min_size=1, max_size=90)


def test_bars_tell_unknown_zero_and_one_apart() -> None:
    assert plain(series([None, 0, 1, 10_000], Bars(10_000), LOOK)) == "░·▁▇"


def test_bars_in_ascii_have_four_levels() -> None:
    line = series([None, 0, 1, 2, 3, 4, 5, 6, 7], Bars(7), BarLook(is_ascii=True))
    assert plain(line) == "? .::||##"


def test_failed_cell_is_a_cross_without_colours() -> None:
    bars = Bars(5, Token.SPARK, Token.ROSE, has_failure_marks=True)
    assert plain(series([5, 5], bars, BarLook(is_colorless=True), [False, True])) == "▇✗"
    assert plain(series([5, 5], bars, BarLook(is_ascii=True, is_colorless=True), [False, True])) == "#x"


def test_level_is_amber_only_where_it_is_abnormal() -> None:
    queued = LINES.queued
    line = series(queued.cells, Bars(level_top(queued.cells, queued.normal)), LOOK, queued.is_abnormal)
    assert [piece.token for piece in line] == [Token.SPARK, Token.AMBER]
    assert len(line[0].text) == queued.is_abnormal.index(True)


def test_level_at_its_normal_stays_low() -> None:
    assert plain(series([5, 4, 3], Bars(level_top([5, 4, 3], 5)), LOOK)) == "▃▂▂"


@given(CELLS, st.integers(1, 90))
def test_cells_that_are_merged_keep_sum_and_peak(cells: list[int | None], count: int) -> None:
    known = [value for value in cells if value is not None]
    for merged, total in ((summed(cells, count), sum), (greatest(cells, count), max)):
        assert len(merged) <= max(count, 1)
        assert [value for value in merged if value is not None] or not known
        if known:
            assert total(value for value in merged if value is not None) == total(known)
    assert len(any_of([False] * len(cells), count)) == len(summed(cells, count))


@given(CELLS, st.sampled_from([1, 2]))
def test_two_rows_of_bars_are_as_wide_as_their_cells(cells: list[int | None], repeat: int) -> None:
    upper, lower = two_row_series(cells, Bars(top_of(cells), repeat=repeat), LOOK)
    assert line_width(upper) == line_width(lower) == len(cells) * repeat
    assert "█" not in plain(upper), "series that stand on each other never touch"
    assert all((sign == "░") is (cells[index // repeat] is None) for index, sign in enumerate(plain(lower)))


@pytest.mark.parametrize("top", [1, 16, 310])
def test_single_run_is_visible_at_any_scale(top: float) -> None:
    assert plain(series([1], Bars(max(top, 8)), LOOK)) == "▁"
