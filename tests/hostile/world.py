"""The emulator behind the proxy, with every kind of run, in virtual time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

from tests.hostile.proxy import Proxy
from tests.support.fleet import DEV, Fleet, in_ms, serving
from tests.support.virtual_clock import VirtualClock
from tui.emulator.demo_tasks import HOSTILE_COMPANY, accepts_any_payload
from tui.emulator.recorded_tasks import LATER_RECORDED_TASKS, RECORDED_TASKS
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.simulation.runs import NewRun
from tui.emulator.simulation.script import Json
from tui.emulator.world import World

HISTORY = 25
SETTLE_S = 40.0
"""Until the examples have reached their states: failed after retries, waiting, a whole tree."""

EXAMPLES: dict[str, Json] = {
    "fail-retry": {"order": "hostile"},
    "nasty-text": {},
    "moderate-comment": {},
    "crash-exit": {},
    "pipeline": {"ms": 100},
    "slow": {"seconds": 1_000_000},
    "logs-nested": {},
    "progress-counter": {"steps": 3, "ms": 100},
    "approval": {},
}
"""Recorded tasks that are triggered in each world, with their payloads."""

NEWEST: tuple[str, Json] = ("big-io", {"kb": 700, "text": "x" * 600_000})
"""Triggered last, so that it is the first run of the list. Its payload and output are stored separately."""

VICTIM = "slow"
"""The task of runs that cases cancel: it executes until then."""


class HostileFleet(Fleet):
    """The demo tasks with a short history and the examples. No other runs start."""

    def __post_init__(self) -> None:
        super().__post_init__()
        company = replace(
            HOSTILE_COMPANY,
            tasks=(*HOSTILE_COMPANY.tasks, *map(accepts_any_payload, (*RECORDED_TASKS, *LATER_RECORDED_TASKS))),
        )
        options = Options(seed=1, rate_per_s=0, history=HISTORY, environments=(DEV,), lag_ms=(0, 0))
        self.emulator = Emulator(company, options, lambda: in_ms(self.now_s))
        self.world: World = self.emulator.make(DEV.slug)
        self.examples = {task: self.trigger(task, payload) for task, payload in EXAMPLES.items()}
        self.sleep(SETTLE_S)
        self.examples[NEWEST[0]] = self.trigger(*NEWEST)
        self.sleep(SETTLE_S)

    def sleep(self, seconds: float) -> None:
        """Let time pass on the server only."""
        self.slept_s += seconds
        self.world.advance(in_ms(self.now_s))

    def trigger(self, task: str, payload: Json) -> str:
        """Start a run. Return its id."""
        tags = ("hostile", "tag with spaces")
        run, _ = self.world.trigger(NewRun(task_id=task, payload=payload, tags=tags, metadata={"step": "one"}))
        return run.id

    def victim(self) -> str:
        """Start a run that executes and is used by no other case. Return its id."""
        run_id = self.trigger(VICTIM, EXAMPLES[VICTIM])
        self.sleep(3)
        return run_id

    @cached_property
    def run_ids(self) -> list[str]:
        """The ids of the examples and of some runs below the root of the tree."""
        root = self.examples["pipeline"]
        below = [run.id for run in self.world.ledger if run.root is not None and run.root.id == root]
        return [*self.examples.values(), *below[:2]]


@contextmanager
def hostile_server() -> Iterator[tuple[HostileFleet, Proxy]]:
    """Yield the fleet on a port, and a proxy in front of it."""
    fleet = HostileFleet(VirtualClock())
    with serving(fleet) as api, Proxy(api.url) as proxy:
        yield fleet, proxy
