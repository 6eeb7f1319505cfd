"""Tests of the week of runs that a long history includes."""

from collections import Counter
from contextlib import closing

import pytest

from tests.support.emulator.queries import rows_of
from tui.emulator.demo_tasks import COMPANY
from tui.emulator.demo_tasks.history import MIN_HISTORY_WITH_WEEK as MIN_HISTORY
from tui.emulator.demo_tasks.history import week_of
from tui.emulator.query.database import Queries, trql_time
from tui.emulator.world import World

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
HISTORY = 2_000
START_MS = 1_795_528_000_000 // HOUR_MS * HOUR_MS
BUSY = ("process-payment", "crm-sync", "heartbeat", "send-email", "extract-thumbnail")


@pytest.mark.parametrize("minute", [0, 5, 40, 52, 59])
def test_busy_tasks_have_a_normal_in_the_hours_around_a_start(minute: int) -> None:
    start_ms = START_MS + minute * 60_000
    runs = week_of(COMPANY.tasks, 0, start_ms, HISTORY)
    in_hour = Counter((old.new.task_id, (start_ms - old.age_ms) // HOUR_MS % 24) for old in runs)
    soon = (start_ms + 600_000) // HOUR_MS % 24
    assert all(in_hour[task, soon] >= 20 for task in BUSY)
    assert {old.age_ms // DAY_MS for old in runs} <= set(range(8))
    assert all(old.age_ms > 22 * HOUR_MS for old in runs)
    assert len(runs) < HISTORY * 0.3
    assert runs == week_of(COMPANY.tasks, 0, start_ms, HISTORY)
    assert week_of(COMPANY.tasks, 0, start_ms, MIN_HISTORY - 1) == []


def test_week_is_a_part_of_the_history_and_gives_normals() -> None:
    start_ms = START_MS + 20 * 60_000
    old_runs = week_of(COMPANY.tasks, 0, start_ms, HISTORY)
    world = World(COMPANY, start_ms=start_ms, rate_per_s=2, history=HISTORY, old_runs=old_runs)
    assert sum(run.status.is_final for run in world.ledger) == HISTORY
    # Most of the history is still the last twelve hours.
    assert sum(run.created_ms > start_ms - DAY_MS / 2 for run in world.ledger) > HISTORY / 2
    with closing(Queries(world)) as queries:
        rows = rows_of(
            queries,
            "SELECT task_identifier AS task, count() AS n, quantile(0.95)(execution_duration) AS p95 FROM runs WHERE"
            f" triggered_at < '{trql_time(START_MS)}' AND toHour(triggered_at) = {START_MS // HOUR_MS % 24}"
            " AND is_finished = 1 GROUP BY task",
        )
    found = {row["task"]: row for row in rows}
    assert all(found[task]["n"] >= 20 and found[task]["p95"] > 0 for task in BUSY)
    # The old runs deploy one version a day, not one each.
    deployed = [each.version for each in world.lifecycle.deployments.newest_first()]
    assert len(deployed) == len(set(deployed))
