"""The routes of queues: pages of them, one, and pausing it.

Source: tests/wire/recordings/README.md §7, recordings 600-609, 614, 1061-1072, 1166.
"""

from typing import Any

from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, query_error, unknown_route, validation_error
from tui.emulator.rest.rows import iso_time
from tui.emulator.routes.pages import read_page
from tui.emulator.simulation.new_run import duration_ms
from tui.emulator.simulation.queues import Queue
from tui.emulator.simulation.script import Json

DEFAULT_PERIOD = "1h"
MAX_PERIOD_MS = 30 * 86_400_000
METRIC_BUCKETS = 12

_KINDS = ("id", "task", "custom")
_ACTIONS = ("pause", "resume")


async def list_queues(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/queues?page&perPage`. Pages count from 1, and names are in order (recordings 600, 601, 614)."""
    page = read_page(request, request.world.queues.all())
    return ApiResponse({"data": [_row(request, queue) for queue in page.rows], "pagination": page.pagination})


async def limits(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/concurrency-limits?page&perPage`, by the package `@trigger.dev/core` 4.8.3. Older servers lack it.

    Here a limit has the stored name of the queue that it holds, as inline limits of tasks have.
    """
    if not request.world.queues.is_v2:
        raise unknown_route()
    page = read_page(request, [queue for queue in request.world.queues.all() if queue.limit is not None])
    return ApiResponse({"data": [_limit(queue) for queue in page.rows], "pagination": page.pagination})


async def queue(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/queues/{queue}?type=id|task|custom` (recordings 602-605, 607)."""
    return ApiResponse(_row(request, _find(request, _kind(request))))


async def metrics(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/queues/{queue}/metrics?type&period`. Nothing measures queues here, as on the recorded server: waits
    are null, and the counts are zeros, whatever happened (recordings 1063, 1166).
    """
    found = _find(request, _kind(request))
    period = request.query.get("period", DEFAULT_PERIOD)
    period_ms = duration_ms(period)
    if not period_ms or period_ms > MAX_PERIOD_MS:
        period, period_ms = DEFAULT_PERIOD, 3_600_000
    bucket_ms = max(1, period_ms // METRIC_BUCKETS)
    to_ms = -(-request.world.now_ms // bucket_ms) * bucket_ms
    return ApiResponse(
        {
            "queue": found.name,
            "period": period,
            "from": iso_time(to_ms - period_ms),
            "to": iso_time(to_ms),
            "waitMs": {"p50": None, "p95": None},
            "peakQueued": 0,
            "startedCount": 0,
            "startedPerMin": 0,
            "throttledCount": 0,
            "bucketIntervalMs": bucket_ms,
            "depthTrend": [0] * METRIC_BUCKETS,
        }
    )


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
    row = _row(request, found)
    row.pop("concurrencyLimitOverridePercent", None)
    return ApiResponse(row)


def _kind(request: ApiRequest) -> str:
    kind = request.query.get("type", "id")
    if kind not in _KINDS:
        message = _enum_message(_KINDS, kind)
        issue = {"received": kind, "code": "invalid_enum_value", "options": list(_KINDS), "message": message}
        raise query_error({**issue, "path": ["type"]})
    return kind


def _find(request: ApiRequest, kind: str) -> Queue:
    # The SDK encodes a slash in a name twice.
    found = request.world.queues.find(request.path["queue"].replace("%2F", "/"), kind)
    if found is None:
        raise Refusal(404, {"error": "queue-not-found"})
    return found


def _limit(queue: Queue) -> dict[str, Any]:
    unset = {"current": None, "base": None, "override": None, "overriddenAt": None}
    return {
        "id": f"climit_{queue.id.removeprefix('queue_')}",
        "name": queue.name,
        "perKey": unset,
        "total": unset | {"current": queue.limit, "base": queue.limit},
        "running": queue.running - len(queue.handed),
        "queued": len(queue.waiting),
        "paused": False,
    }


def _row(request: ApiRequest, queue: Queue) -> dict[str, Any]:
    """The JSON of a queue. Runs that were handed to a worker, which has not taken them yet, are counted nowhere."""
    row = _v1_row(queue)
    if request.world.queues.is_v2:
        del row["concurrency"], row["concurrencyLimitOverridePercent"]
        row |= {"version": "V2", "concurrencyLimit": None}
    return row


def _v1_row(queue: Queue) -> dict[str, Any]:
    return {
        "id": queue.id,
        "name": queue.shown_name,
        "type": "custom" if queue.is_custom else "task",
        "running": queue.running - len(queue.handed),
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
