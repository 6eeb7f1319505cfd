"""Each finding calls once: over all sequences of verdicts, and when watching begins again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.domain.patches import at
from tui.domain.facts import FactSource
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
    SubjectKind,
    TaskFails,
    TaskSlow,
    Verdict,
)
from tui.domain.text import Raw
from tui.store.findings.judging import MAX_GONE, RINGS_AGAIN_AFTER, KnownFindings

BEGAN = at(0)
AGAIN_S = RINGS_AGAIN_AFTER.total_seconds()


def finding(name: str, since_s: float = 0.0) -> Finding:
    subject = FindingSubject(SubjectKind.TASK, name, Raw(name))
    return Finding(FindingWord.FAILING, subject, at(since_s), TaskFails(5, 10), f"task={name}")


def verdict(second: float, names: str, *, is_known: bool = True, since_s: float = -61.0) -> Verdict:
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
        (RunOverdue(at(-640), timedelta(seconds=8)), -632, True),
        (RunOverdue(at(-640), timedelta(seconds=110)), -530, True),
        (RunOverdue(at(-661), timedelta(seconds=8)), -653, False),
        (RunHangs("Dequeued"), -200, True),
        (RunHangs("Dequeued"), -241, False),
        (ScheduleMissed(at(-100)), -100, True),
        (ScheduleMissed(at(-121)), -121, False),
        (QueueWaits(3, at(-80), is_at_limit=True), -80, True),
        (QueueWaits(3, at(-91), is_at_limit=True), -91, False),
        (QueueWaits(3, at(-110)), -110, True),
        (ApprovalWaits(at(-86_400)), -86_400, True),
        (ApprovalWaits(at(-86_461)), -86_461, False),
        (TaskSlow(timedelta(seconds=9), timedelta(seconds=1), 50), 20, False),
    ],
)
def test_finding_that_passed_its_bound_just_before_rings(evidence: Evidence, since_s: float, *, rings: bool) -> None:
    first = replace(finding("a", since_s), evidence=evidence)
    assert rung([Verdict(at(20), (first,), at(20), is_known=True)]) == ["a" if rings else ""]


def test_token_whose_run_becomes_known_rings_once() -> None:
    token = replace(finding("a"), word=FindingWord.STUCK, evidence=ApprovalWaits(at(-90_000), (Raw("deploy"),)))
    run = replace(token, subject=replace(token.subject, key="run_a"))
    steps = [Verdict(at(second), (each,), at(second), is_known=True) for second, each in ((10, token), (20, run))]
    assert rung([verdict(1, ""), *steps]) == ["", "a", ""]


def test_finding_that_comes_back_soon_does_not_ring() -> None:
    soon, late = 100 + AGAIN_S - 1, 200 + 2 * AGAIN_S
    steps = [verdict(1, ""), verdict(10, "a"), verdict(100, ""), verdict(soon, "a"), verdict(soon + 1, "")]
    assert rung([*steps, verdict(late, "a")]) == ["", "a", "", "", "", "a"]


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
