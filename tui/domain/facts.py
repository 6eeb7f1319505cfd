"""The facts of an environment that are not runs, the server's error groups among them, and how often each is read."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tui.domain.run import ErrorGroupId, RunId, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass

# `ServerErrorGroup`: a group of errors as the server counts it, one for each task and message as it was thrown.
#
# The server does not normalise messages, so one group of `store.error_groups` may hold many of these.
# Source: tests/wire/recordings/README.md §7 (recordings 620, 621).


class ServerGroupStatus(StrEnum):
    """What people decided about a group on the server."""

    UNRESOLVED = "unresolved"
    RESOLVED = "resolved"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class ServerErrorGroup:
    """One group of the server. `status` is None for a word that this program does not know.

    A time, a count or a type that the server left out is None. `last_seen` is the creation time of the newest run that
    failed.
    """

    id: ErrorGroupId
    task: TaskId
    message: Raw
    type: Raw | None = None
    fingerprint: str | None = None
    status: ServerGroupStatus | None = None
    count: int | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    resolved_at: datetime | None = None
    ignored_until: datetime | None = None

    def is_new(self, since: datetime) -> bool:
        """Whether the first failure of the group was at `since` or later."""
        return self.first_seen is not None and self.first_seen >= since

    @property
    def is_regressed(self) -> bool:
        """Whether a run failed again after the group was resolved: its status stays `resolved` then.

        Source: tests/wire/recordings/README.md §7 (recording error-4-detail-regressed).
        """
        if self.status is not ServerGroupStatus.RESOLVED or self.resolved_at is None or self.last_seen is None:
            return False
        return self.last_seen > self.resolved_at

    def is_acknowledged(self, now: datetime) -> bool:
        """Whether the group is resolved and did not fail again, or is ignored at `now`.

        The status stays `ignored` after `ignored_until`. Source: tests/wire/recordings/README.md §7 (recording
        error-ignored-after-expiry).
        """
        match self.status:
            case ServerGroupStatus.RESOLVED:
                return not self.is_regressed
            case ServerGroupStatus.IGNORED:
                return self.ignored_until is None or now < self.ignored_until
            case _:
                return False


@dataclass(frozen=True, slots=True)
class ServerGroupDetail(ServerErrorGroup):
    """A group with the fields that its detail alone has.

    * `versions`: the deployed versions with this error.
    * `resolved_by`, `ignored_by`: ids of users; None where a secret key did it.
    """

    versions: tuple[Raw, ...] = ()
    resolved_by: Raw | None = None
    ignored_reason: Raw | None = None
    ignored_by: Raw | None = None


# How far the failed runs of a span of time, and the server's groups of errors, were read.
#
# `sync.failures` reports both, and the errors view shows them.


@dataclass(frozen=True, slots=True)
class FailuresProgress:
    """How far the failed runs of a span were read.

    * `known_count`: the failed runs that are known by their ids; None before the first count. A view counts them.
    * `read_count`: those of them whose error is known.
    * `server_count`: the server's number of failed runs, if a query returned it.
    * `unreadable_count`: failed runs whose error could not be read.
    * `has_all`: the store has every failed run of the span, so that their number is the server's.
    * `failure`: why reading waits or stopped, in raw text.
    """

    known_count: int | None = None
    read_count: int = 0
    server_count: int | None = None
    unreadable_count: int = 0
    has_all: bool = False
    failure: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the error of every failed run is known."""
        return self.has_all and self.read_count == self.known_count

    @property
    def failed_count(self) -> int:
        """How many runs of the span failed, as far as is known."""
        known = self.known_count or 0
        return known if self.has_all else max(known, self.server_count or 0)


@dataclass(frozen=True, slots=True)
class ServerGroupsRead:
    """What is known of the server's groups of errors.

    * `groups`: None until they were read.
    * `refusal`: why the server refuses its groups to this key, in raw text. They are not requested again.
    * `failure`: why the last read failed, in raw text. It is tried again.
    """

    groups: tuple[ServerErrorGroup, ...] | None = None
    refusal: str = ""
    failure: str = ""


# The state of an error group: whether it is new, failed again after it was resolved, or is acknowledged.


class ErrorState(StrEnum):
    """The state of an error group in a span of time."""

    NEW = "new"
    REGRESSED = "regressed"
    ACKNOWLEDGED = "acknowledged"
    UNRESOLVED = "unresolved"


def state_of(theirs: Collection[ServerErrorGroup], since: datetime, now: datetime) -> ErrorState | None:
    """Return the state of a group of ours that holds these of the server's; None if they do not say it.

    The server does not normalise messages: a group of ours may hold many of its groups. Ours is
    acknowledged only if all are, NEW if any is new since `since`, and regressed if one was resolved and failed again.
    """
    if theirs and all(group.is_acknowledged(now) for group in theirs):
        return ErrorState.ACKNOWLEDGED
    if any(group.is_new(since) and not group.is_regressed for group in theirs):
        return ErrorState.NEW
    if any(group.is_regressed for group in theirs):
        return ErrorState.REGRESSED
    if not theirs or any(group.status is None for group in theirs):
        return None
    return ErrorState.UNRESOLVED


# `WallUpdate`: the base of the updates about findings and their facts.
#
# The store imports their classes when the first of them arrives, since the start needs none.


class WallUpdate:
    """An update that the store keeps beside the runs: a `FactRead` or a `FindingsRead`."""

    __slots__ = ("__weakref__",)


# The facts of an environment that are not runs: queues, minutes, normals, schedules, waitpoint tokens, deployments.
#
# Each source of facts sends one of the classes below as an update. The store keeps the newest of each in a `WallFacts`.
# Times are the server's. A value that the server did not send is None, never zero.


MAX_QUEUES: Final = 1_000
QUEUES_PER_PAGE: Final = 100
"""The most that are asked for at once."""
MAX_SCHEDULES: Final = 1_000
MAX_TOKENS: Final = 500
MAX_HOLDERS: Final = 20
"""Tasks that are named as those whose runs hold the places of a queue."""
MAX_DEPLOYMENTS: Final = 20


class FactSource(StrEnum):
    """Where facts come from. The words stand in sentences about them."""

    RUNS = "runs"
    """List and feed, which are always there."""

    MINUTES = "history"
    NORMALS = "normals"
    QUEUES = "queues"
    WAITS = "waits"
    SCHEDULES = "schedules"
    TOKENS = "waitpoints"
    DEPLOYMENTS = "deployments"
    ERRORS = "errors"


@dataclass(frozen=True, slots=True)
class TimedFact(WallUpdate):
    """A fact that the server told at this time of its own."""

    at: datetime


@dataclass(frozen=True, slots=True)
class TaskMinute:
    """What became of the runs of a task within one cell of time, by the server's query.

    `triggered`, `started` and `ended` count runs by the times at which that happened; `done` and `failed` are among the
    ended ones (the rest was canceled or expired). `unstarted` of the ended ones never started.
    """

    task: TaskId
    start: datetime
    triggered: int = 0
    started: int = 0
    done: int = 0
    failed: int = 0
    ended: int = 0
    unstarted: int = 0


@dataclass(frozen=True, slots=True)
class TaskSpeed:
    """The 95th percentile of how long a task's completed runs executed in the last hour, and of how many runs."""

    task: TaskId
    p95: timedelta | None
    runs: int


@dataclass(frozen=True, slots=True)
class MinutesRead(TimedFact):
    """The minutes of all tasks from `since` on, in cells of `cell`. A cell that is not named had no run.

    `is_cut`: the server has more rows than it sent, so that cells may be missing. `ends_since`: `minutes` begin that
    much earlier, with cells that have only the ends of runs; None: there are no older cells.
    """

    since: datetime
    cell: timedelta
    minutes: tuple[TaskMinute, ...] = field(hash=False)
    speeds: tuple[TaskSpeed, ...] = field(default=(), hash=False)
    is_cut: bool = False
    ends_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskNormal:
    """How a task usually behaves: its runs in the same hour of the last 7 days.

    `p95` is that of the runs that completed.
    """

    task: TaskId
    runs: int
    failed: int
    p95: timedelta | None
    days: int


@dataclass(frozen=True, slots=True)
class NormalsRead(TimedFact):
    """The normals of all tasks for the hour that `hour` begins, and the totals of the 24 hours before `last_day_at`.

    `before` are the normals of the hour before: runs are judged by the hour in which they ended.
    """

    hour: datetime
    normals: tuple[TaskNormal, ...]
    done_last_day: int | None = None
    failed_last_day: int | None = None
    is_cut: bool = False
    last_day_at: datetime | None = None
    before: tuple[TaskNormal, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as the server lists it. `name` never has the prefix `task/`; `is_task`: the server's name has it.

    A queue of version V2 (`is_v2`) has no limit of its own: `limit` is that of the concurrency limit with its name,
    where it is known. `is_limit_paused`: that limit is paused and admits no run.
    """

    id: str
    name: Raw
    is_task: bool
    running: int | None = None
    queued: int | None = None
    limit: int | None = None
    is_paused: bool = False
    is_v2: bool = False
    is_limit_paused: bool = False

    @property
    def stored_name(self) -> str:
        """The name as runs and queries have it."""
        return f"task/{self.name}" if self.is_task else self.name


@dataclass(frozen=True, slots=True)
class ConcurrencyLimit:
    """A limit of a newer server. `total` caps its runs, None if only the runs of each key are capped."""

    name: Raw
    running: int | None = None
    queued: int | None = None
    total: int | None = None
    is_paused: bool = False

    @property
    def is_full(self) -> bool:
        """Whether it admits no run now."""
        return self.is_paused or (self.total is not None and self.running is not None and self.running >= self.total)


@dataclass(frozen=True, slots=True)
class QueuesRead(TimedFact):
    """The queues. `is_cut`: there are more than MAX_QUEUES.

    `limits` are those of V2 queues. No answer says which of them the runs of a queue hold.
    """

    queues: tuple[Queue, ...]
    is_cut: bool = False
    limits: tuple[ConcurrencyLimit, ...] = ()

    @property
    def full_limits(self) -> tuple[ConcurrencyLimit, ...]:
        """The limits that hold runs back now, and that are not those of one queue."""
        names = {each.stored_name for each in self.queues if each.is_task}
        return tuple(each for each in self.limits if each.is_full and each.queued and each.name not in names)

    @property
    def has_pages(self) -> bool:
        """Whether the queues take several answers, of which only the newest is from `at`."""
        return self.is_cut or len(self.queues) > QUEUES_PER_PAGE


@dataclass(frozen=True, slots=True)
class PlaceHolder:
    """The runs of a task that execute and hold the places of a queue, the longest since `since`."""

    task: TaskId
    runs: int
    since: datetime | None = None


def with_limit(queue: Queue, limits: Iterable[ConcurrencyLimit]) -> Queue:
    """Return a V2 queue with its limit, which is known of the queue of a task alone: the limit has its name.

    By the package `@trigger.dev/core` 4.8.3.
    """
    if not queue.is_v2:
        return queue
    found = next((each for each in limits if queue.is_task and each.name == queue.stored_name), None)
    if found is None:
        return replace(queue, limit=None, is_limit_paused=False)
    return replace(queue, limit=found.total, is_limit_paused=found.is_paused)


@dataclass(frozen=True, slots=True)
class QueueWait:
    """How a queue moves. Delayed runs do not wait.

    `queue` is a stored name. `oldest_at` is when its oldest waiting run was queued, `oldest_run` that run.
    `started_per_min` and `arrived_per_min` are those of the last minute. `newest_start` is when a run of it started
    last, among those that execute or started within that minute; `newest_arrival` is when one was queued last, among
    these and those that wait. `holders` are the tasks of the runs that execute, those of most runs first.
    """

    queue: str
    queued: int
    oldest_at: datetime | None = None
    oldest_run: RunId | None = None
    started_per_min: float | None = None
    arrived_per_min: float | None = None
    newest_start: datetime | None = None
    newest_arrival: datetime | None = None
    holders: tuple[PlaceHolder, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitsRead(TimedFact):
    """How all queues move. A queue that is not named has no waiting run and no start."""

    waits: tuple[QueueWait, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule of this environment. `next_at` is its next due time, `next_effective_at` when the server starts it.

    `cron` and `zone` are as the server sends them; a zone or expression that cannot be read has no due times.
    """

    id: str
    task: TaskId
    cron: Raw
    zone: Raw
    is_active: bool
    next_at: datetime | None = None
    next_effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SchedulesRead(TimedFact):
    """The schedules of this environment."""

    schedules: tuple[Schedule, ...]
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class ScheduleRunsRead(TimedFact):
    """When the newest run of a schedule was created; None if it started none that the server knows."""

    schedule_id: str
    newest_at: datetime | None


@dataclass(frozen=True, slots=True)
class WaitToken:
    """A waitpoint token that waits. Its callback address holds a secret and is dropped when it is decoded.

    `run_id` and `task` are the run that waits for it, where that is known. `is_doubtful`: no live run is known that
    may wait for it, and one that may have made it has ended, or the server was not asked yet for such runs.
    """

    id: str
    created_at: datetime
    tags: tuple[Raw, ...] = ()
    times_out_at: datetime | None = None
    run_id: RunId | None = None
    task: TaskId | None = None
    is_doubtful: bool = False


@dataclass(frozen=True, slots=True)
class TokensRead(TimedFact):
    """The waitpoint tokens that wait, oldest first."""

    tokens: tuple[WaitToken, ...]
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed version. `by` and `commit` are None where the server does not send them."""

    version: Raw
    deployed_at: datetime
    by: Raw | None = None
    commit: Raw | None = None


@dataclass(frozen=True, slots=True)
class DeploymentsRead(TimedFact):
    """The deployments of the environment, newest first. DEVELOPMENT has none."""

    deployments: tuple[Deployment, ...]


@dataclass(frozen=True, slots=True)
class ErrorGroupsRead(TimedFact):
    """The server's error groups of the last hour."""

    groups: tuple[ServerErrorGroup, ...]
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class FactUnread(TimedFact):
    """A source of facts could not be read.

    `is_refused`: this key may not read it (401, 403), or the server does not have it (404); it is not asked again.
    `since` is when the first of several reads in a row failed, as far as that is known.
    """

    source: FactSource
    reason: Raw
    is_refused: bool
    since: datetime | None = None


FactRead = (
    MinutesRead
    | NormalsRead
    | QueuesRead
    | WaitsRead
    | SchedulesRead
    | ScheduleRunsRead
    | TokensRead
    | DeploymentsRead
    | ErrorGroupsRead
    | FactUnread
)

SOURCE_OF: Final[Mapping[type[FactRead], FactSource]] = {
    MinutesRead: FactSource.MINUTES,
    NormalsRead: FactSource.NORMALS,
    QueuesRead: FactSource.QUEUES,
    WaitsRead: FactSource.WAITS,
    SchedulesRead: FactSource.SCHEDULES,
    TokensRead: FactSource.TOKENS,
    DeploymentsRead: FactSource.DEPLOYMENTS,
    ErrorGroupsRead: FactSource.ERRORS,
}


@dataclass(frozen=True, slots=True)
class ScheduleKnown:
    """Since when a schedule has been known as it is. `is_changed`: it was new or another one then."""

    since: datetime
    is_changed: bool


@dataclass(frozen=True, slots=True)
class WallFacts:
    """The newest fact of each kind, None where none was read.

    `schedule_runs` is by the id of the schedule. `schedules_since` is by it too: since when the program has known the
    schedule as it is now, and whether it was another one before. `paused_since` is by the id of a paused queue that
    the program has known without the pause; `resumed_at` is when it last saw that a queue was resumed. `unread` has the
    sources whose last read failed or was refused: the older fact stays beside it.
    """

    minutes: MinutesRead | None = None
    normals: NormalsRead | None = None
    queues: QueuesRead | None = None
    waits: WaitsRead | None = None
    schedules: SchedulesRead | None = None
    tokens: TokensRead | None = None
    deployments: DeploymentsRead | None = None
    errors: ErrorGroupsRead | None = None
    schedule_runs: Mapping[str, ScheduleRunsRead] = field(default_factory=dict)
    schedules_since: Mapping[str, ScheduleKnown] = field(default_factory=dict)
    paused_since: Mapping[str, datetime] = field(default_factory=dict)
    resumed_at: datetime | None = None
    unread: Mapping[FactSource, FactUnread] = field(default_factory=dict)


NO_FACTS: Final = WallFacts()


# The details that are read of the selected queue alone: the server's metrics, and the last hour of its runs.


@dataclass(frozen=True, slots=True)
class QueueMetrics:
    """How a queue moved within a period, by the server's own measurements.

    `depths` are the numbers of waiting runs, oldest first.
    A server without the pipeline answers with zeros.
    """

    depths: tuple[int, ...] = ()
    peak_queued: int = 0
    started: int = 0
    throttled: int = 0
    wait_p95: timedelta | None = None

    @property
    def is_measured(self) -> bool:
        """Whether the zeros are zeros: a server that measures nothing sends zeros alone."""
        return bool(self.started or self.throttled or self.peak_queued or any(self.depths) or self.wait_p95)


@dataclass(frozen=True, slots=True)
class QueueHour:
    """The last hour of a queue by the times of its runs, a minute a cell, oldest first; the last cell is not over.

    * `queued`, `running`: how many runs waited and executed at the end of each minute. `running` is empty where runs
      also wait or retry: these hold no place in the queue, and no answer says when.
    * `p95`: the 95th percentile of the most frequent task's executions that ended in the minute, None where none did:
      tasks that share a queue may last seconds and hours
    * `failed`: the runs that failed within the hour
    * `tasks`: the tasks of most runs, the most frequent first
    * `is_cut`: the server has more rows than it sent, so that the numbers are too small
    """

    at: datetime
    queued: tuple[int, ...] = ()
    running: tuple[int, ...] = ()
    p95: tuple[timedelta | None, ...] = ()
    failed: int | None = None
    tasks: tuple[TaskId, ...] = ()
    is_cut: bool = False


# How often each source of facts is read, and when an answer is too old: then its age stands beside its numbers, and the
# verdict is NOT KNOWN instead of OK.


INTERVALS: Final[Mapping[FactSource, timedelta]] = {
    FactSource.WAITS: timedelta(seconds=15),
    FactSource.QUEUES: timedelta(seconds=20),
    FactSource.MINUTES: timedelta(minutes=1),
    FactSource.NORMALS: timedelta(hours=1),
    FactSource.SCHEDULES: timedelta(minutes=5),
    FactSource.TOKENS: timedelta(minutes=1),
    FactSource.DEPLOYMENTS: timedelta(seconds=20),
    FactSource.ERRORS: timedelta(minutes=1),
}
"""What takes several pages may be read less often: `PAGE_INTERVAL` for each page."""

PAGE_INTERVAL: Final = timedelta(minutes=1)
LAST_DAY_INTERVAL: Final = timedelta(minutes=5)
"""The totals of the last 24 hours."""

OLD_AFTER_INTERVALS: Final = 3
MIN_OLD: Final = timedelta(seconds=60)

MAX_FAILING: Final = timedelta(minutes=3)
"""If the reads of a source have failed for this long, its facts are unknown, even if it is read rarely."""

DECIDING: Final = tuple(each for each in FactSource if each not in {FactSource.RUNS, FactSource.DEPLOYMENTS})
"""The sources of facts without which a finding may be missed. The runs decide, too: the session knows about them."""


def old_after(interval: timedelta) -> timedelta:
    """Return the age at which a number that is read once an interval counts as old."""
    return max(OLD_AFTER_INTERVALS * interval, MIN_OLD)


def age_shown(read_at: datetime | None, interval: timedelta, now: datetime) -> timedelta | None:
    """Return the age that has to stand beside a number, None for a number that is not old, or was not read."""
    age = None if read_at is None else now - read_at
    return age if age is not None and age > old_after(interval) else None
