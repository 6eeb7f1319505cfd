"""The route of TRQL (recordings 831-841, 1110-1119).

`metrics` and the `llm_…` tables of the real server are not served. `period`, `from` and `to` of a body apply only to a
query that does not name `triggered_at` itself. Without them, or with an unreadable period, they are seven days. No
query sees runs older than 30 days (recordings 2613-2622).
"""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, json_type, validation_error
from tui.emulator.lists import DEFAULT_PERIOD_MS, parse_moment_ms
from tui.emulator.query.tokens import QueryRefused
from tui.emulator.simulation.runs import duration_ms
from tui.emulator.simulation.script import Json

_SCOPES = ("organization", "project", "environment")
_FORMATS = ("json", "csv")


async def query(request: ApiRequest) -> ApiResponse:
    """Answer a query with rows of JSON or with CSV text."""
    body = _body(request.json())
    from_ms, to_ms = _moment_ms(body, "from"), _moment_ms(body, "to")
    period = body.get("period")
    if from_ms is None and to_ms is None:
        period_ms = duration_ms(period) if isinstance(period, str) else None
        from_ms = request.world.now_ms - (DEFAULT_PERIOD_MS if period_ms is None else period_ms)
    try:
        names, rows = await request.queries.answer(body["query"], from_ms=from_ms, to_ms=to_ms)
    except QueryRefused as refused:
        raise Refusal(refused.status, {"error": str(refused)}) from None
    if body.get("format") == "csv":
        return ApiResponse({"format": "csv", "results": _csv(names, rows)})
    return ApiResponse({"format": "json", "results": [dict(zip(names, row, strict=True)) for row in rows]})


def _body(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise validation_error(f"Expected object, received {json_type(body)}")
    if "query" not in body:
        raise validation_error('Required at "query"')
    if not isinstance(body["query"], str):
        raise validation_error(f'Expected string, received {json_type(body["query"])} at "query"')
    for key, allowed in (("scope", _SCOPES), ("format", _FORMATS)):
        if key in body and body[key] not in allowed:
            words = " | ".join(f"'{word}'" for word in allowed)
            raise validation_error(f"Invalid enum value. Expected {words}, received '{body[key]}' at \"{key}\"")
    for key in ("period", "from", "to"):
        if body.get(key) is not None and not isinstance(body[key], str):
            raise validation_error(f'Expected string, received {json_type(body[key])} at "{key}"')
    return body


def _moment_ms(body: dict[str, Any], name: str) -> int | None:
    """Epoch milliseconds in digits, or an ISO date; None for any other text, which the server ignores."""
    return parse_moment_ms(body[name]) if body.get(name) else None


def _csv(names: Sequence[str], rows: Sequence[Sequence[Json]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([json.dumps(value) if isinstance(value, list) else value for value in row] for row in rows)
    return text.getvalue()
