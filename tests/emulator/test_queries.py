"""TRQL: the queries that the program sends, compared with a computation in Python over the ledger, and refusals."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.recordings import recording
from tui.api.queries import COPY_LAG, QueueStayMinutes, QueueWaitCounts
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.query.database import Queries, RunsDatabase, trql_time
from tui.emulator.query.functions import quantile
from tui.emulator.query.selects import Translation, Window, translate
from tui.emulator.query.tokens import QueryRefused
from tui.emulator.simulation.ledger import GROUPED
from tui.emulator.simulation.runs import NewRun, Run, Status
from tui.emulator.world import World

START_MS = 1_795_528_000_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
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


def minute(ms: int) -> str:
    return trql_time(ms // MINUTE_MS * MINUTE_MS)[:19]


# --- counts


def test_outcomes_are_counted_by_task_and_minute(world: World, queries: Queries) -> None:
    rows = rows_of(
        queries,
        """SELECT task_identifier AS task, toStartOfMinute(completed_at) AS minute, count() AS n,
        countIf(status IN ('Failed','Crashed','System failure','Timed out')) AS bad,
        quantile(0.95)(execution_duration) AS p95, argMax(task_version, completed_at) AS version
        FROM runs WHERE completed_at > now() - INTERVAL 1 HOUR GROUP BY task, minute""",
    )
    ended: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in world.ledger:
        if run.finished_ms is not None and run.finished_ms > world.now_ms // 1000 * 1000 - HOUR_MS:
            ended[run.task_id, minute(run.finished_ms)].append(run)

    def counted(runs: list[Run]) -> tuple[Any, ...]:
        latest = max(runs, key=lambda run: run.finished_ms or 0)
        took = sorted((run.finished_ms or 0) - run.attempts[0].started_ms for run in runs if run.attempts)
        p95 = quantile([*map(float, took)], 0.95) if took else None
        return len(runs), sum(run.status in GROUPED for run in runs), p95, latest.version

    found = {(row["task"], row["minute"]): (row["n"], row["bad"], row["p95"], row["version"]) for row in rows}
    assert found == {key: counted(runs) for key, runs in ended.items()}
    assert any(bad for _, bad, *_ in found.values())


def test_columns_have_the_values_of_the_ledger(world: World, queries: Queries) -> None:
    rows = rows_of(
        queries,
        """SELECT run_id, status, queue, machine, task_version, is_test, tags, attempt_count, triggered_at,
        completed_at, usage_duration, total_duration, execution_duration, queued_duration,
        parent_run_id, root_run_id, depth FROM runs""",
    )
    assert {row["run_id"] for row in rows} == set(world.ledger.by_id)
    for row in rows:
        run = world.ledger.by_id[row["run_id"]]
        created_ms, ended_ms, started_ms = run.shown_created_ms, run.finished_ms, run.started_ms
        executed_ms = run.attempts[0].started_ms if run.attempts else None
        assert list(row.values())[1:] == [
            *(run.status.title, run.queue, "" if started_ms is None else run.machine, run.version, run.is_test),
            *([*run.tags], max(1, len(run.attempts)), trql_time(created_ms), trql_time(ended_ms) or None),
            *(run.usage_ms, ended_ms and ended_ms - created_ms, ended_ms and executed_ms and ended_ms - executed_ms),
            started_ms and run.queued_ms and started_ms - run.queued_ms,
            *(run.parent and run.parent.id, run.root and run.root.id, run.depth),
        ]


def test_our_query_finds_all_runs_of_a_queue_in_the_last_hour(world: World, queries: Queries) -> None:
    """It has a condition and an alternative, which the server would misread with AND and OR."""
    hour_ago_ms = world.now_ms // 1000 * 1000 - HOUR_MS
    found = 0
    for name in {run.queue for run in world.ledger}:
        rows = rows_of(queries, QueueStayMinutes(name).trql())
        runs = [run for run in world.ledger if run.queue == name]
        ended = [run for run in runs if run.finished_ms is not None and run.finished_ms > hour_ago_ms]
        live = [run for run in runs if not run.status.is_final]
        assert sum(row["n"] for row in rows if row["ended_min"] is not None) == len(ended)
        assert sum(row["n"] for row in rows if row["ended_min"] is None) == len(live)
        found += bool(ended and live)
    assert found


def test_our_query_finds_the_queues_that_move(world: World, queries: Queries) -> None:
    rows = rows_of(queries, QueueWaitCounts(datetime.fromtimestamp(world.now_ms / 1000, UTC)).trql())
    end_ms = world.now_ms // 1000 * 1000 - COPY_LAG // timedelta(milliseconds=1)
    minute_ms = range(end_ms - MINUTE_MS, end_ms)
    expected: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for run in world.ledger:
        started_ms = run.attempts[0].started_ms if run.attempts else None
        times = (started_ms, run.queued_ms)
        if not run.status.is_final or any(ms is not None and ms >= minute_ms.start for ms in times):
            expected[run.queue, run.task_id] += Counter(
                queued=run.status is Status.QUEUED and started_ms is None,
                started=started_ms in minute_ms,
                arrived=run.queued_ms in minute_ms,
                holding=run.status in {Status.EXECUTING, Status.DEQUEUED},
            )
    names = ("queued", "started", "arrived", "holding")
    found = {(row["queue"], row["task"]): {name: row[name] for name in names} for row in rows}
    assert found == {key: {name: counts[name] for name in names} for key, counts in expected.items()}
    assert all(sum(counts[name] for counts in expected.values()) for name in names[1:])


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


@pytest.mark.parametrize(
    ("condition", "meant"),
    [
        ("{a} AND ({b} OR ({c} AND {a}))", "{a} AND {b} AND {c}"),
        ("NOT ({a} AND ({b} OR {c}))", "NOT ({a} AND {b} AND {c})"),
        ("{a} AND NOT NOT ({b} OR {c})", "{a} AND or({b}, {c})"),
        ("or({a} AND ({b} OR {c}), {b})", "or({a} AND {b} AND {c}, {b})"),
    ],
)
def test_or_joins_by_the_outer_word_wherever_it_is(queries: Queries, condition: str, meant: str) -> None:
    parts = {"a": "is_test = 0", "b": "status = 'Completed'", "c": "attempt_count = 1"}
    one, other = (
        rows_of(queries, f"SELECT run_id FROM runs WHERE {each.format(**parts)} ORDER BY run_id")
        for each in (condition, meant)
    )
    assert one == other
    assert one


# --- refusals

REFUSED = [
    "",
    "SELECT 1; DROP TABLE facts",
    "SELECT * FROM sqlite_master",
    "SELECT rowid FROM runs",
    "SELECT run_error(1)",
    "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c) SELECT count() FROM c",
    "SELECT `a]; DROP TABLE facts; --` FROM runs",
    "SELECT quantile(status)(depth) FROM runs",
    "SELECT or(is_test = 0) FROM runs",
    "SELECT toTimeZone(now(), '../../etc/passwd') FROM runs",
    "\ud800",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "SELECT '" + "a" * 30_000 + "'",
]


@pytest.mark.parametrize("query", REFUSED, ids=lambda query: repr(query[:40]))
def test_hostile_query_is_refused_and_changes_nothing(world: World, queries: Queries, query: str) -> None:
    with pytest.raises(QueryRefused):
        rows_of(queries, query)
    assert rows_of(queries, "SELECT count() AS n FROM runs") == [{"n": len(world.ledger)}]


WORDS = ("SELECT", "FROM", "runs", "WHERE", "status", "=", "'x'", "(", ")", ",", "*", "[", "]", "'", ";", "NOT", "IN")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.lists(st.sampled_from(WORDS)))
def test_any_words_are_answered_or_refused(queries: Queries, query: list[str]) -> None:
    try:
        names, rows = asyncio.run(queries.answer("SELECT " + " ".join(query)))
    except QueryRefused:
        return
    assert all(len(row) == len(names) for row in rows)


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


# --- updates


def test_database_follows_a_live_world() -> None:
    living = World(COMPANY, start_ms=START_MS, rate_per_s=4, history=60, seed=1)
    with closing(Queries(living)) as queries:
        # What SQLite cannot store is replaced.
        living.trigger(NewRun(task_id="\ud800job", tags=("\udfff",), idempotency_key="a\0b\ud800", delay_ms=10**19))
        for step in range(1, 8):
            living.advance(START_MS + step * 9_000)
            if step == 4:
                for run in list(living.ledger)[:25]:
                    living.ledger.drop(run)
            rows = rows_of(queries, "SELECT run_id, status FROM runs")
            seen = {run.id: run.listed_status.title for run in living.ledger if run.listed_status is not None}
            assert {row["run_id"]: row["status"] for row in rows} == seen
        asyncio.run(queries.update())
        assert not living.ledger.changed
        assert not living.ledger.dropped
