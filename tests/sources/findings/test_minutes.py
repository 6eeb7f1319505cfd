"""Reading the minutes of many tasks: no board has to add them up."""

import asyncio
import threading
import weakref
from datetime import datetime
from typing import Any

import pytest

from tests.support.fleet import at
from tui.api import queries
from tui.api.errors import ServerFault
from tui.api.queries import QueueWaitCounts, TaskMinutes
from tui.domain.facts import MinutesRead, TaskSpeed
from tui.domain.run import TaskId
from tui.store.findings import counts as cell_sums
from tui.store.findings.counts import CellSums, OwnCounts, ServerCells
from tui.store.store import Store
from tui.sync.fact_readers import MAX_INLINE_ROWS, MinuteReader, Rows, read_minutes, read_waits


async def many_rows(query: TaskMinutes) -> Rows:
    row = {"part": "started", "cell": f"{at(540):%Y-%m-%d %H:%M}:00", "n": 1}
    row |= {"done": 0, "failed": 0, "unstarted": 0, "p95_ms": 0}
    return query.read([row | {"task_identifier": f"task-{number}"} for number in range(MAX_INLINE_ROWS + 1)])


def test_a_thread_adds_up_many_minutes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    class Watched(ServerCells):
        def __init__(self, read: MinutesRead) -> None:
            threads.append(threading.current_thread())
            super().__init__(read)

    monkeypatch.setattr(cell_sums, "ServerCells", Watched)
    now = at(600)
    read = asyncio.run(MinuteReader().read(many_rows, now))
    CellSums(read, OwnCounts(Store()), now)
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_the_sums_of_an_old_answer_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[ServerCells]] = []

    class Watched(ServerCells):
        def __init__(self, read: MinutesRead) -> None:
            made.append(weakref.ref(self))
            super().__init__(read)

    monkeypatch.setattr(cell_sums, "ServerCells", Watched)
    reader = MinuteReader()
    for second in (600, 900):
        read = asyncio.run(reader.read(many_rows, at(second)))
        cell_sums.server_cells(read)
    assert [each() is None for each in made] == [True, False]


def test_minutes_are_read_after_the_servers_clock_was_set_back() -> None:
    since: list[datetime] = []

    async def query(query: TaskMinutes) -> Rows:
        since.append(query.since)
        return []

    reader = MinuteReader()
    for second in (9000, 8400):
        asyncio.run(reader.read(query, at(second)))
    assert since == [at(9000 - 3600), at(8400 - 3600)]


def test_minutes_share_their_names_and_times() -> None:
    reader = MinuteReader()
    first, second = (asyncio.run(reader.read(many_rows, at(second))) for second in (600, 900))
    assert len({id(each.start) for each in second.minutes}) == 1
    assert {id(each.task) for each in first.minutes} == {id(each.task) for each in second.minutes}


def test_row_without_a_column_that_may_be_null_is_read() -> None:
    waits = {"queue": "mail", "task": "send", "queued": 2, "started": 1, "arrived": 0, "holding": 1}
    (wait,) = read_waits(QueueWaitCounts(at(600)).read([waits]))
    assert (wait.queued, wait.oldest_at, wait.newest_start, wait.holders[0].since) == (2, None, None, None)
    speed = {"part": "speed", "task_identifier": "send", "n": 3}
    assert read_minutes(TaskMinutes(at(0), None, queries.MINUTE).read([speed])) == (
        (),
        (TaskSpeed(TaskId("send"), None, 3),),
    )


@pytest.mark.parametrize("of_others", [{}, {"done": None, "failed": "x", "unstarted": -1, "p95_ms": []}])
def test_minute_needs_the_columns_of_its_part_alone(of_others: dict[str, Any]) -> None:
    query = TaskMinutes(at(0), None, queries.MINUTE)
    row = {"part": "started", "task_identifier": "send", "cell": "2026-11-24 12:00:00", "n": 3} | of_others
    ((minute,), speeds) = read_minutes(query.read([row]))
    assert (minute.started, minute.done, speeds) == (3, 0, ())
    with pytest.raises(ServerFault):
        query.read([row | {"part": "ended"}])
