"""Pages of lists: cursors, numbered pages, and the filters and cursors of runs."""

import base64
import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from itertools import groupby, islice
from math import isfinite, isnan, nan
from typing import Any, Generic, TypeVar

from tui.emulator.exchange import ApiRequest, query_error
from tui.emulator.simulation.ledger import GROUPED, Ledger
from tui.emulator.simulation.runs import FILTER_STATUSES, Run, Status, duration_ms
from tui.emulator.simulation.script import Json
from tui.emulator.world import World

# Pages with cursors.


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class CursorPage(Generic[Row]):
    """The rows of a page, and the cursors of its neighbours, "" for none."""

    rows: Sequence[Row]
    next: str = ""
    previous: str = ""

    def pagination(self) -> dict[str, str]:
        """The `pagination` of the response, with the cursors that exist."""
        cursors = {"next": self.next, "previous": self.previous}
        return {name: cursor for name, cursor in cursors.items() if cursor}


@dataclass(frozen=True, slots=True)
class Cursors(Generic[Row]):
    """How a list orders its rows, the greatest first, and writes a place in this order as a cursor.

    `read` returns None for a cursor that cannot be read.
    """

    order: Callable[[Row], Any]
    write: Callable[[Row], str]
    read: Callable[[str], Any]


def page_around(rows: Sequence[Row], query: Mapping[str, str], size: int, cursors: Cursors[Row]) -> CursorPage[Row]:
    """The page after or before the cursor of a query."""
    before, after = (cursors.read(query.get(f"page[{side}]", "")) for side in ("before", "after"))
    if before is not None:
        newer = [row for row in rows if cursors.order(row) > before]
        shown, has_newer, has_older = newer[-size:], len(newer) > size, True
    else:
        older = [row for row in rows if after is None or cursors.order(row) < after]
        shown, has_newer, has_older = older[:size], after is not None, len(older) > size
    if not shown:
        return CursorPage(shown)
    return CursorPage(
        shown, cursors.write(shown[-1]) if has_older else "", cursors.write(shown[0]) if has_newer else ""
    )


def _numbered(row: Any) -> str:
    return base64.urlsafe_b64encode(f"t{row.number}".encode()).decode()


def _number(cursor: str) -> int | None:
    try:
        text = base64.urlsafe_b64decode(cursor).decode()
    except ValueError:
        return None
    return int(text[1:16]) if text[:1] == "t" and text[1:].isascii() and text[1:].isdigit() else None


NUMBER_CURSORS: Cursors[Any] = Cursors(lambda row: row.number, _numbered, _number)
"""Cursors of rows that are numbered in the order of their creation."""


# Numbered pages of a list: `page` counts from 1, `perPage` is its size.
#
# Source: tests/wire/recordings/README.md §7 (recordings 600, 601, 614).


DEFAULT_PER_PAGE = 25
MAX_PER_PAGE = 100
MAX_DIGITS = 9
"""A longer number is beyond the last page."""


@dataclass(frozen=True, slots=True)
class NumberedPage(Generic[Row]):
    """The rows of a page, and the `pagination` of the response."""

    rows: Sequence[Row]
    pagination: dict[str, Json]


def read_numbered_page(request: ApiRequest, rows: Sequence[Row]) -> NumberedPage[Row]:
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


# The filters of the list of runs: the meaning of each parameter, and the index that answers it.
#
# Source: tests/wire/recordings/README.md §3, recordings 020-059.


MACHINES = ("micro", "small-1x", "small-2x", "medium-1x", "medium-2x", "large-1x", "large-2x")

_FIELDS: Mapping[str, tuple[str, Callable[[Run], str]]] = {
    "taskIdentifier": ("task", lambda run: run.task_id),
    "version": ("version", lambda run: run.version),
    "queue": ("queue", lambda run: run.queue),
    "machine": ("machine", lambda run: run.machine),
    "batch": ("batch", lambda run: run.batch_id),
    "schedule": ("schedule", lambda run: run.schedule_id),
}
"""For each parameter, its index and the value of a run."""

_UNSERVED_FILTERS = ("bulkAction",)
"""Filters that match no emulated run, because bulk actions are not served."""

ERROR_ID = "error_"
"""The id of an error group is this and its fingerprint."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
DEFAULT_PERIOD_MS = 7 * 86_400_000
"""The period of a list without a time limit, whatever its other filters (recordings 2600, 2602, 2609)."""

_MAX_TIME_MS = 8_640_000_000_000_000
"""The last time that JavaScript can represent."""


@dataclass(frozen=True, slots=True)
class IndexedFilter:
    """A filter with an index: `indexes` returns ascending lists of numbers, `matches` tests one run."""

    indexes: Callable[[Ledger], list[Any]]
    matches: Callable[[Run], bool]


@dataclass(frozen=True, slots=True)
class ListFilters:
    """The filters of a list. `statuses` are the wanted statuses, None for all; times are inclusive.

    `is_unserved`: a filter of a part of the API that is not served, so no run matches.
    """

    indexed: tuple[IndexedFilter, ...] = ()
    statuses: frozenset[Status] | None = None
    is_test: bool | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    regions: frozenset[str] | None = None
    is_unserved: bool = False

    @classmethod
    def read(cls, query: Mapping[str, str], issues: list[Json], *, now_ms: int) -> "ListFilters":
        """Parse the query's parameters. Adds zod's issues for invalid ones; ignores unknown ones (recording 047)."""
        statuses = _statuses(query.get("filter[status]", ""), issues)
        is_test = _is_test(query.get("filter[isTest]", ""), issues)
        from_ms = _moment_ms(query, "filter[createdAt][from]", issues)
        to_ms = _moment_ms(query, "filter[createdAt][to]", issues)
        if (period := query.get("filter[createdAt][period]", "")) or from_ms is to_ms is None:
            # An unreadable period sets no limit, not even the default one (recording 2608).
            period_ms = duration_ms(period) if period else DEFAULT_PERIOD_MS
            from_ms = from_ms if period_ms is None else max(from_ms or 0, now_ms - period_ms)
        _check_machines(query.get("filter[machine]", ""), issues)
        indexed_filters = [] if statuses is None else [_status_filter(statuses)]
        indexed_filters += [_field_filter(name, query[key]) for name in _FIELDS if query.get(key := f"filter[{name}]")]
        if tags := query.get("filter[tag]", ""):
            indexed_filters.append(_tag_filter(tags))
        if error := query.get("filter[error]", ""):
            indexed_filters.append(_error_filter(error))
        if is_test:
            indexed_filters.append(
                IndexedFilter(lambda ledger: [ledger.with_field("test", "true")], lambda run: run.is_test)
            )
        regions = query.get("filter[region]", "")
        return cls(
            tuple(indexed_filters),
            statuses,
            is_test,
            from_ms,
            to_ms,
            frozenset(regions.split(",")) if regions else None,
            any(query.get(f"filter[{name}]") for name in _UNSERVED_FILTERS),
        )

    def can_match(self, region: str) -> bool:
        """Whether any run of an environment in this region can match."""
        return not self.is_unserved and (self.regions is None or region in self.regions)


def _status_filter(statuses: frozenset[Status]) -> IndexedFilter:
    return IndexedFilter(
        lambda ledger: [ledger.with_status(status) for status in statuses], lambda run: run.listed_status in statuses
    )


def _field_filter(name: str, text: str) -> IndexedFilter:
    field, value_of = _FIELDS[name]
    # `filter[batch]` takes one value, the others take lists with commas.
    values = frozenset([text] if name == "batch" else text.split(","))
    return IndexedFilter(
        lambda ledger: [ledger.with_field(field, value) for value in values], lambda run: value_of(run) in values
    )


def _tag_filter(text: str) -> IndexedFilter:
    tags = frozenset(text.split(","))
    return IndexedFilter(
        lambda ledger: [ledger.with_field("tag", tag) for tag in tags], lambda run: not tags.isdisjoint(run.tags)
    )


def _error_filter(text: str) -> IndexedFilter:
    """One error group, by its id or its bare fingerprint (recordings 1031, 1032)."""
    fingerprint = text.removeprefix(ERROR_ID)
    return IndexedFilter(
        lambda ledger: list(ledger.failed.with_fingerprint(fingerprint).values()),
        lambda run: run.listed_status in GROUPED and run.failure is not None and run.failure.fingerprint == fingerprint,
    )


def _statuses(text: str, issues: list[Json]) -> frozenset[Status] | None:
    if not text:
        return None
    names = text.split(",")
    unknown = [name for name in names if name not in FILTER_STATUSES]
    if unknown:
        issues.append(_custom(f"Invalid status values: {', '.join(unknown)}", "filter[status]"))
        return None
    return frozenset(status for name in names for status in FILTER_STATUSES[name])


def _is_test(text: str, issues: list[Json]) -> bool | None:
    if text and text not in {"true", "false"}:
        issues.append(_custom(f"Invalid value for isTest: {text}", "filter[isTest]"))
    return text == "true" if text in {"true", "false"} else None


def _check_machines(text: str, issues: list[Json]) -> None:
    unknown = [name for name in text.split(",") if name not in MACHINES] if text else []
    if unknown:
        issues.append(_custom(f"Invalid machine values: {', '.join(unknown)}", "filter[machine]"))


def _moment_ms(query: Mapping[str, str], name: str, issues: list[Json]) -> int | None:
    """A number is epoch milliseconds, any other text an ISO date (recordings 033, 034)."""
    text = query.get(name)
    if text is None:
        return None
    moment = parse_moment_ms(text)
    if moment is None:
        issues.append({"code": "invalid_date", "message": "Invalid date", "path": [name]})
    return moment


def parse_moment_ms(text: str) -> int | None:
    """Epoch milliseconds of a number or an ISO date in a text; None for any other text."""
    number = number_in(text)
    if isnan(number):
        return _iso_ms(text.strip())
    return int(number) if abs(number) <= _MAX_TIME_MS else None


def number_in(text: str) -> float:
    """The number in a text as JavaScript reads it: 0 for an empty text, `nan` for anything else."""
    if not text.strip():
        return 0.0
    return float(text) if _NUMBER.fullmatch(text.strip()) else nan


def _iso_ms(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def _custom(message: str, name: str) -> Json:
    return {"code": "custom", "message": message, "path": [name]}


# Pages of the list of runs: their runs and their cursors.
#
# The runs are selected by what lists know of them (`ledger`). A status filter then checks the runs themselves again, so
# a page can be short. Source: tests/wire/recordings/README.md §3, recordings 010-063.


DEFAULT_PAGE_SIZE = 25
MAX_PAGE_SIZE = 100


def read_page(world: World, query: Mapping[str, str]) -> CursorPage[Run]:
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
    found: list[Run] = []
    if filters.can_match(world.environment.region):
        found = list(islice(_matching(ledger, filters, low, high, is_backward=is_backward), size + 1))
    has_more = len(found) > size
    shown = found[:size]
    # A status filter drops rows whose current status no longer matches. The cursors stay.
    runs = [run for run in shown if run.status in filters.statuses] if filters.statuses is not None else shown
    if not shown:
        return CursorPage(runs)
    first, last = cursor_of(shown[0]), cursor_of(shown[-1])
    if is_backward:
        return CursorPage(runs, next=first, previous=last if has_more else "")
    return CursorPage(runs, next=last if has_more else "", previous=first if cursor else "")


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
        tests.append(lambda run: run.is_test is filters.is_test)
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
