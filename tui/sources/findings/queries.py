"""Reads the rows of the queries for facts.

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
from tui.wire.errors import ServerFault
from tui.wire.queries.tasks import NORMAL_DAYS, PARTS
from tui.wire.queries.text import MAX_ROWS
from tui.wire.times import EARLIEST, read_duration_ms, read_time

MAX_COUNT: Final = 10**9

Rows = Sequence[dict[str, Json]]


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
        if part not in PARTS:
            raise _unreadable()
        start = _time(row, "cell")
        cell = found.setdefault((task, starts.setdefault(start, start)), {})
        cell[part] = cell.get(part, 0) + count
        if part == "ended":
            for name in ("done", "failed", "unstarted"):
                cell[name] = cell.get(name, 0) + _count(row, name)
    return tuple(TaskMinute(task, start, **counts) for (task, start), counts in found.items()), tuple(speeds)


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


def read_normals(rows: Rows, hour: datetime) -> tuple[TaskNormal, ...]:
    """Return how each task usually behaves in the hour of the day of a time. Raises `ServerFault`."""
    of_day = hour.astimezone(UTC).hour
    return tuple(
        TaskNormal(
            TaskId(_word(row, "task_identifier")),
            _count(row, "n"),
            _count(row, "failed"),
            _p95(row),
            min(_count(row, "days"), NORMAL_DAYS),
        )
        for row in rows
        if _count(row, "hour_of_day") == of_day
    )


def read_last_day(rows: Rows) -> tuple[int, int]:
    """Return how many runs were done and how many failed. Raises `ServerFault`."""
    if len(rows) != 1:
        raise _unreadable()
    return _count(rows[0], "done"), _count(rows[0], "failed")


def read_ended(rows: Rows) -> tuple[tuple[RunId, datetime], ...]:
    """Return the runs and when they were created. Raises `ServerFault`."""
    return tuple((RunId(_word(row, "run_id")), _time(row, "triggered_at")) for row in rows)


def is_cut(rows: Iterable[object]) -> bool:
    """Whether the server may have more rows than it sent."""
    return sum(1 for _ in rows) >= MAX_ROWS


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
