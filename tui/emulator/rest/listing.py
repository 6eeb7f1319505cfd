"""Pages of the list of runs: their runs and their cursors.

The runs are selected by what lists know of them (`ledger`). A status filter then checks the runs themselves again, so a
page can be short. Source: tests/wire/recordings/README.md §3, recordings 010-063.
"""

import base64
import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice
from math import isfinite
from typing import Any

from tui.emulator.exchange import query_error
from tui.emulator.rest.list_filters import ListFilters, number_in
from tui.emulator.simulation.ledger import Ledger
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.script import Json
from tui.emulator.world import World

DEFAULT_PAGE_SIZE = 25
MAX_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """The runs of a page in their order, and the cursors of its neighbours, "" for none."""

    runs: Sequence[Run]
    next: str = ""
    previous: str = ""

    def pagination(self) -> dict[str, str]:
        """The `pagination` of the response, with the cursors that exist."""
        cursors = {"next": self.next, "previous": self.previous}
        return {name: cursor for name, cursor in cursors.items() if cursor}


def read_page(world: World, query: Mapping[str, str]) -> Page:
    """Read the page that a query requests. Raises `Refusal` with zod's issues (recordings 015, 016, 040-043, 051).

    After a cursor, or without one, the newest run comes first; before a cursor, the oldest (recording 013).
    """
    issues: list[Json] = []
    size = page_size(query.get("page[size]"), issues)
    filters = ListFilters.read(query, issues, now_ms=world.now_ms)
    if issues:
        raise query_error(*issues)
    before = query.get("page[before]", "")
    cursor = before or query.get("page[after]", "")
    is_backward = bool(before)
    ledger = world.ledger
    low, high = 0, _end(ledger.visible())
    if filters.from_ms is not None:
        low = max(low, ledger.first_since(filters.from_ms))
    if filters.to_ms is not None:
        high = min(high, ledger.last_until(filters.to_ms) + 1)
    if cursor:
        older_end, newer_start = _bounds_of(cursor, ledger)
        low, high = (max(low, newer_start), high) if is_backward else (low, min(high, older_end))
    found: Iterable[Run] = ()
    if filters.can_match(world.environment.region):
        found = _matching(ledger, filters, low, high, is_backward=is_backward)
    return _page_of(list(islice(found, size + 1)), size, filters, is_backward=is_backward, is_first=not cursor)


def _page_of(found: list[Run], size: int, filters: ListFilters, *, is_backward: bool, is_first: bool) -> Page:
    """Build the page. `found` holds one run more than the page's size if there is another page."""
    has_more = len(found) > size
    shown = found[:size]
    # A status filter drops rows whose current status no longer matches. The cursors stay.
    runs = [run for run in shown if run.status in filters.statuses] if filters.statuses is not None else shown
    if not shown:
        return Page(runs)
    first, last = cursor_of(shown[0]), cursor_of(shown[-1])
    if is_backward:
        return Page(runs, next=first, previous=last if has_more else "")
    return Page(runs, next=last if has_more else "", previous="" if is_first else first)


def _matching(ledger: Ledger, filters: ListFilters, low: int, high: int, *, is_backward: bool) -> Iterator[Run]:
    """The visible matching runs with numbers from `low` up to but not including `high`, lazily and in the requested
    order.

    Iterates over the filter with the fewest candidates in that range, and tests each of them with the other filters.
    """
    candidates = [[ledger.visible()], *(f.indexes(ledger) for f in filters.indexed)]
    spans = [[_span(numbers, low, high) for numbers in indexes] for indexes in candidates]
    counts = [sum(stop - start for start, stop in each) for each in spans]
    fewest = min(range(len(counts)), key=counts.__getitem__)
    tests = [f.matches for at, f in enumerate(filters.indexed, 1) if at != fewest]
    if filters.is_test is not None:
        tests.append(filters.matches_test)
    walks = [
        _walk(numbers, start, stop, is_backward=is_backward)
        for numbers, (start, stop) in zip(candidates[fewest], spans[fewest], strict=True)
    ]
    runs: Iterator[Run] = filter(None, map(ledger.by_number.get, _merged(walks, is_backward=is_backward)))
    for test in tests:
        runs = filter(test, runs)
    return runs


def _span(numbers: Any, low: int, high: int) -> tuple[int, int]:
    """The start and stop index of those numbers in an ascending list or `SortedList`."""
    if isinstance(numbers, list):
        start, stop = bisect_left(numbers, low), bisect_left(numbers, high)
    else:
        start, stop = numbers.bisect_left(low), numbers.bisect_left(high)
    return start, max(start, stop)


def _walk(numbers: Any, start: int, stop: int, *, is_backward: bool) -> Iterator[int]:
    """Iterate over that range, upwards for a page before a cursor, otherwise downwards. Copies nothing."""
    if isinstance(numbers, list):
        indexes = range(start, stop) if is_backward else range(stop - 1, start - 1, -1)
        return map(numbers.__getitem__, indexes)
    walk: Iterator[int] = numbers.islice(start, stop, reverse=not is_backward)
    return walk


def _merged(walks: Sequence[Iterator[int]], *, is_backward: bool) -> Iterator[int]:
    """Merge the walks in order, without duplicates: a run with two of the requested tags is in two indexes."""
    if len(walks) == 1:
        return walks[0]
    return (number for number, _ in groupby(merge(*walks, reverse=not is_backward)))


def _end(numbers: list[int]) -> int:
    return numbers[-1] + 1 if numbers else 0


# --- cursors


def cursor_of(run: Run) -> str:
    """The cursor of a run: base64 of its creation time and its id without `run_`, as recorded (010-014)."""
    text = json.dumps({"c": run.created_ms, "r": run.id.removeprefix("run_")}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _bounds_of(cursor: str, ledger: Ledger) -> tuple[int, int]:
    """Two bounds: runs with numbers below the first are older than the cursor, those from the second on are newer.

    An invalid cursor counts as a bare id (recordings 017, 019): `garbage` and `run_…` sort after every id.
    """
    decoded = _decode(cursor)
    key = cursor if decoded is None else decoded[1]
    run = ledger.by_id.get(f"run_{key}")
    if run is not None and (decoded is None or decoded[0] == run.created_ms):
        return run.number, run.number + 1
    visible = ledger.visible()
    start, stop = 0, len(visible)
    if decoded is not None:
        start, stop = _span(visible, ledger.first_since(decoded[0]), ledger.last_until(decoded[0]) + 1)
    at = bisect_left(visible, key, start, stop, key=lambda number: _key(ledger, number))
    boundary = visible[at] if at < len(visible) else _end(visible)
    return boundary, boundary


def _key(ledger: Ledger, number: int) -> str:
    run = ledger.by_number.get(number)
    return run.id.removeprefix("run_") if run else ""


def _decode(cursor: str) -> tuple[int, str] | None:
    """The creation time in epoch milliseconds and the id; None for an invalid cursor."""
    try:
        value = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        return None
    match value:
        case {"c": int(created_ms), "r": str(key)} if key and abs(created_ms) < 2**53:
            return created_ms, key
    return None


# --- page[size]


def page_size(text: str | None, issues: list[Json]) -> int:
    """Parse the page size. Adds zod's issues for an invalid one (recordings 015, 016)."""
    if text is None:
        return DEFAULT_PAGE_SIZE
    location = {"path": ["page[size]"]}
    number = number_in(text)
    if not isfinite(number):
        message = "Expected number, received nan"
        issues.append({"code": "invalid_type", "expected": "number", "received": "nan", "message": message, **location})
        return DEFAULT_PAGE_SIZE
    if not number.is_integer():
        issues.append(
            {
                "code": "invalid_type",
                "expected": "integer",
                "received": "float",
                "message": "Expected integer, received float",
                **location,
            }
        )
    if number <= 0:
        message = "Number must be greater than 0"
        issues.append(_bound("too_small", "minimum", 0, message, is_inclusive=False) | location)
    if number < 1:
        message = "Number must be greater than or equal to 1"
        issues.append(_bound("too_small", "minimum", 1, message) | location)
    if number > MAX_PAGE_SIZE:
        message = f"Number must be less than or equal to {MAX_PAGE_SIZE}"
        issues.append(_bound("too_big", "maximum", MAX_PAGE_SIZE, message) | location)
    return int(number)


def _bound(code: str, name: str, limit: int, message: str, *, is_inclusive: bool = True) -> dict[str, Json]:
    return {"code": code, name: limit, "type": "number", "inclusive": is_inclusive, "exact": False, "message": message}
