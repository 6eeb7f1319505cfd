"""The lenient types of API responses, and `decode`, which reads bytes as these and drops what is invalid."""

import json
import re
import sys
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from dataclasses import MISSING
from dataclasses import fields as dataclass_fields
from datetime import datetime
from functools import cache
from inspect import signature
from typing import Annotated, Any, Final, Generic, NotRequired, Required, TypeVar, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict

from tui.api.errors import MAX_ID_CHARS, MAX_NAME_CHARS, MAX_PAGE_ROWS, Limits, ServerFault, read_duration_ms, read_time
from tui.domain.ids import Cursor
from tui.domain.run import Json
from tui.lazy_dataclass import dataclass

# Cuts arrays and objects that are too deep or too long out of a JSON text, before it is decoded.
#
# The decoder holds the GIL, even in a thread: a million keys would freeze the screen for a second. It also fails at a
# depth of about 900, so that one deeply nested run would hide the other rows of its page.


MAX_DEPTH: Final = 200
"""Arrays and objects around a value."""

MAX_ITEMS: Final = 10_000
"""Items of one array or object. No limit of `api.errors` for such items is higher, except that of spans."""

CUT: Final = '"…"'.encode()
"""Replaces an array or object that is too deep."""

# An unterminated string matches the rest of the text, so that each byte is scanned only once.
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)|[\[{]|[\]}]|,', re.DOTALL)


def may_be_long(body: bytes) -> bool:
    """Whether an array or object may have more than MAX_ITEMS. This takes a millisecond for 10 MB."""
    return body.count(b",") >= MAX_ITEMS


def within_bounds(body: bytes, max_depth: int = MAX_DEPTH) -> tuple[bytes, int]:
    """Cut values below `max_depth`, and items after the first MAX_ITEMS of an array or object.

    Return the shortened text and the number of items in the longest array or object. Invalid JSON stays invalid.
    """
    kept: list[bytes] = []
    commas: list[int] = []
    kept_until = cut_depth = longest = 0
    for token in _TOKEN.finditer(body):
        match body[token.start()]:
            case 0x5B | 0x7B:  # [ {
                commas.append(0)
                if not cut_depth and len(commas) > max_depth:
                    kept += [body[kept_until : token.start()], CUT]
                    cut_depth = len(commas)
            case 0x5D | 0x7D if commas:  # ] }
                if cut_depth == len(commas):
                    kept_until = token.end() if cut_depth > max_depth else token.start()
                    cut_depth = 0
                longest = max(longest, commas.pop() + 1)
            case 0x2C if commas:  # ,
                commas[-1] += 1
                if commas[-1] == MAX_ITEMS and not cut_depth:
                    kept.append(body[kept_until : token.start()])
                    cut_depth = len(commas)
            case _:  # a string, or a token outside of any array or object
                pass
    if not cut_depth:
        kept.append(body[kept_until:])
    return b"".join(kept), longest


# Reads PostgreSQL array literals such as `{"a","b c",NULL}`; the feed's `runTags` is one.
#
# Source: tests/wire/recordings/README.md §8 (recordings 717, 719); PostgreSQL manual, "Array Input and Output Syntax".


# Possessive quantifiers prevent backtracking, which would take minutes on many spaces before an odd character.
_ITEM = re.compile(r'\s*+(?:"((?:[^"\\]|\\.)*+)"\s*+|((?:[^,{}"\\]|\\.)*+))(?:,|\Z)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read_array(text: str | None) -> tuple[str, ...]:
    """Return the items of a flat array without its nulls, none if the text is not an array."""
    if text is None or len(text) < 2 or text[0] != "{" or text[-1] != "}":
        return ()
    inside = text[1:-1]
    items: list[str] = []
    at = 0
    while at < len(inside):
        item = _ITEM.match(inside, at)
        if item is None:
            return ()
        quoted, bare = item.groups()
        if quoted is not None:
            items.append(_ESCAPED.sub(r"\1", quoted))
        elif bare.strip() and bare.strip().upper() != "NULL":
            items.append(_ESCAPED.sub(r"\1", bare.strip()))
        at = item.end()
    return tuple(items)


# Removes the secrets of waitpoint tokens from whatever a server sends.
#
# Whoever knows the callback address of a token can complete it. The server sends addresses in its list of tokens, and
# they come back in everything that code of runs does with them: payloads, outputs, metadata, log lines, attributes,
# errors. A body is cleaned before anything else reads it, so no address is shown, copied, printed, logged or relayed.
# Source: tests/wire/recordings/README.md §7 (recordings 1103, 1105).


_ONE_SLASH: Final = rb"(?:\\{0,31}/|%(?:25){0,4}2[fF]|\\{1,31}u002[fF])"
"""A slash as JSON, a URL or both may write it, inside of each other."""

# Bounded and possessive: with anything less, one kilobyte of slashes takes a minute.
_SLASH: Final = _ONE_SLASH + rb"{1,4}+"
_ID: Final = rb"(?:(?!" + _ONE_SLASH + rb")[\w.%-]){1,200}+"
_PARTS: Final = (rb"waitpoints", rb"tokens", _ID, rb"[Cc]allback", rb"")
_ADDRESS: Final = rb"(" + _SLASH.join(_PARTS) + rb")[\w.~+=%-]+"
_CUT: Final = b"\\1\xe2\x80\xa6"


def without_callback_secrets(body: bytes) -> bytes:
    """Return the body with `…` in the place of each secret. A body without an address is returned as it is."""
    return re.sub(_ADDRESS, _CUT, body) if b"allback" in body else body


# Lenient types for pydantic, which reads an answer straight into the values that the program shows.
#
# A row needs only what identifies it. Whatever else is null or of a wrong type is absent, as if the server had not sent
# it. JSON is read by Python's decoder: pydantic's own refuses the lone surrogates that JavaScript sends, and numbers of
# thousands of digits. Source: tests/wire/recordings/README.md §3, §4.


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Text:
    """A text of at least `min_chars`. Above `max_chars` it is cut with a note on its `kind`; without one, refused."""

    kind: str = ""
    max_chars: int = MAX_NAME_CHARS
    min_chars: int = 0

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        # A type of pydantic's would refuse lone surrogates.
        return core_schema.with_info_plain_validator_function(self._read)

    def _read(self, value: Json, info: ValidationInfo[Limits]) -> str:
        if type(value) is not str or len(value) < self.min_chars or (not self.kind and len(value) > self.max_chars):
            raise ValueError("not a text, or of a wrong length")
        return value if len(value) <= self.max_chars else info.context.text(value, self.kind, self.max_chars)


def _whole(value: Json) -> Json:
    """Return a whole number as an integer: JavaScript makes no difference."""
    return int(value) if type(value) is float and value.is_integer() else value


def _time(value: Json) -> datetime | None:
    return read_time(value)


Id = Annotated[str, Text(max_chars=MAX_ID_CHARS, min_chars=1)]
Word = Annotated[str, Text(max_chars=sys.maxsize, min_chars=1)]
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=0, le=2**53)]
Cents = Annotated[float, Field(strict=True, allow_inf_nan=False)]
# 10^14 ms are 3,000 years. A larger value is not a duration, and may overflow a timedelta.
Milliseconds = Annotated[float, Field(strict=True, ge=0, le=1e14), AfterValidator(read_duration_ms)]
Time = Annotated[datetime | None, PlainValidator(read_time)]
"""A time as ISO text, None if it cannot be read."""


class _AbsentIfInvalid:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_default_schema(handler(source), on_error="omit")


class _NoneIfInvalid:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_default_schema(handler(source), default=None, on_error="default")


Lenient = Annotated[T, _AbsentIfInvalid()]
"""A key, or an item of a list, that is absent if its value is invalid."""

OrNone = Annotated[T | None, _NoneIfInvalid()]
"""A value that is None if it is invalid."""


class Items:
    """The first items of a list, as a tuple, with a note about their `kind` if there are more.

    An invalid item is left out, or makes the list invalid.
    """

    def __init__(self, item: Any, max_count: int, kind: str, *, drops_invalid: bool = True) -> None:
        hint = _hint(item)
        self._list = list[Lenient[hint]] if drops_invalid else list[hint]  # type: ignore[valid-type]
        self._max_count = max_count
        self._kind = kind

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._first, handler.generate_schema(self._list))

    def _first(self, items: list[T], info: ValidationInfo[Limits]) -> tuple[T, ...]:
        return tuple(info.context.take(items, self._max_count, self._kind))


class JsonObject(Generic[T]):
    """A JSON object that becomes a value of a dataclass: its keys are the parameters of `kind`, or of `make`.

    A field is a type, or a path of keys (`a`, `a/b`) and a type. A parameter without a default is required: an object
    without it is invalid. Any other one keeps its default if the key is absent, null or invalid. `make` passes on to
    `kind` what it does not name; if it returns None, the object stands for nothing.
    """

    def __init__(self, kind: Callable[..., T], make: Callable[..., Any] | None = None, /, **fields: Any) -> None:
        self._kind = kind
        self._make = make or kind
        self._fields = fields

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        named = {} if self._make is self._kind else signature(self._make).parameters
        required = {each.name for each in named.values() if each.default is each.empty}
        required |= {
            each.name for each in dataclass_fields(cast("Any", self._kind)) if each.default is MISSING
        } - named.keys()
        parts = {}
        for name, field in self._fields.items():
            path, hint = field if isinstance(field, tuple) else (name, field)
            schema = handler.generate_schema(_hint(hint))
            if name not in required:
                schema = core_schema.with_default_schema(schema, on_error="omit")
            parts[name] = core_schema.typed_dict_field(
                schema, required=name in required, validation_alias=path.split("/")
            )
        return core_schema.no_info_after_validator_function(self._made, core_schema.typed_dict_schema(parts))

    def _made(self, values: dict[str, Any]) -> Any:
        return self._make(**values)


def _hint(kind: Any) -> Any:
    return Annotated[Any, kind] if isinstance(kind, JsonObject | Text | Items) else kind


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(_hint(kind))


@cache
def _rows_adapter(row: JsonObject[T]) -> TypeAdapter[list[T | None]]:
    hint = _hint(row)
    return TypeAdapter(list[Lenient[hint]])  # type: ignore[valid-type]


# The shapes of API responses as typed dictionaries, and `decode` and `decode_items`, which read bytes as these.


MAX_CURSOR_CHARS: Final = 2_000
"""Length of a cursor, which names a count, a fingerprint and a task."""

MAX_INTEGER_DIGITS = 4_300
"""Longest integer that Python converts by default. A longer one becomes an infinite float, as in JavaScript."""

_SPACE: Final = " \t\r\n"
_BETWEEN: Final = re.compile(rf"[{_SPACE}]*(,|]\Z)[{_SPACE}]*")
"""What follows an item of an array."""

AnyText = Annotated[str, Text(max_chars=sys.maxsize)]
_Text = Lenient[AnyText]
_Flag = Lenient[Flag]
_Count = Lenient[Count]
_Duration = Lenient[Annotated[float, Field(strict=True, ge=0, le=1e14)]]
_Cents = Lenient[Cents]
_Word = Word


class EnvironmentRow(TypedDict, total=False):
    """The `env` of a list row."""

    name: _Text


class RunRow(TypedDict, total=False):
    """A run in the list, or a related run in a detail. Dates are still texts."""

    id: Required[Id]
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
    env: Lenient[EnvironmentRow]
    tags: Lenient[list[_Text]]
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


_Row = OrNone[RunRow]


class RelatedRuns(TypedDict, total=False):
    """The `relatedRuns` of a detail; an unreadable row is None."""

    root: _Row
    parent: _Row
    children: Lenient[list[_Row]]


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
    attempts: Lenient[list[Lenient[AttemptRow]]]
    relatedRuns: Lenient[RelatedRuns]
    schedule: Any


class Pagination(TypedDict, total=False):
    """The cursor of the next page."""

    next: Lenient[_Word]


class RunPage(TypedDict, total=False):
    """The response of `GET /api/v1/runs`; an unreadable row is None."""

    data: Required[list[_Row]]
    pagination: Lenient[Pagination]


class NameRow(TypedDict, total=False):
    """A project or an organisation."""

    slug: _Text


class ProjectRow(NameRow, total=False):
    """The project of an environment."""

    externalRef: Lenient[_Word]


class WhoamiRow(TypedDict, total=False):
    """The response of `GET /api/v1/whoami`, without the secret key that it echoes.

    Only version 2 of this response is recorded with the dashboard's address. It takes another kind of key.
    """

    slug: Required[_Word]
    type: Required[_Word]
    project: Lenient[ProjectRow]
    organization: Lenient[NameRow]
    dashboardUrl: _Text
    paused: _Flag


class QueryRows(TypedDict):
    """The response of `POST /api/v1/query`."""

    results: list[Any]


class IdRow(TypedDict):
    """The response of cancel and replay."""

    id: _Word


def decode(shape: type[T] | JsonObject[T], body: bytes, name: str, limits: Limits | None = None) -> T:
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
        return convert(shape, value, limits)
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
            with suppress(ValidationError):
                yield convert(shape, value, limits)
    except (ValueError, RecursionError):
        raise _unreadable(name) from None


@dataclass(frozen=True, slots=True)
class RowsPage(Generic[T]):
    """A page of a list. `next` is the cursor of the next one, `page_count` the pages of the list; 1 if not sent.

    `unreadable` counts the rows that were dropped. `is_cut`: the page had more rows than its limit.
    """

    rows: tuple[T, ...]
    next: Cursor | None = None
    page_count: int = 1
    unreadable: int = 0
    is_cut: bool = False


class _Pagination(TypedDict, total=False):
    next: Lenient[Word]
    totalPages: Lenient[Count]


class _PageShape(TypedDict):
    data: list[Any]
    pagination: NotRequired[Lenient[_Pagination]]


def decode_rows(
    row: JsonObject[T], body: bytes, name: str, kind: str, limits: Limits | None, *, max_rows: int = MAX_PAGE_ROWS
) -> RowsPage[T]:
    """Decode a page of a list, without the rows that cannot be read or stand for nothing. `kind` names them.

    Raises `ServerFault`.
    """
    limits = limits or Limits()
    page = decode(_PageShape, body, name, limits)
    taken = limits.take(page["data"], max_rows, f"{kind} on a page")
    rows: list[T | None] = _rows_adapter(row).validate_python(taken, context=limits)
    pagination = page.get("pagination", {})
    following = pagination.get("next")
    return RowsPage(
        tuple(each for each in rows if each is not None),
        # A cursor that cannot be sent back ends the list.
        Cursor(following) if following is not None and is_cursor(following) else None,
        max(1, pagination.get("totalPages", 1)),
        len(taken) - len(rows),
        len(taken) < len(page["data"]),
    )


def is_cursor(text: str) -> bool:
    """Whether a text may be a cursor, which is base64 (recording 2703): a relay gets it from its screens."""
    return 0 < len(text) <= MAX_CURSOR_CHARS and text.isascii() and text.isprintable()


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


def convert(kind: type[T] | JsonObject[T], value: Json, limits: Limits | None = None) -> T:
    """Read a decoded value as one of these types. Raises ValidationError, a ValueError."""
    read: T = _adapter(cast("Hashable", kind)).validate_python(value, context=limits or Limits())
    return read


def read_json(body: bytes) -> Json:
    """Decode JSON of any shape. Raises ValueError or RecursionError."""
    return json.loads(body, parse_int=_read_integer)


def _read_integer(text: str) -> int | float:
    return int(text) if len(text) <= MAX_INTEGER_DIGITS else float(text)


_DECODER: Final = json.JSONDecoder(parse_int=_read_integer)
