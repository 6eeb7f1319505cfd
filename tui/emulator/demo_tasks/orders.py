"""`src/trigger/orders.ts`: orders from shops, copied through databases and services that fail as real ones do."""

from random import Random

from tui.emulator.demo_tasks.order_failures import FAILURES, SHOPS, failure_of, order_number, unavailable
from tui.emulator.demo_tasks.sample_data import order_tags, pick, skewed_ms
from tui.emulator.simulation.failure import Failure
from tui.emulator.simulation.new_run import NewRun
from tui.emulator.simulation.script import AddTags, Call, Json, Log, Script, Span, Task, Work

FILE = "src/trigger/orders.ts"
HOSTS = ("api.globex.test", "eu1.initech.test", "crm.northwind.test")

FAILING = 45
"""This many orders of a hundred fail in their first attempt."""

FOR_GOOD = 30
"""This many of a hundred fail in each attempt."""


def storm(number: int) -> NewRun:
    """A run of a storm: the service for invoices cannot be reached, from another address each time."""
    order = (100 + number) * 100 * len(FAILURES) + 100 * FAILURES.index(unavailable) + number % FOR_GOOD
    payload = {"order": order, "shop": SHOPS[number % len(SHOPS)], "host": HOSTS[0], "lines": []}
    return NewRun(task_id="sync-order", payload=payload, tags=("source:storm",), max_attempts=1)


def _order(random: Random) -> Json:
    return {"order": order_number(random), "shop": pick(random, SHOPS), "host": pick(random, HOSTS), "lines": []}


def _sync_order(call: Call) -> Script:
    random, order = call.random, call.payload
    number, shop = order["order"], order["shop"]
    reading = Log("INFO", f"order {number} of {shop}", {"host": order["host"], "lines": order["lines"]})
    outcome, ms = number % 100, skewed_ms(random, 90, 2_400)
    tagging = AddTags((f"shop:{shop}"[:64],))
    if outcome < (FAILING if call.attempt == 1 else FOR_GOOD):
        failure = failure_of(number)
        refused = Log("ERROR", f"order {number} was not copied", _logged(failure))
        return Script((tagging, Work(ms, (reading, Span("copy", 0.7, failure=failure), refused))), throws=failure)
    return Script((tagging, Work(ms, (reading, Span("copy", 0.7)))), {"order": number, "copied": True})


def _logged(failure: Failure) -> Json:
    """An error with its cause as a task logs it: stacks are part of the attributes."""
    cause = {"name": "Error", "message": "socket hang up", "code": "ECONNRESET", "stack": _HANG_UP}
    return {"error": {"name": failure.name, "message": failure.message, "stack": failure.stack_trace, "cause": cause}}


_HANG_UP = (
    "Error: socket hang up\n"
    "    at Socket.socketOnEnd (node:_http_client:524:23)\n"
    "    at Socket.emit (node:events:530:35)\n"
    "    at endReadableNT (node:internal/streams/readable:1698:12)\n"
    "    at process.processTicksAndRejections (node:internal/process/task_queues:90:21)"
)


TASKS = (Task("sync-order", _sync_order, FILE, weight=3, payload=_order, tags=order_tags, max_attempts=2),)
