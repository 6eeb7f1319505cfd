"""The object of a run that `--json` prints, against its schema and the recorded details."""

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

from tests.support.present.samples import CREATED, HOSTILE, RUN_ID, STAMP, attempt, full, recorded_details, sample
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

SCHEMA = json.loads((Path(__file__).parents[1] / "RUN_SCHEMA.json").read_text())
DETAILS = recorded_details()
FLAGS = {"isQueued", "isExecuting", "isCompleted", "isFailed", "isSuccess", "isCancelled", "isWaiting"}
OTHER_NAME = FLAGS | {"status", "relatedRuns", "error", "attempts"}


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


@pytest.mark.parametrize(("name", "run", "related"), DETAILS, ids=[name for name, _, _ in DETAILS])
def test_recorded_run_is_printed_with_every_field(name: str, run: Run, related: list[Run]) -> None:
    wire = recording(name)["response"]["body"]
    by_id: dict[str | None, Run] = {known.id: known for known in related}
    children = [known for known in related if known.fixed.parent_id == run.id]
    root, parent = by_id.get(run.fixed.root_id), by_id.get(run.fixed.parent_id)
    found = printed(run, root=root, parent=parent, children=children)
    same = set(wire) - OTHER_NAME
    assert {key: found[key] for key in same} == {key: wire[key] for key in same}
    relatives = found["relatedRuns"]
    pairs = [(found, wire), *zip(relatives["children"], wire["relatedRuns"]["children"], strict=True)]
    pairs += [(relatives[key], wire["relatedRuns"][key]) for key in ("root", "parent") if key in wire["relatedRuns"]]
    assert set(relatives) == set(wire["relatedRuns"])
    for ours, theirs in pairs:
        assert (ours["id"], ours["taskIdentifier"]) == (theirs["id"], theirs["taskIdentifier"])
        assert ours.get("serverStatus", ours["apiStatus"]) == theirs["status"]
    if "error" in wire:
        assert found["error"]["message"] == wire["error"]["message"]
        assert found["error"].get("stack") == wire["error"].get("stackTrace")
    assert {key for key, value in found.items() if value is None} <= {"payload", "output"}


def test_every_field_of_the_schema_is_printed_with_its_unit() -> None:
    assert len(DETAILS) > 40
    run = full()
    found = printed(run, root=sample(), parent=sample("EXECUTING", attempt_count=2), children=[sample("DEQUEUED")])
    assert set(found) >= set(SCHEMA["properties"])
    first = found["attempts"][0]
    assert set(first) >= set(SCHEMA["definitions"]["RunAttempt"]["properties"])
    assert set(first["error"]) == {"name", "message", "stack", "code", "causes"}
    assert [first["number"], first["retryDelayMs"], first["error"]["causes"][0]["name"]] == [1, 946, "TypeError"]
    named = {"id": RUN_ID, "taskIdentifier": "charge-card"}
    assert found["relatedRuns"] == {
        "root": named | {"status": "COMPLETED_SUCCESSFULLY", "apiStatus": "COMPLETED"},
        "parent": named | {"status": "REATTEMPTING", "apiStatus": "EXECUTING"},
        "children": [named | {"status": "EXECUTING", "apiStatus": "DEQUEUED"}],
    }
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
        "attemptCount": 2,
        "nextAttemptAt": "2026-11-24T13:49:12.500Z",
        "schedule": {"id": "sched_1"},
    }
    assert {key: found[key] for key in promised} == promised
    hostile = printed(full(HOSTILE))
    assert hostile["tags"][0] == f"billing{HOSTILE}"
    assert hostile["attempts"][0]["error"]["causes"][0]["message"] == f"fetch failed{HOSTILE}"
    far = CREATED.astimezone(timezone(timedelta(hours=9)))
    assert printed(replace(run, created_at=far))["createdAt"] == "2026-11-24T13:48:37.210Z"


# A word of a source, and the word of REST (tests/wire/recordings/README.md §2).
WORDS = {
    "PENDING": "QUEUED",
    "WAITING_FOR_DEPLOY": "PENDING_VERSION",
    "RETRYING_AFTER_FAILURE": "EXECUTING",
    "WAITING_TO_RESUME": "WAITING",
    "COMPLETED_WITH_ERRORS": "FAILED",
    "INTERRUPTED": "FAILED",
    "System failure": "SYSTEM_FAILURE",
    "Timed out": "TIMED_OUT",
    "QUANTUM": "QUANTUM",
    "Quantum leap": "Quantum leap",
}


@pytest.mark.parametrize(("came", "expected"), WORDS.items())
def test_status_has_one_word_from_any_source(came: str, expected: str) -> None:
    run = sample(came)
    node = TreeNode(RunId("run_deep"), 1, TaskId("deep"), parse_status(came), None)
    deep = list(tree_objects(RunTree(TreeNode(RUN_ID, 0, TaskId("root"), None, run, (node,)), RUN_ID)))[1]
    for found in (printed(run), printed(sample(), root=run)["relatedRuns"]["root"], deep):
        assert found["apiStatus"] == expected
        assert found.get("serverStatus") == (None if came == expected else came)


def tried(*attempts: Attempt, word: str = "COMPLETED", **history: Any) -> dict[str, Any]:
    return printed(replace(sample(word), attempts=(STAMP, AttemptHistory(attempts, **history))))


def with_body(**body: Any) -> dict[str, Any]:
    return printed(replace(sample(), body=(STAMP, Body(**body))))


def test_unknown_value_is_an_absent_key() -> None:
    assert printed(Run(RUN_ID)) == {"id": RUN_ID, "status": "QUEUED", "taskIdentifier": ""}
    assert printed(full())["relatedRuns"] == {"root": {"id": "run_root"}, "parent": {"id": "run_parent"}}
    assert printed(sample(), children=[])["relatedRuns"] == {"children": []}
    absent = {"isTraceGone", "relatedRuns", "attemptsComplete", "payload", "output", "metadata", "waitsFor"}
    assert not absent & set(printed(replace(sample(), metadata=(STAMP, {}))))
    assert with_body(payload=None)["payload"] is None
    urls = with_body(payload_url="https://a/1?sig=2", output_url="https://b")
    assert [urls["payloadPresignedUrl"], urls["outputPresignedUrl"]] == ["https://a/1?sig=2", "https://b"]
    assert not {"payload", "output"} & set(urls)
    open_one = tried(attempt(1), Attempt(3, AttemptStatus.EXECUTING, started_at=CREATED))["attempts"][1]
    assert open_one == {"number": 3, "status": "EXECUTING", "startedAt": "2026-11-24T13:48:37.210Z"}


def test_attempts_say_whether_they_are_complete_and_the_run_waits() -> None:
    cut = "the trace was cut at 5,000 rows"
    whole = [tried(), tried(attempt(1), attempt(2))]
    lacking = [tried(attempt(1), missing=cut), tried(attempt(2)), tried(attempt(1), Attempt(2, AttemptStatus.FAILED))]
    lacking.append(tried(attempt(1), is_trace_gone=True))
    assert [found["attemptsComplete"] for found in (*whole, *lacking)] == [True] * 2 + [False] * 4
    assert (lacking[0]["attemptsMissing"], lacking[3]["isTraceGone"]) == (cut, True)
    wait = Wait(WaitKind.TOKEN, CREATED, SpanId("s"), Raw("waitpoint_1"))
    found = tried(attempt(1, status=AttemptStatus.EXECUTING), word="EXECUTING", wait=wait)["waitsFor"]
    assert found == {"kind": "token", "since": "2026-11-24T13:48:37.210Z", "about": "waitpoint_1"}
    runs = replace(wait, kind=WaitKind.RUNS, subject=None, runs=(RunId("run_1"),), task=TaskId("child"))
    found = tried(attempt(1, status=AttemptStatus.EXECUTING), word="EXECUTING", wait=runs)["waitsFor"]
    assert (found["about"], found["runs"]) == ("child", ["run_1"])
    assert "waitsFor" not in tried(attempt(1), wait=wait)


@given(st.recursive(st.none() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=5))
def test_any_payload_is_printed_raw_as_ascii(payload: Any) -> None:
    found = with_body(payload={"value": payload})["payload"]["value"]
    if isinstance(payload, float) and not math.isfinite(payload):
        assert found in {"NaN", "Infinity", "-Infinity"}


def test_tree_is_printed_run_by_run_with_parents_first() -> None:
    known = sample("FAILED", run_id="run_leaf", task="leaf")
    leaf = TreeNode(RunId("run_leaf"), 1, TaskId("leaf"), None, known)
    other = TreeNode(RunId("run_other"), 1, None, parse_status("PENDING"), Run(RunId("run_other")))
    root = TreeNode(RunId("run_root"), 0, TaskId("root"), None, None, (leaf, other))
    found = list(tree_objects(RunTree(root, RunId("run_leaf"))))
    named = {"id": "run_root", "taskIdentifier": "root"}
    below = {"depth": 1, "relatedRuns": {"root": named, "parent": named}}
    assert found == [
        named | {"depth": 0},
        run_object(known) | below,
        {"id": "run_other", "status": "QUEUED", "apiStatus": "QUEUED", "serverStatus": "PENDING"} | below,
    ]
    validator().validate(found[1])
    times = RunTimes(CREATED, CREATED, CREATED + timedelta(seconds=4))
    for each, duration_ms in ((times, 4000), (replace(times, compute=timedelta(milliseconds=250)), 250)):
        timed = TreeNode(RunId("run_leaf"), 1, TaskId("leaf"), parse_status("Completed"), None, times=each)
        found = list(tree_objects(RunTree(replace(root, children=(timed,)), RUN_ID)))
        assert [found[1][key] for key in ("finishedAt", "durationMs")] == ["2026-11-24T13:48:41.210Z", duration_ms]
