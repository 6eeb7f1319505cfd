"""Writes JSON as text with a loop instead of recursion: a payload may be nested as deep as the decoder allows.

A number that JSON cannot write (1e999 decodes to infinity) becomes a string, `"Infinity"`, and never null.
"""

import json
import math
from collections.abc import Iterator

from tui.domain.run import Json

_Item = tuple[str, Json, str]


def rows(value: Json, *, ascii_only: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the lines of indented JSON as (depth, text), commas included. Joined without spaces they are compact
    JSON.
    """
    opened: list[tuple[Iterator[_Item], str]] = [(iter([("", value, "")]), "")]
    while opened:
        items, close = opened[-1]
        for key, item, comma in items:
            if isinstance(item, dict | list) and item:
                brackets = "{}" if isinstance(item, dict) else "[]"
                yield len(opened) - 1, key + brackets[0]
                opened.append((_items(item, ascii_only=ascii_only), brackets[1] + comma))
                break
            yield len(opened) - 1, key + scalar(item, ascii_only=ascii_only) + comma
        else:
            opened.pop()
            if opened:
                yield len(opened) - 1, close


def compact(value: Json) -> str:
    """Return the value on one line of pure ASCII, with control characters and lone surrogates escaped."""
    try:
        return json.dumps(value, allow_nan=False)
    except (RecursionError, ValueError):
        return "".join(text + (" " if text.endswith(",") else "") for _, text in rows(value, ascii_only=True))


def _items(container: dict[str, Json] | list[Json], *, ascii_only: bool) -> Iterator[_Item]:
    last = len(container) - 1
    if isinstance(container, dict):
        for index, (key, item) in enumerate(container.items()):
            yield f"{scalar(key, ascii_only=ascii_only)}: ", item, "" if index == last else ","
    else:
        for index, item in enumerate(container):
            yield "", item, "" if index == last else ","


def scalar(value: Json, *, ascii_only: bool = False) -> str:
    """Return a key or a scalar as JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        value = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return json.dumps(value, ensure_ascii=ascii_only)
