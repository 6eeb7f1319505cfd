"""The routes of error groups: lists with filters and cursors, one group, and the actions that change its state.

Source: tests/wire/recordings/README.md §11.
"""

import base64
import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, json_type, query_error, validation_error
from tui.emulator.lists import ERROR_ID, CursorPage, Cursors, page_around, page_size
from tui.emulator.rows import json_text
from tui.emulator.simulation.ledger import GroupKey
from tui.emulator.simulation.names import iso_time
from tui.emulator.simulation.runs import IGNORED, RESOLVED, WORDS, ErrorState, Run, duration_ms
from tui.emulator.simulation.script import Json
from tui.emulator.world import World

# The error groups of a world, and their rows in lists and details.
#
# A group is counted by its task and its fingerprint. The times that it was seen are creation times of its runs, not the
# times at which they failed (recordings 1030 and 1031).


MAX_MESSAGE = 500
"""A longer message is cut."""

MAX_VERSIONS = 5


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """One error group. In a list `count` is the number of runs of the requested period, in a detail of all its runs."""

    key: GroupKey
    count: int
    error_type: str
    message: str
    first_ms: int
    last_ms: int
    state: ErrorState


def groups_since(world: World, from_ms: int) -> Iterator[FailureGroup]:
    """The groups with a run that was created since then."""
    first = world.ledger.first_since(from_ms)
    for key, numbers in world.ledger.failed.groups():
        count = len(numbers) - bisect_left(numbers, first)
        if count:
            yield _group(world, key, numbers, count)


def find_group(world: World, error_id: str) -> FailureGroup | None:
    """The group with this id or fingerprint. If several tasks share the fingerprint, that of the task whose name sorts
    first.
    """
    tasks = world.ledger.failed.with_fingerprint(error_id.removeprefix(ERROR_ID))
    if not tasks:
        return None
    task_id = min(tasks)
    return _group(world, GroupKey(error_id.removeprefix(ERROR_ID), task_id), tasks[task_id], len(tasks[task_id]))


def _group(world: World, key: GroupKey, numbers: list[int], count: int) -> FailureGroup:
    first, last = (world.ledger.by_number[number] for number in (numbers[0], numbers[-1]))
    error_type, message = _type_and_message(first)
    state = world.error_states.get(key, ErrorState())
    return FailureGroup(key, count, error_type, message, first.created_ms, last.created_ms, state)


def _type_and_message(run: Run) -> tuple[str, str]:
    """The type and the message of a group's error."""
    assert run.failure is not None
    stored = run.failure.stored()
    name = stored.get("name", "")
    text = stored.get("message", "")[:MAX_MESSAGE] or name or stored.get("raw", "")[:MAX_MESSAGE]
    return name or stored.get("code", "") or "Error", text or "Unknown error"


def list_row(group: FailureGroup) -> dict[str, Any]:
    """The group as a row of a list."""
    state = group.state
    return {
        **_identity(group),
        "resolvedAt": _time(state.at_ms if state.word == RESOLVED else None),
        "ignoredUntil": _time(state.until_ms),
    }


def detail_row(group: FailureGroup, world: World) -> dict[str, Any]:
    """The group as a detail."""
    state = group.state
    is_resolved, is_ignored = state.word == RESOLVED, state.word == IGNORED
    return {
        **_identity(group),
        "affectedVersions": _versions(group, world),
        "resolvedAt": _time(state.at_ms if is_resolved else None),
        "resolvedInVersion": state.version,
        "resolvedBy": state.by if is_resolved else None,
        "ignoredAt": _time(state.at_ms if is_ignored else None),
        "ignoredUntil": _time(state.until_ms),
        "ignoredReason": state.reason,
        "ignoredByUserId": state.by if is_ignored else None,
        "ignoredUntilOccurrenceRate": state.rate,
        "ignoredUntilTotalOccurrences": state.total,
    }


def _identity(group: FailureGroup) -> dict[str, Any]:
    return {
        "id": f"{ERROR_ID}{group.key.fingerprint}",
        "fingerprint": group.key.fingerprint,
        "taskIdentifier": group.key.task_id,
        "errorType": group.error_type,
        "errorMessage": group.message,
        "status": group.state.word,
        "count": group.count,
        "firstSeen": iso_time(group.first_ms),
        "lastSeen": iso_time(group.last_ms),
    }


def _versions(group: FailureGroup, world: World) -> list[str]:
    """The newest versions of its runs, newest first."""
    runs = world.ledger.by_number
    numbers = world.ledger.failed.with_fingerprint(group.key.fingerprint)[group.key.task_id]
    versions = {runs[number].version for number in numbers} - {""}
    return sorted(versions, key=_version_order, reverse=True)[:MAX_VERSIONS]


def _version_order(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))


def _time(ms: int | None) -> str | None:
    return None if ms is None else iso_time(ms)


# Pages of error groups: their filters and their cursors.


DEFAULT_PERIOD_MS = 86_400_000
"""The period of a list without one, or with one that cannot be read."""

MINUTE_MS = 60_000
"""Failures are counted by the minute."""

MAX_SEARCH = 1000

Order = tuple[int, str, str]


def read_group_page(world: World, query: Mapping[str, str]) -> CursorPage[FailureGroup]:
    """Read the page that a query requests. Raises `Refusal` with zod's issues (recording 2702)."""
    issues: list[Json] = []
    size = page_size(query.get("page[size]"), issues)
    words = _states(query.get("filter[status]", ""), issues)
    search = _search(query.get("filter[search]", ""), issues)
    if issues:
        raise query_error(*issues)
    period_ms = duration_ms(query.get("filter[period]", "")) or DEFAULT_PERIOD_MS
    from_ms = (world.now_ms - period_ms) // MINUTE_MS * MINUTE_MS
    tasks = query.get("filter[taskIdentifier]", "")
    names = frozenset(tasks.split(",")) if tasks else None
    found = [
        group
        for group in groups_since(world, from_ms)
        if group.state.word in words and (names is None or group.key.task_id in names) and _matches(group, search)
    ]
    return page_around(sorted(found, key=_order, reverse=True), query, size, CURSORS)


def _order(group: FailureGroup) -> Order:
    return group.count, group.key.fingerprint, group.key.task_id


def _cursor(group: FailureGroup) -> str:
    place = dict(zip(("occurrenceCount", "fingerprint", "taskIdentifier"), _order(group), strict=True))
    return base64.b64encode(json_text(place).encode("utf-8", "surrogatepass")).decode()


def _place(cursor: str) -> Order | None:
    try:
        value = json.loads(base64.b64decode(cursor))
    except (ValueError, RecursionError):
        return None
    match value:
        case {"occurrenceCount": int(count), "fingerprint": str(fingerprint), "taskIdentifier": str(task_id)}:
            return count, fingerprint, task_id
        case _:
            return None


CURSORS = Cursors(_order, _cursor, _place)
"""The cursors of the list. Its groups with the most runs come first (recording 2703)."""


def _states(text: str, issues: list[Json]) -> tuple[str, ...]:
    """The wanted states (recordings 1028, 2702, 2703)."""
    if not text:
        return WORDS
    unknown = [word for word in text.split(",") if word not in WORDS]
    if unknown:
        message = f"Invalid status values: {', '.join(unknown)}. Allowed: {', '.join(WORDS)}."
        issues.append({"code": "custom", "message": message, "path": ["filter[status]"]})
    return tuple(text.split(","))


def _search(text: str, issues: list[Json]) -> str:
    if len(text) > MAX_SEARCH:
        bound = {"code": "too_big", "maximum": MAX_SEARCH, "type": "string", "inclusive": True, "exact": False}
        message = f"String must contain at most {MAX_SEARCH} character(s)"
        issues.append({**bound, "message": message, "path": ["filter[search]"]})
    return text.strip().lower()


def _matches(group: FailureGroup, search: str) -> bool:
    """Whether the type or the message contains the text, in any case (recording 1027)."""
    return search in group.error_type.lower() or search in group.message.lower()


# Reads the bodies that change the state of an error group.
#
# The texts of the refusals are recorded (2711-2713, 2716); those of other fields follow the same form.


MAX_REASON = 1000


def _body(request: ApiRequest) -> dict[str, Json]:
    if not request.body:
        raise Refusal(400, {"error": "Request body is empty"})
    body = request.json()
    if not isinstance(body, dict):
        raise validation_error(f"Expected object, received {json_type(body)}")
    return body


def _field(body: dict[str, Json], name: str, word: str) -> Any:
    """A field of this JSON type, None if it is missing. Raises `Refusal` for another type."""
    if name in body and json_type(body[name]) != word:
        raise validation_error(f'Expected {word}, received {json_type(body[name])} at "{name}"')
    return body.get(name)


def _number(body: dict[str, Json], name: str, *, is_whole: bool = True) -> int | None:
    """A number above 0, cut to a whole one: the server stores a rate of 0.5 as 0 (recording 2707)."""
    value = _field(body, name, "number")
    if value is None:
        return None
    if is_whole and value != int(value):
        raise validation_error(f'Expected integer, received float at "{name}"')
    if value <= 0:
        raise validation_error(f'Number must be greater than 0 at "{name}"')
    return int(value)


# The routes.


async def list_errors(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/errors`, the groups with the most runs first (recordings 620, 1027-1030)."""
    page = read_group_page(request.world, request.query)
    return ApiResponse({"data": [list_row(group) for group in page.rows], "pagination": page.pagination()})


async def error(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/errors/{id}` (recordings 621, 1020, 1023)."""
    return ApiResponse(detail_row(_find(request), request.world))


def _find(request: ApiRequest) -> FailureGroup:
    group = find_group(request.world, request.path["id"])
    if group is None:
        raise Refusal(404, {"error": "Not found"}, {"x-should-retry": "false"})
    return group


async def resolve(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/errors/{id}/resolve` with `{"resolvedInVersion"}`, which may be missing (recording 1022)."""
    return _change(request, RESOLVED, version=_field(_body(request), "resolvedInVersion", "string"))


async def unresolve(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/errors/{id}/unresolve`. A body is optional (recording 1024)."""
    return _change(request)


async def ignore(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/errors/{id}/ignore` with `{"duration", "occurrenceRate", "totalOccurrences", "reason"}`, each
    optional (recordings 1021, 2711-2718). A duration is in milliseconds.
    """
    body = _body(request)
    duration_ms, rate = _number(body, "duration"), _number(body, "occurrenceRate", is_whole=False)
    total, reason = _number(body, "totalOccurrences"), _field(body, "reason", "string")
    if reason is not None and len(reason) > MAX_REASON:
        raise validation_error(f'String must contain at most {MAX_REASON} character(s) at "reason"')
    until_ms = None if duration_ms is None else request.world.now_ms + duration_ms
    return _change(request, IGNORED, until_ms=until_ms, reason=reason, rate=rate, total=total)


def _change(request: ApiRequest, word: str = "", **details: Any) -> ApiResponse:
    """Set a state, or none. The response is the whole group."""
    state = ErrorState(word=word, at_ms=request.world.now_ms, by=request.user, **details) if word else ErrorState()
    request.world.error_states[_find(request).key] = state
    return ApiResponse(detail_row(_find(request), request.world))
