"""The queues of one moment: one at its limit, one that is paused, one with a run that hangs, healthy and empty ones."""

from datetime import datetime, timedelta

from tui.domain.facts import (
    NormalsRead,
    PlaceHolder,
    Queue,
    QueueHour,
    QueueMetrics,
    QueuesRead,
    QueueWait,
    TaskNormal,
    WaitsRead,
    WallUpdate,
)
from tui.domain.finding import (
    Finding,
    FindingsRead,
    FindingSubject,
    FindingWord,
    QueueWaits,
    RunOverdue,
    SubjectKind,
    Verdict,
)
from tui.domain.run import RunId, TaskId
from tui.domain.text import Raw

OLDEST = RunId("run_cmwvpc4r101d29f7dk0s8m41x")
_LISTED = (
    ("ai-triage", 1, 0, 10, 4.0), ("build-receipt", 1, 0, 10, 2.0), ("charge-card", 3, 0, 50, 24.0),
    ("checkout", 1, 0, 50, 2.0), ("import-csv", 0, 3, 5, 0.0), ("nightly-report", 1, 0, 1, 0.0),
    ("render-video", 1, 0, 4, 0.0), ("send-email", 20, 301, 20, 14.0), ("sync-orders", 1, 0, 5, 1.0),
    ("webhook-deliver", 1, 0, 50, 10.0), *((f"idle-{number}", 0, 0, None, 0.0) for number in range(8)),
)  # fmt: skip


def queues_read(at: datetime) -> QueuesRead:
    queues = (
        Queue(f"queue_{name}", Raw(name), True, running, queued, limit, name == "import-csv")
        for name, running, queued, limit, _ in _LISTED
    )
    return QueuesRead(at, tuple(queues))


def waits_read(at: datetime) -> WaitsRead:
    campaigns = (PlaceHolder(TaskId("send-campaign"), 20, at - timedelta(minutes=2)),)
    mail = QueueWait("task/send-email", 301, at - timedelta(minutes=11), OLDEST, 14.0, 27.0, at, at, campaigns)
    csv = QueueWait("task/import-csv", 3, at - timedelta(minutes=27), RunId("run_csv"), 0.0, 0.0)
    others = (
        QueueWait(f"task/{name}", 0, None, None, starts, starts)
        for name, _, queued, _, starts in _LISTED
        if not queued and starts
    )
    return WaitsRead(at, (mail, csv, *others))


def verdict_at(at: datetime) -> Verdict:
    since = at - timedelta(minutes=22)
    slow = Finding(
        FindingWord.SLOW,
        FindingSubject(SubjectKind.QUEUE, "task/send-email", Raw("send-email")),
        since,
        QueueWaits(301, at - timedelta(minutes=11), 20, 20, is_at_limit=True),
        "queue:send-email",
    )
    started_at = at - timedelta(hours=12)
    stuck = Finding(
        FindingWord.STUCK,
        FindingSubject(SubjectKind.RUN, "run_night", Raw("nightly-report")),
        started_at,
        RunOverdue(started_at, timedelta(minutes=50)),
        "id:run_night",
        task=TaskId("nightly-report"),
    )
    return Verdict(at, (slow, stuck), at, is_known=True)


def queue_updates(at: datetime) -> list[WallUpdate]:
    """Return what the sources of facts emit."""
    mail = TaskNormal(TaskId("send-email"), 900, 3, timedelta(seconds=0.8), 7)
    campaigns = TaskNormal(TaskId("send-campaign"), 90, 0, timedelta(minutes=45), 7)
    return [queues_read(at), waits_read(at), NormalsRead(at, at, (mail, campaigns)), FindingsRead(verdict_at(at))]


def mail_hour(at: datetime) -> QueueHour:
    """Return the last hour of the queue at its limit: it filled up 22 minutes ago."""
    queued = (*(0,) * 38, *(14 * minute for minute in range(1, 23)))
    running = (*(0,) * 38, 6, 12, 16, 18, *(20,) * 18)
    p95 = (*(timedelta(seconds=0.8),) * 43, *(timedelta(seconds=5.35 * minute) for minute in range(1, 18)))
    return QueueHour(at, queued, running, p95, 3, (TaskId("send-email"),))


def mail_metrics(at: datetime) -> QueueMetrics:
    depths = (0, 0, 0, 0, 0, 0, 0, 0, 20, 120, 210, 301)
    return QueueMetrics(depths, 301, 800, 1204, timedelta(minutes=10))
