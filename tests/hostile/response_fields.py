"""The kinds of responses of the real server, and their fields, collected from the recordings.

A kind is a method and a path with `{}` in place of ids. A field is a path in the body: `data[].tags[]`. Spans nest to
any depth, so `children[].children[]` counts as `children[]`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.support.recordings import recordings

FREE = frozenset({"payload", "output", "metadata", "properties", "attributes", "schema", "defaultPayload"})
"""Objects whose keys belong to the user's code: their values are one field, `*`."""

ERRORS = "an error"
"""The kind of every JSON body with a status of 400 or more, on any route."""

HEADERS = "the headers"
"""The kind of the response headers of every route."""

FRAMING = frozenset({"transfer-encoding", "content-length", "content-encoding", "connection", "etag"})
"""Headers that describe the bytes of the response. The HTTP mode falsifies these."""

_IDS = re.compile(r"(run|batch|bulk|queue|error|proj|deployment|sched|waitpoint|session|prompt|env)_.+|[0-9a-f]{16}\Z")
_NO_IDS = frozenset({"schema", "latest", "current", "v1", "v2", "v3"})
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\d{19}\Z")


@dataclass(slots=True)
class Field:
    """One field of one kind of response. `types` are the JSON types of its recorded values."""

    path: str
    types: set[str] = field(default_factory=set)
    is_time: bool = False

    @property
    def is_text(self) -> bool:
        return "string" in self.types


Fields = dict[str, Field]


def kind_of(method: str, path: str) -> str:
    """Return the kind of a request's response: `GET /api/v1/runs/{}/trace`."""
    parts = path.split("?", maxsplit=1)[0].strip("/").split("/")
    shown = [
        "{}" if _IDS.match(part) or (_is_collection(above) and part not in _NO_IDS) else part
        for above, part in zip(["", *parts], parts, strict=False)
    ]
    if "projects" in shown and len(shown) > 4 and shown[4] in {"dev", "prod", "staging", "preview", "nope"}:
        shown[4] = "{}"
    return f"{method} /{'/'.join(shown)}"


def _is_collection(part: str) -> bool:
    return part.endswith("s") and not _IDS.match(part)


@cache
def recorded_fields() -> dict[str, Fields]:
    """Return the fields of each kind, including the kinds ERRORS and HEADERS."""
    kinds: dict[str, Fields] = {}
    for kind, response in _responses():
        for name, value in response.get("headers", {}).items():
            if name.lower() not in FRAMING:
                _learn(kinds.setdefault(HEADERS, {}), name.lower(), str(value))
        body = response.get("body")
        if not isinstance(body, dict | list):
            continue
        of = ERRORS if response["status"] >= 400 else kind
        if of is not None:
            _walk(kinds.setdefault(of, {}), body, "")
    return kinds


def recorded_errors() -> list[dict[str, Any]]:
    """Return the recorded responses with a JSON object and a status of 400 or more."""
    found = [response for _, response in _responses()]
    return [each for each in found if each["status"] >= 400 and isinstance(each.get("body"), dict)]


def _responses() -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Yield every recorded response with its kind; None where the recording has no request (762, 764)."""
    for _, parsed in recordings():
        for pair in parsed.get("polls", [parsed]):
            request = pair.get("request") or parsed.get("request")
            yield kind_of(request["method"], request["path"]) if request else None, pair["response"]


def _walk(fields: Fields, value: Any, path: str) -> None:
    match value:
        case dict():
            if path:
                _learn(fields, path, value)
            is_free = path.rsplit(".", 1)[-1].removesuffix("[]") in FREE
            for key, each in value.items():
                _walk(fields, each, joined(path, "*" if is_free else key))
        case list():
            if path:
                _learn(fields, path, value)
            for each in value:
                _walk(fields, each, path if path.endswith("*") else f"{path}[]")
        case _:
            _learn(fields, path, value)


def joined(path: str, key: str) -> str:
    """Return the path of a key below a path. It ends at free objects, and does not grow with nested children."""
    if path.endswith("*"):
        return path
    if key == "children" and path.endswith("children[]"):
        return path.removesuffix("[]")
    return f"{path}.{key}" if path else key


def _learn(fields: Fields, path: str, value: Any) -> None:
    found = fields.setdefault(path, Field(path))
    found.types.add(json_type(value))
    found.is_time |= isinstance(value, str) and bool(_TIME.match(value))


def json_type(value: Any) -> str:
    """Return the JSON type of a value."""
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")
