"""The exceptions of the API client, the limits of its values, and the times that it reads."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from tui.domain.run import Json

# The exceptions of the API client, one for each reaction that a caller may need.
#
# Everything that the client raises is an `ApiError`; httpx2's exceptions never leave `api`. An error's text holds the
# method, the path, the status and a short message of the server, and never a key or a payload.
# Source: tests/wire/recordings/README.md §10.


class ApiError(Exception):
    """A request failed. The text is one clean line for people.

    `status` is that of the response, None without one. `resets_in` is zero but for a rate limit that was reached.
    `may_have_arrived`: the request may have reached the server and taken effect.
    """

    status: int | None = None
    may_have_arrived = True
    resets_in = timedelta()


class Unreachable(ApiError):
    """No response arrived: connection refused or reset, timeout, unknown host, bad certificate."""

    def __init__(self, text: str, *, may_have_arrived: bool) -> None:
        super().__init__(text)
        self.may_have_arrived = may_have_arrived


class ServerFault(ApiError):
    """The server failed (5xx), or its response cannot be used: HTML, truncated or undecodable JSON."""

    status: int

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class RateLimited(ApiError):
    """The server refused a request unprocessed (429). Retry it after `resets_in`."""

    status = 429
    may_have_arrived = False

    def __init__(self, text: str, resets_in: timedelta) -> None:
        super().__init__(text)
        self.resets_in = resets_in


class Refused(ApiError):
    """The server rejected the request (400, 401, 403, 405, 409, 422 and other 4xx).

    `is_page`: with a web page, so that a proxy may have done so.
    """

    status: int

    def __init__(self, text: str, status: int, *, is_page: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.is_page = is_page
        self.may_have_arrived = status in {408, 499}  # a gateway that timed out may have passed the request on

    @property
    def is_about_the_key(self) -> bool:
        """Whether another key would help (401, 403)."""
        return self.status in {401, 403}

    @property
    def is_final(self) -> bool:
        """Whether no later try succeeds: the key may not ask for it (401, 403), or the server lacks it (404)."""
        return self.is_about_the_key or self.status == 404


class TooExpensive(Refused):
    """The server wants a shorter period for a list or a query (422).

    The API's documentation describes this response; no recording has one.
    """


class TooManyQueries(Refused):
    """Too many queries of the project run at once (429). Other requests still work, and so will this one soon."""


class NotFound(Refused):
    """No such run, trace or span is visible to this key: 404 with a JSON body."""

    def __init__(self, text: str) -> None:
        super().__init__(text, 404)


# Upper limits for the values of one response. Larger values are truncated, and each truncation is reported.
#
# Today's servers stay below every limit: only a broken or hostile server exceeds one.


T = TypeVar("T")

MAX_PAGE_ROWS: Final = 1_000
"""Rows of one page of the list. We request 100, the server's maximum (recording 015)."""

MAX_EVENT_ROWS: Final = 25_000
"""The most rows of `/events` that the server sends. It does not report that it truncated them."""

MAX_FEED_ROWS: Final = 2_000
"""Rows of one response of the feed. The server sends at most 1,000 (recording 750)."""

MAX_RELATIVES: Final = 5_000
"""Direct children in the detail of a run."""

MAX_ID_CHARS: Final = 200
"""Length of a run id. A row with a longer id is unreadable."""

MAX_NAME_CHARS: Final = 1_000
"""Length of a task, version, tag or other name in a list, where every repaint cleans and measures it."""

MAX_MESSAGE_CHARS: Final = 10_000
"""Length of a span's message (a task name or a log line) and of a text in a query row."""

MAX_KEY_CHARS: Final = 4_000
"""Length of an idempotency key. The server accepts 2,048."""

MAX_TAGS: Final = 100
"""Tags of a run. The server accepts 10."""

MAX_ATTEMPTS: Final = 1_000
"""Attempts in a detail of an older server."""

MAX_SPANS: Final = 25_000
"""Spans of a trace. `/trace` has at most 5,000, `/events` 25,000."""

MAX_PAGE_BYTES: Final = 32 * 1024 * 1024
"""Size of one page: 100 rows with 256 KB of metadata each."""

MAX_QUERY_BYTES: Final = 16 * 1024 * 1024

MAX_INLINE_BYTES: Final = 256 * 1024
"""Larger bodies are decoded in a thread, so that the event loop keeps running."""

MAX_NOTES: Final = 10
"""Truncations reported for one response."""


class Limits:
    """Truncates the values of one response, and collects a note for each truncation."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def take(self, values: Sequence[T], max_count: int, kind: str) -> Sequence[T]:
        """Return the first `max_count` values. `kind` names them in the note, in the plural."""
        if len(values) <= max_count:
            return values
        self.note(f"{len(values):,} {kind}, only the first {max_count:,} are kept")
        return values[:max_count]

    def text(self, text: str, kind: str, max_chars: int = MAX_NAME_CHARS) -> str:
        """Return the first `max_chars` characters. `kind` names the text in the note, in the singular."""
        if len(text) <= max_chars:
            return text
        self.note(f"{kind}: {len(text):,} characters, of which only the first {max_chars:,} are kept")
        return text[:max_chars]

    def note(self, text: str) -> None:
        """Add a note, unless there are MAX_NOTES already."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append(text)


# Reads times and durations of the API, and clamps them to a range in which later arithmetic cannot overflow.


EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The range of times that a server's clock can show."""

MAX_DURATION: Final = timedelta(days=36_500)
"""A longer duration comes from a wrong clock."""

_FAR_YEAR: Final = re.compile(r"([+-])[0-9]{6}-[0-9]{2}-[0-9]{2}T")
"""JavaScript's spelling of a year with more or fewer than four digits."""

_NS_PER_US: Final = 1000
_US: Final = timedelta(microseconds=1)
_LATEST_NS: Final = (LATEST - EARLIEST) // _US * _NS_PER_US


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


def read_ns(value: Json) -> int | None:
    """Read nanoseconds since 1970, as a number or a text, or an ISO time. Return None if they are invalid."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        return min(max(int(value), 0), _LATEST_NS)
    except (ValueError, OverflowError):  # not a number, infinite, or too many digits
        at = read_time(value)
        return None if at is None else (at - EARLIEST) // _US * _NS_PER_US


def read_epoch_ns(value: Json) -> datetime | None:
    """Read the same as a time, to the microsecond."""
    ns = read_ns(value)
    return None if ns is None else EARLIEST + ns // _NS_PER_US * _US


def read_duration_ns(value: Json) -> timedelta | None:
    """Read nanoseconds, clamped to zero and MAX_DURATION. Return None if they are invalid."""
    return _duration(value, 1 / _NS_PER_US)


def read_duration_ms(value: Json) -> timedelta:
    """Read milliseconds, as a number or a text, with the same limits. An invalid value is zero."""
    return read_known_ms(value) or timedelta()


def read_known_ms(value: Json) -> timedelta | None:
    """Read milliseconds in the same way. Return None if they are invalid."""
    return _duration(value, 1000)


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
