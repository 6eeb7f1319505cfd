"""A sample of every message of the protocol, with every field set: `python -m tests.wire.relay.samples` encodes them.

`messages-v5.jsonl` has them as version 5 of the protocol encodes them. Peers of the same version may be of any age, so
the current program must decode the file for as long as the version stays. A renamed or removed field breaks that: raise
`VERSION` then, and write the new file. A new field does not.
"""

from datetime import timedelta
from pathlib import Path

from tests.support.domain.patches import at, state_of
from tui.domain.environment import Capability, Environment
from tui.domain.errors.error import RunError
from tui.domain.ids import BatchId, Cursor, ErrorGroupId, RunId, SpanId, TaskId
from tui.domain.run import Fixed, Precision, Stamp
from tui.domain.status import RunStatus
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
from tui.wire.read_requests import (
    ErrorGroupRequest,
    ErrorGroupsRequest,
    EventsRequest,
    QueryRequest,
    QueueMetricsRequest,
    RunRequest,
    SpanRequest,
    TraceRequest,
)
from tui.wire.relay.messages import (
    VERSION,
    Beat,
    Call,
    CallResponse,
    Chunk,
    Hello,
    RelayFacts,
    RelayMessage,
    Runs,
    ScreenMessage,
    Welcome,
    encode_patch,
    encode_relay_message,
    encode_runs,
    encode_screen_message,
)

PATH = Path(__file__).with_name(f"messages-v{VERSION}.jsonl")

FACTS = RelayFacts(
    at(9),
    EnvironmentRead(Environment(Raw("dev"), "DEVELOPMENT", Raw("shop"), Raw("acme \ud800")), at(1)),
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
        created_at=at(0),
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
)
RELAY_MESSAGES: tuple[RelayMessage, ...] = (
    Welcome(VERSION, "trigger-tui/1", at(0), 5.0),
    Runs(at(0), (PATCH,), (RunGone(RunId("run_e"), at(1)),), Chunk(3, is_last=True)),
    FACTS,
    Beat(at(0) + timedelta(microseconds=1)),
    CallResponse(7, 404, at(3), "application/json", '{"error": "ü"}'),
)
SCREEN_MESSAGES: tuple[ScreenMessage, ...] = (
    Hello(VERSION, "trigger-tui/1"),
    Call(1, RunRequest(RunId("run_a"))),
    Call(2, TraceRequest(RunId("run_a"))),
    Call(3, EventsRequest(RunId("run_a"))),
    Call(4, SpanRequest(RunId("run_a"), SpanId("span"))),
    Call(5, QueryRequest("SELECT 1", "1d")),
    Call(6, ErrorGroupsRequest("1h", Cursor("abc="))),
    Call(7, ErrorGroupRequest(ErrorGroupId("error_a"))),
    Call(8, QueueMetricsRequest("sync", is_task=True, period="1h")),
)


def encoded(message: RelayMessage | ScreenMessage) -> bytes:
    match message:
        case Runs():
            return encode_runs(message.at, map(encode_patch, message.patches), message.gone, message.chunk)
        case Hello() | Call():
            return encode_screen_message(message)
        case _:
            return encode_relay_message(message)


if __name__ == "__main__":
    PATH.write_bytes(b"".join(encoded(message) + b"\n" for message in (*RELAY_MESSAGES, *SCREEN_MESSAGES)))
