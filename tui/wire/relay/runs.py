"""Runs as a relay tells them to its screens: a patch as a row of JSON, and back to the very same patch.

What lives here: the rows, without payloads, outputs, metadata and attempts, which a screen asks for. The messages that
carry them are in `wire.relay_messages`.
"""

import json
from dataclasses import fields
from datetime import datetime, timedelta
from sys import intern
from typing import Annotated, Any, Final, Required, TypeVar

from pydantic import Field

# pydantic takes only this one before Python 3.12
from typing_extensions import TypedDict

from tui.domain.error import RunError
from tui.domain.ids import BatchId, RunId, TaskId
from tui.domain.run import Fixed, Json, Precision, Stamp, State
from tui.domain.status import parse_status
from tui.domain.text import Raw
from tui.domain.update import RunPatch
from tui.wire.limits import MAX_TAGS
from tui.wire.times import EARLIEST, LATEST, clamp

T = TypeVar("T")

LARGEST_ROW: Final = 64 * 1024
"""Bytes. A longer error or schedule comes with the detail that a screen asks for: a list has no use for it."""

_FIXED_NAMES: Final = tuple(field.name for field in fields(Fixed) if field.name != "created_at")
_MICROSECOND: Final = timedelta(microseconds=1)

_Count = Annotated[int, Field(ge=0, le=2**53)]
# 10^17 us are 3,000 years: more is no duration.
_Duration = Annotated[int, Field(ge=-(10**17), le=10**17)]
_Cents = Annotated[float, Field(allow_inf_nan=False)]


class FixedRow(TypedDict, total=False):
    """`Fixed`, without what is not known."""

    task: str
    created_at: str
    depth: _Count
    is_test: bool
    environment: str
    version: str
    parent_id: str
    root_id: str
    batch_id: str
    trigger_function: str
    ttl: str
    idempotency_key: str
    region: str
    task_kind: str
    schedule: Any
    queue: str
    machine: str


class StateRow(TypedDict, total=False):
    """`State`. `is_final` says what an unknown `word` means; `compute_us` are microseconds."""

    updated_at: Required[str]
    precision: Required[int]
    word: Required[str]
    is_final: Required[bool]
    started_at: str
    finished_at: str
    expired_at: str
    delayed_until: str
    compute_us: Required[_Duration]
    cost_cents: Required[_Cents]
    base_cost_cents: Required[_Cents]
    tags: Required[list[str]]


class ErrorValueRow(TypedDict, total=False):
    """`RunError`."""

    message: Required[str]
    name: str
    stack: str
    code: str
    causes: list["ErrorValueRow"]
    has_code_only: bool


class ErrorRow(TypedDict, total=False):
    """The facet: its stamp, and the error, or null where the run has none."""

    updated_at: Required[str]
    precision: Required[int]
    read_at: Required[str]
    value: Required[ErrorValueRow | None]


class PatchRow(TypedDict, total=False):
    """`RunPatch`, without what a screen asks for."""

    id: Required[str]
    read_at: Required[str]
    fixed: FixedRow
    state: StateRow
    error: ErrorRow
    attempt_count: _Count


class GoneRow(TypedDict):
    """A run that the server denied."""

    id: str
    at: str


def encode_patch(patch: RunPatch) -> bytes:
    """A patch as one JSON object, in ASCII; without its error and schedule where these are too large to travel."""
    try:
        text = _compact(_row(patch, is_whole=True))
    except (RecursionError, ValueError):  # JSON that is nested too deep to be written, or has a number too long
        text = ""
    if not text or len(text) > LARGEST_ROW:
        text = _compact(_row(patch, is_whole=False))
    return text.encode("ascii")


def decode_patch(row: PatchRow) -> RunPatch:
    """The patch that a row tells. Raises ValueError or OverflowError for times and precisions that are none."""
    read_at = decode_time(row["read_at"])
    return RunPatch(
        decode_run_id(row["id"]),
        read_at,
        fixed=_read_fixed(row["fixed"]) if "fixed" in row else None,
        state=_read_state(row["state"]) if "state" in row else None,
        error=_read_error(row["error"]) if "error" in row else None,
        attempt_count=row.get("attempt_count"),
    )


def decode_run_id(text: str) -> RunId:
    """An id, which may hold anything but must be something. Raises ValueError."""
    if not text:
        raise ValueError("an empty id")
    return RunId(text)


def encode_time(at: datetime) -> str:
    """A moment, to the microsecond."""
    return at.isoformat()


def decode_time(text: str) -> datetime:
    """Return that moment as UTC, within the bounds of `wire.times`. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return clamp(at)


def decode_moment(text: str) -> datetime:
    """Return a time that a clock showed. Raises ValueError for one that no clock shows: others are reckoned by it."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or not EARLIEST <= at <= LATEST:
        raise ValueError("a time that no clock shows")
    return clamp(at)


def _compact(row: dict[str, Json]) -> str:
    return json.dumps(row, separators=(",", ":"))


def _row(patch: RunPatch, *, is_whole: bool) -> dict[str, Json]:
    row: dict[str, Json] = {"id": patch.id, "read_at": encode_time(patch.read_at)}
    if patch.fixed is not None:
        row["fixed"] = _fixed_row(patch.fixed, is_whole=is_whole)
    if patch.state is not None:
        row["state"] = _state_row(patch.state)
    if patch.error is not None and is_whole:
        stamp, error = patch.error
        row["error"] = {
            "updated_at": encode_time(stamp.updated_at),
            "precision": int(stamp.precision),
            "read_at": encode_time(stamp.read_at),
            "value": None if error is None else _error_row(error),
        }
    if patch.attempt_count is not None:
        row["attempt_count"] = patch.attempt_count
    return row


def _fixed_row(fixed: Fixed, *, is_whole: bool) -> dict[str, Json]:
    row = {name: value for name in _FIXED_NAMES if (value := getattr(fixed, name)) is not None}
    if fixed.created_at is not None:
        row["created_at"] = encode_time(fixed.created_at)
    if not is_whole:
        row.pop("schedule", None)
    return row


def _state_row(state: State) -> dict[str, Json]:
    row: dict[str, Json] = {
        "updated_at": encode_time(state.updated_at),
        "precision": int(state.precision),
        "word": state.status.word,
        "is_final": state.status.canonical.is_final,
        "compute_us": state.compute // _MICROSECOND,
        "cost_cents": state.cost_cents,
        "base_cost_cents": state.base_cost_cents,
        "tags": state.tags,
    }
    for name in ("started_at", "finished_at", "expired_at", "delayed_until"):
        if (at := getattr(state, name)) is not None:
            row[name] = encode_time(at)
    return row


def _error_row(error: RunError) -> dict[str, Json]:
    row: dict[str, Json] = {"message": error.message}
    for name in ("name", "stack", "code"):
        if (text := getattr(error, name)) is not None:
            row[name] = text
    if error.causes:
        row["causes"] = [_error_row(cause) for cause in error.causes]
    if error.has_code_only:
        row["has_code_only"] = True
    return row


def _read_fixed(row: FixedRow) -> Fixed:
    return Fixed(
        task=TaskId(intern(row["task"])) if "task" in row else None,
        created_at=_time(row.get("created_at")),
        depth=row.get("depth"),
        is_test=row.get("is_test"),
        environment=_shared(row.get("environment")),
        version=_shared(row.get("version")),
        parent_id=RunId(row["parent_id"]) if "parent_id" in row else None,
        root_id=RunId(row["root_id"]) if "root_id" in row else None,
        batch_id=BatchId(row["batch_id"]) if "batch_id" in row else None,
        trigger_function=_shared(row.get("trigger_function")),
        ttl=_shared(row.get("ttl")),
        idempotency_key=_raw(row.get("idempotency_key")),
        region=_shared(row.get("region")),
        task_kind=_shared(row.get("task_kind")),
        schedule=row.get("schedule"),
        queue=_shared(row.get("queue")),
        machine=_shared(row.get("machine")),
    )


def _read_state(row: StateRow) -> State:
    return State(
        updated_at=decode_time(row["updated_at"]),
        precision=Precision(row["precision"]),
        status=parse_status(row["word"], ended=row["is_final"]),
        started_at=_time(row.get("started_at")),
        finished_at=_time(row.get("finished_at")),
        expired_at=_time(row.get("expired_at")),
        delayed_until=_time(row.get("delayed_until")),
        compute=timedelta(microseconds=row["compute_us"]),
        cost_cents=row["cost_cents"],
        base_cost_cents=row["base_cost_cents"],
        tags=tuple(Raw(tag) for tag in row["tags"][:MAX_TAGS]),
    )


def _read_error(row: ErrorRow) -> tuple[Stamp, RunError | None]:
    stamp = Stamp(decode_time(row["updated_at"]), Precision(row["precision"]), decode_time(row["read_at"]))
    value = row["value"]
    return stamp, None if value is None else _read_error_value(value)


def _read_error_value(row: ErrorValueRow) -> RunError:
    return RunError(
        Raw(row["message"]),
        _raw(row.get("name")),
        _raw(row.get("stack")),
        row.get("code"),
        tuple(_read_error_value(cause) for cause in row.get("causes", ())),
        row.get("has_code_only", False),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else decode_time(text)


def _shared(text: str | None) -> Raw | None:
    """One object for a text that many runs repeat."""
    return None if text is None else Raw(intern(text))


def _raw(text: str | None) -> Raw | None:
    return None if text is None else Raw(text)
