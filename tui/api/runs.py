"""Decodes the runs list and the detail of a run into patches."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import lru_cache, partial
from sys import intern
from typing import Annotated, Any, Final

from pydantic import AfterValidator, InstanceOf, PlainValidator

from tui.api.errors import EARLIEST, MAX_ATTEMPTS, MAX_KEY_CHARS, MAX_RELATIVES, MAX_TAGS, Limits
from tui.api.models import (
    AnyText,
    Cents,
    Count,
    Flag,
    Id,
    Items,
    JsonObject,
    Milliseconds,
    Text,
    Time,
    convert,
    decode,
    decode_rows,
    read_items,
)
from tui.domain.error import RunError, build_error
from tui.domain.run import (
    Attempt,
    AttemptHistory,
    AttemptStatus,
    Body,
    Cursor,
    Fixed,
    Json,
    Precision,
    RunId,
    Stamp,
    State,
    parse_status,
)
from tui.domain.text import Raw
from tui.domain.update import ParentPatch, RunPatch
from tui.lazy_dataclass import dataclass

# Decodes a page of the runs list, and the detail of a run with its relatives, into patches.
#
# Source: tests/wire/recordings/README.md §2-§4, §6 (recordings 010-147).


_NO_METADATA: dict[str, Json] = {}
_MAX_CAUSES = 16
"""Causes of an error that are kept. The server does not limit the list."""

MAX_SHARED: Final = 512
"""Different values that are remembered, so that the runs of a store share equal ones."""

MAX_SHARED_CENTS: Final = 64
"""Enough for zero and the base costs, which each response repeats."""

shared_fixed = lru_cache(MAX_SHARED)(Fixed)
"""Return the `Fixed` with these fields. To find one is faster than to make one, and to compare it."""


# Tags name customers and orders, so they are not interned: in Python's table of interned strings, each takes a place,
# also after it is freed. A full table takes 0.9 MB at once, after an hour of 20 runs a second.
shared_tag = lru_cache(MAX_SHARED)(str)
"""Return one object for equal tags that came lately."""

shared_tags = lru_cache(MAX_SHARED)(tuple[Raw, ...])
"""Return one object for equal tags."""


shared_cents = lru_cache(MAX_SHARED_CENTS)(float)
"""Return one object for equal costs."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of the list, newest run first.

    `next` is the cursor of older runs. A short or empty page may still have a next one.
    `unreadable` counts dropped rows, which had no valid id. `is_cut`: the page had more rows than MAX_PAGE_ROWS.
    `took_s`: the time from the request to its answer.
    """

    patches: tuple[RunPatch, ...]
    read_at: datetime
    next: Cursor | None = None
    unreadable: int = 0
    is_cut: bool = False
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RunResponse:
    """The detail of a run, and the list rows of its root, its parent and its direct children."""

    patch: RunPatch
    read_at: datetime
    related: tuple[RunPatch, ...] = ()


def read_error(value: Json, *, is_cause: bool = False) -> RunError | None:
    """Read an error. Servers send an object, any key of which may be absent, or a text."""
    if not isinstance(value, dict):
        return None if value is None else build_error(_as_text(value))
    message, causes = value.get("message"), value.get("causes")
    read = (read_error(each, is_cause=True) for each in causes[:_MAX_CAUSES]) if isinstance(causes, list) else ()
    stack = text_at(value, "stackTrace")
    return build_error(
        None if message is None else _as_text(message),
        name=text_at(value, "name"),
        stack=text_at(value, "stack") if stack is None else stack,  # an older server's
        causes=() if is_cause else tuple(cause for cause in read if cause is not None),
    )


def text_at(values: Mapping[str, Json], key: str) -> str | None:
    """Return the text of a key, None if there is none."""
    value = values.get(key)
    return value if isinstance(value, str) else None


def _as_text(value: Json) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "(nested too deep to be shown)"


NAME: Final = partial(Text, share=intern)
"""A text that many runs repeat."""

TASK: Final = NAME("task", min_chars=1)
STATUS: Final = Text("status", min_chars=1)
TAGS: Final = Annotated[
    Any, Items(Text("tag", share=shared_tag), MAX_TAGS, "tags of {id}"), AfterValidator(shared_tags)
]
_SHARED_CENTS: Final = Annotated[Cents, AfterValidator(shared_cents)]
_ERROR: Final = Annotated[Any, PlainValidator(read_error)]
_LISTED: Final[dict[str, Any]] = {
    "id": Id,
    "status": STATUS,
    "task": ("taskIdentifier", TASK),
    "ended": ("finishedAt", AnyText),  # also if it cannot be read as a time
    "created_at": ("createdAt", Time),
    "updated_at": ("updatedAt", Time),
    "started_at": ("startedAt", Time),
    "finished_at": ("finishedAt", Time),
    "expired_at": ("expiredAt", Time),
    "delayed_until": ("delayedUntil", Time),
    "compute": ("durationMs", Milliseconds),
    "cost_cents": ("costInCents", _SHARED_CENTS),
    "base_cost_cents": ("baseCostInCents", _SHARED_CENTS),
    "tags": TAGS,
    "metadata": InstanceOf[dict[str, Any]],
    "depth": Count,
    "is_test": ("isTest", Flag),
    "environment": ("env/name", NAME("environment")),
    "version": NAME("version"),
    "batch_id": ("batchId", Text("batch id")),
    "trigger_function": ("triggerFunction", NAME("trigger function")),
    "ttl": NAME("ttl"),
    "idempotency_key": ("idempotencyKey", Text("idempotency key", MAX_KEY_CHARS)),
    "region": NAME("region"),
    "task_kind": ("taskKind", NAME("kind of task")),
}
_BODY: Final = JsonObject(
    Body,
    payload=Any,
    output=Any,
    payload_url=("payloadPresignedUrl", AnyText),
    output_url=("outputPresignedUrl", AnyText),
)


def _values(status: str, task: str, metadata: dict[str, Json] = _NO_METADATA, **more: Any) -> dict[str, Any]:
    # A row without status or task is invalid. One without metadata has none.
    return {"status": status, "task": task, "metadata": metadata, **more}


def _attempt(
    number: int = 0, status: str = "", created_at: datetime | None = None, **more: Any
) -> tuple[tuple[int, float], Attempt]:
    """Return an attempt after its place: by number and start."""
    word = {"PENDING": "EXECUTING", "PAUSED": "EXECUTING", "CANCELLED": "CANCELED"}.get(status, status)
    if word not in set(AttemptStatus):
        word = "EXECUTING" if more.get("completed_at") is None else "FAILED"
    start = more.get("started_at") or created_at or EARLIEST
    return (number, start.timestamp()), Attempt(number, AttemptStatus(word), **more)


def _history(attempts: Sequence[tuple[tuple[int, float], Attempt]]) -> AttemptHistory:
    """Order the attempts of an older server if all have a number or a start. Today's servers send an empty list."""
    if not attempts:
        raise ValueError("no attempts")
    if all(any(place) for place, _ in attempts):
        attempts = sorted(attempts, key=lambda each: each[0])
    numbered = (replace(each, number=each.number or index) for index, (_, each) in enumerate(attempts, 1))
    return AttemptHistory(tuple(numbered))


_ATTEMPT: Final = JsonObject[Any](
    Attempt,
    _attempt,
    id=AnyText,
    number=Count,
    status=AnyText,
    created_at=("createdAt", Time),
    started_at=("startedAt", Time),
    completed_at=("completedAt", Time),
    error=_ERROR,
)
_ROW: Final = JsonObject[Any](RunPatch, _values, **_LISTED)
_DETAIL: Final = JsonObject[Any](
    RunPatch,
    _values,
    **_LISTED,
    schedule=Any,
    error=_ERROR,
    attempts=Annotated[Any, Items(_ATTEMPT, MAX_ATTEMPTS, "attempts of {id}"), AfterValidator(_history)],
    attempt_count=("attemptCount", Count),
    root=("relatedRuns/root", Any),
    parent=("relatedRuns/parent", Any),
    children=("relatedRuns/children", list[Any]),
)
CHANGES: Final = frozenset(each.name for each in fields(State)) - {"updated_at", "precision"}
"""The fields of a state apart from its stamp."""

_FACETS: Final = ("metadata", "body", "error", "attempts")


def decode_page(body: bytes, read_at: datetime, limits: Limits | None = None) -> ListPage:
    """Decode the response of `GET /api/v1/runs`, in the server's order.

    `limits` records truncations. Raises `ServerFault`.
    """
    row = partial(_read_row, read_at=read_at)
    page = decode_rows(row, body, "the list of runs", limits or Limits())
    return ListPage(page.rows, read_at, page.next, page.unreadable, page.is_cut)


def decode_run(body: bytes, read_at: datetime, limits: Limits | None = None) -> RunResponse:
    """Decode the response of `GET /api/v3/runs/{id}`. `limits` records truncations. Raises `ServerFault`."""
    return decode(partial(_read_detail, read_at=read_at), body, "the run", limits or Limits())


def _read_detail(value: Json, limits: Limits, read_at: datetime) -> RunResponse:
    def related(*rows: Json, **ids: RunId | None) -> list[RunPatch]:
        return read_items(partial(_read_row, read_at=read_at, **ids), rows, limits)

    row = convert(_DETAIL, value, limits)
    root = related(row.pop("root", None))
    root_id = root[0].id if root else None
    parent = related(row.pop("parent", None), root_id=root_id)
    parent_id = parent[0].id if parent else None
    listed = row.pop("children", None)
    shown = limits.take(listed or (), MAX_RELATIVES, f"children of {row['id']}")
    if "attempts" in row:
        row.setdefault("attempt_count", len(row["attempts"].attempts))
    patch = build_patch(
        {"error": None} | row | {"body": convert(_BODY, value), "parent_id": parent_id, "root_id": root_id},
        read_at,
        Precision.DETAIL,
        RunPatch if listed is None or len(shown) < len(listed) else ParentPatch,
    )
    children = related(*shown, parent_id=patch.id, root_id=root_id or patch.id)
    return RunResponse(patch, read_at, (*root, *(parent if parent_id != root_id else ()), *children))


def _read_row(value: Json, limits: Limits, /, read_at: datetime, **ids: RunId | None) -> RunPatch:
    return build_patch(convert(_ROW, value, limits) | ids, read_at, Precision.LIST)


def build_patch(
    values: dict[str, Any], read_at: datetime, precision: Precision, kind: type[RunPatch] = RunPatch
) -> RunPatch:
    """Make a patch of the values of a run by the names of their fields. Consumes `values`."""
    run_id, created_at, count = (values.pop(name, None) for name in ("id", "created_at", "attempt_count"))
    stamp = Stamp(values.pop("updated_at", None) or created_at or read_at, precision, read_at)
    ended = values.pop("ended", values.get("finished_at")) is not None
    values["status"] = parse_status(values["status"], ended=ended)
    state = State(stamp.updated_at, precision, **{name: values.pop(name) for name in CHANGES if name in values})
    facets = {name: (stamp, values.pop(name)) for name in _FACETS if name in values}
    # A schedule is JSON, which has no hash.
    fixed = (shared_fixed if values.get("schedule") is None else Fixed)(**values)
    return kind(run_id, read_at, fixed, state, attempt_count=count, created_at=created_at, **facets)
