"""Findings and verdicts in words, and the block about what happened while the user was away."""

from dataclasses import replace
from datetime import timedelta

from tests.support.present.samples import drawn
from tests.support.wall_story import FAILING, NOW, SLOW, STUCK, at
from tui.domain import finding as facts
from tui.domain.error import RunError
from tui.domain.error_kinds import kind_of
from tui.domain.facts import FactSource, PlaceHolder
from tui.domain.finding import Evidence, Finding, QueueWaits, SourceUnread, Standstill, StandstillReason, SubjectKind
from tui.domain.run import RunId, RunStatus, TaskId
from tui.domain.text import Raw
from tui.features.alerts import words
from tui.features.alerts.away import NOT_WATCHED, AwayReport, Episode, FailureGroup, away_lines
from tui.store.freshness import Gap
from tui.text.styled import Piece, line_width

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FAILS, WAITS = facts.TaskFails(1, 2), QueueWaits(1, NOW - 2 * MINUTE)


def finding(evidence: Evidence, ago: timedelta = timedelta(), kind: SubjectKind = SubjectKind.TASK) -> Finding:
    subject = facts.FindingSubject(kind, "key", Raw("charge\x1b[31m"))
    return Finding(facts.FindingWord.FAILING, subject, NOW - ago, evidence, "")


def still(reason: str, since: timedelta | None = None) -> QueueWaits:
    stopped = Standstill(StandstillReason[reason], NOW - since if since else None)
    return QueueWaits(8, NOW - 4 * MINUTE, standstill=stopped)


HOLDERS = (PlaceHolder(TaskId("send-campaign"), 20, NOW - 2 * MINUTE),)
OVERDUE = facts.RunOverdue(NOW - 12 * HOUR - 32 * MINUTE, 9 * MINUTE)
QUIET = facts.TaskFails(40, 40, None, None, NOW - 20 * MINUTE)
TOKEN = facts.ApprovalWaits(NOW - 25 * HOUR, (Raw("legal\x07"), Raw("b"), Raw("c"), Raw("d")))
TAGGED = replace(
    finding(facts.ApprovalWaits(NOW - 24 * HOUR, (Raw("legal"),)), kind=SubjectKind.RUN), run_id=RunId("run_a")
)
FOUND = (
    finding(facts.TaskFails(1_310, 2_640, Raw("\x1b]0;x"))),
    finding(QueueWaits(301, NOW - 11 * MINUTE, 20, 20, is_at_limit=True, holders=HOLDERS)),
    finding(still("QUEUE_PAUSED", 2 * MINUTE)),
    finding(still("QUEUE_PAUSED")),
    finding(still("NO_WORKER", 4 * MINUTE)),
    finding(still("ENVIRONMENT_PAUSED")),
    finding(WAITS),
    finding(WAITS, kind=SubjectKind.QUEUE),
    finding(facts.ScheduleMissed(at("14:00"))),
    finding(OVERDUE),
    finding(facts.TaskSlow(timedelta(seconds=91), timedelta(seconds=0.8), 40)),
    finding(facts.RunHangs("Dequeued"), 4 * MINUTE),
    finding(TOKEN),
    TAGGED,
    replace(TAGGED, evidence=facts.ApprovalWaits(NOW - 25 * HOUR, (Raw(TAGGED.subject.name),))),
    finding(replace(QUIET, last_ended_at=NOW, last_failed_at=NOW - 2 * MINUTE, only_version=Raw("2")), 30 * MINUTE),
    finding(QUIET, 30 * MINUTE),
    finding(QUIET, 430 * MINUTE),  # there are ten minutes between two of its runs
)


def said(found: Finding) -> str:
    each = words.finding_words(found, NOW, NOW)
    return f"{each.long} | {each.short}"


SENTENCES = """
1,310 of 2,640 runs failed, only in ␛]0;x | 1,310 of 2,640 runs, only in ␛]0;x
301 wait, the oldest 11m; 20 of 20 slots: 20 send-campaign, longest 2m | at its limit 20/20, 301 wait, oldest 11m
paused since 14:30, 8 wait | paused since 14:30, 8 wait
paused, 8 wait, the oldest 4m | paused, 8 wait, oldest 4m
no worker seen for 4m, 8 wait, the oldest 4m | no worker seen, 8 wait, oldest 4m
the environment is paused, 8 wait, the oldest 4m | environment paused, 8 wait, oldest 4m
1 waits, the oldest 2m | 1 waits, oldest 2m
waits longer than normal; 1 waits, the oldest 2m | 1 waits, oldest 2m
its schedule was due at 14:00 and started no run | due at 14:00, no run
one run executing for 12h32m, p95 of the task is 9m | executing for 12h32m, p95 is 9m
its p95 duration is 1m31s, normal 0.8s | p95 1m31s, normal 0.8s
one run dequeued for 4m, normally takes seconds | dequeued for 4m
a token (legal␇, b, c) waits 1d, run not known | a token (legal␇, b, c) waits 1d, run not known
waits 1d for legal | waits 1d for legal
waits 1d for a token | waits 1d for a token
40 of 40 runs failed, the last at 14:30, only in 2 | 40 of 40, the last at 14:30, only in 2
40 of 40 runs failed, none ended since 14:12 | 40 of 40, none ended since 14:12
40 of 40 runs failed | 40 of 40 runs
"""


def test_sentences_say_the_evidence() -> None:
    assert drawn([(Piece(said(each)),) for each in FOUND]) == SENTENCES
    frozen = words.finding_words(finding(OVERDUE), NOW, NOW, is_frozen=True)
    assert frozen.short == "executing for 12h32m~, p95 is 9m"
    begun = [
        words.finding_words(finding(QUIET, 30 * MINUTE), NOW - 14 * MINUTE - timedelta(seconds=s), NOW) for s in (0, 1)
    ]
    assert ["none ended since" in each.long for each in begun] == [True, False]
    older = finding(replace(QUIET, is_older=True), 2 * HOUR)
    assert (words.since(older, NOW), words.since_words(older, NOW)) == ("before 12:32", "since before 12:32")
    assert words.since_words(finding(facts.ScheduleMissed(NOW)), NOW) == "due 14:32"
    before = finding(QUIET, 24 * HOUR)
    assert (words.since(before, NOW), words.since_words(before, NOW)) == ("1d", "since 2026-11-25 14:32")


CALM = facts.Verdict(NOW, heard_at=NOW, is_known=True)
NO_QUEUES, NO_ERRORS = ((each, Raw("GET /x: 403\x1b")) for each in (FactSource.QUEUES, FactSource.ERRORS))
LIMITED = replace(CALM, refused=(NO_QUEUES, NO_ERRORS), own_since=NOW - 42 * MINUTE)
REFUSED = Raw("the query was refused (429)")
UNREAD = (
    SourceUnread(FactSource.RUNS),
    SourceUnread(FactSource.MINUTES, REFUSED, NOW - HOUR),
    SourceUnread(FactSource.NORMALS, REFUSED),
    SourceUnread(FactSource.QUEUES, read_at=NOW - 2 * MINUTE),
    SourceUnread(FactSource.ERRORS, Raw("GET /api/v1/errors: 500 down\x1b")),
)
PARTIAL = replace(LIMITED, unread=UNREAD)


def test_verdicts_say_what_is_known() -> None:
    public = replace(LIMITED, is_of_listed=True)
    assert [words.ok_words(each) for each in (CALM, LIMITED, replace(CALM, is_of_listed=True))] == [
        "OK",
        "OK, as far as this key may read",
        "OK, for the listed runs",
    ]
    assert [words.ok_sentence(each, NOW) for each in (CALM, LIMITED, public)] == [
        "no unusual failures or waits now",
        "as far as this key may read; counts since 13:50",
        "as far as this key may read; counted from the listed runs since 13:50",
    ]
    assert words.refusals(LIMITED) == ["queues, errors: 403␛"]
    unknown = [
        "failures: the query was refused (429)",
        "errors: 500 down␛",
        "runs: not read yet",
        "queues: last read 2m00s ago",
    ]
    assert words.unread_words(PARTIAL, NOW) == unknown
    stale = facts.Verdict(NOW, heard_at=NOW - timedelta(minutes=5, seconds=2))
    assert [words.not_known_sentence(each, NOW) for each in (PARTIAL, stale, None, facts.Verdict(NOW))] == [
        "; ".join(unknown),
        "no data for 5m02s; below is the state of 14:27",
        *["no data from the server yet"] * 2,
    ]
    own = [words.own_words(PARTIAL, each, NOW) for each in (finding(FAILS), finding(WAITS))]
    assert [*own, words.own_words(LIMITED, finding(FAILS), NOW)] == ["counts since 13:50", "", ""]


# What happened while the user was away.


def group(task: str, count: int, message: str | None) -> FailureGroup:
    kind = None if message is None else kind_of(RunError(Raw(message), name=Raw("StripeError")))
    return FailureGroup(TaskId(task), kind, count)


REPORT = AwayReport(
    at("13:50"),
    NOW,
    {RunStatus.COMPLETED_SUCCESSFULLY: 1050, RunStatus.COMPLETED_WITH_ERRORS: 147, RunStatus.CANCELLED: 7},
    (Episode(SLOW, at("14:10"), at("14:25")), Episode(STUCK, None, at("14:12")), Episode(FAILING, at("14:21"), None)),
    groups=(group("charge-card", 131, "No such customer: 'undefined'"), group("sync\x1b", 9, None)),
    ungrouped=7,
    outage=Gap(at("14:02"), at("14:05")),
)

BLOCK = """
─ while you were away · 13:50–14:32, 42 min ─────────────────────────────────────────── Esc closes ─

  ~ no data 14:02–14:05, 3 min
  FAILING  charge-card     seen 14:21   131 of 264 runs, only in 20261126.3 since 14:21
  SLOW     send-email      14:10–14:25  at its limit 20/20, 301 wait, oldest 3m
  STUCK    nightly-report  gone 14:12   executing for 12h12m, p95 is 9m

  ✗ 131  charge-card  StripeError: No such customer: '…'
  ✗   9  sync␛        its errors were not read
    and 7 earlier failed runs

  1,204 runs ended · 147 failed · 7 canceled · 1,050 completed
"""


def test_block_says_what_came_and_went_and_counts_what_does_not_fit() -> None:
    assert drawn(away_lines(REPORT, NOW, 100, 30)) == BLOCK
    many = replace(REPORT, episodes=REPORT.episodes * 20, groups=REPORT.groups * 20)
    for width, rows in ((80, 8), (60, 9), (120, 19)):
        lines = away_lines(many, NOW, width, rows)
        assert len(lines) == rows
        assert all(line_width(line) <= width for line in lines)
        assert all(
            part in drawn(lines) for part in ("FAILING", " more findings\n", " more error groups\n", " runs ended")
        )
    assert NOT_WATCHED in drawn(away_lines(AwayReport(at("13:50"), NOW, {}, was_judged=False), NOW, 80, 12))
