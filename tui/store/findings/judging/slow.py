"""SLOW: queues whose oldest run waits too long, and tasks whose runs take far longer than they usually do."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from tui.domain.findings.facts import Queue, WallFacts
from tui.domain.findings.finding import (
    Finding,
    FindingSubject,
    FindingWord,
    QueueWaits,
    Standstill,
    StandstillReason,
    SubjectKind,
    TaskSlow,
)
from tui.domain.ids import TaskId
from tui.domain.text import Raw
from tui.store.filter_words import as_value
from tui.store.findings.bounds import (
    LATE_AFTER,
    MIN_NORMAL_RUNS,
    TASK_QUEUE,
    Waiting,
    is_at_limit,
    is_slower,
    normals_by_task,
    speeds_by_task,
    waiting_runs,
)
from tui.store.findings.own_counts import OwnCounts

AT_LIMIT_AFTER: Final = timedelta(seconds=30)
"""How long the oldest run of a queue at its limit may wait."""

MIN_SLOW_RUNS: Final = 30
"""Fewer runs in the last hour have no trustworthy 95th percentile: it would be that of a single run."""


def slow_queues(facts: WallFacts, own: OwnCounts, now: datetime, still: Standstill | None = None) -> list[Finding]:
    """Return the queues that are slow. Delayed runs do not wait. `still` is why no run of the environment starts."""
    queues = {} if facts.queues is None else {each.stored_name: each for each in facts.queues.queues}
    found = (
        _judged(name, each, queues.get(name), still, facts.paused_since)
        for name, each in waiting_runs(facts, own, now).items()
    )
    return [each for each in found if each is not None]


def queue_standstill(queue: Queue, paused_since: Mapping[str, datetime]) -> Standstill | None:
    """Return why no run of a queue starts, if it or its limit is paused."""
    if queue.is_paused:
        return Standstill(StandstillReason.QUEUE_PAUSED, paused_since.get(queue.id))
    return Standstill(StandstillReason.LIMIT_PAUSED) if queue.is_limit_paused else None


def _judged(
    stored_name: str,
    waiting: Waiting,
    queue: Queue | None,
    still: Standstill | None,
    paused_since: Mapping[str, datetime],
) -> Finding | None:
    if waiting.oldest_at is None or waiting.queued <= 0:
        return None
    if waiting.task is not None:
        queue = None  # the runs may wait in another one
    if queue is not None:
        still = queue_standstill(queue, paused_since) or still
    is_full = queue is not None and is_at_limit(queue) and still is None
    if waiting.until - waiting.oldest_at <= (AT_LIMIT_AFTER if is_full else LATE_AFTER):
        return None
    is_task = queue.is_task if queue is not None else stored_name.startswith(TASK_QUEUE)
    name = queue.name if queue is not None else Raw(stored_name.removeprefix(TASK_QUEUE))
    subject, field = FindingSubject(SubjectKind.QUEUE, stored_name, name), "queue"
    if waiting.task is not None:
        subject, field = FindingSubject(SubjectKind.TASK, waiting.task, Raw(waiting.task)), "task"
    return Finding(
        FindingWord.SLOW,
        subject,
        waiting.oldest_at,
        QueueWaits(
            waiting.queued,
            waiting.oldest_at,
            None if queue is None else queue.running,
            None if queue is None else queue.limit,
            is_full,
            waiting.holders if is_full else (),
            still,
        ),
        f"{field}:{as_value(subject.key)} status:queued",
        task=TaskId(name) if is_task else None,
    )


def slow_tasks(facts: WallFacts, own: OwnCounts, now: datetime) -> list[Finding]:
    """Return the tasks whose 95th percentile of the last hour is far over the same hour of the last 7 days."""
    normals = normals_by_task(facts)
    found = []
    for task, speed in speeds_by_task(facts, own).items():
        normal = normals.get(task)
        if normal is None or normal.p95 is None or normal.runs < MIN_NORMAL_RUNS or speed.runs < MIN_SLOW_RUNS:
            continue
        if is_slower(speed.p95, normal.p95):
            found.append(
                Finding(
                    FindingWord.SLOW,
                    FindingSubject(SubjectKind.TASK, task, Raw(task)),
                    now,
                    TaskSlow(speed.p95, normal.p95, speed.runs),
                    f"task:{as_value(task)}",
                    task=task,
                )
            )
    return found
