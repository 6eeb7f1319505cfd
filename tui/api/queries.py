"""Every TRQL query that the program sends: a name, and values that are checked and bounded. Nothing else makes TRQL."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache, reduce
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, NotRequired, TypeVar, get_args

from pydantic import AfterValidator, Field, PlainValidator
from typing_extensions import TypedDict

from tui.api.errors import Refused, ServerFault, read_known_ms, read_time
from tui.api.models import AnyText, JsonObject, Lenient, Milliseconds, Text, Time, Word, convert
from tui.domain.facts import MAX_HOLDERS, TaskNormal
from tui.domain.filters import MAX_QUERY_PERIOD, TASK_QUEUE_PREFIX, query_period
from tui.domain.run import FAILED_TRQL_WORDS, Json, RunId, TaskId, parse_status
from tui.domain.tree import RunTimes, TreeRow
from tui.lazy_dataclass import dataclass

# The base of all queries, the bounds of their values, and how a value is written into a text. Queries say `or(a, b)`,
# never OR: beside AND, the server reads `A AND (B OR C)` as `A AND B AND C`.


MAX_ROWS: Final = 10_000
"""The server cuts a result there without notice (recording 2629)."""

MAX_IDS: Final = 200
"""Run ids in one query, about 6 kB of text."""

MAX_NAME_CHARS: Final = 200
MAX_ID_CHARS: Final = 64

LIVE_PERIOD: Final = "7d"
"""How long before its span another query looks for the trigger of runs that start, end or wait in it."""

MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)
FAILED: Final = ", ".join(f"'{word}'" for word in FAILED_TRQL_WORDS)


T = TypeVar("T")


class TrqlQuery(ABC, Generic[T]):
    """One query. Its fields are its parameters; `kind` is its name in a relay's messages; T is a row of its answer.

    A row that cannot be read makes the whole answer unreadable: a number that is left out would be shown as a smaller
    one. Source: tests/wire/recordings/README.md §7 (recordings 1111-1119, 2642, 2663-2673).
    """

    __orig_bases__: ClassVar[tuple[Any, ...]]

    @abstractmethod
    def trql(self) -> str:
        """Return the text. Raises `Refused` for values that cannot stand in it."""

    def read(self, rows: list[dict[str, Json]]) -> list[T]:
        """Return the values of the rows. Raises `ServerFault`."""
        (row,) = get_args(self.__orig_bases__[0])
        try:
            return convert(list[row], rows)  # type: ignore[valid-type]
        except ValueError:
            raise ServerFault("the answer to the query could not be read: not of the expected form", 200) from None


class PeriodQuery(TrqlQuery[T]):
    """A query over a period that the caller chooses: how long ago its runs may have been triggered, such as `1d`.

    None: as long as a query looks back.
    """

    period: str | None


def start_of(moment: datetime, cell: timedelta) -> datetime:
    """Return the beginning of the cell of time that contains a moment."""
    seconds = int(cell.total_seconds())
    return datetime.fromtimestamp(int(moment.timestamp()) // seconds * seconds, UTC)


def days_since(moment: datetime | None, now: datetime) -> str:
    """Return the period that covers a moment: whole days, one more than needed, up to the server's limit."""
    if moment is None:
        return query_period(MAX_QUERY_PERIOD)
    return query_period(timedelta(days=max(0, (now - moment) // DAY) + 1))


def can_quote(name: str) -> bool:
    """Return whether the name of a queue can stand in a TRQL string."""
    return name.isprintable() and len(name) <= MAX_NAME_CHARS and not set(name) & set("'\"\\`{}")


def quoted_id(run_id: RunId) -> str:
    """Return a run id for a TRQL string, without characters that no id has: a user may have typed it."""
    return "".join(letter for letter in run_id if letter.isascii() and (letter.isalnum() or letter in "_-"))


def any_of(conditions: Iterable[str]) -> str:
    """Return the condition that one of them is met. Every recorded call of or() has two arguments."""
    return reduce(lambda left, right: f"or({left}, {right})", conditions)


def ids_text(run_ids: tuple[RunId, ...]) -> str:
    """Return ids as TRQL strings, with commas. Raises `Refused` for none, too many or too long ones."""
    if not 0 < len(run_ids) <= MAX_IDS or any(len(run_id) > MAX_ID_CHARS for run_id in run_ids):
        raise refused(f"{len(run_ids):,} ids")
    return ", ".join(f"'{quoted_id(run_id)}'" for run_id in run_ids)


def name_text(queue: str) -> str:
    """Return the name of a queue for a TRQL string. Raises `Refused` for one that cannot be quoted safely."""
    if not can_quote(queue):
        raise refused("the name of this queue")
    return queue


def time_text(moment: datetime) -> str:
    """Return a time for a TRQL string. One with a `T` or a zone is refused (recording 2645)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def refused(what: str) -> Refused:
    """Return the error for a value."""
    return Refused(f"{what} cannot stand in a query", 400)


# What the columns of a row are.


Number = Annotated[int, Field(strict=True, ge=0, le=10**9)]
"""A count. No environment has more runs in 30 days, so a larger one is an error."""


_read_time: Final = lru_cache(256)(read_time)
"""Thousands of rows name the minutes of an hour. So it costs less to read them, and rows share them."""


def _moment(value: Json) -> datetime:
    if not isinstance(value, str) or (time := _read_time(value)) is None:
        raise ValueError("not a time")
    return time


Moment = Annotated[datetime, PlainValidator(_moment)]
Duration = Annotated[timedelta | None, PlainValidator(read_known_ms)]
"""Milliseconds, which may be text (a ClickHouse Int64)."""

AnyCount = Lenient[Annotated[int, Field(ge=0, le=2**53)]]
"""A count. The server writes great ones as texts."""

SharedTask = Annotated[TaskId, Text(max_chars=sys.maxsize, min_chars=1), AfterValidator(sys.intern)]
"""A task's name. An hour of many tasks is kept for long, so equal names are one object."""


class CountRow(TypedDict):
    """How many runs there are."""

    n: Number


class Outcomes(TypedDict):
    """How many runs were done and how many failed."""

    done: Number
    failed: Number


class FoundRun(TypedDict, total=False):
    """A run, with those of its columns that a query reads."""

    run_id: Lenient[AnyText]
    queue: Lenient[AnyText]
    status: Lenient[AnyText]
    error: Any


# Queries for queues.


# ruff: noqa: S608  the texts consist of our own words and of values that are checked


MAX_QUEUE_RUNS: Final = 1_000
"""The newest runs of a queue that one query returns."""

COPY_LAG: Final = timedelta(seconds=2)
"""What the server's copy of the runs may lack. The minute of the rates ends this long before now."""

_HOLDS: Final = "status IN ('Executing', 'Dequeued')"
_LAST_HOUR: Final = "completed_at > now() - INTERVAL 1 HOUR"


@dataclass(frozen=True, slots=True)
class QueueOfRun(TrqlQuery[FoundRun]):
    """The stored name of a run's queue."""

    run_id: RunId
    kind: Literal["queue-of-run"] = "queue-of-run"

    def trql(self) -> str:
        return f"SELECT queue FROM runs WHERE run_id = {ids_text((self.run_id,))} LIMIT 1"


@dataclass(frozen=True, slots=True)
class RunsOfQueue(PeriodQuery[FoundRun]):
    """The newest runs of a queue. Without `task/`, a name means also the queue of the task of that name."""

    queue: str
    period: str | None = None
    kind: Literal["runs-of-queue"] = "runs-of-queue"

    def trql(self) -> str:
        name = name_text(self.queue)
        return (
            f"SELECT run_id, queue FROM runs WHERE queue IN ('{name}', '{TASK_QUEUE_PREFIX}{name}') "
            f"ORDER BY triggered_at DESC LIMIT {MAX_QUEUE_RUNS}"
        )


class QueueMinute(TypedDict, total=False):
    """How many runs of a task were queued, started and ended in the same minutes, or how long they executed in one."""

    queued_min: Time
    started_min: Time
    ended_min: Time
    minute: Time
    task: Lenient[AnyText]
    n: AnyCount
    failed: AnyCount
    p95_ms: Duration


@dataclass(frozen=True, slots=True)
class QueueStayMinutes(TrqlQuery[QueueMinute]):
    """How many runs of a queue were queued, started and ended in the same minutes of the last hour, and live ones.

    `queue` is a stored name.
    """

    queue: str
    kind: Literal["queue-stays"] = "queue-stays"

    def trql(self) -> str:
        return (
            "SELECT toStartOfMinute(queued_at) AS queued_min, toStartOfMinute(executed_at) AS started_min, "
            "toStartOfMinute(completed_at) AS ended_min, task_identifier AS task, count() AS n, "
            f"countIf(status IN ({FAILED})) AS failed "
            f"FROM runs WHERE queue = '{name_text(self.queue)}' AND {any_of(('is_finished = 0', _LAST_HOUR))} "
            f"GROUP BY queued_min, started_min, ended_min, task LIMIT {MAX_ROWS}"
        )


@dataclass(frozen=True, slots=True)
class QueueSpeeds(TrqlQuery[QueueMinute]):
    """How long the runs of a queue executed in each minute of the last hour. `queue` is a stored name."""

    queue: str
    kind: Literal["queue-speeds"] = "queue-speeds"

    def trql(self) -> str:
        return (
            "SELECT toStartOfMinute(completed_at) AS minute, task_identifier AS task, "
            "round(quantile(0.95)(execution_duration)) AS p95_ms "
            f"FROM runs WHERE queue = '{name_text(self.queue)}' AND {_LAST_HOUR} GROUP BY minute, task ORDER BY minute"
        )


class HolderRow(TypedDict):
    """The runs of a task that execute in a queue."""

    task: SharedTask
    holding: Number
    longest_at: NotRequired[Time]


class WaitRow(HolderRow):
    """How the runs of a task move in a queue."""

    queue: Word
    queued: Number
    oldest_at: NotRequired[Time]
    oldest_run: NotRequired[Any]
    started: Number
    arrived: Number
    newest_start: NotRequired[Time]
    newest_arrival: NotRequired[Time]


@dataclass(frozen=True, slots=True)
class QueueWaitCounts(TrqlQuery[WaitRow]):
    """How all queues move. A run that is queued after it has started waits for its retry, and is not counted.

    There is a row for each queue and task: the tasks that execute hold the places of a queue.
    """

    at: datetime
    kind: Literal["queue-waits"] = "queue-waits"

    def trql(self) -> str:
        end = self.at - COPY_LAG
        since = f"'{time_text(end - MINUTE)}'"
        waits = "status = 'Queued' AND executed_at IS NULL"
        arrived = f"queued_at >= {since} AND queued_at < '{time_text(end)}'"
        started = f"executed_at >= {since} AND executed_at < '{time_text(end)}'"
        moves = any_of(("is_finished = 0", f"executed_at >= {since}", f"queued_at >= {since}"))
        return (
            f"SELECT queue, task_identifier AS task, countIf({waits}) AS queued, "
            f"min(if({waits}, queued_at, NULL)) AS oldest_at, "
            f"argMaxIf(run_id, 0 - toUnixTimestamp(queued_at), {waits}) AS oldest_run, "
            f"countIf({started}) AS started, countIf({arrived}) AS arrived, max(executed_at) AS newest_start, "
            "max(queued_at) AS newest_arrival, "
            f"countIf({_HOLDS}) AS holding, min(if({_HOLDS}, executed_at, NULL)) AS longest_at FROM runs "
            f"WHERE {moves} GROUP BY queue, task ORDER BY queued DESC"
        )


@dataclass(frozen=True, slots=True)
class QueueHolders(TrqlQuery[HolderRow]):
    """The runs that execute in one queue, by task. `queue` is a stored name."""

    queue: str
    kind: Literal["queue-holders"] = "queue-holders"

    def trql(self) -> str:
        return (
            "SELECT task_identifier AS task, count() AS holding, min(executed_at) AS longest_at FROM runs "
            f"WHERE queue = '{name_text(self.queue)}' AND {_HOLDS} GROUP BY task ORDER BY holding DESC "
            f"LIMIT {MAX_HOLDERS}"
        )


# Queries for counts of runs, for errors and for trees.


# ruff: noqa: S608  the texts consist of our own words and of values that are checked


MAX_TREE_ROWS: Final = 5_000
"""Rows of a query for trees. A trace has no more spans than this."""

MAX_FOUND: Final = 1_000
"""Runs that one query for a text returns."""

MAX_ENDED: Final = 500
"""Ended runs that may have made a waitpoint token."""

MAX_TEXTS: Final = 20
MAX_TEXT_CHARS: Final = 200
"""A longer text is cut: its pattern matches more."""

_TREE_COLUMNS: Final = "run_id, parent_run_id, root_run_id, depth, status, task_identifier"
_TIME_COLUMNS: Final = "triggered_at, dequeued_at, completed_at, execution_duration, usage_duration"


class StatusCount(CountRow):
    """How many runs have a status."""

    status: AnyText


@dataclass(frozen=True, slots=True)
class RunCounts(PeriodQuery[StatusCount]):
    """The number of runs by status; with `before`, of those that were created before this moment."""

    period: str | None
    before: datetime | None = None
    kind: Literal["run-counts"] = "run-counts"

    def trql(self) -> str:
        older = "" if self.before is None else f"WHERE triggered_at < '{time_text(self.before)}' "
        return f"SELECT status, count() AS n FROM runs {older}GROUP BY status ORDER BY n DESC"


class EndedRun(TypedDict):
    """A run that ended."""

    run_id: Word
    triggered_at: Moment


@dataclass(frozen=True, slots=True)
class EndedRuns(TrqlQuery[EndedRun]):
    """The newest runs that were created from `since` to `at`, and ended without success after they had started."""

    since: datetime
    at: datetime
    kind: Literal["ended-runs"] = "ended-runs"

    def trql(self) -> str:
        return (
            "SELECT run_id, triggered_at FROM runs WHERE status IN ('Canceled', 'Crashed', 'System failure', "
            f"'Timed out') AND triggered_at >= '{time_text(self.since)}' AND triggered_at < '{time_text(self.at)}' "
            f"AND executed_at IS NOT NULL ORDER BY triggered_at DESC LIMIT {MAX_ENDED}"
        )


@dataclass(frozen=True, slots=True)
class RunErrors(PeriodQuery[FoundRun]):
    """The errors of at most MAX_IDS runs."""

    run_ids: tuple[RunId, ...]
    period: str | None
    kind: Literal["run-errors"] = "run-errors"

    def trql(self) -> str:
        ids = ids_text(self.run_ids)
        return f"SELECT run_id, status, error FROM runs WHERE run_id IN ({ids}) LIMIT {len(self.run_ids)}"


@dataclass(frozen=True, slots=True)
class RunsWithErrorTexts(PeriodQuery[FoundRun]):
    """The newest runs with one of the texts in their errors; with `is_exact`, in this spelling.

    Other runs may be among them, since the texts become patterns.
    """

    texts: tuple[str, ...]
    is_exact: bool
    period: str | None
    kind: Literal["runs-with-error-texts"] = "runs-with-error-texts"

    def trql(self) -> str:
        if not 0 < len(self.texts) <= MAX_TEXTS:
            raise refused(f"{len(self.texts):,} texts")
        like = "LIKE" if self.is_exact else "ILIKE"
        condition = any_of(f"toString(error) {like} '{like_pattern(text)}'" for text in self.texts)
        return f"SELECT run_id FROM runs WHERE {condition} ORDER BY triggered_at DESC LIMIT {MAX_FOUND}"


def _tree_row(id_: Any = None, root: Any = None, parent: Any = None, task: Any = None, **more: Any) -> Any:
    status = more.pop("status", None)
    return (root, TreeRow(id_, parent, task, status, RunTimes(**more))) if id_ else None


_TREE_ROW: Final = JsonObject(
    TreeRow,
    _tree_row,
    id_=("run_id", Word),
    root=("root_run_id", Word),
    parent=("parent_run_id", Word),
    task=("task_identifier", AnyText),
    status=Annotated[AnyText, AfterValidator(parse_status)],
    created_at=("triggered_at", Time),
    # The start of a run. Source: tests/wire/recordings/README.md §4
    started_at=("dequeued_at", Time),
    finished_at=("completed_at", Time),
    duration=("execution_duration", Duration),
    compute=("usage_duration", Duration),
)


@dataclass(frozen=True, slots=True)
class TreeRuns(PeriodQuery[Annotated[tuple[RunId | None, TreeRow] | None, _TREE_ROW]]):
    """The descendants of at most MAX_IDS roots, without times where the server lacks one of their columns."""

    root_ids: tuple[RunId, ...]
    has_times: bool
    period: str | None
    kind: Literal["tree-runs"] = "tree-runs"

    def trql(self) -> str:
        columns = f"{_TREE_COLUMNS}, {_TIME_COLUMNS}" if self.has_times else _TREE_COLUMNS
        roots = ids_text(self.root_ids)
        condition = f"root_run_id = {roots}" if len(self.root_ids) == 1 else f"root_run_id IN ({roots})"
        return f"SELECT {columns} FROM runs WHERE {condition} ORDER BY depth, triggered_at LIMIT {MAX_TREE_ROWS}"


def like_pattern(text: str) -> str:
    """Return a pattern for ILIKE, inside a TRQL string, that matches every error with the text.

    Characters with a meaning in TRQL, JSON or patterns become `%`, so it may match more. The view filters again.
    """
    some = text[:MAX_TEXT_CHARS]
    inner = "".join(letter if letter.isascii() and (letter.isalnum() or letter in " .,:;-") else "%" for letter in some)
    return f"%{inner}%"


# Queries for the runs of tasks in a span of time.


# ruff: noqa: S608  the texts consist of our own words and of values that are checked


NORMAL_DAYS: Final = 7
HOUR: Final = timedelta(hours=1)
MAX_SPAN: Final = MAX_QUERY_PERIOD + DAY
MAX_CELL: Final = DAY

_OUTCOMES: Final = f"countIf(status = 'Completed') AS done, countIf(status IN ({FAILED})) AS failed"
_NO_OUTCOMES: Final = "0 AS done, 0 AS failed, 0 AS unstarted"

PARTS: Final = {
    "triggered": ("triggered_at", _NO_OUTCOMES),
    "started": ("executed_at", _NO_OUTCOMES),
    "ended": ("completed_at", f"{_OUTCOMES}, countIf(executed_at IS NULL) AS unstarted"),
}
"""What a minute of a task counts, the time that decides to which minute a run belongs, and the columns of its end."""


class BegunRow(CountRow):
    """How many runs of a task were triggered or started in a cell of time."""

    part: Literal["triggered", "started"]
    task_identifier: SharedTask
    cell: Moment


class EndedRow(CountRow, Outcomes):
    """How many runs of a task ended in a cell of time, and how."""

    part: Literal["ended"]
    task_identifier: SharedTask
    cell: Moment
    unstarted: Number


class SpeedRow(CountRow):
    """The percentile of the runs of a task that completed."""

    part: Literal["speed"]
    task_identifier: SharedTask
    p95_ms: NotRequired[Annotated[float, Field(strict=True, ge=0, le=1e14)] | None]


MinuteRow = Annotated[BegunRow | EndedRow | SpeedRow, Field(discriminator="part")]
"""A row of minutes: each part has its own columns. What it has of the others is not read."""


@dataclass(frozen=True, slots=True)
class TaskMinutes(TrqlQuery[MinuteRow]):
    """What runs did in cells of time from `since` on, before `until` if it is given.

    A union of one part for each of the three times, and of the tasks' percentiles since `speeds_since`. With
    `ends_since`, the ends of runs are counted from that on.
    """

    since: datetime
    until: datetime | None
    cell: timedelta
    speeds_since: datetime | None = None
    ends_since: datetime | None = None
    kind: Literal["task-minutes"] = "task-minutes"

    def trql(self) -> str:
        if not MINUTE <= self.cell <= MAX_CELL:
            raise refused("the length of a cell")
        if self.until is not None and not timedelta() < self.until - self.since <= MAX_SPAN:
            raise refused("the span of time")
        if self.ends_since is not None and self.since - self.ends_since > MAX_SPAN:
            raise refused("the time of the first end")
        parts = []
        for part, (column, outcomes) in PARTS.items():
            before = "" if self.until is None else f" AND {column} < '{time_text(self.until)}'"
            since = self.ends_since if part == "ended" and self.ends_since is not None else self.since
            parts.append(
                f"SELECT '{part}' AS part, task_identifier, "
                f"toStartOfInterval({column}, INTERVAL {self.cell // MINUTE} MINUTE) AS cell, "
                f"count() AS n, {outcomes}, 0 AS p95_ms FROM runs "
                f"WHERE {column} >= '{time_text(since)}'{before} GROUP BY task_identifier, cell"
            )
        if self.speeds_since is not None:
            parts.append(
                "SELECT 'speed' AS part, task_identifier, toStartOfHour(max(completed_at)) AS cell, count() AS n, "
                f"{_NO_OUTCOMES}, quantile(0.95)(execution_duration) AS p95_ms FROM runs "
                f"WHERE completed_at >= '{time_text(self.speeds_since)}' AND status = 'Completed' "
                "GROUP BY task_identifier"
            )
        return " UNION ALL ".join(parts)


def _normal(hour: int, days: int, **more: Any) -> tuple[int, TaskNormal]:
    return hour, TaskNormal(days=min(days, NORMAL_DAYS), **more)


_NORMAL: Final[JsonObject[Any]] = JsonObject(
    TaskNormal,
    _normal,
    hour=("hour_of_day", Number),
    task=("task_identifier", Word),
    runs=("n", Number),
    failed=Number,
    p95=("p95_ms", Milliseconds | None),
    days=Number,
)


@dataclass(frozen=True, slots=True)
class TaskNormals(TrqlQuery[Annotated[tuple[int, TaskNormal], _NORMAL]]):
    """Each task's runs in the hour of the day that begins at `hour`, and in the one before, of NORMAL_DAYS days.

    The hour before is that in which the newest run of a quiet task may have ended.
    """

    hour: datetime
    kind: Literal["task-normals"] = "task-normals"

    def trql(self) -> str:
        until = self.hour - HOUR
        hours = ", ".join(str(each.astimezone(UTC).hour) for each in (self.hour, until))
        return (
            "SELECT task_identifier, toHour(triggered_at) AS hour_of_day, count() AS n, "
            f"countIf(status IN ({FAILED})) AS failed, "
            "quantile(0.95)(if(status = 'Completed', execution_duration, NULL)) AS p95_ms, "
            "dateDiff('day', min(triggered_at), max(triggered_at)) + 1 AS days FROM runs "
            f"WHERE triggered_at >= '{time_text(until - NORMAL_DAYS * DAY)}' AND triggered_at < '{time_text(until)}' "
            f"AND toHour(triggered_at) IN ({hours}) AND is_finished = 1 "
            "GROUP BY task_identifier, hour_of_day ORDER BY n DESC"
        )


@dataclass(frozen=True, slots=True)
class DayTotals(TrqlQuery[Outcomes]):
    """How many runs were done and how many failed in the 24 hours before `at`."""

    at: datetime
    kind: Literal["day-totals"] = "day-totals"

    def trql(self) -> str:
        return f"SELECT {_OUTCOMES} FROM runs WHERE completed_at >= '{time_text(self.at - DAY)}'"


# A relay's screen sends one of these values, and the relay makes the text. So a screen cannot send a query of its own.
# No query has OR: the server reads `A AND (B OR C)` as `A AND B AND C`. It calls `or(B, C)` instead.
# Source: tests/wire/recordings/README.md §7 (recordings 834, 839, 841, 1111-1119, 2630, 2645, 2663-2673, 2900-2915).


NamedQuery = (
    RunCounts
    | EndedRuns
    | RunErrors
    | RunsWithErrorTexts
    | TreeRuns
    | QueueOfRun
    | RunsOfQueue
    | QueueStayMinutes
    | QueueSpeeds
    | TaskMinutes
    | QueueWaitCounts
    | QueueHolders
    | TaskNormals
    | DayTotals
)
