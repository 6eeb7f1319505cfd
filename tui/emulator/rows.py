"""Builds the JSON of a run in the REST API: its row in a list, its detail, and its row in the detail of a related run.

Source: tests/wire/recordings/README.md §3 and §4, recordings 010-063 and 100-149.
"""

import json
from collections.abc import Callable
from typing import Any

from tui.emulator.environment import Environment
from tui.emulator.simulation.names import iso_time
from tui.emulator.simulation.records import schedule_of
from tui.emulator.simulation.runs import Run, Status, compute_cents, invocation_cents
from tui.emulator.simulation.script import NOTHING, Json

PAYLOAD_INLINE_BYTES = 512 * 1024
OUTPUT_INLINE_BYTES = 128 * 1024
"""Above these sizes the detail has a presigned URL instead of the value (recordings 118, 119)."""

SUPER_JSON = "application/super+json"
"""The type of an output as the SDK stores it, `{"json":…}`."""

Presign = Callable[[Run, str], str]
"""Returns the presigned URL of a run's `payload` or `output`."""


def json_text(value: Json) -> str:
    """JSON without spaces, as the server stores it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def is_large(value: Json, max_bytes: int) -> bool:
    """Whether the value is so large that the server keeps it in its object store."""
    return value is not None and len(json_text(value).encode("utf-8", "surrogatepass")) > max_bytes


def packet_path(run: Run, part: str) -> str:
    """The path of a run's `payload` or `output` in the object store, as in the realtime feed (recording 720)."""
    folder = run.id if part == "payload" else f"{run.id}-{len(run.attempts)}"
    return f"{folder}/{part}.json"


def list_row(run: Run, environment: Environment, *, is_versioned: bool) -> dict[str, Any]:
    """The run as a row of a list. `is_versioned` selects the current status words, as everywhere in this module."""
    env = {"id": environment.id, "name": environment.slug}
    if environment.user:
        env["user"] = environment.user
    row = {
        **_state(run, environment, _listed_finish_ms(run), is_versioned=is_versioned),
        "env": env,
        "metadata": run.metadata,
        "taskKind": "SCHEDULED" if run.schedule_id else "STANDARD",
        "region": environment.region,
    }
    return _without_none(row) | run.status.flags(is_versioned=is_versioned)


def related_row(run: Run, environment: Environment, *, is_versioned: bool) -> dict[str, Any]:
    """The run as the root, the parent or a child in the detail of another run (recordings 141-145)."""
    row = {
        **_state(run, environment, run.finished_ms, is_versioned=is_versioned),
        "triggerFunction": run.function,
        "batchId": run.batch_id or None,
        "metadata": run.metadata,
        "region": environment.region,
    }
    return _without_none(row) | run.status.flags(is_versioned=is_versioned)


def _state(run: Run, environment: Environment, finished_ms: int | None, *, is_versioned: bool) -> dict[str, Any]:
    return {
        "id": run.id,
        "status": run.status.in_rest(is_versioned=is_versioned),
        "taskIdentifier": run.task_id,
        "idempotencyKey": run.shown_key or None,
        "version": run.version or None,
        "createdAt": iso_time(run.shown_created_ms),
        "updatedAt": iso_time(run.updated_ms),
        "startedAt": _time(run.started_ms),
        "finishedAt": _time(finished_ms),
        "delayedUntil": _time(run.delay_until_ms),
        "isTest": run.is_test,
        "ttl": run.ttl or None,
        "expiredAt": _time(run.finished_ms) if run.status is Status.EXPIRED else None,
        "tags": list(run.tags),
        "costInCents": compute_cents(run, environment),
        "baseCostInCents": 0 if run.started_ms is None else invocation_cents(environment),
        "durationMs": run.usage_ms,
        "depth": run.depth,
    }


def detail(run: Run, environment: Environment, presign: Presign, *, is_versioned: bool) -> dict[str, Any]:
    """The detail of a run, with its payload, output, error and related runs."""

    def related(other: Run) -> dict[str, Any]:
        return related_row(other, environment, is_versioned=is_versioned)

    detail_row = related(run)
    payload = run.payload()
    if is_large(payload, PAYLOAD_INLINE_BYTES):
        detail_row["payloadPresignedUrl"] = presign(run, "payload")
    else:
        detail_row["payload"] = payload
    output = run.output()
    if output is not NOTHING:
        if is_large(output, OUTPUT_INLINE_BYTES):
            detail_row["outputPresignedUrl"] = presign(run, "output")
        else:
            detail_row["output"] = output
    if run.failure is not None:
        detail_row["error"] = {key: text.replace("\0", "") for key, text in run.failure.in_rest().items()}
    if run.schedule_id and run.task is not None:
        detail_row["schedule"] = schedule_of(run.task)
    detail_row["attemptCount"] = len(run.attempts)
    detail_row["attempts"] = []
    relatives: dict[str, Any] = {}
    if run.root is not None:
        relatives["root"] = related(run.root)
    if run.parent is not None:
        relatives["parent"] = related(run.parent)
    relatives["children"] = [related(child) for child in run.children]
    detail_row["relatedRuns"] = relatives
    return detail_row


def _listed_finish_ms(run: Run) -> int | None:
    # A queued run gets its finish time a moment after it was canceled. Until then its detail has none (recording 127),
    # but lists show `updatedAt` as its finish time (recording 021).
    if run.finished_ms is None and run.status.is_final:
        return run.updated_ms
    return run.finished_ms


def _time(ms: int | None) -> str | None:
    return None if ms is None else iso_time(ms)


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}
