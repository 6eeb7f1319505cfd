"""Acme, the company whose runs the emulator simulates: its tasks, the bugs of its bad deployments, its queues.

A comment above the tasks of a source file names the file in which they would be defined. What a task does depends only
on its payload and on the random numbers of the attempt.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from random import Random

from tui.emulator.demo_tasks.agent import AGENT_BUGS, AGENT_TASKS
from tui.emulator.demo_tasks.background import NIGHTLY_TASKS, SYNC_BUGS, SYNC_TASKS
from tui.emulator.demo_tasks.content import MAIL_BUGS, MAIL_TASKS, POST_TASKS, REPORT_BUGS, REPORT_TASKS, VIDEO_TASKS
from tui.emulator.demo_tasks.examples import ERROR_STATES, EXAMPLE_QUEUE, EXAMPLE_TASKS, EXAMPLES, HOSTILE_TASKS
from tui.emulator.demo_tasks.orders import ORDER_TASKS, PAYMENT_BUGS, PAYMENT_TASKS, storm
from tui.emulator.demo_tasks.samples import as_built, error, own, stack
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
    """The same task, with a script that accepts any payload and throws the stacks of the deployed version."""
    script = lenient(task.script, task.payload)

    @wraps(script)
    def script_of(call: Call) -> Script:
        return as_built(script(call), call.version)

    return replace(task, script=script_of)


def accepts_any_payload(task: Task) -> Task:
    """The same task, with a script that accepts any payload."""
    return replace(task, script=lenient(task.script, task.payload))


_TASKS = (
    *PAYMENT_TASKS,
    *MAIL_TASKS,
    *SYNC_TASKS,
    *REPORT_TASKS,
    *VIDEO_TASKS,
    *NIGHTLY_TASKS,
    *AGENT_TASKS,
    *ORDER_TASKS,
    *POST_TASKS,
    *EXAMPLE_TASKS,
)

COMPANY = DemoTasks(
    tasks=tuple(map(_deployed, _TASKS)),
    bugs=(*PAYMENT_BUGS, *MAIL_BUGS, *SYNC_BUGS, *REPORT_BUGS, *AGENT_BUGS),
    limits={"email": 20, "webhooks": 6, "reports": 5, "video": 24, EXAMPLE_QUEUE: 1},
    pausable=("reports", "email"),
    examples=EXAMPLES,
    storm=storm,
    error_states=ERROR_STATES,
)

HOSTILE_COMPANY = replace(COMPANY, tasks=(*COMPANY.tasks, *map(_deployed, HOSTILE_TASKS)))
"""The company with a task whose texts are hostile to terminals."""
