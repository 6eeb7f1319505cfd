"""Times and durations are clamped, so that later arithmetic never overflows."""

import math
from collections.abc import Callable
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


TIMES: list[tuple[Callable[[Json], object], Json, object]] = [
    (read_time, "2026-11-24T13:46:44.988Z", datetime(2026, 11, 24, 13, 46, 44, 988_000, tzinfo=UTC)),
    (read_time, "2026-11-24T15:46:44+02:00", datetime(2026, 11, 24, 13, 46, 44, tzinfo=UTC)),
    (read_time, "2026-11-24T13:46:44", datetime(2026, 11, 24, 13, 46, 44, tzinfo=UTC)),
    *((read_time, f"9999-12-31T23:59:59{zone}", LATEST) for zone in (".999Z", "-05:00")),
    *((read_time, f"0001-01-01T00:00:00{zone}", EARLIEST) for zone in ("Z", "+05:00")),
    (read_time, "+275760-09-13T00:00:00.000Z", LATEST),
    (read_time, "-271821-04-20T00:00:00.000Z", EARLIEST),
    *((read_time, odd, None) for odd in ("", "soon", None, 17)),
    (read_epoch_ns, "1764000000123456789", datetime(2025, 11, 24, 16, 0, 0, 123_456, tzinfo=UTC)),
    (read_epoch_ns, 1_764_000_000_000_000_000, datetime(2025, 11, 24, 16, 0, tzinfo=UTC)),
    (read_epoch_ns, "-1", EARLIEST),
    *((read_epoch_ns, large, LATEST) for large in ("9" * 40, 10**400)),
    *((read_epoch_ns, odd, None) for odd in (LONG, math.inf, math.nan, "soon", None, True)),
    (read_duration_ns, 1_500, timedelta(microseconds=1.5)),
    (read_duration_ns, "2000000", timedelta(milliseconds=2)),
    *((read_duration_ns, small, timedelta()) for small in (-1, -(10**400))),
    *((read_duration_ns, large, MAX_DURATION) for large in (1e300, 10**400)),
    *((read_duration_ns, odd, None) for odd in (math.inf, -math.inf, math.nan, LONG, "long", False, None)),
]


@pytest.mark.parametrize(("read", "value", "expected"), TIMES)
def test_time_or_duration_is_within_the_range_or_none(
    read: Callable[[Json], object], value: Json, expected: object
) -> None:
    found = read(value)
    assert found == expected
    assert not isinstance(found, datetime) or found.tzinfo is UTC


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
