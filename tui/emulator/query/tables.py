"""The tables that a TRQL query can read, their columns, and the schema that describes them."""

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
TABLE_DESCRIPTION = "Task runs - stores all task execution records"
TIME_COLUMN = "triggered_at"
PACKAGE_VERSION = "4.5.12"

Fact = str | int | float | bytes | None


def _finished_ms(run: Run) -> int | None:
    """Lists and queries must not know the end of a run before they know that it is over."""
    return run.finished_ms if run.listed_status is not None and run.listed_status.is_final else None


def _warm(run: Run, _: Environment) -> Fact:
    return None if run.started_ms is None else int(run.seed % 4 != 0)


def pack_array(values: Sequence[Json]) -> bytes:
    """An array in SQL: JSON text as a BLOB. Nothing else is a BLOB."""
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


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `sql` uses facts, "" means the fact of the same name; `:name` stands for a value of `constants`."""

    name: str
    type: str
    description: str
    example: str
    sql: str = ""
    allowed: tuple[str, ...] = ()
    is_core: bool = False

    @property
    def is_time(self) -> bool:
        """Whether it holds times with milliseconds."""
        return "DateTime64" in self.type

    def as_schema(self) -> dict[str, Json]:
        """The column in the schema route's response (recording 830)."""
        as_schema: dict[str, Json] = {
            "name": self.name,
            "type": self.type,
            "description": self.description,
            "example": self.example,
        }
        if self.allowed:
            as_schema["allowedValues"] = list(self.allowed)
        if self.is_core:
            as_schema["coreColumn"] = True
        return as_schema


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


# The columns of TRQL's `runs` table, word for word as the real server's schema describes them (recording 830).


ENVIRONMENT_TYPES = ("PRODUCTION", "STAGING", "DEVELOPMENT", "PREVIEW")
MACHINES = ("micro", "small-1x", "small-2x", "medium-1x", "medium-2x", "large-1x", "large-2x")
STATUSES = (
    "Delayed",
    "Queued",
    "Pending version",
    "Pending version",
    "Dequeued",
    "Executing",
    "Waiting",
    "Reattempting",
    "Paused",
    "Canceled",
    "Interrupted",
    "Completed",
    "Failed",
    "System failure",
    "Crashed",
    "Expired",
    "Timed out",
)
"""As recorded, with one of them twice: two words of the database have the same label."""

COLUMNS = (
    Column(
        "run_id",
        "String",
        "A unique ID for a run. They always start with `run_`, e.g., run_cm1a2b3c4d5e6f7g8h9i",
        "run_cm1a2b3c4d5e6f7g8h9i",
        is_core=True,
    ),
    Column("environment", "String", "The environment slug", "prod", sql=":environment"),
    Column(
        "project",
        "String",
        "The project reference, they always start with `proj_`.",
        "proj_howcnaxbfxdmwmxazktx",
        sql=":project",
    ),
    Column(
        "environment_type",
        "LowCardinality(String)",
        "Environment type",
        "PRODUCTION",
        sql=":type",
        allowed=ENVIRONMENT_TYPES,
    ),
    Column("attempt_count", "UInt8", "Number of attempts (starts at 1)", "1"),
    Column("status", "LowCardinality(String)", "Run status", "Completed", allowed=STATUSES, is_core=True),
    Column(
        "is_finished", "UInt8", "Whether the run is finished. This includes failed and successful runs. (0 or 1)", "0"
    ),
    Column("task_identifier", "String", "Task identifier/slug", "my-background-task", is_core=True),
    Column("queue", "String", "Queue name", "task/my-background-task"),
    Column("batch_id", "String", "Batch ID (if part of a batch)", "batch_5678efgh"),
    Column("root_run_id", "String", "Root run ID (for child runs)", "run_cm1a2b3c4d5e6f7g8h9i"),
    Column("parent_run_id", "String", "Parent run ID (for child runs)", "run_cm1a2b3c4d5e6f7g8h9i"),
    Column("depth", "UInt8", "Nesting depth (0 for root runs)", "0"),
    Column("is_root_run", "UInt8", "Whether this is a root run (0 or 1)", "0", sql="depth = 0"),
    Column("is_child_run", "UInt8", "Whether this is a child run (0 or 1)", "0", sql="depth > 0"),
    Column("idempotency_key", "String", "Idempotency key (available from 4.3.3)", "user-123-action-456"),
    Column(
        "idempotency_key_scope",
        "String",
        "The idempotency key scope determines whether a task should be considered unique within a parent "
        "run, a specific attempt, or globally. An empty value means there's no idempotency key set "
        "(available from 4.3.3).",
        "run",
        sql="CASE idempotency_key WHEN '' THEN '' ELSE 'global' END",
        allowed=("global", "run", "attempt"),
    ),
    Column("region", "String", "Region", "us-east-1", sql=":region"),
    Column("triggered_at", "DateTime64", "When the run was triggered.", "2024-01-15 09:30:00.000", is_core=True),
    Column(
        "queued_at",
        "Nullable(DateTime64)",
        "When the run was added to the queue. This is normally the same time as the triggered_at time, "
        "unless a delay is passed in or it's a scheduled run.",
        "2024-01-15 09:30:01.000",
        sql=stamp("queued_ms"),
    ),
    Column(
        "dequeued_at",
        "Nullable(DateTime64)",
        "When the run was dequeued for execution. This happens when there is available concurrency to "
        "execute your run.",
        "2024-01-15 09:30:01.000",
        sql=stamp("started_ms"),
    ),
    Column(
        "executed_at",
        "Nullable(DateTime64)",
        "When execution of the run began.",
        "2024-01-15 09:30:01.500",
        sql=stamp("executed_ms"),
    ),
    Column(
        "completed_at",
        "Nullable(DateTime64)",
        "When the run completed",
        "2024-01-15 09:30:05.000",
        sql=stamp("finished_ms"),
    ),
    Column(
        "delay_until",
        "Nullable(DateTime64)",
        "Delayed execution until this time",
        "2024-01-15 10:00:00.000",
        sql=stamp("delay_until_ms"),
    ),
    Column("has_delay", "UInt8", "Whether the run had a delay passed in", "1", sql="delay_until_ms IS NOT NULL"),
    Column(
        "expired_at",
        "Nullable(DateTime64)",
        'If there was a TTL on the run, this is when the run "expired". By default dev runs have a TTL of 10 minutes.',
        "2024-01-15 09:35:00.000",
        sql=stamp("expired_ms"),
    ),
    Column("ttl", "String", "The TTL string for expiration – by default dev runs have a TTL of '10m'.", "10m"),
    Column(
        "execution_duration",
        "Nullable(Int64)",
        "The time between starting to execute and completing. This includes any time spent waiting (it "
        "is not compute time, use `usage_duration` for that).",
        "4000",
        sql="finished_ms - executed_ms",
    ),
    Column(
        "total_duration",
        "Nullable(Int64)",
        "The time between being triggered and completing (if it has). This includes any time spent "
        "waiting (it is not compute time, use `usage_duration` for that).",
        "4000",
        sql="finished_ms - created_ms",
    ),
    Column(
        "queued_duration",
        "Nullable(Int64)",
        "The time between being queued and dequeued. Remember you need enough available concurrency for "
        "runs to be dequeued and start executing.",
        "4000",
        sql="started_ms - queued_ms",
    ),
    Column("usage_duration", "UInt32", "Compute usage duration in milliseconds.", "3500", sql="usage_ms"),
    Column("compute_cost", "Float64", "Compute cost in dollars", "0.000676", sql="compute_cents / 100.0"),
    Column(
        "invocation_cost",
        "Float64",
        "Invocation cost in dollars – the cost to start a run.",
        "0.000025",
        sql="(:invocation_cents) / 100.0",
    ),
    Column(
        "total_cost",
        "Float64",
        "Total cost in dollars (compute_cost + invocation_cost)",
        "0.000701",
        sql="(compute_cents + (:invocation_cents)) / 100.0",
    ),
    Column("output", "JSON", "The data you returned from the task.", '{"result": "success"}', sql="run_output(number)"),
    Column(
        "error",
        "JSON",
        "If a run completely failed (after all attempts) then this error will be populated.",
        '{"message": "Task failed"}',
        sql="run_error(number)",
    ),
    Column("tags", "Array(String)", "Tags you have added to the run.", '["user:123", "priority:high"]'),
    Column("task_version", "String", "The version of your code in reverse date format.", "20240115.1"),
    Column("sdk_version", "String", "The SDK package version for this run.", "3.3.0", sql=":package"),
    Column("cli_version", "String", "The CLI package version for this run.", "3.3.0", sql=":package"),
    Column("machine", "LowCardinality(String)", "The machine that the run executed on.", "small-1x", allowed=MACHINES),
    Column("is_test", "UInt8", "Whether this is a test run (0 or 1)", "0"),
    Column("is_warm_start", "Nullable(UInt8)", "Whether this run used a warm start vs a cold start.", "1"),
    Column("concurrency_key", "String", "The concurrency key you passed in when triggering the run.", "user:1234567"),
    Column(
        "max_duration",
        "Nullable(UInt32)",
        "The maximum allowed compute duration for this run in seconds. If the run exceeds this duration, "
        "the run will fail with an error. Can be set on an individual task, in the trigger.config, or "
        "per-run when triggering.",
        "300",
        sql="NULL",
    ),
    Column(
        "bulk_action_group_ids",
        "Array(String)",
        "Any bulk actions that operated on this run.",
        '["bulk_12345678", "bulk_34567890"]',
        sql="x'5b5d'",
    ),
)
COLUMN_NAMES = frozenset(column.name for column in COLUMNS)
CORE_NAMES = tuple(column.name for column in COLUMNS if column.is_core)
TIME_NAMES = frozenset(column.name for column in COLUMNS if column.is_time)
TEXT_NAMES = frozenset(column.name for column in COLUMNS if "String" in column.type)
FLAG_NAMES = frozenset({"is_finished", "is_root_run", "is_child_run", "has_delay", "is_test"})
"""Columns that come as true or false (recording 2674). `is_warm_start` is a flag too, and comes as 1, 0 or null."""

JSON_NAMES = frozenset(column.name for column in COLUMNS if column.type == "JSON")


# The tables that a TRQL query can read: `runs`, and `queue_metrics`, which stays empty.
#
# The schema above describes the columns of `runs`. The server's schema route does not list `queue_metrics`, so only the
# names of its columns are known (recording 2648).


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
