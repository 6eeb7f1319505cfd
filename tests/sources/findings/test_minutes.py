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
from tui.api.queries import TaskMinutes
from tui.domain.facts import MinutesRead
from tui.store.findings import counts as cell_sums
from tui.store.findings.counts import CellSums, OwnCounts, ServerCells
from tui.store.store import Store
from tui.sync.fact_readers import MAX_INLINE_ROWS, MinuteReader, Rows, read_minutes


async def many_rows(query: TaskMinutes) -> Rows:
    row = {"part": "started", "cell": f"{at(540):%Y-%m-%d %H:%M}:00", "n": 1}
    row |= {"done": 0, "failed": 0, "unstarted": 0, "p95_ms": 0}
    return query.read([row | {"task_identifier": f"task-{number}"} for number in range(MAX_INLINE_ROWS + 1)])


def test_a_thread_adds_up_many_minutes_once_and_keeps_no_old_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[threading.Thread, weakref.ref[ServerCells]]] = []

    class Watched(ServerCells):
        def __init__(self, read: MinutesRead) -> None:
            made.append((threading.current_thread(), weakref.ref(self)))
            super().__init__(read)

    monkeypatch.setattr(cell_sums, "ServerCells", Watched)
    reader = MinuteReader()
    for second in (600, 900):
        read = asyncio.run(reader.read(many_rows, at(second)))
        CellSums(read, OwnCounts(Store()), at(second))
    assert [each() is None for _, each in made] == [True, False]
    assert threading.main_thread() not in {thread for thread, _ in made}


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


@pytest.mark.parametrize("of_others", [{}, {"done": None, "failed": "x", "unstarted": -1, "p95_ms": []}])
def test_minute_needs_the_columns_of_its_part_alone(of_others: dict[str, Any]) -> None:
    query = TaskMinutes(at(0), None, queries.MINUTE)
    row = {"part": "started", "task_identifier": "send", "cell": "2026-11-24 12:00:00", "n": 3} | of_others
    ((minute,), speeds) = read_minutes(query.read([row]))
    assert (minute.started, minute.done, speeds) == (3, 0, ())
    with pytest.raises(ServerFault):
        query.read([row | {"part": "ended"}])
