"""Reads fields from payloads that any client may have sent.

A missing field, or one of another type, gets its default, because a script never fails by itself.
"""

from tui.emulator.simulation.script import Json

DAY_S = 86_400
MAX_NUMBER = 1e15
"""A greater number, such as infinity, counts as missing."""


def number(payload: Json, key: str, default: float) -> float:
    """A number in the payload."""
    value = payload.get(key) if isinstance(payload, dict) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and -MAX_NUMBER <= value <= MAX_NUMBER:
        return value
    return default


def duration_ms(payload: Json, key: str, default: float, *, unit_ms: int = 1) -> int:
    """A duration in the payload, in milliseconds and at most a day. `unit_ms` is the unit of the payload."""
    return int(min(max(number(payload, key, default), 0) * unit_ms, DAY_S * 1000))


def text(payload: Json, key: str, default: str) -> str:
    """A text in the payload."""
    value = payload.get(key) if isinstance(payload, dict) else None
    return value if isinstance(value, str) else default


def is_set(payload: Json, key: str) -> bool:
    """Whether the field is `true`."""
    return isinstance(payload, dict) and payload.get(key) is True
