"""Worlds with the recorded tasks, and runs executed to their end."""

from typing import Any

from tests.support.recordings import recording
from tui.emulator.environment import DEVELOPMENT, PRODUCTION
from tui.emulator.recorded_tasks import RECORDED_LIMITS, RECORDED_TASKS
from tui.emulator.simulation.runs import NewRun, Run
from tui.emulator.world import DemoTasks, World

START_MS = 1_795_527_600_000
LONG_MS = 400_000
NASTY = "nasty-text"


def new_world(*, is_deployed: bool = False) -> World:
    return World(
        DemoTasks(RECORDED_TASKS, limits=RECORDED_LIMITS),
        start_ms=START_MS,
        environment=PRODUCTION if is_deployed else DEVELOPMENT,
    )


def finished(task_id: str, payload: Any, *, tags: tuple[str, ...] = (), is_deployed: bool = False) -> Run:
    world = new_world(is_deployed=is_deployed)
    run, _ = world.trigger(NewRun(task_id=task_id, payload=payload, tags=tags))
    world.advance(START_MS + LONG_MS)
    assert run.status.is_final
    return run


def body(number: str) -> Any:
    return recording(number)["response"]["body"]


def as_recorded(number: str, **options: Any) -> tuple[Run, Any]:
    """Trigger a recorded run again, with its payload and tags, and execute it to its end."""
    result = body(number)
    tags = tuple(result["tags"])
    return finished(result["taskIdentifier"], result["payload"], tags=tags, **options), result


PAYLOADS = {
    "fail-retry": {"order": "ord_1001"},
    "fail-cause": {"customer": "cus_123"},
    "leaf": {"n": 3, "fail": True},
    NASTY: {"fail": True},
}
