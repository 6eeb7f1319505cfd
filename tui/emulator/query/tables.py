"""The tables that a TRQL query can read, and their columns."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tui.emulator.environment import Environment
from tui.emulator.query.tokens import QueryRefused
from tui.emulator.simulation.runs import Run, Status, compute_cents
from tui.emulator.simulation.script import NOTHING, Json

# The columns of TRQL's `runs` table, and the facts that they are computed from.
#
# A column is SQL over stored facts, so it is computed only if a query names it. `database` stores the facts.
# Source: tests/wire/recordings/README.md (recording 830).


TABLE = "runs"
TIME_COLUMN = "triggered_at"
PACKAGE_VERSION = "4.5.12"

Fact = str | int | float | bytes | None


def _finished_ms(run: Run) -> int | None:
    """The end of a run, hidden until its listed status is final: lists and queries lag behind."""
    return run.finished_ms if run.listed_status is not None and run.listed_status.is_final else None


def _warm(run: Run, _: Environment) -> Fact:
    return None if run.started_ms is None else int(run.seed % 4 != 0)


def pack_array(values: Sequence[Json]) -> bytes:
    """An array in SQL: JSON text as a BLOB. So a BLOB always means an array."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


FACTS: dict[str, tuple[str, Callable[[Run, Environment], Fact]]] = {
    "number": ("INTEGER PRIMARY KEY", lambda run, _: run.number),
    "run_id": ("TEXT", lambda run, _: run.id),
    "status": ("TEXT", lambda run, _: (run.listed_status or run.status).title),
    "is_finished": ("INTEGER", lambda run, _: int((run.listed_status or run.status).is_final)),
    "task_identifier": ("TEXT", lambda run, _: run.task_id),
    "queue": ("TEXT", lambda run, _: run.queue),
    "batch_id": ("TEXT", lambda run, _: run.batch_id or None),
    "root_run_id": ("TEXT", lambda run, _: run.root.id if run.root else None),
    "parent_run_id": ("TEXT", lambda run, _: run.parent.id if run.parent else None),
    "depth": ("INTEGER", lambda run, _: run.depth if run.parent else 0),
    "attempt_count": ("INTEGER", lambda run, _: max(1, len(run.attempts))),
    "idempotency_key": ("TEXT", lambda run, _: run.shown_key),
    "created_ms": ("INTEGER", lambda run, _: run.shown_created_ms),
    "queued_ms": ("INTEGER", lambda run, _: run.queued_ms),
    "started_ms": ("INTEGER", lambda run, _: run.started_ms),
    "executed_ms": ("INTEGER", lambda run, _: run.attempts[0].started_ms if run.attempts else None),
    "finished_ms": ("INTEGER", lambda run, _: _finished_ms(run)),
    "delay_until_ms": ("INTEGER", lambda run, _: run.delay_until_ms),
    "expired_ms": ("INTEGER", lambda run, _: _finished_ms(run) if run.listed_status is Status.EXPIRED else None),
    "ttl": ("TEXT", lambda run, _: run.ttl),
    "usage_ms": ("INTEGER", lambda run, _: run.usage_ms),
    "compute_cents": ("REAL", compute_cents),
    "tags": ("BLOB", lambda run, _: pack_array(run.tags)),
    "task_version": ("TEXT", lambda run, _: run.version),
    "machine": ("TEXT", lambda run, _: run.machine if run.started_ms is not None else ""),
    "is_test": ("INTEGER", lambda run, _: int(run.is_test)),
    "is_warm_start": ("INTEGER", _warm),
    "concurrency_key": ("TEXT", lambda run, _: run.concurrency_key),
}
"""For each stored fact of a run: its SQL type and its value. The status is the one that lists know."""

STAMP = "%Y-%m-%d %H:%M:%f"


def stamp(ms: str) -> str:
    """The SQL that formats a column of epoch milliseconds: `2026-11-24 14:12:45.434` (recording 840)."""
    return f"strftime('{STAMP}', {ms} / 1000.0, 'unixepoch')"


TIME, TEXT, FLAG, JSON = "time", "text", "flag", "json"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Its `kind` is "" for numbers. `sql` is an expression over the names of `FACTS`; "" means the fact of
    the same name. `:name` in it is replaced by the text of `constants()[name]`, which is SQL.
    """

    name: str
    kind: str = ""
    sql: str = ""
    is_core: bool = False


def constants(environment: Environment, invocation_cents: float) -> dict[str, str]:
    """SQL for the values that depend on the environment. A run has an invocation cost once it was dequeued."""
    return {
        "environment": _quoted(environment.slug),
        "project": _quoted(environment.project.ref),
        "type": _quoted(environment.type),
        "region": _quoted(environment.region),
        "package": f"CASE task_version WHEN '' THEN '' ELSE {_quoted(PACKAGE_VERSION)} END",
        "invocation_cents": f"CASE WHEN started_ms IS NULL THEN 0.0 ELSE {float(invocation_cents)!r} END",
    }


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_ESCAPES = re.compile(r"\\\\|\\u00([0-9a-f]{2})")


def json_text(value: Json) -> str:
    """JSON as the analytics store writes it: sorted keys, no spaces, capital digits in escapes (recording 839)."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    text = _ESCAPES.sub(lambda found: f"\\u00{found[1].upper()}" if found[1] else found[0], text)
    return text.encode("utf-8", "replace").decode()


def output_of(run: Run | None) -> str | None:
    """The `output` column. The store drops nulls in an object, and treats a lone null as no output."""
    if run is None or run.listed_status is not Status.COMPLETED:
        return None
    output = _without_nulls(run.output())
    return None if output is NOTHING or output is None else json_text(output)


def error_of(run: Run | None) -> str | None:
    """The `error` column: the stored failure with its message and stack (recording 839)."""
    if run is None or run.failure is None or run.listed_status is None or not run.listed_status.is_final:
        return None
    return json_text({key: text.replace("\0", "") for key, text in run.failure.stored().items()})


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


COLUMNS = (
    Column("run_id", TEXT, is_core=True),
    Column("environment", TEXT, ":environment"),
    Column("project", TEXT, ":project"),
    Column("environment_type", TEXT, ":type"),
    Column("attempt_count"),
    Column("status", TEXT, is_core=True),
    Column("is_finished", FLAG),
    Column("task_identifier", TEXT, is_core=True),
    *(Column(name, TEXT) for name in ("queue", "batch_id", "root_run_id", "parent_run_id")),
    Column("depth"),
    Column("is_root_run", FLAG, "depth = 0"),
    Column("is_child_run", FLAG, "depth > 0"),
    Column("idempotency_key", TEXT),
    Column("idempotency_key_scope", TEXT, "CASE idempotency_key WHEN '' THEN '' ELSE 'global' END"),
    Column("region", TEXT, ":region"),
    Column("triggered_at", TIME, is_core=True),
    Column("queued_at", TIME, stamp("queued_ms")),
    Column("dequeued_at", TIME, stamp("started_ms")),
    Column("executed_at", TIME, stamp("executed_ms")),
    Column("completed_at", TIME, stamp("finished_ms")),
    Column("delay_until", TIME, stamp("delay_until_ms")),
    Column("has_delay", FLAG, "delay_until_ms IS NOT NULL"),
    Column("expired_at", TIME, stamp("expired_ms")),
    Column("ttl", TEXT),
    Column("execution_duration", sql="finished_ms - executed_ms"),
    Column("total_duration", sql="finished_ms - created_ms"),
    Column("queued_duration", sql="started_ms - queued_ms"),
    Column("usage_duration", sql="usage_ms"),
    Column("compute_cost", sql="compute_cents / 100.0"),
    Column("invocation_cost", sql="(:invocation_cents) / 100.0"),
    Column("total_cost", sql="(compute_cents + (:invocation_cents)) / 100.0"),
    Column("output", JSON, "run_output(number)"),
    Column("error", JSON, "run_error(number)"),
    Column("tags", TEXT),
    Column("task_version", TEXT),
    Column("sdk_version", TEXT, ":package"),
    Column("cli_version", TEXT, ":package"),
    Column("machine", TEXT),
    Column("is_test", FLAG),
    Column("is_warm_start"),
    Column("concurrency_key", TEXT),
    Column("max_duration", sql="NULL"),
    Column("bulk_action_group_ids", TEXT, "x'5b5d'"),  # `[]`
)
"""All columns of the real server's schema (recording 830)."""

COLUMN_NAMES = frozenset(column.name for column in COLUMNS)
CORE_NAMES = tuple(column.name for column in COLUMNS if column.is_core)
TIME_NAMES, TEXT_NAMES, FLAG_NAMES, JSON_NAMES = (
    frozenset(column.name for column in COLUMNS if column.kind == kind) for kind in (TIME, TEXT, FLAG, JSON)
)
"""Flags are returned as true or false (recording 2674). `is_warm_start` is left out, since the server returns 1, 0 or
null for it.
"""


# The tables that a TRQL query can read: `runs`, and `queue_metrics`, which stays empty.
#
# The server's schema does not list `queue_metrics`, so only the names of its columns are known (recording 2648).


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
