"""A complete HTTP response: its body while it arrives, its error, rate limit and date."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Annotated, Any, Final, cast

from pydantic import Field
from typing_extensions import TypedDict

from tui.api import errors
from tui.api.errors import EARLIEST, MAX_MESSAGE_CHARS, Limits
from tui.api.models import Flag, JsonObject, OrNone, Text, Word, convert, decode, read_json
from tui.domain.run import Environment, Json, RateLimit, RunId
from tui.domain.text import clean, shortened
from tui.lazy_dataclass import dataclass
from tui.settings.secret import Secret
from tui.settings.settings import PREVIEW_BRANCH

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


class BodyError(Exception):
    """The body is too large, or cannot be decompressed. The exception's text says why."""


class BodyReader:
    """Collects one body from its chunks."""

    def __init__(self, content_encoding: str, max_bytes: int) -> None:
        """`content_encoding` is the header, `max_bytes` limits the decompressed body. Raises `BodyError`."""
        parts = map(str.strip, content_encoding.lower().split(","))
        codings = [coding for coding in parts if coding not in {"", "identity"}]
        if len(codings) > 1:
            raise BodyError("the response is compressed more than once")
        if not _GZIP.issuperset(codings):
            raise BodyError("the response has a compression that was not requested")
        self._decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16) if codings else None
        self._body = BytesIO()
        self._max_bytes = max_bytes
        self._received_bytes = 0

    def add(self, chunk: bytes) -> Iterator[None]:
        """Add one chunk, and yield after each step of decompression. Raises `BodyError`."""
        self._received_bytes += len(chunk)
        if self._received_bytes > self._max_bytes + MAX_OVERHEAD_BYTES:
            raise self._too_large()
        if self._decompressor is None:
            self._write(chunk)
            return
        # Bytes after the end of the gzip data are ignored, as in browsers.
        while chunk and not self._decompressor.eof:
            try:
                self._write(self._decompressor.decompress(chunk, STEP_BYTES))
            except zlib.error:
                raise BodyError("the response cannot be decompressed") from None
            chunk = self._decompressor.unconsumed_tail
            yield

    def body(self) -> bytes:
        """Return the whole decompressed body. Raises `BodyError` if the gzip data is incomplete."""
        if self._decompressor is not None and self._received_bytes and not self._decompressor.eof:
            raise BodyError("the response cannot be decompressed")
        return self._body.getvalue()

    def _write(self, part: bytes) -> None:
        self._body.write(part)
        if self._body.tell() > self._max_bytes:
            raise self._too_large()

    def _too_large(self) -> BodyError:
        """Free the memory of the body, and return the exception to raise.

        The exception's traceback refers to this object, and the caller may keep it until the next retry.
        """
        self._body = BytesIO()
        return BodyError(f"the response has more than {self._max_bytes:,} bytes")


# `Response`, a complete HTTP response, and functions that read its error, rate limit, date and small bodies.
#
# Source: tests/wire/recordings/README.md §1, §7, §10 (recordings 380-433, 800-841, 900-950).


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

_FiniteNumber = OrNone[Annotated[float, Field(ge=-1e10, le=8e13, allow_inf_nan=False)]]
_NUMBER = cast("type[float | None]", _FiniteNumber)
"""A number, also as text, for which no time overflows."""


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


# Without the secret key that the response echoes.
_ENVIRONMENT: Final = JsonObject(
    Environment,
    slug=Text("slug", min_chars=1),
    type=Text("type", min_chars=1),
    project=("project/slug", Text("slug")),
    organisation=("organization/slug", Text("slug")),
    project_ref=("project/externalRef", Text("externalRef", min_chars=1)),
    # Only version 2 of this response is recorded with it. That takes another kind of key.
    dashboard_url=("dashboardUrl", Text("dashboardUrl")),
    is_paused=("paused", Flag),
)


class _Created(TypedDict):
    id: Word


class _QueryRows(TypedDict):
    results: list[Any]


def decode_environment(body: bytes) -> Environment:
    """Decode `GET /api/v1/whoami`, without the secret key that it echoes. Raises `ServerFault`."""
    return decode(_ENVIRONMENT, body, "the environment of the key", Limits())


def decode_query(body: bytes, limits: Limits) -> list[dict[str, Json]]:
    """Decode the rows of `POST /api/v1/query`. `limits` records truncations. Raises `ServerFault`."""
    results = decode(_QueryRows, body, "the rows of the query", limits)["results"]
    rows = [row for row in results if isinstance(row, dict)]
    if len(body) > MAX_MESSAGE_CHARS:
        for row in rows:
            for name, value in row.items():
                if isinstance(value, str):
                    row[name] = limits.text(value, "text in a query's row", MAX_MESSAGE_CHARS)
    return rows


def decode_id(body: bytes) -> RunId:
    """Decode the id of a canceled run, or of the new run of a replay. Raises `ServerFault`."""
    return RunId(decode(_Created, body, "the id of the run", Limits())["id"])


def read_date(text: str | None, default: datetime) -> datetime:
    """Read a `Date` header, which is exact to the second. Return `default` if it is missing or implausible."""
    try:
        time = parsedate_to_datetime(text or "")
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return default
    return time if _FIRST_YEAR <= time.year <= _LAST_YEAR else default


def read_rate_limit(response: Response) -> RateLimit | None:
    """Read the `x-ratelimit-*` headers. Return None unless all three are there."""
    limit, remaining = (
        convert(_NUMBER, response.headers.get(f"x-ratelimit-{name}")) for name in ("limit", "remaining")
    )
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
    shown = " ".join((message.replace(key.reveal(), "…") if key is not None else message).split())
    summary = f"{response.label}: {status} {shortened(clean(shown), MAX_ERROR_CHARS)}".rstrip()
    if 200 <= status < 300:
        return errors.ServerFault(f"{summary}, a web page instead of JSON: is TRIGGER_API_URL right?", status)
    if status == 429:
        rate = read_rate_limit(response)
        is_busy = bool(rate.remaining) if rate is not None else _BUSY in message  # a relay passes no headers on
        if response.label == _QUERY and is_busy:
            return errors.TooManyQueries(summary, status)
        return errors.RateLimited(summary, _wait(response, value))
    if status == 404 and value is None:
        return errors.Refused(f"{response.label}: 404, no such route: is TRIGGER_API_URL right?", status)
    if status == 404:
        return errors.NotFound(summary)
    if status == 422 and (response.label.startswith("GET ") or response.label == _QUERY):
        return errors.TooExpensive(summary, status)
    if status == 401 and key is not None and key.reveal().startswith(_PREVIEW_KEY):
        return errors.Refused(f"{summary} (a preview key needs its branch in {PREVIEW_BRANCH})", status)
    if 400 <= status < 500:
        return errors.Refused(summary, status, is_page=response.is_html)
    return errors.ServerFault(summary, status)


def _wait(response: Response, value: dict[str, Json] | None) -> timedelta:
    """Return the wait that a 429 requires: the first plausible value of its headers and body."""
    given_s = (value or {}).get("secondsUntilReset"), response.headers.get("retry-after")
    waits = _until_reset(response), *(timedelta(seconds=convert(_NUMBER, each) or 0) for each in given_s)
    return next((wait for wait in waits if wait is not None and timedelta() < wait <= MAX_RESET), DEFAULT_RESET)


def _until_reset(response: Response) -> timedelta | None:
    reset_ms = convert(_NUMBER, response.headers.get("x-ratelimit-reset"))
    return None if reset_ms is None else EARLIEST + timedelta(milliseconds=reset_ms) - response.read_at


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
