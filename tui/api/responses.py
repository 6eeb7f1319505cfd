"""A complete HTTP response: its body while it arrives, its error, rate limit and date."""

import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Final

from tui.api import errors
from tui.api.errors import MAX_MESSAGE_CHARS, MAX_QUERY_ROWS, Limits
from tui.api.models import IdRow, QueryRows, WhoamiRow, decode, read_json
from tui.domain.environment import Environment, RateLimit
from tui.domain.ids import RunId
from tui.domain.run import Json
from tui.domain.text import Raw, clean
from tui.lazy_dataclass import dataclass
from tui.settings.reading import PREVIEW_BRANCH
from tui.settings.secret import Secret

# Collects the body of a response while it arrives, decompresses it if it is compressed, and limits its size.
#
# The only accepted compression is gzip. A decompression bomb is rejected at most `STEP_BYTES` beyond the limit.


ACCEPTED: Final = "gzip"
"""The value of our `Accept-Encoding`. zlib can stop at a limit; the decoders of br and zstd cannot."""

STEP_BYTES: Final = 1024 * 1024
"""Bytes decompressed in one step, about a millisecond of work. The caller yields to the event loop between steps."""

MAX_OVERHEAD_BYTES: Final = 64 * 1024
"""gzip may make a body larger: a compressed body may exceed the limit of the decompressed one by this much."""

_GZIP: Final = frozenset({"gzip", "x-gzip"})


class CodingError(Exception):
    """The body cannot be decompressed. The exception's text says why."""


class BodyTooLarge(Exception):
    """The body is larger than its limit."""


class BodyReader:
    """Collects one body from its chunks."""

    def __init__(self, content_encoding: str, max_bytes: int) -> None:
        """`content_encoding` is the header, `max_bytes` limits the decompressed body. Raises `CodingError`."""
        codings = [coding for part in content_encoding.lower().split(",") if (coding := part.strip())]
        codings = [coding for coding in codings if coding != "identity"]
        if len(codings) > 1:
            raise CodingError("the response is compressed more than once")
        if not _GZIP.issuperset(codings):
            raise CodingError("the response has a compression that was not requested")
        self._decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16) if codings else None
        self._body = BytesIO()
        self._max_bytes = max_bytes
        self._received_bytes = 0

    def add(self, chunk: bytes) -> Iterator[None]:
        """Add one chunk, and yield after each step of decompression. Raises `BodyTooLarge` or `CodingError`."""
        self._received_bytes += len(chunk)
        if self._received_bytes > self._max_bytes + (0 if self._decompressor is None else MAX_OVERHEAD_BYTES):
            raise self._too_large()
        if self._decompressor is None:
            self._body.write(chunk)
            return
        # Bytes after the end of the gzip data are ignored, as in browsers.
        while chunk and not self._decompressor.eof:
            try:
                self._write(self._decompressor.decompress(chunk, STEP_BYTES))
            except zlib.error:
                raise CodingError("the response cannot be decompressed") from None
            chunk = self._decompressor.unconsumed_tail
            yield

    def body(self) -> bytes:
        """Return the whole decompressed body. Raises `CodingError` if the gzip data is incomplete."""
        if self._decompressor is not None and self._received_bytes and not self._decompressor.eof:
            raise CodingError("the response cannot be decompressed")
        return self._body.getvalue()

    def _write(self, part: bytes) -> None:
        self._body.write(part)
        if self._body.tell() > self._max_bytes:
            raise self._too_large()

    def _too_large(self) -> BodyTooLarge:
        """Free the memory of the body, and return the exception to raise.

        The exception's traceback refers to this object, and the caller may keep it until the next retry.
        """
        self._body = BytesIO()
        return BodyTooLarge()


# `Response`, a complete HTTP response, and functions that read its error, rate limit, date and small bodies.
#
# Source: tests/wire/recordings/README.md §1, §7, §10 (recordings 380-433, 800-841, 900-950).


_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"

DEFAULT_RESET = timedelta(seconds=10)
"""The wait after a 429 that gives no time. The budget is refilled every 10 s (tests/wire/recordings/README.md §10)."""

_FIRST_YEAR, _LAST_YEAR = 1970, 2999
"""Plausible years of a `Date` header. A clock that was never set is in the first one."""

MAX_RESET = timedelta(hours=1)
"""A longer wait means that the server uses another unit, or that a clock is wrong."""

MAX_ERROR_CHARS = 150
"""Length of the server's message in an error: with path and status it fits two terminal lines."""

MAX_ERROR_BYTES = 64 * 1024
"""Bytes of an error body that are decoded. Only one line of it is shown."""

_PREVIEW_KEY = "tr_preview_"
_QUERY = "POST /api/v1/query"
_BUSY = "query concurrency"
"""In the text of a 429 for too many queries at once (recording 2675)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Response:
    """A complete HTTP response."""

    label: str
    """Method and path without the query string (`GET /api/v1/runs`): part of error texts, and distinguishes queries."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Headers by their lower-case names."""

    body: bytes = field(repr=False)
    read_at: datetime
    """The server's time of the response."""

    @property
    def is_html(self) -> bool:
        """Whether the body is a web page, such as the page of a proxy, of a hotel's login or of another site."""
        return "html" in self.headers.get("content-type", "") or self.body[:64].lstrip()[:1] == b"<"


def decode_environment(body: bytes) -> Environment:
    """Decode `GET /api/v1/whoami`, without the secret key that it echoes. Raises `ServerFault`."""
    row = decode(WhoamiRow, body, "the environment of the key")
    limits = Limits()
    project_ref, dashboard_url = row.get("project", {}).get("externalRef"), row.get("dashboardUrl")
    return Environment(
        slug=Raw(limits.text(row["slug"], "slug")),
        type=limits.text(row["type"], "type"),
        project=Raw(limits.text(row.get("project", {}).get("slug", ""), "slug")),
        organisation=Raw(limits.text(row.get("organization", {}).get("slug", ""), "slug")),
        project_ref=None if project_ref is None else Raw(limits.text(project_ref, "externalRef")),
        dashboard_url=None if dashboard_url is None else Raw(limits.text(dashboard_url, "dashboardUrl")),
        is_paused=row.get("paused", False),
    )


def decode_query(body: bytes, limits: Limits | None = None) -> list[dict[str, Json]]:
    """Decode the rows of `POST /api/v1/query`. `limits` records truncations. Raises `ServerFault`."""
    limits = limits or Limits()
    results = decode(QueryRows, body, "the rows of the query", limits)["results"]
    rows = limits.take([row for row in results if isinstance(row, dict)], MAX_QUERY_ROWS, "rows of a query")
    if len(body) > MAX_MESSAGE_CHARS:
        for row in rows:
            row |= {
                name: limits.text(value, "text in a query's row", MAX_MESSAGE_CHARS)
                for name, value in row.items()
                if isinstance(value, str) and len(value) > MAX_MESSAGE_CHARS
            }
    return list(rows)


def decode_id(body: bytes) -> RunId:
    """Decode the id of a canceled run, or of the new run of a replay. Raises `ServerFault`."""
    return RunId(decode(IdRow, body, "the id of the run")["id"])


def _usual_date(text: str) -> datetime | None:
    """Read a date of the form `Tue, 24 Nov 2026 13:49:00 GMT`. Return None for any other."""
    if len(text) != 29 or text[3:5] != ", " or text[25:] != " GMT" or (month := _MONTHS.find(text[8:11])) % 3:
        return None
    try:
        return datetime.fromisoformat(f"{text[12:16]}-{month // 3 + 1:02}-{text[5:7]}T{text[17:25]}+00:00")
    except ValueError:
        return None


def _other_date(text: str) -> datetime:
    """Read a date of an older form. Raises ValueError."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  2 ms, for what servers no longer send

    return parsedate_to_datetime(text)


def read_date(text: str | None, default: datetime) -> datetime:
    """Read a `Date` header, which is exact to the second. Return `default` if it is missing or implausible."""
    try:
        time = _usual_date(text or "") or _other_date(text or "")
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return default
    return time if _FIRST_YEAR <= time.year <= _LAST_YEAR else default


def read_rate_limit(response: Response) -> RateLimit | None:
    """Read the `x-ratelimit-*` headers. Return None unless all three are there."""
    limit, remaining = (_number(response.headers.get(f"x-ratelimit-{name}")) for name in ("limit", "remaining"))
    until_reset = _until_reset(response)
    if limit is None or remaining is None or until_reset is None:
        return None
    return RateLimit(int(limit), max(0, int(remaining)), min(max(timedelta(), until_reset), MAX_RESET))


def response_error(response: Response, key: Secret | None = None) -> errors.ApiError | None:
    """Return the error of a response, None if it succeeded. A web page with status 200 is an error too.

    `key` is redacted from the server's message.
    """
    status = response.status
    if 200 <= status < 300 and not response.is_html:
        return None
    body = response.body[:MAX_ERROR_BYTES]
    value = _read_object(body)
    message = _message(value) if value is not None else "" if response.is_html else body.decode(errors="replace")
    text = _one_line(message.replace(key.reveal(), "…") if key is not None else message)
    summary = f"{response.label}: {status} {text}".rstrip()
    if 200 <= status < 300:
        return errors.ServerFault(f"{summary}, but a web page: is TRIGGER_API_URL right?", status)
    if status == 429:
        rate = read_rate_limit(response)
        is_busy = bool(rate.remaining) if rate is not None else _BUSY in message  # a relay passes no headers on
        if response.label == _QUERY and is_busy:
            return errors.TooManyQueries(summary)
        return errors.RateLimited(summary, _wait(response, value))
    if status == 404 and value is None:
        return errors.Refused(f"{response.label}: 404, no such route: is TRIGGER_API_URL right?", status)
    if status == 404:
        return errors.NotFound(summary)
    if status == 422 and (response.label.startswith("GET ") or response.label == _QUERY):
        return errors.TooExpensive(summary)
    if status == 401 and key is not None and key.reveal().startswith(_PREVIEW_KEY):
        return errors.Refused(f"{summary} (a preview key needs its branch in {PREVIEW_BRANCH})", status)
    if 400 <= status < 500:
        return errors.Refused(summary, status, is_page=response.is_html)
    return errors.ServerFault(summary, status)


def _wait(response: Response, value: dict[str, Json] | None) -> timedelta:
    """Return the wait that a 429 requires: the first plausible value of its headers and body."""
    waits = (
        _until_reset(response),
        _seconds((value or {}).get("secondsUntilReset")),
        _seconds(response.headers.get("retry-after")),
    )
    return next((wait for wait in waits if wait is not None and timedelta() < wait <= MAX_RESET), DEFAULT_RESET)


def _until_reset(response: Response) -> timedelta | None:
    reset_ms = _number(response.headers.get("x-ratelimit-reset"))
    try:
        return None if reset_ms is None else _EPOCH + timedelta(milliseconds=reset_ms) - response.read_at
    except OverflowError:
        return None


def _seconds(value: Json) -> timedelta | None:
    number = _number(value)
    return None if number is None or abs(number) > MAX_RESET.total_seconds() else timedelta(seconds=number)


def _number(value: Json) -> float | None:
    if not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _read_object(body: bytes) -> dict[str, Json] | None:
    try:
        value = read_json(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _message(value: dict[str, Json]) -> str:
    """Return the server's message, and the first detail of an invalid list parameter (recording 043)."""
    words = [word for key in ("error", "message", "detail", "title") if isinstance(word := value.get(key), str)]
    details = value.get("details")
    first = details[0] if isinstance(details, list) and details else None
    detail = first.get("message") if isinstance(first, dict) else None
    return ": ".join([*words[:1], *([detail] if isinstance(detail, str) else [])])


def _one_line(text: str) -> str:
    """Return a text of the server as one clean line of at most MAX_ERROR_CHARS."""
    line = clean(" ".join(text.split()))
    return line if len(line) <= MAX_ERROR_CHARS else line[: MAX_ERROR_CHARS - 1] + "…"
