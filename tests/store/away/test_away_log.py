"""The log of what happened: over all sequences of changes and verdicts, within its bounds."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import at, patch_of
from tui.domain.error import RunError
from tui.domain.facts import FactSource
from tui.domain.finding import Finding, FindingSubject, FindingWord, SourceUnread, SubjectKind, TaskFails, Verdict
from tui.domain.run import Precision, RunStatus, Stamp
from tui.domain.text import Raw
from tui.domain.update import RunPatch, RunsRead
from tui.features.alerts.away import MAX_EPISODES, MAX_FAILURES, MAX_GROUPED, AwayLog, is_due, report_of
from tui.store.freshness import Gap
from tui.store.store import Store

SINCE = at(1000)
MINUTE = timedelta(minutes=1)


def finding(name: str) -> Finding:
    subject = FindingSubject(SubjectKind.TASK, name, Raw(name))
    return Finding(FindingWord.FAILING, subject, at(0), TaskFails(5, 10), "")


def verdict(second: float, names: Sequence[str], *, is_known: bool = True) -> Verdict:
    return Verdict(at(second), tuple(map(finding, names)), at(second), is_known)


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


def test_no_finding_goes_while_a_source_is_not_read() -> None:
    log = AwayLog(SINCE, (finding("a"), finding("b")))
    unread = (SourceUnread(FactSource.WAITS),)
    for names in ("", "a"):
        log.on_verdict(replace(verdict(1001, names), unread=unread))
        assert not log.episodes
    log.on_verdict(verdict(1002, "a"))
    assert [(each.finding.subject.key, each.went_at) for each in log.episodes] == [("b", at(1002))]


STEPS = st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.booleans()), max_size=12)


@given(STEPS, st.booleans())
def test_findings_are_those_that_came_or_went(steps: list[tuple[set[str], bool]], knows: bool) -> None:
    log = AwayLog(SINCE, [finding("a")] if knows else None)
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
    assert log.present == (None if present is None else [finding(name) for name in sorted(present)])


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
