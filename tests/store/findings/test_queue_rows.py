"""Tests of the rows of queues: what the facts say of each, and nothing more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tui.domain.facts import FactSource, FactUnread, Queue, QueuesRead, QueueWait, WaitsRead, WallFacts
from tui.domain.finding import Finding, FindingSubject, FindingWord, QueueWaits, RunOverdue, SubjectKind, Verdict
from tui.domain.run import RunId, TaskId
from tui.domain.text import Raw
from tui.store.findings.board import QueueHealth, QueueRow, queue_rows

NOW = datetime(2026, 11, 26, 14, 32, tzinfo=UTC)
MAIL = Queue("queue_1", Raw("send-email"), is_task=True, running=20, queued=301, limit=20)
WAIT = QueueWait("task/send-email", 301, NOW - timedelta(minutes=11), RunId("run_oldest"), 14.0, 27.0)
NUMBERS = st.none() | st.integers(0, 100)
MOMENTS = st.none() | st.integers(0, 300).map(lambda age_s: NOW - timedelta(seconds=age_s))


def facts(*queues: Queue, waits: tuple[QueueWait, ...] | None = ()) -> WallFacts:
    return WallFacts(queues=QueuesRead(NOW, queues), waits=None if waits is None else WaitsRead(NOW, waits))


def row(queue: Queue, *waits: QueueWait, verdict: Verdict | None = None) -> QueueRow:
    return queue_rows(facts(queue, waits=waits), verdict, NOW)[0]


def found(word: FindingWord, subject: FindingSubject, since: datetime) -> Verdict:
    is_slow = word is FindingWord.SLOW
    evidence = QueueWaits(301, since) if is_slow else RunOverdue(since, timedelta(minutes=1))
    return Verdict(NOW, (Finding(word, subject, since, evidence, "", task=TaskId(subject.name)),), NOW, is_known=True)


@given(st.integers(0, 50), st.none() | st.integers(0, 50), st.integers(-300, 60), st.booleans(), st.booleans())
def test_number_of_the_list_is_a_least_one(
    listed: int, waiting: int | None, waits_s: int, is_failing: bool, is_busy: bool
) -> None:
    """The list counts no run that was handed to a worker: only the query says how many wait, and that none does."""
    wait = () if not waiting else (replace(WAIT, queued=waiting),)
    waits = None if waiting is None else WaitsRead(NOW + timedelta(seconds=waits_s), wait)
    unread = {FactSource.WAITS: FactUnread(NOW, FactSource.WAITS, Raw("429"), is_refused=False)} if is_failing else {}
    queue = replace(MAIL, queued=listed, running=20 if is_busy else 3)
    made = queue_rows(WallFacts(queues=QueuesRead(NOW, (queue,)), waits=waits, unread=unread), None, NOW)[0]
    is_known = waits is not None and waits_s >= -120
    assert made.queued == (waiting if is_known else listed or None)
    assert made.are_waits_read is is_known
    assert made.is_least is (not is_known and listed > 0)
    assert made.is_reading is (not is_known and not is_failing)
    assert (made.health is QueueHealth.AT_LIMIT) is bool(made.queued and is_busy)


def test_health_is_the_worst_word_that_holds() -> None:
    young = replace(WAIT, oldest_at=NOW - timedelta(seconds=59))
    cases = [
        (MAIL, WAIT, QueueHealth.AT_LIMIT),
        (replace(MAIL, is_paused=True), WAIT, QueueHealth.PAUSED),
        (replace(MAIL, limit=21), WAIT, QueueHealth.LATE),
        (replace(MAIL, limit=None), WAIT, QueueHealth.LATE),
        (replace(MAIL, limit=21), young, QueueHealth.BUSY),
        (replace(MAIL, limit=40), young, QueueHealth.FINE),
        (replace(MAIL, queued=0), replace(WAIT, queued=0), QueueHealth.BUSY),
        (replace(MAIL, queued=0), WAIT, QueueHealth.AT_LIMIT),
        (replace(MAIL, running=None), young, QueueHealth.FINE),
        (replace(MAIL, limit=0, running=0), young, QueueHealth.AT_LIMIT),
    ]
    for queue, wait, health in cases:
        assert row(queue, wait).health is health, (queue, wait)


def test_stuck_run_makes_the_queue_of_its_task_stuck() -> None:
    since = NOW - timedelta(hours=12)
    verdict = found(FindingWord.STUCK, FindingSubject(SubjectKind.RUN, "run_1", Raw("send-email")), since)
    made = row(replace(MAIL, limit=None), replace(WAIT, oldest_at=NOW), verdict=verdict)
    assert (made.health, made.since) == (QueueHealth.STUCK, since)
    assert row(replace(MAIL, running=1), verdict=verdict).health is QueueHealth.FINE, "nothing waits"
    other = replace(MAIL, name=Raw("other"), queued=0, running=0)
    assert row(other, verdict=verdict).health is QueueHealth.FINE


def test_rows_are_those_that_wait_where_the_list_is_refused() -> None:
    (made,) = queue_rows(WallFacts(waits=WaitsRead(NOW, (WAIT,))), None, NOW)
    assert (made.name, made.is_task, made.running, made.queued) == ("send-email", True, None, 301)
    assert queue_rows(None, None, NOW) == ()


def test_waiting_queue_is_shown_before_its_page_is_read() -> None:
    other = replace(WAIT, queue="bulk")
    for is_cut, names in ((True, ["send-email", "bulk"]), (False, ["send-email"])):
        known = WallFacts(queues=QueuesRead(NOW, (MAIL,), is_cut=is_cut), waits=WaitsRead(NOW, (WAIT, other)))
        rows = queue_rows(known, None, NOW)
        assert [each.name for each in rows] == names
        assert (rows[-1].running is None) is is_cut


@given(NUMBERS, NUMBERS, NUMBERS, MOMENTS, st.booleans())
def test_unknown_number_makes_no_queue_unhealthy(
    running: int | None, queued: int | None, limit: int | None, oldest_at: datetime | None, is_paused: bool
) -> None:
    queue = replace(MAIL, running=running, queued=queued, limit=limit, is_paused=is_paused)
    made = row(queue, replace(WAIT, queued=queued or 0, oldest_at=oldest_at))
    if limit is None or running is None:
        assert made.health not in {QueueHealth.AT_LIMIT, QueueHealth.BUSY}
    if oldest_at is None:
        assert made.health is not QueueHealth.LATE
    assert (made.health is QueueHealth.PAUSED) is is_paused
