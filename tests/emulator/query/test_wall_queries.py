"""The queries that a reader of facts asks, compared with a computation in Python over the ledger."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.emulator.queries import rows_of
from tests.support.recordings import recording
from tui.api.queries import COPY_LAG, QueueStayMinutes, QueueWaitCounts
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.query.database import Queries, QueryGate, trql_time
from tui.emulator.query.tokens import QueryRefused
from tui.emulator.simulation.runs import Run, Status
from tui.emulator.world import World

START_MS = 1_795_528_000_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
FAILED = {Status.FAILED, Status.CRASHED, Status.TIMED_OUT, Status.SYSTEM_FAILURE}


@pytest.fixture(scope="module")
def world() -> World:
    world = World(COMPANY, start_ms=START_MS, rate_per_s=2, history=600, lag_ms=(0, 0))
    world.advance(START_MS + 5_000)
    world.copy_changes()
    return world


@pytest.fixture(scope="module")
def queries(world: World) -> Iterator[Queries]:
    with closing(Queries(world)) as queries:
        yield queries


def minute(ms: int) -> str:
    return trql_time(ms // MINUTE_MS * MINUTE_MS)[:19]


def test_outcomes_are_counted_by_task_and_minute(world: World, queries: Queries) -> None:
    rows = rows_of(
        queries,
        """SELECT task_identifier AS task, toStartOfMinute(completed_at) AS minute, count() AS n,
        countIf(status IN ('Failed','Crashed','System failure','Timed out')) AS bad,
        round(quantile(0.95)(execution_duration)) AS p95, argMax(task_version, completed_at) AS version
        FROM runs WHERE completed_at > now() - INTERVAL 1 HOUR GROUP BY task, minute""",
    )
    ended: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in world.ledger:
        if run.finished_ms is not None and run.finished_ms > world.now_ms // 1000 * 1000 - HOUR_MS:
            ended[run.task_id, minute(run.finished_ms)].append(run)
    expected = {key: (len(runs), sum(run.status in FAILED for run in runs)) for key, runs in ended.items()}
    assert {(row["task"], row["minute"]): (row["n"], row["bad"]) for row in rows} == expected
    assert any(bad for _, bad in expected.values())
    for row in rows:
        latest = max(ended[row["task"], row["minute"]], key=lambda run: run.finished_ms or 0)
        assert row["version"] == latest.version


def test_waits_and_starts_are_counted_by_queue(world: World, queries: Queries) -> None:
    oldest = rows_of(
        queries,
        "SELECT queue, min(queued_at) AS oldest, countIf(status = 'Queued') AS queued, countIf(status = 'Delayed') AS"
        " delayed FROM runs WHERE status IN ('Queued', 'Delayed') GROUP BY queue",
    )
    waiting = [run for run in world.ledger if run.status in {Status.QUEUED, Status.DELAYED}]
    counts = Counter((run.queue, run.status) for run in waiting)
    assert any(status is Status.DELAYED for _, status in counts)
    for row in oldest:
        assert row["queued"] == counts[row["queue"], Status.QUEUED]
        assert row["delayed"] == counts[row["queue"], Status.DELAYED]
        times = [run.queued_ms for run in waiting if run.queue == row["queue"] and run.queued_ms is not None]
        # A run that is delayed has no time in its queue.
        assert row["oldest"] == (trql_time(min(times)) if times else None)
    starts = rows_of(
        queries,
        "SELECT queue, toStartOfMinute(dequeued_at) AS minute, count() AS n FROM runs WHERE dequeued_at IS NOT NULL"
        " GROUP BY queue, minute",
    )
    started = Counter((run.queue, minute(run.started_ms)) for run in world.ledger if run.started_ms is not None)
    assert {(row["queue"], row["minute"]): row["n"] for row in starts} == started


def test_arrays_are_sliced_sorted_and_cut(queries: Queries) -> None:
    [row] = rows_of(
        queries,
        """SELECT arraySlice(arraySort(groupArray(triggered_at)), -3) AS last, groupArray(2)(run_id) AS two,
        arraySlice([1, 2, 3, 4], 2, 2) AS middle, arraySlice([1, 2, 3], 2, -1) AS inner, arraySlice([1], 0) AS none,
        arrayReverseSort([2, 3, 1]) AS down, max(triggered_at) AS newest, argMin(run_id, triggered_at) AS first
        FROM runs""",
    )
    assert row["last"] == sorted(row["last"])
    assert row["last"][-1] == row["newest"]
    assert [len(row["last"]), len(row["two"])] == [3, 2]
    assert [row["middle"], row["inner"], row["none"], row["down"]] == [[2, 3], [2], [], [3, 2, 1]]
    assert row["first"].startswith("run_")


def test_times_are_shown_in_a_time_zone(queries: Queries) -> None:
    [row] = rows_of(
        queries,
        "SELECT toTimeZone(toDateTime('2026-07-01 23:30:00'), 'Europe/Berlin') AS summer,"
        " toTimeZone(toDateTime64('2026-11-26 23:30:00.250', 3), 'Asia/Kolkata') AS winter, count() FROM runs",
    )
    assert (row["summer"], row["winter"]) == ("2026-07-02 01:30:00", "2026-11-27 05:00:00.250")
    for zone in ("Mars/Base", "../../etc/passwd", ""):
        with pytest.raises(QueryRefused):
            rows_of(queries, f"SELECT toTimeZone(now(), '{zone}') AS t, count() FROM runs")


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

    def here(number: str) -> dict[str, Any]:
        trql = recording(number)["request"]["body"]["query"]
        [row] = rows_of(queries, trql.replace("'limited'", f"'{name}'").replace("1 HOUR", "1 MINUTE"))
        return row

    def recorded(number: str) -> dict[str, Any]:
        return dict(recording(number)["response"]["body"]["results"][0])

    counts = {number: sum(is_met(*run) for run in runs) for number, is_met in CONDITIONS.items()}
    assert {number: here(number)["n"] for number in CONDITIONS} == counts
    # The recorded numbers follow the same rule: 18 of the 19 runs in the queue had ended, 3 runs were live.
    flags = [(True, True, False)] + [(True, False, True)] * 18
    flags += [(False, True, False)] * 2 + [(False, False, True)] * 346
    expected = {number: sum(is_met(*run) for run in flags) for number, is_met in CONDITIONS.items()}
    assert {number: recorded(number)["n"] for number in CONDITIONS} == expected
    # Each rule gives another number, so none of them can pass for another.
    assert len({counts[number] for number in ("2900", "2901", "2902", "2903", "2904", "2905", "2907")}) == 7
    states = [run for run in world.ledger if run.queue == name]
    words = {Status.QUEUED, Status.EXECUTING, Status.COMPLETED}
    assert here("2913")["n"] == sum(run.status in words for run in states) > 0
    assert here("2914")["n"] == recorded("2914")["n"] == 0 < sum(run.status in words for run in states)
    row = here("2915")
    assert row == {"n": counts["2905"], "a": counts["2900"], "m": counts["2907"], "boc": counts["2903"]}
    row = recorded("2915")
    assert row == {"n": expected["2905"], "a": expected["2900"], "m": expected["2907"], "boc": expected["2903"]}


@pytest.mark.parametrize(
    ("condition", "meant"),
    [
        ("{a} AND ({b} OR ({c} AND {a}))", "{a} AND {b} AND {c}"),
        ("NOT ({a} AND ({b} OR {c}))", "NOT ({a} AND {b} AND {c})"),
        ("{a} AND NOT NOT ({b} OR {c})", "{a} AND or({b}, {c})"),
        ("or({a} AND ({b} OR {c}), {b})", "or({a} AND {b} AND {c}, {b})"),
        ("OR({a} AND {b}, {a} AND {c}, {b} AND {c})", "or({a} AND {b}, or({a} AND {c}, {b} AND {c}))"),
        ("CASE WHEN {a} AND ({b} OR {c}) THEN 1 ELSE 0 END = 1", "{a} AND {b} AND {c}"),
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


@pytest.mark.parametrize("condition", ["or(is_test = 0)", "or()", "is_test = 0 or", "OR = 1"])
def test_or_without_two_operands_is_refused(queries: Queries, condition: str) -> None:
    with pytest.raises(QueryRefused):
        rows_of(queries, f"SELECT run_id FROM runs WHERE {condition}")


def test_fourth_query_of_a_project_is_refused(world: World) -> None:
    """Each of two environments runs some of them."""
    gate = QueryGate()

    async def ask(many: list[Queries]) -> list[Any]:
        asked = [each.answer("SELECT count() AS n FROM runs") for each in many]
        return await asyncio.gather(*asked, return_exceptions=True)

    with closing(Queries(world, gate=gate)) as one, closing(Queries(world, gate=gate)) as other:
        answers = asyncio.run(ask([one, one, other, other]))
        refused = [answer for answer in answers if isinstance(answer, QueryRefused)]
        assert [(each.status, str(each)[:41]) for each in refused] == [
            (429, "You've exceeded your query concurrency of")
        ]
        assert not isinstance(asyncio.run(ask([other]))[0], QueryRefused)


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
