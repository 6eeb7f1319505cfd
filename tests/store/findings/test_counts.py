"""What findings are judged on: the counts of the store's runs, due times, and kept facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import at, patch_of
from tests.support.sure import sure
from tui.domain.facts import FactRead, FactSource, FactUnread, Queue, QueuesRead, Schedule, ScheduleRunsRead
from tui.domain.run import RunId, TaskId
from tui.domain.text import Raw
from tui.domain.update import HistoryRead, RunPatch, RunsRead, WindowRead
from tui.store.findings.bounds import last_due, next_due, spans_of
from tui.store.findings.counts import (
    HOUR_MINUTES,
    KEPT_MINUTES,
    MAX_COUNT,
    OwnCounts,
    minute_of,
    packed,
    said_since,
    time_of,
    unpacked,
)
from tui.store.store import Store

NOW = at(90 * 60)

words = st.sampled_from(["QUEUED", "DELAYED", "EXECUTING", "COMPLETED", "FAILED", "CANCELED", "EXPIRED", "CRASHED"])


@st.composite
def patches(draw: st.DrawFn) -> RunPatch:
    created = draw(st.integers(0, 89 * 60))
    word, waited = draw(words), draw(st.integers(0, 60))
    state: dict[str, Any] = {}
    if word not in {"QUEUED", "DELAYED", "EXPIRED"}:
        state["started_at"] = at(created + waited)
    if word not in {"QUEUED", "DELAYED", "EXECUTING"}:
        state["finished_at"] = at(created + waited + draw(st.integers(0, 600)))
    return patch_of(
        f"run_{draw(st.integers(0, 9))}",
        word,
        created=created,
        updated=draw(st.integers(0, 3)),
        task=draw(st.sampled_from(["charge", "mail"])),
        state=state,
    )


def picture(own: OwnCounts, now: datetime) -> dict[str, Any]:
    """Return everything that the counts tell."""
    minutes = range(minute_of(now) - KEPT_MINUTES, minute_of(now) + 20)
    ends = {(minute, task): unpacked(ends) for minute in minutes for task, ends in own.ends(minute).items()}
    totals = [
        (each.triggered, each.started, each.done, each.failed, each.ended, each.unstarted)
        for each in map(own.total, minutes)
    ]
    tasks = {
        task: (list(each.queued), each.executing, list(each.failures), each.p95, dict(each.versions))
        for task, each in own.tasks.items()
    }
    since_s = int(now.timestamp())
    within = [own.ended_within(since_s - second, since_s - second) for second in range(120)]
    return {
        "ends": ends,
        "totals": totals,
        "within": within,
        "recent": {task for task in own.tasks if own.has_recent(task)},
        "tasks": tasks,
        "last": [run.id for run in own.last_ended(5)],
    }


@given(st.lists(patches(), max_size=12), st.lists(st.integers(0, 12), max_size=3), st.integers(0, 200))
def test_counts_depend_on_the_runs_alone(batches: list[RunPatch], looks: list[int], minutes: int) -> None:
    store = Store(max_runs=6)
    own, now = OwnCounts(store), NOW
    for number, patch in enumerate(batches):
        own.on_changes(store.apply(RunsRead((patch,))))
        if number in looks:
            own.settle(now)
    own.settle(now)
    later = now + timedelta(minutes=minutes)
    own.settle(later)
    fresh = OwnCounts(store)
    fresh.settle(later)
    assert picture(own, later) == picture(fresh, later)


def test_cells_and_durations_leave_with_their_time() -> None:
    store = Store()
    times = {"started_at": at(60), "finished_at": at(75)}
    changes = store.apply(RunsRead((patch_of("run_a", "COMPLETED", created=0, state=times),)))
    own = OwnCounts(store)
    own.on_changes(changes)
    own.settle(at(120))
    minute = minute_of(at(75))
    assert {task: unpacked(ends) for task, ends in own.ends(minute).items()} == {TaskId("sync"): (1, 0, 1)}
    p95 = sure(own.tasks[TaskId("sync")].p95)
    assert abs(p95.total_seconds() / 15 - 1) < 0.02
    own.settle(at(75 + 61 * HOUR_MINUTES))
    assert own.tasks[TaskId("sync")].p95 is None
    assert own.total(minute_of(at(75))).ended == 1
    own.settle(at(120 + 60 * KEPT_MINUTES))
    assert not own.tasks
    assert own.total(minute_of(at(75))).ended == 0


def test_counts_are_complete_from_where_the_list_was_read() -> None:
    store = Store(max_runs=2)
    own = OwnCounts(store)
    assert own.counted_since is None
    own.on_changes(store.apply(HistoryRead(at(30), 1, is_complete=False)))
    own.settle(NOW)
    assert own.counted_since == said_since(own) == at(30)
    store.apply(HistoryRead(at(-(10**6)), 1, is_complete=True))
    assert own.counted_since == time_of(minute_of(NOW) - KEPT_MINUTES)
    said = sure(said_since(own))
    assert said.minute == 0
    assert timedelta(0) <= said - time_of(own.first_minute) < timedelta(hours=1)
    times = {"finished_at": at(100)}
    for number in range(4):
        store.apply(RunsRead((patch_of(f"run_{number}", "COMPLETED", created=number, state=times),)))
    assert own.counted_since == at(2)


def test_counts_of_a_filtered_list_are_not_complete() -> None:
    store = Store()
    own, hour = OwnCounts(store), timedelta(hours=1)
    store.apply(HistoryRead(at(0), 1, is_complete=True))
    own.settle(at(600))
    store.apply(WindowRead(at(700), hour, is_filtered=True))
    store.apply(HistoryRead(at(60), 1, is_complete=True))
    own.settle(at(900))
    assert own.counted_since is None
    assert own.listed_since == at(60)
    before = {each for span in own.counted_minutes() for each in span}
    assert before == {minute_of(at(60 * minute)) for minute in range(10)}, "what was counted before is not lost"
    # Whatever the lists without filters have not said yet is not true by itself.
    store.apply(WindowRead(at(1_000), hour))
    assert own.counted_since == own.listed_since == at(900)
    store.apply(HistoryRead(at(840), 1, is_complete=False))
    own.settle(at(1_010))
    assert own.counted_since == at(840)
    assert not any(minute_of(at(660)) in span for span in own.counted_minutes())
    store.apply(HistoryRead(at(30), 1, is_complete=True))
    own.settle(at(1_020))
    assert [(span.start, span.stop > 10**8) for span in own.counted_minutes()] == [(minute_of(at(0)), True)]


def test_a_retry_and_a_delay_do_not_wait() -> None:
    store = Store()
    delayed = patch_of("run_delayed", "DELAYED", created=0)
    retry = patch_of("run_retry", "QUEUED", created=0, attempt_count=1)
    due = patch_of("run_due", "QUEUED", created=0, state={"delayed_until": at(50)})
    store.apply(RunsRead((delayed, retry, due, patch_of("run_new", "QUEUED", created=70))))
    own = OwnCounts(store)
    own.settle(at(100))
    queued = own.tasks[TaskId("sync")].queued
    assert list(queued) == [(at(50).timestamp(), RunId("run_due")), (at(70).timestamp(), RunId("run_new"))]


def test_counts_of_a_bad_server_stay_apart() -> None:
    assert unpacked(packed(10**30, 3, -5) + packed(1, 4, 7)).failed == 7
    assert unpacked(packed(1, -(10**30), 4) + packed(1, 4, 7)) == (2, 4, 8 + MAX_COUNT)


def schedule(cron: str, zone: str = "UTC") -> Schedule:
    return Schedule("sched_1", TaskId("report"), Raw(cron), Raw(zone), True)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_due_times_are_in_the_zone_of_the_schedule() -> None:
    berlin = schedule("0 3 * * *", "Europe/Berlin")
    # Winter, then summer: the night in which 2:00 does not exist, and the one in which it exists twice.
    assert next_due(berlin, utc("2026-11-26 02:22")) == utc("2026-11-27 02:00")
    assert last_due(berlin, utc("2026-07-01 02:22")) == utc("2026-07-01 01:00")
    missing_hour = schedule("30 2 * * *", "Europe/Berlin")
    assert next_due(missing_hour, utc("2026-03-29 00:00")) == utc("2026-03-29 01:00")
    twice = schedule("30 2 * * *", "Europe/Berlin")
    assert next_due(twice, utc("2026-10-25 00:00")) == utc("2026-10-25 00:30")
    assert next_due(twice, utc("2026-10-25 00:30")) == utc("2026-10-26 01:30")


@pytest.mark.parametrize(
    ("cron", "zone"),
    [("nonsense", "UTC"), ("0 0 31 2 *", "UTC"), ("* * * * *", "../etc"), ("* * * * *", "Mars/X"), ("", ""),
     ("* * * * *", "a" + "/a" * 499)],
)  # fmt: skip
def test_an_unreadable_schedule_has_no_due_times(cron: str, zone: str) -> None:
    assert next_due(schedule(cron, zone), utc("2026-11-26 14:00")) is None
    assert last_due(schedule(cron, zone), utc("2026-11-26 14:00")) is None


@given(
    st.sampled_from(["*/7 * * * *", "0 * * * *", "15 2 * * 1", "0 0 1 * *", "30 */5 * * *"]),
    st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]),
    st.integers(0, 10**7),
)
def test_no_due_time_is_between_last_and_next(cron: str, zone: str, seconds: int) -> None:
    each, now = schedule(cron, zone), utc("2026-01-01 00:00") + timedelta(seconds=seconds)
    last, following = last_due(each, now), next_due(each, now)
    assert last is not None
    assert following is not None
    assert last <= now < following
    for moment in (last, following - timedelta(microseconds=1)):
        spans_of(cron, zone).clear()
        assert (last_due(each, moment), next_due(each, moment)) == (last, following)


AT = datetime(2026, 11, 26, 14, 30, tzinfo=UTC)
LATER = AT + timedelta(seconds=20)
QUEUES = QueuesRead(AT, (Queue("task/charge", Raw("charge"), True, 1, 2, 3),))
UNREAD = FactUnread(AT, FactSource.QUEUES, Raw("the server does not answer"), is_refused=False)
RUNS = ScheduleRunsRead(AT, "sched_1", AT)


def test_pause_has_a_time_only_if_the_program_saw_it_begin() -> None:
    """No answer of the server has the time of a pause."""

    def read(at_s: float, *, is_paused: bool) -> QueuesRead:
        (queue,) = QUEUES.queues
        return replace(QUEUES, at=AT + timedelta(seconds=at_s), queues=(replace(queue, is_paused=is_paused),))

    def since(*reads: tuple[float, bool]) -> list[float]:
        store = Store()
        for at_s, is_paused in reads:
            store.apply(read(at_s, is_paused=is_paused))
        assert store.wall_facts is not None
        return [(at - AT).total_seconds() for at in store.wall_facts.paused_since.values()]

    assert since((0, True), (20, True)) == []
    assert since((0, False), (20, True), (40, True), (60, True)) == [20]
    assert since((0, False), (3600, True)) == [], "nobody looked for an hour"
    assert since((0, False), (20, True), (40, False)) == []
    assert since((0, False), (20, True), (40, False), (60, True)) == [60]


@pytest.mark.parametrize("fact", [QUEUES, UNREAD, RUNS])
def test_facts_go_on_after_the_servers_clock_was_set_back(fact: FactRead) -> None:
    store = Store()
    store.apply(replace(fact, at=LATER))
    assert store.apply(replace(fact, at=AT)).is_empty, "it came late"
    last = store.wall_facts
    store.apply(replace(fact, at=AT - timedelta(minutes=10)))
    assert store.wall_facts != last
