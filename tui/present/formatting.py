"""Numbers and times as people read them: durations, ages, times of day, costs, counts, sizes.

What lives here: plain text made of numbers. What colour it has is decided where it is used. A negative duration, which
is what two clocks that disagree give, is zero; an unknown value is `·`.
"""

import math
from datetime import UTC, datetime, timedelta

NONE = "·"
LOADING = "loading…"
_SECOND_US = 1_000_000


def duration(value: timedelta | None, *, frozen: bool = False) -> str:
    """`412ms` `6.3s` `38s` `1m02s` `2h05m` `3d`, rounded before the unit is chosen; `frozen` adds a `~`."""
    if value is None:
        return NONE
    us = max(value, timedelta()) // timedelta(microseconds=1)
    return _duration(us) + ("~" if frozen else "")


def _duration(us: int) -> str:
    ms = _rounded(us, 1000)
    if ms < 1000:
        return f"{ms}ms"
    tenths = _rounded(us, _SECOND_US // 10)
    if tenths < 100:
        return f"{tenths // 10}.{tenths % 10}s"
    seconds = _rounded(us, _SECOND_US)
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02}s"
    minutes = _rounded(us, 60 * _SECOND_US)
    if minutes < 24 * 60:
        return f"{minutes // 60}h{minutes % 60:02}m"
    return f"{_rounded(us, 86_400 * _SECOND_US)}d"


def age(at: datetime | None, now: datetime) -> str:
    """How long ago, in one unit, begun ones not counted: `0s` `59s` `1m` `23h` `3d`."""
    if at is None:
        return NONE
    seconds = max(now - at, timedelta()) // timedelta(seconds=1)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def wait(value: timedelta) -> str:
    """A duration in a sentence, in one unit: `4 s` `2 min` `3 h` `3 d`; begun ones count from half on."""
    seconds = max(0, round(value.total_seconds()))
    if seconds < 100:
        return f"{seconds} s"
    minutes = _rounded(seconds, 60)
    if minutes < 100:
        return f"{minutes} min"
    hours = _rounded(seconds, 3600)
    return f"{hours} h" if hours < 48 else f"{_rounded(seconds, 86_400)} d"


def time_of_day(at: datetime, now: datetime) -> str:
    """`13:44` in UTC, with the date before it (`11-23 13:44`) unless it is the date of `now`."""
    utc = at.astimezone(UTC)
    return f"{utc:%H:%M}" if utc.date() == now.astimezone(UTC).date() else f"{utc:%m-%d %H:%M}"


def moment(at: datetime, now: datetime) -> str:
    """`13:48:37.210` in UTC, with the date before it (`2026-11-23 13:48:37.210`) unless it is the date of `now`."""
    utc = at.astimezone(UTC)
    time = utc.time().isoformat("milliseconds")
    return time if utc.date() == now.astimezone(UTC).date() else f"{utc.date().isoformat()} {time}"


def cost(cents: float) -> str:
    """US cents as dollars: `$0.0002`, from a dollar on `$12.34`, zero `$0`, less than shows `<$0.0001`."""
    if not math.isfinite(cents):
        return NONE
    dollars = cents / 100
    if dollars <= 0:
        return "$0"
    if dollars < 0.00005:
        return "<$0.0001"
    return f"${dollars:.4f}" if dollars < 0.99995 else f"${dollars:,.2f}"


def count(number: int, *, at_least: bool = False) -> str:
    """`1,204`, or `≥1,204` where more may exist."""
    return f"{'≥' if at_least else ''}{number:,}"


def size(byte_count: int) -> str:
    """`412 B` `1.2 kB` `300 kB` `2.4 MB`: decimal units, one decimal below ten."""
    value = max(byte_count, 0)
    if value < 1000:
        return f"{value} B"
    units = ("kB", "MB", "GB", "TB")
    divisor = 1000
    for unit in units:
        tenths = _rounded(value, divisor // 10)
        if tenths < 100:
            return f"{tenths // 10}.{tenths % 10} {unit}"
        whole = _rounded(value, divisor)
        if whole < 1000 or unit == units[-1]:
            return f"{whole:,} {unit}"
        divisor *= 1000
    raise AssertionError


def plural(number: int, noun: str) -> str:
    """`1 frame`, `9 frames`."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def _rounded(value: int, unit: int) -> int:
    return (value + unit // 2) // unit
