"""The board, its queues and its errors: what is known, worst first, and what is not known as not known."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import at, patch_of
from tests.support.error_groups import group_of
from tui.domain.facts import (
    Deployment,
    DeploymentsRead,
    ErrorState,
    FactSource,
    FactUnread,
    MinutesRead,
    NormalsRead,
    Queue,
    QueuesRead,
    QueueWait,
    Schedule,
    SchedulesRead,
    ServerErrorGroup,
    TaskMinute,
    TaskNormal,
    TaskSpeed,
    TokensRead,
    WaitsRead,
    WaitToken,
    WallFacts,
)
from tui.domain.filters import RunFilters
from tui.domain.finding import (
    Evidence,
    Finding,
    FindingSubject,
    FindingWord,
    QueueWaits,
    RunOverdue,
    ScheduleMissed,
    SubjectKind,
    Verdict,
)
from tui.domain.run import ErrorGroupId, RunId, TaskId
from tui.domain.text import Raw
from tui.domain.update import HistoryRead, RunsRead, WindowRead
from tui.store.findings.board import (
    Board,
    BoardSpan,
    QueueHealth,
    QueueRow,
    TaskHealth,
    failing_now,
    make_board,
    queue_rows,
)
from tui.store.findings.counts import OwnCounts
from tui.store.store import Store

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


def finding(word: FindingWord, subject: FindingSubject, since: datetime) -> Finding:
    known: dict[FindingWord, Evidence] = {
        FindingWord.SLOW: QueueWaits(301, since, 20, 20, is_at_limit=True),
        FindingWord.MISSING: ScheduleMissed(since),
    }
    evidence = known.get(word, RunOverdue(since, MINUTE))
    return Finding(word, subject, since, evidence, "", task=TaskId(subject.name))


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
                Queue("q6", Raw("any"), True, 1, 0),
            ),
        ),
        waits=WaitsRead(
            NOW, (QueueWait("task/mail", 301, at(0), started_per_min=14.0), QueueWait("task/late", 2, at(530)))
        ),
        normals=NormalsRead(NOW, at(0), (TaskNormal(MAIL, 840, 70, timedelta(seconds=1), 7),), 104_310, 171),
        deployments=DeploymentsRead(NOW, (Deployment(Raw("2"), at(400)), Deployment(Raw("1"), at(-9000)))),
        tokens=TokensRead(NOW, (WaitToken("w2", at(20)), WaitToken("w1", at(10), (Raw("legal"),)))),
        schedules=SchedulesRead(
            NOW,
            (
                Schedule("s1", TaskId("hourly"), Raw("0 * * * *"), Raw("UTC"), True),
                Schedule("s2", TaskId("daily"), Raw("0 0 * * *"), Raw("UTC"), True, at(5000)),
            ),
        ),
        unread={FactSource.ERRORS: FactUnread(NOW, FactSource.ERRORS, Raw("403"), is_refused=True)},
    )
    slow = finding(FindingWord.SLOW, FindingSubject(SubjectKind.QUEUE, "task/mail", Raw("mail")), at(500))
    fails = finding(FindingWord.FAILING, FindingSubject(SubjectKind.TASK, "charge", Raw("charge")), at(540))
    missed = finding(FindingWord.MISSING, FindingSubject(SubjectKind.SCHEDULE, "s1", Raw("hourly")), at(0))
    shown = board(store_of(), facts, Verdict(NOW, (fails, slow, missed), NOW, is_known=True))
    assert [(row.name, row.health) for row in shown.queues] == [
        ("mail", QueueHealth.AT_LIMIT),
        ("paused", QueueHealth.PAUSED),
        ("late", QueueHealth.LATE),
        ("busy", QueueHealth.BUSY),
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


AFTERNOON = datetime(2026, 11, 26, 14, 32, tzinfo=UTC)
SEND_EMAIL = Queue("queue_1", Raw("send-email"), is_task=True, running=20, queued=301, limit=20)
WAIT = QueueWait("task/send-email", 301, AFTERNOON - timedelta(minutes=11), RunId("run_oldest"), 14.0, 27.0)
NUMBERS = st.none() | st.integers(0, 100)
MOMENTS = st.none() | st.integers(0, 300).map(lambda age_s: AFTERNOON - timedelta(seconds=age_s))


def facts(*queues: Queue, waits: tuple[QueueWait, ...] | None = ()) -> WallFacts:
    return WallFacts(queues=QueuesRead(AFTERNOON, queues), waits=None if waits is None else WaitsRead(AFTERNOON, waits))


def row(queue: Queue, *waits: QueueWait, verdict: Verdict | None = None) -> QueueRow:
    return queue_rows(facts(queue, waits=waits), verdict, AFTERNOON)[0]


@given(st.integers(0, 50), st.none() | st.integers(0, 50), st.integers(-300, 60), st.booleans(), st.booleans())
def test_number_of_the_list_is_a_least_one(
    listed: int, waiting: int | None, waits_s: int, is_failing: bool, is_busy: bool
) -> None:
    """The list counts no run that was handed to a worker: only the query says how many wait, and that none does."""
    wait = () if not waiting else (replace(WAIT, queued=waiting),)
    waits = None if waiting is None else WaitsRead(AFTERNOON + timedelta(seconds=waits_s), wait)
    unread = (
        {FactSource.WAITS: FactUnread(AFTERNOON, FactSource.WAITS, Raw("429"), is_refused=False)} if is_failing else {}
    )
    queue = replace(SEND_EMAIL, queued=listed, running=20 if is_busy else 3)
    made = queue_rows(WallFacts(queues=QueuesRead(AFTERNOON, (queue,)), waits=waits, unread=unread), None, AFTERNOON)[0]
    is_known = waits is not None and waits_s >= -120
    assert made.queued == (waiting if is_known else listed or None)
    assert made.are_waits_read is is_known
    assert made.is_least is (not is_known and listed > 0)
    assert made.is_reading is (not is_known and not is_failing)
    assert (made.health is QueueHealth.AT_LIMIT) is bool(made.queued and is_busy)


def test_health_is_the_worst_word_that_holds() -> None:
    young = replace(WAIT, oldest_at=AFTERNOON - timedelta(seconds=59))
    cases = [
        (SEND_EMAIL, WAIT, QueueHealth.AT_LIMIT),
        (replace(SEND_EMAIL, is_paused=True), WAIT, QueueHealth.PAUSED),
        (replace(SEND_EMAIL, limit=21), WAIT, QueueHealth.LATE),
        (replace(SEND_EMAIL, limit=None), WAIT, QueueHealth.LATE),
        (replace(SEND_EMAIL, limit=21), young, QueueHealth.BUSY),
        (replace(SEND_EMAIL, limit=40), young, QueueHealth.FINE),
        (replace(SEND_EMAIL, queued=0), replace(WAIT, queued=0), QueueHealth.BUSY),
        (replace(SEND_EMAIL, queued=0), WAIT, QueueHealth.AT_LIMIT),
        (replace(SEND_EMAIL, running=None), young, QueueHealth.FINE),
        (replace(SEND_EMAIL, limit=0, running=0), young, QueueHealth.AT_LIMIT),
    ]
    for queue, wait, health in cases:
        assert row(queue, wait).health is health, (queue, wait)


def test_stuck_run_makes_the_queue_of_its_task_stuck() -> None:
    since = AFTERNOON - timedelta(hours=12)
    stuck = finding(FindingWord.STUCK, FindingSubject(SubjectKind.RUN, "run_1", Raw("send-email")), since)
    verdict = Verdict(AFTERNOON, (stuck,), AFTERNOON, is_known=True)
    made = row(replace(SEND_EMAIL, limit=None), replace(WAIT, oldest_at=AFTERNOON), verdict=verdict)
    assert (made.health, made.since) == (QueueHealth.STUCK, since)
    assert row(replace(SEND_EMAIL, running=1), verdict=verdict).health is QueueHealth.FINE, "nothing waits"
    other = replace(SEND_EMAIL, name=Raw("other"), queued=0, running=0)
    assert row(other, verdict=verdict).health is QueueHealth.FINE


def test_waiting_queue_is_shown_before_its_page_is_read() -> None:
    other = replace(WAIT, queue="bulk")
    for is_cut, names in ((True, ["send-email", "bulk"]), (False, ["send-email"])):
        known = WallFacts(
            queues=QueuesRead(AFTERNOON, (SEND_EMAIL,), is_cut=is_cut), waits=WaitsRead(AFTERNOON, (WAIT, other))
        )
        rows = queue_rows(known, None, AFTERNOON)
        assert [each.name for each in rows] == names
        assert (rows[-1].running is None) is is_cut


@given(NUMBERS, NUMBERS, NUMBERS, MOMENTS, st.booleans())
def test_unknown_number_makes_no_queue_unhealthy(
    running: int | None, queued: int | None, limit: int | None, oldest_at: datetime | None, is_paused: bool
) -> None:
    queue = replace(SEND_EMAIL, running=running, queued=queued, limit=limit, is_paused=is_paused)
    made = row(queue, replace(WAIT, queued=queued or 0, oldest_at=oldest_at))
    if limit is None or running is None:
        assert made.health not in {QueueHealth.AT_LIMIT, QueueHealth.BUSY}
    if oldest_at is None:
        assert made.health is not QueueHealth.LATE
    assert (made.health is QueueHealth.PAUSED) is is_paused


HOUR = timedelta(hours=1)


def server_group(number: int = 1, *, count: int = 7, task: str = "charge-card") -> ServerErrorGroup:
    return ServerErrorGroup(
        ErrorGroupId(f"error_{number}"), TaskId(task), Raw("declined"), Raw("Error"), count=count, last_seen=AFTERNOON
    )


def test_group_that_only_the_server_knows_lists_its_runs() -> None:
    (line,) = failing_now((), (server_group(),), AFTERNOON - HOUR, AFTERNOON)
    assert (line.count, line.filter_text) == (7, "age:<1h")
    assert line.filters == RunFilters(tasks=(TaskId("charge-card"),), errors=("error_1",))


def test_group_with_unread_errors_lists_those_of_the_server() -> None:
    theirs = server_group(count=26)
    (line,) = failing_now((group_of(count=7, server_groups=(theirs,)),), (theirs,), AFTERNOON - HOUR, AFTERNOON)
    assert (line.count, line.filters.errors, line.filter_text) == (26, ("error_1",), "age:<1h")
    (line,) = failing_now((group_of(count=26, server_groups=(theirs,)),), (theirs,), AFTERNOON - HOUR, AFTERNOON)
    assert (line.count, line.filters) == (26, RunFilters())
    assert re.fullmatch("group:[0-9a-f]{8} age:<1h", line.filter_text)


def test_group_stands_with_the_new_until_the_server_tells() -> None:
    known = [(ErrorState.NEW, 5), (ErrorState.REGRESSED, 30), (ErrorState.UNRESOLVED, 90), (None, 21)]
    groups = [group_of(f"error {state}", count=count, state=state) for state, count in known]
    assert [each.state for each in failing_now(groups, (), AFTERNOON - HOUR, AFTERNOON)] == [
        None,
        ErrorState.NEW,
        ErrorState.REGRESSED,
        ErrorState.UNRESOLVED,
    ]
