"""Reads the details of the selected queue: its metrics, and the last hour of its runs.

The metrics are one request, the hour is two queries.
Source: tests/wire/recordings/README.md §5, §7.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from tui.domain.filters import TASK_QUEUE_PREFIX
from tui.domain.findings.facts import PlaceHolder, Queue, WallFacts, with_limit
from tui.domain.findings.queue_detail import QueueHour, QueueMetrics
from tui.domain.hold import KNOWN_FOR, QueueState
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Fixed, Json, Run
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead
from tui.lazy_dataclass import dataclass
from tui.sources.base import Emit
from tui.sources.budget import Priority
from tui.sources.findings.queries import read_holders
from tui.sources.run_fetcher import RunFetcher
from tui.wire.errors import ApiError
from tui.wire.queries.queues import QueueHolders, QueueOfRun, QueueSpeeds, QueueStayMinutes
from tui.wire.queries.text import MAX_ROWS
from tui.wire.times import MAX_DURATION, read_time

PERIOD: Final = "1h"
MIN_TASK_SHARE: Final = 0.05
"""A task with a smaller share of a queue's runs says nothing about the queue."""

FRESH_FOR: Final = timedelta(seconds=15)
"""A queue is not read again while the facts have it so recently."""

_SAFE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")
_MINUTES: Final = 60
_MINUTE: Final = timedelta(minutes=1)
Stay = tuple[datetime | None, datetime | None, int]
"""The minutes in which some runs came and left, and how many they are."""


@dataclass(frozen=True, slots=True)
class QueueStays:
    """How many runs were queued, started and ended in the same minutes. None: not yet, or never."""

    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    count: int
    failed: int
    task: TaskId | None


class QueueFetcher:
    """Sends the requests within the budget. Every method may raise `ApiError`."""

    def __init__(self, fetcher: RunFetcher, emit: Emit) -> None:
        self._fetcher = fetcher
        self._emit = emit

    async def read_metrics(self, queue: Queue) -> QueueMetrics:
        """Read how a queue moved in the last hour."""
        api = self._fetcher.api
        return await self._fetcher.budget.request(
            ("queue metrics", queue.stored_name),
            Priority.VISIBLE,
            lambda: api.read_queue_metrics(queue.name, is_task=queue.is_task, period=PERIOD),
        )

    async def read_state(self, run: Run, known: WallFacts | None) -> QueueState | None:
        """Return the queue of a run, out of fresh facts or by a request; None if the key may not ask for its name.

        The name is read once for each run, and emitted.
        """
        name = run.fixed.queue or await self._read_name(run.id)
        if name is None:
            return None
        is_task = name.startswith(TASK_QUEUE_PREFIX)
        if (found := state_in(known, name, self._fetcher.now())) is not None:
            return found
        api, short = self._fetcher.api, name.removeprefix(TASK_QUEUE_PREFIX)
        queue = await self._fetcher.budget.request(
            ("queue", name), Priority.SELECTED, lambda: api.read_queue(short, is_task=is_task)
        )
        listed = None if known is None else known.queues
        queue = with_limit(queue, () if listed is None else listed.limits)
        holders = holders_in(known, name, self._fetcher.now()) or await self._read_holders(queue)
        full_limits = () if listed is None else listed.full_limits
        return QueueState(self._fetcher.now(), queue, holders=holders, full_limits=full_limits)

    async def _read_holders(self, queue: Queue) -> tuple[PlaceHolder, ...]:
        """Read whose runs hold the places of a queue, if it is at its limit. Where that fails, none are named."""
        if queue.limit is None or (queue.running or 0) < queue.limit:
            return ()
        try:
            return read_holders(await self._fetcher.query(QueueHolders(queue.stored_name), Priority.SELECTED) or ())
        except ApiError:
            return ()

    async def _read_name(self, run_id: RunId) -> Raw | None:
        """Read the stored name of a run's queue, which only a query returns."""
        if not _SAFE_ID.match(run_id):
            return None
        rows = await self._fetcher.query(QueueOfRun(run_id), Priority.SELECTED)
        name = rows[0].get("queue") if rows else None
        if not isinstance(name, str) or not name:
            return None
        await self._emit(RunsRead((RunPatch(run_id, self._fetcher.now(), fixed=Fixed(queue=Raw(name))),)))
        return Raw(name)

    async def read_hour(self, queue: Queue) -> QueueHour:
        """Read the last hour of the runs of a queue.

        Raises `Refused` for a name that cannot stand in a query.
        """
        name = queue.stored_name
        times = await self._fetcher.query_rows(QueueStayMinutes(name), Priority.VISIBLE)
        speeds = await self._fetcher.query_rows(QueueSpeeds(name), Priority.VISIBLE)
        return hour_of(self._fetcher.now(), times, speeds, queue.running)


def state_in(known: WallFacts | None, name: str, now: datetime) -> QueueState | None:
    """Return a queue out of the facts, None if they are older than FRESH_FOR, or may be, or lack it."""
    queues = None if known is None else known.queues
    if queues is None or queues.has_pages or now - queues.at > FRESH_FOR:
        return None
    queue = next((each for each in queues.queues if each.stored_name == name), None)
    if queue is None:
        return None
    return QueueState(queues.at, queue, holders_in(known, name, now), full_limits=queues.full_limits)


def holders_in(known: WallFacts | None, name: str, now: datetime) -> tuple[PlaceHolder, ...]:
    """Return whose runs hold the places of a queue, out of the facts; nothing if these are too old or lack it."""
    waits = None if known is None else known.waits
    if waits is None or now - waits.at > KNOWN_FOR:
        return ()
    return next((each.holders for each in waits.waits if each.queue == name), ())


def hour_of(
    at: datetime,
    times: Sequence[Mapping[str, Json]],
    speeds: Iterable[Mapping[str, Json]],
    running: int | None,
) -> QueueHour:
    """Return the last hour from the rows of the two queries. `running` is how many runs execute by the list."""
    read = [each for row in times if (each := _read_times(row)) is not None]
    last = at.replace(second=0, microsecond=0)
    cells = [last - (_MINUTES - 1 - index) * _MINUTE for index in range(_MINUTES)]
    tasks = Counter[TaskId]()
    for each in read:
        if each.task is not None:
            tasks[each.task] += each.count
    queued = _levels([(each.queued_at, each.started_at or each.ended_at, each.count) for each in read], cells)
    executing = _levels([(each.started_at, each.ended_at, each.count) for each in read if each.started_at], cells)
    main = next(iter(tasks.most_common(1)), (None, 0))[0]
    p95 = {read_time(row.get("minute")): _read_ms(row.get("p95_ms")) for row in speeds if row.get("task") == main}
    return QueueHour(
        at,
        queued,
        executing if _agrees(executing[-1], running) else (),
        tuple(p95.get(cell) for cell in cells),
        sum(each.failed for each in read),
        tuple(task for task, count in tasks.most_common() if count >= MIN_TASK_SHARE * tasks.total()),
        is_cut=len(times) >= MAX_ROWS,
    )


def _levels(
    stays: Iterable[tuple[datetime | None, datetime | None, int]], cells: Sequence[datetime]
) -> tuple[int, ...]:
    """Return how many runs there were at the end of each minute. A stay has the minutes of its begin and its end."""
    first, changes = cells[0], [0] * (len(cells) + 1)
    for begin, end, count in stays:
        if begin is None or begin > cells[-1]:
            continue
        index = max(0, (begin - first) // _MINUTE)
        changes[index] += count
        if end is not None:
            changes[min(max((end - first) // _MINUTE, index, 0), len(cells))] -= count
    levels, level = [], 0
    for change in changes[:-1]:
        level += change
        levels.append(max(0, level))
    return tuple(levels)


def _agrees(executing: int, running: int | None) -> bool:
    """Return whether the times of runs lead to the number that the server counts in the queue.

    They do not where runs wait or retry: these hold no place in the queue meanwhile. The list is some seconds older.
    """
    return running is not None and abs(executing - running) <= max(1, running // 10)


def _read_times(row: Mapping[str, Json]) -> QueueStays | None:
    queued_at, count = read_time(row.get("queued_min")), _read_count(row.get("n"))
    if queued_at is None or not count:
        return None
    task = row.get("task")
    return QueueStays(
        queued_at,
        read_time(row.get("started_min")),
        read_time(row.get("ended_min")),
        count,
        _read_count(row.get("failed")),
        TaskId(task) if isinstance(task, str) else None,
    )


def _read_count(value: Json) -> int:
    """Return a count. The server writes great ones as texts."""
    try:
        return max(0, min(int(value), 2**53)) if not isinstance(value, bool) else 0
    except (TypeError, ValueError, OverflowError):
        return 0


def _read_ms(value: Json) -> timedelta | None:
    try:
        return None if value is None else min(max(timedelta(milliseconds=float(value)), timedelta()), MAX_DURATION)
    except (TypeError, ValueError, OverflowError):
        return None
