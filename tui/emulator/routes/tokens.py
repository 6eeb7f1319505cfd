"""The route of waitpoint tokens.

Source: tests/wire/recordings/README.md §13.
"""

from collections.abc import Iterable, Mapping

from tui.emulator.exchange import ApiRequest, ApiResponse, query_error
from tui.emulator.lists import NUMBERS, CursorPage, page_around, page_size
from tui.emulator.simulation.names import iso_time
from tui.emulator.simulation.records import STATUSES, WaitpointToken
from tui.emulator.simulation.script import Json

# Pages of waitpoint tokens, and the JSON of a token.


def read_token_page(tokens: Iterable[WaitpointToken], query: Mapping[str, str]) -> CursorPage[WaitpointToken]:
    """Select the page from all tokens, the newest first. Raises `Refusal` with zod's issues (recording 2823)."""
    issues: list[Json] = []
    size = page_size(query.get("page[size]"), issues)
    statuses = _statuses(query.get("filter[status]", ""), issues)
    if issues:
        raise query_error(*issues)
    tags = frozenset(filter(None, query.get("filter[tags]", "").split(",")))
    found = [token for token in tokens if token.status in statuses and (not tags or not tags.isdisjoint(token.tags))]
    return page_around(found, query, size, NUMBERS)


def list_row(token: WaitpointToken, address: str) -> dict[str, Json]:
    """The row of a list (recordings 1105, 2820-2822). Only a key that somebody chose is in it."""
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
