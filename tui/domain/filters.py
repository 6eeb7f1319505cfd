"""The filters of the list: those of the server, periods as a user types them, and the progress of a search."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

from tui.domain.run import BatchId, TaskId
from tui.lazy_dataclass import dataclass

# `RunFilters`: the filters that the server applies to the runs list, and the server's notation of periods.
#
# `api.client` turns them into query parameters. The filter that a user types after `/` is another one: `store.filter`
# applies it to the runs in the store. Source: tests/wire/recordings/README.md §3.


MAX_PERIOD: Final = timedelta(days=3650)
"""Servers keep runs for less than this, and the current time minus this is still a valid date."""

MAX_QUERY_PERIOD: Final = timedelta(days=30)
"""TRQL silently shortens a longer period to this. Source: tests/wire/recordings/README.md §7."""

TASK_QUEUE_PREFIX: Final = "task/"
"""The server stores the queue of task `ok` as `task/ok`. Source: tests/wire/recordings/README.md §3."""

ERROR_ID_PREFIX: Final = "error_"
"""The id of an error group is this and its fingerprint. Source: tests/wire/recordings/README.md §11."""

_PERIOD = re.compile(r"([1-9][0-9]{0,5})([smhdw])\Z")
LISTS: Final[Mapping[str, str]] = {
    "status": "statuses",
    "task": "tasks",
    "tag": "tags",
    "version": "versions",
    "queue": "queues",
    "machine": "machines",
    "region": "regions",
    "error": "errors",
    "schedule": "schedules",
}
"""The lists of `RunFilters` by their words: in addresses, in options of `ls`, in the dialog of the filters."""

_UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True)
class RunFilters:
    """Selects the runs that match one value of every field that is not empty.

    `statuses` are REST words; `EXECUTING` does not include `DEQUEUED`. A run matches if it has any of the `tags`.
    `queues` are names as a user types them, see `queue_names`. `errors` are ids or fingerprints of the server's error
    groups; tasks share fingerprints, so a group is named with its task. `schedules` are ids. `period` is the server's
    text (`1h`, `7d`), see `parse_period`. `created_from` and `created_to` are precise to the millisecond. Without these
    three, runs of every age match; the request then names a very long period, because the server's default is seven
    days.
    """

    statuses: tuple[str, ...] = ()
    tasks: tuple[TaskId, ...] = ()
    tags: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()
    batch: BatchId | None = None
    is_test: bool | None = None
    period: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None

    @classmethod
    def of(cls, lists: Mapping[str, Iterable[str]], **others: Any) -> Self:
        """Return filters with the lists of these words."""
        values: dict[str, Any] = {LISTS[word]: tuple(each) for word, each in lists.items()}
        return cls(**values, **others)

    @property
    def lists(self) -> dict[str, tuple[str, ...]]:
        """All lists by their words."""
        return {word: getattr(self, name) for word, name in LISTS.items()}

    @property
    def is_empty(self) -> bool:
        """Whether every run matches."""
        return self == RunFilters()

    @property
    def has_window(self) -> bool:
        """Whether the filters limit the time of creation."""
        return any(bound is not None for bound in (self.period, self.created_from, self.created_to))


def queue_names(queues: Iterable[str]) -> tuple[str, ...]:
    """Return the stored names that typed queue names may mean: `ok` may be a named queue or the queue of task `ok`."""
    names = ((name,) if name.startswith(TASK_QUEUE_PREFIX) else (name, TASK_QUEUE_PREFIX + name) for name in queues)
    return tuple(dict.fromkeys(name for both in names for name in both))


def fingerprint_of(error: str) -> str:
    """Return the fingerprint of an error group by its id or its fingerprint: the server takes both."""
    return error.removeprefix(ERROR_ID_PREFIX)


def query_period(period: timedelta) -> str:
    """Return the server's text for the period of a TRQL query, at most `MAX_QUERY_PERIOD`."""
    return period_text(min(period, MAX_QUERY_PERIOD))


def parse_period(text: str) -> timedelta | None:
    """Parse a period such as `90m`, `24h`, `7d`, `2w`. None: the server would ignore it, or it is too long."""
    found = _PERIOD.match(text)
    period = None if found is None else int(found[1]) * _UNITS[found[2]]
    return period if period is not None and period <= MAX_PERIOD else None


def period_text(period: timedelta) -> str:
    """Return the server's text for a period, in the largest unit that divides it.

    One day is `24h`, a week is `7d`. The shortest period is one second.
    """
    seconds = max(1, period // timedelta(seconds=1))
    for unit, size, least in (("d", 86_400, 2), ("h", 3600, 1), ("m", 60, 1)):
        if seconds % size == 0 and seconds // size >= least:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


# `TypedSpan`: a period with a begin and an end, as a user types it: `02:50-03:20`, `yesterday 23:30-00:30`.
#
# Times are in the zone of `now`, which the header names, or in UTC where `z` or `utc` follows them.


MAX_CHARS: Final = 100
"""A longer text is no span."""

NO_PERIOD: Final = "is not a period. Write 7d, 2:50-3:20 or yesterday 2:50-3:20"
"""The rest of a sentence about a text with another form."""

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


class InvalidPeriod(ValueError):
    """A text that is no period. The message says why, as the rest of a sentence."""


def read_period(text: str, now: datetime) -> timedelta | TypedSpan:
    """Read a period or a span of time as a user types it. Raises `InvalidPeriod`."""
    period = parse_period(text) or _read_span(text, now)
    if period is None:
        raise InvalidPeriod(NO_PERIOD)
    return period


def _read_span(text: str, now: datetime) -> TypedSpan | None:
    """Parse a span, None if the text has another form. Raises `InvalidPeriod` if it is empty, too long ago or to come.

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
    except InvalidPeriod:
        raise
    except (ValueError, OverflowError):
        raise InvalidPeriod("is not a period: there is no such day or time") from None
    if span is None:
        return None
    if not _is_before(span.begin, now):
        raise InvalidPeriod(f"is in the future: it is {now:%Y-%m-%d %H:%M} {now.tzname()}")
    if span.begin < now - MAX_PERIOD:
        raise InvalidPeriod(f"is not a period: it begins more than {MAX_PERIOD.days // 365} years ago")
    if not _is_before(span.begin, span.end):
        is_empty = not _is_before(span.end, span.begin)
        raise InvalidPeriod(f"is not a period: it {'is empty' if is_empty else 'ends before it begins'}")
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
        raise InvalidPeriod("is not a period: add its end, as in 2:50-3:20 or 2:50-now")
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
            raise InvalidPeriod("has two meanings: write hours (2:00-3:00) or a day (2026-02-03)")
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
    """Return `2026-11-26 02:50-03:20`, which `read_period` reads, with the date of the end where it differs.

    It is in the zone of the begin.
    """
    if end is None:
        return f"{_text(begin)}-"
    stop = end.astimezone(begin.tzinfo)
    return f"{_text(begin)}-{_time_text(stop)}" if stop.date() == begin.date() else f"{_text(begin)} - {_text(stop)}"


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%d} {_time_text(at)}"


def _time_text(at: datetime) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


# The progress of a search on the server for older runs that match the filter.
#
# `sync.search` reports it, and the last line of the list shows it.


SEARCH_PERIOD: Final = timedelta(days=90)
"""How far back a search reads lists. Source: tests/wire/recordings/README.md."""


MAX_SEARCHED_BODIES: Final = 200
"""Payloads that one request of the user reads, or more where one snapshot has them: each costs a request."""


class SearchStep(StrEnum):
    """The steps of a search, in order; errors are read again at its end."""

    IDS = "ids"
    ERRORS = "errors"
    NAMES = "names"
    BODIES = "bodies"
    LIST = "list"
    OLDER_ERRORS = "older errors"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """How far the search for one filter has got.

    * `step`: the current step, None if the search is not running.
    * `errors_read` of `error_count` errors of failed runs were read; `unreadable_count` could not be read.
    * `bodies_read` of `body_count` payloads and outputs were read since `bodies_since`; the user last
      asked at `bodies_asked_at`.
    * `older_read` runs older than the polled list were read, back to the creation time `reached`.
    * `is_at_end`: the server has no older runs in the period of the search.
    * `needs_errors`: whether a run matches may depend on its error.
    * `skips_older`: older runs are not searched, since none of them can match.
    * `has_lists`: the source can read lists. Without lists it cannot read older runs.
    * `answers`: sentences about the lists by name, in raw text.
    * `failure`: why the search stopped early, in raw text.
    """

    step: SearchStep | None = None
    errors_read: int = 0
    error_count: int = 0
    bodies_read: int = 0
    body_count: int = 0
    bodies_since: datetime | None = None
    bodies_asked_at: datetime | None = None
    older_read: int = 0
    reached: datetime | None = None
    is_at_end: bool = False
    needs_errors: bool = True
    skips_older: bool = False
    has_lists: bool = True
    unreadable_count: int = 0
    answers: tuple[str, ...] = ()
    failure: str = ""
