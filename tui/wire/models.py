"""The shapes of API responses as typed dictionaries, and `decode` and `decode_items`, which read bytes as these.

A row needs only the keys that identify it. Every other key is dropped if it is null or of a wrong type. The
conversion into domain values is in `wire.runs` and `wire.responses`.
Source: tests/wire/recordings/README.md §3, §4.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Annotated, Any, Final, Required, TypedDict, TypeVar

from tui.domain.run import Json
from tui.wire.errors import ServerFault
from tui.wire.json_limits import MAX_DEPTH, MAX_ITEMS, may_be_long, within_bounds
from tui.wire.limits import MAX_ID_CHARS, Limits
from tui.wire.schemas import InvalidShape, OmittedOnError, finite, in_range, none_on_error, of_length, read_as

T = TypeVar("T")

MAX_INTEGER_DIGITS = 4_300
"""Longest integer that Python converts by default. A longer one becomes an infinite float, as in JavaScript."""

_SPACE: Final = " \t\r\n"
_BETWEEN: Final = re.compile(rf"[{_SPACE}]*(,|]\Z)[{_SPACE}]*")
"""What follows an item of an array."""

_Text = OmittedOnError[str]
_Flag = OmittedOnError[bool]
_Count = OmittedOnError[Annotated[int, in_range(0, 2**53)]]
# 10^14 ms are 3,000 years. A larger value is not a duration, and may overflow a timedelta.
_Duration = OmittedOnError[Annotated[float, in_range(0, 1e14)]]
_Cents = OmittedOnError[Annotated[float, finite]]
_Word = Annotated[str, of_length(1)]


class EnvironmentRow(TypedDict, total=False):
    """The `env` of a list row."""

    name: _Text


class RunRow(TypedDict, total=False):
    """A run in the list, or a related run in a detail. Dates are still texts."""

    id: Required[Annotated[str, of_length(1, MAX_ID_CHARS)]]
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
    env: OmittedOnError[EnvironmentRow]
    tags: OmittedOnError[list[OmittedOnError[str]]]
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


_Row = Annotated[RunRow | None, none_on_error]


class RelatedRuns(TypedDict, total=False):
    """The `relatedRuns` of a detail; an unreadable row is None."""

    root: _Row
    parent: _Row
    children: OmittedOnError[list[_Row]]


class ErrorRow(TypedDict, total=False):
    """The `error` of a detail, or of an attempt of an older server, which may have `stack` for `stackTrace`."""

    name: _Text
    message: Any
    stackTrace: _Text
    stack: _Text
    causes: Any


class AttemptRow(TypedDict, total=False):
    """An attempt of an older server. Today's servers send an empty list."""

    id: _Text
    number: _Count
    status: _Text
    createdAt: _Text
    startedAt: _Text
    completedAt: _Text
    error: Any


class RunDetail(RunRow, total=False):
    """The response of `GET /api/v3/runs/{id}`."""

    payload: Any
    payloadPresignedUrl: _Text
    output: Any
    outputPresignedUrl: _Text
    error: Any
    attemptCount: _Count
    attempts: OmittedOnError[list[OmittedOnError[AttemptRow]]]
    relatedRuns: OmittedOnError[RelatedRuns]
    schedule: Any


class Pagination(TypedDict, total=False):
    """The cursor of the next page."""

    next: OmittedOnError[_Word]


class RunPage(TypedDict, total=False):
    """The response of `GET /api/v1/runs`; an unreadable row is None."""

    data: Required[list[_Row]]
    pagination: OmittedOnError[Pagination]


class NameRow(TypedDict, total=False):
    """A project or an organisation."""

    slug: _Text


class ProjectRow(NameRow, total=False):
    """The project of an environment."""

    externalRef: OmittedOnError[_Word]


class WhoamiRow(TypedDict, total=False):
    """The response of `GET /api/v1/whoami`, without the secret key that it echoes.

    Only version 2 of this response is recorded with the dashboard's address. It takes another kind of key.
    """

    slug: Required[_Word]
    type: Required[_Word]
    project: OmittedOnError[ProjectRow]
    organization: OmittedOnError[NameRow]
    dashboardUrl: OmittedOnError[_Text]
    paused: OmittedOnError[bool]


class QueryRows(TypedDict):
    """The response of `POST /api/v1/query`."""

    results: list[OmittedOnError[dict[str, Any]]]


class IdRow(TypedDict):
    """The response of cancel and replay."""

    id: _Word


def decode(shape: type[T], body: bytes, name: str, limits: Limits | None = None) -> T:
    """Decode bytes as one of these shapes.

    With `limits`, arrays and objects are cut at MAX_ITEMS, which `limits` records. A relay's messages have no such
    limit. Raises `ServerFault`, whose text has the `name` of the response and nothing of its content.
    """
    body = _shortened(body, name, limits)
    try:
        try:
            value = read_json(body)
        except RecursionError:
            value = read_json(within_bounds(body)[0])
            _note_depth(limits or Limits(), name)
        return convert(shape, value)
    except (ValueError, RecursionError):
        raise _unreadable(name) from None


def decode_items(shape: type[T], body: bytes, name: str, limits: Limits) -> Iterator[T]:
    """Decode an array, and yield one item after the other. Items of another shape are left out.

    So a large array is never in memory as a whole, and another thread may run between two items. The limits and the
    error are those of `decode`; the error may come after some items.
    """
    body = _shortened(body, name, limits)
    try:
        for value in _items(body, lambda: _note_depth(limits, name)):
            with suppress(InvalidShape):
                yield convert(shape, value)
    except (ValueError, RecursionError):
        raise _unreadable(name) from None


def _items(body: bytes, on_deep: Callable[[], None]) -> Iterator[Json]:
    """Yield the items of an array. Call `on_deep` before the first one that is cut. Raises as `read_json` does."""
    text = body.decode(json.detect_encoding(body), "surrogatepass").strip(_SPACE)
    if not text.startswith("["):
        raise ValueError("not an array")
    text = text[1:].lstrip(_SPACE)
    at, is_cut, is_last = 0, False, text == "]"
    while not is_last:
        try:
            value, at = _DECODER.raw_decode(text, at)
        except RecursionError:
            if is_cut:
                raise
            rest = text[at:].encode("utf-8", "surrogatepass")
            text, at = within_bounds(rest, MAX_DEPTH - 1)[0].decode("utf-8", "surrogatepass"), 0
            is_cut = True
            on_deep()
            continue
        yield value
        if (between := _BETWEEN.match(text, at)) is None:
            raise ValueError("not an array")
        at, is_last = between.end(), between[1] == "]"


def _shortened(body: bytes, name: str, limits: Limits | None) -> bytes:
    """Cut arrays and objects at MAX_ITEMS, if there are limits."""
    if limits is None or not may_be_long(body):
        return body
    body, longest = within_bounds(body)
    if longest > MAX_ITEMS:
        limits.note(f"{longest:,} items in one array or object of {name}, only the first {MAX_ITEMS:,} are read")
    return body


def _note_depth(limits: Limits, name: str) -> None:
    limits.note(f"values nested more than {MAX_DEPTH} levels deep in {name} are left out")


def _unreadable(name: str) -> ServerFault:
    return ServerFault(f"{name} could not be read: not JSON, or not of the expected shape", 200)


def convert(shape: type[T], value: Json) -> T:
    """Read a decoded value as one of these shapes. Raises `InvalidShape`, a ValueError."""
    read: T = read_as(shape, value)
    return read


def read_json(body: bytes) -> Json:
    """Decode JSON of any shape. Raises ValueError or RecursionError."""
    return json.loads(body, parse_int=_read_integer)


def _read_integer(text: str) -> int | float:
    return int(text) if len(text) <= MAX_INTEGER_DIGITS else float(text)


_DECODER: Final = json.JSONDecoder(parse_int=_read_integer)
