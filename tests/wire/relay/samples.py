"""A sample of every message of the protocol, with every field set: `python -m tests.wire.relay.samples` encodes them.

`messages-v9.jsonl` has them as version 9 of the protocol encodes them. Peers of the same version may be of any age, so
the current program must decode the file for as long as the version stays. A renamed field, or a removed one that peers
need, breaks that: raise `VERSION` then, and write the new file. A new field does not.
"""

from datetime import timedelta
from pathlib import Path

from tests.support.domain.patches import at, state_of
from tests.support.wire.queries import QUERIES
from tui.api import relay
from tui.api.facts import ERROR_GROUP, ERROR_GROUPS, QUEUE, QUEUE_METRICS
from tui.api.lists import EVENTS, RUN, SPAN, TRACE, GetRequest
from tui.domain import facts, finding, update
from tui.domain.error import RunError
from tui.domain.run import (
    BatchId,
    Capability,
    Environment,
    ErrorGroupId,
    Fixed,
    Precision,
    RunId,
    RunStatus,
    Stamp,
    TaskId,
)
from tui.domain.text import Raw

PATH = Path(__file__).with_name(f"messages-v{relay.VERSION}.jsonl")

FACTS = relay.RelayFacts(
    at(9),
    update.EnvironmentRead(
        Environment(Raw("dev"), "DEVELOPMENT", Raw("shop"), Raw("acme \ud800"), is_paused=True, resumed_at=at(-9)),
        at(1),
    ),
    update.CountsRead({RunStatus.EXECUTING: 3, RunStatus.CRASHED: 0}, at(2), 24),
    (
        update.SourceConnected("realtime", at(3), 20.0),
        update.SourceRetrying("rest", at(4), at(5), 3, "503 \x1b[31m", is_answered=True, status=503),
        update.SourceStopped("run", at(6), "401", 401),
    ),
    {Capability.QUERY: "401: no"},
    update.CaughtUp("relay", at(7)),
    update.Reconciled(at(8), 100, 1),
    update.HistoryRead(at(-9), 500, is_complete=True, is_cut=True),
    update.WindowRead(at(-1), timedelta(days=1), is_live_complete=True, is_older_cut=True, is_filtered=True),
)
PATCH = update.RunPatch(
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
EVIDENCE: tuple[tuple[finding.FindingWord, finding.Evidence], ...] = (
    (finding.FindingWord.FAILING, finding.TaskFails(131, 264, Raw("20261126.3"), 0.01)),
    (
        finding.FindingWord.SLOW,
        finding.QueueWaits(301, at(-9), 20, 20, True, (facts.PlaceHolder(TaskId("sync"), 20, at(-99)),)),
    ),
    (
        finding.FindingWord.SLOW,
        finding.QueueWaits(8, at(-9), standstill=finding.Standstill(finding.StandstillReason.QUEUE_PAUSED, at(-90))),
    ),
    (finding.FindingWord.SLOW, finding.TaskSlow(timedelta(seconds=9), timedelta(seconds=3), 50)),
    (finding.FindingWord.MISSING, finding.ScheduleMissed(at(-60))),
    (finding.FindingWord.STUCK, finding.RunOverdue(at(-900), timedelta(seconds=8))),
    (finding.FindingWord.STUCK, finding.RunOverdue(at(-90_000), None)),
    (finding.FindingWord.STUCK, finding.RunHangs("Dequeued")),
    (finding.FindingWord.STUCK, finding.ApprovalWaits(at(-700), (Raw("approval"),), "waitpoint_a")),
)
SUBJECT = finding.FindingSubject(finding.SubjectKind.TASK, "key", Raw("charge"))
VERDICT = finding.Verdict(
    at(1),
    tuple(
        finding.Finding(word, SUBJECT, at(-5), evidence, "task:charge", TaskId("charge"), RunId("run_a"))
        for word, evidence in EVIDENCE
    ),
    heard_at=at(0),
    is_known=True,
    refused=((facts.FactSource.SCHEDULES, Raw("403 Unauthorized")),),
    unread=(
        finding.SourceUnread(facts.FactSource.QUEUES, Raw("429"), at(-200)),
        finding.SourceUnread(facts.FactSource.RUNS),
    ),
    is_of_listed=True,
    own_since=at(-500),
)
FACTS_OF_WALL: tuple[facts.FactRead, ...] = (
    facts.MinutesRead(
        at(0),
        at(-3600),
        timedelta(minutes=1),
        (
            facts.TaskMinute(TaskId("charge"), at(-3600), 1, 2, 3, 4, 5, 6),
            facts.TaskMinute(TaskId("sync"), at(-60), ended=7),
            facts.TaskMinute(TaskId("charge"), at(0)),
        ),
        (facts.TaskSpeed(TaskId("charge"), timedelta(milliseconds=1500), 9), facts.TaskSpeed(TaskId("sync"), None, 0)),
        is_cut=True,
    ),
    facts.NormalsRead(
        at(0), at(-60), (facts.TaskNormal(TaskId("charge"), 20, 1, timedelta(seconds=1), 7),), 10, 2, True, at(-9)
    ),
    facts.QueuesRead(
        at(0),
        (facts.Queue("queue_a", Raw("sync"), True, 1, 2, 3, is_paused=True, is_v2=True, is_limit_paused=True),),
        True,
        (facts.ConcurrencyLimit(Raw("payments"), 5, 3, 5, is_paused=True),),
    ),
    facts.WaitsRead(
        at(0),
        (
            facts.QueueWait(
                "task/sync",
                2,
                at(-9),
                RunId("run_a"),
                1.0,
                2.0,
                at(-3),
                at(-4),
                (facts.PlaceHolder(TaskId("sync"), 20, at(-99)),),
            ),
        ),
    ),
    facts.SchedulesRead(
        at(0),
        (facts.Schedule("sched_a", TaskId("sync"), Raw("0 3 * * *"), Raw("Europe/Berlin"), True, at(9), at(10)),),
        is_cut=True,
    ),
    facts.TokensRead(
        at(0),
        (facts.WaitToken("waitpoint_a", at(-9), (Raw("approval"),), at(99), RunId("run_a"), TaskId("sync"), True),),
        is_cut=True,
    ),
    facts.DeploymentsRead(at(0), (facts.Deployment(Raw("20261126.3"), at(-9), Raw("ada"), Raw("abc")),)),
    facts.ErrorGroupsRead(
        at(0),
        (
            facts.ServerErrorGroup(
                ErrorGroupId("error_a"),
                TaskId("sync"),
                Raw("boom"),
                Raw("Error"),
                "abc",
                facts.ServerGroupStatus.IGNORED,
                7,
                at(-9),
                at(-8),
                at(-7),
                at(99),
            ),
        ),
        is_cut=True,
    ),
    facts.ScheduleRunsRead(at(0), "sched_a", at(-60)),
    facts.FactUnread(at(0), facts.FactSource.ERRORS, Raw("403"), is_refused=True),
    facts.FactUnread(at(0), facts.FactSource.QUEUES, Raw("500"), is_refused=False, since=at(-9)),
)
FINDINGS: tuple[relay.RelayFindings, ...] = (
    relay.RelayFindings(at(2), VERDICT),
    *(relay.message_of(at(2), fact) for fact in FACTS_OF_WALL),
)
RELAY_MESSAGES: tuple[relay.RelayMessage, ...] = (
    relay.Welcome(relay.VERSION, "trigger-tui/1", at(0), 5.0),
    relay.Runs(at(0), (PATCH,), (update.RunGone(RunId("run_e"), at(1)),), relay.Chunk(3, is_last=True)),
    FACTS,
    *FINDINGS,
    relay.Beat(at(0) + timedelta(microseconds=1)),
    relay.CallResponse(7, 404, at(3), "application/json", '{"error": "ü"}'),
)
SCREEN_MESSAGES: tuple[relay.ScreenMessage, ...] = (
    relay.Hello(relay.VERSION, "trigger-tui/1"),
    relay.Call(1, RUN.request("run_a")),
    relay.Call(2, TRACE.request("run_a")),
    relay.Call(3, EVENTS.request("run_a")),
    relay.Call(4, SPAN.request("run_a", span="span")),
    relay.Call(6, ERROR_GROUPS.request("abc=", period="1h")),
    relay.Call(7, ERROR_GROUP.request("error_a")),
    relay.Watch(is_watching=True),
    relay.Call(8, QUEUE_METRICS.request("sync", type="task", period="1h")),
    relay.Call(9, QUEUE.request("sync", type="task")),
    relay.Call(10, GetRequest("/api/v1/deployments", (("page[size]", "100"),), has_own_limit=True)),
    *(relay.Call(11 + number, query) for number, query in enumerate(QUERIES)),
)


def encoded(message: relay.RelayMessage | relay.ScreenMessage) -> bytes:
    match message:
        case relay.Runs():
            return relay.encode_runs(message.at, map(relay.encode_patch, message.patches), message.gone, message.chunk)
        case relay.Hello() | relay.Call() | relay.Watch():
            return relay.encode_screen_message(message)
        case _:
            return relay.encode_relay_message(message)


if __name__ == "__main__":
    PATH.write_bytes(b"".join(encoded(message) + b"\n" for message in (*RELAY_MESSAGES, *SCREEN_MESSAGES)))
