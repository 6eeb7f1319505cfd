"""The schedule of a task, and the payload that it passes to a run.

`arrivals` fires the schedules. Source: tests/wire/recordings/README.md (recordings 1241 and 1242).
"""

from datetime import UTC, datetime
from typing import Final

from tui.emulator.simulation.names import base36, digest
from tui.emulator.simulation.script import Json, Task

UPCOMING: Final = 10
TIME_ZONE: Final = "UTC"

_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600
_ID_LENGTH: Final = 21


def schedule_of(task: Task) -> dict[str, Json]:
    """The `schedule` object in the detail of a scheduled run."""
    expression, words = _cron(task.every_s or 60)
    return {
        "id": schedule_id(task),
        "externalId": task.id,
        "deduplicationKey": f"{task.id}-schedule",
        "generator": {"type": "CRON", "expression": expression, "description": words},
    }


def schedule_id(task: Task) -> str:
    """The id of a task's schedule, like `sched_rmvpuj863t5sge5st3832`."""
    return f"sched_{base36(digest('schedule', task.id, size=16), _ID_LENGTH)}"


def schedule_payload(task: Task, at_ms: int) -> dict[str, Json]:
    """The payload of a run that the schedule starts at that time."""
    period_ms = (task.every_s or 60) * 1000
    return {
        "scheduleId": schedule_id(task),
        "type": "IMPERATIVE",
        "timestamp": _iso(at_ms),
        "lastTimestamp": _iso(at_ms - period_ms),
        "externalId": task.id,
        "timezone": TIME_ZONE,
        "upcoming": [_iso(at_ms + turn * period_ms) for turn in range(1, UPCOMING + 1)],
    }


def _iso(ms: int) -> str:
    time = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return time.replace("+00:00", "Z")


def _cron(every_s: int) -> tuple[str, str]:
    """The cron expression of a period, and its description."""
    if every_s % _DAY_S == 0:
        return "0 0 * * *", "At 12:00 AM"
    if every_s % _HOUR_S == 0:
        hours = every_s // _HOUR_S
        return ("0 * * * *", "Every hour") if hours == 1 else (f"0 */{hours} * * *", f"Every {hours} hours")
    minutes = max(1, every_s // 60)
    return ("* * * * *", "Every minute") if minutes == 1 else (f"*/{minutes} * * * *", f"Every {minutes} minutes")
