# ruff: noqa: S608  the texts consist of our own words and of values that are checked
"""Queries for queues."""

from datetime import datetime, timedelta
from typing import Final, Literal

from tui.domain.filters import TASK_QUEUE_PREFIX
from tui.domain.ids import RunId
from tui.lazy_dataclass import dataclass
from tui.wire.queries.text import (
    FAILED,
    MAX_ROWS,
    MINUTE,
    PeriodQuery,
    TrqlQuery,
    any_of,
    ids_text,
    name_text,
    time_text,
)

MAX_QUEUE_RUNS: Final = 1_000
"""The newest runs of a queue that one query returns."""

COPY_LAG: Final = timedelta(seconds=2)
"""What the server's copy of the runs may lack. The minute of the rates ends this long before now."""

_HOLDS: Final = "status IN ('Executing', 'Dequeued')"
_LAST_HOUR: Final = "completed_at > now() - INTERVAL 1 HOUR"


@dataclass(frozen=True, slots=True)
class QueueOfRun(TrqlQuery):
    """The stored name of a run's queue."""

    run_id: RunId
    kind: Literal["queue-of-run"] = "queue-of-run"

    def trql(self) -> str:
        return f"SELECT queue FROM runs WHERE run_id = {ids_text((self.run_id,))} LIMIT 1"


@dataclass(frozen=True, slots=True)
class RunsOfQueue(PeriodQuery):
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


@dataclass(frozen=True, slots=True)
class QueueStayMinutes(TrqlQuery):
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
class QueueSpeeds(TrqlQuery):
    """How long the runs of a queue executed in each minute of the last hour. `queue` is a stored name."""

    queue: str
    kind: Literal["queue-speeds"] = "queue-speeds"

    def trql(self) -> str:
        return (
            "SELECT toStartOfMinute(completed_at) AS minute, task_identifier AS task, "
            "round(quantile(0.95)(execution_duration)) AS p95_ms "
            f"FROM runs WHERE queue = '{name_text(self.queue)}' AND {_LAST_HOUR} GROUP BY minute, task ORDER BY minute"
        )


@dataclass(frozen=True, slots=True)
class QueueWaitCounts(TrqlQuery):
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
class QueueHolders(TrqlQuery):
    """The runs that execute in one queue, by task. `queue` is a stored name."""

    queue: str
    kind: Literal["queue-holders"] = "queue-holders"

    def trql(self) -> str:
        from tui.domain.findings.facts import MAX_HOLDERS  # noqa: PLC0415  not loaded before the first rows

        return (
            "SELECT task_identifier AS task, count() AS holding, min(executed_at) AS longest_at FROM runs "
            f"WHERE queue = '{name_text(self.queue)}' AND {_HOLDS} GROUP BY task ORDER BY holding DESC "
            f"LIMIT {MAX_HOLDERS}"
        )
