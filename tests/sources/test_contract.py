"""The contract that every source of the registry must keep."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from starlette.responses import JSONResponse, Response

from tests.support.fleet import SECRET, Fleet, FleetRun, at, serving
from tests.support.relay import RELAY_PATH, RelaySetup, relay_setup
from tests.support.responses import TruncatedResponse, html_page, server_error
from tests.support.sources import FollowedSource
from tests.support.virtual_clock import VirtualClock
from tui.api.client import Client
from tui.api.errors import ApiError
from tui.domain.filters import RunFilters
from tui.domain.run import FEEDS, RELAY, REST, RUN, RunId, parse_status
from tui.domain.update import CapabilityLost, RunPatch, RunsRead, SourceConnected, SourceRetrying, SourceStopped
from tui.store.store import Store
from tui.sync.budget import SECRET_KEY, Budget, Fatal, Source, Transient
from tui.sync.feed import RETRY_LIMITED_AFTER
from tui.sync.lists import Coverage, SourceParts
from tui.sync.relay import RelayConnection
from tui.sync.session import as_source_error, source_of

FAMILY = (1, 2, 3)
"""The numbers of a run and its children."""


@dataclass(frozen=True)
class Contract:
    """How a source differs from others.

    * `reports`: whether the source reports a run of the fleet.
    * `main_path`: the path that the source cannot work without.
    * `is_extra`: a refused key turns off a capability instead of stopping the source.
    * `retries_429`: the budget retries a 429. Otherwise the source raises it.
    """

    reports: Callable[[FleetRun], bool]
    main_path: str
    is_extra: bool = False
    retries_429: bool = True


CONTRACTS = {
    "rest": Contract(reports=lambda _: True, main_path="/api/v1/runs", retries_429=False),
    "run": Contract(reports=lambda run: run.number in FAMILY, main_path=f"/api/v3/runs/{FleetRun(1, 0).id}"),
    "realtime": Contract(reports=lambda _: True, main_path="/realtime/v1/runs", is_extra=True),
    "run-feed": Contract(
        reports=lambda run: run.number == 1, main_path=f"/realtime/v1/runs/{FleetRun(1, 0).id}", is_extra=True
    ),
    "relay": Contract(reports=lambda _: True, main_path=RELAY_PATH, retries_429=False),
}
pytestmark = pytest.mark.parametrize("name", CONTRACTS)


def test_every_source_has_a_contract(name: str) -> None:
    assert CONTRACTS.keys() == {REST, RUN, RELAY, *FEEDS}
    assert name in CONTRACTS


def world(clock: VirtualClock | None = None) -> Fleet:
    """A fleet with a history, a live family, and runs that start and end during the test."""
    fleet = Fleet(clock or VirtualClock())
    fleet.add_all(FleetRun(number, -2000.0 + 10 * number, -1.5, -1 if number % 4 else 12) for number in range(10, 160))
    fleet.add(FleetRun(1, -9, -8, 25, end="FAILED"))
    fleet.add(FleetRun(2, -8, -7, 15, parent=1))
    fleet.add(FleetRun(3, -7, 9, 21, parent=1))
    fleet.add_all(FleetRun(number, number - 195.0, number - 194.5, number - 190.0) for number in range(200, 230))
    return fleet


class Follower(FollowedSource):
    """Runs a source of the registry, and knows its contract."""

    source: Source

    def __init__(self, name: str, fleet: Fleet, api: Client | RelayConnection, budget: Budget) -> None:
        super().__init__(fleet, api, budget)
        coverage = Coverage()
        # No list is polled beside it.
        coverage.list_started.set()
        parts = SourceParts(
            fetcher=self.fetcher,
            store=self.store,
            clock=self.clock,
            interval=lambda: 2.0,
            history=timedelta(hours=24),
            max_history_runs=5_000,
            filters=RunFilters(),
            spawn=lambda work, _: asyncio.create_task(work),
            run_id=RunId(FleetRun(1, 0).id),
            coverage=coverage,
            relay=None if isinstance(api, Client) else api,
        )
        self.source = source_of(name, parts)
        self.expected = CONTRACTS[name]

    async def fail(self, seconds: float = 5) -> BaseException | None:
        """Run the source until it raises, within `seconds`, and return the failure."""
        task = asyncio.create_task(self.source.run(self.emit))
        await self.later(seconds)
        assert task.done()
        error = task.exception()
        was_connected = bool(self.connections())
        return as_source_error(error, was_connected=was_connected) if isinstance(error, ApiError) else error

    def fault(self, answer: Callable[[], Response]) -> None:
        """Return this response on the source's main path."""
        self.fleet.fault = lambda path: answer() if path == self.expected.main_path else None

    def patches(self) -> list[RunPatch]:
        return [patch for update in self.updates if isinstance(update, RunsRead) for patch in update.patches]

    def connections(self) -> list[SourceConnected]:
        connections = [update for update in self.updates if isinstance(update, SourceConnected)]
        return [connected for connected in connections if connected.source == self.source.name]

    def request_count(self) -> int:
        """Return the number of requests."""
        return len(self.fleet.requests)

    async def wait_until_gone(self) -> None:
        """Wait until the server has noticed the end of the source."""

    def assert_equals_world(self) -> None:
        expected = {run.id: run for run in self.fleet.runs if self.expected.reports(run)}
        now_s = self.fleet.now_s
        assert {run.id for run in self.store.runs()} == expected.keys()
        for run in self.store.runs():
            true = expected[run.id]
            assert run.state is not None
            assert run.state.status.title == parse_status(true.status(now_s)).title
            assert run.created_at == at(true.created_s)
            assert run.state.updated_at == at(true.updated_s(now_s))
            assert run.fixed.task == true.task


class OnRelay(Follower):
    """Runs the source of a relay's screen. The relay polls the fleet."""

    def __init__(self, setup: RelaySetup) -> None:
        self.setup = setup
        super().__init__("relay", setup.fleet, setup.connection(), Budget(setup.fleet.clock, SECRET_KEY))

    async def idle(self) -> None:
        await self.setup.wait_until_idle()

    def request_count(self) -> int:
        return len(self.fleet.requests_to(RELAY_PATH))

    async def wait_until_gone(self) -> None:
        await self.setup.wait_until_disconnected()


@asynccontextmanager
async def following(name: str, fleet: Fleet) -> AsyncIterator[Follower]:
    if name == "relay":
        with TemporaryDirectory() as folder:
            async with relay_setup(fleet, Path(folder)) as setup:
                yield OnRelay(setup)
        return
    budget = Budget(fleet.clock, SECRET_KEY)
    with serving(fleet) as api:
        async with aclosing(Client(api.url, SECRET, clock=fleet.clock.now, on_rate_limit=budget.observe)) as client:
            yield Follower(name, fleet, client, budget)


async def test_source_emits_runs_before_each_connected(name: str) -> None:
    async with following(name, world()) as follower:
        await follower.follow(20)
        kinds = [type(update) for update in follower.updates]
        assert kinds.index(RunsRead) < kinds.index(SourceConnected)
        connections = follower.connections()
        assert len(connections) >= 2
        for earlier, later in pairwise(connections):
            # The Date header has whole seconds.
            assert timedelta() <= later.at - earlier.at <= timedelta(seconds=earlier.interval_s + 1)


@pytest.mark.parametrize(
    ("answer", "is_connected"),
    [(html_page, False), (TruncatedResponse, True), (lambda: JSONResponse([1]), True)],
    ids=["a page at the start", "closed later", "another shape later"],
)
async def test_passing_failure_is_transient_and_a_retry_continues(
    name: str, answer: Callable[[], Response], is_connected: bool
) -> None:
    async with following(name, world()) as follower:
        if is_connected:
            await follower.follow(10)
        follower.fault(answer)
        connected = len(follower.connections())
        for _ in range(2):
            assert isinstance(await follower.fail(), Transient)
        assert len(follower.connections()) == connected
        assert not any(isinstance(update, SourceRetrying | SourceStopped) for update in follower.updates)
        follower.fleet.fault = lambda _: None
        await follower.follow(32)
        assert len(follower.connections()) > connected
        follower.assert_equals_world()


@pytest.mark.parametrize(("status", "is_connected"), [(401, False), (403, True)])
async def test_refused_key_is_fatal(name: str, status: int, is_connected: bool) -> None:
    async with following(name, world()) as follower:
        if is_connected:
            await follower.follow(10)
        follower.fault(lambda: server_error(status))
        error = await follower.fail()
        if follower.expected.is_extra:
            assert isinstance(error, Transient)
            assert error.retry_after is not None
            assert any(isinstance(update, CapabilityLost) for update in follower.updates)
        else:
            assert isinstance(error, Fatal)
        assert str(status) in error.reason
        assert SECRET not in error.reason


async def test_lasting_429_is_transient_with_its_reset(name: str) -> None:
    async with following(name, world()) as follower:
        follower.fault(lambda: JSONResponse({"secondsUntilReset": 7}, 429))
        error = await follower.fail(60)
        assert isinstance(error, Transient)
        # An extra source waits longer, since other clients use all connections.
        assert error.retry_after == (RETRY_LIMITED_AFTER if follower.expected.is_extra else timedelta(seconds=7))


@pytest.mark.parametrize("moment", ["asleep", "a request in flight", "behind a 429 or held"])
async def test_canceled_source_leaves_no_task_and_no_request(name: str, moment: str) -> None:
    held, released = threading.Event(), threading.Event()

    def hold() -> Response:
        held.set()
        released.wait(100)
        return server_error()

    async with following(name, world()) as follower:
        if moment == "behind a 429 or held" and not follower.expected.retries_429:
            return
        await follower.later(0)
        before = asyncio.all_tasks()
        is_held = moment == "behind a 429 or held" and follower.expected.is_extra
        if moment == "asleep" or is_held:
            await follower.follow(3)
        else:
            follower.fault(
                hold if moment == "a request in flight" else lambda: JSONResponse({"secondsUntilReset": 60}, 429)
            )
            task = asyncio.create_task(follower.source.run(follower.emit))
            path = follower.expected.main_path
            # There is no event of the server's thread to wait for.
            while not (held.is_set() or (moment != "a request in flight" and follower.fleet.requests_to(path))):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            if moment != "a request in flight":
                await follower.later(5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        released.set()
        await follower.wait_until_gone()
        assert follower.budget.in_flight == 0
        assert not follower.budget._shared
        assert not follower.budget._waiters
        assert asyncio.all_tasks() == before
        request_count, update_count = follower.request_count(), len(follower.updates)
        follower.fleet.fault = lambda _: None
        await follower.later(60)
        assert (follower.request_count(), len(follower.updates)) == (request_count, update_count)


async def test_updates_equal_the_world_in_any_order(name: str) -> None:
    async with following(name, world()) as follower:
        await follower.follow(45)
        follower.assert_equals_world()
        known = {run.id: run for run in follower.store.runs()}
        for seed in range(3):
            shuffled = follower.patches() + follower.patches()[::3]
            random.Random(seed).shuffle(shuffled)
            store = Store()
            for patch in shuffled:
                store.apply(RunsRead((patch,)))
            assert {run.id: run for run in store.runs()} == known


async def test_second_run_reads_the_changes_since_the_first(name: str) -> None:
    async with following(name, world()) as follower:
        await follower.follow(8)
        for number in range(300, 430):
            follower.fleet.add(FleetRun(number, number - 280.0, number - 279.0, number - 278.0))
        await follower.later(170)
        await follower.follow(20)
        follower.assert_equals_world()
        assert all(connected.at <= at(follower.fleet.now_s) for connected in follower.connections())


async def test_source_emits_no_run_that_the_server_did_not_send(name: str) -> None:
    odd: list[object] = [None, {}, {"id": None}, {"id": 7}, {"id": ""}, "run_1", [], {"id": "run_x"}, {"status": "OK"}]

    fleet = world()
    row = fleet.row(fleet.runs[0])

    def spoil(path: str) -> Response | None:
        if path == "/api/v1/runs":
            return JSONResponse({"data": [*odd, row, *odd], "pagination": {"next": 7}})
        if path == CONTRACTS["run"].main_path:
            family = {"root": {}, "parent": {"id": ""}, "children": [*odd, row]}
            return JSONResponse(row | {"id": FleetRun(1, 0).id, "relatedRuns": family})
        if path.startswith("/realtime"):
            messages = [{"value": each, "headers": {}} for each in odd] + odd
            return JSONResponse(
                [*messages, {"headers": {"control": "up-to-date"}}],
                headers={"electric-handle": "h", "electric-offset": f"1_{len(fleet.requests)}"},
            )
        return None

    async with following(name, fleet) as follower:
        fleet.fault = spoil
        # A feed with instant, unreadable responses is soon stopped.
        await follower.follow(0.8 if follower.expected.is_extra else 10)
        sent = {fleet.runs[0].id, FleetRun(1, 0).id}
        assert {patch.id for patch in follower.patches()} <= sent
        assert follower.connections()
        fleet.fault = lambda _: None
        await follower.follow(20)
        assert {patch.id for patch in follower.patches()} <= {run.id for run in fleet.runs}


async def test_times_are_the_servers(name: str) -> None:
    class Behind(VirtualClock):
        def now(self) -> datetime:
            return super().now() - timedelta(hours=3)

    async with following(name, world(Behind())) as follower:
        await follower.follow(4)
        assert all(at(0) <= connected.at <= at(4) for connected in follower.connections())
        assert {patch.read_at for patch in follower.patches()} <= {at(second) for second in range(5)}
