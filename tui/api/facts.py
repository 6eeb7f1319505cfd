"""The facts of the wall: their requests, and the decoding of queues, schedules, tokens, deployments, error groups."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from tui.api.errors import MAX_ID_CHARS, MAX_MESSAGE_CHARS, MAX_TAGS, Limits
from tui.api.models import (
    AnyText,
    Count,
    Flag,
    Id,
    Items,
    JsonObject,
    Milliseconds,
    RowsPage,
    Text,
    Time,
    Word,
    decode,
    decode_rows,
)
from tui.api.runs import decode_page
from tui.domain import facts
from tui.domain.error import MAX_NAME_CHARS as MAX_TYPE_CHARS
from tui.domain.facts import ServerErrorGroup, ServerGroupDetail, ServerGroupStatus
from tui.domain.text import Raw

# A page of the server's error groups, and the detail of one.
#
# Source: tests/wire/recordings/README.md §7 (recordings 1020-1030, 2700-2708).


MAX_GROUPS: Final = 1_000
"""Groups of one page. We request 50."""

MAX_VERSIONS: Final = 100
"""Affected versions of one group."""

_LONG: Final = partial(Text, max_chars=MAX_MESSAGE_CHARS)


_LISTED: Final[dict[str, Any]] = {
    "id": Id,
    "task": ("taskIdentifier", Text("task", min_chars=1)),
    "message": ("errorMessage", _LONG("message of an error group")),
    "type": ("errorType", Text("type of an error", MAX_TYPE_CHARS)),
    "fingerprint": Text("fingerprint", MAX_ID_CHARS),
    "status": ServerGroupStatus,
    "count": Count,
    "first_seen": ("firstSeen", Time),
    "last_seen": ("lastSeen", Time),
    "resolved_at": ("resolvedAt", Time),
    "ignored_until": ("ignoredUntil", Time),
}
_LISTED_GROUP: Final = JsonObject(ServerErrorGroup, **_LISTED)
_GROUP: Final = JsonObject(
    ServerGroupDetail,
    **_LISTED,
    versions=("affectedVersions", Items(Text("version"), MAX_VERSIONS, "versions of an error group")),
    resolved_by=("resolvedBy", _LONG("id of a user")),
    ignored_reason=("ignoredReason", _LONG("reason")),
    ignored_by=("ignoredByUserId", _LONG("id of a user")),
)


def decode_error_groups(body: bytes, limits: Limits | None = None) -> RowsPage[ServerErrorGroup]:
    """Decode the response of `GET /api/v1/errors`. `limits` records truncations. Raises `ServerFault`."""
    return decode_rows(_LISTED_GROUP, body, "the list of errors", "groups", limits, max_rows=MAX_GROUPS)


def decode_error_group(body: bytes, limits: Limits | None = None) -> ServerGroupDetail:
    """Decode the response of `GET /api/v1/errors/{id}`. `limits` records truncations. Raises `ServerFault`."""
    return decode(_GROUP, body, "the error group", limits or Limits())


# The list of deployments.
#
# Source: tests/wire/recordings/README.md §7 (recordings 820-824).


def _deployed(
    status: str,
    version: Raw,
    deployed_at: datetime | None = None,
    author: Raw | None = None,
    user: Raw | None = None,
    commit: Raw | None = None,
    message: Raw | None = None,
) -> facts.Deployment | None:
    if status != "DEPLOYED" or deployed_at is None:
        return None
    return facts.Deployment(version, deployed_at, author or user, commit or message)


_COMMIT: Final = Text("text of a commit", min_chars=1)
_DEPLOYMENT: Final = JsonObject(
    facts.Deployment,
    _deployed,
    status=AnyText,
    version=Text("version", min_chars=1),
    deployed_at=("deployedAt", Time),
    # These keys are from the source of the server: in every recording `git` is null.
    author=("git/commitAuthorName", _COMMIT),
    user=("git/ghUsername", _COMMIT),
    commit=("git/commitSha", _COMMIT),
    message=("git/commitMessage", _COMMIT),
)


def decode_deployments(body: bytes, limits: Limits) -> RowsPage[facts.Deployment]:
    """Decode the response of `GET /api/v1/deployments`: the newest that are deployed. Raises `ServerFault`."""
    page = decode_rows(_DEPLOYMENT, body, "the list of deployments", "deployments", limits)
    newest = sorted(page.rows, key=lambda each: each.deployed_at, reverse=True)
    return replace(page, rows=tuple(newest[: facts.MAX_DEPLOYMENTS]))


# Pages of the queues, one queue, and its metrics. What makes the type of a queue known is its name.
#
# Source: tests/wire/recordings/README.md §7 (recordings 600-614, 1063).


MAX_CELLS: Final = 1_000
"""Cells of a trend. The server sends 12."""

MAX_CELL_MS: Final = 7 * 86_400_000

_QUEUE: Final = JsonObject(
    facts.Queue,
    id=Id,
    name=Text("name of a queue", min_chars=1),
    is_task=("type", Annotated[Literal["task", "custom"], AfterValidator("task".__eq__)]),
    running=Count,
    queued=Count,
    limit=("concurrencyLimit", Count),
    is_paused=("paused", Flag),
    is_v2=("version", Annotated[Literal["V2"], AfterValidator(bool)]),
)
_LIMIT: Final = JsonObject(
    facts.ConcurrencyLimit,
    name=Text("name of a limit", min_chars=1),
    running=Count,
    queued=Count,
    total=("total/current", Count),
    is_paused=("paused", Flag),
)


def _metrics(interval_ms: int, **measured: Any) -> facts.QueueMetrics:  # noqa: ARG001  its presence makes it metrics
    return facts.QueueMetrics(**measured)


_METRICS: Final = JsonObject(
    facts.QueueMetrics,
    _metrics,
    interval_ms=("bucketIntervalMs", Annotated[Count, Field(ge=1, le=MAX_CELL_MS)]),
    depths=("depthTrend", Items(Count, MAX_CELLS, "cells of a queue", drops_invalid=False)),
    peak_queued=("peakQueued", Count),
    started=("startedCount", Count),
    throttled=("throttledCount", Count),
    wait_p95=("waitMs/p95", Milliseconds),
)


def decode_queues(body: bytes, limits: Limits) -> RowsPage[facts.Queue]:
    """Decode the response of `GET /api/v1/queues`, in which they stand by name. Raises `ServerFault`."""
    return decode_rows(_QUEUE, body, "the list of queues", "queues", limits)


def decode_limits(body: bytes, limits: Limits) -> tuple[facts.ConcurrencyLimit, ...]:
    """Decode the response of `GET /api/v1/concurrency-limits`. Raises `ServerFault`.

    By the package `@trigger.dev/core` 4.8.3: no recorded server has the route.
    """
    return decode_rows(_LIMIT, body, "the list of concurrency limits", "limits", limits).rows


def decode_queue(body: bytes, limits: Limits) -> facts.Queue:
    """Decode the response of `GET /api/v1/queues/{name}` (recordings 602-604). Raises `ServerFault`."""
    return decode(_QUEUE, body, "the queue", limits)


def decode_queue_metrics(body: bytes, limits: Limits) -> facts.QueueMetrics:
    """Decode the response of `GET /api/v1/queues/{name}/metrics`. Raises `ServerFault`."""
    return decode(_METRICS, body, "the metrics of the queue", limits)


# The requests for the facts of the wall are in `api.client.Client`.
#
# They are no `ReadRequest`, which a relay passes on unchanged: a list of tokens holds secrets, and a relay sends
# decoded facts. TRQL and the error groups have their requests in `api.client`.
# Source: tests/wire/recordings/README.md §3, §7 (recordings 600, 824, 1083, 1099, 1105).


PAGE_SIZE: Final = 100
"""Rows of one page of schedules or tokens (recording 2800)."""

SCHEDULE_RUNS_PERIOD: Final = "30d"
"""How far back the newest run of a schedule is searched. Without it, the server searches seven days."""


_NO_TEXT: Final = Raw("")


def queues_request(page: int = 1) -> tuple[str, dict[str, str]]:
    """Return the path and the parameters of a page of the queues. Pages count from 1."""
    return "/api/v1/queues", {"page": str(page), "perPage": str(facts.QUEUES_PER_PAGE)}


# A page of the schedules, and the newest run of one.
#
# One without a word about `active` is not active: it must not be reported as missing.
# Source: tests/wire/recordings/README.md §7 (recordings 1083, 1099, 2800, 2804).


class _Environment(TypedDict):
    type: Word


def _schedule(
    environments: Sequence[_Environment] = (), *, zone: Raw = _NO_TEXT, is_active: bool = False, **more: Any
) -> tuple[set[str], facts.Schedule]:
    return {each["type"] for each in environments}, facts.Schedule(zone=zone, is_active=is_active, **more)


_SCHEDULE: Final[JsonObject[Any]] = JsonObject(
    facts.Schedule,
    _schedule,
    environments=list[_Environment],
    id=Id,
    task=Text("task", min_chars=1),
    cron=("generator/expression", Text("cron expression", min_chars=1)),
    zone=("timezone", Text("time zone")),
    is_active=("active", Flag),
    next_at=("nextRun", Time),
    next_effective_at=("nextRunEffectiveAt", Time),
    is_declarative=("type", Annotated[Literal["DECLARATIVE"], AfterValidator(bool)]),
)


def decode_schedules(body: bytes, limits: Limits, environment_type: str | None = None) -> RowsPage[facts.Schedule]:
    """Decode the response of `GET /api/v1/schedules`. Raises `ServerFault`.

    A schedule that names its environments is left out if none of them has `environment_type`.
    """
    page = decode_rows(_SCHEDULE, body, "the list of schedules", "schedules", limits)
    here = (each for types, each in page.rows if environment_type is None or not types or environment_type in types)
    return replace(page, rows=tuple(here))


def decode_schedule_runs(body: bytes, schedule_id: str, read_at: datetime, limits: Limits) -> facts.ScheduleRunsRead:
    """Decode a page of the runs that a schedule started, and return the newest. Raises `ServerFault`."""
    page = decode_page(body, read_at, limits)
    created = [(patch.created_at, patch.id) for patch in page.patches if patch.created_at is not None]
    newest_at, newest_run = max(created, default=(None, None))
    return facts.ScheduleRunsRead(read_at, schedule_id, newest_at, newest_run)


# A page of waitpoint tokens, without their callback addresses: each holds the secret that completes its token.
#
# `api.models` has removed the secrets from the body before, so that they are in no text of an error either.
# Source: tests/wire/recordings/README.md §7 (recordings 1105, 1106).


def _waiting(status: str, created_at: datetime | None, **more: Any) -> facts.WaitToken | None:
    if created_at is None:
        raise ValueError("a token without a time")
    return facts.WaitToken(created_at=created_at, **more) if status == "WAITING" else None


_TOKEN: Final = JsonObject(
    facts.WaitToken,
    _waiting,
    id=Id,
    status=AnyText,
    created_at=("createdAt", Time),
    times_out_at=("timeoutAt", Time),
    tags=Items(Text("tag"), MAX_TAGS, "tags of a token"),
)


def decode_tokens(body: bytes, limits: Limits) -> RowsPage[facts.WaitToken]:
    """Decode the response of `GET /api/v1/waitpoints/tokens`. Raises `ServerFault`."""
    return decode_rows(_TOKEN, body, "the list of waitpoint tokens", "tokens", limits)
