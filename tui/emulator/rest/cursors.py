"""Pages with cursors over rows that are numbered in the order of their creation."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class NumberedRow(Protocol):
    """A row with a number."""

    @property
    def number(self) -> int: ...


Row = TypeVar("Row", bound=NumberedRow)


@dataclass(frozen=True, slots=True)
class CursorPage(Generic[Row]):
    """The rows of a page, the newest first, and the cursors of its neighbours, "" for none."""

    rows: Sequence[Row]
    next: str = ""
    previous: str = ""

    def pagination(self) -> dict[str, str]:
        """The `pagination` of the response, with the cursors that exist."""
        cursors = {"next": self.next, "previous": self.previous}
        return {name: cursor for name, cursor in cursors.items() if cursor}


def page_around(rows: Sequence[Row], query: Mapping[str, str], size: int) -> CursorPage[Row]:
    """The page after or before the cursor of a query. `rows` are the newest first."""
    before, after = _number(query.get("page[before]", "")), _number(query.get("page[after]", ""))
    if before is not None:
        newer = [row for row in rows if row.number > before]
        return _page(newer[-size:], has_newer=len(newer) > size, has_older=True)
    older = rows if after is None else [row for row in rows if row.number < after]
    return _page(older[:size], has_newer=after is not None, has_older=len(older) > size)


def _page(shown: Sequence[Row], *, has_newer: bool, has_older: bool) -> CursorPage[Row]:
    if not shown:
        return CursorPage(shown)
    return CursorPage(shown, _cursor(shown[-1]) if has_older else "", _cursor(shown[0]) if has_newer else "")


def _cursor(row: NumberedRow) -> str:
    return base64.urlsafe_b64encode(f"t{row.number}".encode()).decode()


def _number(cursor: str) -> int | None:
    """The number of the row in a cursor; None for a cursor that cannot be read."""
    try:
        text = base64.urlsafe_b64decode(cursor).decode()
    except ValueError:
        return None
    return int(text[1:16]) if text[:1] == "t" and text[1:].isascii() and text[1:].isdigit() else None
