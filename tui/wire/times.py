"""Reads times and durations of the API, and clamps them to a range in which later arithmetic cannot overflow."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from tui.domain.run import Json

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The range of times that a server's clock can show."""

MAX_DURATION: Final = timedelta(days=36_500)
"""A longer duration comes from a wrong clock."""

_FAR_YEAR: Final = re.compile(r"([+-])[0-9]{6}-[0-9]{2}-[0-9]{2}T")
"""JavaScript's spelling of a year with more or fewer than four digits."""

_NS_PER_US: Final = 1000
_US: Final = timedelta(microseconds=1)


def clamp(time: datetime) -> datetime:
    """Return an aware time in UTC, clamped to EARLIEST and LATEST."""
    try:
        time = time if time.tzinfo is UTC else time.astimezone(UTC)
    except OverflowError:  # an offset within hours of the first or last possible time
        return EARLIEST if time.year < EARLIEST.year else LATEST
    return min(max(time, EARLIEST), LATEST)


def read_time(text: Json) -> datetime | None:
    """Read an ISO time, UTC unless it has an offset. Return None if it is invalid."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        far = _FAR_YEAR.match(text)
        return None if far is None else LATEST if far[1] == "+" else EARLIEST
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return time if time.tzinfo is UTC and EARLIEST <= time <= LATEST else clamp(time)


def read_epoch_ns(value: Json) -> datetime | None:
    """Read nanoseconds since 1970, as a number or a text, to the microsecond, or an ISO time.

    Return None if they are invalid.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return EARLIEST + min(max(int(value) // _NS_PER_US, 0), (LATEST - EARLIEST) // _US) * _US
    except (ValueError, OverflowError):  # not a number, infinite, or too many digits
        return read_time(value)


def read_duration_ns(value: Json) -> timedelta | None:
    """Read nanoseconds, clamped to zero and MAX_DURATION. Return None if they are invalid."""
    return _duration(value, 1 / _NS_PER_US)


def read_duration_ms(value: Json) -> timedelta:
    """Read milliseconds, as a number or a text, with the same limits. An invalid value is zero."""
    return _duration(value, 1000) or timedelta()


def _duration(value: Json, us_per_unit: float) -> timedelta | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        us = float(value) * us_per_unit
    except ValueError:
        return None
    except OverflowError:  # an integer too large for a float
        return MAX_DURATION if isinstance(value, int) and value > 0 else timedelta()
    if not math.isfinite(us):
        return None
    return timedelta(microseconds=max(us, 0.0)) if us < MAX_DURATION / _US else MAX_DURATION
