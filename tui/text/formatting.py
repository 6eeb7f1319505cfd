"""Formats numbers and times as plain text: durations, ages, times of day, costs, counts, sizes."""

import math
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

# A negative duration, which two clocks that disagree produce, becomes zero. An unknown value is `·`.


NONE = "·"
LOADING = "loading…"
NOT_READ = "not read"
UNDER_A_MINUTE = "<1m"
_SECOND_US = 1_000_000
_MINUTE = timedelta(minutes=1)
_NEAR = timedelta(hours=12)
_SIZE_UNITS = (("kB", 10**3), ("MB", 10**6), ("GB", 10**9), ("TB", 10**12))
_AGE_UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (_MINUTE, "m"), (timedelta(seconds=1), "s"))


def duration(value: timedelta | None, *, frozen: bool = False, in_minutes: bool = False) -> str:
    """Return `412ms` `6.3s` `38s` `1m02s` `2h05m` `3d`, rounded before the unit is chosen. `frozen` appends `~`.

    `in_minutes` rounds down to whole minutes: `<1m` `1m` `2h05m`.
    """
    if value is None:
        return NONE
    value = max(value, timedelta())
    if not in_minutes:
        text = _duration(value // timedelta(microseconds=1))
    elif value < timedelta(hours=1):
        text = f"{value // _MINUTE}m" if value >= _MINUTE else UNDER_A_MINUTE
    else:
        text = _duration(value // _MINUTE * 60 * _SECOND_US)
    return text + ("~" if frozen else "")


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


def age(at: datetime | None, now: datetime, *, in_minutes: bool = False) -> str:
    """Return the time since `at` in one unit, rounded down: `0s` `59s` `1m` `23h` `3d`. With `in_minutes`, less than a
    minute is `<1m`.
    """
    if at is None:
        return NONE
    elapsed = max(now - at, timedelta())
    size, unit = next(each for each in _AGE_UNITS if elapsed >= each[0] or each[1] == "s")
    return UNDER_A_MINUTE if in_minutes and unit == "s" else f"{elapsed // size}{unit}"


def wait(value: timedelta, *, in_minutes: bool = False) -> str:
    """Return a duration for a sentence, in one unit, rounded: `4 s` `2 min` `3 h` `3 d`. With `in_minutes`, less than a
    minute is `<1 min`.
    """
    seconds = max(0, round(value.total_seconds()))
    if in_minutes and seconds < 100:
        return f"{seconds // 60} min" if seconds >= 60 else "<1 min"
    if seconds < 100:
        return f"{seconds} s"
    minutes = _rounded(seconds, 60)
    if minutes < 100:
        return f"{minutes} min"
    hours = _rounded(seconds, 3600)
    return f"{hours} h" if hours < 48 else f"{_rounded(seconds, 86_400)} d"


def zone_name(at: datetime) -> str:
    """Return the name of the zone of a time: `UTC`, `CEST`, `UTC-03` where the zone has only an offset."""
    name = at.tzname() or UTC.tzname(None)
    return f"UTC{name}" if name[:1] in {"+", "-"} else name


def time_of_day(at: datetime, now: datetime) -> str:
    """Return `13:44` in the zone of `now`, on another day `2026-11-23 13:44`."""
    local = at.astimezone(now.tzinfo)
    return f"{local:%H:%M}" if local.date() == now.date() else f"{local:%Y-%m-%d %H:%M}"


def time_span(begin: datetime, end: datetime, now: datetime) -> str:
    """Return `13:22–13:36`, on another day `2026-11-23 13:22–13:36`: the date stands once if both ends share it."""
    first, last = begin.astimezone(now.tzinfo), end.astimezone(now.tzinfo)
    return f"{time_of_day(first, now)}–{time_of_day(last, first if first.date() == last.date() else now)}"


def time_or_age(at: datetime, now: datetime) -> str:
    """Return `13:44` of today or near to now, otherwise the age `40d`, for a cell that has no room for a date.

    Just after midnight, what began an hour ago was on another day, but its time alone is still clear.
    """
    local = at.astimezone(now.tzinfo)
    return f"{local:%H:%M}" if local.date() == now.date() or abs(now - at) < _NEAR else age(at, now)


def clock(at: datetime, now: datetime) -> str:
    """Return `13:48:37` in the zone of `now`, on another day the date in place of the seconds: `2026-11-23 13:48`."""
    local = at.astimezone(now.tzinfo)
    return f"{local:%H:%M:%S}" if local.date() == now.date() else time_of_day(at, now)


def moment(at: datetime, now: datetime) -> str:
    """Return `13:48:37.210` in the zone of `now`, with the date before it (`2026-11-23 …`) on another day."""
    local = at.astimezone(now.tzinfo)
    time = local.time().isoformat("milliseconds")
    return time if local.date() == now.date() else f"{local.date().isoformat()} {time}"


def full_moment(at: datetime, zone: tzinfo = UTC) -> str:
    """Return `2026-11-23 13:48:37.210 UTC`, for a text that is read outside of this program."""
    local = at.astimezone(zone)
    return f"{local.date().isoformat()} {local.time().isoformat('milliseconds')} {zone_name(local)}"


def cost(cents: float) -> str:
    """Return US cents as dollars: `$0.0002`, `$12.34` from one dollar on, `$0` for zero, `<$0.0001` for less."""
    if not math.isfinite(cents):
        return NONE
    dollars = cents / 100
    if dollars <= 0:
        return "$0"
    if dollars < 0.00005:
        return "<$0.0001"
    return f"${dollars:.4f}" if dollars < 0.99995 else f"${dollars:,.2f}"


def count(number: int, *, at_least: bool = False) -> str:
    """Return `1,204`, or `≥1,204` where more may exist."""
    return f"{'≥' if at_least else ''}{number:,}"


def size(byte_count: int) -> str:
    """Return `412 B` `1.2 kB` `300 kB` `2.4 MB`: decimal units, one decimal below ten."""
    value = max(byte_count, 0)
    if value < 1000:
        return f"{value} B"
    unit, divisor = next((each for each in _SIZE_UNITS if _rounded(value, each[1]) < 1000), _SIZE_UNITS[-1])
    tenths = _rounded(value, divisor // 10)
    return f"{tenths // 10}.{tenths % 10} {unit}" if tenths < 100 else f"{_rounded(value, divisor):,} {unit}"


def plural(number: int, noun: str) -> str:
    """Return a count with its noun: `1 frame`, `9 frames`."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def _rounded(value: int, unit: int) -> int:
    return (value + unit // 2) // unit


# Durations without their trailing zeros, for views that are read from afar.


_TENTH: Final = timedelta(milliseconds=100)
_SECOND: Final = timedelta(seconds=1)


def brief_duration(value: timedelta | None) -> str:
    """Return `40ms` `0.4s` `31s` `4m02s` `9m` `12h32m` `2h`, `·` where it is not known."""
    if value is not None and _TENTH <= value < _SECOND:
        tenths = round(value / _TENTH)
        return f"{tenths // 10}.{tenths % 10}s"
    text = duration(value)
    text = text.removesuffix("00s") if text.endswith("m00s") else text
    return text.removesuffix("00m") if text.endswith("h00m") else text


def waited(value: timedelta, *, in_minutes: bool = False) -> str:
    """Return how long something waits, for a cell: `31s` `11m` `6h` `2d`. With `in_minutes`, less than a minute is
    `<1m`.
    """
    value = max(value, timedelta())
    if value < _MINUTE:
        return UNDER_A_MINUTE if in_minutes else f"{value // _SECOND}s"
    text = duration(value, in_minutes=True)
    return text.removesuffix("00m") if text.endswith("h00m") else text
