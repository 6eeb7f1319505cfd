"""Finds the span that stands for a recorded one, by the messages on the way from the root.

A recorded span is looked up in the recorded traces of its run, without engine rows.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.emulator.contract.comparable import is_noise
from tests.support.recordings import recordings

Path = tuple[tuple[str, int], ...]
"""Messages from the root on, each with its index among siblings of that name."""


def paths(node: dict[str, Any], above: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every span of a trace, as (path, id)."""
    yield above, node["id"]
    seen: Counter[str] = Counter()
    for child in node["children"]:
        if isinstance(child, str):
            continue  # stands for children that were cut from the recording
        message = child["data"]["message"]
        if not is_noise(message):
            yield from paths(child, (*above, (message, seen[message])))
            seen[message] += 1


@cache
def _recorded_paths() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for _, parsed in recordings():
        body = parsed.get("response", {}).get("body")
        if isinstance(body, dict) and "trace" in body:
            for path, each in paths(body["trace"]["rootSpan"]):
                found.setdefault(each, path)
    return found


def recorded_path(span_id: str) -> Path | None:
    """The path of a span in the first recorded trace that contains it, or None."""
    return _recorded_paths().get(span_id)


def span_at(trace: dict[str, Any], path: Path) -> str | None:
    """The id of the span at that path."""
    if "trace" not in trace:
        return None
    return next((each for found, each in paths(trace["trace"]["rootSpan"]) if found == path), None)
