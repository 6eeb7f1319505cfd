"""`FactsSource`: reads every kind of fact at its interval while `run` runs, and emits them."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from tui.api import queries
from tui.api.errors import EARLIEST, ApiError, Refused, ServerFault, Unreachable
from tui.api.facts import DEPLOYMENTS, ERROR_GROUPS, QUEUE, QUEUE_METRICS
from tui.domain import facts
from tui.domain.filters import TASK_QUEUE_PREFIX
from tui.domain.finding import KNOWN_FOR, QueueState
from tui.domain.run import SAFE_ID, Fixed, Run, RunId, TaskId
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead, Update
from tui.lazy_dataclass import dataclass
from tui.store.store import Store
from tui.sync import fact_readers
from tui.sync.budget import Emit
from tui.sync.clock import WakeableClock
from tui.sync.fact_readers import FactRequests, PlannedRead, Rank
from tui.sync.fetch import RunFetcher
from tui.sync.reads import Priority

# When each fact is due, and which reads come first. Source: tests/wire/recordings/README.md §7, §10.


LIMITS_EVERY_S: Final = 30.0
"""How often we check for queues of version V2, whose limits are in another list."""

LAST_DAY_DELAY_S: Final = 45.0
"""At the start, the totals of a day wait, so that the other reads of the first minute are within the allowance."""

SCHEDULE_RUNS_EVERY_S: Final = 2.0
SCHEDULE_RUNS_DELAY_S: Final = 2.0
"""The schedules are read before their runs. `status` needs these runs within ten seconds if a schedule is late."""

MORE_MINUTES_EVERY_S: Final = 10.0
"""Between two parts of an hour that the server cut."""

JOIN_EVERY_S: Final = 1.0
"""How often we check for a run that may wait for a token. The check itself sends no request."""

PERIOD: Final = "1h"
"""The period of the groups of errors, and of a queue's metrics."""

_QUERIED: Final = frozenset({facts.FactSource.WAITS, facts.FactSource.MINUTES, facts.FactSource.NORMALS})
PUBLIC_TOKEN_REASON: Final = "not read with a public token, which has 60 requests a minute"  # noqa: S105  a sentence


@dataclass(eq=False)
class FactsSource:
    """The facts of one environment. One instance serves a session, since it remembers refusals and what it read.

    With a public token (`is_public`) nothing is read. `environment_type` counts
    until the server has named the environment.
    """

    _fetcher: RunFetcher
    _store: Store
    _clock: WakeableClock
    due_schedules: fact_readers.DueSchedules
    is_public: bool
    environment_type: str | None

    def __post_init__(self) -> None:
        self._emit = self._fetcher.emit
        requests = self._requests = FactRequests(self._fetcher, self._clock)
        self._minutes = fact_readers.MinuteReader()
        self._minutes_read_at = EARLIEST
        self._queues = fact_readers.QueueReader(requests, self.known)
        self._schedules = fact_readers.ScheduleReader(requests, self._store, self.due_schedules, self.environment_type)
        self._tokens = fact_readers.TokenReader(requests, self._store)
        self._normals: facts.NormalsRead | None = None
        self._readings = self._make_readings()

    def known(self) -> facts.WallFacts:
        """Return the facts of the store."""
        return self._store.wall_facts or facts.NO_FACTS

    def _make_readings(self) -> dict[str, PlannedRead]:
        """Return the planned reads by our names for them. In a lane, the most important one is first."""
        now_s = self._clock.monotonic_s()
        delayed_s, runs_s = now_s + LAST_DAY_DELAY_S, now_s + SCHEDULE_RUNS_DELAY_S
        source, rank, read = facts.FactSource, Rank, PlannedRead
        schedule_runs = self._read_schedule_runs
        last_day_s = facts.LAST_DAY_INTERVAL.total_seconds()
        readings = (
            read("waits", source.WAITS, rank.WAITS, self._read_waits),
            read("queues", source.QUEUES, rank.QUEUES, self._queues.read),
            read("limits", None, rank.LIMITS, self._queues.read_limits, LIMITS_EVERY_S, due_s=runs_s),
            read("minutes", source.MINUTES, rank.MINUTES, self._read_minutes, lane="queries"),
            read("normals", source.NORMALS, rank.NORMALS, self._read_normals, lane="queries"),
            read("last day", None, rank.LAST_DAY, self._read_last_day, last_day_s, "queries", delayed_s),
            read("schedules", source.SCHEDULES, rank.SCHEDULES, self._schedules.read),
            read("schedule runs", None, rank.SCHEDULE_RUNS, schedule_runs, SCHEDULE_RUNS_EVERY_S, due_s=runs_s),
            read("tokens", source.TOKENS, rank.TOKENS, self._tokens.read),
            read("waiting runs", None, rank.WAITING_RUNS, self._tokens.join, JOIN_EVERY_S, due_s=runs_s),
            read("errors", source.ERRORS, rank.ERRORS, self._read_errors),
            read("deployments", source.DEPLOYMENTS, rank.DEPLOYMENTS, self._read_deployments),
        )
        return {reading.name: reading for reading in readings}

    async def run(self, emit: Emit) -> None:
        """Read facts and emit them until canceled. With a public token, emit that none may be read, and return."""
        self._emit = emit
        if self.is_public:
            for source in facts.FactSource:
                if source is not facts.FactSource.RUNS:
                    await emit(facts.FactUnread(self._fetcher.now(), source, Raw(PUBLIC_TOKEN_REASON), is_refused=True))
            return
        lanes: dict[str, list[PlannedRead]] = {}
        for reading in self._readings.values():
            lanes.setdefault(reading.lane or reading.name, []).append(reading)
        now_s = self._clock.monotonic_s()
        for reading in self._readings.values():
            if reading.failures:
                reading.wake(now_s)
        unregister = self._clock.on_wake(self._wake)
        try:
            await asyncio.gather(*map(self._run_lane, lanes.values()))
        finally:
            unregister()

    async def read_span(self, since: datetime, until: datetime, cell: timedelta) -> facts.MinutesRead:
        """Read what runs did in another span of time, for the wall. Emits nothing. Raises `ApiError`."""
        if self.is_public:
            raise Refused(PUBLIC_TOKEN_REASON, 403)

        query = partial(self._requests.query, rank=Rank.SHOWN)
        return await fact_readers.read_span(query, since, until, cell, self._fetcher.now())

    def _wake(self, _: float) -> None:
        now_s = self._clock.monotonic_s()
        for reading in self._readings.values():
            reading.wake(now_s)

    async def _run_lane(self, readings: list[PlannedRead]) -> None:
        """Read what is due, one after the other. Return when all were refused."""
        while waiting := [reading for reading in readings if not reading.is_refused]:
            now_s = self._clock.monotonic_s()
            due = [reading for reading in waiting if reading.due_s <= now_s]
            if due:
                await self._read(min(due, key=lambda reading: reading.rank))
            else:
                await self._clock.sleep(min(reading.due_s for reading in waiting) - now_s)

    async def _read(self, reading: PlannedRead) -> None:
        reading.start(self._clock.monotonic_s())
        try:
            update = await reading.read()
            # A list with many pages is read less often.
            self._readings["schedules"].change_interval(self._schedules.interval_s)
            self._readings["tokens"].change_interval(self._tokens.interval_s)
        except ApiError as error:
            is_refused = reading.is_refused = isinstance(error, Refused) and error.is_final
            reading.fail(self._clock.monotonic_s(), error.resets_in.total_seconds())
            self._requests.allowance.record_failure()
            if is_refused:
                self._requests.allowance.release_reserve(reading.rank)
            if (source := reading.source) is not None:
                reason = Raw(str(error) if is_refused else _sentence(error, source))
                await self._emit(facts.FactUnread(self._fetcher.now(), source, reason, is_refused=is_refused))
        else:
            if update is not None:
                await self._emit(update)
            reading.failures = 0

    async def _read_waits(self) -> Update:
        now = self._fetcher.now()
        rows = await self._requests.query(queries.QueueWaitCounts(now), Rank.WAITS)
        return facts.WaitsRead(now, fact_readers.read_waits(rows))

    async def _read_minutes(self) -> Update | None:
        query = partial(self._requests.query, rank=Rank.MINUTES)
        now, reading, read = self._fetcher.now(), self._readings["minutes"], None
        is_due = now - self._minutes_read_at >= timedelta(seconds=reading.interval_s - 1.0)
        if is_due or not self._minutes.has_more:
            self._minutes_read_at = now
            read = await self._minutes.read(query, now)
        if self._minutes.has_more:
            if read is not None:
                await self._emit(read)
            read = await self._minutes.read_more(query, self._fetcher.now())
        if self._minutes.has_more:
            reading.due_s = self._clock.monotonic_s() + MORE_MINUTES_EVERY_S
        return read

    async def _read_normals(self) -> Update:
        now = self._fetcher.now()
        hour = queries.start_of(now, queries.HOUR)
        rows = await self._requests.query(queries.TaskNormals(hour), Rank.NORMALS)
        normals, before = (
            tuple(normal for of_day, normal in rows if of_day == each.hour) for each in (hour, hour - queries.HOUR)
        )
        known = self._normals or facts.NormalsRead(now, hour, ())
        is_cut = fact_readers.are_cut(rows)
        self._normals = replace(known, at=now, hour=hour, normals=normals, before=before, is_cut=is_cut)
        next_hour_s = max(0.0, (hour + queries.HOUR - self._fetcher.now()).total_seconds())
        self._readings["normals"].due_s = self._clock.monotonic_s() + next_hour_s + 1.0
        return self._normals

    async def _read_last_day(self) -> Update | None:
        now = self._fetcher.now()
        rows = await self._requests.query(queries.DayTotals(now), Rank.LAST_DAY)
        if len(rows) != 1:
            raise ServerFault("the query returned more or less than one row", 200)
        if self._normals is not None:
            done, failed = rows[0]["done"], rows[0]["failed"]
            self._normals = replace(self._normals, done_last_day=done, failed_last_day=failed, last_day_at=now)
        return self._normals

    async def _read_schedule_runs(self) -> Update | None:
        known, reading = self.known(), self._readings["schedules"]
        early_s = self._schedules.early_s(known, self._fetcher.now())
        if early_s is not None and not reading.failures:
            reading.due_s = min(reading.due_s, reading.started_s + early_s)
            if reading.due_s <= self._clock.monotonic_s():
                await self._read(reading)
        return await self._schedules.read_runs(known)

    async def _read_errors(self) -> Update:
        now = self._fetcher.now()
        page = await self._requests.page(Rank.ERRORS, ERROR_GROUPS, period=PERIOD)
        is_cut = page.is_cut or page.unreadable > 0 or page.next is not None
        return facts.ErrorGroupsRead(now, page.rows, is_cut=is_cut)

    async def _read_deployments(self) -> Update:
        now = self._fetcher.now()
        page = await self._requests.page(Rank.DEPLOYMENTS, DEPLOYMENTS)
        deployed = [
            facts.Deployment(each.version, each.deployed_at, each.author, each.commit or each.message)
            for each in page.rows
            if each.status == "DEPLOYED" and each.deployed_at is not None
        ]
        newest = sorted(deployed, key=lambda each: each.deployed_at, reverse=True)
        return facts.DeploymentsRead(now, tuple(newest[: facts.MAX_DEPLOYMENTS]))


def _sentence(error: ApiError, source: facts.FactSource) -> str:
    if error.status == 429:
        return f"the {'query' if source in _QUERIED else 'request'} was refused (429)"
    return "the server does not answer" if isinstance(error, Unreachable) else str(error)


# Reads the details of the selected queue: its metrics, and the last hour of its runs.
#
# The metrics are one request, the hour is two queries.
# Source: tests/wire/recordings/README.md §5, §7.


MIN_TASK_SHARE: Final = 0.05
"""A task with a smaller share of a queue's runs says nothing about the queue."""

FRESH_FOR: Final = timedelta(seconds=15)
"""A queue is not read again if the facts about it are at most this old."""

_MINUTES: Final = 60


class QueueFetcher:
    """Sends the requests within the budget. Every method may raise `ApiError`."""

    def __init__(self, fetcher: RunFetcher) -> None:
        self._fetcher = fetcher

    async def read_metrics(self, queue: facts.Queue) -> facts.QueueMetrics:
        """Read how a queue moved in the last hour."""
        kind = "task" if queue.is_task else "custom"
        return await self._fetcher.read_row(QUEUE_METRICS, queue.name, Priority.VISIBLE, type=kind, period=PERIOD)

    async def read_state(self, run: Run, known: facts.WallFacts | None) -> QueueState | None:
        """Return the queue of a run, from fresh facts or by a request; None if the key may not read the queue's name.

        The name is read once for each run, and emitted.
        """
        name = run.fixed.queue or await self._read_name(run.id)
        if name is None:
            return None
        if (found := state_in(known, name, self._fetcher.now())) is not None:
            return found
        kind = "task" if name.startswith(TASK_QUEUE_PREFIX) else "custom"
        bare = name.removeprefix(TASK_QUEUE_PREFIX)
        queue = await self._fetcher.read_row(QUEUE, bare, Priority.SELECTED, type=kind)
        listed = None if known is None else known.queues
        queue = facts.with_limit(queue, () if listed is None else listed.limits)
        holders = holders_in(known, name, self._fetcher.now()) or await self._read_holders(queue)
        full_limits = () if listed is None else listed.full_limits
        return QueueState(self._fetcher.now(), queue, holders=holders, full_limits=full_limits)

    async def _read_holders(self, queue: facts.Queue) -> tuple[facts.PlaceHolder, ...]:
        """Read which tasks hold the places of a queue that is at its limit. If that fails, no task is named."""
        if queue.limit is None or (queue.running or 0) < queue.limit:
            return ()
        rows = await self._fetcher.query(queries.QueueHolders(queue.stored_name), Priority.SELECTED)
        return fact_readers.read_holders(rows or ())

    async def _read_name(self, run_id: RunId) -> Raw | None:
        """Read the stored name of a run's queue, which only a query returns."""
        if not SAFE_ID.match(run_id):
            return None
        rows = await self._fetcher.query(queries.QueueOfRun(run_id), Priority.SELECTED)
        if not rows or not (name := rows[0].get("queue")):
            return None
        await self._fetcher.emit(RunsRead((RunPatch(run_id, self._fetcher.now(), fixed=Fixed(queue=Raw(name))),)))
        return Raw(name)

    async def read_hour(self, queue: facts.Queue) -> facts.QueueHour:
        """Read the last hour of the runs of a queue.

        Raises `Refused` for a name that cannot stand in a query.
        """
        name = queue.stored_name
        times = await self._fetcher.query_rows(queries.QueueStayMinutes(name), Priority.VISIBLE)
        speeds = await self._fetcher.query_rows(queries.QueueSpeeds(name), Priority.VISIBLE)
        return hour_of(self._fetcher.now(), times, speeds, queue.running)


def state_in(known: facts.WallFacts | None, name: str, now: datetime) -> QueueState | None:
    """Return a queue from the facts; None if they are, or may be, older than FRESH_FOR, or do not have it."""
    queues = None if known is None else known.queues
    if queues is None or queues.has_pages or now - queues.at > FRESH_FOR:
        return None
    queue = next((each for each in queues.queues if each.stored_name == name), None)
    if queue is None:
        return None
    return QueueState(queues.at, queue, holders_in(known, name, now), full_limits=queues.full_limits)


def holders_in(known: facts.WallFacts | None, name: str, now: datetime) -> tuple[facts.PlaceHolder, ...]:
    """Return which tasks hold the places of a queue, from the facts; nothing if these are too old or do not have it."""
    waits = None if known is None else known.waits
    if waits is None or now - waits.at > KNOWN_FOR:
        return ()
    return next((each.holders for each in waits.waits if each.queue == name), ())


def hour_of(
    at: datetime, times: Sequence[queries.QueueMinute], speeds: Iterable[queries.QueueMinute], running: int | None
) -> facts.QueueHour:
    """Return the last hour from the rows of the two queries. `running` is how many runs execute by the list."""
    read = [row for row in times if row.get("queued_min") and row.get("n")]
    last = at.replace(second=0, microsecond=0)
    cells = [last - (_MINUTES - 1 - index) * queries.MINUTE for index in range(_MINUTES)]
    tasks = Counter[TaskId]()
    for row in read:
        if "task" in row:
            tasks[TaskId(row["task"])] += row["n"]
    queued = _levels(
        [(row["queued_min"], row.get("started_min") or row.get("ended_min"), row["n"]) for row in read], cells
    )
    executing = _levels([(row.get("started_min"), row.get("ended_min"), row["n"]) for row in read], cells)
    main = next(iter(tasks.most_common(1)), (None, 0))[0]
    # The times of runs may give another number than the server counts, because runs that wait or retry hold no place in
    # the queue. And the list is some seconds older.
    agrees = running is not None and abs(executing[-1] - running) <= max(1, running // 10)
    p95 = {row.get("minute"): row.get("p95_ms") for row in speeds if row.get("task") == main}
    return facts.QueueHour(
        at,
        queued,
        executing if agrees else (),
        tuple(p95.get(cell) for cell in cells),
        sum(row.get("failed", 0) for row in read),
        tuple(task for task, count in tasks.most_common() if count >= MIN_TASK_SHARE * tasks.total()),
        is_cut=len(times) >= queries.MAX_ROWS,
    )


def _levels(
    stays: Iterable[tuple[datetime | None, datetime | None, int]], cells: Sequence[datetime]
) -> tuple[int, ...]:
    """Return how many runs there were at the end of each minute. A stay has the minutes of its begin and its end."""
    first, changes = cells[0], [0] * (len(cells) + 1)
    for begin, end, count in stays:
        if begin is None or begin > cells[-1]:
            continue
        index = max(0, (begin - first) // queries.MINUTE)
        changes[index] += count
        if end is not None:
            changes[min(max((end - first) // queries.MINUTE, index, 0), len(cells))] -= count
    levels, level = [], 0
    for change in changes[:-1]:
        level += change
        levels.append(max(0, level))
    return tuple(levels)
