"""`make_board`: the wall of one moment, with its series and its smaller blocks."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from heapq import nsmallest
from typing import Final

from tui.domain.facts import LAST_DAY_INTERVAL, FactSource, NormalsRead, WallFacts
from tui.domain.finding import Finding, FindingWord, QueueWaits, RunOverdue, ScheduleMissed, Verdict
from tui.domain.ids import RunId, TaskId
from tui.domain.status import FAILED
from tui.store.findings.bounds import fresh_waits, next_due, p95s_by_task, waiting_tokens
from tui.store.findings.counts import Cells, CellSums, OwnCounts, Sums, said_since
from tui.store.findings.rows import (
    Board,
    BoardSpan,
    DueRow,
    FourLines,
    JustEnded,
    Line,
    LongestRow,
    SourceAge,
    TaskRows,
    WaitingRow,
    queue_rows,
    worst_first,
)
from tui.store.indexes import StatusCounts
from tui.store.store import interval_of, read_at

# The smaller blocks of the wall: due schedules, the longest runs, approvals, what just ended, and ages of sources.


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
    rows = []
    for run in own.last_ended(MAX_JUST_ENDED):
        state, error = run.state, run.error_value
        ended_at = now if state is None else state.finished_at or state.expired_at or state.updated_at
        error_type = None if error is None else error.name
        rows.append(JustEnded(run.id, run.fixed.task, ended_at, run.status in FAILED, run.took(now), error_type))
    return tuple(rows)


def source_ages(facts: WallFacts, verdict: Verdict | None) -> tuple[SourceAge, ...]:
    """Return when each source last answered. A source that was never asked is left out."""
    ages = [SourceAge(FactSource.RUNS, None if verdict is None else verdict.heard_at)]
    for source in FactSource:
        at, unread = read_at(facts, source), facts.unread.get(source)
        if source is not FactSource.RUNS and (at is not None or unread is not None):
            refusal = unread.reason if unread is not None and unread.is_refused else None
            failure = unread.reason if unread is not None and not unread.is_refused else None
            ages.append(SourceAge(source, at, refusal, failure, interval_of(facts, source)))
    if facts.normals is not None and facts.normals.last_day_at is not None:
        ages.append(SourceAge(None, facts.normals.last_day_at, interval=LAST_DAY_INTERVAL))
    return tuple(ages)


# The four series of the wall: done, failed, queued and running, on one axis.


MAX_CELLS_AFTER: Final = 1_440
"""Cells between the end of the span and now, through which queued and running are followed back."""

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


def four_lines(
    facts: WallFacts,
    sums: CellSums,
    counts: StatusCounts | None,
    verdict: Verdict | None,
    span: BoardSpan,
    now: datetime,
) -> FourLines:
    """Return the series of a span. `counts` are the live runs as the header counts them, None if they are not known."""
    cell_s = int(span.cell.total_seconds())
    start_s = int(span.start.timestamp())
    last_s = int(now.timestamp()) // cell_s * cell_s
    count = min(span.count + MAX_CELLS_AFTER, max(span.count, (last_s - start_s) // cell_s + 1))
    cells = [sums.total(start_s + turn * cell_s, start_s + (turn + 1) * cell_s) for turn in range(count)]
    reaches_now = start_s + count * cell_s > last_s
    queued_now, running_now = _levels_now(facts, counts, now) if reaches_now else (None, None)
    # Newer than the own counts, the header's would move all cells up and down with every run that is not counted yet.
    queued_last, running_last = sums.live_counts or (queued_now, running_now) if reaches_now else (None, None)
    queued = levels(queued_last, cells, lambda each: each.triggered - each.started - each.unstarted)[: span.count]
    running = levels(running_last, cells, lambda each: each.started - (each.ended - each.unstarted))[: span.count]
    done = [None if each is None else each.done for each in cells[: span.count]]
    failed = [None if each is None else each.failed for each in cells[: span.count]]
    done_now, failed_now = sums.last_minute() or (None, None)
    slow_since = _slow_since(verdict)
    starts = [span.start + turn * span.cell for turn in range(span.count)]
    is_slow = [slow_since is not None and start + span.cell > slow_since for start in starts]
    end = span.start + span.count * span.cell
    deployments = () if facts.deployments is None else facts.deployments.deployments
    return FourLines(
        span,
        done=_outcomes(span, done, done_now, facts.normals, is_failed=False),
        failed=_outcomes(span, failed, failed_now, facts.normals, is_failed=True),
        queued=Line(queued, queued_now, _maximum(queued, queued_now), is_abnormal=is_slow),
        running=Line(running, running_now, _maximum(running, running_now)),
        deployments=tuple(each for each in deployments if span.start <= each.deployed_at < end),
    )


def _outcomes(
    span: BoardSpan, cells: Sequence[int | None], now: int | None, normals: NormalsRead | None, *, is_failed: bool
) -> Line:
    """Return the line of the runs that were done, or that failed."""
    in_span, last_day = _sum(cells), None
    if normals is not None:
        last_day = normals.failed_last_day if is_failed else normals.done_last_day
        day_from = (normals.last_day_at or normals.at) - _DAY
        if last_day is not None and in_span is not None and span.start >= day_from:
            last_day = max(last_day, in_span)  # the day is read every five minutes: a storm may be younger
    usual = _per_hour(normals, span.cell * span.count / _HOUR, is_failed=is_failed)
    return Line(list(cells), now, in_span=in_span, normal=usual, last_day=last_day)


def levels(now: int | None, cells: Sequence[Sums | None], growth: Callable[[Sums], int]) -> list[int | None]:
    """Return how many runs there were at the end of each cell, followed back from how many there are now.

    The last cells are not known if the server was silent in them, nor are those before a cell that is not known.
    """
    found: list[int | None] = [None] * len(cells)
    last = len(cells) - 1
    while last >= 0 and cells[last] is None:
        last -= 1
    level = now
    for turn in range(last, -1, -1):
        sums = cells[turn]
        if level is None or sums is None:
            break
        found[turn] = max(0, level)
        level -= growth(sums)
    return found


def _levels_now(facts: WallFacts, counts: StatusCounts | None, now: datetime) -> tuple[int | None, int | None]:
    """Return the queued and the running runs, by the header's counts; without these by the waits and the queues."""
    if counts is not None and not counts.is_live_partial:
        return counts.queued, counts.executing
    waits, queues = fresh_waits(facts, now), facts.queues
    queued = None if waits is None else sum(each.queued for each in waits.waits)
    running = None if queues is None or queues.is_cut else _sum([each.running for each in queues.queues])
    return queued, running


def _per_hour(normals: NormalsRead | None, share: float, *, is_failed: bool) -> float | None:
    """Return how many runs usually end within the span. Days without any run of a task count too."""
    if normals is None or normals.is_cut:
        return None
    days = max((each.days for each in normals.normals), default=0)
    if not days:
        return None
    return sum(each.failed if is_failed else each.runs - each.failed for each in normals.normals) / days * share


def _slow_since(verdict: Verdict | None) -> datetime | None:
    findings = () if verdict is None else verdict.findings
    slow = [each.since for each in findings if each.word is FindingWord.SLOW and isinstance(each.evidence, QueueWaits)]
    return min(slow, default=None)


def _sum(cells: Cells) -> int | None:
    known = [each for each in cells if each is not None]
    return sum(known) if len(known) == len(cells) else None


def _maximum(cells: Cells, now: int | None) -> int | None:
    """Return the most of a span. The header's count of now may be above all cells: these lack the runs that retry."""
    known = [each for each in cells if each is not None]
    return max([*known, now or 0]) if len(known) == len(cells) else None


def make_board(
    facts: WallFacts,
    own: OwnCounts,
    verdict: Verdict | None,
    counts: StatusCounts | None,
    span: BoardSpan,
    now: datetime,
) -> Board:
    """Return the wall at `now`, the server's time. `counts` are the header's: `Store.status_counts`.

    Minutes that were over at the server's answer are taken from it; newer ones are counted from the store. After an
    outage has begun, nothing is known of the minutes since.
    """
    is_known = verdict is None or verdict.is_known
    known_until = None if verdict is None or is_known else verdict.heard_at or datetime.min.replace(tzinfo=now.tzinfo)
    sums = CellSums(facts.minutes, own, now, known_until)
    findings = () if verdict is None else verdict.findings
    tasks = TaskRows(facts, own, sums, verdict, span, now)
    deployments = () if facts.deployments is None else facts.deployments.deployments
    return Board(
        now,
        verdict,
        four_lines(facts, sums, counts, verdict, span, now),
        tasks=tasks.with_cells(tasks.rows()),
        queues=tuple(sorted(queue_rows(facts, verdict, known_until or now), key=worst_first)),
        due=due_rows(facts, findings, now),
        longest=longest_rows(facts, own, findings, now),
        waiting=waiting_rows(facts, own, findings),
        just_now=just_ended(own, now),
        ages=source_ages(facts, verdict),
        deployed=deployments[0] if deployments else None,
        deployed_before=deployments[1] if len(deployments) > 1 else None,
        own_since=_own_since(facts, own, verdict),
        is_listed=own.is_filtered or _is_of_listed(verdict),
    )


def _is_of_listed(verdict: Verdict | None) -> bool:
    """Return whether the numbers are own counts alone, which lack runs."""
    refused = () if verdict is None else (source for source, _ in verdict.refused)
    return verdict is not None and verdict.is_of_listed and FactSource.MINUTES in refused


def _own_since(facts: WallFacts, own: OwnCounts, verdict: Verdict | None) -> datetime | None:
    """Return from when on the program counts by itself, where the screen has to say it."""
    if verdict is not None and verdict.own_since is not None:
        return verdict.own_since
    unread = facts.unread.get(FactSource.MINUTES)
    return said_since(own) if unread is not None and unread.is_refused else None
