"""The board merges the server's minutes with the own counts, and shows what is not known as not known."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.domain.patches import at, patch_of
from tui.domain.facts import (
    Deployment,
    DeploymentsRead,
    FactSource,
    FactUnread,
    MinutesRead,
    NormalsRead,
    Queue,
    QueuesRead,
    QueueWait,
    Schedule,
    SchedulesRead,
    TaskMinute,
    TaskNormal,
    TaskSpeed,
    TokensRead,
    WaitsRead,
    WaitToken,
    WallFacts,
)
from tui.domain.finding import (
    Finding,
    FindingSubject,
    FindingWord,
    QueueWaits,
    ScheduleMissed,
    SubjectKind,
    TaskFails,
    Verdict,
)
from tui.domain.run import Fixed, TaskId
from tui.domain.text import Raw
from tui.domain.update import HistoryRead, RunsRead, WindowRead
from tui.store.findings.board import Board, BoardSpan, QueueHealth, TaskHealth, make_board
from tui.store.findings.counts import OwnCounts
from tui.store.store import Store, interval_of

MINUTE = timedelta(minutes=1)
NOW = at(600)
SPAN = BoardSpan(MINUTE, 5, NOW)
"""Minutes 6 to 10 of the test's clock; the last one has just begun."""
CHARGE, MAIL = TaskId("charge"), TaskId("mail")


def store_of(*patches: Any, reached: float = 0) -> Store:
    store = Store()
    store.apply(RunsRead(tuple(patches)))
    store.apply(HistoryRead(at(reached), 10, is_complete=True))
    store.apply(WindowRead(NOW, timedelta(hours=1), is_live_complete=True))
    return store


def ended(name: str, created: float, started: float, finished: float, word: str = "COMPLETED") -> Any:
    times = {"started_at": at(started), "finished_at": at(finished)}
    return patch_of(name, word, created=created, updated=finished, read=600, task="charge", state=times)


def board(
    store: Store, facts: WallFacts, verdict: Verdict | None = None, now: datetime = NOW, span: Any = SPAN
) -> Board:
    own = OwnCounts(store)
    own.settle(now)
    return make_board(facts, own, verdict, store.status_counts(now), span, now)


def test_own_counts_fill_all_cells_without_the_server() -> None:
    store = store_of(
        ended("run_a", 370, 375, 380),
        ended("run_b", 430, 490, 550, "FAILED"),
        patch_of("run_c", "EXECUTING", created=480, updated=545, task="charge", state={"started_at": at(545)}),
        patch_of("run_d", "QUEUED", created=541, updated=541, task="mail"),
    )
    shown = board(store, WallFacts())
    assert list(shown.lines.done.cells) == [1, 0, 0, 0, 0]
    assert list(shown.lines.failed.cells) == [0, 0, 0, 1, 0]
    assert list(shown.lines.queued.cells) == [0, 1, 1, 1, 1]
    assert list(shown.lines.running.cells) == [0, 0, 1, 1, 1]
    assert (shown.lines.failed.in_span, shown.lines.done.now, shown.lines.failed.now) == (1, 0, 1)
    assert shown.lines.done.normal is None
    assert [row.task for row in shown.tasks] == [CHARGE, MAIL]
    assert list(shown.tasks[0].failed) == [0, 0, 0, 1, 0]
    # The hour began before the list was read to its end.
    assert shown.tasks[0].runs_per_hour is None
    assert (shown.tasks[0].running, shown.tasks[1].queued, shown.tasks[1].oldest) == (1, 1, timedelta(seconds=59))


def test_task_has_the_oldest_wait_of_its_runs_in_any_queue() -> None:
    """The server's waits are those of queues: of a queue with another name, they do not say which task waits."""
    mail = patch_of("run_a", "QUEUED", created=541, updated=541, task="mail")
    for queue, waited_s in (("email", 59), ("task/mail", 70)):
        waits = WaitsRead(NOW, (QueueWait(queue, 1, at(530)),))
        (row,) = board(store_of(mail), WallFacts(waits=waits)).tasks
        assert (row.queued, row.oldest) == (1, timedelta(seconds=waited_s))


@pytest.mark.parametrize("reached", [-9000, 0])
def test_tasks_are_sorted_by_failed_then_by_queued(reached: float) -> None:
    """An hour that the own counts have in part sorts the same, and no task is healthy by what is not known."""
    ends = {"a": (0, 1), "b": (3, 3), "c": (9, 0), "d": (2, 0)}
    finished = [
        replace(ended(f"run_{task}{word}{number}", 430, 490, 550, word), fixed=Fixed(task=TaskId(task)))
        for task, counts in ends.items()
        for word, count in zip(("COMPLETED", "FAILED"), counts, strict=True)
        for number in range(count)
    ]
    queued = [patch_of(f"run_q{number}", "QUEUED", created=541, task="d") for number in range(2)]
    shown = board(store_of(*finished, *queued, reached=reached), WallFacts()).tasks
    assert [row.task for row in shown] == ["b", "a", "d", "c"]
    is_healthy = False if reached < 0 else None
    assert [row.has_failures for row in shown] == [True, True, is_healthy, is_healthy]


def test_rates_are_those_of_the_last_60_seconds() -> None:
    ends = (535, 539, 541, 555, 575, 590)
    store = store_of(*(ended(f"run_{end}", 500, 501, end, "FAILED" if end > 550 else "COMPLETED") for end in ends))
    lines = board(store, WallFacts(), now=at(595)).lines
    assert (lines.done.now, lines.failed.now) == (2, 3)
    lines = board(store, WallFacts(), now=at(602)).lines
    assert (lines.done.now, lines.failed.now) == (0, 3), "a minute that has just begun does not forget the last one"
    lines = board(store_of(*(), reached=590), WallFacts(), now=at(602)).lines
    assert lines.failed.now is None, "nothing is known of the last 60 s"
    lines = board(store, WallFacts(), Verdict(at(602), heard_at=at(540)), now=at(602)).lines
    assert lines.failed.now is None, "silent for a minute"


def test_rates_of_filtered_lists_are_those_of_the_server() -> None:
    store = store_of(*(ended(f"run_{end}", 500, 501, end) for end in (545, 555)))
    store.apply(WindowRead(NOW, timedelta(hours=1), is_filtered=True))
    minutes = tuple(TaskMinute(CHARGE, at(start), 5, 5, 4, 1, 5) for start in (420, 480, 540))
    served = WallFacts(minutes=MinutesRead(at(590), at(300), MINUTE, minutes))
    shown = board(store, served)
    assert shown.is_listed
    assert (shown.lines.done.now, shown.lines.failed.now) == (4, 1), "the last minute that the server has counted"
    assert list(shown.lines.done.cells)[-2:] == [2, 0], "of the listed runs"
    assert board(store, WallFacts()).lines.done.now == 2


def test_levels_stay_while_new_runs_are_not_counted_yet() -> None:
    store = store_of(patch_of("run_a", "EXECUTING", created=300, task="charge", state={"started_at": at(301)}))
    own = OwnCounts(store)
    own.settle(NOW)
    store.apply(RunsRead((patch_of("run_b", "EXECUTING", created=598, state={"started_at": at(599)}),)))
    running = make_board(WallFacts(), own, None, store.status_counts(NOW), SPAN, NOW).lines.running
    assert running.now == 2
    assert list(running.cells) == [1, 1, 1, 1, 1], "a second start would make it seem that none ran before"
    assert running.in_span == 2, "the most of the hour is not less than there are now"


def test_cells_before_the_own_counts_are_not_known() -> None:
    shown = board(store_of(ended("run_b", 430, 490, 550), reached=430), WallFacts())
    assert list(shown.lines.done.cells) == [None, None, 0, 1, 0]
    assert list(shown.lines.running.cells) == [None, None, 1, 0, 0]
    assert shown.lines.done.in_span is None
    nothing = board(Store(), WallFacts())
    assert set(nothing.lines.done.cells) == set(nothing.lines.queued.cells) == {None}
    assert [*nothing.queues, *nothing.due, *nothing.waiting] == []


def test_the_server_tells_minutes_that_were_over() -> None:
    minutes = tuple(TaskMinute(CHARGE, at(start), 5, 5, 4, 1, 5) for start in range(0, 600, 60))
    read = MinutesRead(at(550), at(0), MINUTE, minutes, (TaskSpeed(CHARGE, timedelta(seconds=9), 50),))
    facts = WallFacts(minutes=read)
    store = store_of(ended("run_b", 530, 531, 550), reached=500)
    # Minute 8 was over 10 s before the answer. Minute 9 is counted by the store, which has it from its begin.
    assert list(board(store, facts).lines.done.cells) == [4, 4, 4, 1, 0]
    later = store_of(ended("run_b", 530, 531, 550), reached=545)
    assert list(board(later, facts).lines.done.cells) == [4, 4, 4, None, 0]
    cut = WallFacts(minutes=MinutesRead(at(550), at(0), MINUTE, minutes, (), is_cut=True))
    assert list(board(store, cut).lines.done.cells) == [None, None, None, 1, 0]
    assert board(store, facts).tasks[0].p95 == timedelta(seconds=9)
    # A longer cell of the board holds several minutes of the server.
    wide = board(store, facts, span=BoardSpan(5 * MINUTE, 2, at(599)), now=at(599))
    assert list(wide.lines.done.cells) == [20, 17]


def test_a_stale_board_knows_nothing_of_the_silent_minutes() -> None:
    store = store_of(patch_of("run_d", "QUEUED", created=300, task="mail"))
    shown = board(store, WallFacts(), Verdict(NOW, heard_at=at(500)))
    assert list(shown.lines.queued.cells) == [1, 1, None, None, None]
    assert list(shown.lines.done.cells) == [0, 0, None, None, None]


def test_rows_are_worst_first() -> None:
    facts = WallFacts(
        queues=QueuesRead(
            NOW,
            (
                Queue("q1", Raw("busy"), False, 9, 0, 10),
                Queue("q2", Raw("paused"), True, 5, 3, 5, is_paused=True),
                Queue("q3", Raw("mail"), True, 20, 301, 20),
                Queue("q4", Raw("late"), True, 1, 2, 5),
                Queue("q5", Raw("full"), True, 1, 0, 1),
                Queue("q6", Raw("any"), True, 1, 0),
            ),
        ),
        waits=WaitsRead(
            NOW,
            (QueueWait("task/mail", 301, at(0), started_per_min=14.0), QueueWait("task/late", 2, at(530))),
        ),
        normals=NormalsRead(NOW, at(0), (TaskNormal(MAIL, 840, 70, timedelta(seconds=1), 7),), 104_310, 171),
        deployments=DeploymentsRead(NOW, (Deployment(Raw("2"), at(400)), Deployment(Raw("1"), at(-9000)))),
        tokens=TokensRead(NOW, (WaitToken("w2", at(20)), WaitToken("w1", at(10), (Raw("legal"),)))),
        schedules=SchedulesRead(
            NOW,
            (
                Schedule("s1", TaskId("hourly"), Raw("0 * * * *"), Raw("UTC"), True),
                Schedule("s2", TaskId("daily"), Raw("0 0 * * *"), Raw("UTC"), True, at(5000)),
                Schedule("s3", TaskId("off"), Raw("0 0 * * *"), Raw("UTC"), False, at(5000)),
            ),
        ),
        unread={FactSource.ERRORS: FactUnread(NOW, FactSource.ERRORS, Raw("403"), is_refused=True)},
    )
    slow = Finding(
        FindingWord.SLOW,
        FindingSubject(SubjectKind.QUEUE, "task/mail", Raw("mail")),
        at(500),
        QueueWaits(301, at(0), 20, 20, is_at_limit=True),
        "",
        task=MAIL,
    )
    fails = Finding(
        FindingWord.FAILING,
        FindingSubject(SubjectKind.TASK, "charge", Raw("charge")),
        at(540),
        TaskFails(3, 3),
        "",
        task=CHARGE,
    )
    missed = Finding(
        FindingWord.MISSING,
        FindingSubject(SubjectKind.SCHEDULE, "s1", Raw("hourly")),
        at(0),
        ScheduleMissed(at(0)),
        "",
        task=TaskId("hourly"),
    )
    shown = board(store_of(), facts, Verdict(NOW, (fails, slow, missed), NOW, is_known=True))
    assert [(row.name, row.health) for row in shown.queues] == [
        ("mail", QueueHealth.AT_LIMIT),
        ("paused", QueueHealth.PAUSED),
        ("late", QueueHealth.LATE),
        ("busy", QueueHealth.BUSY),
        ("full", QueueHealth.BUSY),
        ("any", QueueHealth.FINE),
    ]
    assert shown.queues[0].since == at(500)
    assert [(row.task, row.health) for row in shown.tasks] == [
        (CHARGE, TaskHealth.FAILING),
        (MAIL, TaskHealth.AT_LIMIT),
        (TaskId("hourly"), TaskHealth.MISSING),
        (TaskId("late"), TaskHealth.LATE),
        (TaskId("paused"), TaskHealth.PAUSED),
        (TaskId("any"), TaskHealth.HEALTHY),
        (TaskId("full"), TaskHealth.HEALTHY),
    ]
    assert [(row.schedule.id, row.is_late, row.due_at) for row in shown.due] == [
        ("s1", True, at(0)),
        ("s2", False, at(5000)),
    ]
    assert [row.id for row in shown.waiting] == ["w1", "w2"]
    lines = shown.lines
    assert lines.done.normal == pytest.approx(110 / 12)
    assert lines.failed.normal == pytest.approx(10 / 12)
    assert lines.failed.last_day == 171
    assert list(lines.queued.is_abnormal) == [False, False, True, True, True]
    assert not any(lines.running.is_abnormal), "it is the queue that is slow"
    assert [each.version for each in lines.deployments] == ["2"]


def test_longest_runs_are_those_far_over_their_p95() -> None:
    times = {"started_at": at(0)}
    store = store_of(
        patch_of("run_new", "EXECUTING", created=0, task="mail", state=times),
        patch_of("run_long", "EXECUTING", created=0, task="charge", state=times),
        ended("run_a", 370, 375, 380),
    )
    facts = WallFacts(
        normals=NormalsRead(
            NOW, at(0), (TaskNormal(CHARGE, 70, 0, MINUTE, 7), TaskNormal(MAIL, 70, 0, 9 * MINUTE, 7)), 1, 1
        )
    )
    shown = board(store, facts)
    assert [(row.run.id, row.p95) for row in shown.longest] == [("run_long", MINUTE), ("run_new", 9 * MINUTE)]
    assert [(row.id, row.took(NOW)) for row in shown.just_now] == [("run_a", timedelta(seconds=5))]


def test_ages_have_the_interval_of_their_source() -> None:
    tokens = tuple(WaitToken(f"token_{number}", NOW) for number in range(250))
    facts = WallFacts(
        normals=NormalsRead(NOW, NOW, (), 10, 1, last_day_at=at(60)),
        tokens=TokensRead(NOW, tokens),
        waits=WaitsRead(NOW, ()),
    )
    assert interval_of(facts, FactSource.TOKENS) == timedelta(minutes=3), "three pages"
    assert interval_of(facts, FactSource.WAITS) == timedelta(seconds=15)
    assert interval_of(facts, FactSource.NORMALS) == timedelta(hours=1)
