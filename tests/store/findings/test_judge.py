"""What is judged to be wrong, and what is not."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.judged import CHARGE, HOUR, MINUTE, NOW, SECOND, ended, every, judged, normal, own_of
from tests.support.domain.patches import at, patch_of, stamp
from tui.domain.facts import (
    DECIDING,
    INTERVALS,
    MAX_FAILING,
    SOURCE_OF,
    ConcurrencyLimit,
    ErrorGroupsRead,
    FactSource,
    FactUnread,
    MinutesRead,
    NormalsRead,
    PlaceHolder,
    Queue,
    QueuesRead,
    QueueWait,
    Schedule,
    ScheduleRunsRead,
    SchedulesRead,
    ServerErrorGroup,
    ServerGroupStatus,
    TaskMinute,
    TaskSpeed,
    TokensRead,
    WaitsRead,
    WaitToken,
    WallFacts,
    old_after,
    with_limit,
)
from tui.domain.finding import (
    FindingWord,
    QueueWaits,
    RunOverdue,
    SourceUnread,
    Standstill,
    StandstillReason,
    SubjectKind,
    TaskFails,
    TaskSlow,
    Verdict,
)
from tui.domain.run import Environment, ErrorGroupId, Fixed, RunId, TaskId
from tui.domain.text import Raw
from tui.domain.update import HistoryRead, RunPatch, WindowRead
from tui.store.findings.board import waiting_rows
from tui.store.findings.bounds import standstill_of
from tui.store.findings.counts import OwnCounts
from tui.store.findings.judging import (
    ENDED_FOR,
    MAX_OVERDUE,
    MIN_SHOWN,
    UNKNOWN_AFTER,
    Held,
    hold,
    judge,
    needs_schedule_runs,
    schedules_to_ask,
    stuck,
    verdict_of,
    worst_ended,
)
from tui.store.store import Store, with_fact

DAY_S = 86_400

FACTS_OF_ALL: Final[dict[str, Any]] = {
    "minutes": MinutesRead(NOW, NOW - HOUR, MINUTE, ()),
    "normals": NormalsRead(NOW, NOW, ()),
    "queues": QueuesRead(NOW, ()),
    "waits": WaitsRead(NOW, ()),
    "schedules": SchedulesRead(NOW, ()),
    "tokens": TokensRead(NOW, ()),
    "errors": ErrorGroupsRead(NOW, ()),
}


def read_facts(read_at: datetime) -> WallFacts:
    """Return the facts of an environment in which nothing is wrong, all read at one time."""
    return WallFacts(**{name: replace(fact, at=read_at) for name, fact in FACTS_OF_ALL.items()})


BEFORE = every(2, 3600, 6600, version="1")
BAD = [*every(4, 6600, 7200, 10_000, fails=True), *every(4, 6602, 7200, 20_000)]
"""Half of the runs of version 2 fail for ten minutes."""


def test_a_bad_version_makes_its_task_fail() -> None:
    for facts in (normal(), WallFacts()):
        (found,) = judged([*BEFORE, *BAD], facts)
        assert (found.word, found.subject.key, found.since) == (FindingWord.FAILING, "charge", at(6600))
        assert isinstance(found.evidence, TaskFails)
        assert found.evidence.failed == 150
        assert abs(found.evidence.ended - 300) <= 1
        assert found.evidence.only_version == "2"
        assert found.filter_text == "task:charge status:failed"


def test_the_server_tells_failures_that_the_store_lacks() -> None:
    minutes = tuple(
        TaskMinute(CHARGE, at(start), 30, 30, 30 - bad, bad, 30)
        for start in range(3600, 7200, 60)
        for bad in [15 if start >= 6000 else 0]
    )
    facts = replace(normal(), minutes=MinutesRead(NOW, at(3600), MINUTE, minutes))
    own = own_of([], reached=NOW)
    (found,) = judge(facts, own, NOW)
    assert found.since == at(6000)
    assert found.evidence == TaskFails(19 * 15, 19 * 30, None, 0.01, at(7080), last_failed_at=at(7080))
    assert judge(replace(facts, minutes=replace(facts.minutes, is_cut=True)), own, NOW) == ()  # type: ignore[type-var]


def test_a_mended_version_ends_the_finding() -> None:
    mended = [*BEFORE, *BAD, *every(2, 7200, 7300, 30_000, version="3")]
    assert judged(mended[:-45], normal(), at(7212)) != ()
    assert judged(mended, normal(), at(7300)) == ()


def test_few_failures_and_usual_ones_are_no_finding() -> None:
    assert judged([*BEFORE, *(ended(9000 + turn, 7000 + turn, fails=True) for turn in range(2))], normal()) == ()
    assert judged([ended(turn, 7000 + turn, fails=True) for turn in range(5)], WallFacts()) == ()
    (found,) = judged([ended(turn, 7000 + turn, fails=True) for turn in range(9)], WallFacts())
    assert found.word is FindingWord.FAILING
    usual = [ended(turn, 6000 + turn * 2, fails=turn % 5 == 0) for turn in range(600)]
    assert judged(usual, normal(700, 140)) == ()
    assert (
        judged(
            [*(ended(10_000 + turn, 3000 + turn * 5, fails=turn % 5 == 0) for turn in range(600)), *usual], WallFacts()
        )
        == ()
    )


def test_runs_of_a_filtered_list_make_no_task_fail() -> None:
    store = Store()
    own_of([*BEFORE, *BAD], reached=at(3600), store=store)
    store.apply(WindowRead(NOW, HOUR, is_filtered=True))
    own = OwnCounts(store)
    own.settle(NOW)
    assert any(each.is_failed for each in own.tasks[CHARGE].failures)
    assert judge(normal(), own, NOW) == ()


def test_a_rare_task_is_judged_by_its_last_runs() -> None:
    def ten(normal_rate: float | None) -> TaskFails:
        return TaskFails(10, 10, None, normal_rate, at(6900), last_failed_at=at(6900))

    rare = every(300, 4200, 7200, fails=True)
    for facts in (normal(84, 0), WallFacts()):
        (found,) = judged(rare, facts)
        assert (found.since, found.evidence) == (at(4200), ten(0.0 if facts.normals else None))
    minutes = tuple(TaskMinute(CHARGE, at(start), 1, 1, 0, 1, 1) for start in range(4200, 7200, 300))
    served = replace(normal(84, 0), minutes=MinutesRead(NOW, at(3600), MINUTE, minutes))
    (found,) = judge(served, own_of([], reached=NOW), NOW)
    assert found.evidence == ten(0.0)
    healed = [ended(90 + turn, 7000 + 60 * turn) for turn in range(3)]
    assert judged([*rare, *healed], normal(84, 0)) == ()
    # Earlier runs of a task that runs often say nothing: it failed for a while, and is healthy again.
    assert judged([*every(2, 3600, 5000, fails=True), *every(20, 5000, 7200, 9_000)], normal(84, 0)) == ()


def test_acknowledged_failures_are_no_finding() -> None:
    def groups(*status: ServerGroupStatus) -> ErrorGroupsRead:
        return ErrorGroupsRead(
            NOW,
            tuple(
                ServerErrorGroup(ErrorGroupId(f"error_{turn}"), CHARGE, Raw(f"Error: no {turn}"), status=each)
                for turn, each in enumerate(status)
            ),
        )

    ignored, open_ = ServerGroupStatus.IGNORED, ServerGroupStatus.UNRESOLVED
    known = [*BEFORE, *every(4, 6600, 7200, 10_000, fails=True, message="no 0")]
    facts = normal()
    assert judged(known, replace(facts, errors=groups(ignored))) == ()
    assert judged(known, replace(facts, errors=groups(ignored, open_))) == ()
    assert judged(known, replace(facts, errors=groups(open_, ignored))) != ()
    unknown = [*BEFORE, *BAD]
    assert judged(unknown, replace(facts, errors=groups(ignored))) == ()
    assert judged(unknown, replace(facts, errors=groups(ignored, open_))) != ()


def waits(oldest_s: float, *, paused: bool = False, running: int = 20, limit: int | None = 20) -> WallFacts:
    queue = Queue("q1", Raw("mail"), True, running, 301, limit, is_paused=paused)
    return WallFacts(
        queues=QueuesRead(NOW, (queue,)),
        waits=WaitsRead(NOW, (QueueWait("task/mail", 301, NOW - timedelta(seconds=oldest_s), RunId("run_old")),)),
    )


def test_queues_are_slow_by_their_oldest_run() -> None:
    own = own_of([])
    (found,) = judge(waits(31), own, NOW)
    assert found.evidence == QueueWaits(301, NOW - 31 * SECOND, 20, 20, is_at_limit=True)
    assert (found.subject.key, found.subject.name, found.task) == ("task/mail", "mail", "mail")
    assert found.filter_text == "queue:task/mail status:queued"
    assert judge(waits(30), own, NOW) == ()
    for free in ({"running": 19}, {"limit": None}):
        assert judge(waits(60, **free), own, NOW) == ()
        assert judge(waits(61, **free), own, NOW) != ()
    for still in (None, Standstill(StandstillReason.ENVIRONMENT_PAUSED)):
        assert judge(waits(60, paused=True), own, NOW, still=still) == ()
        (found,) = judge(waits(61, paused=True), own, NOW, still=still)
        assert isinstance(found.evidence, QueueWaits)
        assert (found.evidence.standstill, found.evidence.is_at_limit) == (
            Standstill(StandstillReason.QUEUE_PAUSED),
            False,
        )
    (found,) = judge(waits(61), own, NOW, still=Standstill(StandstillReason.ENVIRONMENT_PAUSED))
    assert isinstance(found.evidence, QueueWaits)
    assert found.evidence.standstill == Standstill(StandstillReason.ENVIRONMENT_PAUSED)


def test_v2_queue_has_the_limit_of_its_task_alone() -> None:
    limits = (ConcurrencyLimit(Raw("task/mail"), 20, 9, 20), ConcurrencyLimit(Raw("payments"), 5, 3, 5))
    listed = Queue("q1", Raw("mail"), True, 20, 301, None, is_v2=True)
    cases = [
        (listed, limits, 20),
        (replace(listed, is_task=False), (*limits, ConcurrencyLimit(Raw("mail"), 20, 9, 20)), None),
        (listed, limits[1:], None),
        (replace(listed, is_v2=False, limit=30), limits, 30),
    ]
    for queue, known, limit in cases:
        assert with_limit(queue, known).limit == limit
    read = QueuesRead(NOW, (listed,), limits=(*limits, ConcurrencyLimit(Raw("free"), 1, 1, 5)))
    assert read.full_limits == limits[1:]
    full = replace(waits(31), queues=replace(read, queues=(with_limit(listed, limits),)))
    (found,) = judge(full, own_of([]), NOW)
    assert isinstance(found.evidence, QueueWaits)
    assert (found.evidence.is_at_limit, found.evidence.limit) == (True, 20)
    paused = replace(full, queues=QueuesRead(NOW, (replace(listed, is_limit_paused=True),)))
    (found,) = judge(replace(paused, waits=waits(61).waits), own_of([]), NOW)
    assert isinstance(found.evidence, QueueWaits)
    assert found.evidence.standstill == Standstill(StandstillReason.LIMIT_PAUSED)


DEVELOPMENT = Environment(Raw("dev"), "DEVELOPMENT", Raw("p"), Raw("o"))


def test_no_worker_is_said_only_if_nothing_else_explains_it() -> None:
    def since_s(facts: WallFacts, own: list[RunPatch], **changes: Any) -> float | None:
        still = standstill_of(facts, own_of(own), replace(DEVELOPMENT, **changes), NOW)
        assert still is None or still.reason is StandstillReason.NO_WORKER
        return None if still is None or still.since is None else (NOW - still.since).total_seconds()

    free = waits(240, limit=None)
    assert since_s(free, []) == 240
    assert since_s(waits(60, limit=None), []) is None
    assert since_s(waits(61, limit=None), []) == 61
    assert since_s(free, [], type="PRODUCTION") is None
    assert since_s(free, [], resumed_at=NOW - 10 * SECOND) is None, "it could not start before"
    assert since_s(replace(free, resumed_at=NOW - 90 * SECOND), []) == 90
    assert since_s(waits(240), []) is None, "it is at its limit"
    assert since_s(waits(240, paused=True, limit=None), []) is None
    assert since_s(replace(free, waits=None), []) is None
    assert standstill_of(free, own_of([]), None, NOW) is None
    assert free.waits is not None
    (wait,) = free.waits.waits
    for changes, seen_s in (
        ({"holders": (PlaceHolder(CHARGE, 1),)}, None),
        ({"newest_start": NOW - 100 * SECOND}, 100.0),
    ):
        other = replace(free.waits, waits=(wait, replace(wait, queue="other", queued=0, oldest_at=None, **changes)))
        assert since_s(replace(free, waits=other), []) == seen_s
    assert since_s(free, [ended(1, 7100)]) == 100
    assert since_s(free, [executing(7000)]) is None, "a worker may execute it"


def test_an_older_answer_counts_on_only_while_its_run_waits() -> None:
    facts = waits(20)
    assert judge(facts, own_of([]), NOW + 15 * SECOND) == ()
    queued = patch_of("run_old", "QUEUED", created=7180, task="mail")
    assert judge(facts, own_of([queued]), NOW + 15 * SECOND) != ()
    started = patch_of("run_old", "EXECUTING", created=7180, task="mail", state={"started_at": at(7205)})
    assert judge(facts, own_of([started]), NOW + 15 * SECOND) == ()


def test_the_store_tells_late_queues_without_the_server() -> None:
    (found,) = judged([patch_of("run_old", "QUEUED", created=7000, task="mail")], WallFacts())
    assert found.evidence == QueueWaits(1, at(7000))
    assert (found.subject.kind, found.subject.key, found.task) == (SubjectKind.TASK, "mail", "mail")
    assert found.filter_text == "task:mail status:queued"
    for word, attempts in (("DELAYED", 0), ("WAITING", 0), ("QUEUED", 1)):
        assert judged([patch_of("run_old", word, created=7000, task="mail", attempt_count=attempts)], WallFacts()) == ()


def test_a_task_is_slow_by_its_p95_unless_it_fails() -> None:
    speed = MinutesRead(NOW, at(3600), MINUTE, (), (TaskSpeed(CHARGE, 10 * SECOND, 100),))
    facts = replace(normal(), minutes=speed)
    (found,) = judge(facts, own_of([]), NOW)
    assert found.evidence == TaskSlow(10 * SECOND, SECOND, 100)
    assert judge(replace(normal(p95=4 * SECOND), minutes=speed), own_of([]), NOW) == ()
    assert judge(replace(normal(runs=19), minutes=speed), own_of([]), NOW) == ()
    few = replace(speed, speeds=(TaskSpeed(CHARGE, 10 * SECOND, 29),))
    assert judge(replace(normal(), minutes=few), own_of([]), NOW) == ()
    assert [each.word for each in judged([*BEFORE, *BAD], facts)] == [FindingWord.FAILING]


HOURLY = Schedule("s1", TaskId("digest"), Raw("0 * * * *"), Raw("UTC"), True)
DUE = at(7200)
"""14:00, one of the hourly due times: the clock of the tests begins at 12:00."""


def facts_of(*facts: Any) -> WallFacts:
    known = WallFacts()
    for each in facts:
        known = with_fact(known, each)
    return known


def test_a_schedule_is_missing_once_its_runs_were_asked_for() -> None:
    own = own_of([])
    read = SchedulesRead(at(7000), (HOURLY,))
    assert needs_schedule_runs(facts_of(read), DUE + 59 * SECOND) == ("s1",)  # that of 13:00
    before = ScheduleRunsRead(at(7000), "s1", at(3600))
    known = facts_of(read, before)
    assert needs_schedule_runs(known, DUE + 59 * SECOND) == ()
    assert needs_schedule_runs(known, DUE + 60 * SECOND) == ("s1",)
    assert schedules_to_ask(known, DUE + 60 * SECOND) == ("s1",)
    assert schedules_to_ask(facts_of(read), DUE + 44 * SECOND) == ("s1",)
    assert schedules_to_ask(facts_of(read), DUE + 46 * SECOND) == (), "one answer tells of both due times"
    assert judge(known, own, DUE + 120 * SECOND) == ()  # nothing unknown counts as wrong
    asked = with_fact(known, ScheduleRunsRead(DUE + 62 * SECOND, "s1", at(3600)))
    assert needs_schedule_runs(asked, DUE + 63 * SECOND) == ()
    (found,) = judge(asked, own, DUE + 63 * SECOND)
    assert (found.word, found.subject.key, found.subject.name) == (FindingWord.MISSING, "s1", "digest")
    assert found.since == DUE
    # A run that came late, seen by the feed, or by asking again.
    late = patch_of("run_l", fixed=Fixed(task=TaskId("digest"), task_kind="SCHEDULED"))
    late = replace(late, created_at=DUE + 90 * SECOND)
    assert judge(asked, own_of([late]), DUE + 100 * SECOND) == ()
    assert judge(with_fact(asked, ScheduleRunsRead(at(7400), "s1", DUE + 90 * SECOND)), own, at(7401)) == ()


def test_a_due_time_before_the_program_needs_a_regular_past() -> None:
    own, now = own_of([]), DUE + 100 * SECOND
    read = SchedulesRead(DUE + 70 * SECOND, (HOURLY,))

    def since(newest: datetime | None, *, earlier: SchedulesRead | None = None) -> datetime | None:
        runs = ScheduleRunsRead(DUE + 75 * SECOND, "s1", newest)
        found = judge(facts_of(*([earlier] if earlier else []), read, runs), own, now)
        return found[0].since if found else None

    assert since(at(3600)) == DUE
    assert since(at(0)) == at(3600)
    assert since(None) is None  # never ran: it may be new
    assert since(at(1800)) is None  # ran at another time: it was another schedule
    assert since(at(-36_000)) is None  # for ten hours nothing: it was switched off
    assert since(at(3600), earlier=SchedulesRead(DUE + 10 * SECOND, ())) is None  # just created
    off = replace(HOURLY, is_active=False)
    assert since(at(3600), earlier=SchedulesRead(DUE + 10 * SECOND, (off,))) is None
    assert since(at(3600), earlier=SchedulesRead(DUE + 10 * SECOND, (HOURLY,))) == DUE


def test_a_due_time_that_the_server_names_needs_no_past() -> None:
    own, now = own_of([]), DUE + 100 * SECOND
    for next_at, newest, since in (
        (DUE, None, DUE),  # it never ran
        (DUE, at(-36_000), DUE),
        (at(3600), None, at(3600)),  # the server has planned nothing since
        (DUE, DUE + SECOND, None),  # its answer was older than the run
        (DUE + 60 * SECOND, None, None),
        (DUE + HOUR, None, None),
    ):
        named = replace(HOURLY, next_at=next_at)
        known = facts_of(SchedulesRead(DUE + 70 * SECOND, (named,)), ScheduleRunsRead(DUE + 75 * SECOND, "s1", newest))
        found = judge(known, own, now)
        assert [each.since for each in found] == ([] if since is None else [since])


def test_an_idle_development_environment_misses_nothing() -> None:
    known = facts_of(SchedulesRead(at(7000), (HOURLY,)), ScheduleRunsRead(at(7262), "s1", at(3600)))
    assert judge(known, own_of([]), at(7300), is_development=True) == ()
    assert judge(known, own_of([ended(1, 7001)]), at(7300), is_development=True) != ()
    assert judge(known, own_of([ended(1, 6900)]), at(7300), is_development=True) == ()


def executing(started_s: float, word: str = "EXECUTING") -> RunPatch:
    return patch_of(
        "run_x",
        word,
        created=started_s,
        updated=started_s,
        task="charge",
        state={"started_at": at(started_s)},
        metadata=(stamp(), {"step": 1}),
    )


def test_a_run_is_stuck_far_over_its_p95() -> None:
    facts = normal(p95=4 * MINUTE)
    (found,) = judged([executing(7200 - 1201)], facts)
    assert (found.word, found.run_id, found.since) == (FindingWord.STUCK, "run_x", at(7200 - 1201 + 240))
    assert judged([executing(7200 - 1200)], facts) == ()
    assert judged([executing(7200 - 600)], normal()) == ()
    assert judged([executing(7200 - 601)], normal()) != ()
    assert judged([executing(0)], WallFacts()) == ()  # nothing is known of its task
    assert judged([executing(7200 - DAY_S)], WallFacts()) == ()
    (found,) = judged([executing(7199 - DAY_S)], WallFacts())
    assert (found.since, found.evidence) == (at(7199 - DAY_S), RunOverdue(at(7199 - DAY_S), None))
    assert judged([executing(0, "WAITING")], normal()) == ()
    hanging = patch_of("run_x", "DEQUEUED", created=6000, updated=7000, task="charge")
    assert judged([hanging], normal()) != ()
    assert judged([replace(hanging, state=replace(hanging.state, updated_at=at(7100)))], normal()) == ()  # type: ignore[type-var]


def test_thousands_of_overdue_runs_make_few_findings() -> None:
    last_s = 7199 - DAY_S
    runs = [replace(executing(last_s - 1000 + each), id=RunId(f"run_{each}")) for each in range(2 * MAX_OVERDUE)]
    other = patch_of("run_y", "EXECUTING", created=last_s, updated=0, task="pay", state={"started_at": at(last_s)})
    found = stuck(WallFacts(), own_of([*runs, other]), at(7200))
    # That of another task is the last one, and says why its task is slow.
    assert {each.run_id for each in found} == {*(run.id for run in runs[:MAX_OVERDUE]), "run_y"}


def test_an_approval_is_stuck_after_a_day() -> None:
    tokens = (
        WaitToken("w1", NOW - 24 * HOUR, (Raw("legal"),)),
        WaitToken("w2", NOW - 24 * HOUR + SECOND),
        WaitToken("w4", NOW - 48 * HOUR, is_doubtful=True),
        WaitToken("w3", NOW - 48 * HOUR, run_id=RunId("run_x"), task=CHARGE),
    )
    found = judge(WallFacts(tokens=TokensRead(NOW, tokens)), own_of([]), NOW)
    assert [(each.subject.key, each.subject.name, each.run_id, each.filter_text) for each in found] == [
        ("run_x", "charge", "run_x", "id:run_x"),
        ("w1", "legal", None, "status:executing,waiting age:>24h"),
    ]


@given(st.sampled_from(["EXECUTING", "WAITING", "COMPLETED", "CANCELED", "CRASHED", "EXPIRED", "TIMED_OUT"]))
def test_a_token_counts_only_while_its_run_is_live(word: str) -> None:
    """The server keeps the tokens of canceled runs WAITING."""
    tokens = (
        WaitToken("w1", NOW - 30 * HOUR, (Raw("legal"),), run_id=RunId("run_x"), task=CHARGE),
        WaitToken("w2", NOW - 25 * HOUR, (Raw("legal"),)),
        WaitToken("w3", NOW - 25 * HOUR, (Raw("legal"),)),
    )
    facts, own = WallFacts(tokens=TokensRead(NOW, tokens)), own_of([executing(7200 - DAY_S, word)])
    found = judge(facts, own, NOW)
    live = ["run_x"] if word in {"EXECUTING", "WAITING"} else []
    assert [each.subject.key for each in found] == [*live, "w2", "w3"], "tokens of one moment are two"
    assert len({each.identity for each in found}) == len(found)
    assert [each.run_id or each.id for each in waiting_rows(facts, own)] == [*live, "w2", "w3"]


def test_a_finding_stays_a_minute_and_keeps_its_since() -> None:
    (first,) = judge(waits(31), own_of([]), NOW)
    held = hold((), [first], NOW)
    moved = hold(held, [replace(first, since=first.since + MINUTE)], NOW + SECOND)
    assert moved[0].finding.since == first.since
    assert hold(moved, [], NOW + MIN_SHOWN - SECOND) == moved
    assert hold(moved, [], NOW + MIN_SHOWN) == ()
    assert hold(moved, [], NOW - 10 * MINUTE) == (), "the server's clock was set back"
    earlier = replace(first, since=first.since - MINUTE)
    assert hold(held, [earlier], NOW)[0].finding.since == earlier.since


def test_ok_names_the_worst_finding_that_ended_last_for_a_while() -> None:
    fails, facts, own = TaskFails(9, 10, last_failed_at=NOW - MINUTE), read_facts(NOW), own_of([])
    (wait,) = hold((), judge(waits(31), own, NOW), NOW)
    for each, ended_at in ((wait, NOW), (wait._replace(finding=replace(wait.finding, evidence=fails)), NOW - MINUTE)):
        assert (worst_ended((each,), ()), worst_ended((each,), (each,))) == (each, None)
        verdicts = [verdict_of((), facts, own, NOW + late, NOW, ended=each) for late in (ENDED_FOR, ENDED_FOR + SECOND)]
        assert [(found.ended, found.ended_at) for found in verdicts] == [(each.finding, ended_at), (None, None)]
        assert verdict_of((each,), facts, own, NOW, NOW, ended=each).ended is None


def test_a_verdict_is_unknown_after_a_silence() -> None:
    held: Held = ()
    own = own_of([])
    facts = read_facts(NOW - SECOND)
    assert verdict_of(held, facts, own, NOW, NOW - UNKNOWN_AFTER).word == "OK"
    assert verdict_of(held, facts, own, NOW, NOW - UNKNOWN_AFTER - SECOND).word == "NOT KNOWN"
    assert verdict_of(held, facts, own, NOW, None).word == "NOT KNOWN"
    own = own_of([ended(1, 7100)])
    for runs, is_own in ((20, False), (19, True)):
        known = replace(facts, normals=normal(runs=runs).normals)
        assert (verdict_of(held, known, own, NOW, NOW).own_since is not None) is is_own
    assert verdict_of(held, normal(), own, NOW, NOW).own_since is not None, "the minutes were not read"


@pytest.mark.parametrize("source", DECIDING)
@pytest.mark.parametrize("is_failing", [False, True])
def test_ok_needs_a_fresh_answer_of_every_source(source: FactSource, is_failing: bool) -> None:
    own, bound = own_of([]), old_after(INTERVALS[source])
    (field,) = (name for name, fact in FACTS_OF_ALL.items() if SOURCE_OF[type(fact)] is source)

    def said(read_at: datetime | None, failed: FactUnread | None, findings: Held = ()) -> Verdict:
        facts = read_facts(NOW)
        changed: dict[str, Any] = {field: None if read_at is None else replace(getattr(facts, field), at=read_at)}
        facts = replace(facts, **changed)
        facts = facts if failed is None else with_fact(facts, failed)
        return verdict_of(findings, facts, own, NOW, NOW)

    failed = FactUnread(NOW, source, Raw("429"), is_refused=False) if is_failing else None
    reason = Raw("429") if is_failing else None
    assert said(NOW - bound, failed).word == "OK", "one read that fails changes nothing"
    for read_at in (NOW - bound - SECOND, None):
        verdict = said(read_at, failed)
        assert (verdict.word, verdict.unread) == ("NOT KNOWN", (SourceUnread(source, reason, read_at),))
        (found,) = judge(waits(31), own, NOW)
        wrong = said(read_at, failed, hold((), [found], NOW))
        assert (wrong.word, wrong.unread) == ("SLOW", verdict.unread)
    long = None if failed is None else replace(failed, since=NOW - MAX_FAILING - SECOND)
    assert said(NOW - SECOND, long).word == ("NOT KNOWN" if is_failing else "OK")
    refused = said(None, FactUnread(NOW, source, Raw("403"), is_refused=True))
    assert (refused.word, refused.refused, refused.unread) == ("OK", ((source, "403"),), ())


def test_ok_needs_the_list() -> None:
    runs = SourceUnread(FactSource.RUNS, Raw("500"))
    verdict = verdict_of((), read_facts(NOW), own_of([]), NOW, NOW, runs)
    assert (verdict.word, verdict.unread) == ("NOT KNOWN", (runs,))


@pytest.mark.parametrize(
    ("asked_s", "seconds", "word"), [(-10, 79, "OK"), (-10, 80, "NOT KNOWN"), (None, 80, "NOT KNOWN"), (70, 80, "OK")]
)
def test_ok_needs_the_runs_of_late_schedules(asked_s: int | None, seconds: int, word: str) -> None:
    now = DUE + seconds * SECOND
    facts = replace(read_facts(now), schedules=SchedulesRead(now, (HOURLY,)))
    if asked_s is not None:
        facts = with_fact(facts, ScheduleRunsRead(DUE + asked_s * SECOND, "s1", DUE))
    verdict = verdict_of((), facts, own_of([]), now, now)
    assert (verdict.word, {each.source for each in verdict.unread}) == (
        word,
        {FactSource.SCHEDULES} if word == "NOT KNOWN" else set(),
    )


run_times = st.lists(st.tuples(st.integers(6500, 7200), st.booleans()), max_size=60)


@given(run_times, st.integers(1, 5))
def test_more_failures_never_heal_a_task(times: list[tuple[int, bool]], more: int) -> None:
    runs = [ended(number, second, fails=fails) for number, (second, fails) in enumerate(times)]
    if judged(runs, normal()):
        assert judged([*runs, *(ended(900 + turn, 7199, fails=True) for turn in range(more))], normal())


LATE_BAD = [*every(4, 6650, 7200, 10_000, fails=True), *every(4, 6652, 7200, 20_000)]
"""Half of the runs fail from the middle of a minute on."""

FAILED_IDS = {each.id for each in LATE_BAD[: len(LATE_BAD) // 2]}


def server_minutes_of(patches: list[RunPatch], until_s: int) -> MinutesRead:
    """Return what the server answers about these runs at `until_s`."""
    ended_in = Counter((int(each.read_at.timestamp() // 60), each.id in FAILED_IDS) for each in patches)
    minutes = []
    for start in range(3600, until_s // 60 * 60, 60):
        done, failed = (ended_in[int(at(start).timestamp() // 60), is_failed] for is_failed in (False, True))
        minutes.append(TaskMinute(CHARGE, at(start), done + failed, 0, done, failed, done + failed))
    return MinutesRead(at(until_s), at(3600), MINUTE, tuple(minutes))


@pytest.mark.parametrize(("reached_s", "answer_age_s"), [(7000, 0), (7130, 30), (7199, 70)])
def test_failures_stay_counted_while_the_list_is_read_again(reached_s: int, answer_age_s: int) -> None:
    runs = [*every(2, 3600, 6650, version="1"), *LATE_BAD]
    facts = replace(normal(), minutes=server_minutes_of(runs, 7200 - answer_age_s))
    store = Store()
    own = own_of(runs, store=store)
    held = hold((), judge(facts, own, NOW), NOW)
    store.apply(HistoryRead(at(reached_s), 100, is_complete=False))
    after = hold(held, judge(facts, own, NOW + SECOND), NOW + SECOND)
    ((first, *_),), ((second, *_),) = held, after
    assert isinstance(first.evidence, TaskFails)
    assert isinstance(second.evidence, TaskFails)
    assert second.since == first.since == at(6600), "the minute of the first failure"
    assert second.evidence.failed >= first.evidence.failed
    assert second.evidence.ended <= 25 + 2 * second.evidence.failed + 2, "no run before the since is counted"
