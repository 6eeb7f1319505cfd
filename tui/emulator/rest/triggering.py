"""Parses the body of a trigger.

Options without an effect here are ignored: context, priority, locked versions, parents of other workers.
Source: tests/wire/recordings/README.md (recordings 380-385), and the options that the SDK sends.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tui.emulator.exchange import Refusal, validation_error
from tui.emulator.rest.list_filters import MACHINES, parse_moment_ms
from tui.emulator.rest.rows import SUPER_JSON
from tui.emulator.simulation.lifecycle import MAX_TAGS
from tui.emulator.simulation.new_run import NewRun, duration_ms
from tui.emulator.simulation.runs import ABSENT
from tui.emulator.simulation.script import Json

MAX_TAG_UNITS = 128
KEY_VALID_MS = 30 * 86_400_000
"""How long an idempotency key is valid by default."""

MAX_TTL_S = 10_000_000_000
MAX_TIME_MS = 253_402_300_799_999
"""The last time that a row can show: the end of the year 9999."""

_NOT_IN_QUEUE_NAMES = re.compile(r"[^a-zA-Z0-9_/-]")


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """The run to create, and how long its idempotency key is valid in milliseconds."""

    new: NewRun
    key_valid_ms: int = KEY_VALID_MS


def read_trigger(task_id: str, body: Json, now_ms: int) -> TriggerRequest:
    """Parse a body. Raises `Refusal`: 400 for a wrong type (384), 422 for too many tags (383) or a bad delay."""
    if not isinstance(body, dict):
        raise validation_error(f"Expected object, received {_kind(body)}")
    options = _read(body, "options", dict, {})
    tags = _tags(options.get("tags"))
    machine = _read(options, "machine", str, "")
    if machine and machine not in MACHINES:
        expected = " | ".join(f"'{name}'" for name in MACHINES)
        raise _wrong(f"Invalid enum value. Expected {expected}, received '{machine}'", "options.machine")
    delay = _read(options, "delay", str, "")
    key = _read(options, "idempotencyKey", str, "")
    key_options = _read(options, "idempotencyKeyOptions", dict, {})
    key_ttl = _read(options, "idempotencyKeyTTL", str, "")
    new = NewRun(
        task_id=task_id,
        payload=_payload(body, _read(options, "payloadType", str, "application/json")),
        tags=tags,
        queue=_queue(options.get("queue")),
        delay_ms=read_delay_ms(delay, now_ms) if delay else 0,
        ttl=_ttl(options.get("ttl")),
        idempotency_key=key,
        key_name=_read(key_options, "key", str, "", "options.idempotencyKeyOptions."),
        machine=machine,
        concurrency_key=_read(options, "concurrencyKey", str, ""),
        metadata=_metadata(options),
        is_test=_read(options, "test", bool, default=False),
        max_attempts=_read(options, "maxAttempts", int, None),
    )
    return TriggerRequest(new, duration_ms(key_ttl) or KEY_VALID_MS)


def read_delay_ms(text: str, now_ms: int) -> int:
    """Parse a delay: `1h30m`, or an ISO date; 0 for a time in the past. Raises `Refusal` for any other text."""
    delay_ms = duration_ms(text)
    if delay_ms is not None:
        until_ms: int | None = now_ms + delay_ms
    else:
        until_ms = None if text.strip().isdigit() else parse_moment_ms(text)
    if not text.strip() or until_ms is None or until_ms > MAX_TIME_MS:
        raise Refusal(422, {"error": f"Invalid delay: {text}"})
    return max(0, until_ms - now_ms)


def read_tags(value: Json, path: str) -> tuple[str, ...]:
    """Parse one tag or a list of them, without duplicates. Raises `Refusal` for an invalid or too long one (384)."""
    if value is None:
        return ()
    tags = [value] if isinstance(value, str) else value
    if not isinstance(tags, list):
        raise _wrong("Invalid input", path)
    for at, tag in enumerate(tags):
        location = path if isinstance(value, str) else f"{path}[{at}]"
        if not isinstance(tag, str):
            raise _wrong(f"Expected string, received {_kind(tag)}", location)
        # Counted in UTF-16 units, as JavaScript does.
        if len(tag.encode("utf-16-le", "surrogatepass")) // 2 > MAX_TAG_UNITS:
            raise _wrong("Tags must be less than 128 characters", location)
    return tuple(dict.fromkeys(tag for tag in tags if tag.strip()))


def _tags(value: Json) -> tuple[str, ...]:
    tags = read_tags(value, "options.tags")
    if len(tags) > MAX_TAGS:
        text = f"Runs can only have {MAX_TAGS} tags, you're trying to set {len(tags)}."
        raise Refusal(422, {"error": text})
    return tags


def _payload(body: Mapping[str, Json], kind: str) -> Json:
    """The payload. The SDK sends super JSON as a text that wraps it."""
    if "payload" not in body:
        return ABSENT
    payload = body["payload"]
    return _unwrapped(payload) if kind == SUPER_JSON else payload


def _unwrapped(value: Json) -> Json:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value["json"] if isinstance(value, dict) and "json" in value else value


def _queue(value: Json) -> str:
    """The stored name of `{"name": …}`, or of a bare name."""
    if isinstance(value, dict):
        value = _read(value, "name", str, "", "options.queue.")
    elif value is not None and not isinstance(value, str):
        raise _wrong(f"Expected object, received {_kind(value)}", "options.queue")
    return _NOT_IN_QUEUE_NAMES.sub("", value or "")


def _ttl(value: Json) -> str | None:
    """A text as it is, or a number of seconds; None means the environment's default."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and 0 <= value <= MAX_TTL_S and value == int(value):
        return _spelled(int(value)) or None
    if value is not None and not isinstance(value, str):
        raise _wrong("Invalid input", "options.ttl")
    return value or None


def _spelled(seconds: int) -> str:
    """Seconds as `1h30m`."""
    parts = []
    for unit, size in (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size) if seconds > 0 else (0, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def _metadata(options: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """An object, or its JSON text, which the SDK sends. Raises `Refusal` for a text that is not JSON."""
    value = options.get("metadata")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise Refusal(400, {"error": "Invalid JSON"}) from None
    if options.get("metadataType") == SUPER_JSON:
        value = _unwrapped(value)
    return value if isinstance(value, dict) else None


def _read(fields: Mapping[str, Json], name: str, kind: type, default: Any, path: str = "") -> Any:
    """The field, or the default when it is absent or null. Raises `Refusal` for another type."""
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        location = name if name == "options" else f"{path or 'options.'}{name}"
        raise _wrong(f"Expected {_NAMES[kind]}, received {_kind(value)}", location)
    return value


_NAMES: Mapping[type, str] = {dict: "object", str: "string", bool: "boolean", int: "number"}


def _kind(value: Json) -> str:
    """The name of a value's type in zod's messages."""
    tests: tuple[tuple[Callable[[Json], bool], str], ...] = (
        (lambda v: v is None, "null"),
        (lambda v: isinstance(v, bool), "boolean"),
        (lambda v: isinstance(v, int | float), "number"),
        (lambda v: isinstance(v, str), "string"),
        (lambda v: isinstance(v, list), "array"),
    )
    return next((name for test, name in tests if test(value)), "object")


def _wrong(text: str, path: str) -> Refusal:
    return validation_error(f'{text} at "{path}"')
