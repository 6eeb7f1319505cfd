"""Numbered pages of a list: `page` counts from 1, `perPage` is its size.

Source: tests/wire/recordings/README.md §7 (recordings 600, 601, 614).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tui.emulator.exchange import ApiRequest, query_error
from tui.emulator.simulation.script import Json

DEFAULT_PER_PAGE = 25
MAX_PER_PAGE = 100
MAX_DIGITS = 9
"""A longer number is beyond the last page."""

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class NumberedPage(Generic[Row]):
    """The rows of a page, and the `pagination` of the response."""

    rows: Sequence[Row]
    pagination: dict[str, Json]


def read_page(request: ApiRequest, rows: Sequence[Row]) -> NumberedPage[Row]:
    """The page that the query requests. Raises `Refusal` with zod's issues."""
    issues: list[Json] = []
    page = _positive(request, "page", 1, issues)
    per_page = min(_positive(request, "perPage", DEFAULT_PER_PAGE, issues), MAX_PER_PAGE)
    if issues:
        raise query_error(*issues)
    pagination = {"currentPage": page, "totalPages": -(-len(rows) // per_page), "count": len(rows)}
    return NumberedPage(rows[(page - 1) * per_page : page * per_page], pagination)


def _positive(request: ApiRequest, name: str, default: int, issues: list[Json]) -> int:
    """Parse a page number or size. Adds an issue for an invalid one."""
    text = request.query.get(name)
    if text is None:
        return default
    digits = text.strip()[:MAX_DIGITS]
    if text.strip().isdecimal() and int(digits) > 0:
        return int(digits)
    message = "Number must be greater than 0"
    bound = {"code": "too_small", "minimum": 0, "type": "number", "inclusive": False, "exact": False}
    issues.append({**bound, "message": message, "path": [name]})
    return default
