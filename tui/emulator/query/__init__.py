"""TRQL, the SQL dialect of `POST /api/v1/query`. `Queries` answers the queries of one world.

A query is parsed and translated to SQLite by `tokens`, `terms`, `expressions` and `selects`. `columns`, `schema` and
`tables` define its tables, `functions` and `registered` its functions. `database` holds the rows.
"""

import asyncio
from datetime import UTC, datetime

from tui.emulator.query.database import RunsDatabase
from tui.emulator.query.selects import Window, translate
from tui.emulator.query.tokens import QueryRefused
from tui.emulator.simulation.script import Json
from tui.emulator.world import World

__all__ = ["Queries", "QueryGate", "QueryRefused", "trql_time"]

MAX_TIME_MS = 253_402_300_799_999
TIMEOUT_S = 2.0
MAX_SLOW_S = 60.0
MAX_AT_ONCE = 3
"""A project may run so many queries at the same time. More are refused without a Retry-After (recording 2675)."""

MAX_ROWS = 10_000
"""More rows are cut off without notice, as on the server."""

MAX_RANGE_MS = 30 * 86_400_000
"""No query sees runs that were triggered earlier than this, whatever period it names (recordings 2615, 2619)."""


BUCKETS_S = (
    (300, 5),
    (1800, 30),
    (7200, 60),
    (6 * 3600, 300),
    (86_400, 900),
    (3 * 86_400, 3600),
    (14 * 86_400, 6 * 3600),
)
"""Pairs: a time range in seconds, and the length of a `timeBucket()` for ranges below it (recordings 1115, 2646)."""

MAX_BUCKET_S = 86_400


class QueryGate:
    """Counts the queries of a project that run at the same time."""

    def __init__(self) -> None:
        self._running = 0

    def __enter__(self) -> None:
        if self._running >= MAX_AT_ONCE:
            text = f"You've exceeded your query concurrency of {MAX_AT_ONCE} for this project. Please try again later."
            raise QueryRefused(text, 429)
        self._running += 1

    def __exit__(self, *_: object) -> None:
        self._running -= 1


class Queries:
    """Answers the queries about a world. A query may take `timeout_s`.

    The table is built at the first query, because most worlds are never queried. The world must not advance in another
    thread while a method starts.
    """

    def __init__(
        self, world: World, *, timeout_s: float = TIMEOUT_S, max_rows: int = MAX_ROWS, gate: QueryGate | None = None
    ) -> None:
        self.gate = gate or QueryGate()
        """All environments of a project share it."""
        self._world = world
        self._agenda = world.agenda
        self._ledger = world.ledger
        self._database: RunsDatabase | None = None
        self._is_closed = False
        self._limit_s = timeout_s
        self._max_rows = max_rows
        self._updated_ms = world.now_ms
        self.late_ms = 0
        """The table may be this old when a query reads it, on top of the ledger's own delay."""
        self.slow_s = 0.0
        """How much longer a query runs, and holds one of the places of its project."""

    async def prepare(self) -> None:
        """Build the table now, so that the first query is fast."""
        await asyncio.to_thread(self._opened().update)

    async def update(self) -> None:
        """Update the table, once there is one. Regular calls keep the update before each query short."""
        if self._database is not None:
            self._record_changes(self._database)
            await asyncio.to_thread(self._database.update)

    async def answer(
        self, query: str, *, from_ms: int | None = None, to_ms: int | None = None
    ) -> tuple[list[str], list[list[Json]]]:
        """Return the names of the columns, and the rows.

        `from_ms` and `to_ms` limit the trigger times of a query that does not limit them itself. Raises QueryRefused.
        """
        with self.gate:
            if self.slow_s > 0:
                await asyncio.sleep(min(self.slow_s, MAX_SLOW_S))
            return await self.answer_own(query, from_ms=from_ms, to_ms=to_ms)

    async def answer_own(
        self, query: str, *, from_ms: int | None = None, to_ms: int | None = None
    ) -> tuple[list[str], list[list[Json]]]:
        """Answer a query of the server's own, which counts against no limit."""
        readable = query.encode("utf-8", "replace").decode()
        window = Window(
            trql_time(self._needed(from_ms)),
            trql_time(to_ms),
            trql_time(self._needed(self._agenda.now_ms - MAX_RANGE_MS)),
            self._bucket_s(from_ms, to_ms),
        )
        translation = translate(readable, trql_time(self._agenda.now_ms)[:19], window)
        database = self._opened()
        return await asyncio.to_thread(database.read, translation, timeout_s=self._limit_s, max_rows=self._max_rows)

    def _opened(self) -> RunsDatabase:
        """Return the table, with all changes until now recorded."""
        if self._is_closed:
            raise QueryRefused("Query failed: the environment was closed")
        if self._database is None:
            self._database, self._updated_ms = RunsDatabase(self._world), self._agenda.now_ms
        else:
            self._record_changes(self._database)
        return self._database

    def _record_changes(self, database: RunsDatabase) -> None:
        if self._agenda.now_ms - self._updated_ms >= self.late_ms:
            self._updated_ms = self._agenda.now_ms
            database.record_changes()

    def _bucket_s(self, from_ms: int | None, to_ms: int | None) -> int:
        to_ms = self._agenda.now_ms if to_ms is None else to_ms
        range_ms = MAX_RANGE_MS if from_ms is None else abs(to_ms - from_ms)
        return next((bucket_s for below_s, bucket_s in BUCKETS_S if range_ms < below_s * 1000), MAX_BUCKET_S)

    def _needed(self, from_ms: int | None) -> int | None:
        """The lower bound, or None where no run is older: comparing every row's time takes long."""
        oldest = next(iter(self._ledger), None)
        return from_ms if from_ms is not None and oldest is not None and oldest.created_ms < from_ms else None

    def close(self) -> None:
        """Free the memory, after the query that is running."""
        self._is_closed = True
        if self._database is not None:
            self._database.close()


def trql_time(ms: int | None) -> str:
    """Format a time for TRQL, `2026-11-24 14:12:45.434`; "" for None. A time after the year 9999 becomes its end."""
    if ms is None:
        return ""
    ms = max(0, min(ms, MAX_TIME_MS))
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{ms % 1000:03d}"
