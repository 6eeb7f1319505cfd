"""The columns of TRQL's `runs` table, and the facts that they are computed from.

A column is SQL over stored facts, so it is computed only if a query names it. `database` stores the facts.
Source: tests/wire/recordings/README.md (recording 830).
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tui.emulator.environment import Environment
from tui.emulator.simulation.costs import compute_cents
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import NOTHING, Json
from tui.emulator.simulation.statuses import Status

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
