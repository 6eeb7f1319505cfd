"""What the health report measures: the runs of its window, and the runs of seven days as its normal.

Everything is measured by TRQL, as on the real server, so the report knows what queries know.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tui.emulator.query import Queries, trql_time
from tui.emulator.simulation.script import Json

NORMAL_MS = 7 * 86_400_000
"""The period of the normal values, as the recorded report names it: `vs your 7d normal`."""

TRUSTED_DAYS = 6
RUNS_OF_A_DAY = 10
"""Normal values count once so many earlier days of that period had at least so many runs."""

BUCKETS = 8
"""The number of points of a series."""

_FAILED = "'Failed', 'Crashed', 'System failure', 'Timed out'"


@dataclass(frozen=True, slots=True)
class Measured:
    """What the runs of one period show. Rates are per minute; a value is None where no run has it."""

    triggered_per_min: float
    finished_per_min: float
    completed_per_min: float
    failed_share: float | None
    run_p95_ms: float | None
    start_latency_p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """A part of the window."""

    failed_share: float | None
    start_latency_p95_ms: float | None
    pending: int


@dataclass(frozen=True, slots=True)
class Measures:
    """The measurements of a report at `now_ms`. `days` counts the earlier days of the last seven that had runs."""

    now_ms: int
    window_ms: int
    window: Measured
    normal: Measured
    pending: int
    buckets: Sequence[Bucket]
    days: int

    @property
    def has_normals(self) -> bool:
        """Whether the runs of seven days are enough to call something normal."""
        return self.days >= TRUSTED_DAYS


async def measure(queries: Queries, now_ms: int, window_ms: int) -> Measures:
    """Measure the window that ends now."""
    window_ms = min(window_ms, NORMAL_MS)
    since_ms = now_ms - window_ms
    days = await _rows(
        queries,
        "SELECT dateDiff('day', triggered_at, now()) AS ago, count() AS n FROM runs GROUP BY ago HAVING ago > 0",
        now_ms,
    )
    pending = await _row(queries, "SELECT countIf(status = 'Queued') AS n FROM runs", now_ms)
    return Measures(
        now_ms,
        window_ms,
        await _measured(queries, now_ms, since_ms),
        await _measured(queries, now_ms, now_ms - NORMAL_MS),
        int(pending["n"]),
        await _buckets(queries, now_ms, since_ms),
        sum(day["n"] >= RUNS_OF_A_DAY for day in days),
    )


async def _measured(queries: Queries, now_ms: int, since_ms: int) -> Measured:
    since = trql_time(since_ms)
    triggered = await _row(
        queries,
        "SELECT count() AS n, quantile(0.95)(queued_duration) AS latency FROM runs "  # noqa: S608  our own time
        f"WHERE triggered_at >= '{since}'",
        now_ms,
    )
    ended = await _row(
        queries,
        f"SELECT count() AS n, countIf(status = 'Completed') AS completed, countIf(status IN ({_FAILED})) AS failed, "  # noqa: S608
        f"quantile(0.95)(execution_duration) AS p95 FROM runs WHERE completed_at >= '{since}'",
        now_ms,
    )
    minutes = (now_ms - since_ms) / 60_000
    return Measured(
        triggered["n"] / minutes,
        ended["n"] / minutes,
        ended["completed"] / minutes,
        ended["failed"] / ended["n"] if ended["n"] else None,
        ended["p95"],
        triggered["latency"],
    )


async def _buckets(queries: Queries, now_ms: int, since_ms: int) -> list[Bucket]:
    """The parts of the window in which runs were triggered, the oldest first."""
    length_s = max(1, (now_ms - since_ms) // 1000 // BUCKETS)
    rows = await _rows(
        queries,
        f"SELECT toStartOfInterval(triggered_at, INTERVAL {length_s} SECOND) AS t, "  # noqa: S608  our own numbers
        f"countIf(is_finished = 1) AS n, countIf(status IN ({_FAILED})) AS failed, "
        "countIf(status = 'Queued') AS pending, "
        f"quantile(0.95)(queued_duration) AS latency FROM runs WHERE triggered_at >= '{trql_time(since_ms)}' "
        "GROUP BY t ORDER BY t",
        now_ms,
    )
    return [Bucket(row["failed"] / row["n"] if row["n"] else None, row["latency"], row["pending"]) for row in rows]


async def _row(queries: Queries, trql: str, now_ms: int) -> dict[str, Json]:
    rows = await _rows(queries, trql, now_ms)
    return rows[0]


async def _rows(queries: Queries, trql: str, now_ms: int) -> list[dict[str, Json]]:
    names, rows = await queries.answer_own(trql, from_ms=now_ms - NORMAL_MS)
    return [dict(zip(names, row, strict=True)) for row in rows]
