"""The routes of waitpoint tokens: pages of them, one, creating one, and completing it.

Source: tests/wire/recordings/README.md §13.
"""

from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, validation_error
from tui.emulator.public_tokens import claims_of, sign_token
from tui.emulator.rest.list_filters import parse_moment_ms
from tui.emulator.rest.rows import json_text
from tui.emulator.rest.tokens import callback_url, detail_row, list_row, read_token_page
from tui.emulator.rest.triggering import MAX_TIME_MS, read_tags
from tui.emulator.simulation.lifecycle import MAX_TAGS
from tui.emulator.simulation.new_run import duration_ms
from tui.emulator.simulation.records.waitpoints import WaitpointToken
from tui.emulator.simulation.script import Json

TOKEN_VALID_S = 86_400


async def list_tokens(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/waitpoints/tokens`, the newest first (recordings 1105, 1106, 2820-2823)."""
    page = read_token_page(request.world.tokens.newest_first(), request.query)
    rows = [list_row(token, request.address) for token in page.rows]
    return ApiResponse({"data": rows, "pagination": page.pagination()})


async def token(request: ApiRequest) -> ApiResponse:
    """`GET /api/v1/waitpoints/tokens/{id}` (recordings 1103, 2824, 2825)."""
    return ApiResponse(detail_row(_find(request), request.address))


async def create(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/waitpoints/tokens` with `{timeout?, tags?, idempotencyKey?}`, all optional (recordings 1101, 2827).

    A timeout that cannot be read sets none (recording 2828). The response has a key that may complete the token.
    """
    body = request.json()
    if not isinstance(body, dict):
        raise validation_error("Expected object")
    tags = read_tags(body.get("tags"), "tags")
    if len(tags) > MAX_TAGS:
        raise Refusal(422, {"error": f"Waitpoints can only have 10 tags, you're trying to set {len(tags)}."})
    key = body.get("idempotencyKey")
    world = request.world
    made, is_cached = world.tokens.create(
        _timeout_ms(body.get("timeout"), world.now_ms), tags, key if isinstance(key, str) else ""
    )
    scopes = [f"write:waitpoints:{made.id}"]
    now_s = world.now_ms // 1000
    headers = {
        "x-trigger-jwt": sign_token(world.environment, scopes, issued_s=now_s, expires_s=now_s + TOKEN_VALID_S),
        "x-trigger-jwt-claims": json_text(
            {name: claims_of(world.environment, scopes)[name] for name in ("sub", "pub")}
        ),
    }
    body = {"id": made.id, "isCached": is_cached, "url": callback_url(made, request.address)}
    return ApiResponse(body, headers=headers)


async def complete(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/waitpoints/tokens/{id}/complete` with `{"data": …}`. The run that waits for it continues.

    After a timeout it is a success too, and changes nothing (recordings 1100, 2826).
    """
    body = request.json()
    found = _find(request)
    request.world.tokens.complete(found, body.get("data") if isinstance(body, dict) else None)
    return ApiResponse({"success": True})


def _find(request: ApiRequest) -> WaitpointToken:
    found = request.world.tokens.find(request.path["id"])
    if found is None:
        raise Refusal(404, {"error": "Waitpoint not found"})
    return found


def _timeout_ms(value: Json, now_ms: int) -> int | None:
    if not isinstance(value, str) or not value.strip():
        return None
    period_ms = duration_ms(value)
    until_ms = parse_moment_ms(value) if period_ms is None else now_ms + period_ms
    return None if until_ms is None or until_ms > MAX_TIME_MS else max(0, until_ms - now_ms)
