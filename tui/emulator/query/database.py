"""Answers the queries of one world from an in-memory SQLite table, which is updated from the ledger.

The table stands for the real server's analytics store, so it holds each run as lists know it, up to a second late. A
query's connection can only read.
"""

import asyncio
import math
import sqlite3
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from secrets import token_hex
from threading import Lock

from tui.emulator.query.expressions import unknown_column
from tui.emulator.query.functions import USED, register, unpack_array
from tui.emulator.query.selects import Translation, Window, translate
from tui.emulator.query.tables import (
    COLUMNS,
    FACTS,
    QUEUE_METRICS,
    TABLE,
    TIME_ALIAS,
    TIME_COLUMN,
    Fact,
    Table,
    constants,
    error_of,
    output_of,
    stamp,
)
from tui.emulator.query.tokens import QueryRefused
from tui.emulator.simulation.runs import invocation_cents
from tui.emulator.simulation.script import Json
from tui.emulator.world import World

PROGRESS_STEPS = 10_000
"""SQLite checks the timeout after this many steps of its virtual machine, well under a millisecond."""

MAX_TEXT_BYTES = 32_000_000
MAX_INTEGER = 2**63 - 1


class RunsDatabase:
    """The runs of one environment as a table. A ledger has at most one such table.

    Call `record_changes` in the thread that advances the world. The other methods work in any thread. They take a
    lock, and the first one builds the table (about 1.5 s for 100,000 runs).
    """

    def __init__(self, world: World) -> None:
        self._ledger = world.ledger
        self._environment = world.environment
        self._pending: deque[tuple[list[int], list[int]]] = deque()
        self._lock = Lock()
        self._until_s = math.inf
        address = f"file:runs-{token_hex(8)}?mode=memory&cache=shared"
        self._writer = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
        self._reader = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
        self._create()
        self._restrict()
        world.ledger.follow()
        self._pending.append((list(world.ledger.by_number), []))

    def close(self) -> None:
        """Free the memory."""
        with self._lock:
            self._reader.close()
            self._writer.close()

    def record_changes(self) -> None:
        """Take the numbers of changed and dropped runs from the ledger."""
        ledger = self._ledger
        if ledger.changed or ledger.dropped:
            self._pending.append((list(ledger.changed), list(ledger.dropped)))
            ledger.changed.clear()
            ledger.dropped.clear()

    def update(self) -> None:
        """Write the recorded changes."""
        with self._lock:
            self._update()

    def read(self, query: Translation, *, timeout_s: float, max_rows: int) -> tuple[list[str], list[list[Json]]]:
        """Update, then return the columns and rows of a query. Raises QueryRefused with the server's text."""
        with self._lock:
            self._update()
            self._until_s = time.monotonic() + timeout_s
            try:
                # An open cursor would lock the writer out.
                with closing(self._reader.execute(query.sql, query.values)) as cursor:
                    names = [column[0] for column in cursor.description]
                    shown = [
                        _flag if name in query.flags else _text if name in query.texts else _json for name in names
                    ]
                    found = cursor.fetchmany(max_rows)
                    rows = [[show(value) for show, value in zip(shown, row, strict=True)] for row in found]
            except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
                raise _refused(error, timeout_s, query.table) from error
        return names, rows

    def _create(self) -> None:
        facts = ", ".join(f"{name} {kind}" for name, (kind, _) in FACTS.items())
        columns = ", ".join(f"{column.sql or column.name} AS {column.name}" for column in COLUMNS)
        for name, value in constants(self._environment, invocation_cents(self._environment)).items():
            columns = columns.replace(f":{name}", value)
        for connection in (self._writer, self._reader):
            register(
                connection,
                lambda number: output_of(self._ledger.by_number.get(number)),
                lambda number: error_of(self._ledger.by_number.get(number)),
            )
        self._writer.execute(f"CREATE TABLE facts ({facts}, triggered_at TEXT)")
        self._writer.execute("CREATE INDEX roots ON facts (root_run_id) WHERE root_run_id IS NOT NULL")
        columns = f"{columns}, {TIME_COLUMN} AS {TIME_ALIAS}"
        self._writer.execute(f"CREATE VIEW {TABLE} AS SELECT {columns} FROM facts")  # noqa: S608  built from constants
        empty = ", ".join(f"NULL AS {column}" for column in (*QUEUE_METRICS.starred, TIME_ALIAS))
        self._writer.execute(f"CREATE VIEW {QUEUE_METRICS.name} AS SELECT {empty} WHERE 0")

    def _restrict(self) -> None:
        """From here on the reader can only read the views, even if the translation let something else pass."""
        reader = self._reader
        reader.execute("PRAGMA query_only = 1")
        reader.execute("PRAGMA trusted_schema = 1")
        reader.execute("PRAGMA temp_store = MEMORY")
        reader.text_factory = lambda text: text.decode("utf-8", "replace")
        reader.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_TEXT_BYTES)
        reader.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        reader.set_progress_handler(lambda: time.monotonic() > self._until_s, PROGRESS_STEPS)
        reader.set_authorizer(_allow)

    def _update(self) -> None:
        if not self._pending:
            return
        marks = ", ".join("?" * len(FACTS))
        created = list(FACTS).index("created_ms") + 1
        insert = f"INSERT OR REPLACE INTO facts VALUES ({marks}, {stamp(f'?{created}')})"  # noqa: S608  built from constants
        with self._writer:
            self._writer.execute("BEGIN")
            while self._pending:
                changed, dropped = self._pending.popleft()
                self._writer.executemany(insert, self._facts(changed))
                self._writer.executemany("DELETE FROM facts WHERE number = ?", ((number,) for number in dropped))

    def _facts(self, numbers: list[int]) -> Iterator[list[object]]:
        find, environment = self._ledger.by_number.get, self._environment
        facts = [fact for _, fact in FACTS.values()]
        for number in numbers:
            run = find(number)
            if run is not None and run.listed_status is not None:
                yield [_storable(fact(run, environment)) for fact in facts]


def _storable(value: Fact) -> Fact:
    """A lone surrogate or a number above 64 bits, which a trigger may contain, must not stop the update."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        return None
    return value


def _allow(action: int, first: str | None, second: str | None, _database: str | None, view: str | None) -> int:
    """SQLite's authorizer: called while a statement is prepared, for each thing that it would do."""
    match action:
        case sqlite3.SQLITE_SELECT:
            is_allowed = True
        case sqlite3.SQLITE_FUNCTION:
            is_allowed = (second or "").lower() in USED
        case sqlite3.SQLITE_READ:
            # Facts are readable only through the view. `count(*)` reads no column at all.
            is_through_view = view == TABLE or not second
            is_allowed = first not in {None, "sqlite_master", "sqlite_schema"} and (first != "facts" or is_through_view)
        case _:
            is_allowed = False
    return sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY


def _json(value: object) -> Json:
    if isinstance(value, bytes):
        return unpack_array(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _flag(value: object) -> Json:
    """A flag comes as true or false, although it compares equal to 1 or 0 (recording 2674)."""
    return bool(value) if isinstance(value, int) else value


def _text(value: object) -> Json:
    return "" if value is None else value


def _refused(error: Exception, timeout_s: float, read: Table) -> QueryRefused:
    text = str(error)
    if text == "interrupted":
        return QueryRefused(
            f"Timeout exceeded: elapsed {timeout_s:g} seconds, maximum: {timeout_s:g}. (TIMEOUT_EXCEEDED)"
        )
    if text.startswith("no such column: "):
        alias, _, name = text.removeprefix("no such column: ").rpartition(".")
        return unknown_column(name, alias, read)
    return QueryRefused(f"Query failed: {text}")


# The queries of one world: their limits, their answers, and how many run at once.


MAX_TIME_MS = 253_402_300_799_999
TIMEOUT_S = 2.0
MAX_SLOW_S = 60.0
MAX_AT_ONCE = 3
"""Queries that a project may run at the same time. More are refused without a Retry-After (recording 2675)."""

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
        window = Window(
            trql_time(self._needed(from_ms)),
            trql_time(to_ms),
            trql_time(self._needed(self._agenda.now_ms - MAX_RANGE_MS)),
            self._bucket_s(from_ms, to_ms),
        )
        with self.gate:
            await asyncio.sleep(min(self.slow_s, MAX_SLOW_S))
            readable = query.encode("utf-8", "replace").decode()
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
