"""A fleet: the emulator with runs that a test schedules, in the test's virtual time.

A fleet records all requests, and a test may replace responses. `FleetRun.status` is the true status of a run by its
schedule, independent of the emulator.
"""

import bisect
import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.virtual_clock import START, VirtualClock
from tui.domain.run import RunId
from tui.emulator.environment import DEVELOPMENT
from tui.emulator.routes.table import NAMES
from tui.emulator.rows import list_row
from tui.emulator.server.application import application
from tui.emulator.server.emulator import Emulator, Options
from tui.emulator.server.serving import serve_in_thread
from tui.emulator.simulation.runs import NewRun, Run
from tui.emulator.simulation.script import Failure, FailureKind, Json, Script, Task, Work
from tui.emulator.world import DemoTasks, World

SECRET = "tr_dev_abcdefghijklmnop"
DEV = replace(DEVELOPMENT, key=SECRET, ttl="")
EARLIEST_S = -86_400.0
NEVER_MS = 10**12
HELD = "held"
"""A paused queue. Runs without a start wait there, and so do replays."""

NO_QUERIES = {"kind": "error", "status": 401, "route": "query"}
ENDS = {
    "COMPLETED": None,
    "CANCELED": None,
    "EXPIRED": None,
    "FAILED": Failure(FailureKind.ERROR, "Upstream returned 503", "Error", "    at run (file:///app/src/mail.ts:7:9)"),
    "CRASHED": Failure(FailureKind.CRASH, "Process exited with code 1 after signal null."),
    "TIMED_OUT": Failure(FailureKind.TIMEOUT, "Run exceeded maximum compute time (maxDuration) of 300 seconds"),
    "SYSTEM_FAILURE": Failure(FailureKind.SYSTEM, "The worker could not be started"),
}


def at(seconds: float) -> datetime:
    """The moment `seconds` after the test's start."""
    return START + timedelta(seconds=seconds)


def in_ms(seconds: float) -> int:
    """The moment `seconds` after the test's start, in epoch milliseconds."""
    return int(START.timestamp()) * 1000 + round(seconds * 1000)


@dataclass(frozen=True)
class FleetRun:
    """A scheduled run, with times in seconds after the test's start. `parent` is the number of a run.

    A run that expires never starts, and ends whole seconds after its creation.
    """

    number: int
    created_s: float
    started_s: float | None = None
    ended_s: float | None = None
    end: str = "COMPLETED"
    task: str = "send-email"
    parent: int | None = None
    message: str = ""
    """Replaces the message of a run that fails."""

    @property
    def id(self) -> str:
        return f"run_{self.number:024d}"

    def status(self, now_s: float) -> str:
        if self.ended_s is not None and now_s >= self.ended_s:
            return self.end
        if self.started_s is not None and now_s >= self.started_s:
            return "EXECUTING"
        return "QUEUED"

    def updated_s(self, now_s: float) -> float:
        moments = [self.created_s, self.started_s, self.ended_s]
        return max(moment for moment in moments if moment is not None and moment <= now_s)


@dataclass
class Fleet:
    """The emulated world and the requests to it. If `fault` returns a response, it replaces the emulator's.

    `runs` are the scheduled runs, the oldest first. Actions change them in `world` only. The key may not query until
    `allow_queries`.
    """

    clock: VirtualClock
    runs: list[FleetRun] = field(default_factory=list)
    requests: list[tuple[float, str, dict[str, str]]] = field(default_factory=list)
    fault: Callable[[str], Response | None] = lambda _: None
    earliest_s: float = EARLIEST_S
    """The start of the world's history. No run is older."""

    def __post_init__(self) -> None:
        self.slept_s = 0.0
        """Seconds that passed for the server while the client's clock stood still."""
        self._stops: set[int] = set()
        self.emulator = Emulator(DemoTasks(), Options(environments=(DEV,), rate_per_s=0), lambda: in_ms(self.now_s))
        self.emulator.faults.set([NO_QUERIES], NAMES)
        self.world = World(DemoTasks(), start_ms=in_ms(self.earliest_s), environment=DEV, lag_ms=(0, 0))
        self.world.queues.named(HELD).is_paused = True
        self.emulator.put(self.world)

    @property
    def now_s(self) -> float:
        return self.clock.monotonic_s() + self.slept_s

    # --- the world

    def add(self, run: FleetRun) -> FleetRun:
        self.add_all([run])
        return run

    def add_all(self, runs: Iterable[FleetRun]) -> None:
        for run in sorted(runs, key=_order):
            self._plan(run)
            bisect.insort(self.runs, run, key=_order)

    def cancel(self, run: FleetRun, at_s: float | None = None) -> None:
        """Cancel a run from outside, now or at `at_s`."""
        self.world.agenda.at(in_ms(self.now_s if at_s is None else at_s), lambda: self.world.cancel(self._known(run)))

    def forget(self, run: FleetRun) -> None:
        """Delete a run from the server."""
        self.world.ledger.drop(self.truth(run))
        self.runs.remove(run)

    def lead_to(self, slug: str, kind: str) -> None:
        """Move the key to another environment."""
        self.world.environment = replace(DEV, slug=slug, type=kind)

    def allow_queries(self) -> None:
        self.emulator.faults.set([], NAMES)

    def truth(self, run: FleetRun) -> Run:
        """The emulator's run, as it is now."""
        self._advance()
        return self._known(run)

    def status(self, run: FleetRun) -> str:
        """The emulator's status of a run, actions included."""
        return self.truth(run).status.rest

    def row(self, run: FleetRun) -> dict[str, Json]:
        return list_row(self.truth(run), self.world.environment, is_versioned=True)

    @property
    def newest(self) -> Run:
        """The newest run."""
        self._advance()
        return next(reversed(self.world.ledger.by_number.values()))

    def counts(self) -> Counter[str]:
        self._advance()
        return Counter(run.status.rest for run in self.world.ledger)

    def _plan(self, run: FleetRun) -> None:
        created_ms = in_ms(run.created_s)
        if created_ms < self.world.now_ms:
            raise ValueError(f"{run} is created before {self.world.now_ms}, which is past for the world")
        self.world.agenda.at(created_ms, self._create, run)

    def _create(self, run: FleetRun) -> None:
        begins_s = None if run.started_s is None else max(run.created_s, run.started_s)
        lasts_ms, ttl = NEVER_MS, ""
        if run.ended_s is not None and run.end == "EXPIRED":
            ttl = f"{round(run.ended_s - run.created_s)}s"
        if begins_s is not None and run.ended_s is not None and run.end != "CANCELED":
            lasts_ms = max(0, in_ms(run.ended_s) - in_ms(begins_s))
        parent = None if run.parent is None else self.world.find(FleetRun(run.parent, 0).id)
        new = NewRun(
            task_id=run.task,
            id=run.id,
            payload={"n": run.number},
            queue=HELD,
            ttl=ttl,
            parent=parent,
            script=Script((Work(lasts_ms),), throws=_failure(run)),
            starts_ms=None if begins_s is None else in_ms(begins_s),
        )
        self.world.lifecycle.create(new)
        if run.end == "CANCELED" and run.ended_s is not None:
            self.cancel(run, run.ended_s)

    def _known(self, run: FleetRun) -> Run:
        return self.world.ledger.by_id[run.id]

    def _advance(self) -> None:
        self.world.advance(in_ms(self.now_s))

    # --- the server

    def requests_to(self, path: str) -> list[tuple[float, dict[str, str]]]:
        """The times and query parameters of the requests to one path."""
        return [(moment, query) for moment, requested, query in self.requests if requested == path]

    @property
    def query(self) -> dict[str, str]:
        """The query parameters of the latest request, for `fault`."""
        return self.requests[-1][2]

    def is_settled(self, polls_out: int) -> bool:
        """Whether `polls_out` polls of the feed are held and none is due. The clock will stop when one is due."""
        feeds = self.emulator.feeds
        if not polls_out or feeds.settle() != polls_out:
            return not polls_out
        due_ms = feeds.next_due_ms()
        if due_ms is not None and due_ms not in self._stops:
            self._stops = {ms for ms in self._stops if ms > in_ms(self.now_s)} | {due_ms}
            self.clock.call_later((due_ms - in_ms(self.now_s)) / 1000, lambda: None)
        return True

    def application(self) -> ASGIApp:
        """The emulator's application, with all requests recorded, and with the responses of `fault`."""
        answers = application(self.emulator)

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope)
            self.requests.append((self.now_s, request.url.path, dict(request.query_params)))
            await (self.fault(request.url.path) or answers)(scope, receive, send)

        return watched


def _failure(run: FleetRun) -> Failure | None:
    failure = ENDS[run.end]
    return failure if failure is None or not run.message else replace(failure, message=run.message)


def _order(run: FleetRun) -> tuple[float, int]:
    return run.created_s, run.number


def is_window(query: Mapping[str, str]) -> bool:
    """Whether a list request is for a window of creation time, to find runs that left the live set."""
    return "filter[createdAt][from]" in query and "filter[status]" not in query


def is_older_scan(query: Mapping[str, str]) -> bool:
    """Whether a list request is for live runs that are older than the period."""
    return "filter[createdAt][from]" in query and "filter[status]" in query


@dataclass(frozen=True)
class FleetApi:
    """A fleet and the URL of its server."""

    fleet: Fleet
    url: str


@contextlib.contextmanager
def serving(fleet: Fleet) -> Iterator[FleetApi]:
    """Serve a fleet on a local port."""
    with serve_in_thread(fleet.application(), fleet.emulator, is_ticking=False) as url:
        yield FleetApi(fleet, url)


def fleet_of(*runs: FleetRun | Iterable[FleetRun], may_query: bool = False) -> Fleet:
    fleet = Fleet(VirtualClock())
    for each in runs:
        fleet.add_all([each] if isinstance(each, FleetRun) else each)
    if may_query:
        fleet.allow_queries()
    return fleet


@contextlib.contextmanager
def serving_task(tasks: Sequence[Task], name: str, age_s: float) -> Iterator[tuple[FleetApi, RunId]]:
    """Serve a fleet with one run of a task, triggered `age_s` ago. Yields it with the id of the run."""
    fleet = Fleet(VirtualClock())
    fleet.world = World(DemoTasks(tasks), start_ms=in_ms(min(EARLIEST_S, -age_s)), environment=DEV, lag_ms=(0, 0))
    fleet.world.advance(in_ms(-age_s))
    run, _ = fleet.world.trigger(NewRun(task_id=name))
    fleet.world.advance(in_ms(0))
    fleet.emulator.put(fleet.world)
    with serving(fleet) as api:
        yield api, RunId(run.id)
