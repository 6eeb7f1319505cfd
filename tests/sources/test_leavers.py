"""Runs that are to be read again: what becomes of those that no list shows."""

import asyncio
from datetime import timedelta
from typing import cast

import pytest

from tests.store.builders import at, patch_of
from tui.domain.filters import RunFilters
from tui.domain.ids import RunId, TaskId
from tui.domain.update import RunsRead, Update
from tui.sources.budget import Priority
from tui.sources.leavers import Leavers
from tui.sources.lister import Lister
from tui.sources.scan import Crowds
from tui.store.store import Store
from tui.wire.errors import ApiError, RateLimited, ServerFault
from tui.wire.runs import Page


class EmptyList:
    """A lister whose list shows no run. Details fail; which were asked for is in `asked`."""

    def __init__(self, run_ids: list[RunId]) -> None:
        self.store = Store()
        self.store.apply(RunsRead(tuple(patch_of(run_id, created=n) for n, run_id in enumerate(run_ids))))
        self.reads = self
        self.spent = 0
        self.read_at = at(0)
        self.asked: list[RunId] = []
        self.failure: ApiError = ServerFault("it cannot be read", 500)

    async def page(self, *_: object, **__: object) -> Page:
        return Page((), at(0), None)

    async def run(self, run_id: RunId, _: Priority) -> None:
        self.asked.append(run_id)
        raise self.failure


async def nobody(_: Update) -> None:
    """To whom nothing is emitted."""


def leavers_of(lister: EmptyList) -> Leavers:
    return Leavers(cast("Lister", lister), RunFilters(), lambda run_id: run_id in lister.store.live())


def test_runs_that_scans_miss_again_and_again_wait_once_each() -> None:
    async def scenario() -> None:
        hidden = [RunId(f"run_{n}") for n in range(20)]
        late = RunId("run_late")
        lister = EmptyList([*hidden, late])
        leavers = leavers_of(lister)
        for _ in range(50):
            leavers.add(hidden)
            await leavers.read(nobody, 3)
        lister.asked.clear()
        leavers.add([late])
        for _ in range(len(hidden)):
            await leavers.read(nobody, 3)
        assert late in lister.asked
        assert leavers.is_empty

    asyncio.run(scenario())


def test_no_more_are_read_one_by_one_than_there_is_leave_for() -> None:
    async def scenario() -> None:
        hidden = [RunId(f"run_{n}") for n in range(9)]
        lister = EmptyList(hidden)
        leavers = leavers_of(lister)
        leavers.add_unlisted(hidden)
        for singles, count in ((1, 1), (0, 1), (None, 5)):
            await leavers.read(nobody, 4, singles=singles)
            assert len(lister.asked) == count

    asyncio.run(scenario())


def test_a_run_that_a_spent_budget_kept_from_being_read_is_read_when_there_is_some() -> None:
    async def scenario() -> None:
        hidden = RunId("run_hidden")
        lister = EmptyList([hidden])
        leavers = leavers_of(lister)
        leavers.add([hidden])
        lister.failure = RateLimited("429", timedelta(seconds=5))
        with pytest.raises(RateLimited):
            await leavers.read(nobody, 3)
        lister.failure = ServerFault("it cannot be read", 500)
        await leavers.read(nobody, 3)
        assert lister.asked == [hidden, hidden]
        assert leavers.is_empty

    asyncio.run(scenario())


def test_where_pages_showed_a_crowd_runs_stand_apart_until_it_is_doubted_for_long() -> None:
    crowds, send, hour = Crowds(), TaskId("send-email"), timedelta(hours=1)
    assert crowds.place(None, 7, hour) == 7
    crowds.learn(None, 100, timedelta(seconds=10))
    assert crowds.place(None, 7, hour) == 36_000
    assert crowds.place(None, 50_000, hour) == 50_000
    assert crowds.place(send, 7, hour) == 7
    crowds.doubt()
    assert crowds.place(None, 7, hour) == 18_000
    for _ in range(20):
        crowds.doubt()
    assert crowds.place(None, 7, hour) == 7


def test_a_page_of_one_moment_is_no_endless_crowd() -> None:
    crowds = Crowds()
    crowds.learn(None, 100, timedelta())
    assert crowds.place(None, 0, timedelta(seconds=1)) == pytest.approx(100_000)
