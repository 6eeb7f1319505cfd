"""Reduces a response to the parts that must equal the recorded one, without ids, times, costs and engine rows.

One function for each route of a run.
"""

import re
from collections.abc import Iterator
from typing import Any

FLAGS = ("isQueued", "isExecuting", "isCompleted", "isFailed", "isSuccess", "isCancelled", "isWaiting")
KEYS = (
    "taskIdentifier",
    "status",
    *FLAGS,
    "isTest",
    "depth",
    "tags",
    "ttl",
    "idempotencyKey",
    "triggerFunction",
    "payload",
    "output",
    "metadata",
    "error",
    "attemptCount",
    "attempts",
)


def detail(body: dict[str, Any]) -> Any:
    """A detail without ids, times, durations, costs and URLs. Related runs are reduced likewise."""
    related = body.get("relatedRuns", {})
    content = {key: body[key] for key in KEYS if key in body}
    return content | {
        "has compute time": body.get("durationMs", 0) > 0,
        "root": _relative(related.get("root")),
        "parent": _relative(related.get("parent")),
        "children": sorted((_relative(child) for child in related.get("children", [])), key=repr),
    }


def _relative(row: dict[str, Any] | None) -> Any:
    return None if row is None else {key: row[key] for key in KEYS if key in row}


def trace(body: dict[str, Any]) -> Any:
    """A trace as the tree of messages, levels, flags, attempts and exceptions, without engine rows."""
    return _node(body["trace"]["rootSpan"])


LEFT_OUT = re.compile(r"attempt \d+ line \d+\Z")
"""Log lines of a run with thousands of them, most of which its recordings omit."""


def is_noise(message: str) -> bool:
    """Engine rows, whose number depends on subscribers, and lines that a recording omits."""
    is_engines = message.startswith(("[engine]", "run:subscribe", "run:unsubscribe"))
    return is_engines or LEFT_OUT.match(message) is not None


def _node(node: dict[str, Any]) -> Any:
    data = node["data"]
    # A text stands for children that were cut from the recording.
    whole = [child for child in node["children"] if not isinstance(child, str)]
    children = [child for child in whole if not is_noise(child["data"]["message"])]
    # Concurrent siblings end in any order; the log lines of one process keep theirs.
    is_batch = any(child["runId"] != node["runId"] for child in children)
    nodes = [_node(child) for child in children]
    return _flags(data) | {"children": sorted(nodes, key=repr) if is_batch else nodes}


def events(body: dict[str, Any]) -> Any:
    """Events reduced like a trace, in order and with their style."""
    whole = [event for event in body["events"] if not isinstance(event, str) and not LEFT_OUT.match(event["message"])]
    return {"events": [_flags(event) | {"style": _style(event)} for event in whole]}


def _style(event: dict[str, Any]) -> Any:
    """The style, without whether the worker's process was warm."""
    style = event["style"]
    if event["message"] == "wait.forToken()":
        # The text is the id of the token.
        return [style["icon"], style["accessory"]["items"][0]["text"].partition("_")[0]]
    return {key: value for key, value in style.items() if key != "variant"} if event["attemptNumber"] else style


def _flags(data: dict[str, Any]) -> dict[str, Any]:
    keys = ("message", "level", "isError", "isPartial", "isCancelled", "attemptNumber", "kind")
    duration_ns = data["duration"] if "duration" in data else data["durationMs"] * 1e6
    return {key: data.get(key) for key in keys} | {
        # An open span has a duration of zero or a few microseconds (tests/wire/recordings/README.md §5).
        "has no duration": duration_ns < (1e6 if data["isPartial"] else 1),
        "events": list(_happened(data.get("events", []))),
    }


def _happened(happened: list[dict[str, Any]]) -> Iterator[Any]:
    for event in happened:
        properties = event["properties"]
        yield event["name"], properties.get("event"), properties.get("file"), properties.get("exception")


def span(body: dict[str, Any]) -> Any:
    """A span's properties without ids and times, and the runs that it started."""
    hidden = {"runId", "batchId", "retryAt", "id"}
    properties = body.get("properties", {})
    return _flags(body) | {
        "entityType": body.get("entityType"),
        "properties": {key: "…" if key in hidden else value for key, value in properties.items()},
        "triggeredRuns": sorted((run["taskIdentifier"], run["status"]) for run in body.get("triggeredRuns", [])),
    }


def sorted_deep(value: Any) -> Any:
    """The same value without any order."""
    if isinstance(value, dict):
        return {key: sorted_deep(each) for key, each in value.items()}
    return sorted(map(sorted_deep, value), key=repr) if isinstance(value, list) else value


def is_same(recorded: Any, content: Any) -> bool:
    """Whether two values are equal. A recorded array or text that was cut equals anything that begins with it."""
    if isinstance(recorded, dict) and isinstance(content, dict):
        return recorded.keys() == content.keys() and all(is_same(recorded[key], content[key]) for key in recorded)
    if isinstance(recorded, list | tuple) and isinstance(content, list | tuple):
        cut = bool(recorded) and isinstance(recorded[-1], str) and "cut from this recording" in recorded[-1]
        kept = recorded[:-1] if cut else recorded
        return (len(content) > len(kept) if cut else len(content) == len(kept)) and all(map(is_same, kept, content))
    return bool(recorded == content)


def plain(body: Any) -> Any:
    """The whole body except ids."""
    if isinstance(body, dict):
        return {key: "…" if key == "id" else value for key, value in body.items()}
    return body
