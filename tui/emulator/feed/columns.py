"""The rows of the realtime feed: the columns of a run, all as text.

Source: tests/wire/recordings/README.md §8, recordings 700-751.
"""

from collections.abc import Collection, Iterable
from decimal import Decimal

from tui.emulator.environment import Environment
from tui.emulator.rest.rows import (
    OUTPUT_INLINE_BYTES,
    PAYLOAD_INLINE_BYTES,
    SUPER_JSON,
    is_large,
    iso_time,
    json_text,
    packet_path,
)
from tui.emulator.simulation.costs import compute_cents, invocation_cents
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import NOTHING, Json
from tui.emulator.simulation.statuses import Status

Row = dict[str, str | None]

PLAIN_JSON = "application/json"
PLAIN_TEXT = "text/plain"
IN_OBJECT_STORE = "application/store"

NEVER_SKIPPED = frozenset({"id", "taskIdentifier", "friendlyId", "status", "createdAt"})

TYPES = {
    "id": "text",
    "taskIdentifier": "text",
    "createdAt": "timestamp",
    "updatedAt": "timestamp",
    "startedAt": "timestamp",
    "delayUntil": "timestamp",
    "queuedAt": "timestamp",
    "expiredAt": "timestamp",
    "completedAt": "timestamp",
    "friendlyId": "text",
    "number": "int4",
    "isTest": "bool",
    "status": "text",
    "usageDurationMs": "int4",
    "costInCents": "float8",
    "baseCostInCents": "float8",
    "ttl": "text",
    "payload": "text",
    "payloadType": "text",
    "metadata": "text",
    "metadataType": "text",
    "output": "text",
    "outputType": "text",
    "runTags": "text[]",
    "error": "jsonb",
    "realtimeStreams": "text[]",
}
"""All columns in their order, with their types in the database."""


class Columns:
    """The columns that a client wants, which are all but the `skipped` ones.

    `is_versioned` selects the current status words. Older clients never see DEQUEUED.
    """

    def __init__(self, environment: Environment, skipped: Collection[str] = (), *, is_versioned: bool = True) -> None:
        self.names = [name for name in TYPES if name in NEVER_SKIPPED or name not in skipped]
        self._environment = environment
        self._is_versioned = is_versioned
        wanted = frozenset(self.names)
        self._has_payload = not wanted.isdisjoint({"payload", "payloadType"})
        self._has_output = not wanted.isdisjoint({"output", "outputType"})

    def schema(self) -> str:
        """The value of `electric-schema`."""
        return json_text({name: _typed(TYPES[name]) for name in self.names})

    def row(self, run: Run) -> Row:
        """The row of a run as it is now."""
        payload, payload_type = _payload(run) if self._has_payload else (None, PLAIN_JSON)
        output, output_type = _output(run) if self._has_output else (None, PLAIN_JSON)
        status = run.status
        if status is Status.DEQUEUED and not self._is_versioned:
            status = Status.EXECUTING
        # One literal in the order of the columns, because it is built some thousand times a second.
        values: Row = {
            "id": run.id.removeprefix("run_"),
            "taskIdentifier": run.task_id,
            "createdAt": _moment(run.shown_created_ms),
            "updatedAt": _moment(run.updated_ms),
            "startedAt": _moment(run.started_ms),
            "delayUntil": _moment(run.delay_until_ms),
            "queuedAt": _moment(run.queued_ms),
            "expiredAt": _moment(run.finished_ms) if run.status is Status.EXPIRED else None,
            "completedAt": _moment(run.finished_ms),
            "friendlyId": run.id,
            "number": "0",
            "isTest": "t" if run.is_test else "f",
            "status": status.database,
            "usageDurationMs": str(run.usage_ms),
            "costInCents": number_text(compute_cents(run, self._environment)),
            "baseCostInCents": number_text(invocation_cents(self._environment) if run.started_ms is not None else 0),
            "ttl": run.ttl or None,
            "payload": payload,
            "payloadType": payload_type,
            "metadata": None if run.metadata is None else json_text(run.metadata),
            "metadataType": PLAIN_JSON,
            "output": output,
            "outputType": output_type,
            "runTags": array_literal(run.tags) if run.tags else None,
            "error": _error(run),
            "realtimeStreams": "{}",
        }
        return values if len(self.names) == len(values) else {name: values[name] for name in self.names}


def row_key(run: Run) -> str:
    """The key of a row, as in the database."""
    return f'"public"."TaskRun"/"{run.id.removeprefix("run_")}"'


def array_literal(values: Iterable[str]) -> str:
    """An array of texts as Postgres writes it, each in quotes (recording 719)."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def number_text(number: float) -> str:
    """A number as JavaScript prints it: never `1.2e-05`, never `12.0`."""
    if number == int(number):
        return str(int(number))
    return format(Decimal(repr(number)), "f") if abs(number) >= 1e-6 else repr(number).replace("e-0", "e-")


def _typed(kind: str) -> Json:
    return {"type": kind.removesuffix("[]"), "dims": 1} if kind.endswith("[]") else {"type": kind}


def _moment(ms: int | None) -> str | None:
    return None if ms is None else iso_time(ms)[:-1]


def _payload(run: Run) -> tuple[str, str]:
    """The stored text and its type (recordings 700, 720)."""
    payload = run.payload()
    if is_large(payload, PAYLOAD_INLINE_BYTES):
        return packet_path(run, "payload"), IN_OBJECT_STORE
    return (payload, PLAIN_TEXT) if isinstance(payload, str) else (json_text(payload), PLAIN_JSON)


def _output(run: Run) -> tuple[str | None, str]:
    """The stored text and its type. The SDK wraps a value that is not a text (recordings 708, 719, 720)."""
    output = run.output()
    if output is NOTHING:
        return None, PLAIN_JSON
    if is_large(output, OUTPUT_INLINE_BYTES):
        return packet_path(run, "output"), IN_OBJECT_STORE
    return (output, PLAIN_TEXT) if isinstance(output, str) else (json_text({"json": output}), SUPER_JSON)


def _error(run: Run) -> str | None:
    """The stored form, with the keys in the database's order (recording 717)."""
    if run.failure is None or not run.status.is_final:
        return None
    stored = run.failure.stored()
    ordered = {key: stored[key].replace("\0", "") for key in sorted(stored, key=lambda key: (len(key), key))}
    return json_text(ordered)
