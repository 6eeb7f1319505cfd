"""Lists of the API that are read only to be shown: their requests as values, and the decoding of their pages."""

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Final, Generic, Literal, TypeVar

from tui.api.errors import Limits
from tui.api.models import JsonObject, RowsPage, decode, decode_rows
from tui.lazy_dataclass import dataclass

R = TypeVar("R")
D = TypeVar("D")

PAGE_SIZE: Final = 100
MAX_ROWS: Final = 1_000
"""Rows that are read of one list. The view says if the server has more."""

_SAFE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")


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
    is_shown: Callable[[R, str | None], bool] = lambda *_: True

    def request(self, page: str) -> ListRequest:
        """Return the request for a page: the first is ""; others have a number or a cursor."""
        params = dict(self.params)
        if self.has_numbers:
            params |= {"page": page or "1", "perPage": str(PAGE_SIZE)}
        else:
            params |= {"page[size]": str(PAGE_SIZE)} | ({"page[after]": page} if page else {})
        return ListRequest(self.path, tuple(params.items()), self.has_own_limit)

    def decode(self, body: bytes, limits: Limits) -> RowsPage[R]:
        """Decode a page. Raises `ServerFault`."""
        return decode_rows(self.row, body, f"the list {self.path}", "rows", limits)

    def next_page(self, page: str, read: RowsPage[R]) -> str:
        """Return the page behind one; "" if it was the last."""
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
        if not _SAFE_ID.match(row_id):
            return None
        params = tuple((name, value.replace("{id}", row_id)) for name, value in self.params.items())
        return ListRequest(self.path.replace("{id}", row_id), params, self.has_own_limit)

    def decode(self, body: bytes, limits: Limits) -> D:
        """Decode the answer. Raises `ServerFault`."""
        return decode(self.shape, body, f"the answer of {self.path}", limits)


def allows(read: ListRead[Any] | RowRead[Any], request: ListRequest) -> bool:
    """Return whether a request is one of these, so that a relay may send it with its own key."""
    given = dict(request.params)
    if isinstance(read, ListRead):
        paging = {"page", "perPage"} if read.has_numbers else {"page[size]", "page[after]"}
        fixed = {name: value for name, value in given.items() if name not in paging}
        return request.path == read.path and fixed == dict(read.params) and len(given) == len(request.params)
    pattern = re.escape(read.path).replace(re.escape("{id}"), "([A-Za-z0-9_-]{1,200})")
    found = re.fullmatch(pattern, request.path)
    named = found[1] if found is not None and found.groups() else given.get(_named(read.params), "")
    return found is not None and read.request(named) == request


def _named(params: Mapping[str, str]) -> str:
    return next((name for name, value in params.items() if value == "{id}"), "")
