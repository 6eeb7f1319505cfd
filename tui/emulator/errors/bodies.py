"""Reads the bodies that change the state of an error group.

The texts of the refusals are recorded (2711-2713, 2716); those of other fields follow the same form.
"""

from tui.emulator.exchange import ApiRequest, Refusal, validation_error
from tui.emulator.simulation.error_states import IGNORED, RESOLVED, ErrorState
from tui.emulator.simulation.script import Json

MAX_REASON = 1000


def read_resolved(request: ApiRequest) -> ErrorState:
    """The state after `/resolve` with `{"resolvedInVersion"}`, which may be missing. Raises `Refusal`."""
    version = _text(_body(request), "resolvedInVersion")
    return ErrorState(word=RESOLVED, at_ms=request.world.now_ms, by=request.user, version=version)


def read_ignored(request: ApiRequest) -> ErrorState:
    """The state after `/ignore` with `{"duration", "occurrenceRate", "totalOccurrences", "reason"}`, each optional.

    Raises `Refusal`. A duration is in milliseconds. The server stores a rate of 0.5 as 0 (recording 2707).
    """
    body, now_ms = _body(request), request.world.now_ms
    duration_ms = _number(body, "duration")
    rate = _number(body, "occurrenceRate", is_whole=False)
    total = _number(body, "totalOccurrences")
    return ErrorState(
        word=IGNORED,
        at_ms=now_ms,
        by=request.user,
        until_ms=None if duration_ms is None else now_ms + int(duration_ms),
        reason=_text(body, "reason", MAX_REASON),
        rate=None if rate is None else int(rate),
        total=None if total is None else int(total),
    )


def _body(request: ApiRequest) -> dict[str, Json]:
    if not request.body:
        raise Refusal(400, {"error": "Request body is empty"})
    body = request.json()
    if not isinstance(body, dict):
        raise validation_error(f"Expected object, received {_type(body)}")
    return body


def _number(body: dict[str, Json], name: str, *, is_whole: bool = True) -> float | None:
    if name not in body:
        return None
    value = body[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise validation_error(f'Expected number, received {_type(value)} at "{name}"')
    if is_whole and value != int(value):
        raise validation_error(f'Expected integer, received float at "{name}"')
    if value <= 0:
        raise validation_error(f'Number must be greater than 0 at "{name}"')
    return value


def _text(body: dict[str, Json], name: str, longest: int | None = None) -> str | None:
    if name not in body:
        return None
    value = body[name]
    if not isinstance(value, str):
        raise validation_error(f'Expected string, received {_type(value)} at "{name}"')
    if longest is not None and len(value) > longest:
        raise validation_error(f'String must contain at most {longest} character(s) at "{name}"')
    return value


def _type(value: Json) -> str:
    """The word of zod for a JSON type."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"
