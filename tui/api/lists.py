"""What is read of the API with GET: requests as values, and the decoding of lists and of single things."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Final, Generic, Literal, TypeVar
from urllib.parse import quote, unquote

from tui.api.errors import Limits, NotFound
from tui.api.models import PAGE, JsonObject, RowsPage, decode, decode_rows, is_cursor, read_json
from tui.domain.run import SAFE_ID
from tui.domain.text import clean
from tui.lazy_dataclass import dataclass

R = TypeVar("R")
D = TypeVar("D")

PAGE_SIZE: Final = 100
MAX_ROWS: Final = 1_000
"""Rows that are read of one list. The view says if the server has more."""


@dataclass(frozen=True, slots=True)
class GetRequest:
    """A request for a page of a list, or for one thing. A relay sends only those that it knows: see `read_of`.

    `has_own_limit`: the rate limit in the headers of its answer is not that of other requests.
    """

    path: str
    params: tuple[tuple[str, str], ...] = ()
    has_own_limit: bool = False
    kind: Literal["get"] = "get"


def path_part(text: str) -> str:
    """Quote an id as one segment of a path. Raises `NotFound` for an id that would change the path."""
    try:
        part = quote(text, safe="")
    except UnicodeEncodeError:
        part = ""
    if part in {"", ".", ".."}:
        raise NotFound(f"{clean(text)!r} is not an id")
    return part


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Return a segment of a path or a parameter; the value of `id` for `{id}`."""
    return values[text[1:-1]] if text.startswith("{") else text


@dataclass(frozen=True, slots=True)
class ListRead(Generic[R]):
    """How a list is read: its path, and its rows as lenient types. Pages have numbers, or cursors.

    A parameter may stand for a value of the request: `{period}`. `is_shown` returns whether a row belongs to an
    environment of a type, for lists of a whole project.
    """

    path: str
    row: JsonObject[R]
    params: Mapping[str, str] = field(default_factory=dict)
    has_numbers: bool = False
    has_own_limit: bool = False
    max_rows: int = MAX_ROWS
    page_size: int = PAGE_SIZE
    is_shown: Callable[[R, str | None], bool] = lambda *_: True

    def request(self, page: str = "", **values: str) -> GetRequest:
        """Return the request for a page: the first is ""; others have a number or a cursor."""
        params = {name: _filled(text, values) for name, text in self.params.items()}
        if self.has_numbers:
            params |= {"page": page or "1", "perPage": str(self.page_size)}
        else:
            params |= {"page[size]": str(self.page_size)} | ({"page[after]": page} if page else {})
        return GetRequest(self.path, tuple(params.items()), self.has_own_limit)

    def decode(self, body: bytes, limits: Limits) -> RowsPage[R]:
        """Decode a page. Raises `ServerFault`."""
        return decode_rows(self.row, body, f"the list {self.path}", limits)

    def next_page(self, page: str, read: RowsPage[R]) -> str:
        """Return the page after one; "" if it was the last."""
        if self.has_numbers:
            number = int(page or "1")
            return str(number + 1) if number < read.page_count else ""
        return read.next or ""


@dataclass(frozen=True, slots=True)
class RowRead(Generic[D]):
    """How one thing is read. Segments of its path and parameters may stand for values of the request: `{id}`.

    Without a `shape`, the answer is decoded by a function of its own. `ids` are those that a relay may send, `name`
    is the answer in texts of errors.
    """

    path: str
    shape: JsonObject[D] | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    has_own_limit: bool = False
    ids: re.Pattern[str] = SAFE_ID
    name: str = ""

    def request(self, row_id: str, **more: str) -> GetRequest:
        """Return the request for the thing with an id. Raises `NotFound` for an id that would change the path."""
        values = {"id": row_id, **more}
        parts = (path_part(_filled(part, values)) if part.startswith("{") else part for part in self.path.split("/"))
        params = tuple((name, _filled(text, values)) for name, text in self.params.items())
        return GetRequest("/".join(parts), params, self.has_own_limit)

    def decode(self, body: bytes, limits: Limits) -> D:
        """Decode the answer. Raises `ServerFault`."""
        assert self.shape is not None
        return decode(self.shape, body, self.name or f"the response of {self.path}", limits)


RUN: Final = RowRead[Any]("/api/v3/runs/{id}")
TRACE: Final = RowRead[Any]("/api/v1/runs/{id}/trace")
EVENTS: Final = RowRead[Any]("/api/v1/runs/{id}/events")
"""The spans and log lines of a run as a flat list, with five times the limit of a trace."""

SPAN: Final = RowRead[Any]("/api/v1/runs/{id}/spans/{span}")

AnyRead = ListRead[Any] | RowRead[Any]


def read_of(reads: Iterable[AnyRead], request: GetRequest) -> AnyRead | None:
    """Return which of these a request is, so that a relay may send it with its own key; None for another one.

    Raises `NotFound` for an id that would change the path.
    """
    return next((read for read in reads if _is_of(read, request)), None)


def _is_of(read: AnyRead, request: GetRequest) -> bool:
    if read.path.count("/") != request.path.count("/"):
        return False
    given = dict(request.params)
    # A proxy before the API may decode `%2F` in an id, and the relay's key may read more than these.
    parts = zip(read.path.split("/"), map(unquote, request.path.split("/")), strict=True)
    ids = {part[1:-1]: value for part, value in parts if part.startswith("{")}
    others = {text[1:-1]: given.get(name, "") for name, text in read.params.items() if text.startswith("{")}
    values = {"id": ""} | others | ids
    if isinstance(read, ListRead):
        page = given.get("page" if read.has_numbers else "page[after]", "")
        return is_page(page) and read.request(page, **values) == request
    return all(map(read.ids.match, ids.values())) and read.request(values.pop("id"), **values) == request


def is_page(page: str) -> bool:
    """Return whether a text may be the number of a page, or a cursor."""
    return not page or (page.isdecimal() and len(page) < _MAX_PAGE_DIGITS) or is_cursor(page)


_MAX_PAGE_DIGITS: Final = 6


def only_declared(read: AnyRead, body: bytes) -> bytes:
    """Return an answer with the declared keys alone, if some are declared. A server may send secrets beside them.

    Raises `ValueError`.
    """
    if isinstance(read, RowRead) and read.shape is None:
        return body
    value = read_json(body)
    if isinstance(read, RowRead):
        return json.dumps(read.shape and read.shape.only_declared(value)).encode()
    page = PAGE.only_declared(value)
    rows = value.get("data") if isinstance(value, dict) else None
    assert isinstance(page, dict)
    kept = [read.row.only_declared(each) for each in rows] if isinstance(rows, list) else None
    return json.dumps(page | {"data": kept}).encode()
