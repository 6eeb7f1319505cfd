"""Minutes of tasks and the last hour of a queue: what is asked, added up and kept."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fleet import at
from tests.support.sure import sure
from tui.api import queries
from tui.api.errors import ServerFault
from tui.api.queries import MAX_ROWS, QueueSpeeds, QueueStayMinutes, TaskMinutes
from tui.domain.facts import QUEUES_PER_PAGE, Queue, QueueHour, QueuesRead, WallFacts
from tui.domain.run import Json
from tui.domain.text import Raw
from tui.sync import facts
from tui.sync.fact_readers import MinuteReader, Rows, read_minutes
from tui.sync.facts import state_in


def test_minutes_are_read_after_the_servers_clock_was_set_back() -> None:
    since: list[datetime] = []

    async def query(query: TaskMinutes) -> Rows:
        since.append(query.since)
        return []

    reader = MinuteReader()
    for second in (9000, 8400):
        asyncio.run(reader.read(query, at(second)))
    assert since == [at(9000 - 3600), at(8400 - 3600)]


@pytest.mark.parametrize("of_others", [{}, {"done": None, "failed": "x", "unstarted": -1, "p95_ms": []}])
def test_minute_needs_the_columns_of_its_part_alone(of_others: dict[str, Any]) -> None:
    query = TaskMinutes(at(0), None, queries.MINUTE)
    row = {"part": "started", "task_identifier": "send", "cell": "2026-11-24 12:00:00", "n": 3} | of_others
    ((minute,), speeds) = read_minutes(query.read([row]))
    assert (minute.started, minute.done, speeds) == (3, 0, ())
    with pytest.raises(ServerFault):
        query.read([row | {"part": "ended"}])


AT = datetime(2026, 11, 26, 14, 32, 40, tzinfo=UTC)
MINUTES = st.none() | st.integers(-90, 0)


def stamp(minute: int | None) -> str | None:
    """Return the beginning of a minute as TRQL writes it, counted from the last one."""
    return None if minute is None else f"{AT + timedelta(minutes=minute):%Y-%m-%d %H:%M}:00"


def hour_of(
    at: datetime, times: list[dict[str, Json]], speeds: list[dict[str, Json]], running: int | None
) -> QueueHour:
    return facts.hour_of(at, QueueStayMinutes("q").read(times), QueueSpeeds("q").read(speeds), running)


def queue_row(queued: int | None, started: int | None, ended: int | None, n: Json = 1, **more: Json) -> dict[str, Json]:
    times = {"queued_min": stamp(queued), "started_min": stamp(started), "ended_min": stamp(ended)}
    return {**times, "n": n, "failed": 0, "task": "send-email", **more}


def test_levels_are_those_at_the_end_of_each_minute() -> None:
    rows = [
        queue_row(-2, -1, 0),
        queue_row(-2, -2, -2),
        queue_row(0, None, None, 7),
        queue_row(-90, -70, None),
        queue_row(-1, None, -1),
    ]
    hour = hour_of(
        AT,
        rows,
        [
            {"minute": stamp(-1), "task": "send-email", "p95_ms": 91_000.0},
            {"minute": stamp(0), "task": "send-campaign", "p95_ms": 9e9},
        ],
        1,
    )
    assert hour.queued[-3:] == (1, 0, 7)
    assert hour.running[-3:] == (1, 2, 1)
    assert (hour.queued[0], hour.running[0]) == (0, 1)
    assert hour.p95[-2:] == (timedelta(seconds=91), None)
    assert (len(hour.queued), len(hour.running), len(hour.p95)) == (60, 60, 60)


def test_running_is_unknown_where_the_list_counts_otherwise() -> None:
    rows = [queue_row(-30, -29, None, 20)]
    for listed, is_known in ((20, True), (19, True), (12, False), (None, False)):
        assert bool(hour_of(AT, rows, [], listed).running) is is_known


def test_rare_tasks_and_unreadable_rows_are_left_out() -> None:
    rows: list[dict[str, Json]] = [
        queue_row(-3, -3, -3, 99, failed=4),
        queue_row(-3, -3, -3, 1, task="rare"),
        queue_row(None, None, None),
        queue_row(-3, None, None, "x"),
        {"n": True},
    ]
    hour = hour_of(AT, rows, [{"minute": None, "p95_ms": "x"}], 0)
    assert (hour.tasks, hour.failed, hour.is_cut) == (("send-email",), 4, False)
    assert hour_of(AT, [queue_row(-3, -3, -3)] * MAX_ROWS, [], 0).is_cut


@given(st.lists(st.tuples(MINUTES, MINUTES, MINUTES, st.integers(1, 5)), max_size=20))
def test_last_level_counts_the_runs_that_wait(times: list[tuple[int | None, int | None, int | None, int]]) -> None:
    ordered = [
        (queued, started, ended, n)
        for queued, started, ended, n in times
        if queued is not None and queued <= (started if started is not None else 0) and (started or -90) <= (ended or 0)
    ]
    hour = hour_of(AT, [queue_row(*each) for each in ordered], [], None)
    assert hour.queued[-1] == sum(n for _, started, ended, n in ordered if started is None and ended is None)
    assert min(hour.queued) >= 0


def test_queue_of_old_or_partial_facts_is_read_again() -> None:
    queues = tuple(Queue(f"queue_{n}", Raw(f"q{n}"), False, 1, 0, 4) for n in range(QUEUES_PER_PAGE + 1))
    young, old = AT + timedelta(seconds=10), AT + timedelta(seconds=20)
    one = WallFacts(queues=QueuesRead(AT, queues[:2]))
    found = sure(state_in(one, "q1", young))
    assert found.queue == queues[1]
    assert state_in(one, "q1", old) is state_in(one, "q2", young) is None
    # Of several pages only one is from `at`.
    assert state_in(WallFacts(queues=QueuesRead(AT, queues)), "q1", young) is None
    assert state_in(WallFacts(queues=QueuesRead(AT, queues[:2], is_cut=True)), "q1", young) is None
