"""The error groups of a world, and their rows in lists and details.

A group is counted by its task and its fingerprint. The times that it was seen are creation times of its runs, not the
times at which they failed (recordings 1030 and 1031).
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tui.emulator.rest.list_filters import ERROR_ID
from tui.emulator.rest.rows import iso_time
from tui.emulator.simulation.error_states import IGNORED, RESOLVED, ErrorState
from tui.emulator.simulation.failed_runs import GroupKey
from tui.emulator.simulation.runs import Run
from tui.emulator.world import World

MAX_MESSAGE = 500
"""A longer message is cut."""

MAX_VERSIONS = 5


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """One error group. `count` is the number of its runs in the requested period, of all its runs in a detail."""

    key: GroupKey
    count: int
    error_type: str
    message: str
    first_ms: int
    last_ms: int
    state: ErrorState

    @property
    def order(self) -> tuple[int, str, str]:
        """Lists have the greatest first."""
        return self.count, self.key.fingerprint, self.key.task_id


def groups_since(world: World, from_ms: int) -> Iterator[FailureGroup]:
    """The groups with a run that was created since then."""
    first = world.ledger.first_since(from_ms)
    for key, numbers in world.ledger.failed.groups():
        count = len(numbers) - bisect_left(numbers, first)
        if count:
            yield _group(world, key, numbers, count)


def find_group(world: World, error_id: str) -> FailureGroup | None:
    """The group with this id or fingerprint. Where several tasks share the fingerprint it is the first one's."""
    tasks = world.ledger.failed.with_fingerprint(error_id.removeprefix(ERROR_ID))
    if not tasks:
        return None
    task_id = min(tasks)
    return _group(world, GroupKey(error_id.removeprefix(ERROR_ID), task_id), tasks[task_id], len(tasks[task_id]))


def _group(world: World, key: GroupKey, numbers: list[int], count: int) -> FailureGroup:
    first, last = (world.ledger.by_number[number] for number in (numbers[0], numbers[-1]))
    error_type, message = _shown(first)
    state = world.error_states.get(key, ErrorState())
    return FailureGroup(key, count, error_type, message, first.created_ms, last.created_ms, state)


def _shown(run: Run) -> tuple[str, str]:
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
        "status": state.word,
        "count": group.count,
        "firstSeen": iso_time(group.first_ms),
        "lastSeen": iso_time(group.last_ms),
        "resolvedAt": _time(state.at_ms if state.word == RESOLVED else None),
        "ignoredUntil": _time(state.until_ms),
    }


def detail_row(group: FailureGroup, world: World) -> dict[str, Any]:
    """The group as a detail."""
    state = group.state
    is_resolved, is_ignored = state.word == RESOLVED, state.word == IGNORED
    return {
        **_identity(group),
        "count": group.count,
        "firstSeen": iso_time(group.first_ms),
        "lastSeen": iso_time(group.last_ms),
        "affectedVersions": _versions(group, world),
        "status": state.word,
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
