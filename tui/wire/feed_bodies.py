"""Payload, output, metadata and error of a feed's row: stored texts, each with a type that says how to read it.

Feeds of a whole environment leave them out. Source: wire/README.md §8, recordings 700-720, 725-729.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from tui.domain.error import INTERNAL_NAME, RunError, build_error
from tui.domain.run import ABSENT, Absent, Body, Json
from tui.domain.text import Raw
from tui.wire.models import read_json

_STORED_APART: Final = "application/store"
"""The text is where the value lies, without an address that leads there: only a detail has one (recording 720)."""

_WITH_META: Final = "application/super+json"
_JSON: Final = ("application/json", _WITH_META)


def read_body(row: Mapping[str, Any]) -> Body | None:
    """Payload and output of a row, or None where it has none or not both of them."""
    if "payload" not in row or "output" not in row:
        return None
    if _STORED_APART in {row.get("payloadType"), row.get("outputType")}:
        return None
    return Body(_value(row["payload"], row.get("payloadType")), _value(row["output"], row.get("outputType")))


def read_metadata(row: Mapping[str, Any]) -> dict[str, Json] | None:
    """The metadata of a row, empty where the run has none; None where the row does not tell."""
    if "metadata" not in row:
        return None
    value = _value(row["metadata"], row.get("metadataType"))
    return value if isinstance(value, dict) else {}


def read_stored_error(text: Json) -> RunError | None:
    """The `error` column: the form in which the server keeps an error, with what REST leaves out (725-729)."""
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


def _value(text: Json, kind: Json) -> Json | Absent:
    """What a stored text means; a text that is not what it says to be stays the text."""
    if not isinstance(text, str):
        return ABSENT
    if kind not in _JSON:
        return text
    try:
        value = read_json(text.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return text
    if kind == _WITH_META and isinstance(value, dict) and "json" in value:
        return value["json"]
    return value
