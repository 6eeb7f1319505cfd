"""The routes of queues: pages of them, one, and pausing it.

Source: tests/wire/recordings/README.md §7, recordings 600-609, 614.
"""

from typing import Any

from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, query_error, validation_error
from tui.emulator.routes.pages import read_page
from tui.emulator.simulation.queues import Queue
from tui.emulator.simulation.script import Json

_KINDS = ("id", "task", "custom")
_ACTIONS = ("pause", "resume")


async def list_queues(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/queues?page&perPage`. Pages count from 1, and names are in order (recordings 600, 601, 614)."""
    page = read_page(request, request.world.queues.all())
    return ApiResponse({"data": [_row(queue) for queue in page.rows], "pagination": page.pagination})


async def queue(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/queues/{queue}?type=id|task|custom` (recordings 602-605, 607)."""
    kind = request.query.get("type", "id")
    if kind not in _KINDS:
        message = _enum_message(_KINDS, kind)
        issue = {"received": kind, "code": "invalid_enum_value", "options": list(_KINDS), "message": message}
        raise query_error({**issue, "path": ["type"]})
    return ApiResponse(_row(_find(request, kind)))


async def pause(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/queues/{queue}/pause` with `{"type", "action": "pause"|"resume"}` (recordings 606, 608, 609).

    The response lacks `concurrencyLimitOverridePercent`, as recorded.
    """
    body = request.json()
    if not isinstance(body, dict):
        raise validation_error("Expected object, received array" if isinstance(body, list) else "Invalid input")
    kind = _enum(body.get("type", "id"), _KINDS, "type")
    action = _enum(body.get("action"), _ACTIONS, "action")
    found = _find(request, kind)
    request.world.pause(found, is_paused=action == "pause")
    row = _row(found)
    del row["concurrencyLimitOverridePercent"]
    return ApiResponse(row)


def _find(request: ApiRequest, kind: str) -> Queue:
    # The SDK encodes a slash in a name twice.
    found = request.world.queues.find(request.path["queue"].replace("%2F", "/"), kind)
    if found is None:
        raise Refusal(404, {"error": "queue-not-found"})
    return found


def _row(queue: Queue) -> dict[str, Any]:
    return {
        "id": queue.id,
        "name": queue.shown_name,
        "type": "custom" if queue.is_custom else "task",
        "running": queue.running,
        "queued": len(queue.waiting) + len(queue.backing_off),
        "paused": queue.is_paused,
        "concurrencyLimit": queue.limit,
        "concurrency": {
            "current": queue.limit,
            "base": None,
            "override": None,
            "overriddenBy": None,
            "overriddenAt": None,
        },
        "releaseConcurrencyOnWaitpoint": True,
        "concurrencyLimitOverridePercent": None,
    }


def _enum(value: Json, names: tuple[str, ...], path: str) -> str:
    if value is None:
        raise validation_error(f'Required at "{path}"')
    if value not in names:
        raise validation_error(f'{_enum_message(names, value)} at "{path}"')
    return str(value)


def _enum_message(names: tuple[str, ...], value: Json) -> str:
    expected = " | ".join(f"'{name}'" for name in names)
    return f"Invalid enum value. Expected {expected}, received '{value}'"
