"""STUCK: runs that execute far too long or hang in a short-lived status, and approvals that are not given."""

from datetime import datetime, timedelta
from heapq import nsmallest
from typing import Final

from tui.domain.findings.facts import WaitToken, WallFacts
from tui.domain.findings.finding import (
    ApprovalWaits,
    Evidence,
    Finding,
    FindingSubject,
    FindingWord,
    RunHangs,
    RunOverdue,
    SubjectKind,
)
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.text import Raw
from tui.store.findings.bounds import p95s_by_task, waiting_tokens
from tui.store.findings.own_counts import OwnCounts

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
    found = {each.subject.key: each for each in (*_runs(facts, own, now), *_approvals(facts, own, now))}
    return list(found.values())


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
    if not long:
        return found
    p95_of = p95s_by_task(facts, own)
    limits = {task: overdue_after(p95_of(task)) for task in {task for _, _, task, _ in long}}
    overdue = [each for each in long if now - each[0] > limits[each[2]]]
    # The longest run of a task is found whatever else is: it explains why the task is slow.
    longest: dict[TaskId, tuple[datetime, RunId, TaskId, Run]] = {}
    for each in overdue:
        longest[each[2]] = min(each, longest.get(each[2], each))
    # By id: a run with metadata has no hash.
    shown = {each[1]: each for each in (*nsmallest(MAX_OVERDUE, overdue), *longest.values())}
    for started_at, _, task, run in shown.values():
        p95 = p95_of(task)
        found.append(_of_run(run, started_at + (p95 or timedelta()), RunOverdue(started_at, p95)))
    return found


def _of_run(run: Run, since: datetime, evidence: Evidence) -> Finding:
    subject = FindingSubject(SubjectKind.RUN, run.id, Raw(run.fixed.task or run.id))
    return Finding(FindingWord.STUCK, subject, since, evidence, f"id:{run.id}", task=run.fixed.task, run_id=run.id)


def _approvals(facts: WallFacts, own: OwnCounts, now: datetime) -> list[Finding]:
    tokens = (each for each in waiting_tokens(facts, own) if not each.is_doubtful)
    old = [each for each in tokens if now - each.created_at >= MAX_APPROVAL]
    # Of the tokens of one run the oldest stands for all.
    return [_of_token(each) for each in reversed(old)]


def _of_token(token: WaitToken) -> Finding:
    name = Raw(token.task) if token.task is not None else token.tags[0] if token.tags else Raw(token.id)
    return Finding(
        FindingWord.STUCK,
        FindingSubject(SubjectKind.RUN, token.run_id or token.id, name),
        token.created_at,
        ApprovalWaits(token.created_at, token.tags, token.id),
        f"id:{token.run_id}" if token.run_id is not None else _WAITING_RUNS,
        task=token.task,
        run_id=token.run_id,
    )
