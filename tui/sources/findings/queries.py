# ruff: noqa: S608  the queries consist of words and times of our own
"""The TRQL of the facts, and the reading of its rows.

A row that cannot be read makes the whole answer unreadable: a number that is left out would be shown as a smaller one.
Source: tests/wire/recordings/README.md §7 (recordings 1111-1119, 2642, 2663-2673).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import Final

from tui.domain.findings.facts import MAX_HOLDERS, PlaceHolder, QueueWait, TaskMinute, TaskNormal, TaskSpeed
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Json
from tui.domain.status import FAILED_TRQL_WORDS
from tui.wire.errors import ServerFault
from tui.wire.times import EARLIEST, read_duration_ms, read_time

MAX_ROWS: Final = 10_000
"""The server cuts a result there without notice."""

MAX_COUNT: Final = 10**9
PERIOD: Final = "7d"
"""How long before the span runs may have been triggered that start, end or wait in it."""

COPY_LAG: Final = timedelta(seconds=2)
"""What the server's copy of the runs may lack. The minute of the rates ends this long before now."""

NORMAL_DAYS: Final = 7
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)

Rows = Sequence[dict[str, Json]]

_FAILED: Final = ", ".join(f"'{word}'" for word in FAILED_TRQL_WORDS)
_HOLDS: Final = "status IN ('Executing', 'Dequeued')"
_COUNTED: Final = {"triggered": "triggered_at", "started": "executed_at", "ended": "completed_at"}


def minutes_trql(since: datetime, until: datetime | None, cell: timedelta, speeds_since: datetime | None) -> str:
    """Return the query for what runs did in cells of time from `since` on, before `until` if it is given.

    A union of one part for each of the three times, and of the tasks' percentiles since `speeds_since`.
    """
    minutes = cell // MINUTE
    parts = []
    for part, column in _COUNTED.items():
        before = "" if until is None else f" AND {column} < '{_text(until)}'"
        outcomes = (
            f"countIf(status = 'Completed') AS done, countIf(status IN ({_FAILED})) AS failed, "
            "countIf(executed_at IS NULL) AS unstarted"
            if part == "ended"
            else "0 AS done, 0 AS failed, 0 AS unstarted"
        )
        parts.append(
            f"SELECT '{part}' AS part, task_identifier, "
            f"toStartOfInterval({column}, INTERVAL {minutes} MINUTE) AS cell, "
            f"count() AS n, {outcomes}, 0 AS p95_ms FROM runs "
            f"WHERE {column} >= '{_text(since)}'{before} GROUP BY task_identifier, cell"
        )
    if speeds_since is not None:
        parts.append(
            "SELECT 'speed' AS part, task_identifier, toStartOfHour(max(completed_at)) AS cell, count() AS n, "
            "0 AS done, 0 AS failed, 0 AS unstarted, quantile(0.95)(execution_duration) AS p95_ms FROM runs "
            f"WHERE completed_at >= '{_text(speeds_since)}' AND status = 'Completed' GROUP BY task_identifier"
        )
    return " UNION ALL ".join(parts)


def read_minutes(rows: Rows) -> tuple[tuple[TaskMinute, ...], tuple[TaskSpeed, ...]]:
    """Return the cells and the percentiles. Raises `ServerFault`."""
    found: dict[tuple[TaskId, datetime], dict[str, int]] = {}
    starts: dict[datetime, datetime] = {}
    speeds = []
    for row in rows:
        # An hour of many tasks is kept for long. So all minutes of a task share its name, and all tasks their begins.
        part, task, count = _word(row, "part"), TaskId(intern(_word(row, "task_identifier"))), _count(row, "n")
        if part == "speed":
            speeds.append(TaskSpeed(task, _p95(row), count))
            continue
        if part not in _COUNTED:
            raise _unreadable()
        start = _time(row, "cell")
        cell = found.setdefault((task, starts.setdefault(start, start)), {})
        cell[part] = cell.get(part, 0) + count
        if part == "ended":
            for name in ("done", "failed", "unstarted"):
                cell[name] = cell.get(name, 0) + _count(row, name)
    return tuple(TaskMinute(task, start, **counts) for (task, start), counts in found.items()), tuple(speeds)


def waits_trql(now: datetime) -> str:
    """Return the query for how all queues move.

    A run that is queued after it has started waits for its retry, and does not count as waiting. There is a row for
    each queue and task: the tasks that execute hold the places of a queue.
    """
    end = now - COPY_LAG
    since = f"'{_text(end - MINUTE)}'"
    waits = "status = 'Queued' AND executed_at IS NULL"
    arrived = f"queued_at >= {since} AND queued_at < '{_text(end)}'"
    started = f"executed_at >= {since} AND executed_at < '{_text(end)}'"
    return (
        f"SELECT queue, task_identifier AS task, countIf({waits}) AS queued, "
        f"min(if({waits}, queued_at, NULL)) AS oldest_at, "
        f"argMaxIf(run_id, 0 - toUnixTimestamp(queued_at), {waits}) AS oldest_run, "
        f"countIf({started}) AS started, countIf({arrived}) AS arrived, max(executed_at) AS newest_start, "
        "max(queued_at) AS newest_arrival, "
        f"countIf({_HOLDS}) AS holding, min(if({_HOLDS}, executed_at, NULL)) AS longest_at FROM runs "
        f"WHERE or(is_finished = 0, or(executed_at >= {since}, queued_at >= {since})) "
        "GROUP BY queue, task ORDER BY queued DESC"
    )


def holders_trql(queue: str) -> str:
    """Return the query for the runs that execute in one queue, by task. The name is safe in a query."""
    return (
        "SELECT task_identifier AS task, count() AS holding, min(executed_at) AS longest_at FROM runs "
        f"WHERE queue = '{queue}' AND {_HOLDS} GROUP BY task ORDER BY holding DESC LIMIT {MAX_HOLDERS}"
    )


def read_holders(rows: Rows) -> tuple[PlaceHolder, ...]:
    """Return the tasks of the runs that execute, those of most runs first. Raises `ServerFault`."""
    holders = [
        PlaceHolder(TaskId(intern(_word(row, "task"))), count, read_time(row.get("longest_at")))
        for row in rows
        if (count := _count(row, "holding"))
    ]
    return tuple(sorted(holders, key=lambda each: (-each.runs, each.task))[:MAX_HOLDERS])


def read_waits(rows: Rows) -> tuple[QueueWait, ...]:
    """Return how each queue moves, the one in which most runs wait first. Raises `ServerFault`."""
    by_queue: dict[str, list[dict[str, Json]]] = {}
    for row in rows:
        by_queue.setdefault(_word(row, "queue"), []).append(row)
    waits = [_read_wait(queue, parts) for queue, parts in by_queue.items()]
    return tuple(sorted(waits, key=lambda wait: -wait.queued))


def _read_wait(queue: str, rows: Rows) -> QueueWait:
    """Return how a queue moves, from its rows: one for each task."""
    oldest_at, oldest_run = None, None
    for row in rows:
        at, run_id = read_time(row.get("oldest_at")) if _count(row, "queued") else None, row.get("oldest_run")
        if at is not None and (oldest_at is None or at < oldest_at):
            oldest_at, oldest_run = at, RunId(run_id) if isinstance(run_id, str) and run_id else None
    return QueueWait(
        queue,
        sum(_count(row, "queued") for row in rows),
        oldest_at,
        oldest_run,
        float(sum(_count(row, "started") for row in rows)),
        float(sum(_count(row, "arrived") for row in rows)),
        _newest(rows, "newest_start"),
        _newest(rows, "newest_arrival"),
        read_holders(rows),
    )


def _newest(rows: Rows, name: str) -> datetime | None:
    # A server without NULLs in `max` sends 1970.
    return max((at for row in rows if (at := read_time(row.get(name))) is not None and at > EARLIEST), default=None)


def normals_trql(hour: datetime) -> str:
    """Return the query for each task's runs in the same hour of the last NORMAL_DAYS days."""
    return (
        f"SELECT task_identifier, count() AS n, countIf(status IN ({_FAILED})) AS failed, "
        "quantile(0.95)(if(status = 'Completed', execution_duration, NULL)) AS p95_ms, "
        "dateDiff('day', min(triggered_at), max(triggered_at)) + 1 AS days FROM runs "
        f"WHERE triggered_at >= '{_text(hour - NORMAL_DAYS * DAY)}' AND triggered_at < '{_text(hour)}' "
        f"AND toHour(triggered_at) = {hour.hour} AND is_finished = 1 GROUP BY task_identifier ORDER BY n DESC"
    )


def read_normals(rows: Rows) -> tuple[TaskNormal, ...]:
    """Return how each task usually behaves. Raises `ServerFault`."""
    return tuple(
        TaskNormal(
            TaskId(_word(row, "task_identifier")),
            _count(row, "n"),
            _count(row, "failed"),
            _p95(row),
            min(_count(row, "days"), NORMAL_DAYS),
        )
        for row in rows
    )


def last_day_trql(now: datetime) -> str:
    """Return the query for the totals of the last 24 hours."""
    return (
        f"SELECT countIf(status = 'Completed') AS done, countIf(status IN ({_FAILED})) AS failed "
        f"FROM runs WHERE completed_at >= '{_text(now - DAY)}'"
    )


def read_last_day(rows: Rows) -> tuple[int, int]:
    """Return how many runs were done and how many failed. Raises `ServerFault`."""
    if len(rows) != 1:
        raise _unreadable()
    return _count(rows[0], "done"), _count(rows[0], "failed")


def start_of(moment: datetime, cell: timedelta) -> datetime:
    """Return the beginning of the cell of time that contains a moment."""
    seconds = int(cell.total_seconds())
    return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, UTC)


def is_cut(rows: Iterable[object]) -> bool:
    """Whether the server may have more rows than it sent."""
    return sum(1 for _ in rows) >= MAX_ROWS


def _text(moment: datetime) -> str:
    # A time with a `T` or a zone is refused (recording 2645).
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _word(row: dict[str, Json], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise _unreadable()
    return value


def _count(row: dict[str, Json], name: str) -> int:
    value = row.get(name)
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        raise _unreadable()
    return value


def _time(row: dict[str, Json], name: str) -> datetime:
    moment = read_time(row.get(name))
    if moment is None:
        raise _unreadable()
    return moment


def _p95(row: dict[str, Json]) -> timedelta | None:
    value = row.get("p95_ms")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e14:
        raise _unreadable()
    return read_duration_ms(value)


def _unreadable() -> ServerFault:
    return ServerFault("the answer to the query could not be read: not of the expected form", 200)
