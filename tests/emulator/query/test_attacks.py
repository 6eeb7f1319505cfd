"""Hostile TRQL queries, and the database behind the queries: its updates, its limits and its end."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.emulator.queries import HOUR_MS, START_MS, fresh, posted, rows_of, run_query, small_company, value_of
from tui.emulator.environment import PRODUCTION
from tui.emulator.query.database import Queries, RunsDatabase
from tui.emulator.query.selects import Translation, Window, translate
from tui.emulator.query.tokens import QueryRefused
from tui.emulator.simulation.runs import NewRun, Run
from tui.emulator.world import World


@pytest.fixture(scope="module")
def world() -> World:
    """A world that no test changes."""
    return small_company()


@pytest.fixture(scope="module")
def world_queries(world: World) -> Iterator[Queries]:
    with closing(Queries(world)) as world_queries:
        yield world_queries


# --- hostile queries

HOSTILE = [
    "",
    ";",
    "SELECT",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE facts",
    "DROP TABLE facts",
    "DELETE FROM runs",
    "UPDATE runs SET status = 'Completed'",
    "INSERT INTO runs VALUES (1)",
    "CREATE TABLE t (a)",
    "PRAGMA query_only = 0",
    "ATTACH 'file.db' AS other",
    "VACUUM INTO 'file.db'",
    "EXPLAIN SELECT 1",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM main.sqlite_master",
    "SELECT * FROM facts",
    "SELECT * FROM main.facts",
    "SELECT number FROM runs",
    "SELECT rowid FROM runs",
    "SELECT * FROM pragma_table_info('facts')",
    "SELECT * FROM json_each('[1]')",
    "SELECT * FROM system.tables",
    "SELECT * FROM metrics",
    "SELECT load_extension('x')",
    "SELECT run_error(1)",
    "SELECT randomblob(1000000000)",
    "SELECT zeroblob(2000000000)",
    "SELECT writefile('a', 'b')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT file('/etc/passwd')",
    "SELECT printf('%1000000000d', 1)",
    "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c) SELECT count() FROM c",
    "WITH c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c) SELECT count() FROM c",
    "SELECT [status FROM runs",
    "SELECT `a]; DROP TABLE facts; --` FROM runs",
    'SELECT "status]" FROM runs',
    "SELECT 'open FROM runs",
    "SELECT status FROM runs WHERE status = 'a' UNION SELECT sql FROM sqlite_master",
    "SELECT :v0",
    "SELECT ?1",
    "SELECT status COLLATE nocase FROM runs",
    "SELECT count() OVER () FROM runs",
    "SELECT x'41'",
    "SELECT 0x41",
    "SELECT group_concat(status) FROM runs",
    "SELECT sum(*) FROM runs",
    "SELECT sum(1, 2) FROM runs",
    "SELECT quantile(status)(depth) FROM runs",
    "SELECT count() FROM runs WHERE count() > 1",
    "SELECT now() - INTERVAL 1 parsec",
    "SELECT dateDiff('parsec', now(), now())",
    "SELECT a.b.c FROM runs",
    "SELECT x.* FROM runs",
    "SELECT /* open",
    "SELECT \\",
    "\ud800",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "SELECT " + "(SELECT " * 100 + "1" + ")" * 100,
    "SELECT " + "floor(" * 50 + "1" + ")" * 50,
    "SELECT " + "1 AND " * 3000 + "1",
    "SELECT " + "1 + " * 3000 + "1",
    "SELECT '" + "a" * 30_000 + "'",
]


@pytest.mark.parametrize("query", HOSTILE, ids=lambda query: repr(query[:60]))
def test_hostile_query_is_refused_and_changes_nothing(world: World, query: str) -> None:
    answer = posted(world, {"query": query})
    assert answer.status == 400
    assert set(answer.body) == {"error"}
    counted = posted(world, {"query": "SELECT count() AS n FROM runs"})
    assert counted.body["results"] == [{"n": len(world.ledger)}]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM facts",
        "INSERT INTO facts (number) VALUES (1)",
        "CREATE TEMP TABLE t (a)",
        "PRAGMA query_only = 0",
        "PRAGMA table_info(facts)",
        "ATTACH ':memory:' AS other",
        "SELECT * FROM sqlite_master",
        "SELECT run_id FROM facts",
        "SELECT load_extension('x')",
        "SELECT * FROM pragma_table_info('facts')",
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c",
        "BEGIN",
    ],
)
def test_connection_can_only_read_the_views(sql: str) -> None:
    database = RunsDatabase(fresh(rate_per_s=1, history=5))
    with pytest.raises(QueryRefused, match=r"not authorized|prohibited"):
        database.read(Translation(sql, {}), timeout_s=1, max_rows=10)
    database.close()


def test_endless_query_times_out_and_the_next_one_works(world: World) -> None:
    world_queries = Queries(world, timeout_s=0.02)
    depths = "(SELECT depth AS d FROM runs)"
    with pytest.raises(QueryRefused, match="Timeout exceeded"):
        rows_of(
            world_queries,
            f"SELECT count() AS n FROM {depths} a, {depths} b, {depths} c, {depths} d WHERE a.d + b.d + c.d = d.d",
        )
    assert value_of(world_queries, "1") == 1
    world_queries.close()


WORDS = [
    "SELECT",
    "FROM",
    "runs",
    "WHERE",
    "status",
    "=",
    "'x'",
    "(",
    ")",
    ",",
    "*",
    "[",
    "]",
    "'",
    ";",
    "1",
    "NOT",
    "IN",
]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.lists(st.sampled_from(WORDS)))
def test_any_words_are_answered_or_refused(query: list[str], world_queries: Queries) -> None:
    try:
        names, rows = run_query(world_queries.answer("SELECT " + " ".join(query)))
    except QueryRefused:
        return
    assert all(len(row) == len(names) for row in rows)


def test_strings_never_become_part_of_the_sql() -> None:
    translation = translate(
        "SELECT count() FROM runs WHERE status = 'x\\' OR 1 = 1 --'", "2026-11-24 14:00:00", Window()
    )
    assert "1 = 1" not in translation.sql
    assert list(translation.values.values()) == ["x' OR 1 = 1 --"]


def test_rows_above_the_limit_are_cut_off(world: World) -> None:
    world_queries = Queries(world, max_rows=7)
    assert len(rows_of(world_queries, "SELECT run_id FROM runs")) == 7
    world_queries.close()


# --- updates


def _status(world_queries: Queries, run: Run) -> str | None:
    rows = rows_of(world_queries, f"SELECT status, completed_at FROM runs WHERE run_id = '{run.id}'")
    return rows[0]["status"] if rows else None


def test_query_sees_a_change_when_lists_do() -> None:
    quiet = fresh(lag_ms=(500, 500))
    world_queries = Queries(quiet)
    run, _ = quiet.trigger(NewRun(task_id="job", delay_ms=HOUR_MS))
    assert _status(world_queries, run) is None
    quiet.advance(START_MS + 499)
    assert _status(world_queries, run) is None
    quiet.advance(START_MS + 500)
    assert _status(world_queries, run) == "Delayed"
    quiet.cancel(run)
    assert _status(world_queries, run) == "Delayed"
    assert rows_of(world_queries, "SELECT completed_at, is_finished FROM runs") == [
        {"completed_at": None, "is_finished": 0}
    ]
    quiet.advance(START_MS + 1100)
    assert _status(world_queries, run) == "Canceled"
    world_queries.close()


def test_database_follows_a_live_world() -> None:
    living = fresh(environment=PRODUCTION, rate_per_s=4, history=60)
    world_queries = Queries(living)
    for step in range(1, 8):
        living.advance(START_MS + step * 9_000)
        if step == 4:
            for run in list(living.ledger)[:25]:
                living.ledger.drop(run)
        rows = rows_of(world_queries, "SELECT run_id, status, task_version FROM runs")
        seen = {run.id: run.listed_status.title for run in living.ledger if run.listed_status is not None}
        assert {row["run_id"]: row["status"] for row in rows} == seen
    run_query(world_queries.update())
    assert not living.ledger.changed
    assert not living.ledger.dropped
    world_queries.close()


def test_values_that_sqlite_cannot_store_are_replaced() -> None:
    odd = fresh(lag_ms=(0, 0))
    world_queries = Queries(odd)
    odd.trigger(NewRun(task_id="\ud800job", tags=("\udfff",), idempotency_key="a\0b\ud800", delay_ms=10**19))
    odd.advance(START_MS + 1)
    [row] = rows_of(world_queries, "SELECT task_identifier AS t, tags, arrayJoin(tags) AS tag, delay_until FROM runs")
    assert (row["t"], row["delay_until"]) == ("?job", None)
    assert (row["tags"], row["tag"][-1]) == (["\udfff"], "\ufffd")
    world_queries.close()


def test_closing_frees_the_database() -> None:
    database = RunsDatabase(fresh())
    database.close()
    with pytest.raises(sqlite3.ProgrammingError):
        database.update()


def test_changes_are_not_recorded_before_the_first_query() -> None:
    living = fresh(environment=PRODUCTION, rate_per_s=4, history=60)
    with closing(Queries(living)) as world_queries:
        living.advance(START_MS + 9_000)
        run_query(world_queries.update())
        assert not living.ledger.changed
        assert value_of(world_queries, "count()", "FROM runs") == len(living.ledger.visible())
        living.advance(START_MS + 18_000)
        assert living.ledger.changed
