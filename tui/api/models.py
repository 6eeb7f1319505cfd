"""The lenient types of API responses, and `decode`, which reads bytes as these and drops what is invalid."""

import json
import re
import sys
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from dataclasses import MISSING, is_dataclass, replace
from dataclasses import fields as dataclass_fields
from datetime import datetime
from functools import cache, partial
from inspect import isfunction, signature
from typing import Annotated, Any, Final, Generic, TypeVar, cast

from pydantic import (
    AfterValidator,
    Field,
    GetCoreSchemaHandler,
    OnErrorOmit,
    PlainValidator,
    TypeAdapter,
    ValidationInfo,
)
from pydantic_core import CoreSchema, core_schema

from tui.api.errors import MAX_ID_CHARS, MAX_NAME_CHARS, MAX_PAGE_ROWS, Limits, ServerFault, read_duration_ms, read_time
from tui.domain.run import Cursor, Json
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

# Strings and numbers, then what follows them. An unterminated string takes the rest of the text, and nothing is given
# back, so that each byte is scanned only once.
_TOKEN: Final = re.compile(rb'(?:[^"\[\]{},]++|"[^"\\]*+(?:\\.?[^"\\]*+)*+(?:"|\Z))*+([\[\]{},]|\Z)', re.DOTALL)


def within_bounds(body: bytes, max_depth: int = MAX_DEPTH) -> tuple[bytes, int]:
    """Cut values below `max_depth`, and items after the first MAX_ITEMS of an array or object.

    Return the shortened text and the number of items in the longest array or object. Invalid JSON stays invalid.
    """
    kept: list[bytes] = []
    commas: list[int] = []
    kept_until = cut_depth = longest = 0
    for token in _TOKEN.finditer(body):
        match token[1]:
            case b"[" | b"{":
                commas.append(0)
                if not cut_depth and len(commas) > max_depth:
                    kept += [body[kept_until : token.start(1)], CUT]
                    cut_depth = len(commas)
            case b"]" | b"}" if commas:
                if cut_depth == len(commas):
                    kept_until = token.end() if cut_depth > max_depth else token.start(1)
                    cut_depth = 0
                longest = max(longest, commas.pop() + 1)
            case b"," if commas:
                commas[-1] += 1
                if commas[-1] == MAX_ITEMS and not cut_depth:
                    kept.append(body[kept_until : token.start(1)])
                    cut_depth = len(commas)
            case _:  # the end, or a token outside of any array or object
                pass
    if not cut_depth:
        kept.append(body[kept_until:])
    return b"".join(kept), longest


# Removes the secrets of waitpoint tokens from all answers of a server.
#
# Anyone who knows the callback address of a token can complete it. The server sends addresses in its list of tokens,
# and code of runs may put them into payloads, outputs, metadata, log lines, attributes and errors. A body is cleaned
# before any other code reads it, so no address is shown, copied, printed, logged or relayed. Source:
# tests/wire/recordings/README.md §7 (recordings 1103, 1105).


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
    """A text of at least `min_chars`. Above `max_chars` it is cut with a note on its `kind`; without one, refused.

    `share` returns one object for equal texts.
    """

    kind: str = ""
    max_chars: int = MAX_NAME_CHARS
    min_chars: int = 0
    share: Callable[[str], str] | None = None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        # pydantic's own type is fast, but refuses lone surrogates.
        usual = core_schema.str_schema(strict=True, min_length=self.min_chars, max_length=self.max_chars)
        other = core_schema.with_info_plain_validator_function(self._read)
        text = core_schema.union_schema([usual, other], mode="left_to_right")
        return text if self.share is None else core_schema.no_info_after_validator_function(self.share, text)

    def _read(self, value: Json, info: ValidationInfo[Limits]) -> str:
        if type(value) is not str or len(value) < self.min_chars or (not self.kind and len(value) > self.max_chars):
            raise ValueError("not a text, or of the wrong length")
        return value if len(value) <= self.max_chars else info.context.text(value, self.kind, self.max_chars)


def _whole(number: float) -> int:
    """Return a whole number as an integer: JavaScript makes no difference."""
    if not number.is_integer():
        raise ValueError("not a whole number")
    return int(number)


Id = Annotated[str, Text(max_chars=MAX_ID_CHARS, min_chars=1)]
Word = Annotated[str, Text(max_chars=sys.maxsize, min_chars=1)]
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[float, Field(strict=True, ge=0, le=2**53), AfterValidator(_whole)]
Cents = Annotated[float, Field(strict=True, allow_inf_nan=False)]
# 10^14 ms are 3,000 years. A larger value is not a duration, and may overflow a timedelta.
Milliseconds = Annotated[float, Field(strict=True, ge=0, le=1e14), AfterValidator(read_duration_ms)]
Time = Annotated[datetime | None, PlainValidator(read_time)]
"""A time as ISO text, None if it cannot be read."""


class _NoneIfInvalid:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_default_schema(handler(source), default=None, on_error="default")


Lenient = OnErrorOmit[T]
"""A key, or an item of a list, that is absent if its value is invalid."""

OrNone = Annotated[T | None, _NoneIfInvalid()]
"""A value that is None if it is invalid."""


@dataclass(frozen=True, slots=True)
class Items:
    """The first items of a list, as a tuple, with a note about their `kind` if there are more.

    `kind` may name the object's id: `tags of {id}`. An invalid item is left out, or makes the list invalid.
    """

    item: Any
    max_count: int
    kind: str
    drops_invalid: bool = True

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        item = handler.generate_schema(_hint(self.item))
        if self.drops_invalid:
            item = core_schema.with_default_schema(item, on_error="omit")
        return core_schema.with_info_after_validator_function(self._first, core_schema.list_schema(item))

    def _first(self, items: list[T], info: ValidationInfo[Limits]) -> tuple[T, ...]:
        if len(items) > self.max_count:
            return tuple(info.context.take(items, self.max_count, self.kind.format(id=(info.data or {}).get("id"))))
        return tuple(items)


class JsonObject(Generic[T]):
    """A JSON object that becomes a dataclass or a dictionary: its keys are the parameters of `kind`, or of `make`.

    A field is a type, or a path of keys (`a`, `a/b`) and a type. A parameter without a default is required: an object
    without it is invalid. Any other one keeps its default if the key is absent, null or invalid. `make` passes on to
    `kind` what it does not name; if it returns None, the object stands for nothing.
    """

    def __init__(self, kind: Callable[..., T], make: Callable[..., Any] | None = None, /, **fields: Any) -> None:
        self._kind = kind
        self._make = make or kind
        self._fields = fields

    def only_declared(self, value: Json) -> Json:
        """Return a decoded object with the keys that are declared here, and no others."""
        kept: dict[str, Any] = {}
        for name, field in self._fields.items():
            path, hint = field if isinstance(field, tuple) else (name, field)
            *above, last = path.split("/")
            source, target = value, kept
            for key in above:
                source = source.get(key) if isinstance(source, dict) else None
                target = target.setdefault(key, {})
            if isinstance(source, dict) and last in source:
                target[last] = _only_declared(hint, source[last])
        return kept

    def __get_pydantic_core_schema__(self, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        named = signature(self._make).parameters if isfunction(self._make) else {}
        required = {each.name for each in named.values() if each.default is each.empty}
        inner = dataclass_fields(self._kind) if is_dataclass(self._kind) else ()
        required |= {each.name for each in inner if each.default is MISSING} - named.keys()
        parts = {}
        for name, field in self._fields.items():
            path, hint = field if isinstance(field, tuple) else (name, field)
            schema = handler.generate_schema(_hint(hint))
            if name not in required:
                schema = core_schema.with_default_schema(schema, on_error="omit")
            is_required = name in required
            parts[name] = core_schema.typed_dict_field(schema, required=is_required, validation_alias=path.split("/"))
        values = core_schema.typed_dict_schema(parts)
        return core_schema.no_info_after_validator_function(lambda read: self._make(**read), values)


def _only_declared(hint: Any, value: Json) -> Json:
    match hint, value:
        case JsonObject(), dict():
            return hint.only_declared(value)
        case Items(), list():
            return [_only_declared(hint.item, each) for each in value]
        case _:
            return None if isinstance(value, dict | list) else value


def _hint(kind: Any) -> Any:
    return Annotated[Any, kind] if isinstance(kind, JsonObject | Text | Items) else kind


@cache
def _validate(kind: Hashable) -> Callable[..., Any]:
    return TypeAdapter(_hint(kind)).validator.validate_python


MAX_CURSOR_CHARS: Final = 2_000
"""Length of a cursor, which names a count, a fingerprint and a task."""

MAX_INTEGER_DIGITS = 4_300
"""Longest integer that Python converts by default. A longer one becomes an infinite float, as in JavaScript."""

AnyText = Annotated[str, Text(max_chars=sys.maxsize)]

Shape = type[T] | JsonObject[T] | partial[T]
"""A type, or a function that reads a decoded value, given the limits. It raises `ValueError`."""


def convert(shape: Shape[T], value: Json, limits: Limits | None = None) -> T:
    """Read a decoded value as one of these shapes. Raises `ValueError`, as pydantic's errors are."""
    limits = limits or Limits()
    if isinstance(shape, partial):
        return shape(value, limits)
    read: T = _validate(cast("Hashable", shape))(value, context=limits)
    return read


def decode(shape: Shape[T], body: bytes, name: str, limits: Limits) -> T:
    """Decode bytes as one of these shapes. `limits` records what is cut.

    Raises `ServerFault`, whose text has the `name` of the response and nothing of its content.
    """
    # To count takes a millisecond for 10 MB.
    if body.count(b",") >= MAX_ITEMS:
        body, longest = within_bounds(body)
        if longest > MAX_ITEMS:
            limits.note(f"{longest:,} items in one array or object of {name}, only the first {MAX_ITEMS:,} are read")
    try:
        try:
            value = read_json(body)
        except RecursionError:
            value = read_json(within_bounds(body)[0])
            limits.note(f"values nested more than {MAX_DEPTH} levels deep in {name} are left out")
        return convert(shape, value, limits)
    except (ValueError, RecursionError):
        raise ServerFault(f"{name} could not be read: not JSON, or not of the expected form", 200) from None


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


def is_cursor(text: str) -> bool:
    """Whether a text may be a cursor, which is base64 (recording 2703): a relay gets it from its screens."""
    return 0 < len(text) <= MAX_CURSOR_CHARS and text.isascii() and text.isprintable()


PAGE: Final = JsonObject[RowsPage[Json]](
    RowsPage,
    rows=("data", list[Any]),
    # A cursor that cannot be sent back ends the list.
    next=("pagination/next", Annotated[str, AfterValidator(lambda text: text if is_cursor(text) else None)]),
    page_count=("pagination/totalPages", Annotated[Count, Field(ge=1)]),
)


def decode_rows(row: Shape[T], body: bytes, name: str, limits: Limits) -> RowsPage[T]:
    """Decode a page of a list, without the rows that cannot be read or stand for nothing.

    Raises `ServerFault`.
    """
    page = decode(PAGE, body, name, limits)
    taken = limits.take(page.rows, MAX_PAGE_ROWS, "rows on a page")
    rows: list[T | None] = [*read_items(row, taken, limits)]
    return replace(
        page,
        rows=tuple(each for each in rows if each is not None),
        unreadable=len(taken) - len(rows),
        is_cut=len(taken) < len(page.rows),
    )


def read_items(shape: Shape[T], values: Iterable[Json], limits: Limits) -> list[T]:
    """Read decoded values, without those that are invalid."""
    items = []
    for value in values:
        with suppress(ValueError):
            items.append(convert(shape, value, limits))
    return items


def read_json(body: bytes | str) -> Json:
    """Decode JSON of any shape. Raises ValueError or RecursionError."""
    return _decode(body if isinstance(body, str) else body.decode(json.detect_encoding(body), "surrogatepass"))


_decode: Final = json.JSONDecoder(
    parse_int=lambda text: int(text) if len(text) <= MAX_INTEGER_DIGITS else float(text)
).decode
