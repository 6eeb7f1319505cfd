"""The protocol of the realtime feed: the parameters of a long poll, and its response as patches."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, PlainValidator

from tui.api.errors import MAX_FEED_ROWS, MAX_ID_CHARS, Limits, ServerFault, read_duration_ms
from tui.api.models import AnyText, JsonObject, Time, convert, decode, read_items, read_json
from tui.api.responses import Response
from tui.api.runs import CHANGES, NAME, STATUS, TAGS, TASK, build_patch, shared_cents, text_at
from tui.domain.error import INTERNAL_NAME, RunError, build_error
from tui.domain.filters import period_text
from tui.domain.run import ABSENT, Absent, Body, Json, Precision, RunId, Stamp, State, parse_status
from tui.domain.text import Raw
from tui.domain.update import RunPatch
from tui.lazy_dataclass import dataclass

# Decodes the columns of a feed row that hold a document as text: payload, output, metadata and error.
#
# A feed of many runs has these columns for a search alone. TRQL returns the `error` column in the same form.
# Source: tests/wire/recordings/README.md §8 (recordings 700-720, 725-729).


_IN_OBJECT_STORE: Final = "application/store"
"""The text is a path in the object store. Only the detail of the run has the presigned URL for it (recording 720)."""

_SUPER_JSON: Final = "application/super+json"
_JSON: Final = ("application/json", _SUPER_JSON)


def read_documents(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body and the metadata of a row, as far as it has their columns.

    A path into the object store is no body. The metadata are {} if the run has none.
    """
    documents: dict[str, Any] = {}
    is_whole = "payload" in row and "output" in row
    # Compared one by one: a set of them fails if a server sends an object as a type.
    if is_whole and all(row.get(kind) != _IN_OBJECT_STORE for kind in ("payloadType", "outputType")):
        documents["body"] = Body(_stored(row, "payload"), _stored(row, "output"))
    if "metadata" in row:
        value = _stored(row, "metadata")
        documents["metadata"] = value if isinstance(value, dict) else {}
    return documents


def _stored(row: Mapping[str, Any], column: str) -> Json | Absent:
    """Decode a stored text by its content type. Return text that is not valid JSON unchanged."""
    text, content_type = row[column], row.get(f"{column}Type")
    if not isinstance(text, str):
        return ABSENT
    if content_type not in _JSON:
        return text
    try:
        value = read_json(text)
    except (ValueError, RecursionError):
        return text
    return value["json"] if content_type == _SUPER_JSON and isinstance(value, dict) and "json" in value else value


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
    message, raw, code, stack = (text_at(stored, key) for key in ("message", "raw", "code", "stackTrace"))
    match stored.get("type"):
        case "INTERNAL_ERROR" if code:
            return RunError(Raw(message or code), Raw(INTERNAL_NAME), Raw(stack) if stack else None, code)
        case "STRING_ERROR" | "CUSTOM_ERROR":
            return build_error(raw or message)
        case _:
            return build_error(message or raw, name=text_at(stored, "name"), stack=stack or None)


# The long poll: its parameters, and its response as patches.
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
"""In both tuples: today's name of the header, then that of servers which ignore `x-trigger-electric-version`
(recordings 710, 735).
"""


@dataclass(frozen=True, slots=True)
class FeedTarget:
    """The runs that a feed follows: one run, or all runs created within `window` that have all `tags`.

    `has_bodies`: also with their payloads, outputs and metadata, which the feed of one run always has.
    """

    run_id: RunId | None = None
    window: timedelta = MAX_FEED_WINDOW
    tags: tuple[str, ...] = ()
    has_bodies: bool = False

    def params(self) -> dict[str, str]:
        """Return the parameters that every poll repeats."""
        has_bodies = self.has_bodies or self.run_id is not None
        params = {"skipColumns": ",".join((*(() if has_bodies else HEAVY_COLUMNS), *UNUSED_COLUMNS))}
        if self.run_id is None:
            params["createdAt"] = period_text(min(self.window, MAX_FEED_WINDOW))
            if self.tags:
                params["tags"] = ",".join(self.tags)
        return params


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """Where the next poll continues. `is_up_to_date`: everything was received, so the server may hold that poll until a
    run changes.
    """

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

    Trigger.dev sends all columns at each change. A plain Electric server sends only those that changed: such rows are
    in `partial`, and `read_change` merges one into the known state. `unreadable` counts the rows that were dropped
    because they have no run id.
    """

    patches: tuple[RunPatch, ...]
    read_at: datetime
    position: FeedPosition | None
    partial: tuple[tuple[RunId, Row], ...] = ()
    unreadable: int = 0


# A row with its operation, or a control message.
_MESSAGE: Final = JsonObject[dict[str, Any]](
    dict,
    value=InstanceOf[dict[str, Any]],
    operation=("headers/operation", AnyText),
    control=("headers/control", AnyText),
)


def decode_feed(response: Response, after: FeedPosition | None, limits: Limits) -> FeedResponse:
    """Decode the response of a poll after a position (None: of the first poll).

    `limits` records truncations. Raises `ServerFault`.
    """
    items = decode(list[Any], response.body, "the realtime feed", limits)
    messages = read_items(_MESSAGE, items, limits)
    rows = [each for each in messages if "value" in each]
    controls = {each.get("control") for each in messages if "value" not in each}
    patches: list[RunPatch] = []
    partial: list[tuple[RunId, Row]] = []
    unreadable = 0
    for message in limits.take(rows, MAX_FEED_ROWS, "rows in one response of the feed"):
        row: Row = message["value"]
        run_id = _run_id(row)
        if run_id is None:
            unreadable += 1
        elif message.get("operation") == "delete":
            pass  # the run left the window, but still exists
        elif (patch := read_row(run_id, row, response.read_at, limits)) is not None:
            patches.append(patch)
        else:
            partial.append((run_id, row))
    position = (
        None if "must-refetch" in controls else _position(response, after, is_up_to_date="up-to-date" in controls)
    )
    return FeedResponse(tuple(patches), response.read_at, position, tuple(partial), unreadable)


def _position(response: Response, after: FeedPosition | None, *, is_up_to_date: bool) -> FeedPosition:
    handle, offset = (next(filter(None, map(response.headers.get, names)), None) for names in (_HANDLES, _OFFSETS))
    if after is not None:
        handle, offset = handle or after.handle, offset or after.offset
    if not handle or not offset:
        raise ServerFault("the realtime feed could not be read: the response has no handle or offset", response.status)
    return FeedPosition(handle, offset, response.headers.get("electric-cursor"), is_up_to_date)


def _run_id(row: Row) -> RunId | None:
    """Return the public id of a run. If only the database id is there, the public one is that with a prefix."""
    own = text_at(row, "id")
    run_id = text_at(row, "friendlyId") or (f"run_{own}" if own else "")
    return RunId(run_id) if 0 < len(run_id) <= MAX_ID_CHARS else None


def _tags(value: Json) -> list[str]:
    """Return tags in the order of the REST API. The feed itself keeps the given order (recordings 114, 719)."""
    return sorted(read_array(value), key=lambda tag: (tag.casefold(), tag))


_CENTS: Final = Annotated[float, Field(allow_inf_nan=False), AfterValidator(shared_cents)]
# All values are texts or null.
_ROW: Final = JsonObject[dict[str, Any]](
    dict,
    id=("friendlyId", AnyText),
    status=STATUS,
    task=("taskIdentifier", TASK),
    created_at=("createdAt", Time),
    updated_at=("updatedAt", Time),
    started_at=("startedAt", Time),
    finished_at=("completedAt", Time),
    expired_at=("expiredAt", Time),
    delayed_until=("delayUntil", Time),
    compute=("usageDurationMs", Annotated[Any, PlainValidator(read_duration_ms)]),
    cost_cents=("costInCents", _CENTS),
    base_cost_cents=("baseCostInCents", _CENTS),
    tags=("runTags", Annotated[TAGS, BeforeValidator(_tags)]),
    is_test=("isTest", bool),
    ttl=NAME("ttl", min_chars=1),
    error=Annotated[Any, PlainValidator(read_stored_error)],
)


def read_row(run_id: RunId, row: Row, read_at: datetime, limits: Limits | None = None) -> RunPatch | None:
    """Decode a row, whose values are texts or null (recordings 717-728). Return None if it lacks the run's state."""
    values = convert(_ROW, {**row, "friendlyId": run_id}, limits)
    if not all(values.get(name) for name in ("status", "task", "created_at", "updated_at")):
        return None
    return build_patch(values | read_documents(row), read_at, Precision.FEED)


def read_change(run_id: RunId, row: Row, known: State, read_at: datetime) -> RunPatch:
    """Merge some columns of a row into the known state.

    The patch has the lowest precision, so that any complete response of the same time replaces it.
    """
    values = convert(_ROW, row)
    stamp = Stamp(values.get("updated_at") or known.updated_at, Precision.DERIVED, read_at)
    if "status" in values:
        ended = values.get("finished_at", known.finished_at) is not None
        values["status"] = parse_status(values["status"], ended=ended)
    changes = {name: values[name] for name in CHANGES if name in values}
    state = replace(known, updated_at=stamp.updated_at, precision=stamp.precision, **changes)
    return RunPatch(run_id, read_at, state=state, error=(stamp, values["error"]) if "error" in values else None)


# Reads PostgreSQL array literals such as `{"a","b c",NULL}`; the feed's `runTags` is one.
#
# Source: tests/wire/recordings/README.md §8 (recordings 717, 719); PostgreSQL manual, "Array Input and Output Syntax".


# Possessive quantifiers prevent backtracking, which would take minutes on many spaces before an odd character.
_ITEM = re.compile(r'\s*+(?:"((?:[^"\\]|\\.)*+)"\s*+|((?:[^,{}"\\]|\\.)*+))(?:,|(?=}\Z))', re.DOTALL)
_ARRAY = re.compile(rf"{{(?:{_ITEM.pattern})*+}}", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read_array(text: Json) -> tuple[str, ...]:
    """Return the items of a flat array without its nulls, none if the text is not an array."""
    if not isinstance(text, str) or _ARRAY.fullmatch(text) is None:
        return ()
    found = (item.groups() for item in _ITEM.finditer(text, 1))
    items = (
        bare.strip() if quoted is None else quoted
        for quoted, bare in found
        if quoted is not None or bare.strip().upper() not in {"", "NULL"}
    )
    return tuple(_ESCAPED.sub(r"\1", item) for item in items)
