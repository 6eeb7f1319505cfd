import json
import math
from dataclasses import replace
from datetime import timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.present.samples import (
    CREATED,
    HOSTILE,
    RUN_ID,
    STAMP,
    attempt,
    failure,
    full,
    recorded_details,
    sample,
)
from tests.support.recordings import recording
from tui.domain.run import (
    Attempt,
    AttemptHistory,
    AttemptStatus,
    Body,
    Run,
    RunId,
    SpanId,
    TaskId,
    Wait,
    WaitKind,
    parse_status,
)
from tui.domain.text import Raw
from tui.domain.tree import RunTimes, RunTree, TreeNode
from tui.features.detail.words import Relatives
from tui.features.runs.printed import run_object, tree_objects
from tui.text.json import compact

SCHEMA = json.loads((Path(__file__).parents[2] / "RUN_SCHEMA.json").read_text())
DETAILS = recorded_details()
SAME_NAME = {"id", "taskIdentifier", "version", "createdAt", "updatedAt", "startedAt", "finishedAt", "isTest"} | {
    "payload", "output", "tags", "metadata", "costInCents", "baseCostInCents", "durationMs", "depth", "ttl",
    "delayedUntil", "expiredAt", "idempotencyKey", "region", "batchId", "triggerFunction", "attemptCount", "taskKind",
    "schedule", "payloadPresignedUrl", "outputPresignedUrl",
}  # fmt: skip
FLAGS = {"isQueued", "isExecuting", "isCompleted", "isFailed", "isSuccess", "isCancelled", "isWaiting"}


@cache
def validator() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)


def printed(run: Run, **relatives: Any) -> dict[str, Any]:
    """Return the object as a script reads it, and check it against the schema."""
    text = compact(run_object(run, around=Relatives(**relatives)))
    assert text.isascii()
    found: dict[str, Any] = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    validator().validate(found)
    return found


def nulls(value: Any) -> list[str]:
    return [key for key, item in value.items() if item is None]


@pytest.mark.parametrize(("name", "run", "related"), DETAILS, ids=[name for name, _, _ in DETAILS])
def test_recorded_run_is_printed_with_every_field(name: str, run: Run, related: list[Run]) -> None:
    wire = recording(name)["response"]["body"]
    by_id = {known.id: known for known in related}
    children = [known for known in related if known.fixed.parent_id == run.id]
    found = printed(
        run,
        root=by_id.get(run.fixed.root_id or RunId("")),
        parent=by_id.get(run.fixed.parent_id or RunId("")),
        children=children,
    )
    for key in SAME_NAME & set(wire):
        assert found[key] == wire[key], key
    assert found.get("serverStatus", found["apiStatus"]) == wire["status"]
    related_wire = wire["relatedRuns"]
    assert [child["id"] for child in found["relatedRuns"]["children"]] == [
        child["id"] for child in related_wire["children"]
    ]
    for key in ("root", "parent"):
        assert (key in found["relatedRuns"]) == (key in related_wire)
        if key in related_wire:
            assert found["relatedRuns"][key]["id"] == related_wire[key]["id"]
            assert found["relatedRuns"][key]["taskIdentifier"] == related_wire[key]["taskIdentifier"]
            reference = found["relatedRuns"][key]
            assert reference.get("serverStatus", reference["apiStatus"]) == related_wire[key]["status"]
    if "error" in wire:
        assert found["error"]["message"] == wire["error"]["message"]
        assert found["error"].get("stack") == wire["error"].get("stackTrace")
    assert set(wire) <= SAME_NAME | FLAGS | {"status", "relatedRuns", "error", "attempts"}
    assert set(nulls(found)) <= {"payload", "output"}


def test_recordings_exist() -> None:
    assert len(DETAILS) > 40


def test_every_field_of_the_schema_is_printed() -> None:
    run = full()
    found = printed(run, root=sample(), parent=sample("EXECUTING", attempt_count=2), children=[sample("DEQUEUED")])
    assert set(found) >= set(SCHEMA["properties"])
    assert set(found["attempts"][0]) >= set(SCHEMA["definitions"]["RunAttempt"]["properties"])
    assert set(found["attempts"][0]["error"]) == {"name", "message", "stack", "code", "causes"}
    assert found["attempts"][0]["error"]["causes"][0]["name"] == "TypeError"
    assert found["relatedRuns"]["parent"] == {
        "id": RUN_ID,
        "taskIdentifier": "charge-card",
        "status": "REATTEMPTING",
        "apiStatus": "EXECUTING",
    }
    assert found["relatedRuns"]["children"][0]["apiStatus"] == "DEQUEUED"


def test_guaranteed_keys_keep_their_names_and_units() -> None:
    found = printed(full())
    promised = {
        "status": "COMPLETED_WITH_ERRORS",
        "apiStatus": "FAILED",
        "costInCents": 0.02,
        "baseCostInCents": 0.0025,
        "durationMs": 1258,
        "depth": 2,
        "ttl": "10m",
        "delayedUntil": "2026-11-24T13:48:37.220Z",
        "expiredAt": "2026-11-24T13:48:44.604Z",
        "idempotencyKey": "idem-1",
        "region": "eu-central-1",
        "batchId": "batch_1",
        "triggerFunction": "triggerAndWait",
        "attemptCount": 2,
        "nextAttemptAt": "2026-11-24T13:49:12.500Z",
        "env": "prod",
        "taskKind": "STANDARD",
        "schedule": {"id": "sched_1"},
        "queue": "task/charge",
        "machine": "small-1x",
    }
    assert {key: found[key] for key in promised} == promised
    assert found["attempts"][0]["number"] == 1
    assert found["attempts"][0]["retryDelayMs"] == 946


WORDS = [
    # The word of the source, and the word of REST (tests/wire/recordings/README.md §2).
    *((word, word) for word in ("DELAYED", "QUEUED", "PENDING_VERSION", "DEQUEUED", "EXECUTING", "WAITING", "EXPIRED")),
    *((word, word) for word in ("COMPLETED", "FAILED", "CANCELED", "CRASHED", "SYSTEM_FAILURE", "TIMED_OUT")),
    ("PENDING", "QUEUED"), ("WAITING_FOR_DEPLOY", "PENDING_VERSION"), ("RETRYING_AFTER_FAILURE", "EXECUTING"),
    ("WAITING_TO_RESUME", "WAITING"), ("PAUSED", "WAITING"), ("FROZEN", "WAITING"), ("REATTEMPTING", "EXECUTING"),
    ("COMPLETED_SUCCESSFULLY", "COMPLETED"), ("COMPLETED_WITH_ERRORS", "FAILED"), ("INTERRUPTED", "FAILED"),
    ("Delayed", "DELAYED"), ("Queued", "QUEUED"), ("Pending version", "PENDING_VERSION"), ("Dequeued", "DEQUEUED"),
    ("Executing", "EXECUTING"), ("Waiting", "WAITING"), ("Completed", "COMPLETED"), ("Failed", "FAILED"),
    ("Canceled", "CANCELED"), ("Crashed", "CRASHED"), ("System failure", "SYSTEM_FAILURE"), ("Expired", "EXPIRED"),
    ("Timed out", "TIMED_OUT"), ("QUANTUM", "QUANTUM"), ("Quantum leap", "Quantum leap"),
]  # fmt: skip


@pytest.mark.parametrize(("came", "expected"), WORDS)
def test_status_has_one_word_from_any_source(came: str, expected: str) -> None:
    run = sample(came)
    node = TreeNode(RunId("run_deep"), 1, TaskId("deep"), parse_status(came), None)
    root = TreeNode(RUN_ID, 0, TaskId("root"), None, run, (node,))
    deep = list(tree_objects(RunTree(root, RUN_ID)))[1]
    for found in (printed(run), printed(sample(), root=run)["relatedRuns"]["root"], deep):
        assert found["apiStatus"] == expected
        assert found.get("serverStatus") == (None if came == expected else came)


def test_unknown_value_is_an_absent_key() -> None:
    assert printed(Run(RUN_ID)) == {"id": RUN_ID, "status": "QUEUED", "taskIdentifier": ""}
    assert "isTraceGone" not in printed(full())


def test_unknown_relative_is_printed_by_its_id() -> None:
    assert printed(full())["relatedRuns"] == {"root": {"id": "run_root"}, "parent": {"id": "run_parent"}}


def test_children_are_printed_once_read_even_if_empty() -> None:
    assert "relatedRuns" not in printed(sample())
    assert printed(sample(), children=[])["relatedRuns"] == {"children": []}


def test_null_is_a_payload_and_no_payload_is_no_key() -> None:
    assert printed(replace(sample(), body=(STAMP, Body(None, None))))["payload"] is None
    assert "output" not in printed(replace(sample(), body=(STAMP, Body(None))))


def test_large_bodies_are_printed_by_their_urls() -> None:
    found = printed(replace(sample(), body=(STAMP, Body(payload_url="https://a/1?sig=2", output_url="https://b"))))
    assert (found["payloadPresignedUrl"], found["outputPresignedUrl"]) == ("https://a/1?sig=2", "https://b")
    assert "payload" not in found


def test_run_without_metadata_has_no_key_for_it() -> None:
    assert "metadata" not in printed(replace(sample(), metadata=(STAMP, {})))


def test_attempt_without_span_or_end_lacks_those_keys() -> None:
    open_one = Attempt(3, AttemptStatus.EXECUTING, started_at=CREATED)
    run = replace(sample(), attempts=(STAMP, AttemptHistory((attempt(1, error=failure(1)), open_one))))
    assert printed(run)["attempts"][1] == {
        "number": 3,
        "status": "EXECUTING",
        "startedAt": "2026-11-24T13:48:37.210Z",
    }
    assert printed(replace(sample(), attempts=(STAMP, AttemptHistory())))["attempts"] == []


def test_lost_trace_is_printed() -> None:
    run = replace(sample(), attempts=(STAMP, AttemptHistory((attempt(3),), is_trace_gone=True)))
    assert printed(run)["isTraceGone"] is True


def test_attempts_say_whether_they_are_complete() -> None:
    def of(*attempts: Attempt, **more: Any) -> dict[str, Any]:
        return printed(replace(sample(), attempts=(STAMP, AttemptHistory(attempts, **more))))

    assert "attemptsComplete" not in printed(sample())
    assert of()["attemptsComplete"] is True
    assert of(attempt(1), attempt(2))["attemptsComplete"] is True
    cut = of(attempt(1), missing="the trace was cut at 5,000 rows and the events at 25,000")
    assert cut["attemptsComplete"] is False
    assert cut["attemptsMissing"] == "the trace was cut at 5,000 rows and the events at 25,000"
    assert of(attempt(2))["attemptsComplete"] is False
    assert of(attempt(1), Attempt(2, AttemptStatus.FAILED))["attemptsComplete"] is False
    assert of(attempt(1), is_trace_gone=True)["attemptsComplete"] is False


def test_live_run_says_what_it_waits_for() -> None:
    wait = Wait(WaitKind.TOKEN, CREATED, SpanId("s"), Raw("waitpoint_1"))
    history = AttemptHistory((attempt(1, status=AttemptStatus.EXECUTING),), wait=wait)
    run = replace(sample("EXECUTING"), attempts=(STAMP, history))
    assert printed(run)["waitsFor"] == {
        "kind": "token",
        "since": "2026-11-24T13:48:37.210Z",
        "about": "waitpoint_1",
    }
    runs = replace(wait, kind=WaitKind.RUNS, subject=None, runs=(RunId("run_1"),), task=TaskId("child"))
    related_wire = printed(replace(run, attempts=(STAMP, replace(history, wait=runs))))["waitsFor"]
    assert (related_wire["about"], related_wire["runs"]) == ("child", ["run_1"])
    assert "waitsFor" not in printed(replace(sample("COMPLETED"), attempts=(STAMP, history)))


def test_hostile_text_is_printed_raw_as_ascii() -> None:
    found = printed(full(HOSTILE))
    assert found["tags"][0] == f"billing{HOSTILE}"
    assert found["payload"] == {f"order{HOSTILE}": f"ord_1001{HOSTILE}"}
    assert found["attempts"][0]["error"]["causes"][0]["message"] == f"fetch failed{HOSTILE}"


@given(st.recursive(st.none() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=5))
def test_any_payload_is_printed_as_valid_json(payload: Any) -> None:
    found = printed(replace(sample(), body=(STAMP, Body({"value": payload}))))
    if isinstance(payload, float) and not math.isfinite(payload):
        assert found["payload"]["value"] in {"NaN", "Infinity", "-Infinity"}


def test_dates_are_in_utc_with_milliseconds() -> None:
    run = sample()
    far = CREATED.astimezone(timezone(timedelta(hours=9)))
    assert printed(replace(run, created_at=far))["createdAt"] == "2026-11-24T13:48:37.210Z"


def test_tree_is_printed_run_by_run_with_parents_first() -> None:
    known = sample("FAILED", run_id="run_leaf", task="leaf")
    leaf = TreeNode(RunId("run_leaf"), 1, TaskId("leaf"), None, known)
    other = TreeNode(RunId("run_other"), 1, None, parse_status("PENDING"), Run(RunId("run_other")))
    root = TreeNode(RunId("run_root"), 0, TaskId("root"), None, None, (leaf, other))
    related_wire = list(tree_objects(RunTree(root, RunId("run_leaf"))))
    above = {
        "root": {"id": "run_root", "taskIdentifier": "root"},
        "parent": {"id": "run_root", "taskIdentifier": "root"},
    }
    assert related_wire[0] == {"id": "run_root", "taskIdentifier": "root", "depth": 0}
    assert related_wire[1] == run_object(known) | {"depth": 1, "relatedRuns": above}
    status = {"status": "QUEUED", "apiStatus": "QUEUED", "serverStatus": "PENDING"}
    assert related_wire[2] == {"id": "run_other", **status, "depth": 1, "relatedRuns": above}
    validator().validate(related_wire[1])


def test_tree_prints_the_times_of_a_run_known_from_a_query() -> None:
    times = RunTimes(CREATED, CREATED + timedelta(seconds=1), CREATED + timedelta(seconds=5), timedelta(seconds=4))
    with_usage, of_trace = replace(times, compute=timedelta(milliseconds=250)), replace(times, duration=None)
    for given_times, duration_ms in ((times, 4000), (with_usage, 250), (of_trace, 4000)):
        leaf = TreeNode(RunId("run_leaf"), 1, TaskId("leaf"), parse_status("Completed"), None, times=given_times)
        root = TreeNode(RUN_ID, 0, TaskId("root"), None, sample(), (leaf,))
        found = list(tree_objects(RunTree(root, RUN_ID)))[1]
        validator().validate(found)
        assert found["createdAt"] == "2026-11-24T13:48:37.210Z"
        assert found["startedAt"] == "2026-11-24T13:48:38.210Z"
        assert found["finishedAt"] == "2026-11-24T13:48:42.210Z"
        assert found["durationMs"] == duration_ms
