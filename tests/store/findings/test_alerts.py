"""Findings that call, and the log of what happened while the user was away."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import at, patch_of
from tui.domain.error import RunError
from tui.domain.facts import FactSource
from tui.domain.finding import (
    ApprovalWaits,
    Evidence,
    Finding,
    FindingSubject,
    FindingWord,
    QueueWaits,
    RunOverdue,
    ScheduleMissed,
    SourceUnread,
    SubjectKind,
    TaskFails,
    Verdict,
)
from tui.domain.run import Precision, RunStatus, Stamp
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead
from tui.features.alerts.away import MAX_EPISODES, MAX_FAILURES, MAX_GROUPED, AwayLog, is_due, report_of
from tui.store.findings.judging import MAX_GONE, RINGS_AGAIN_AFTER, KnownFindings
from tui.store.freshness import Gap
from tui.store.store import Store

BEGAN = at(0)


def finding(name: str, since_s: float = 0.0) -> Finding:
    subject = FindingSubject(SubjectKind.TASK, name, Raw(name))
    return Finding(FindingWord.FAILING, subject, at(since_s), TaskFails(5, 10), f"task={name}")


def verdict(second: float, names: Sequence[str], *, is_known: bool = True, since_s: float = -61.0) -> Verdict:
    return Verdict(at(second), tuple(finding(name, since_s) for name in names), at(second), is_known)


def rung(steps: list[Verdict], known: KnownFindings | None = None) -> list[str]:
    """Return the new findings of each verdict as one text, `!` for silence."""
    known, called = known or KnownFindings(BEGAN), []
    for step in steps:
        news = known.news(step)
        called.append("".join(each.subject.key for each in news.findings) + "!" * news.has_gone_silent)
    return called


def test_finding_of_the_start_does_not_ring() -> None:
    assert rung([verdict(1, "a"), verdict(2, "ab"), verdict(3, "ab")]) == ["", "b", ""]
    assert rung([verdict(20, "a", since_s=-60.0)]) == ["a"]


@pytest.mark.parametrize(
    ("evidence", "since_s", "rings"),
    [
        (RunOverdue(at(-640), timedelta(seconds=110)), -530, True),
        (RunOverdue(at(-661), timedelta(seconds=8)), -653, False),
        (ScheduleMissed(at(-121)), -121, False),
        (QueueWaits(3, at(-80), is_at_limit=True), -80, True),
        (QueueWaits(3, at(-91), is_at_limit=True), -91, False),
        (ApprovalWaits(at(-86_400)), -86_400, True),
        (ApprovalWaits(at(-86_461)), -86_461, False),
    ],
)
def test_finding_that_passed_its_bound_just_before_rings(evidence: Evidence, since_s: float, *, rings: bool) -> None:
    first = replace(finding("a", since_s), evidence=evidence)
    assert rung([Verdict(at(20), (first,), at(20), is_known=True)]) == ["a" if rings else ""]


def test_unknown_verdict_rings_once_and_changes_nothing() -> None:
    steps = [verdict(1, "a"), verdict(50, "ab", is_known=False), verdict(60, "", is_known=False), verdict(70, "a")]
    assert rung(steps) == ["", "!", "", ""]
    assert rung([*steps, verdict(80, "a", is_known=False)])[-1] == "", "it was silent a moment ago"
    assert rung([verdict(1, "", is_known=False), verdict(2, "a")]) == ["", ""]


def unread(known: Verdict) -> Verdict:
    return replace(known, unread=(SourceUnread(FactSource.WAITS),))


def test_unread_source_is_no_recovery() -> None:
    steps = [
        verdict(1, "a"),
        unread(verdict(20, "")),
        unread(verdict(30, "b")),
        unread(verdict(40, "")),
        verdict(50, "a"),
    ]
    assert rung(steps) == ["", "!", "b", "", ""]
    assert rung([*steps, verdict(60, "b")])[-1] == "", "it went ten seconds ago"


def test_watching_again_rings_for_nothing_known() -> None:
    known = KnownFindings(BEGAN)
    known.news(verdict(1, ""))
    assert known.news(verdict(10, "a", since_s=5.0)).findings
    known.begin(at(20))
    old = verdict(21, "ab", since_s=-60.0)
    assert rung([old, verdict(30, "abc", since_s=25.0)], known) == ["", "c"]


NAMES = st.text("abc", max_size=3).map(lambda text: "".join(sorted(set(text))))
VERDICTS = st.lists(st.tuples(st.integers(1, 400), NAMES, st.booleans()), max_size=30)


@given(VERDICTS, st.permutations("abc"))
def test_no_finding_rings_twice_without_having_gone(steps: list[tuple[int, str, bool]], order: list[str]) -> None:
    second, verdicts = 0, []
    for seconds, names, is_known in steps:
        second += seconds
        verdicts.append(verdict(second, names, is_known=is_known))
    called = rung(verdicts)

    def of_order(each: Finding) -> int:
        return order.index(each.subject.key)

    for name in "abc":
        seen_s: float | None = None
        for step, text in zip(verdicts, called, strict=True):
            if not step.is_known:
                assert name not in text
                continue
            is_there = any(each.subject.key == name for each in step.findings)
            if name in text:
                assert is_there
                assert seen_s is None or step.at - at(seen_s) >= RINGS_AGAIN_AFTER
            if is_there:
                seen_s = (step.at - at(0)) / timedelta(seconds=1)
    mixed = [replace(each, findings=tuple(sorted(each.findings, key=of_order))) for each in verdicts]
    assert [sorted(text) for text in rung(mixed)] == [sorted(text) for text in called]


def test_findings_that_went_are_bounded() -> None:
    known = KnownFindings(BEGAN)
    known.news(verdict(1, ""))
    many = Verdict(at(2), tuple(finding(str(number)) for number in range(MAX_GONE + 100)), at(2), is_known=True)
    known.news(many)
    known.news(verdict(3, ""))
    assert len(known.gone) == MAX_GONE


SINCE = at(1000)
MINUTE = timedelta(minutes=1)


def run(number: int, status: str, second: float, message: str | None = None) -> RunPatch:
    error = None if message is None else (Stamp(at(second), Precision.FEED, at(second)), RunError(Raw(message)))
    return patch_of(
        f"run_{number:05}", status, updated=second, read=second, created=second - 1, task="charge", error=error
    )


def logged(*batches: Sequence[RunPatch], before: Sequence[RunPatch] = ()) -> tuple[AwayLog, Store]:
    store, log = Store(), AwayLog(SINCE, ())
    store.apply(RunsRead(tuple(before)))
    for batch in batches:
        log.on_changes(store.apply(RunsRead(tuple(batch))))
    return log, store


def test_runs_count_once_when_they_end() -> None:
    log, store = logged(
        [run(1, "EXECUTING", 1001), run(2, "FAILED", 1002, "no customer 12")],
        [run(1, "REATTEMPTING", 1003)],
        [run(1, "FAILED", 1004, "no customer 34"), run(2, "FAILED", 1002, "no customer 12")],
        [run(3, "COMPLETED", 1005), run(4, "FAILED", 900)],
        before=[run(5, "FAILED", 800)],
    )
    assert log.counts == {RunStatus.COMPLETED_WITH_ERRORS: 2, RunStatus.COMPLETED_SUCCESSFULLY: 1}
    report = report_of(log, store.get, at(1100), None)
    assert [(each.task, each.count) for each in report.groups] == [("charge", 2)]
    assert report.groups[0].kind is not None


STEPS = st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.booleans()), max_size=12)


@given(STEPS, st.booleans())
def test_findings_are_those_that_came_or_went(steps: list[tuple[set[str], bool]], knows: bool) -> None:
    log = AwayLog(SINCE, [finding("a", -61.0)] if knows else None)
    present: set[str] | None = {"a"} if knows else None
    came: list[str] = []
    went: list[str] = []
    for number, (names, is_known) in enumerate(steps):
        log.on_verdict(verdict(1001 + number, sorted(names), is_known=is_known))
        if is_known:
            if present is not None:
                came += names - present
                went += present - names
            present = names
    episodes = log.episodes
    assert sorted(each.finding.subject.key for each in episodes if each.came_at is not None) == sorted(came)
    assert sorted(each.finding.subject.key for each in episodes if each.went_at is not None) == sorted(went)
    assert all(each.came_at is None or each.went_at is None or each.came_at < each.went_at for each in episodes)
    times = [each.came_at or each.went_at for each in episodes]
    assert times == sorted(times, key=lambda each: each or SINCE)
    assert log.has_news is bool(came or went)
    assert log.present == (None if present is None else [finding(name, -61.0) for name in sorted(present)])


def test_log_is_bounded() -> None:
    log = AwayLog(SINCE, ())
    for number in range(MAX_EPISODES + 50):
        log.on_verdict(verdict(1001 + 2 * number, [f"task-{number}"]))
        log.on_verdict(verdict(1002 + 2 * number, []))
    assert (len(log.episodes), log.dropped_episodes) == (MAX_EPISODES, 50)
    failing, store = logged([run(number, "FAILED", 1001 + number) for number in range(MAX_FAILURES + 10)])
    assert len(failing.failed_ids) == MAX_FAILURES
    report = report_of(failing, store.get, at(9000), None)
    assert sum(each.count for each in report.groups) == MAX_GROUPED
    assert report.ungrouped == MAX_FAILURES + 10 - MAX_GROUPED


@pytest.mark.parametrize(
    ("rested", "outage", "is_shown"),
    [
        (10 * MINUTE, None, True),
        (10 * MINUTE - timedelta(seconds=1), None, False),
        (2 * MINUTE, Gap(SINCE, SINCE + 1.1 * MINUTE), True),
        (2 * MINUTE, Gap(SINCE, SINCE + MINUTE), False),
        (2 * MINUTE, Gap(SINCE - 5 * MINUTE, SINCE + 0.5 * MINUTE), False),
        (2 * MINUTE, Gap(SINCE - 5 * MINUTE, SINCE - MINUTE), False),
    ],
)
def test_block_is_due_after_a_rest_or_an_outage(rested: timedelta, outage: Gap | None, is_shown: bool) -> None:
    log, store = logged([run(1, "FAILED", 1001)])
    now = SINCE + rested
    assert is_due(log, now, rested, outage) is is_shown
    assert not is_due(AwayLog(SINCE, ()), now, rested, outage), "nothing happened"
    if outage is not None:
        report = report_of(log, store.get, now, outage)
        assert (report.outage == outage) is (outage.until > SINCE)
        assert replace(report, outage=None) == report_of(log, store.get, now, None)
