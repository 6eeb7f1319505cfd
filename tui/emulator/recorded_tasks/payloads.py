"""What a payload asks of a task: fields read from JSON that anybody may have sent.

What lives here: reading only. A field that is missing or of another kind counts as not given, since a script never
fails of itself.
"""

from tui.emulator.simulation.script import Json

DAY_S = 86_400
MOST = 1e15
"""Beyond it a number counts as not given, as infinity does."""


def number(payload: Json, key: str, default: float) -> float:
    """A number of the payload."""
    value = payload.get(key) if isinstance(payload, dict) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and -MOST <= value <= MOST:
        return value
    return default


def duration_ms(payload: Json, key: str, default: float, *, unit_ms: int = 1) -> int:
    """A time of the payload in milliseconds, at most a day; `unit_ms` is what the payload counts in."""
    return int(min(max(number(payload, key, default), 0) * unit_ms, DAY_S * 1000))


def text(payload: Json, key: str, default: str) -> str:
    """A text of the payload."""
    value = payload.get(key) if isinstance(payload, dict) else None
    return value if isinstance(value, str) else default


def is_set(payload: Json, key: str) -> bool:
    """Whether the payload says `true` there."""
    return isinstance(payload, dict) and payload.get(key) is True
