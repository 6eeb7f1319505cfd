"""The figures of findings: twenty seeds of each story, and the time of one judgement."""

import gc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from time import process_time
from typing import Final

from tests.perf.figures.row import Effort, Reading
from tests.support.domain.deploys import false_alarms
from tests.support.emulator.judged_stories import EXPECTED, mistakes
from tui.domain.facts import (
    NormalsRead,
    Queue,
    QueuesRead,
    QueueWait,
    Schedule,
    ScheduleRunsRead,
    SchedulesRead,
    TaskNormal,
    TokensRead,
    WaitsRead,
    WaitToken,
    WallUpdate,
)
from tui.domain.run import Fixed, Precision, RunId, State, TaskId, parse_status
from tui.domain.text import Raw
from tui.domain.update import HistoryRead, RunPatch, RunsRead, Update
from tui.store.findings.counts import OwnCounts
from tui.store.findings.judging import Held, hold, judge, verdict_of
from tui.store.store import Store

SEEDS: Final = 20
QUICK_SEEDS: Final = 5

DEPLOYS: Final = 200
MAX_ALARM_SHARE: Final = 0.01

TASKS: Final = 200
RUNS_PER_S: Final = 20
NEW_RUNS: Final = 2
SECONDS: Final = 3_600
FAILED_SHARE: Final = 0.02
FAILING_TASKS: Final = 5
"""Half of the runs of these tasks fail in the last minutes."""

EXECUTING: Final = 300
SCHEDULES: Final = 50
TOKENS: Final = 50
MAX_MS: Final = 2.0

NOW: Final = datetime(2026, 11, 26, 14, 32, 7, tzinfo=UTC)


def stories(effort: Effort) -> Reading:
    """Judge every story in virtual time. A mistake is a finding too many, too few, too early, or with another word."""
    seeds = range(int(effort.pick(SEEDS, QUICK_SEEDS)))
    found = [mistake for name in EXPECTED for seed in seeds for mistake in mistakes(name, seed)]
    measured = f"{len(EXPECTED)} x {len(seeds)} worlds, {len(found)} mistakes"
    return Reading("; ".join([measured, *found[:1]]), not found)


def deploys(effort: Effort) -> Reading:
    """Deploy a new version that fails as seldom as the one before, 1 to 5 %: at most 1 of 100 deploys is accused."""
    count = int(effort.pick(DEPLOYS, DEPLOYS // 4))
    alarms = false_alarms(range(count))
    return Reading(f"{alarms} alarms of {count} deploys", alarms <= count * MAX_ALARM_SHARE)


def recomputed(effort: Effort) -> Reading:
    """Judge 200 tasks with an hour of 20 runs a second, each time after a tenth of a second. Times are CPU."""
    random, store = Random(7), Store()
    for update in (*facts(), RunsRead(tuple(hour(random))), HistoryRead(NOW - timedelta(hours=1), 1, True)):
        store.apply(update)
    own = OwnCounts(store)
    own.settle(NOW)
    known = store.wall_facts
    held: Held = ()
    assert known is not None
    times_ms: list[float] = []
    gc.collect()
    for turn in range(int(effort.pick(300, 100))):
        now = NOW + timedelta(seconds=turn / 10)
        first = SECONDS * RUNS_PER_S + turn * NEW_RUNS
        new = (ended(random, now, number) for number in range(first, first + NEW_RUNS))
        own.on_changes(store.apply(RunsRead(tuple(new))))
        own.settle(now)
        begin = process_time()
        held = hold(held, judge(known, own, now), now)
        verdict_of(held, known, own, now, now)
        times_ms.append(1000 * (process_time() - begin))
    middle_ms, worst_ms = median(times_ms), sorted(times_ms)[-len(times_ms) // 100]
    found = len(held)
    return Reading(f"p50 {middle_ms:.2f}, p99 {worst_ms:.2f} ms, {found} findings", middle_ms < MAX_MS)


def _task(number: int) -> TaskId:
    return TaskId(f"task-{number:03}")


def hour(random: Random) -> Iterator[RunPatch]:
    for number in range(SECONDS * RUNS_PER_S):
        yield ended(random, NOW - timedelta(seconds=SECONDS - number / RUNS_PER_S), number)
    for number in range(EXECUTING):
        started_at = NOW - timedelta(seconds=random.uniform(0, 610))
        yield _patch(f"live-{number}", "EXECUTING", _task(number % TASKS), started_at)


def ended(random: Random, at: datetime, number: int) -> RunPatch:
    task = random.randrange(TASKS)
    is_recent = task < FAILING_TASKS and at > NOW - timedelta(minutes=5)
    is_failed = random.random() < (0.5 if is_recent else FAILED_SHARE)
    word = "FAILED" if is_failed else "COMPLETED"
    return _patch(f"run-{number}", word, _task(task), at - timedelta(seconds=random.uniform(0.5, 3)), at)


def _patch(run_id: str, word: str, task: TaskId, started_at: datetime, ended_at: datetime | None = None) -> RunPatch:
    updated_at = ended_at or started_at
    status = parse_status(word, ended=ended_at is not None)
    state = State(updated_at, Precision.LIST, status, started_at=started_at, finished_at=ended_at)
    fixed = Fixed(task=task, version=Raw("1"))
    return RunPatch(RunId(run_id), updated_at, fixed, state, created_at=started_at)


def facts() -> Iterator[Update]:
    """Yield the facts of 200 tasks, each with a queue. Some queues wait too long, some schedules are late."""
    yield from _of_queues()
    yield from _of_schedules()
    normals = (TaskNormal(_task(number), 500, 10, timedelta(seconds=3), 7) for number in range(TASKS))
    yield NormalsRead(NOW, NOW.replace(minute=0, second=0), tuple(normals))
    tokens = (WaitToken(f"waitpoint_{number}", NOW - timedelta(minutes=30 * number)) for number in range(TOKENS))
    yield TokensRead(NOW, tuple(tokens))


def _of_queues() -> Iterator[WallUpdate]:
    queues, waits = [], []
    for number in range(TASKS):
        queues.append(Queue(f"queue_{number}", Raw(_task(number)), is_task=True, running=2, queued=3, limit=4))
        waits.append(QueueWait(f"task/{_task(number)}", 3, NOW - timedelta(seconds=number / 6)))
    yield QueuesRead(NOW, tuple(queues))
    yield WaitsRead(NOW, tuple(waits))


def _of_schedules() -> Iterator[WallUpdate]:
    schedules = [
        Schedule(f"sched_{number}", _task(number), Raw(f"*/{number % 7 + 2} * * * *"), Raw("UTC"), is_active=True)
        for number in range(SCHEDULES)
    ]
    yield SchedulesRead(NOW, tuple(schedules))
    for number, schedule in enumerate(schedules):
        yield ScheduleRunsRead(NOW, schedule.id, NOW - timedelta(minutes=1 + number % 3))
