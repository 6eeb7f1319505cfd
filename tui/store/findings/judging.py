"""`judge`: all findings of one moment, `hold`: what of them is shown, and `new_findings`: what calls the user."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from tui.domain.facts import FactSource, Queue, Schedule, WaitToken, WallFacts
from tui.domain.filters import TASK_QUEUE_PREFIX
from tui.domain.finding import (
    NOT_KNOWN,
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
from tui.domain.run import Run, RunId, TaskId
from tui.domain.text import Raw
from tui.lazy_dataclass import dataclass
from tui.store.filter import as_value
from tui.store.findings import bounds
from tui.store.findings.bounds import LATE_AFTER
from tui.store.findings.counts import OwnCounts, said_since
from tui.store.findings.failing import FailureJudge, is_judged_by_own_counts
from tui.store.store import unread_sources

# `judge`: all findings of one moment, with MISSING, SLOW and STUCK, and `hold`: what of them is shown.


# MISSING: schedules whose due time has passed without a run.
#
# A schedule is missing only if the server was asked for its runs after the due time, and has none since. Due times
# before the program knew the schedule count only where its newest run shows that it ran as it is now, or where the
# server names one as the next.


MISSED_AFTER: Final = timedelta(seconds=60)
"""After the server should have started it. It spreads schedules over some seconds, and a list lags behind."""

MAX_DUE_BEFORE: Final = 3
"""A schedule may have been switched off. If it missed more due times before the program knew it, it probably was."""

ASKED_BEFORE: Final = timedelta(seconds=15)
"""So soon before another due time counts, a schedule is not asked for: each may be asked for few times a minute."""

MAX_IDLE_DEVELOPMENT: Final = timedelta(minutes=5)
"""In a development environment no run and no schedule starts while no `dev` command runs."""

_CLOCK_SKEW: Final = timedelta(seconds=1)


def needs_schedule_runs(facts: WallFacts, now: datetime, own: OwnCounts | None = None) -> tuple[str, ...]:
    """Return the ids of schedules whose newest run decides whether they are missing: each once for a due time.

    The last due time comes first, since few can be asked for at once.
    """
    return tuple(each.id for each in _unasked(facts, now, own))


def schedules_to_ask(facts: WallFacts, now: datetime, own: OwnCounts | None = None) -> tuple[str, ...]:
    """Return the schedules to ask about now. One that is due again soon is asked about after that."""
    unasked, soon = _unasked(facts, now, own), now + ASKED_BEFORE
    return tuple(each.id for each in unasked if _last_overdue(each, now) == _last_overdue(each, soon))


def _unasked(facts: WallFacts, now: datetime, own: OwnCounts | None) -> list[Schedule]:
    found: list[tuple[datetime, str, Schedule]] = []
    for each in _active(facts):
        due_at, runs = _last_overdue(each, now), facts.schedule_runs.get(each.id)
        if due_at is None or (runs is not None and runs.at >= due_at + _patience(each)):
            continue
        if own is None or not _has_run(facts, own, each, due_at):
            found.append((due_at, each.id, each))
    return [each for _, _, each in sorted(found, key=lambda item: item[:2], reverse=True)]


def missing(facts: WallFacts, own: OwnCounts, now: datetime, *, is_development: bool) -> list[Finding]:
    """Return the schedules that are missing."""
    if is_development and (own.last_started is None or now - own.last_started > MAX_IDLE_DEVELOPMENT):
        return []
    found = []
    for each in _active(facts):
        due_at = _first_missed(facts, own, each, now)
        if due_at is not None:
            subject, text = FindingSubject(SubjectKind.SCHEDULE, each.id, Raw(each.task)), f"task:{as_value(each.task)}"
            found.append(Finding(FindingWord.MISSING, subject, due_at, ScheduleMissed(due_at), text, task=each.task))
    return found


def _active(facts: WallFacts) -> list[Schedule]:
    return [] if facts.schedules is None else [each for each in facts.schedules.schedules if each.is_active]


def _patience(schedule: Schedule) -> timedelta:
    """Return how long after a due time its run must be there: the server delays each schedule by its own seconds."""
    if schedule.next_at is None or schedule.next_effective_at is None:
        return MISSED_AFTER
    return MISSED_AFTER + max(timedelta(), schedule.next_effective_at - schedule.next_at)


def _last_overdue(schedule: Schedule, now: datetime) -> datetime | None:
    """Return the last due time whose run must be there by now."""
    until = now - _patience(schedule)
    moments = [bounds.last_due(schedule, until)]
    if schedule.next_at is not None and schedule.next_at <= until:
        moments.append(schedule.next_at)
    return max((each for each in moments if each is not None), default=None)


def _first_missed(facts: WallFacts, own: OwnCounts, schedule: Schedule, now: datetime) -> datetime | None:
    """Return the first due time without a run, None if there is none, or if that is not known."""
    runs, known = facts.schedule_runs.get(schedule.id), facts.schedules_since.get(schedule.id)
    if runs is None or known is None:
        return None
    until = min(now, runs.at) - _patience(schedule)
    after = known.since if runs.newest_at is None else runs.newest_at
    if runs.newest_at is not None and runs.newest_at < known.since:
        ran_as_it_is = not known.is_changed and _was_due_at(schedule, runs.newest_at)
        if not ran_as_it_is or _due_count(schedule, runs.newest_at, known.since) > MAX_DUE_BEFORE:
            after = known.since
    due_at = bounds.next_due(schedule, after)
    if due_at is None or due_at > until:
        due_at = schedule.next_at
        was_started = runs.newest_at is not None and due_at is not None and runs.newest_at >= due_at - _CLOCK_SKEW
        if due_at is None or due_at > until or was_started:
            return None
    return None if _has_run(facts, own, schedule, due_at) else due_at


def _was_due_at(schedule: Schedule, created_at: datetime) -> bool:
    """Return whether a run was created at a due time of the schedule as it is now."""
    due_at = bounds.last_due(schedule, created_at + _CLOCK_SKEW)
    return due_at is not None and created_at - due_at <= _patience(schedule)


def _due_count(schedule: Schedule, after: datetime, until: datetime) -> int:
    """Return how many due times there are between two times, or one more than MAX_DUE_BEFORE."""
    count, due_at = 0, bounds.next_due(schedule, after)
    while due_at is not None and due_at <= until and count <= MAX_DUE_BEFORE:
        count += 1
        due_at = bounds.next_due(schedule, due_at)
    return count


def _has_run(facts: WallFacts, own: OwnCounts, schedule: Schedule, due_at: datetime) -> bool:
    """Return whether the store has a run that a schedule of the task started since. Another one may have started it."""
    created_s = own.scheduled_s.get(schedule.task)
    if created_s is None or sum(each.task == schedule.task for each in _active(facts)) > 1:
        return False
    return datetime.fromtimestamp(created_s, UTC) >= due_at - _CLOCK_SKEW


# SLOW: queues whose oldest run waits too long, and tasks whose runs take far longer than they usually do.


AT_LIMIT_AFTER: Final = timedelta(seconds=30)
"""How long the oldest run of a queue at its limit may wait."""

MIN_SLOW_RUNS: Final = 30
"""Fewer runs in the last hour have no trustworthy 95th percentile: it would be that of a single run."""


def slow_queues(facts: WallFacts, own: OwnCounts, now: datetime, still: Standstill | None = None) -> list[Finding]:
    """Return the queues that are slow. Delayed runs do not wait. `still` is why no run of the environment starts."""
    queues = {} if facts.queues is None else {each.stored_name: each for each in facts.queues.queues}
    found = []
    for name, waiting in bounds.waiting_runs(facts, own, now).items():
        queue = None if waiting.task is not None else queues.get(name)  # the runs of a task may wait in another one
        here = still if queue is None else queue_standstill(queue, facts.paused_since) or still
        if (finding := _judged(name, waiting, queue, here)) is not None:
            found.append(finding)
    return found


def queue_standstill(queue: Queue, paused_since: Mapping[str, datetime]) -> Standstill | None:
    """Return why no run of a queue starts, if it or its limit is paused."""
    if queue.is_paused:
        return Standstill(StandstillReason.QUEUE_PAUSED, paused_since.get(queue.id))
    return Standstill(StandstillReason.LIMIT_PAUSED) if queue.is_limit_paused else None


def _judged(stored_name: str, waiting: bounds.Waiting, queue: Queue | None, still: Standstill | None) -> Finding | None:
    if waiting.oldest_at is None or waiting.queued <= 0:
        return None
    is_full = queue is not None and bounds.is_at_limit(queue) and still is None
    if waiting.waited <= (AT_LIMIT_AFTER if is_full else bounds.LATE_AFTER):
        return None
    is_task = queue.is_task if queue is not None else stored_name.startswith(TASK_QUEUE_PREFIX)
    name = queue.name if queue is not None else Raw(stored_name.removeprefix(TASK_QUEUE_PREFIX))
    subject, field = FindingSubject(SubjectKind.QUEUE, stored_name, name), "queue"
    if waiting.task is not None:
        subject, field = FindingSubject(SubjectKind.TASK, waiting.task, Raw(waiting.task)), "task"
    running, limit = (None, None) if queue is None else (queue.running, queue.limit)
    holders = waiting.holders if is_full else ()
    evidence = QueueWaits(waiting.queued, waiting.oldest_at, running, limit, is_full, holders, still)
    text, task = f"{field}:{as_value(subject.key)} status:queued", TaskId(name) if is_task else None
    return Finding(FindingWord.SLOW, subject, waiting.oldest_at, evidence, text, task=task)


def slow_tasks(facts: WallFacts, own: OwnCounts, now: datetime) -> list[Finding]:
    """Return the tasks whose 95th percentile of the last hour is far over the same hour of the last 7 days."""
    normals = bounds.normals_by_task(facts)
    found = []
    for task, speed in bounds.speeds_by_task(facts, own).items():
        normal, p95 = normals.get(task), speed.p95
        if normal is None or normal.runs < bounds.MIN_NORMAL_RUNS or speed.runs < MIN_SLOW_RUNS:
            continue
        if p95 is not None and normal.p95 is not None and bounds.is_slower(p95, normal.p95):
            subject, evidence = FindingSubject(SubjectKind.TASK, task, Raw(task)), TaskSlow(p95, normal.p95, speed.runs)
            found.append(Finding(FindingWord.SLOW, subject, now, evidence, f"task:{as_value(task)}", task=task))
    return found


# STUCK: runs that execute far too long or hang in a short-lived status, and approvals that are not given.


OVERDUE_P95S: Final = 5
"""A run is overdue after so many times the 95th percentile of its task: even slow runs rarely take three times it."""

MIN_OVERDUE: Final = timedelta(minutes=10)
"""And not before this: a run of seconds that takes a minute needs no attention."""

MAX_UNUSUAL: Final = timedelta(hours=24)
"""A run of a task of which no percentile is known is overdue after this: a person should know that it takes days."""

MAX_OVERDUE: Final = 500
"""Overdue runs of which a finding is made, the longest first: a verdict has no more findings."""

MAX_DEQUEUED: Final = timedelta(minutes=3)
"""A dequeued run starts within seconds; a cold machine takes a minute."""

MAX_APPROVAL: Final = timedelta(hours=24)
"""A token that has waited for a day was forgotten: the person who had to act has had a working day."""

_WAITING_RUNS: Final = f"status:executing,waiting age:>{MAX_APPROVAL // timedelta(hours=1)}h"
"""The filter of the runs that may wait for a token: they were created before it. Some execute while they wait."""

_DEQUEUED: Final = "Dequeued"


def stuck(facts: WallFacts, own: OwnCounts, now: datetime) -> list[Finding]:
    """Return what is stuck: one finding a run, and one for each token whose run is not known."""
    return list({each.subject.key: each for each in (*_runs(facts, own, now), *_approvals(facts, own, now))}.values())


def overdue_after(p95: timedelta | None) -> timedelta:
    """Return how long a run may execute whose task has this 95th percentile, None where it is not known."""
    return MAX_UNUSUAL if p95 is None else max(MIN_OVERDUE, p95 * OVERDUE_P95S)


def _runs(facts: WallFacts, own: OwnCounts, now: datetime) -> list[Finding]:
    found, long = list[Finding](), list[tuple[datetime, RunId, TaskId, Run]]()
    for run in own.executing_runs():
        state, task = run.state, run.fixed.task
        if state is None or task is None or run.wait is not None:
            continue
        if state.status.title == _DEQUEUED:
            if now - state.updated_at > MAX_DEQUEUED:
                found.append(_of_run(run, state.updated_at, RunHangs(state.status.title)))
            continue
        if state.started_at is not None and now - state.started_at > MIN_OVERDUE:
            long.append((state.started_at, run.id, task, run))
    p95_of = bounds.p95s_by_task(facts, own)
    overdue = sorted(each for each in long if now - each[0] > overdue_after(p95_of(each[2])))
    # The longest run of a task is found whatever else is: it explains why the task is slow.
    longest = {each[2]: each for each in reversed(overdue)}
    # By id: a run with metadata has no hash.
    shown = {each[1]: each for each in (*overdue[:MAX_OVERDUE], *longest.values())}
    for started_at, _, task, run in shown.values():
        p95 = p95_of(task)
        found.append(_of_run(run, started_at + (p95 or timedelta()), RunOverdue(started_at, p95)))
    return found


def _of_run(run: Run, since: datetime, evidence: Evidence) -> Finding:
    subject = FindingSubject(SubjectKind.RUN, run.id, Raw(run.fixed.task or run.id))
    return Finding(FindingWord.STUCK, subject, since, evidence, f"id:{run.id}", task=run.fixed.task, run_id=run.id)


def _approvals(facts: WallFacts, own: OwnCounts, now: datetime) -> list[Finding]:
    tokens = (each for each in bounds.waiting_tokens(facts, own) if not each.is_doubtful)
    # Of the tokens of one run the oldest stands for all.
    return [_of_token(each) for each in tokens if now - each.created_at >= MAX_APPROVAL][::-1]


def _of_token(token: WaitToken) -> Finding:
    name = Raw(token.task) if token.task is not None else token.tags[0] if token.tags else Raw(token.id)
    subject = FindingSubject(SubjectKind.RUN, token.run_id or token.id, name)
    evidence = ApprovalWaits(token.created_at, token.tags, token.id)
    text = f"id:{token.run_id}" if token.run_id is not None else _WAITING_RUNS
    return Finding(FindingWord.STUCK, subject, token.created_at, evidence, text, token.task, token.run_id)


# `judge`: all findings of one moment, and `hold`: what of them is shown.


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
    facts: WallFacts, own: OwnCounts, now: datetime, *, is_development: bool = False, still: Standstill | None = None
) -> tuple[Finding, ...]:
    """Return what is wrong at `now`, the server's time, worst first. `still` is why no run starts at all.

    One cause has one word: a task that fails is not also slow, and runs that wait behind a stuck one are no finding.
    A paused queue is a cause of its own.
    """
    found = FailureJudge(facts, own, now).findings()
    found += missing(facts, own, now, is_development=is_development)
    found += stuck(facts, own, now)
    causes = {each.task for each in found if each.word in {FindingWord.FAILING, FindingWord.STUCK} and each.task}
    queues = [each for each in slow_queues(facts, own, now, still) if each.task not in causes or _is_paused(each)]
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
        case TaskFails(runs) | QueueWaits(runs):
            return runs
        case TaskSlow(p95, normal_p95):
            return p95 / max(normal_p95, timedelta(milliseconds=1)) / 1e6  # after all queues
        case ScheduleMissed(at) | RunOverdue(at):
            return (now - at).total_seconds()
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
    is_own = any(each.source is FactSource.MINUTES for each in unread) or is_judged_by_own_counts(facts, own)
    own_since = said_since(own) if is_own and not own.is_filtered else None
    return Verdict(now, held.findings, heard_at, is_known, refused, own_since, unread, is_of_listed)


# The new findings of a verdict, each once, and when each passed its bound.


# When a finding passed the bound that makes it one: later than its since, which is when the trouble began.


def passed_bound_at(finding: Finding) -> datetime | None:
    """Return when a finding passed its bound, None where its evidence does not say.

    For a task that fails it is the time of the first failure: how many failures it takes depends on its normal.
    """
    match finding.evidence:
        case TaskFails():
            return finding.since
        case TaskSlow():
            return None
        case QueueWaits(is_at_limit=is_full):
            return finding.since + (AT_LIMIT_AFTER if is_full else LATE_AFTER)
        case ScheduleMissed(due_at):
            return due_at + MISSED_AFTER
        case RunOverdue(started_at, p95):
            return started_at + overdue_after(p95)
        case RunHangs():
            return finding.since + MAX_DEQUEUED
        case ApprovalWaits(created_at):
            return created_at + MAX_APPROVAL


# Finds the new findings of a verdict: each calls the user once, however often it is judged.


RINGS_AGAIN_AFTER: Final = timedelta(minutes=10)
"""A finding that went and comes back sooner is the same one: its numbers move around its bound."""

NEW_WITHIN: Final = timedelta(minutes=1)
"""Of the findings that the first verdict has, those that became one at most this long before the start are new."""

MAX_GONE: Final = 1_000
"""Findings that went lately and are remembered."""


@dataclass(frozen=True, slots=True)
class KnownFindings:
    """What the user was called for, or knew without a call.

    * `began_at`: the start. Of the findings of the first verdict, those that were one long before it are not new
    * `present`: the identities of the findings of the last verdict; None before the first
    * `gone`: when findings went that are not present, at most MAX_GONE
    """

    began_at: datetime
    present: frozenset[Hashable] | None = None
    gone: Mapping[Hashable, datetime] | None = None
    is_silent: bool = False
    """Whether the last verdict was not known."""


@dataclass(frozen=True, slots=True)
class News:
    """What is new in a verdict: findings, worst first, and whether nothing is known any more."""

    findings: tuple[Finding, ...] = ()
    has_gone_silent: bool = False


def new_findings(known: KnownFindings, verdict: Verdict) -> tuple[KnownFindings, News]:
    """Return what is new in the next verdict, and what is known after it.

    A verdict that is not known changes no finding. It is news only after one that was known. While some source is not
    read, no finding has gone.
    """
    gone = {key: at for key, at in (known.gone or {}).items() if verdict.at - at < RINGS_AGAIN_AFTER}
    present, news = known.present, News()
    is_silent = verdict.word == NOT_KNOWN
    if is_silent:
        news = News(has_gone_silent=present is not None and not known.is_silent and NOT_KNOWN not in gone)
    else:
        before = known.present or frozenset()
        fresh = (each for each in verdict.findings if each.identity not in before | gone.keys())
        if known.present is None:
            fresh = (each for each in fresh if _is_newer(each, known.began_at - NEW_WITHIN))
        news = News(tuple(fresh))
        present = frozenset(each.identity for each in verdict.findings) | (before if verdict.unread else frozenset())
        gone |= dict.fromkeys(before - present, verdict.at)
        if known.is_silent and known.present is not None:
            gone[NOT_KNOWN] = verdict.at
        gone = {key: at for key, at in gone.items() if key not in present}
    newest = sorted(gone.items(), key=lambda item: item[1])[-MAX_GONE:]
    return KnownFindings(known.began_at, present, dict(newest), is_silent), news


def begun_again(known: KnownFindings, at: datetime) -> KnownFindings:
    """Return what is known when watching begins again: what the next verdict has from before is not new."""
    return KnownFindings(at, None, {**(known.gone or {}), **dict.fromkeys(known.present or (), at)})


def _is_newer(finding: Finding, oldest: datetime) -> bool:
    """Return whether a finding became one at `oldest` or later. What cannot be known is not newer."""
    at = passed_bound_at(finding)
    return at is not None and at >= oldest
