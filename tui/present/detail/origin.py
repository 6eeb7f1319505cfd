"""Where a run came from, in words: a function of the SDK, or a schedule."""

from tui.domain.run import Fixed, Json

SCHEDULED = "SCHEDULED"
"""The task kind of a run that a schedule started, which is all that a list row tells of it."""


def origin_words(fixed: Fixed) -> str:
    """`schedule 0 3 * * *`, or `batchTrigger()`; empty where nothing tells.

    The server calls a scheduled run's function `trigger`, as if code had called it (recording 1241).
    """
    function = fixed.trigger_function
    if function in {None, "trigger"} and (fixed.schedule is not None or fixed.task_kind == SCHEDULED):
        schedule = schedule_name(fixed.schedule)
        return f"schedule {schedule}" if schedule else "a schedule"
    return "" if function is None else f"{function}()"


def schedule_name(schedule: Json) -> str:
    """What tells a schedule from others: its expression, else the name or the id that it has; empty: it has none."""
    if not isinstance(schedule, dict):
        return ""
    generator = schedule.get("generator")
    inner = generator if isinstance(generator, dict) else {}
    names = (inner.get("expression"), inner.get("description"), schedule.get("externalId"), schedule.get("id"))
    return next((name for name in names if isinstance(name, str) and name), "")
