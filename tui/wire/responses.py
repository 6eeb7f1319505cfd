"""What an answer says beside runs: where the key leads, query rows, a new run's id, and why it was refused.

What lives here: the small decoders, and the meaning of statuses, error bodies and rate-limit headers. No request is
sent from here. Source: wire/README.md §1, §7, §10, recordings 380-433, 800-841, 900-950.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from tui.config import PREVIEW_BRANCH, Secret
from tui.domain.environment import Environment, RateLimit
from tui.domain.ids import RunId
from tui.domain.run import Json
from tui.domain.text import Raw, clean
from tui.wire.errors import ApiError, NotFound, RateLimited, Refused, ServerFault, TooExpensive
from tui.wire.limits import MAX_MESSAGE_CHARS, MAX_QUERY_ROWS, Limits
from tui.wire.models import IdRow, QueryRows, WhoamiRow, decode, read_json

DEFAULT_RESET = timedelta(seconds=10)
"""Until the refill when a 429 does not say: the server refills every 10 s (wire/README.md §10)."""

_FIRST_YEAR, _LAST_YEAR = 1970, 2999
"""Of a `Date`: a clock that was never set shows the first."""

MAX_RESET = timedelta(hours=1)
"""A reset further away than this is another unit or another clock, not a wait."""

MAX_ERROR_CHARS = 150
"""Characters of the server's own words in an error: two lines of a terminal, path and status included."""

MAX_REFUSAL_BYTES = 64 * 1024
"""Of a refusal's body: the event loop decodes it, and nobody reads more than a line of it."""

_PREVIEW_KEY = "tr_preview_"
_QUERY = "POST /api/v1/query"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer. `label` is method and path without the query, `headers` have lower-case names, `read_at` is the
    server's time.
    """

    label: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    read_at: datetime

    @property
    def is_html(self) -> bool:
        """Whether it is a page for a browser: a wrong address, a proxy's or a hotel's page."""
        return "html" in self.headers.get("content-type", "") or self.body[:64].lstrip()[:1] == b"<"


def decode_environment(body: bytes) -> Environment:
    """Read four texts of the answer of `GET /api/v1/whoami`, and leave the key that it echoes. Raises `ServerFault`."""
    row = decode(WhoamiRow, body, "the environment of the key")
    limits = Limits()
    return Environment(
        slug=Raw(limits.text(row["slug"], "slug")),
        type=limits.text(row["type"], "type"),
        project=Raw(limits.text(row.get("project", {}).get("slug", ""), "slug")),
        organisation=Raw(limits.text(row.get("organization", {}).get("slug", ""), "slug")),
    )


def decode_query(body: bytes, limits: Limits | None = None) -> list[dict[str, Json]]:
    """Read the rows that `POST /api/v1/query` answered. `limits` learns what was too much. Raises `ServerFault`."""
    limits = limits or Limits()
    rows = list(
        limits.take(
            decode(QueryRows, body, "the rows of the query", limits)["results"], MAX_QUERY_ROWS, "rows of a query"
        )
    )
    if len(body) > MAX_MESSAGE_CHARS:
        for row in rows:
            row |= {
                name: limits.text(value, "text in a query's row", MAX_MESSAGE_CHARS)
                for name, value in row.items()
                if isinstance(value, str) and len(value) > MAX_MESSAGE_CHARS
            }
    return rows


def decode_id(body: bytes) -> RunId:
    """Read which run was canceled, or made by a replay. Raises `ServerFault`."""
    return RunId(decode(IdRow, body, "the id of the run")["id"])


def read_date(text: str | None, otherwise: datetime) -> datetime:
    """The time of a `Date` header, to the second; `otherwise` where there is none that a server's clock could show."""
    try:
        time = parsedate_to_datetime(text or "")
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return otherwise
    return time if _FIRST_YEAR <= time.year <= _LAST_YEAR else otherwise


def read_rate_limit(answer: Response) -> RateLimit | None:
    """What the `x-ratelimit-*` headers say; None unless all three are there."""
    limit, remaining = (_number(answer.headers.get(f"x-ratelimit-{name}")) for name in ("limit", "remaining"))
    until_reset = _until_reset(answer)
    if limit is None or remaining is None or until_reset is None:
        return None
    return RateLimit(int(limit), max(0, int(remaining)), min(max(timedelta(), until_reset), MAX_RESET))


def refusal(answer: Response, key: Secret | None = None) -> ApiError | None:
    """What an answer means that is no success; None for 2xx, except that a page for a browser never is one.

    `key` is cut out of the server's words.
    """
    status = answer.status
    if 200 <= status < 300 and not answer.is_html:
        return None
    body = answer.body[:MAX_REFUSAL_BYTES]
    value = _read_object(body)
    words = _words(value) if value is not None else "" if answer.is_html else body.decode(errors="replace")
    text = _one_line(words.replace(key.reveal(), "…") if key is not None else words)
    said = f"{answer.label}: {status} {text}".rstrip()
    if 200 <= status < 300:
        return ServerFault(f"{said}, but a web page: is TRIGGER_API_URL right?", status)
    if status == 429:
        rate = read_rate_limit(answer)
        if answer.label == _QUERY and rate is not None and rate.remaining:
            # Three queries at once are the most for a project, whoever sends them; other requests are still admitted.
            return Refused(said, status)
        return RateLimited(said, _wait(answer, value))
    if status == 404 and value is None:
        return Refused(f"{answer.label}: 404, no such route: is TRIGGER_API_URL right?", status)
    if status == 404:
        return NotFound(said)
    if status == 422 and (answer.label.startswith("GET ") or answer.label == _QUERY):
        return TooExpensive(said)
    if status == 401 and key is not None and key.reveal().startswith(_PREVIEW_KEY):
        return Refused(f"{said} (a preview key needs its branch in {PREVIEW_BRANCH})", status)
    if 400 <= status < 500:
        return Refused(said, status)
    return ServerFault(said, status)


def _wait(answer: Response, value: dict[str, Json] | None) -> timedelta:
    """How long a 429 asks us to wait: the first of its words that can be meant."""
    words = (
        _until_reset(answer),
        _seconds((value or {}).get("secondsUntilReset")),
        _seconds(answer.headers.get("retry-after")),
    )
    return next((word for word in words if word is not None and timedelta() < word <= MAX_RESET), DEFAULT_RESET)


def _until_reset(answer: Response) -> timedelta | None:
    reset_ms = _number(answer.headers.get("x-ratelimit-reset"))
    try:
        return None if reset_ms is None else _EPOCH + timedelta(milliseconds=reset_ms) - answer.read_at
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


def _words(value: dict[str, Json]) -> str:
    """The server's own words: `error` or `message`, of a bad query also its first detail (043)."""
    words = [word for key in ("error", "message", "detail", "title") if isinstance(word := value.get(key), str)]
    details = value.get("details")
    first = details[0] if isinstance(details, list) and details else None
    detail = first.get("message") if isinstance(first, dict) else None
    return ": ".join([*words[:1], *([detail] if isinstance(detail, str) else [])])


def _one_line(text: str) -> str:
    """Somebody's text as one short line that is safe to show."""
    line = clean(" ".join(text.split()))
    return line if len(line) <= MAX_ERROR_CHARS else line[: MAX_ERROR_CHARS - 1] + "…"
