"""The routes of batches.

Source: tests/wire/recordings/README.md §6, recordings 610-613.
"""

from itertools import takewhile

from tui.emulator.exchange import ApiRequest, ApiResponse, not_found
from tui.emulator.rest.rows import iso_time
from tui.emulator.simulation.runs import Block, Run
from tui.emulator.world import LIST_LAG_MS, World


async def batch(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/batches/{id}`. The counts are of created runs, not of results (recording 610)."""
    block = find_batch(request)
    runs = block.runs
    is_over = all(run.status.is_final for run in runs)
    return ApiResponse(
        {
            "id": block.batch_id,
            "status": "COMPLETED" if is_over else "PENDING",
            "createdAt": iso_time(block.started_ms),
            "updatedAt": iso_time(max(run.updated_ms for run in runs)),
            "runCount": len(runs),
            "runs": [run.id for run in runs],
            "successfulRunCount": len(runs),
            "failedRunCount": 0,
        }
    )


async def batch_with_errors(request: ApiRequest) -> ApiResponse:
    """`GET /api/v2/batches/{id}`, which the SDK calls. Adds when the runs were created, and the failures to do so
    (none).
    """
    block = find_batch(request)
    body = (await batch(request)).body
    del body["successfulRunCount"], body["failedRunCount"]
    return ApiResponse({**body, "processing": {"completedAt": iso_time(block.started_ms), "errors": []}})


async def results(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/batches/{id}/results`, which is always empty (recording 612)."""
    return ApiResponse({"id": find_batch(request).batch_id, "items": []})


def find_batch(request: ApiRequest) -> Block:
    """Find the call that started the batch. Raises `Refusal` (recording 613)."""
    batch_id = request.path["id"]
    run = _any_run(request.world, batch_id)
    if run is None or run.parent is None:
        raise not_found()
    blocks = (block for attempt in run.parent.attempts for block in attempt.blocks)
    return next(block for block in blocks if block.batch_id == batch_id)


def _any_run(world: World, batch_id: str) -> Run | None:
    """A run of the batch: from the index of lists, or from the newest runs while lists do not see it."""
    by_number = world.ledger.by_number
    if not batch_id:
        return None
    for number in world.ledger.with_field("batch", batch_id):
        if number in by_number:
            return by_number[number]
    recent_ms = world.now_ms - 2 * LIST_LAG_MS[1]
    newest = takewhile(lambda run: run.created_ms >= recent_ms, reversed(by_number.values()))
    return next((run for run in newest if run.batch_id == batch_id), None)
