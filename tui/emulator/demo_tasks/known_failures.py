"""Failures that the company has known for days, older than the history, and what people did about them.

Their messages name no order, so that failures of the history are in the same groups of the server: without these, each
group would be new. The payloads are those with which the tasks fail.
"""

from collections.abc import Callable

from tui.emulator.demo_tasks.stacks import crash
from tui.emulator.simulation.error_states import IGNORED, RESOLVED, ErrorState
from tui.emulator.simulation.new_run import NewRun, OldRun
from tui.emulator.simulation.script import Json, Script, Work

MIN_HISTORY = 400
"""A shorter history has no room for them."""

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


def _acknowledged(now_ms: int) -> ErrorState:
    return ErrorState(word=IGNORED, at_ms=now_ms - 28 * _HOUR_MS, reason="the bucket moves next week")


def _resolved(now_ms: int) -> ErrorState:
    return ErrorState(word=RESOLVED, at_ms=now_ms - 26 * _HOUR_MS)


def _failed(
    days: int,
    task_id: str,
    payload: Json,
    state: Callable[[int], ErrorState] | None = None,
    script: Script | None = None,
) -> OldRun:
    """Return a run that failed so many days ago, because of its payload or by a script of its own."""
    return OldRun(days * _DAY_MS, NewRun(task_id=task_id, payload=payload, ttl="", script=script), error_state=state)


def _order(number: int) -> Json:
    return {"order": number, "shop": "berlin", "host": "api.example.com", "lines": []}


def _event(number: int) -> Json:
    return {"event": {"id": number, "type": "order.paid"}, "endpoint": "https://hooks.example.com/acme"}


_SEGFAULT = Script((Work(3_200),), throws=crash(139, "SIGSEGV"))

KNOWN_FAILURES = (
    _failed(9, "extract-thumbnail", ["s3://uploads/204113.jpg", 412, None], script=_SEGFAULT),
    _failed(6, "upload-asset", {"key": "uploads/200000.bin", "bytes": 48_112, "asset": 200_000}, _acknowledged),
    _failed(6, "render-page", {"report": 199_999, "page": 1}, _acknowledged),
    _failed(5, "agent-turn", {"conversation": 4_000, "level": 0, "messages": []}),
    _failed(4, "render-page", {"report": 7_300, "page": 0}, _resolved),
    _failed(4, "sync-order", _order(217_400), _acknowledged),
    _failed(4, "sync-order", _order(217_500)),
    _failed(3, "sync-order", _order(218_200), _resolved),
    _failed(3, "sync-order", _order(219_400)),
    _failed(3, "webhook-deliver", _event(218_307)),
    _failed(3, "retry-failed-charge", {"order": 218_410}),
)
