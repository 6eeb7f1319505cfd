"""The protocol of the realtime feed: the parameters of a long poll, and its response as patches."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from sys import intern
from typing import Any, Final

from typing_extensions import TypedDict

from tui.api.errors import (
    MAX_FEED_ROWS,
    MAX_ID_CHARS,
    MAX_NAME_CHARS,
    MAX_TAGS,
    Limits,
    ServerFault,
    read_duration_ms,
    read_time,
)
from tui.api.models import AnyText, Lenient, decode_items, read_array, read_json
from tui.api.responses import Response
from tui.api.runs import shared_cents, shared_fixed, shared_tag, shared_tags
from tui.domain.errors.error import INTERNAL_NAME, RunError, build_error
from tui.domain.filters import period_text
from tui.domain.ids import RunId, TaskId
from tui.domain.run import ABSENT, Absent, Body, Json, Precision, Stamp, State
from tui.domain.status import parse_status
from tui.domain.text import Raw
from tui.domain.update import RunPatch
from tui.lazy_dataclass import dataclass

# Decodes the columns of a feed row that hold a document as text: payload, output, metadata and error.
#
# Only the feed of a single run has these columns. TRQL returns the `error` column in the same form.
# Source: tests/wire/recordings/README.md §8 (recordings 700-720, 725-729).


_IN_OBJECT_STORE: Final = "application/store"
"""The text is a path in the object store. Only the detail of the run has the presigned URL for it (recording 720)."""

_SUPER_JSON: Final = "application/super+json"
_JSON: Final = ("application/json", _SUPER_JSON)


def read_body(row: Mapping[str, Any]) -> Body | None:
    """Return the payload and output of a row. None if the row lacks a column, or has a path into the object store."""
    if "payload" not in row or "output" not in row:
        return None
    if _IN_OBJECT_STORE in {row.get("payloadType"), row.get("outputType")}:
        return None
    return Body(_decode(row["payload"], row.get("payloadType")), _decode(row["output"], row.get("outputType")))


def read_metadata(row: Mapping[str, Any]) -> dict[str, Json] | None:
    """Return the metadata of a row: {} if the run has none, None if the row lacks the column."""
    if "metadata" not in row:
        return None
    value = _decode(row["metadata"], row.get("metadataType"))
    return value if isinstance(value, dict) else {}


def read_stored_error(text: Json) -> RunError | None:
    """Decode the `error` column. It has the original text of a crash, which REST replaces (recordings 725-729)."""
    if text is None:
        return None
    try:
        stored = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        stored = None
    if not isinstance(stored, dict):
        return build_error(text if isinstance(text, str) else None)
    message, raw, code = (_text_of(stored, key) for key in ("message", "raw", "code"))
    stack, name = _text_of(stored, "stackTrace"), _text_of(stored, "name")
    match stored.get("type"):
        case "INTERNAL_ERROR" if code:
            return RunError(Raw(message or code), Raw(INTERNAL_NAME), Raw(stack) if stack else None, code)
        case "STRING_ERROR" | "CUSTOM_ERROR":
            return build_error(raw or message)
        case _:
            return build_error(message or raw, name=name, stack=stack or None)


def _text_of(stored: Mapping[str, Any], key: str) -> str | None:
    value = stored.get(key)
    return value if isinstance(value, str) else None


def _decode(text: Json, content_type: Json) -> Json | Absent:
    """Decode a stored text by its content type. Return text that is not valid JSON unchanged."""
    if not isinstance(text, str):
        return ABSENT
    if content_type not in _JSON:
        return text
    try:
        value = read_json(text.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return text
    if content_type == _SUPER_JSON and isinstance(value, dict) and "json" in value:
        return value["json"]
    return value


# The protocol of the realtime feed: builds the parameters of a long poll, and decodes its response into patches.
#
# The protocol is Electric's shape protocol; `sync.feed` decides when to poll. The recorded server never sent 409
# or `must-refetch`, which Electric's HTTP API defines and a self-hosted server may use.
# Source: tests/wire/recordings/README.md §8 (recordings 700-761).


UNUSED_COLUMNS: Final = ("realtimeStreams", "number", "queuedAt")
"""Columns that trigger-tui does not use."""

HEAVY_COLUMNS: Final = ("payload", "payloadType", "output", "outputType", "metadata", "metadataType")
"""Columns that a list does not need. Every change resends all columns: 45 runs are 370 KB with these, else 28 KB."""

MAX_FEED_WINDOW: Final = timedelta(hours=24)
"""The server's maximum for `createdAt`. It clamps larger values silently (recordings 736, 737)."""

MAX_SNAPSHOT_ROWS: Final = 1000
"""Rows in a snapshot: the newest by creation. The server drops the others silently (recording 750)."""

Row = Mapping[str, Any]
"""A feed row: undecoded values by column name."""

_HANDLES: Final = ("electric-handle", "electric-shape-id")
_OFFSETS: Final = ("electric-offset", "electric-chunk-last-offset")
"""Today's header name first, then that of servers which ignore `x-trigger-electric-version` (recordings 710, 735)."""


@dataclass(frozen=True, slots=True)
class FeedTarget:
    """The runs that a feed follows: one run, or all runs created within `window` that have all `tags`."""

    run_id: RunId | None = None
    window: timedelta = MAX_FEED_WINDOW
    tags: tuple[str, ...] = ()

    def params(self) -> dict[str, str]:
        """Return the parameters that every poll repeats."""
        params = {"skipColumns": ",".join(UNUSED_COLUMNS)}
        if self.run_id is None:
            params["skipColumns"] = ",".join((*HEAVY_COLUMNS, *UNUSED_COLUMNS))
            params["createdAt"] = period_text(min(self.window, MAX_FEED_WINDOW))
            if self.tags:
                params["tags"] = ",".join(self.tags)
        return params


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """Where the next poll continues. `is_up_to_date`: the server may hold that poll until a run changes."""

    handle: str
    offset: str
    cursor: str | None
    is_up_to_date: bool

    def params(self) -> dict[str, str]:
        """Return the parameters of the next poll."""
        params = {"offset": self.offset, "handle": self.handle}
        if self.is_up_to_date:
            params["live"] = "true"
            if self.cursor is not None:
                params["cursor"] = self.cursor
        return params


START_PARAMS: Final = {"offset": "-1"}
"""The parameters of the first poll, which returns a snapshot."""


@dataclass(frozen=True, slots=True)
class FeedResponse:
    """A decoded response. If `position` is None, the feed must restart with a snapshot.

    `partial` holds rows with only some columns, as Electric itself sends them; `read_change` merges one into the known
    state. `unreadable` counts the rows that were dropped because they have no run id.
    """

    patches: tuple[RunPatch, ...]
    read_at: datetime
    position: FeedPosition | None
    partial: tuple[tuple[RunId, Row], ...] = ()
    unreadable: int = 0

    @property
    def row_count(self) -> int:
        """The number of rows that the server sent."""
        return len(self.patches) + len(self.partial) + self.unreadable


class _Headers(TypedDict, total=False):
    operation: Lenient[AnyText]
    control: Lenient[AnyText]


class _Message(TypedDict, total=False):
    """One item of a response: a row with its operation, or a control message."""

    value: Lenient[dict[str, Any]]
    headers: Lenient[_Headers]


def decode_feed(response: Response, after: FeedPosition | None, limits: Limits | None = None) -> FeedResponse:
    """Decode the response of a poll after a position (None: of the first poll).

    `limits` records truncations. Raises `ServerFault`.
    """
    limits = limits or Limits()
    patches: list[RunPatch] = []
    partial: list[tuple[RunId, Row]] = []
    unreadable, row_count, controls = 0, 0, set[str]()
    for message in decode_items(_Message, response.body, "the realtime feed", limits):
        headers = message.get("headers", {})
        if "value" not in message:
            controls.add(headers.get("control", ""))
            continue
        row_count += 1
        if row_count > MAX_FEED_ROWS:
            continue  # the control messages come last
        run_id = _run_id(message["value"])
        if run_id is None or headers.get("operation") == "delete":
            # A delete means that a run left the window. The run itself still exists.
            unreadable += run_id is None
        elif (patch := read_row(run_id, message["value"], response.read_at, limits)) is not None:
            patches.append(patch)
        else:
            partial.append((run_id, message["value"]))
    if row_count > MAX_FEED_ROWS:
        limits.note(f"{row_count:,} rows in one response of the feed, only the first {MAX_FEED_ROWS:,} are kept")
    position = (
        None if "must-refetch" in controls else _position(response, after, is_up_to_date="up-to-date" in controls)
    )
    return FeedResponse(tuple(patches), response.read_at, position, tuple(partial), unreadable)


def _position(response: Response, after: FeedPosition | None, *, is_up_to_date: bool) -> FeedPosition:
    handle, offset = (_header(response.headers, names) for names in (_HANDLES, _OFFSETS))
    if after is not None:
        handle, offset = handle or after.handle, offset or after.offset
    if not handle or not offset:
        raise ServerFault("the realtime feed could not be read: the response has no handle or offset", response.status)
    return FeedPosition(handle, offset, response.headers.get("electric-cursor"), is_up_to_date)


def _header(headers: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := headers.get(name))), None)


def _run_id(row: Row) -> RunId | None:
    """Return the public id of a run. If only the database id is there, the public one is that with a prefix."""
    friendly, own = row.get("friendlyId"), row.get("id")
    if not isinstance(friendly, str) or not friendly:
        friendly = f"run_{own}" if isinstance(own, str) and own else ""
    return RunId(friendly) if 0 < len(friendly) <= MAX_ID_CHARS else None


def read_row(run_id: RunId, row: Row, read_at: datetime, limits: Limits | None = None) -> RunPatch | None:
    """Decode a row, whose values are texts or null (recordings 717-728). Return None if it lacks the run's state."""
    status, task = _text(row, "status"), _text(row, "taskIdentifier")
    updated_at, created_at = read_time(_text(row, "updatedAt")), read_time(_text(row, "createdAt"))
    if not status or not task or updated_at is None or created_at is None:
        return None
    limits = limits or Limits()
    ended = read_time(_text(row, "completedAt")) is not None
    fields = _state_fields(run_id, row, limits)
    state = State(updated_at, Precision.FEED, parse_status(limits.text(status, "status"), ended=ended), **fields)
    ttl = _text(row, "ttl")
    fixed = shared_fixed(
        task=TaskId(intern(limits.text(task, "task"))),
        is_test=_flag(row, "isTest"),
        ttl=intern(limits.text(ttl, "ttl")) if ttl else None,
    )
    stamp = Stamp(updated_at, Precision.FEED, read_at)
    error = (stamp, read_stored_error(row["error"])) if "error" in row else None
    body, metadata = read_body(row), read_metadata(row)
    return RunPatch(
        run_id,
        read_at,
        fixed=fixed,
        state=state,
        error=error,
        metadata=None if metadata is None else (stamp, metadata),
        body=None if body is None else (stamp, body),
        created_at=created_at,
    )


def read_change(run_id: RunId, row: Row, known: State, read_at: datetime) -> RunPatch:
    """Merge some columns of a row into the known state.

    The patch has the lowest precision, so that any complete response of the same time replaces it.
    """
    fields, word = _state_fields(run_id, row, Limits()), _text(row, "status")
    updated_at = read_time(_text(row, "updatedAt")) or known.updated_at
    ended = fields.get("finished_at", known.finished_at) is not None
    status = parse_status(word[:MAX_NAME_CHARS], ended=ended) if word else known.status
    state = replace(known, updated_at=updated_at, precision=Precision.DERIVED, status=status, **fields)
    stamp = Stamp(updated_at, Precision.DERIVED, read_at)
    error = (stamp, read_stored_error(row["error"])) if "error" in row else None
    return RunPatch(run_id, read_at, state=state, error=error)


def _state_fields(run_id: RunId, row: Row, limits: Limits) -> dict[str, Any]:
    """Decode the state columns that the row has, except `status` and `updatedAt`, which depend on others."""
    fields = {name: read(row, column) for column, (name, read) in _STATE_COLUMNS.items() if column in row}
    if "tags" in fields:
        tags = limits.take(fields["tags"], MAX_TAGS, f"tags of {run_id}")
        fields["tags"] = shared_tags(tuple(shared_tag(limits.text(tag, "tag")) for tag in tags))
    return fields


def _rest_order(tag: str) -> tuple[str, str]:
    """Sort key for the tag order of the REST API. The feed itself keeps the given order (recordings 114, 719)."""
    return tag.casefold(), tag


def _text(row: Row, key: str) -> str | None:
    value = row.get(key)
    return value if isinstance(value, str) else None


def _cents(row: Row, key: str) -> float:
    try:
        number = float(row.get(key) or 0)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return shared_cents(number if math.isfinite(number) else 0.0)


def _time(row: Row, key: str) -> datetime | None:
    return read_time(_text(row, key))


def _duration(row: Row, key: str) -> timedelta:
    return read_duration_ms(row.get(key))


def _tags(row: Row, key: str) -> tuple[Raw, ...]:
    return tuple(Raw(tag) for tag in sorted(read_array(_text(row, key)), key=_rest_order))


_STATE_COLUMNS: Final[Mapping[str, tuple[str, Callable[[Row, str], Any]]]] = {
    "startedAt": ("started_at", _time),
    "completedAt": ("finished_at", _time),
    "expiredAt": ("expired_at", _time),
    "delayUntil": ("delayed_until", _time),
    "usageDurationMs": ("compute", _duration),
    "costInCents": ("cost_cents", _cents),
    "baseCostInCents": ("base_cost_cents", _cents),
    "runTags": ("tags", _tags),
}


def _flag(row: Row, key: str) -> bool | None:
    return {"t": True, "f": False, "true": True, "false": False}.get(_text(row, key) or "")
