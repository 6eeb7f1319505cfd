"""`TypedSpan`: a period with a begin and an end, as a user types it: `02:50-03:20`, `yesterday 23:30-00:30`.

Times are in the zone of `now`, which the header names, or in UTC where `z` or `utc` follows them.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from tui.domain.filters import MAX_PERIOD

MAX_CHARS: Final = 100
"""A longer text is no span."""

_DAY: Final = timedelta(days=1)
_DASH: Final = "[-\u2010-\u2015\u2212]"
"""Hyphens and dashes, as keyboards, phones and texts to copy from have them."""

_DATE: Final = r"(?:(?P<{0}day>today|yesterday)|(?:(?P<{0}year>\d{{4}})-)?(?P<{0}month>\d{{2}})-(?P<{0}date>\d{{2}}))"
_TIME: Final = r"(?P<{0}hour>\d{{1,2}}):(?P<{0}minute>\d{{2}})(?::(?P<{0}second>\d{{2}}))?"
_MOMENT: Final = rf"(?:{_DATE}(?:[ T]+|$|(?=\s*{_DASH}\s*[a-z\d])))?(?:{_TIME})?"
_ZONE: Final = r"\s*(?P<{0}zone>z|utc)?"
_SPAN: Final = (
    rf"{_MOMENT.format('a_')}{_ZONE.format('a_')}"
    rf"(?:\s*(?P<dash>{_DASH})\s*(?:(?P<now>now)|{_MOMENT.format('b_')}{_ZONE.format('b_')})?)?"
)


class TypedSpan(NamedTuple):
    """From `begin` until `end`, both in the zone in which they were typed. The end may be in the future."""

    begin: datetime
    end: datetime


class _Moment(NamedTuple):
    """One end as typed: its date and its time of day, each if there is one."""

    day: date | None
    time: timedelta | None


class InvalidSpan(ValueError):
    """A begin and an end that are no span. The text says why, as the rest of a sentence."""


def parse_time_span(text: str, now: datetime) -> TypedSpan | None:
    """Parse a span like `read_time_span`, None if the text is none or an invalid one."""
    try:
        return read_time_span(text, now)
    except InvalidSpan:
        return None


def read_time_span(text: str, now: datetime) -> TypedSpan | None:
    """Parse a span, None if the text has another form. Raises `InvalidSpan` if it is empty, too long ago or to come.

    A time without a date is that of today, or of yesterday if it is still to come. An end that is not after its begin
    belongs to the next day. Without an end the span ends now; a date alone is the whole day.
    """
    found = re.fullmatch(_SPAN, text.strip(), re.IGNORECASE | re.ASCII) if len(text) <= MAX_CHARS else None
    if found is None:
        return None
    if found["a_zone"] or found["b_zone"]:
        now = now.astimezone(UTC)
    try:
        begin, end = _moment(found, "a_", now), _moment(found, "b_", now)
        span = _span(begin, end, now, is_open=found["dash"] is not None and end == _Moment(None, None))
    except InvalidSpan:
        raise
    except (ValueError, OverflowError):
        raise InvalidSpan("is not a period: it names a day or a time that does not exist") from None
    if span is None:
        return None
    if not _is_before(span.begin, now):
        raise InvalidSpan(f"has not begun: it is {now:%Y-%m-%d %H:%M} {now.tzname()}")
    if span.begin < now - MAX_PERIOD:
        raise InvalidSpan(f"is not a period: it begins more than {MAX_PERIOD.days // 365} years ago")
    if not _is_before(span.begin, span.end):
        is_empty = not _is_before(span.end, span.begin)
        raise InvalidSpan(f"is not a period: it {'begins when it ends' if is_empty else 'ends before it begins'}")
    return span


def _span(begin: _Moment, end: _Moment, now: datetime, *, is_open: bool) -> TypedSpan | None:
    if begin == _Moment(None, None):
        return None
    if begin.time is None:
        # Whole days. A time may stand only where both ends have one.
        last = end.day or begin.day
        if end.time is not None or begin.day is None or last is None:
            return None
        return TypedSpan(_midnight(begin.day, now), now if is_open else _midnight(last, now) + _DAY)
    if end.time is None and not is_open:
        raise InvalidSpan("is not a period: it has no end, as 2:50-3:20 or 2:50-now")
    start = _midnight(begin.day or now.date(), now) + begin.time
    if begin.day is None and not _is_before(start, now):
        start -= _DAY
    if end.time is None:
        return TypedSpan(start, now)
    stop = _midnight(end.day or start.date(), now) + end.time
    # An end at the time of the begin makes an empty span, not a whole day.
    if end.day is None and begin.time != end.time and stop <= start:
        stop += _DAY
    return TypedSpan(start, stop)


def _moment(found: re.Match[str], prefix: str, now: datetime) -> _Moment:
    """Read one end. Raises ValueError for a date or a time that does not exist."""
    parts = {name: found[prefix + name] for name in ("day", "year", "month", "date", "hour", "minute", "second")}
    day: date | None = None
    if parts["day"] is not None:
        day = now.date() - (_DAY if parts["day"].casefold() == "yesterday" else timedelta())
    elif parts["month"] is not None:
        year = int(parts["year"] or now.year)
        day = date(year, int(parts["month"]), int(parts["date"]))
        if parts["year"] is None and day > now.date():
            day = date(year - 1, day.month, day.day)  # 12-31 in January is that of last year
    if parts["hour"] is None:
        if parts["month"] is not None and parts["year"] is None:
            raise InvalidSpan("is not a period: it may be hours or a day (2:00-3:00, 2026-02-03)")
        return _Moment(day, None)
    time = timedelta(hours=int(parts["hour"]), minutes=int(parts["minute"]), seconds=int(parts["second"] or 0))
    if int(parts["minute"]) > 59 or int(parts["second"] or 0) > 59 or time > _DAY:
        raise ValueError("no time of day")
    return _Moment(day, time)


def _midnight(day: date, now: datetime) -> datetime:
    """Return the begin of a day in the zone of `now`. What is added to it moves the hands of a clock in that zone."""
    return datetime(day.year, day.month, day.day, tzinfo=now.tzinfo)


def _is_before(one: datetime, other: datetime) -> bool:
    """Return whether a moment is before another one. Two times of one zone would be compared as they are written."""
    return one.astimezone(UTC) < other.astimezone(UTC)


def time_span_text(begin: datetime, end: datetime | None) -> str:
    """Return `2026-11-26 02:50-03:20`, which `parse_time_span` reads, with the date of the end where it differs.

    It is in the zone of the begin.
    """
    start = begin
    if end is None:
        return f"{_text(start)}-"
    stop = end.astimezone(begin.tzinfo)
    if stop.date() == start.date():
        return f"{_text(start)}-{_time_text(stop)}"
    return f"{_text(start)} - {_text(stop)}"


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%d} {_time_text(at)}"


def _time_text(at: datetime) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
