"""The columns of TRQL's `runs` table, word for word as the real server's schema describes them (recording 830).

`columns` defines a column and the facts that its SQL uses.
"""

from tui.emulator.query.columns import Column, stamp

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
