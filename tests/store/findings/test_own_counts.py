"""The own counts are a function of the store's runs, however these arrived."""

import gc
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import at, patch_of
from tui.domain.run import RunId, TaskId
from tui.domain.update import HistoryRead, RunPatch, RunsRead, WindowRead
from tui.store.findings.counts import (
    CONFIRMING_MINUTES,
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
        task: (
            list(each.queued),
            each.executing,
            list(each.failures),
            each.p95,
            dict(each.versions),
        )
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
    p95 = own.tasks[TaskId("sync")].p95
    assert p95 is not None
    assert abs(p95.total_seconds() / 15 - 1) < 0.02
    own.settle(at(75 + 61 * HOUR_MINUTES))
    assert own.tasks[TaskId("sync")].p95 is None
    assert own.total(minute_of(at(75))).ended == 1
    own.settle(at(120 + 60 * KEPT_MINUTES))
    assert not own.tasks
    assert own.total(minute_of(at(75))).ended == 0


def test_confirmed_runs_are_soon_kept_only_once() -> None:
    store = Store()
    own = OwnCounts(store)
    patch = patch_of("run_a", "COMPLETED", created=0, state={"finished_at": at(60)})
    own.on_changes(store.apply(RunsRead((patch,))))
    own.settle(at(90))
    assert not store.apply(RunsRead((replace(patch, read_at=at(200)),))).changed
    [counted] = own.last_ended(1)
    assert counted is not store.get(RunId("run_a"))
    own.settle(at(60 * (CONFIRMING_MINUTES + 2)))
    [counted] = own.last_ended(1)
    assert counted is store.get(RunId("run_a"))


def test_counts_are_complete_from_where_the_list_was_read() -> None:
    store = Store(max_runs=2)
    own = OwnCounts(store)
    assert own.counted_since is None
    own.on_changes(store.apply(HistoryRead(at(30), 1, is_complete=False)))
    own.settle(NOW)
    assert own.counted_since == said_since(own) == at(30)
    store.apply(HistoryRead(at(-(10**6)), 1, is_complete=True))
    assert own.counted_since == time_of(minute_of(NOW) - KEPT_MINUTES)
    said = said_since(own)
    assert said is not None
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
    store.apply(
        RunsRead(
            (
                patch_of("run_delayed", "DELAYED", created=0),
                patch_of("run_retry", "QUEUED", created=0, attempt_count=1),
                patch_of("run_due", "QUEUED", created=0, state={"delayed_until": at(50)}),
                patch_of("run_new", "QUEUED", created=70),
            )
        )
    )
    own = OwnCounts(store)
    own.settle(at(100))
    queued = own.tasks[TaskId("sync")].queued
    assert list(queued) == [(at(50).timestamp(), RunId("run_due")), (at(70).timestamp(), RunId("run_new"))]


def test_ends_of_all_minutes_are_not_visited_by_the_collector() -> None:
    store = Store()
    runs = (
        patch_of(f"run_{number}", "COMPLETED", created=number, state={"finished_at": at(number)}) for number in (0, 90)
    )
    own = OwnCounts(store)
    own.on_changes(store.apply(RunsRead(tuple(runs))))
    own.settle(at(200))
    for minute in map(minute_of, (at(0), at(90))):
        ends = own.ends(minute)
        assert len(ends) == 1
        assert not any(map(gc.is_tracked, (ends, *ends.values())))


def test_counts_of_a_bad_server_stay_apart() -> None:
    assert unpacked(packed(10**30, 3, -5) + packed(1, 4, 7)).failed == 7
    assert unpacked(packed(1, -(10**30), 4) + packed(1, 4, 7)) == (2, 4, 8 + MAX_COUNT)
