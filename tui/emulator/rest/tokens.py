"""Pages of waitpoint tokens, and the JSON of a token.

Source: tests/wire/recordings/README.md §13.
"""

from collections.abc import Iterable, Mapping

from tui.emulator.exchange import query_error
from tui.emulator.rest.cursors import CursorPage, page_around
from tui.emulator.rest.listing import page_size
from tui.emulator.rest.rows import iso_time, json_text
from tui.emulator.simulation.records.waitpoints import STATUSES, WaitpointToken
from tui.emulator.simulation.script import NOTHING, Json

TIMED_OUT = "TRIGGER_WAITPOINT_TIMEOUT"


def read_token_page(tokens: Iterable[WaitpointToken], query: Mapping[str, str]) -> CursorPage[WaitpointToken]:
    """Select the page from all tokens, the newest first. Raises `Refusal` with zod's issues (recording 2823)."""
    issues: list[Json] = []
    size = page_size(query.get("page[size]"), issues)
    statuses = _statuses(query.get("filter[status]", ""), issues)
    if issues:
        raise query_error(*issues)
    tags = frozenset(filter(None, query.get("filter[tags]", "").split(",")))
    found = [token for token in tokens if token.status in statuses and (not tags or not tags.isdisjoint(token.tags))]
    return page_around(found, query, size)


def list_row(token: WaitpointToken, address: str) -> dict[str, Json]:
    """The row of a list (recordings 1105, 2820-2822). Only a key that somebody chose is in it."""
    return {
        "id": token.id,
        "url": callback_url(token, address),
        "status": token.status,
        **_completed_at(token),
        **_timeout(token),
        **({"idempotencyKey": token.idempotency_key} if token.is_key_given else {}),
        "tags": list(token.tags),
        "createdAt": iso_time(token.created_ms),
    }


def detail_row(token: WaitpointToken, address: str) -> dict[str, Json]:
    """The detail (recordings 1103, 2824, 2825). The output is JSON text, that of a timeout counts as an error."""
    return {
        "id": token.id,
        "type": "MANUAL",
        "url": callback_url(token, address),
        "status": token.status,
        "idempotencyKey": token.idempotency_key,
        "userProvidedIdempotencyKey": token.is_key_given,
        **_output(token),
        "outputType": "application/json",
        "outputIsError": token.is_timed_out,
        **_timeout(token),
        **_completed_at(token),
        "createdAt": iso_time(token.created_ms),
        "tags": list(token.tags),
    }


def callback_url(token: WaitpointToken, address: str) -> str:
    """The address that completes the token without a key. Its last part is a secret."""
    return f"{address}/api/v1/waitpoints/tokens/{token.id}/callback/{token.callback_hash}"


def _output(token: WaitpointToken) -> dict[str, Json]:
    if token.is_timed_out and token.timeout_ms is not None:
        message = f"Waitpoint timed out at {iso_time(token.timeout_ms)}"
        return {"output": json_text({"code": TIMED_OUT, "message": message})}
    return {} if token.output is NOTHING else {"output": json_text(token.output)}


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
