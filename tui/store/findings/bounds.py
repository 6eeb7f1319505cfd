"""What is usual for a task: its 95th percentile, and since when its oldest waiting run waits."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, NamedTuple

from tui.domain.findings.facts import PlaceHolder, Queue, QueueWait, TaskNormal, WaitsRead, WaitToken, WallFacts
from tui.domain.ids import TaskId
from tui.domain.status import RunStatus
from tui.store.findings.own_counts import OwnCounts

MIN_NORMAL_RUNS: Final = 20
"""The runs of 7 days in one hour that make a normal. With fewer, one run is more than 5 % of them."""

MIN_P95_RUNS: Final = 3
"""With fewer runs, no duration is usual."""

MAX_WAITS_AGE: Final = timedelta(minutes=2)
"""An older answer about waiting runs says nothing of now."""

SLOW_TIMES: Final = 3
"""A task is slow if its 95th percentile is this many times the usual one. Most tasks double theirs now and then."""

MIN_SLOWER_BY: Final = timedelta(seconds=5)
"""And if it is this much longer: nobody waits for three times 50 ms."""

LATE_AFTER: Final = timedelta(minutes=1)
"""A queue is late if its oldest run has waited longer than this."""

TASK_QUEUE: Final = "task/"


class Usual(NamedTuple):
    """How long runs usually take, by how many of them."""

    p95: timedelta
    runs: int


def normals_by_task(facts: WallFacts) -> dict[TaskId, TaskNormal]:
    """Return the normal of each task, also of those with few runs."""
    return {} if facts.normals is None else {each.task: each for each in facts.normals.normals}


def speeds_by_task(facts: WallFacts, own: OwnCounts) -> dict[TaskId, Usual]:
    """Return the 95th percentile of the last hour, by the server's query or else by the own counts."""
    found = {
        task: Usual(p95, each.durations.count)
        for task, each in own.tasks.items()
        if (p95 := each.durations.p95) is not None
    }
    for speed in () if facts.minutes is None else facts.minutes.speeds:
        if speed.p95 is not None and speed.runs > 0:
            found[speed.task] = Usual(speed.p95, speed.runs)
    return found


def usual_p95(normal: TaskNormal | None, speed: Usual | None) -> Usual | None:
    """Return what is usual: the normal if it is one, otherwise that of the last hour, if it has enough runs."""
    if normal is not None and normal.p95 is not None and normal.runs >= MIN_NORMAL_RUNS:
        return Usual(normal.p95, normal.runs)
    if speed is not None and speed.runs >= MIN_P95_RUNS:
        return speed
    if normal is not None and normal.p95 is not None and normal.runs >= MIN_P95_RUNS:
        return Usual(normal.p95, normal.runs)
    return None


def p95s_by_task(facts: WallFacts, own: OwnCounts) -> Callable[[TaskId], timedelta | None]:
    """Return a function that returns the usual 95th percentile of a task, None where it is not known."""
    speeds, normals = speeds_by_task(facts, own), normals_by_task(facts)

    @cache
    def p95_of(task: TaskId) -> timedelta | None:
        usual = usual_p95(normals.get(task), speeds.get(task))
        return None if usual is None else usual.p95

    return p95_of


def waiting_tokens(facts: WallFacts, own: OwnCounts) -> list[WaitToken]:
    """Return the waitpoint tokens that wait, oldest first: those of live runs, then those whose run is not known.

    The server keeps a token WAITING after its run has ended: such a token waits for nobody.
    """
    found = []
    for token in () if facts.tokens is None else facts.tokens.tokens:
        run = None if token.run_id is None else own.run(token.run_id)
        if run is None or not (run.is_final or run.is_gone):
            found.append(token)
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

    `task`: it is not known in which queue these runs of the task wait.
    """

    queued: int
    oldest_at: datetime | None
    until: datetime
    task: TaskId | None = None
    holders: tuple[PlaceHolder, ...] = ()


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
            name = TASK_QUEUE + task if queue is None else queue
            known = found.get(name) or Waiting(0, None, now)
            queued_at = datetime.fromtimestamp(queued_s, UTC)
            if known.oldest_at is None or queued_at < known.oldest_at:
                known = known._replace(oldest_at=queued_at)
            found[name] = known._replace(queued=known.queued + 1, task=task if queue is None else known.task)
    return found


def _waiting(wait: QueueWait, read_at: datetime, own: OwnCounts, now: datetime) -> Waiting:
    run = None if wait.oldest_run is None else own.run(wait.oldest_run)
    is_queued = run is not None and run.status is RunStatus.QUEUED and run.state is not None and not run.is_gone
    until = max(now, read_at) if is_queued else read_at
    return Waiting(wait.queued, wait.oldest_at, until, holders=wait.holders)
