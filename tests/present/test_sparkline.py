"""Bars of runs a minute: grey, with a rose foot where some runs failed, and rose where most did."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.store.freshness import Minute
from tui.text.blocks import spark
from tui.text.status import ascii_line
from tui.text.styled import Piece, Token, line_width

minutes = st.builds(Minute, st.integers(0, 10_000), st.integers(0, 10_000))


@pytest.mark.parametrize(
    ("minute", "piece"),
    [
        (Minute(0, 0), Piece(" ", Token.SPARK)),
        (Minute(50, 0), Piece("▄", Token.SPARK)),
        (Minute(100, 0), Piece("█", Token.SPARK)),
        (Minute(100, 1), Piece("▁", Token.TALL_FOOT)),
        (Minute(100, 50), Piece("▁", Token.TALL_FOOT)),
        (Minute(100, 51), Piece("█", Token.ROSE)),
        (Minute(50, 5), Piece("▁", Token.LOW_FOOT)),
        (Minute(50, 26), Piece("▄", Token.ROSE)),
        (Minute(25, 1), Piece("▁", Token.LOW_FOOT)),
        (Minute(12, 1), Piece("▁", Token.LOW_FOOT)),
        (Minute(2, 1), Piece("▁", Token.LOW_FOOT)),
        (Minute(1, 1), Piece("▁", Token.ROSE)),
    ],
)
def test_minute_is_grey_with_a_rose_foot_until_most_failed(minute: Minute, piece: Piece) -> None:
    assert spark([minute, Minute(100, 0)])[0] == piece


def test_failure_in_ten_thousand_runs_is_seen() -> None:
    quiet, failing = spark([Minute(10_000, 0), Minute(10_000, 1)])
    assert quiet != failing


def test_minute_with_failures_is_a_cross_without_colours() -> None:
    line = spark([Minute(4, 0), Minute(4, 1), Minute(4, 3)], by_shape=True)
    assert line == (Piece("█", Token.SPARK), Piece("✗", Token.ROSE), Piece("✗", Token.ROSE, is_bold=True))


def test_foot_of_a_bar_is_rose_on_grey_in_ascii() -> None:
    line = ascii_line(spark([Minute(9, 1), Minute(4, 1), Minute(9, 0), Minute(9, 9)]))
    assert line == (
        Piece("_", Token.TALL_FOOT),
        Piece("_", Token.LOW_FOOT),
        Piece("#", Token.SPARK),
        Piece("#", Token.ROSE),
    )


@given(st.lists(minutes, max_size=16), st.booleans())
def test_bar_takes_one_cell_and_rose_means_failures(found: list[Minute], by_shape: bool) -> None:
    line = spark(found, by_shape=by_shape)
    assert line_width(line) == len(found)
    for minute, piece in zip(found, line, strict=True):
        assert (piece.token is Token.SPARK) is (minute.failed_count == 0)
        if not by_shape:
            assert (piece.token is Token.ROSE) is (minute.failed_count * 2 > minute.run_count)
