"""Times and durations are clamped, so that later arithmetic never overflows."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.api.errors import (
    EARLIEST,
    LATEST,
    MAX_DURATION,
    clamp,
    read_duration_ms,
    read_duration_ns,
    read_epoch_ns,
    read_time,
)
from tui.domain.run import Json

LONG = "9" * 5000
"""More digits than Python converts to an integer."""

OFFSETS = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.from_regex(r"-?[0-9]{1,40}", fullmatch=True)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T13:46:44.988Z", datetime(2026, 11, 24, 13, 46, 44, 988_000, tzinfo=UTC)),
        ("2026-11-24T15:46:44+02:00", datetime(2026, 11, 24, 13, 46, 44, tzinfo=UTC)),
        ("2026-11-24T13:46:44", datetime(2026, 11, 24, 13, 46, 44, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999Z", LATEST),
        ("9999-12-31T23:59:59-05:00", LATEST),
        ("+275760-09-13T00:00:00.000Z", LATEST),
        ("0001-01-01T00:00:00Z", EARLIEST),
        ("0001-01-01T00:00:00+05:00", EARLIEST),
        ("-271821-04-20T00:00:00.000Z", EARLIEST),
        ("", None),
        ("soon", None),
        (None, None),
        (17, None),
    ],
)
def test_time_is_utc_within_the_range_or_none(text: Json, expected: datetime | None) -> None:
    time = read_time(text)
    assert time == expected
    assert time is None or time.tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1764000000123456789", datetime(2025, 11, 24, 16, 0, 0, 123_456, tzinfo=UTC)),
        (1_764_000_000_000_000_000, datetime(2025, 11, 24, 16, 0, tzinfo=UTC)),
        ("-1", EARLIEST),
        ("9" * 40, LATEST),
        (10**400, LATEST),
        (LONG, None),
        (math.inf, None),
        (math.nan, None),
        ("now", None),
        (True, None),
        (None, None),
    ],
)
def test_nanoseconds_since_1970_are_a_time(value: Json, expected: datetime | None) -> None:
    assert read_epoch_ns(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_500, timedelta(microseconds=1.5)),
        (-1, timedelta()),
        (1e300, MAX_DURATION),
        (10**400, MAX_DURATION),
        (-(10**400), timedelta()),
        (math.inf, None),
        (-math.inf, None),
        (math.nan, None),
        ("2000000", timedelta(milliseconds=2)),
        (LONG, None),
        ("long", None),
        (False, None),
        (None, None),
    ],
)
def test_nanoseconds_are_a_duration(value: Json, expected: timedelta | None) -> None:
    assert read_duration_ns(value) == expected


@given(ANYTHING, ANYTHING, ANYTHING)
def test_sums_of_parsed_values_never_overflow(time: Json, epoch_ns: Json, length: Json) -> None:
    times = [at for at in (read_time(time), read_epoch_ns(epoch_ns), EARLIEST, LATEST) if at is not None]
    lengths = [read_duration_ns(length) or timedelta(), read_duration_ms(length), MAX_DURATION]
    zone = timezone(timedelta(hours=-12))
    for at in times:
        for other in times:
            assert abs(at - other) * 4 < timedelta.max
        for each in lengths:
            assert timedelta() <= each <= MAX_DURATION
            (at + 10 * each).astimezone(zone)
            (at - each).astimezone(zone)


@given(st.datetimes(timezones=OFFSETS))
def test_any_time_is_clamped_to_utc_within_the_range(time: datetime) -> None:
    assert EARLIEST <= clamp(time) <= LATEST
    assert clamp(time).tzinfo is UTC
