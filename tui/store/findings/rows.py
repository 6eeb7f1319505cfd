"""`Board`: the rows of wall and overview, worst first, as values without words or widths."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.domain.errors.groups import ErrorState, ServerErrorGroup, state_of
from tui.domain.facts import NO_FACTS, Deployment, FactSource, PlaceHolder, Queue, QueueWait, WallFacts
from tui.domain.filters import TASK_QUEUE_PREFIX, RunFilters
from tui.domain.finding import (
    Finding,
    QueueWaits,
    RunHangs,
    RunOverdue,
    Standstill,
    StandstillReason,
    SubjectKind,
    Verdict,
)
from tui.domain.ids import ErrorGroupId, RunId, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.store.findings import bounds
from tui.store.findings.counts import MAX_TASKS, Cells, CellSums, OwnCounts, PackedEnds, done_and_failed, unpacked
from tui.store.findings.judging import queue_standstill

if TYPE_CHECKING:
    from tui.domain.errors.kinds import OwnFrame
    from tui.store.error_groups import ErrorGroup

# `Board`: everything that the wall and the overview show, worst first, as values without words or widths.
#
# `make_board` makes it from the facts, the store's own counts and the verdict. A number that is not known
# is None: the screen shows `·`, never 0. A cell of a series that is not known is None: the screen shows `░`.


@dataclass(frozen=True, slots=True)
class BoardSpan:
    """The cells of the shown time: `count` cells of `cell`, of which the last contains `end` and is not over."""

    cell: timedelta
    count: int
    end: datetime

    @property
    def start(self) -> datetime:
        """The beginning of the first cell."""
        seconds = self.cell.total_seconds()
        last = datetime.fromtimestamp(self.end.timestamp() // seconds * seconds, self.end.tzinfo)
        return last - (self.count - 1) * self.cell


@dataclass(frozen=True, slots=True)
class Line:
    """One of the four series, and its figures.

    `now` is how many runs were done and failed in the last 60 s, and how many are queued and running. `in_span`,
    `normal`, `last_day` are totals for done and failed, maxima for queued and running; `normal` is that of the span.
    `is_abnormal` says for each cell whether it is above normal.
    """

    cells: Cells
    now: float | None = None
    in_span: int | None = None
    normal: float | None = None
    last_day: int | None = None
    is_abnormal: Sequence[bool] = ()


@dataclass(frozen=True, slots=True)
class FourLines:
    """The four series on one axis. `deployments` are those within the span."""

    span: BoardSpan
    done: Line
    failed: Line
    queued: Line
    running: Line
    deployments: tuple[Deployment, ...] = ()


class TaskHealth(StrEnum):
    """The word at the end of a task's row, worst first."""

    FAILING = "failing"
    SLOW = "slow"
    AT_LIMIT = "at its limit"
    LATE = "late"
    MISSING = "missing"
    STUCK = "stuck"
    PAUSED = "paused"
    ACKNOWLEDGED = "acknowledged"
    HEALTHY = ""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task. `done` and `failed` are cells of the board's span. `oldest` is how long its oldest queued run waits."""

    task: TaskId
    done: Cells
    failed: Cells
    runs_per_hour: int | None = None
    failed_count: int | None = None
    p95: timedelta | None = None
    normal_p95: timedelta | None = None
    running: int | None = None
    queued: int | None = None
    oldest: timedelta | None = None
    health: TaskHealth = TaskHealth.HEALTHY
    is_p95_abnormal: bool = False

    @property
    def has_failures(self) -> bool | None:
        """Whether a run failed in the last hour or in the shown cells; None if that is not known."""
        if self.failed_count or any(self.failed):
            return True
        return None if self.failed_count is None or None in self.failed else False


class QueueHealth(StrEnum):
    """The word at the end of a queue's row, worst first."""

    AT_LIMIT = "at its limit"
    STUCK = "stuck"
    PAUSED = "paused"
    LATE = "late"
    BUSY = "busy"
    FINE = ""


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue. `stored_name` is `task/ok` for the queue of task `ok`, `name` is `ok`.

    * `queued`: how many runs wait. The list of queues does not count runs that were handed to a worker, so its number
      is a least one (`is_least`), and its zero is unknown, until the waits are read
    * `is_reading`: the waits are being read for the first time, or again after a long pause
    * `started_per_min`, `arrived_per_min`: those of the last minute before the waits were read
    * `holders`: the tasks whose runs hold the places of the queue
    * `standstill`: why none of its runs starts, whatever its limit says
    * `is_v2`: it has no limit of its own, but its runs may hold named ones
    * `throttled`: how many of its runs had to wait for its limit in the last hour, where somebody has read that
    """

    stored_name: str
    name: Raw
    is_task: bool
    running: int | None = None
    limit: int | None = None
    queued: int | None = None
    oldest_at: datetime | None = None
    oldest_run: RunId | None = None
    started_per_min: float | None = None
    arrived_per_min: float | None = None
    is_paused: bool = False
    health: QueueHealth = QueueHealth.FINE
    since: datetime | None = None
    is_least: bool = False
    is_reading: bool = False
    are_waits_read: bool = False
    newest_start: datetime | None = None
    newest_arrival: datetime | None = None
    holders: tuple[PlaceHolder, ...] = ()
    standstill: Standstill | None = None
    is_v2: bool = False
    throttled: int | None = None

    @property
    def has_waiting(self) -> bool:
        """Whether a run is known to wait in the queue."""
        return bool(self.queued) or self.oldest_at is not None


@dataclass(frozen=True, slots=True)
class DueRow:
    """A schedule: when it is due next, or when it was due, if no run came. `cron` as the server writes it."""

    schedule_id: str
    task: TaskId
    due_at: datetime
    cron: Raw
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class LongestRow:
    """A live run that executes, and its task's 95th percentile. `is_stuck`: a finding says so."""

    run_id: RunId
    task: TaskId
    started_at: datetime
    p95: timedelta | None = None
    is_stuck: bool = False


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A waitpoint token that a person has to complete."""

    token_id: str
    created_at: datetime
    tags: tuple[Raw, ...] = ()
    task: TaskId | None = None
    run_id: RunId | None = None
    is_stuck: bool = False


@dataclass(frozen=True, slots=True)
class SourceAge:
    """When a source last answered. `refusal`: why it is not asked again. `failure`: why its last read failed.

    `interval` is how often it is read. The totals of the last 24 hours have an age of their own, without a `source`.
    """

    source: FactSource | None
    read_at: datetime | None = None
    refusal: Raw | None = None
    failure: Raw | None = None
    interval: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class JustEnded:
    """A run that ended just now."""

    run_id: RunId
    task: TaskId | None
    ended_at: datetime
    is_failed: bool
    took: timedelta | None = None
    error_type: Raw | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The wall at `at`. Rows are complete; the screen cuts them."""

    at: datetime
    verdict: Verdict | None
    lines: FourLines
    tasks: tuple[TaskRow, ...] = ()
    queues: tuple[QueueRow, ...] = ()
    due: tuple[DueRow, ...] = ()
    longest: tuple[LongestRow, ...] = ()
    waiting: tuple[WaitingRow, ...] = ()
    just_now: tuple[JustEnded, ...] = ()
    ages: tuple[SourceAge, ...] = ()
    deployed: Deployment | None = None
    deployed_before: Deployment | None = None
    own_since: datetime | None = None
    is_listed: bool = False
    """The numbers are own counts that lack runs: server filters are active, or a public token reads slowly."""


# The order of queues: worst first.


QueueRank = tuple[object, ...]
_HEALTH_RANK: Final = {health: rank for rank, health in enumerate(QueueHealth)}


def worst_first(row: QueueRow) -> QueueRank:
    """Return the rank of a queue: by its health, then by waiting and by running runs."""
    return (_HEALTH_RANK[row.health], -(row.queued or 0), -(row.running or 0), row.stored_name)


# Makes the rows of queues from the facts and the verdict: how full each is, how it moves, and how healthy it is.


BUSY_SHARE: Final = 0.8
"""A queue is busy above this share of its limit."""


def queue_rows(
    facts: WallFacts | None, verdict: Verdict | None, now: datetime, still: Standstill | None = None
) -> tuple[QueueRow, ...]:
    """Return the rows, in the order of the server.

    Where the key may not read the list of queues, the rows are those queues in which runs wait or start. These also
    follow a list that is cut. `now` is the moment up to which the facts are known. Waits that are too old are unread.
    `still` is why no run of the environment starts.
    """
    known = facts or NO_FACTS
    read = bounds.fresh_waits(known, now)
    queues = [] if known.queues is None else list(known.queues.queues)
    if read is not None and (known.queues is None or known.queues.is_cut):
        listed = {each.stored_name for each in queues}
        moving = (
            each for each in read.waits if each.queued or each.started_per_min or each.arrived_per_min or each.holders
        )
        queues += [_unlisted(each.queue) for each in moving if each.queue not in listed]
    findings = () if verdict is None else verdict.findings
    slow = {each.subject.key: each for each in findings if each.subject.kind is SubjectKind.QUEUE}
    stuck = {
        f"{TASK_QUEUE_PREFIX}{each.task}": each
        for each in reversed(findings)
        if each.task is not None and isinstance(each.evidence, RunOverdue | RunHangs)
    }
    waits = None if read is None else {each.queue: each for each in read.waits}
    is_reading = read is None and FactSource.WAITS not in known.unread
    stills = {each.id: queue_standstill(each, known.paused_since) or still for each in queues}
    return tuple(_row(queue, waits, slow, stuck, now, stills[queue.id], is_reading=is_reading) for queue in queues)


def next_late_at(rows: Iterable[QueueRow], now: datetime) -> datetime | None:
    """Return when the next of the queues becomes late by time alone; None if none will."""
    moments = (row.oldest_at + bounds.LATE_AFTER for row in rows if row.oldest_at is not None)
    return min((at for at in moments if at >= now), default=None)


def _unlisted(name: str) -> Queue:
    return Queue(name, Raw(name.removeprefix(TASK_QUEUE_PREFIX)), name.startswith(TASK_QUEUE_PREFIX))


def _row(
    queue: Queue,
    waits: Mapping[str, QueueWait] | None,
    slow: Mapping[str, Finding],
    stuck: Mapping[str, Finding],
    now: datetime,
    still: Standstill | None,
    *,
    is_reading: bool,
) -> QueueRow:
    name = queue.stored_name
    # A queue that is not named has no waiting run and no start.
    wait = None if waits is None else waits.get(name) or QueueWait(name, 0, None, None, 0.0, 0.0)
    # The list does not count the runs that were handed to a worker (tests/wire/recordings/README.md §7).
    queued = wait.queued if wait is not None else queue.queued or None
    oldest_at = None if wait is None or queued == 0 else wait.oldest_at
    health = _health(queue, queued, oldest_at, now, is_stuck=name in stuck)
    return QueueRow(
        name,
        queue.name,
        queue.is_task,
        queue.running,
        queue.limit,
        queued,
        oldest_at,
        None if wait is None or queued == 0 else wait.oldest_run,
        None if wait is None else wait.started_per_min,
        None if wait is None else wait.arrived_per_min,
        queue.is_paused,
        health,
        _since(health, slow.get(name), stuck.get(name), oldest_at, still),
        is_least=wait is None and queued is not None,
        is_reading=is_reading,
        are_waits_read=waits is not None,
        newest_start=None if wait is None else wait.newest_start,
        newest_arrival=None if wait is None else wait.newest_arrival,
        holders=() if wait is None else wait.holders,
        standstill=still,
        is_v2=queue.is_v2,
    )


def _health(
    queue: Queue, queued: int | None, oldest_at: datetime | None, now: datetime, *, is_stuck: bool
) -> QueueHealth:
    has_limit = queue.limit is not None and queue.running is not None
    if has_limit and (queue.running or 0) >= (queue.limit or 0) and queued and not queue.is_paused:
        return QueueHealth.AT_LIMIT
    if is_stuck and (queued or oldest_at is not None):
        return QueueHealth.STUCK
    if queue.is_paused:
        return QueueHealth.PAUSED
    if oldest_at is not None and now - oldest_at > bounds.LATE_AFTER:
        return QueueHealth.LATE
    is_busy = has_limit and (queue.running or 0) > BUSY_SHARE * (queue.limit or 0)
    return QueueHealth.BUSY if is_busy else QueueHealth.FINE


def _since(
    health: QueueHealth,
    slow: Finding | None,
    stuck: Finding | None,
    oldest_at: datetime | None,
    still: Standstill | None,
) -> datetime | None:
    """Return since when the health is what it is, where the facts have it."""
    match health:
        case QueueHealth.AT_LIMIT:
            return None if slow is None else slow.since
        case QueueHealth.PAUSED:
            return None if still is None else still.since
        case QueueHealth.STUCK:
            return None if stuck is None else stuck.since
        case QueueHealth.LATE:
            moments = [] if slow is None else [slow.since]
            return min([*moments, *([] if oldest_at is None else [oldest_at + bounds.LATE_AFTER])], default=None)
        case _:
            return None


# The tasks of the wall, worst first.


MAX_TASK_SERIES: Final = 60
"""Tasks whose cells are computed. No screen has room for more rows."""

_UNKNOWN: Final = (None,)
"""The failures of a task whose cells are not computed."""

_ORDER: Final = tuple(TaskHealth)


class TaskRows:
    """Makes the rows of one moment."""

    def __init__(
        self, facts: WallFacts, own: OwnCounts, sums: CellSums, verdict: Verdict | None, span: BoardSpan, now: datetime
    ) -> None:
        self._facts, self._own, self._sums, self._span, self._now = facts, own, sums, span, now
        self._ended: Counter[TaskId] = Counter()
        self._failed: Counter[TaskId] = Counter()
        hour = sums.by_task(*sums.last_hour)
        self._is_hour_known = hour is not None
        sum_of: dict[TaskId, PackedEnds] = {}
        for part in hour or sums.by_task(*sums.own_hour) or ():
            for task, ends in part.items():
                sum_of[task] = sum_of.get(task, 0) + ends
        for task, ends in sum_of.items():
            _, failed, self._ended[task] = unpacked(ends)
            if failed:
                self._failed[task] = failed
        self._speeds, self._normals = bounds.speeds_by_task(facts, own), bounds.normals_by_task(facts)
        self._waiting = bounds.waiting_runs(facts, own, now)
        self._are_waits_read = bounds.fresh_waits(facts, now) is not None
        self._queues = {} if facts.queues is None else {each.stored_name: each for each in facts.queues.queues}
        self._findings: dict[TaskId, Finding] = {}
        for rank, each in enumerate(() if verdict is None else verdict.findings):
            if each.task is not None and rank < MAX_TASKS:
                self._findings.setdefault(each.task, each)

    def rows(self) -> tuple[TaskRow, ...]:
        """Return the rows, worst first: by findings, then by failed, by queued and by ended runs.

        Acknowledged failures stand after the others. Of an hour that is not known, the own counts of its end decide.
        """
        ranks = {task: rank for rank, task in enumerate(self._findings)}
        tasks = {*self._own.tasks, *self._ended, *self._findings}
        tasks.update(
            TaskId(each.name) for each in self._queues.values() if each.is_task and (each.queued or each.running)
        )
        rows = [self._row(task) for task in tasks]
        rows.sort(
            key=lambda row: (
                ranks.get(row.task, len(ranks)),
                row.health is TaskHealth.ACKNOWLEDGED or not self._failed[row.task],
                -self._failed[row.task],
                -(row.queued or 0),
                _ORDER.index(row.health),
                -self._ended[row.task],
                row.task,
            )
        )
        return tuple(rows[:MAX_TASKS])

    def with_cells(self, rows: tuple[TaskRow, ...]) -> tuple[TaskRow, ...]:
        """Return the rows with the cells of the first `MAX_TASK_SERIES`."""
        step_s, start_s = int(self._span.cell.total_seconds()), int(self._span.start.timestamp())
        starts = range(start_s, start_s + step_s * self._span.count, step_s)
        cells = [self._sums.by_task(at, at + step_s) for at in starts]
        first, rest = rows[:MAX_TASK_SERIES], rows[MAX_TASK_SERIES:]
        series = done_and_failed(cells, [row.task for row in first])
        if self._span.cell * self._span.count > timedelta(hours=1):
            rest = tuple(replace(row, failed=_UNKNOWN) for row in rest)
        return (*(replace(row, done=series[row.task][0], failed=series[row.task][1]) for row in first), *rest)

    def _row(self, task: TaskId) -> TaskRow:
        own, speed, normal = self._own.tasks.get(task), self._speeds.get(task), self._normals.get(task)
        queue, waiting = self._queues.get(TASK_QUEUE_PREFIX + task), self._waiting.get(TASK_QUEUE_PREFIX + task)
        running = queued = None
        oldest_at = None if waiting is None or not waiting.queued else waiting.oldest_at
        if self._own.is_live_complete:
            running, queued = (0, 0) if own is None else (own.executing, len(own.queued))
            if own is not None and own.queued:
                # Of runs in a queue of another name, the server's waits name only the queue.
                own_at = datetime.fromtimestamp(own.queued[0][0], UTC)
                oldest_at = own_at if oldest_at is None else min(oldest_at, own_at)
        elif queue is not None:
            # The list's zero is none: it does not count the runs that were handed to a worker.
            running, queued = queue.running, queue.queued or None
            if self._are_waits_read:
                queued = 0 if waiting is None else waiting.queued
        p95 = None if speed is None else speed.p95
        normal_p95 = None if normal is None else normal.p95
        return TaskRow(
            task,
            (),
            (),
            runs_per_hour=self._ended[task] if self._is_hour_known else None,
            failed_count=self._failed[task] if self._is_hour_known else None,
            p95=p95,
            normal_p95=normal_p95,
            running=running,
            queued=queued,
            oldest=None if oldest_at is None else max(self._now - oldest_at, timedelta()),
            health=self._health(task, queue, waiting),
            is_p95_abnormal=bounds.is_slower(p95, normal_p95),
        )

    def _health(self, task: TaskId, queue: Queue | None, waiting: bounds.Waiting | None) -> TaskHealth:
        finding = self._findings.get(task)
        if finding is not None:
            if isinstance(finding.evidence, QueueWaits):
                still = finding.evidence.standstill
                if still is not None and still.reason is not StandstillReason.NO_WORKER:
                    return TaskHealth.PAUSED
                return TaskHealth.AT_LIMIT if finding.evidence.is_at_limit else TaskHealth.LATE
            return TaskHealth[finding.word.name]
        if queue is not None and queue.is_paused:
            return TaskHealth.PAUSED
        if (
            waiting is not None
            and waiting.oldest_at is not None
            and waiting.until - waiting.oldest_at > bounds.LATE_AFTER
        ):
            return TaskHealth.LATE
        if self._failed[task] and bounds.has_only_acknowledged(self._facts.errors, task, self._now):
            return TaskHealth.ACKNOWLEDGED
        return TaskHealth.HEALTHY


# The error groups that occurred in the last hour, for wall and overview: those of the store and those of the server.
#
# The store knows the errors of the runs that it has read. The server counts all of them, but neither normalises
# messages nor sends frames. A group of the server that no group of the store holds is a row of its own, and its runs
# are those that the server lists for it. Source: tests/wire/recordings/README.md §11 (recordings 057, 1031, 1032).


_WORST_FIRST: Final = (ErrorState.NEW, ErrorState.REGRESSED)
_SHORT_FINGERPRINT: Final = 8
_LAST_HOUR: Final = "age:<1h"
"""A row lists the runs that it counts."""


@dataclass(frozen=True, slots=True)
class FailingGroup:
    """An error group of the last hour.

    * `state`: None if it is not known.
    * `line`: the line of the first own frame in the newest failure, None if it is not known.
    * `since`: when the group was first seen; for one that regressed, when it failed again.
    * `filter_text`: the filter that lists its runs of the last hour.
    * `filters`: the server's filters that list them, where the store does not know all of them.
    * `server_id`: the server's group that it is, if it is one.
    """

    count: int
    task: TaskId
    message: Raw
    since: datetime | None
    filter_text: str
    state: ErrorState | None = None
    task_count: int = 1
    type: Raw | None = None
    frame: "OwnFrame | None" = None
    line: int | None = None
    versions: tuple[Raw, ...] = ()
    newest: RunId | None = None
    filters: RunFilters = field(default_factory=RunFilters)
    server_id: ErrorGroupId | None = None

    @property
    def identity(self) -> Hashable:
        """What identifies the group among others: the server has several with messages that are one for us."""
        return self.task, self.server_id or (self.type, self.message, self.frame)

    @property
    def is_acknowledged(self) -> bool:
        """Whether it was acknowledged."""
        return self.state is ErrorState.ACKNOWLEDGED


class FailingNow(NamedTuple):
    """The groups, worst first.

    * `unread_count`: failed runs whose error neither the store nor the server has.
    * `is_known`: whether the groups were counted at all.
    * `known_since`: the time from which on all failures are known, if that is not the whole hour.
    * `problem`: why the server's groups are not there, as a sentence without a stop; empty if they are.
    """

    groups: tuple[FailingGroup, ...] = ()
    unread_count: int = 0
    is_known: bool = False
    problem: str = ""
    known_since: datetime | None = None

    @property
    def failed_count(self) -> int:
        """The failed runs of all groups, and those whose error is not known."""
        return sum(group.count for group in self.groups) + self.unread_count

    @property
    def acknowledged_count(self) -> int:
        """The failed runs of acknowledged groups."""
        return sum(group.count for group in self.groups if group.is_acknowledged)


def failing_now(
    groups: "Iterable[ErrorGroup]", server: Sequence[ServerErrorGroup], since: datetime, now: datetime
) -> tuple[FailingGroup, ...]:
    """Return the groups with a failure at `since` or later, worst first.

    Worst first: new, regressed, the rest, acknowledged; within each, the greatest number first. A group of which the
    server has not told yet, as it does once a minute, stands with the new ones: a new one would come in last.
    """
    ours = list(groups)
    holders = Counter(each.id for group in ours for each in group.server_groups)
    rows = [_of_store(group, holders) for group in ours]
    rows += [
        _of_server(group, since, now)
        for group in server
        if group.id not in holders and group.count and (group.last_seen is None or group.last_seen >= since)
    ]
    return tuple(sorted(rows, key=_rank))


def _rank(group: FailingGroup) -> tuple[int, int, str, str]:
    if group.state is None:
        place = _WORST_FIRST.index(ErrorState.NEW)
    else:
        place = _WORST_FIRST.index(group.state) if group.state in _WORST_FIRST else len(_WORST_FIRST)
    return place + group.is_acknowledged, -group.count, group.task, group.message


def _of_store(group: "ErrorGroup", holders: Mapping[ErrorGroupId, int]) -> FailingGroup:
    first_seen = [each.first_seen for each in group.server_groups if each.first_seen is not None]
    since = group.first_seen if group.state is ErrorState.REGRESSED else min([group.first_seen, *first_seen])
    theirs = _only_server_group(group, holders)
    count = group.count if theirs is None else max(group.count, theirs.count or 0)
    is_listed_by_server = count > group.count
    fingerprint = f"group:{group.fingerprint[:_SHORT_FINGERPRINT]} "
    return FailingGroup(
        count=count,
        task=group.tasks[0][0] if group.tasks else TaskId(""),
        task_count=len(group.tasks),
        type=group.kind.type,
        message=group.kind.message,
        since=since,
        filter_text=f"{'' if is_listed_by_server else fingerprint}{_LAST_HOUR}",
        state=group.state,
        frame=group.kind.frame,
        versions=tuple(version for version, _ in group.versions),
        newest=group.run_ids[0] if group.run_ids else None,
        filters=_filters_of(theirs) if theirs is not None and is_listed_by_server else RunFilters(),
        server_id=None if theirs is None else theirs.id,
    )


def _only_server_group(group: "ErrorGroup", holders: Mapping[ErrorGroupId, int]) -> ServerErrorGroup | None:
    """Return the server's group that a group is, if it is only one, and no other group holds it too.

    Then its count is that of the group, and it can be listed. Otherwise, failures that were not read are nobody's yet.
    """
    theirs = group.server_groups
    is_one = len(theirs) == len(group.tasks) == 1  # each of theirs is of one task
    return theirs[0] if is_one and holders[theirs[0].id] == 1 else None


def _of_server(group: ServerErrorGroup, since: datetime, now: datetime) -> FailingGroup:
    from tui.domain.errors.messages import normalise  # noqa: PLC0415  50 ms of CPU, which `ls` and `queues` do not need

    state = state_of((group,), since, now)
    return FailingGroup(
        count=group.count or 0,
        task=group.task,
        type=group.type,
        message=normalise(group.message),
        since=group.last_seen if state is ErrorState.REGRESSED else group.first_seen,
        filter_text=_LAST_HOUR,
        state=state,
        versions=() if group.detail is None else group.detail.versions,
        filters=_filters_of(group),
        server_id=group.id,
    )


def _filters_of(group: ServerErrorGroup) -> RunFilters:
    """Return the filters of the group's runs. Groups of several tasks share a fingerprint."""
    return RunFilters(tasks=(group.task,), errors=(group.id,))
