"""TRQL of the emulator: the recorded precedence of AND and OR, refusals, and that the database follows the world."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.support.recordings import recording
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.query.database import Queries, RunsDatabase
from tui.emulator.query.selects import Translation, Window, translate
from tui.emulator.query.tokens import QueryRefused
from tui.emulator.world import World

START_MS = 1_795_528_000_000
MINUTE_MS = 60_000
Row = dict[str, Any]


@pytest.fixture(scope="module")
def world() -> World:
    """A world that no test changes. Lists know everything."""
    world = World(COMPANY, start_ms=START_MS, rate_per_s=2, history=600, lag_ms=(0, 0), seed=1)
    world.advance(START_MS + 5_000)
    world.copy_changes()
    return world


@pytest.fixture(scope="module")
def queries(world: World) -> Iterator[Queries]:
    with closing(Queries(world)) as queries:
        yield queries


def rows_of(queries: Queries, query: str) -> list[Row]:
    names, rows = asyncio.run(queries.answer(query))
    return [dict(zip(names, row, strict=True)) for row in rows]


# --- AND and OR

CONDITIONS: dict[str, Callable[[bool, bool, bool], bool]] = {
    "2900": lambda a, _b, _c: a,
    "2901": lambda _a, b, _c: b,
    "2902": lambda _a, _b, c: c,
    "2903": lambda _a, b, c: b or c,
    "2904": lambda a, b, c: a and (b or c),
    "2905": lambda a, b, c: a and b and c,
    "2906": lambda a, b, c: a and b and c,
    "2907": lambda a, b, c: a or b or c,
    "2908": lambda a, b, c: a or b or c,
    "2909": lambda a, b, c: a and (b or c),
    "2910": lambda a, b, c: a and (b or c),
    "2911": lambda a, b, c: a and (b or c),
    "2912": lambda a, b, c: a and (b or c),
}
"""What each recorded condition means on the server: A is the queue, B a live run, C one that ended within an hour."""


def test_and_or_have_the_recorded_precedence(world: World, queries: Queries) -> None:
    # In place of the recorded hour, which has all runs of this world.
    since_ms = world.now_ms // 1000 * 1000 - MINUTE_MS
    name = Counter(run.queue for run in world.ledger if not run.status.is_final).most_common(1)[0][0]
    runs = [
        (run.queue == name, not run.status.is_final, run.finished_ms is not None and run.finished_ms > since_ms)
        for run in world.ledger
    ]

    def here(number: str) -> Row:
        trql = recording(number)["request"]["body"]["query"]
        [row] = rows_of(queries, trql.replace("'limited'", f"'{name}'").replace("1 HOUR", "1 MINUTE"))
        return row

    counts = {number: sum(is_met(*run) for run in runs) for number, is_met in CONDITIONS.items()}
    assert {number: here(number)["n"] for number in CONDITIONS} == counts
    # The recorded numbers follow the same rule: 18 of the 19 runs in the queue had ended, 3 runs were live.
    flags = [(True, True, False)] + [(True, False, True)] * 18
    flags += [(False, True, False)] * 2 + [(False, False, True)] * 346
    expected = {number: sum(is_met(*run) for run in flags) for number, is_met in CONDITIONS.items()}
    assert {number: recording(number)["response"]["body"]["results"][0]["n"] for number in CONDITIONS} == expected
    # Each rule gives another number, so none of them can pass for another.
    assert len({counts[number] for number in ("2900", "2901", "2902", "2903", "2904", "2905", "2907")}) == 7
    assert here("2915") == {"n": counts["2905"], "a": counts["2900"], "m": counts["2907"], "boc": counts["2903"]}


def test_connection_can_only_read_the_views(world: World) -> None:
    translation = translate("SELECT 1 AS a WHERE 'x' = 'y\\' OR 1 = 1 --'", "2026-11-24 14:00:00", Window())
    assert "1 = 1" not in translation.sql
    database = RunsDatabase(World(COMPANY, start_ms=START_MS, history=5))
    for sql in ("DELETE FROM facts", "SELECT run_id FROM facts", "ATTACH ':memory:' AS other", "PRAGMA query_only = 0"):
        with pytest.raises(QueryRefused, match=r"not authorized|prohibited"):
            database.read(Translation(sql, {}), timeout_s=1, max_rows=10)
    database.close()
    depths = "(SELECT depth AS d FROM runs)"
    with closing(Queries(world, timeout_s=0.02)) as queries, pytest.raises(QueryRefused, match="Timeout exceeded"):
        rows_of(queries, f"SELECT count() FROM {depths} a JOIN {depths} b JOIN {depths} c WHERE a.d + b.d + c.d = 99")
