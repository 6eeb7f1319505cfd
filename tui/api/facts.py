"""The facts of the wall: their requests, and the decoding of queues, schedules, tokens and deployments."""

from datetime import datetime
from typing import Annotated, Any, Final, Required, TypedDict

from tui.api.errors import (
    MAX_ID_CHARS,
    MAX_MESSAGE_CHARS,
    MAX_PAGE_ROWS,
    MAX_TAGS,
    Limits,
    ServerFault,
    read_duration_ms,
    read_time,
)
from tui.api.models import OmittedOnError, Pagination, decode, in_range, none_on_error, of_length
from tui.api.runs import decode_page
from tui.domain import facts
from tui.domain.errors.error import MAX_NAME_CHARS as MAX_TYPE_CHARS
from tui.domain.errors.groups import ServerErrorGroup, ServerGroupDetail, ServerGroupStatus
from tui.domain.ids import Cursor, ErrorGroupId, TaskId
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

_Text = OmittedOnError[str]
_Count = OmittedOnError[Annotated[int, in_range(0, 2**53)]]


# Decodes a page of the server's error groups, and the detail of one.
#
# A row needs only what identifies its group: id, task and message. Everything else that is null or of a wrong type is
# left out. Source: tests/wire/recordings/README.md §7 (recordings 1020-1030, 2700-2708).


MAX_GROUPS: Final = 1_000
"""Groups of one page. We request 50."""

MAX_VERSIONS: Final = 100
"""Affected versions of one group."""

MAX_CURSOR_CHARS: Final = 2_000
"""Length of a cursor, which names a count, a fingerprint and a task."""

_Name = Annotated[str, of_length(1, MAX_ID_CHARS)]


class ErrorGroupRow(TypedDict, total=False):
    """A group, in the list or as a detail. Dates are still texts."""

    id: Required[_Name]
    taskIdentifier: Required[Annotated[str, of_length(1)]]
    errorMessage: Required[str]
    errorType: _Text
    fingerprint: _Text
    status: _Text
    count: _Count
    firstSeen: _Text
    lastSeen: _Text
    resolvedAt: _Text
    ignoredUntil: _Text
    affectedVersions: OmittedOnError[list[OmittedOnError[str]]]
    resolvedBy: _Text
    ignoredReason: _Text
    ignoredByUserId: _Text


class ErrorGroupRows(TypedDict, total=False):
    """The response of `GET /api/v1/errors`; an unreadable row is None."""

    data: Required[list[Annotated[ErrorGroupRow | None, none_on_error]]]
    pagination: OmittedOnError[Pagination]


@dataclass(frozen=True, slots=True)
class ErrorGroupPage:
    """One page of groups, the most frequent first. `next` is the cursor of the next page.

    `unreadable` counts dropped rows. `is_cut`: the page had more rows than MAX_GROUPS.
    """

    groups: tuple[ServerErrorGroup, ...]
    next: Cursor | None = None
    unreadable: int = 0
    is_cut: bool = False


def decode_error_groups(body: bytes, limits: Limits | None = None) -> ErrorGroupPage:
    """Decode the response of `GET /api/v1/errors`. `limits` records truncations. Raises `ServerFault`."""
    limits = limits or Limits()
    page = decode(ErrorGroupRows, body, "the list of errors", limits)
    rows = limits.take(page["data"], MAX_GROUPS, "groups on a page")
    groups = tuple(_read_group(row, limits, detail=None) for row in rows if row is not None)
    following = page.get("pagination", {}).get("next")
    # A cursor that cannot be sent back ends the list.
    cursor = Cursor(following) if following is not None and is_cursor(following) else None
    return ErrorGroupPage(groups, cursor, len(rows) - len(groups), len(rows) < len(page["data"]))


def is_cursor(text: str) -> bool:
    """Whether a text may be a cursor, which is base64 (recording 2703): a relay gets it from its screens."""
    return 0 < len(text) <= MAX_CURSOR_CHARS and text.isascii() and text.isprintable()


def decode_error_group(body: bytes, limits: Limits | None = None) -> ServerErrorGroup:
    """Decode the response of `GET /api/v1/errors/{id}`. `limits` records truncations. Raises `ServerFault`."""
    limits = limits or Limits()
    row = decode(ErrorGroupRow, body, "the error group", limits)
    detail = ServerGroupDetail(
        versions=tuple(
            Raw(limits.text(version, "version"))
            for version in limits.take(row.get("affectedVersions", ()), MAX_VERSIONS, "versions of an error group")
        ),
        resolved_by=_text(row.get("resolvedBy"), limits, "id of a user"),
        ignored_reason=_text(row.get("ignoredReason"), limits, "reason", MAX_MESSAGE_CHARS),
        ignored_by=_text(row.get("ignoredByUserId"), limits, "id of a user"),
    )
    return _read_group(row, limits, detail)


def _read_group(row: ErrorGroupRow, limits: Limits, detail: ServerGroupDetail | None) -> ServerErrorGroup:
    return ServerErrorGroup(
        id=ErrorGroupId(row["id"]),
        task=TaskId(limits.text(row["taskIdentifier"], "task")),
        message=Raw(limits.text(row["errorMessage"], "message of an error group", MAX_MESSAGE_CHARS)),
        type=_text(row.get("errorType"), limits, "type of an error", MAX_TYPE_CHARS),
        fingerprint=_text(row.get("fingerprint"), limits, "fingerprint", MAX_ID_CHARS),
        status=_status(row.get("status")),
        count=row.get("count"),
        first_seen=read_time(row.get("firstSeen")),
        last_seen=read_time(row.get("lastSeen")),
        resolved_at=read_time(row.get("resolvedAt")),
        ignored_until=read_time(row.get("ignoredUntil")),
        detail=detail,
    )


def _status(word: str | None) -> ServerGroupStatus | None:
    return ServerGroupStatus(word) if word in set(ServerGroupStatus) else None


def _text(text: str | None, limits: Limits, kind: str, max_chars: int = MAX_MESSAGE_CHARS) -> Raw | None:
    return None if text is None else Raw(limits.text(text, kind, max_chars))


# The facts of the wall: their requests, and the decoding of queues, schedules, tokens and deployments.


# Decodes the list of deployments.
#
# Source: tests/wire/recordings/README.md §7 (recordings 820-824).


DEPLOYED: Final = "DEPLOYED"

_GIT_NAMES: Final = ("commitAuthorName", "ghUsername")
_GIT_COMMITS: Final = ("commitSha", "commitMessage")
"""Keys of `git`, from the source of the server: in every recording it is null."""


class DeploymentRow(TypedDict, total=False):
    """A deployment. Dates are still texts."""

    version: Required[Annotated[str, of_length(1)]]
    status: Required[str]
    deployedAt: _Text
    git: OmittedOnError[dict[str, Any]]


class DeploymentRows(TypedDict, total=False):
    """The response of `GET /api/v1/deployments`; an unreadable row is None."""

    data: Required[list[Annotated[DeploymentRow | None, none_on_error]]]


@dataclass(frozen=True, slots=True)
class DeploymentsPage:
    """The newest deployments, newest first. `unreadable` counts dropped rows."""

    deployments: tuple[facts.Deployment, ...]
    unreadable: int = 0


def decode_deployments(body: bytes, limits: Limits) -> DeploymentsPage:
    """Decode the response of `GET /api/v1/deployments`, without those that are not deployed. Raises `ServerFault`."""
    page = decode(DeploymentRows, body, "the list of deployments", limits)
    rows = limits.take(page["data"], MAX_PAGE_ROWS, "deployments on a page")
    found = [
        _read_deployment(row, at, limits)
        for row in rows
        if row is not None and row["status"] == DEPLOYED and (at := read_time(row.get("deployedAt"))) is not None
    ]
    newest = sorted(found, key=lambda each: each.deployed_at, reverse=True)
    return DeploymentsPage(tuple(newest[: facts.MAX_DEPLOYMENTS]), rows.count(None))


def _read_deployment(row: DeploymentRow, deployed_at: datetime, limits: Limits) -> facts.Deployment:
    git = row.get("git", {})
    return facts.Deployment(
        Raw(limits.text(row["version"], "version")),
        deployed_at,
        _first_text(git, _GIT_NAMES, limits),
        _first_text(git, _GIT_COMMITS, limits),
    )


def _first_text(git: dict[str, Json], names: tuple[str, ...], limits: Limits) -> Raw | None:
    texts = (value for name in names if isinstance(value := git.get(name), str) and value)
    text = next(texts, None)
    return None if text is None else Raw(limits.text(text, "text of a commit"))


# Decodes pages of the queues, and the metrics of one.
#
# A queue needs its id, its name and its type. Everything else that is null or of a wrong type is unknown.
# Source: tests/wire/recordings/README.md §7 (recordings 600-614, 1063).


MAX_CELLS: Final = 1_000
"""Cells of a trend. The server sends 12."""

MAX_CELL_MS: Final = 7 * 86_400_000

_TYPES: Final = {"task": True, "custom": False}
_Flag = OmittedOnError[bool]
_Word = Annotated[str, of_length(1)]


class ListedQueue(TypedDict, total=False):
    """A queue in the list."""

    id: Required[Annotated[str, of_length(1, MAX_ID_CHARS)]]
    name: Required[_Word]
    type: Required[_Word]
    running: _Count
    queued: _Count
    paused: _Flag
    concurrencyLimit: _Count
    version: OmittedOnError[str]


class BoundRow(TypedDict, total=False):
    """One bound of a limit."""

    current: _Count


class LimitRow(TypedDict, total=False):
    """A concurrency limit in the list."""

    name: Required[_Word]
    total: OmittedOnError[BoundRow]
    running: _Count
    queued: _Count
    paused: _Flag


class LimitRows(TypedDict, total=False):
    """The response of `GET /api/v1/concurrency-limits`; an unreadable row is None."""

    data: Required[list[Annotated[LimitRow | None, none_on_error]]]


class PageNumbers(TypedDict, total=False):
    """The numbers of a page of queues or schedules."""

    totalPages: _Count


class QueueRows(TypedDict, total=False):
    """The response of `GET /api/v1/queues`; an unreadable row is None."""

    data: Required[list[Annotated[ListedQueue | None, none_on_error]]]
    pagination: OmittedOnError[PageNumbers]


class WaitRow(TypedDict, total=False):
    """How long runs waited, in milliseconds."""

    p95: OmittedOnError[Annotated[float, in_range(0, 1e14)]]


class MetricsRow(TypedDict, total=False):
    """The response of `GET /api/v1/queues/{name}/metrics`."""

    bucketIntervalMs: Required[Annotated[int, in_range(1, MAX_CELL_MS)]]
    waitMs: OmittedOnError[WaitRow]
    peakQueued: _Count
    startedCount: _Count
    throttledCount: _Count
    depthTrend: OmittedOnError[list[Annotated[int, in_range(0, 2**53)]]]


@dataclass(frozen=True, slots=True)
class QueuesPage:
    """One page of queues, by name. `page_count` is that of the whole list; 1 if the server does not say it.

    `unreadable` counts dropped rows.
    """

    queues: tuple[facts.Queue, ...]
    page_count: int = 1
    unreadable: int = 0


def decode_queues(body: bytes, limits: Limits) -> QueuesPage:
    """Decode the response of `GET /api/v1/queues`. Raises `ServerFault`."""
    page = decode(QueueRows, body, "the list of queues", limits)
    rows = limits.take(page["data"], MAX_PAGE_ROWS, "queues on a page")
    queues = tuple(_read_queue(row, limits) for row in rows if row is not None and row["type"] in _TYPES)
    return QueuesPage(queues, max(1, page.get("pagination", {}).get("totalPages", 1)), len(rows) - len(queues))


def _read_queue(row: ListedQueue, limits: Limits) -> facts.Queue:
    return facts.Queue(
        row["id"],
        Raw(limits.text(row["name"], "name of a queue")),
        _TYPES[row["type"]],
        row.get("running"),
        row.get("queued"),
        row.get("concurrencyLimit"),
        row.get("paused", False),
        row.get("version") == "V2",
    )


def decode_limits(body: bytes, limits: Limits) -> tuple[facts.ConcurrencyLimit, ...]:
    """Decode the response of `GET /api/v1/concurrency-limits`. Raises `ServerFault`.

    By the package `@trigger.dev/core` 4.8.3: no recorded server has the route.
    """
    page = decode(LimitRows, body, "the list of concurrency limits", limits)
    rows = limits.take(page["data"], MAX_PAGE_ROWS, "limits on a page")
    return tuple(
        facts.ConcurrencyLimit(
            Raw(limits.text(row["name"], "name of a limit")),
            row.get("running"),
            row.get("queued"),
            row.get("total", {}).get("current"),
            row.get("paused", False),
        )
        for row in rows
        if row is not None
    )


def decode_queue(body: bytes, limits: Limits) -> facts.Queue:
    """Decode the response of `GET /api/v1/queues/{name}` (recordings 602-604). Raises `ServerFault`."""
    row = decode(ListedQueue, body, "the queue", limits)
    if row["type"] not in _TYPES:
        raise ServerFault("the queue could not be read: its type is not known", 200)
    return _read_queue(row, limits)


def decode_queue_metrics(body: bytes, limits: Limits) -> facts.QueueMetrics:
    """Decode the response of `GET /api/v1/queues/{name}/metrics`. Raises `ServerFault`."""
    row = decode(MetricsRow, body, "the metrics of the queue", limits)
    p95_ms = row.get("waitMs", {}).get("p95")
    return facts.QueueMetrics(
        tuple(limits.take(row.get("depthTrend", ()), MAX_CELLS, "cells of a queue")),
        row.get("peakQueued", 0),
        row.get("startedCount", 0),
        row.get("throttledCount", 0),
        None if p95_ms is None else read_duration_ms(p95_ms),
    )


# The requests for the facts of the wall are in `api.client.FactReader`.
#
# They are no `ReadRequest`, which a relay passes on unchanged: a list of tokens holds secrets, and a relay sends
# decoded facts. TRQL and the error groups have their requests in `api.client`.
# Source: tests/wire/recordings/README.md §3, §7 (recordings 600, 824, 1083, 1099, 1105).


PAGE_SIZE: Final = 100
"""Rows of one page of schedules or tokens (recording 2800)."""

SCHEDULE_RUNS_PERIOD: Final = "30d"
"""How far back the newest run of a schedule is searched. Without it, the server searches seven days."""


def queues_request(page: int = 1) -> tuple[str, dict[str, str]]:
    """Return the path and the parameters of a page of the queues. Pages count from 1."""
    return "/api/v1/queues", {"page": str(page), "perPage": str(facts.QUEUES_PER_PAGE)}


# Decodes a page of the schedules, and the newest run of one.
#
# A schedule needs its id, its task and its expression. One without a word about `active` is not active: it must not
# be reported as missing. Source: tests/wire/recordings/README.md §7 (recordings 1083, 1099, 2800, 2804).


class GeneratorRow(TypedDict, total=False):
    """What makes the due times. Today's servers know cron expressions alone."""

    expression: Required[_Word]


class ScheduleEnvironmentRow(TypedDict, total=False):
    """An environment in which a schedule starts runs."""

    type: Required[_Word]


class ScheduleRow(TypedDict, total=False):
    """A schedule in the list. Dates are still texts."""

    id: Required[Annotated[str, of_length(1, MAX_ID_CHARS)]]
    task: Required[_Word]
    type: _Text
    generator: Required[GeneratorRow]
    timezone: _Text
    active: OmittedOnError[bool]
    nextRun: _Text
    nextRunEffectiveAt: _Text
    environments: OmittedOnError[list[ScheduleEnvironmentRow]]


class ScheduleRows(TypedDict, total=False):
    """The response of `GET /api/v1/schedules`; an unreadable row is None."""

    data: Required[list[Annotated[ScheduleRow | None, none_on_error]]]
    pagination: OmittedOnError[PageNumbers]


@dataclass(frozen=True, slots=True)
class SchedulesPage:
    """One page of schedules. `page_count` is that of the whole list; 1 if the server does not say it."""

    schedules: tuple[facts.Schedule, ...]
    page_count: int = 1
    unreadable: int = 0


def decode_schedules(body: bytes, limits: Limits, environment_type: str | None = None) -> SchedulesPage:
    """Decode the response of `GET /api/v1/schedules`. Raises `ServerFault`.

    A schedule that names its environments is left out if none of them has `environment_type`.
    """
    page = decode(ScheduleRows, body, "the list of schedules", limits)
    rows = limits.take(page["data"], MAX_PAGE_ROWS, "schedules on a page")
    readable = [row for row in rows if row is not None]
    schedules = tuple(_read_schedule(row, limits) for row in readable if _is_here(row, environment_type))
    page_count = max(1, page.get("pagination", {}).get("totalPages", 1))
    return SchedulesPage(schedules, page_count, len(rows) - len(readable))


def _is_here(row: ScheduleRow, environment_type: str | None) -> bool:
    types = {each["type"] for each in row.get("environments", ())}
    return environment_type is None or not types or environment_type in types


def _read_schedule(row: ScheduleRow, limits: Limits) -> facts.Schedule:
    return facts.Schedule(
        row["id"],
        TaskId(limits.text(row["task"], "task")),
        Raw(limits.text(row["generator"]["expression"], "cron expression")),
        Raw(limits.text(row.get("timezone", ""), "time zone")),
        row.get("active", False),
        read_time(row.get("nextRun")),
        read_time(row.get("nextRunEffectiveAt")),
        row.get("type") == "DECLARATIVE",
    )


def decode_schedule_runs(body: bytes, schedule_id: str, read_at: datetime, limits: Limits) -> facts.ScheduleRunsRead:
    """Decode a page of the runs that a schedule started, and return the newest. Raises `ServerFault`."""
    page = decode_page(body, read_at, limits)
    created = [(patch.created_at, patch.id) for patch in page.patches if patch.created_at is not None]
    newest_at, newest_run = max(created, default=(None, None))
    return facts.ScheduleRunsRead(read_at, schedule_id, newest_at, newest_run)


# Decodes a page of waitpoint tokens, without their callback addresses: each holds the secret that completes its token.
#
# `api.models` has removed the secrets from the body before, so that they are in no text of an error either.
# Source: tests/wire/recordings/README.md §7 (recordings 1105, 1106).


class TokenRow(TypedDict, total=False):
    """A token in the list, without its `url`. Dates are still texts."""

    id: Required[Annotated[str, of_length(1, MAX_ID_CHARS)]]
    status: Required[str]
    createdAt: Required[str]
    timeoutAt: OmittedOnError[str]
    tags: OmittedOnError[list[OmittedOnError[str]]]


class TokenRows(TypedDict, total=False):
    """The response of `GET /api/v1/waitpoints/tokens`; an unreadable row is None."""

    data: Required[list[Annotated[TokenRow | None, none_on_error]]]
    pagination: OmittedOnError[Pagination]


@dataclass(frozen=True, slots=True)
class TokensPage:
    """One page of the tokens that wait, newest first. `next` is the cursor of older ones."""

    tokens: tuple[facts.WaitToken, ...]
    next: Cursor | None = None
    unreadable: int = 0


def decode_tokens(body: bytes, limits: Limits) -> TokensPage:
    """Decode the response of `GET /api/v1/waitpoints/tokens`. Raises `ServerFault`."""
    page = decode(TokenRows, body, "the list of waitpoint tokens", limits)
    rows = limits.take(page["data"], MAX_PAGE_ROWS, "tokens on a page")
    read = [_read_token(row, limits) for row in rows if row is not None and row["status"] == "WAITING"]
    tokens = tuple(token for token in read if token is not None)
    following = page.get("pagination", {}).get("next")
    cursor = Cursor(following) if following is not None and is_cursor(following) else None
    unreadable = rows.count(None) + len(read) - len(tokens)
    return TokensPage(tokens, cursor, unreadable)


def _read_token(row: TokenRow, limits: Limits) -> facts.WaitToken | None:
    created_at = read_time(row["createdAt"])
    if created_at is None:
        return None
    tags = limits.take(row.get("tags", ()), MAX_TAGS, "tags of a token")
    return facts.WaitToken(
        row["id"], created_at, tuple(Raw(limits.text(tag, "tag")) for tag in tags), read_time(row.get("timeoutAt"))
    )
