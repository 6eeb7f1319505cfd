"""TRQL over a small company, compared with the recordings and with a computation in Python over the ledger."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.emulator.queries import (
    HOUR_MS,
    START_MS,
    api_request,
    fresh,
    posted,
    rows_of,
    run_query,
    small_company,
    value_of,
)
from tests.support.recordings import recording
from tui.emulator.environment import DEVELOPMENT, PRODUCTION
from tui.emulator.query.database import Queries, trql_time
from tui.emulator.query.functions import matches, quantile
from tui.emulator.query.tables import json_text
from tui.emulator.routes import queries
from tui.emulator.simulation.runs import CENTS_PER_S, Run, Status, compute_cents, invocation_cents
from tui.emulator.simulation.script import FailureKind
from tui.emulator.world import World


@pytest.fixture(scope="module")
def world() -> World:
    """A world that no test changes."""
    return small_company()


@pytest.fixture(scope="module")
def world_queries(world: World) -> Iterator[Queries]:
    with closing(Queries(world)) as world_queries:
        yield world_queries


# --- compared with the recordings


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    return "number" if type(value) in {int, float} else type(value).__name__


@pytest.mark.parametrize("number", ["831", "832", "839", "840", "841"])
def test_recorded_query_returns_the_recorded_shape(world: World, number: str) -> None:
    recorded = recording(number)
    answer = posted(world, recorded["request"]["body"])
    assert answer.status == 200
    assert set(answer.body) == set(recorded["response"]["body"])
    rows = answer.body["results"]
    assert rows
    shapes = {json.dumps(_shape({**row, "root_run_id": None})) for row in recorded["response"]["body"]["results"]}
    assert {json.dumps(_shape({**row, "root_run_id": None})) for row in rows} <= shapes
    assert list(rows[0]) == list(recorded["response"]["body"]["results"][0])


def test_query_by_root_returns_descendants_without_root(world: World) -> None:
    recorded = recording("834")
    root = next(run for run in world.ledger if len(run.children) == 2)
    body = dict(recorded["request"]["body"])
    body["query"] = body["query"].replace("run_cmwur0a5o002h9f7dcmx6srqz", root.id)
    rows = posted(world, body).body["results"]
    assert [row["run_id"] for row in rows] == [child.id for child in root.children]
    assert list(rows[0]) == list(recorded["response"]["body"]["results"][0])
    assert {(row["parent_run_id"], row["root_run_id"], row["depth"]) for row in rows} == {(root.id, root.id, 1)}


@pytest.mark.parametrize("number", ["833", "835", "836", "837"])
def test_recorded_refusal_is_repeated_word_for_word(world: World, number: str) -> None:
    recorded = recording(number)
    answer = posted(world, recorded["request"]["body"])
    assert (answer.status, answer.body) == (recorded["response"]["status"], recorded["response"]["body"])


def test_schema_has_the_recorded_columns(world: World, world_queries: Queries) -> None:
    runs, *_ = recording("830")["response"]["body"]["tables"]
    assert run_query(queries.schema(api_request(world, world_queries, None))).body == {"tables": [runs]}


@pytest.mark.parametrize(
    ("task", "ordered"),
    [("nasty-text", [1356, 1546]), ("slow", [5000, 7209, 7213]), ("hello-world", [5] * 24 + [46, 108, 200])],
)
def test_quantile_rounds_as_recorded(task: str, ordered: list[float]) -> None:
    """The durations are not recorded. These produce the recorded result to the last digit."""
    recorded = {row["task_identifier"]: row for row in recording("832")["response"]["body"]["results"]}
    assert len(ordered) == recorded[task]["n"]
    assert quantile(ordered, 0.95) == recorded[task]["p95"]


def test_json_is_formatted_as_in_the_recorded_error() -> None:
    row = next(row for row in recording("839")["response"]["body"]["results"] if "ANSI" in row["error"])
    assert json_text(json.loads(row["error"])) == row["error"]


def _kept(text: str) -> str:
    """The text as a database keeps it: without NUL and lone surrogates."""
    return text.replace("\0", "").replace("\ud800", "?")


def test_error_column_has_the_stored_failure(world: World, world_queries: Queries) -> None:
    rows = rows_of(
        world_queries, "SELECT run_id, error, error.message, error.type AS kind FROM runs WHERE error IS NOT NULL"
    )
    failed = {run.id: run.failure for run in world.ledger if run.failure is not None}
    assert {row["run_id"] for row in rows} == set(failed)
    assert {failure.kind for failure in failed.values()} >= {FailureKind.ERROR, FailureKind.CRASH, FailureKind.ABORT}
    for row in rows:
        stored = {key: _kept(text) for key, text in failed[row["run_id"]].stored().items()}
        assert json.loads(row["error"]) == stored
        assert row["error"] == json.dumps(stored, sort_keys=True, separators=(",", ":"))
        assert (row["error.message"], row["kind"]) == (stored["message"], stored["type"])


def test_output_column_is_sorted_and_without_nulls(world_queries: Queries) -> None:
    outputs = rows_of(
        world_queries, "SELECT task_identifier AS t, output, count() AS n FROM runs GROUP BY t, output ORDER BY t"
    )
    assert {row["output"] for row in outputs if row["t"] == "job"} == {"", '{"a":{"text":"\\u001B[41m"},"z":1}'}
    assert {row["output"] for row in outputs if row["t"] == "family"} >= {"3"}


# --- compared with the ledger


def _machine(run: Run) -> str:
    """The machine, which a query knows once a worker took the run."""
    return run.machine if run.started_ms is not None else ""


def _text(ms: int | None) -> str | None:
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")


COLUMNS: dict[str, Callable[[Run], Any]] = {
    "run_id": lambda run: run.id,
    "status": lambda run: run.listed_status.title if run.listed_status else None,
    "is_finished": lambda run: run.status.is_final,
    "task_identifier": lambda run: run.task_id,
    "environment": lambda _: "prod",
    "environment_type": lambda _: "PRODUCTION",
    "project": lambda _: PRODUCTION.project.ref,
    "region": lambda _: "eu-central-1",
    "queue": lambda run: run.queue,
    "root_run_id": lambda run: run.root.id if run.root else None,
    "parent_run_id": lambda run: run.parent.id if run.parent else None,
    "depth": lambda run: run.depth,
    "is_root_run": lambda run: int(run.parent is None),
    "is_child_run": lambda run: int(run.parent is not None),
    "attempt_count": lambda run: max(1, len(run.attempts)),
    "idempotency_key": lambda run: run.idempotency_key,
    "idempotency_key_scope": lambda run: "global" if run.idempotency_key else "",
    "triggered_at": lambda run: _text(run.created_ms),
    "queued_at": lambda run: _text(run.queued_ms),
    "dequeued_at": lambda run: _text(run.started_ms),
    "executed_at": lambda run: _text(run.attempts[0].started_ms) if run.attempts else None,
    "completed_at": lambda run: _text(run.finished_ms),
    "delay_until": lambda run: _text(run.delay_until_ms),
    "has_delay": lambda run: int(run.delay_until_ms is not None),
    "total_duration": lambda run: run.finished_ms and run.finished_ms - run.created_ms,
    "usage_duration": lambda run: run.usage_ms,
    "compute_cost": lambda run: compute_cents(run, PRODUCTION) / 100,
    "invocation_cost": lambda run: 0.000025 if run.started_ms else 0,
    "total_cost": lambda run: (compute_cents(run, PRODUCTION) + (0.0025 if run.started_ms else 0)) / 100,
    "tags": lambda run: list(run.tags),
    "task_version": lambda run: run.version,
    "sdk_version": lambda run: "4.5.12" if run.version else "",
    "machine": _machine,
    "is_test": lambda run: run.is_test,
    "max_duration": lambda _: None,
    "bulk_action_group_ids": lambda _: [],
}


def test_columns_agree_with_the_ledger(world: World, world_queries: Queries) -> None:
    rows = rows_of(world_queries, f"SELECT {', '.join(COLUMNS)} FROM runs ORDER BY triggered_at, run_id")
    runs = sorted(world.ledger, key=lambda run: (run.created_ms, run.id))
    assert rows == [{name: value(run) for name, value in COLUMNS.items()} for run in runs]


def test_every_recorded_column_can_be_selected(world_queries: Queries) -> None:
    runs, *_ = recording("830")["response"]["body"]["tables"]
    names = [column["name"] for column in runs["columns"]]
    rows = rows_of(world_queries, f"SELECT {', '.join(names)} FROM runs LIMIT 5")
    assert [list(row) for row in rows] == [names] * 5


def test_star_selects_the_core_columns(world_queries: Queries) -> None:
    assert list(rows_of(world_queries, "SELECT * FROM runs LIMIT 1")[0]) == [
        "run_id",
        "status",
        "task_identifier",
        "triggered_at",
    ]
    assert list(rows_of(world_queries, "SELECT r.*, 1 AS one FROM runs AS r LIMIT 1")[0])[-2:] == [
        "triggered_at",
        "one",
    ]
    assert list(rows_of(world_queries, "SELECT * FROM (SELECT queue AS q FROM runs) LIMIT 1")[0]) == ["q"]


def test_development_has_its_id_as_region_and_no_cost() -> None:
    development = fresh(environment=DEVELOPMENT, rate_per_s=1, history=20)
    world_queries = Queries(development)
    [row] = rows_of(
        world_queries,
        "SELECT any(region) AS region, sum(total_cost) AS cost, max(usage_duration) > 0 AS works FROM runs",
    )
    assert row == {"region": DEVELOPMENT.region, "cost": 0, "works": 1}
    world_queries.close()


def test_costs_follow_the_price_list(world: World) -> None:
    run = next(run for run in world.ledger if run.machine == "large-1x" and run.usage_ms)
    assert compute_cents(run, PRODUCTION) == pytest.approx(run.usage_ms / 1000 * CENTS_PER_S["large-1x"])
    assert (compute_cents(run, DEVELOPMENT), invocation_cents(DEVELOPMENT)) == (0, 0)


CONDITIONS: dict[str, Callable[[Run], bool]] = {
    "status = 'Failed'": lambda run: run.status.title == "Failed",
    "status IN ('Failed', 'Crashed')": lambda run: run.status.title in {"Failed", "Crashed"},
    "status NOT IN ['Completed']": lambda run: run.status.title != "Completed",
    "task_identifier LIKE 'f%l_'": lambda run: run.task_id == "family",
    "task_identifier NOT LIKE 'JOB'": lambda _: True,
    "task_identifier ILIKE '%OB'": lambda run: run.task_id == "job",
    "task_identifier = 'it''s'": lambda run: run.task_id == "it's",
    r"task_identifier = 'it\'s'": lambda run: run.task_id == "it's",
    "usage_duration BETWEEN 100 AND 2000": lambda run: 100 <= run.usage_ms <= 2000,
    "usage_duration / 2 > 700.5": lambda run: run.usage_ms / 2 > 700.5,
    "usage_duration % 2 = 1": lambda run: run.usage_ms % 2 == 1,
    "has(tags, 'customer:3')": lambda run: "customer:3" in run.tags,
    "has(tags, 'say \"hi\"')": lambda run: 'say "hi"' in run.tags,
    "hasAny(tags, ['customer:3', 'kid'])": lambda run: bool({"customer:3", "kid"} & set(run.tags)),
    "hasAll(tags, ['a\\'b', 'back\\\\slash'])": lambda run: "a'b" in run.tags,
    "length(tags) >= 2": lambda run: len(run.tags) >= 2,
    "empty(tags)": lambda run: not run.tags,
    "root_run_id IS NULL": lambda run: run.root is None,
    "root_run_id != NULL": lambda run: run.root is not None,
    "completed_at IS NOT NULL": lambda run: run.finished_ms is not None,
    "is_test": lambda run: run.is_test,
    "startsWith(queue, 'task/')": lambda run: run.queue.startswith("task/"),
    "if(depth > 0, 'child', 'root') = 'child'": lambda run: run.depth > 0,
    f"triggered_at >= '{_text(START_MS - 60_000)}'": lambda run: run.created_ms >= START_MS - 60_000,
    "triggered_at < now() - INTERVAL 2 MINUTE": lambda run: run.created_ms < START_MS // 1000 * 1000 - 120_000,
    "triggered_at <= '2026-11-24 14:01'": lambda run: run.created_ms <= START_MS - 23_250,
    "triggered_at > '2026-11-24T14:00:00'": lambda run: run.created_ms > START_MS - 83_250,
    "status IN ('FAILED', 'COMPLETED_SUCCESSFULLY')": lambda run: run.status in {Status.FAILED, Status.COMPLETED},
    "triggered_at BETWEEN toDate('2026-11-24') AND today()": lambda _: False,
    "dateDiff('second', triggered_at, completed_at) > 3": lambda run: (
        run.finished_ms is not None and run.finished_ms // 1000 - run.created_ms // 1000 > 3
    ),
    "completed_at - triggered_at > 2.5": lambda run: (
        run.finished_ms is not None and run.finished_ms - run.created_ms > 2500
    ),
    "run_id IN (SELECT parent_run_id FROM runs WHERE depth = 1)": lambda run: bool(run.children),
}


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_count_of_any_conditions_agrees_with_the_ledger(
    data: st.DataObject, world: World, world_queries: Queries
) -> None:
    first, second, third = (data.draw(st.sampled_from(sorted(CONDITIONS))) for _ in range(3))
    expected = sum(
        CONDITIONS[first](run) and (CONDITIONS[second](run) or not CONDITIONS[third](run)) for run in world.ledger
    )
    query = f"({first}) AND or({second}, NOT ifNull(({third}), 0))"
    assert value_of(world_queries, "count()", f"FROM runs WHERE {query}") == expected
    assert value_of(world_queries, f"countIf({query})", "FROM runs") == expected


@pytest.mark.parametrize("condition", sorted(CONDITIONS))
def test_count_of_one_condition_agrees_with_the_ledger(world: World, world_queries: Queries, condition: str) -> None:
    expected = sum(CONDITIONS[condition](run) for run in world.ledger)
    assert value_of(world_queries, "count()", f"FROM runs WHERE {condition}") == expected


def test_grouped_aggregates_agree_with_the_ledger(world: World, world_queries: Queries) -> None:
    rows = rows_of(
        world_queries,
        """SELECT task_identifier AS t, count() AS n, sum(usage_duration) AS total, avg(usage_duration) AS mean,
        min(usage_duration) AS low, max(triggered_at) AS last, uniq(status) AS words, median(usage_duration) AS middle,
        quantiles(0.5, 0.99)(usage_duration) AS both, sumIf(usage_duration, is_finished = 0) AS open,
        uniqExactIf(status, depth = 0) AS roots, count(DISTINCT machine) AS machines, groupUniqArray(machine) AS kinds
        FROM runs GROUP BY t HAVING n > 1 ORDER BY n DESC, t -- the most frequent first
        LIMIT 3 OFFSET 0;""",
    )
    expected = []
    for task, count in sorted(
        Counter(run.task_id for run in world.ledger).items(), key=lambda pair: (-pair[1], pair[0])
    ):
        runs = [run for run in world.ledger if run.task_id == task]
        usage = sorted(run.usage_ms for run in runs)
        expected.append(
            {
                "t": task,
                "n": count,
                "total": sum(usage),
                "mean": sum(usage) / count,
                "low": usage[0],
                "last": _text(max(run.created_ms for run in runs)),
                "words": len({run.status for run in runs}),
                "middle": quantile([float(ms) for ms in usage], 0.5),
                "both": [quantile([float(ms) for ms in usage], level) for level in (0.5, 0.99)],
                "open": sum(run.usage_ms for run in runs if not run.status.is_final),
                "roots": len({run.status for run in runs if run.parent is None}),
                "machines": len({_machine(run) for run in runs}),
                "kinds": [*dict.fromkeys(_machine(run) for run in runs)],
            }
        )
    for row in (*rows, *expected):
        row["kinds"].sort()
    assert rows == expected[:3]


def test_tags_can_be_counted(world: World, world_queries: Queries) -> None:
    rows = rows_of(world_queries, "SELECT arrayJoin(tags) AS tag, count() AS n FROM runs WHERE depth = 0 GROUP BY tag")
    counted = Counter(tag for run in world.ledger if run.parent is None for tag in run.tags)
    assert {row["tag"]: row["n"] for row in rows} == dict(counted)


def test_runs_can_be_grouped_by_time(world: World, world_queries: Queries) -> None:
    rows = rows_of(
        world_queries,
        "SELECT toStartOfMinute(triggered_at) AS triggered_at, count() AS n FROM runs GROUP BY triggered_at",
    )
    counted = Counter(trql_time(run.created_ms // 60_000 * 60_000)[:19] for run in world.ledger)
    assert {row["triggered_at"]: row["n"] for row in rows} == dict(counted)


def test_subqueries_joins_unions_and_common_tables(world: World, world_queries: Queries) -> None:
    finished = sum(run.status.is_final for run in world.ledger)
    assert (
        value_of(
            world_queries,
            "sum(n)",
            "FROM (SELECT status, count() AS n FROM runs WHERE is_finished = 1 GROUP BY status) AS s",
        )
        == finished
    )
    assert rows_of(world_queries, "WITH done AS (SELECT * FROM runs WHERE is_finished) SELECT count() FROM done") == [
        {"count": finished}
    ]
    ids = "(SELECT run_id, parent_run_id FROM runs)"
    assert value_of(
        world_queries, "count()", f"FROM {ids} AS child JOIN {ids} parent ON child.parent_run_id = parent.run_id"
    ) == sum(run.parent is not None for run in world.ledger)
    assert rows_of(world_queries, "SELECT 1 AS n UNION ALL (SELECT 2 AS n ORDER BY n LIMIT 1)") == [{"n": 1}, {"n": 2}]
    assert rows_of(world_queries, "WITH runs AS (SELECT run_id AS r FROM runs) SELECT count() AS n FROM runs")[0][
        "n"
    ] == len(world.ledger)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 / 2", 3.5),
        ("intDiv(7, 2)", 3),
        ("1 / 0", None),
        ("- - 3 - -2", 5),
        ("CASE WHEN 1 = 2 THEN 'a' ELSE 'b' END", "b"),
        ("CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'c' END", "c"),
        ("multiIf(0, 'a', 1, 'b', 'c')", "b"),
        ("coalesce(NULL, 'x')", "x"),
        ("concat('a', 'b', 'c')", "abc"),
        ("'a' || 'b'", "ab"),
        ("upper(substring('trigger', 1, 4))", "TRIG"),
        (r"'tab\t\'quote\' \\ end'", "tab\t'quote' \\ end"),
        ("length('日本')", 2),
        ("['a', 'b'][2]", "b"),
        ("[1, 2.5, 'x']", [1, 2.5, "x"]),
        ("now()", "2026-11-24 14:01:23"),
        ("today()", "2026-11-24"),
        ("yesterday()", "2026-11-23"),
        ("now() - INTERVAL 1 DAY", "2026-11-23 14:01:23"),
        ("now() - INTERVAL '2 weeks'", "2026-11-10 14:01:23"),
        ("now() + toIntervalQuarter(1)", "2027-02-24 14:01:23"),
        ("toDate(now())", "2026-11-24"),
        ("toStartOfHour(now())", "2026-11-24 14:00:00"),
        ("toStartOfFifteenMinutes(now())", "2026-11-24 14:00:00"),
        ("toStartOfDay(now())", "2026-11-24 00:00:00"),
        ("toMonday(now())", "2026-11-23"),
        ("toStartOfMonth(now())", "2026-11-01"),
        ("toDayOfWeek(now())", 2),
        ("toHour(now())", 14),
        ("toUnixTimestamp(now())", START_MS // 1000),
        ("dateDiff('hour', toDateTime('2026-11-24 12:59:59'), now())", 2),
        ("dateDiff('day', toDateTime('2026-11-23 23:59:59'), now())", 1),
        ("dateDiff('week', toDateTime('2026-11-22 23:59:59'), toDateTime('2026-11-23 00:00:00'))", 1),
        ("dateDiff('month', toDateTime('2025-12-31 00:00:00'), now())", 11),
        ("dateDiff('millisecond', toDateTime64('2026-11-24 14:01:22.900', 3), now())", 100),
        ("round(2.567, 1)", 2.6),
        ("floor(-1.5)", -2),
        ("ceil(1.2)", 2),
        ("greatest(1, 5, 3)", 5),
        ("toUInt8('12')", 12),
        ("toString(3)", "3"),
        ("1 = 1 AND NOT 2 > 3", 1),
        ("(SELECT 5)", 5),
        ("NULL", None),
        ("true", 1),
        ("1e999", None),
    ],
)
def test_expression_has_its_value(world_queries: Queries, expression: str, value: Any) -> None:
    assert value_of(world_queries, expression) == value


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("count()", "count"),
        ("1 + 1", "plus"),
        ("uniqExact(status)", "uniqexact"),
        ("'a]b'", "'a)b'"),
        ("status s", "s"),
    ],
)
def test_column_without_alias_has_the_servers_name(world_queries: Queries, expression: str, name: str) -> None:
    assert list(rows_of(world_queries, f"SELECT {expression} FROM runs LIMIT 1")[0]) == [name]


@given(text=st.text("ab%_", max_size=8), pattern=st.text("ab%_\\", max_size=6))
def test_like_agrees_with_a_naive_matcher(text: str, pattern: str) -> None:
    def naive(text: str, pattern: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "%":
            return any(naive(text[at:], pattern[1:]) for at in range(len(text) + 1))
        if pattern[0] == "\\" and len(pattern) > 1:
            return text[:1] == pattern[1] and naive(text[1:], pattern[2:])
        return bool(text) and pattern[0] in {"_", text[0]} and naive(text[1:], pattern[1:])

    assert matches(text, pattern, 0) == naive(text, pattern)


def test_window_applies_only_without_a_time_condition(world: World, world_queries: Queries) -> None:
    from_ms, to_ms = START_MS - 100_000, START_MS - 20_000
    inside = sum(from_ms <= run.created_ms <= to_ms for run in world.ledger)
    assert 0 < inside < len(world.ledger)
    [row] = rows_of(world_queries, "SELECT count() AS n FROM runs", from_ms=from_ms, to_ms=to_ms)
    assert row["n"] == inside
    [row] = rows_of(
        world_queries, "SELECT count() AS n FROM runs WHERE triggered_at > '2001-01-01'", from_ms=from_ms, to_ms=to_ms
    )
    assert row["n"] == len(world.ledger)


# --- the routes


def test_body_sets_the_window_and_the_format(world: World) -> None:
    def count(**body: str) -> Any:
        return posted(world, {"query": "SELECT count() AS n FROM runs", **body}).body["results"][0]["n"]

    assert count() == len(world.ledger)
    assert count(period="99999999w") == len(world.ledger)
    assert count(period="nonsense") == len(world.ledger)
    assert count(period="1m") == sum(run.created_ms >= START_MS - 60_000 for run in world.ledger)
    assert count(to="2026-11-24T14:00:00Z") == sum(run.created_ms <= START_MS - 83_250 for run in world.ledger)
    half_past = datetime.fromtimestamp((START_MS - 83_250) / 1000, UTC).isoformat()
    assert count(**{"from": str(START_MS - 83_250)}) == count(**{"from": half_past})
    csv = posted(world, {"query": "SELECT 1 AS a, 'x,y' AS b, ['t'] AS c", "format": "csv"})
    assert csv.body == {"format": "csv", "results": 'a,b,c\n1,"x,y","[""t""]"\n'}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ([], "Expected object, received array"),
        ({"query": 5}, 'Expected string, received number at "query"'),
        (
            {"query": "SELECT 1", "format": "xml"},
            "Invalid enum value. Expected 'json' | 'csv', received 'xml' at \"format\"",
        ),
        ({"query": "SELECT 1", "period": 7}, 'Expected string, received number at "period"'),
    ],
)
def test_invalid_body_is_refused(world: World, body: Any, error: str) -> None:
    answer = posted(world, body)
    assert (answer.status, answer.body) == (400, {"error": f"Validation error: {error}"})


# --- functions and tables for charts


def test_time_buckets_start_as_recorded(world: World) -> None:
    with closing(Queries(world)) as world_queries:
        hour = rows_of(
            world_queries, "SELECT timeBucket() AS t, count() AS n FROM runs GROUP BY t", from_ms=START_MS - HOUR_MS
        )
        intervals = "SELECT toStartOfInterval(triggered_at, INTERVAL 10 SECOND) AS t, count() AS n FROM runs GROUP BY t"
        seconds = rows_of(world_queries, intervals)
    visible = [run.created_ms for run in world.ledger if run.created_ms >= START_MS - HOUR_MS]
    assert {row["t"]: row["n"] for row in hour} == Counter(trql_time(ms // 60_000 * 60_000)[:19] for ms in visible)
    assert {row["t"]: row["n"] for row in seconds} == Counter(
        trql_time(run.created_ms // 10_000 * 10_000)[:19] for run in world.ledger
    )


def test_arg_max_returns_the_value_of_the_newest_run(world: World, world_queries: Queries) -> None:
    rows = rows_of(
        world_queries,
        """SELECT task_identifier AS t, argMax(status, triggered_at) AS last, argMax(run_id, triggered_at) AS run,
        argMaxIf(run_id, triggered_at, status = 'Nope') AS missing FROM runs GROUP BY t""",
    )
    newest = {run.task_id: run for run in sorted(world.ledger, key=lambda run: run.created_ms)}
    assert {row["t"]: (row["last"], row["run"], row["missing"]) for row in rows} == {
        task: (run.status.database, run.id, "") for task, run in newest.items()
    }


def test_queue_metrics_are_empty(world_queries: Queries) -> None:
    query = "SELECT timeBucket() AS t, queue, max(max_queued) AS q FROM queue_metrics GROUP BY t, queue"
    assert rows_of(world_queries, query) == []
