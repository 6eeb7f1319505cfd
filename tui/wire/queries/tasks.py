# ruff: noqa: S608  the texts consist of our own words and of values that are checked
"""Queries for what the runs of tasks did."""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from tui.domain.filters import MAX_QUERY_PERIOD
from tui.lazy_dataclass import dataclass
from tui.wire.queries.text import DAY, FAILED, MINUTE, TrqlQuery, refused, time_text

NORMAL_DAYS: Final = 7
HOUR: Final = timedelta(hours=1)
MAX_SPAN: Final = MAX_QUERY_PERIOD + DAY
MAX_CELL: Final = DAY

PARTS: Final = {"triggered": "triggered_at", "started": "executed_at", "ended": "completed_at"}
"""What a minute of a task counts, and the time that decides to which minute a run belongs."""


@dataclass(frozen=True, slots=True)
class TaskMinutes(TrqlQuery):
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
        for part, column in PARTS.items():
            before = "" if self.until is None else f" AND {column} < '{time_text(self.until)}'"
            since = self.ends_since if part == "ended" and self.ends_since is not None else self.since
            outcomes = (
                f"countIf(status = 'Completed') AS done, countIf(status IN ({FAILED})) AS failed, "
                "countIf(executed_at IS NULL) AS unstarted"
                if part == "ended"
                else "0 AS done, 0 AS failed, 0 AS unstarted"
            )
            parts.append(
                f"SELECT '{part}' AS part, task_identifier, "
                f"toStartOfInterval({column}, INTERVAL {self.cell // MINUTE} MINUTE) AS cell, "
                f"count() AS n, {outcomes}, 0 AS p95_ms FROM runs "
                f"WHERE {column} >= '{time_text(since)}'{before} GROUP BY task_identifier, cell"
            )
        if self.speeds_since is not None:
            parts.append(
                "SELECT 'speed' AS part, task_identifier, toStartOfHour(max(completed_at)) AS cell, count() AS n, "
                "0 AS done, 0 AS failed, 0 AS unstarted, quantile(0.95)(execution_duration) AS p95_ms FROM runs "
                f"WHERE completed_at >= '{time_text(self.speeds_since)}' AND status = 'Completed' "
                "GROUP BY task_identifier"
            )
        return " UNION ALL ".join(parts)


@dataclass(frozen=True, slots=True)
class TaskNormals(TrqlQuery):
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
class DayTotals(TrqlQuery):
    """How many runs were done and how many failed in the 24 hours before `at`."""

    at: datetime
    kind: Literal["day-totals"] = "day-totals"

    def trql(self) -> str:
        return (
            f"SELECT countIf(status = 'Completed') AS done, countIf(status IN ({FAILED})) AS failed "
            f"FROM runs WHERE completed_at >= '{time_text(self.at - DAY)}'"
        )
