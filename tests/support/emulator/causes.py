"""Failures of the demo tasks as the API tells them, each with its true cause."""

from collections.abc import Iterator
from typing import Any

from tests.support.domain.labelled_errors import LabelledError
from tui.domain.error import RunError
from tui.emulator.demo_tasks import HOSTILE_COMPANY
from tui.emulator.demo_tasks.orders import FAILURES, failure_of
from tui.emulator.demo_tasks.samples import as_built
from tui.emulator.environment import PRODUCTION
from tui.emulator.simulation.ledger import GROUPED
from tui.emulator.simulation.script import Failure, Script
from tui.emulator.world import World

START_MS = 1_795_528_000_000
HISTORY = 1_500
ORDERS = 20
"""Orders that fail in each way, besides the runs of the history."""


def caused_errors(seed: int) -> list[LabelledError]:
    """The failed runs of a world, and orders that fail in every way, in a few versions."""
    world = World(HOSTILE_COMPANY, start_ms=START_MS, environment=PRODUCTION, seed=seed, rate_per_s=20, history=HISTORY)
    runs = [run for run in world.ledger if run.status in GROUPED]
    found = [LabelledError(run.cause or "", _error(run.failure)) for run in runs if run.failure is not None]
    return [*found, *(LabelledError(failure.cause, _error(failure)) for failure in _orders(seed))]


def _orders(seed: int) -> Iterator[Failure]:
    first = 1_000 * seed
    for number in range(first, first + ORDERS * len(FAILURES)):
        script = Script(throws=failure_of(100 * number))
        thrown = as_built(script, f"202611{10 + number % 7}.{number % 5}").throws
        assert thrown is not None
        yield thrown


def _error(failure: Failure) -> RunError:
    """The error in the realtime feed and in TRQL."""
    stored: dict[str, Any] = failure.stored()
    message, code = stored.get("message", stored.get("raw", "")), stored.get("code")
    return RunError(message, stored.get("name"), stored.get("stackTrace"), code)
