"""The routes of an environment: its keys, its queues, its schedules and its deployments."""

from typing import Any

from tui.emulator.environment import Environment
from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, query_error, unknown_route, validation_error
from tui.emulator.lists import NUMBER_CURSORS, page_around, page_size, read_numbered_page
from tui.emulator.simulation.names import base36, digest, iso_time
from tui.emulator.simulation.records import TIME_ZONE, Deployment, Queue, Schedule, deduplication_key, generator_of
from tui.emulator.simulation.runs import duration_ms
from tui.emulator.simulation.script import Json, Task

# The routes that describe the environment of an API key.
#
# `whoami` has the shape of recording 802. Like the real server, it returns the key. The SDK puts `claims` into the
# public tokens that it signs.


CREATED_AT = "2026-11-24T13:40:10.898Z"
ORG_MEMBER_ID = "cmwunrx7y0002yl7dg4t1nq6e"
USER_ID = "cmwunrx6s0000yl7d0vz8hk3p"
BURST_FACTOR = 2


async def whoami(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/whoami`. Only a development environment belongs to a user."""
    environment = request.world.environment
    project = environment.project
    is_personal = bool(environment.user)
    user = {"id": USER_ID, "displayName": environment.user, "name": environment.user}
    body = {
        "id": environment.id,
        "slug": environment.slug,
        "type": environment.type,
        "apiKey": environment.key,
        "organizationId": project.organization_id,
        "projectId": project.id,
        "orgMemberId": ORG_MEMBER_ID if is_personal else None,
        **dict.fromkeys(("parentEnvironmentId", "branchName", "archivedAt")),
        "paused": request.world.lifecycle.dispatch.is_paused,
        "shortcode": f"emulated-{environment.slug}",
        "maximumConcurrencyLimit": environment.concurrency_limit,
        "concurrencyLimitBurstFactor": BURST_FACTOR,
        "builtInEnvironmentVariableOverrides": None,
        "createdAt": CREATED_AT,
        "updatedAt": CREATED_AT,
        "project": {
            "id": project.id,
            "slug": project.slug,
            "name": project.name,
            "externalRef": project.ref,
            "engine": "V2",
            **dict.fromkeys(("deletedAt", "defaultWorkerGroupId")),
            "organizationId": project.organization_id,
            "builderProjectId": None,
            "defaultRuntime": "node-24",
        },
        "organization": {
            "id": project.organization_id,
            "slug": project.organization_slug,
            "title": project.organization,
            "streamBasinName": None,
            "maximumConcurrencyLimit": environment.concurrency_limit,
            "runsEnabled": True,
            **dict.fromkeys(
                ("maximumDevQueueSize", "maximumDeployedQueueSize", "featureFlags", "apiRateLimiterConfig")
            ),
            **dict.fromkeys(("batchRateLimitConfig", "batchQueueConcurrencyConfig")),
        },
        "orgMember": {"userId": USER_ID, "user": user} if is_personal else None,
        "parentEnvironment": None,
    }
    if is_personal:
        body["userId"] = USER_ID
    return ApiResponse(body)


async def claims(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/auth/jwt/claims`: the claims of all public tokens. The SDK adds their scopes."""
    return ApiResponse({"sub": request.world.environment.id, "pub": True})


# The routes of queues: pages of them, one, and pausing it.
#
# Source: tests/wire/recordings/README.md §7, recordings 600-609, 614, 1061-1072, 1166.


DEFAULT_PERIOD = "1h"
MAX_PERIOD_MS = 30 * 86_400_000
METRIC_BUCKETS = 12

_KINDS = ("id", "task", "custom")
_ACTIONS = ("pause", "resume")


async def list_queues(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/queues?page&perPage`. Pages count from 1, and names are in order (recordings 600, 601, 614)."""
    page = read_numbered_page(request, request.world.queues.all())
    return ApiResponse({"data": [_queue_row(request, queue) for queue in page.rows], "pagination": page.pagination})


async def concurrency_limits(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/concurrency-limits?page&perPage`, by the package `@trigger.dev/core` 4.8.3. Older servers lack it.

    Each queue with a limit has one limit here, with the stored name of the queue (`task/x`), as the server names the
    limits inside tasks.
    """
    if not request.world.queues.is_v2:
        raise unknown_route()
    page = read_numbered_page(request, [queue for queue in request.world.queues.all() if queue.limit is not None])
    return ApiResponse({"data": [_limit(queue) for queue in page.rows], "pagination": page.pagination})


async def queue(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/queues/{queue}?type=id|task|custom` (recordings 602-605, 607)."""
    return ApiResponse(_queue_row(request, _find_queue(request, _kind(request))))


async def queue_metrics(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/queues/{queue}/metrics?type&period`. Nothing measures queues here, as on the recorded server: waits
    are null, and the counts are zeros, whatever happened (recordings 1063, 1166).
    """
    found = _find_queue(request, _kind(request))
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


async def pause_queue(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/queues/{queue}/pause` with `{"type", "action": "pause"|"resume"}` (recordings 606, 608, 609).

    The response lacks `concurrencyLimitOverridePercent`, as recorded.
    """
    body = request.json()
    if not isinstance(body, dict):
        raise validation_error("Expected object, received array" if isinstance(body, list) else "Invalid input")
    kind = _enum(body.get("type", "id"), _KINDS, "type")
    action = _enum(body.get("action"), _ACTIONS, "action")
    found = _find_queue(request, kind)
    request.world.pause(found, is_paused=action == "pause")
    row = _queue_row(request, found)
    row.pop("concurrencyLimitOverridePercent", None)
    return ApiResponse(row)


def _kind(request: ApiRequest) -> str:
    kind = request.query.get("type", "id")
    if kind not in _KINDS:
        message = _enum_message(_KINDS, kind)
        issue = {"received": kind, "code": "invalid_enum_value", "options": list(_KINDS), "message": message}
        raise query_error({**issue, "path": ["type"]})
    return kind


def _find_queue(request: ApiRequest, kind: str) -> Queue:
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


def _queue_row(request: ApiRequest, queue: Queue) -> dict[str, Any]:
    """The JSON of a queue. A run that was given to a worker but not yet taken by it counts neither as queued nor as
    running.
    """
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
            **dict.fromkeys(("base", "override", "overriddenBy", "overriddenAt")),
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


# The routes of schedules: pages of them, one, and activating or deactivating it.
#
# Source: tests/wire/recordings/README.md §12.


async def list_schedules(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/schedules?page&perPage`, the newest first (recordings 2800, 2801)."""
    page = read_numbered_page(request, request.world.schedules.newest_first())
    rows = [_schedule_row(schedule, request) for schedule in page.rows]
    return ApiResponse({"data": rows, "pagination": page.pagination})


async def schedule(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/schedules/{id}` (recordings 2802, 2803)."""
    return _changed(request)


async def activate_schedule(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/schedules/{id}/activate` (recording 2804)."""
    return _changed(request, is_active=True)


async def deactivate_schedule(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/schedules/{id}/deactivate` (recording 2805)."""
    return _changed(request, is_active=False)


def _changed(request: ApiRequest, *, is_active: bool | None = None) -> ApiResponse:
    """Activate or deactivate a schedule, unless `is_active` is None. The response is the schedule."""
    schedules, environment = request.world.schedules, request.world.environment
    found = next((each for each in schedules.newest_first() if each.id == request.path["id"]), None)
    if found is None:
        raise Refusal(404, {"error": "Schedule not found"})
    if is_active is not None:
        schedules.activate(found, is_active=is_active)
    place = {"id": environment.id, "type": environment.type}
    return ApiResponse({**_schedule_row(found, request), "environments": [place]})


def _schedule_row(schedule: Schedule, request: ApiRequest) -> dict[str, Json]:
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


def _next_run(schedule: Schedule, request: ApiRequest) -> dict[str, Json]:
    """The keys about the next run. Their values are null while the schedule is not active."""
    due_ms = schedule.next_ms(request.world.now_ms)
    return {
        "nextRun": None if due_ms is None else iso_time(due_ms),
        "nextRunEffectiveAt": None if due_ms is None else iso_time(due_ms + schedule.spread_ms),
    }


def _owner(environment: Environment) -> dict[str, Json]:
    return {"userName": environment.user} if environment.user else {}


# The routes of deployments: pages of them, the current one, and one by its id.
#
# Source: tests/wire/recordings/README.md §14 (recordings 820-827, 1080-1082).


RUNTIME = "node-24"
RUNTIME_VERSION = "24.0.0"
_ID_LENGTH = 21


async def list_deployments(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/deployments`, the newest first. A development environment has none (recordings 824, 1080)."""
    issues: list[Json] = []
    size = page_size(request.query.get("page[size]"), issues)
    if issues:
        raise query_error(*issues)
    page = page_around(_all(request), request.query, size, NUMBER_CURSORS)
    return ApiResponse({"data": [_deployment_row(each) for each in page.rows], "pagination": page.pagination()})


async def current_deployment(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/deployments/current`: that of new runs, without `git` (recording 826)."""
    if not (deployments := _all(request)):
        raise _not_found()
    row = _deployment_row(deployments[0])
    del row["git"]
    return ApiResponse(row)


async def deployment(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/deployments/{id}`, with the tasks of its worker (recording 827)."""
    found = next((each for each in _all(request) if each.id == request.path["id"]), None)
    if found is None:
        raise _not_found()
    return ApiResponse(_deployment_detail(found, request))


def _all(request: ApiRequest) -> list[Deployment]:
    world = request.world
    return [] if world.environment.type == "DEVELOPMENT" else world.lifecycle.deployments.newest_first()


def _not_found() -> Refusal:
    return Refusal(404, {"error": "Deployment not found"})


def _deployment_row(each: Deployment) -> dict[str, Json]:
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


def _deployment_detail(each: Deployment, request: ApiRequest) -> dict[str, Json]:
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
