"""Periods in the server's notation, and queue names."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.domain.filters import MAX_PERIOD, parse_period, period_text, queue_names
from tui.emulator.simulation.runs import duration_ms


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (timedelta(hours=24), "24h"),
        (timedelta(hours=48), "2d"),
        (timedelta(days=7), "7d"),
        (timedelta(minutes=90), "90m"),
        (timedelta(hours=1), "1h"),
        (timedelta(seconds=61), "61s"),
        (timedelta(milliseconds=1), "1s"),
    ],
)
def test_period_has_the_servers_text(period: timedelta, text: str) -> None:
    assert period_text(period) == text


@given(st.integers(1, 100_000).map(lambda seconds: timedelta(seconds=seconds)) | st.integers(1, 3650).map(timedelta))
def test_period_text_parses_back(period: timedelta) -> None:
    assert parse_period(period_text(period)) == period


@given(st.text("0123456789smhdw -.", max_size=8) | st.from_regex(r"\A[0-9]{1,7}[smhdwy]\Z"))
def test_parsed_period_equals_the_servers(text: str) -> None:
    period = parse_period(text)
    if period is not None:
        assert duration_ms(text) == period / timedelta(milliseconds=1)


@pytest.mark.parametrize("text", ["", "h", "0h", "1", "1.5h", "1h30m", "-1h", "1 h", "1h ", "1h\n", "１h", "9999w"])
def test_invalid_period_is_rejected(text: str) -> None:
    assert parse_period(text) is None


def test_longest_period_ago_is_a_valid_date() -> None:
    assert parse_period("3650d") == MAX_PERIOD
    assert parse_period("3651d") is None


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ok", ("ok", "task/ok")),
        ("task/ok", ("task/ok",)),
        ("subtask/ok", ("subtask/ok", "task/subtask/ok")),
    ],
)
def test_queue_name_means_a_named_queue_or_a_tasks_queue(typed: str, stored: tuple[str, ...]) -> None:
    assert queue_names([typed]) == stored
