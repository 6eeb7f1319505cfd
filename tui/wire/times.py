"""Times and durations of the wire, bounded where they enter.

Whatever a server sends, the bounds leave room for every later sum, difference, rounding and change of time zone: a
thousand years to either side of a time, and thousands of the longest durations.
"""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from tui.domain.run import Json

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""No clock of a server shows a time outside of these years."""

MAX_DURATION: Final = timedelta(days=36_500)
"""What is longer is a mistake of a clock."""

_FAR_YEAR: Final = re.compile(r"([+-])[0-9]{6}-[0-9]{2}-[0-9]{2}T")
"""How JavaScript writes a year that does not have four digits."""

_NS_PER_US: Final = 1000
_US: Final = timedelta(microseconds=1)


def bounded(time: datetime) -> datetime:
    """Return an aware time as UTC, no earlier than EARLIEST and no later than LATEST."""
    try:
        time = time if time.tzinfo is UTC else time.astimezone(UTC)
    except OverflowError:  # in the first or the last hours that a time can be, with an offset
        return EARLIEST if time.year < EARLIEST.year else LATEST
    return min(max(time, EARLIEST), LATEST)


def read_time(text: Json) -> datetime | None:
    """Read an ISO time (`Z` or an offset; without one it is UTC). Return None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        far = _FAR_YEAR.match(text)
        return None if far is None else LATEST if far[1] == "+" else EARLIEST
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return time if time.tzinfo is UTC and EARLIEST <= time <= LATEST else bounded(time)


def read_epoch_ns(value: Json) -> datetime | None:
    """Read nanoseconds since 1970, a number or its digits, to the microsecond. Return None where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return EARLIEST + min(max(int(value) // _NS_PER_US, 0), (LATEST - EARLIEST) // _US) * _US
    except (ValueError, OverflowError):  # no number, endless, or too many digits
        return None


def read_duration_ns(value: Json) -> timedelta:
    """Read nanoseconds: zero for a negative number and for what is none, MAX_DURATION at most."""
    return _duration(value, 1 / _NS_PER_US)


def read_duration_ms(value: Json) -> timedelta:
    """Read milliseconds, a number or its digits, likewise."""
    return _duration(value, 1000)


def _duration(value: Json, us_per_unit: float) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return timedelta()
    try:
        us = float(value) * us_per_unit
    except ValueError:
        return timedelta()
    except OverflowError:  # an integer beyond every float
        return MAX_DURATION if isinstance(value, int) and value > 0 else timedelta()
    if not math.isfinite(us) or us <= 0:
        return timedelta()
    return timedelta(microseconds=us) if us < MAX_DURATION / _US else MAX_DURATION
