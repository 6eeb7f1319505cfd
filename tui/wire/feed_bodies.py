"""Payload, output and metadata of a feed's row: stored texts, each with a type that says how to read it.

What lives here: reading them, where a row has them at all: feeds of a whole environment leave them out. Source:
wire/README.md §8, recordings 700-720.
"""

from collections.abc import Mapping
from typing import Any, Final

from tui.domain.run import ABSENT, Absent, Body, Json
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
