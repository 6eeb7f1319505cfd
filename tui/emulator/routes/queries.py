"""The routes of TRQL: a query, and the schema (recordings 830-841, 1110-1119).

`metrics` and the `llm_…` tables of the real server are not served. `period`, `from` and `to` of a body apply only to a
query that does not name `triggered_at` itself. Without them, or with an unreadable period, they are seven days. No
query sees runs older than 30 days (recordings 2613-2622).
"""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tui.emulator.exchange import ApiRequest, ApiResponse, Refusal, validation_error
from tui.emulator.lists import DEFAULT_PERIOD_MS
from tui.emulator.query.tables import COLUMNS, TABLE, TABLE_DESCRIPTION, TIME_COLUMN
from tui.emulator.query.tokens import QueryRefused
from tui.emulator.simulation.runs import duration_ms
from tui.emulator.simulation.script import Json

_SCOPES = ("organization", "project", "environment")
_FORMATS = ("json", "csv")


async def query(request: ApiRequest) -> ApiResponse:
    """Answer a query with rows of JSON or with CSV text."""
    body = _body(request.json())
    from_ms, to_ms = _moment_ms(body.get("from")), _moment_ms(body.get("to"))
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


async def schema(_: ApiRequest) -> ApiResponse:
    """The tables and their columns (recording 830)."""
    table = {
        "name": TABLE,
        "description": TABLE_DESCRIPTION,
        "timeColumn": TIME_COLUMN,
        "columns": [column.as_schema() for column in COLUMNS],
    }
    return ApiResponse({"tables": [table]})


def _body(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise validation_error(f"Expected object, received {_kind(body)}")
    if "query" not in body:
        raise validation_error('Required at "query"')
    if not isinstance(body["query"], str):
        raise validation_error(f'Expected string, received {_kind(body["query"])} at "query"')
    for key, allowed in (("scope", _SCOPES), ("format", _FORMATS)):
        if key in body and body[key] not in allowed:
            words = " | ".join(f"'{word}'" for word in allowed)
            raise validation_error(f"Invalid enum value. Expected {words}, received '{body[key]}' at \"{key}\"")
    for key in ("period", "from", "to"):
        if body.get(key) is not None and not isinstance(body[key], str):
            raise validation_error(f'Expected string, received {_kind(body[key])} at "{key}"')
    return body


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")


def _moment_ms(text: str | None) -> int | None:
    """Epoch milliseconds in digits, or an ISO date; None for any other text, which the server ignores."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return int(text[:15])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _csv(names: Sequence[str], rows: Sequence[Sequence[Json]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([json.dumps(value) if isinstance(value, list) else value for value in row] for row in rows)
    return text.getvalue()
