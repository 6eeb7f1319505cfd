"""The smaller blocks of the wall: due schedules, the longest runs, approvals, what just ended, and ages of sources."""

from collections.abc import Iterable
from datetime import datetime
from heapq import nsmallest
from typing import Final

from tui.domain.findings.facts import FactSource, WallFacts
from tui.domain.findings.finding import Finding, RunOverdue, ScheduleMissed, Verdict
from tui.domain.findings.intervals import LAST_DAY_INTERVAL
from tui.domain.ids import RunId, TaskId
from tui.domain.run import Run
from tui.domain.status import FAILED
from tui.store.findings.board import DueRow, JustEnded, LongestRow, SourceAge, WaitingRow
from tui.store.findings.bounds import p95s_by_task, waiting_tokens
from tui.store.findings.due_times import next_due
from tui.store.findings.known import interval_of, read_at
from tui.store.findings.own_counts import OwnCounts

MAX_LONGEST: Final = 20
MAX_JUST_ENDED: Final = 12


def due_rows(facts: WallFacts, findings: Iterable[Finding], now: datetime) -> tuple[DueRow, ...]:
    """Return the active schedules: those that are late, then the next ones."""
    missed = {each.subject.key: each.evidence for each in findings if isinstance(each.evidence, ScheduleMissed)}
    rows = []
    for each in () if facts.schedules is None else facts.schedules.schedules:
        late = missed.get(each.id)
        next_at = each.next_at if each.next_at is not None and each.next_at > now else next_due(each, now)
        due_at = next_at if late is None else late.due_at
        if each.is_active and due_at is not None:
            rows.append(DueRow(each.id, each.task, due_at, each.cron, is_late=late is not None))
    return tuple(sorted(rows, key=lambda row: (not row.is_late, row.due_at, row.task, row.schedule_id)))


def longest_rows(
    facts: WallFacts, own: OwnCounts, findings: Iterable[Finding], now: datetime
) -> tuple[LongestRow, ...]:
    """Return the runs that execute, by how far they are over the 95th percentile of their task."""
    stuck = {each.run_id for each in findings if isinstance(each.evidence, RunOverdue)}
    p95_of = p95s_by_task(facts, own)
    found: list[tuple[bool, float, RunId, TaskId, datetime]] = []
    for run in own.executing_runs():
        task, started_at = run.fixed.task, None if run.state is None else run.state.started_at
        if task is None or started_at is None:
            continue
        p95, took_s = p95_of(task), (now - started_at).total_seconds()
        over = took_s if p95 is None else took_s / max(0.001, p95.total_seconds())
        found.append((p95 is None, -over, run.id, task, started_at))
    return tuple(
        LongestRow(run_id, task, started_at, p95_of(task), is_stuck=run_id in stuck)
        for _, _, run_id, task, started_at in nsmallest(MAX_LONGEST, found)
    )


def waiting_rows(facts: WallFacts, own: OwnCounts, findings: Iterable[Finding]) -> tuple[WaitingRow, ...]:
    """Return the waitpoint tokens, oldest first. A run has one row, that of its oldest token."""
    stuck = {each.subject.key for each in findings}
    rows: dict[str, WaitingRow] = {}
    for each in waiting_tokens(facts, own):
        key = each.run_id or each.id
        row = WaitingRow(each.id, each.created_at, each.tags, each.task, each.run_id, is_stuck=key in stuck)
        rows.setdefault(key, row)
    return tuple(rows.values())


def just_ended(own: OwnCounts, now: datetime) -> tuple[JustEnded, ...]:
    """Return the runs that ended last, newest first."""
    return tuple(_ended(run, now) for run in own.last_ended(MAX_JUST_ENDED))


def _ended(run: Run, now: datetime) -> JustEnded:
    state = run.state
    ended_at = now if state is None else state.finished_at or state.expired_at or state.updated_at
    error = run.error_value
    error_type = None if error is None else error.name
    return JustEnded(run.id, run.fixed.task, ended_at, run.status in FAILED, run.took(now), error_type)


def source_ages(facts: WallFacts, verdict: Verdict | None) -> tuple[SourceAge, ...]:
    """Return when each source last answered. A source that was never asked is left out."""
    ages = [SourceAge(FactSource.RUNS, None if verdict is None else verdict.heard_at)]
    for source in FactSource:
        at, unread = read_at(facts, source), facts.unread.get(source)
        if source is not FactSource.RUNS and (at is not None or unread is not None):
            ages.append(
                SourceAge(
                    source,
                    at,
                    refusal=unread.reason if unread is not None and unread.is_refused else None,
                    failure=unread.reason if unread is not None and not unread.is_refused else None,
                    interval=interval_of(facts, source),
                )
            )
    if facts.normals is not None and facts.normals.last_day_at is not None:
        ages.append(SourceAge(None, facts.normals.last_day_at, interval=LAST_DAY_INTERVAL))
    return tuple(ages)
