from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import NOW
from tui.text import formatting


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0ms"),
        (-5, "0ms"),
        (0.0004, "0ms"),
        (0.412, "412ms"),
        (0.9994, "999ms"),
        (0.9996, "1.0s"),
        (6.3, "6.3s"),
        (9.94, "9.9s"),
        (9.95, "10s"),
        (38, "38s"),
        (59.49, "59s"),
        (59.95, "1m00s"),
        (62, "1m02s"),
        (3599.4, "59m59s"),
        (3599.9, "1h00m"),
        (7500, "2h05m"),
        (86_399, "1d"),
        (86_340, "23h59m"),
        (3 * 86_400, "3d"),
    ],
)
def test_duration_is_rounded_before_its_unit_is_chosen(seconds: float, shown: str) -> None:
    assert formatting.duration(timedelta(seconds=seconds)) == shown


def test_frozen_duration_is_marked_and_an_unknown_one_is_a_dot() -> None:
    assert formatting.duration(timedelta(seconds=62), frozen=True) == "1m02s~"
    assert formatting.duration(None) == "·"
    assert formatting.duration(None, frozen=True) == "·"
    assert formatting.duration(timedelta.max).endswith("d")


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9999)))
def test_duration_fits_its_column(value: timedelta) -> None:
    assert 0 < len(formatting.duration(value)) <= 6


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "0s"),
        (0.9, "0s"),
        (31, "31s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (86_400 * 3.9, "3d"),
    ],
)
def test_age_has_one_unit_and_is_rounded_down(seconds: float, shown: str) -> None:
    assert formatting.age(NOW - timedelta(seconds=seconds), NOW) == shown


@pytest.mark.parametrize(
    ("seconds", "lasted", "old", "waited"),
    [
        (0.4, "<1m", "<1m", "<1 min"),
        (59.9, "<1m", "<1m", "1 min"),
        (62, "1m", "1m", "1 min"),
        (119.9, "1m", "1m", "2 min"),
        (3599.9, "59m", "59m", "60 min"),
        (7559, "2h05m", "2h", "2 h"),
        (3 * 86_400, "3d", "3d", "3 d"),
    ],
)
def test_times_in_minutes_have_no_seconds(seconds: float, lasted: str, old: str, waited: str) -> None:
    value = timedelta(seconds=seconds)
    assert formatting.duration(value, in_minutes=True) == lasted
    assert formatting.duration(value, in_minutes=True, frozen=True) == f"{lasted}~"
    assert formatting.age(NOW - value, NOW, in_minutes=True) == old
    assert formatting.wait(value, in_minutes=True) == waited


def test_unknown_age_is_a_dot() -> None:
    assert formatting.age(None, NOW) == "·"


def test_time_of_today_has_no_date_and_is_in_utc() -> None:
    at = datetime(2026, 11, 24, 13, 48, 37, 210_999, tzinfo=UTC)
    assert formatting.moment(at, NOW) == "13:48:37.210"
    assert formatting.moment(at.astimezone(timezone(timedelta(hours=9))), NOW) == "13:48:37.210"
    assert formatting.moment(at - timedelta(days=1), NOW) == "2026-11-23 13:48:37.210"
    assert formatting.moment(at + timedelta(days=1), NOW) == "2026-11-25 13:48:37.210"


@pytest.mark.parametrize(
    ("cents", "shown"),
    [
        (0, "$0"),
        (-1, "$0"),
        (0.02, "$0.0002"),
        (0.001, "<$0.0001"),
        (50, "$0.5000"),
        (99.9999, "$1.00"),
        (1234, "$12.34"),
        (123_456_789, "$1,234,567.89"),
        (float("inf"), "·"),
        (float("nan"), "·"),
    ],
)
def test_cost_in_cents_is_shown_in_dollars(cents: float, shown: str) -> None:
    assert formatting.cost(cents) == shown


def test_count_has_separators_and_marks_a_lower_bound() -> None:
    assert formatting.count(1204) == "1,204"
    assert formatting.count(1204, at_least=True) == "≥1,204"
    assert formatting.plural(1, "frame") == "1 frame"
    assert formatting.plural(0, "frame") == "0 frames"
    assert formatting.plural(1204, "line") == "1,204 lines"


@pytest.mark.parametrize(
    ("byte_count", "shown"),
    [
        (-1, "0 B"),
        (412, "412 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_950, "10 kB"),
        (300_000, "300 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (2_400_000, "2.4 MB"),
        (10**12, "1.0 TB"),
        (10**16, "10,000 TB"),
    ],
)
def test_size_is_rounded_before_its_unit_is_chosen(byte_count: int, shown: str) -> None:
    assert formatting.size(byte_count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (4, "4 s"),
        (99.4, "99 s"),
        (100, "2 min"),
        (5 * 60 + 2, "5 min"),
        (98 * 60, "98 min"),
        (7000, "2 h"),
        (24 * 3600, "24 h"),
        (3 * 86_400, "3 d"),
    ],
)
def test_wait_has_one_unit_and_a_space(seconds: float, shown: str) -> None:
    assert formatting.wait(timedelta(seconds=seconds)) == shown


def test_time_of_day_has_a_date_on_another_day() -> None:
    assert formatting.time_of_day(NOW, NOW) == "13:49"
    assert formatting.time_of_day(NOW - timedelta(days=1), NOW) == "11-23 13:49"
