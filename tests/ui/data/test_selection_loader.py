"""Fetching the selected run from a slow server, with a session whose responses a test sends in virtual time."""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from tests.support.present.samples import STAMP, sample
from tests.support.virtual_clock import START, VirtualClock
from tui.api.errors import Unreachable
from tui.domain.run import AttemptHistory, Run, RunId, SpanId, Wait, WaitKind
from tui.domain.tree import RunTree
from tui.domain.update import SourceConnected, SourceRetrying
from tui.kit import selection as needs
from tui.kit.selection import Selection, SelectionLoader
from tui.store.changes import Changes, Topic
from tui.store.store import SourceStatus
from tui.sync.budget import PUBLIC_TOKEN, SECRET_KEY, Refill
from tui.sync.session import Session

RUN = sample()
LONE = replace(RUN, fixed=replace(RUN.fixed, depth=0), children_read_at=RUN.read_at)
FAILED = Unreachable("GET /api/v3/runs/1: timed out", may_have_arrived=True)


@dataclass
class FakeSession:
    """A session whose fetches wait for the test. `details` and `trees` are the fetches in order."""

    run: Run = RUN
    clock: VirtualClock = field(default_factory=VirtualClock)
    details: list[asyncio.Future[tuple[Run, str | None]]] = field(default_factory=list)
    trees: list[asyncio.Future[RunTree]] = field(default_factory=list)
    source_statuses: dict[str, SourceStatus] = field(default_factory=dict)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    shown: list[Selection] = field(default_factory=list)
    pinned: list[RunId] = field(default_factory=list)
    refill: Refill = SECRET_KEY

    @property
    def budget(self) -> "FakeSession":
        return self

    def __post_init__(self) -> None:
        self.now = self.clock.now
        self.store = self
        self.loader = SelectionLoader(cast("Session", self), self.shown.append)
        self.loader.require((needs.RUN, needs.TREE))

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.get_running_loop().create_task(work, name=name))
        return self.tasks[-1]

    async def fetch_run_with_attempts(self, _: RunId) -> tuple[Run, str | None]:
        self.details.append(asyncio.get_running_loop().create_future())
        return await self.details[-1]

    async def fetch_tree(self, _: RunId) -> RunTree:
        self.trees.append(asyncio.get_running_loop().create_future())
        return await self.trees[-1]

    def get(self, _: RunId) -> Run:
        return self.run

    def children_of(self, _: RunId) -> tuple[Run, ...]:
        return ()

    def pin(self, run_ids: Iterable[RunId]) -> None:
        self.pinned += run_ids

    def unpin(self, run_ids: Iterable[RunId]) -> None:
        for run_id in run_ids:
            self.pinned.remove(run_id)

    async def open(self, run: Run) -> None:
        self.run = run
        self.loader.select(run.id, at_once=True)
        await self.clock.run(0)

    def change(self) -> None:
        """The run changes, as the list tells."""
        state = self.run.state
        assert state is not None
        self.run = replace(self.run, state=replace(state, updated_at=state.updated_at + timedelta(seconds=1)))
        self.loader.on_changes(Changes(changed={self.run.id}))

    def connect(self, status: SourceStatus) -> None:
        self.source_statuses = {"rest": status}
        self.loader.on_changes(Changes(topics={Topic.SOURCES}))

    def outage(self) -> None:
        """The list fails, and later it is read again."""
        self.connect(SourceRetrying("rest", self.now(), self.now(), 1, "timed out"))
        self.connect(SourceConnected("rest", self.now(), 3.0))


def test_run_is_kept_until_another_is_selected_or_the_end() -> None:
    async def scenario() -> None:
        session = FakeSession()
        await session.open(RUN)
        assert session.pinned == [RUN.id]
        other = replace(RUN, id=RunId("run_other"))
        await session.open(other)
        assert session.pinned == [other.id]
        session.loader.close()
        session.loader.close()
        assert session.pinned == []

    asyncio.run(scenario())


def test_hung_fetch_is_replaced_after_an_outage() -> None:
    async def scenario() -> None:
        session = FakeSession()
        await session.open(RUN)
        await session.clock.run(10)
        session.outage()
        await session.clock.run(0)

        assert [each.cancelled() for each in session.details] == [True, False]
        assert [each.cancelled() for each in session.trees] == [True, False]

    asyncio.run(scenario())


def test_new_fetch_survives_a_refresh() -> None:
    async def scenario() -> None:
        session = FakeSession()
        await session.open(RUN)
        session.loader.refetch()
        await session.clock.run(1)
        assert len(session.details) == len(session.trees) == 1

        session.details[0].set_result((RUN, None))
        session.trees[0].set_exception(FAILED)
        await session.clock.run(5)
        assert len(session.details) == len(session.trees) == 2

    asyncio.run(scenario())


@pytest.mark.parametrize("is_first", [True, False])
def test_run_that_changes_during_a_fetch_is_refetched(is_first: bool) -> None:
    async def scenario() -> None:
        session = FakeSession()
        await session.open(RUN)
        if not is_first:
            session.details[0].set_result((RUN, None))
            await session.clock.run(0)
            session.loader.refetch()
            await session.clock.run(0)
        session.change()
        session.details[-1].set_result((RUN, None))
        await session.clock.run(5)
        session.details[-1].set_result((RUN, None))
        await session.clock.run(60)

        assert len(session.details) == (2 if is_first else 3)

    asyncio.run(scenario())


def test_local_tree_clears_an_earlier_failure() -> None:
    async def scenario() -> None:
        session = FakeSession()
        await session.open(RUN)
        session.trees[0].set_exception(FAILED)
        await session.clock.run(0)
        assert session.shown[-1].state_of(needs.TREE).failure

        session.run = LONE
        session.loader.refetch()
        await session.clock.run(0)
        assert session.shown[-1].state_of(needs.TREE).value is not None
        assert session.shown[-1].state_of(needs.TREE).failure is None

    asyncio.run(scenario())


@pytest.mark.parametrize(("refill", "again_s"), [(SECRET_KEY, 15), (PUBLIC_TOKEN, 50)])
def test_executing_run_is_refetched_at_intervals(refill: Refill, again_s: int) -> None:
    async def scenario() -> None:
        executing = sample("EXECUTING")
        session = FakeSession(refill=refill)
        session.loader.require((needs.RUN,))
        await session.open(executing)
        session.details[0].set_result((executing, None))
        counts = []
        for _ in range(again_s * 2 - 1):
            await session.clock.run(1)
            session.loader.tick()
            await session.clock.run(0)
            if not session.details[-1].done():
                session.details[-1].set_result((executing, None))
            counts.append(len(session.details))
        assert counts.index(2) == again_s - 1
        assert counts[-1] == 2

    asyncio.run(scenario())


@pytest.mark.parametrize("word", ["QUEUED", "COMPLETED", "FAILED", "DELAYED"])
def test_run_that_cannot_wait_is_not_refetched(word: str) -> None:
    async def scenario() -> None:
        run = sample(word, started=word not in {"QUEUED", "DELAYED"})
        session = FakeSession()
        session.loader.require((needs.RUN,))
        await session.open(run)
        session.details[0].set_result((run, None))
        for _ in range(60):
            await session.clock.run(1)
            session.loader.tick()
        assert len(session.details) == 1

    asyncio.run(scenario())


def test_end_of_a_child_refetches_its_waiting_parent() -> None:
    async def scenario() -> None:
        child = sample("COMPLETED", run_id="run_child")
        wait = Wait(WaitKind.RUNS, START, SpanId("s"), runs=(child.id,), open_count=1)
        parent = replace(sample("EXECUTING"), attempts=(STAMP, AttemptHistory(wait=wait)))
        session = FakeSession()
        session.loader.require((needs.RUN,))
        await session.open(parent)
        session.details[0].set_result((parent, None))
        await session.clock.run(5)
        known = {child.id: child, parent.id: parent}
        session.get = known.get  # type: ignore[method-assign, assignment]  # the store of this test
        session.loader.on_changes(Changes(changed={RunId("run_other")}))
        await session.clock.run(5)
        assert len(session.details) == 1
        session.loader.on_changes(Changes(changed={child.id}))
        await session.clock.run(5)
        assert len(session.details) == 2

    asyncio.run(scenario())


@pytest.mark.parametrize("what", ["nothing", "outage", "lag", "end of a child"])
def test_hidden_need_is_fetched_again_if_it_is_behind(what: str) -> None:
    async def scenario() -> None:
        child = sample("COMPLETED", run_id="run_child")
        wait = None if what == "lag" else Wait(WaitKind.RUNS, START, SpanId("s"), runs=(child.id,), open_count=1)
        history = AttemptHistory(wait=wait)  # of a run that has ended, without an attempt: the trace is behind
        run = replace(sample("COMPLETED" if what == "lag" else "EXECUTING"), attempts=(STAMP, history))
        session = FakeSession()
        session.loader.require((needs.RUN,))
        await session.open(run)
        session.loader.require(())
        session.details[0].set_result((run, None))
        await session.clock.run(5)
        if what == "outage":
            session.outage()
        if what == "end of a child":
            session.get = {child.id: child, run.id: run}.get  # type: ignore[method-assign, assignment]
            session.loader.on_changes(Changes(changed={child.id}))
        await session.clock.run(60)
        assert len(session.details) == 1
        session.loader.require((needs.RUN,))
        await session.clock.run(1)
        assert len(session.details) == (1 if what == "nothing" else 2)

    asyncio.run(scenario())
