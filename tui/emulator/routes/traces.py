"""What the server answers about spans: the trace of a run, its events, one span.

What lives here: from a question to the answer's status. Bodies are `trace_answers`' matter. Source: recordings 210-292.
"""

from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, not_found
from tui.emulator.simulation.runs import Run
from tui.emulator.traces.answers import events_answer, span_answer, trace_answer


async def trace(asked: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs/{id}/trace`; 404 of its own while there is none (recording 215)."""
    body = trace_answer(_run(asked), asked.world.now_ms, asked.world.environment)
    if body is None:
        raise Refusal(404, {"error": "Trace not found"})
    return ApiResponse(body)


async def events(asked: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs/{id}/events`; none at all is an answer too (recording 762)."""
    return ApiResponse(events_answer(_run(asked), asked.world.now_ms, asked.world.environment))


async def span(asked: ApiRequest) -> ApiResponse:
    """`GET /api/v1/runs/{id}/spans/{span}` (recordings 224, 225, 260-290)."""
    body = span_answer(_run(asked), asked.path["span"], asked.world.now_ms, asked.world.environment)
    if body is None:
        raise Refusal(404, {"error": "Span not found"})
    return ApiResponse(body)


def _run(asked: ApiRequest) -> Run:
    """Refuses with 404 when there is no such run (recordings 291, 292)."""
    run = asked.world.find(asked.path["id"])
    if run is None:
        raise not_found()
    return run
