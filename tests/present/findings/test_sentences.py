"""Findings and verdicts in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tui.domain.facts import FactSource, PlaceHolder
from tui.domain.finding import (
    ApprovalWaits,
    Evidence,
    Finding,
    FindingSubject,
    FindingWord,
    QueueWaits,
    RunHangs,
    RunOverdue,
    ScheduleMissed,
    SourceUnread,
    Standstill,
    StandstillReason,
    SubjectKind,
    TaskFails,
    TaskSlow,
    Verdict,
)
from tui.domain.run import RunId, TaskId
from tui.domain.text import Raw
from tui.features.alerts.words import (
    counts_words,
    day_or_time,
    finding_words,
    not_known_alone,
    not_known_sentence,
    ok_sentence,
    ok_words,
    own_words,
    refusals,
    since,
    since_words,
    subject,
    unread_words,
    verdict_lines,
)
from tui.text.styled import plain

NOW = datetime(2026, 11, 26, 14, 32, 7, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def finding(evidence: Evidence, since: datetime = NOW, kind: SubjectKind = SubjectKind.TASK) -> Finding:
    return Finding(FindingWord.FAILING, FindingSubject(kind, "key", Raw("charge\x1b[31m")), since, evidence, "")


def test_sentences_say_the_evidence() -> None:
    due = NOW.replace(minute=0, second=0)
    holders = (PlaceHolder(TaskId("send-campaign"), 20, NOW - 2 * MINUTE),)
    queue = QueueWaits(301, NOW - 11 * MINUTE, 20, 20, is_at_limit=True, holders=holders)
    started = NOW - timedelta(hours=12, minutes=32, seconds=7)
    table: list[tuple[Evidence, str, str]] = [
        (
            TaskFails(131, 264, Raw("20261126.3")),
            "131 of 264 runs failed, only in 20261126.3",
            "131 of 264 runs, only in 20261126.3",
        ),
        (TaskFails(1_300, 2_640), "1,300 of 2,640 runs failed", "1,300 of 2,640 runs"),
        (TaskFails(3, 3, Raw("\x1b]0;x")), "3 of 3 runs failed, only in ␛]0;x", "3 of 3 runs, only in ␛]0;x"),
        (
            queue,
            "301 wait, the oldest 11m; 20 of 20 places: 20 send-campaign, longest 2m",
            "at its limit 20/20, 301 wait, oldest 11m",
        ),
        (
            QueueWaits(8, NOW - 4 * MINUTE, standstill=Standstill(StandstillReason.QUEUE_PAUSED, NOW - 2 * MINUTE)),
            "paused since 14:30, 8 wait",
            "paused since 14:30, 8 wait",
        ),
        (
            QueueWaits(8, NOW - 4 * MINUTE, standstill=Standstill(StandstillReason.QUEUE_PAUSED)),
            "paused, 8 wait, the oldest 4m",
            "paused, 8 wait, oldest 4m",
        ),
        (
            QueueWaits(8, NOW - 4 * MINUTE, standstill=Standstill(StandstillReason.NO_WORKER, NOW - 4 * MINUTE)),
            "no worker seen for 4m, 8 wait, the oldest 4m",
            "no worker seen, 8 wait, oldest 4m",
        ),
        (
            QueueWaits(8, NOW - 4 * MINUTE, standstill=Standstill(StandstillReason.ENVIRONMENT_PAUSED)),
            "the environment is paused, 8 wait, the oldest 4m",
            "environment paused, 8 wait, oldest 4m",
        ),
        (
            QueueWaits(1, NOW - 2 * MINUTE),
            "1 waits, the oldest 2m",
            "1 waits, oldest 2m",
        ),
        (
            ScheduleMissed(due),
            "its schedule was due at 14:00 and started no run",
            "due at 14:00, no run",
        ),
        (
            RunOverdue(started, 9 * MINUTE),
            "one run executing for 12h32m, its p95 is 9m",
            "executing for 12h32m, p95 is 9m",
        ),
        (
            TaskSlow(timedelta(seconds=91), timedelta(seconds=0.8), 40),
            "its p95 is 1m31s, on other days 0.8s",
            "p95 1m31s, normal 0.8s",
        ),
        (
            ApprovalWaits(NOW - 25 * HOUR, (Raw("legal\x07"), Raw("b"), Raw("c"), Raw("d"))),
            "a token (legal␇, b, c) waits for 1d, run not known",
            "a token (legal␇, b, c) waits for 1d, run not known",
        ),
    ]
    for evidence, long, short in table:
        each = finding(evidence)
        words = finding_words(each, NOW, NOW)
        assert (words.long, words.short) == (long, short)
    quiet = TaskFails(40, 40, None, None, NOW - 20 * MINUTE)
    for since_at, at, said in (
        (NOW - 30 * MINUTE, NOW, "40 of 40 runs failed, no run since 14:12"),
        (NOW - 30 * MINUTE, NOW - 14 * MINUTE, "40 of 40 runs failed, no run since 14:12"),
        (NOW - 30 * MINUTE, NOW - 14 * MINUTE - timedelta(seconds=1), "40 of 40 runs failed"),
        (NOW - 430 * MINUTE, NOW, "40 of 40 runs failed"),  # there are ten minutes between two runs
    ):
        assert finding_words(finding(quiet, since_at), at, NOW).long == said
    assert finding_words(finding(quiet, NOW - 30 * MINUTE), NOW, NOW).short == "40 of 40, no run since 14:12"
    older = finding(replace(quiet, is_older=True), NOW - 2 * HOUR)
    assert (since(older, NOW), since_words(older, NOW)) == ("before 12:32", "since before 12:32")
    frozen = finding_words(finding(RunOverdue(started, 9 * MINUTE)), NOW, NOW, is_frozen=True)
    assert frozen.short == "executing for 12h32m~, p95 is 9m"
    hangs = finding(RunHangs("Dequeued"), NOW - 4 * MINUTE)
    late = finding(QueueWaits(1, NOW - 2 * MINUTE), kind=SubjectKind.QUEUE)
    assert finding_words(late, NOW, NOW).long == "queue is late; 1 waits, the oldest 2m"
    assert finding_words(hangs, NOW, NOW).long == "one run dequeued for 4m, which lasts seconds on other days"
    assert finding_words(hangs, NOW, NOW).short == "dequeued for 4m"
    approval = finding(ApprovalWaits(NOW - 25 * HOUR, (Raw(hangs.subject.name),)), kind=SubjectKind.RUN)
    assert finding_words(approval, NOW, NOW).short.startswith("an approval waits for ")
    joined = replace(approval, run_id=RunId("run_a"))
    assert finding_words(joined, NOW, NOW).long.startswith("waits for an approval for ")
    tagged = replace(joined, evidence=ApprovalWaits(NOW - 24 * HOUR, (Raw("legal"),)))
    assert finding_words(tagged, NOW, NOW).long == "waits for legal for 1d"
    assert subject(hangs) == "charge␛[31m"


def test_since_is_a_time_of_today_or_a_day() -> None:
    late = NOW.replace(hour=0, minute=5)
    assert day_or_time(late, NOW) == "00:05"
    assert day_or_time(late - HOUR, NOW) == "25 Nov"
    midnight = NOW.replace(hour=0, minute=20)
    assert day_or_time(midnight - HOUR, midnight) == f"{midnight - HOUR:%H:%M}", "the day would not say when"
    assert day_or_time(midnight - 13 * HOUR, midnight) == "25 Nov"
    assert day_or_time(NOW.replace(day=9), NOW) == "9 Nov"
    assert day_or_time(NOW.replace(year=2025, day=9), NOW) == "9 Nov 2025"
    assert since(finding(TaskFails(1, 1), late), NOW) == "00:05"
    assert since_words(finding(TaskFails(1, 1), late), NOW) == "since 00:05"
    assert since_words(finding(ScheduleMissed(late), late), NOW) == "due 00:05"


def test_verdicts_say_what_is_known() -> None:
    calm = Verdict(NOW, heard_at=NOW, is_known=True)
    assert ok_words(calm) == "OK"
    assert ok_sentence(calm, NOW) == "nothing fails more than on other days, nothing waits too long"
    limited = Verdict(
        NOW, heard_at=NOW, is_known=True, refused=((FactSource.QUEUES, Raw("403")),), own_since=NOW - 42 * MINUTE
    )
    assert ok_words(limited) == "OK, as far as this key may read"
    assert ok_sentence(limited, NOW) == "as far as this key may read; own counts since 13:50"
    listed = replace(calm, is_of_listed=True)
    assert ok_words(listed) == "OK, of the listed runs"
    public = replace(limited, is_of_listed=True)
    words = "as far as this key may read; own counts of the listed runs since 13:50"
    assert ok_sentence(public, NOW) == words
    assert plain(verdict_lines(public, NOW)[0]).endswith("  own counts of the listed runs since 13:50")
    refused = Raw("the query was refused (429)")
    unread = replace(
        limited,
        unread=(
            SourceUnread(FactSource.RUNS),
            SourceUnread(FactSource.MINUTES, refused, NOW - HOUR),
            SourceUnread(FactSource.NORMALS, refused),
            SourceUnread(FactSource.QUEUES, read_at=NOW - 2 * MINUTE),
            SourceUnread(FactSource.ERRORS, Raw("GET /api/v1/errors: 500 down\x1b")),
        ),
    )
    unknown = [
        "failures: the query was refused (429)",
        "errors: 500 down␛",
        "runs: not read yet",
        "queues: not read for 2m00s",
    ]
    assert unread_words(unread, NOW) == unknown
    assert not_known_sentence(unread, NOW) == "; ".join(unknown)
    fails, waits = finding(TaskFails(1, 2)), finding(QueueWaits(1, NOW))
    assert own_words(unread, fails, NOW) == "own counts since 13:50"
    assert own_words(replace(unread, own_since=None), fails, NOW) == "own counts"
    assert own_words(limited, fails, NOW) == own_words(unread, waits, NOW) == ""
    partial = replace(limited, unread=(SourceUnread(FactSource.WAITS),))
    assert own_words(partial, waits, NOW) == "own counts since 13:50"
    assert own_words(partial, finding(QueueWaits(1, NOW), kind=SubjectKind.QUEUE), NOW) == ""
    some = replace(limited, unread=(SourceUnread(FactSource.MINUTES), SourceUnread(FactSource.NORMALS, refused)))
    assert unread_words(some, NOW) == ["failures: the query was refused (429)"]
    both = replace(limited, refused=((FactSource.QUEUES, Raw("403\x1b")), (FactSource.ERRORS, Raw("403\x1b"))))
    assert refusals(both) == ["queues, errors: 403␛"]
    requests = [(each, Raw(f"GET /api/v1/{each}: 403 no")) for each in (FactSource.QUEUES, FactSource.ERRORS)]
    assert refusals(replace(both, refused=tuple(requests))) == ["queues, errors: 403 no"]
    assert counts_words(NOW - 42 * MINUTE, NOW) == "own counts since 13:50"
    stale = Verdict(NOW, heard_at=NOW - timedelta(minutes=5, seconds=2))
    silence = "nothing was heard for 5m02s; below is what was known at 14:27"
    assert not_known_sentence(stale, NOW) == silence
    assert not_known_alone(stale, NOW) == "nothing was heard for 5m02s"
    for none in (None, Verdict(NOW)):
        assert not_known_sentence(none, NOW) == "nothing was read from the server yet"
