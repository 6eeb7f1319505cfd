"""A sample of every message of the protocol, with every field set: `python -m tests.wire.relay.samples` encodes them.

`messages-v8.jsonl` has them as version 8 of the protocol encodes them. Peers of the same version may be of any age, so
the current program must decode the file for as long as the version stays. A renamed field, or a removed one that peers
need, breaks that: raise `VERSION` then, and write the new file. A new field does not.
"""

from datetime import timedelta
from pathlib import Path

from tests.support.domain.patches import at, state_of
from tests.support.wire.queries import QUERIES
from tui.api.client import (
    ErrorGroupRequest,
    ErrorGroupsRequest,
    QueueMetricsRequest,
    QueueRequest,
    RunRequest,
    SpanRequest,
)
from tui.api.lists import ListRequest
from tui.api.relay import (
    VERSION,
    Beat,
    Call,
    CallResponse,
    Chunk,
    Hello,
    RelayFacts,
    RelayFindings,
    RelayMessage,
    Runs,
    ScreenMessage,
    Watch,
    Welcome,
    encode_patch,
    encode_relay_message,
    encode_runs,
    encode_screen_message,
    message_of,
)
from tui.domain.error import RunError
from tui.domain.facts import (
    ConcurrencyLimit,
    Deployment,
    DeploymentsRead,
    ErrorGroupsRead,
    FactRead,
    FactSource,
    FactUnread,
    MinutesRead,
    NormalsRead,
    PlaceHolder,
    Queue,
    QueuesRead,
    QueueWait,
    Schedule,
    ScheduleRunsRead,
    SchedulesRead,
    ServerErrorGroup,
    ServerGroupStatus,
    TaskMinute,
    TaskNormal,
    TaskSpeed,
    TokensRead,
    WaitsRead,
    WaitToken,
)
from tui.domain.finding import (
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
from tui.domain.run import (
    BatchId,
    Capability,
    Cursor,
    Environment,
    ErrorGroupId,
    Fixed,
    Precision,
    RunId,
    RunStatus,
    SpanId,
    Stamp,
    TaskId,
)
from tui.domain.text import Raw
from tui.domain.update import (
    CaughtUp,
    CountsRead,
    EnvironmentRead,
    HistoryRead,
    Reconciled,
    RunGone,
    RunPatch,
    SourceConnected,
    SourceRetrying,
    SourceStopped,
    WindowRead,
)

PATH = Path(__file__).with_name(f"messages-v{VERSION}.jsonl")

FACTS = RelayFacts(
    at(9),
    EnvironmentRead(
        Environment(Raw("dev"), "DEVELOPMENT", Raw("shop"), Raw("acme \ud800"), is_paused=True, resumed_at=at(-9)),
        at(1),
    ),
    CountsRead({RunStatus.EXECUTING: 3, RunStatus.CRASHED: 0}, at(2), 24),
    (
        SourceConnected("realtime", at(3), 20.0),
        SourceRetrying("rest", at(4), at(5), 3, "503 \x1b[31m", is_answered=True, status=503),
        SourceStopped("run", at(6), "401", 401),
    ),
    {Capability.QUERY: "401: no"},
    CaughtUp("relay", at(7)),
    Reconciled(at(8), 100, 1),
    HistoryRead(at(-9), 500, is_complete=True, is_cut=True),
    WindowRead(at(-1), timedelta(days=1), is_live_complete=True, is_older_cut=True, is_filtered=True),
)
PATCH = RunPatch(
    RunId("run_a"),
    at(100),
    Fixed(
        task=TaskId("sync"),
        depth=1,
        is_test=True,
        environment=Raw("dev"),
        version=Raw("20260101.1"),
        parent_id=RunId("run_b"),
        root_id=RunId("run_c"),
        batch_id=BatchId("batch_d"),
        trigger_function="batchTrigger",
        ttl="10m",
        idempotency_key=Raw("key"),
        region=Raw("eu"),
        task_kind="SCHEDULED",
        schedule={"cron": "* * * * *", "none": None},
        schedule_id=Raw("sched_a"),
        queue=Raw("task/sync"),
        machine=Raw("small-1x"),
    ),
    state_of(
        "EXECUTING",
        updated=5,
        started_at=at(1),
        finished_at=at(2),
        expired_at=at(3),
        delayed_until=at(4),
        compute=timedelta(microseconds=1),
        cost_cents=0.5,
        base_cost_cents=0.25,
        tags=(Raw("one"), Raw("two")),
    ),
    error=(
        Stamp(at(6), Precision.DETAIL, at(7)),
        RunError(Raw("boom"), Raw("Error"), Raw("at x"), "CODE", (RunError(Raw("cause")),), has_code_only=True),
    ),
    attempt_count=2,
    created_at=at(0),
)
EVIDENCE: tuple[tuple[FindingWord, Evidence], ...] = (
    (FindingWord.FAILING, TaskFails(131, 264, Raw("20261126.3"), 0.01)),
    (FindingWord.SLOW, QueueWaits(301, at(-9), 20, 20, True, (PlaceHolder(TaskId("sync"), 20, at(-99)),))),
    (FindingWord.SLOW, QueueWaits(8, at(-9), standstill=Standstill(StandstillReason.QUEUE_PAUSED, at(-90)))),
    (FindingWord.SLOW, TaskSlow(timedelta(seconds=9), timedelta(seconds=3), 50)),
    (FindingWord.MISSING, ScheduleMissed(at(-60))),
    (FindingWord.STUCK, RunOverdue(at(-900), timedelta(seconds=8))),
    (FindingWord.STUCK, RunOverdue(at(-90_000), None)),
    (FindingWord.STUCK, RunHangs("Dequeued")),
    (FindingWord.STUCK, ApprovalWaits(at(-700), (Raw("approval"),), "waitpoint_a")),
)
SUBJECT = FindingSubject(SubjectKind.TASK, "key", Raw("charge"))
VERDICT = Verdict(
    at(1),
    tuple(
        Finding(word, SUBJECT, at(-5), evidence, "task:charge", TaskId("charge"), RunId("run_a"))
        for word, evidence in EVIDENCE
    ),
    heard_at=at(0),
    is_known=True,
    refused=((FactSource.SCHEDULES, Raw("403 Unauthorized")),),
    unread=(SourceUnread(FactSource.QUEUES, Raw("429"), at(-200)), SourceUnread(FactSource.RUNS)),
    is_of_listed=True,
    own_since=at(-500),
)
FACTS_OF_WALL: tuple[FactRead, ...] = (
    MinutesRead(
        at(0),
        at(-3600),
        timedelta(minutes=1),
        (
            TaskMinute(TaskId("charge"), at(-3600), 1, 2, 3, 4, 5, 6),
            TaskMinute(TaskId("sync"), at(-60), ended=7),
            TaskMinute(TaskId("charge"), at(0)),
        ),
        (TaskSpeed(TaskId("charge"), timedelta(milliseconds=1500), 9), TaskSpeed(TaskId("sync"), None, 0)),
        is_cut=True,
    ),
    NormalsRead(at(0), at(-60), (TaskNormal(TaskId("charge"), 20, 1, timedelta(seconds=1), 7),), 10, 2, True, at(-9)),
    QueuesRead(
        at(0),
        (Queue("queue_a", Raw("sync"), True, 1, 2, 3, is_paused=True, is_v2=True, is_limit_paused=True),),
        True,
        (ConcurrencyLimit(Raw("payments"), 5, 3, 5, is_paused=True),),
    ),
    WaitsRead(
        at(0),
        (
            QueueWait(
                "task/sync",
                2,
                at(-9),
                RunId("run_a"),
                1.0,
                2.0,
                at(-3),
                at(-4),
                (PlaceHolder(TaskId("sync"), 20, at(-99)),),
            ),
        ),
    ),
    SchedulesRead(
        at(0),
        (Schedule("sched_a", TaskId("sync"), Raw("0 3 * * *"), Raw("Europe/Berlin"), True, at(9), at(10), True),),
        is_cut=True,
    ),
    TokensRead(
        at(0),
        (WaitToken("waitpoint_a", at(-9), (Raw("approval"),), at(99), RunId("run_a"), TaskId("sync"), True),),
        is_cut=True,
    ),
    DeploymentsRead(at(0), (Deployment(Raw("20261126.3"), at(-9), Raw("ada"), Raw("abc")),)),
    ErrorGroupsRead(
        at(0),
        (
            ServerErrorGroup(
                ErrorGroupId("error_a"),
                TaskId("sync"),
                Raw("boom"),
                Raw("Error"),
                "abc",
                ServerGroupStatus.IGNORED,
                7,
                at(-9),
                at(-8),
                at(-7),
                at(99),
            ),
        ),
        is_cut=True,
    ),
    ScheduleRunsRead(at(0), "sched_a", at(-60), RunId("run_a")),
    FactUnread(at(0), FactSource.ERRORS, Raw("403"), is_refused=True),
    FactUnread(at(0), FactSource.QUEUES, Raw("500"), is_refused=False, since=at(-9)),
)
FINDINGS: tuple[RelayFindings, ...] = (
    RelayFindings(at(2), VERDICT),
    *(message_of(at(2), fact) for fact in FACTS_OF_WALL),
)
RELAY_MESSAGES: tuple[RelayMessage, ...] = (
    Welcome(VERSION, "trigger-tui/1", at(0), 5.0),
    Runs(at(0), (PATCH,), (RunGone(RunId("run_e"), at(1)),), Chunk(3, is_last=True)),
    FACTS,
    *FINDINGS,
    Beat(at(0) + timedelta(microseconds=1)),
    CallResponse(7, 404, at(3), "application/json", '{"error": "ü"}'),
)
SCREEN_MESSAGES: tuple[ScreenMessage, ...] = (
    Hello(VERSION, "trigger-tui/1"),
    Call(1, RunRequest(RunId("run_a"))),
    Call(2, RunRequest(RunId("run_a"), "trace")),
    Call(3, RunRequest(RunId("run_a"), "events")),
    Call(4, SpanRequest(RunId("run_a"), SpanId("span"))),
    Call(6, ErrorGroupsRequest("1h", Cursor("abc="))),
    Call(7, ErrorGroupRequest(ErrorGroupId("error_a"))),
    Watch(is_watching=True),
    Call(8, QueueMetricsRequest("sync", is_task=True, period="1h")),
    Call(9, QueueRequest("sync", is_task=True)),
    Call(10, ListRequest("/api/v1/deployments", (("page[size]", "100"),), has_own_limit=True)),
    *(Call(11 + number, query) for number, query in enumerate(QUERIES)),
)


def encoded(message: RelayMessage | ScreenMessage) -> bytes:
    match message:
        case Runs():
            return encode_runs(message.at, map(encode_patch, message.patches), message.gone, message.chunk)
        case Hello() | Call() | Watch():
            return encode_screen_message(message)
        case _:
            return encode_relay_message(message)


if __name__ == "__main__":
    PATH.write_bytes(b"".join(encoded(message) + b"\n" for message in (*RELAY_MESSAGES, *SCREEN_MESSAGES)))
