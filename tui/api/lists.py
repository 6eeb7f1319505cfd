"""Lists of the API that are read only to be shown: their requests as values, and the decoding of their pages."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Final, Generic, Literal, TypeVar

from tui.api.errors import Limits
from tui.api.models import PAGE, JsonObject, RowsPage, decode, decode_rows, is_cursor, read_json
from tui.domain.run import SAFE_ID
from tui.lazy_dataclass import dataclass

R = TypeVar("R")
D = TypeVar("D")

PAGE_SIZE: Final = 100
MAX_ROWS: Final = 1_000
"""Rows that are read of one list. The view says if the server has more."""


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A page of a list, or the answer about one of its rows. A relay sends only those that it knows.

    `has_own_limit`: the rate limit in its headers is not that of other requests.
    """

    path: str
    params: tuple[tuple[str, str], ...] = ()
    has_own_limit: bool = False
    kind: Literal["list"] = "list"


@dataclass(frozen=True, slots=True)
class ListRead(Generic[R]):
    """How a list is read: its path, and its rows as lenient types. Pages have numbers, or cursors.

    `is_shown` returns whether a row belongs to an environment of a type, for lists of a whole project.
    """

    path: str
    row: JsonObject[R]
    params: Mapping[str, str] = field(default_factory=dict)
    has_numbers: bool = False
    has_own_limit: bool = False
    max_rows: int = MAX_ROWS
    page_size: int = PAGE_SIZE
    is_shown: Callable[[R, str | None], bool] = lambda *_: True

    def request(self, page: str) -> ListRequest:
        """Return the request for a page: the first is ""; others have a number or a cursor."""
        params = dict(self.params)
        if self.has_numbers:
            params |= {"page": page or "1", "perPage": str(self.page_size)}
        else:
            params |= {"page[size]": str(self.page_size)} | ({"page[after]": page} if page else {})
        return ListRequest(self.path, tuple(params.items()), self.has_own_limit)

    def decode(self, body: bytes, limits: Limits) -> RowsPage[R]:
        """Decode a page. Raises `ServerFault`."""
        return decode_rows(self.row, body, f"the list {self.path}", "rows", limits)

    def next_page(self, page: str, read: RowsPage[R]) -> str:
        """Return the page after one; "" if it was the last."""
        if self.has_numbers:
            number = int(page or "1")
            return str(number + 1) if number < read.page_count else ""
        return read.next or ""


@dataclass(frozen=True, slots=True)
class RowRead(Generic[D]):
    """How more of one row is read: a path with `{id}` in its place, or parameters with it."""

    path: str
    shape: JsonObject[D]
    params: Mapping[str, str] = field(default_factory=dict)
    has_own_limit: bool = False

    def request(self, row_id: str) -> ListRequest | None:
        """Return the request for a row; None for an id that would change the path."""
        if "{id}" in self.path and not SAFE_ID.match(row_id):
            return None
        params = tuple((name, value.replace("{id}", row_id)) for name, value in self.params.items())
        return ListRequest(self.path.replace("{id}", row_id), params, self.has_own_limit)

    def decode(self, body: bytes, limits: Limits) -> D:
        """Decode the answer. Raises `ServerFault`."""
        return decode(self.shape, body, f"the answer of {self.path}", limits)


AnyRead = ListRead[Any] | RowRead[Any]


def read_of(reads: Iterable[AnyRead], request: ListRequest) -> AnyRead | None:
    """Return which of these a request is, so that a relay may send it with its own key; None for another one."""
    return next((read for read in reads if _is_of(read, request)), None)


def _is_of(read: AnyRead, request: ListRequest) -> bool:
    given = dict(request.params)
    if isinstance(read, ListRead):
        page = given.get("page" if read.has_numbers else "page[after]", "")
        return is_page(page) and read.request(page) == request
    parts = dict(zip(read.path.split("/"), request.path.split("/"), strict=False))
    parts |= {value: given.get(name, "") for name, value in read.params.items()}
    return read.request(parts.get("{id}", "")) == request


def is_page(page: str) -> bool:
    """Return whether a text may be the number of a page, or a cursor."""
    return not page or (page.isdecimal() and len(page) < _MAX_PAGE_DIGITS) or is_cursor(page)


_MAX_PAGE_DIGITS: Final = 6


def only_declared(read: AnyRead, body: bytes) -> bytes:
    """Return an answer with the declared keys alone. A server may send secrets beside them. Raises `ValueError`."""
    value = read_json(body)
    if isinstance(read, RowRead):
        return json.dumps(read.shape.only_declared(value)).encode()
    page = PAGE.only_declared(value)
    rows = value.get("data") if isinstance(value, dict) else None
    assert isinstance(page, dict)
    kept = [read.row.only_declared(each) for each in rows] if isinstance(rows, list) else None
    return json.dumps(page | {"data": kept}).encode()
