"""Reading the minutes of many tasks: no board has to add them up."""

import asyncio
import threading

import pytest

from tests.support.fleet import at
from tui.domain.findings.facts import MinutesRead
from tui.sources.findings.minutes import MAX_INLINE_ROWS, MinuteReader
from tui.sources.findings.queries import Rows
from tui.store.findings import cell_sums
from tui.store.findings.cell_sums import CellSums, ServerCells
from tui.store.findings.own_counts import OwnCounts
from tui.store.store import Store


async def many_rows(_: str) -> Rows:
    cell = f"{at(540):%Y-%m-%d %H:%M}:00"
    return [
        {"part": "started", "task_identifier": f"task-{number}", "cell": cell, "n": 1}
        for number in range(MAX_INLINE_ROWS + 1)
    ]


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
