"""The value that a cell shows: a scalar, the start of a text, or the start of an object as JSON.

A payload may have megabytes. A `CellValue` has a few hundred characters, so that thousands of them can be kept.
"""

import json
import math
from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from tui.domain.run import Absent, Json
from tui.domain.text import Raw

MAX_VALUE_CHARS: Final = 400
"""The widest column has 200 cells."""

_MAX_INTEGER: Final = 10**300
"""A larger whole number is shown by its magnitude: Python refuses to write numbers of thousands of digits."""


class Unshown(Enum):
    """Why a cell has no value.

    * NOT_READ: the value is not known yet
    * MISSING: the run has no such value
    * APART: the server stores the payload or output outside of the run, because it is large
    """

    NOT_READ = "not read"
    MISSING = "missing"
    APART = "apart"


class Nested(NamedTuple):
    """An object or a list, as the start of its compact JSON."""

    text: Raw


Value = Nested | Raw | str | int | float | None
CellValue = Unshown | Value


def cell_value(value: Json | Absent) -> CellValue:
    """Return the part of a JSON value that a cell can show."""
    match value:
        case Absent():
            return Unshown.MISSING
        case dict() | list():
            return Nested(Raw(_compact_start(value)))
        case str():
            return Raw(value if len(value) <= MAX_VALUE_CHARS else f"{value[: MAX_VALUE_CHARS - 1]}…")
        case bool() | int() | float() | None:
            return value
        case _:
            return Raw(str(value)[:MAX_VALUE_CHARS])  # no decoder returns other types


def plain_text(value: Value) -> str:
    """Return a value as it is, on one line: a text without quotes, everything else as JSON."""
    match value:
        case Nested(text):
            return text
        case str():
            return " ".join(value.split())
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if abs(value) < _MAX_INTEGER else f"{'-' if value < 0 else ''}>1e300"
        case _:
            return repr(value) if math.isfinite(value) else _not_finite(value)


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _compact_start(value: Json) -> str:
    """Return the start of a value as compact JSON. The rest of the value is not visited."""
    parts: list[str] = []
    length = 0
    for part in _parts(value):
        parts.append(part)
        length += len(part)
        if length > MAX_VALUE_CHARS:
            return f"{''.join(parts)[: MAX_VALUE_CHARS - 1]}…"
    return "".join(parts)


def _parts(value: Json) -> Iterator[str]:
    """Yield the JSON of a value in small parts, with a loop: a value may be nested as deep as the decoder allows."""
    opened: list[tuple[Iterator[tuple[str, Json]], str, bool]] = [(iter([("", value)]), "", True)]
    while opened:
        items, close, is_first = opened.pop()
        pair = next(items, None)
        if pair is None:
            yield close
            continue
        opened.append((items, close, False))
        key, item = pair
        yield key if is_first else f", {key}"
        if isinstance(item, dict):
            yield "{"
            opened.append((((f"{_quoted(name)}: ", each) for name, each in item.items()), "}", True))
        elif isinstance(item, list):
            yield "["
            opened.append(((("", each) for each in item), "]", True))
        else:
            yield _quoted(item) if isinstance(item, str) else plain_text(item)


def _quoted(text: str) -> str:
    return json.dumps(text[:MAX_VALUE_CHARS], ensure_ascii=False)
