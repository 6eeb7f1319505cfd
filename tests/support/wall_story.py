"""The story of the pictures of wall and overview, as a `Board`: 14:32:07 UTC on 26 November 2026.

Version 20261126.3 was deployed at 14:20. From 14:21 on 131 of 264 runs of `charge-card` fail. `send-email` is at its
limit since 14:10: 301 runs wait. `hourly-digest` was due at 14:00 and started no run. One run of `nightly-report`
executes since 02:00.
"""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tui.domain.error import build_error
from tui.domain.error_kinds import OwnFrame
from tui.domain.facts import (
    Deployment,
    DeploymentsRead,
    ErrorGroupsRead,
    ErrorState,
    FactSource,
    MinutesRead,
    NormalsRead,
    QueuesRead,
    Schedule,
    SchedulesRead,
    TokensRead,
    WaitsRead,
    WaitToken,
    WallFacts,
)
from tui.domain.finding import (
    Finding,
    FindingSubject,
    FindingWord,
    QueueWaits,
    RunOverdue,
    ScheduleMissed,
    SubjectKind,
    TaskFails,
    Verdict,
)
from tui.domain.run import Fixed, Precision, Run, RunId, Stamp, State, TaskId, parse_status
from tui.domain.text import Raw
from tui.features.wall.blocks import WallView
from tui.store.findings.board import (
    Board,
    BoardSpan,
    DueRow,
    FailingGroup,
    FailingNow,
    FourLines,
    Line,
    LongestRow,
    QueueHealth,
    QueueRow,
    TaskHealth,
    TaskRow,
)

NOW = datetime(2026, 11, 26, 14, 32, 7, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPAN = BoardSpan(MINUTE, 60, NOW - MINUTE)
"""13:32 to 14:31."""


def at(clock: str) -> datetime:
    """Return a time of the day of the story: `14:20`."""
    hours, minutes = map(int, clock.split(":"))
    return NOW.replace(hour=hours, minute=minutes, second=0)


def _spread(seed: int, count: int, total: int, spread: float = 0.35) -> list[int]:
    chance = random.Random(seed)
    weights = [1 + spread * (chance.random() * 2 - 1) for _ in range(count)]
    numbers = [int(total * weight / sum(weights)) for weight in weights]
    for step in range(total - sum(numbers)):
        numbers[(step * 7) % count] += 1
    return numbers


def _at_cells(*cells: int) -> list[int]:
    return [int(index in cells) for index in range(60)]


NONE = [0] * 60
CHARGE_CARD_FAILED = [0] * 49 + [4, 9, 13, 12, 14, 13, 12, 14, 13, 14, 13]
SYNC_ORDERS = [1] * 60
SYNC_ORDERS[30] = 2
ENDED = {
    "charge-card": [*_spread(1, 49, 1176, 0.2), 23, 25, 24, 24, 25, 24, 23, 25, 24, 24, 23],
    "send-email": _spread(2, 38, 1026, 0.2) + _spread(3, 22, 301, 0.15),
    "sync-orders": SYNC_ORDERS,
    "import-csv": _at_cells(*range(1, 60, 5)),
    "log-usage": _spread(4, 60, 900),
    "webhook-deliver": _spread(5, 60, 600),
    "resize-images": _spread(6, 60, 480),
    "ai-triage": _spread(7, 60, 212),
    "build-report": _at_cells(*range(0, 60, 3)),
    "render-video": _at_cells(*range(3, 60, 8)),
    "checkout": _spread(8, 60, 96),
    "reserve-stock": _spread(9, 60, 96),
    "build-receipt": _spread(10, 60, 90),
    "release-stock": _spread(11, 60, 48),
}
FAILED = {
    "charge-card": CHARGE_CARD_FAILED,
    "send-email": _at_cells(57, 58, 59),
    "sync-orders": _at_cells(4, 9, 15, 19, 26, 31, 35, 40, 46, 50, 53, 57),
    "import-csv": _at_cells(26),
}
QUEUED = [3, 2, 4, 3, 2, 3, 5, 4, 3, 2] * 3 + [3, 2, 4, 3, 2, 3, 4, 3]
QUEUED += [*(round(4 + (index + 1) * 300 / 22) for index in range(21)), 304]
RUNNING = [9, 8, 10, 9, 11, 9, 8, 9, 10, 9] * 3 + [9, 8, 10, 9, 11, 9, 8, 9]
RUNNING += [13, 17, 21, 25, 28, 29, 27, 28, 29, 28, 27, 28, 29, 32, 30, 29, 30, 31, 30, 29, 31, 30]
ALL_FAILED = [sum(cells) for cells in zip(*FAILED.values(), strict=True)]
ALL_DONE = [sum(cells) - failed for cells, failed in zip(zip(*ENDED.values(), strict=True), ALL_FAILED, strict=True)]

DEPLOYED = Deployment(Raw("20261126.3"), at("14:20"), Raw("ana"), Raw("3f9c2e1"))
BEFORE = Deployment(Raw("20261126.2"), at("09:12"))
LINES = FourLines(
    SPAN,
    Line(ALL_DONE, now=65, in_span=5_243, normal=5_540, last_day=104_310),
    Line(ALL_FAILED, now=14, in_span=147, normal=1, last_day=171, is_abnormal=[index >= 49 for index in range(60)]),
    Line(QUEUED, now=304, in_span=304, normal=5, last_day=304, is_abnormal=[value > 20 for value in QUEUED]),
    Line(RUNNING, now=30, in_span=32, normal=12, last_day=32),
    (DEPLOYED,),
)


def _subject(kind: SubjectKind, name: str) -> FindingSubject:
    return FindingSubject(kind, f"task/{name}" if kind is SubjectKind.QUEUE else name, Raw(name))


NIGHTLY = RunId("run_cmwvaz01b00049f7d3qxe7k2q")
FAILING = Finding(
    FindingWord.FAILING,
    _subject(SubjectKind.TASK, "charge-card"),
    at("14:21"),
    TaskFails(131, 264, Raw("20261126.3"), 0.0),
    "task:charge-card status:failed",
    task=TaskId("charge-card"),
)
SLOW = Finding(
    FindingWord.SLOW,
    _subject(SubjectKind.QUEUE, "send-email"),
    at("14:10"),
    QueueWaits(301, NOW - 11 * MINUTE, 20, 20, is_at_limit=True),
    "queue:task/send-email status:queued",
    task=TaskId("send-email"),
)
MISSING = Finding(
    FindingWord.MISSING,
    FindingSubject(SubjectKind.SCHEDULE, "sched_hourly", Raw("hourly-digest")),
    at("14:00"),
    ScheduleMissed(at("14:00")),
    "task:hourly-digest",
    task=TaskId("hourly-digest"),
)
STUCK = Finding(
    FindingWord.STUCK,
    FindingSubject(SubjectKind.RUN, NIGHTLY, Raw("nightly-report")),
    at("02:09"),
    RunOverdue(at("02:00"), 9 * MINUTE),
    f"id:{NIGHTLY}",
    task=TaskId("nightly-report"),
    run_id=NIGHTLY,
)
VERDICT = Verdict(NOW, (FAILING, SLOW, MISSING, STUCK), NOW - timedelta(seconds=0.4), is_known=True)

_Figures = tuple[int, int, str, str, int, int, str, TaskHealth]
_TASKS: dict[str, _Figures] = {
    "charge-card": (1440, 131, "6.4", "1.2", 3, 0, "", TaskHealth.FAILING),
    "send-email": (1327, 3, "91", "0.8", 20, 301, "11", TaskHealth.AT_LIMIT),
    "hourly-digest": (0, 0, "", "14", 0, 0, "", TaskHealth.MISSING),
    "nightly-report": (0, 0, "", "540", 1, 0, "", TaskHealth.STUCK),
    "import-csv": (12, 1, "41", "38", 0, 3, "27", TaskHealth.PAUSED),
    "sync-orders": (61, 12, "30", "28", 1, 0, "", TaskHealth.ACKNOWLEDGED),
    "log-usage": (900, 0, "0.4", "0.4", 0, 0, "", TaskHealth.HEALTHY),
    "webhook-deliver": (600, 0, "1.8", "1.9", 1, 0, "", TaskHealth.HEALTHY),
    "resize-images": (480, 0, "3.4", "3.3", 0, 0, "", TaskHealth.HEALTHY),
    "ai-triage": (212, 0, "14", "13", 1, 0, "", TaskHealth.HEALTHY),
    "build-report": (20, 0, "2.2", "2.1", 0, 0, "", TaskHealth.HEALTHY),
    "render-video": (8, 0, "242", "250", 1, 0, "", TaskHealth.HEALTHY),
    "checkout": (96, 0, "2.0", "2.0", 1, 0, "", TaskHealth.HEALTHY),
    "reserve-stock": (96, 0, "0.9", "0.9", 0, 0, "", TaskHealth.HEALTHY),
    "build-receipt": (90, 0, "1.4", "1.4", 1, 0, "", TaskHealth.HEALTHY),
    "release-stock": (48, 0, "0.9", "0.9", 0, 0, "", TaskHealth.HEALTHY),
    "publish-post": (0, 0, "", "12", 0, 0, "", TaskHealth.HEALTHY),
    "cleanup": (0, 0, "", "5", 0, 0, "", TaskHealth.HEALTHY),
}


def _seconds(text: str) -> timedelta | None:
    return timedelta(seconds=float(text)) if text else None


def _task(name: str) -> TaskRow:
    runs, failed, p95, normal, running, queued, oldest, health = _TASKS[name]
    ended, failures = ENDED.get(name, NONE), FAILED.get(name, NONE)
    return TaskRow(
        TaskId(name),
        [both - bad for both, bad in zip(ended, failures, strict=True)],
        failures,
        runs,
        failed,
        _seconds(p95),
        _seconds(normal),
        running,
        queued,
        int(oldest) * MINUTE if oldest else None,
        health,
        is_p95_abnormal=name in {"charge-card", "send-email"},
    )


def _queue(name: str, running: int, limit: int, queued: int = 0, oldest: int = 0) -> QueueRow:
    health = {"send-email": QueueHealth.AT_LIMIT, "import-csv": QueueHealth.PAUSED}.get(name, QueueHealth.FINE)
    return QueueRow(
        f"task/{name}",
        Raw(name),
        is_task=True,
        running=running,
        limit=limit,
        queued=queued,
        oldest_at=NOW - oldest * MINUTE if oldest else None,
        is_paused=name == "import-csv",
        health=health,
    )


QUEUES = (
    _queue("send-email", 20, 20, 301, 11),
    _queue("import-csv", 0, 5, 3, 27),
    _queue("charge-card", 3, 50),
    _queue("ai-triage", 1, 10),
    _queue("sync-orders", 1, 5),
    _queue("nightly-report", 1, 1),
    _queue("render-video", 1, 4),
    _queue("webhook-deliver", 1, 50),
)


def _schedule(key: str, task: str, cron: str) -> Schedule:
    return Schedule(key, TaskId(task), Raw(cron), Raw("UTC"), is_active=True)


DUE = (
    DueRow(_schedule("sched_hourly", "hourly-digest", "0 * * * *"), at("14:00"), is_late=True),
    DueRow(_schedule("sched_sync", "sync-orders", "* * * * *"), NOW + timedelta(seconds=53)),
    DueRow(_schedule("sched_nightly", "nightly-report", "0 2 * * *"), at("02:00") + timedelta(days=1)),
)


def _longest(run_id: str, task: str, started_at: datetime, p95: timedelta) -> LongestRow:
    return LongestRow(Run(RunId(run_id), Fixed(TaskId(task))), TaskId(task), started_at, p95)


LONGEST = (
    _longest(NIGHTLY, "nightly-report", at("02:00"), 9 * MINUTE),
    _longest("run_cmwvq1k9x01a29f7dw4nba91c", "render-video", NOW - timedelta(seconds=192), timedelta(seconds=242)),
    _longest("run_cmwvq7e2m01hk9f7dt6zup0d8", "ai-triage", NOW - timedelta(seconds=9.1), timedelta(seconds=14)),
)


def _token(number: int, minutes: int, tag: str, run_id: str) -> WaitToken:
    created_at, task = NOW - minutes * MINUTE, TaskId("publish-post")
    return WaitToken(f"waitpoint_{number}", created_at, (Raw(tag),), run_id=RunId(run_id), task=task)


WAITING = (
    _token(1, 360, "legal-approval", "run_cmwvd4u1"),
    _token(2, 180, "legal-approval", "run_cmwve90p"),
    _token(3, 40, "editor-approval", "run_cmwvk7s2"),
)


def _ended(run: str, task: str, ago_s: int, took_s: float | None = None, error: str | None = None) -> Run:
    ended_at = NOW - timedelta(seconds=ago_s)
    started_at = None if took_s is None else ended_at - timedelta(seconds=took_s)
    status = "FAILED" if took_s is None else "COMPLETED"
    return Run(
        RunId(f"run_cmwvq8czx01jd9f7d7q1t{run}"),
        Fixed(TaskId(task)),
        State(ended_at, Precision.DETAIL, parse_status(status), started_at=started_at, finished_at=ended_at),
        error=None
        if error is None
        else (Stamp(ended_at, Precision.DETAIL, ended_at), build_error("", name=Raw(error))),
    )


JUST_NOW = (
    _ended("6f0a", "charge-card", 1, error="StripeError"),
    _ended("k2x7", "log-usage", 1, 0.3),
    _ended("c8cf", "charge-card", 2, 1.1),
    _ended("c8ce", "webhook-deliver", 3, 1.2),
    _ended("c8c1", "charge-card", 3),
)


def facts_read(read_at: Mapping[FactSource, datetime], **more: Any) -> WallFacts:
    """Return empty facts that were read at these times."""
    kinds: dict[FactSource, Any] = {
        FactSource.MINUTES: MinutesRead(NOW, NOW, MINUTE, ()),
        FactSource.NORMALS: NormalsRead(NOW, NOW, ()),
        FactSource.QUEUES: QueuesRead(NOW, ()),
        FactSource.WAITS: WaitsRead(NOW, ()),
        FactSource.SCHEDULES: SchedulesRead(NOW, ()),
        FactSource.TOKENS: TokensRead(NOW, ()),
        FactSource.ERRORS: ErrorGroupsRead(NOW, ()),
    }
    read = {source.name.lower(): replace(kinds[source], at=at) for source, at in read_at.items()}
    return WallFacts(**{**read, **more})


AGES = {
    FactSource.MINUTES: NOW - timedelta(seconds=20),
    FactSource.QUEUES: NOW - timedelta(seconds=6),
    FactSource.SCHEDULES: NOW - timedelta(minutes=2),
}
FACTS = facts_read(AGES, deployments=DeploymentsRead(NOW, (DEPLOYED, BEFORE)))
BOARD = Board(
    NOW,
    VERDICT,
    LINES,
    tasks=tuple(map(_task, _TASKS)),
    queues=QUEUES,
    due=DUE,
    longest=LONGEST,
    waiting=WAITING,
    just_now=JUST_NOW,
    facts=FACTS,
)


def _group(
    count: int, task: str, kind: str, message: str, place: str, since: datetime, state: ErrorState | None, versions: int
) -> FailingGroup:
    file, _, line = place.partition(":")
    names = (DEPLOYED.version, *(Raw(f"20261125.{number}") for number in range(1, versions)))
    return FailingGroup(
        count,
        TaskId(task),
        Raw(message),
        since,
        f"task:{task} status:failed",
        state,
        type=Raw(kind),
        frame=OwnFrame(Raw(file), None),
        line=int(line),
        versions=names,
    )


STRIPE = "src/lib/stripe.ts:88"
NINTH, TWELFTH = NOW.replace(day=9), NOW.replace(day=12)
FAILING_NOW = FailingNow(
    (
        _group(131, "charge-card", "StripeError", "No such customer: <id>", STRIPE, at("14:21"), ErrorState.NEW, 1),
        _group(
            3,
            "send-email",
            "SMTPError",
            "421 too many connections",
            "src/lib/mail.ts:17",
            at("14:29"),
            ErrorState.REGRESSED,
            2,
        ),
        _group(
            1, "import-csv", "RangeError", "Invalid array length", "src/lib/csv.ts:203", NINTH, ErrorState.UNRESOLVED, 6
        ),
        _group(
            12,
            "sync-orders",
            "TimeoutError",
            "<n> s exceeded",
            "src/lib/shopify.ts:41",
            TWELFTH,
            ErrorState.ACKNOWLEDGED,
            14,
        ),
    ),
    is_known=True,
)


VIEW = WallView(BOARD, NOW, failing=FAILING_NOW, heard_at=NOW - timedelta(seconds=0.4), is_known=True)
STALE_VIEW = replace(VIEW, now=NOW + timedelta(seconds=302), heard_at=NOW, is_known=False)
_UNKNOWN = Line([None] * 60)
LOADING_VIEW = WallView(Board(NOW, None, FourLines(SPAN, _UNKNOWN, _UNKNOWN, _UNKNOWN, _UNKNOWN)), NOW)


def calm_board() -> Board:
    """Return the board of a calm day: nothing is wrong."""
    healthy = [_task(name) for name in ("send-email", "charge-card", "log-usage", "webhook-deliver", "resize-images")]
    quiet: dict[str, Any] = {"failed": NONE, "failed_count": 0, "queued": 0, "oldest": None, "is_p95_abnormal": False}
    rows = [replace(row, **quiet, health=TaskHealth.HEALTHY) for row in healthy]
    lines = FourLines(
        SPAN,
        Line(_spread(12, 60, 5_300, 0.1), now=93, in_span=5_300, normal=5_540, last_day=104_310),
        Line(_at_cells(37), now=0, in_span=1, normal=1, last_day=40),
        Line(QUEUED[:30] * 2, now=3, in_span=5, normal=5, last_day=8),
        Line(RUNNING[:30] * 2, now=11, in_span=11, normal=12, last_day=14),
    )
    verdict = replace(VERDICT, findings=())
    return replace(BOARD, verdict=verdict, lines=lines, tasks=tuple(rows), queues=(), due=DUE[1:], longest=LONGEST[1:])
