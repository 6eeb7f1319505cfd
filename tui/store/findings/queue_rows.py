"""Makes the rows of queues from the facts and the verdict: how full each is, how it moves, and how healthy it is."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from tui.domain.filters import TASK_QUEUE_PREFIX
from tui.domain.findings.facts import NO_FACTS, FactSource, Queue, QueueWait, WallFacts
from tui.domain.findings.finding import Finding, RunHangs, RunOverdue, Standstill, SubjectKind, Verdict
from tui.domain.text import Raw
from tui.store.findings.board import QueueHealth, QueueRow
from tui.store.findings.bounds import LATE_AFTER, fresh_waits
from tui.store.findings.judging.slow import queue_standstill

BUSY_SHARE: Final = 0.8
"""A queue is busy above this share of its limit."""


def queue_rows(
    facts: WallFacts | None, verdict: Verdict | None, now: datetime, still: Standstill | None = None
) -> tuple[QueueRow, ...]:
    """Return the rows, in the order of the server.

    Where the key may not read the list of queues, the rows are those queues in which runs wait or start. These also
    follow a list that is cut. `now` is the moment up to which the facts are known. Waits that are too old are unread.
    `still` is why no run of the environment starts.
    """
    known = facts or NO_FACTS
    read = fresh_waits(known, now)
    queues = [] if known.queues is None else list(known.queues.queues)
    if read is not None and (known.queues is None or known.queues.is_cut):
        listed = {each.stored_name for each in queues}
        queues += [_unlisted(each) for each in read.waits if each.queue not in listed and _moves(each)]
    findings = () if verdict is None else verdict.findings
    slow = {each.subject.key: each for each in findings if each.subject.kind is SubjectKind.QUEUE}
    stuck = {
        f"{TASK_QUEUE_PREFIX}{each.task}": each
        for each in reversed(findings)
        if each.task is not None and isinstance(each.evidence, RunOverdue | RunHangs)
    }
    waits = None if read is None else {each.queue: each for each in read.waits}
    is_reading = read is None and FactSource.WAITS not in known.unread
    stills = {each.id: queue_standstill(each, known.paused_since) or still for each in queues}
    return tuple(_row(queue, waits, slow, stuck, now, stills[queue.id], is_reading=is_reading) for queue in queues)


def next_late_at(rows: Iterable[QueueRow], now: datetime) -> datetime | None:
    """Return when the next of the queues becomes late by time alone; None if none will."""
    moments = (row.oldest_at + LATE_AFTER for row in rows if row.oldest_at is not None)
    return min((at for at in moments if at >= now), default=None)


def _moves(wait: QueueWait) -> bool:
    return bool(wait.queued or wait.started_per_min or wait.arrived_per_min or wait.holders)


def _unlisted(wait: QueueWait) -> Queue:
    is_task = wait.queue.startswith(TASK_QUEUE_PREFIX)
    return Queue(wait.queue, Raw(wait.queue.removeprefix(TASK_QUEUE_PREFIX)), is_task)


def _row(
    queue: Queue,
    waits: Mapping[str, QueueWait] | None,
    slow: Mapping[str, Finding],
    stuck: Mapping[str, Finding],
    now: datetime,
    still: Standstill | None,
    *,
    is_reading: bool,
) -> QueueRow:
    name = queue.stored_name
    # A queue that is not named has no waiting run and no start.
    wait = None if waits is None else waits.get(name) or QueueWait(name, 0, None, None, 0.0, 0.0)
    # The list does not count the runs that were handed to a worker (tests/wire/recordings/README.md §7).
    queued = wait.queued if wait is not None else queue.queued or None
    oldest_at = None if wait is None or queued == 0 else wait.oldest_at
    health = _health(queue, queued, oldest_at, now, is_stuck=name in stuck)
    return QueueRow(
        name,
        queue.name,
        queue.is_task,
        queue.running,
        queue.limit,
        queued,
        oldest_at,
        None if wait is None or queued == 0 else wait.oldest_run,
        None if wait is None else wait.started_per_min,
        None if wait is None else wait.arrived_per_min,
        queue.is_paused,
        health,
        _since(health, slow.get(name), stuck.get(name), oldest_at, still),
        is_least=wait is None and queued is not None,
        is_reading=is_reading,
        are_waits_read=waits is not None,
        newest_start=None if wait is None else wait.newest_start,
        newest_arrival=None if wait is None else wait.newest_arrival,
        holders=() if wait is None else wait.holders,
        standstill=still,
        is_v2=queue.is_v2,
    )


def _health(
    queue: Queue, queued: int | None, oldest_at: datetime | None, now: datetime, *, is_stuck: bool
) -> QueueHealth:
    has_limit = queue.limit is not None and queue.running is not None
    if has_limit and (queue.running or 0) >= (queue.limit or 0) and queued and not queue.is_paused:
        return QueueHealth.AT_LIMIT
    if is_stuck and (queued or oldest_at is not None):
        return QueueHealth.STUCK
    if queue.is_paused:
        return QueueHealth.PAUSED
    if oldest_at is not None and now - oldest_at > LATE_AFTER:
        return QueueHealth.LATE
    is_busy = has_limit and (queue.running or 0) > BUSY_SHARE * (queue.limit or 0)
    return QueueHealth.BUSY if is_busy else QueueHealth.FINE


def _since(
    health: QueueHealth,
    slow: Finding | None,
    stuck: Finding | None,
    oldest_at: datetime | None,
    still: Standstill | None,
) -> datetime | None:
    """Return since when the health is what it is, where the facts have it."""
    match health:
        case QueueHealth.AT_LIMIT:
            return None if slow is None else slow.since
        case QueueHealth.PAUSED:
            return None if still is None else still.since
        case QueueHealth.STUCK:
            return None if stuck is None else stuck.since
        case QueueHealth.LATE:
            moments = [] if slow is None else [slow.since]
            return min([*moments, *([] if oldest_at is None else [oldest_at + LATE_AFTER])], default=None)
        case _:
            return None
