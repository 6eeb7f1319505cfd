"""The routes of spans: the trace of a run, its events, one span.

Source: tests/wire/recordings/README.md (recordings 210-292).
"""

from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, not_found
from tui.emulator.simulation.runs import Run
from tui.emulator.traces.answers import events_answer, span_answer, trace_answer


async def trace(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs/{id}/trace`. A run without a trace yet has a 404 of its own (recording 215)."""
    body = trace_answer(_run(request), request.world.now_ms, request.world.environment)
    if body is None:
        raise Refusal(404, {"error": "Trace not found"})
    return ApiResponse(body)


async def events(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs/{id}/events`. The list may be empty (recording 762)."""
    return ApiResponse(events_answer(_run(request), request.world.now_ms, request.world.environment))


async def span(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs/{id}/spans/{span}` (recordings 224, 225, 260-290)."""
    body = span_answer(_run(request), request.path["span"], request.world.now_ms, request.world.environment)
    if body is None:
        raise Refusal(404, {"error": "Span not found"})
    return ApiResponse(body)


def _run(request: ApiRequest) -> Run:
    """The run of the path. Raises `Refusal` for an unknown one (recordings 291, 292)."""
    run = request.world.find(request.path["id"])
    if run is None:
        raise not_found()
    return run
