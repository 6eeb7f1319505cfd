"""The routes of schedules: pages of them, one, and activating or deactivating it.

Creating, changing and deleting schedules is not served. Source: tests/wire/recordings/README.md §12.
"""

from tui.emulator.environment import Environment
from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal
from tui.emulator.rest.rows import iso_time
from tui.emulator.routes.pages import read_page
from tui.emulator.simulation.schedules import TIME_ZONE, Schedule, deduplication_key, generator_of
from tui.emulator.simulation.script import Json


async def list_schedules(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/schedules?page&perPage`, the newest first (recordings 2800, 2801)."""
    page = read_page(request, request.world.schedules.newest_first())
    rows = [_list_row(schedule, request) for schedule in page.rows]
    return ApiResponse({"data": rows, "pagination": page.pagination})


async def schedule(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/schedules/{id}` (recordings 2802, 2803)."""
    return ApiResponse(_detail_row(_find(request), request))


async def activate(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/schedules/{id}/activate` (recording 2804)."""
    return _change(request, is_active=True)


async def deactivate(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/schedules/{id}/deactivate` (recording 2805)."""
    return _change(request, is_active=False)


def _find(request: ApiRequest) -> Schedule:
    found = request.world.schedules.find(request.path["id"])
    if found is None:
        raise Refusal(404, {"error": "Schedule not found"})
    return found


def _change(request: ApiRequest, *, is_active: bool) -> ApiResponse:
    found = _find(request)
    request.world.schedules.activate(found, is_active=is_active)
    return ApiResponse(_detail_row(found, request))


def _list_row(schedule: Schedule, request: ApiRequest) -> dict[str, Json]:
    environment = request.world.environment
    place = {"id": environment.id, "type": environment.type, "slug": environment.slug}
    return {
        "id": schedule.id,
        "type": "IMPERATIVE",
        "task": schedule.task.id,
        "generator": generator_of(schedule.task),
        "timezone": TIME_ZONE,
        "deduplicationKey": deduplication_key(schedule.task),
        "externalId": schedule.task.id,
        "active": schedule.is_active,
        **_next_run(schedule, request),
        "environments": [place | _owner(environment)],
    }


def _detail_row(schedule: Schedule, request: ApiRequest) -> dict[str, Json]:
    environment = request.world.environment
    return {
        "id": schedule.id,
        "type": "IMPERATIVE",
        "task": schedule.task.id,
        "active": schedule.is_active,
        **_next_run(schedule, request),
        "generator": generator_of(schedule.task),
        "timezone": TIME_ZONE,
        "externalId": schedule.task.id,
        "deduplicationKey": deduplication_key(schedule.task),
        "environments": [{"id": environment.id, "type": environment.type}],
    }


def _next_run(schedule: Schedule, request: ApiRequest) -> dict[str, Json]:
    """Both are null while the schedule is not active (recording 2805)."""
    due_ms = schedule.next_ms(request.world.now_ms)
    return {
        "nextRun": None if due_ms is None else iso_time(due_ms),
        "nextRunEffectiveAt": None if due_ms is None else iso_time(due_ms + schedule.spread_ms),
    }


def _owner(environment: Environment) -> dict[str, Json]:
    return {"userName": environment.user} if environment.user else {}
