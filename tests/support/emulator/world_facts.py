"""The facts of the wall as an emulated world would tell them, made without HTTP: of one moment, complete and exact.

Sources read the same facts over HTTP. Here a world of minutes costs milliseconds.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from math import ceil

from tui.api.runs import decode_page
from tui.domain.facts import (
    DeploymentsRead,
    ErrorGroupsRead,
    MinutesRead,
    NormalsRead,
    Queue,
    QueuesRead,
    QueueWait,
    Schedule,
    ScheduleRunsRead,
    SchedulesRead,
    TaskMinute,
    TaskNormal,
    TaskSpeed,
    TokensRead,
    WaitsRead,
    WaitToken,
    WallUpdate,
)
from tui.domain.finding import Finding
from tui.domain.run import RunId, TaskId
from tui.domain.text import Raw
from tui.domain.update import HistoryRead, RunsRead, Update
from tui.emulator.rows import list_row
from tui.emulator.simulation.records import generator_of
from tui.emulator.simulation.runs import Run, Status
from tui.emulator.world import World
from tui.store.findings.counts import OwnCounts
from tui.store.findings.judging import Held, hold, judge
from tui.store.store import Store

MINUTE = timedelta(minutes=1)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FAILED = {Status.FAILED, Status.CRASHED, Status.TIMED_OUT, Status.SYSTEM_FAILURE}


class JudgedWorld:
    """A world whose runs and facts are in a store, and are judged at each `look`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = Store()
        self.own = OwnCounts(self.store)
        self.held: Held = ()
        since_ms = world.now_ms - 2 * HOUR_MS
        self._seen = world.log.version
        self._normals: NormalsRead | None = None
        recent = [run for run in world.ledger if run.created_ms >= since_ms or not run.status.is_final]
        self._apply(runs_read(world, recent))
        self._apply(HistoryRead(time_of(since_ms), len(recent), is_complete=True))

    def look(self, ms: int) -> tuple[Finding, ...]:
        """Advance the world to a time, at most 30 s later, read everything, and return what is shown then."""
        world = self.world
        world.advance(ms)
        changed = {change.run.id: change.run for change in world.log.after(self._seen)}
        self._seen = world.log.version
        self._apply(runs_read(world, changed.values()))
        for fact in self._facts():
            self._apply(fact)
        now = time_of(world.now_ms)
        self.own.settle(now)
        facts = self.store.wall_facts
        assert facts is not None
        is_development = world.environment.type == "DEVELOPMENT"
        judged = judge(facts, self.own, now, is_development=is_development)
        self.held = hold(self.held, judged, now)
        return tuple(each.finding for each in self.held)

    def _facts(self) -> Iterator[WallUpdate]:
        """Yield everything that the sources of the wall would read now. Normals are read once an hour."""
        world = self.world
        at = time_of(world.now_ms)
        yield minutes_read(world)
        if self._normals is None or self._normals.hour != normal_hour(world):
            self._normals = normals_read(world)
        yield self._normals
        yield queues_read(world)
        yield waits_read(world)
        yield from schedules_read(world)
        yield tokens_read(world)
        yield DeploymentsRead(at, ())
        yield ErrorGroupsRead(at, ())

    def _apply(self, update: Update) -> None:
        self.own.on_changes(self.store.apply(update))


def time_of(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def runs_read(world: World, runs: Iterable[Run]) -> RunsRead:
    """Return what a page with these runs tells."""
    rows = [list_row(run, world.environment, is_versioned=True) for run in runs]
    return RunsRead(decode_page(json.dumps({"data": rows}).encode(), time_of(world.now_ms)).patches)


def normal_hour(world: World) -> datetime:
    return time_of(world.now_ms // HOUR_MS * HOUR_MS)


def minutes_read(world: World) -> MinutesRead:
    """The last hour of all tasks, a minute a cell, and their 95th percentiles."""
    now_ms = world.now_ms
    since_ms = (now_ms - HOUR_MS) // 60_000 * 60_000
    cells: defaultdict[tuple[str, int], Counter[str]] = defaultdict(Counter)
    took: defaultdict[str, list[int]] = defaultdict(list)
    for run in world.ledger:
        ended_ms = run.finished_ms if run.status.is_final else None
        times = {"triggered": run.shown_created_ms, "started": run.started_ms, "ended": ended_ms}
        for kind, ms in times.items():
            if ms is not None and ms >= since_ms:
                cells[run.task_id, ms // 60_000][kind] += 1
        if ended_ms is not None and ended_ms >= since_ms:
            cell = cells[run.task_id, ended_ms // 60_000]
            cell["done"] += run.status is Status.COMPLETED
            cell["failed"] += run.status in FAILED
            cell["unstarted"] += run.started_ms is None
            if run.status is Status.COMPLETED:
                took[run.task_id].append(ended_ms - run.attempts[0].started_ms)
    return MinutesRead(
        time_of(now_ms),
        time_of(since_ms),
        MINUTE,
        tuple(
            TaskMinute(
                TaskId(task),
                time_of(minute * 60_000),
                cell["triggered"],
                cell["started"],
                cell["done"],
                cell["failed"],
                cell["ended"],
                cell["unstarted"],
            )
            for (task, minute), cell in sorted(cells.items())
        ),
        tuple(TaskSpeed(TaskId(task), _p95(each), len(each)) for task, each in sorted(took.items())),
    )


def normals_read(world: World) -> NormalsRead:
    """The same hour of the last seven days."""
    hour_ms = world.now_ms // HOUR_MS * HOUR_MS
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    for run in world.ledger:
        days, rest = divmod(run.created_ms - hour_ms, DAY_MS)
        if -7 <= days < 0 and rest < HOUR_MS and run.status.is_final:
            runs[run.task_id].append(run)
    normals = []
    for task, each in sorted(runs.items()):
        took = [run.finished_ms - run.attempts[0].started_ms for run in each if run.finished_ms and run.attempts]
        failed = sum(run.status in FAILED for run in each)
        days = len({(run.created_ms - hour_ms) // DAY_MS for run in each})
        normals.append(TaskNormal(TaskId(task), len(each), failed, _p95(took), days))
    return NormalsRead(time_of(world.now_ms), normal_hour(world), tuple(normals))


def queues_read(world: World) -> QueuesRead:
    queues = [
        Queue(
            each.id,
            Raw(each.shown_name),
            not each.is_custom,
            each.running,
            len(each.waiting) + len(each.backing_off),
            each.limit,
            each.is_paused,
        )
        for each in world.queues.all()
    ]
    return QueuesRead(time_of(world.now_ms), tuple(queues))


def waits_read(world: World) -> WaitsRead:
    """Starts and arrivals are those of the last five whole minutes."""
    end_ms = world.now_ms // 60_000 * 60_000
    started: Counter[str] = Counter()
    arrived: Counter[str] = Counter()
    waiting: defaultdict[str, list[Run]] = defaultdict(list)
    for run in world.ledger:
        if run.started_ms is not None and end_ms - 300_000 <= run.started_ms < end_ms:
            started[run.queue] += 1
        if run.queued_ms is not None and end_ms - 300_000 <= run.queued_ms < end_ms:
            arrived[run.queue] += 1
        if run.status is Status.QUEUED and run.started_ms is None:
            waiting[run.queue].append(run)
    waits = []
    for name in sorted({*started, *waiting}):
        oldest = min(waiting[name], key=lambda run: run.queued_ms or run.created_ms, default=None)
        waits.append(
            QueueWait(
                name,
                len(waiting[name]),
                None if oldest is None else time_of(oldest.queued_ms or oldest.created_ms),
                None if oldest is None else RunId(oldest.id),
                started[name] / 5,
                arrived[name] / 5,
            )
        )
    return WaitsRead(time_of(world.now_ms), tuple(waits))


def schedules_read(world: World) -> Iterator[WallUpdate]:
    """All schedules, and the newest run of each."""
    at, now_ms = time_of(world.now_ms), world.now_ms
    schedules = []
    for each in world.schedules.newest_first():
        due_ms = each.next_ms(now_ms)
        schedules.append(
            Schedule(
                each.id,
                TaskId(each.task.id),
                Raw(generator_of(each.task)["expression"]),
                Raw("UTC"),
                each.is_active,
                None if due_ms is None else time_of(due_ms),
                None if due_ms is None else time_of(due_ms + each.spread_ms),
            )
        )
    yield SchedulesRead(at, tuple(schedules))
    newest = {run.schedule_id: run for run in world.ledger if run.schedule_id}
    for schedule in schedules:
        run = newest.get(schedule.id)
        yield ScheduleRunsRead(at, schedule.id, None if run is None else time_of(run.shown_created_ms))


def tokens_read(world: World) -> TokensRead:
    waiting = [token for token in reversed(world.tokens.newest_first()) if token.status == "WAITING"]
    tokens = tuple(WaitToken(each.id, time_of(each.created_ms), tuple(map(Raw, each.tags))) for each in waiting)
    return TokensRead(time_of(world.now_ms), tokens)


def _p95(durations_ms: list[int]) -> timedelta | None:
    if not durations_ms:
        return None
    return timedelta(milliseconds=sorted(durations_ms)[ceil(0.95 * len(durations_ms)) - 1])
