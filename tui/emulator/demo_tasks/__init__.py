"""Acme, the company whose runs the emulator simulates: its tasks, the bugs of its bad deployments, its queues.

The docstring of a module begins with the source file in which its tasks would be defined. What a task does depends only
on its payload and on the random numbers of the attempt.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from random import Random

from tui.emulator.demo_tasks import (
    agent,
    examples,
    hostile,
    mail,
    nightly,
    orders,
    payments,
    posts,
    reports,
    sync,
    video,
)
from tui.emulator.demo_tasks.builds import as_built
from tui.emulator.demo_tasks.stacks import error, own, stack
from tui.emulator.simulation.script import Call, Json, Script, Task, Work
from tui.emulator.world import DemoTasks

_BAD_PAYLOAD = error(
    "Cannot destructure property of 'payload' as it is undefined.",
    stack(own("parsePayload", "lib/payload.ts", 8, 9, is_async=False)),
    "TypeError",
)
_PAYLOAD_ERRORS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


def lenient(script: Callable[[Call], Script], payload: Callable[[Random], Json]) -> Callable[[Call], Script]:
    """Make a script accept any payload, because the API lets clients trigger any task with any payload.

    Missing fields are filled in. If the payload is unusable even so, the attempt throws a TypeError.
    """

    @wraps(script)
    def script_of(call: Call) -> Script:
        try:
            return script(call)
        except _PAYLOAD_ERRORS:
            given, usual = call.payload, payload(call.random)
        call.payload = {**usual, **given} if isinstance(given, dict) and isinstance(usual, dict) else usual
        try:
            return script(call)
        except _PAYLOAD_ERRORS:
            return Script((Work(30),), throws=_BAD_PAYLOAD)

    return script_of


def _deployed(task: Task) -> Task:
    """The same task, with a script that throws the stacks of the deployed version."""
    script = task.script

    @wraps(script)
    def script_of(call: Call) -> Script:
        return as_built(script(call), call.version)

    return replace(task, script=script_of)


def accepts_any_payload(task: Task) -> Task:
    """The same task, with a script that accepts any payload."""
    return replace(task, script=lenient(task.script, task.payload))


_MODULES = (payments, mail, sync, reports, video, nightly, agent, hostile, orders, posts, examples)

COMPANY = DemoTasks(
    tasks=tuple(_deployed(accepts_any_payload(task)) for module in _MODULES for task in module.TASKS),
    bugs=(*payments.BUGS, *mail.BUGS, *sync.BUGS, *reports.BUGS, *agent.BUGS),
    limits={"email": 20, "webhooks": 6, "reports": 5, "video": 24, examples.QUEUE: 1},
    pausable=("reports", "email"),
    examples=examples.EXAMPLES,
    storm=orders.storm,
    error_states=examples.ERROR_STATES,
)
