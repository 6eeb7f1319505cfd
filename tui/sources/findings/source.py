"""`FactsSource`: reads every kind of fact at its interval while `run` runs, and emits them.

Source: tests/wire/recordings/README.md §7, §10.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tui.domain.findings.facts import (
    ErrorGroupsRead,
    FactSource,
    FactUnread,
    MinutesRead,
    NormalsRead,
    WaitsRead,
    WallFacts,
)
from tui.domain.findings.intervals import INTERVALS, LAST_DAY_INTERVAL
from tui.domain.text import Raw
from tui.domain.update import Update
from tui.sources.base import Emit, KnownFacts
from tui.sources.clock import Clock, OnWake
from tui.sources.findings import queries
from tui.sources.findings.allowance import Rank
from tui.sources.findings.deployment_reader import DeploymentReader, NewestVersion
from tui.sources.findings.minutes import MinuteReader, read_span
from tui.sources.findings.planned_read import PlannedRead
from tui.sources.findings.queries import Rows
from tui.sources.findings.queue_reader import QueueReader
from tui.sources.findings.requests import FactRequests, is_final
from tui.sources.findings.schedule_reader import DueSchedules, ScheduleReader
from tui.sources.findings.token_reader import TokenReader
from tui.sources.run_fetcher import RunFetcher
from tui.wire.errors import ApiError, RateLimited, Refused, Unreachable
from tui.wire.findings.reader import FactReader
from tui.wire.queries import NamedQuery
from tui.wire.queries.queues import QueueWaitCounts
from tui.wire.queries.tasks import DayTotals, TaskNormals
from tui.wire.queries.text import HOUR, start_of
from tui.wire.times import EARLIEST

LIMITS_EVERY_S: Final = 30.0
NEW_LIMITS_EVERY_S: Final = 5.0
"""Between two looks for queues of version V2, whose limits are in a list of their own. A look sends nothing."""

LAST_DAY_DELAY_S: Final = 45.0
"""The totals of a day wait at the start, so that the rest of the first minute is within the allowance."""

SCHEDULE_RUNS_EVERY_S: Final = 2.0
SCHEDULE_RUNS_DELAY_S: Final = 2.0
"""The schedules come first. `status` looks for some ten seconds only, and needs the newest runs of late ones."""

NEW_DEPLOYMENT_EVERY_S: Final = 5.0
"""Between two checks for a running version that no deployment names. A check costs no request."""

MORE_MINUTES_EVERY_S: Final = 10.0
"""Between two parts of an hour that the server cut."""

JOIN_EVERY_S: Final = 1.0
"""Between two looks for a run that may wait for a token. A look alone sends nothing."""

DEPLOYMENTS_DELAY_S: Final = 4.0
"""The first minute has one request for the run of a token or for the deployments: these wait until that is clear."""

ERRORS_PERIOD: Final = "1h"
_QUERIED: Final = frozenset({FactSource.WAITS, FactSource.MINUTES, FactSource.NORMALS})
PUBLIC_TOKEN_REASON: Final = "a public token is not asked: it has 60 requests a minute"  # noqa: S105  a sentence


class FactsSource:
    """The facts of one environment. One instance serves a session, since it remembers refusals and what it read."""

    def __init__(
        self,
        fetcher: RunFetcher,
        store: KnownFacts,
        clock: Clock,
        *,
        on_wake: OnWake,
        known: Callable[[], WallFacts],
        due_schedules: DueSchedules,
        newest_version: NewestVersion = lambda: None,
        is_public: bool,
        environment_type: str | None = None,
    ) -> None:
        """`known` returns the facts of the store. With a public token (`is_public`) nothing is read.

        `environment_type` counts until the server has named the environment.
        """
        self._clock = clock
        self._on_wake = on_wake
        self._known = known
        self._is_public = is_public
        self._environment_type = environment_type
        self._emit: Emit = _drop
        self._fetcher = fetcher
        self._requests = FactRequests(fetcher, clock)
        if fetcher.lists is None:
            raise ValueError("a relay sends the facts: a session on it reads none")
        reader = FactReader(fetcher.lists)
        self._minutes = MinuteReader()
        self._minutes_read_at = EARLIEST
        self._queues = QueueReader(self._requests, reader, known)
        self._schedules = ScheduleReader(self._requests, reader, store, clock, due_schedules, environment_type)
        self._tokens = TokenReader(self._requests, reader, store)
        self._deployments = DeploymentReader(self._requests, reader, known, newest_version)
        self._normals: NormalsRead | None = None
        self._readings = self._make_readings()

    def _make_readings(self) -> dict[str, PlannedRead]:
        """Return what is read, by names of our own. The most important of a lane is read first."""
        now_s = self._clock.monotonic_s()
        delayed_s, runs_s = now_s + LAST_DAY_DELAY_S, now_s + SCHEDULE_RUNS_DELAY_S
        # In a development environment nothing is deployed: the runs of late schedules need the first minute's requests.
        is_deployed = self._environment_type != "DEVELOPMENT"
        deployments_s = now_s + DEPLOYMENTS_DELAY_S if is_deployed else delayed_s
        facts, last_day_s = FactSource, LAST_DAY_INTERVAL.total_seconds()
        readings = (
            _planned("waits", facts.WAITS, Rank.WAITS, self._read_waits),
            _planned("queues", facts.QUEUES, Rank.QUEUES, self._read_queues),
            PlannedRead("limits", None, Rank.LIMITS, LIMITS_EVERY_S, self._read_limits, due_s=runs_s),
            _planned("minutes", facts.MINUTES, Rank.MINUTES, self._read_minutes, lane="queries"),
            _planned("normals", facts.NORMALS, Rank.NORMALS, self._read_normals, lane="queries"),
            PlannedRead(
                "last day", None, Rank.LAST_DAY, last_day_s, self._read_last_day, lane="queries", due_s=delayed_s
            ),
            _planned("schedules", facts.SCHEDULES, Rank.SCHEDULES, self._read_schedules),
            PlannedRead(
                "schedule runs", None, Rank.SCHEDULE_RUNS, SCHEDULE_RUNS_EVERY_S, self._read_schedule_runs, due_s=runs_s
            ),
            _planned("tokens", facts.TOKENS, Rank.TOKENS, self._read_tokens),
            PlannedRead("waiting runs", None, Rank.WAITING_RUNS, JOIN_EVERY_S, self._read_waiting_runs, due_s=runs_s),
            _planned("errors", facts.ERRORS, Rank.ERRORS, self._read_errors),
            _planned("deployments", facts.DEPLOYMENTS, Rank.DEPLOYMENTS, self._read_deployments, due_s=deployments_s),
            PlannedRead(
                "new deployment", None, Rank.DEPLOYMENTS, NEW_DEPLOYMENT_EVERY_S, self._read_new_deployment, lane="new"
            ),
        )
        return {reading.name: reading for reading in readings}

    async def run(self, emit: Emit) -> None:
        """Read facts and emit them until canceled. With a public token, emit that none may be read, and return."""
        self._emit = emit
        if self._is_public:
            for source in FactSource:
                if source is not FactSource.RUNS:
                    await emit(FactUnread(self._fetcher.now(), source, Raw(PUBLIC_TOKEN_REASON), is_refused=True))
            return
        lanes: dict[str, list[PlannedRead]] = {}
        for reading in self._readings.values():
            lanes.setdefault(reading.lane or reading.name, []).append(reading)
        now_s = self._clock.monotonic_s()
        for reading in self._readings.values():
            if reading.failures:
                reading.wake(now_s)
        unregister = self._on_wake(self._wake)
        try:
            await asyncio.gather(*map(self._run_lane, lanes.values()))
        finally:
            unregister()

    async def read_span(self, since: datetime, until: datetime, cell: timedelta) -> MinutesRead:
        """Read what runs did in another span of time, for the wall. Emits nothing. Raises `ApiError`."""
        if self._is_public:
            raise Refused(PUBLIC_TOKEN_REASON, 403)

        async def query(query: NamedQuery) -> Rows:
            return await self._requests.query(query, Rank.SHOWN)

        return await read_span(query, since, until, cell, self._fetcher.now())

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
            await reading.read()
        except ApiError as error:
            reading.is_refused = isinstance(error, Refused) and is_final(error)
            at_least_s = error.resets_in.total_seconds() if isinstance(error, RateLimited) else 0.0
            reading.fail(self._clock.monotonic_s(), at_least_s)
            self._requests.allowance.record_failure()
            if reading.is_refused:
                self._requests.allowance.release_reserve(reading.rank)
            if reading.source is not None:
                reason = str(error) if reading.is_refused else _sentence(error, reading.source)
                await self._emit(
                    FactUnread(self._fetcher.now(), reading.source, Raw(reason), is_refused=reading.is_refused)
                )
        else:
            reading.failures = 0

    async def _read_waits(self) -> None:
        now = self._fetcher.now()
        rows = await self._requests.query(QueueWaitCounts(now), Rank.WAITS)
        await self._emit(WaitsRead(now, queries.read_waits(rows)))

    async def _read_queues(self) -> None:
        await self._emit(await self._queues.read())

    async def _read_limits(self) -> None:
        reading = self._readings["limits"]
        if (read := await self._queues.read_limits()) is None:
            reading.due_s = self._clock.monotonic_s() + NEW_LIMITS_EVERY_S
        else:
            await self._emit(read)

    async def _read_minutes(self) -> None:
        async def query(query: NamedQuery) -> Rows:
            return await self._requests.query(query, Rank.MINUTES)

        now, reading = self._fetcher.now(), self._readings["minutes"]
        is_due = now - self._minutes_read_at >= timedelta(seconds=reading.interval_s - 1.0)
        if is_due or not self._minutes.has_more:
            self._minutes_read_at = now
            await self._emit(await self._minutes.read(query, now))
        if self._minutes.has_more:
            await self._emit(await self._minutes.read_more(query, self._fetcher.now()))
        if self._minutes.has_more:
            reading.due_s = self._clock.monotonic_s() + MORE_MINUTES_EVERY_S

    async def _read_normals(self) -> None:
        now = self._fetcher.now()
        hour = start_of(now, HOUR)
        rows = await self._requests.query(TaskNormals(hour), Rank.NORMALS)
        normals, before = queries.read_normals(rows, hour), queries.read_normals(rows, hour - HOUR)
        known = self._normals or NormalsRead(now, hour, ())
        is_cut = queries.is_cut(rows)
        self._normals = replace(known, at=now, hour=hour, normals=normals, before=before, is_cut=is_cut)
        await self._emit(self._normals)
        next_hour_s = max(0.0, (hour + HOUR - self._fetcher.now()).total_seconds())
        self._readings["normals"].due_s = self._clock.monotonic_s() + next_hour_s + 1.0

    async def _read_last_day(self) -> None:
        now = self._fetcher.now()
        rows = await self._requests.query(DayTotals(now), Rank.LAST_DAY)
        done, failed = queries.read_last_day(rows)
        if self._normals is not None:
            self._normals = replace(self._normals, done_last_day=done, failed_last_day=failed, last_day_at=now)
            await self._emit(self._normals)

    async def _read_schedules(self) -> None:
        await self._emit(await self._schedules.read())
        self._readings["schedules"].change_interval(self._schedules.interval_s)

    async def _read_schedule_runs(self) -> None:
        facts, reading = self._known(), self._readings["schedules"]
        early_s = self._schedules.early_s(facts, self._fetcher.now())
        if early_s is not None and not reading.failures:
            reading.due_s = min(reading.due_s, reading.started_s + early_s)
            if reading.due_s <= self._clock.monotonic_s():
                await self._read(reading)
        read = await self._schedules.read_runs(facts)
        if read is not None:
            await self._emit(read)

    async def _read_tokens(self) -> None:
        await self._emit(await self._tokens.read())
        self._readings["tokens"].change_interval(self._tokens.interval_s)

    async def _read_waiting_runs(self) -> None:
        read = await self._tokens.join()
        if read is not None:
            await self._emit(read)

    async def _read_errors(self) -> None:
        now = self._fetcher.now()
        page = await self._requests.send(
            "errors", Rank.ERRORS, lambda: self._fetcher.api.list_error_groups(ERRORS_PERIOD)
        )
        is_cut = page.is_cut or page.unreadable > 0 or page.next is not None
        await self._emit(ErrorGroupsRead(now, page.groups, is_cut=is_cut))

    async def _read_deployments(self) -> None:
        await self._emit(await self._deployments.read())

    async def _read_new_deployment(self) -> None:
        reading = self._readings["deployments"]
        if not (reading.failures or reading.is_refused) and self._deployments.takes_unnamed():
            # The header shows an old version until then. Each minute, requests are kept for what cannot wait.
            await self._emit(await self._deployments.read(Rank.SCHEDULE_RUNS))


async def _drop(_: Update) -> None:
    """Drop it: nothing runs yet."""


def _planned(
    name: str,
    source: FactSource,
    rank: Rank,
    read: Callable[[], Awaitable[None]],
    *,
    lane: str = "",
    due_s: float = -math.inf,
) -> PlannedRead:
    return PlannedRead(name, source, rank, INTERVALS[source].total_seconds(), read, lane=lane, due_s=due_s)


def _sentence(error: ApiError, source: FactSource) -> str:
    match error:
        case RateLimited() | Refused(status=429):
            return f"the {'query' if source in _QUERIED else 'request'} was refused (429)"
        case Unreachable():
            return "the server does not answer"
        case _:
            return str(error)
