"""The shapes of what the API sends, as far as we read them, and how bytes become them.

What lives here: typed dictionaries, their adapters (each built when first used) and `decode`. What a value means is
said where it is converted (`wire.runs`, `wire.responses`). Source: wire/README.md §3, §4.

Only what makes a row a row is required. Anything else that is absent, null or of a wrong kind is left out of the
dictionary, in pydantic's core, which costs nothing where all is well.
"""

import json
from functools import cache
from typing import Annotated, Any, Required, TypeVar

from pydantic import Field, GetPydanticSchema, OnErrorOmit, TypeAdapter, ValidationError
from pydantic_core import core_schema

# pydantic takes only this one before Python 3.12
from typing_extensions import TypedDict

from tui.domain.run import Json
from tui.wire.errors import ServerFault
from tui.wire.json_limits import MAX_DEPTH, MAX_ITEMS, may_be_long, within_bounds
from tui.wire.limits import MAX_ID_CHARS, Limits

T = TypeVar("T")

MAX_INTEGER_DIGITS = 4_300
"""Digits of an integer that Python reads and prints; a longer one becomes a float (infinite), as in JavaScript."""

_NoneOnError = GetPydanticSchema(
    lambda source, handler: core_schema.with_default_schema(handler(source), default=None, on_error="default")
)
_Text = OnErrorOmit[str]
_Flag = OnErrorOmit[bool]
_Count = OnErrorOmit[Annotated[int, Field(ge=0, le=2**53)]]
# 10^14 ms are 3,000 years: more is no duration, and more than a timedelta holds.
_Duration = OnErrorOmit[Annotated[float, Field(ge=0, le=1e14)]]
_Cents = OnErrorOmit[Annotated[float, Field(allow_inf_nan=False)]]
_Word = Annotated[str, Field(min_length=1)]


class EnvironmentRow(TypedDict, total=False):
    """The `env` of a list row."""

    name: _Text


class RunRow(TypedDict, total=False):
    """A run of the list, or a related run of a detail. Dates stay text here."""

    id: Required[Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)]]
    status: Required[_Word]
    taskIdentifier: Required[_Word]
    version: _Text
    createdAt: _Text
    updatedAt: _Text
    startedAt: _Text
    finishedAt: _Text
    expiredAt: _Text
    delayedUntil: _Text
    isTest: _Flag
    env: OnErrorOmit[EnvironmentRow]
    tags: OnErrorOmit[list[OnErrorOmit[str]]]
    costInCents: _Cents
    baseCostInCents: _Cents
    durationMs: _Duration
    depth: _Count
    ttl: _Text
    idempotencyKey: _Text
    region: _Text
    taskKind: _Text
    batchId: _Text
    triggerFunction: _Text
    metadata: Any


_Row = Annotated[RunRow | None, _NoneOnError]


class RelatedRuns(TypedDict, total=False):
    """The `relatedRuns` of a detail; a row that cannot be read is None."""

    root: _Row
    parent: _Row
    children: OnErrorOmit[list[_Row]]


class ErrorRow(TypedDict, total=False):
    """The `error` of a detail or of an attempt of an older server, which may say `stack`."""

    name: _Text
    message: Any
    stackTrace: _Text
    stack: _Text
    causes: Any


class AttemptRow(TypedDict, total=False):
    """An item of `attempts`, which today's servers leave empty."""

    id: _Text
    number: _Count
    status: _Text
    createdAt: _Text
    startedAt: _Text
    completedAt: _Text
    error: Any


class RunDetail(RunRow, total=False):
    """The answer of `GET /api/v3/runs/{id}`."""

    payload: Any
    payloadPresignedUrl: _Text
    output: Any
    outputPresignedUrl: _Text
    error: Any
    attemptCount: _Count
    attempts: OnErrorOmit[list[OnErrorOmit[AttemptRow]]]
    relatedRuns: OnErrorOmit[RelatedRuns]
    schedule: Any


class Pagination(TypedDict, total=False):
    """The cursors of a page."""

    next: OnErrorOmit[_Word]
    previous: OnErrorOmit[_Word]


class RunPage(TypedDict, total=False):
    """The answer of `GET /api/v1/runs`; a row that cannot be read is None."""

    data: Required[list[_Row]]
    pagination: OnErrorOmit[Pagination]


class NameRow(TypedDict, total=False):
    """A project or an organisation, as far as we keep it."""

    slug: _Text


class WhoamiRow(TypedDict, total=False):
    """The answer of `GET /api/v1/whoami`, without the key that it echoes."""

    slug: Required[_Word]
    type: Required[_Word]
    project: OnErrorOmit[NameRow]
    organization: OnErrorOmit[NameRow]


class QueryRows(TypedDict):
    """The answer of `POST /api/v1/query`."""

    results: list[OnErrorOmit[dict[str, Any]]]


class IdRow(TypedDict):
    """What cancel and replay answer."""

    id: _Word


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    # Built once, and not before it is needed: building costs milliseconds, importing should not.
    return TypeAdapter(shape)


def decode(shape: type[T], body: bytes, what: str, limits: Limits | None = None) -> T:
    """Read bytes as one of these shapes. `limits` learns of what is too deep or too long to be read.

    Without `limits` nothing is too long: a relay's lists are as long as they have to be.

    Raises `ServerFault`, whose text calls the answer `what` and holds nothing of it.
    """
    if limits is not None and may_be_long(body):
        body, longest = within_bounds(body)
        if longest > MAX_ITEMS:
            limits.note(f"{longest:,} items in one place of {what}, the first {MAX_ITEMS:,} of them are read")
    try:
        read: T = _adapter(shape).validate_json(body)  # type: ignore[arg-type]  # a class is hashable
    except ValidationError:
        pass
    else:
        return read
    # pydantic's own reader refuses lone surrogates (JavaScript writes them), depth over 200 and very long numbers.
    try:
        try:
            value = read_json(body)
        except RecursionError:
            value = read_json(within_bounds(body)[0])
            (limits or Limits()).note(f"values nested more than {MAX_DEPTH} deep in {what} are left out")
        return convert(shape, value)
    except (ValueError, RecursionError):
        raise ServerFault(f"{what} could not be read: no JSON, or not of the shape that we know", 200) from None


def convert(shape: type[T], value: Json) -> T:
    """Read a decoded value as one of these shapes. Raises pydantic's ValidationError, which is a ValueError."""
    read: T = _adapter(shape).validate_python(value)  # type: ignore[arg-type]  # a class is hashable
    return read


def read_json(body: bytes) -> Json:
    """Read bytes as JSON of any shape. Raises ValueError or RecursionError."""
    return json.loads(body, parse_int=_read_integer)


def _read_integer(text: str) -> int | float:
    return int(text) if len(text) <= MAX_INTEGER_DIGITS else float(text)
