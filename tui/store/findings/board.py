"""`make_board`: the rows of wall and overview, worst first, as values without words or widths."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import field, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tui.domain.facts import (
    NO_FACTS,
    Deployment,
    ErrorState,
    FactSource,
    MinutesRead,
    NormalsRead,
    PlaceHolder,
    Queue,
    QueueWait,
    Schedule,
    ServerErrorGroup,
    WaitToken,
    WallFacts,
    state_of,
)
from tui.domain.filters import TASK_QUEUE_PREFIX, RunFilters
from tui.domain.finding import (
    Finding,
    FindingWord,
    QueueWaits,
    RunHangs,
    RunOverdue,
    ScheduleMissed,
    Standstill,
    StandstillReason,
    SubjectKind,
    Verdict,
)
from tui.domain.run import ErrorGroupId, Run, RunId, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.store.findings import bounds
from tui.store.findings.bounds import fresh_waits, next_due, p95s_by_task, waiting_tokens
from tui.store.findings.counts import MAX_TASKS, Cells, CellSums, OwnCounts, Sums, done_and_failed, said_since, unpacked
from tui.store.findings.judging import queue_standstill
from tui.store.indexes import StatusCounts

if TYPE_CHECKING:
    from tui.domain.error_kinds import OwnFrame
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

    * `now`: how many runs were done or failed in the last 60 s, or are queued or running
    * `in_span`, `normal`, `last_day`: totals for done and failed, maxima for queued and running; `normal` is what is
      usual for a time as long as the span
    * `is_abnormal`: for each cell, whether it is above normal
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
class QueueRow(Queue):
    """A queue as the server lists it, with its waits and its health.

    * `queued`: how many runs wait. The list of queues does not count runs that were handed to a worker. So until the
      waits are read, its number is only a minimum (`is_least`), and a zero means unknown
    * `is_reading`: the waits are being read for the first time, or again after a long pause
    * `started_per_min`, `arrived_per_min`: the numbers of the last minute before the waits were read
    * `holders`: the tasks whose runs hold the places of the queue
    * `standstill`: why none of its runs starts, whatever its limit says
    * `is_v2`: the queue has no limit of its own, but its runs may hold places of named limits
    * `throttled`: how many of its runs had to wait for its limit in the last hour, if a screen has read that
    """

    oldest_at: datetime | None = None
    oldest_run: RunId | None = None
    started_per_min: float | None = None
    arrived_per_min: float | None = None
    health: QueueHealth = QueueHealth.FINE
    since: datetime | None = None
    is_least: bool = False
    is_reading: bool = False
    are_waits_read: bool = False
    newest_start: datetime | None = None
    newest_arrival: datetime | None = None
    holders: tuple[PlaceHolder, ...] = ()
    standstill: Standstill | None = None
    throttled: int | None = None

    @property
    def has_waiting(self) -> bool:
        """Whether a run is known to wait in the queue."""
        return bool(self.queued) or self.oldest_at is not None


class DueRow(NamedTuple):
    """A schedule: when it is due next, or when it was due, if no run came."""

    schedule: Schedule
    due_at: datetime
    is_late: bool = False


class LongestRow(NamedTuple):
    """A live run that executes, when it started, and its task's 95th percentile."""

    run: Run
    task: TaskId
    started_at: datetime
    p95: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The wall at `at`. It has all rows; the screen cuts them.

    * `waiting`: the waitpoint tokens that a person has to complete
    * `just_now`: the runs that ended last, newest first
    * `facts`: the facts that the board was made from
    """

    at: datetime
    verdict: Verdict | None
    lines: FourLines
    tasks: tuple[TaskRow, ...] = ()
    queues: tuple[QueueRow, ...] = ()
    due: tuple[DueRow, ...] = ()
    longest: tuple[LongestRow, ...] = ()
    waiting: tuple[WaitToken, ...] = ()
    just_now: tuple[Run, ...] = ()
    facts: WallFacts = NO_FACTS
    own_since: datetime | None = None
    is_listed: bool = False
    """The numbers are our own counts, and lack runs: server filters are active, or a public token reads slowly."""


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

    If the key may not read the list of queues, the rows are the queues in which runs wait or start. Such queues are
    also added to a list that is cut. `now` is the moment up to which the facts are known. Waits that are too old count
    as unread. `still` is why no run of the environment starts.
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
    stills = ((each, queue_standstill(each, known.paused_since) or still) for each in queues)
    return tuple(_row(each, waits, slow, stuck, now, here, is_reading=is_reading) for each, here in stills)


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
    name, is_read = queue.stored_name, waits is not None
    # If the waits do not name a queue, no run waits in it, and none has started.
    rate = 0.0 if is_read else None
    wait = (waits or {}).get(name) or QueueWait(name, 0, started_per_min=rate, arrived_per_min=rate)
    # The list does not count the runs that were handed to a worker (tests/wire/recordings/README.md §7).
    queued = wait.queued if is_read else queue.queued or None
    oldest_at, oldest_run = (wait.oldest_at, wait.oldest_run) if queued else (None, None)
    health = _health(queue, queued, oldest_at, now, is_stuck=name in stuck)
    late_at = None if oldest_at is None else oldest_at + bounds.LATE_AFTER
    causes = {QueueHealth.AT_LIMIT: slow.get(name), QueueHealth.STUCK: stuck.get(name), QueueHealth.PAUSED: still}
    cause: Finding | Standstill | None = causes.get(health)
    since = None if cause is None else cause.since
    if health is QueueHealth.LATE:
        slow_at = slow[name].since if name in slow else None
        since = min((at for at in (slow_at, late_at) if at is not None), default=None)
    listed: dict[str, Any] = {each.name: getattr(queue, each.name) for each in fields(queue)}
    return QueueRow(
        **listed | {"queued": queued},
        oldest_at=oldest_at,
        oldest_run=oldest_run,
        started_per_min=wait.started_per_min,
        arrived_per_min=wait.arrived_per_min,
        health=health,
        since=since,
        is_least=not is_read and queued is not None,
        is_reading=is_reading,
        are_waits_read=is_read,
        newest_start=wait.newest_start,
        newest_arrival=wait.newest_arrival,
        holders=wait.holders,
        standstill=still,
    )


def _health(
    queue: Queue, queued: int | None, oldest_at: datetime | None, now: datetime, *, is_stuck: bool
) -> QueueHealth:
    if bounds.is_at_limit(queue) and queued and not queue.is_paused:
        return QueueHealth.AT_LIMIT
    if is_stuck and (queued or oldest_at is not None):
        return QueueHealth.STUCK
    if queue.is_paused:
        return QueueHealth.PAUSED
    if oldest_at is not None and now - oldest_at > bounds.LATE_AFTER:
        return QueueHealth.LATE
    has_limit = queue.limit is not None and queue.running is not None
    is_busy = has_limit and (queue.running or 0) > BUSY_SHARE * (queue.limit or 0)
    return QueueHealth.BUSY if is_busy else QueueHealth.FINE


# The tasks of the wall, worst first.


MAX_TASK_SERIES: Final = 60
"""Tasks whose cells are computed. No screen has room for more rows."""

_UNKNOWN: Final = (None,)
"""The failures of a task whose cells are not computed."""

_ORDER: Final = tuple(TaskHealth)


class TaskRows:
    """Makes the rows of one moment."""

    def __init__(
        self, facts: WallFacts, own: OwnCounts, sums: CellSums, verdict: Verdict | None, now: datetime
    ) -> None:
        self._facts, self._own, self._now = facts, own, now
        hour = sums.by_task(*sums.last_hour)
        self._is_hour_known = hour is not None
        sum_of = Counter[TaskId]()
        for part in hour or sums.by_task(*sums.own_hour) or ():
            sum_of.update(part)
        self._ends = defaultdict(lambda: unpacked(0), {task: unpacked(ends) for task, ends in sum_of.items()})
        self._speeds, self._normals = bounds.speeds_by_task(facts, own), bounds.normals_by_task(facts)
        self._waiting = bounds.waiting_runs(facts, own, now)
        self._are_waits_read = bounds.fresh_waits(facts, now) is not None
        self._queues = {} if facts.queues is None else {each.stored_name: each for each in facts.queues.queues}
        self._findings: dict[TaskId, Finding] = {}
        for each in () if verdict is None else verdict.findings[:MAX_TASKS]:
            if each.task is not None:
                self._findings.setdefault(each.task, each)

    def rows(self) -> tuple[TaskRow, ...]:
        """Return the rows, worst first: by findings, then by failed, by queued and by ended runs.

        Acknowledged failures stand after the others. If an hour is not known, our own counts of its end decide.
        """
        ranks = {task: rank for rank, task in enumerate(self._findings)}
        tasks = {*self._own.tasks, *self._ends, *self._findings}
        tasks.update(
            TaskId(each.name) for each in self._queues.values() if each.is_task and (each.queued or each.running)
        )
        rows = [self._row(task) for task in tasks]
        rows.sort(
            key=lambda row: (
                ranks.get(row.task, len(ranks)),
                row.health is TaskHealth.ACKNOWLEDGED or not self._ends[row.task].failed,
                -self._ends[row.task].failed,
                -(row.queued or 0),
                _ORDER.index(row.health),
                -self._ends[row.task].ended,
                row.task,
            )
        )
        return tuple(rows[:MAX_TASKS])

    def _row(self, task: TaskId) -> TaskRow:
        own, speed, normal = self._own.tasks.get(task), self._speeds.get(task), self._normals.get(task)
        queue, waiting = self._queues.get(TASK_QUEUE_PREFIX + task), self._waiting.get(TASK_QUEUE_PREFIX + task)
        running = queued = None
        oldest_at = None if waiting is None or not waiting.queued else waiting.oldest_at
        if self._own.is_live_complete:
            running, queued = (0, 0) if own is None else (own.executing, len(own.queued))
            if own is not None and own.queued:
                # If runs of the task wait in a queue with another name, the server's waits do not name the task.
                own_at = datetime.fromtimestamp(own.queued[0][0], UTC)
                oldest_at = own_at if oldest_at is None else min(oldest_at, own_at)
        elif queue is not None:
            # A zero of the list may be wrong: it does not count the runs that were handed to a worker.
            running, queued = queue.running, queue.queued or None
            if self._are_waits_read:
                queued = 0 if waiting is None else waiting.queued
        p95 = None if speed is None else speed.p95
        normal_p95 = None if normal is None else normal.p95
        return TaskRow(
            task,
            (),
            (),
            runs_per_hour=self._ends[task].ended if self._is_hour_known else None,
            failed_count=self._ends[task].failed if self._is_hour_known else None,
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
        if waiting is not None and waiting.waited > bounds.LATE_AFTER:
            return TaskHealth.LATE
        if self._ends[task].failed and bounds.has_only_acknowledged(self._facts.errors, task, self._now):
            return TaskHealth.ACKNOWLEDGED
        return TaskHealth.HEALTHY


def with_cells(rows: tuple[TaskRow, ...], sums: CellSums, span: BoardSpan) -> tuple[TaskRow, ...]:
    """Return the rows with the cells of the first `MAX_TASK_SERIES`."""
    step_s, start_s = int(span.cell.total_seconds()), int(span.start.timestamp())
    cells = [sums.by_task(at, at + step_s) for at in range(start_s, start_s + step_s * span.count, step_s)]
    first, rest = rows[:MAX_TASK_SERIES], rows[MAX_TASK_SERIES:]
    series = done_and_failed(cells, [row.task for row in first])
    if span.cell * span.count > timedelta(hours=1):
        rest = tuple(replace(row, failed=_UNKNOWN) for row in rest)
    return (*(replace(row, done=series[row.task][0], failed=series[row.task][1]) for row in first), *rest)


# The error groups that occurred in the last hour, for wall and overview: those of the store and those of the server.
#
# The store knows only the errors that were read. The server counts all errors, but neither normalises messages nor
# sends frames. If no group of the store holds a group of the server, that is a row of its own, and its runs are those
# that the server lists for it. Source: tests/wire/recordings/README.md §11 (recordings 057, 1031, 1032).


_WORST_FIRST: Final = (ErrorState.NEW, ErrorState.REGRESSED, ErrorState.UNRESOLVED, ErrorState.ACKNOWLEDGED)
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
    * `filters`: the server's filters that list its runs, if the store does not know all of them.
    * `server_id`: the id of the server's group, if this group is exactly one of them.
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
        """Identifies the group among others. The server may have several groups whose messages are the same for us."""
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


def failing_now(
    groups: "Iterable[ErrorGroup]", server: Sequence[ServerErrorGroup], since: datetime, now: datetime
) -> tuple[FailingGroup, ...]:
    """Return the groups with a failure at `since` or later, worst first.

    The order is: new, regressed, the rest, acknowledged; within each, the greatest number first. The server reports
    groups only once a minute. A group that it has not reported yet stands with the new ones. Otherwise a new group
    would at first be the last one.
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
    return _WORST_FIRST.index(group.state or ErrorState.NEW), -group.count, group.task, group.message


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

    Then the server's count is that of the group, and its runs can be listed. Otherwise we do not know to which group
    the failures belong that were not read.
    """
    theirs = group.server_groups
    is_one = len(theirs) == len(group.tasks) == 1  # each of theirs is of one task
    return theirs[0] if is_one and holders[theirs[0].id] == 1 else None


def _of_server(group: ServerErrorGroup, since: datetime, now: datetime) -> FailingGroup:
    from tui.domain.error_kinds import normalise  # noqa: PLC0415  50 ms of CPU, which `ls` and `queues` do not need

    state = state_of((group,), since, now)
    return FailingGroup(
        count=group.count or 0,
        task=group.task,
        type=group.type,
        message=normalise(group.message),
        since=group.last_seen if state is ErrorState.REGRESSED else group.first_seen,
        filter_text=_LAST_HOUR,
        state=state,
        filters=_filters_of(group),
        server_id=group.id,
    )


def _filters_of(group: ServerErrorGroup) -> RunFilters:
    """Return the filters of the group's runs. Groups of several tasks share a fingerprint."""
    return RunFilters(tasks=(group.task,), errors=(group.id,))


# `make_board`: the wall of one moment, with its series and its smaller blocks.


# The smaller blocks of the wall: due schedules, the longest runs, approvals.


MAX_LONGEST: Final = 20
MAX_JUST_ENDED: Final = 12


def due_rows(facts: WallFacts, findings: Iterable[Finding], now: datetime) -> tuple[DueRow, ...]:
    """Return the active schedules: those that are late, then the next ones."""
    missed = {each.subject.key: each.evidence for each in findings if isinstance(each.evidence, ScheduleMissed)}
    rows = []
    for each in () if facts.schedules is None else facts.schedules.schedules:
        late = missed.get(each.id)
        next_at = each.next_at if each.next_at is not None and each.next_at > now else next_due(each, now)
        due_at = next_at if late is None else late.due_at
        if each.is_active and due_at is not None:
            rows.append(DueRow(each, due_at, is_late=late is not None))
    return tuple(sorted(rows, key=lambda row: (not row.is_late, row.due_at, row.schedule.task, row.schedule.id)))


def longest_rows(facts: WallFacts, own: OwnCounts, now: datetime) -> tuple[LongestRow, ...]:
    """Return the runs that execute, by how far they are over the 95th percentile of their task."""
    p95_of = p95s_by_task(facts, own)
    rows = [
        LongestRow(run, run.fixed.task, run.state.started_at, p95_of(run.fixed.task))
        for run in own.executing_runs()
        if run.fixed.task is not None and run.state is not None and run.state.started_at is not None
    ]

    def rank(row: LongestRow) -> tuple[bool, float, RunId]:
        usual_s = 1.0 if row.p95 is None else max(0.001, row.p95.total_seconds())
        return row.p95 is None, -(now - row.started_at).total_seconds() / usual_s, row.run.id

    return tuple(nsmallest(MAX_LONGEST, rows, key=rank))


def waiting_rows(facts: WallFacts, own: OwnCounts) -> tuple[WaitToken, ...]:
    """Return the waitpoint tokens, oldest first. A run has one row, that of its oldest token."""
    rows: dict[str, WaitToken] = {}
    for each in waiting_tokens(facts, own):
        rows.setdefault(each.run_id or each.id, each)
    return tuple(rows.values())


# The four series of the wall: done, failed, queued and running, on one axis.


MAX_CELLS_AFTER: Final = 1_440
"""The levels of queued and running runs are followed back from now to the end of the span, through at most this many
cells.
"""

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


def four_lines(
    facts: WallFacts,
    sums: CellSums,
    counts: StatusCounts | None,
    verdict: Verdict | None,
    span: BoardSpan,
    now: datetime,
    last_minute: tuple[int, int] | None = None,
) -> FourLines:
    """Return the series of a span. `counts` are the live runs as the header counts them, None if they are not known.

    `last_minute` is how many runs were done and how many failed in it.
    """
    cell_s = int(span.cell.total_seconds())
    start_s = int(span.start.timestamp())
    last_s = int(now.timestamp()) // cell_s * cell_s
    count = min(span.count + MAX_CELLS_AFTER, max(span.count, (last_s - start_s) // cell_s + 1))
    cells = [sums.total(start_s + turn * cell_s, start_s + (turn + 1) * cell_s) for turn in range(count)]
    reaches_now = start_s + count * cell_s > last_s
    queued_now, running_now = _levels_now(facts, counts, now) if reaches_now else (None, None)
    # The header's counts are newer than our own. With them, every run that is not counted yet would move all cells.
    queued_last, running_last = sums.live_counts or (queued_now, running_now) if reaches_now else (None, None)
    queued = levels(queued_last, cells, lambda each: each.triggered - each.started - each.unstarted)[: span.count]
    running = levels(running_last, cells, lambda each: each.started - (each.ended - each.unstarted))[: span.count]
    done = [None if each is None else each.done for each in cells[: span.count]]
    failed = [None if each is None else each.failed for each in cells[: span.count]]
    done_now, failed_now = last_minute or (None, None)
    slow = [each for each in (() if verdict is None else verdict.findings) if each.word is FindingWord.SLOW]
    slow_since = min((each.since for each in slow if isinstance(each.evidence, QueueWaits)), default=None)
    starts = [span.start + turn * span.cell for turn in range(span.count)]
    is_slow = [slow_since is not None and start + span.cell > slow_since for start in starts]
    end = span.start + span.count * span.cell
    deployments = () if facts.deployments is None else facts.deployments.deployments
    return FourLines(
        span,
        done=_outcomes(span, done, done_now, facts.normals, is_failed=False),
        failed=_outcomes(span, failed, failed_now, facts.normals, is_failed=True),
        queued=Line(queued, queued_now, _maximum(queued, queued_now), is_abnormal=is_slow),
        running=Line(running, running_now, _maximum(running, running_now)),
        deployments=tuple(each for each in deployments if span.start <= each.deployed_at < end),
    )


def _outcomes(
    span: BoardSpan, cells: Sequence[int | None], now: int | None, normals: NormalsRead | None, *, is_failed: bool
) -> Line:
    """Return the line of the runs that were done, or that failed."""
    in_span, last_day = _sum(cells), None
    if normals is not None:
        last_day = normals.failed_last_day if is_failed else normals.done_last_day
        day_from = (normals.last_day_at or normals.at) - _DAY
        if last_day is not None and in_span is not None and span.start >= day_from:
            last_day = max(last_day, in_span)  # the day is read only every five minutes, so it may lack a new storm
    usual = _per_hour(normals, span.cell * span.count / _HOUR, is_failed=is_failed)
    return Line(list(cells), now, in_span=in_span, normal=usual, last_day=last_day)


def levels(now: int | None, cells: Sequence[Sums | None], growth: Callable[[Sums], int]) -> list[int | None]:
    """Return how many runs there were at the end of each cell: the number of now, followed back through the cells.

    The last cells are unknown if the server was silent in them. All cells before an unknown one are unknown, too.
    """
    found: list[int | None] = [None] * len(cells)
    last = len(cells) - 1
    while last >= 0 and cells[last] is None:
        last -= 1
    level = now
    for turn in range(last, -1, -1):
        sums = cells[turn]
        if level is None or sums is None:
            break
        found[turn] = max(0, level)
        level -= growth(sums)
    return found


def _levels_now(facts: WallFacts, counts: StatusCounts | None, now: datetime) -> tuple[int | None, int | None]:
    """Return the queued and the running runs: the header's counts, or without these the sums of waits and queues."""
    if counts is not None and not counts.is_live_partial:
        return counts.queued, counts.executing
    waits, queues = fresh_waits(facts, now), facts.queues
    queued = None if waits is None else sum(each.queued for each in waits.waits)
    running = None if queues is None or queues.is_cut else _sum([each.running for each in queues.queues])
    return queued, running


def _per_hour(normals: NormalsRead | None, share: float, *, is_failed: bool) -> float | None:
    """Return how many runs usually end within the span. Days without any run of a task count too."""
    if normals is None or normals.is_cut:
        return None
    days = max((each.days for each in normals.normals), default=0)
    if not days:
        return None
    return sum(each.failed if is_failed else each.runs - each.failed for each in normals.normals) / days * share


def _sum(cells: Cells) -> int | None:
    known = [each for each in cells if each is not None]
    return sum(known) if len(known) == len(cells) else None


def _maximum(cells: Cells, now: int | None) -> int | None:
    """Return the maximum of a span. The header's count of now may exceed all cells: these lack runs that retry."""
    known = [each for each in cells if each is not None]
    return max([*known, now or 0]) if len(known) == len(cells) else None


def make_board(
    facts: WallFacts,
    own: OwnCounts,
    verdict: Verdict | None,
    counts: StatusCounts | None,
    span: BoardSpan,
    now: datetime,
    minutes: MinutesRead | None = None,
) -> Board:
    """Return the wall at `now`, the server's time. `counts` are the header's: `Store.status_counts`.

    `minutes` are those of the span, if it is not the last hour.

    Minutes that were over when the server answered are taken from its answer; newer ones are counted from the store.
    During an outage, the minutes since its begin are unknown.
    """
    is_known = verdict is None or verdict.is_known
    known_until = None if verdict is None or is_known else verdict.heard_at or datetime.min.replace(tzinfo=now.tzinfo)
    sums = CellSums(facts.minutes, own, now, known_until)
    findings = () if verdict is None else verdict.findings
    of_span = sums if minutes is None else CellSums(minutes, own, now)
    unread = facts.unread.get(FactSource.MINUTES)
    own_since = said_since(own) if unread is not None and unread.is_refused else None
    is_of_listed = own.is_filtered
    if verdict is not None:
        own_since = verdict.own_since or own_since
        # The numbers are only our own counts, which lack runs.
        is_of_listed |= verdict.is_of_listed and FactSource.MINUTES in dict(verdict.refused)
    return Board(
        now,
        verdict,
        four_lines(facts, of_span, counts, verdict, span, now, sums.last_minute()),
        tasks=with_cells(TaskRows(facts, own, sums, verdict, now).rows(), of_span, span),
        queues=tuple(sorted(queue_rows(facts, verdict, known_until or now), key=worst_first)),
        due=due_rows(facts, findings, now),
        longest=longest_rows(facts, own, now),
        waiting=waiting_rows(facts, own),
        just_now=tuple(own.last_ended(MAX_JUST_ENDED)),
        facts=facts,
        own_since=own_since,
        is_listed=is_of_listed,
    )
