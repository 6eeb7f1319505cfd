"""The tables that a TRQL query can read: `runs`, and `queue_metrics`, which stays empty.

The columns of `runs` are described in `schema`. The server's schema route does not list `queue_metrics`, so only the
names of its columns are known (recording 2648).
"""

from dataclasses import dataclass

from tui.emulator.query.columns import TABLE, TIME_COLUMN
from tui.emulator.query.schema import COLUMN_NAMES, CORE_NAMES
from tui.emulator.query.tokens import QueryRefused

TIME_ALIAS = "_time"
"""Each table repeats its time column under this name, for `timeBucket()`. Queries cannot name it."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `*` selects only the `starred` columns."""

    name: str
    time_column: str
    columns: frozenset[str]
    starred: tuple[str, ...]


_QUEUE_METRICS = (
    "queue",
    "bucket_start",
    "environment",
    "project",
    "enqueue_delta",
    "started_delta",
    "ack_delta",
    "nack_delta",
    "dlq_delta",
    "throttled_count",
    "max_queued",
    "max_running",
    "max_limit",
    "max_ck_backlogged",
    "max_ck_wait_ms",
    "max_env_queued",
    "max_env_running",
    "max_env_limit",
    "wait_ms_count",
    "wait_ms_sum",
    "wait_quantiles",
)

RUNS = Table(TABLE, TIME_COLUMN, COLUMN_NAMES, CORE_NAMES)
QUEUE_METRICS = Table("queue_metrics", "bucket_start", frozenset(_QUEUE_METRICS), _QUEUE_METRICS)
TABLES = {table.name: table for table in (RUNS, QUEUE_METRICS)}

SERVER_TABLES = ("runs", "metrics", "llm_metrics", "llm_models", "queue_metrics", "env_metrics", "queue_metrics_by_key")
"""All tables of the real server, in the order of its refusals (recording 2650)."""


def find_table(name: str) -> Table:
    """Return the table of that name. Raises QueryRefused for any other name."""
    table = TABLES.get(name.lower())
    if table is not None:
        return table
    if name in SERVER_TABLES:
        raise QueryRefused(f'Table "{name}" is not served by the emulator. Available tables: {", ".join(TABLES)}')
    raise QueryRefused(f'Table "{name}" is not accessible. Available tables: {", ".join(SERVER_TABLES)}')
