"""Decodes the runs list and the detail of a run into patches."""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from sys import intern
from typing import Final

from tui.api.errors import (
    MAX_ATTEMPTS,
    MAX_KEY_CHARS,
    MAX_METADATA_KEYS,
    MAX_PAGE_ROWS,
    MAX_RELATIVES,
    MAX_TAGS,
    Limits,
    read_duration_ms,
    read_time,
)
from tui.api.models import AttemptRow, ErrorRow, RunDetail, RunPage, RunRow, convert, decode
from tui.domain.attempt import Attempt, AttemptHistory, AttemptStatus
from tui.domain.errors.error import RunError, build_error
from tui.domain.ids import BatchId, Cursor, RunId, SpanId, TaskId
from tui.domain.run import ABSENT, Body, Fixed, Json, Precision, Stamp, State
from tui.domain.status import parse_status
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


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of the list, newest run first.

    `next` is the cursor of older runs. A short or empty page may still have a next one.
    `unreadable` counts dropped rows, which had no valid id. `is_cut`: the page had more rows than MAX_PAGE_ROWS.
    """

    patches: tuple[RunPatch, ...]
    read_at: datetime
    next: Cursor | None = None
    unreadable: int = 0
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class RunResponse:
    """The detail of a run, and the list rows of its root, its parent and its direct children."""

    patch: RunPatch
    read_at: datetime
    related: tuple[RunPatch, ...] = ()


def decode_page(body: bytes, read_at: datetime, limits: Limits | None = None) -> ListPage:
    """Decode the response of `GET /api/v1/runs`, in the server's order.

    `limits` records truncations. Raises `ServerFault`.
    """
    limits = limits or Limits()
    page = decode(RunPage, body, "the list of runs", limits)
    pagination = page.get("pagination", {})
    rows = limits.take(page["data"], MAX_PAGE_ROWS, "rows on a page")
    patches = tuple(_read_row(row, read_at, limits) for row in rows if row is not None)
    return ListPage(
        patches, read_at, _cursor(pagination.get("next")), len(rows) - len(patches), len(rows) < len(page["data"])
    )


def decode_run(body: bytes, read_at: datetime, limits: Limits | None = None) -> RunResponse:
    """Decode the response of `GET /api/v3/runs/{id}`. `limits` records truncations. Raises `ServerFault`."""
    limits = limits or Limits()
    detail = decode(RunDetail, body, "the run", limits)
    run_id = RunId(detail["id"])
    related = detail.get("relatedRuns", {})
    root, parent, children = related.get("root"), related.get("parent"), related.get("children")
    root_id = RunId(root["id"]) if root is not None else None
    parent_id = RunId(parent["id"]) if parent is not None else None
    shown = None if children is None else limits.take(children, MAX_RELATIVES, f"children of {run_id}")
    state = _read_state(detail, Precision.DETAIL, read_at, limits)
    stamp = Stamp(state.updated_at, Precision.DETAIL, read_at)
    history = _read_attempts(limits.take(detail.get("attempts", []), MAX_ATTEMPTS, f"attempts of {run_id}"))
    lists_all_children = children is not None and len(shown or ()) == len(children)
    patch = (ParentPatch if lists_all_children else RunPatch)(
        run_id,
        read_at,
        fixed=_read_fixed(detail, limits, parent_id, root_id, schedule=detail.get("schedule")),
        state=state,
        metadata=(stamp, _read_metadata(detail, limits)),
        body=(stamp, _read_body(detail)),
        error=(stamp, _read_error(detail.get("error"))),
        attempts=(stamp, history) if history.attempts else None,
        attempt_count=detail.get("attemptCount", len(history.attempts) or None),
        created_at=read_time(detail.get("createdAt")),
    )
    patches = [_read_row(root, read_at, limits)] if root is not None else []
    if parent is not None and parent_id != root_id:
        patches.append(_read_row(parent, read_at, limits, root_id=root_id))
    patches += [
        _read_row(child, read_at, limits, run_id, root_id or run_id) for child in shown or () if child is not None
    ]
    return RunResponse(patch, read_at, tuple(patches))


def _read_row(
    row: RunRow, read_at: datetime, limits: Limits, parent_id: RunId | None = None, root_id: RunId | None = None
) -> RunPatch:
    state = _read_state(row, Precision.LIST, read_at, limits)
    return RunPatch(
        RunId(row["id"]),
        read_at,
        fixed=_read_fixed(row, limits, parent_id, root_id),
        state=state,
        metadata=(Stamp(state.updated_at, Precision.LIST, read_at), _read_metadata(row, limits)),
        created_at=read_time(row.get("createdAt")),
    )


def _read_fixed(
    row: RunRow, limits: Limits, parent_id: RunId | None, root_id: RunId | None, schedule: Json = None
) -> Fixed:
    def name(text: str | None, kind: str) -> Raw | None:
        """Intern a text that many runs repeat."""
        return None if text is None else Raw(intern(limits.text(text, kind)))

    key = row.get("idempotencyKey")
    fixed = shared_fixed(
        task=TaskId(intern(limits.text(row["taskIdentifier"], "task"))),
        depth=row.get("depth"),
        is_test=row.get("isTest"),
        environment=name(row["env"].get("name"), "environment") if "env" in row else None,
        version=name(row.get("version"), "version"),
        parent_id=parent_id,
        root_id=root_id,
        batch_id=BatchId(limits.text(row["batchId"], "batch id")) if "batchId" in row else None,
        trigger_function=name(row.get("triggerFunction"), "trigger function"),
        ttl=name(row.get("ttl"), "ttl"),
        idempotency_key=None if key is None else Raw(limits.text(key, "idempotency key", MAX_KEY_CHARS)),
        region=name(row.get("region"), "region"),
        task_kind=name(row.get("taskKind"), "kind of task"),
    )
    return fixed if schedule is None else replace(fixed, schedule=schedule)


@lru_cache(MAX_SHARED)
def shared_tag(tag: str) -> Raw:
    """Return one object for equal tags of late.

    Tags name customers and orders, so they are not interned: in Python's table of interned strings, each takes a place,
    also after it is freed. A full table takes 0.9 MB at once, after an hour of 20 runs a second.
    """
    return Raw(tag)


@lru_cache(MAX_SHARED)
def shared_tags(tags: tuple[Raw, ...]) -> tuple[Raw, ...]:
    """Return one object for equal tags."""
    return tags


@lru_cache(MAX_SHARED_CENTS)
def shared_cents(cents: float) -> float:
    """Return one object for equal costs."""
    return cents


def _read_state(row: RunRow, precision: Precision, read_at: datetime, limits: Limits) -> State:
    finished_at = row.get("finishedAt")
    return State(
        updated_at=read_time(row.get("updatedAt")) or read_time(row.get("createdAt")) or read_at,
        precision=precision,
        status=parse_status(limits.text(row["status"], "status"), ended=finished_at is not None),
        started_at=read_time(row.get("startedAt")),
        finished_at=read_time(finished_at),
        expired_at=read_time(row.get("expiredAt")),
        delayed_until=read_time(row.get("delayedUntil")),
        compute=read_duration_ms(row.get("durationMs", 0.0)),
        cost_cents=shared_cents(row.get("costInCents", 0.0)),
        base_cost_cents=shared_cents(row.get("baseCostInCents", 0.0)),
        tags=shared_tags(
            tuple(
                shared_tag(limits.text(tag, "tag"))
                for tag in limits.take(row.get("tags", ()), MAX_TAGS, f"tags of {row['id']}")
            )
        ),
    )


def _read_metadata(row: RunRow, limits: Limits) -> dict[str, Json]:
    metadata = row.get("metadata")
    if not isinstance(metadata, dict) or not metadata:
        return _NO_METADATA
    if len(metadata) <= MAX_METADATA_KEYS:
        return metadata
    kept = limits.take(tuple(metadata), MAX_METADATA_KEYS, f"keys in the metadata of {row['id']}")
    return {key: metadata[key] for key in kept}


def _read_body(detail: RunDetail) -> Body:
    return Body(
        payload=detail.get("payload", ABSENT),
        output=detail.get("output", ABSENT),
        payload_url=detail.get("payloadPresignedUrl"),
        output_url=detail.get("outputPresignedUrl"),
    )


def _read_error(value: Json, *, is_cause: bool = False) -> RunError | None:
    """Decode an error. Servers send an object, any key of which may be absent, or a text."""
    if value is None:
        return None
    if not isinstance(value, dict):
        return build_error(_as_text(value))
    row = convert(ErrorRow, value)
    causes = () if is_cause else _read_causes(row.get("causes"))
    message = row.get("message")
    return build_error(
        None if message is None else _as_text(message),
        name=row.get("name"),
        stack=row.get("stackTrace", row.get("stack")),
        causes=causes,
    )


def _read_causes(value: Json) -> tuple[RunError, ...]:
    if not isinstance(value, list):
        return ()
    causes = (_read_error(cause, is_cause=True) for cause in value[:_MAX_CAUSES])
    return tuple(cause for cause in causes if cause is not None)


def _as_text(value: Json) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "(nested too deep to be shown)"


def _read_attempts(rows: Sequence[AttemptRow]) -> AttemptHistory:
    """Decode the attempts of an older server, by number and start if all have one, else in the server's order."""
    starts = [(row.get("number", 0), row.get("startedAt") or row.get("createdAt") or "") for row in rows]
    if all(number or start for number, start in starts):
        rows = [row for _, row in sorted(zip(starts, rows, strict=True), key=lambda pair: pair[0])]
    return AttemptHistory(tuple(_read_attempt(index, row) for index, row in enumerate(rows, 1)))


def _read_attempt(index: int, row: AttemptRow) -> Attempt:
    completed_at = read_time(row.get("completedAt"))
    return Attempt(
        number=row.get("number") or index,
        status=_attempt_status(row.get("status", ""), ended=completed_at is not None),
        id=SpanId(row["id"]) if "id" in row else None,
        started_at=read_time(row.get("startedAt")),
        completed_at=completed_at,
        error=_read_error(row.get("error")),
    )


def _attempt_status(word: str, *, ended: bool) -> AttemptStatus:
    match word:
        case "PENDING" | "PAUSED":
            return AttemptStatus.EXECUTING
        case "CANCELLED":
            return AttemptStatus.CANCELED
        case "EXECUTING" | "COMPLETED" | "FAILED" | "CANCELED":
            return AttemptStatus(word)
        case _:
            return AttemptStatus.FAILED if ended else AttemptStatus.EXECUTING


def _cursor(text: str | None) -> Cursor | None:
    return None if text is None else Cursor(text)


# Decodes pages of the runs list. A page that arrives again with the same bytes is not decoded again.
#
# While nothing changes, the monitor reads the same page every few seconds: decoding its 100 rows takes 2 ms.


MAX_PAGES: Final = 2
MAX_PAGE_BYTES: Final = 256 * 1024
"""A larger page is decoded each time. A page of 100 usual runs has 70 KB."""

MAX_HASHES: Final = 8
"""A page is kept when it arrives for the second time. The pages of a start, which are read once, take no memory."""


class KnownPages:
    """The last pages with their bytes, and what they were decoded to."""

    def __init__(self) -> None:
        self._known = deque[tuple[bytes, ListPage]](maxlen=MAX_PAGES)
        self._hashes = deque[int](maxlen=MAX_HASHES)

    def decode(self, body: bytes, read_at: datetime, limits: Limits) -> ListPage:
        """Return what `decode_page` returns. Raises `ServerFault`."""
        for known_body, known in tuple(self._known):
            if known_body == body:
                patches = tuple(_patch_read_again(patch, read_at) for patch in known.patches)
                return ListPage(patches, read_at, known.next, known.unreadable, known.is_cut)
        page = decode_page(body, read_at, limits)
        if len(body) <= MAX_PAGE_BYTES and not limits.notes and not _depends_on_read_at(page):
            body_hash = hash(body)
            if body_hash in self._hashes:
                self._known.append((body, page))
            self._hashes.append(body_hash)
        return page


def _patch_read_again(patch: RunPatch, read_at: datetime) -> RunPatch:
    """Return the patch of a list row, which has these facets only, with the time of another response."""
    metadata = None
    if patch.metadata is not None:
        stamp, values = patch.metadata
        metadata = Stamp(stamp.updated_at, stamp.precision, read_at), values
    return RunPatch(patch.id, read_at, patch.fixed, patch.state, metadata, created_at=patch.created_at)


def _depends_on_read_at(page: ListPage) -> bool:
    """Return whether a row has no time of its own, so that the time of the response stands for it."""
    return any(patch.state is None or patch.state.updated_at == page.read_at for patch in page.patches)
