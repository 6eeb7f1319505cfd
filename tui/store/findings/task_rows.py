"""The tasks of the wall, worst first."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from tui.domain.findings.facts import Queue, WallFacts
from tui.domain.findings.finding import Finding, FindingWord, QueueWaits, StandstillReason, Verdict
from tui.domain.ids import TaskId
from tui.store.findings.acknowledged import has_only_acknowledged
from tui.store.findings.board import BoardSpan, TaskHealth, TaskRow
from tui.store.findings.bounds import (
    LATE_AFTER,
    TASK_QUEUE,
    Waiting,
    fresh_waits,
    is_slower,
    normals_by_task,
    speeds_by_task,
    waiting_runs,
)
from tui.store.findings.cell_sums import HOUR_S, CellSums
from tui.store.findings.own_counts import MAX_TASKS, OwnCounts
from tui.store.findings.packed_ends import PackedEnds, done_and_failed, unpacked

MAX_TASK_SERIES: Final = 60
"""Tasks whose cells are computed. No screen has room for more rows."""

_UNKNOWN: Final = (None,)
"""The failures of a task whose cells are not computed."""

_ORDER: Final = (
    TaskHealth.FAILING,
    TaskHealth.SLOW,
    TaskHealth.AT_LIMIT,
    TaskHealth.LATE,
    TaskHealth.MISSING,
    TaskHealth.STUCK,
    TaskHealth.PAUSED,
    TaskHealth.ACKNOWLEDGED,
    TaskHealth.HEALTHY,
)
_HEALTH_OF: Final = {
    FindingWord.FAILING: TaskHealth.FAILING,
    FindingWord.SLOW: TaskHealth.SLOW,
    FindingWord.MISSING: TaskHealth.MISSING,
    FindingWord.STUCK: TaskHealth.STUCK,
}


class TaskRows:
    """Makes the rows of one moment."""

    def __init__(
        self, facts: WallFacts, own: OwnCounts, sums: CellSums, verdict: Verdict | None, span: BoardSpan, now: datetime
    ) -> None:
        self._facts, self._own, self._sums, self._span, self._now = facts, own, sums, span, now
        self._ended: Counter[TaskId] = Counter()
        self._failed: Counter[TaskId] = Counter()
        hour = sums.by_task(*sums.last_hour)
        self._is_hour_known = hour is not None
        sum_of: dict[TaskId, PackedEnds] = {}
        for part in hour or sums.by_task(*sums.own_hour) or ():
            for task, ends in part.items():
                sum_of[task] = sum_of.get(task, 0) + ends
        for task, ends in sum_of.items():
            _, failed, self._ended[task] = unpacked(ends)
            if failed:
                self._failed[task] = failed
        self._speeds, self._normals = speeds_by_task(facts, own), normals_by_task(facts)
        self._waiting = waiting_runs(facts, own, now)
        self._are_waits_read = fresh_waits(facts, now) is not None
        self._queues = {} if facts.queues is None else {each.stored_name: each for each in facts.queues.queues}
        self._findings: dict[TaskId, Finding] = {}
        for rank, each in enumerate(() if verdict is None else verdict.findings):
            if each.task is not None and rank < MAX_TASKS:
                self._findings.setdefault(each.task, each)

    def rows(self) -> tuple[TaskRow, ...]:
        """Return the rows, worst first: by findings, then by failed, by queued and by ended runs.

        Acknowledged failures stand after the others. Of an hour that is not known, the own counts of its end decide.
        """
        ranks = {task: rank for rank, task in enumerate(self._findings)}
        tasks = {*self._own.tasks, *self._ended, *self._findings}
        tasks.update(
            TaskId(each.name) for each in self._queues.values() if each.is_task and (each.queued or each.running)
        )
        rows = [self._row(task) for task in tasks]
        rows.sort(
            key=lambda row: (
                ranks.get(row.task, len(ranks)),
                row.health is TaskHealth.ACKNOWLEDGED or not self._failed[row.task],
                -self._failed[row.task],
                -(row.queued or 0),
                _ORDER.index(row.health),
                -self._ended[row.task],
                row.task,
            )
        )
        return tuple(rows[:MAX_TASKS])

    def with_cells(self, rows: tuple[TaskRow, ...]) -> tuple[TaskRow, ...]:
        """Return the rows with the cells of the first `MAX_TASK_SERIES`."""
        step_s, start_s = int(self._span.cell.total_seconds()), int(self._span.start.timestamp())
        starts = range(start_s, start_s + step_s * self._span.count, step_s)
        cells = [self._sums.by_task(at, at + step_s) for at in starts]
        first, rest = rows[:MAX_TASK_SERIES], rows[MAX_TASK_SERIES:]
        series = done_and_failed(cells, [row.task for row in first])
        if self._span.cell * self._span.count > timedelta(seconds=HOUR_S):
            rest = tuple(replace(row, failed=_UNKNOWN) for row in rest)
        return (*(replace(row, done=series[row.task][0], failed=series[row.task][1]) for row in first), *rest)

    def _row(self, task: TaskId) -> TaskRow:
        own, speed, normal = self._own.tasks.get(task), self._speeds.get(task), self._normals.get(task)
        queue, waiting = self._queues.get(TASK_QUEUE + task), self._waiting.get(TASK_QUEUE + task)
        running = queued = None
        oldest_at = None if waiting is None or not waiting.queued else waiting.oldest_at
        if self._own.is_live_complete:
            running, queued = (0, 0) if own is None else (own.executing, len(own.queued))
            if own is not None and own.queued:
                # Of runs in a queue of another name, the server's waits name only the queue.
                own_at = datetime.fromtimestamp(own.queued[0][0], UTC)
                oldest_at = own_at if oldest_at is None else min(oldest_at, own_at)
        elif queue is not None:
            # The list's zero is none: it does not count the runs that were handed to a worker.
            running, queued = queue.running, queue.queued or None
            if self._are_waits_read:
                queued = 0 if waiting is None else waiting.queued
        p95 = None if speed is None else speed.p95
        normal_p95 = None if normal is None else normal.p95
        return TaskRow(
            task,
            (),
            (),
            runs_per_hour=self._ended[task] if self._is_hour_known else None,
            failed_count=self._failed[task] if self._is_hour_known else None,
            p95=p95,
            normal_p95=normal_p95,
            running=running,
            queued=queued,
            oldest=None if oldest_at is None else max(self._now - oldest_at, timedelta()),
            health=self._health(task, queue, waiting),
            is_p95_abnormal=is_slower(p95, normal_p95),
        )

    def _health(self, task: TaskId, queue: Queue | None, waiting: Waiting | None) -> TaskHealth:
        finding = self._findings.get(task)
        if finding is not None:
            if isinstance(finding.evidence, QueueWaits):
                still = finding.evidence.standstill
                if still is not None and still.reason is not StandstillReason.NO_WORKER:
                    return TaskHealth.PAUSED
                return TaskHealth.AT_LIMIT if finding.evidence.is_at_limit else TaskHealth.LATE
            return _HEALTH_OF[finding.word]
        if queue is not None and queue.is_paused:
            return TaskHealth.PAUSED
        if waiting is not None and waiting.oldest_at is not None and waiting.until - waiting.oldest_at > LATE_AFTER:
            return TaskHealth.LATE
        if self._failed[task] and has_only_acknowledged(self._facts.errors, task, self._now):
            return TaskHealth.ACKNOWLEDGED
        return TaskHealth.HEALTHY
