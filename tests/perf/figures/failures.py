"""From Enter on a failed run to its stack on the screen, with a server that takes its time."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from tests.perf.figures.programs import monitor
from tests.perf.figures.row import Effort, Reading
from tests.perf.terminal import Terminal
from tui.emulator.environment import DEVELOPMENT
from tui.emulator.server.application import application
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.server.serving import serve_in_thread
from tui.emulator.simulation.runs import NewRun
from tui.emulator.simulation.script import Call, Failure, FailureKind, Script, Task, Work
from tui.emulator.world import DemoTasks, World

ROUND_TRIP_S: Final = 0.150
"""The delay of each answer."""

MAX_BEYOND_S: Final = 0.050
RUNS: Final = 40
SETTLING_S: Final = 2.5
RIGHT: Final = 54
"""The first column of the attempts on a screen of 120x40."""

LOWER: Final = slice(19, 39)
_STACK: Final = "    at charge (file:///app/src/charge.ts:41:20)\n    at run (file:///app/src/orders.ts:31:13)"


def _throws(call: Call) -> Script:
    return Script((Work(50),), throws=Failure(FailureKind.ERROR, f"no order {call.payload}", "OrderError", _STACK))


class DelayedServer:
    """Answers each request `ROUND_TRIP_S` later than it could."""

    def __init__(self, serve: ASGIApp) -> None:
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(ROUND_TRIP_S)
        await self._serve(scope, receive, send)


@contextmanager
def failed_runs() -> Iterator[str]:
    """Yield the address of a delayed server with `RUNS` runs that threw."""
    now_ms = int(time.time() * 1000)
    emulator = Emulator(DemoTasks(), Options(environments=(DEVELOPMENT,), rate_per_s=0), lambda: now_ms)
    tasks = DemoTasks((Task("charge", _throws, "src/charge.ts", max_attempts=1),))
    world = World(tasks, start_ms=now_ms - 600_000, environment=DEVELOPMENT, lag_ms=(0, 0))
    for number in range(RUNS):
        world.advance(now_ms - 500_000 + number * 2_000)
        world.trigger(NewRun(task_id="charge", payload=1_000 + number))
    world.advance(now_ms)
    emulator.put(world)
    with serve_in_thread(DelayedServer(application(emulator)), emulator) as url:
        yield url


def _shows_stack(terminal: Terminal, order: str) -> bool:
    right = "\n".join(line[RIGHT:] for line in terminal.lines[LOWER])
    # The list may have read the error before. The attempt itself comes with the trace.
    return all(text in right for text in (order, "src/charge.ts:41", "attempt 1 of 1", "✗ 1 "))


def opened(effort: Effort) -> Reading:
    """Press Enter on one failed run after the other, each at once after the key that moves the cursor there."""
    times_s = []
    with (
        failed_runs() as url,
        tempfile.TemporaryDirectory() as state,
        monitor(url, Path(state)).running() as terminal,
    ):
        terminal.wait_for("Failed", f"no order {1_000 + RUNS - 1}")
        terminal.read_for(SETTLING_S)
        for number in range(int(effort.pick(12, 5))):
            order = f"no order {1_000 + RUNS - 1 - number}"
            sent_s = time.monotonic()
            terminal.send("j\r")
            shown_s = terminal.wait_until(lambda order=order: _shows_stack(terminal, order), "the stack")  # type: ignore[misc]
            times_s.append(shown_s - sent_s)
            terminal.read_for(SETTLING_S)
            terminal.send("1")
            terminal.read_for(0.3)
    beyond_ms = (median(times_s) - ROUND_TRIP_S) * 1000
    return Reading(f"round trip + {beyond_ms:.0f} ms", beyond_ms <= MAX_BEYOND_S * 1000)
