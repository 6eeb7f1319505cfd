"""Decodes the columns of a feed row that hold a document as text: payload, output, metadata and error.

Only the feed of a single run has these columns. TRQL returns the `error` column in the same form.
Source: tests/wire/recordings/README.md §8 (recordings 700-720, 725-729).
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from tui.domain.errors.error import INTERNAL_NAME, RunError, build_error
from tui.domain.run import ABSENT, Absent, Body, Json
from tui.domain.text import Raw
from tui.wire.models import read_json

_IN_OBJECT_STORE: Final = "application/store"
"""The text is a path in the object store. Only the detail of the run has the presigned URL for it (recording 720)."""

_SUPER_JSON: Final = "application/super+json"
_JSON: Final = ("application/json", _SUPER_JSON)


def read_body(row: Mapping[str, Any]) -> Body | None:
    """Return the payload and output of a row. None if the row lacks a column, or has a path into the object store."""
    if "payload" not in row or "output" not in row:
        return None
    if _IN_OBJECT_STORE in {row.get("payloadType"), row.get("outputType")}:
        return None
    return Body(_decode(row["payload"], row.get("payloadType")), _decode(row["output"], row.get("outputType")))


def read_metadata(row: Mapping[str, Any]) -> dict[str, Json] | None:
    """Return the metadata of a row: {} if the run has none, None if the row lacks the column."""
    if "metadata" not in row:
        return None
    value = _decode(row["metadata"], row.get("metadataType"))
    return value if isinstance(value, dict) else {}


def read_stored_error(text: Json) -> RunError | None:
    """Decode the `error` column. It has the original text of a crash, which REST replaces (recordings 725-729)."""
    if text is None:
        return None
    try:
        stored = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        stored = None
    if not isinstance(stored, dict):
        return build_error(text if isinstance(text, str) else None)
    message, raw, code = (_text_of(stored, key) for key in ("message", "raw", "code"))
    stack, name = _text_of(stored, "stackTrace"), _text_of(stored, "name")
    match stored.get("type"):
        case "INTERNAL_ERROR" if code:
            return RunError(Raw(message or code), Raw(INTERNAL_NAME), Raw(stack) if stack else None, code)
        case "STRING_ERROR" | "CUSTOM_ERROR":
            return build_error(raw or message)
        case _:
            return build_error(message or raw, name=name, stack=stack or None)


def _text_of(stored: Mapping[str, Any], key: str) -> str | None:
    value = stored.get(key)
    return value if isinstance(value, str) else None


def _decode(text: Json, content_type: Json) -> Json | Absent:
    """Decode a stored text by its content type. Return text that is not valid JSON unchanged."""
    if not isinstance(text, str):
        return ABSENT
    if content_type not in _JSON:
        return text
    try:
        value = read_json(text.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return text
    if content_type == _SUPER_JSON and isinstance(value, dict) and "json" in value:
        return value["json"]
    return value
