"""The origin of a run in words: a function of the SDK, or a schedule."""

from tui.domain.run import Fixed, Json

SCHEDULED = "SCHEDULED"
"""The task kind of a run that a schedule started. A list row has no other sign of the schedule."""


def origin_words(fixed: Fixed) -> str:
    """Return `schedule 0 3 * * *` or `batchTrigger()`; empty if the origin is not known.

    The server names the function `trigger` for a scheduled run too, although no code called it. Source:
    tests/wire/recordings/1241-run-detail-scheduled.json.
    """
    function = fixed.trigger_function
    if function in {None, "trigger"} and (fixed.schedule is not None or fixed.task_kind == SCHEDULED):
        schedule = schedule_name(fixed.schedule)
        return f"schedule {schedule}" if schedule else "a schedule"
    return "" if function is None else f"{function}()"


def schedule_name(schedule: Json) -> str:
    """Return the expression of a schedule, else its name or id; empty if it has none."""
    if not isinstance(schedule, dict):
        return ""
    generator = schedule.get("generator")
    inner = generator if isinstance(generator, dict) else {}
    names = (inner.get("expression"), inner.get("description"), schedule.get("externalId"), schedule.get("id"))
    return next((name for name in names if isinstance(name, str) and name), "")
