"""What is usual, late or due: bounds of tasks and queues, due times, standstills, acknowledged errors."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from tui.domain.facts import (
    MAX_SCHEDULES,
    ErrorGroupsRead,
    PlaceHolder,
    Queue,
    QueueWait,
    Schedule,
    TaskNormal,
    TaskSpeed,
    WaitsRead,
    WaitToken,
    WallFacts,
)
from tui.domain.filters import TASK_QUEUE_PREFIX
from tui.domain.finding import Standstill, StandstillReason
from tui.domain.run import FAILED, Environment, RunStatus, TaskId
from tui.domain.text import Raw
from tui.store.findings.counts import OwnCounts

# What is usual for a task: its 95th percentile, and since when its oldest waiting run waits.


MIN_NORMAL_RUNS: Final = 20
"""A normal needs this many runs in the same hour of the last 7 days. With fewer, a single run would be more than 5 % of
them.
"""

MIN_P95_RUNS: Final = 3
"""With fewer runs, no duration is usual."""

MAX_WAITS_AGE: Final = timedelta(minutes=2)
"""An older answer about waiting runs says nothing of now."""

SLOW_TIMES: Final = 3
"""A task is slow if its 95th percentile is this many times the usual one. Most tasks double theirs now and then."""

MIN_SLOWER_BY: Final = timedelta(seconds=5)
"""A task is slow only if its 95th percentile is also this much longer: three times 50 ms does not matter."""

LATE_AFTER: Final = timedelta(minutes=1)
"""A queue is late if its oldest run has waited longer than this."""


def normals_by_task(facts: WallFacts) -> dict[TaskId, TaskNormal]:
    """Return the normal of each task, also of those with few runs."""
    return {} if facts.normals is None else {each.task: each for each in facts.normals.normals}


def speeds_by_task(facts: WallFacts, own: OwnCounts) -> dict[TaskId, TaskSpeed]:
    """Return the 95th percentile of the last hour, by the server's query or else by the own counts."""
    speeds = () if facts.minutes is None else facts.minutes.speeds
    found = {each.task: each for each in speeds if each.p95 is not None and each.runs > 0}
    own_tasks = ((task, each) for task, each in own.tasks.items() if task not in found and each.durations)
    return found | {task: TaskSpeed(task, each.p95, len(each.durations)) for task, each in own_tasks}


def p95s_by_task(facts: WallFacts, own: OwnCounts) -> Callable[[TaskId], timedelta | None]:
    """Return a function that returns the usual 95th percentile of a task, None where it is not known.

    It is the normal if that has enough runs, otherwise that of the last hour, otherwise that of a normal of few runs.
    """
    speeds, normals = speeds_by_task(facts, own), normals_by_task(facts)

    @cache
    def p95_of(task: TaskId) -> timedelta | None:
        normal, speed = normals.get(task), speeds.get(task)
        for usual, least in ((normal, MIN_NORMAL_RUNS), (speed, MIN_P95_RUNS), (normal, MIN_P95_RUNS)):
            if usual is not None and usual.p95 is not None and usual.runs >= least:
                return usual.p95
        return None

    return p95_of


def waiting_tokens(facts: WallFacts, own: OwnCounts) -> list[WaitToken]:
    """Return the waitpoint tokens that wait, oldest first: those of live runs, then those whose run is not known.

    The server keeps a token WAITING after its run has ended. Such a token is left out, because no run waits for it.
    """
    tokens = () if facts.tokens is None else facts.tokens.tokens
    runs = ((token, None if token.run_id is None else own.run(token.run_id)) for token in tokens)
    found = [token for token, run in runs if run is None or not (run.is_final or run.is_gone)]
    return sorted(found, key=lambda token: (token.run_id is None, token.created_at, token.id))


def is_slower(p95: timedelta | None, normal: timedelta | None) -> bool:
    """Return whether a 95th percentile is far over the usual one."""
    return p95 is not None and normal is not None and p95 > max(normal * SLOW_TIMES, normal + MIN_SLOWER_BY)


def fresh_waits(facts: WallFacts, now: datetime) -> WaitsRead | None:
    """Return what is known of the waiting runs; None while it was not read, or too long ago."""
    waits = facts.waits
    return None if waits is None or now - waits.at > MAX_WAITS_AGE else waits


def is_at_limit(queue: Queue) -> bool:
    """Return whether a queue runs as many runs as it may. One without a limit never does."""
    return queue.limit is not None and queue.running is not None and queue.running >= queue.limit


class Waiting(NamedTuple):
    """The waiting runs of a queue. `until`: the oldest one waited at least until then. `holders` hold its places.

    `task`: set if the queue is not known; then these are runs of that task.
    """

    queued: int
    oldest_at: datetime | None
    until: datetime
    task: TaskId | None = None
    holders: tuple[PlaceHolder, ...] = ()

    @property
    def waited(self) -> timedelta:
        """How long the oldest run has waited, zero without one."""
        return timedelta() if self.oldest_at is None else self.until - self.oldest_at


def waiting_runs(facts: WallFacts, own: OwnCounts, now: datetime) -> dict[str, Waiting]:
    """Return how many runs wait in each queue, by its stored name.

    Without a new answer of the server: the runs of the store, in the queues that they say. Most do not say it; these
    stand under the name of their task's own queue, and `Waiting.task` says that they may wait in another one.
    An answer may be some time old. Its oldest run then waits on if the store still has it in its queue.
    """
    waits = fresh_waits(facts, now)
    if waits is None:
        return _own_waiting(own, now)
    return {each.queue: _waiting(each, waits.at, own, now) for each in waits.waits}


def _own_waiting(own: OwnCounts, now: datetime) -> dict[str, Waiting]:
    found: dict[str, Waiting] = {}
    for task, each in own.tasks.items():
        for queued_s, run_id in each.queued:
            run = own.run(run_id)
            queue = None if run is None else run.fixed.queue
            name = TASK_QUEUE_PREFIX + task if queue is None else queue
            known = found.get(name) or Waiting(0, None, now)
            queued_at = datetime.fromtimestamp(queued_s, UTC)
            if known.oldest_at is None or queued_at < known.oldest_at:
                known = known._replace(oldest_at=queued_at)
            found[name] = known._replace(queued=known.queued + 1, task=task if queue is None else known.task)
    return found


def _waiting(wait: QueueWait, read_at: datetime, own: OwnCounts, now: datetime) -> Waiting:
    run = None if wait.oldest_run is None else own.run(wait.oldest_run)
    is_queued = run is not None and run.status is RunStatus.QUEUED and run.state is not None and not run.is_gone
    return Waiting(wait.queued, wait.oldest_at, max(now, read_at) if is_queued else read_at, holders=wait.holders)


# The failures that are acknowledged on the server: they are no finding.


def acknowledged_messages(errors: ErrorGroupsRead | None, now: datetime) -> dict[TaskId, set[Raw]]:
    """Return the messages of the acknowledged error groups of each task."""
    found: dict[TaskId, set[Raw]] = {}
    for group in () if errors is None else errors.groups:
        if group.is_acknowledged(now):
            found.setdefault(group.task, set()).add(group.message)
    return found


def has_only_acknowledged(errors: ErrorGroupsRead | None, task: TaskId, now: datetime) -> bool:
    """Return whether the task has error groups in the last hour, and all of them are acknowledged."""
    groups = [] if errors is None else [each for each in errors.groups if each.task == task]
    return bool(groups) and all(each.is_acknowledged(now) for each in groups)


# The due times of a schedule, from its cron expression and its time zone, as the server computes them.


KEPT_SPANS: Final = 16
"""Remembered for each expression. Hundreds of schedules may have the same one, but their runs are in few spans."""

_SECOND: Final = timedelta(seconds=1)
_NEVER_BEFORE: Final = datetime.min.replace(tzinfo=UTC)
_NEVER_AFTER: Final = datetime.max.replace(tzinfo=UTC)

Span = tuple[datetime, datetime]
"""Two due times without another one between them."""


def next_due(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first due time after a moment; None if the expression or the zone cannot be read, or has none."""
    due_at = _span(schedule, after)[1]
    return None if due_at == _NEVER_AFTER else due_at


def last_due(schedule: Schedule, until: datetime) -> datetime | None:
    """Return the last due time that is not after a moment; None if there is none."""
    due_at = _span(schedule, until)[0]
    return None if due_at == _NEVER_BEFORE else due_at


@lru_cache(MAX_SCHEDULES)
def spans_of(cron: str, zone: str) -> deque[Span]:  # noqa: ARG001  they are the keys of the cache
    """Return the spans of an expression that were last found."""
    return deque(maxlen=KEPT_SPANS)


def _span(schedule: Schedule, moment: datetime) -> Span:
    """Return the due times around a moment: the last one that is not after it, and the next one."""
    cron, zone = schedule.cron, schedule.zone
    spans = spans_of(cron, zone)
    for span in spans:
        if span[0] <= moment < span[1]:
            return span
    second = moment.replace(microsecond=0)
    before = _due(cron, zone, second + _SECOND, is_before=True) or _NEVER_BEFORE
    after = _due(cron, zone, second, is_before=False) or _NEVER_AFTER
    spans.appendleft((before, after))
    return before, after


def _due(cron: str, zone: str, moment: datetime, *, is_before: bool) -> datetime | None:
    from cronsim import CronSim, CronSimError  # noqa: PLC0415  needed only where there is a schedule

    try:
        return next(CronSim(cron, moment.astimezone(ZoneInfo(zone or "UTC")), reverse=is_before)).astimezone(UTC)
    except (CronSimError, StopIteration, ValueError, KeyError, OSError, OverflowError, RecursionError):
        return None


# Why no run starts at all: the environment is paused, or no development worker is there to take the runs.


NO_WORKER_AFTER: Final = timedelta(minutes=1)
"""A development worker takes a run within seconds."""

_LAST_ENDED: Final = 20
"""This many of the runs that ended last are searched for one that a worker ended."""

_BY_WORKERS: Final = FAILED | {RunStatus.COMPLETED_SUCCESSFULLY}


def standstill_of(
    facts: WallFacts, own: OwnCounts | None, environment: Environment | None, now: datetime
) -> Standstill | None:
    """Return why no run of the environment starts; None if some may, as far as it is known."""
    if environment is None:
        return None
    if environment.is_paused:
        return Standstill(StandstillReason.ENVIRONMENT_PAUSED)
    return _without_worker(facts, own, environment.resumed_at, now) if environment.is_development else None


def _without_worker(
    facts: WallFacts, own: OwnCounts | None, resumed_at: datetime | None, now: datetime
) -> Standstill | None:
    """Return since when no worker was seen.

    That needs a run that could start (its queue is neither paused nor full), and no sign of a worker: no run executes,
    and none has started or ended lately.

    Only a personal token may ask the server whether a worker is connected.
    """
    waits = fresh_waits(facts, now)
    if waits is None or any(each.holders for each in waits.waits):
        return None
    if own is not None and next(own.executing_runs(), None) is not None:
        return None
    queues = {} if facts.queues is None else {each.stored_name: each for each in facts.queues.queues}
    held = {name for name, queue in queues.items() if queue.is_paused or queue.is_limit_paused or is_at_limit(queue)}
    if facts.queues is not None and facts.queues.full_limits:
        return None  # no answer says which queues these hold
    oldest = [each.oldest_at for each in waits.waits if each.oldest_at is not None and each.queue not in held]
    if not oldest:
        return None
    seen = [min(oldest), *(each.newest_start for each in waits.waits if each.newest_start is not None)]
    last_started = None if own is None else own.last_started
    # What waited for the end of a pause could not start before.
    seen += [each for each in (last_started, resumed_at, facts.resumed_at) if each is not None]
    ended = [] if own is None else [run for run in own.last_ended(_LAST_ENDED) if run.status in _BY_WORKERS]
    seen += [run.state.finished_at for run in ended if run.state is not None and run.state.finished_at is not None]
    return Standstill(StandstillReason.NO_WORKER, max(seen)) if waits.at - max(seen) > NO_WORKER_AFTER else None
