"""The routes of error groups: lists, one group, and the actions that change its state.

Source: tests/wire/recordings/README.md §11.
"""

from tui.emulator.errors.bodies import read_ignored, read_resolved
from tui.emulator.errors.groups import FailureGroup, detail_row, find_group, list_row
from tui.emulator.errors.listing import read_group_page
from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal
from tui.emulator.simulation.error_states import ErrorState


async def list_errors(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/errors`, the groups with the most runs first (recordings 620, 1027-1030)."""
    page = read_group_page(request.world, request.query)
    return ApiResponse({"data": [list_row(group) for group in page.groups], "pagination": page.pagination()})


async def error(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/errors/{id}` (recordings 621, 1020, 1023)."""
    return ApiResponse(detail_row(_find(request), request.world))


async def resolve(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/errors/{id}/resolve` (recording 1022)."""
    return _change(request, read_resolved(request))


async def unresolve(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/errors/{id}/unresolve`. A body is optional (recording 1024)."""
    return _change(request, ErrorState())


async def ignore(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/errors/{id}/ignore` (recordings 1021, 2711-2718)."""
    return _change(request, read_ignored(request))


def _find(request: ApiRequest) -> FailureGroup:
    group = find_group(request.world, request.path["id"])
    if group is None:
        raise Refusal(404, {"error": "Not found"}, {"x-should-retry": "false"})
    return group


def _change(request: ApiRequest, state: ErrorState) -> ApiResponse:
    """Set the state. The response is the whole group."""
    request.world.error_states[_find(request).key] = state
    return ApiResponse(detail_row(_find(request), request.world))
