"""Reads one kind of fact each: queues, minutes, schedules, tokens, deployments, within an allowance."""

import asyncio
import itertools
import math
import re
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from contextlib import suppress
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import IntEnum
from functools import partial
from itertools import islice
from typing import Final, TypeVar

from tui.api import queries
from tui.api.errors import EARLIEST, LATEST, Refused, ServerFault, Unreachable, read_duration_ms
from tui.api.facts import LIMITS, QUEUES, SCHEDULE_RUNS, SCHEDULES, TOKENS, ListedSchedule
from tui.api.lists import ListRead
from tui.api.models import RowsPage
from tui.api.queries import MAX_ROWS
from tui.domain import facts
from tui.domain.run import Capability, Run, RunId, RunStatus, TaskId, Wait, WaitKind
from tui.domain.text import Raw
from tui.domain.trace import Span, Trace, wait_of
from tui.domain.update import Update
from tui.lazy_dataclass import dataclass
from tui.store.findings.counts import server_cells
from tui.store.store import Store
from tui.sync.clock import NO_TIMER, Clock, Timer
from tui.sync.fetch import RunFetcher, read_pages
from tui.sync.reads import Priority

# The request rate of the facts: at most MAX_REQUESTS in any minute, the most important first.


MAX_REQUESTS: Final = 20
USUAL_REQUESTS: Final = 14
"""The requests of a minute. For each request that failed one more is allowed, since it is sent again soon."""
PERIOD_S: Final = 60.5
"""A minute, and some time because one request may reach the server more slowly than a later one. Even then the server
must not see more than `MAX_REQUESTS` in a minute.
"""


class Rank(IntEnum):
    """The order in which facts are read when the allowance is spent."""

    WAITS = 0
    QUEUES = 1
    SHOWN = 2
    """What the user asked for: another span of time."""
    SCHEDULE_RUNS = 3
    MINUTES = 4
    SCHEDULES = 5
    TOKENS = 6
    NORMALS = 7
    WAITING_RUNS = 8
    ERRORS = 9
    DEPLOYMENTS = 10
    LIMITS = 11
    LAST_DAY = 12


RESERVED: Final[dict[Rank, int]] = {Rank.WAITS: 4, Rank.QUEUES: 2, Rank.SCHEDULE_RUNS: 2}
"""Requests of each minute that are kept for facts that cannot wait.

In the first minute every fact is read, and a list with many pages would leave no request for these. The third read of
the queues in a minute has no reserve.
"""

CAPS: Final[dict[Rank, int]] = {Rank.SCHEDULE_RUNS: 3, Rank.SHOWN: 3, Rank.WAITING_RUNS: 1}
"""The most requests of a minute for facts that could use any number of them."""


class Allowance:
    """Admits requests. One instance serves a session, so that a new watcher cannot start a new minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: deque[tuple[float, Rank]] = deque()
        self._failed_s: deque[float] = deque(maxlen=MAX_REQUESTS - USUAL_REQUESTS)
        self._waiters: list[tuple[Rank, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._timer: Timer = NO_TIMER
        self._reserved = dict(RESERVED)

    async def acquire(self, rank: Rank) -> None:
        """Wait until a request may be sent, and count it."""
        admitted = asyncio.get_running_loop().create_future()
        waiter = (rank, next(self._numbers), admitted)
        self._waiters.append(waiter)
        self._admit()
        try:
            await admitted
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def record_failure(self) -> None:
        """Admit one request more within the next minute."""
        self._failed_s.append(self._clock.monotonic_s())
        self._admit()

    def release_reserve(self, rank: Rank) -> None:
        """Stop keeping requests for a kind of fact that the server refuses."""
        self._reserved.pop(rank, None)
        self._admit()

    def _may_send(self, rank: Rank, now_s: float) -> bool:
        counts = Counter(sent for _, sent in self._sent)
        kept = sum(max(0, count - counts[each]) for each, count in self._reserved.items() if each is not rank)
        most = USUAL_REQUESTS + sum(now_s - failed_s < PERIOD_S for failed_s in self._failed_s)
        return len(self._sent) + kept < most and counts[rank] < CAPS.get(rank, MAX_REQUESTS)

    def _admit(self) -> None:
        """Admit the requests that may be sent now, the most important first, and plan the next call."""
        self._timer.cancel()
        now_s = self._clock.monotonic_s()
        while self._sent and now_s - self._sent[0][0] >= PERIOD_S:
            self._sent.popleft()
        for waiter in sorted(self._waiters):
            rank, _, admitted = waiter
            if self._may_send(rank, now_s):
                self._sent.append((now_s, rank))
                self._waiters.remove(waiter)
                if not admitted.done():
                    admitted.set_result(None)
        if self._waiters and self._sent:
            self._timer = self._clock.call_later(max(self._sent[0][0] + PERIOD_S - now_s, 0.001), self._admit)


# `PlannedRead`: one thing that is read at an interval, when it is due, and how often it failed.


FIRST_RETRY_S: Final = 3.0
MAX_DECIDING_RETRY_S: Final = 60.0
MAX_RETRY_S: Final = 300.0
"""The waits after failures double up to this. If a source that decides about findings fails, the verdict is NOT KNOWN.
So its first retries come soon, since `status` takes at most 24 s, and later ones at most a minute after the server has
recovered. Any other source first waits for its interval, or for a minute.
"""

WAKE_AFTER_S: Final = 10.0
"""After a wake-up, a fact becomes due at the earliest this long after its last read."""

MAX_WOKEN_INTERVAL_S: Final = 600.0
"""A wake-up does not change when facts with a longer interval are due: they hardly change meanwhile."""


@dataclass(slots=True, eq=False)
class PlannedRead:
    """One thing that is read at an interval. `read` returns what is to be emitted, or None; it raises `ApiError`.

    A failure is reported as one of `source`, unless that is None; `facts.INTERVALS` has the interval of a source. Reads
    of the same `lane` run one after the other. The budget admits two queries at once, so the waits of queues have a
    lane of their own and never wait for the others.
    """

    name: str
    source: facts.FactSource | None
    rank: Rank
    read: Callable[[], Awaitable[Update | None]]
    interval_s: float = 0.0
    lane: str = ""
    due_s: float = -math.inf
    failures: int = 0
    started_s: float = -math.inf
    is_refused: bool = False

    def __post_init__(self) -> None:
        if self.source is not None:
            self.interval_s = facts.INTERVALS[self.source].total_seconds()

    def start(self, now_s: float) -> None:
        """Plan the next read. The time that a read takes does not delay the next one.

        It begins at a whole second, like everything else that is repeated: see `until_second_s`.
        """
        is_late = now_s - self.due_s > self.interval_s
        self.started_s = now_s
        self.due_s = math.floor(now_s if is_late else self.due_s) + self.interval_s

    def fail(self, now_s: float, at_least_s: float) -> None:
        """Plan the next try after a failure."""
        self.failures += 1
        is_deciding = self.source in facts.DECIDING
        first_s = FIRST_RETRY_S if is_deciding else min(self.interval_s, 60.0)
        most_s = MAX_DECIDING_RETRY_S if is_deciding else MAX_RETRY_S
        self.due_s = now_s + max(at_least_s, min(most_s, first_s * 2.0 ** min(self.failures - 1, 8)))

    def change_interval(self, interval_s: float) -> None:
        """Use another interval, also for the next read."""
        self.due_s += interval_s - self.interval_s
        self.interval_s = interval_s

    def wake(self, now_s: float) -> None:
        """Make the read due, but not too soon after the last one. A first read goes on waiting for its time."""
        if self.started_s > -math.inf and (self.failures or self.interval_s < MAX_WOKEN_INTERVAL_S):
            self.due_s = min(self.due_s, max(now_s, self.started_s + WAKE_AFTER_S))


# Makes facts of the rows of queries.


def read_minutes(
    rows: Iterable[queries.MinuteRow],
) -> tuple[tuple[facts.TaskMinute, ...], tuple[facts.TaskSpeed, ...]]:
    """Return the cells and the percentiles."""
    found: dict[tuple[TaskId, datetime], Counter[str]] = {}
    speeds = []
    for row in rows:
        task, count = row["task_identifier"], row["n"]
        if row["part"] == "speed":
            p95_ms = row.get("p95_ms")
            speeds.append(facts.TaskSpeed(task, None if p95_ms is None else read_duration_ms(p95_ms), count))
            continue
        cell = found.setdefault((task, row["cell"]), Counter())
        cell[row["part"]] += count
        if row["part"] == "ended":
            cell.update(done=row["done"], failed=row["failed"], unstarted=row["unstarted"])
    return tuple(facts.TaskMinute(task, start, **counts) for (task, start), counts in found.items()), tuple(speeds)


def read_holders(rows: Iterable[queries.HolderRow]) -> tuple[facts.PlaceHolder, ...]:
    """Return the tasks of the runs that execute, those of most runs first."""
    holders = [facts.PlaceHolder(row["task"], row["holding"], row.get("longest_at")) for row in rows if row["holding"]]
    return tuple(sorted(holders, key=lambda each: (-each.runs, each.task))[: facts.MAX_HOLDERS])


def read_waits(rows: Iterable[queries.WaitRow]) -> tuple[facts.QueueWait, ...]:
    """Return how each queue moves, the one in which most runs wait first."""
    by_queue: dict[str, list[queries.WaitRow]] = {}
    for row in rows:
        by_queue.setdefault(row["queue"], []).append(row)
    return tuple(sorted(map(_read_wait, by_queue.values()), key=lambda wait: -wait.queued))


def _read_wait(rows: list[queries.WaitRow]) -> facts.QueueWait:
    """Return how a queue moves, from its rows: one for each task."""
    waiting = [(at, row.get("oldest_run")) for row in rows if row["queued"] and (at := row.get("oldest_at"))]
    oldest_at, oldest_run = min(waiting, key=lambda each: each[0], default=(None, None))
    return facts.QueueWait(
        rows[0]["queue"],
        sum(row["queued"] for row in rows),
        oldest_at,
        RunId(oldest_run) if isinstance(oldest_run, str) and oldest_run else None,
        float(sum(row["started"] for row in rows)),
        float(sum(row["arrived"] for row in rows)),
        _newest(row.get("newest_start") for row in rows),
        _newest(row.get("newest_arrival") for row in rows),
        read_holders(rows),
    )


def _newest(times: Iterable[datetime | None]) -> datetime | None:
    # A server whose `max` never returns NULL sends 1970 instead.
    return max((at for at in times if at is not None and at > EARLIEST), default=None)


def are_cut(rows: Sequence[object]) -> bool:
    """Whether the server may have more rows than it sent."""
    return len(rows) >= MAX_ROWS


# Keeps the minutes of all tasks: the last hour is read once, then only what can have changed.
#
# Of the two hours before it, only the ends of runs are read, because failures are judged by them. If the server does
# not cut the answer, they come together with the hour.


REREAD: Final = timedelta(minutes=3)
"""These minutes before the last read are read again, since the server's copy for queries lags by seconds."""

JUDGED: Final = 3 * queries.HOUR
"""Failures are judged by the runs of two hours before the task's newest one, which may be an hour old."""

MAX_SPAN_REQUESTS: Final = 8
"""The most queries for one span of time. If they do not return all rows, the span counts as cut."""

MAX_INLINE_ROWS: Final = 1_000
"""More rows are read in a thread, so that the event loop keeps running."""

Rows = list[queries.MinuteRow]
SendQuery = Callable[[queries.TaskMinutes], Awaitable[Rows]]
"""Sends a query, and returns its rows. Raises `ApiError`."""


_Span = tuple[datetime, datetime]
"""Since when, and until when."""


class MinuteReader:
    """Reads the last hour in minutes, then the ends of the two hours before. One instance serves a session."""

    def __init__(self) -> None:
        self._minutes: dict[datetime, dict[TaskId, facts.TaskMinute]] = {}
        """The minutes that were read, by their begin and their task."""
        self._speeds: tuple[facts.TaskSpeed, ...] = ()
        self._read_at: datetime | None = None
        self._older: list[_Span] = []
        """The spans before the last read that are still to be read."""
        self._is_cut = False

    @property
    def has_more(self) -> bool:
        """Whether a part is still to be read: the older hours, or a part that the server cut."""
        return bool(self._older)

    async def read(self, query: SendQuery, now: datetime) -> facts.MinutesRead:
        """Read what can have changed, and return the whole hour. Raises `ApiError`."""
        begin = queries.start_of(now - queries.HOUR, queries.MINUTE)
        oldest, newest, ends_since = begin + queries.HOUR - JUDGED, begin, None
        if self._read_at is not None and timedelta() <= now - self._read_at < queries.HOUR:
            newest = max(begin, queries.start_of(self._read_at - REREAD, queries.MINUTE))
        else:
            self._minutes, self._older, self._is_cut = {}, [], False
            ends_since = oldest
        while are_cut(
            rows := await query(queries.TaskMinutes(newest, None, queries.MINUTE, now - queries.HOUR, ends_since))
        ):
            middle = queries.start_of(now - (now - newest) / 4, queries.MINUTE)
            if ends_since is not None:
                self._older.append((ends_since, begin))
                ends_since = None
            elif middle > newest:
                self._older.append((newest, middle))
                newest = middle
            else:
                self._is_cut = True
                break
        minutes, self._speeds = await _read(rows)
        self._replace(newest, LATEST, minutes)
        self._read_at = now
        self._minutes = {start: each for start, each in self._minutes.items() if start >= oldest}
        self._older = [(since, until) for since, until in self._older if until > oldest]
        return await self._all(now, begin)

    async def read_more(self, query: SendQuery, now: datetime) -> facts.MinutesRead:
        """Read one older part, the newest first. Raises `ApiError`."""
        begin = queries.start_of(now - queries.HOUR, queries.MINUTE)
        ends_since, until = span = max(self._older)
        since = until - queries.MINUTE if until <= begin else ends_since
        rows = await query(queries.TaskMinutes(since, until, queries.MINUTE, None, ends_since))
        self._older.remove(span)
        if halves := _halves(rows, span, queries.MINUTE):
            self._older += halves
        else:
            self._is_cut |= are_cut(rows)
            self._replace(ends_since, until, (await _read(rows))[0])
        return await self._all(now, begin)

    def _replace(self, since: datetime, until: datetime, minutes: tuple[facts.TaskMinute, ...]) -> None:
        self._minutes = {start: each for start, each in self._minutes.items() if not since <= start < until}
        for each in minutes:
            self._minutes.setdefault(each.start, {})[each.task] = each

    async def _all(self, now: datetime, begin: datetime) -> facts.MinutesRead:
        minutes = tuple(each for by_task in self._minutes.values() for each in by_task.values())
        unread = max((until for _, until in self._older), default=begin + queries.HOUR - JUDGED)
        is_cut, ends_since = self._is_cut or unread > begin, min(unread, begin)
        read = facts.MinutesRead(now, begin, queries.MINUTE, minutes, self._speeds, is_cut, ends_since)
        return await _prepared(read)


def _halves(rows: Rows, span: _Span, cell: timedelta) -> list[_Span]:
    """Return the halves of a span whose rows the server cut. The list is empty if the rows are whole, or if a single
    cell has too many.
    """
    since, until = span
    middle = queries.start_of(since + (until - since) / 2, cell)
    return [(since, middle), (middle, until)] if are_cut(rows) and middle > since else []


async def _read(rows: Rows) -> tuple[tuple[facts.TaskMinute, ...], tuple[facts.TaskSpeed, ...]]:
    """Add rows up, many of them in a thread: ten thousand take 12 ms."""
    return read_minutes(rows) if len(rows) <= MAX_INLINE_ROWS else await asyncio.to_thread(read_minutes, rows)


async def read_span(
    query: SendQuery, since: datetime, until: datetime, cell: timedelta, now: datetime
) -> facts.MinutesRead:
    """Read the cells of a span of time. A span that the server cuts is read in halves. Raises `ApiError`."""
    pending, found, was_cut = [(since, until)], list[facts.TaskMinute](), False
    for _ in range(MAX_SPAN_REQUESTS):
        if not pending:
            break
        span = pending.pop()
        rows = await query(queries.TaskMinutes(*span, cell))
        if halves := _halves(rows, span, cell):
            pending += halves
        else:
            was_cut |= are_cut(rows)
            found.extend((await _read(rows))[0])
    is_cut = was_cut or bool(pending)
    return await _prepared(facts.MinutesRead(now, since, cell, tuple(found), is_cut=is_cut))


async def _prepared(read: facts.MinutesRead) -> facts.MinutesRead:
    """Return an answer whose numbers are added up. If the board did this, a key would have to wait for it."""
    if len(read.minutes) > MAX_INLINE_ROWS:
        await asyncio.to_thread(server_cells, read)
    return read


# Sends the requests for facts, within their allowance, the request budget and a time limit.


T = TypeVar("T")

READ_TIMEOUT_S: Final = 10.0
_QUERIES: Final = "queries"


class FactRequests:
    """One instance serves a session: the allowance is that of all facts together."""

    def __init__(self, fetcher: RunFetcher, clock: Clock) -> None:
        self.fetcher = fetcher
        self.clock = clock
        self.allowance = Allowance(clock)
        self.now = fetcher.now
        self._answered: set[Hashable] = set()
        """The routes that have answered. A later 404 of such a route is not a refusal: it comes from a proxy whose
        server is away.
        """

    async def send(self, rank: Rank, route: str, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """Send one request when it may be sent. `key` identifies it among those of a route. Raises `ApiError`."""
        if rank is not Rank.DEPLOYMENTS:  # the server counts these apart from all other routes
            await self.allowance.acquire(rank)

        async def limited() -> T:
            try:
                async with asyncio.timeout(READ_TIMEOUT_S):
                    return await call()
            except TimeoutError:
                raise Unreachable(f"no answer within {READ_TIMEOUT_S:.0f} s", may_have_arrived=True) from None

        is_query = route == _QUERIES
        try:
            answer = await self.fetcher.budget.request((route, key), Priority.FACTS, limited, is_query=is_query)
        except Refused as error:
            if error.status == 404 and (self.fetcher.has_queried if is_query else route in self._answered):
                raise ServerFault(str(error), 404) from None
            raise
        self.fetcher.has_queried |= is_query
        self._answered.add(route)
        return answer

    async def page(self, rank: Rank, read: ListRead[T], page: str = "", **values: str) -> RowsPage[T]:
        """Return a page of a list: the first, or the one with a number or after a cursor. Raises `ApiError`."""
        return await self.send(rank, read.path, page, partial(self.fetcher.api.read_rows, read, page, **values))

    async def pages(
        self, rank: Rank, read: ListRead[T], environment_type: str | None = None
    ) -> tuple[list[T], bool, int]:
        """Return the rows of a list, whether the server has others, and how many pages they fill. Raises `ApiError`."""
        rows, is_cut, paging = await read_pages(read, environment_type, partial(self.page, rank, read))
        return rows, is_cut, paging.page_count

    async def query(self, query: queries.TrqlQuery[T], rank: Rank) -> list[T]:
        """Return the rows of a query. A refusal of one holds for all. Raises `ApiError`."""
        if not self.fetcher.is_allowed(Capability.QUERY):
            raise Refused("the key may not query", 403)
        try:
            return await self.send(rank, _QUERIES, query, partial(self.fetcher.api.query, query))
        except Refused as error:
            if error.is_final:
                await self.fetcher.record_lost(Capability.QUERY, str(error))
            raise


# Reads the queues: one page at a time, so that an environment with a thousand of them costs no more than one.


MAX_QUEUE_PAGES: Final = facts.MAX_QUEUES // facts.QUEUES_PER_PAGE


class QueueReader:
    """Reads the pages in turn. Once all are known, every other read is of the page with the most waiting runs."""

    def __init__(self, requests: FactRequests, known: Callable[[], facts.WallFacts]) -> None:
        self._requests = requests
        self._known = known
        self._pages: dict[int, tuple[facts.Queue, ...]] = {}
        self._count = 1
        self._last = 0
        self._was_busiest = False
        self._limits: tuple[facts.ConcurrencyLimit, ...] = ()
        self._newest: facts.QueuesRead | None = None

    async def read(self) -> facts.QueuesRead:
        """Read one page, and return all queues that are known. Raises `ApiError`."""
        now, number = self._requests.now(), self._next_page()
        page = await self._requests.page(Rank.QUEUES, QUEUES, str(number))
        self._count = min(page.page_count, MAX_QUEUE_PAGES)
        pages = self._pages | {number: page.rows}
        self._pages = {key: queues for key, queues in pages.items() if key <= self._count}
        # A queue may move to another page while the pages are read. The newest answer counts.
        queues = {queue.id: queue for key in sorted(self._pages) for queue in self._pages[key]}
        queues |= {queue.id: queue for queue in page.rows}
        is_whole = page.page_count <= MAX_QUEUE_PAGES and len(self._pages) == self._count and not page.unreadable
        return self._with_limits(now, queues.values(), is_cut=not is_whole)

    async def read_limits(self) -> facts.QueuesRead | None:
        """Read the limits of V2 queues, if there are some, and return the queues with them. Raises `ApiError`."""
        if self._newest is None or not any(queue.is_v2 for queue in self._newest.queues):
            return None
        self._limits = (await self._requests.page(Rank.LIMITS, LIMITS)).rows
        newest = self._newest
        return self._with_limits(newest.at, newest.queues, is_cut=newest.is_cut)

    def _with_limits(self, at: datetime, queues: Iterable[facts.Queue], *, is_cut: bool) -> facts.QueuesRead:
        read = tuple(facts.with_limit(queue, self._limits) for queue in queues)
        self._newest = facts.QueuesRead(at, read, is_cut=is_cut, limits=self._limits)
        return self._newest

    def _next_page(self) -> int:
        is_whole = len(self._pages) >= self._count
        self._was_busiest = is_whole and not self._was_busiest
        busiest = self._busiest_page() if self._was_busiest else None
        if busiest is not None:
            return busiest
        self._last = self._last % self._count + 1
        return self._last

    def _busiest_page(self) -> int | None:
        waits = self._known().waits
        queued = {} if waits is None else {wait.queue: wait.queued for wait in waits.waits}
        totals = {
            number: sum(queued.get(queue.stored_name, 0) for queue in queues) for number, queues in self._pages.items()
        }
        busiest = max(totals, key=lambda number: totals[number])
        return busiest if totals[busiest] else None


# Reads the schedules, again after a due time, and the newest run of those that seem to have missed one.


INTERVAL_S: Final = facts.INTERVALS[facts.FactSource.SCHEDULES].total_seconds()
PAGE_INTERVAL_S: Final = facts.PAGE_INTERVAL.total_seconds()
"""Each page of schedules or tokens is read once in this time at most."""

AFTER_DUE: Final = timedelta(seconds=20)
"""The schedules are read again this long after a due time, for the next one."""

RUNS_AGAIN_AFTER_S: Final = 5.0
"""The least time between two reads of the newest run of one schedule."""

DueSchedules = Callable[[facts.WallFacts, datetime], Sequence[str]]
"""Returns the ids of the schedules whose newest run has to be read."""


@dataclass(eq=False)
class ScheduleReader:
    """Reads schedules for one session. `_environment_type` is used until the store knows the environment."""

    _requests: FactRequests
    _store: Store
    _due_schedules: DueSchedules
    _environment_type: str | None
    _page_count: int = 1
    _runs_read_s: dict[str, float] = field(default_factory=dict)

    @property
    def interval_s(self) -> float:
        """The seconds between two reads of all pages."""
        return max(INTERVAL_S, PAGE_INTERVAL_S * self._page_count)

    def early_s(self, known: facts.WallFacts, now: datetime) -> float | None:
        """Return the least seconds between two reads, if a due time has passed since the last one, else None."""
        schedules = () if known.schedules is None else known.schedules.schedules
        due = (each.next_effective_at or each.next_at for each in schedules if each.is_active)
        has_passed = any(moment is not None and moment + AFTER_DUE <= now for moment in due)
        return PAGE_INTERVAL_S * (2 * self._page_count - 1) if has_passed else None

    async def read(self) -> facts.SchedulesRead:
        """Read all pages. Raises `ApiError`."""
        environment = self._store.environment
        kind = self._environment_type if environment is None else environment.type
        now = self._requests.now()
        rows, is_cut, self._page_count = await self._requests.pages(Rank.SCHEDULES, SCHEDULES, kind)
        schedules = {row.id: schedule_of(row) for row in rows}
        return facts.SchedulesRead(now, tuple(schedules.values()), is_cut=is_cut)

    async def read_runs(self, known: facts.WallFacts) -> facts.ScheduleRunsRead | None:
        """Read the newest run of one schedule, if that has to be read for any. Raises `ApiError`."""
        now_s = self._requests.clock.monotonic_s()
        self._runs_read_s = {key: at for key, at in self._runs_read_s.items() if now_s - at < RUNS_AGAIN_AFTER_S}
        due = self._due_schedules(known, self._requests.now())
        schedule_id = next((each for each in due if each not in self._runs_read_s), None)
        if schedule_id is None:
            return None
        self._runs_read_s[schedule_id] = now_s
        now, read = self._requests.now(), partial(self._requests.fetcher.api.read_row, SCHEDULE_RUNS, schedule_id)
        newest = next(iter(await self._requests.send(Rank.SCHEDULE_RUNS, "schedule runs", schedule_id, read)), None)
        return facts.ScheduleRunsRead(now, schedule_id, None if newest is None else newest.created_at)


def schedule_of(row: ListedSchedule) -> facts.Schedule:
    """Return what findings need of a schedule."""
    task, zone = TaskId(row.task), row.zone or Raw("")
    return facts.Schedule(row.id, task, row.cron, zone, row.is_active, row.next_at, row.starts_at)


# Finds the runs that wait for waitpoint tokens, a few requests a minute. The list of tokens does not name them.
#
# A run that waits for a token has the status EXECUTING, and was usually created before the token. Only its events name
# the token. If no live run waits for it, runs that ended without success are read, because the server keeps their
# tokens WAITING. Source: tests/wire/recordings/README.md §5 (recording 1231).


MAX_CANDIDATES: Final = 4
"""The events of at most this many runs are read for one token. If none of them waits for it, its run stays unknown."""

BEFORE: Final = timedelta(minutes=10)
"""Only runs that were created at most this long before the token are tried."""

RETRY_AFTER: Final = timedelta(minutes=2)
"""A run whose code has not reached its wait is read again after this."""

MAX_KNOWN: Final = 1_000
"""Ended runs that are remembered for tokens."""

_ATTEMPT: Final = re.compile(r"Attempt [0-9]+\Z")
_WAITING: Final = (RunStatus.EXECUTING, RunStatus.WAITING_TO_RESUME)
_ENDED: Final = (RunStatus.CANCELLED, RunStatus.CRASHED, RunStatus.SYSTEM_FAILURE, RunStatus.TIMED_OUT)
_FOR_TOKEN: Final = "wait.forToken()"  # noqa: S105  the name of a span
SEARCH_AFTER: Final = timedelta(seconds=90)
"""How long after the first look the server is asked for ended runs."""

ENDED_EVERY: Final = timedelta(minutes=1)
"""How often the ended runs are looked through. There may be many."""


_Candidate = tuple[datetime, RunId, tuple[Raw, ...]]
"""When a run was created, its id and its tags."""


@dataclass(slots=True, eq=False)
class _TokenSearch:
    """What is known about the run of one token."""

    token: facts.WaitToken
    run: tuple[RunId, TaskId | None] | None = None
    is_over: bool = False
    """The run of the token has ended."""
    is_asked: bool = False
    """The server was asked for ended runs that may have made it, because the store may not have them."""
    makers: set[RunId] = field(default_factory=set)
    """The ended runs that may have made the token and were not read yet."""
    tried: dict[RunId, datetime] = field(default_factory=dict)

    def joined(self, waits_since: datetime | None) -> facts.WaitToken:
        """Return the token with its run, or with whether that may have ended: see `_waits_since`."""
        if self.run is not None:
            return replace(self.token, run_id=self.run[0], task=self.run[1])
        may_wait = waits_since is not None and waits_since <= self.token.created_at
        has_makers = not self.is_asked or (waits_since is not None and bool(self.makers))
        return replace(self.token, is_doubtful=not may_wait and has_makers)

    def may_be_made_by(self, created_at: datetime) -> bool:
        """Return whether a run that was created then may have made the token."""
        return self.token.created_at - BEFORE <= created_at <= self.token.created_at

    def untried(self, run_ids: Sequence[RunId], now: datetime) -> RunId | None:
        """Return the first run to try. Only a few are tried; those that may not have waited yet are tried again."""
        count = sum(run_id in self.tried for run_id in run_ids)
        is_young = now - self.token.created_at < 2 * RETRY_AFTER
        for run_id in run_ids:
            last = self.tried.get(run_id)
            if count < MAX_CANDIDATES if last is None else is_young and now - last >= RETRY_AFTER:
                return run_id
        return None


class TokenReader:
    """Reads the waitpoint tokens that wait, for one session, and finds the runs that wait for them."""

    def __init__(self, requests: FactRequests, store: Store) -> None:
        self._requests = requests
        self._store = store
        self._is_cut = False
        self._page_count = 1
        self._searches: dict[str, _TokenSearch] = {}
        """The searches by the id of their token, oldest first."""
        self._ended: dict[RunId, datetime] = {}
        """The ended runs that the server named, and when they were created."""
        self._looked_at: datetime | None = None
        self._since: datetime | None = None

    @property
    def interval_s(self) -> float:
        """The seconds between two reads of all pages."""
        return PAGE_INTERVAL_S * self._page_count

    async def read(self) -> facts.TokensRead:
        """Read all pages, with the runs that are known by now. Raises `ApiError`."""
        now = self._requests.now()
        rows, self._is_cut, self._page_count = await self._requests.pages(Rank.TOKENS, TOKENS)
        waiting = [row for row in rows if row.status == "WAITING"]
        tokens = {row.id: facts.WaitToken(row.id, row.created_at, row.tags, row.times_out_at) for row in waiting}
        oldest_first = sorted(tokens.values(), key=lambda token: (token.created_at, token.id))
        known = self._searches
        self._searches = {token.id: known.get(token.id) or _TokenSearch(token) for token in oldest_first}
        for token in oldest_first:
            self._searches[token.id].token = token
        return facts.TokensRead(now, self._joined(), is_cut=self._is_cut)

    async def join(self) -> facts.TokensRead | None:
        """Read the events of one run that may wait for a token, and return the tokens if that found one.

        Raises `ApiError`.
        """
        now, before = self._requests.now(), self._joined()
        run_id = self._next_candidate(now)
        if run_id is None:
            await self._search(now)
        else:
            events: Trace | None = None
            read = partial(self._requests.fetcher.api.read_events, run_id)
            with suppress(Refused, ServerFault):
                events = await self._requests.send(Rank.WAITING_RUNS, "events", run_id, read)
            self._record(run_id, None if events is None else events.root, now)
        joined = self._joined()
        return None if joined == before else facts.TokensRead(self._requests.now(), joined, is_cut=self._is_cut)

    def _joined(self) -> tuple[facts.WaitToken, ...]:
        """Return the tokens with their runs, as far as these are known, without those whose run has ended."""
        for search in self._searches.values():
            run = None if search.run is None else self._store.get(search.run[0])
            search.is_over |= run is not None and (run.is_final or run.is_gone)
        waits_since = self._waits_since()
        return tuple(search.joined(waits_since) for search in self._searches.values() if not search.is_over)

    def _waits_since(self) -> datetime | None:
        """Return when the oldest run was created that may wait for a token whose run is not known.

        None: that is not known, since some live runs were not read.
        """
        window = self._store.window
        if window is None or not window.is_live_complete or window.is_filtered or window.is_older_cut:
            return None
        taken = self._taken()
        times = (run.created_at for run in self._store.with_statuses(_WAITING) if run.id not in taken)
        return min((at for at in times if at is not None), default=LATEST)

    def _taken(self) -> set[RunId]:
        return {search.run[0] for search in self._searches.values() if search.run is not None}

    async def _search(self, now: datetime) -> None:
        """Ask the server once for ended runs that may have made the tokens without a run. The store may lack them.

        Live runs are tried first, since the store has them soon after the start. A refusal counts as an empty answer.
        """
        self._since = self._since or now
        unknown = self._unknown()
        is_due = self._waits_since() is not None or now - self._since >= SEARCH_AFTER
        if not is_due or all(search.is_asked for search in unknown):
            return
        rows: list[queries.EndedRun] = []
        with suppress(Refused, ServerFault):
            first, last = unknown[0].token.created_at, unknown[-1].token.created_at
            query = queries.EndedRuns(first - BEFORE, last + timedelta(seconds=1))
            rows = await self._requests.query(query, Rank.WAITING_RUNS)
        runs = {RunId(row["run_id"]): row["triggered_at"] for row in rows}
        for search in unknown:
            search.is_asked = True
            search.makers = {run_id for run_id, at in runs.items() if search.may_be_made_by(at)}
        self._ended = dict(islice({**runs, **self._ended}.items(), MAX_KNOWN))

    def _unknown(self) -> list[_TokenSearch]:
        """Return the searches that have found nothing, the oldest token first."""
        return [search for search in self._searches.values() if search.run is None and not search.is_over]

    def _next_candidate(self, now: datetime) -> RunId | None:
        """Return a run whose events may name one of the tokens, oldest token first, or None if no run is left to try.

        Runs that share a tag with the token are tried first, then the youngest.
        """
        unknown = self._unknown()
        if not unknown:
            return None
        live = list(self._store.with_statuses(_WAITING))
        for run in live:
            self._take(run.wait, run.id, run.fixed.task)
        if (found := self._next_of(map(_candidate, live), now)) is not None:
            return found
        if self._looked_at is not None and now - self._looked_at < ENDED_EVERY:
            return None
        self._looked_at = now
        first = unknown[0].token.created_at
        ended = [_candidate(run) for run in self._store.with_statuses(_ENDED) if _ended_after(run, first)]
        return self._next_of([*ended, *((at, run_id, ()) for run_id, at in self._ended.items())], now)

    def _next_of(self, candidates: Iterable[_Candidate], now: datetime) -> RunId | None:
        taken = self._taken()
        by_age = sorted(each for each in candidates if each[1] not in taken)
        for search in self._unknown():
            token = search.token
            first = bisect_left(by_age, (token.created_at - BEFORE,))
            last = bisect_left(by_age, (token.created_at + timedelta.resolution,))
            youngest_first = by_age[first:last][::-1]
            near = sorted(youngest_first, key=lambda each: set(token.tags).isdisjoint(each[2]))
            if (run_id := search.untried([run_id for _, run_id, _ in near], now)) is not None:
                return run_id
        return None

    def _take(self, wait: Wait | None, run_id: RunId, task: TaskId | None) -> None:
        """Record the token for which a run waits."""
        if wait is not None and wait.kind is WaitKind.TOKEN and (search := self._searches.get(str(wait.subject))):
            search.run = search.run or (run_id, task)

    def _record(self, run_id: RunId, root: Span | None, now: datetime) -> None:
        """Record for which token a run waits, or waited until it ended, by its events."""
        run = self._store.get(run_id)
        if root is not None:
            attempts = [span for span in root.children if _ATTEMPT.match(span.message)]
            latest = max(attempts, key=lambda span: span.started_at, default=None)
            self._take(wait_of(latest), run_id, None if run is None else run.fixed.task)
            if run_id in self._ended if run is None else run.is_final:
                for span in root.walk():
                    is_wait = span.message == _FOR_TOKEN and span.run_id == root.run_id
                    if is_wait and (search := self._searches.get(str(span.wait_subject))):
                        search.is_over = True
        created_at = self._ended.pop(run_id, None) if run is None else run.created_at
        for search in self._unknown():
            if root is not None:
                search.makers.discard(run_id)
            if created_at is None or search.may_be_made_by(created_at):
                search.tried[run_id] = now


def _candidate(run: Run) -> _Candidate:
    return run.created_at or EARLIEST, run.id, () if run.state is None else run.state.tags


def _ended_after(run: Run, moment: datetime) -> bool:
    state = run.state
    return state is not None and state.started_at is not None and (state.finished_at or state.updated_at) >= moment
