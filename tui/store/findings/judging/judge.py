"""`judge`: all findings of one moment, and `hold`: what of them is shown."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tui.domain.findings.facts import FactSource, WallFacts
from tui.domain.findings.finding import (
    Finding,
    FindingWord,
    QueueWaits,
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
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.store.findings.judging.failing import FailureJudge, is_judged_by_own_counts
from tui.store.findings.judging.missing import missing, needs_schedule_runs
from tui.store.findings.judging.slow import slow_queues, slow_tasks
from tui.store.findings.judging.stuck import stuck
from tui.store.findings.known import unread_sources
from tui.store.findings.own_counts import OwnCounts, said_since

UNKNOWN_AFTER: Final = timedelta(seconds=41)
"""Nothing is known once list and feed have been silent for so long. This is judged up to 3 s later, so that screens say
it within 45 s. A feed answers every 20 s, even if nothing happens."""

MIN_SHOWN: Final = timedelta(seconds=60)
"""A finding that appeared stays so long: otherwise it could not be read in time."""

MIN_ENDED: Final = timedelta(seconds=20)
"""And it stays until it was not found for so long: one that comes and goes within seconds would flicker, and ring."""

ASKED_WITHIN: Final = timedelta(seconds=20)
"""A late schedule is asked for its runs within this time. One that was not may have missed a run: nothing is OK."""

MAX_FINDINGS: Final = 500
"""More findings are one: everything is wrong."""

_WORDS: Final = tuple(FindingWord)


@dataclass(frozen=True, slots=True)
class HeldFinding:
    """A finding, when it appeared, and when it was last found."""

    finding: Finding
    appeared_at: datetime
    found_at: datetime


@dataclass(frozen=True, slots=True)
class HeldFindings:
    """The findings that are shown, worst first."""

    held: tuple[HeldFinding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings, worst first."""
        return tuple(each.finding for each in self.held)


NO_FINDINGS: Final = HeldFindings()


def judge(
    facts: WallFacts,
    own: OwnCounts,
    now: datetime,
    *,
    is_development: bool = False,
    still: Standstill | None = None,
) -> tuple[Finding, ...]:
    """Return what is wrong at `now`, the server's time, worst first. `still` is why no run starts at all.

    One cause has one word: a task that fails is not also slow, and runs that wait behind a stuck one are no finding.
    A paused queue is a cause of its own.
    """
    found = FailureJudge(facts, own, now).findings()
    found += missing(facts, own, now, is_development=is_development)
    found += stuck(facts, own, now)
    causes = {each.task for each in found if each.word in {FindingWord.FAILING, FindingWord.STUCK} and each.task}
    slow = slow_queues(facts, own, now, still)
    queues = [each for each in slow if each.task not in causes or _is_paused(each)]
    explained = causes | {each.task for each in queues}
    found += queues
    found += [each for each in slow_tasks(facts, own, now) if each.task not in explained]
    return _worst_first(found, now)


def _is_paused(finding: Finding) -> bool:
    still = finding.evidence.standstill if isinstance(finding.evidence, QueueWaits) else None
    return still is not None and still.reason is StandstillReason.QUEUE_PAUSED


def hold(previous: HeldFindings, judged: Sequence[Finding], now: datetime) -> HeldFindings:
    """Return the findings to show: the judged ones, and those that appeared or were found too short a time ago.

    The since of a finding never gets later, other than that of failures: their runs say when they began.
    """
    before = {each.finding.identity: each for each in previous.held}
    after: dict[Hashable, HeldFinding] = {}
    for found in judged:
        known = before.get(found.identity)
        if known is None:
            after[found.identity] = HeldFinding(found, now, now)
            continue
        since = found.since if found.word is FindingWord.FAILING else min(found.since, known.finding.since)
        after[found.identity] = HeldFinding(replace(found, since=since), known.appeared_at, now)
    # A run that was found by its duration, and now by the token for which it waits, has one finding.
    subjects = {_said_of(each.finding) for each in after.values()}
    for identity, each in before.items():
        # The server's clock was set back where this is in the future: such a finding would stay for as long.
        is_shown = each.found_at <= now and (now - each.appeared_at < MIN_SHOWN or now - each.found_at <= MIN_ENDED)
        if is_shown and identity not in after and _said_of(each.finding) not in subjects:
            after[identity] = each
    order = _worst_first([each.finding for each in after.values()], now)
    return HeldFindings(tuple(after[each.identity] for each in order))


def _said_of(finding: Finding) -> tuple[FindingWord, SubjectKind, str]:
    return finding.word, finding.subject.kind, finding.subject.key


def _worst_first(found: Sequence[Finding], now: datetime) -> tuple[Finding, ...]:
    ranked = sorted(
        found, key=lambda each: (_WORDS.index(each.word), -_size(each, now), each.subject.kind, each.subject.key)
    )
    return tuple(ranked[:MAX_FINDINGS])


def _size(finding: Finding, now: datetime) -> float:
    """Return the number by which findings of one word are ordered: runs, or seconds."""
    match finding.evidence:
        case TaskFails(failed):
            return failed
        case QueueWaits(queued):
            return queued
        case TaskSlow(p95, normal_p95):
            return p95 / max(normal_p95, timedelta(milliseconds=1)) / 1e6  # after all queues
        case ScheduleMissed(due_at):
            return (now - due_at).total_seconds()
        case RunOverdue(started_at):
            return (now - started_at).total_seconds()
        case _:
            return (now - finding.since).total_seconds()


def verdict_of(
    held: HeldFindings,
    facts: WallFacts,
    own: OwnCounts,
    now: datetime,
    heard_at: datetime | None,
    runs: SourceUnread | None = None,
    *,
    is_of_listed: bool = False,
) -> Verdict:
    """Return the verdict. `heard_at` is the server's time of the last answer of list or feed, None before the first.

    `runs` says that the list was not read. `is_of_listed`: it was, and lacks runs.
    """
    is_known = heard_at is not None and now - heard_at <= UNKNOWN_AFTER
    refused = tuple(
        (source, each.reason)
        for source in FactSource
        if (each := facts.unread.get(source)) is not None and each.is_refused
    )
    unread = (*(() if runs is None else (runs,)), *unread_sources(facts, now))
    if not unread and not held.findings and needs_schedule_runs(facts, now - ASKED_WITHIN, own):
        unread = (SourceUnread(FactSource.SCHEDULES, Raw("the runs of late ones are not read yet")),)
    is_own = any(each.source is FactSource.MINUTES for each in unread)
    is_own = is_own or is_judged_by_own_counts(facts, own)
    return Verdict(
        now,
        held.findings,
        heard_at,
        is_known,
        refused,
        said_since(own) if is_own and not own.is_filtered else None,
        unread,
        is_of_listed,
    )
