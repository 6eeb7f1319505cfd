"""Pages of error groups: their filters and their cursors.

Source: tests/wire/recordings/README.md §11.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tui.emulator.errors.groups import FailureGroup, groups_since
from tui.emulator.exchange import query_error
from tui.emulator.rest.listing import page_size
from tui.emulator.simulation.error_states import WORDS
from tui.emulator.simulation.new_run import duration_ms
from tui.emulator.simulation.script import Json
from tui.emulator.world import World

DEFAULT_PERIOD_MS = 86_400_000
"""The period of a list without one, or with one that cannot be read."""

MINUTE_MS = 60_000
"""Failures are counted by the minute."""

MAX_SEARCH = 1000

Order = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class GroupPage:
    """The groups of a page, those with the most runs first, and the cursors of its neighbours, "" for none."""

    groups: list[FailureGroup]
    next: str = ""
    previous: str = ""

    def pagination(self) -> dict[str, str]:
        """The `pagination` of the response, with the cursors that exist."""
        cursors = {"next": self.next, "previous": self.previous}
        return {name: cursor for name, cursor in cursors.items() if cursor}


def read_group_page(world: World, query: Mapping[str, str]) -> GroupPage:
    """Read the page that a query requests. Raises `Refusal` with zod's issues (recording 2702)."""
    issues: list[Json] = []
    size = page_size(query.get("page[size]"), issues)
    words = _words(query.get("filter[status]", ""), issues)
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
    before, after = query.get("page[before]", ""), query.get("page[after]", "")
    return _page(found, size, before or after, is_backward=bool(before))


def _page(found: Iterable[FailureGroup], size: int, cursor: str, *, is_backward: bool) -> GroupPage:
    """The page on one side of the cursor. A cursor that cannot be read counts as none."""
    groups = sorted(found, key=lambda group: group.order, reverse=not is_backward)
    place = _decode(cursor)
    if place is not None:
        groups = [group for group in groups if (group.order > place if is_backward else group.order < place)]
    has_more, groups = len(groups) > size, groups[:size]
    if is_backward:
        groups.reverse()
    if not groups:
        return GroupPage(groups)
    first, last = cursor_of(groups[0]), cursor_of(groups[-1])
    if is_backward:
        return GroupPage(groups, next=last, previous=first if has_more else "")
    return GroupPage(groups, next=last if has_more else "", previous="" if place is None else first)


def cursor_of(group: FailureGroup) -> str:
    """The cursor of a group (recording 2703)."""
    count, fingerprint, task_id = group.order
    text = json.dumps(
        {"occurrenceCount": count, "fingerprint": fingerprint, "taskIdentifier": task_id},
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def _decode(cursor: str) -> Order | None:
    try:
        value = json.loads(base64.b64decode(cursor))
    except (ValueError, RecursionError):
        return None
    match value:
        case {"occurrenceCount": int(count), "fingerprint": str(fingerprint), "taskIdentifier": str(task_id)}:
            return count, fingerprint, task_id
        case _:
            return None


def _words(text: str, issues: list[Json]) -> tuple[str, ...]:
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
