"""`trace` against the recordings and against traces that no recording has, as a script and as a person reads it."""

from collections import Counter
from typing import Any

import pytest

from tests.support.commands import in_this_process
from tests.support.recording_server import RecordingsApi, Reply
from tests.support.recordings import recording

FAILED = "run_cmwuqwphl00009f7de45f6e3t"
KEYS = {"spanId", "parentId", "runId", "message", "startTime", "durationMs", "isError", "isPartial", "level", "depth"}


def run_of(number: str) -> str:
    return str(recording(number)["request"]["path"].split("/")[4])


def answered(node: dict[str, Any], depth: int = 0) -> list[tuple[str, int]]:
    """Return the spans of a response with their depths, in order."""
    return [(node["id"], depth), *(found for child in node["children"] for found in answered(child, depth + 1))]


def trace_with(*children: dict[str, Any], is_truncated: bool = False, **data: Any) -> Reply:
    root = {"id": "root", "runId": FAILED, "data": span_data("task", **data), "children": list(children)}
    return Reply(200, {"trace": {"traceId": "t", "rootSpan": root, "isTruncated": is_truncated}})


def span_data(message: str, **data: Any) -> dict[str, Any]:
    return {"message": message, "duration": 10**9, "startTime": "2026-11-24T13:43:46.188Z", "level": "TRACE"} | data


@pytest.mark.parametrize("number", ["220", "233", "234", "236", "241", "247", "251"])
def test_json_has_each_answered_span_once(recordings_api: RecordingsApi, number: str) -> None:
    run_id = run_of(number)
    recordings_api.answer(number, path=f"/api/v1/runs/{run_id}/trace")
    done = in_this_process("trace", run_id, "--json", url=recordings_api.url)
    assert (done.code, done.err) == (0, "")
    root = recording(number)["response"]["body"]["trace"]["rootSpan"]
    assert [(line["spanId"], line["depth"]) for line in done.objects] == answered(root)
    assert all(line.keys() == KEYS for line in done.objects)
    assert all(line["parentId"] for line in done.objects[1:])
    asked = Counter(request.path.rsplit("/", 1)[1] for request in recordings_api.requests)
    assert set(asked) <= {"trace", "whoami"}
    assert asked["trace"] == 1


def test_json_has_the_server_s_values(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("241", path=f"/api/v1/runs/{FAILED}/trace")
    lines = in_this_process("trace", FAILED, "--json", url=recordings_api.url).objects
    delay = next(line for line in lines if line["message"] == "Retry #1 delay")
    assert delay == {
        "spanId": delay["spanId"],
        "parentId": lines[0]["spanId"],
        "runId": FAILED,
        "message": "Retry #1 delay",
        "startTime": "2026-11-24T13:43:47.225Z",
        "durationMs": 946.000128,
        "isError": False,
        "isPartial": False,
        "level": "TRACE",
        "depth": 1,
    }
    assert lines[0]["parentId"] is None
    assert [line["level"] for line in lines].count("DEBUG") == 10


def test_cut_trace_is_reported_and_not_completed(recordings_api: RecordingsApi) -> None:
    spans = [{"id": f"s{number}", "data": span_data(f"line {number}"), "children": []} for number in range(4_989)]
    spans.append({"id": "s0", "data": {"startTime": "never"}})
    recordings_api.answer(trace_with(*spans, is_truncated=True), path=f"/api/v1/runs/{FAILED}/trace")
    done = in_this_process("trace", FAILED, "--json", url=recordings_api.url)
    assert done.code == 0
    assert done.err == "the trace is cut at 5,000 rows, 4,991 spans received; the rest is missing\n"
    assert len(done.objects) == 4_991
    assert not any("events" in request.path for request in recordings_api.requests)
    text = in_this_process("trace", FAILED, url=recordings_api.url).out
    assert "Trace cut at 5,000 rows, 4,991 spans received; the rest is not shown." in text.replace("\n", " ")


def test_text_shows_bars_and_the_longest_path(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("241", path=f"/api/v1/runs/{FAILED}/trace")
    done = in_this_process("trace", FAILED, url=recordings_api.url)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].split()[0] == "0s"
    assert lines[1].split()[:5] == ["▾", "✗", "fail-retry", "→", "6.4s"]
    assert lines[3].split()[:5] == ["├──", "retry", "delay", "→", "946ms"]
    assert "╌╌╌╌" in lines[3]
    assert "╺•━" in lines[2]
    assert max(map(len, lines)) <= 80


def test_run_without_a_trace_is_refused(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("215", path=f"/api/v1/runs/{FAILED}/trace")
    for options in ((), ("--json",)):
        done = in_this_process("trace", FAILED, *options, url=recordings_api.url)
        assert (done.code, done.out) == (1, "")
        assert "Trace not found" in done.err


def test_text_counts_what_has_no_row(recordings_api: RecordingsApi) -> None:
    recordings_api.answer("241", path=f"/api/v1/runs/{FAILED}/trace")
    text = in_this_process("trace", FAILED, url=recordings_api.url).out
    assert text.endswith("Not shown: 10 engine spans and 3 run() spans; --json prints them too.\n")
    engine = {"id": "e", "data": span_data("[engine] QUEUED", level="DEBUG"), "children": []}
    recordings_api.answer(trace_with(engine), path=f"/api/v1/runs/{FAILED}/trace")
    text = in_this_process("trace", FAILED, url=recordings_api.url).out
    assert text.endswith("Not shown: 1 engine span; --json prints them too.\n")
