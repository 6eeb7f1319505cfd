"""The shapes of API responses, and `decode`, which reads bytes as these and drops what is invalid."""

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import (
    Annotated,
    Any,
    Final,
    Required,
    TypedDict,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from tui.api.errors import MAX_ID_CHARS, Limits, ServerFault
from tui.domain.run import Json

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


# Compares decoded JSON with the type hints of typed dictionaries, and drops what is invalid.
#
# pydantic could do this, but importing its core alone takes 10 ms of CPU and 5 MB, and the first rows should take 400
# ms and 60 MB. Only the messages of a relay use it.


T = TypeVar("T")


_INVALID: Final = object()

Reader = Callable[[Any], Any]
"""Returns a value of decoded JSON without its invalid parts, or `_INVALID`: an exception would take longer."""


class InvalidShape(ValueError):
    """The value lacks something that is required."""


def read_as(hint: Any, value: Any) -> Any:
    """Return decoded JSON as a typed dictionary or a list of them, without what is invalid. Raises `InvalidShape`."""
    read = _reader_of(hint)(value)
    if read is _INVALID:
        raise InvalidShape
    return read


def in_range(low: float, high: float) -> Callable[[Reader], Reader]:
    """Return an annotation for numbers."""
    return lambda read: _if(read, lambda found: low <= found <= high)


def finite(read: Reader) -> Reader:
    """Refuse NaN and infinity. An annotation for numbers."""
    return _if(read, math.isfinite)


def of_length(low: int, high: float = math.inf) -> Callable[[Reader], Reader]:
    """Return an annotation for texts."""
    return lambda read: _if(read, lambda found: low <= len(found) <= high)


def none_on_error(read: Reader) -> Reader:
    """Read an invalid value as None. An annotation."""
    return lambda value: None if (found := read(value)) is _INVALID else found


_OMITTED: Final = "omitted"

OmittedOnError = Annotated[T, _OMITTED]
"""A key or an item that is dropped if its value is invalid."""


def _if(read: Reader, is_valid: Callable[[Any], bool]) -> Reader:
    return lambda value: found if (found := read(value)) is not _INVALID and is_valid(found) else _INVALID


@cache
def _reader_of(hint: Any) -> Reader:
    if hint in _PLAIN:
        return _PLAIN[hint]
    if is_typeddict(hint):
        return _dict_reader(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        read = _reader_of(arguments[0])
        for annotation in arguments[1:]:
            read = read if annotation is _OMITTED else annotation(read)
        return read
    if origin is Required:
        return _reader_of(arguments[0])
    if origin is list:
        return _list_reader(arguments[0])
    if len(arguments) == 2 and arguments[1] is type(None):
        inner = _reader_of(arguments[0])
        return lambda value: None if value is None else inner(value)
    raise TypeError(f"no schema for {hint!r}")


def _is_omitted(hint: Any) -> bool:
    return get_origin(hint) is Annotated and _OMITTED in get_args(hint)


def _dict_reader(hint: Any) -> Reader:
    hints = get_type_hints(hint, include_extras=True)
    fields = [(name, _reader_of(each), _is_omitted(each)) for name, each in hints.items()]
    required: frozenset[str] = hint.__required_keys__

    def read(value: Any) -> Any:
        if not isinstance(value, dict) or not required <= value.keys():
            return _INVALID
        found = {}
        for name, reader, is_omitted in fields:
            if name in value:
                each = reader(value[name])
                if each is not _INVALID:
                    found[name] = each
                elif not is_omitted:
                    return _INVALID
        return found

    return read


def _list_reader(hint: Any) -> Reader:
    reader, is_omitted = _reader_of(hint), _is_omitted(hint)

    def read(value: Any) -> Any:
        if not isinstance(value, list):
            return _INVALID
        found = [each for item in value if (each := reader(item)) is not _INVALID]
        return found if is_omitted or len(found) == len(value) else _INVALID

    return read


def _any(value: Any) -> Any:
    return value


def _dict(value: Any) -> Any:
    return value if isinstance(value, dict) else _INVALID


def _str(value: Any) -> Any:
    return value if isinstance(value, str) else _INVALID


def _bool(value: Any) -> Any:
    return value if isinstance(value, bool) else _INVALID


def _int(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else _INVALID


def _float(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _INVALID
    try:
        return float(value)
    except OverflowError:
        return _INVALID


_PLAIN: dict[Any, Reader] = {Any: _any, bool: _bool, dict[str, Any]: _dict, float: _float, int: _int, str: _str}


# The shapes of API responses as typed dictionaries, and `decode` and `decode_items`, which read bytes as these.
#
# A row needs only the keys that identify it. Every other key is dropped if it is null or of a wrong type. The
# conversion into domain values is in `api.runs` and `api.responses`.
# Source: tests/wire/recordings/README.md §3, §4.


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
