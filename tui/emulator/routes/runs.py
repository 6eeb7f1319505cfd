"""The routes of runs: the list, one run, its result and metadata, and the actions on it.

`rest` reads filters and bodies and builds rows. Source: tests/wire/recordings/README.md §3, §4 and §7.
"""

from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, not_found
from tui.emulator.public_tokens import claims_of, sign_token
from tui.emulator.rest.listing import read_page
from tui.emulator.rest.packets import presigner
from tui.emulator.rest.rows import detail as detail_of
from tui.emulator.rest.rows import json_text, list_row
from tui.emulator.rest.triggering import read_delay_ms, read_tags, read_trigger
from tui.emulator.simulation.lifecycle import MAX_TAGS
from tui.emulator.simulation.runs import Run
from tui.emulator.simulation.statuses import Status
from tui.emulator.world import World

TOKEN_VALID_S = 3600


async def list_runs(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs` (recordings 010-063)."""
    page = read_page(request.world, request.query)
    environment = request.world.environment
    rows = [list_row(run, environment, is_versioned=request.is_versioned) for run in page.runs]
    return ApiResponse({"data": rows, "pagination": page.pagination()})


async def detail(request: ApiRequest) -> ApiResponse:
    """`GET /api/v3/runs/{id}` (recordings 100-152)."""
    return _detail(request, _read(request))


async def result(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs/{id}/result`. Only a canceled run has one (recordings 300-305)."""
    run = request.world.find(request.path["id"])
    if run is None or run.status is not Status.CANCELED:
        raise Refusal(404, {"error": "Run either doesn't exist or is not finished"})
    error = {"type": "INTERNAL_ERROR", "code": "TASK_RUN_CANCELLED"}
    return ApiResponse({"ok": False, "id": run.id, "taskIdentifier": run.task_id, "error": error})


async def metadata(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs/{id}/metadata`, as a JSON text (recordings 310-312)."""
    run = _read(request)
    text = None if run.metadata is None else json_text(run.metadata)
    return ApiResponse({"metadata": text, "metadataType": "application/json"})


async def cancel(request: ApiRequest) -> ApiResponse:
    """`POST /api/v2/runs/{id}/cancel`. Returns the same in any state; a body is optional (recordings 400-406)."""
    run = _change(request)
    request.world.cancel(run)
    return ApiResponse({"id": run.id})


async def replay(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/runs/{id}/replay`. Returns the id of the new run (recordings 410-413)."""
    return ApiResponse({"id": request.world.replay(_change(request)).id})


async def reschedule(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/runs/{id}/reschedule` with `{"delay": …}`. Returns the run's detail (recording 420)."""
    run = _change(request)
    body = request.json()
    delay = body.get("delay") if isinstance(body, dict) else None
    if not isinstance(delay, str):
        raise Refusal(400, {"error": "Invalid request body"})
    if not request.world.lifecycle.reschedule(run, read_delay_ms(delay, request.world.now_ms)):
        raise Refusal(422, {"error": "Cannot reschedule a run that is not delayed"})
    return _detail(request, run)


async def add_tags(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/runs/{id}/tags` with `{"tags": …}`, one or a list. Above ten nothing changes (recording 421)."""
    run = _change(request)
    body = request.json()
    if not isinstance(body, dict) or body.get("tags") is None:
        raise Refusal(400, {"error": "Invalid request body"})
    new = [tag for tag in read_tags(body["tags"], "tags") if tag not in run.tags]
    if not new:
        return ApiResponse({"message": "No new tags to add"})
    if not request.world.lifecycle.add_tags(run, tuple(new)):
        unset = ", ".join(f"'{tag}'" for tag in new)
        text = f"Runs can only have {MAX_TAGS} tags, you're trying to set {len(run.tags) + len(new)}."
        raise Refusal(422, {"error": f"{text} These tags have not been set: {unset}."})
    return ApiResponse({"message": f"Successfully set {len(new)} new tags."})


async def trigger(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/tasks/{task}/trigger`. Returns a new run, or the one with the same key (recordings 380-385).

    An unknown task is accepted. Without a payload a known task generates its own, as for the company's runs. A repeated
    request, recognised by the SDK's key, gets the first response again.
    """
    world = request.world
    if (made := world.ledger.find_by_request(request.request_key)) is not None:
        return _triggered(world, made, is_cached=False)
    trigger_request = read_trigger(request.path["task"], request.json(), world.now_ms)
    key = (trigger_request.new.task_id, trigger_request.new.idempotency_key)
    known = world.ledger.by_idempotency.get(key)
    if known is not None and known.key_expires_ms is not None and known.key_expires_ms <= world.now_ms:
        del world.ledger.by_idempotency[key]
        known.idempotency_key = ""
    run, is_cached = world.trigger(trigger_request.new)
    if not is_cached and run.idempotency_key:
        run.key_expires_ms = world.now_ms + trigger_request.key_valid_ms
    world.ledger.record_request(request.request_key, run)
    return _triggered(world, run, is_cached=is_cached)


def _triggered(world: World, run: Run, *, is_cached: bool) -> ApiResponse:
    """The id of the run, and a token that may read it."""
    scopes = [f"read:runs:{run.id}", f"write:inputStreams:{run.id}"]
    now_s = world.now_ms // 1000
    token = sign_token(world.environment, scopes, issued_s=now_s, expires_s=now_s + TOKEN_VALID_S)
    headers = {
        "x-trigger-jwt": token,
        "x-trigger-jwt-claims": json_text(claims_of(world.environment, scopes)),
    }
    return ApiResponse({"id": run.id, "isCached": is_cached}, headers=headers)


def _detail(request: ApiRequest, run: Run) -> ApiResponse:
    return ApiResponse(detail_of(run, request.world.environment, presigner(request), is_versioned=request.is_versioned))


def _read(request: ApiRequest) -> Run:
    """The run that a reading route names. Raises `Refusal` (recordings 150-152)."""
    run = request.world.find(request.path["id"])
    if run is None:
        raise not_found()
    return run


def _change(request: ApiRequest) -> Run:
    """The run that an action names. Raises `Refusal` (recordings 403, 413)."""
    run = request.world.find(request.path["id"])
    if run is None:
        raise Refusal(404, {"error": "Resource not found"})
    return run
