"""The facts of the wall: their requests, and the decoding of queues, schedules, tokens, deployments, error groups."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from tui.api.errors import MAX_ID_CHARS, MAX_MESSAGE_CHARS, MAX_TAGS
from tui.api.lists import EVENTS, RUN, SPAN, TRACE, ListRead, RowRead
from tui.api.models import AnyText, Count, Flag, Id, Items, JsonObject, Milliseconds, Text, Time, Word
from tui.domain import facts
from tui.domain.error import MAX_NAME_CHARS as MAX_TYPE_CHARS
from tui.domain.facts import ServerErrorGroup, ServerGroupDetail, ServerGroupStatus
from tui.domain.run import SAFE_NAME, RunId, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

# A page of the server's error groups, and the detail of one.
#
# Source: tests/wire/recordings/README.md §7 (recordings 1020-1030, 2700-2708).


ERROR_GROUPS_PAGE_SIZE: Final = 50
"""Error groups of one page. No recording requests more (recording 2700 requests 10, others 50)."""

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
ERROR_GROUPS: Final = ListRead(
    "/api/v1/errors",
    JsonObject(ServerErrorGroup, **_LISTED),
    {"filter[period]": "{period}"},
    page_size=ERROR_GROUPS_PAGE_SIZE,
)
"""The error groups with a failure in the last `period`, such as `1h`."""

ERROR_GROUP: Final = RowRead(
    "/api/v1/errors/{id}",
    JsonObject(
        ServerGroupDetail,
        **_LISTED,
        versions=("affectedVersions", Items(Text("version"), MAX_VERSIONS, "versions of an error group")),
        resolved_by=("resolvedBy", _LONG("id of a user")),
        ignored_reason=("ignoredReason", _LONG("reason")),
        ignored_by=("ignoredByUserId", _LONG("id of a user")),
    ),
    name="the error group",
)


# The list of deployments, which has a rate limit of its own.
#
# Source: tests/wire/recordings/README.md §7 (recordings 820-824).


@dataclass(frozen=True, slots=True)
class ListedDeployment:
    """A deployment. `git` is what the server knows of its commit; in every recording that is null."""

    id: str
    version: Raw
    status: str
    created_at: datetime | None = None
    deployed_at: datetime | None = None
    runtime: Raw | None = None
    commit: Raw | None = None
    message: Raw | None = None
    author: Raw | None = None

    @property
    def git(self) -> Raw | None:
        """The message of its commit, else the id."""
        return self.message or self.commit


def _deployment(*, author: Raw | None = None, user: Raw | None = None, **more: Any) -> ListedDeployment:
    return ListedDeployment(author=author or user, **more)


COMMIT: Final = Text("text of a commit", min_chars=1)
DEPLOYMENTS: Final = ListRead(
    "/api/v1/deployments",
    JsonObject(
        ListedDeployment,
        _deployment,
        id=Id,
        version=Text("version", min_chars=1),
        status=AnyText,
        created_at=("createdAt", Time),
        deployed_at=("deployedAt", Time),
        runtime=Text("runtime", min_chars=1),
        # These keys are from the source of the server: in every recording `git` is null.
        author=("git/commitAuthorName", COMMIT),
        user=("git/ghUsername", COMMIT),
        commit=("git/commitSha", COMMIT),
        message=("git/commitMessage", COMMIT),
    ),
    has_own_limit=True,
    page_size=facts.MAX_DEPLOYMENTS,
)
"""The list of deployments. It has its own rate limit (recording 824)."""

CURRENT_DEPLOYMENT: Final = RowRead(
    "/api/v1/deployments/current", DEPLOYMENTS.row, has_own_limit=True, name="the current deployment"
)
"""The deployment that new runs use (recording 826)."""


# Pages of the queues, one queue, and its metrics. What makes the type of a queue known is its name.
#
# Source: tests/wire/recordings/README.md §7 (recordings 600-614, 1063).


MAX_CELLS: Final = 1_000
"""Cells of a trend. The server sends 12."""

MAX_CELL_MS: Final = 7 * 86_400_000

_QUEUE: Final[JsonObject[facts.Queue]] = JsonObject(
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
QUEUES: Final = ListRead("/api/v1/queues", _QUEUE, has_numbers=True, max_rows=facts.MAX_QUEUES)
LIMITS: Final = ListRead(
    "/api/v1/concurrency-limits",
    JsonObject(
        facts.ConcurrencyLimit,
        name=Text("name of a limit", min_chars=1),
        running=Count,
        queued=Count,
        total=("total/current", Count),
        is_paused=("paused", Flag),
    ),
    has_numbers=True,
)
"""The keys are those of the package `@trigger.dev/core` 4.8.3. A server older than 4.7 answers with a page of HTML."""


def _metrics(interval_ms: int, **measured: Any) -> facts.QueueMetrics:  # noqa: ARG001  its presence makes it metrics
    return facts.QueueMetrics(**measured)


QUEUE: Final = RowRead("/api/v1/queues/{id}", _QUEUE, {"type": "{type}"}, ids=SAFE_NAME, name="the queue")
QUEUE_METRICS: Final = RowRead(
    "/api/v1/queues/{id}/metrics",
    JsonObject(
        facts.QueueMetrics,
        _metrics,
        interval_ms=("bucketIntervalMs", Annotated[Count, Field(ge=1, le=MAX_CELL_MS)]),
        depths=("depthTrend", Items(Count, MAX_CELLS, "the metrics of a queue", drops_invalid=False)),
        peak_queued=("peakQueued", Count),
        started=("startedCount", Count),
        throttled=("throttledCount", Count),
        wait_p95=("waitMs/p95", Milliseconds),
    ),
    {"type": "{type}", "period": "{period}"},
    ids=SAFE_NAME,
    name="the metrics of the queue",
)
READS: Final = (RUN, TRACE, EVENTS, SPAN, ERROR_GROUPS, ERROR_GROUP, QUEUE, QUEUE_METRICS)
"""What a screen may read through every relay."""


# The schedules, and the newest run of one.
#
# One without a word about `active` is not active: it must not be reported as missing.
# Source: tests/wire/recordings/README.md §7 (recordings 1083, 1099, 2800, 2804).


@dataclass(frozen=True, slots=True)
class ListedSchedule:
    """A schedule. `words` is the cron expression in words, as the server says them. `environments` are their types.

    The run that is due at `next_at` begins at `starts_at`, within the `window`. The server sends a next time for one
    that is not active, too.
    """

    id: str
    task: Raw
    cron: Raw
    words: Raw | None = None
    zone: Raw | None = None
    is_active: bool = False
    next_at: datetime | None = None
    starts_at: datetime | None = None
    window: Raw | None = None
    environments: tuple[str, ...] = ()

    @property
    def when(self) -> Raw:
        """When it is due, in words where the server has some."""
        return self.words or self.cron

    @property
    def due_at(self) -> datetime | None:
        """The next due time; None for one that is not active."""
        return self.next_at if self.is_active else None


SCHEDULES: Final = ListRead(
    "/api/v1/schedules",
    JsonObject(
        ListedSchedule,
        id=Id,
        task=Text("task", min_chars=1),
        cron=("generator/expression", Text("cron expression", min_chars=1)),
        words=("generator/description", Text("cron expression in words", min_chars=1)),
        zone=("timezone", Text("time zone", min_chars=1)),
        is_active=("active", Flag),
        next_at=("nextRun", Time),
        starts_at=("nextRunEffectiveAt", Time),
        window=Text("window", min_chars=1),  # by the package `@trigger.dev/core` 4.8.3
        environments=Items(JsonObject(str, lambda kind: kind, kind=("type", Word)), 100, "environments of a schedule"),
    ),
    has_numbers=True,
    is_shown=lambda row, kind: not (kind and row.environments) or kind in row.environments,
)
"""Each with the types of its environments, if it names them: the list is that of the project."""


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """A run that a schedule started."""

    id: RunId
    created_at: datetime | None = None


SCHEDULE_RUNS: Final = RowRead(
    "/api/v1/runs",
    JsonObject[tuple[ScheduledRun, ...]](
        tuple,
        lambda data: data,
        data=Items(JsonObject(ScheduledRun, id=Id, created_at=("createdAt", Time)), 1, "runs of a schedule"),
    ),
    {"filter[schedule]": "{id}", "filter[createdAt][period]": "30d", "page[size]": "1"},
)
"""The newest run of a schedule, if it started one in 30 days. Without a period, the server searches seven days."""


# A page of waitpoint tokens, without their callback addresses: each holds the secret that completes its token.
#
# `api.models` has removed the secrets from the body before, so that they are in no text of an error either.
# Source: tests/wire/recordings/README.md §7 (recordings 1105, 1106).


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token. Its address holds a secret, which is cut out of the answer before anything reads it.

    `run_id` is the run that waits for it, where the spans of a run name it.
    """

    id: str
    status: str
    created_at: datetime
    times_out_at: datetime | None = None
    completed_at: datetime | None = None
    tags: tuple[Raw, ...] = ()
    run_id: RunId | None = None
    task: TaskId | None = None


def _token(*, created_at: datetime | None, **more: Any) -> ListedToken:
    if created_at is None:
        raise ValueError("a token without a creation time")
    return ListedToken(created_at=created_at, **more)


TOKENS: Final = ListRead(
    "/api/v1/waitpoints/tokens",
    JsonObject(
        ListedToken,
        _token,
        id=Id,
        status=AnyText,
        created_at=("createdAt", Time),
        times_out_at=("timeoutAt", Time),
        completed_at=("completedAt", Time),
        tags=Items(Text("tag"), MAX_TAGS, "tags of a token"),
    ),
    {"filter[status]": "WAITING"},
    max_rows=facts.MAX_TOKENS,
)
