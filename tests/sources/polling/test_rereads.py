"""Runs that are to be read again: what becomes of those that no list shows."""

import asyncio
import itertools
from datetime import timedelta
from typing import cast

import pytest

from tests.support.domain.patches import at, patch_of
from tui.domain.filters import RunFilters
from tui.domain.ids import Cursor, RunId, TaskId
from tui.domain.update import RunsRead, Update
from tui.sources.budget import Priority
from tui.sources.polling.page_reader import PageReader
from tui.sources.polling.rereads import RereadQueue
from tui.sources.polling.scan import Density
from tui.store.store import Store
from tui.wire.errors import ApiError, RateLimited, ServerFault
from tui.wire.runs import ListPage


class EmptyList:
    """A lister whose list shows no run. Details fail; which were asked for is in `asked`."""

    def __init__(self, run_ids: list[RunId]) -> None:
        self.store = Store()
        self.store.apply(RunsRead(tuple(patch_of(run_id, created=n) for n, run_id in enumerate(run_ids))))
        self.fetcher = self
        self.spent = 0
        self.read_at = at(0)
        self.asked: list[RunId] = []
        self.failure: ApiError = ServerFault("it cannot be read", 500)

    async def page(self, *_: object, **__: object) -> ListPage:
        return ListPage((), at(0), None)

    async def run(self, run_id: RunId, _: Priority) -> None:
        self.asked.append(run_id)
        raise self.failure


class EndlessList(EmptyList):
    """The same, page after page."""

    def __init__(self, run_ids: list[RunId]) -> None:
        super().__init__(run_ids)
        self._cursors = itertools.count()

    async def page(self, *_: object, **__: object) -> ListPage:
        return ListPage((), at(0), Cursor(str(next(self._cursors))))


class WholeList(EmptyList):
    """One that pages through all its runs, of which the store knows some; details are answered. `pages` counts."""

    def __init__(self, created_s: dict[str, float], known: list[RunId]) -> None:
        super().__init__([])
        self.read_at = at(max(created_s.values()) + 1)
        rows = [patch_of(run_id, created=second) for run_id, second in created_s.items()]
        self.store.apply(RunsRead(tuple(patch_of(run_id, created=created_s[run_id]) for run_id in known)))
        self._rows = sorted(rows, key=lambda row: (created_s[row.id], row.id), reverse=True)
        self.gone: set[RunId] = set()
        self.pages = 0

    async def page(self, *args: object, **options: object) -> ListPage:
        filters, first, size = cast("RunFilters", args[1]), int(str(options["after"] or 0)), int(str(options["size"]))
        since, until = filters.created_from, filters.created_to
        assert since is not None
        assert until is not None
        moments = {row.id: row.fixed.created_at for row in self._rows if row.fixed and row.id not in self.gone}
        rows = [row for row in self._rows if since <= (moments.get(row.id) or at(-1e6)) <= until]
        self.pages += 1
        following = Cursor(str(first + size)) if len(rows) > first + size else None
        return ListPage(tuple(rows[first : first + size]), self.read_at, following)

    async def run(self, run_id: RunId, _: Priority) -> None:
        self.asked.append(run_id)


async def nobody(_: Update) -> None:
    """To whom nothing is emitted."""


def leavers_of(lister: EmptyList) -> RereadQueue:
    return RereadQueue(cast("PageReader", lister), RunFilters(), lambda run_id: run_id in lister.store.live())


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


def test_two_deep_in_a_crowd_of_one_millisecond_are_read_by_their_ids() -> None:
    async def scenario() -> None:
        two = [RunId("run_0300"), RunId("run_0400")]
        lister = WholeList({f"run_{n:04d}": 50 for n in range(1_000)}, two)
        leavers = leavers_of(lister)
        leavers.add(two)
        await leavers.read(nobody, 8)
        assert leavers.is_empty
        assert lister.asked == two
        assert lister.pages == 3

    asyncio.run(scenario())


def test_a_window_whose_newest_run_is_listed_no_more_is_not_formed_again_and_again() -> None:
    async def scenario() -> None:
        gone, old = RunId("run_900"), RunId("run_100")
        newer = {f"new_{n:04d}": 10_000 + n / 100 for n in range(2_000)}
        lister = WholeList({f"run_{n:03d}": n for n in range(1_000)} | newer, [gone, old, *map(RunId, newer)])
        lister.gone = {gone}
        leavers = leavers_of(lister)
        leavers.add([gone, old])
        await leavers.read(nobody, 4)
        assert leavers.is_empty
        assert lister.asked == [gone]

    asyncio.run(scenario())


def test_empty_pages_that_lead_on_and_on_hide_no_run() -> None:
    async def scenario() -> None:
        hidden = [RunId(f"run_{n}") for n in range(3)]
        lister = EndlessList(hidden)
        leavers = leavers_of(lister)
        leavers.add(hidden)
        await leavers.read(nobody, 8)
        assert leavers.is_empty
        assert lister.asked == hidden

    asyncio.run(scenario())


def test_bursts_at_the_newer_end_do_not_part_all_that_is_older() -> None:
    async def scenario() -> None:
        lone = {f"lone_{n:02d}": n * 10 for n in range(90)}
        bursts = {f"run_{n:03d}": 1_000 + n // 150 * 100 + n / 100_000 for n in range(450)}
        ended = [RunId("run_149"), RunId("run_299"), RunId("run_449"), *map(RunId, lone)]
        lister = WholeList(lone | bursts, ended)
        leavers = leavers_of(lister)
        leavers.add(ended)
        await leavers.read(nobody, 20)
        assert leavers.is_empty
        assert lister.pages <= 12
        assert not lister.asked

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
    crowds, send, hour = Density(), TaskId("send-email"), timedelta(hours=1)
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
    crowds = Density()
    crowds.learn(None, 100, timedelta())
    assert crowds.place(None, 0, timedelta(seconds=1)) == pytest.approx(100_000)
