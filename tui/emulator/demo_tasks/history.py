"""Runs of the past that the random history does not have: old live runs, known failures, and a week of usual runs."""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

from tui.emulator.demo_tasks.samples import crash
from tui.emulator.simulation.names import digest
from tui.emulator.simulation.runs import IGNORED, RESOLVED, ErrorState, NewRun, OldRun
from tui.emulator.simulation.script import Json, Log, Script, Task, Wait, Work

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS

# Live runs that are 8, 20 and 40 days old, older than the history. A list of one week does not show them.

_YEAR_MS = 365 * _DAY_MS
LONG_LIVED_QUEUE = "backfill"
"""A queue of their own, so that they take no slots from other runs."""

OLD_RUNS = (
    OldRun(
        40 * _DAY_MS,
        NewRun(
            task_id="import-csv",
            tags=("customer:c_1004",),
            queue=LONG_LIVED_QUEUE,
            ttl="",
            script=Script((Work(_YEAR_MS, (Log("INFO", "waiting for the advisory lock"),)),)),
        ),
    ),
    OldRun(
        20 * _DAY_MS,
        NewRun(
            task_id="generate-report",
            tags=("customer:c_1017",),
            queue=LONG_LIVED_QUEUE,
            ttl="",
            script=Script((Work(900), Wait(_YEAR_MS))),
        ),
    ),
    OldRun(8 * _DAY_MS, NewRun(task_id="retry-failed-charge", tags=("dunning",), ttl="", delay_ms=30 * _DAY_MS)),
)


# Failures that the company has known for days, older than the history, and what people did about them.
#
# Their messages name no order, so that failures of the history are in the same groups of the server: without these,
# each group would be new. The payloads are those with which the tasks fail.


MIN_HISTORY_WITH_FAILURES = 400
"""A shorter history has no room for them."""


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
    """Return a run that failed `days` ago, because of its payload or by its own script."""
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


# A week of runs in the hour of the start, so that what is normal for a task at this time of day is known.
#
# They count as a part of the history. Tasks that are triggered most come first, as many as fit.


MIN_HISTORY_WITH_WEEK: Final = 1_500
"""A shorter history has no room for a week."""

SHARE: Final = 0.3
"""The week is at most this share of the history."""

DAYS: Final = 7
RUNS_A_DAY: Final = 3
FAMILY: Final = 1.6
"""How many runs one trigger causes, about."""

SOON_MS: Final = 600_000
"""The hour that it will be so long after the start comes first."""

MARGIN_MS: Final = 60_000
"""No run is triggered so close to the beginning or the end of an hour."""


def week_of(tasks: Sequence[Task], seed: int, start_ms: int, history: int) -> list[OldRun]:
    """Return runs of the last seven days, in the hours that come next after the start."""
    if history < MIN_HISTORY_WITH_WEEK:
        return []
    busiest = sorted((task for task in tasks if task.weight and not task.delay_ms), key=lambda task: -task.weight)
    of_one = DAYS * RUNS_A_DAY
    room = int(history * SHARE / FAMILY / of_one)
    random = Random(digest(seed, "week"))
    soon_ms = (start_ms + SOON_MS) // _HOUR_MS * _HOUR_MS
    now_ms = start_ms // _HOUR_MS * _HOUR_MS
    other_ms = now_ms if now_ms != soon_ms else soon_ms + _HOUR_MS
    wanted = [(hour_ms, task) for hour_ms in (soon_ms, other_ms) for task in busiest]
    return [old for hour_ms, task in wanted[:room] for old in _in_hour(task, hour_ms, start_ms, random)]


def _in_hour(task: Task, hour_ms: int, start_ms: int, random: Random) -> Iterator[OldRun]:
    """The runs of a task in that hour of each day."""
    for day in range(1, DAYS + 1):
        for _ in range(RUNS_A_DAY):
            at_ms = hour_ms - day * _DAY_MS + random.randrange(MARGIN_MS, _HOUR_MS - MARGIN_MS)
            yield OldRun(start_ms - at_ms, NewRun(task_id=task.id, tags=task.tags(random)))
