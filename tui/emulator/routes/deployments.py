"""The routes of deployments: pages of them, the current one, and one by its id.

Source: tests/wire/recordings/README.md §14 (recordings 820-827, 1080-1082).
"""

from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, query_error
from tui.emulator.rest.cursors import page_around
from tui.emulator.rest.listing import page_size
from tui.emulator.rest.rows import iso_time
from tui.emulator.simulation.names import base36, digest
from tui.emulator.simulation.records.deployments import Deployment
from tui.emulator.simulation.script import Json, Task

RUNTIME = "node-24"
RUNTIME_VERSION = "24.0.0"
_ID_LENGTH = 21


async def list_deployments(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/deployments`, the newest first. A development environment has none (recordings 824, 1080)."""
    issues: list[Json] = []
    size = page_size(request.query.get("page[size]"), issues)
    if issues:
        raise query_error(*issues)
    page = page_around(_all(request), request.query, size)
    return ApiResponse({"data": [_list_row(each) for each in page.rows], "pagination": page.pagination()})


async def latest(_: ApiRequest) -> ApiResponse:
    """`GET /api/v1/deployments/latest` found nothing even where a version was deployed (recordings 821, 825, 1081)."""
    raise _not_found()


async def current(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/deployments/current`: the version that new runs use (recording 826)."""
    found = _all(request)
    if not found:
        raise _not_found()
    row = _list_row(found[0])
    del row["git"]
    return ApiResponse(row)


async def deployment(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/deployments/{id}`, with the tasks of its worker (recording 827)."""
    found = next((each for each in _all(request) if each.id == request.path["id"]), None)
    if found is None:
        raise _not_found()
    return ApiResponse(_detail_row(found, request))


def _all(request: ApiRequest) -> list[Deployment]:
    world = request.world
    return [] if world.environment.type == "DEVELOPMENT" else world.lifecycle.deployments.newest_first()


def _not_found() -> Refusal:
    return Refusal(404, {"error": "Deployment not found"})


def _list_row(each: Deployment) -> dict[str, Json]:
    return {
        "id": each.id,
        "createdAt": iso_time(each.created_ms),
        "shortCode": each.short_code,
        "version": each.version,
        "runtime": RUNTIME,
        "runtimeVersion": RUNTIME_VERSION,
        "status": "DEPLOYED",
        "deployedAt": iso_time(each.deployed_ms),
        "git": None,
    }


def _detail_row(each: Deployment, request: ApiRequest) -> dict[str, Json]:
    environment = request.world.environment
    place = f"{environment.project.ref}:{each.version}.{environment.type.lower()}.{each.short_code}"
    return {
        "id": each.id,
        "status": "DEPLOYED",
        "contentHash": f"{digest('content', each.id):016x}",
        "shortCode": each.short_code,
        "version": each.version,
        "imageReference": f"registry.example.com/acme/{place}",
        "imagePlatform": "linux/amd64",
        "commitSHA": None,
        "externalBuildData": dict.fromkeys(("buildId", "projectId", "buildToken"), "-"),
        "errorData": None,
        "canceledReason": None,
        "worker": {
            "id": f"worker_{base36(digest('worker', each.id, size=16), _ID_LENGTH)}",
            "version": each.version,
            "tasks": [_task_row(task) for task in request.world.lifecycle.tasks.values()],
        },
    }


def _task_row(task: Task) -> dict[str, Json]:
    key = base36(digest("task", task.id, size=16), _ID_LENGTH)
    return {"id": f"task_{key}", "slug": task.id, "filePath": task.file, "exportName": task.id}
