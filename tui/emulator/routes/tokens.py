"""The routes of waitpoint tokens: pages of them, one, creating one, and completing it.

Source: tests/wire/recordings/README.md §13.
"""

from collections.abc import Iterable, Mapping

from tui.emulator.access import claims_of, sign_token
from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, query_error, validation_error
from tui.emulator.lists import NUMBER_CURSORS, CursorPage, page_around, page_size, parse_moment_ms
from tui.emulator.routes.runs import MAX_TIME_MS, read_tags
from tui.emulator.rows import json_text
from tui.emulator.simulation.lifecycle import MAX_TAGS
from tui.emulator.simulation.names import base36, digest, iso_time
from tui.emulator.simulation.records import STATUSES, WaitpointToken
from tui.emulator.simulation.runs import duration_ms
from tui.emulator.simulation.script import NOTHING, Json


def read_token_page(tokens: Iterable[WaitpointToken], query: Mapping[str, str]) -> CursorPage[WaitpointToken]:
    """Return the page that the query asks for. `tokens` come newest first. Raises `Refusal` with zod's issues
    (recording 2823).
    """
    issues: list[Json] = []
    size = page_size(query.get("page[size]"), issues)
    statuses = _statuses(query.get("filter[status]", ""), issues)
    if issues:
        raise query_error(*issues)
    tags = frozenset(filter(None, query.get("filter[tags]", "").split(",")))
    found = [token for token in tokens if token.status in statuses and (not tags or not tags.isdisjoint(token.tags))]
    return page_around(found, query, size, NUMBER_CURSORS)


def list_row(token: WaitpointToken, address: str) -> dict[str, Json]:
    """The row of a list (recordings 1105, 2820-2822). It has `idempotencyKey` only if the token was made with one."""
    return {
        "id": token.id,
        "url": callback_url(token, address),
        "status": token.status,
        **_completed_at(token),
        **_timeout(token),
        **({"idempotencyKey": token.idempotency_key} if token.idempotency_key else {}),
        "tags": list(token.tags),
        "createdAt": iso_time(token.created_ms),
    }


def detail_row(token: WaitpointToken, address: str) -> dict[str, Json]:
    """The detail (recordings 1103, 2824, 2825). The output is JSON text, that of a timeout counts as an error."""
    output = token.output
    if token.is_timed_out and token.timeout_ms is not None:
        message = f"Waitpoint timed out at {iso_time(token.timeout_ms)}"
        output = {"code": "TRIGGER_WAITPOINT_TIMEOUT", "message": message}
    return {
        **list_row(token, address),
        "type": "MANUAL",
        "idempotencyKey": token.idempotency_key or base36(digest("key", token.id, size=16), 24),
        "userProvidedIdempotencyKey": bool(token.idempotency_key),
        **({} if output is NOTHING else {"output": json_text(output)}),
        "outputType": "application/json",
        "outputIsError": token.is_timed_out,
    }


def callback_url(token: WaitpointToken, address: str) -> str:
    """The address that completes the token without a key. Its last part is a secret."""
    return f"{address}/api/v1/waitpoints/tokens/{token.id}/callback/{token.callback_hash}"


def _timeout(token: WaitpointToken) -> dict[str, Json]:
    if token.timeout_ms is None:
        return {}
    return dict.fromkeys(("timeoutAt", "completedAfter"), iso_time(token.timeout_ms))


def _completed_at(token: WaitpointToken) -> dict[str, Json]:
    return {} if token.completed_ms is None else {"completedAt": iso_time(token.completed_ms)}


def _statuses(text: str, issues: list[Json]) -> tuple[str, ...]:
    names = tuple(text.split(",")) if text else STATUSES
    if unknown := [name for name in names if name not in STATUSES]:
        message = f"Invalid status values: {', '.join(unknown)}"
        issues.append({"code": "custom", "message": message, "path": ["filter[status]"]})
    return names


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
    key, world = body.get("idempotencyKey"), request.world
    made, is_cached = world.tokens.create(
        _timeout_ms(body.get("timeout"), world.now_ms), tags, key if isinstance(key, str) else ""
    )
    now_s, claims = world.now_ms // 1000, claims_of(world.environment, [f"write:waitpoints:{made.id}"])
    headers = {
        "x-trigger-jwt": sign_token(world.environment, claims["scopes"], issued_s=now_s, expires_s=now_s + 86_400),
        "x-trigger-jwt-claims": json_text({"sub": claims["sub"], "pub": claims["pub"]}),
    }
    body = {"id": made.id, "isCached": is_cached, "url": callback_url(made, request.address)}
    return ApiResponse(body, headers=headers)


async def complete(request: ApiRequest) -> ApiResponse:
    """`POST /api/v1/waitpoints/tokens/{id}/complete` with `{"data": …}`. The run that waits for it continues.

    After a timeout it is a success too, and changes nothing (recordings 1100, 2826).
    """
    body = request.json()
    request.world.tokens.complete(_find(request), body.get("data") if isinstance(body, dict) else None)
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
