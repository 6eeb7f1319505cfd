"""How runs of unknown outcome are found: by windows of the list, or by their ids."""

import itertools
from datetime import timedelta
from typing import cast

import pytest

from tests.support.domain.patches import at, patch_of
from tui.api.errors import ApiError, RateLimited, ServerFault
from tui.api.runs import ListPage
from tui.domain.filters import RunFilters
from tui.domain.run import Cursor, RunId, TaskId
from tui.domain.update import RunsRead
from tui.store.store import Store
from tui.sync.budget import Priority
from tui.sync.lists import Density, PageReader, RereadQueue


class EmptyPages:
    """A page reader whose list shows no run, and whose single reads fail. `read_ids` are the runs read by id."""

    def __init__(self, run_ids: list[RunId]) -> None:
        self.store = Store()
        self.store.apply(RunsRead(tuple(patch_of(run_id, created=n) for n, run_id in enumerate(run_ids))))
        self.fetcher = self
        self.request_count = 0
        self.read_at = at(0)
        self.read_ids: list[RunId] = []
        self.failure: ApiError = ServerFault("it cannot be read", 500)

    async def read(self, *_: object, **__: object) -> ListPage:
        return ListPage((), at(0), None)

    async def fetch_run(self, run_id: RunId, _: Priority) -> None:
        self.read_ids.append(run_id)
        raise self.failure


class EndlessPages(EmptyPages):
    """Empty pages without end."""

    def __init__(self, run_ids: list[RunId]) -> None:
        super().__init__(run_ids)
        self._cursors = itertools.count()

    async def read(self, *_: object, **__: object) -> ListPage:
        return ListPage((), at(0), Cursor(str(next(self._cursors))))


class FullPages(EmptyPages):
    """A list of all runs of `created_s`, of which the store knows some, and whose single reads succeed."""

    def __init__(self, created_s: dict[str, float], known: list[RunId]) -> None:
        super().__init__([])
        self.read_at = at(max(created_s.values()) + 1)
        rows = [patch_of(run_id, created=second) for run_id, second in created_s.items()]
        self.store.apply(RunsRead(tuple(patch_of(run_id, created=created_s[run_id]) for run_id in known)))
        self._rows = sorted(rows, key=lambda row: (created_s[row.id], row.id), reverse=True)
        self.gone: set[RunId] = set()
        self.page_count = 0

    async def read(self, *args: object, **options: object) -> ListPage:
        filters, first, size = cast("RunFilters", args[0]), int(str(options["after"] or 0)), int(str(options["size"]))
        since, until = filters.created_from, filters.created_to
        assert since is not None
        assert until is not None
        moments = {row.id: row.created_at for row in self._rows if row.id not in self.gone}
        rows = [row for row in self._rows if since <= (moments.get(row.id) or at(-1e6)) <= until]
        self.page_count += 1
        following = Cursor(str(first + size)) if len(rows) > first + size else None
        return ListPage(tuple(rows[first : first + size]), self.read_at, following)

    async def fetch_run(self, run_id: RunId, _: Priority) -> None:
        self.read_ids.append(run_id)


def queue_of(pages: EmptyPages) -> RereadQueue:
    return RereadQueue(cast("PageReader", pages), RunFilters(), lambda run_id: run_id in pages.store.live())


async def test_two_runs_of_a_crowded_millisecond_are_read_by_id() -> None:
    two = [RunId("run_0300"), RunId("run_0400")]
    pages = FullPages({f"run_{n:04d}": 50 for n in range(1_000)}, two)
    queue = queue_of(pages)
    queue.add(two)
    await queue.read(8)
    assert queue.is_empty
    assert pages.read_ids == two
    assert pages.page_count == 3


async def test_runs_behind_endless_empty_pages_are_read_by_id() -> None:
    hidden = [RunId(f"run_{n}") for n in range(3)]
    pages = EndlessPages(hidden)
    queue = queue_of(pages)
    queue.add(hidden)
    await queue.read(8)
    assert queue.is_empty
    assert pages.read_ids == hidden


async def test_single_reads_stay_within_their_bound() -> None:
    hidden = [RunId(f"run_{n}") for n in range(9)]
    pages = EmptyPages(hidden)
    queue = queue_of(pages)
    queue.add_unlisted(hidden)
    for max_single_reads, count in ((1, 1), (0, 1), (None, 5)):
        await queue.read(4, max_single_reads=max_single_reads)
        assert len(pages.read_ids) == count


async def test_run_is_read_again_after_a_429() -> None:
    hidden = RunId("run_hidden")
    pages = EmptyPages([hidden])
    queue = queue_of(pages)
    queue.add([hidden])
    pages.failure = RateLimited("429", timedelta(seconds=5))
    with pytest.raises(RateLimited):
        await queue.read(3)
    pages.failure = ServerFault("it cannot be read", 500)
    await queue.read(3)
    assert pages.read_ids == [hidden, hidden]
    assert queue.is_empty


def test_density_spreads_ranks_until_it_has_decayed() -> None:
    density, task, hour = Density(), TaskId("send-email"), timedelta(hours=1)
    assert density.rank(None, 7, hour) == 7
    density.record(None, 100, timedelta(seconds=10))
    assert density.rank(None, 7, hour) == 36_000
    assert density.rank(None, 50_000, hour) == 50_000
    assert density.rank(task, 7, hour) == 7
    density.decay()
    assert density.rank(None, 7, hour) == 18_000
    for _ in range(20):
        density.decay()
    assert density.rank(None, 7, hour) == 7
